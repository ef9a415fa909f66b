/* nnlua inside an application: buffers shared without a copy, scripts with limits, interpreters on threads, and Lua's own
 * allocations failing one after the other. Exit status 0 when all is as it should be. */
#include <lauxlib.h>
#include <lualib.h>
#include <nnlua.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures;

static void expect(bool ok, const char *what, const char *detail) {
  if (ok) return;
  failures++;
  printf("FAILED %s: %s\n", what, detail ? detail : "");
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Runs text; NULL, or what it raised (alive until the stack is cleared). */
static const char *run(lua_State *L, const char *text) {
  lua_settop(L, 0);
  return nnlua_run(L, "=script", text, strlen(text)) ? NULL : lua_tostring(L, -1);
}

/* Buffers */

static void count(void *user) { ++*(int *)user; }

static void test_shared_buffers(void) {
  float data[4] = {1, 2, 3, 4};
  int released = 0;
  lua_State *L = nnlua_open(NULL);
  nnlua_wrap(L, NN_FLOAT32, NN_SHAPE(2, 2), data, count, &released);
  lua_setglobal(L, "x");
  expect(!run(L, "x:mul_(2) y = x[2]"), "a script changes the application's buffer", lua_tostring(L, -1));
  expect(data[3] == 8, "the change is seen", NULL);
  lua_getglobal(L, "y");
  const nn_tensor *y = nnlua_to_tensor(L, -1);
  expect(y && y->numel == 2 && ((float *)y->data)[0] == 6, "a tensor comes back", NULL);
  expect(!run(L, "x = nil y = nil"), "letting go", NULL);
  lua_gc(L, LUA_GCCOLLECT);
  expect(released == 1, "release is called once", NULL);
  nn_context *previous = nn_context_use(nnlua_context(L));
  const size_t mark = nn_scope_open();
  nnlua_push_tensor(L, nn_ones(NN_FLOAT64, NN_SHAPE(3)));
  nn_scope_close(mark);
  nn_context_use(previous);
  lua_setglobal(L, "z");
  expect(!run(L, "assert(z:sum():item() == 3)"), "a tensor made in C", lua_tostring(L, -1));
  nnlua_close(L);
}

/* Scripts that mean no good: each must end with an error within half a second of its limit. */

static const char *const hostile[] = {
  "while true do end", "while true do pcall(function() while true do end end) end",
  "local t = {} while true do t[#t + 1] = ('x'):rep(1000) end", "while true do pcall(string.rep, 'x', 1e8) end",
  "local s = 'x' while true do s = s .. s end", "string.rep('', 1e18)", "table.move({}, 1, 1e18, 2)",
  "local t = {} while true do table.move(t, 1, 4e6, 2) end", "nn.set_threads(1)", "table.move({}, 1, 9e7, 2)",
  "local t = {} for i = 1, 4e5 do t[i] = i % 1000 end while true do table.sort(t) end",
  "local t = {} for i = 1, 4e5 do t[i] = i * 7919 % 100003 end while true do pcall(table.sort, t, math.ult) end",
  "table.insert(setmetatable({}, {__len = function() return 1 << 62 end}), 1, 2)",
  "setmetatable({}, {__gc = function() while true do end end})",
  "while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end",
  "local c = coroutine.create(function() while true do pcall(coroutine.yield) end end) while true do coroutine.resume(c) end",
  "local t = {} while true do t[#t + 1] = nn.zeros(100000) end", "while true do pcall(nn.zeros, 1e9) end",
  "local a = nn.zeros(500, 500) while true do a = a:matmul(a) end",
  "local x = nn.tensor({1}, {requires_grad = true}) while true do x = x * 2 end",
  "nn.zeros(1):expand(1000000000000):sum()", "io.open('x')", "os.exit(0)", "require 'io'", "load('x')",
  "nn.datasets.mnist()", "local a <close> = setmetatable({}, {__close = function() while true do end end})",
  "local function f() return f() + 1 end f()", "table.sort({3, 2, 1, 4}, function() while true do end end)",
  "nn.custom{forward = function(x) while true do end end, vjp = print}(nn.zeros(1))",
  "nn.no_grad(function() while true do end end)", "nn.scope(function() while true do nn.zeros(1) end end)",
  "string.find(('a'):rep(10000), ('.-'):rep(20) .. 'b')", "string.gsub(('a'):rep(100000), '.-b', '')",
  "while true do pcall(string.find, ('a'):rep(10000), ('.-'):rep(20) .. 'b') end", "error({})",
};

static void test_hostile_scripts(void) {
  const nnlua_options limits = {.memory_limit = 64 << 20, .seconds = 0.2};
  for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
    lua_State *L = nnlua_open(&limits);
    const double start = now();
    expect(run(L, hostile[i]) != NULL, "a hostile script must fail", hostile[i]);
    expect(!run(L, "assert(nn.ones(2):sum():item() == 2)"), "the next script runs", hostile[i]);
    nnlua_close(L);
    expect(now() - start < 0.7, "it ends in time", hostile[i]);
  }
  lua_State *free = nnlua_open(&limits);
  expect(!run(free, "local t = {3, 1, 2} table.sort(t) table.insert(t, 5e9) t = table.move(t, 1, 4, 2)"
              " table.sort(t, function(a, b) return a > b end) assert(table.concat(t, ' ', 3) == '2 1 1')"),
         "small loops are as ever", lua_tostring(free, -1));
  nnlua_close(free);
  const nnlua_options few = {.instructions = 100000};
  lua_State *L = nnlua_open(&few);
  expect(run(L, "for i = 1, 1e6 do end") != NULL, "a limit on instructions", NULL);
  nnlua_close(L);
}

/* Threads: the same seed gives the same bits in each. */

static void *train(void *loss) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "nn", luaopen_nn, 1);
  static const char script[] =
    "nn.seed(1) local m = nn.Sequential{nn.Dense(64, {activation = 'relu', input_shape = {20}}), nn.Dense(1)}"
    "m:compile{loss = 'mse'} return m:fit(nn.rand(512, 20), nn.rand(512, 1), {epochs = 2, verbose = 0}).loss[2]";
  *(double *)loss = luaL_dostring(L, script) ? -1 : lua_tonumber(L, -1);
  lua_close(L);
  return NULL;
}

static void test_threads(void) {
  enum { THREADS = 8 };
  pthread_t thread[THREADS];
  double loss[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, train, &loss[i]);
  for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < THREADS; i++) expect(loss[i] == loss[0] && loss[0] > 0, "the same training on each thread", NULL);
}

/* Lua's allocator refuses the n-th allocation and its retry: an error about memory, and nothing stays behind. */

typedef struct refusing { long fail_at, count; size_t live; } refusing;

static void *allocate(void *user, void *block, size_t old, size_t size) {
  refusing *r = user;
  if (!block) old = 0;
  if (!size) {
    free(block);
    r->live -= old;
    return NULL;
  }
  if (size > old && r->fail_at && (++r->count == r->fail_at || r->count == r->fail_at + 1)) return NULL;
  void *moved = realloc(block, size);
  if (moved) r->live += size - old;
  return moved;
}

static int work(lua_State *L) {
  static const char script[] =
    "local w = nn.tensor({{1, 2}, {3, 4}}, {requires_grad = true})\n"
    "local op = nn.custom{forward = function(x) return x * x end, vjp = function(g, y, x) return g * 2 * x end}\n"
    "local y = op(w):sum() y:backward{retain_graph = true} local g = nn.grad(y, {w})\n"
    "local s = nn.scope(function() return nn.cat({w, w}, 1):split(2) end)\n"
    "local t, text, bytes = w:totable(), tostring(w), w:tostring_bytes()\n"
    "local l = nn.Dense(2, {activation = function(x) return x:relu() end})(nn.ones(1, 2))\n"
    "w.grad = nil for _, row in pairs(w) do row:sum() end nn.no_grad(function() w:add_(1) end)\n";
  luaL_openlibs(L);
  luaL_requiref(L, "nn", luaopen_nn, 1);
  if (luaL_dostring(L, script)) return lua_error(L);
  return 0;
}

static void test_lua_allocations(void) {
  for (long n = 1;; n++) {
    refusing r = {0, 0, 0};
    lua_State *L = lua_newstate(allocate, &r);
    if (!L) continue;
    r.fail_at = n;
    lua_pushcfunction(L, work);
    const int status = lua_pcall(L, 0, 0, 0);
    const char *message = status ? lua_tostring(L, -1) : NULL;
    r.fail_at = 0;
    expect(!status || (message && strstr(message, "memory")), "a refused allocation", message);
    lua_close(L);
    expect(r.live == 0, "nothing stays behind", NULL);
    if (r.count < n) return;
  }
}

int main(void) {
  test_shared_buffers();
  test_hostile_scripts();
  test_threads();
  test_lua_allocations();
  printf("embed: %d failed\n", failures);
  return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
