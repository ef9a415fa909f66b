/* Layer and batch normalization: what is computed for each column or row, and how the rows are cut over the pool. Rows
 * are cut into blocks by the shape alone; sums over them are joined in their order. */
#include "normalize.h"

#include <math.h>
#include <string.h>

#include "kernels/normalize.h"
#include "memory.h"
#include "pool.h"

/* Elements of a block, its least rows, and the most blocks. */
enum { BLOCK = 1 << 16, LEAST_ROWS = 32, MOST_BLOCKS = 64 };

typedef struct job {
  nn_normalize_loop *loop;
  nn_row_block all;
  int64_t rows, blocks;                     /* of a block; and how many there are */
  size_t row_bytes;
} job;

/* Some BLOCK elements, a multiple of the runs in which the kernels add; more where the blocks would be too many. */
static int64_t rows_of_block(int64_t n, int64_t k) {
  int64_t rows = k < BLOCK / LEAST_ROWS ? BLOCK / k : LEAST_ROWS;
  if (rows < (n + MOST_BLOCKS - 1) / MOST_BLOCKS) rows = (n + MOST_BLOCKS - 1) / MOST_BLOCKS;
  return (rows + LEAST_ROWS - 1) / LEAST_ROWS * LEAST_ROWS;
}

static const void *moved(const void *p, size_t bytes) { return p ? (const char *)p + bytes : NULL; }

/* Block `part`, whose sums have rows of their own: what is joined, and in which order, is the same for any number of
 * threads. */
static void run_block(void *user, int part) {
  const job *j = user;
  nn_row_block b = j->all;
  const int64_t first = part * j->rows;
  const size_t at = (size_t)first * j->row_bytes;
  b.n = b.n - first < j->rows ? b.n - first : j->rows;
  b.x = moved(b.x, at);
  b.g = moved(b.g, at);
  if (b.y) b.y = (char *)b.y + at;
  if (b.first) b.first += 2 * part * b.k;
  if (b.second) b.second += 2 * part * b.k;
  j->loop(&b);
}

/* Small work, one block, stays here. */
static void run(job *j) {
  if (j->blocks == 1) run_block(j, 0);
  else if (j->blocks > 1) nn_parallel((int)j->blocks, run_block, j);
}

static int64_t blocks_of(int64_t n, int64_t k) { return n && k ? (n - 1) / rows_of_block(n, k) + 1 : 0; }

/* loop over x (n, k), and g, giving y (NULL where there are only sums) */
static job job_of(nn_normalize_loop *const loop[2], const nn_tensor *x, const nn_tensor *g, nn_tensor *y) {
  const int64_t n = x->shape.dim[0], k = x->shape.dim[1];
  return (job){.loop = loop[x->dtype == NN_FLOAT64], .rows = k ? rows_of_block(n, k) : 1, .blocks = blocks_of(n, k),
               .row_bytes = (size_t)k * nn_dtype_size(x->dtype),
               .all = {.n = n, .k = k, .x = x->data, .g = g ? g->data : NULL, .y = y ? y->data : NULL}};
}

/* Room for two sums by column of each block, set to 0; false with an error. */
static bool room_for_sums(job *j) {
  nn_tensor *room = nn_zeros(NN_FLOAT64, NN_SHAPE(j->blocks ? j->blocks : 1, 2, j->all.k));
  if (!room) return false;
  j->all.first = room->data;
  j->all.second = j->all.first ? j->all.first + j->all.k : NULL;
  return true;
}

/* Adds the sums of the later blocks to those of the first: 2 k numbers. */
static void join_sums(const job *j) {
  double *total = j->all.first;
  for (int64_t b = 1; b < j->blocks; b++)
    for (int64_t i = 0; i < 2 * j->all.k; i++) total[i] += total[2 * b * j->all.k + i];
}

static double value_at(const nn_tensor *vector, int64_t i) {
  return vector->dtype == NN_FLOAT32 ? ((const float *)vector->data)[i] : ((const double *)vector->data)[i];
}

static void put(nn_tensor *vector, int64_t i, double value) {
  if (vector->dtype == NN_FLOAT32) ((float *)vector->data)[i] = (float)value;
  else ((double *)vector->data)[i] = value;
}

/* values (k) as a tensor of dtype */
static nn_tensor *vector_of(nn_dtype dtype, int64_t k, const double *values) {
  nn_tensor *y = nn_empty(dtype, NN_SHAPE(k));
  for (int64_t i = 0; y && i < k; i++) put(y, i, values[i]);
  return y;
}

static bool is_matrix(const char *call, const nn_tensor *x) {
  if (nn_is_float(x->dtype) && x->shape.rank == 2) return true;
  return nn_fail("%s: a matrix of floats is expected; got %s %s", call, nn_dtype_name(x->dtype),
                 nn_shape_text(&x->shape).s);
}

/* vector, contiguous; where it is NULL, k times `missing`. NULL with an error. */
static nn_tensor *of_columns(const char *call, nn_tensor *vector, const nn_tensor *x, double missing) {
  const int64_t k = x->shape.dim[1];
  if (!vector) return nn_full(x->dtype, NN_SHAPE(k), missing);
  if (vector->dtype == x->dtype && vector->numel == k) return nn_contiguous(vector);
  return nn_fail("%s: %s of %s do not fit the columns of %s %s", call, nn_shape_text(&vector->shape).s,
                 nn_dtype_name(vector->dtype), nn_dtype_name(x->dtype), nn_shape_text(&x->shape).s);
}

/* A gradient is of what it belongs to. */
static bool is_alike(const char *call, const nn_tensor *g, const nn_tensor *x) {
  if (g->dtype == x->dtype && nn_shape_equal(&g->shape, &x->shape)) return true;
  return nn_fail("%s: %s %s is no gradient for %s %s", call, nn_dtype_name(g->dtype), nn_shape_text(&g->shape).s,
                 nn_dtype_name(x->dtype), nn_shape_text(&x->shape).s);
}

/* A row is in the cache from its sum to its result: one pass over memory. */
nn_tensor *nn_normalize_rows(nn_tensor *x, nn_tensor *gamma, nn_tensor *beta, double epsilon) {
  if (!x || !is_matrix("normalize_rows", x)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(x), *y = from ? nn_empty(x->dtype, x->shape) : NULL;
  gamma = y ? of_columns("normalize_rows", gamma, x, 1) : NULL;
  beta = gamma ? of_columns("normalize_rows", beta, x, 0) : NULL;
  if (!beta) return nn_scope_return(mark, NULL);
  job j = job_of(nn_normalizing()->rows, from, NULL, y);
  j.all.gamma = gamma->data;
  j.all.beta = beta->data;
  j.all.epsilon = epsilon;
  run(&j);
  return nn_scope_return(mark, y);
}

/* Ends a gradient: its scope is closed, and y and the sums belong to the one outside; NULL when one of them failed. */
static nn_tensor *with_sums(size_t mark, nn_tensor *y, nn_tensor *sums[2]) {
  const bool whole = y && sums[0] && sums[1];
  for (int i = 0; whole && i < 2; i++) nn_retain(sums[i]);
  y = nn_scope_return(mark, whole ? y : NULL);
  for (int i = 0; whole && i < 2; i++)
    if (!(sums[i] = nn_scope_own(sums[i]))) y = NULL;
  if (!y) sums[0] = sums[1] = NULL;
  return y;
}

/* The means and roots are found again, which is faster than keeping them would be; sums over the rows go by blocks. */
nn_tensor *nn_normalize_rows_grad(nn_tensor *g, nn_tensor *x, nn_tensor *gamma, double epsilon, nn_tensor *sums[2]) {
  sums[0] = sums[1] = NULL;
  if (!g || !x || !is_matrix("normalize_rows", x) || !is_alike("normalize_rows", g, x)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(x), *with = from ? nn_contiguous(g) : NULL;
  nn_tensor *dx = with ? nn_empty(x->dtype, x->shape) : NULL;
  gamma = dx ? of_columns("normalize_rows", gamma, x, 1) : NULL;
  if (!gamma) return nn_scope_return(mark, NULL);
  job j = job_of(nn_normalizing()->rows_grad, from, with, dx);
  j.all.gamma = gamma->data;
  j.all.epsilon = epsilon;
  if (!room_for_sums(&j)) return nn_scope_return(mark, NULL);
  run(&j);
  join_sums(&j);
  sums[0] = vector_of(x->dtype, j.all.k, j.all.first);
  sums[1] = sums[0] ? vector_of(x->dtype, j.all.k, j.all.second) : NULL;
  return with_sums(mark, dx, sums);
}

/* Block by block (Chan et al. 1979): m of the mean and s of squares about it join with those of the rows before. */
static void join_moments(const job *j, double *mean, double *variance) {
  const int64_t k = j->all.k;
  int64_t seen = 0;
  for (int64_t b = 0; b < j->blocks; b++) {
    const int64_t more = j->all.n - seen < j->rows ? j->all.n - seen : j->rows;
    const double share = (double)more / (double)(seen + more), weight = (double)seen * share;
    const double *m = j->all.first + 2 * b * k, *s = j->all.second + 2 * b * k;
    for (int64_t i = 0; i < k; i++) {
      const double d = seen ? m[i] - mean[i] : 0;
      variance[i] = (seen ? variance[i] : 0) + s[i] + d * d * weight;
      mean[i] = seen ? mean[i] + d * share : m[i];
    }
    seen += more;
  }
  for (int64_t i = 0; i < k; i++) variance[i] /= (double)seen;
}

/* Each block is read twice, for the mean and for the squares, while it is in the cache. */
nn_tensor *nn_column_moments(nn_tensor *x) {
  if (!x || !is_matrix("column_moments", x)) return NULL;
  const int64_t k = x->shape.dim[1];
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(x), *y = from ? nn_empty(NN_FLOAT64, NN_SHAPE(2, k)) : NULL;
  if (!y || !x->numel) return nn_scope_return(mark, y && nn_fill(y, NAN) ? y : NULL);
  job j = job_of(nn_normalizing()->moments, from, NULL, NULL);
  if (!room_for_sums(&j)) return nn_scope_return(mark, NULL);
  run(&j);
  join_moments(&j, y->data, (double *)y->data + k);
  return nn_scope_return(mark, y);
}

/* y (x's shape) by columns; vectors are contiguous. */
static nn_tensor *affine(nn_tensor *x, const nn_tensor *mean, const nn_tensor *scale, const nn_tensor *shift) {
  nn_tensor *from = nn_contiguous(x), *y = from ? nn_empty(x->dtype, x->shape) : NULL;
  if (!y) return NULL;
  job j = job_of(nn_normalizing()->columns, from, NULL, y);
  j.all.mean = mean->data;
  j.all.a = scale->data;
  j.all.b = shift->data;
  run(&j);
  return y;
}

nn_tensor *nn_column_affine(nn_tensor *x, nn_tensor *mean, nn_tensor *scale, nn_tensor *shift) {
  if (!x || !mean || !scale || !is_matrix("column_affine", x)) return NULL;
  const size_t mark = nn_scope_open();
  mean = of_columns("column_affine", mean, x, 0);
  scale = mean ? of_columns("column_affine", scale, x, 1) : NULL;
  shift = scale ? of_columns("column_affine", shift, x, 0) : NULL;
  return nn_scope_return(mark, shift ? affine(x, mean, scale, shift) : NULL);
}

/* Three vectors of k elements, and what they hold. */
typedef struct vectors { nn_tensor *v[3]; } vectors;

static bool new_vectors(const nn_tensor *x, vectors *of) {
  for (int i = 0; i < 3; i++)
    if (!(of->v[i] = nn_empty(x->dtype, NN_SHAPE(x->shape.dim[1])))) return false;
  return true;
}

static bool are_moments(const char *call, const nn_tensor *moments, const nn_tensor *x) {
  if (moments->dtype == NN_FLOAT64 && moments->contiguous && moments->numel == 2 * x->shape.dim[1]) return true;
  return nn_fail("%s: %s %s are no moments of the columns of %s", call, nn_dtype_name(moments->dtype),
                 nn_shape_text(&moments->shape).s, nn_shape_text(&x->shape).s);
}

/* scale = gamma / sqrt(variance + epsilon); what the mean's rounding leaves goes into shift. */
nn_tensor *nn_normalize_columns(nn_tensor *x, nn_tensor *moments, nn_tensor *gamma, nn_tensor *beta, double epsilon) {
  static const char call[] = "normalize_columns";
  if (!x || !moments || !is_matrix(call, x) || !are_moments(call, moments, x)) return NULL;
  const int64_t k = x->shape.dim[1];
  const double *mean = moments->data, *variance = mean + k;
  const size_t mark = nn_scope_open();
  vectors of;
  gamma = of_columns(call, gamma, x, 1);
  beta = gamma ? of_columns(call, beta, x, 0) : NULL;
  if (!beta || !new_vectors(x, &of)) return nn_scope_return(mark, NULL);
  for (int64_t i = 0; i < k; i++) {
    const double scale = value_at(gamma, i) / sqrt(variance[i] + epsilon);
    put(of.v[0], i, mean[i]);
    put(of.v[1], i, scale);
    put(of.v[2], i, value_at(beta, i) - (mean[i] - value_at(of.v[0], i)) * scale);
  }
  return nn_scope_return(mark, affine(x, of.v[0], of.v[1], of.v[2]));
}

/* With r = 1 / sqrt(variance + epsilon), h = (x - mean) r, p = sum(g h), s = sum(g):
 * dx = gamma r (g - s/n - h p/n) = g a + ((x - mean) b + c). p is left in first. */
static void coefficients(const job *sums, const double *mean, const double *variance, const nn_tensor *gamma,
                         double epsilon, vectors *of, const nn_tensor *high) {
  double *p = sums->all.first, *s = sums->all.second;
  const double n = (double)sums->all.n;
  for (int64_t i = 0; i < sums->all.k; i++) {
    const double r = 1 / sqrt(variance[i] + epsilon), left = mean[i] - value_at(high, i), a = value_at(gamma, i) * r;
    p[i] = (p[i] - left * s[i]) * r;
    const double b = -a * r * p[i] / n;
    put(of->v[0], i, a);
    put(of->v[1], i, b);
    put(of->v[2], i, -a * s[i] / n - left * b);
  }
}

/* The gradient's second pass. */
static nn_tensor *columns_grad(const nn_tensor *g, const nn_tensor *x, const nn_tensor *high, const vectors *of) {
  nn_tensor *dx = nn_empty(x->dtype, x->shape);
  if (!dx) return NULL;
  job j = job_of(nn_normalizing()->columns_grad, x, g, dx);
  j.all.mean = high->data;
  j.all.a = of->v[0]->data;
  j.all.b = of->v[1]->data;
  j.all.c = of->v[2]->data;
  run(&j);
  return dx;
}

/* One pass for the sums, which are all that gamma and beta need, one for dx. */
nn_tensor *nn_normalize_columns_grad(nn_tensor *g, nn_tensor *x, nn_tensor *moments, nn_tensor *gamma, double epsilon,
                                     nn_tensor *sums[2]) {
  static const char call[] = "normalize_columns";
  sums[0] = sums[1] = NULL;
  if (!g || !x || !moments || !is_matrix(call, x) || !is_alike(call, g, x)) return NULL;
  if (!are_moments(call, moments, x)) return NULL;
  const int64_t k = x->shape.dim[1];
  const double *mean = moments->data;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(x), *with = from ? nn_contiguous(g) : NULL, *dx = NULL;
  nn_tensor *high = with ? vector_of(x->dtype, k, mean) : NULL;
  vectors of;
  gamma = high ? of_columns(call, gamma, x, 1) : NULL;
  if (!gamma || !new_vectors(x, &of)) return nn_scope_return(mark, NULL);
  job j = job_of(nn_normalizing()->sums, from, with, NULL);
  j.all.mean = high->data;
  if (!room_for_sums(&j)) return nn_scope_return(mark, NULL);
  run(&j);
  join_sums(&j);
  coefficients(&j, mean, mean + k, gamma, epsilon, &of, high);
  dx = columns_grad(with, from, high, &of);
  sums[0] = dx ? vector_of(x->dtype, k, j.all.first) : NULL;
  sums[1] = sums[0] ? vector_of(x->dtype, k, j.all.second) : NULL;
  return with_sums(mark, dx, sums);
}
