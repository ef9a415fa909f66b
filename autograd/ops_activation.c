/* Activations and their derivatives. Below, s = sigmoid(x), and a prime means the derivative by x. */
#include <math.h>

#include "derivatives.h"
#include "format.h"

FORWARD(sigmoid) { return nn_sigmoid(x[0]); }
VJP(sigmoid)     { WANT(0) = ag_sigmoid_grad(g, y); }
UNARY(sigmoid, .needs = {Y}, HELP("1 / (1 + e^-x)"))

/* y' = g y (1 - y) */
FORWARD(sigmoid_grad) { return nn_sigmoid_grad(x[0], x[1]); }
VJP(sigmoid_grad)     { WANT(0) = ag_sigmoid_grad(g, x[1]);
                        WANT(1) = ag_mul(ag_mul(g, x[0]), plus(times(x[1], -2), 1)); }
BINARY(sigmoid_grad, .internal = true, .needs = {X1, X0 | X1})

static ag_var *relu_derivative(ag_var *g, ag_var *y);
FORWARD(relu) { return nn_relu(x[0]); }
VJP(relu)     { WANT(0) = relu_derivative(g, y); }
UNARY(relu, .needs = {Y}, HELP("max(0, x); gradient 0 at 0"))

FORWARD(relu_grad) { return nn_relu_grad(x[0], x[1]); }
VJP(relu_grad)     { WANT(0) = relu_derivative(g, x[1]);
                     WANT(1) = ag_zeros_like(g); }
DERIVATIVE(relu_grad, 2, .needs = {X1, 0})
static ag_var *relu_derivative(ag_var *g, ag_var *y) { return APPLY(relu_grad, NULL, g, y); }

/* An activation with one parameter p, and its derivative at x as an op; BEND is the second derivative times G g, where
 * the derivative bends: d = G g, at x. */
#define WITH_PARAMETER(op, attr_name, value, BEND, help)                                              \
  static ag_var *op##_derivative(ag_var *g, ag_var *x, double p);                                     \
  FORWARD(op) { return nn_##op(x[0], a[0].number); }                                                  \
  VJP(op)     { WANT(0) = op##_derivative(g, x[0], a[0].number); }                                    \
  OP(op, 1, .needs = {X0}, ATTR({attr_name, AG_NUMBER, false, value}), HELP(help))                    \
  ag_var *ag_##op(ag_var *x, double p) { return APPLY(op, ATTRS({.number = p}), x); }                 \
  FORWARD(op##_grad) { return nn_##op##_grad(x[0], x[1], a[0].number); }                              \
  static ag_var *op##_bend(ag_var *d, ag_var *x, double p) { (void)p; return BEND; }                  \
  VJP(op##_grad) { WANT(0) = op##_derivative(g, x[1], a[0].number);                                   \
                   WANT(1) = op##_bend(ag_mul(g, x[0]), x[1], a[0].number); }                         \
  DERIVATIVE(op##_grad, 2, .needs = {X1, X0 | X1}, ATTR({attr_name, AG_NUMBER, true, 0}))             \
  static ag_var *op##_derivative(ag_var *g, ag_var *x, double p) {                                    \
    return APPLY(op##_grad, ATTRS({.number = p}), g, x);                                              \
  }

WITH_PARAMETER(leaky_relu, "slope", 0.2, ((void)x, ag_zeros_like(d)), "x where x > 0, else slope x")
/* elu' = alpha e^x below 0, and so is elu'' */
WITH_PARAMETER(elu, "alpha", 1, ag_where(ag_gt(x, ag_number(0)), ag_number(0), elu_derivative(d, x, p)),
               "x where x > 0, else alpha (e^x - 1)")

/* An activation without parameters, its derivative, and BEND as above. */
#define WITH_DERIVATIVE(op, BEND, help)                                                               \
  static ag_var *op##_derivative(ag_var *g, ag_var *x);                                               \
  FORWARD(op) { return nn_##op(x[0]); }                                                               \
  VJP(op)     { WANT(0) = op##_derivative(g, x[0]); }                                                 \
  UNARY(op, .needs = {X0}, HELP(help))                                                                \
  CURVED(op, BEND)
#define CURVED(op, BEND)                                                                              \
  FORWARD(op##_grad) { return nn_##op##_grad(x[0], x[1]); }                                           \
  static ag_var *op##_bend(ag_var *d, ag_var *x) { return BEND; }                                     \
  VJP(op##_grad) { WANT(0) = op##_derivative(g, x[1]);                                                \
                   WANT(1) = op##_bend(ag_mul(g, x[0]), x[1]); }                                      \
  DERIVATIVE(op##_grad, 2, .needs = {X1, X0 | X1})                                                    \
  static ag_var *op##_derivative(ag_var *g, ag_var *x) { return APPLY(op##_grad, NULL, g, x); }

static ag_var *steepness(ag_var *s) { return ag_mul(s, minus_from(1, s)); }        /* s' = s (1 - s) */

WITH_DERIVATIVE(selu, ag_where(ag_gt(x, ag_number(0)), ag_number(0), selu_derivative(d, x)),
                "1.0507 x where x > 0, else 1.7581 (e^x - 1) (Klambauer et al. 2017)")
WITH_DERIVATIVE(softplus, ag_mul(d, steepness(ag_sigmoid(x))), "ln(1 + e^x)")

FORWARD(log_sigmoid) { return nn_log_sigmoid(x[0]); }
VJP(log_sigmoid)     { WANT(0) = softplus_derivative(g, ag_neg(x[0])); }
UNARY(log_sigmoid, .needs = {X0}, HELP("ln(sigmoid(x))"))

WITH_DERIVATIVE(hard_sigmoid, ((void)x, ag_zeros_like(d)), "x/6 + 1/2 kept within 0..1")

/* softsign'' = -2 sign(x) / (1 + |x|)^3 */
static ag_var *softsign_curve(ag_var *d, ag_var *x) {
  ag_var *size = plus(ag_abs(x), 1);
  return ag_div(ag_mul(d, times(ag_sign(x), -2)), ag_mul(ag_square(size), size));
}
WITH_DERIVATIVE(softsign, softsign_curve(d, x), "x / (1 + |x|)")

/* silu'' = s' (2 + x (1 - 2 s)) */
static ag_var *silu_curve(ag_var *d, ag_var *x) {
  ag_var *s = ag_sigmoid(x);
  return ag_mul(ag_mul(d, steepness(s)), plus(ag_mul(x, plus(times(s, -2), 1)), 2));
}
WITH_DERIVATIVE(silu, silu_curve(d, x), "x sigmoid(x), also called swish (Ramachandran et al. 2017)")

/* With t = tanh(softplus(x)): mish'' = (1 - t^2) s (2 + x (1 - s - 2 t s)) */
static ag_var *mish_curve(ag_var *d, ag_var *x) {
  ag_var *s = ag_sigmoid(x), *t = ag_tanh(ag_softplus(x));
  ag_var *bend = plus(ag_mul(x, ag_sub(minus_from(1, s), times(ag_mul(t, s), 2))), 2);
  return ag_mul(d, ag_mul(ag_mul(minus_from(1, ag_square(t)), s), bend));
}
WITH_DERIVATIVE(mish, mish_curve(d, x), "x tanh(softplus(x)) (Misra 2019)")

/* gelu: x Phi(x), and gelu'' = phi(x) (2 - x^2), phi(x) = e^(-x^2/2) / sqrt(2 pi) */
static ag_var *gelu_derivative(ag_var *g, ag_var *x);
static ag_var *gelu_curve(ag_var *d, ag_var *x) {
  ag_var *square = ag_square(x), *phi = times(ag_exp(times(square, -0.5)), 0.5 * M_SQRT1_2 * M_2_SQRTPI);
  return ag_mul(d, ag_mul(phi, ag_sub(ag_number(2), square)));
}
CURVED(gelu, gelu_curve(d, x))

/* gelu by tanh: with u = c (x + k x^3), c = sqrt(2/pi), k = 0.044715, t = tanh(u), u' = c (1 + 3 k x^2):
 * gelu'' = (1 - t^2) (u' + x (3 k c x - t u'^2)) */
static ag_var *gelu_tanh_derivative(ag_var *g, ag_var *x);
static ag_var *gelu_tanh_curve(ag_var *d, ag_var *x) {
  const double c = M_2_SQRTPI * M_SQRT1_2, k = 0.044715;
  ag_var *square = ag_square(x), *t = ag_tanh(times(ag_mul(x, plus(times(square, k), 1)), c));
  ag_var *slope = times(plus(times(square, 3 * k), 1), c);
  ag_var *bend = ag_sub(times(x, 3 * k * c), ag_mul(t, ag_square(slope)));
  return ag_mul(d, ag_mul(minus_from(1, ag_square(t)), ag_add(slope, ag_mul(x, bend))));
}
CURVED(gelu_tanh, gelu_tanh_curve(d, x))

FORWARD(gelu) { return a[0].flag ? nn_gelu_tanh(x[0]) : nn_gelu(x[0]); }
VJP(gelu)     { WANT(0) = a[0].flag ? gelu_tanh_derivative(g, x[0]) : gelu_derivative(g, x[0]); }
OP(gelu, 1, .needs = {X0}, ATTR({"approximate", AG_FLAG, false, 0}),
   HELP("x Phi(x) (Hendrycks & Gimpel 2016); approximate = true: by tanh"))
ag_var *ag_gelu(ag_var *x, bool approximate) { return APPLY(gelu, ATTRS({.flag = approximate}), x); }

FORWARD(softmax) { return nn_softmax(x[0], a[0].integer); }
VJP(softmax)     { WANT(0) = ag_softmax_grad(g, y, a[0].integer); }
OP(softmax, 1, .needs = {Y}, ATTR({"dim", AG_DIM, false, -1}), HELP("e^x / sum(e^x) along a dimension"))
ag_var *ag_softmax(ag_var *x, int64_t dim) { return APPLY(softmax, ATTRS({.integer = dim}), x); }

/* z = y (g - sum(g y)): dg is the same of G; dy = G (g - sum(g y)) - g sum(G y) */
static ag_var *softmax_bend(ag_var *G, ag_var *g, ag_var *y, int64_t dim) {
  ag_var *mean = ag_sum(ag_mul(g, y), NN_INTS(dim), true), *other = ag_sum(ag_mul(G, y), NN_INTS(dim), true);
  return ag_sub(ag_mul(G, ag_sub(g, mean)), ag_mul(g, other));
}
FORWARD(softmax_grad) { return nn_softmax_grad(x[0], x[1], a[0].integer); }
VJP(softmax_grad)     { WANT(0) = ag_softmax_grad(g, x[1], a[0].integer);
                        WANT(1) = softmax_bend(g, x[0], x[1], a[0].integer); }
DERIVATIVE(softmax_grad, 2, .needs = {X1, X0 | X1}, ATTR({"dim", AG_DIM, true, 0}))
ag_var *ag_softmax_grad(ag_var *g, ag_var *y, int64_t dim) {
  return APPLY(softmax_grad, ATTRS({.integer = dim}), g, y);
}

static ag_var *log_softmax_derivative(ag_var *g, ag_var *y, int64_t dim);
FORWARD(log_softmax) { return nn_log_softmax(x[0], a[0].integer); }
VJP(log_softmax)     { WANT(0) = log_softmax_derivative(g, y, a[0].integer); }
OP(log_softmax, 1, .needs = {Y}, ATTR({"dim", AG_DIM, false, -1}), HELP("ln(softmax(x)), without overflow"))
ag_var *ag_log_softmax(ag_var *x, int64_t dim) { return APPLY(log_softmax, ATTRS({.integer = dim}), x); }

/* z = g - e^y sum(g): dg = G - sum(G e^y), dy = -G e^y sum(g) */
FORWARD(log_softmax_grad) { return nn_log_softmax_grad(x[0], x[1], a[0].integer); }
VJP(log_softmax_grad) {
  ag_var *p = ag_exp(x[1]);
  WANT(0) = ag_sub(g, ag_sum(ag_mul(g, p), NN_INTS(a[0].integer), true));
  WANT(1) = ag_neg(ag_mul(ag_mul(g, p), ag_sum(x[0], NN_INTS(a[0].integer), true)));
}
DERIVATIVE(log_softmax_grad, 2, .needs = {X1, X0 | X1}, ATTR({"dim", AG_DIM, true, 0}))
static ag_var *log_softmax_derivative(ag_var *g, ag_var *y, int64_t dim) {
  return APPLY(log_softmax_grad, ATTRS({.integer = dim}), g, y);
}

COMPOSE(dropout) {
  const double rate = a[0].number;
  if (!(rate >= 0 && rate <= 1)) return nn_fail("dropout: rate must be within 0..1; got %g", nn_shown(rate));
  ag_var *input = ag_to(x[0], nn_floating(x[0]->value->dtype));
  if (!input || rate == 0) return input;
  return ag_mul(input, ag_constant(nn_dropout_mask(NULL, input->value->dtype, input->value->shape, rate)));
}
COMPOSED(dropout, 1, ATTR({"rate", AG_NUMBER, true, 0}),
         HELP("0 with probability rate, else x / (1 - rate) (Srivastava et al. 2014)"))
ag_var *ag_dropout(ag_var *x, double rate) { return APPLY(dropout, ATTRS({.number = rate}), x); }
