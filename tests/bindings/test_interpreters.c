/* Interpreters beside each other: on threads of their own, with results that are the same bits as alone; and a process
 * that forks after it has trained. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interpreters.h"

static const char program[] = "tests/bindings/small_model.lua", larger[] = "tests/bindings/larger_model.lua";

/* One interpreter's life: open, run, close. What it found is compared on the main thread, as Check wants it. */
typedef struct life {
  pthread_t thread;
  const char *program;
  int64_t seed;
  int runs;
  char error[512];
  lua_Number loss;
  size_t size;
  char *weights;                    /* bytes, of malloc's */
} life;

static void *live(void *user) {
  life *l = user;
  lua_State *L = luaL_newstate();
  bool ok = L && interpreter_fill(L, l->program);
  for (int i = 0; i < l->runs && ok; i++) ok = interpreter_run(L, l->seed);
  if (ok) {
    l->loss = lua_tonumber(L, 1);
    const char *weights = lua_tolstring(L, 2, &l->size);
    if ((l->weights = malloc(l->size))) memcpy(l->weights, weights, l->size);
  } else snprintf(l->error, sizeof l->error, "%s", L ? lua_tostring(L, -1) : "no memory");
  if (L) lua_close(L);
  return NULL;
}

static void same_life(const life *a, const life *b) {
  HOLDS_SO(!a->error[0], "%s", a->error);
  HOLDS_SO(!b->error[0], "%s", b->error);
  HOLDS_SO(a->loss == b->loss, "seed %lld: the loss is %.17g beside others, %.17g alone", (long long)a->seed, a->loss,
           b->loss);
  HOLDS_SO(a->size == b->size && a->size > 0 && !memcmp(a->weights, b->weights, a->size),
           "seed %lld: the weights differ from those of training alone", (long long)a->seed);
}

/* n interpreters with seeds of their own at the same time, then each alone. */
static void beside_each_other(int n, const char *file, int runs) {
  life lives[8], alone[8];
  for (int i = 0; i < n; i++) {
    lives[i] = alone[i] = (life){.program = file, .seed = 100 + i, .runs = runs};
    HOLDS_SO(!pthread_create(&lives[i].thread, NULL, live, &lives[i]), "no thread");
  }
  for (int i = 0; i < n; i++) pthread_join(lives[i].thread, NULL);
  for (int i = 0; i < n; i++) {
    live(&alone[i]);
    same_life(&lives[i], &alone[i]);
    if (i) HOLDS_SO(lives[i].loss != lives[0].loss, "another seed had the same loss");
  }
  for (int i = 0; i < n; i++) {
    free(lives[i].weights);
    free(alone[i].weights);
  }
}

/* Large enough for the thread pool, for which both compete. */
START_TEST(two_train_at_the_same_time) { beside_each_other(2, larger, 1); }
END_TEST

START_TEST(eight_train_at_the_same_time) { beside_each_other(8, program, 10); }
END_TEST

/* The threads of the pool and of OpenBLAS do not come along; the child trains all the same, to the same bits. */
START_TEST(a_child_trains_after_fork)
{
  life parent = {.program = larger, .seed = 5, .runs = 1};
  live(&parent);
  const pid_t child = fork();
  HOLDS_SO(child >= 0, "fork failed");
  if (child == 0) {
    alarm(60);                      /* rather than wait for ever on a thread that is not there */
    life l = {.program = larger, .seed = 5, .runs = 1};
    live(&l);
    _exit(l.error[0] || l.size != parent.size || memcmp(l.weights, parent.weights, l.size) ? 1 : 0);
  }
  int status;
  HOLDS_SO(waitpid(child, &status, 0) == child, "the child is gone");
  HOLDS_SO(!WIFSIGNALED(status), "the child ended by signal %d", WTERMSIG(status));
  HOLDS_SO(WEXITSTATUS(status) == 0, "the child's training failed, or has other results");
  free(parent.weights);
}
END_TEST

/* One thread may have several, and nests calls: each works in its own context. */
START_TEST(two_take_turns_on_one_thread)
{
  heap heaps[2];
  lua_State *L[2] = {interpreter_open(&heaps[0], program), interpreter_open(&heaps[1], program)};
  for (int i = 0; i < 6; i++) {
    HOLDS_SO(interpreter_run(L[i % 2], 3), "%s", lua_tostring(L[i % 2], -1));
    HOLDS_SO(!nn_context_current(), "a context stayed current");
  }
  HOLDS_SO(lua_tonumber(L[0], 1) == lua_tonumber(L[1], 1), "the losses differ");
  interpreter_close(L[0], &heaps[0], "the first");
  HOLDS_SO(interpreter_run(L[1], 3), "%s", lua_tostring(L[1], -1));
  interpreter_close(L[1], &heaps[1], "the second");
}
END_TEST

/* The end of an interpreter in the middle of things: graphs, scopes, coroutines, layers and an error under way. */
START_TEST(closing_with_all_alive)
{
  static const char text[] =
    "local nn = require 'nn'\n"
    "x = nn.rand(3, 3, {requires_grad = true})\n"
    "y = (x:matmul(x):tanh() * 2):sum()\n"
    "op = nn.custom{forward = function(a) return a * 1 end, vjp = function(g) return g end}\n"
    "z = op(y) + op(x):sum()\n"
    "nn.grad(z, x, {create_graph = true})\n"
    "layer = nn.Dense(3, {activation = function(a) return a:relu() end, kernel_regularizer = 'l2'})\n"
    "out = layer(x)\n"
    "setmetatable({}, {__gc = function() z:backward() end})\n"
    "co = coroutine.wrap(function() local kept <close> = x * 2; coroutine.yield(kept) end)\n"
    "held = co()\n"
    "nn.scope(function() local t = x + 1; nn.keep(t); error {t, 'an object'} end)\n";
  heap h;
  lua_State *L = interpreter_open(&h, program);
  HOLDS_SO(luaL_loadstring(L, text) == LUA_OK && lua_pcall(L, 0, 0, 0) != LUA_OK && lua_istable(L, -1),
           "the error is %s", lua_tostring(L, -1));
  interpreter_close(L, &h, "closed with all alive");
  L = luaL_newstate();                          /* the usual way, with the context */
  HOLDS_SO(L && interpreter_fill(L, program), "no interpreter");
  HOLDS_SO(luaL_loadstring(L, text) == LUA_OK && lua_pcall(L, 0, 0, 0) != LUA_OK, "no error");
  lua_close(L);
}
END_TEST

Suite *interpreters_suite(void);
Suite *interpreters_suite(void) {
  Suite *suite = suite_create("interpreters");
  TCase *tc = tcase_create("interpreters");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, two_train_at_the_same_time);
  tcase_add_test(tc, eight_train_at_the_same_time);
  tcase_add_test(tc, a_child_trains_after_fork);
  tcase_add_test(tc, two_take_turns_on_one_thread);
  tcase_add_test(tc, closing_with_all_alive);
  suite_add_tcase(suite, tc);
  return suite;
}
