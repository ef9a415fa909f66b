/* Copies and casts: any dtype into any other, over any strides. A row of the table is a loop for one pair of dtypes. */
#include <math.h>
#include <string.h>

#include "tensor.h"

/* n elements from x (stride sx) to y (stride sy). The first element that does not fit is the result, -1 when all do. */
typedef int64_t copy_loop(int64_t n, void *y, int64_t sy, const void *x, int64_t sx);

#define COPY(name, T, S)                                                                         \
  static int64_t name(int64_t n, void *target, int64_t sy, const void *source, int64_t sx) {     \
    T *y = target;                                                                               \
    const S *x = source;                                                                         \
    if (sx == 1 && sy == 1)                                                                      \
      for (int64_t i = 0; i < n; i++) y[i] = (T)x[i];                                            \
    else                                                                                         \
      for (int64_t i = 0; i < n; i++) y[i * sy] = (T)x[i * sx];                                  \
    return -1;                                                                                   \
  }
#define INT64_END 9223372036854775808.0    /* 2^63 */
/* FITS is false for NaN: C leaves such a conversion undefined */
#define COPY_CHECKED(name, T, S, FITS)                                                           \
  static int64_t name(int64_t n, void *target, int64_t sy, const void *source, int64_t sx) {     \
    T *y = target;                                                                               \
    const S *x = source;                                                                         \
    for (int64_t i = 0; i < n; i++) {                                                            \
      const S v = x[i * sx];                                                                     \
      if (!(FITS)) return i;                                                                     \
      y[i * sy] = (T)v;                                                                          \
    }                                                                                            \
    return -1;                                                                                   \
  }

COPY(u8_u8, uint8_t, uint8_t)
COPY(i64_u8, int64_t, uint8_t)
COPY(f32_u8, float, uint8_t)
COPY(f64_u8, double, uint8_t)
COPY_CHECKED(u8_i64, uint8_t, int64_t, v >= 0 && v <= 255)
COPY(i64_i64, int64_t, int64_t)
COPY(f32_i64, float, int64_t)
COPY(f64_i64, double, int64_t)
COPY_CHECKED(u8_f32, uint8_t, float, v > -1 && v < 256)
COPY_CHECKED(i64_f32, int64_t, float, v >= -(float)INT64_END && v < (float)INT64_END)
COPY(f32_f32, float, float)
COPY(f64_f32, double, float)
COPY_CHECKED(u8_f64, uint8_t, double, v > -1 && v < 256)
COPY_CHECKED(i64_f64, int64_t, double, v >= -INT64_END && v < INT64_END)
COPY(f32_f64, float, double)
COPY(f64_f64, double, double)

static copy_loop *const loops[NN_DTYPES][NN_DTYPES] = {   /* [target][source] */
  [NN_UINT8]   = {u8_u8, u8_i64, u8_f32, u8_f64},
  [NN_INT64]   = {i64_u8, i64_i64, i64_f32, i64_f64},
  [NN_FLOAT32] = {f32_u8, f32_i64, f32_f32, f32_f64},
  [NN_FLOAT64] = {f64_u8, f64_i64, f64_f32, f64_f64},
};

/* Both tensors as one walk: dimensions that lie behind each other in both are joined: the inner loop becomes long. */
typedef struct walk { int rank; int64_t size[NN_MAX_RANK], sy[NN_MAX_RANK], sx[NN_MAX_RANK]; } walk;

static walk joined(const nn_tensor *y, const nn_tensor *x) {
  walk w = {0};
  for (int i = 0; i < y->shape.rank; i++) {
    const int64_t size = y->shape.dim[i], sy = y->stride[i], sx = x->stride[i];
    if (size == 1) continue;
    const int last = w.rank - 1;
    if (w.rank && w.sy[last] == size * sy && w.sx[last] == size * sx) {
      w.size[last] *= size;
      w.sy[last] = sy;
      w.sx[last] = sx;
    } else {
      w.size[w.rank] = size;
      w.sy[w.rank] = sy;
      w.sx[w.rank++] = sx;
    }
  }
  return w;
}

static void *does_not_fit(const char *call, const nn_tensor *target, const nn_tensor *source, int64_t element) {
  nn_ints at = {source->shape.rank, {0}};
  int64_t offset = 0;
  for (int i = at.n - 1; i >= 0; i--) {
    at.v[i] = element % source->shape.dim[i] + 1;
    element /= source->shape.dim[i];
    offset += (at.v[i] - 1) * source->stride[i];
  }
  const char *value = (const char *)source->data + offset * (int64_t)nn_dtype_size(source->dtype);
  const double v = source->dtype == NN_INT64 ? (double)*(const int64_t *)value
                 : source->dtype == NN_FLOAT32 ? *(const float *)value : *(const double *)value;
  const char *into = nn_dtype_name(target->dtype);
  if (isnan(v)) return nn_fail("%s: NaN at %s does not fit into %s", call, nn_ints_text(&at).s, into);
  return nn_fail("%s: %g at %s does not fit into %s", call, v, nn_ints_text(&at).s, into);
}

/* y = x, same shape, no overlap */
static bool copy(const char *call, nn_tensor *y, const nn_tensor *x) {
  if (!y->numel) return true;
  const size_t ty = nn_dtype_size(y->dtype), tx = nn_dtype_size(x->dtype);
  if (y->dtype == x->dtype && y->contiguous && x->contiguous) {
    memcpy(y->data, x->data, (size_t)y->numel * ty);
    return true;
  }
  copy_loop *loop = loops[y->dtype][x->dtype];
  const walk w = joined(y, x);
  const int inner = w.rank - 1;
  const int64_t n = w.rank ? w.size[inner] : 1, sy = w.rank ? w.sy[inner] : 1, sx = w.rank ? w.sx[inner] : 1;
  int64_t index[NN_MAX_RANK] = {0}, done = 0;
  char *to = y->data;
  const char *from = x->data;
  while (true) {
    const int64_t bad = loop(n, to, sy, from, sx);
    if (bad >= 0) return does_not_fit(call, y, x, done + bad);
    done += n;
    int i = inner - 1;
    for (; i >= 0; i--) {                  /* the next row: an odometer over the outer dimensions */
      to += w.sy[i] * (int64_t)ty;
      from += w.sx[i] * (int64_t)tx;
      if (++index[i] < w.size[i]) break;
      index[i] = 0;
      to -= w.size[i] * w.sy[i] * (int64_t)ty;
      from -= w.size[i] * w.sx[i] * (int64_t)tx;
    }
    if (i < 0) return true;
  }
}

nn_tensor *nn_clone(nn_tensor *x) {
  nn_tensor *y = x ? nn_empty(x->dtype, x->shape) : NULL;
  return y && copy("clone", y, x) ? y : NULL;
}

nn_tensor *nn_contiguous(nn_tensor *x) { return !x || x->contiguous ? x : nn_clone(x); }

static nn_tensor *cast(const char *call, nn_tensor *x, nn_dtype dtype) {
  nn_tensor *y = nn_empty(dtype, x->shape);
  return y && copy(call, y, x) ? y : NULL;
}

nn_tensor *nn_cast(nn_tensor *x, nn_dtype dtype) {
  return !x || (x->dtype == dtype && !x->number) ? x : cast("to", x, dtype);
}

/* Values of the source may not fit into the target. */
static bool checked(nn_dtype target, nn_dtype source) { return !nn_is_float(target) && source > target; }

bool nn_copy_into(const char *call, nn_tensor *target, nn_tensor *source) {
  if (!target || !source) return false;
  nn_shape shape;
  if (!nn_shape_broadcast(call, &target->shape, &source->shape, &shape)) return false;
  if (!nn_shape_equal(&shape, &target->shape))
    return nn_fail("%s: %s does not fit into %s", call, nn_shape_text(&source->shape).s,
                   nn_shape_text(&target->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *from = source->buffer == target->buffer ? nn_clone(source) : source;
  /* on the side first, so that a value that does not fit leaves the target as it was */
  if (from && checked(target->dtype, from->dtype)) from = cast(call, from, target->dtype);
  from = nn_broadcast_to(from, target->shape);
  const bool done = from && copy(call, target, from);
  if (from) nn_changed(target);
  nn_scope_close(mark);
  return done;
}

bool nn_fill(nn_tensor *target, double value) {
  if (!target) return false;
  if (!nn_is_float(target->dtype) && value != floor(value))
    return nn_fail("fill: %g is no whole number, for %s", value, nn_dtype_name(target->dtype));
  const size_t mark = nn_scope_open();
  const bool done = nn_copy_into("fill", target, nn_number(value));
  nn_scope_close(mark);
  return done;
}
