/* Where a mask says so: masked_select and its gradient, and the triangles of matrices. */
#include "tensor.h"

#include <inttypes.h>
#include <string.h>

#include "elementwise.h"
#include "movement.h"

/* mask as contiguous uint8 of shape (1 for anything that is not 0), and how many are set; NULL with an error when
 * it does not broadcast to shape. */
static nn_tensor *full_mask(const char *call, nn_tensor *mask, const nn_shape *shape, int64_t *set) {
  nn_shape joined;
  if (!nn_shape_broadcast(call, &mask->shape, shape, &joined)) return NULL;
  if (!nn_shape_equal(&joined, shape))
    return nn_fail("%s: mask %s does not broadcast to %s", call, nn_shape_text(&mask->shape).s, nn_shape_text(shape).s);
  if (mask->dtype != NN_UINT8) mask = nn_ne(mask, nn_integer(0));
  mask = nn_contiguous(nn_broadcast_to(mask, *shape));
  *set = 0;
  for (int64_t i = 0; mask && i < mask->numel; i++) *set += ((const uint8_t *)mask->data)[i] != 0;
  return mask;
}

/* Between the dense values and the places that the mask (0/1, n) names, in either direction. */
#define SELECT(T, name)                                                                                \
  static void name(const uint8_t *mask, int64_t n, void *dense, void *full, bool spread) {             \
    for (int64_t i = 0, at = 0; i < n; i++) {                                                          \
      if (!mask[i]) continue;                                                                          \
      if (spread) ((T *)full)[i] = ((T *)dense)[at++];                                                 \
      else ((T *)dense)[at++] = ((T *)full)[i];                                                        \
    }                                                                                                  \
  }
SELECT(uint8_t, select_1)
SELECT(uint32_t, select_4)
SELECT(uint64_t, select_8)

static void select_by(const nn_tensor *mask, nn_tensor *dense, nn_tensor *full, bool spread) {
  const size_t size = nn_dtype_size(full->dtype);
  (size == 1 ? select_1 : size == 4 ? select_4 : select_8)(mask->data, mask->numel, dense->data, full->data, spread);
}

/* The elements of x where mask is set, in row-major order: rank 1, as long as the mask has places set. */
nn_tensor *nn_masked_select(nn_tensor *x, nn_tensor *mask) {
  if (!x || !mask) return NULL;
  const size_t mark = nn_scope_open();
  int64_t set;
  nn_tensor *where = full_mask("masked_select", mask, &x->shape, &set);
  nn_tensor *from = where ? nn_contiguous(x) : NULL, *y = from ? nn_empty(x->dtype, NN_SHAPE(set)) : NULL;
  if (y) select_by(where, y, from, false);
  return nn_scope_return(mark, y);
}

/* The transpose: g's elements, in order, at the places that are set. */
nn_tensor *nn_masked_spread(nn_tensor *g, nn_tensor *mask, nn_shape shape) {
  if (!g || !mask) return NULL;
  const size_t mark = nn_scope_open();
  int64_t set;
  nn_tensor *where = full_mask("masked_spread", mask, &shape, &set);
  if (where && g->numel != set) {
    nn_fail("masked_spread: the mask names %" PRId64 " places, got %s", set, nn_shape_text(&g->shape).s);
    where = NULL;
  }
  nn_tensor *from = where ? nn_contiguous(g) : NULL, *y = from ? nn_zeros(g->dtype, shape) : NULL;
  if (y) select_by(where, from, y, true);
  return nn_scope_return(mark, y);
}

/* The columns first..end-1 of row i that a triangle of an (m, n) matrix keeps. */
static void kept_columns(bool lower, int64_t i, int64_t n, int64_t k, int64_t *first, int64_t *end) {
  int64_t diagonal;                         /* where j - i = k */
  if (__builtin_add_overflow(i, k, &diagonal) || diagonal == INT64_MAX) diagonal = INT64_MAX - 1;
  const int64_t cut = lower ? diagonal + 1 : diagonal, clipped = cut < 0 ? 0 : cut > n ? n : cut;
  *first = lower ? 0 : clipped;
  *end = lower ? clipped : n;
}

/* Row r of all the matrices of x is row r mod m of one; what is not kept stays 0. */
static nn_tensor *triangle(const char *call, nn_tensor *x, int64_t k, bool lower) {
  if (!x) return NULL;
  const int rank = x->shape.rank;
  if (rank < 2) return nn_fail("%s: at least 2 dimensions are expected, got %s", call, nn_shape_text(&x->shape).s);
  const size_t mark = nn_scope_open(), size = nn_dtype_size(x->dtype);
  nn_tensor *from = nn_contiguous(x), *y = from ? nn_zeros(x->dtype, x->shape) : NULL;
  const int64_t m = x->shape.dim[rank - 2], n = x->shape.dim[rank - 1], rows = n ? x->numel / n : 0;
  for (int64_t r = 0; y && r < rows; r++) {
    int64_t first, end;
    kept_columns(lower, r % m, n, k, &first, &end);
    if (end > first)
      memcpy((char *)y->data + (size_t)(r * n + first) * size,
             (const char *)from->data + (size_t)(r * n + first) * size,
             (size_t)(end - first) * size);
  }
  return nn_scope_return(mark, y);
}

nn_tensor *nn_tril(nn_tensor *x, int64_t k) { return triangle("tril", x, k, true); }
nn_tensor *nn_triu(nn_tensor *x, int64_t k) { return triangle("triu", x, k, false); }
