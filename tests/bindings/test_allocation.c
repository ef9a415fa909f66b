/* Every allocation fails in turn while a small model is built, trained and asked: the tensor library's by its hook,
 * Lua's by an allocator that refuses. Each time there is an error that says so, or none where a second try helped;
 * nothing stays alive, and the next run gives what it always gives. */
#include "interpreters.h"

static const char program[] = "tests/bindings/small_model.lua";

/* Under a sanitizer, or with all tests in one process, a sample of the failures. */
static int64_t stride(void) {
#ifdef __SANITIZE_ADDRESS__
  return 7;
#else
  const char *fork = getenv("CK_FORK");
  return fork && !strcmp(fork, "no") ? 7 : 1;
#endif
}

/* Bytes of tensors, nodes and what else is counted, without the array of the scopes. */
static size_t live_bytes(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  nn_context *context = nnlua_context(L), *previous = nn_context_use(context);
  const size_t live = nn_memory().live - context->scope_capacity * sizeof(nn_object *);
  nn_context_use(previous);
  HOLDS_SO(context->scope_count == 0, "%zu objects in a scope that nobody closed", context->scope_count);
  return live;
}

static lua_Number run_well(lua_State *L, const char *after) {
  HOLDS_SO(interpreter_run(L, 7), "%s: %s", after, lua_tostring(L, -1));
  return lua_tonumber(L, 1);
}

static void fail_in_core(lua_State *L, heap *h, int64_t n, bool for_good) {
  (void)h;
  nn_context *previous = nn_context_use(nnlua_context(L));
  nn_memory_fail_at(n, for_good);
  nn_context_use(previous);
}
static void nth_in_core(lua_State *L, heap *h, int64_t n) { fail_in_core(L, h, n, false); }
static void all_in_core(lua_State *L, heap *h, int64_t n) { fail_in_core(L, h, n, true); }
static void nth_in_lua(lua_State *L, heap *h, int64_t n) { (void)L; heap_refuse(h, n ? THE_NTH_TWICE : NOTHING, n); }
static void all_in_lua(lua_State *L, heap *h, int64_t n) { (void)L; heap_refuse(h, n ? ALL_FROM_THE_NTH : NOTHING, n); }

/* n = 0 switches it off. */
static const struct way { const char *name; void (*set)(lua_State *L, heap *h, int64_t n); bool core; } ways[] = {
  {"tensors, the n-th", nth_in_core, true}, {"tensors, all from the n-th on", all_in_core, true},
  {"Lua, the n-th", nth_in_lua, false}, {"Lua, all from the n-th on", all_in_lua, false},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static int64_t asked(lua_State *L, const heap *h, bool core) {
  if (!core) return h->asked;
  nn_context *previous = nn_context_use(nnlua_context(L));
  const int64_t allocations = nn_memory_allocations();
  nn_context_use(previous);
  return allocations;
}

/* A run in which the n-th fails; false when there were fewer. */
static bool run_badly(lua_State *L, heap *h, const struct way *way, int64_t n) {
  way->set(L, h, n);
  const bool ok = interpreter_run(L, 7);
  const int64_t count = asked(L, h, way->core);
  way->set(L, h, 0);
  const char *text = ok ? NULL : lua_tostring(L, -1);
  HOLDS_SO(ok || (text && strstr(text, "memory") && !strchr(text, '\n')), "%s, n = %lld: the error is %s", way->name,
           (long long)n, text ? text : luaL_typename(L, -1));
  return count >= n;
}

START_TEST(each_allocation_of_a_warm_run)
{
  const struct way *way = &ways[_i];
  heap h;
  lua_State *L = interpreter_open(&h, program);
  const lua_Number loss = run_well(L, "at first");
  run_well(L, "once more");
  const size_t live = live_bytes(L);
  int64_t n = 1, looked = 0;
  for (bool more = true; more; n += stride()) {
    more = run_badly(L, &h, way, n);
    if (more && n < looked + 50 * stride()) continue;
    looked = n;
    HOLDS_SO(run_well(L, way->name) == loss, "%s, up to n = %lld: the next run has another loss", way->name,
             (long long)n);
    HOLDS_SO(live_bytes(L) == live, "%s, up to n = %lld: %zu bytes are alive, %zu before", way->name, (long long)n,
             live_bytes(L), live);
  }
  HOLDS_SO(n > 200, "%s: only %lld allocations were seen", way->name, (long long)n);
  interpreter_close(L, &h, way->name);
}
END_TEST

/* From nothing: the libraries, the files of nn as they are read, the first run. How many allocations were asked for. */
static int64_t cold_run(refusal what, int64_t n, bool again) {
  heap h = {0};
  heap_refuse(&h, what, n);
  lua_State *L = lua_newstate(heap_allocate, &h);
  if (!L) {
    HOLDS_SO(h.bytes == 0, "%zu bytes are left of an interpreter that could not be made", h.bytes);
    return h.asked;
  }
  const bool ok = interpreter_fill(L, program) && interpreter_run(L, 7);
  const int64_t count = h.asked;
  heap_refuse(&h, NOTHING, 0);
  HOLDS_SO(ok || strstr(lua_tostring(L, -1), "memory"), "n = %lld: the error is %s", (long long)n,
           lua_tostring(L, -1));
  if (again)                            /* what had been begun can be finished */
    HOLDS_SO(interpreter_fill(L, program) && interpreter_run(L, 7), "n = %lld, the second time: %s", (long long)n,
             lua_tostring(L, -1));
  interpreter_close(L, &h, "a cold run");
  return count;
}

START_TEST(allocations_of_a_cold_run)
{
  const refusal what = _i ? ALL_FROM_THE_NTH : THE_NTH_TWICE;
  const int64_t step = 10 * stride() + 1;
  int64_t n = 1;
  while (cold_run(what, n, n % 4 == 0) >= n) n += n < 500 ? stride() : step;
  HOLDS_SO(n > 5000, "only %lld allocations were seen", (long long)n);
}
END_TEST

/* A collection before each allocation finds what is not held while it is still needed. Cold: files are read meanwhile. */
START_TEST(collections_at_every_allocation)
{
  const bool cold = _i;
  heap h = {0};
  lua_State *L = lua_newstate(heap_allocate, &h);
  HOLDS_SO(L, "no memory for an interpreter");
  if (!cold) HOLDS_SO(interpreter_fill(L, program) && interpreter_run(L, 7), "%s", lua_tostring(L, -1));
  heap_refuse(&h, EVERY_FIRST_TRY, 0);
  if (cold) HOLDS_SO(interpreter_fill(L, program), "%s", lua_tostring(L, -1));
  const lua_Number loss = run_well(L, "with collections");
  heap_refuse(&h, NOTHING, 0);
  HOLDS_SO(run_well(L, "without") == loss, "another loss with collections");
  interpreter_close(L, &h, "with collections");
}
END_TEST

Suite *allocation_suite(void);
Suite *allocation_suite(void) {
  Suite *suite = suite_create("allocation");
  TCase *tc = tcase_create("allocation");
  tcase_set_timeout(tc, 300);
  tcase_add_loop_test(tc, each_allocation_of_a_warm_run, 0, WAYS);
  tcase_add_loop_test(tc, allocations_of_a_cold_run, 0, 2);
  tcase_add_loop_test(tc, collections_at_every_allocation, 0, 2);
  suite_add_tcase(suite, tc);
  return suite;
}
