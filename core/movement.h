/* Elements on the move: joining, picking, spreading, sorting. Positions are int64 tensors and count from 1, negative
 * ones from the end; one outside the tensor is an error that shows it. */
#ifndef NN_MOVEMENT_H
#define NN_MOVEMENT_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

nn_tensor *nn_cat(int n, nn_tensor *const *list, int64_t dim);    /* shapes equal but in dim; dtypes promoted */
nn_tensor *nn_stack(int n, nn_tensor *const *list, int64_t dim);  /* shapes equal; dim counts in the result */
nn_tensor *nn_tile(nn_tensor *x, nn_ints repeats);                /* as numpy.tile: repeats missing in front are 1 */
nn_tensor *nn_flip(nn_tensor *x, nn_ints dims);
nn_tensor *nn_pad(nn_tensor *x, nn_ints pairs, double value);     /* before, after for each dimension; sizes >= 0 */

/* dim of x replaced by positions' shape (rank 0 drops it, rank 1 usual): rows x[positions]. */
nn_tensor *nn_index_select(nn_tensor *x, int64_t dim, nn_tensor *positions);
/* zeros of shape, with g's slices added at positions along dim: the gradient of index_select. */
nn_tensor *nn_index_add(nn_tensor *g, nn_shape shape, int64_t dim, nn_tensor *positions);
/* y[i][j] = x[i][positions[i][j]] for dim 2, and so on; positions has x's rank and no size above x's but in dim. */
nn_tensor *nn_gather(nn_tensor *x, int64_t dim, nn_tensor *positions);
nn_tensor *nn_scatter_add(nn_tensor *g, nn_shape shape, int64_t dim, nn_tensor *positions); /* gather's gradient */
/* rows of weights (K, n) by ids (any shape, integers or whole floats, 0..K-1) -> ids' shape + (n) */
nn_tensor *nn_embedding(nn_tensor *weights, nn_tensor *ids);
nn_tensor *nn_embedding_grad(nn_tensor *g, nn_shape shape, nn_tensor *ids);
nn_tensor *nn_masked_select(nn_tensor *x, nn_tensor *mask);       /* mask broadcasts to x; rank 1 */
nn_tensor *nn_masked_spread(nn_tensor *g, nn_tensor *mask, nn_shape shape); /* its gradient: g in place, else 0 */
/* zeros of shape with g at the ranges of nn_slice: the gradient of a slice. */
nn_tensor *nn_slice_spread(nn_tensor *g, nn_shape shape, int n, const nn_range *ranges);

/* Positions (int64, from 1) that sort x along dim; stable; NaN last (first when descending). */
nn_tensor *nn_argsort(nn_tensor *x, int64_t dim, bool descending);
nn_tensor *nn_argtopk(nn_tensor *x, int64_t k, int64_t dim);      /* of the k largest, largest first */
nn_tensor *nn_one_hot(nn_tensor *labels, int64_t k);              /* labels 0..k-1 -> their shape + (k), float32 */
nn_tensor *nn_tril(nn_tensor *x, int64_t k);                      /* last two dimensions; keeps j - i <= k */
nn_tensor *nn_triu(nn_tensor *x, int64_t k);                      /* keeps j - i >= k */

/* What fit does for each batch: rows of x at positions order[first..first+n-1] (from 1), as dtype, times scale. */
nn_tensor *nn_gather_rows(nn_tensor *x, nn_tensor *order, int64_t first, int64_t n, nn_dtype dtype, double scale);

#ifdef __cplusplus
}
#endif
#endif
