/* Views: new headers over the same buffer. Only reshape may have to copy. */
#include <inttypes.h>

#include "tensor.h"

/* Fills in the one -1 of shape; false with an error when the sizes do not hold x's elements. */
static bool complete(const nn_tensor *x, nn_shape *shape) {
  int unknown = -1;
  int64_t known = 1;
  const nn_shape asked = *shape;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] == -1 && unknown >= 0)
      return nn_fail("reshape: only one size may be -1; got %s", nn_shape_text(&asked).s);
    if (shape->dim[i] == -1) unknown = i;
    else if (shape->dim[i] < 0 || __builtin_mul_overflow(known, shape->dim[i], &known))
      return nn_fail("reshape: bad size in %s", nn_shape_text(&asked).s);
  }
  if (unknown >= 0 && known > 0 && x->numel % known == 0) shape->dim[unknown] = x->numel / known;
  else if (unknown >= 0 || known != x->numel)
    return nn_fail("reshape: %s of %" PRId64 " elements does not fit into %s", nn_shape_text(&x->shape).s, x->numel,
                   nn_shape_text(&asked).s);
  return true;
}

/* Strides for shape over x's memory without a copy: groups of old dimensions that are contiguous among themselves must
 * cover groups of new ones. False when a copy is needed. */
static bool restride(const nn_tensor *x, const nn_shape *shape, int64_t *stride) {
  int new = shape->rank - 1;
  for (int old = x->shape.rank - 1; old >= 0;) {
    int64_t chunk = x->shape.dim[old], step = x->stride[old];
    while (old > 0 && (x->shape.dim[old - 1] == 1 || x->stride[old - 1] == chunk * step)) chunk *= x->shape.dim[--old];
    old--;
    int64_t filled = 1;
    while (new >= 0 && (filled < chunk || shape->dim[new] == 1)) {
      stride[new] = filled * step;
      filled *= shape->dim[new--];
    }
    if (filled != chunk) return false;
  }
  for (; new >= 0; new--) stride[new] = 1;        /* leading sizes of 1 */
  return true;
}

nn_tensor *nn_reshape(nn_tensor *x, nn_shape shape) {
  if (!x) return NULL;
  if (shape.rank > NN_MAX_RANK) return nn_fail("reshape: rank %d is above 8, the highest", shape.rank);
  if (!complete(x, &shape)) return NULL;
  int64_t stride[NN_MAX_RANK] = {0};
  if (!x->contiguous && x->numel) {
    if (restride(x, &shape, stride)) return nn_view(x, shape, stride, 0);
    x = nn_contiguous(x);
  }
  for (int64_t i = shape.rank - 1, step = 1; i >= 0; step *= shape.dim[i--]) stride[i] = step;
  return nn_view(x, shape, stride, 0);
}

nn_tensor *nn_permute(nn_tensor *x, nn_ints dims) {
  if (!x) return NULL;
  bool seen[NN_MAX_RANK];
  if (dims.n != x->shape.rank)
    return nn_fail("permute: every dimension of %s must be named once; got %s", nn_shape_text(&x->shape).s,
                   nn_ints_text(&dims).s);
  if (dims.n == 0) return nn_alias(x);
  if (!nn_dims("permute", &x->shape, &dims, seen)) return NULL;
  nn_shape shape = {dims.n, {0}};
  int64_t stride[NN_MAX_RANK];
  for (int i = 0; i < dims.n; i++) {
    const int from = nn_dim("permute", &x->shape, dims.v[i]);
    shape.dim[i] = x->shape.dim[from];
    stride[i] = x->stride[from];
  }
  return nn_view(x, shape, stride, 0);
}

nn_tensor *nn_transpose(nn_tensor *x, int64_t dim1, int64_t dim2) {
  if (!x) return NULL;
  const int a = nn_dim("transpose", &x->shape, dim1), b = nn_dim("transpose", &x->shape, dim2);
  if (a < 0 || b < 0) return NULL;
  nn_ints dims = {x->shape.rank, {0}};
  for (int i = 0; i < dims.n; i++) dims.v[i] = (i == a ? b : i == b ? a : i) + 1;
  return nn_permute(x, dims);
}

nn_tensor *nn_broadcast_to(nn_tensor *x, nn_shape shape) {
  if (!x) return NULL;
  if (shape.rank > NN_MAX_RANK) return nn_fail("broadcast_to: rank %d is above 8, the highest", shape.rank);
  nn_shape joined;
  if (!nn_shape_broadcast("broadcast_to", &x->shape, &shape, &joined)) return NULL;
  if (!nn_shape_equal(&joined, &shape))
    return nn_fail("broadcast_to: %s does not broadcast to %s", nn_shape_text(&x->shape).s, nn_shape_text(&shape).s);
  if (nn_shape_numel("broadcast_to", &shape, x->dtype) < 0) return NULL;
  int64_t stride[NN_MAX_RANK] = {0};
  const int added = shape.rank - x->shape.rank;
  for (int i = added; i < shape.rank; i++) stride[i] = x->shape.dim[i - added] == 1 ? 0 : x->stride[i - added];
  return nn_view(x, shape, stride, 0);
}

nn_tensor *nn_squeeze(nn_tensor *x, nn_ints dims) {
  if (!x) return NULL;
  bool gone[NN_MAX_RANK];
  if (!nn_dims("squeeze", &x->shape, &dims, gone)) return NULL;
  nn_shape shape = {0, {0}};
  int64_t stride[NN_MAX_RANK];
  for (int i = 0; i < x->shape.rank; i++) {
    if (gone[i] && x->shape.dim[i] == 1) continue;
    if (gone[i] && dims.n)
      return nn_fail("squeeze: dimension %d of %s is not of size 1", i + 1, nn_shape_text(&x->shape).s);
    shape.dim[shape.rank] = x->shape.dim[i];
    stride[shape.rank++] = x->stride[i];
  }
  return nn_view(x, shape, stride, 0);
}

nn_tensor *nn_unsqueeze(nn_tensor *x, int64_t dim) {
  if (!x) return NULL;
  nn_shape shape = x->shape;
  if (++shape.rank > NN_MAX_RANK) return nn_fail("unsqueeze: rank 9 is above 8, the highest");
  const int at = nn_new_dim("unsqueeze", &x->shape, dim);
  if (at < 0) return NULL;
  int64_t stride[NN_MAX_RANK];
  for (int i = 0, from = 0; i < shape.rank; i++) {
    shape.dim[i] = i == at ? 1 : x->shape.dim[from];
    stride[i] = i == at ? 1 : x->stride[from++];
  }
  return nn_view(x, shape, stride, 0);
}

/* A position (from 1, negative from the end) as 0-based; -1 with an error when it is outside. */
static int64_t position(const char *call, const nn_tensor *x, int dim, int64_t at) {
  const int64_t size = x->shape.dim[dim], found = at > 0 ? at - 1 : size + at;
  if (at != 0 && found >= 0 && found < size) return found;
  nn_fail("%s: position %" PRId64 " is outside dimension %d of %s", call, at, dim + 1, nn_shape_text(&x->shape).s);
  return -1;
}

nn_tensor *nn_slice(const char *call, nn_tensor *x, int n, const nn_range *ranges) {
  if (!x) return NULL;
  if (n > x->shape.rank) return nn_fail("%s: %d positions for %s", call, n, nn_shape_text(&x->shape).s);
  nn_shape shape = {0, {0}};
  int64_t stride[NN_MAX_RANK], offset = 0;
  for (int i = 0; i < x->shape.rank; i++) {
    int64_t first = 0, count = x->shape.dim[i];
    if (i < n && ranges[i].first != 0) {
      const int64_t size = count, end = ranges[i].last < 0 ? size + ranges[i].last : ranges[i].last - 1;
      /* an empty range {k, k - 1} is allowed where k could be a position or the end + 1 */
      const int64_t start = ranges[i].first < 0 ? size + ranges[i].first : ranges[i].first - 1;
      if (!ranges[i].drop && end == start - 1 && start >= 0 && start <= size) first = start, count = 0;
      else {
        if ((first = position(call, x, i, ranges[i].first)) < 0) return NULL;
        const int64_t last = ranges[i].drop ? first : position(call, x, i, ranges[i].last);
        if (last < 0) return NULL;
        if (last < first)
          return nn_fail("%s: range {%" PRId64 ", %" PRId64 "} of dimension %d of %s ends before it begins", call,
                         ranges[i].first, ranges[i].last, i + 1, nn_shape_text(&x->shape).s);
        count = last - first + 1;
      }
    }
    offset += count ? first * x->stride[i] : 0;
    if (i < n && ranges[i].first != 0 && ranges[i].drop) continue;
    shape.dim[shape.rank] = count;
    stride[shape.rank++] = x->stride[i];
  }
  return nn_view(x, shape, stride, offset);
}
