/* What the suites of bindings/ share: an allocator for Lua that counts and, when told to, refuses; interpreters on it;
 * and their end, after which nothing may be alive on either side of the border. */
#ifndef NNLUA_TEST_INTERPRETERS_H
#define NNLUA_TEST_INTERPRETERS_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>

#include "check_nn.h"
#include "nnlua.h"
#include "state.h"

/* Lua asks twice for what it was refused, with a collection in between. */
typedef enum refusal { NOTHING, THE_NTH_TWICE, ALL_FROM_THE_NTH, EVERY_FIRST_TRY } refusal;

typedef struct heap {
  size_t bytes;
  int64_t asked, n;                 /* requests since the last heap_refuse; where it begins to refuse */
  refusal what;
  bool tried;                       /* the request before this one was a first try that was refused */
} heap;

static inline void heap_refuse(heap *h, refusal what, int64_t n) {
  h->what = what;
  h->n = n;
  h->asked = 0;
  h->tried = false;
}

/* A buffer of lauxlib asks the allocator directly, and once. Such buffers are larger than what they begin with on the
 * stack, and come without the tag of a new object. */
static inline bool has_second_try(const void *block, size_t old, size_t size) {
  return size < LUAL_BUFFERSIZE || (!block && old);
}

static inline bool refused(heap *h, const void *block, size_t old, size_t size) {
  h->asked++;
  switch (h->what) {
    case THE_NTH_TWICE: return h->asked == h->n || h->asked == h->n + 1;
    case ALL_FROM_THE_NTH: return h->asked >= h->n;
    case EVERY_FIRST_TRY: return h->tried = !h->tried && has_second_try(block, old, size);
    default: return false;
  }
}

static inline void *heap_allocate(void *user, void *block, size_t old, size_t size) {
  heap *h = user;
  const size_t before = block ? old : 0;
  if (size == 0) {
    free(block);
    h->bytes -= before;
    return NULL;
  }
  if (size > before && refused(h, block, old, size)) return NULL;
  void *moved = realloc(block, size);
  if (!moved) return NULL;
  h->bytes += size - before;
  return moved;
}

/* In protected mode: all libraries, nn among them, and a file of this folder as a function in the registry. */
static const char program_key;
static inline int open_libraries(lua_State *L) {
  luaL_openlibs(L);
  luaL_requiref(L, "nn", luaopen_nn, 1);
  if (luaL_loadfile(L, lua_touserdata(L, 1)) != LUA_OK) return lua_error(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &program_key);
  return 0;
}

static inline bool interpreter_fill(lua_State *L, const char *program) {
  lua_pushcfunction(L, open_libraries);
  lua_pushlightuserdata(L, (void *)(uintptr_t)program);
  return lua_pcall(L, 1, 0, 0) == LUA_OK;
}

static inline lua_State *interpreter_open(heap *h, const char *program) {
  *h = (heap){0};
  lua_State *L = lua_newstate(heap_allocate, h);
  HOLDS_SO(L, "no memory for an interpreter");
  HOLDS_SO(interpreter_fill(L, program), "%s", lua_tostring(L, -1));
  return L;
}

/* Runs the program: its loss and weights are on the stack then, or the error alone. */
static inline bool interpreter_run(lua_State *L, int64_t seed) {
  lua_settop(L, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &program_key);
  lua_pushinteger(L, seed);
  return lua_pcall(L, 1, 2, 0) == LUA_OK;
}

/* Closes L. Its context is taken away first, so that it outlives the finalizers and what they left can be counted. */
static inline void interpreter_close(lua_State *L, const heap *h, const char *after) {
  nnlua_state *s = nnlua_state_find(L);
  nn_context *context = s ? s->context : NULL;
  if (s) s->context = NULL;
  lua_close(L);
  HOLDS_SO(h->bytes == 0, "%s: %zu bytes of Lua's are left", after, h->bytes);
  if (!context) return;
  nn_context *previous = nn_context_use(context);
  HOLDS_SO(context->scope_count == 0, "%s: %zu objects in a scope that nobody closed", after, context->scope_count);
  nothing_live(after);
  nn_context_use(previous);
  nn_context_free(context);
}

#endif
