/* Reading arguments: integers, flags, lists of integers, dtypes, options by name. Errors say what was wrong. */
#include <string.h>

#include "handle.h"

/* What every reader here has in common: Lua's own conversions are not wanted. A string of digits is no number, and a
 * float is an integer only when it is whole, so that {2.5} or "3" in a shape is found where it was written. */
int64_t nnlua_check_integer(lua_State *L, int index, const char *call, const char *what) {
  int whole = 0;
/* What lua_tointegerx makes of a string is not asked for. */
  const lua_Integer value = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : 0;
  if (!whole) nnlua_error(L, "%s: %s must be an integer; got %s", call, what, nnlua_got(L, index));
  return value;
}

/* An integer is a number too: one beyond 2^53 loses its last digits here. */
double nnlua_check_number(lua_State *L, int index, const char *call, const char *what) {
  if (lua_type(L, index) != LUA_TNUMBER)
    nnlua_error(L, "%s: %s must be a number; got %s", call, what, nnlua_got(L, index));
  return lua_tonumber(L, index);
}

/* nil and 0 are no flags: keepdim = 0 would be true to Lua, which nobody means who writes it. */
bool nnlua_check_flag(lua_State *L, int index, const char *call, const char *what) {
  if (!lua_isboolean(L, index)) nnlua_error(L, "%s: %s must be true or false; got %s", call, what, nnlua_got(L, index));
  return lua_toboolean(L, index);
}

/* The name on the stack is the one that the message shows; the dtype is not set where it is unknown. */
nn_dtype nnlua_check_dtype(lua_State *L, int index, const char *call) {
  nn_dtype dtype = NN_FLOAT32;
  if (lua_type(L, index) != LUA_TSTRING) nnlua_error(L, "%s: dtype must be a name; got %s", call, nnlua_got(L, index));
  if (!nn_dtype_named(lua_tostring(L, index), &dtype)) {
    static const char *const names[] = {"float32", "float64", "int64", "uint8"};
    const char *name = lua_tostring(L, index);
    nnlua_error(L, "%s: unknown dtype \"%s\"%s", call, name, nnlua_suggest(L, name, 4, names, NULL));
  }
  return dtype;
}

/* lua_next goes through the list first and then through the names, so it is asked what comes behind the last position:
 * one step, however long the list. */
void nnlua_refuse_names(lua_State *L, int index, const char *call) {
  lua_Integer last = (lua_Integer)lua_rawlen(L, index);
  if (last) lua_pushinteger(L, last);
  else lua_pushnil(L);
  if (!lua_next(L, index)) return;
  if (lua_type(L, -2) == LUA_TSTRING)
    nnlua_error(L, "%s: \"%s\" stands in a list; options go into a table of their own", call, lua_tostring(L, -2));
  lua_pop(L, 2);
}

/* Room is fixed (nn_ints lives on the stack of C), so the length is looked at before anything is read. Holes show up as
 * a value that is no number. */
nn_ints nnlua_check_ints(lua_State *L, int index, const char *call, const char *what) {
  enum { MOST = sizeof(nn_ints) / sizeof(int64_t) - 1 };
  nn_ints ints = NN_ALL;
  if (lua_type(L, index) != LUA_TTABLE)
    nnlua_error(L, "%s: %s must be an integer or a list of integers; got %s", call, what, nnlua_got(L, index));
  const lua_Unsigned n = lua_rawlen(L, index);
  if (n > MOST) nnlua_error(L, "%s: %s has %d values; at most %d make sense", call, what, (int)n, MOST);
  for (int i = 0; i < (int)n; i++) {
    int whole = 0;
    if (lua_rawgeti(L, index, i + 1) == LUA_TNUMBER) ints.v[ints.n++] = lua_tointegerx(L, -1, &whole);
    if (!whole) nnlua_error(L, "%s: %s must be integers; [%d] is %s", call, what, i + 1, nnlua_got(L, -1));
    lua_pop(L, 1);
  }
  nnlua_refuse_names(L, index, call);
  return ints;
}

/* From any integers to a shape: no more than NN_MAX_RANK of them, none negative. Their product is checked later, where
 * the dtype is known, by nn_shape_numel. */
static nn_shape as_shape(lua_State *L, const nn_ints *ints, const char *call) {
  if (ints->n > NN_MAX_RANK) nnlua_error(L, "%s: rank %d is above %d, the highest", call, ints->n, NN_MAX_RANK);
  for (int i = 0; i < ints->n; i++)
    if (ints->v[i] < 0) nnlua_error(L, "%s: sizes must not be negative; got %s", call, nn_ints_text(ints).s);
  return nn_shape_of(ints->n, ints->v);
}

nn_shape nnlua_check_shape_table(lua_State *L, int index, const char *call) {
  const nn_ints ints = nnlua_check_ints(L, index, call, "sizes");
  return as_shape(L, &ints, call);
}

/* zeros(2, 3, opts) and zeros({2, 3}, opts). An empty table stands for rank 0, which {} as options could not be told
 * from; options without a shape before them are an error. */
nn_shape nnlua_check_shape(lua_State *L, int *index, const char *call) {
  nn_ints ints = NN_ALL;
  if (lua_type(L, *index) == LUA_TTABLE && !nnlua_is_options(L, *index))
    return nnlua_check_shape_table(L, (*index)++, call);
  if (lua_isnoneornil(L, *index)) nnlua_error(L, "%s: expected a shape, such as 2, 3 or {2, 3}", call);
  while (lua_type(L, *index) == LUA_TNUMBER) {
    if (ints.n > NN_MAX_RANK) nnlua_error(L, "%s: the highest rank is %d", call, NN_MAX_RANK);
    int whole;
    ints.v[ints.n++] = lua_tointegerx(L, *index, &whole);
    if (!whole) nnlua_error(L, "%s: sizes must be integers; got %s", call, nnlua_got(L, *index));
    (*index)++;
  }
  if (!lua_isnoneornil(L, *index) && lua_type(L, *index) != LUA_TTABLE)
    nnlua_error(L, "%s: sizes must be integers; got %s", call, nnlua_got(L, *index));
  return as_shape(L, &ints, call);
}

/* One look at the first key: what has a name in it and no list is options. {1, dtype = ...} is a list, and whoever
 * reads it complains of the name. */
bool nnlua_is_options(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || lua_rawlen(L, index)) return false;
  lua_pushnil(L);
  if (!lua_next(L, index)) return false;
  const bool named = lua_type(L, -2) == LUA_TSTRING;
  lua_pop(L, 2);
  return named;
}

/* Which of names the key under the top is, from 0; an error when it is none. */
static int find_option(lua_State *L, const char *call, const char *const *names) {
  if (lua_type(L, -2) != LUA_TSTRING)
    nnlua_error(L, "%s: unexpected value [%s] among the options", call, nnlua_got(L, -2));
  const char *name = lua_tostring(L, -2);
  int n = 0;
  for (; names[n]; n++)
    if (!strcmp(names[n], name)) return n;
  return nnlua_error(L, "%s: unknown option \"%s\"%s", call, name, nnlua_suggest(L, name, n, names, NULL));
}

void nnlua_read_options(lua_State *L, int index, const char *call, const char *const *names) {
/* The values go to fixed places above the stack as it is, in the order of names; the walk itself needs two more. */
  const int first = lua_gettop(L) + 1;
  int n = 0;
  while (names[n]) n++;
  lua_settop(L, first - 1 + n);
  if (lua_isnoneornil(L, index) || index >= first) return;
  if (lua_type(L, index) != LUA_TTABLE)
    nnlua_error(L, "%s: expected a table of options; got %s", call, nnlua_got(L, index));
  lua_pushnil(L);
  while (lua_next(L, index)) lua_replace(L, first + find_option(L, call, names));
}
