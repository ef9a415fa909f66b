/* The mathematics of the kernels, for float and double: no branches, calls or fused operations, so that loops over it
 * vectorise and every instruction set, vector body and scalar tail give the same bits. A name in capitals takes the
 * function of its argument's type. Private to core/kernels/. */
#ifndef NN_VMATH_H
#define NN_VMATH_H

#include <math.h>
#include <string.h>

#include "../kernels.h"

#define NN_INLINE static inline __attribute__((always_inline, unused))

#define CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x)) /* NaN stays */

NN_INLINE float erf_f32(float x);
NN_INLINE double erf_f64(double x);

/* The constants of float. TAIL(r): (e^r - 1 - r) / r^2, Taylor's. SERIES(z): of ln((1 + s) / (1 - s)), z = s^2, from
 * fdlibm. LN2_HI has so few bits that k LN2_HI is exact. MAGIC: adding it leaves an integer in the lowest bits. */
#define T float
#define BITS uint32_t
#define FN(name) name##_f32
#define LIBM(name) __builtin_##name##f
#define MANTISSA 23
#define BIAS 127
#define MAGIC 0x1.8p23f
#define LN2_HI 0x1.62e3p-1f
#define LN2_LO 0x1.2fefa2p-17f
#define BOUNDS nn_bounds_f32
#define SMALLEST 0x1p-126f
#define BOTTOM -87.0f
#define SQRT_HALF 0x3f3504f3u
#define TAIL(r) (0x1p-1f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f + r * (1 / 720.0f + \
                    r * (1 / 5040.0f))))))
#define SERIES(z) (z * (0xaaaaaa.0p-24f + z * (0xccce13.0p-25f + z * (0x91e9ee.0p-25f + z * 0xf89e26.0p-26f))))
#include "vmath_template.h"

/* The same for double: Taylor to the 13th power, fdlibm's seven terms. */
#define T double
#define BITS uint64_t
#define FN(name) name##_f64
#define LIBM(name) __builtin_##name
#define MANTISSA 52
#define BIAS 1023
#define MAGIC 0x1.8p52
#define LN2_HI 6.93147180369123816490e-01
#define LN2_LO 1.90821492927058770002e-10
#define BOUNDS nn_bounds_f64
#define SMALLEST 0x1p-1022
#define BOTTOM -708.0
#define SQRT_HALF 0x3fe6a09e667f3bcdu
#define TAIL(r) (0.5 + r * (1 / 6.0 + r * (1 / 24.0 + r * (1 / 120.0 + r * (1 / 720.0 + r * (1 / 5040.0 + \
                r * (1 / 40320.0 + r * (1 / 362880.0 + r * (1 / 3628800.0 + r * (1 / 39916800.0 + \
                r * (1 / 479001600.0 + r * (1 / 6227020800.0))))))))))))
#define SERIES(z) (z * (6.666666666666735130e-01 + z * (3.999999999940941908e-01 + z * (2.857142874366239149e-01 + \
                  z * (2.222219843214978396e-01 + z * (1.818357216161805012e-01 + z * (1.531383769920937332e-01 + \
                  z * 1.479819860511658591e-01)))))))
#include "vmath_template.h"

/* erf by the two polynomials of N. Juffa (Nvidia forum, public domain): x + x P(x^2) near 0, else 1 - e^-Q(|x|). */
NN_INLINE float erf_f32(float x) {
  float a = __builtin_fabsf(x), s = x * x;
  float near = x + x * (1.28379166e-1f + s * (-3.76125336e-1f + s * (1.12819925e-1f + s * (-2.67681349e-2f +
               s * (4.99119423e-3f - 5.96761703e-4f * s)))));
  float q = 3.83197126e-4f - 1.72853470e-5f * a, u = 2.42546219e-2f - 3.88396438e-3f * a;
  q = (((q * s + u) * a - 1.06777877e-1f) * a - 6.34846687e-1f) * a - 1.28717512e-1f;
  float far = 1 - exp_below_f32(q * a - a);
  return a > 0.927734375f ? __builtin_copysignf(far, x) : near;
}
NN_INLINE double erf_f64(double x) { return erf(x); } /* as short a formula does not exist for 53 bits */

/* What integers do where floats have something of their own: the least integer stays as it is, none is NaN. */
NN_INLINE int64_t abs_i64(int64_t x) { return x < 0 ? (int64_t)(0 - (uint64_t)x) : x; }
NN_INLINE int is_nan_i64(int64_t x) { (void)x; return 0; }

/* x^n by squaring; wraps around. */
NN_INLINE uint64_t pow_u64(uint64_t x, uint64_t n) {
  uint64_t y = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1) y *= x;
  return y;
}

/* By the type of x: ours, */
#define OF(name, x) _Generic((x), float: name##_f32, double: name##_f64)(x)
#define EXP(x) OF(exp, x)
#define EXP_BELOW(x) OF(exp_below, x)
#define EXPM1(x) OF(expm1, x)
#define LOG(x) OF(log, x)
#define LOG1P(x) OF(log1p, x)
#define TANH(x) OF(tanh, x)
#define ERF(x) OF(erf, x)
#define SIGMOID(x) OF(sigmoid, x)
#define SOFTPLUS(x) OF(softplus, x)
#define MISH(x) OF(mish, x)
#define SILU_SLOPE(x) OF(silu_slope, x)
#define MISH_SLOPE(x) OF(mish_slope, x)
#define GELU_SLOPE(x) OF(gelu_slope, x)
#define GELU_TANH(x) OF(gelu_tanh, x)
#define GELU_TANH_SLOPE(x) OF(gelu_tanh_slope, x)
/* the compiler's instruction or else the C library, */
#define OF_BUILTIN(name, x) _Generic((x), float: __builtin_##name##f, double: __builtin_##name)(x)
#define SQRT(x) OF_BUILTIN(sqrt, x)
#define FLOOR(x) OF_BUILTIN(floor, x)
#define CEIL(x) OF_BUILTIN(ceil, x)
#define ROUND(x) OF_BUILTIN(rint, x)
#define SIN(x) OF_BUILTIN(sin, x)
#define COS(x) OF_BUILTIN(cos, x)
/* and these for integers too. */
#define ABS(x) _Generic((x), float: __builtin_fabsf, double: __builtin_fabs, default: abs_i64)(x)
#define IS_NAN(x) _Generic((x), float: is_nan_f32, double: is_nan_f64, default: is_nan_i64)(x)
#define POW(x, y) _Generic((x), float: __builtin_powf, double: __builtin_pow, default: pow_u64)(x, y)

/* Klambauer et al. 2017 */
#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772

#endif
