/* Element-wise arithmetic: broadcasting as NumPy does, dtypes by nn_promote; one pass, vectorised, cut over the thread
 * pool when large. Integers wrap around on overflow, as NumPy's do. NaN is propagated, except
 * that NaN^0 and 1^NaN are 1, comparisons and logical_not give 0 (ne: 1), and gradients of relu and clamp choose. */
#ifndef NN_ELEMENTWISE_H
#define NN_ELEMENTWISE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Arithmetic of two operands: (…) op (…) -> broadcast shape, promoted dtype. */
nn_tensor *nn_add(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_sub(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_mul(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_div(nn_tensor *a, nn_tensor *b);      /* always a float: integers are divided as float32 */
nn_tensor *nn_pow(nn_tensor *a, nn_tensor *b);      /* integers: fails on a negative exponent; 0^0 = 1 */
nn_tensor *nn_maximum(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_minimum(nn_tensor *a, nn_tensor *b);
/* Comparisons: uint8, 1 or 0. */
nn_tensor *nn_eq(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_ne(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_lt(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_le(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_gt(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_ge(nn_tensor *a, nn_tensor *b);
nn_tensor *nn_logical_not(nn_tensor *x);            /* 1 where x is 0 */
/* condition (any dtype, true where not 0), a and b broadcast together -> promoted dtype of a and b */
nn_tensor *nn_where(nn_tensor *condition, nn_tensor *a, nn_tensor *b);

/* Any dtype -> the same dtype. neg, abs, sign, square keep integers; neg of uint8 is int64. sign(NaN) is NaN. */
nn_tensor *nn_neg(nn_tensor *x);
nn_tensor *nn_abs(nn_tensor *x);
nn_tensor *nn_sign(nn_tensor *x);
nn_tensor *nn_square(nn_tensor *x);
nn_tensor *nn_relu(nn_tensor *x);                   /* max(0, x) */
nn_tensor *nn_clamp(nn_tensor *x, double lo, double hi); /* infinities for no bound; fails when lo > hi */
nn_tensor *nn_floor(nn_tensor *x);
nn_tensor *nn_ceil(nn_tensor *x);
nn_tensor *nn_round(nn_tensor *x);                  /* halves to even */

/* Floats; integers become float32 first. exp, expm1, log, log1p, tanh, erf, sigmoid, softplus: within about 2 ulp; what
 * is built on them: 4 (gelu far below 0, where it vanishes: of 1). The same bits on every instruction set. */
nn_tensor *nn_exp(nn_tensor *x);
nn_tensor *nn_expm1(nn_tensor *x);
nn_tensor *nn_log(nn_tensor *x);
nn_tensor *nn_log1p(nn_tensor *x);
nn_tensor *nn_sqrt(nn_tensor *x);
nn_tensor *nn_rsqrt(nn_tensor *x);
nn_tensor *nn_sin(nn_tensor *x);
nn_tensor *nn_cos(nn_tensor *x);
nn_tensor *nn_tanh(nn_tensor *x);
nn_tensor *nn_erf(nn_tensor *x);
nn_tensor *nn_sigmoid(nn_tensor *x);                /* 1 / (1 + e^-x) */
nn_tensor *nn_log_sigmoid(nn_tensor *x);            /* -softplus(-x) */
nn_tensor *nn_softplus(nn_tensor *x);               /* ln(1 + e^x) = max(x, 0) + log1p(e^-|x|) */
nn_tensor *nn_softsign(nn_tensor *x);               /* x / (1 + |x|) */
nn_tensor *nn_silu(nn_tensor *x);                   /* x sigmoid(x) */
nn_tensor *nn_mish(nn_tensor *x);                   /* x tanh(softplus(x)) */
nn_tensor *nn_gelu(nn_tensor *x);                   /* x/2 (1 + erf(x / sqrt 2)) (Hendrycks & Gimpel 2016) */
nn_tensor *nn_gelu_tanh(nn_tensor *x);              /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
nn_tensor *nn_hard_sigmoid(nn_tensor *x);           /* min(max(x/6 + 1/2, 0), 1) */
nn_tensor *nn_leaky_relu(nn_tensor *x, double slope); /* x > 0 ? x : slope x */
nn_tensor *nn_elu(nn_tensor *x, double alpha);      /* x > 0 ? x : alpha (e^x - 1) */
nn_tensor *nn_selu(nn_tensor *x);                   /* 1.0507009873554805 elu(x, 1.6732632423543772) */

/* Derivatives in one pass: g times the derivative at x (or written with the result y), same float dtype and shape. */
nn_tensor *nn_relu_grad(nn_tensor *g, nn_tensor *y);            /* y <= 0 ? 0 : g, so g where y is NaN */
nn_tensor *nn_leaky_relu_grad(nn_tensor *g, nn_tensor *x, double slope);
nn_tensor *nn_elu_grad(nn_tensor *g, nn_tensor *x, double alpha); /* x > 0 ? g : g alpha e^x */
nn_tensor *nn_selu_grad(nn_tensor *g, nn_tensor *x);
nn_tensor *nn_sigmoid_grad(nn_tensor *g, nn_tensor *y);         /* g y (1 - y) */
nn_tensor *nn_tanh_grad(nn_tensor *g, nn_tensor *y);            /* g (1 - y^2) */
nn_tensor *nn_softplus_grad(nn_tensor *g, nn_tensor *x);        /* g sigmoid(x) */
nn_tensor *nn_softsign_grad(nn_tensor *g, nn_tensor *x);        /* g / (1 + |x|)^2 */
nn_tensor *nn_silu_grad(nn_tensor *g, nn_tensor *x);
nn_tensor *nn_mish_grad(nn_tensor *g, nn_tensor *x);
nn_tensor *nn_gelu_grad(nn_tensor *g, nn_tensor *x);
nn_tensor *nn_gelu_tanh_grad(nn_tensor *g, nn_tensor *x);
nn_tensor *nn_hard_sigmoid_grad(nn_tensor *g, nn_tensor *x);    /* |x| < 3 ? g/6 : 0 */
nn_tensor *nn_clamp_grad(nn_tensor *g, nn_tensor *x, double lo, double hi); /* lo <= x <= hi ? g : 0 */

/* target = target op source without a temporary. False, with nothing done and no error, where that cannot be: target is
 * gapless, a float and keeps its dtype and shape (source is a number, or of its dtype and broadcast to it), and source
 * is no other part of the same memory. Counts a change. */
typedef enum nn_arithmetic { NN_ADD, NN_SUB, NN_MUL, NN_DIV } nn_arithmetic;
bool nn_arithmetic_in_place(nn_arithmetic op, nn_tensor *target, nn_tensor *source);

/* Which instruction set the kernels use: "avx512", "avx2" or "portable"; and the choice of a lesser one, for tests
 * (false when this machine lacks it). For the whole process; also by the environment variable NNLUA_KERNELS. */
const char *nn_kernels_name(void);
bool nn_kernels_use(const char *name);

#ifdef __cplusplus
}
#endif
#endif
