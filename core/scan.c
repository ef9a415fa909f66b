/* Running sums. Floats are added in float64 and rounded at each element, so that long scans stay exact to float32. Sums
 * that run side by side are taken together: an addition need not wait for the one before. */
#include "parts.h"
#include "reduce.h"

enum { COLUMNS = 256, ROWS = 4, PART = 1 << 15 };   /* elements that are one piece of work, from two on cut */

/* Element i of lane j is at i * step + j * lane; y's sums run along i, from 0. A is what they are added in. */
#define SCAN(name, X, Y, A)                                                                              \
  static inline void name##_lanes(const X *x, Y *y, int64_t n, int64_t step, int64_t lane, int lanes) {  \
    A sum[COLUMNS];                                                                                      \
    for (int j = 0; j < lanes; j++) sum[j] = 0;                                                          \
    for (int64_t i = 0; i < n; i++, x += step, y += step)                                                \
      for (int j = 0; j < lanes; j++) y[j * lane] = (Y)(sum[j] += (A)x[j * lane]);                       \
  }                                                                                                      \
  static void name(const void *source, void *target, int64_t first, int64_t n, int64_t inner, int lanes) { \
    const X *x = (const X *)source + first;                                                              \
    Y *y = (Y *)target + first;                                                                          \
    if (inner > 1) name##_lanes(x, y, n, inner, 1, lanes);                                               \
    else if (lanes == ROWS) name##_lanes(x, y, n, 1, n, ROWS);                                           \
    else                                                                                                 \
      for (int j = 0; j < lanes; j++) {                                                                  \
        A sum = 0;                                                                                       \
        for (int64_t i = 0; i < n; i++) *y++ = (Y)(sum += (A)*x++);                                      \
      }                                                                                                  \
  }
SCAN(scan_u8, uint8_t, uint64_t, uint64_t)
SCAN(scan_i64, uint64_t, uint64_t, uint64_t)
SCAN(scan_f32, float, float, double)
SCAN(scan_f64, double, double, double)

typedef void scan_loop(const void *source, void *target, int64_t first, int64_t n, int64_t inner, int lanes);

/* x (outer, n, inner). A strip is up to COLUMNS sums down a slab of (n, inner), or ROWS rows where inner is 1. */
typedef struct job {
  scan_loop *scan;
  const void *x;
  void *y;
  int64_t outer, n, inner, across, strips, part;    /* strips of a slab, in all, of a part */
} job;

static void run_part(void *user, int part) {
  const job *j = user;
  const int64_t first = part * j->part, end = nn_least(j->strips, first + j->part);
  for (int64_t s = first; s < end; s++) {
    int64_t from = s * ROWS * j->n, left = j->outer - s * ROWS, most = ROWS;
    if (j->inner > 1) {
      const int64_t at = s % j->across * COLUMNS;
      from = s / j->across * j->n * j->inner + at;
      left = j->inner - at;
      most = COLUMNS;
    }
    j->scan(j->x, j->y, from, j->n, j->inner, (int)nn_least(left, most));
  }
}

/* x (outer, n, inner) -> the same shape; y[o][i][j] = x[o][0][j] + ... + x[o][i][j] */
nn_tensor *nn_cumsum(nn_tensor *x, int64_t dim) {
  static scan_loop *const scan[NN_DTYPES] = {scan_u8, scan_i64, scan_f32, scan_f64};
  if (!x) return NULL;
  const int axis = nn_dim("cumsum", &x->shape, dim);
  if (axis < 0) return NULL;
  const size_t mark = nn_scope_open();
  const nn_dtype dtype = nn_is_float(x->dtype) ? x->dtype : NN_INT64;
  nn_tensor *from = nn_contiguous(x), *y = from ? nn_empty(dtype, x->shape) : NULL;
  if (!y || !y->numel) return nn_scope_return(mark, y);
  job j = {.scan = scan[x->dtype], .x = from->data, .y = y->data, .n = x->shape.dim[axis]};
  nn_split_at(&x->shape, axis, &j.outer, &j.inner);
  j.across = nn_pieces(j.inner, COLUMNS);
  j.strips = j.inner > 1 ? j.outer * j.across : nn_pieces(j.outer, ROWS);
  const int64_t parts = x->numel < 2 * PART ? 1 : x->numel / PART;
  j.part = nn_pieces(j.strips, parts);
  nn_parallel((int)nn_pieces(j.strips, j.part), run_part, &j);
  return nn_scope_return(mark, y);
}
