/* Read by normalize.c once for float and once for double, with T, FN and LOOP defined; takes them away again. Sums add
 * RUN terms in T and go on in double, in an order fixed by the shape. */

static inline int64_t FN(least)(int64_t a, int64_t b) { return a < b ? a : b; }

/* sum = f, an expression of j, added for all j < k: a block of running sums of type A, which go on in double. What is
 * left behind the last whole block goes one by one. */
#define ROW_SUM(A, sum, k, f)                                                           \
  {                                                                                     \
    double total[WIDE] = {0};                                                           \
    const int64_t whole = (k) - (k) % WIDE;                                             \
    for (int64_t at = 0; at < whole;) {                                                 \
      const int64_t to = FN(least)(whole, at + WIDE * RUN);                             \
      A lane[WIDE] = {0};                                                               \
      for (; at < to; at += WIDE) EACH(l, WIDE) { const int64_t j = at + l; lane[l] += (f); } \
      EACH(l, WIDE) total[l] += (double)lane[l];                                        \
    }                                                                                   \
    for (int64_t j = whole; j < (k); j++) total[j - whole] += (double)(f);              \
    (sum) = fold(total);                                                                \
  }

/* A mean and the sum of squared differences from it. */
typedef struct FN(spread) { double mean, squares; } FN(spread);

/* Of at most a CHUNK, which stays in the cache. The mean from differences from the first element, which lose no digits
 * where all are far from 0; the squares from differences from a mean that T holds, less what is due to its rounding. */
static NOINLINE FN(spread) FN(spread_of_chunk)(const T *x, int64_t k) {
  double sum, squares;
  const T start = x[0];
  ROW_SUM(T, sum, k, x[j] - start)
  const double mean = (double)start + sum / (double)k;
  const T high = (T)mean;
  ROW_SUM(T, squares, k, (x[j] - high) * (x[j] - high))
  const double left = mean - (double)high;
  return (FN(spread)){mean, squares - (double)k * left * left};
}

/* Chunks join one after the other (Chan et al. 1979). */
static FN(spread) FN(spread_of)(const T *x, int64_t k) {
  FN(spread) all = FN(spread_of_chunk)(x, FN(least)(k, CHUNK));
  for (int64_t seen = CHUNK; seen < k; seen += CHUNK) {
    const int64_t more = FN(least)(k - seen, CHUNK);
    const FN(spread) next = FN(spread_of_chunk)(x + seen, more);
    const double share = (double)more / (double)(seen + more), d = next.mean - all.mean;
    all.mean += d * share;
    all.squares += next.squares + d * d * (double)seen * share;
  }
  return all;
}

LOOP(spreads) {
  const T *x = b->x;
  for (int64_t i = 0; i < b->n; i++, x += b->k) {
    const FN(spread) row = FN(spread_of)(x, b->k);
    b->first[i] = row.mean;
    b->second[i] = row.squares;
  }
}

/* In double, where the square of a float neither overflows nor vanishes. */
LOOP(squares) {
  const T *x = b->x;
  for (int64_t i = 0; i < b->n; i++, x += b->k) ROW_SUM(double, b->first[i], b->k, (double)x[j] * (double)x[j])
}

/* What a row is normalized with: h = (x - high) r - low, low = (mean - high) r. */
typedef struct FN(row) { T high, low, r; } FN(row);

static FN(row) FN(row_of)(const T *x, int64_t k, double epsilon) {
  const FN(spread) of = FN(spread_of)(x, k);
  const T high = (T)of.mean;
  const double r = 1 / sqrt(of.squares / (double)k + epsilon);
  return (FN(row)){high, (T)((of.mean - (double)high) * r), (T)r};
}

/* y = h gamma + beta */
LOOP(rows) {
  const T *restrict x = b->x, *restrict gamma = b->gamma, *restrict beta = b->beta;
  T *restrict y = b->y;
  for (int64_t i = 0; i < b->n; i++, x += b->k, y += b->k) {
    const FN(row) row = FN(row_of)(x, b->k, b->epsilon);
    FOR_ALL(j, b->k, y[j] = ((x[j] - row.high) * row.r - row.low) * gamma[j] + beta[j])
  }
}

/* The rows' own part of the gradient; the row is kept for the sums over columns. */
static FN(row) FN(row_grad)(const T *restrict x, const T *restrict g, const T *restrict gamma, T *restrict dx,
                            int64_t k, double epsilon) {
  const FN(row) row = FN(row_of)(x, k, epsilon);
  double sums[2][WIDE] = {{0}};
  const int64_t whole = k - k % WIDE;
  for (int64_t at = 0; at < whole;) {
    const int64_t to = FN(least)(whole, at + WIDE * RUN);
    T plain[WIDE] = {0}, along[WIDE] = {0};
    for (; at < to; at += WIDE)
      EACH(l, WIDE) {
        const T d = g[at + l] * gamma[at + l];
        plain[l] += d;
        along[l] += d * ((x[at + l] - row.high) * row.r - row.low);
      }
    EACH(l, WIDE) sums[0][l] += (double)plain[l];
    EACH(l, WIDE) sums[1][l] += (double)along[l];
  }
  for (int64_t j = whole; j < k; j++) {
    const T d = g[j] * gamma[j];
    sums[0][j - whole] += (double)d;
    sums[1][j - whole] += (double)(d * ((x[j] - row.high) * row.r - row.low));
  }
  const T mean = (T)(fold(sums[0]) / (double)k), slope = (T)(fold(sums[1]) / (double)k);
  FOR_ALL(j, k, dx[j] = row.r * (g[j] * gamma[j] - mean - ((x[j] - row.high) * row.r - row.low) * slope))
  return row;
}

/* Adds to first and second the sums of g h and g over n <= RUN rows, for one block of columns, or one column. */
NN_INLINE void FN(add_block_sums)(int width, const T *x, const T *g, const FN(row) *row, int64_t n, int64_t k,
                                  double *first, double *second) {
  T products[WIDE] = {0}, sums[WIDE] = {0};
  for (int64_t i = 0; i < n; i++, x += k, g += k) {
    const T high = row[i].high, low = row[i].low, r = row[i].r;
    EACH(j, width) products[j] += g[j] * ((x[j] - high) * r - low);
    EACH(j, width) sums[j] += g[j];
  }
  EACH(j, width) first[j] += (double)products[j];
  EACH(j, width) second[j] += (double)sums[j];
}

static void FN(add_row_sums)(const T *x, const T *g, const FN(row) *row, int64_t n, int64_t k, double *first,
                             double *second) {
  int64_t j = 0;
  for (; j + WIDE <= k; j += WIDE) FN(add_block_sums)(WIDE, x + j, g + j, row, n, k, first + j, second + j);
  for (; j < k; j++) FN(add_block_sums)(1, x + j, g + j, row, n, k, first + j, second + j);
}

/* A run of rows at a time: dx row by row, then the sums by column, from the cache. */
LOOP(rows_grad) {
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
LOOP(moments) {
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
LOOP(columns) {
  const T *restrict x = b->x, *restrict mean = b->mean, *restrict scale = b->a, *restrict shift = b->b;
  T *restrict y = b->y;
  for (int64_t i = 0; i < b->n; i++, x += b->k, y += b->k)
    for (int64_t j = 0; j < b->k; j++) y[j] = (x[j] - mean[j]) * scale[j] + shift[j];
}

/* What gamma and beta need, and dx of all rows together. */
LOOP(sums) {
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
LOOP(columns_grad) {
  const T *restrict x = b->x, *restrict g = b->g, *restrict mean = b->mean;
  const T *restrict scale = b->a, *restrict slope = b->b, *restrict shift = b->c;
  T *restrict dx = b->y;
  for (int64_t i = 0; i < b->n; i++, x += b->k, g += b->k, dx += b->k)
    for (int64_t j = 0; j < b->k; j++) dx[j] = g[j] * scale[j] + ((x[j] - mean[j]) * slope[j] + shift[j]);
}

#undef ROW_SUM
#undef COLUMN_SUMS
#undef T
#undef FN
#undef LOOP
