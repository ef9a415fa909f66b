/* Every op of autograd's table as nn.NAME and as a method. The row says what may be given: tensors first (numbers and
 * tables of numbers stand for tensors), then the declared attributes, by position or by name in a table at the end. */
#include <math.h>
#include <string.h>

#include "op.h"
#include "handle.h"

/* One call while its arguments are read, left to right. Nothing in it is retained: all values are on the stack. */
typedef struct call {
  lua_State *L;
  nnlua_state *s;
  const ag_op *op;
  int next, top;                     /* the argument to look at, and the last */
  int n;                             /* inputs; where they are on the stack */
  int place[8];
  int list;                          /* the table that holds the inputs of a list op, or 0 */
  unsigned given;                    /* attributes already given, as bits */
  ag_attr attr[AG_ATTRS];
} call;

/* Attributes */

/* pad's argument, flattened: before and after of the first dimension, then of the next. */
static nn_ints read_pairs(const call *c, int index, const char *what) {
  lua_State *L = c->L;
  nn_ints ints = NN_ALL;
  if (lua_type(L, index) != LUA_TTABLE || lua_rawlen(L, index) > NN_MAX_RANK)
    nnlua_error(L, "%s: %s must be a list {{before, after}, ...}; got %s", c->op->name, what, nnlua_got(L, index));
  for (int i = 1; i <= (int)lua_rawlen(L, index); i++) {
    lua_rawgeti(L, index, i);
    const nn_ints pair = lua_istable(L, -1) ? nnlua_check_ints(L, lua_gettop(L), c->op->name, what) : NN_ALL;
    if (pair.n != 2) nnlua_error(L, "%s: %s[%d] must be {before, after}", c->op->name, what, i);
    ints.v[ints.n++] = pair.v[0];
    ints.v[ints.n++] = pair.v[1];
    lua_pop(L, 1);
  }
  return ints;
}

/* The string stays on the stack, which keeps it alive until the call is over. */
static const char *read_text(const call *c, int index, const char *what) {
  if (lua_type(c->L, index) != LUA_TSTRING)
    nnlua_error(c->L, "%s: %s must be a string; got %s", c->op->name, what, nnlua_got(c->L, index));
  return lua_tostring(c->L, index);
}

/* given is looked at first: x:sum(1, {dims = 2}) says the same thing twice, and one of the two would be lost. A DIM is
 * checked against the shape later, by the op, which knows the rank. */
static void read_attr(call *c, int k, int index) {
  const ag_declared *declared = &c->op->attr[k];
  const char *name = c->op->name, *what = declared->name;
  if (c->given & 1u << k) nnlua_error(c->L, "%s: %s is given twice", name, what);
  c->given |= 1u << k;
  switch (declared->kind) {
    case AG_NUMBER: c->attr[k].number = nnlua_check_number(c->L, index, name, what); break;
    case AG_INTEGER:
    case AG_DIM: c->attr[k].integer = nnlua_check_integer(c->L, index, name, what); break;
    case AG_FLAG: c->attr[k].flag = nnlua_check_flag(c->L, index, name, what); break;
    case AG_PAIRS: c->attr[k].ints = read_pairs(c, index, what); break;
    case AG_TEXT: c->attr[k].text = read_text(c, index, what); break;
    default:
      if (lua_type(c->L, index) != LUA_TNUMBER) c->attr[k].ints = nnlua_check_ints(c->L, index, name, what);
      else c->attr[k].ints = NN_INTS(nnlua_check_integer(c->L, index, name, what));
  }
}

/* Through the same reader as by position, so that both complain alike. */
static void read_named(call *c, int index, int attrs) {
  const char *names[AG_ATTRS + 1] = {NULL};
  for (int k = 0; k < attrs; k++) names[k] = c->op->attr[k].name;
  const int first = lua_gettop(c->L) + 1;
  nnlua_read_options(c->L, index, c->op->name, names);
  for (int k = 0; k < attrs; k++)
    if (!lua_isnil(c->L, first + k)) read_attr(c, k, first + k);
}

/* Integers one after the other where a list may stand: reshape(2, 3), and flip(1, 2) where nothing follows. Only where
 * it cannot be mistaken: behind dims a number could be the next attribute, such as keepdim's. */
static bool takes_several(const ag_op *op, int k, int attrs) {
  return op->attr[k].kind == AG_SHAPE || (op->attr[k].kind == AG_DIMS && k == attrs - 1);
}

/* As many as nn_ints has room for; more would be cut off without a word. */
static void read_several(call *c, int k) {
  enum { MOST = sizeof c->attr[k].ints.v / sizeof(int64_t) };
  nn_ints ints = NN_ALL;
  for (; c->next <= c->top && lua_type(c->L, c->next) == LUA_TNUMBER; c->next++) {
    if (ints.n == MOST)
      nnlua_error(c->L, "%s: at most %d integers make sense for %s", c->op->name, MOST, c->op->attr[k].name);
    ints.v[ints.n++] = nnlua_check_integer(c->L, c->next, c->op->name, c->op->attr[k].name);
  }
  c->attr[k].ints = ints;
  c->given |= 1u << k;
}

/* Attributes by position, until options, a tensor that belongs behind them, or the end. nil keeps an attribute's
 * default, so that a later one can be given: t:sum(nil, true). A table ends the walk where the attribute is no list: it
 * is the options, or a tensor as a table. */
static void read_attrs(call *c) {
  const int attrs = ag_op_attrs(c->op);
  for (int k = 0; k < attrs; k++) c->attr[k] = ag_default(&c->op->attr[k]);
  for (int k = 0; k < attrs && c->next <= c->top && !nnlua_is_options(c->L, c->next); k++) {
/* What stands here decides how it is read, whatever the kind: nil, numbers in a row, a table of something else. */
    if (lua_isnil(c->L, c->next)) c->next++;
    else if (lua_type(c->L, c->next) == LUA_TNUMBER && takes_several(c->op, k, attrs)) read_several(c, k);
    else if (lua_istable(c->L, c->next) && c->op->attr[k].kind < AG_DIMS) break;
    else read_attr(c, k, c->next++);
  }
}

/* What is left over is an error, but nil is not: f(x, y) passes on what its caller left out. */
static void read_options(call *c) {
  const int attrs = ag_op_attrs(c->op);
  if (c->next <= c->top && attrs && lua_istable(c->L, c->next)) read_named(c, c->next++, attrs);
  for (int k = 0; k < attrs; k++)
    if (c->op->attr[k].required && !(c->given & 1u << k))
      nnlua_error(c->L, "%s: %s is missing", c->op->name, c->op->attr[k].name);
  for (; c->next <= c->top; c->next++)
    if (!lua_isnil(c->L, c->next))
      nnlua_error(c->L, "%s: unexpected argument: %s", c->op->name, nnlua_got(c->L, c->next));
}

/* Inputs */

/* A table becomes a tensor here and takes the argument's place on the stack, which keeps it alive. Those behind the
 * attributes are positions or ids: whole numbers become int64, the others float32. */
static void read_input(call *c, int i, int argument) {
  const ag_op *op = c->op;
  const bool optional = i >= op->arity - op->optional;
  const int type = lua_type(c->L, c->next);
  c->place[i] = 0;
  if (optional && (type <= LUA_TNIL || nnlua_is_options(c->L, c->next))) {
    if (type == LUA_TNIL) c->next++;
    return;
  }
  if (op->arity == 1) argument = 0;
  if (type == LUA_TTABLE) nnlua_table_to_tensor(c->L, c->s, c->next, op->name, argument, op->before && i >= op->before);
  else if (op->arity == 1) nnlua_check(c->L, c->s, c->next, op->name);
  else nnlua_check_operand(c->L, c->s, c->next, op->name, argument);
  c->place[i] = c->next++;
}

/* add(1, 2) could be computed, but is more likely a slip: there are no ops of numbers alone. */
static void require_a_tensor(const call *c) {
  for (int i = 0; i < c->n; i++)
    if (!c->place[i] || nnlua_box_at(c->L, c->s, c->place[i])) return;
  nnlua_error(c->L, "%s: expected a tensor among the arguments; got numbers only", c->op->name);
}

/* Inputs, attributes, then the inputs that come behind them, as in index_select(x, dim, positions). */
static void read_arguments(call *c) {
  const int arity = c->op->arity, before = c->op->before ? c->op->before : arity;
  c->n = arity;
  for (int i = 0; i < before; i++) read_input(c, i, c->next);
  read_attrs(c);
  for (int i = before; i < arity; i++) read_input(c, i, c->next);
  read_options(c);
  if (arity > 1) require_a_tensor(c);
}

/* cat(list, d), also cat(a, b, d); einsum(spec, a, b), also einsum(spec, list) and a:einsum(spec, b). The tensors end
 * up in one table on top of the stack. Whatever way the tensors were written, they end up in a table of our own: the
 * caller's may change meanwhile. */
static void read_list(call *c) {
  lua_State *L = c->L;
  const bool text_first = c->op->attr[0].kind == AG_TEXT;
  lua_newtable(L);
  c->list = lua_gettop(L);
  lua_Integer n = 0;
  for (c->next = 1; c->next <= c->top; c->next++) {
    if (lua_type(L, c->next) == LUA_TSTRING && text_first && !(c->given & 1u)) read_attr(c, 0, c->next);
    else if (nnlua_box_at(L, c->s, c->next)) {
      lua_pushvalue(L, c->next);
      lua_rawseti(L, c->list, ++n);
    } else if (lua_istable(L, c->next) && n == 0 && !nnlua_is_options(L, c->next)) {
      for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, c->next); i++) {
        lua_rawgeti(L, c->next, i);
        lua_rawseti(L, c->list, ++n);
      }
    } else break;
  }
  if (n == 0) nnlua_error(L, "%s: expected a list of tensors; got %s", c->op->name, c->top ? nnlua_got(L, 1) : "nil");
  c->n = (int)n;
  if (!text_first) read_attrs(c);
  read_options(c);
}

/* The elements of the list: open tensors, each. Before the library is entered, where nothing may raise any more. */
static void check_list(const call *c) {
  lua_State *L = c->L;
  luaL_checkstack(L, 4, c->op->name);
  for (int i = 1; i <= c->n; i++) {
    lua_rawgeti(L, c->list, i);
    const nnlua_box *box = nnlua_box_at(L, c->s, -1);
    if (!box) nnlua_error(L, "%s: the list holds tensors; [%d] is %s", c->op->name, i, nnlua_got(L, -1));
    else if (!box->var) nnlua_error(L, "%s: tensor [%d] was freed", c->op->name, i);
    lua_pop(L, 1);
  }
}

/* At each try anew: a collection in between may have run finalizers that close handles, and x would dangle. */
static void list_inputs(const call *c, ag_var **x) {
  for (int i = 0; i < c->n; i++) {
    lua_rawgeti(c->L, c->list, i + 1);
    x[i] = nnlua_operand(c->L, c->s, -1);
    lua_pop(c->L, 1);
  }
}

/* Calls */

/* The boxes are made before entering; a second result that the op did not give (max of everything has no positions) is
 * taken off the stack. */
static int finish(call *c, ag_var **x, int capacity) {
  lua_State *L = c->L;
  nnlua_box *y = nnlua_new_box(L, c->s), *positions = c->op->results > 1 ? nnlua_new_box(L, c->s) : NULL;
  ag_var *second = NULL, *value;
  nnlua_entry e = nnlua_enter(L, c->s);
  do {
    if (c->list) list_inputs(c, x);
    for (int i = 0; !c->list && i < capacity; i++) x[i] = c->place[i] ? nnlua_operand(L, c->s, c->place[i]) : NULL;
    value = ag_apply2(c->op, c->n, x, c->attr, &second);
    if (positions && value) positions->var = nn_retain(second);
  } while (!nnlua_give(&e, y, value));
  if (!positions) return 1;
  if (!positions->var) lua_pop(L, 1);
  return positions->var ? 2 : 1;
}

/* The op is upvalue 2. 24 slots: the most that reading attributes and making results takes. */
static call begin(lua_State *L) {
  call c = {.L = L, .s = nnlua_state_of(L), .next = 1, .top = lua_gettop(L)};
  c.op = lua_touserdata(L, lua_upvalueindex(2));
  luaL_checkstack(L, 24, c.op->name);
  return c;
}

/* Arity is at most 8 (op.h), so the inputs fit on the stack of C; those of a list op are Lua's memory. */
static int general(lua_State *L) {
  call c = begin(L);
  ag_var *x[8];
  read_arguments(&c);
  return finish(&c, x, c.n);
}

/* Any number of inputs, so the array is a userdata, which the collector frees also when something raises. */
static int of_list(lua_State *L) {
  call c = begin(L);
  read_list(&c);
  check_list(&c);
  ag_var **x = lua_newuserdatauv(L, (size_t)c.n * sizeof *x, 0);
  return finish(&c, x, c.n);
}

/* For the fast ways, which leave every complaint to the general one. */
static nnlua_box *open_box(lua_State *L, nnlua_state *s, int index) {
  nnlua_box *box = nnlua_box_at(L, s, index);
  return box && box->var ? box : NULL;
}

/* The common cases without ceremony: one or two tensors, or a tensor and a number, and nothing else. Most calls of a
 * program are these, so they are spared the reading of arguments. */
static int unary(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const nnlua_box *x = open_box(L, s, 1);
  if (!x || lua_gettop(L) != 1) return general(L);
  const ag_op *op = lua_touserdata(L, lua_upvalueindex(2));
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, ag_apply(op, 1, &x->var, NULL))) continue;
  return 1;
}

/* A number beside a tensor is made a variable only inside, where it can be one that is used again. */
static int binary(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const nnlua_box *a = open_box(L, s, 1), *b = open_box(L, s, 2);
  if ((!a && (!b || lua_type(L, 1) != LUA_TNUMBER)) || (!b && lua_type(L, 2) != LUA_TNUMBER) || lua_gettop(L) != 2)
    return general(L);
  const ag_op *op = lua_touserdata(L, lua_upvalueindex(2));
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *x[2];
  do {
    x[0] = a ? a->var : nnlua_only_number(L, s, 1);
    x[1] = b ? b->var : nnlua_only_number(L, s, 2);
  } while (!nnlua_give(&e, y, ag_apply(op, 2, x, NULL)));
  return 1;
}

/* -x: Lua gives the operand twice. */
static int negative(lua_State *L) {
  lua_settop(L, 1);
  return unary(L);
}

/* Two upvalues, the state first as everywhere. The cast takes const away: Lua's pointers have none. */
static void push_op(lua_State *L, nnlua_state *s, const ag_op *op, lua_CFunction f) {
  lua_pushlightuserdata(L, s);
  lua_pushlightuserdata(L, (void *)(uintptr_t)op);
  lua_pushcclosure(L, f, 2);
}

/* Which of the ways an op goes is decided once, when it is registered. */
static lua_CFunction function_of(const ag_op *op) {
  if (op->arity == AG_LIST) return of_list;
  if (ag_op_attrs(op) || op->optional || op->results > 1) return general;
  return op->arity == 1 ? unary : op->arity == 2 ? binary : general;
}

static void set_text(lua_State *L, const char *key, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, key);
}

/* {name, required, default}: no default where nothing means all (dims), or none (an infinite bound). */
static void push_attr(lua_State *L, const ag_declared *declared) {
  const double value = declared->value;
  lua_createtable(L, 0, 3);
  set_text(L, "name", declared->name);
  lua_pushboolean(L, declared->required);
  lua_setfield(L, -2, "required");
  const bool nothing = declared->kind >= AG_DIMS || (declared->kind == AG_DIM && value == 0) || isinf(value);
  if (declared->required || nothing) return;
  if (declared->kind == AG_FLAG) lua_pushboolean(L, value != 0);
  else if (value == (double)(lua_Integer)value) lua_pushinteger(L, (lua_Integer)value);
  else lua_pushnumber(L, value);
  lua_setfield(L, -2, "default");
}

/* {name, help, inputs, arity, optional, before, attrs} */
static void push_row(lua_State *L, const ag_op *op) {
  static const char *const usual[] = {"x", "x, y"};
  const int attrs = ag_op_attrs(op);
  lua_createtable(L, 0, 7);
  set_text(L, "name", op->name);
  set_text(L, "help", op->help);
  set_text(L, "inputs", op->inputs ? op->inputs : op->arity == AG_LIST ? "list" : usual[op->arity == 2]);
  set_integer(L, "arity", op->arity);
  set_integer(L, "optional", op->optional);
  set_integer(L, "before", op->before);
  lua_createtable(L, attrs, 0);
  for (int k = 0; k < attrs; k++) {
    push_attr(L, &op->attr[k]);
    lua_rawseti(L, -2, k + 1);
  }
  lua_setfield(L, -2, "attrs");
}

/* core.ops(): the row of every op as a table, for help and the reference. */
static int core_ops(lua_State *L) {
  int count, n = 0;
  const ag_op *const *ops = ag_ops(&count);
  lua_newtable(L);
  for (int i = 0; i < count; i++) {
    if (ops[i]->internal) continue;
    push_row(L, ops[i]);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* The operators are the same functions as add, sub ...; they always go the binary way, since Lua gives them two
 * operands. */
void nnlua_open_ops(lua_State *L, nnlua_state *s) {
  int count;
  const ag_op *const *ops = ag_ops(&count);
  for (int i = 0; i < count; i++) {
    if (ops[i]->internal) continue;
    push_op(L, s, ops[i], function_of(ops[i]));
    nnlua_put(L, ops[i]->name, NNLUA_BOTH);
  }
  static const char *const operators[][2] = {
    {"__add", "add"}, {"__sub", "sub"}, {"__mul", "mul"}, {"__div", "div"}, {"__pow", "pow"},
  };
  for (int i = 0; i < (int)(sizeof operators / sizeof operators[0]); i++) {
    push_op(L, s, ag_op_named(operators[i][1]), binary);
    nnlua_put(L, operators[i][0], NNLUA_META);
  }
  push_op(L, s, ag_op_named("neg"), negative);
  nnlua_put(L, "__unm", NNLUA_META);
  static const nnlua_function functions[] = {{"ops", core_ops, NNLUA_CORE}, {NULL, NULL, 0}};
  nnlua_register(L, s, functions);
}
