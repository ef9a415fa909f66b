/* Shapes and dtypes: texts, products, broadcasting, checked dimensions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tensor.h"

static const char *const dtypes[NN_DTYPES] = {
  [NN_UINT8] = "uint8", [NN_INT64] = "int64", [NN_FLOAT32] = "float32", [NN_FLOAT64] = "float64",
};

const char *nn_dtype_name(nn_dtype dtype) { return dtypes[dtype]; }

bool nn_dtype_named(const char *name, nn_dtype *dtype) {
  for (int i = 0; i < NN_DTYPES; i++)
    if (!strcmp(dtypes[i], name)) {
      *dtype = (nn_dtype)i;
      return true;
    }
  return false;
}

nn_dtype nn_promote(const nn_tensor *a, const nn_tensor *b) {
  if (a->number != b->number) {
    const nn_tensor *tensor = a->number ? b : a, *number = a->number ? a : b;
    if (nn_is_float(tensor->dtype)) return tensor->dtype;
    if (nn_is_float(number->dtype)) return NN_FLOAT32;
  }
  return a->dtype > b->dtype ? a->dtype : b->dtype;
}

nn_text nn_ints_text(const nn_ints *ints) {
  nn_text text = {"{"};
  size_t at = 1;
  for (int i = 0; i < ints->n && at < sizeof text.s - 24; i++)
    at += (size_t)snprintf(text.s + at, sizeof text.s - at, "%s%" PRId64, i ? ", " : "", ints->v[i]);
  memcpy(text.s + at, "}", 2);
  return text;
}

nn_text nn_shape_text(const nn_shape *shape) {
  nn_ints ints = {shape->rank < NN_MAX_RANK ? shape->rank : NN_MAX_RANK, {0}};
  for (int i = 0; i < ints.n; i++) ints.v[i] = shape->dim[i];
  return nn_ints_text(&ints);
}

bool nn_shape_equal(const nn_shape *a, const nn_shape *b) {
  if (a->rank != b->rank) return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i]) return false;
  return true;
}

int64_t nn_shape_numel(const char *call, const nn_shape *shape, nn_dtype dtype) {
  if (shape->rank > NN_MAX_RANK || shape->rank < 0) {
    nn_fail("%s: rank %d is above 8, the highest", call, shape->rank);
    return -1;
  }
  int64_t elements = 1;                   /* of the sizes that are not 0, so that {2^62, 4, 0} overflows too */
  bool empty = false;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 0) {
      nn_fail("%s: size %" PRId64 " in shape %s is negative", call, shape->dim[i], nn_shape_text(shape).s);
      return -1;
    }
    if (shape->dim[i] == 0) empty = true;
    else if (__builtin_mul_overflow(elements, shape->dim[i], &elements)) elements = INT64_MAX;
  }
  int64_t bytes;
  if (__builtin_mul_overflow(elements, (int64_t)nn_dtype_size(dtype), &bytes) || bytes > INT64_MAX / 4) {
    nn_fail("%s: shape %s has more elements than memory can address", call, nn_shape_text(shape).s);
    return -1;
  }
  return empty ? 0 : elements;
}

bool nn_shape_broadcast(const char *call, const nn_shape *a, const nn_shape *b, nn_shape *result) {
  result->rank = a->rank > b->rank ? a->rank : b->rank;
  for (int i = 1; i <= result->rank; i++) {
    const int64_t m = i <= a->rank ? a->dim[a->rank - i] : 1, n = i <= b->rank ? b->dim[b->rank - i] : 1;
    if (m != n && m != 1 && n != 1)
      return nn_fail("%s: shapes do not broadcast: %s and %s", call, nn_shape_text(a).s, nn_shape_text(b).s);
    result->dim[result->rank - i] = m == 1 ? n : m;
  }
  return true;
}

int nn_dim(const char *call, const nn_shape *shape, int64_t dim) {
  if (dim >= 1 && dim <= shape->rank) return (int)dim - 1;
  if (dim <= -1 && dim >= -shape->rank) return (int)(shape->rank + dim);
  if (dim == 0) nn_fail("%s: dimensions count from 1 (or -1, the last); got 0 for %s", call, nn_shape_text(shape).s);
  else nn_fail("%s: dimension %" PRId64 " is outside %s", call, dim, nn_shape_text(shape).s);
  return -1;
}

int nn_new_dim(const char *call, const nn_shape *shape, int64_t dim) {
  const int rank = shape->rank + 1;
  if (dim >= 1 && dim <= rank) return (int)dim - 1;
  if (dim <= -1 && dim >= -rank) return (int)(rank + dim);
  if (dim == 0) nn_fail("%s: dimensions count from 1 (or -1, the last); got 0 for %s", call, nn_shape_text(shape).s);
  else nn_fail("%s: dimension %" PRId64 " is outside 1..%d of the result for %s", call, dim, rank,
               nn_shape_text(shape).s);
  return -1;
}

bool nn_dims(const char *call, const nn_shape *shape, const nn_ints *dims, bool reduced[NN_MAX_RANK]) {
  for (int i = 0; i < NN_MAX_RANK; i++) reduced[i] = dims->n == 0 && i < shape->rank;
  for (int i = 0; i < dims->n; i++) {
    const int dim = nn_dim(call, shape, dims->v[i]);
    if (dim < 0) return false;
    if (reduced[dim])
      return nn_fail("%s: dimension %" PRId64 " is named twice in %s", call, dims->v[i], nn_ints_text(dims).s);
    reduced[dim] = true;
  }
  return true;
}

nn_shape nn_shape_reduced(const nn_shape *shape, const bool reduced[NN_MAX_RANK], bool keepdim) {
  nn_shape result = {0, {0}};
  for (int i = 0; i < shape->rank; i++) {
    if (!reduced[i]) result.dim[result.rank++] = shape->dim[i];
    else if (keepdim) result.dim[result.rank++] = 1;
  }
  return result;
}
