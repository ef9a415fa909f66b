/* Read by reduce.c once for each reduction: NAME(x, step, rows, width, y) is y[j] = OP of all x[i * step + j] with
 * i < rows. X are the elements of x, A is what they are reduced in. Takes NAME, X, A and OP away again. */
#define FN(part) NN_PASTE(NAME, part)

static inline A FN(op)(A a, A b) { return (A)(OP); }
static inline A FN(at)(const X *x) { return (A)*x; }
static inline A FN(two)(const X *x, int64_t step) { return FN(op)(FN(at)(x), FN(at)(x + step)); }
static inline A FN(four)(const X *x, int64_t step) { return FN(op)(FN(two)(x, step), FN(two)(x + 2 * step, step)); }

static NOINLINE void FN(join)(A *restrict y, const A *restrict other, int64_t n) {
  for (int64_t j = 0; j < n; j++) y[j] = FN(op)(y[j], other[j]);
}

/* At most a tile of columns. The two halves of the rows are reduced alike; LEAF rows are one balanced expression. */
static NOINLINE void FN(down)(const X *restrict x, int64_t step, int64_t rows, int64_t width, A *restrict y) {
  if (rows == LEAF) {
    for (int64_t j = 0; j < width; j++) y[j] = FN(op)(FN(four)(x + j, step), FN(four)(x + j + 4 * step, step));
  } else if (rows < LEAF) {
    for (int64_t j = 0; j < width; j++) y[j] = FN(at)(x + j);
    for (int64_t i = 1; i < rows; i++)
      for (int64_t j = 0; j < width; j++) y[j] = FN(op)(y[j], FN(at)(x + i * step + j));
  } else {
    A other[TILE_BYTES / sizeof(A)];
    const int64_t half = power_within(rows - 1);
    FN(down)(x, step, half, width, y);
    FN(down)(x + half * step, step, rows - half, width, other);
    FN(join)(y, other, width);
  }
}

/* One short column: four running results, then what is left. */
static inline A FN(few)(const X *x, int64_t n) {
  A a = FN(at)(x);
  int64_t i = 1;
  if (n >= 4) {
    A b = FN(at)(x + 1), c = FN(at)(x + 2), d = FN(at)(x + 3);
    for (i = 4; i + 4 <= n; i += 4) {
      a = FN(op)(a, FN(at)(x + i));
      b = FN(op)(b, FN(at)(x + i + 1));
      c = FN(op)(c, FN(at)(x + i + 2));
      d = FN(op)(d, FN(at)(x + i + 3));
    }
    a = FN(op)(FN(op)(a, b), FN(op)(c, d));
  }
  for (; i < n; i++) a = FN(op)(a, FN(at)(x + i));
  return a;
}

/* Few columns without gaps (one, when rows are summed): as many rows as there are LANES for stand side by side as one
 * wide row, whose lanes are folded in halves at the end; the rows that remain follow. */
static void FN(narrow)(const X *x, int64_t rows, int64_t width, A *y) {
  A lane[LANES], rest[LANES];
  const int64_t room = LANES / width, fold = power_within(rows < room ? rows : room), full = rows / fold;
  FN(down)(x, fold * width, full, fold * width, lane);
  for (int64_t half = fold / 2 * width; half >= width; half /= 2) FN(join)(lane, lane + half, half);
  if (rows > full * fold) {
    FN(down)(x + full * fold * width, width, rows - full * fold, width, rest);
    FN(join)(lane, rest, width);
  }
  memcpy(y, lane, (size_t)width * sizeof(A));
}

static void NAME(const void *source, int64_t step, int64_t rows, int64_t width, void *target) {
  const X *x = source;
  A *y = target;
  const int64_t tile = TILE_BYTES / sizeof(A);
  if (width == 1 && step == 1 && rows <= FEW) *y = FN(few)(x, rows);
  else if (width == step && width <= LANES / 2) FN(narrow)(x, rows, width, y);
  else
    for (int64_t j = 0; j < width; j += tile) FN(down)(x + j, step, rows, width - j < tile ? width - j : tile, y + j);
}

#undef FN
#undef NAME
#undef X
#undef A
#undef OP
