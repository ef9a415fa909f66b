/* Normalization of matrices (n, k): of each row (layer normalization), or of each column (batch normalization), in one
 * pass for the statistics and one for the result or the gradient. All operands are of one float dtype; gamma and beta
 * have k elements, and stand for 1 and 0 where they are NULL. Variances are of the population. */
#ifndef NN_NORMALIZE_H
#define NN_NORMALIZE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* h gamma + beta, h = (x - mean) / sqrt(variance + epsilon) with the mean and variance of each row */
nn_tensor *nn_normalize_rows(nn_tensor *x, nn_tensor *gamma, nn_tensor *beta, double epsilon);
/* The gradient of x where g is that of the result. sums[0] (k): that of gamma, the sums of g h; sums[1]: of beta. */
nn_tensor *nn_normalize_rows_grad(nn_tensor *g, nn_tensor *x, nn_tensor *gamma, double epsilon, nn_tensor *sums[2]);

/* (n, k) -> float64 (2, k): the mean and the variance of each column; NaN where n is 0 */
nn_tensor *nn_column_moments(nn_tensor *x);
/* (x - mean) scale + shift, each of k elements */
nn_tensor *nn_column_affine(nn_tensor *x, nn_tensor *mean, nn_tensor *scale, nn_tensor *shift);
/* As of rows, with the moments of the columns: those that nn_column_moments gives for x. */
nn_tensor *nn_normalize_columns(nn_tensor *x, nn_tensor *moments, nn_tensor *gamma, nn_tensor *beta, double epsilon);
nn_tensor *nn_normalize_columns_grad(nn_tensor *g, nn_tensor *x, nn_tensor *moments, nn_tensor *gamma, double epsilon,
                                     nn_tensor *sums[2]);

#ifdef __cplusplus
}
#endif
#endif
