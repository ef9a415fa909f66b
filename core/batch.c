/* The batch of a training step: rows picked by a shuffled order, and turned into floats on the way. */
#include <inttypes.h>

#include "elementwise.h"
#include "movement.h"
#include "parts.h"
#include "pick.h"
#include "rows.h"

enum { PART = 1 << 15 };                    /* elements that are one piece of work: rows lie far apart in memory */

typedef struct job {
  nn_scale_loop *loop;
  const char *x;
  char *y;
  size_t from_bytes, to_bytes;              /* of a row */
  int64_t n, width, group;                  /* rows of y, elements of a row, rows of a part */
  const int64_t *place;
  double scale;
} job;

/* Rows first..end of the batch; each row of x is read once and written as floats. */
static void run_part(void *user, int part) {
  const job *j = user;
  const int64_t first = part * j->group, end = nn_least(j->n, first + j->group);
  for (int64_t i = first; i < end; i++)
    j->loop(j->width, j->y + (size_t)i * j->to_bytes,
            j->x + (size_t)j->place[i] * j->from_bytes, j->scale);
}

/* Rows of x as y's float dtype, times scale. */
static void scaled_rows(const nn_tensor *x, nn_tensor *y, const int64_t *place, double scale) {
  const int64_t n = y->shape.dim[0], width = y->numel / n;
  job j = {.loop = nn_batch()->scaled[x->dtype][y->dtype - NN_FLOAT32], .x = x->data, .y = y->data,
           .from_bytes = (size_t)width * nn_dtype_size(x->dtype), .to_bytes = (size_t)width * nn_dtype_size(y->dtype),
           .n = n, .width = width, .group = width < PART ? PART / width : 1, .place = place, .scale = scale};
  const int64_t parts = nn_pieces(n, j.group);
  if (parts == 1) run_part(&j, 0);
  else nn_parallel((int)parts, run_part, &j);
}

/* The places of order[first..first+n-1], each a row of x; NULL with an error. */
static nn_tensor *places_of(const nn_tensor *x, const nn_tensor *order, int64_t first, int64_t n) {
  if (x->shape.rank < 1 || !x->contiguous)
    return nn_fail("gather_rows: contiguous rows are expected, got %s", nn_shape_text(&x->shape).s);
  if (order->dtype != NN_INT64 || order->shape.rank != 1 || !order->contiguous)
    return nn_fail("gather_rows: the order is to be a contiguous int64 tensor of rank 1, got %s %s",
                   nn_dtype_name(order->dtype), nn_shape_text(&order->shape).s);
  if (first < 1 || n < 0 || n > order->numel || first > order->numel - n + 1)
    return nn_fail("gather_rows: %" PRId64 " positions from %" PRId64 " on are outside %s", n, first,
                   nn_shape_text(&order->shape).s);
  return nn_places("gather_rows", (const int64_t *)order->data + first - 1, n, &x->shape, 0);
}

/* x (N, ...), order (M) -> (n, ...). Same dtype and scale 1: rows are copied as bytes. Into a float: one pass
 * converts and scales. Anything else (labels that change their integer dtype) is small: copied, then scaled and
 * cast. */
nn_tensor *nn_gather_rows(nn_tensor *x, nn_tensor *order, int64_t first, int64_t n, nn_dtype dtype, double scale) {
  if (!x || !order) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *places = places_of(x, order, first, n);
  if (!places) return nn_scope_return(mark, NULL);
  nn_shape shape = x->shape;
  shape.dim[0] = n;
  const bool convert = nn_is_float(dtype) && (dtype != x->dtype || scale != 1);
  nn_tensor *y = nn_empty(convert ? dtype : x->dtype, shape);
  if (!y || !y->numel) return nn_scope_return(mark, y ? nn_cast(y, dtype) : NULL);
  if (convert) {
    scaled_rows(x, y, places->data, scale);
    return nn_scope_return(mark, y);
  }
  nn_take_rows(y->data, x->data, (size_t)(y->numel / n) * nn_dtype_size(y->dtype), x->shape.dim[0],
               places->data, n, 1);
  if (scale != 1) y = nn_mul(y, nn_number(scale));
  return nn_scope_return(mark, y ? nn_cast(y, dtype) : NULL);
}
