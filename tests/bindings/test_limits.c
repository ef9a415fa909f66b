/* Interpreters with limits: a clear error at each, nothing caught in the script gives it more, the next run starts
 * afresh, and nothing is alive at the end. Sizes that overflow, in every function that makes or enlarges a tensor. */
#include "interpreters.h"

static lua_State *limited(size_t bytes, double seconds, long long instructions) {
  lua_State *L = nnlua_open(&(nnlua_options){.memory_limit = bytes, .seconds = seconds, .instructions = instructions});
  HOLDS_SO(L, "no interpreter");
  return L;
}

static bool run(lua_State *L, const char *text) {
  lua_settop(L, 0);
  return nnlua_run(L, "=script", text, strlen(text));
}

static void runs(lua_State *L, const char *text) { HOLDS_SO(run(L, text), "%s: %s", text, lua_tostring(L, -1)); }

static void stops(lua_State *L, const char *text, const char *wanted) {
  HOLDS_SO(!run(L, text), "no error: %s", text);
  const char *message = lua_tostring(L, -1);
  HOLDS_SO(message && strstr(message, wanted), "%s: the error is \"%s\", not \"%s\"", text, message, wanted);
}

/* The context is taken away first, as in interpreter_close. */
static void close_limited(lua_State *L, const char *after) {
  nnlua_state *s = nnlua_state_find(L);
  nn_context *context = s->context;
  s->context = NULL;
  nnlua_close(L);
  nn_context_use(context);
  nothing_live(after);
  nn_context_use(NULL);
  nn_context_free(context);
}

enum { MB = 1 << 20 };

START_TEST(tensors_count_against_the_memory_limit)
{
  lua_State *L = limited(32 * MB, 0, 0);
  stops(L, "x = nn.zeros(100000000)", "script:1: zeros: out of memory: 400000");
  stops(L, "x = nn.zeros(100000000)", "the limit is ");
  runs(L, "for i = 1, 100 do local y = nn.zeros(1000000) end");
  stops(L, "list = {} for i = 1, 100 do list[i] = nn.ones(1000000) end", "out of memory");
  runs(L, "assert(#list >= 5 and #list < 8) list = nil");
  runs(L, "local y = nn.zeros(4000000)");
  stops(L, "local w = nn.ones(1000, 1000, {requires_grad = true}) for i = 1, 100 do w = w:tanh() end", "out of memory");
  runs(L, "assert((nn.ones(2) + 1):sum():item() == 4)");
  close_limited(L, "a script with limits");
}
END_TEST

START_TEST(lua_counts_against_the_memory_limit)
{
  lua_State *L = limited(32 * MB, 0, 0);
  stops(L, "local t = {} for i = 1, 1e9 do t[i] = {i} end", "not enough memory");
  stops(L, "local s = ('x'):rep(1000) while true do s = s .. s end", "not enough memory");
  runs(L, "local y = nn.zeros(5000000)");
  stops(L, "local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {i} end end) end", "memory");
  stops(L, "local t = {nn.zeros(5000000)} for i = 2, 1e9 do t[i] = {i} end", "not enough memory");
  runs(L, "local y = nn.zeros(5000000)");
  runs(L, "for i = 1, 1000 do local y = nn.zeros(100000) local t = {} for k = 1, 1000 do t[k] = {} end end");
  close_limited(L, "a script with limits");
}
END_TEST

START_TEST(a_model_within_the_limit_trains)
{
  static const char text[] =
    "local x, y = nn.rand(256, 16), nn.rand(256, 1)\n"
    "local model = nn.Sequential{nn.Dense(32, {activation = 'relu', input_shape = {16}}), nn.Dense(1)}\n"
    "model:compile{optimizer = 'adam', loss = 'mse'}\n"
    "model:fit(x, y, {epochs = 20, verbose = 0, check = false})\n";
  lua_State *L = limited(16 * MB, 60, 0);
  for (int i = 0; i < 3; i++) runs(L, text);
  close_limited(L, "a script with limits");
}
END_TEST

START_TEST(time_and_instructions_end)
{
  static const char *const scripts[] = {
    "while true do end", "while true do pcall(function() while true do end end) end",
    "local x = nn.ones(500, 500) while true do x = x:matmul(x) * 1e-3 end",
    "while true do pcall(function() local x = nn.ones(500, 500) while true do x:matmul(x) end end) end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end",
    "local op op = nn.custom{forward = function(x) while true do end end, vjp = function() end} op(nn.ones(1))",
    "nn.scope(function() while true do pcall(nn.no_grad, function() while true do end end) end end)",
  };
  for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
    lua_State *L = limited(64 * MB, 0.1, 0);
    stops(L, scripts[i], "the script's time limit is reached");
    runs(L, "assert((nn.ones(2, {requires_grad = true}) * 2).requires_grad)");
    close_limited(L, scripts[i]);
  }
  lua_State *L = limited(0, 0, 100000);
  stops(L, "while true do end", "the script's instruction limit is reached");
  stops(L, "for i = 1, 1e9 do pcall(error) end", "the script's instruction limit is reached");
  /* a message handler runs where no hook can stop it */
  stops(L, "local function forever() while true do end end xpcall(forever, forever) while true do end",
        "the script's instruction limit is reached");
  stops(L, "xpcall(error, function() while true do end end) while true do end",
        "the script's instruction limit is reached");
  runs(L, "local ok, text = xpcall(error, function(e) return e .. '!' end, 'so') assert(not ok and text == 'so!')");
  runs(L, "local c = coroutine.wrap(function() return xpcall(coroutine.yield, print, 1) end) assert(c() == 1)");
  runs(L, "for i = 1, 1000 do end");
  close_limited(L, "a script with limits");
}
END_TEST

/* Each is an error of one line in an interpreter with a limit as in one without. All sizes are negative, overflow, or
 * are beyond the 16 TB that a block may have, so that no system tries to find them. */
static const char *const too_large[] = {
  "nn.zeros(1 << 62, 4)", "nn.zeros{1 << 32, 1 << 32}", "nn.ones(1 << 62)", "nn.full({1 << 61, 16}, 1)",
  "nn.empty(1 << 63)", "nn.rand(1 << 33, 1 << 33)", "nn.randn(1 << 62)", "nn.eye(1 << 23)", "nn.eye(1 << 62)",
  "nn.arange(1, 1e18)", "nn.arange(0, 1, 1e-300)", "nn.linspace(0, 1, 1 << 62)", "nn.randint(0, 1, {1 << 62})",
  "nn.randperm(1 << 62)", "nn.zeros(-1)", "nn.ones{2, -3}", "nn.rand(-5)", "nn.eye(-1)", "nn.linspace(0, 1, -2)",
  "nn.randperm(-1)", "nn.from_string('', 'float32', {1 << 62})", "nn.from_string('abcd', 'float32', {-1})",
  "nn.zeros({1 << 32, 1 << 32}, {dtype = 'uint8'})", "nn.zeros(1, 1, 1, 1, 1, 1, 1, 1, 1)", "x:expand(1 << 62, 2, 2)",
  "x:broadcast_to{1 << 40, 1 << 40, 2, 2}", "x:tile(1 << 62, 4)", "x:tile(1 << 40, 1 << 40)",
  "x:pad{{1 << 62, 1 << 62}}", "x:pad{{-1, 0}}", "x:reshape(1 << 62, -1)", "x:reshape(1 << 62, 4)",
  "x:reshape(1 << 63, 0)", "nn.one_hot(nn.tensor({0, 1}, {dtype = 'int64'}), 1 << 62)", "x:cumsum(1 << 40)",
  "x:sum(-(1 << 62))", "x:split(0)", "x:chunk(1 << 62, 3)", "x:chunk(0)", "x:topk(1 << 62)",
  "x:narrow(1, 1, 1 << 62)", "x:narrow(1, 1 << 62, 1)", "x:slice(1, -3, 2)", "x[1 << 62]", "x[{1 << 62, 1}]",
  "x:index_select(1, {1 << 62})", "x:select(1, -(1 << 63))",
  "nn.zeros(1 << 31, 0):broadcast_to{1 << 31, 1 << 31, 0}:tile(1 << 31, 1, 1):reshape(1 << 40, 1 << 40)",
  "x:narrow(1, 1, 1):expand(1 << 45, 2):matmul(x)", "nn.ones(1):expand(1 << 45):outer(nn.ones(1):expand(1 << 45))",
  "nn.ones(1, 1 << 20):expand(1 << 30, 1 << 20) * 1", "nn.ones(1):expand(1 << 45):clone()",
  "nn.ones(1):expand(1 << 45):to('float64')", "nn.cat({nn.ones(1):expand(1 << 61), nn.ones(1):expand(1 << 61)}, 1)",
  "nn.stack{nn.ones(1):expand(1 << 60), nn.ones(1):expand(1 << 60)}",
  "nn.einsum('i,j->ij', nn.ones(1):expand(1 << 45), x[1])",
};

static void each_too_large(lua_State *L, const char *text) {
  char chunk[256];
  snprintf(chunk, sizeof chunk, "local nn = nn or require 'nn' local x = nn.ones(2, 2) return %s", text);
  HOLDS_SO(luaL_loadstring(L, chunk) == LUA_OK, "%s", lua_tostring(L, -1));
  HOLDS_SO(lua_pcall(L, 0, 1, 0) != LUA_OK, "no error: %s", text);
  const char *message = lua_tostring(L, -1);
  HOLDS_SO(message && strstr(message, ": ") && !strchr(message, '\n'), "%s: the error is %s", text, message);
  HOLDS_SO(!strstr(message, "not enough memory"), "%s: only \"%s\"", text, message);
  lua_settop(L, 0);
}

START_TEST(sizes_that_overflow)
{
  heap h;
  lua_State *L = interpreter_open(&h, "tests/bindings/small_model.lua"), *confined = limited(64 * MB, 0, 0);
  for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++) {
    each_too_large(L, too_large[i]);
    each_too_large(confined, too_large[i]);
  }
  close_limited(confined, "sizes that overflow");
  interpreter_close(L, &h, "after sizes that overflow");
}
END_TEST

Suite *limits_suite(void);
Suite *limits_suite(void) {
  Suite *suite = suite_create("limits");
  TCase *tc = tcase_create("limits");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, tensors_count_against_the_memory_limit);
  tcase_add_test(tc, lua_counts_against_the_memory_limit);
  tcase_add_test(tc, a_model_within_the_limit_trains);
  tcase_add_test(tc, time_and_instructions_end);
  tcase_add_test(tc, sizes_that_overflow);
  suite_add_tcase(suite, tc);
  return suite;
}
