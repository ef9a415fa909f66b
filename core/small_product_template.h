/* Products of a few multiply-adds, as small networks have them, for one element type T: c = a b + bias. Plain
 * sums in a fixed order (along k, starting from the bias), whatever the strides, so that a transposed operand gives the
 * same bits as a copy of it. Included once for each type, with T and SMALL(name) defined. */

/* `width` columns of every row: a constant at each call, so that the sums stay in registers */
static inline __attribute__((always_inline)) void SMALL(columns)(const small_product *s, const T *a, const T *b,
                                                                 const T *bias, T *c, const int width) {
  for (int64_t i = 0; i < s->m; i++) {
    T sum[8] = {0};
    if (bias) memcpy(sum, bias, (size_t)width * sizeof(T));
    for (int64_t l = 0; l < s->k; l++) {
      const T x = a[i * s->a_row + l * s->a_column];
      for (int j = 0; j < width; j++) sum[j] += x * b[l * s->b_row + j];
    }
    memcpy(c + i * s->n, sum, (size_t)width * sizeof(T));
  }
}

/* b is brought into contiguous rows first where they are not */
static void SMALL(product)(small_product s, const void *left, const void *right, const void *offset, void *result) {
  const T *a = left, *b = right, *bias = offset;
  T *c = result, rows[SMALL_WORK];
  if (s.b_column != 1 && s.n > 1) {
    for (int64_t l = 0; l < s.k; l++)
      for (int64_t j = 0; j < s.n; j++) rows[l * s.n + j] = b[l * s.b_row + j * s.b_column];
    b = rows;
    s.b_row = s.n;
  }
  for (int64_t j = 0, width; j < s.n; j += width) {
    const T *offsets = bias ? bias + j : NULL;
    width = s.n - j >= 8 ? 8 : s.n - j >= 4 ? 4 : 1;
    if (width == 8) SMALL(columns)(&s, a, b + j, offsets, c + j, 8);
    else if (width == 4) SMALL(columns)(&s, a, b + j, offsets, c + j, 4);
    else SMALL(columns)(&s, a, b + j, offsets, c + j, 1);
  }
}

#undef T
#undef SMALL
