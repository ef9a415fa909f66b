/* The element-wise functions: which dtype is read, which results, and which loop does it. Functions that differ in
 * nothing but their loop are made from the lists in kernels/formulas.h. */
#include "elementwise.h"

#include <math.h>
#include <string.h>

#include "broadcast.h"
#include "format.h"

/* dtype: in which the operands are read, and of the result. part: how the work is cut when it is large. */
static nn_tensor *unary(const char *name, nn_map_loop *const loops[], int part, nn_dtype dtype, nn_tensor *x) {
  return nn_map_run(&(nn_map_call){
    .name = name, .loops = loops, .dtype = dtype, .result = dtype, .part = part, .operands = 1, .x = {x}});
}

static nn_tensor *binary(const char *name, nn_map_loop *const loops[], int part, nn_dtype dtype, nn_tensor *a,
                         nn_tensor *b) {
  return nn_map_run(&(nn_map_call){
    .name = name, .loops = loops, .dtype = dtype, .result = dtype, .part = part, .operands = 2, .x = {a, b}});
}

/* With parameters p and q, x optional: g is the first operand, or the only one. */
static nn_tensor *bounded(const char *name, nn_map_loop *const loops[], nn_dtype dtype, nn_tensor *g, nn_tensor *x,
                          nn_pair pair) {
  return nn_map_run(&(nn_map_call){.name = name, .loops = loops, .dtype = dtype, .result = dtype, .part = NN_CHEAP,
                                   .operands = x ? 2 : 1, .x = {g, x}, .pair = pair});
}

/* The parameters in the dtype that the loop reads them in. */
static nn_pair float_pair(nn_dtype dtype, double p, double q) {
  return dtype == NN_FLOAT32 ? (nn_pair){.f32 = {(float)p, (float)q}} : (nn_pair){.f64 = {p, q}};
}

/* Functions of floats take integers as float32. */
static nn_dtype float_of(const nn_tensor *x) { return nn_floating(x->dtype); }
static nn_dtype float_of_both(const nn_tensor *a, const nn_tensor *b) { return nn_floating(nn_promote(a, b)); }

/* Two operands in their promoted dtype: add, sub, mul, maximum, minimum */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *a, nn_tensor *b) { \
    return a && b ? binary(#op, nn_map()->op, NN_CHEAP, nn_promote(a, b), a, b) : NULL; \
  }
NN_WRAPPING_BINARY(X)
NN_ORDERED_BINARY(X)
#undef X

/* The same as floats: div, and derivatives */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *a, nn_tensor *b) { \
    return a && b ? binary(#op, nn_map()->op, NN_CHEAP, float_of_both(a, b), a, b) : NULL; \
  }
NN_QUOTIENT(X)
NN_GRADS_CHEAP(X)
#undef X

#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *g, nn_tensor *x) { \
    return g && x ? binary(#op, nn_map()->op, NN_COSTLY, float_of_both(g, x), g, x) : NULL; \
  }
NN_GRADS_COSTLY(X)
#undef X

/* In the promoted dtype, so that 2 < 2.5 holds for an integer tensor and a number. */
static nn_tensor *compare(const char *name, nn_map_loop *const loops[], nn_tensor *a, nn_tensor *b) {
  if (!a || !b) return NULL;
  return nn_map_run(&(nn_map_call){.name = name, .loops = loops, .dtype = nn_promote(a, b), .result = NN_UINT8,
                                   .part = NN_CHEAP, .operands = 2, .x = {a, b}});
}
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *a, nn_tensor *b) { return compare(#op, nn_map()->op, a, b); }
NN_COMPARISONS(X)
#undef X

#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x) { \
    if (!x) return NULL; \
    return nn_map_run(&(nn_map_call){.name = #op, .loops = nn_map()->op, .dtype = x->dtype, .result = NN_UINT8, \
                                     .part = NN_CHEAP, .operands = 1, .x = {x}}); \
  }
NN_TESTS(X)
#undef X

/* One operand, its own dtype: square, abs, sign, relu */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x) { return x ? unary(#op, nn_map()->op, NN_CHEAP, x->dtype, x) : NULL; }
NN_WRAPPING_UNARY(X)
NN_ORDERED_UNARY(X)
#undef X

/* floor, ceil, round: integers are whole already. */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x) { \
    return x && nn_is_float(x->dtype) ? unary(#op, nn_map()->op, NN_CHEAP, x->dtype, x) : nn_clone(x); \
  }
NN_ROUNDING(X)
#undef X

/* neg: uint8 has no negative numbers. */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x) { \
    return x ? unary(#op, nn_map()->op, NN_CHEAP, x->dtype == NN_UINT8 ? NN_INT64 : x->dtype, x) : NULL; \
  }
NN_NEGATION(X)
#undef X

/* One operand as a float: first what costs little more than reading it, then exponentials and their kin */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x) { return x ? unary(#op, nn_map()->op, NN_CHEAP, float_of(x), x) : NULL; }
NN_FLOAT_CHEAP(X)
#undef X
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x) { return x ? unary(#op, nn_map()->op, NN_COSTLY, float_of(x), x) : NULL; }
NN_FLOAT_COSTLY(X)
#undef X

/* The same with a parameter: leaky_relu, elu, and their derivatives */
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *x, double p) { \
    return x ? bounded(#op, nn_map()->op, float_of(x), x, NULL, float_pair(float_of(x), p, 0)) : NULL; \
  }
NN_FLOAT_PARAMETER(X)
#undef X
#define X(op, formula) \
  nn_tensor *nn_##op(nn_tensor *g, nn_tensor *x, double p) { \
    if (!g || !x) return NULL; \
    const nn_dtype dtype = float_of_both(g, x); \
    return bounded(#op, nn_map()->op, dtype, g, x, float_pair(dtype, p, 0)); \
  }
NN_GRADS_PARAMETER(X)
#undef X

/* lo and hi as integers of dtype: the least not below lo, the largest not above hi; false when there is none. */
static bool integer_bounds(nn_dtype dtype, double lo, double hi, nn_pair *pair) {
  lo = ceil(lo);
  hi = floor(hi);
  if (dtype == NN_UINT8) {
    if (lo > hi || lo > 255 || hi < 0) return false;
    *pair = (nn_pair){.u8 = {(uint8_t)fmax(lo, 0), (uint8_t)fmin(hi, 255)}};
    return true;
  }
  if (lo > hi || lo >= 0x1p63 || hi < -0x1p63) return false;
  *pair = (nn_pair){.i64 = {lo < -0x1p63 ? INT64_MIN : (int64_t)lo, hi >= 0x1p63 ? INT64_MAX : (int64_t)hi}};
  return true;
}

/* x keeps its dtype: bounds of integers are moved inwards to whole numbers of it. */
nn_tensor *nn_clamp(nn_tensor *x, double lo, double hi) {
  if (!x) return NULL;
  if (!(lo <= hi))
    return nn_fail("clamp: the lower bound must not exceed the upper; got %g and %g", nn_shown(lo), nn_shown(hi));
  nn_pair pair = float_pair(x->dtype, lo, hi);
  if (!nn_is_float(x->dtype) && !integer_bounds(x->dtype, lo, hi, &pair))
    return nn_fail("clamp: no %s lies between %g and %g; use a float tensor", nn_dtype_name(x->dtype), lo, hi);
  return bounded("clamp", nn_map()->clamp, x->dtype, x, NULL, pair);
}

/* 1 at the bounds themselves, so that clamp(x, 0) has a slope at 0. */
nn_tensor *nn_clamp_grad(nn_tensor *g, nn_tensor *x, double lo, double hi) {
  if (!g || !x) return NULL;
  const nn_dtype dtype = float_of_both(g, x);
  return bounded("clamp_grad", nn_map()->clamp_grad, dtype, g, x, float_pair(dtype, lo, hi));
}

/* The usual exponents have loops of their own, many times as fast as libm's pow; NULL for others. */
static nn_map_loop *const *fixed_power(double exponent) {
  const nn_map_kernels *k = nn_map();
  return exponent == 2 ? k->power_2 : exponent == 0.5 ? k->power_half : exponent == -1 ? k->reciprocal
       : exponent == 3 ? k->power_3 : exponent == 1 ? k->power_1 : exponent == 0 ? k->power_0 : NULL;
}

/* False, with an error, where an integer exponent is negative (or memory is short). */
static bool check_exponents(nn_tensor *exponents) {
  const size_t mark = nn_scope_open();
  const nn_tensor *negative = nn_lt(exponents, nn_integer(0));
  const bool found = negative && negative->numel && memchr(negative->data, 1, (size_t)negative->numel);
  if (found) nn_fail("pow: integers have no negative powers; use a float tensor");
  nn_scope_close(mark);
  return negative && !found;
}

/* Floats: libm's pow. Integers: by squaring, exact until it wraps around; a negative power would be no integer. */
nn_tensor *nn_pow(nn_tensor *a, nn_tensor *b) {
  if (!a || !b) return NULL;
  const nn_dtype dtype = nn_promote(a, b);
  if (nn_is_float(dtype) && b->number) {
    nn_map_loop *const *loops = fixed_power(nn_item(b));
    if (loops) return unary("pow", loops, NN_CHEAP, dtype, a);
  }
  if (dtype == NN_INT64 && b->dtype == NN_INT64 && !check_exponents(b)) return NULL;
  return binary("pow", nn_map()->pow, NN_COSTLY, dtype, a, b);
}

/* The condition keeps out of the promotion: it is read as uint8, and becomes that first if need be. */
nn_tensor *nn_where(nn_tensor *condition, nn_tensor *a, nn_tensor *b) {
  if (!condition || !a || !b) return NULL;
  const nn_dtype dtype = nn_promote(a, b);
  const size_t mark = nn_scope_open();
  if (condition->dtype != NN_UINT8) condition = nn_ne(condition, nn_integer(0));
  nn_tensor *y = nn_map_run(&(nn_map_call){.name = "where", .loops = nn_map()->where, .dtype = dtype, .result = dtype,
                                           .part = NN_CHEAP, .operands = 3, .x = {condition, a, b}, .condition = true});
  return nn_scope_return(mark, y);
}

/* Does source broadcast to shape, without making it larger? */
static bool broadcasts_to(const nn_shape *source, const nn_shape *shape) {
  const int more = shape->rank - source->rank;
  for (int i = 0; i < source->rank; i++)
    if (more < 0 || (source->dim[i] != 1 && source->dim[i] != shape->dim[more + i])) return false;
  return true;
}

/* In place, the loop may write what it has just read: the same element, not another one. */
static bool apart(const nn_tensor *target, const nn_tensor *source) {
  return source->buffer != target->buffer ||
         (source->data == target->data && source->contiguous && source->numel == target->numel);
}

bool nn_arithmetic_in_place(nn_arithmetic op, nn_tensor *target, nn_tensor *source) {
  const nn_dtype dtype = target->dtype;
  if (!nn_is_float(dtype) || nn_promote(target, source) != dtype || !target->contiguous || !apart(target, source) ||
      !broadcasts_to(&source->shape, &target->shape))
    return false;
  const nn_map_kernels *k = nn_map();
  nn_map_loop *const *const loops[] = {[NN_ADD] = k->add, [NN_SUB] = k->sub, [NN_MUL] = k->mul, [NN_DIV] = k->div};
  nn_map_into(&(nn_map_call){.loops = loops[op], .dtype = dtype, .result = dtype, .part = NN_CHEAP, .operands = 2,
                             .x = {target, source}}, target);
  nn_changed(target);
  return true;
}
