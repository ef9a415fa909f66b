/* Read by softmax.c once for float and once for double, with T and FN defined. Rows of k elements; as many short
 * rows as fit are one tile, so that their exponentials are one loop of vectors. Sums over a row are taken in
 * double, in an order fixed by k. */

/* Short rows one by one; else LANES running results, folded in halves. The lanes stay in memory on purpose: loops over
 * them become vectors with every compiler. */
static double FN(row_sum)(const T *x, int64_t k) {
  double lane[LANES], sum = 0;
  if (k < FEW) {
    for (int64_t j = 0; j < k; j++) sum += (double)x[j];
    return sum;
  }
  int64_t n = k < LANES ? k : LANES, j = n;
  for (int64_t l = 0; l < n; l++) lane[l] = (double)x[l];
  for (; j + LANES <= k; j += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += (double)x[j + l];
  for (int64_t l = 0; l < k - j; l++) lane[l] += (double)x[j + l];
  for (int64_t half; n > 1; n = half) {
    half = (n + 1) / 2;
    for (int64_t l = 0; l < n - half; l++) lane[l] += lane[half + l];
  }
  return lane[0];
}

/* NaN when there is one. */
static inline T FN(larger)(T a, T b) {
  const T chosen = a > b ? a : b;
  return a != a ? a : chosen;
}

/* By so many lanes, a constant; the last vector may overlap the one before it, which changes no maximum. */
NN_INLINE T FN(max_by)(int lanes, const T *x, int64_t k) {
  T lane[LANES];
  memcpy(lane, x, (size_t)lanes * sizeof(T));
  for (int64_t j = lanes; j < k; j += lanes) {
    const T *next = x + (j + lanes <= k ? j : k - lanes);
    for (int l = 0; l < lanes; l++) lane[l] = FN(larger)(lane[l], next[l]);
  }
  for (int half = lanes / 2; half >= 1; half /= 2)
    for (int l = 0; l < half; l++) lane[l] = FN(larger)(lane[l], lane[half + l]);
  return lane[0];
}

static T FN(row_max)(const T *x, int64_t k) {
  if (k >= LANES) return FN(max_by)(LANES, x, k);
  if (k >= FEW) return FN(max_by)(FEW, x, k);
  T most = x[0];
  for (int64_t j = 1; j < k; j++) most = FN(larger)(most, x[j]);
  return most;
}

/* y = x - max over each row */
static void FN(shift_rows)(const T *x, T *y, int64_t rows, int64_t k) {
  for (int64_t r = 0; r < rows; r++, x += k, y += k) {
    const T most = FN(row_max)(x, k);
    for (int64_t j = 0; j < k; j++) y[j] = x[j] - most;
  }
}

/* sum[r] = sum of e^(x - most[r]) over row r; rows * k <= TILE, or one row */
static void FN(exp_sums)(const T *x, const T *most, double *sum, int64_t rows, int64_t k) {
  T e[TILE];
  memset(sum, 0, (size_t)rows * sizeof *sum);
  for (int64_t first = 0, width; first < k; first += width) {
    width = k - first < TILE ? k - first : TILE;
    for (int64_t r = 0; r < rows; r++)
      for (int64_t j = 0; j < width; j++) e[r * width + j] = x[r * k + first + j] - most[r];
    for (int64_t i = 0; i < rows * width; i++) e[i] = EXP(e[i]);
    for (int64_t r = 0; r < rows; r++) sum[r] += FN(row_sum)(e + r * width, width);
  }
}

static void FN(softmax)(const void *a, const void *b, void *target, int64_t rows, int64_t k) {
  const T *x = a;
  T *y = target;
  (void)b;
  for (int64_t r = 0, n; r < rows; r += n, x += n * k, y += n * k) {
    n = rows_in_tile(rows - r, k);
    FN(shift_rows)(x, y, n, k);
    for (int64_t i = 0; i < n * k; i++) y[i] = EXP(y[i]);
    for (int64_t i = 0; i < n; i++) {
      const T scale = (T)(1 / FN(row_sum)(y + i * k, k));
      for (int64_t j = 0; j < k; j++) y[i * k + j] *= scale;
    }
  }
}

static void FN(log_softmax)(const void *a, const void *b, void *target, int64_t rows, int64_t k) {
  static const T zero[TILE];
  const T *x = a;
  T *y = target;
  double sum[TILE];
  (void)b;
  for (int64_t r = 0, n; r < rows; r += n, x += n * k, y += n * k) {
    n = rows_in_tile(rows - r, k);
    FN(shift_rows)(x, y, n, k);
    FN(exp_sums)(y, zero, sum, n, k);
    for (int64_t i = 0; i < n; i++) {
      const T log_sum = (T)log(sum[i]);
      for (int64_t j = 0; j < k; j++) y[i * k + j] -= log_sum;
    }
  }
}

/* An infinite maximum is not subtracted: inf - inf would be NaN, where ln(0) and ln(inf) are the answers. */
static void FN(logsumexp)(const void *a, const void *b, void *target, int64_t rows, int64_t k) {
  const T *x = a;
  T *y = target, most[TILE];
  double sum[TILE];
  (void)b;
  for (int64_t r = 0, n; r < rows; r += n, x += n * k, y += n) {
    n = rows_in_tile(rows - r, k);
    for (int64_t i = 0; i < n; i++) {
      most[i] = FN(row_max)(x + i * k, k);
      if (most[i] == (T)INFINITY || most[i] == -(T)INFINITY) most[i] = 0;
    }
    FN(exp_sums)(x, most, sum, n, k);
    for (int64_t i = 0; i < n; i++) y[i] = (T)((double)most[i] + log(sum[i]));
  }
}

/* dx = y (g - sum(g y)) */
static void FN(softmax_grad)(const void *a, const void *b, void *target, int64_t rows, int64_t k) {
  const T *g = a, *y = b;
  T *dx = target;
  for (int64_t r = 0; r < rows; r++, g += k, y += k, dx += k) {
    for (int64_t j = 0; j < k; j++) dx[j] = g[j] * y[j];
    const T dot = (T)FN(row_sum)(dx, k);
    for (int64_t j = 0; j < k; j++) dx[j] = y[j] * (g[j] - dot);
  }
}

/* dx = g - e^y sum(g) */
static void FN(log_softmax_grad)(const void *a, const void *b, void *target, int64_t rows, int64_t k) {
  const T *g = a, *y = b;
  T *dx = target;
  for (int64_t i = 0; i < rows * k; i++) dx[i] = EXP(y[i]);
  for (int64_t r = 0; r < rows; r++, g += k, dx += k) {
    const T sum = (T)FN(row_sum)(g, k);
    for (int64_t j = 0; j < k; j++) dx[j] = g[j] - dx[j] * sum;
  }
}

#undef T
#undef FN
