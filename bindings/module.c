/* luaopen_nn: the table nn, the private table core, and the files in Lua, each read when it is first used. */
#include "nnlua.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "core.h"
#include "embedded.h"
#include "handle.h"

#ifndef NNLUA_VERSION
#define NNLUA_VERSION "0.0.0"
#endif

static const char nn_key, core_key, loaded_key;       /* their addresses are keys of the registry */

/* By name, in a list that ends with a NULL name; some fifty entries, each asked for once. */
static const nnlua_embedded *find(const nnlua_embedded *list, const char *name) {
  while (list->name && strcmp(list->name, name)) list++;
  return list->name ? list : NULL;
}

static bool inflated(const nnlua_embedded *file, void *text) {
  z_stream z = {.next_in = (Bytef *)(uintptr_t)file->bytes, .avail_in = (uInt)file->size, .next_out = text,
                .avail_out = (uInt)file->length};
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return false;
  const bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END;
  inflateEnd(&z);
  return whole && !z.avail_out;
}

/* Pushes the function that the text of a module is. */
static void load_module(lua_State *L, const nnlua_embedded *file) {
  const char *chunk = lua_pushfstring(L, "=nn/%s.lua", file->name);
  void *text = lua_newuserdatauv(L, file->length, 0);
  if (!inflated(file, text)) luaL_error(L, "nn: out of memory");
  if (luaL_loadbufferx(L, text, file->length, chunk, "t") != LUA_OK) lua_error(L);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

static int import(lua_State *L);

/* import as a closure: files get it as their third argument, C by way of core.import. */
static void push_import(lua_State *L, nnlua_state *s) {
  lua_pushlightuserdata(L, s);
  lua_pushcclosure(L, import, 1);
}

/* import(name): the value of bindings/nn/NAME.lua, run once as file(nn, core, import). */
static int import(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, 2) != LUA_TNIL) {
    if (lua_islightuserdata(L, -1)) return luaL_error(L, "nn: import of \"%s\" within itself", name);
    return 1;
  }
  const nnlua_embedded *file = find(nnlua_modules, name);
  if (!file) return luaL_error(L, "nn: there is no module \"%s\"", name);
  load_module(L, file);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &nn_key);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
  push_import(L, lua_touserdata(L, lua_upvalueindex(1)));
  lua_pushvalue(L, 1);                                         /* marks it as under way, when all else is ready */
  lua_pushlightuserdata(L, (void *)(uintptr_t)&loaded_key);
  lua_rawset(L, 2);
  const int status = lua_pcall(L, 3, 1, 0);
  const bool failed = status != LUA_OK;
  lua_pushvalue(L, 1);
  if (failed || lua_isnil(L, -2)) lua_pushnil(L);              /* a file that failed may be tried again */
  else lua_pushvalue(L, -2);
  lua_rawset(L, 2);
  return failed ? lua_error(L) : 1;
}

/* For C that needs what a Lua file defines. May raise, and may run that file: nothing of the library is entered
 * then. */
void nnlua_import(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
  lua_getfield(L, -1, "import");
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  lua_remove(L, -2);
}

/* core.embedded(name): the bytes of a data file, or nil. */
static int embedded(lua_State *L) {
  const nnlua_embedded *file = find(nnlua_files, luaL_checkstring(L, 1));
  if (file) lua_pushlstring(L, file->bytes, file->size);
  else lua_pushnil(L);
  return 1;
}

static const struct { const char *name, *text; } constants[] = {
  {"version", NNLUA_VERSION}, {"float32", "float32"}, {"float64", "float64"}, {"int64", "int64"}, {"uint8", "uint8"},
};

/* The order matters in two places: errors first, so that whatever fails later can be told; index before tensor, whose
 * metamethods call into it. */
static void register_all(lua_State *L, nnlua_state *s) {
  static void (*const opens[])(lua_State *, nnlua_state *) = {
    nnlua_open_errors, nnlua_open_index, nnlua_open_tensor, nnlua_open_ops, nnlua_open_methods, nnlua_open_make,
    nnlua_open_grad, nnlua_open_custom, nnlua_open_scope, nnlua_open_network, nnlua_open_layers, nnlua_open_optimizers,
    nnlua_open_metrics, nnlua_open_data, nnlua_open_files,
  };
  for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++) opens[i](L, s);
  static const nnlua_function functions[] = {{"embedded", embedded, NNLUA_CORE}, {NULL, NULL, 0}};
  nnlua_register(L, s, functions);
  for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
    lua_pushstring(L, constants[i].text);
    nnlua_put(L, constants[i].name, NNLUA_NN);
  }
}

/* The four tables at their places on the stack; the metatable and nn are kept in the registry. */
static void make_tables(lua_State *L, nnlua_state *s) {
  lua_settop(L, 0);
  lua_createtable(L, 0, 256);                  /* nn */
  lua_createtable(L, 0, 256);                  /* methods */
  lua_createtable(L, 0, 64);                   /* core */
  lua_createtable(L, 0, 32);                   /* the tensors' metatable */
  lua_pushvalue(L, NNLUA_AT_META);
  s->tensor_metatable = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
  lua_pushvalue(L, NNLUA_AT_CORE);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
}

/* All that is written in C; nn_key is set at the end, so that an opening that failed begins again. */
static void open_all(lua_State *L, nnlua_state *s) {
  make_tables(L, s);
  register_all(L, s);
  push_import(L, s);
  lua_setfield(L, NNLUA_AT_CORE, "import");
  lua_pushvalue(L, NNLUA_AT_METHODS);
  lua_setfield(L, NNLUA_AT_CORE, "methods");
  lua_pushvalue(L, NNLUA_AT_NN);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &nn_key);
}

/* require "nn", luaL_requiref and nnlua_open all come through here, any number of times in one interpreter: the same
 * table. */
int luaopen_nn(lua_State *L) {
  luaL_checkversion(L);
  nnlua_state *s = nnlua_state_new(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &nn_key) != LUA_TTABLE) open_all(L, s);
  push_import(L, s);
  lua_pushliteral(L, "init");
  lua_call(L, 1, 1);                           /* gives nn */
  return 1;
}

const char *nnlua_version(void) { return NNLUA_VERSION; }
