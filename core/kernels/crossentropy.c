/* Loops of cross-entropies, compiled once for each instruction set. */
#include "crossentropy.h"

#include "vmath.h"

/* The form that loses nothing where z is large: e^-|z| never overflows, and max(z, 0) - z t is exact for t = 0, 1. */
#define BINARY(T)                                                                                    \
  static void binary_##T(int64_t n, void *target, const void *logits, const void *targets) {         \
    T *restrict y = target;                                                                          \
    const T *restrict z = logits, *restrict t = targets;                                             \
    for (int64_t i = 0; i < n; i++) y[i] = (z[i] > 0 ? z[i] : 0) - z[i] * t[i] + LOG1P(EXP(-ABS(z[i]))); \
  }
BINARY(float)
BINARY(double)

#define BINARY_GRAD(T)                                                                               \
  static void binary_grad_##T(int64_t n, void *target, const void *gradient, int64_t g_step, const void *logits, \
                              const void *targets) {                                                 \
    T *restrict y = target;                                                                          \
    const T *restrict z = logits, *restrict t = targets, *restrict g = gradient;                     \
    if (g_step)                                                                                      \
      for (int64_t i = 0; i < n; i++) y[i] = g[i] * (SIGMOID(z[i]) - t[i]);                          \
    else                                                                                             \
      for (int64_t i = 0; i < n; i++) y[i] = g[0] * (SIGMOID(z[i]) - t[i]);                          \
  }
BINARY_GRAD(float)
BINARY_GRAD(double)

const nn_crossentropy_kernels NN_ISA_NAME(nn_crossentropies) = {
  .binary = {binary_float, binary_double}, .binary_grad = {binary_grad_float, binary_grad_double},
};
