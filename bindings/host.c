/* nnlua.h for applications: tensors and models across the border, and interpreters with limits.
 *
 * Limits. Lua's allocator and the context share one budget of bytes. Instructions and time are checked by a hook every
 * few instructions, and after each tensor operation. Once a limit is hit the hook raises at every instruction, so that
 * a script which catches the error gets no further; the next nnlua_run starts afresh. */
#include "nnlua.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"
#include "patterns.h"
#include "handle.h"

/* Tensors */

nn_context *nnlua_context(lua_State *L) {
  const nnlua_state *s = nnlua_state_find(L);
  return s ? s->context : NULL;
}

void nnlua_push_tensor(lua_State *L, nn_tensor *x) {
  nnlua_state *s = nnlua_state_find(L);
  if (!s) luaL_error(L, "nn is not open in this interpreter");
  nnlua_box *box = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, box, ag_constant(x))) continue;
}

nn_tensor *nnlua_to_tensor(lua_State *L, int index) {
  const nnlua_state *s = nnlua_state_find(L);
  const nnlua_box *box = s ? nnlua_box_at(L, s, index) : NULL;
  return box && box->var ? box->var->value : NULL;
}

void nnlua_wrap(lua_State *L, nn_dtype dtype, nn_shape shape, void *data, void (*release)(void *user), void *user) {
  nnlua_state *s = nnlua_state_find(L);
  if (!s) luaL_error(L, "nn is not open in this interpreter");
  nnlua_box *box = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *y;
  do {                       /* the variable first: once the memory is wrapped nothing fails any more */
    y = ag_constant(nn_empty(dtype, NN_SHAPE(0)));
    nn_tensor *x = y ? nn_wrap(dtype, shape, data, release, user) : NULL;
    if (x) {
      nn_release(y->value);
      y->value = nn_retain(x);
    } else y = NULL;
  } while (!nnlua_give(&e, box, y));
}

/* Budgets */

enum { STRIDE = 100 /* instructions between two looks */, REFUSALS = 8 /* allocations refused before it is over */ };

typedef struct nnlua_budget {
  nnlua_options limits;
  size_t used;                                   /* by Lua's heap */
  long long instructions;                        /* run so far */
  double deadline;
  int refusals;
  const char *exhausted;                         /* which limit was hit, or NULL */
  bool running;                                  /* inside nnlua_run: the limits hold */
  nnlua_state *state;
} nnlua_budget;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t tensor_bytes(const nnlua_budget *b) {
  if (!b->state || !b->state->context) return 0;
  nn_context *previous = nn_context_use(b->state->context);
  const size_t live = nn_memory().live;
  nn_context_use(previous);
  return live;
}

static void *allocate(void *user, void *block, size_t old, size_t size) {
  nnlua_budget *b = user;
  if (!block) old = 0;
  if (size == 0) {
    free(block);
    b->used -= old;
    return NULL;
  }
  const size_t limit = b->limits.memory_limit;
  if (limit && b->running && size > old && b->used - old + size + tensor_bytes(b) > limit) {
    if (++b->refusals > REFUSALS) b->exhausted = "memory";
    return NULL;
  }
  void *moved = realloc(block, size);
  if (moved) b->used += size - old;
  return moved;
}

void nnlua_budget_memory(const nnlua_state *s) {
  const nnlua_budget *b = s->budget;
  const size_t limit = b->limits.memory_limit;
  nn_memory_limit(limit == 0 ? 0 : limit > b->used ? limit - b->used : 1);
}

static void look(nnlua_budget *b) {
  if (!b->running || b->exhausted) return;
  if (b->limits.instructions && b->instructions > b->limits.instructions) b->exhausted = "instruction";
  else if (b->limits.seconds > 0 && now() > b->deadline) b->exhausted = "time";
}

static void every_few_instructions(lua_State *L, lua_Debug *event) {
  (void)event;
  void *user;
  lua_getallocf(L, &user);
  nnlua_budget *b = user;
  b->instructions += b->exhausted ? 1 : STRIDE;
  look(b);
  if (!b->exhausted || !b->running) return;
  lua_sethook(L, every_few_instructions, LUA_MASKCOUNT, 1);
  luaL_error(L, "the script's %s limit is reached", b->exhausted);
}

void nnlua_budget_check(lua_State *L, const nnlua_state *s) {
  nnlua_budget *b = s->budget;
  look(b);
  if (b->exhausted && b->running) luaL_error(L, "the script's %s limit is reached", b->exhausted);
}

/* A view can have more elements than there is memory, and then one operation over it takes as long as it likes. */
void nnlua_budget_elements(lua_State *L, const nnlua_state *s, int64_t numel) {
  const size_t limit = s->budget->limits.memory_limit;
  if (s->budget->running && limit && (uint64_t)numel > limit / sizeof(float))
    luaL_error(L, "a tensor of %I elements is too large for this script", (LUAI_UACINT)numel);
}

void nnlua_budget_charge(lua_State *L, const nnlua_state *s, long long instructions) {
  if (!s->budget) return;
  s->budget->instructions += instructions;
  nnlua_budget_check(L, s);
}

/* What a script that is not trusted finds */

static int guarded_setmetatable(lua_State *L) {
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "setmetatable: __gc is not open to this script");
    lua_pop(L, 1);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* Loops inside one call, which no hook interrupts: their work counts as instructions before it is done, and beyond a
 * limit of its own it is refused. */

enum { LONGEST_LOOP = 4000000 /* elements: a fraction of a second */ };

static lua_Number span(lua_State *L, int first, int last) {
  return lua_isnumber(L, first) && lua_isnumber(L, last) ? lua_tonumber(L, last) - lua_tonumber(L, first) : 0;
}

static lua_Number shifted(lua_State *L, int least) {
  if (!lua_istable(L, 1) || lua_gettop(L) < least || !lua_isnumber(L, 2)) return 0;
  return (lua_Number)lua_rawlen(L, 1) - lua_tonumber(L, 2);
}

static lua_Number work_of_move(lua_State *L) { return span(L, 2, 3); }
static lua_Number work_of_insert(lua_State *L) { return shifted(L, 3); }
static lua_Number work_of_remove(lua_State *L) { return shifted(L, 2); }
static lua_Number work_of_unpack(lua_State *L) { return span(L, 2, 3); }
static lua_Number work_of_rep(lua_State *L) { return lua_isnumber(L, 2) ? lua_tonumber(L, 2) : 0; }

static lua_Number work_of_concat(lua_State *L) {
  const lua_Number first = lua_isnumber(L, 3) ? lua_tonumber(L, 3) : 1;
  const lua_Number length = lua_istable(L, 1) ? (lua_Number)lua_rawlen(L, 1) : 0;
  const lua_Number last = lua_isnumber(L, 4) ? lua_tonumber(L, 4) : length;
  return last - first;
}

/* The order that table.sort takes by itself, with a look at the limits from time to time. */
static int counted_order(lua_State *L) {
  enum { COMPARISONS = 256 };
  static _Thread_local int count;
  if (++count >= COMPARISONS) {
    count = 0;
    nnlua_budget_charge(L, nnlua_state_find(L), COMPARISONS);
  }
  lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
  return 1;
}

/* n log n, where the comparisons do not count themselves. */
static lua_Number work_of_sort(lua_State *L) {
  if (!lua_istable(L, 1)) return 0;
  lua_Number work = (lua_Number)lua_rawlen(L, 1);
  if (lua_isnoneornil(L, 2)) {
    lua_settop(L, 1);
    lua_pushcfunction(L, counted_order);
  } else if (lua_iscfunction(L, 2)) {
    for (lua_Unsigned n = lua_rawlen(L, 1); n > 1; n /= 2) work += (lua_Number)lua_rawlen(L, 1);
  }
  return work;
}

static const struct { const char *library, *name; lua_Number (*work)(lua_State *L); } loops[] = {
  {LUA_TABLIBNAME, "move", work_of_move}, {LUA_TABLIBNAME, "insert", work_of_insert},
  {LUA_TABLIBNAME, "remove", work_of_remove}, {LUA_TABLIBNAME, "concat", work_of_concat},
  {LUA_TABLIBNAME, "unpack", work_of_unpack}, {LUA_TABLIBNAME, "sort", work_of_sort},
  {LUA_STRLIBNAME, "rep", work_of_rep},
};
enum { LOOPS = sizeof loops / sizeof loops[0] };

static int guarded_loop(lua_State *L) {
  const nnlua_state *s = nnlua_state_find(L);
  for (int i = 1; i <= lua_gettop(L); i++)
    if (lua_istable(L, i) && luaL_getmetafield(L, i, "__len"))
      return luaL_error(L, "a table with __len is not taken here");
  const lua_Number work = loops[lua_tointeger(L, lua_upvalueindex(2))].work(L);
  if (work > LONGEST_LOOP) return luaL_error(L, "%f steps in one call are too many for this script", work);
  if (work > 0) nnlua_budget_charge(L, s, (long long)work);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  if (work > STRIDE) nnlua_budget_charge(L, s, 0);
  return lua_gettop(L);
}

static void guard_loops(lua_State *L) {
  for (int i = 0; i < LOOPS; i++) {
    lua_getglobal(L, loops[i].library);
    lua_getfield(L, -1, loops[i].name);
    lua_pushinteger(L, i);
    lua_pushcclosure(L, guarded_loop, 2);
    lua_setfield(L, -2, loops[i].name);
    lua_pop(L, 1);
  }
}

/* Puts f around the function of that name in the table on top. */
static void guard(lua_State *L, const char *name, lua_CFunction f) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, f, 1);
  lua_setfield(L, -2, name);
}

/* xpcall: a message handler runs inside the hook that raised the error, where no other hook can stop it. So it is not
 * called once the script has to end. */

typedef struct stopper { bool (*stopped)(lua_State *L); } stopper;

static int guarded_handler(lua_State *L) {
  const stopper *s = lua_touserdata(L, lua_upvalueindex(2));
  if (s->stopped(L)) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int all_results(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

static int guarded_xpcall(lua_State *L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushcclosure(L, guarded_handler, 2);
  lua_replace(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, all_results);
  return lua_gettop(L);
}

void nnlua_guard_xpcall(lua_State *L, bool (*stopped)(lua_State *L)) {
  lua_getglobal(L, "xpcall");
  stopper *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->stopped = stopped;
  lua_pushcclosure(L, guarded_xpcall, 2);
  lua_setglobal(L, "xpcall");
}

static bool is_exhausted(lua_State *L) {
  void *user;
  lua_getallocf(L, &user);
  return ((const nnlua_budget *)user)->exhausted != NULL;
}

static void remove_fields(lua_State *L, const char *const *names) {
  for (; *names; names++) {
    lua_pushnil(L);
    lua_setfield(L, -2, *names);
  }
}

static int open_confined(lua_State *L) {
  static const luaL_Reg libraries[] = {
    {LUA_GNAME, luaopen_base}, {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8}, {LUA_COLIBNAME, luaopen_coroutine},
  };
  static const char *const no_globals[] = {"load", "loadfile", "dofile", "require", "collectgarbage", NULL};
  static const char *const no_dump[] = {"dump", NULL};
  nnlua_budget *b = lua_touserdata(L, 1);
  for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
    luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
    lua_pop(L, 1);
  }
  nnlua_state *s = nnlua_state_new(L);
  s->confined = true;
  b->state = s;
  s->budget = b;
  lua_pushcfunction(L, luaopen_nn);
  lua_call(L, 0, 1);
  lua_setglobal(L, "nn");
  lua_pushglobaltable(L);
  remove_fields(L, no_globals);
  guard(L, "setmetatable", guarded_setmetatable);
  nnlua_guard_xpcall(L, is_exhausted);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  remove_fields(L, no_dump);
  nnlua_open_patterns(L, s);
  guard_loops(L);
  return 0;
}

lua_State *nnlua_open(const nnlua_options *options) {
  nnlua_budget *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  if (options) b->limits = *options;
  lua_State *L = lua_newstate(allocate, b);
  if (!L) {
    free(b);
    return NULL;
  }
  lua_pushcfunction(L, open_confined);
  lua_pushlightuserdata(L, b);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return L;
  nnlua_close(L);
  return NULL;
}

void nnlua_close(lua_State *L) {
  if (!L) return;
  void *user;
  lua_getallocf(L, &user);
  nnlua_budget *b = user;
  b->running = false;
  lua_close(L);
  free(b);
}

bool nnlua_run(lua_State *L, const char *name, const char *text, size_t size) {
  void *user;
  if (lua_getallocf(L, &user) != allocate || !lua_checkstack(L, 4)) return false;
  nnlua_budget *b = user;
  b->instructions = 0;
  b->refusals = 0;
  b->exhausted = NULL;
  b->deadline = now() + b->limits.seconds;
  if (b->limits.memory_limit) nnlua_collect(L, b->state);      /* what the last run left over does not count */
  b->running = true;
  if (b->limits.instructions || b->limits.seconds > 0 || b->limits.memory_limit)
    lua_sethook(L, every_few_instructions, LUA_MASKCOUNT, STRIDE);
  const bool loaded = luaL_loadbufferx(L, text, size, name, "t") == LUA_OK;
  const bool ok = loaded && lua_pcall(L, 0, 0, 0) == LUA_OK;
  b->running = false;
  lua_sethook(L, NULL, 0, 0);
  if (ok) lua_pushboolean(L, 1);
  else if (!lua_isstring(L, -1)) {
    lua_pop(L, 1);
    lua_pushliteral(L, "an error that is no string");
  }
  return ok;
}
