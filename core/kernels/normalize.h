/* Inside core/: loops that normalize the rows or the columns of a matrix (n, k), by float dtype ([0] float32,
 * [1] float64). A mean comes in two parts, as the float nearest to it and what that leaves: differences from it keep
 * their digits where the mean is far from 0. */
#ifndef NN_KERNELS_NORMALIZE_H
#define NN_KERNELS_NORMALIZE_H

#include "../kernels.h"

/* A block of n rows. Vectors of k elements are of the matrix's dtype, sums over the block's rows double. */
typedef struct nn_row_block {
  int64_t n, k;
  const void *x, *g;               /* the matrix, and the gradient of the result */
  void *y;                         /* the result, or the gradient of x */
  const void *gamma, *beta;        /* of rows */
  const void *mean, *a, *b, *c;    /* of columns */
  double *first, *second;          /* sums by column */
  double epsilon;
} nn_row_block;

typedef void nn_normalize_loop(const nn_row_block *block);

/* rows:       y = (x - mean) r gamma + beta with each row's mean and r = 1 / sqrt(variance + epsilon); h = (x - mean) r
 * rows_grad:  y = r (d - mean(d) - h mean(d h)), d = g gamma; first = sums of g h, second = sums of g
 * spreads:    first = each row's mean, second = its sum of squared differences from that, an element a row
 * squares:    first = each row's sum of squares
 * moments:    first = each column's mean, second = its sum of squared differences from that
 * columns:    y = (x - mean) a + b
 * sums:       first = sums of g (x - mean), second = sums of g
 * columns_grad: y = g a + ((x - mean) b + c) */
#define NN_EVERY_NORMALIZE(X) X(rows) X(rows_grad) X(spreads) X(squares) X(moments) X(columns) X(sums) X(columns_grad)

typedef struct nn_normalize_kernels {
#define X(name) nn_normalize_loop *name[2];
  NN_EVERY_NORMALIZE(X)
#undef X
} nn_normalize_kernels;

NN_KERNEL_TABLE(nn_normalize_kernels, nn_normalizing)

#endif
