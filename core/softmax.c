/* The softmax family: functions of rows. The dimension they run along is moved to the end, where
 * it is not there already, and back. */
#include <math.h>

#include "elementwise.h"
#include "pool.h"
#include "reduce.h"
#include "rows.h"

enum { PART = 1 << 15 };                    /* elements that are one piece of work: exponentials cost more than sums */

typedef struct job {
  nn_row_loop *loop;
  nn_row_operands all;
  int64_t group;
  size_t row_bytes, b_bytes, result_bytes;
} job;

static const void *moved(const void *p, int64_t rows, size_t bytes) {
  return p ? (const char *)p + (size_t)rows * bytes : NULL;
}

/* A part is `group` rows, all of its operands at the same row. */
static void run_part(void *user, int part) {
  const job *j = user;
  nn_row_operands o = j->all;
  const int64_t first = part * j->group;
  o.rows = o.rows - first < j->group ? o.rows - first : j->group;
  o.a = moved(o.a, first, j->row_bytes);
  o.b = moved(o.b, first, j->b_bytes);
  o.label = moved(o.label, first, sizeof *o.label);
  o.y = (char *)o.y + (size_t)first * j->result_bytes;
  j->loop(&o);
}

/* Small work, one part, stays here. */
static void run(job *j) {
  j->group = j->all.k < PART ? PART / j->all.k : 1;
  const int64_t parts = (j->all.rows + j->group - 1) / j->group;
  if (parts == 1) run_part(j, 0);
  else if (parts > 1) nn_parallel((int)parts, run_part, j);
}

void nn_along_rows(nn_row_loop *const loop[2], const nn_tensor *a, const nn_tensor *b, const nn_tensor *labels,
                   nn_tensor *y, int64_t k) {
  const size_t size = nn_dtype_size(a->dtype);
  const int64_t rows = a->numel / k;
  job j = {.loop = loop[a->dtype == NN_FLOAT64], .row_bytes = (size_t)k * size, .b_bytes = size, .result_bytes = size,
           .all = {.rows = rows, .k = k, .a = a->data, .b = b ? b->data : NULL,
                   .label = labels ? labels->data : NULL, .y = y->data}};
  if (y->numel != rows) j.result_bytes = j.row_bytes;
  if (b && b->numel != rows) j.b_bytes = j.row_bytes;
  run(&j);
}

/* Dimension axis (0-based) exchanged with the last, contiguous; done twice, x again. */
static nn_tensor *swapped(nn_tensor *x, int axis) {
  return axis == x->shape.rank - 1 ? nn_contiguous(x) : nn_contiguous(nn_transpose(x, axis + 1, -1));
}

/* f along one dimension of a (and b, of its shape, or NULL). */
static nn_tensor *along(const char *call, nn_row_loop *const f[2], nn_tensor *a, nn_tensor *b, int64_t dim) {
  const int axis = nn_dim(call, &a->shape, dim);
  if (axis < 0) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_cast(a, nn_floating(a->dtype)), *with = b ? nn_cast(b, nn_floating(a->dtype)) : NULL;
  from = from ? swapped(from, axis) : NULL;
  with = with ? swapped(with, axis) : NULL;
  nn_tensor *y = from && (with || !b) ? nn_empty(from->dtype, from->shape) : NULL;
  if (y && y->numel) nn_along_rows(f, from, with, NULL, y, a->shape.dim[axis]);
  return nn_scope_return(mark, y ? swapped(y, axis) : NULL);
}

/* As along, of a gradient and the result that it belongs to. */
static nn_tensor *grad_along(const char *call, nn_row_loop *const f[2], nn_tensor *g, nn_tensor *y, int64_t dim) {
  if (!g || !y) return NULL;
  if (!nn_shape_equal(&g->shape, &y->shape))
    return nn_fail("%s: shapes differ: %s and %s", call, nn_shape_text(&g->shape).s, nn_shape_text(&y->shape).s);
  return along(call, f, g, y, dim);
}

nn_tensor *nn_softmax(nn_tensor *x, int64_t dim) {
  return x ? along("softmax", nn_rows()->softmax, x, NULL, dim) : NULL;
}
nn_tensor *nn_log_softmax(nn_tensor *x, int64_t dim) {
  return x ? along("log_softmax", nn_rows()->log_softmax, x, NULL, dim) : NULL;
}
nn_tensor *nn_softmax_grad(nn_tensor *g, nn_tensor *y, int64_t dim) {
  return grad_along("softmax_grad", nn_rows()->softmax_grad, g, y, dim);
}
nn_tensor *nn_log_softmax_grad(nn_tensor *g, nn_tensor *y, int64_t dim) {
  return grad_along("log_softmax_grad", nn_rows()->log_softmax_grad, g, y, dim);
}

/* ln(sum(e^x)) of long rows, whose chunks of PART elements give their largest element and a sum about that. */
typedef struct chunks { const nn_tensor *x; int64_t k, each; double *found; } chunks;

static void run_chunk(void *user, int unit) {
  const chunks *c = user;
  const int64_t from = unit % c->each * PART, at = unit / c->each * c->k + from;
  const nn_row_operands o = {.rows = 1, .k = c->k - from < PART ? c->k - from : PART, .y = c->found + 2 * unit,
                             .a = (const char *)c->x->data + (size_t)at * nn_dtype_size(c->x->dtype)};
  nn_rows()->exp_sum[c->x->dtype == NN_FLOAT64](&o);
}

/* A chunk's sum is 0 where all is -inf, infinite or NaN where an element is, and between 1 and PART otherwise. */
static double joined(const double *found, int64_t n) {
  double most = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    if (found[2 * i + 1] >= 1 && found[2 * i + 1] <= PART) most = fmax(most, found[2 * i]);
  for (int64_t i = 0; i < n; i++) {
    const double part = found[2 * i + 1];
    sum += part >= 1 && part <= PART ? part * exp(found[2 * i] - most) : part;
  }
  return isfinite(most) ? most + log(sum) : log(sum);
}

static nn_tensor *of_long_rows(const nn_tensor *x, int64_t k, nn_tensor *y) {
  chunks c = {.x = x, .k = k, .each = (k - 1) / PART + 1};
  nn_tensor *room = nn_empty(NN_FLOAT64, NN_SHAPE(y->numel, c.each, 2));
  if (!room) return NULL;
  c.found = room->data;
  nn_parallel((int)(y->numel * c.each), run_chunk, &c);
  for (int64_t r = 0; r < y->numel; r++) {
    const double value = joined(c.found + 2 * r * c.each, c.each);
    if (y->dtype == NN_FLOAT32) ((float *)y->data)[r] = (float)value;
    else ((double *)y->data)[r] = value;
  }
  return y;
}

/* The dimensions that go become the last, and one row of k = their product; what stays is in the result's order
 * already. */
nn_tensor *nn_logsumexp(nn_tensor *x, nn_ints dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  if (!x || !nn_dims("logsumexp", &x->shape, &dims, reduced)) return NULL;
  const size_t mark = nn_scope_open();
  const nn_dtype dtype = nn_floating(x->dtype);
  nn_tensor *y = nn_empty(dtype, nn_shape_reduced(&x->shape, reduced, keepdim));
  if (y && x->numel == 0) return nn_scope_return(mark, nn_fill(y, -INFINITY) ? y : NULL);        /* ln(0) */
  nn_tensor *from = y ? nn_cast(x, dtype) : NULL;
  from = from ? nn_flagged_last(from, reduced) : NULL;
  if (!from) return nn_scope_return(mark, NULL);
  const int64_t k = x->numel / y->numel;
  if (k > PART) y = of_long_rows(from, k, y);
  else nn_along_rows(nn_rows()->logsumexp, from, NULL, NULL, y, k);
  return nn_scope_return(mark, y);
}
