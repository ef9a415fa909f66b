/* Inside core/: the loops over rows (reductions, softmax, batches), one table for each instruction set. */
#ifndef NN_ROWS_H
#define NN_ROWS_H

#include "kernels.h"
#include "tensor.h"

/* Reductions: y[o * step + j] = op over i < rows of x[(o * rows + i) * step + j], for o < outer and j < width.
 * rows >= 1, and step is 1 only where width is. Sums and products of integers are int64, largest and smallest keep the
 * dtype. NULL for products of uint8. */
typedef enum nn_reduction { NN_SUM, NN_PROD, NN_MAX, NN_MIN, NN_REDUCTIONS } nn_reduction;
typedef void nn_reduce_loop(const void *x, int64_t outer, int64_t rows, int64_t step, int64_t width, void *y);

typedef struct nn_reduce_kernels {
  nn_reduce_loop *loop[NN_REDUCTIONS][NN_DTYPES];
  /* the first i with x[i] == *value or x[i] NaN; n when there is none */
  int64_t (*find[NN_DTYPES])(const void *x, int64_t n, const void *value);
} nn_reduce_kernels;
NN_KERNEL_TABLE(nn_reduce_kernels, nn_reduce)

/* Rows of k >= 1 elements of a (and b, where there is a second operand) -> rows of y, or something for each row:
 * logsumexp:        y[r]
 * exp_sum:          doubles y[2 r], y[2 r + 1]: the largest (0 for an infinite one), the sum of e^(a - largest)
 * crossentropy:     y[r] = logsumexp - a[label[r]]; 0 where the label is -1
 * crossentropy_grad: y = b[r] (softmax - unit vector of the label); 0 where the label is -1 */
#define NN_EVERY_ROW_FUNCTION(X) \
  X(softmax) X(log_softmax) X(softmax_grad) X(log_softmax_grad) X(logsumexp) X(exp_sum) X(crossentropy) \
  X(crossentropy_grad)
typedef struct nn_row_operands {
  int64_t rows, k;
  const void *a, *b;
  const int64_t *label;
  void *y;
} nn_row_operands;
typedef void nn_row_loop(const nn_row_operands *o);

typedef struct nn_row_kernels {
#define X(name) nn_row_loop *name[2];                                                       /* [1]: float64 */
  NN_EVERY_ROW_FUNCTION(X)
#undef X
} nn_row_kernels;
NN_KERNEL_TABLE(nn_row_kernels, nn_rows)

/* A row function of the rows of k elements that a consists of, cut over the pool. All are contiguous and of one float
 * dtype; b (NULL: none) and y have the size of a, or an element for each row, as labels (NULL: none) have. */
void nn_along_rows(nn_row_loop *const loop[2], const nn_tensor *a, const nn_tensor *b, const nn_tensor *labels,
                   nn_tensor *y, int64_t k);

/* y[i] = x[i] * scale, into a float dtype. */
typedef void nn_scale_loop(int64_t n, void *y, const void *x, double scale);
typedef struct nn_batch_kernels { nn_scale_loop *scaled[NN_DTYPES][2]; } nn_batch_kernels;   /* [from][1: float64] */
NN_KERNEL_TABLE(nn_batch_kernels, nn_batch)

/* x contiguous with the flagged dimensions moved behind the others; itself when it is so already. */
nn_tensor *nn_flagged_last(nn_tensor *x, const bool flagged[NN_MAX_RANK]);

#endif
