/* Read by reduce.c once for each reduction: NAME(x, outer, rows, step, width, y), see rows.h. X are the elements of x,
 * A is what they are reduced in, NEUTRAL changes nothing, LINKAGE is NAME's own. Takes all but that away again. Loops
 * are WIDE long where it counts: straight code of vectors that stay in registers. */
#define FN(part) NN_PASTE(NAME, part)

static inline A FN(op)(A a, A b) { return (A)(OP); }

/* y = OP of y and x, for n elements, a constant */
NN_INLINE void FN(take)(A *y, const X *x, int n) {
  EACH(j, n) y[j] = FN(op)((A)x[j], y[j]);
}
NN_INLINE void FN(fold)(A *y, const A *other, int n) {
  EACH(j, n) y[j] = FN(op)(other[j], y[j]);
}

static NOINLINE void FN(join)(A *restrict y, const A *restrict other, int64_t n) {
  for (int64_t j = 0; j < n; j++) y[j] = FN(op)(y[j], other[j]);
}

/* 1 to RUN elements side by side, the end of a row of WIDE or more: four blocks of results, which are folded in halves
 * at the end. What is left behind the whole blocks are the last of WIDE elements, the others had their turn. */
static NOINLINE A FN(run)(const X *x, int64_t n) {
  A a[WIDE], b[WIDE], c[WIDE], d[WIDE];
  EACH(l, WIDE) a[l] = b[l] = c[l] = d[l] = NEUTRAL;
  int64_t j = 0;
  for (; j + 4 * WIDE <= n; j += 4 * WIDE) {
    FN(take)(a, x + j, WIDE);
    FN(take)(b, x + j + WIDE, WIDE);
    FN(take)(c, x + j + 2 * WIDE, WIDE);
    FN(take)(d, x + j + 3 * WIDE, WIDE);
  }
  for (; j + WIDE <= n; j += WIDE) FN(take)(a, x + j, WIDE);
  const int before = (int)(j + WIDE - n);
  if (j < n) EACH(l, WIDE) b[l] = FN(op)(l < before ? NEUTRAL : (A)x[n - WIDE + l], b[l]);
  FN(fold)(a, b, WIDE);
  FN(fold)(c, d, WIDE);
  FN(fold)(a, c, WIDE);
  FN(fold)(a, a + 8, 8);
  FN(fold)(a, a + 4, 4);
  FN(fold)(a, a + 2, 2);
  return FN(op)(a[0], a[1]);
}

/* WIDE elements or more side by side: halves at powers of two, reduced alike */
static NOINLINE A FN(along)(const X *x, int64_t n) {
  if (n <= RUN) return FN(run)(x, n);
  const int64_t half = power_within(n - 1);
  const A first = FN(along)(x, half);
  return FN(op)(first, FN(along)(x + half, n - half));
}

/* One after the other; y may be the first. */
static inline A FN(few)(const X *x, int64_t step, int64_t n) {
  A a = (A)x[0];
  for (int64_t i = 1; i < n; i++) a = FN(op)(a, (A)x[i * step]);
  return a;
}

/* So many blocks of columns. The two halves of the rows are reduced alike. */
static NOINLINE void FN(down)(const X *restrict x, int64_t step, int64_t rows, int64_t blocks, A *restrict y) {
  if (rows > LEAF) {
    A other[TILE_BYTES / sizeof(A)];
    const int64_t half = power_within(rows - 1);
    FN(down)(x, step, half, blocks, y);
    FN(down)(x + half * step, step, rows - half, blocks, other);
    FN(join)(y, other, blocks * WIDE);
  } else
    for (; blocks; blocks--, x += WIDE, y += WIDE) {
      A a[WIDE], b[WIDE];
      EACH(l, WIDE) a[l] = b[l] = NEUTRAL;
      for (int64_t i = 0; i < rows - 1; i += 2) {
        FN(take)(a, x + i * step, WIDE);
        FN(take)(b, x + (i + 1) * step, WIDE);
      }
      if (rows % 2) FN(take)(a, x + (rows - 1) * step, WIDE);
      EACH(l, WIDE) y[l] = FN(op)(a[l], b[l]);
    }
}

/* A last block may overlap the one before it, and gives the same again. */
static NOINLINE void FN(columns)(const X *x, int64_t step, int64_t rows, int64_t width, A *y) {
  const int64_t tile = TILE_BYTES / sizeof(A);
  if (width < WIDE)
    for (int64_t j = 0; j < width; j++) y[j] = FN(few)(x + j, step, rows);
  else {
    for (int64_t j = 0; j + WIDE <= width; j += tile)
      FN(down)(x + j, step, rows, (width - j < tile ? width - j : tile) / WIDE, y + j);
    if (width % WIDE) FN(down)(x + width - WIDE, step, rows, 1, y + width - WIDE);
  }
}

/* Few columns without gaps: as many rows as there are LANES for stand side by side as one wide row, whose lanes are
 * folded in halves at the end; the rows that remain follow. */
static void FN(narrow)(const X *x, int64_t rows, int64_t width, A *y) {
  A lane[LANES], rest[LANES];
  const int64_t room = LANES / width, fold = power_within(rows < room ? rows : room), full = rows / fold;
  FN(columns)(x, fold * width, full, fold * width, lane);
  for (int64_t half = fold / 2 * width; half >= width; half /= 2) FN(join)(lane, lane + half, half);
  if (rows > full * fold) {
    FN(columns)(x + full * fold * width, width, rows - full * fold, width, rest);
    FN(join)(lane, rest, width);
  }
  memcpy(y, lane, (size_t)width * sizeof(A));
}

LINKAGE void NAME(const void *source, int64_t outer, int64_t rows, int64_t step, int64_t width, void *target) {
  const X *x = source;
  A *y = target;
  for (int64_t o = 0; o < outer; o++, x += rows * step, y += step)
    if (step == 1) *y = rows < WIDE ? FN(few)(x, 1, rows) : FN(along)(x, rows);
    else if (width == step && width <= LANES / 2) FN(narrow)(x, rows, width, y);
    else FN(columns)(x, step, rows, width, y);
}

#undef FN
#undef NAME
#undef X
#undef A
#undef OP
#undef NEUTRAL
