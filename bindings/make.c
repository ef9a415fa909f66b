/* Functions that make tensors: from tables, by a rule, from random numbers, from bytes. */
#include <math.h>
#include <string.h>

#include "core.h"
#include "table.h"

/* {dtype =, requires_grad =}, the options of all of them */
typedef struct options { bool typed, requires_grad; nn_dtype dtype; } options;

static options read_options(lua_State *L, int index, const char *call) {
  static const char *const names[] = {"dtype", "requires_grad", NULL};
  options o = {.dtype = NN_FLOAT32};
  const int first = lua_gettop(L) + 1;
  nnlua_read_options(L, index, call, names);
  if (!lua_isnil(L, first)) o.typed = true, o.dtype = nnlua_check_dtype(L, first, call);
  if (!lua_isnil(L, first + 1)) o.requires_grad = nnlua_check_flag(L, first + 1, call, "requires_grad");
  lua_settop(L, first - 1);
  for (int i = index + 1; i < first; i++)
    if (!lua_isnil(L, i)) nnlua_error(L, "%s: unexpected argument: %s", call, nnlua_got(L, i));
  return o;
}

static void require_float(lua_State *L, const char *call, const options *o, nn_dtype dtype) {
  if (o->requires_grad && !nn_is_float(dtype))
    nnlua_error(L, "%s: only floats have gradients; the dtype is %s", call, nn_dtype_name(dtype));
}

static ag_var *as_leaf(const char *call, nn_tensor *value, const options *o) {
  if (!value) return nn_fail_for(call);
  return o->requires_grad ? ag_parameter(value) : ag_constant(value);
}

/* nn.tensor(value, opts) */

static int copy_tensor(lua_State *L, nnlua_state *s, const options *o) {
  const nn_dtype dtype = o->typed ? o->dtype : nnlua_check(L, s, 1, "tensor")->value->dtype;
  require_float(L, "tensor", o, dtype);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  nn_tensor *value;
  do {
    ag_var *x = nnlua_operand(L, s, 1);
    value = x ? nn_cast(x->value, dtype) : NULL;
    if (value && value == x->value) value = nn_clone(value);
  } while (!nnlua_give(&e, y, as_leaf("tensor", value, o)));
  return 1;
}

static int make_tensor(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const options o = read_options(L, 2, "tensor");
  if (nnlua_box_at(L, s, 1)) return copy_tensor(L, s, &o);
  const int type = lua_type(L, 1);
  if (type != LUA_TTABLE && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
    return nnlua_type_error(L, "tensor", 0, "a number, a table of numbers or a tensor", 1);
  if (nnlua_is_options(L, 1)) return nnlua_error(L, "tensor: expected numbers; got a table with names in it");
  if (type == LUA_TTABLE) nnlua_refuse_names(L, 1, "tensor");
  const nnlua_table table = nnlua_check_table(L, 1, "tensor");
  const nn_dtype dtype = o.typed ? o.dtype : table.booleans ? NN_UINT8 : NN_FLOAT32;
  require_float(L, "tensor", &o, dtype);
  const nnlua_box *box = nnlua_push_table(L, s, 1, "tensor", &table, dtype);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_done(&e, ag_set_requires_grad(box->var, o.requires_grad))) continue;
  return 1;
}

/* Filled by a rule: zeros(shape, opts) and zeros_like(t, opts), and so on. Each has a row. */

static nn_tensor *uniform(nn_dtype dtype, nn_shape shape) { return nn_uniform(NULL, dtype, shape, 0, 1); }
static nn_tensor *normal(nn_dtype dtype, nn_shape shape) { return nn_normal(NULL, dtype, shape, 0, 1); }

typedef struct filling {
  const char *name, *like;
  nn_tensor *(*make)(nn_dtype dtype, nn_shape shape);
  bool floats;                       /* only */
} filling;
static const filling fillings[] = {
  {"zeros", "zeros_like", nn_zeros, false}, {"ones", "ones_like", nn_ones, false},
  {"empty", "empty_like", nn_empty, false},
  {"rand", "rand_like", uniform, true}, {"randn", "randn_like", normal, true},
};
enum { FILLINGS = sizeof fillings / sizeof fillings[0] };

static int fill(lua_State *L, const filling *f, const char *call, nn_shape shape, options o) {
  nnlua_state *s = nnlua_state_of(L);
  require_float(L, call, &o, o.dtype);
  if (f->floats && !nn_is_float(o.dtype))
    return nnlua_error(L, "%s: draws floats; the dtype is %s: use randint", call, nn_dtype_name(o.dtype));
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  nn_tensor *value;
  do value = nn_shape_numel(call, &shape, o.dtype) < 0 ? NULL : f->make(o.dtype, shape);
  while (!nnlua_give(&e, y, as_leaf(call, value, &o)));
  return 1;
}

static int make_filled(lua_State *L) {
  const filling *f = lua_touserdata(L, lua_upvalueindex(2));
  int next = 1;
  const nn_shape shape = nnlua_check_shape(L, &next, f->name);
  return fill(L, f, f->name, shape, read_options(L, next, f->name));
}

static int make_like(lua_State *L) {
  const filling *f = lua_touserdata(L, lua_upvalueindex(2));
  const nn_tensor *t = nnlua_check(L, nnlua_state_of(L), 1, f->like)->value;
  options o = read_options(L, 2, f->like);
  if (!o.typed) o.dtype = f->floats ? nn_floating(t->dtype) : t->dtype;
  return fill(L, f, f->like, t->shape, o);
}

/* Numbers from first to last, both included. */

typedef struct numbers { double v[4]; int64_t whole[4]; } numbers;
typedef nn_tensor *by_rule(nn_dtype dtype, nn_shape shape, const numbers *a);

static int make_by_rule(lua_State *L, const char *call, by_rule *rule, options o, nn_shape shape, const numbers *a) {
  nnlua_state *s = nnlua_state_of(L);
  require_float(L, call, &o, o.dtype);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  nn_tensor *value;
  do value = rule(o.dtype, shape, a);
  while (!nnlua_give(&e, y, as_leaf(call, value, &o)));
  return 1;
}

static nn_tensor *full(nn_dtype dtype, nn_shape shape, const numbers *a) {
  if (nn_shape_numel("full", &shape, dtype) < 0) return NULL;
  if (dtype != NN_INT64) return nn_full(dtype, shape, a->v[0]);
  nn_tensor *y = nn_empty(dtype, shape), *value = nn_integer(a->whole[0]);    /* a double holds no more than 53 bits */
  return y && value && nn_copy_into("full", y, value) ? y : NULL;
}

static numbers full_value(lua_State *L, int index, const char *call, nn_dtype dtype) {
  numbers a = {.v = {nnlua_check_number(L, index, call, "value")}};
  if (!nn_is_float(dtype)) a.whole[0] = nnlua_check_integer(L, index, call, "the value of an integer tensor");
  return a;
}

static int make_full(lua_State *L) {
  int next = 1;
  nn_shape shape;
  if (lua_istable(L, 1)) shape = nnlua_check_shape(L, &next, "full");
  else {                                 /* sizes one after the other; the last number is the value */
    nn_ints sizes = {1, {nnlua_check_integer(L, next++, "full", "shape")}};
    while (sizes.n < NN_MAX_RANK && lua_type(L, next) == LUA_TNUMBER && lua_type(L, next + 1) == LUA_TNUMBER)
      sizes.v[sizes.n++] = nnlua_check_integer(L, next++, "full", "shape");
    shape = nn_shape_of(sizes.n, sizes.v);
  }
  const options o = read_options(L, next + 1, "full");
  const numbers a = full_value(L, next, "full", o.dtype);
  return make_by_rule(L, "full", full, o, shape, &a);
}

static int make_full_like(lua_State *L) {
  const nn_tensor *t = nnlua_check(L, nnlua_state_of(L), 1, "full_like")->value;
  options o = read_options(L, 3, "full_like");
  if (!o.typed) o.dtype = t->dtype;
  const numbers a = full_value(L, 2, "full_like", o.dtype);
  return make_by_rule(L, "full_like", full, o, t->shape, &a);
}

static nn_tensor *eye(nn_dtype dtype, nn_shape shape, const numbers *a) {
  (void)a;
  return nn_shape_numel("eye", &shape, dtype) < 0 ? NULL : nn_eye(dtype, shape.dim[0]);
}

static int make_eye(lua_State *L) {
  const int64_t n = nnlua_check_integer(L, 1, "eye", "n");
  return make_by_rule(L, "eye", eye, read_options(L, 2, "eye"), NN_SHAPE(n, n), &(numbers){{0}, {0}});
}

static nn_tensor *arange(nn_dtype dtype, nn_shape shape, const numbers *a) {
  (void)shape;
  if (dtype == NN_INT64 && a->whole[3]) return nn_arange_integer(a->whole[0], a->whole[1], a->whole[2]);
  return nn_arange(dtype, a->v[0], a->v[1], a->v[2]);
}

static int make_arange(lua_State *L) {
  const bool step = lua_type(L, 3) == LUA_TNUMBER || lua_isnil(L, 3);
  const options o = read_options(L, step ? 4 : 3, "arange");
  numbers a = {.v = {nnlua_check_number(L, 1, "arange", "first"), nnlua_check_number(L, 2, "arange", "last"), 1}};
  if (lua_type(L, 3) == LUA_TNUMBER) a.v[2] = lua_tonumber(L, 3);
  a.whole[3] = lua_isinteger(L, 1) && lua_isinteger(L, 2) && (lua_isinteger(L, 3) || a.v[2] == 1);
  if (a.whole[3]) {                         /* exact: a double holds no more than 53 bits */
    a.whole[0] = lua_tointeger(L, 1);
    a.whole[1] = lua_tointeger(L, 2);
    a.whole[2] = lua_isinteger(L, 3) ? lua_tointeger(L, 3) : 1;
  }
  return make_by_rule(L, "arange", arange, o, NN_SCALAR, &a);
}

static nn_tensor *linspace(nn_dtype dtype, nn_shape shape, const numbers *a) {
  return nn_shape_numel("linspace", &shape, dtype) < 0 ? NULL : nn_linspace(dtype, a->v[0], a->v[1], shape.dim[0]);
}

static int make_linspace(lua_State *L) {
  const options o = read_options(L, 4, "linspace");
  const numbers a = {
    .v = {nnlua_check_number(L, 1, "linspace", "first"), nnlua_check_number(L, 2, "linspace", "last")},
  };
  return make_by_rule(L, "linspace", linspace, o, NN_SHAPE(nnlua_check_integer(L, 3, "linspace", "n")), &a);
}

/* Random numbers */

static nn_tensor *randint(nn_dtype dtype, nn_shape shape, const numbers *a) {
  if (nn_shape_numel("randint", &shape, NN_INT64) < 0) return NULL;
  nn_tensor *y = nn_randint(NULL, a->whole[0], a->whole[1], shape);
  return y ? nn_cast(y, dtype) : NULL;
}

static int make_randint(lua_State *L) {
  int next = 3;
  const numbers a = {.whole = {nnlua_check_integer(L, 1, "randint", "lo"), nnlua_check_integer(L, 2, "randint", "hi")}};
  const nn_shape shape = lua_isnoneornil(L, 3) ? NN_SCALAR : nnlua_check_shape(L, &next, "randint");
  options o = read_options(L, next, "randint");
  if (!o.typed) o.dtype = NN_INT64;
  return make_by_rule(L, "randint", randint, o, shape, &a);
}

static nn_tensor *randperm(nn_dtype dtype, nn_shape shape, const numbers *a) {
  (void)a;
  if (nn_shape_numel("randperm", &shape, NN_INT64) < 0) return NULL;
  nn_tensor *y = nn_randperm(NULL, shape.dim[0]);
  return y ? nn_cast(y, dtype) : NULL;
}

static int make_randperm(lua_State *L) {
  const int64_t n = nnlua_check_integer(L, 1, "randperm", "n");
  options o = read_options(L, 2, "randperm");
  if (!o.typed) o.dtype = NN_INT64;
  return make_by_rule(L, "randperm", randperm, o, NN_SHAPE(n), &(numbers){{0}, {0}});
}

static int set_seed(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const int64_t seed = nnlua_check_integer(L, 1, "seed", "the seed");
  nnlua_entry e = nnlua_enter(L, s);
  nn_seed((uint64_t)seed);
  nnlua_leave(&e);
  return 0;
}

/* Raw little-endian bytes */

static int from_string(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  size_t bytes;
  if (lua_type(L, 1) != LUA_TSTRING) return nnlua_type_error(L, "from_string", 0, "a string of bytes", 1);
  const char *data = lua_tolstring(L, 1, &bytes);
  const nn_dtype dtype = nnlua_check_dtype(L, 2, "from_string");
  int next = 3;
  const size_t size = nn_dtype_size(dtype);
  const bool shaped = !lua_isnoneornil(L, 3);
  const nn_shape shape = shaped ? nnlua_check_shape(L, &next, "from_string") : NN_SHAPE((int64_t)(bytes / size));
  const options o = read_options(L, shaped ? next : 4, "from_string");
  require_float(L, "from_string", &o, dtype);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  nn_tensor *value;
  do {
    value = nn_shape_numel("from_string", &shape, dtype) < 0 ? NULL : nn_empty(dtype, shape);
    if (value && (size_t)value->numel * size != bytes)
      value = nn_fail("from_string: %s of %s takes %zu bytes; got %zu", nn_shape_text(&shape).s, nn_dtype_name(dtype),
                      (size_t)value->numel * size, bytes);
    if (value && bytes) memcpy(value->data, data, bytes);
  } while (!nnlua_give(&e, y, as_leaf("from_string", value, &o)));
  return 1;
}

void nnlua_open_make(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"tensor", make_tensor, NNLUA_NN}, {"full", make_full, NNLUA_NN}, {"full_like", make_full_like, NNLUA_NN},
    {"eye", make_eye, NNLUA_NN}, {"arange", make_arange, NNLUA_NN}, {"linspace", make_linspace, NNLUA_NN},
    {"randint", make_randint, NNLUA_NN}, {"randperm", make_randperm, NNLUA_NN}, {"seed", set_seed, NNLUA_NN},
    {"from_string", from_string, NNLUA_NN}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  for (int i = 0; i < FILLINGS; i++) {
    for (int like = 0; like < 2; like++) {
      lua_pushlightuserdata(L, s);
      lua_pushlightuserdata(L, (void *)(uintptr_t)&fillings[i]);
      lua_pushcclosure(L, like ? make_like : make_filled, 2);
      nnlua_put(L, like ? fillings[i].like : fillings[i].name, NNLUA_NN);
    }
  }
}
