/* Arithmetic, comparisons and elementary functions. */
#include <math.h>

#include "derivatives.h"

ag_var *ag_zeros_like(ag_var *x) { return x ? ag_constant(nn_zeros(x->value->dtype, x->value->shape)) : NULL; }

FORWARD(add) { return nn_add(x[0], x[1]); }
VJP(add)     { WANT(0) = g;
               WANT(1) = g; }
BINARY(add, HELP("x + y"))

FORWARD(sub) { return nn_sub(x[0], x[1]); }
VJP(sub)     { WANT(0) = g;
               WANT(1) = ag_neg(g); }
BINARY(sub, HELP("x - y"))

FORWARD(mul) { return nn_mul(x[0], x[1]); }
VJP(mul)     { WANT(0) = ag_mul(g, x[1]);
               WANT(1) = ag_mul(g, x[0]); }
BINARY(mul, .needs = {X1, X0}, HELP("x * y"))

FORWARD(div) { return nn_div(x[0], x[1]); }
VJP(div)     { WANT(0) = ag_div(g, x[1]);
               WANT(1) = ag_neg(ag_mul(g, ag_div(y, x[1]))); }
BINARY(div, .needs = {X1, X1 | Y}, HELP("x / y, always a float"))

/* dx0 = g x1 x0^(x1 - 1), 0 where x1 is 0; dx1 = g y ln x0, 0 where x0 is 0 and y finite */
static ag_var *base_slope(ag_var *base, ag_var *exponent) {
  if (exponent->value->number) {
    const double p = nn_item(exponent->value);
    return p == 0 ? ag_number(0) : times(p == 2 ? base : ag_pow(base, ag_number(p - 1)), p);
  }
  ag_var *slope = ag_mul(exponent, ag_pow(base, plus(exponent, -1)));
  return ag_where(ag_eq(exponent, ag_number(0)), ag_number(0), slope);
}

static ag_var *exponent_slope(ag_var *base, ag_var *power) {
  ag_var *nothing = ag_mul(ag_eq(base, ag_number(0)), ag_le(power, ag_number(1)));
  return ag_mul(power, ag_log(ag_where(nothing, ag_number(1), base)));
}

FORWARD(pow) { return nn_pow(x[0], x[1]); }
VJP(pow)     { WANT(0) = ag_mul(g, base_slope(x[0], x[1]));
               WANT(1) = ag_mul(g, exponent_slope(x[0], y)); }
BINARY(pow, .needs = {X0 | X1, X0 | Y}, HELP("x to the power y"))

/* 1 where a wins, 1/2 where both are equal */
static ag_var *share(ag_var *wins, ag_var *wins_or_ties) { return times(ag_add(wins, wins_or_ties), 0.5); }

FORWARD(maximum) { return nn_maximum(x[0], x[1]); }
VJP(maximum)     { WANT(0) = ag_mul(g, share(ag_gt(x[0], x[1]), ag_ge(x[0], x[1])));
                   WANT(1) = ag_mul(g, share(ag_gt(x[1], x[0]), ag_ge(x[1], x[0]))); }
BINARY(maximum, .needs = {X0 | X1, X0 | X1}, HELP("the larger of x and y; a tie shares the gradient"))

FORWARD(minimum) { return nn_minimum(x[0], x[1]); }
VJP(minimum)     { WANT(0) = ag_mul(g, share(ag_lt(x[0], x[1]), ag_le(x[0], x[1])));
                   WANT(1) = ag_mul(g, share(ag_lt(x[1], x[0]), ag_le(x[1], x[0]))); }
BINARY(minimum, .needs = {X0 | X1, X0 | X1}, HELP("the smaller of x and y; a tie shares the gradient"))

#define COMPARISON(op, help)                                                                \
  FORWARD(op) { return nn_##op(x[0], x[1]); }                                               \
  PLAIN(op, 2, HELP(help))                                                                  \
  ag_var *ag_##op(ag_var *a, ag_var *b) { return APPLY(op, NULL, a, b); }

COMPARISON(eq, "1 where x == y, else 0 (uint8)")
COMPARISON(ne, "1 where x ~= y, else 0 (uint8)")
COMPARISON(lt, "1 where x < y, else 0 (uint8)")
COMPARISON(le, "1 where x <= y, else 0 (uint8)")
COMPARISON(gt, "1 where x > y, else 0 (uint8)")
COMPARISON(ge, "1 where x >= y, else 0 (uint8)")

FORWARD(logical_not) { return nn_logical_not(x[0]); }
PLAIN(logical_not, 1, HELP("1 where x is 0, else 0 (uint8)"))
ag_var *ag_logical_not(ag_var *x) { return APPLY(logical_not, NULL, x); }

FORWARD(where) { return nn_where(x[0], x[1], x[2]); }
VJP(where)     { WANT(1) = ag_where(x[0], g, ag_number(0));
                 WANT(2) = ag_where(x[0], ag_number(0), g); }
OP(where, 3, .needs = {0, X0, X0}, INPUTS("condition, a, b"), HELP("a where condition is not 0, else b"))
ag_var *ag_where(ag_var *condition, ag_var *a, ag_var *b) { return APPLY(where, NULL, condition, a, b); }

FORWARD(to) {
  nn_dtype dtype;
  if (nn_dtype_named(a[0].text, &dtype)) return nn_cast(x[0], dtype);
  return nn_fail("to: unknown dtype \"%s\"; there are float32, float64, int64, uint8", a[0].text);
}
VJP(to) { WANT(0) = g; }
OP(to, 1, ATTR({"dtype", AG_TEXT, true, 0}), HELP("the same values as another dtype"))
ag_var *ag_to(ag_var *x, nn_dtype dtype) {
  if (x && x->value->dtype == dtype && !x->value->number) return x;
  return APPLY(to, ATTRS({.text = nn_dtype_name(dtype)}), x);
}

FORWARD(neg) { return nn_neg(x[0]); }
VJP(neg)     { WANT(0) = ag_neg(g); }
UNARY(neg, HELP("-x"))

FORWARD(abs) { return nn_abs(x[0]); }
VJP(abs)     { WANT(0) = ag_mul(g, ag_sign(x[0])); }
UNARY(abs, .needs = {X0}, HELP("|x|; gradient 0 at 0"))

FORWARD(exp) { return nn_exp(x[0]); }
VJP(exp)     { WANT(0) = ag_mul(g, y); }
UNARY(exp, .needs = {Y}, HELP("e^x"))

FORWARD(expm1) { return nn_expm1(x[0]); }
VJP(expm1)     { WANT(0) = ag_mul(g, plus(y, 1)); }
UNARY(expm1, .needs = {Y}, HELP("e^x - 1, exact near 0"))

FORWARD(log) { return nn_log(x[0]); }
VJP(log)     { WANT(0) = ag_div(g, x[0]); }
UNARY(log, .needs = {X0}, HELP("natural logarithm"))

FORWARD(log1p) { return nn_log1p(x[0]); }
VJP(log1p)     { WANT(0) = ag_div(g, plus(x[0], 1)); }
UNARY(log1p, .needs = {X0}, HELP("ln(1 + x), exact near 0"))

FORWARD(sqrt) { return nn_sqrt(x[0]); }
VJP(sqrt)     { WANT(0) = ag_div(times(g, 0.5), y); }
UNARY(sqrt, .needs = {Y}, HELP("square root"))

FORWARD(rsqrt) { return nn_rsqrt(x[0]); }
VJP(rsqrt)     { WANT(0) = ag_mul(g, times(ag_mul(ag_square(y), y), -0.5)); }
UNARY(rsqrt, .needs = {Y}, HELP("1 / sqrt(x)"))

FORWARD(square) { return nn_square(x[0]); }
VJP(square)     { WANT(0) = ag_mul(g, times(x[0], 2)); }
UNARY(square, .needs = {X0}, HELP("x^2"))

FORWARD(sin) { return nn_sin(x[0]); }
VJP(sin)     { WANT(0) = ag_mul(g, ag_cos(x[0])); }
UNARY(sin, .needs = {X0}, HELP("sine, of radians"))

FORWARD(cos) { return nn_cos(x[0]); }
VJP(cos)     { WANT(0) = ag_neg(ag_mul(g, ag_sin(x[0]))); }
UNARY(cos, .needs = {X0}, HELP("cosine, of radians"))

static ag_var *tanh_derivative(ag_var *g, ag_var *y);
FORWARD(tanh) { return nn_tanh(x[0]); }
VJP(tanh)     { WANT(0) = tanh_derivative(g, y); }
UNARY(tanh, .needs = {Y}, HELP("hyperbolic tangent"))

/* y' = g (1 - y^2) */
FORWARD(tanh_grad) { return nn_tanh_grad(x[0], x[1]); }
VJP(tanh_grad)     { WANT(0) = tanh_derivative(g, x[1]);
                     WANT(1) = ag_mul(ag_mul(g, x[0]), times(x[1], -2)); }
DERIVATIVE(tanh_grad, 2, .needs = {X1, X0 | X1})
static ag_var *tanh_derivative(ag_var *g, ag_var *y) { return APPLY(tanh_grad, NULL, g, y); }

/* dx = g 2/sqrt(pi) e^(-x^2) */
FORWARD(erf) { return nn_erf(x[0]); }
VJP(erf)     { WANT(0) = ag_mul(g, times(ag_exp(ag_neg(ag_square(x[0]))), M_2_SQRTPI)); }
UNARY(erf, .needs = {X0}, HELP("error function"))

/* Steps: flat wherever they have a derivative. */
#define STEP(op, help)                                \
  FORWARD(op) { return nn_##op(x[0]); }               \
  VJP(op) { WANT(0) = ag_zeros_like(g); }             \
  UNARY(op, HELP(help))

STEP(sign, "-1, 0 or 1; NaN stays NaN; gradient 0")
STEP(floor, "the whole number below; gradient 0")
STEP(ceil, "the whole number above; gradient 0")
STEP(round, "the nearest whole number, halves to even; gradient 0")

static ag_var *clamp_derivative(ag_var *g, ag_var *x, const ag_attr *bounds);
FORWARD(clamp) { return nn_clamp(x[0], a[0].number, a[1].number); }
VJP(clamp)     { WANT(0) = clamp_derivative(g, x[0], a); }
OP(clamp, 1, .needs = {X0}, ATTR({"lo", AG_NUMBER, false, -INFINITY}, {"hi", AG_NUMBER, false, INFINITY}),
   HELP("x kept within lo..hi (either may be nil); gradient 1 at the bounds"))
ag_var *ag_clamp(ag_var *x, double lo, double hi) { return APPLY(clamp, ATTRS({.number = lo}, {.number = hi}), x); }

/* lo <= x <= hi ? g : 0 */
FORWARD(clamp_grad) { return nn_clamp_grad(x[0], x[1], a[0].number, a[1].number); }
VJP(clamp_grad)     { WANT(0) = clamp_derivative(g, x[1], a);
                      WANT(1) = ag_zeros_like(g); }
DERIVATIVE(clamp_grad, 2, .needs = {X1, 0}, ATTR({"lo", AG_NUMBER, true, 0}, {"hi", AG_NUMBER, true, 0}))
static ag_var *clamp_derivative(ag_var *g, ag_var *x, const ag_attr *bounds) { return APPLY(clamp_grad, bounds, g, x); }
