/* Inside core/: loops of cross-entropies, by float dtype ([0] float32, [1] float64). */
#ifndef NN_KERNELS_CROSSENTROPY_H
#define NN_KERNELS_CROSSENTROPY_H

#include "../kernels.h"

/* y[i] = max(z, 0) - z t + ln(1 + e^-|z|) for logits z and targets t */
typedef void nn_binary_crossentropy_loop(int64_t n, void *y, const void *z, const void *t);
/* y[i] = g (sigmoid(z) - t); g_step 0: one g for all */
typedef void nn_binary_crossentropy_grad_loop(int64_t n, void *y, const void *g, int64_t g_step, const void *z,
                                              const void *t);

typedef struct nn_crossentropy_kernels {
  nn_binary_crossentropy_loop *binary[2];
  nn_binary_crossentropy_grad_loop *binary_grad[2];
} nn_crossentropy_kernels;

NN_KERNEL_TABLE(nn_crossentropy_kernels, nn_crossentropies)

#endif
