/* Every element-wise function in one line: X(name, formula). To add one, write its line here and declare nn_<name> in
 * elementwise.h. x and y are the operands; g and x (or y: the same, where the formula is in terms of the result) those
 * of a derivative; p and q the parameters. EXP, TANH ... are in vmath.h; K(c) is the constant c in the operands' type,
 * so that float32 is never computed as float64. Conditions are combined with & and |: a loop without branches. */
#ifndef NN_FORMULAS_H
#define NN_FORMULAS_H

/* Any dtype; integers are computed unsigned, so that they wrap around. */
#define NN_WRAPPING_BINARY(X) \
  X(add, x + y) \
  X(sub, x - y) \
  X(mul, x * y)
#define NN_POWER(X) \
  X(pow, POW(x, y))
#define NN_NEGATION(X) \
  X(neg, -x)
#define NN_WRAPPING_UNARY(X) \
  X(square, x * x)

/* Any dtype. Comparisons with NaN are false, so that relu and clamp let it through. */
#define NN_ORDERED_BINARY(X) \
  X(maximum, ((x > y) | IS_NAN(x)) ? x : y) \
  X(minimum, ((x < y) | IS_NAN(x)) ? x : y)
#define NN_ORDERED_UNARY(X) \
  X(abs, ABS(x)) \
  X(sign, IS_NAN(x) ? x : (T)((x > 0) - (x < 0))) \
  X(relu, x <= 0 ? 0 : x)
#define NN_BOUNDED(X) \
  X(clamp, CLAMP(x, p, q))

/* Any dtype -> uint8. */
#define NN_COMPARISONS(X) \
  X(eq, x == y) \
  X(ne, x != y) \
  X(lt, x < y) \
  X(le, x <= y) \
  X(gt, x > y) \
  X(ge, x >= y)
#define NN_TESTS(X) \
  X(logical_not, x == 0)

/* Floats from here on. */
#define NN_QUOTIENT(X) \
  X(div, x / y)
/* Of logits x and targets y, stable for any x; and the derivative by x times g. */
#define NN_LOGITS(X) \
  X(binary_crossentropy, (x > 0 ? x : 0) - x * y + LOG1P(EXP(-ABS(x))))
#define NN_LOGITS_GRAD(X) \
  X(binary_crossentropy_grad, g * (SIGMOID(x) - y))
#define NN_FIXED_POWERS(X) \
  X(power_0, 1) \
  X(power_half, SQRT(x)) \
  X(power_1, x) \
  X(power_2, x * x) \
  X(power_3, x * x * x) \
  X(reciprocal, 1 / x)
#define NN_ROUNDING(X) \
  X(floor, FLOOR(x)) \
  X(ceil, CEIL(x)) \
  X(round, ROUND(x))
#define NN_FLOAT_CHEAP(X) \
  X(sqrt, SQRT(x)) \
  X(rsqrt, 1 / SQRT(x)) \
  X(softsign, x / (1 + ABS(x))) \
  X(hard_sigmoid, CLAMP(x / 6 + K(0.5), 0, 1))
#define NN_FLOAT_COSTLY(X) \
  X(exp, EXP(x)) \
  X(expm1, EXPM1(x)) \
  X(log, LOG(x)) \
  X(log1p, LOG1P(x)) \
  X(sin, SIN(x)) \
  X(cos, COS(x)) \
  X(tanh, TANH(x)) \
  X(erf, ERF(x)) \
  X(sigmoid, SIGMOID(x)) \
  X(log_sigmoid, -SOFTPLUS(-x)) \
  X(softplus, SOFTPLUS(x)) \
  X(silu, x * SIGMOID(x)) \
  X(mish, MISH(x)) \
  X(gelu, K(0.5) * x * (1 + ERF(x * K(M_SQRT1_2)))) \
  X(gelu_tanh, GELU_TANH(x)) \
  X(selu, x > 0 ? K(SELU_SCALE) * x : K(SELU_SCALE * SELU_ALPHA) * EXPM1(x))
#define NN_FLOAT_PARAMETER(X) \
  X(leaky_relu, x > 0 ? x : p * x) \
  X(elu, x > 0 ? x : p * EXPM1(x))

/* Derivatives times g. */
#define NN_GRADS_CHEAP(X) \
  X(relu_grad, y <= 0 ? 0 : g) \
  X(sigmoid_grad, g * (y * (1 - y))) \
  X(tanh_grad, g * (1 - y * y)) \
  X(softsign_grad, g / ((1 + ABS(x)) * (1 + ABS(x)))) \
  X(hard_sigmoid_grad, ABS(x) < 3 ? g / 6 : 0)
#define NN_GRADS_COSTLY(X) \
  X(softplus_grad, g * SIGMOID(x)) \
  X(silu_grad, g * SILU_SLOPE(x)) \
  X(mish_grad, g * MISH_SLOPE(x)) \
  X(gelu_grad, g * GELU_SLOPE(x)) \
  X(gelu_tanh_grad, g * GELU_TANH_SLOPE(x)) \
  X(selu_grad, g * (x > 0 ? K(SELU_SCALE) : K(SELU_SCALE * SELU_ALPHA) * EXP(x)))
#define NN_GRADS_PARAMETER(X) \
  X(leaky_relu_grad, x > 0 ? g : p * g) \
  X(elu_grad, x > 0 ? g : g * (p * EXP(x)))
#define NN_GRADS_BOUNDED(X) \
  X(clamp_grad, ((x >= p) & (x <= q)) ? g : 0)

#define NN_FLOAT_UNARY(X) \
  NN_FIXED_POWERS(X) NN_ROUNDING(X) NN_FLOAT_CHEAP(X) NN_FLOAT_COSTLY(X) NN_FLOAT_PARAMETER(X)
#define NN_GRADS(X) NN_GRADS_CHEAP(X) NN_GRADS_COSTLY(X) NN_GRADS_PARAMETER(X) NN_GRADS_BOUNDED(X)
#define NN_ANY_DTYPE(X) \
  NN_WRAPPING_BINARY(X) NN_POWER(X) NN_NEGATION(X) NN_WRAPPING_UNARY(X) NN_ORDERED_BINARY(X) NN_ORDERED_UNARY(X) \
  NN_BOUNDED(X) NN_COMPARISONS(X) NN_TESTS(X)
#define NN_FLOATS_ONLY(X) NN_QUOTIENT(X) NN_LOGITS(X) NN_LOGITS_GRAD(X) NN_FLOAT_UNARY(X) NN_GRADS(X)
#define NN_EVERY_MAP(X) NN_ANY_DTYPE(X) NN_FLOATS_ONLY(X)

#endif
