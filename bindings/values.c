/* Declared options, handles and lists on their way from Lua. */
#include "values.h"

#include <math.h>

void *nnlua_check_handle(lua_State *L, int index, const char *type) {
  void *handle = luaL_testudata(L, index, type);
  if (!handle) luaL_typeerror(L, index, type);
  return handle;
}

int64_t nnlua_check_row(lua_State *L, int index, const char *kind, int64_t count) {
  const lua_Integer i = luaL_checkinteger(L, index);
  if (i < 1 || i > count) luaL_error(L, "core: there is no %s %I", kind, (LUAI_UACINT)i);
  return i - 1;
}

/* The value on top of the stack, which is nil or false where there is none: then the default stays. */
static void read_value(lua_State *L, nnlua_state *s, const char *call, const ag_option *o, ag_value *value) {
  if (o->kind == AG_OPTION_FLAG) {
    if (!lua_isnil(L, -1)) value->flag = lua_toboolean(L, -1);
    return;
  }
  const bool none = !lua_toboolean(L, -1);
  if (none && !o->optional) return;
  switch (o->kind) {
    case AG_OPTION_NUMBER:
      if (none) value->number = NAN;
      else value->number = nnlua_check_number(L, -1, call, o->name);
      break;
    case AG_OPTION_INTEGER:
      if (none) value->integer = AG_NIL;
      else value->integer = nnlua_check_integer(L, -1, call, o->name);
      break;
    case AG_OPTION_SHAPE:
      if (lua_type(L, -1) == LUA_TNUMBER) value->ints = NN_INTS(nnlua_check_integer(L, -1, call, o->name));
      else value->ints = none ? NN_ALL : nnlua_check_ints(L, lua_gettop(L), call, o->name);
      break;
    case AG_OPTION_TENSOR: value->tensor = none ? NULL : nnlua_check(L, s, -1, call); break;
    case AG_OPTION_FUNCTION:
    case AG_OPTION_ACTIVATION: value->function = nnlua_activation_at(L, -1); break;
    default: value->text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  }
}

void nnlua_check_values(lua_State *L, nnlua_state *s, int index, const char *call, const ag_option *declared,
                        ag_value *values) {
  ag_option_defaults(declared, values);
  if (lua_isnoneornil(L, index)) return;
  luaL_checktype(L, index, LUA_TTABLE);
  for (int i = 0; i < ag_option_count(declared); i++) {
    lua_rawgeti(L, index, i + 1);
    read_value(L, s, call, &declared[i], &values[i]);
    lua_pop(L, 1);
  }
}

void nnlua_copy_array(lua_State *L, int index) {
  const int n = lua_istable(L, index) ? (int)lua_rawlen(L, index) : 0;
  lua_createtable(L, n, 0);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, index, i);
    lua_rawseti(L, -2, i);
  }
}

void nnlua_check_list(lua_State *L, nnlua_state *s, int index, const char *call, int n, bool holes, nnlua_list *list) {
  luaL_checktype(L, index, LUA_TTABLE);
  list->n = n < 0 ? (int)lua_rawlen(L, index) : n;
  list->index = index;
  list->holes = holes;
  for (int i = 1; i <= list->n; i++) {
    lua_rawgeti(L, index, i);
    const nnlua_box *box = nnlua_box_at(L, s, -1);
    if (!box && !(holes && !lua_toboolean(L, -1)))
      nnlua_error(L, "%s: expected a list of tensors; [%d] is %s", call, i, nnlua_got(L, -1));
    if (box && !box->var) nnlua_error(L, "%s: tensor [%d] was freed", call, i);
    lua_pop(L, 1);
  }
  list->x = list->n <= NNLUA_FEW ? list->few : lua_newuserdatauv(L, (size_t)list->n * sizeof *list->x, 0);
}

bool nnlua_read_list(lua_State *L, nnlua_state *s, const nnlua_list *list) {
  for (int i = 0; i < list->n; i++) {
    lua_rawgeti(L, list->index, i + 1);
    const bool none = !lua_toboolean(L, -1);
    list->x[i] = none ? NULL : nnlua_operand(L, s, -1);
    lua_pop(L, 1);
    if (!list->x[i] && !(none && list->holes)) return false;
  }
  return true;
}
