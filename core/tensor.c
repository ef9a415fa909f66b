/* Tensors and their buffers: making, filling, reading one element. */
#include <math.h>
#include <string.h>

#include "context_state.h"
#include "format.h"

/* A buffer's block holds its first tensor's header too, and then the elements: one allocation instead of two. That
 * header holds a reference to the buffer like every other, so it lives as long as it is used. */
struct nn_buffer {
  nn_object object;
  uint32_t version;                       /* changes seen, so that backward notices one to a value it needs */
  void (*release)(void *user);            /* of memory that is the caller's */
  void *user;
  nn_tensor first;
};

enum { HEADER = (sizeof(nn_buffer) + 63) / 64 * 64 };   /* the elements follow it, 64-byte aligned */

static void drop_buffer(nn_object *object) {
  nn_buffer *buffer = (nn_buffer *)object;
  if (buffer->release) buffer->release(buffer->user);
}

static void drop_tensor(nn_object *object) {
  nn_release(((nn_tensor *)object)->buffer);
  nn_context_account(object->context)->tensors--;
}

static const nn_type tensor_type = {"tensor", sizeof(nn_tensor), drop_tensor};
static const nn_type buffer_type = {"buffer", HEADER, drop_buffer};

/* A buffer and its header, contiguous; what is left to set are data, numel, shape and stride. */
static nn_tensor *new_tensor(const char *call, nn_dtype dtype, size_t bytes) {
  nn_context *context = nn_context_current();
  nn_buffer *buffer = nn_block(call, HEADER + bytes);
  if (!buffer) return NULL;
  buffer->object = (nn_object){.refs = 1, .bytes = HEADER + bytes, .type = &buffer_type, .context = context};
  buffer->version = 0;
  buffer->release = NULL;
  nn_tensor *x = &buffer->first;
  x->object = (nn_object){.refs = 1, .bytes = NN_WITHIN, .type = &tensor_type, .context = context};
  x->data = (char *)buffer + HEADER;
  x->buffer = buffer;
  x->dtype = dtype;
  x->number = false;
  x->contiguous = true;
  nn_context_account(context)->tensors++;
  return nn_scope_own(x);
}

static void set_row_major(nn_tensor *x, const nn_shape *shape, int64_t numel) {
  x->shape = *shape;
  x->numel = numel;
  int64_t stride = 1;
  for (int i = shape->rank - 1; i >= 0; i--) {
    x->stride[i] = stride;
    stride *= shape->dim[i];
  }
}

nn_tensor *nn_empty(nn_dtype dtype, nn_shape shape) {
  const int64_t numel = nn_shape_numel("empty", &shape, dtype);
  if (numel < 0) return NULL;
  nn_tensor *x = new_tensor("empty", dtype, (size_t)numel * nn_dtype_size(dtype));
  if (x) set_row_major(x, &shape, numel);
  return x;
}

/* Its sizes were checked when it was made, and in eight times the bytes they still do not overflow. */
nn_tensor *nn_empty_like(nn_dtype dtype, const nn_tensor *x) {
  if (!x->contiguous) return nn_empty(dtype, x->shape);
  nn_tensor *y = new_tensor("empty", dtype, (size_t)x->numel * nn_dtype_size(dtype));
  if (!y) return NULL;
  y->numel = x->numel;
  y->shape = x->shape;
  memcpy(y->stride, x->stride, sizeof y->stride);
  return y;
}

nn_tensor *nn_wrap(nn_dtype dtype, nn_shape shape, void *data, void (*release)(void *user), void *user) {
  const int64_t numel = nn_shape_numel("wrap", &shape, dtype);
  nn_tensor *x = numel < 0 ? NULL : new_tensor("wrap", dtype, 0);
  if (!x) return NULL;
  x->buffer->release = release;
  x->buffer->user = user;
  x->data = data;
  set_row_major(x, &shape, numel);
  return x;
}

nn_tensor *nn_zeros(nn_dtype dtype, nn_shape shape) {
  nn_tensor *x = nn_empty(dtype, shape);
  if (x && x->numel) memset(x->data, 0, (size_t)x->numel * nn_dtype_size(dtype));
  return x;
}

nn_tensor *nn_full(nn_dtype dtype, nn_shape shape, double value) {
  nn_tensor *x = nn_empty(dtype, shape);
  return x && nn_fill(x, value) ? x : NULL;
}

nn_tensor *nn_ones(nn_dtype dtype, nn_shape shape) { return nn_full(dtype, shape, 1); }

nn_tensor *nn_number(double value) {
  nn_tensor *x = nn_empty(NN_FLOAT64, NN_SCALAR);
  if (!x) return NULL;
  *(double *)x->data = value;
  x->number = true;
  return x;
}

nn_tensor *nn_integer(int64_t value) {
  nn_tensor *x = nn_empty(NN_INT64, NN_SCALAR);
  if (!x) return NULL;
  *(int64_t *)x->data = value;
  x->number = true;
  return x;
}

/* first + i * step for i = 0 .. n - 1, computed in double so that no error adds up */
static nn_tensor *progression(nn_dtype dtype, double first, double step, int64_t n) {
  nn_tensor *x = nn_empty(dtype, NN_SHAPE(n));
  for (int64_t i = 0; x && i < n; i++) {
    const double value = first + (double)i * step;
    switch (dtype) {
      case NN_UINT8: ((uint8_t *)x->data)[i] = (uint8_t)value; break;
      case NN_INT64: ((int64_t *)x->data)[i] = (int64_t)value; break;
      case NN_FLOAT32: ((float *)x->data)[i] = (float)value; break;
      default: ((double *)x->data)[i] = value;
    }
  }
  return x;
}

/* Where the last number lies never overflows: differences are taken without a sign. */
nn_tensor *nn_arange_integer(int64_t first, int64_t last, int64_t step) {
  if (step == 0) return nn_fail("arange: step must not be 0");
  const uint64_t from = (uint64_t)first, by = (uint64_t)step;
  uint64_t count = 0;
  if (step > 0 ? first <= last : first >= last) {
    count = step > 0 ? ((uint64_t)last - from) / by : (from - (uint64_t)last) / (0 - by);
    if (count >= UINT64_C(1) << 53)
      return nn_fail("arange: %g elements are more than memory can address", (double)count);
    count++;
  }
  nn_tensor *x = nn_empty(NN_INT64, NN_SHAPE((int64_t)count));
  for (uint64_t i = 0; x && i < count; i++) ((int64_t *)x->data)[i] = (int64_t)(from + i * by);
  return x;
}

/* in the range of int64 */
static bool whole(double v) { return v == floor(v) && v >= -ldexp(1, 63) && v < ldexp(1, 63); }

nn_tensor *nn_arange(nn_dtype dtype, double first, double last, double step) {
  if (!isfinite(first) || !isfinite(last) || !isfinite(step) || step == 0)
    return nn_fail("arange: first, last and step must be finite and step not 0; got %g, %g, %g",
                   nn_shown(first), nn_shown(last), nn_shown(step));
  if (dtype == NN_INT64 && whole(first) && whole(last) && whole(step))
    return nn_arange_integer((int64_t)first, (int64_t)last, (int64_t)step);
  /* a relative slack of a few roundings, so that arange(0, 1, 0.1) reaches 1 */
  const double count = floor((last - first) / step * (1 + 1e-12) + 1e-9) + 1;
  if (count > 0x1p53) return nn_fail("arange: %g elements are more than memory can address", count);
  const double end = first + (count - 1) * step;
  if (count > 0 && dtype == NN_UINT8 && (fmin(first, end) < 0 || fmax(first, end) > 255))
    return nn_fail("arange: %g to %g does not fit into uint8", first, end);
  if (count > 0 && dtype == NN_INT64 && (fmin(first, end) < -0x1p63 || fmax(first, end) >= 0x1p63))
    return nn_fail("arange: %g to %g does not fit into int64", first, end);
  return progression(dtype, first, step, count > 0 ? (int64_t)count : 0);
}

nn_tensor *nn_linspace(nn_dtype dtype, double first, double last, int64_t n) {
  if (n < 0) return nn_fail("linspace: n must not be negative; got %lld", (long long)n);
  if (!isfinite(first) || !isfinite(last))
    return nn_fail("linspace: first and last must be finite; got %g and %g", nn_shown(first), nn_shown(last));
  const double scale = isfinite(last - first) ? 1 : 0.5;    /* halves, where the difference would overflow */
  const double step = n > 1 ? (last * scale - first * scale) / (double)(n - 1) : 0;
  nn_tensor *x = progression(NN_FLOAT64, first * scale, step, n);
  for (int64_t i = 0; x && scale < 1 && i < n; i++) ((double *)x->data)[i] /= scale;
  if (x && n > 1) ((double *)x->data)[n - 1] = last;
  return x ? nn_cast(x, dtype) : NULL;
}

nn_tensor *nn_eye(nn_dtype dtype, int64_t n) {
  nn_tensor *x = nn_zeros(dtype, NN_SHAPE(n, n));
  if (!x || !n) return x;
  nn_tensor *diagonal = nn_view(x, NN_SHAPE(n), (int64_t[]){n + 1}, 0);
  return diagonal && nn_fill(diagonal, 1) ? x : NULL;
}

nn_tensor *nn_view(nn_tensor *x, nn_shape shape, const int64_t *stride, int64_t offset) {
  if (!x) return NULL;
  nn_tensor *y = nn_object_new("view", &tensor_type, 0);
  if (!y) return NULL;
  nn_context_account(y->object.context)->tensors++;
  y->buffer = nn_retain(x->buffer);
  y->data = (char *)x->data + offset * (int64_t)nn_dtype_size(x->dtype);
  y->dtype = x->dtype;
  y->shape = shape;
  y->numel = y->contiguous = 1;
  for (int i = shape.rank - 1; i >= 0; i--) {
    if (shape.dim[i] != 1 && stride[i] != y->numel) y->contiguous = false;
    y->stride[i] = stride[i];
    y->numel *= shape.dim[i];
  }
  if (y->numel <= 1) y->contiguous = true;
  return nn_scope_own(y);
}

nn_tensor *nn_alias(nn_tensor *x) {
  nn_tensor *y = x ? nn_view(x, x->shape, x->stride, 0) : NULL;
  if (y) y->number = x->number;
  return y;
}

bool nn_shares(const nn_tensor *x) { return ((nn_object *)x->buffer)->refs > 1; }
void nn_changed(nn_tensor *x) { x->buffer->version++; }
uint32_t nn_version(const nn_tensor *x) { return x->buffer->version; }

double nn_item(const nn_tensor *x) {
  switch (x->dtype) {
    case NN_UINT8: return *(uint8_t *)x->data;
    case NN_INT64: return (double)*(int64_t *)x->data;
    case NN_FLOAT32: return *(float *)x->data;
    default: return *(double *)x->data;
  }
}

int64_t nn_item_integer(const nn_tensor *x) {
  return x->dtype == NN_INT64 ? *(int64_t *)x->data : (int64_t)nn_item(x);
}
