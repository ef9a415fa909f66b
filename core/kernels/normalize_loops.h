/* Read by normalize.c once for float and once for double, with T and FN defined; takes them away again. Sums add RUN
 * terms in T and go on in double, in an order fixed by the shape. */

static inline int64_t FN(least)(int64_t a, int64_t b) { return a < b ? a : b; }

/* sum += f, an expression of j, for all j < k: LANES running sums, folded in halves now and then. */
#define ROW_SUM(sum, k, f)                                                              \
  for (int64_t from = 0; from < (k); from += LANES * RUN) {                             \
    const int64_t to = FN(least)((k), from + LANES * RUN), whole = to - (to - from) % LANES; \
    T lane[LANES] = {0}, rest = 0;                                                      \
    for (int64_t j0 = from; j0 < whole; j0 += LANES)                                    \
      for (int64_t l = 0, j = j0; l < LANES; l++, j++) lane[l] += (f);                  \
    for (int64_t j = whole; j < to; j++) rest += (f);                                   \
    for (int half = LANES / 2; half >= 1; half /= 2)                                    \
      for (int l = 0; l < half; l++) lane[l] += lane[half + l];                         \
    (sum) += (double)lane[0] + (double)rest;                                            \
  }

/* What a row is normalized with: h = (x - high) r - low, low = (mean - high) r. */
typedef struct FN(row) { T high, low, r; } FN(row);

/* The mean from differences from the first element, which lose no digits where all are far from 0; the variance from
 * squares of differences from `high`, less what is due to its rounding. */
static inline FN(row) FN(row_of)(const T *x, int64_t k, double epsilon) {
  double sum = 0, squares = 0;
  const T start = x[0];
  ROW_SUM(sum, k, x[j] - start)
  const double mean = (double)start + sum / (double)k;
  const T high = (T)mean;
  ROW_SUM(squares, k, (x[j] - high) * (x[j] - high))
  const double left = mean - (double)high, r = 1 / sqrt(squares / (double)k - left * left + epsilon);
  return (FN(row)){high, (T)(left * r), (T)r};
}

/* y = h gamma + beta */
static void FN(rows)(const nn_row_block *b) {
  const T *restrict x = b->x, *restrict gamma = b->gamma, *restrict beta = b->beta;
  T *restrict y = b->y;
  for (int64_t i = 0; i < b->n; i++, x += b->k, y += b->k) {
    const FN(row) row = FN(row_of)(x, b->k, b->epsilon);
    for (int64_t j = 0; j < b->k; j++) y[j] = ((x[j] - row.high) * row.r - row.low) * gamma[j] + beta[j];
  }
}

/* The rows' own part of the gradient; the row is kept for the sums over columns. */
static FN(row) FN(row_grad)(const T *restrict x, const T *restrict g, const T *restrict gamma, T *restrict dx,
                            int64_t k, double epsilon) {
  const FN(row) row = FN(row_of)(x, k, epsilon);
  double sum = 0, along = 0;
  ROW_SUM(sum, k, g[j] * gamma[j])
  ROW_SUM(along, k, g[j] * gamma[j] * ((x[j] - row.high) * row.r - row.low))
  const T mean = (T)(sum / (double)k), slope = (T)(along / (double)k);
  for (int64_t j = 0; j < k; j++)
    dx[j] = row.r * (g[j] * gamma[j] - mean - ((x[j] - row.high) * row.r - row.low) * slope);
  return row;
}

/* Adds to first and second the sums of g h and g over n <= RUN rows. */
static void FN(add_row_sums)(const T *x, const T *g, const FN(row) *row, int64_t n, int64_t k, double *first,
                             double *second) {
  for (int64_t j0 = 0; j0 < k; j0 += TILE) {
    const int64_t width = FN(least)(TILE, k - j0);
    T products[TILE] = {0}, sums[TILE] = {0};
    for (int64_t i = 0; i < n; i++) {
      const T *xi = x + i * k + j0, *gi = g + i * k + j0, high = row[i].high, low = row[i].low, r = row[i].r;
      for (int64_t j = 0; j < width; j++) {
        products[j] += gi[j] * ((xi[j] - high) * r - low);
        sums[j] += gi[j];
      }
    }
    for (int64_t j = 0; j < width; j++) first[j0 + j] += (double)products[j];
    for (int64_t j = 0; j < width; j++) second[j0 + j] += (double)sums[j];
  }
}

/* A run of rows at a time: dx row by row, then the sums by column, from the cache. */
static void FN(rows_grad)(const nn_row_block *b) {
  const T *x = b->x, *g = b->g;
  T *dx = b->y;
  FN(row) row[RUN];
  for (int64_t from = 0; from < b->n; from += RUN) {
    const int64_t n = FN(least)(RUN, b->n - from), at = from * b->k;
    for (int64_t i = 0; i < n; i++)
      row[i] = FN(row_grad)(x + at + i * b->k, g + at + i * b->k, b->gamma, dx + at + i * b->k, b->k, b->epsilon);
    FN(add_row_sums)(x + at, g + at, row, n, b->k, b->first, b->second);
  }
}

/* total[j] += the sum over the rows of f, an expression of i (the row) and j (the column), for a tile of columns. */
#define COLUMN_SUMS(total, rows, width, f)                                              \
  for (int64_t from = 0; from < (rows); from += RUN) {                                  \
    const int64_t to = FN(least)((rows), from + RUN);                                   \
    T part[TILE] = {0};                                                                 \
    for (int64_t i = from; i < to; i++)                                                 \
      for (int64_t j = 0; j < (width); j++) part[j] += (f);                             \
    for (int64_t j = 0; j < (width); j++) (total)[j] += (double)part[j];                \
  }

/* As of a row. */
static void FN(moments)(const nn_row_block *b) {
  for (int64_t j0 = 0; j0 < b->k; j0 += TILE) {
    const T *x = (const T *)b->x + j0;
    const int64_t n = b->n, k = b->k, width = FN(least)(TILE, k - j0);
    double sum[TILE] = {0}, squares[TILE] = {0};
    T high[TILE];
    COLUMN_SUMS(sum, n, width, x[i * k + j] - x[j])
    for (int64_t j = 0; j < width; j++) sum[j] = (double)x[j] + sum[j] / (double)n;
    for (int64_t j = 0; j < width; j++) high[j] = (T)sum[j];
    COLUMN_SUMS(squares, n, width, (x[i * k + j] - high[j]) * (x[i * k + j] - high[j]))
    for (int64_t j = 0; j < width; j++) {
      const double left = sum[j] - (double)high[j];
      b->first[j0 + j] = sum[j];
      b->second[j0 + j] = squares[j] - (double)n * left * left;
    }
  }
}

/* y = (x - mean) a + b */
static void FN(columns)(const nn_row_block *b) {
  const T *restrict x = b->x, *restrict mean = b->mean, *restrict scale = b->a, *restrict shift = b->b;
  T *restrict y = b->y;
  for (int64_t i = 0; i < b->n; i++, x += b->k, y += b->k)
    for (int64_t j = 0; j < b->k; j++) y[j] = (x[j] - mean[j]) * scale[j] + shift[j];
}

/* What gamma and beta need, and dx of all rows together. */
static void FN(sums)(const nn_row_block *b) {
  for (int64_t j0 = 0; j0 < b->k; j0 += TILE) {
    const T *x = (const T *)b->x + j0, *g = (const T *)b->g + j0, *mean = (const T *)b->mean + j0;
    const int64_t k = b->k, width = FN(least)(TILE, k - j0);
    double products[TILE] = {0}, sums[TILE] = {0};
    COLUMN_SUMS(products, b->n, width, g[i * k + j] * (x[i * k + j] - mean[j]))
    COLUMN_SUMS(sums, b->n, width, g[i * k + j])
    for (int64_t j = 0; j < width; j++) b->first[j0 + j] = products[j];
    for (int64_t j = 0; j < width; j++) b->second[j0 + j] = sums[j];
  }
}

/* dx = g a + ((x - mean) b + c): a is gamma r, b and c take the means off. */
static void FN(columns_grad)(const nn_row_block *block) {
  const T *restrict x = block->x, *restrict g = block->g, *restrict mean = block->mean;
  const T *restrict a = block->a, *restrict b = block->b, *restrict c = block->c;
  T *restrict dx = block->y;
  for (int64_t i = 0; i < block->n; i++, x += block->k, g += block->k, dx += block->k)
    for (int64_t j = 0; j < block->k; j++) dx[j] = g[j] * a[j] + ((x[j] - mean[j]) * b[j] + c[j]);
}

#undef ROW_SUM
#undef COLUMN_SUMS
#undef T
#undef FN
