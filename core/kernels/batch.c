/* Rows of a batch on their way into floats, compiled once for each instruction set: pixels become float32 and are
 * scaled in the pass that gathers them. */
#include "../rows.h"

#define SCALED(name, X, Y)                                                                  \
  static void name(int64_t n, void *restrict target, const void *restrict source, double scale) { \
    const X *x = source;                                                                    \
    Y *y = target;                                                                          \
    const Y factor = (Y)scale;                                                              \
    for (int64_t i = 0; i < n; i++) y[i] = (Y)x[i] * factor;                                \
  }
SCALED(f32_u8, uint8_t, float)
SCALED(f32_i64, int64_t, float)
SCALED(f32_f32, float, float)
SCALED(f32_f64, double, float)
SCALED(f64_u8, uint8_t, double)
SCALED(f64_i64, int64_t, double)
SCALED(f64_f32, float, double)
SCALED(f64_f64, double, double)

const nn_batch_kernels NN_ISA_NAME(nn_batch) = {
  .scaled = {{f32_u8, f64_u8}, {f32_i64, f64_i64}, {f32_f32, f64_f32}, {f32_f64, f64_f64}},
};
