/* Matrix products, on OpenBLAS for floats; integers multiply exactly in int64. Only matmul.c (and blas.h, which it
 * includes) knows BLAS. Products are cut over the thread pool by their shape, so that the bits do not depend on the
 * number of threads. */
#ifndef NN_MATMUL_H
#define NN_MATMUL_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* (..., m, k) x (..., k, n) -> (..., m, n), the front dimensions broadcast; rank 1 acts as (1, k) on the left and
 * (k, 1) on the right, and its dimension is dropped again (two of rank 1: rank 0). Fails if k differs or on rank 0:
 * "matmul: inner dimensions differ: {8, 3} x {2, 4}". Transposed and strided operands are taken as they are where BLAS
 * can. */
nn_tensor *nn_matmul(nn_tensor *a, nn_tensor *b);
/* op(a) op(b) for rank-2 a and b, op = transposition where the flag says so: products of gradients without a view. */
nn_tensor *nn_matmul_t(nn_tensor *a, bool a_transposed, nn_tensor *b, bool b_transposed);
/* x (..., in) w (in, out) + b (out, or NULL) -> (..., out); the bias is put in place before the product adds to it. */
nn_tensor *nn_linear(nn_tensor *x, nn_tensor *w, nn_tensor *b);

/* What BLAS runs: "OpenBLAS 0.3.21 SkylakeX". It is loaded when it is first needed: by this, or by a product that is
 * more than a few hundred multiplications. NULL, with an error, where it cannot be. */
const char *nn_blas_name(void);

#ifdef __cplusplus
}
#endif
#endif
