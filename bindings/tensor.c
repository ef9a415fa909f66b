/* Tensor handles: their life, the checks of arguments, and what Lua's operators do with them beside arithmetic. */
#include "handle.h"

#include <string.h>

#include "core.h"

/* Life */

void nnlua_unlink(nnlua_box *box) {
  if (!box->scope) return;
  *box->link = box->next;
  if (box->next) box->next->link = box->link;
  box->scope = NULL;
}

void nnlua_link(nnlua_box *box, nnlua_scope *scope) {
  box->scope = scope;
  box->next = scope->boxes;
  box->link = &scope->boxes;
  if (box->next) box->next->link = &box->next;
  scope->boxes = box;
}

nnlua_box *nnlua_new_box(lua_State *L, nnlua_state *s) {
  nnlua_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = (nnlua_box){.owner = s};
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->tensor_metatable);
  lua_setmetatable(L, -2);
  nnlua_link(box, s->scope);
  return box;
}

void nnlua_close_box(nnlua_box *box) {
  ag_var *var = box->var;
  nnlua_unlink(box);
  box->var = NULL;
  nn_release(var);
}

/* A <close> local's: any number of times. */
static int tensor_close(lua_State *L) {
  nnlua_box *box = nnlua_box_at(L, lua_touserdata(L, lua_upvalueindex(1)), 1);
  if (box) nnlua_close_box(box);
  return 0;
}

/* The collector's: the same, and then the block is a tensor no more. */
static int tensor_finalize(lua_State *L) {
  nnlua_box *box = nnlua_box_at(L, lua_touserdata(L, lua_upvalueindex(1)), 1);
  if (!box) return 0;
  nnlua_close_box(box);
  box->owner = NULL;
  return 0;
}

/* Checks */

/* box, which came from index, is no open tensor. */
static int refuse(lua_State *L, const nnlua_box *box, const char *call, int argument, const char *wanted, int index) {
  const bool named = !box && luaL_getmetafield(L, index, "__name") == LUA_TSTRING;
  if (box || (named && !strcmp(lua_tostring(L, -1), "tensor"))) return nnlua_error(L, "%s: tensor was freed", call);
  return nnlua_type_error(L, call, argument, wanted, index);
}

ag_var *nnlua_check(lua_State *L, nnlua_state *s, int index, const char *call) {
  return nnlua_check_argument(L, s, index, call, 0);
}

ag_var *nnlua_check_argument(lua_State *L, nnlua_state *s, int index, const char *call, int argument) {
  nnlua_box *box = nnlua_box_at(L, s, index);
  if (box && box->var) return box->var;
  refuse(L, box, call, argument, "a tensor", index);
  return NULL;
}

ag_var *nnlua_optional(lua_State *L, nnlua_state *s, int index, const char *call, int argument) {
  return lua_toboolean(L, index) ? nnlua_check_argument(L, s, index, call, argument) : NULL;
}

void nnlua_check_operand(lua_State *L, nnlua_state *s, int index, const char *call, int argument) {
  switch (lua_type(L, index)) {
    case LUA_TNUMBER: return;
    case LUA_TTABLE: nnlua_table_to_tensor(L, s, index, call, argument, false); return;
    default: break;
  }
  nnlua_box *box = nnlua_box_at(L, s, index);
  if (!box || !box->var) refuse(L, box, call, argument, "a tensor or a number", index);
}

ag_var *nnlua_operand(lua_State *L, nnlua_state *s, int index) {
  if (lua_isinteger(L, index)) return ag_integer(lua_tointeger(L, index));
  if (lua_type(L, index) == LUA_TNUMBER) return ag_number(lua_tonumber(L, index));
  const nnlua_box *box = nnlua_box_at(L, s, index);
  return box ? box->var : NULL;
}

ag_var *nnlua_only_number(lua_State *L, nnlua_state *s, int index) {
  const bool integer = lua_isinteger(L, index);
  ag_var *x = s->number[integer];
  if (!x || x->object.refs > 1 || x->value->object.refs > 1 || nn_shares(x->value)) {
    x = integer ? ag_integer(0) : ag_number(0);
    if (!x) return NULL;
    nn_release(s->number[integer]);
    s->number[integer] = nn_retain(x);
  }
  if (integer) *(int64_t *)x->value->data = lua_tointeger(L, index);
  else *(double *)x->value->data = lua_tonumber(L, index);
  return x;
}

bool nnlua_stays_tensor(nnlua_state *s, const ag_var *x) {
  if (!x->node) return false;
  nn_context *previous = nn_context_use(s->context);
  const bool recording = nn_recording();
  nn_context_use(previous);
  return recording;
}

/* Fields */

static void field_shape(lua_State *L, nnlua_state *s, ag_var *x) { (void)s; nnlua_push_shape(L, &x->value->shape); }
static void field_ndim(lua_State *L, nnlua_state *s, ag_var *x) { (void)s; lua_pushinteger(L, x->value->shape.rank); }
static void field_dtype(lua_State *L, nnlua_state *s, ag_var *x) {
  (void)s;
  lua_pushstring(L, nn_dtype_name(x->value->dtype));
}
static void field_requires_grad(lua_State *L, nnlua_state *s, ag_var *x) {
  (void)s;
  lua_pushboolean(L, ag_requires_grad(x));
}
static void field_grad(lua_State *L, nnlua_state *s, ag_var *x) {
  if (!ag_grad_of(x)) {
    lua_pushnil(L);
    return;
  }
  nnlua_box *box = nnlua_new_box(L, s);
  box->var = nn_retain(ag_grad_of(x));          /* looked at again: making the box may have run finalizers */
}

static const struct { const char *name; void (*push)(lua_State *L, nnlua_state *s, ag_var *x); } fields[] = {
  {"shape", field_shape}, {"dtype", field_dtype}, {"ndim", field_ndim}, {"grad", field_grad},
  {"requires_grad", field_requires_grad},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

/* t.name: methods first (upvalue 2), then fields, else nil. Positions are index.c's (upvalue 3). */
static int tensor_index(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING) {
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
  }
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) return 1;
  const char *name = lua_tostring(L, 2);
  for (int i = 0; i < FIELDS; i++) {
    if (strcmp(name, fields[i].name)) continue;
    nnlua_state *s = nnlua_state_of(L);
    fields[i].push(L, s, nnlua_check(L, s, 1, name));
    break;
  }
  return 1;
}

/* The names of methods (upvalue 2) and fields, for completion. */
static int tensor_names(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; i < FIELDS; i++) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, fields[i].name);
  }
  for (lua_pushnil(L); lua_next(L, lua_upvalueindex(2)); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -5);
  }
  return 1;
}

static int set_grad(lua_State *L, nnlua_state *s, ag_var *x) {
  ag_var *grad = lua_isnil(L, 3) ? NULL : nnlua_check(L, s, 3, "grad");
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = true;
  nnlua_done(&e, ag_set_grad(x, grad));
  return 0;
}

static int set_requires_grad(lua_State *L, nnlua_state *s, ag_var *x, int index) {
  const bool on = nnlua_check_flag(L, index, "requires_grad_", "the argument");
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_done(&e, ag_set_requires_grad(x, on))) continue;
  return 0;
}

/* t.grad = g, t.requires_grad = true; t[...] = v is index.c's (upvalue 3). */
static int tensor_newindex(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "assignment");
  if (lua_type(L, 2) != LUA_TSTRING) {
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_insert(L, 1);
    lua_call(L, 3, 0);
    return 0;
  }
  const char *name = lua_tostring(L, 2);
  if (!strcmp(name, "grad")) return set_grad(L, s, x);
  if (!strcmp(name, "requires_grad")) return set_requires_grad(L, s, x, 3);
  return nnlua_error(L, "a tensor has no field \"%s\" that can be set", name);
}

static int tensor_requires_grad(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "requires_grad_");
  if (lua_isnoneornil(L, 2)) {
    lua_settop(L, 1);
    lua_pushboolean(L, 1);
  }
  set_requires_grad(L, s, x, 2);
  lua_settop(L, 1);
  return 1;
}

/* Metamethods */

static int tensor_len(lua_State *L) {
  ag_var *x = nnlua_check(L, nnlua_state_of(L), 1, "#");
  if (!x->value->shape.rank) return nnlua_error(L, "#: a tensor of rank 0 has no length");
  lua_pushinteger(L, x->value->shape.dim[0]);
  return 1;
}

/* The same variable, not equal elements: those are a:eq(b). */
static int tensor_eq(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const nnlua_box *a = nnlua_box_at(L, s, 1), *b = nnlua_box_at(L, s, 2);
  lua_pushboolean(L, a && b && a->var && a->var == b->var);
  return 1;
}

static int tensor_tostring(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const nnlua_box *box = nnlua_box_at(L, s, 1);
  if (!box || !box->var) {
    lua_pushliteral(L, "tensor (freed)");
    return 1;
  }
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = true;
  char *text = nn_format(box->var->value);
  nnlua_done(&e, text != NULL);
  nnlua_push_text(L, text);
  return 1;
}

static int tensor_concat(lua_State *L) {
  return nnlua_error(L, "..: a tensor is not text; use tostring(t), t:item(), or nn.cat{a, b} to join tensors");
}

/* Lua makes one boolean of what < gives: right for two numbers, a silent wrong result for more. */
static void push_comparable(lua_State *L, nnlua_state *s, int index, const char *operator, const char *method) {
  if (lua_type(L, index) == LUA_TNUMBER) {
    lua_pushvalue(L, index);
    return;
  }
  const nn_tensor *x = nnlua_check(L, s, index, operator)->value;
  if (x->numel != 1)
    nnlua_error(L, "%s: gives one boolean, so it compares tensors of one element; got %s: use a:%s(b)", operator,
                nn_shape_text(&x->shape).s, method);
  nnlua_push_number(L, x);
}

static int tensor_lt(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  push_comparable(L, s, 1, "<", "lt");
  push_comparable(L, s, 2, "<", "lt");
  lua_pushboolean(L, lua_compare(L, -2, -1, LUA_OPLT));
  return 1;
}

static int tensor_le(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  push_comparable(L, s, 1, "<=", "le");
  push_comparable(L, s, 2, "<=", "le");
  lua_pushboolean(L, lua_compare(L, -2, -1, LUA_OPLE));
  return 1;
}

void nnlua_open_tensor(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"__gc", tensor_finalize, NNLUA_META}, {"__close", tensor_close, NNLUA_META}, {"__len", tensor_len, NNLUA_META},
    {"__eq", tensor_eq, NNLUA_META}, {"__tostring", tensor_tostring, NNLUA_META},
    {"__concat", tensor_concat, NNLUA_META}, {"__lt", tensor_lt, NNLUA_META}, {"__le", tensor_le, NNLUA_META},
    {"requires_grad_", tensor_requires_grad, NNLUA_METHOD}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  lua_pushliteral(L, "tensor");
  nnlua_put(L, "__name", NNLUA_META);
  lua_pushliteral(L, "tensor");                 /* getmetatable(t) shows this; the table itself stays as it is */
  nnlua_put(L, "__metatable", NNLUA_META);
  static const lua_CFunction access[] = {tensor_index, tensor_newindex, tensor_names};
  static const char *const event[] = {"__index", "__newindex", "__names"};
  static const char *const position[] = {"index", "assign", "none"};
  for (int i = 0; i < 3; i++) {
    lua_pushlightuserdata(L, s);
    lua_pushvalue(L, NNLUA_AT_METHODS);
    lua_getfield(L, NNLUA_AT_META, position[i]);
    lua_pushcclosure(L, access[i], 3);
    nnlua_put(L, event[i], NNLUA_META);
  }
}
