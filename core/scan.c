/* Running sums. Floats are added in float64 and rounded at each element, so that long scans stay exact to float32. */
#include "tensor.h"

#include "reduce.h"

enum { COLUMNS = 256 };

/* y (n, inner) = running sums down x (n, inner): COLUMNS of them at a time, or one in a register; A is what they are
 * added in. */
#define SCAN(name, X, Y, A)                                                                              \
  static void name(const void *source, void *target, int64_t n, int64_t inner) {                         \
    if (inner == 1) {                                                                                    \
      A sum = 0;                                                                                         \
      for (int64_t i = 0; i < n; i++) ((Y *)target)[i] = (Y)(sum += (A)((const X *)source)[i]);          \
      return;                                                                                            \
    }                                                                                                    \
    for (int64_t first = 0; first < inner; first += COLUMNS) {                                           \
      const int64_t width = inner - first < COLUMNS ? inner - first : COLUMNS;                           \
      const X *x = (const X *)source + first;                                                            \
      Y *y = (Y *)target + first;                                                                        \
      A sum[COLUMNS];                                                                                    \
      for (int64_t j = 0; j < width; j++) sum[j] = 0;                                                    \
      for (int64_t i = 0; i < n; i++, x += inner, y += inner)                                            \
        for (int64_t j = 0; j < width; j++) y[j] = (Y)(sum[j] += (A)x[j]);                               \
    }                                                                                                    \
  }
SCAN(scan_u8, uint8_t, uint64_t, uint64_t)
SCAN(scan_i64, uint64_t, uint64_t, uint64_t)
SCAN(scan_f32, float, float, double)
SCAN(scan_f64, double, double, double)

/* x (outer, n, inner) -> the same shape; y[o][i][j] = x[o][0][j] + ... + x[o][i][j] */
nn_tensor *nn_cumsum(nn_tensor *x, int64_t dim) {
  typedef void scan_loop(const void *source, void *target, int64_t n, int64_t inner);
  static scan_loop *const scan[NN_DTYPES] = {scan_u8, scan_i64, scan_f32, scan_f64};
  if (!x) return NULL;
  const int axis = nn_dim("cumsum", &x->shape, dim);
  if (axis < 0) return NULL;
  const size_t mark = nn_scope_open();
  const nn_dtype dtype = nn_is_float(x->dtype) ? x->dtype : NN_INT64;
  nn_tensor *from = nn_contiguous(x), *y = from ? nn_empty(dtype, x->shape) : NULL;
  if (!y || !y->numel) return nn_scope_return(mark, y);
  int64_t outer = 1;
  for (int i = 0; i < axis; i++) outer *= x->shape.dim[i];
  const int64_t slab = x->numel / outer, n = x->shape.dim[axis];
  const char *source = from->data;
  char *target = y->data;
  for (int64_t o = 0; o < outer; o++) {
    scan[x->dtype](source, target, n, slab / n);
    source += (size_t)slab * nn_dtype_size(x->dtype);
    target += (size_t)slab * nn_dtype_size(dtype);
  }
  return nn_scope_return(mark, y);
}
