/* nn.no_grad, nn.scope, nn.keep, and what the library says about itself: memory, threads, time. */
#include <string.h>
#include <time.h>

#include "core.h"
#include "handle.h"

/* Recording is a switch of the context, so it is set inside; gives what it was. */
static bool set_recording(lua_State *L, nnlua_state *s, bool on) {
  nnlua_entry e = nnlua_enter(L, s);
  const bool previous = nn_set_recording(on);
  nnlua_leave(&e);
  return previous;
}

/* What has __call is as good as a function: lua_pcall takes both. */
static void check_callable(lua_State *L, const char *call) {
  if (lua_isfunction(L, 1)) return;
  if (luaL_getmetafield(L, 1, "__call") == LUA_TNIL) nnlua_type_error(L, call, 0, "a function", 1);
  lua_pop(L, 1);
}

/* The end of a protected call in which f ran: its results, or its error. Lua says of a yield that was refused neither
 * where nor by what. */
static int results_of(lua_State *L, int status, const char *call) {
  static const char refused[] = "attempt to yield across a C-call boundary";
  if (status == LUA_OK) return lua_gettop(L);
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strcmp(message, refused)) return lua_error(L);
  return nnlua_error(L, "%s: a coroutine cannot yield inside; let the function end first", call);
}

/* no_grad(f, ...): protected, so that recording goes on after an error too; a yield across it is refused by Lua. */
static int no_grad(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  check_callable(L, "no_grad");
  const bool recording = set_recording(L, s, false);
  const int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  set_recording(L, s, recording);
  return results_of(L, status, "no_grad");
}

/* Scopes */

/* Calls visit for each tensor that the value on top reaches through tables; pops it. Without recursion: seen (a table)
 * holds all tables found, as keys and in order of their discovery. */
static void reach(lua_State *L, nnlua_state *s, int seen, void (*visit)(nnlua_box *box)) {
  nnlua_box *box = nnlua_box_at(L, s, -1);
  if (box) visit(box);
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, -1);
    if (lua_rawget(L, seen) == LUA_TNIL) {
      lua_pushvalue(L, -2);
      lua_pushboolean(L, 1);
      lua_rawset(L, seen);
      lua_pushvalue(L, -2);
      lua_rawseti(L, seen, (lua_Integer)lua_rawlen(L, seen) + 1);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* The same for the values at first .. last of the stack and all that their tables hold. */
static void reach_all(lua_State *L, nnlua_state *s, int first, int last, void (*visit)(nnlua_box *box)) {
  luaL_checkstack(L, 10, "scope");
  lua_newtable(L);
  const int seen = lua_gettop(L);
  for (int i = first; i <= last; i++) {
    lua_pushvalue(L, i);
    reach(L, s, seen, visit);
  }
  for (lua_Integer i = 1; lua_rawgeti(L, seen, i) == LUA_TTABLE; i++) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
      reach(L, s, seen, visit);
      lua_pushvalue(L, -1);
      reach(L, s, seen, visit);             /* keys may be tensors too */
    }
    lua_pop(L, 1);
  }
  lua_settop(L, seen - 1);
}

/* Whom a scope spares: those reached from its results. keep goes further, to the scope around all others, whose handles
 * only the collector closes. */
static void mark_result(nnlua_box *box) { box->result = true; }
static void keep(nnlua_box *box) {
  nnlua_scope *outside = box->scope;
  if (!outside) return;
  while (outside->outer) outside = outside->outer;
  nnlua_unlink(box);
  nnlua_link(box, outside);
}

/* Runs inside the protected call, so that results are searched with errors caught: a table with a __pairs of the user's
 * is not asked, lua_next is raw, but memory may run out. */
static int scope_body(lua_State *L) {
  nnlua_state *s = lua_touserdata(L, 1);
  lua_remove(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  reach_all(L, s, 1, lua_gettop(L), mark_result);
  return lua_gettop(L);
}

/* Results move to the scope outside; everything else is closed. Called exactly once, also when f failed: then nothing
 * survives. Handles that were closed meanwhile are in no list. */
static void close_scope(nnlua_scope *scope, bool failed) {
  while (scope->boxes) {
    nnlua_box *box = scope->boxes;
    const bool survives = box->result && !failed;
    box->result = false;
    if (!survives) {
      nnlua_close_box(box);
      continue;
    }
    nnlua_unlink(box);
    nnlua_link(box, scope->outer);
  }
}

/* scope(f, ...): what f gives. */
static int run_scope(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  check_callable(L, "scope");
  lua_pushcfunction(L, scope_body);
  lua_pushlightuserdata(L, s);
  lua_rotate(L, 1, 2);
/* On the C stack: no yield can leave it behind, since the call below is not yieldable. */
  nnlua_scope scope = {s->scope, NULL};
  s->scope = &scope;
  const int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  s->scope = scope.outer;
  close_scope(&scope, status != LUA_OK);
  return results_of(L, status, "scope");
}

/* keep(t, ...): tensors (also inside tables) leave all scopes; gives its arguments, so that return nn.keep(t)
 * reads well. */
static int keep_tensors(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  if (!nnlua_box_at(L, s, 1) && !lua_istable(L, 1)) return nnlua_type_error(L, "keep", 0, "a tensor", 1);
  reach_all(L, s, 1, lua_gettop(L), keep);
  return lua_gettop(L);
}

/* core.release(t, ...): closes handles now; what is no tensor is passed over. For the Lua files, which know that nobody
 * else has the handle: the memory is free for the next step, before the collector would have found it. Graphs that need
 * a value keep it alive. */
static int release(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  for (int i = lua_gettop(L); i >= 1; i--) {
    nnlua_box *box = nnlua_box_at(L, s, i);
    if (box) nnlua_close_box(box);
  }
  return 0;
}

/* Memory, threads, time */

/* In bytes, of tensors alone: what Lua's own heap takes collectgarbage("count") tells. */
static int memory(lua_State *L) {
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  const nn_memory_use use = nn_memory();
  nnlua_leave(&e);
  const struct { const char *name; lua_Integer value; } fields[] = {
    {"live", (lua_Integer)use.live}, {"peak", (lua_Integer)use.peak}, {"tensors", use.tensors},
  };
  lua_createtable(L, 0, 3);
  for (int i = 0; i < 3; i++) {
    lua_pushinteger(L, fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}

static int get_threads(lua_State *L) {
  lua_pushinteger(L, nn_threads());
  return 1;
}

/* The pool is the process's: other interpreters feel it. Results do not depend on it. */
static int set_threads(lua_State *L) {
  if (nnlua_state_of(L)->confined)       /* the threads are the process's */
    return nnlua_error(L, "set_threads: this script may not change the threads");
  const int64_t n = nnlua_check_integer(L, 1, "set_threads", "n");
  if (n < 1 || n > 64) return nnlua_error(L, "set_threads: n must be within 1..64; got %I", (LUAI_UACINT)n);
  lua_pushinteger(L, nn_set_threads((int)n));
  return 1;
}

/* os.clock counts the time of all threads, and os.time whole seconds that may be set back. */
static int monotonic_time(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + 1e-9 * (lua_Number)now.tv_nsec);
  return 1;
}

/* For tests. core.fail_at(n, for_good): the n-th allocation from now fails (0: none); gives how many there were. */
static int fail_at(lua_State *L) {
  const int64_t n = nnlua_check_integer(L, 1, "fail_at", "n");
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  const int64_t allocations = nn_memory_allocations();
  nn_memory_fail_at(n, lua_toboolean(L, 2));
  nnlua_leave(&e);
  lua_pushinteger(L, allocations);
  return 1;
}

/* core.memory_limit(bytes): for tensors; 0 for none. */
static int memory_limit(lua_State *L) {
  const int64_t bytes = nnlua_check_integer(L, 1, "memory_limit", "bytes");
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  nn_memory_limit(bytes > 0 ? (size_t)bytes : 0);
  nnlua_leave(&e);
  return 0;
}

/* keep is in core as well, for weights and the state of metrics, which outlive the scope they are made in. */
void nnlua_open_scope(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"no_grad", no_grad, NNLUA_NN}, {"scope", run_scope, NNLUA_NN}, {"keep", keep_tensors, NNLUA_NN | NNLUA_CORE},
    {"memory", memory, NNLUA_NN}, {"time", monotonic_time, NNLUA_NN}, {"get_threads", get_threads, NNLUA_NN},
    {"set_threads", set_threads, NNLUA_NN}, {"release", release, NNLUA_CORE}, {"fail_at", fail_at, NNLUA_CORE},
    {"memory_limit", memory_limit, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
}
