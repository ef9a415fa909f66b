/* Loops that fill memory with random draws, compiled once for each instruction set; all sets give the same bits. What
 * is not exact in float32 is computed in double, so that both dtypes share one formula. */
#include "../philox.h"
#include "vmath.h"

typedef uint32_t group_words[NN_GROUP_WORDS];         /* word i of a lane is at i * NN_LANES + lane */

/* nn_philox_block for every lane at once. The rounds go round the lanes: the inner loop is one row of vectors. */
static __attribute__((noinline)) void make_words(const nn_draw *d, int64_t group, group_words w) {
  const uint64_t counter = d->counter + (uint64_t)group * NN_LANES;
  const uint32_t low = (uint32_t)counter, high = (uint32_t)(counter >> 32);
  uint32_t key0 = (uint32_t)d->key, key1 = (uint32_t)(d->key >> 32), word[4][NN_LANES] = {{0}};
  for (uint32_t lane = 0; lane < NN_LANES; lane++) {
    word[0][lane] = low + lane;
    word[1][lane] = high + (word[0][lane] < low);
  }
  for (int round = 0; round < 10; round++, key0 += NN_PHILOX_STEP_0, key1 += NN_PHILOX_STEP_1)
    for (int l = 0; l < NN_LANES; l++) {
      const uint64_t p = NN_PHILOX_FACTOR_0 * word[0][l], q = NN_PHILOX_FACTOR_1 * word[2][l];
      word[0][l] = (uint32_t)(q >> 32) ^ word[1][l] ^ key0;
      word[1][l] = (uint32_t)q;
      word[2][l] = (uint32_t)(p >> 32) ^ word[3][l] ^ key1;
      word[3][l] = (uint32_t)p;
    }
  memcpy(w, word, sizeof word);
}

static void words(const nn_draw *d, int64_t group, int64_t groups, void *y) {
  group_words *w = y;
  for (int64_t i = 0; i < groups; i++) make_words(d, group + i, w[i]);
}

/* A word in (0, 1): the middle of one of 2^32 intervals. (A signed conversion: older sets have no other.) */
NN_INLINE double unit32(uint32_t w) { return ((double)(int32_t)(w ^ 0x80000000u) + 2147483648.5) * 0x1p-32; }

/* Two words as 53 bits, in [0, 2^53) */
NN_INLINE double bits53(uint32_t high, uint32_t low) {
  return (double)(int32_t)(high >> 5) * 67108864.0 + (double)(int32_t)(low >> 6);
}

/* A group as numbers in (0, 1) */
static inline void units_float(group_words w, double u[NN_GROUP_WORDS]) {
  for (int i = 0; i < NN_GROUP_WORDS; i++) u[i] = unit32(w[i]);
}
static inline void units_double(group_words w, double u[NN_GROUP_WORDS / 2]) {
  for (int i = 0; i < NN_GROUP_WORDS / 2; i++) u[i] = (bits53(w[i], w[i + NN_GROUP_WORDS / 2]) + 0.5) * 0x1p-53;
}

/* Box-Muller: r = sqrt(-2 ln u), angle = 2 pi v: r cos and r sin of it are independent standard normals. With
 * v = q/4 + t, |t| <= 1/8, sine and cosine of 2 pi t by fdlibm's polynomials; the quarter q swaps them, sets signs. */
NN_INLINE void box_muller(double u, double v, double *x, double *y) {
  double k, f = split_f64(u, &k);
  const double r = SQRT(-2 * log_split_f64(f, k, 0));
  const double q = nearest_f64(4 * v), t = (v - q * 0.25) * 6.283185307179586477, z = t * t;
  const double s = t + t * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z *
    (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z *
    1.58969099521155010221e-10)))));
  const double c = 1 - z * 0.5 + z * z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z *
    (2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z *
    -1.13596475577881948265e-11)))));
  const int swapped = (q == 1) | (q == 3), left = (q == 1) | (q == 2), below = (q == 2) | (q == 3);
  const double cosine = swapped ? s : c, sine = swapped ? c : s;
  *x = left ? -r * cosine : r * cosine;
  *y = below ? -r * sine : r * sine;
}

/* The point where the normal distribution function is p, for 0.02 < p < 0.98 (Wichura 1988, AS 241): a rational
 * function of q = p - 1/2 in the middle, of sqrt(-ln p) - 1.6 outside. */
NN_INLINE double normal_quantile(double p) {
  const double q = p - 0.5, m = 0.180625 - q * q, tail = q < 0 ? p : 1 - p;
  const double middle = q *
    (3.3871328727963666080e0 + m * (1.3314166789178437745e2 + m * (1.9715909503065514427e3 + m *
    (1.3731693765509461125e4 + m * (4.5921953931549871457e4 + m * (6.7265770927008700853e4 + m *
    (3.3430575583588128105e4 + m * 2.5090809287301226727e3))))))) /
    (1 + m * (4.2313330701600911252e1 + m * (6.8718700749205790830e2 + m * (5.3941960214247511077e3 + m *
    (2.1213794301586595867e4 + m * (3.9307895800092710610e4 + m * (2.8729085735721942674e4 + m *
    5.2264952788528545610e3)))))));
  double k, f = split_f64(tail, &k);
  const double r = SQRT(-log_split_f64(f, k, 0)) - 1.6;
  const double outside =
    (1.42343711074968357734e0 + r * (4.63033784615654529590e0 + r * (5.76949722146069140550e0 + r *
    (3.64784832476320460504e0 + r * (1.27045825245236838258e0 + r * (2.41780725177450611770e-1 + r *
    (2.27238449892691845833e-2 + r * 7.74545014278341407640e-4))))))) /
    (1 + r * (2.05319162663775882187e0 + r * (1.67638483018380384940e0 + r * (6.89767334985100004550e-1 + r *
    (1.48103976427480074590e-1 + r * (1.51986665636164571966e-2 + r * (5.47593808499534494600e-4 + r *
    1.05075007164441684324e-9)))))));
  const double far = q < 0 ? -outside : outside;
  return q * q > 0.425 * 0.425 ? far : middle;
}

static const double beyond_2 = 0.02275013194817920720; /* of the normal distribution, on each side */

/* The loops of one float type T, of which a group gives N. */
#define DRAWS(T, N) \
  static void normal_##T(const nn_draw *d, int64_t group, int64_t groups, void *target) { \
    T *y = target; \
    for (int64_t g = 0; g < groups; g++, y += N) { \
      group_words w; \
      double u[N], x[N]; \
      make_words(d, group + g, w); \
      units_##T(w, u); \
      for (int i = 0; i < N / 2; i++) box_muller(u[i], u[i + N / 2], &x[i], &x[i + N / 2]); \
      for (int i = 0; i < N; i++) y[i] = (T)(d->p + d->q * x[i]); \
    } \
  } \
  static void truncated_##T(const nn_draw *d, int64_t group, int64_t groups, void *target) { \
    T *y = target; \
    for (int64_t g = 0; g < groups; g++, y += N) { \
      group_words w; \
      double u[N]; \
      make_words(d, group + g, w); \
      units_##T(w, u); \
      for (int i = 0; i < N; i++) { \
        const double x = normal_quantile(beyond_2 + (1 - 2 * beyond_2) * u[i]); \
        y[i] = (T)(d->p + d->q * CLAMP(x, -2, 2)); \
      } \
    } \
  } \
  static void mask_##T(const nn_draw *d, int64_t group, int64_t groups, void *target) { \
    T *y = target; \
    const T kept = (T)d->p; \
    for (int64_t g = 0; g < groups; g++, y += NN_GROUP_WORDS) { \
      group_words w; \
      make_words(d, group + g, w); \
      for (int i = 0; i < NN_GROUP_WORDS; i++) y[i] = w[i] < d->threshold ? 0 : kept; \
    } \
  }
DRAWS(float, 64)
DRAWS(double, 32)

/* lo + (hi - lo) u with u a multiple of 2^-24 in [0, 1); of 2^-53 in float64 */
static void uniform_float(const nn_draw *d, int64_t group, int64_t groups, void *target) {
  float *y = target;
  const float lo = (float)d->p, range = (float)d->q, least = (float)d->least, most = (float)d->most;
  for (int64_t g = 0; g < groups; g++, y += NN_GROUP_WORDS) {
    group_words w;
    make_words(d, group + g, w);
    for (int i = 0; i < NN_GROUP_WORDS; i++) {
      const float x = lo + range * ((float)(int32_t)(w[i] >> 8) * 0x1p-24f);
      y[i] = CLAMP(x, least, most);
    }
  }
}
static void uniform_double(const nn_draw *d, int64_t group, int64_t groups, void *target) {
  double *y = target;
  for (int64_t g = 0; g < groups; g++, y += NN_GROUP_WORDS / 2) {
    group_words w;
    make_words(d, group + g, w);
    for (int i = 0; i < NN_GROUP_WORDS / 2; i++) {
      const double x = d->p + d->q * (bits53(w[i], w[i + NN_GROUP_WORDS / 2]) * 0x1p-53);
      y[i] = CLAMP(x, d->least, d->most);
    }
  }
}

const nn_draw_kernels NN_ISA_NAME(nn_draws) = {
  words, {uniform_float, uniform_double}, {normal_float, normal_double}, {truncated_float, truncated_double},
  {mask_float, mask_double}};
