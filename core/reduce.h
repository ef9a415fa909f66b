/* Reductions, softmax and scans. dims: the dimensions that go (none named: all). keepdim leaves them with size 1.
 * Sums add in an order fixed by the shape alone (pairwise over fixed blocks), whatever the number of threads. */
#ifndef NN_REDUCE_H
#define NN_REDUCE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

nn_tensor *nn_sum(nn_tensor *x, nn_ints dims, bool keepdim);   /* integers -> int64 */
nn_tensor *nn_mean(nn_tensor *x, nn_ints dims, bool keepdim);  /* integers -> float32; mean of nothing is NaN */
/* Floats (integers become float32): the sum of (x - mean)^2 over n - correction, at least 0; NaN of nothing. */
nn_tensor *nn_variance(nn_tensor *x, nn_ints dims, bool keepdim, double correction);
nn_tensor *nn_std(nn_tensor *x, nn_ints dims, bool keepdim, double correction); /* its root */
nn_tensor *nn_norm(nn_tensor *x, nn_ints dims, bool keepdim);  /* the root of the sum of squares; likewise */
nn_tensor *nn_prod(nn_tensor *x, nn_ints dims, bool keepdim);  /* integers -> int64 */
nn_tensor *nn_amax(nn_tensor *x, nn_ints dims, bool keepdim);  /* NaN wins; fails of nothing */
nn_tensor *nn_amin(nn_tensor *x, nn_ints dims, bool keepdim);
nn_tensor *nn_any(nn_tensor *x, nn_ints dims, bool keepdim);   /* uint8 */
nn_tensor *nn_all(nn_tensor *x, nn_ints dims, bool keepdim);   /* uint8 */
/* Positions (int64, from 1) of the first largest/smallest along dim; NaN is the largest and the smallest.
 * dim = 0: of everything, a position in the flattened tensor (rank 0). */
nn_tensor *nn_argmax(nn_tensor *x, int64_t dim, bool keepdim);
nn_tensor *nn_argmin(nn_tensor *x, int64_t dim, bool keepdim);

/* x summed down to shape: what undoes broadcasting x from shape. Itself when the shapes are equal. */
nn_tensor *nn_sum_to(nn_tensor *x, nn_shape shape);

/* Along one dimension, floats (integers become float32). */
nn_tensor *nn_softmax(nn_tensor *x, int64_t dim);              /* e^(x - max) / sum; {inf, 0} gives NaN */
nn_tensor *nn_log_softmax(nn_tensor *x, int64_t dim);
nn_tensor *nn_softmax_grad(nn_tensor *g, nn_tensor *y, int64_t dim);      /* y (g - sum(g y)) */
nn_tensor *nn_log_softmax_grad(nn_tensor *g, nn_tensor *y, int64_t dim);  /* g - e^y sum(g) */
nn_tensor *nn_logsumexp(nn_tensor *x, nn_ints dims, bool keepdim); /* max + ln(sum(e^(x - max))); {-inf} gives -inf */
nn_tensor *nn_cumsum(nn_tensor *x, int64_t dim);               /* integers -> int64 */

#ifdef __cplusplus
}
#endif
#endif
