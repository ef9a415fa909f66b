/* Methods that no op is behind: values as Lua sees them, and changes in place. */
#include <math.h>
#include <string.h>

#include "core.h"
#include "op.h"
#include "handle.h"

/* What these read is the value as it is now, with strides and all; nothing is recorded, so no gradient comes back. */
static int tensor_numel(lua_State *L) {
  lua_pushinteger(L, nnlua_check(L, nnlua_state_of(L), 1, "numel")->value->numel);
  return 1;
}

/* The one element, whatever the rank: {1, 1} is as good as {}. */
static int tensor_item(lua_State *L) {
  const nn_tensor *x = nnlua_check(L, nnlua_state_of(L), 1, "item")->value;
  if (x->numel != 1)
    return nnlua_error(L, "item: expected a tensor of one element; got %s", nn_shape_text(&x->shape).s);
  nnlua_push_number(L, x);
  return 1;
}

/* Tables are made in between, and making one may run a finalizer of the user's that closes the tensor: so a handle of
 * our own holds it until the last number has been pushed. */
static int tensor_totable(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "totable");
  nnlua_box *hold = nnlua_new_box(L, s);                /* keeps the values while tables are made */
  hold->var = nn_retain(nnlua_check(L, s, 1, "totable"));     /* again: a finalizer may have closed it */
  nnlua_push_values(L, hold->var->value);
  return 1;
}

/* In the order of the elements, so a view is copied together first; little-endian as all machines are that this runs
 * on. */
static int tensor_bytes(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "tostring_bytes");
  nnlua_box *hold = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *x;
  do x = nnlua_operand(L, s, 1);
  while (!nnlua_give(&e, hold, x ? ag_constant(nn_contiguous(x->value)) : NULL));
  const nn_tensor *value = hold->var->value;
  const size_t bytes = (size_t)value->numel * nn_dtype_size(value->dtype);
  lua_pushlstring(L, bytes ? value->data : "", bytes);
  return 1;
}

/* An op with a gradient: between float dtypes it is recorded, to and from integers it is cut. */
static int tensor_to(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "to");
  const nn_dtype dtype = nnlua_check_dtype(L, 2, "to");
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, ag_to(nnlua_operand(L, s, 1), dtype))) continue;
  return 1;
}

/* Shares the memory: a change in place of one is seen by both, and by a backward that still needs it. */
static int tensor_detach(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "detach");
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, ag_detach(nnlua_operand(L, s, 1)))) continue;
  return 1;
}

/* The gradient is let go of, not filled with 0: the next backward adopts what arrives instead of adding to zeros. */
static int tensor_zero_grad(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "zero_grad");
  nnlua_entry e = nnlua_enter(L, s);
  nnlua_done(&e, ag_set_grad(x, NULL));
  lua_settop(L, 1);
  return 1;
}

/* In place: x becomes v, or x op v. Each has a row; the call's name is the method's. */

enum { GIVEN = -1 };
typedef struct change { const char *name; int op; /* an nn_arithmetic, or GIVEN */ } change;

static const change changes[] = {
  {"fill_", GIVEN}, {"copy_", GIVEN}, {"add_", NN_ADD}, {"sub_", NN_SUB}, {"mul_", NN_MUL}, {"div_", NN_DIV},
};
enum { CHANGES = sizeof changes / sizeof changes[0] };

/* GIVEN: the new value itself, which is broadcast and cast where that loses nothing. A failure leaves x as it was. */
static bool make_change(const change *c, ag_var *x, ag_var *v) {
  return c->op == GIVEN ? ag_overwrite(c->name, x, v) : ag_change(c->name, x, (nn_arithmetic)c->op, v);
}

static int tensor_change(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const change *c = lua_touserdata(L, lua_upvalueindex(2));
  nnlua_check(L, s, 1, c->name);
  nnlua_check_operand(L, s, 2, c->name, 0);
  if (lua_gettop(L) > 2) return nnlua_error(L, "%s: unexpected argument: %s", c->name, nnlua_got(L, 3));
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *x, *v;
  do {
    x = nnlua_operand(L, s, 1);
    v = nnlua_operand(L, s, 2);
  } while (!nnlua_done(&e, make_change(c, x, v)));
  lua_settop(L, 1);
  return 1;
}

/* fill_(0) under another name, whatever else was given: its row has that name for the messages. */
static int tensor_zero(lua_State *L) {
  lua_settop(L, 1);
  lua_pushinteger(L, 0);
  return tensor_change(L);
}

/* A bound that is nil is none: infinite. */
static double bound(lua_State *L, int index, double none) {
  return lua_isnoneornil(L, index) ? none : nnlua_check_number(L, index, "clamp_", index == 2 ? "lo" : "hi");
}

/* Not a row: its arguments are two numbers, of which either may be missing. */
static int tensor_clamp(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "clamp_");
  const double lo = bound(L, 2, -INFINITY), hi = bound(L, 3, INFINITY);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *x;
  do x = nnlua_operand(L, s, 1);
  while (!nnlua_done(&e, ag_overwrite("clamp_", x, ag_clamp(x, lo, hi))));
  lua_settop(L, 1);
  return 1;
}

/* The row is upvalue 2: one C function serves all of them. */
static void put_change(lua_State *L, nnlua_state *s, const char *name, lua_CFunction f, const change *c) {
  lua_pushlightuserdata(L, s);
  lua_pushlightuserdata(L, (void *)(uintptr_t)c);
  lua_pushcclosure(L, f, 2);
  nnlua_put(L, name, NNLUA_METHOD);
}

/* zero_'s row is static too: closures hold pointers to rows for as long as the interpreter lives. */
void nnlua_open_methods(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"numel", tensor_numel, NNLUA_METHOD}, {"item", tensor_item, NNLUA_METHOD},
    {"totable", tensor_totable, NNLUA_METHOD}, {"tostring_bytes", tensor_bytes, NNLUA_METHOD},
    {"to", tensor_to, NNLUA_BOTH}, {"detach", tensor_detach, NNLUA_BOTH},
    {"zero_grad", tensor_zero_grad, NNLUA_METHOD}, {"clamp_", tensor_clamp, NNLUA_METHOD}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  for (int i = 0; i < CHANGES; i++) put_change(L, s, changes[i].name, tensor_change, &changes[i]);
  static const change zero = {"zero_", GIVEN};
  put_change(L, s, "zero_", tensor_zero, &zero);
}
