/* Read by softmax.c once for float and once for double, with T, FN and LOOP defined; takes them away again. A row is
 * in the cache from its largest element to its result. As many rows shorter than a block as fit are one tile, so that
 * their exponentials are one loop of vectors. Sums over a row go on in double, in an order fixed by k. */

/* NaN when there is one. */
static inline T FN(larger)(T a, T b) {
  const T chosen = a > b ? a : b;
  return a != a ? a : chosen;
}

/* The last block may overlap the one before it, which changes no maximum. */
static NOINLINE T FN(row_max)(const T *x, int64_t k) {
  T lane[WIDE], most = x[0];
  if (k < WIDE) {
    for (int64_t j = 1; j < k; j++) most = FN(larger)(most, x[j]);
    return most;
  }
  EACH(l, WIDE) lane[l] = x[l];
  for (int64_t j = WIDE; j < k; j += WIDE) {
    const T *next = x + (j + WIDE <= k ? j : k - WIDE);
    EACH(l, WIDE) lane[l] = FN(larger)(next[l], lane[l]);
  }
  EACH(l, 8) lane[l] = FN(larger)(lane[l], lane[l + 8]);
  EACH(l, 4) lane[l] = FN(larger)(lane[l], lane[l + 4]);
  EACH(l, 2) lane[l] = FN(larger)(lane[l], lane[l + 2]);
  return FN(larger)(lane[0], lane[1]);
}

/* e = e^(x - most) for k >= WIDE elements, and their sum; step 0: e is one block, which takes them all. The last block
 * may overlap the one before it: what had its turn is not added again. */
static NOINLINE double FN(exp_row)(const T *restrict x, T most, T *restrict e, int step, int64_t k) {
  double total[WIDE] = {0};
  for (int64_t j = 0; j < k;) {
    T lane[WIDE] = {0};
    for (int i = 0; i < RUN && j < k; i++, j += WIDE) {
      const int64_t at = j + WIDE <= k ? j : k - WIDE;
      const int skip = (int)(j - at);
      T *to = e + at * step;
      EACH(l, WIDE) {
        const T value = EXP_BELOW(x[at + l] - most);
        to[l] = value;
        lane[l] += l < skip ? 0 : value;
      }
    }
    EACH(l, WIDE) total[l] += (double)lane[l];
  }
  return fold(total);
}

static double FN(row_sum)(const T *x, int64_t k) {
  double total[WIDE] = {0};
  const int64_t whole = k - k % WIDE;
  for (int64_t j = 0; j < whole;) {
    T lane[WIDE] = {0};
    for (int i = 0; i < RUN && j < whole; i++, j += WIDE) EACH(l, WIDE) lane[l] += x[j + l];
    EACH(l, WIDE) total[l] += (double)lane[l];
  }
  for (int64_t j = whole; j < k; j++) total[j - whole] += (double)x[j];
  return fold(total);
}

/* Rows first to first + n of x: their largest elements, e^(x - largest) and the sums of these. */
typedef struct FN(tile) {
  int64_t first, n;
  const T *x, *e;
  T most[TILE], room[TILE + WIDE];
  double sum[TILE];
} FN(tile);

/* Of short rows, in room; what is left of the last block is not used. */
static void FN(exp_short_rows)(FN(tile) *t, int64_t k) {
  T shifted[TILE + WIDE];
  for (int64_t i = 0; i < t->n; i++)
    for (int64_t j = 0; j < k; j++) shifted[i * k + j] = t->x[i * k + j] - t->most[i];
  EACH(l, WIDE) shifted[t->n * k + l] = 0;
  FN(exp_row)(shifted, 0, t->room, 1, (t->n * k + WIDE - 1) / WIDE * WIDE);
  for (int64_t i = 0; i < t->n; i++) {
    t->sum[i] = 0;
    for (int64_t j = 0; j < k; j++) t->sum[i] += (double)t->room[i * k + j];
  }
  t->e = t->room;
}

/* Rows of o->a from first on, as many as fit; true. finite: 0 stands for an infinite largest element, with
 * sums of 0 and inf, since inf - inf would be NaN where ln(0) and ln(inf) are the answers. The exponentials of a long
 * row are left in its place of y; without y only their sum is. */
static bool FN(fill)(FN(tile) *t, const nn_row_operands *o, int64_t first, bool finite, T *y) {
  const int64_t k = o->k;
  t->first = first;
  t->n = rows_in_tile(o->rows - first, k);
  t->x = (const T *)o->a + first * k;
  for (int64_t i = 0; i < t->n; i++) {
    const T most = FN(row_max)(t->x + i * k, k);
    t->most[i] = finite && most == -(T)INFINITY ? 0 : most;
  }
  if (k < WIDE) FN(exp_short_rows)(t, k);
  else {
    T *e = y ? y + first * k : t->room;
    t->e = e;
    t->sum[0] = FN(exp_row)(t->x, t->most[0], e, y != NULL, k);
  }
  for (int64_t i = 0; i < t->n; i++)
    if (finite && t->most[i] == (T)INFINITY) {
      t->most[i] = 0;
      t->sum[i] = INFINITY;
    }
  return true;
}

/* t over all tiles of o's rows; i over the rows of t, r their number in o */
#define FOR_TILES(t, finite, y) \
  FN(tile) t; \
  for (int64_t first = 0; first < o->rows && FN(fill)(&t, o, first, finite, y); first += t.n)
#define FOR_ROWS(t, i, r) for (int64_t i = 0, r = t.first; i < t.n; i++, r++)

/* y = e scale; e may be y: what the last block overlaps is taken before. */
static void FN(scaled)(T *y, const T *e, T scale, int64_t k) {
  T last[WIDE];
  if (k < WIDE) {
    for (int64_t j = 0; j < k; j++) y[j] = e[j] * scale;
    return;
  }
  EACH(l, WIDE) last[l] = e[k - WIDE + l] * scale;
  for (int64_t j = 0; j + WIDE <= k; j += WIDE) EACH(l, WIDE) y[j + l] = e[j + l] * scale;
  EACH(l, WIDE) y[k - WIDE + l] = last[l];
}

LOOP(softmax) {
  T *y = o->y;
  FOR_TILES(t, false, y)
    FOR_ROWS(t, i, r) FN(scaled)(y + r * o->k, t.e + i * o->k, (T)(1 / t.sum[i]), o->k);
}

LOOP(log_softmax) {
  const int64_t k = o->k;
  FOR_TILES(t, false, NULL)
    FOR_ROWS(t, i, r) {
      const T *x = t.x + i * k, most = t.most[i], log_sum = (T)log(t.sum[i]);
      T *y = (T *)o->y + r * k;
      FOR_ALL(j, k, y[j] = x[j] - most - log_sum)
    }
}

LOOP(logsumexp) {
  FOR_TILES(t, true, NULL)
    FOR_ROWS(t, i, r) ((T *)o->y)[r] = (T)((double)t.most[i] + log(t.sum[i]));
}

LOOP(exp_sum) {
  FOR_TILES(t, true, NULL)
    FOR_ROWS(t, i, r) {
      ((double *)o->y)[2 * r] = (double)t.most[i];
      ((double *)o->y)[2 * r + 1] = t.sum[i];
    }
}

LOOP(crossentropy) {
  FOR_TILES(t, false, NULL)
    FOR_ROWS(t, i, r) {
      const int64_t label = o->label[r];
      ((T *)o->y)[r] = label < 0 ? 0 : (T)(log(t.sum[i]) - (double)(t.x[i * o->k + label] - t.most[i]));
    }
}

LOOP(crossentropy_grad) {
  const T *g = o->b;
  FOR_TILES(t, false, o->y)
    FOR_ROWS(t, i, r) {
      T *y = (T *)o->y + r * o->k;
      const int64_t label = o->label[r];
      if (label < 0) memset(y, 0, (size_t)o->k * sizeof(T));
      else {
        FN(scaled)(y, t.e + i * o->k, (T)((double)g[r] / t.sum[i]), o->k);
        y[label] -= g[r];
      }
    }
}

/* dx = y (g - sum(g y)) */
LOOP(softmax_grad) {
  const T *restrict g = o->a, *restrict y = o->b;
  T *restrict dx = o->y;
  const int64_t k = o->k;
  for (int64_t r = 0; r < o->rows; r++, g += k, y += k, dx += k) {
    FOR_ALL(j, k, dx[j] = g[j] * y[j])
    const T dot = (T)FN(row_sum)(dx, k);
    FOR_ALL(j, k, dx[j] = y[j] * (g[j] - dot))
  }
}

/* dx = g - e^y sum(g) */
LOOP(log_softmax_grad) {
  const T *restrict g = o->a, *restrict y = o->b;
  T *restrict dx = o->y, e[TILE], padded[WIDE] = {0};
  const int64_t k = o->k;
  for (int64_t r = 0; r < o->rows; r++, g += k, y += k, dx += k) {
    const T sum = (T)FN(row_sum)(g, k);
    if (k < WIDE) {
      for (int64_t j = 0; j < k; j++) padded[j] = y[j];
      FN(exp_row)(padded, 0, e, 1, WIDE);
      for (int64_t j = 0; j < k; j++) dx[j] = g[j] - e[j] * sum;
    } else
      for (int64_t i = 0; i < k; i += TILE) {
        const int64_t first = i + WIDE <= k ? i : k - WIDE, width = k - first < TILE ? k - first : TILE;
        FN(exp_row)(y + first, 0, e, 1, width);
        FOR_ALL(j, width, dx[first + j] = g[first + j] - e[j] * sum)
      }
  }
}

#undef FOR_TILES
#undef FOR_ROWS
#undef T
#undef FN
#undef LOOP
