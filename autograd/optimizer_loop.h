/* Inside autograd/: plain loops of optimizers, written once for float and double, computed in double: what all have in
 * common, and Ftrl, whose powers take the time. The others have kernels in core/update.h. */
#ifndef AG_OPTIMIZER_LOOP_H
#define AG_OPTIMIZER_LOOP_H

#include <math.h>

/* For each element i of an ag_update: w[i], its gradient g[i], and the states a[i], b[i]. */
#define EACH(u, ...)                                            \
  do {                                                          \
    if ((u)->dtype == NN_FLOAT32) EACH_OF(float, u, __VA_ARGS__) \
    else EACH_OF(double, u, __VA_ARGS__)                        \
  } while (0)
#define EACH_OF(T, u, ...)                                                      \
  {                                                                             \
    T *restrict w = (u)->w;                                                     \
    const T *restrict g = (u)->g;                                               \
    T *restrict a = (u)->slot[0], *restrict b = (u)->slot[1];                   \
    (void)g, (void)a, (void)b;                                                  \
    for (int64_t i = 0; i < (u)->n; i++) {                                      \
      __VA_ARGS__                                                               \
    }                                                                           \
  }

#endif
