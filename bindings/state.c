/* The state of an interpreter: entering and leaving the library, errors on their way out, and the net under memory. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "handle.h"

static const char state_key, error_key;              /* their addresses are keys of the registry */
static const char lua_error_text[] = "an error raised by a Lua function";
static const size_t growth_at_least = (size_t)1 << 20;

/* The state's userdata is the first that nn makes, so its finalizer runs after those of all tensors. What the
 * interpreter still holds goes in this order: handles of variables first, since letting go of them may put functions
 * into `unused`; then those; then the context, in which nothing may be alive any more. */
static int close_state(lua_State *L) {
  nnlua_state *s = lua_touserdata(L, 1);
  nn_context *context = s->context;
  s->context = NULL;
  while (s->outside.boxes) {
    s->outside.boxes->owner = NULL;
    nnlua_close_box(s->outside.boxes);
  }
  for (int i = 0; i < 2; i++) nn_release(s->number[i]);
  while (s->unused) {
    nnlua_function_ref *f = s->unused;
    s->unused = f->next;
    free(f);
  }
  nn_context_free(context);
  return 0;
}

/* Handles may outlive the state: finalizers of the user's run after ours when Lua closes, and may call in. */
nnlua_state *nnlua_closing(lua_State *L) {
  luaL_error(L, "nn: this interpreter is closing");
  return NULL;
}

/* By the address of a static, which no script can name. The same from every coroutine. */
nnlua_state *nnlua_state_find(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  nnlua_state *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return s;
}

nnlua_state *nnlua_state_new(lua_State *L) {
  nnlua_state *s = nnlua_state_find(L);
  if (s) return s->context ? s : nnlua_closing(L);
  s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  s->scope = &s->outside;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, close_state);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);     /* the place exists from now on: an error is kept without memory */
/* The userdata is not yet in the registry: what fails from here on leaves nothing behind. */
  s->soft_limit = growth_at_least;
  s->context = nn_context_new();
  if (!s->context) luaL_error(L, "nn: out of memory");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  return s;
}

/* Entering and leaving */

/* Entries nest: a callback out of the library may come in again. Each remembers what was current before: the context
 * (an application may have several), the coroutine, the scope of temporaries, and how floats are rounded. */
nnlua_entry nnlua_enter(lua_State *L, nnlua_state *s) {
  nnlua_entry e = {.state = s, .L = L, .outer = s->L, .previous = nn_context_use(s->context)};
  e.floats = nn_float_enter();
  if (!s->depth++) s->floats = e.floats;
  s->L = L;
  e.mark = nn_scope_open();
  nn_clear_error();
  if (s->budget) nnlua_budget_memory(s);
  return e;
}

/* Strictly the reverse of entering. Temporaries that were not given to a box are freed here. */
void nnlua_leave(nnlua_entry *e) {
  nn_scope_close(e->mark);
  e->state->L = e->outer;
  e->state->depth--;
  nn_float_leave(e->floats);
  nn_context_use(e->previous);
}

/* A full collection, never inside a finalizer (where the collector says that it is not running) and never against the
 * will of who stopped it. The next one is due when as much was made as survived, and at least twice Lua's own heap
 * (what there is to mark: 40 us for 300 kB) and 1 MB: with more than that in flight small tensors fall out of the
 * processor's cache, and an addition of 16 elements takes three times as long under the incremental collector. Under a
 * limit it is due halfway there, for Lua's own allocations cannot free tensors. */
void nnlua_collect(lua_State *L, nnlua_state *s) {
  if (lua_gc(L, LUA_GCISRUNNING) != 1) return;
  lua_gc(L, LUA_GCCOLLECT);
  nnlua_sweep_unused(L, s);
  nn_context *previous = nn_context_use(s->context);
  if (s->budget) nnlua_budget_memory(s);
  const nn_memory_use use = nn_memory();
  const size_t heap = 2 * (size_t)lua_gc(L, LUA_GCCOUNT) * 1024, room = use.limit > use.live ? use.limit - use.live : 0;
  size_t growth = use.live > growth_at_least ? use.live : growth_at_least;
  if (growth < heap) growth = heap;
  if (use.limit && growth > room / 2) growth = room / 2;
  s->soft_limit = use.live + growth;
  nn_context_use(previous);
}

/* The message is in the context, or stands for an error object that was kept when a callback failed; that one is raised
 * as it was, and its place in the registry is emptied so that it does not live on. */
static int raise(lua_State *L, nnlua_state *s) {
  nn_context *previous = nn_context_use(s->context);
  const char *text = nn_error();               /* stays where it is until the next error */
  nn_context_use(previous);
  if (!text) return nnlua_error(L, "nn: a tensor was freed while it was in use");
  if (strcmp(text, lua_error_text)) return nnlua_error(L, "%s", text);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
  return lua_error(L);
}

bool nnlua_done(nnlua_entry *e, bool ok) {
  lua_State *L = e->L;
  nnlua_state *s = e->state;
/* Memory is the one thing that another try can change: garbage may hold tensors. */
  const bool again = !ok && !e->last_try && nn_error() && strstr(nn_error(), "out of memory");
  const bool much = ok && nn_memory_live() > s->soft_limit;
  nnlua_leave(e);
  if (s->budget) nnlua_budget_check(L, s);
  if (!ok && !again) raise(L, s);
  if (!again && !much) return ok;
  nnlua_collect(L, s);
  if (!again) return true;
  if (!s->context) nnlua_closing(L);
  *e = nnlua_enter(L, s);
  e->last_try = true;
  return false;
}

/* The box takes a reference of its own; the one that y came with belongs to the scope, which ends in nnlua_done. */
bool nnlua_give(nnlua_entry *e, nnlua_box *box, ag_var *y) {
  box->var = nn_retain(y);
  const bool done = nnlua_done(e, y != NULL);
  if (done && e->state->budget) nnlua_budget_elements(e->L, e->state, box->var->value->numel);
  return done;
}

/* Calls out of the library */

/* A jump out of a callback must end here, before it crosses the library: its error object goes into the registry, and
 * in its place a marked error is recorded, which travels out like any other. The user's code runs with the float state
 * that the application had, not with ours. */
bool nnlua_protected(nnlua_state *s, lua_CFunction body, void *data) {
  lua_State *L = s->L;
  if (!lua_checkstack(L, 4)) return nn_fail("callback: Lua's stack is full");
  nn_float_leave(s->floats);
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, data);
  const int status = lua_pcall(L, 1, 0, 0);
  nn_context_use(s->context);
  nn_float_enter();
  if (status == LUA_OK) return true;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
  return nn_fail(lua_error_text);
}

/* A graph may be freed on a thread, in a finalizer or after Lua is gone: none of these may touch the registry. So the
 * hold is only noted, and given up by the next sweep on the interpreter's own time. */
void nnlua_function_unuse(nnlua_function_ref *f) {
  if (!f->state->context) {
    free(f);
    return;
  }
  f->next = f->state->unused;
  f->state->unused = f;
}

void nnlua_sweep_unused(lua_State *L, nnlua_state *s) {
  while (s->unused) {
    nnlua_function_ref *f = s->unused;
    s->unused = f->next;
    luaL_unref(L, LUA_REGISTRYINDEX, f->ref);
    free(f);
  }
}

/* Protected, since pushing may fail for want of memory, and the text is malloc's. */
static int push_text(lua_State *L) {
  lua_pushstring(L, lua_touserdata(L, 1));
  return 1;
}

void nnlua_push_text(lua_State *L, char *text) {
  lua_pushcfunction(L, push_text);
  lua_pushlightuserdata(L, text);
  const int status = lua_pcall(L, 1, 1, 0);
  free(text);
  if (status != LUA_OK) lua_error(L);
}

/* Registration */

/* A closure like the one at the top of the stack, pushed. */
static void push_twin(lua_State *L) {
  const int function = lua_gettop(L);
  int n = 0;
  while (lua_getupvalue(L, function, n + 1)) n++;
  lua_pushcclosure(L, lua_tocfunction(L, function), n);
}

/* What is a function of nn and a method at once is two closures: so an error can tell which of them was called. */
void nnlua_put(lua_State *L, const char *name, int where) {
  static const int place[] = {NNLUA_AT_NN, NNLUA_AT_METHODS, NNLUA_AT_CORE, NNLUA_AT_META};
  for (int i = 0; i < 4; i++) {
    if (!(where & 1 << i)) continue;
    if (1 << i == NNLUA_METHOD && where & NNLUA_NN) push_twin(L);
    else lua_pushvalue(L, -1);
    lua_setfield(L, place[i], name);
  }
  lua_pop(L, 1);
}

void nnlua_register(lua_State *L, nnlua_state *s, const nnlua_function *functions) {
  for (; functions->name; functions++) {
    lua_pushlightuserdata(L, s);
    lua_pushcclosure(L, functions->f, 1);
    nnlua_put(L, functions->name, functions->where);
  }
}
