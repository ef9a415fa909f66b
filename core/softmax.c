/* The softmax family: functions of rows. The dimension they run along is moved to the end, where
 * it is not there already, and back. */
#include <math.h>

#include "elementwise.h"
#include "pool.h"
#include "reduce.h"
#include "rows.h"

enum { PART = 1 << 16 };                    /* elements that are one piece of work: exponentials cost more than sums */

typedef struct job {
  nn_row_loop *loop;
  const char *a, *b;
  char *y;
  int64_t rows, k, group;
  size_t row_bytes, result_bytes;
} job;

/* A part is `group` rows, all of its operands at the same row. */
static void run_part(void *user, int part) {
  const job *j = user;
  const int64_t first = part * j->group, n = j->rows - first < j->group ? j->rows - first : j->group;
  const size_t at = (size_t)first * j->row_bytes;
  j->loop(j->a + at, j->b ? j->b + at : NULL, j->y + (size_t)first * j->result_bytes, n, j->k);
}

/* y (rows, k), or (rows) for logsumexp, from a and b (rows, k), all contiguous and of one float dtype. */
static nn_tensor *run_rows(nn_row_function f, const nn_tensor *a, const nn_tensor *b, nn_tensor *y, int64_t k) {
  const size_t size = nn_dtype_size(a->dtype);
  job j = {.loop = nn_rows()->loop[f][a->dtype - NN_FLOAT32], .a = a->data, .b = b ? b->data : NULL, .y = y->data,
           .rows = a->numel / k, .k = k, .group = k < PART ? PART / k : 1, .row_bytes = (size_t)k * size,
           .result_bytes = f == NN_LOGSUMEXP ? size : (size_t)k * size};
  const int64_t parts = (j.rows + j.group - 1) / j.group;
  if (parts < 4) {                          /* too little to wake anybody for */
    j.group = j.rows;
    run_part(&j, 0);
  } else nn_parallel((int)parts, run_part, &j);
  return y;
}

/* Dimension axis (0-based) exchanged with the last, contiguous; done twice, x again. */
static nn_tensor *swapped(nn_tensor *x, int axis) {
  return axis == x->shape.rank - 1 ? nn_contiguous(x) : nn_contiguous(nn_transpose(x, axis + 1, -1));
}

/* f along one dimension of a (and b, of its shape, or NULL). */
static nn_tensor *along(const char *call, nn_row_function f, nn_tensor *a, nn_tensor *b, int64_t dim) {
  const int axis = nn_dim(call, &a->shape, dim);
  if (axis < 0) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_cast(a, nn_floating(a->dtype)), *with = b ? nn_cast(b, nn_floating(a->dtype)) : NULL;
  from = from ? swapped(from, axis) : NULL;
  with = with ? swapped(with, axis) : NULL;
  nn_tensor *y = from && (with || !b) ? nn_empty(from->dtype, from->shape) : NULL;
  if (y && y->numel) run_rows(f, from, with, y, a->shape.dim[axis]);
  return nn_scope_return(mark, y ? swapped(y, axis) : NULL);
}

/* As along, of a gradient and the result that it belongs to. */
static nn_tensor *grad_along(const char *call, nn_row_function f, nn_tensor *g, nn_tensor *y, int64_t dim) {
  if (!g || !y) return NULL;
  if (!nn_shape_equal(&g->shape, &y->shape))
    return nn_fail("%s: shapes differ: %s and %s", call, nn_shape_text(&g->shape).s, nn_shape_text(&y->shape).s);
  return along(call, f, g, y, dim);
}

nn_tensor *nn_softmax(nn_tensor *x, int64_t dim) { return x ? along("softmax", NN_SOFTMAX, x, NULL, dim) : NULL; }
nn_tensor *nn_log_softmax(nn_tensor *x, int64_t dim) {
  return x ? along("log_softmax", NN_LOG_SOFTMAX, x, NULL, dim) : NULL;
}
nn_tensor *nn_softmax_grad(nn_tensor *g, nn_tensor *y, int64_t dim) {
  return grad_along("softmax_grad", NN_SOFTMAX_GRAD, g, y, dim);
}
nn_tensor *nn_log_softmax_grad(nn_tensor *g, nn_tensor *y, int64_t dim) {
  return grad_along("log_softmax_grad", NN_LOG_SOFTMAX_GRAD, g, y, dim);
}

/* The dimensions that go become the last, and one row of k = their product; what stays is in the result's order
 * already. */
nn_tensor *nn_logsumexp(nn_tensor *x, nn_ints dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  if (!x || !nn_dims("logsumexp", &x->shape, &dims, reduced)) return NULL;
  const size_t mark = nn_scope_open();
  const nn_dtype dtype = nn_floating(x->dtype);
  nn_tensor *y = nn_empty(dtype, nn_shape_reduced(&x->shape, reduced, keepdim));
  if (y && x->numel == 0 && !nn_fill(y, -INFINITY)) y = NULL;        /* ln(0) */
  if (y && x->numel) {
    nn_tensor *from = nn_cast(x, dtype);
    from = from ? nn_flagged_last(from, reduced) : NULL;
    y = from ? run_rows(NN_LOGSUMEXP, from, NULL, y, x->numel / y->numel) : NULL;
  }
  return nn_scope_return(mark, y);
}
