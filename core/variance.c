/* Variances and Euclidean lengths. What goes stands side by side and is cut into chunks by the shape alone; what a
 * kernel finds for each chunk is joined in their order. */
#include <math.h>

#include "elementwise.h"
#include "kernels/normalize.h"
#include "normalize.h"
#include "pool.h"
#include "reduce.h"
#include "rows.h"

enum { CHUNK = 1 << 16 };                   /* elements of a chunk; of short rows so many together */

/* Chunk c of row r, k elements, gives the kernel's first[r * chunks + c] and second[r * chunks + c]. */
typedef struct job {
  nn_normalize_loop *loop;
  const char *x;
  size_t size;
  int64_t rows, k, chunks, group;
  double *first, *second;
} job;

static void run_part(void *user, int part) {
  const job *j = user;
  const int64_t unit = part * j->group, row = unit / j->chunks, from = unit % j->chunks * CHUNK;
  const bool whole = j->chunks == 1;
  nn_row_block b = {.n = 1, .k = j->k - from < CHUNK ? j->k - from : CHUNK, .first = j->first + unit,
                    .second = j->second + unit, .x = j->x + (size_t)(row * j->k + from) * j->size};
  if (whole) b.k = j->k, b.n = j->rows - unit < j->group ? j->rows - unit : j->group;
  j->loop(&b);
}

/* Small work, one part, stays here. */
static void run(job *j) {
  const int64_t units = j->rows * j->chunks, parts = (units + j->group - 1) / j->group;
  if (parts == 1) run_part(j, 0);
  else nn_parallel((int)parts, run_part, j);
}

/* loop over rows of k elements of x, contiguous and with an element or more; what it finds is the open scope's. */
static bool over_rows(nn_normalize_loop *const loop[2], const nn_tensor *x, int64_t k, job *j) {
  *j = (job){.loop = loop[x->dtype == NN_FLOAT64], .x = x->data, .size = nn_dtype_size(x->dtype), .rows = x->numel / k,
             .k = k, .chunks = (k - 1) / CHUNK + 1, .group = k < CHUNK ? CHUNK / k : 1};
  nn_tensor *room = nn_empty(NN_FLOAT64, NN_SHAPE(2, j->rows * j->chunks));
  if (!room) return false;
  j->first = room->data;
  j->second = j->first + j->rows * j->chunks;
  run(j);
  return true;
}

/* The sum of squared differences from the mean of row r (Chan et al. 1979). */
static double joined_squares(const job *j, int64_t r) {
  const double *means = j->first + r * j->chunks, *squares = j->second + r * j->chunks;
  double mean = means[0], sum = squares[0];
  for (int64_t c = 1; c < j->chunks; c++) {
    const int64_t seen = c * CHUNK, more = j->k - seen < CHUNK ? j->k - seen : CHUNK;
    const double share = (double)more / (double)(seen + more), d = means[c] - mean;
    mean += d * share;
    sum += squares[c] + d * d * (double)seen * share;
  }
  return sum;
}

static double joined_sums(const job *j, int64_t r) {
  double sum = 0;
  for (int64_t c = 0; c < j->chunks; c++) sum += j->first[r * j->chunks + c];
  return sum;
}

static void put(nn_tensor *y, int64_t i, double value) {
  if (y->dtype == NN_FLOAT32) ((float *)y->data)[i] = (float)value;
  else ((double *)y->data)[i] = value;
}

/* Do the dimensions that go come before all that stay? Sizes of 1 stand anywhere. */
static bool goes_first(const nn_shape *shape, const bool gone[NN_MAX_RANK]) {
  bool stayed = false;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] == 1) continue;
    if (gone[i] && stayed) return false;
    stayed |= !gone[i];
  }
  return stayed;
}

/* y = (sum of squared differences) / freedom, or its root; of columns by the kernels of batch normalization. */
static bool variances(nn_tensor *x, const bool gone[NN_MAX_RANK], double freedom, bool root, nn_tensor *y) {
  const int64_t k = x->numel / y->numel;
  const bool columns = goes_first(&x->shape, gone);
  nn_tensor *rows = columns ? nn_column_moments(nn_reshape(x, NN_SHAPE(k, y->numel))) : nn_flagged_last(x, gone);
  job j;
  if (!rows || (!columns && !over_rows(nn_normalizing()->spreads, rows, k, &j))) return false;
  for (int64_t i = 0; i < y->numel; i++) {
    const double squares = columns ? ((double *)rows->data)[y->numel + i] * (double)k : joined_squares(&j, i);
    put(y, i, root ? sqrt(squares / freedom) : squares / freedom);
  }
  return true;
}

/* The variance, or its root. */
static nn_tensor *spread(const char *call, nn_tensor *x, const nn_ints *dims, bool keepdim, double correction,
                         bool root) {
  bool gone[NN_MAX_RANK];
  if (!x || !nn_dims(call, &x->shape, dims, gone)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_cast(x, nn_floating(x->dtype));
  nn_tensor *y = from ? nn_empty(from->dtype, nn_shape_reduced(&x->shape, gone, keepdim)) : NULL;
  if (y && x->numel == 0) return nn_scope_return(mark, nn_fill(y, NAN) ? y : NULL);
  const bool done = y && variances(from, gone, fmax((double)(x->numel / y->numel) - correction, 0), root, y);
  return nn_scope_return(mark, done ? y : NULL);
}

nn_tensor *nn_variance(nn_tensor *x, nn_ints dims, bool keepdim, double correction) {
  return spread("var", x, &dims, keepdim, correction, false);
}
nn_tensor *nn_std(nn_tensor *x, nn_ints dims, bool keepdim, double correction) {
  return spread("std", x, &dims, keepdim, correction, true);
}

/* Of other dimensions than the last ones: without a kernel of its own. */
static nn_tensor *composed_norm(nn_tensor *x, nn_ints dims, bool keepdim) {
  return nn_sqrt(nn_sum(nn_square(x), dims, keepdim));
}

nn_tensor *nn_norm(nn_tensor *x, nn_ints dims, bool keepdim) {
  bool gone[NN_MAX_RANK];
  if (!x || !nn_dims("norm", &x->shape, &dims, gone)) return NULL;
  const size_t mark = nn_scope_open();
  if (x->numel == 0 || goes_first(&x->shape, gone)) return nn_scope_return(mark, composed_norm(x, dims, keepdim));
  nn_tensor *from = nn_cast(x, nn_floating(x->dtype));
  nn_tensor *y = from ? nn_empty(from->dtype, nn_shape_reduced(&x->shape, gone, keepdim)) : NULL;
  nn_tensor *rows = y ? nn_flagged_last(from, gone) : NULL;
  job j;
  if (!rows || !over_rows(nn_normalizing()->squares, rows, x->numel / y->numel, &j)) return nn_scope_return(mark, NULL);
  for (int64_t r = 0; r < j.rows; r++) put(y, r, sqrt(joined_sums(&j, r)));
  return nn_scope_return(mark, y);
}
