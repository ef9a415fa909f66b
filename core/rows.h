/* Inside core/: the loops over rows (reductions, softmax, batches), one table for each instruction set. */
#ifndef NN_ROWS_H
#define NN_ROWS_H

#include "kernels.h"
#include "tensor.h"

/* Reductions: y[o * step + j] = op over i < rows of x[(o * rows + i) * step + j], for o < outer and j < width.
 * rows >= 1, and step is 1 only where width is. Sums and products of integers are int64, largest and smallest keep the
 * dtype. NULL where the portable set's loop is to be taken, and for products of uint8. */
typedef enum nn_reduction { NN_SUM, NN_PROD, NN_MAX, NN_MIN, NN_REDUCTIONS } nn_reduction;
typedef void nn_reduce_loop(const void *x, int64_t outer, int64_t rows, int64_t step, int64_t width, void *y);

typedef struct nn_reduce_kernels {
  nn_reduce_loop *loop[NN_REDUCTIONS][NN_DTYPES];
  /* the first i with x[i] == *value or x[i] NaN; n when there is none */
  int64_t (*find[NN_DTYPES])(const void *x, int64_t n, const void *value);
} nn_reduce_kernels;
NN_KERNEL_TABLE(nn_reduce_kernels, nn_reduce)

/* Rows of k >= 1 elements of a (and b, where there is a second operand) -> rows of y, or a number a row. */
typedef enum nn_row_function {
  NN_SOFTMAX, NN_LOG_SOFTMAX, NN_SOFTMAX_GRAD, NN_LOG_SOFTMAX_GRAD, NN_LOGSUMEXP, NN_ROW_FUNCTIONS
} nn_row_function;
typedef void nn_row_loop(const void *a, const void *b, void *y, int64_t rows, int64_t k);

typedef struct nn_row_kernels { nn_row_loop *loop[NN_ROW_FUNCTIONS][2]; } nn_row_kernels;   /* [1]: float64 */
NN_KERNEL_TABLE(nn_row_kernels, nn_rows)

/* y[i] = x[i] * scale, into a float dtype. */
typedef void nn_scale_loop(int64_t n, void *y, const void *x, double scale);
typedef struct nn_batch_kernels { nn_scale_loop *scaled[NN_DTYPES][2]; } nn_batch_kernels;   /* [from][1: float64] */
NN_KERNEL_TABLE(nn_batch_kernels, nn_batch)

/* x contiguous with the flagged dimensions moved behind the others; itself when it is so already. */
nn_tensor *nn_flagged_last(nn_tensor *x, const bool flagged[NN_MAX_RANK]);

#endif
