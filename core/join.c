/* Tensors joined, repeated, mirrored and framed: cat, stack, tile, flip, pad. All of them move whole runs of bytes, so
 * the dtype only matters where a list has several. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "format.h"
#include "movement.h"
#include "parts.h"

/* The dtype of the list as a whole: promoted pair by pair. False when an element is missing. */
static bool common_dtype(const char *call, int n, nn_tensor *const *list, nn_dtype *dtype) {
  if (n < 1) return nn_fail("%s: the list is empty", call);
  for (int i = 0; i < n; i++)
    if (!list[i]) return false;
  nn_tensor all = *list[0];                /* only its dtype and number count */
  for (int i = 1; i < n; i++) {
    all.dtype = nn_promote(&all, list[i]);
    all.number = all.number && list[i]->number;
  }
  *dtype = all.dtype;
  return true;
}

/* rows of width bytes, gapless, to places that lie step bytes apart; a constant size lets memcpy become one move. */
static void place_rows(char *to, size_t step, const char *from, size_t width, int64_t rows) {
  if (!width) return;
#define PLACE(bytes) \
  for (int64_t i = 0; i < rows; i++) memcpy(to + (size_t)i * step, from + (size_t)i * (bytes), (bytes))
  switch (width) {
    case 1: PLACE(1); break;
    case 4: PLACE(4); break;
    case 8: PLACE(8); break;
    default: PLACE(width);
  }
#undef PLACE
}

/* y (outer, a + b + ...) from list: (outer, a), (outer, b), ...; outer is what stands before axis */
static nn_tensor *fill_beside(nn_tensor *y, int axis, int n, nn_tensor *const *list) {
  if (!y || !y->numel) return y;
  int64_t outer, inner;
  nn_split_at(&y->shape, axis, &outer, &inner);
  const size_t size = nn_dtype_size(y->dtype), step = (size_t)(y->numel / outer) * size;
  char *to = y->data;
  for (int i = 0; i < n; i++) {
    const size_t mark = nn_scope_open();
    nn_tensor *x = nn_contiguous(nn_cast(list[i], y->dtype));
    if (x) {
      const size_t width = (size_t)(x->numel / outer) * size;
      place_rows(to, step, x->data, width, outer);
      to += width;
    }
    nn_scope_close(mark);
    if (!x) return NULL;
  }
  return y;
}

/* Do a and b agree in every dimension but axis? */
static bool same_outside(const nn_shape *a, const nn_shape *b, int axis) {
  if (a->rank != b->rank) return false;
  for (int i = 0; i < a->rank; i++)
    if (i != axis && a->dim[i] != b->dim[i]) return false;
  return true;
}

/* (.., a, ..), (.., b, ..) -> (.., a + b, ..): with all in front of axis as outer, each tensor is a band of the
 * result. */
nn_tensor *nn_cat(int n, nn_tensor *const *list, int64_t dim) {
  nn_dtype dtype;
  if (!common_dtype("cat", n, list, &dtype)) return NULL;
  nn_shape shape = list[0]->shape;
  const int axis = nn_dim("cat", &shape, dim);
  if (axis < 0) return NULL;
  for (int i = 1; i < n; i++) {
    const nn_shape *other = &list[i]->shape;
    if (!same_outside(&list[0]->shape, other, axis))
      return nn_fail("cat: shapes differ outside dimension %d: %s and %s", axis + 1, nn_shape_text(&list[0]->shape).s,
                     nn_shape_text(other).s);
    if (__builtin_add_overflow(shape.dim[axis], other->dim[axis], &shape.dim[axis]))
      return nn_fail("cat: the sizes of dimension %d add up to more than memory can address", axis + 1);
  }
  return fill_beside(nn_empty(dtype, shape), axis, n, list);
}

/* n tensors of one shape -> that shape with a dimension of size n: the same bands, each a slice thick. */
nn_tensor *nn_stack(int n, nn_tensor *const *list, int64_t dim) {
  nn_dtype dtype;
  if (!common_dtype("stack", n, list, &dtype)) return NULL;
  const nn_shape *each = &list[0]->shape;
  for (int i = 1; i < n; i++)
    if (!nn_shape_equal(each, &list[i]->shape))
      return nn_fail("stack: shapes differ: %s and %s", nn_shape_text(each).s, nn_shape_text(&list[i]->shape).s);
  if (each->rank == NN_MAX_RANK) return nn_fail("stack: rank %d is above 8, the highest", NN_MAX_RANK + 1);
  nn_shape shape = {each->rank + 1, {0}};
  const int axis = nn_new_dim("stack", each, dim);
  if (axis < 0) return NULL;
  for (int i = 0; i < shape.rank; i++) shape.dim[i] = i == axis ? n : each->dim[i - (i > axis)];
  return fill_beside(nn_empty(dtype, shape), axis, n, list);
}

typedef struct tiling {
  int last;                                 /* dimension */
  int64_t size[NN_MAX_RANK], repeats[NN_MAX_RANK];
  size_t from[NN_MAX_RANK], to[NN_MAX_RANK]; /* bytes that one step along a dimension takes in x and in y */
} tiling;

/* Dimension d once, from the tiles of the dimensions inside it, and then that block again and again. */
static void tile_along(const tiling *t, int d, char *to, const char *from) {
  const size_t block = (size_t)t->size[d] * t->to[d];
  if (d == t->last) memcpy(to, from, block);
  else
    for (int64_t i = 0; i < t->size[d]; i++)
      tile_along(t, d + 1, to + (size_t)i * t->to[d], from + (size_t)i * t->from[d]);
  for (int64_t r = 1; r < t->repeats[d]; r++) memcpy(to + (size_t)r * block, to, block);
}

/* The shape of the tiles, and the plan; false when a repeat is negative or the rank too high. */
static bool plan_tiles(const nn_tensor *x, const nn_ints *repeats, nn_shape *shape, tiling *t) {
  const int rank = x->shape.rank > repeats->n ? x->shape.rank : repeats->n;
  if (rank > NN_MAX_RANK) return nn_fail("tile: rank %d is above 8, the highest", rank);
  *shape = (nn_shape){rank, {0}};
  t->last = rank - 1;
  for (int i = 0; i < rank; i++) {
    const int own = i - (rank - x->shape.rank), given = i - (rank - repeats->n);
    t->size[i] = own >= 0 ? x->shape.dim[own] : 1;
    t->repeats[i] = given >= 0 ? repeats->v[given] : 1;
    if (t->repeats[i] < 0) return nn_fail("tile: repeats must not be negative; got %s", nn_ints_text(repeats).s);
    if (__builtin_mul_overflow(t->size[i], t->repeats[i], &shape->dim[i]))
      return nn_fail("tile: %s times %s is more than memory can address", nn_shape_text(&x->shape).s,
                     nn_ints_text(repeats).s);
  }
  return true;
}

/* Sizes are multiplied by repeats, both aligned at the end; what one lacks in front is 1. */
nn_tensor *nn_tile(nn_tensor *x, nn_ints repeats) {
  if (!x) return NULL;
  nn_shape shape;
  tiling t;
  if (!plan_tiles(x, &repeats, &shape, &t)) return NULL;
  if (shape.rank == 0) return nn_clone(x);
  const size_t mark = nn_scope_open();
  nn_tensor *y = nn_empty(x->dtype, shape), *from = nn_contiguous(x);
  if (!y || !from) return nn_scope_return(mark, NULL);
  t.from[t.last] = t.to[t.last] = nn_dtype_size(x->dtype);
  for (int i = t.last; i > 0; i--) {
    t.from[i - 1] = t.from[i] * (size_t)t.size[i];
    t.to[i - 1] = t.to[i] * (size_t)shape.dim[i];
  }
  if (y->numel) tile_along(&t, 0, y->data, from->data);
  return nn_scope_return(mark, y);
}

nn_tensor *nn_flip(nn_tensor *x, nn_ints dims) {
  if (!x) return NULL;
  bool mirrored[NN_MAX_RANK];
  if (!nn_dims("flip", &x->shape, &dims, mirrored)) return NULL;
  if (!x->numel) return nn_clone(x);
  int64_t stride[NN_MAX_RANK], offset = 0;  /* a view that starts at the last element and walks back */
  for (int i = 0; i < x->shape.rank; i++) {
    stride[i] = mirrored[i] ? -x->stride[i] : x->stride[i];
    if (mirrored[i]) offset += (x->shape.dim[i] - 1) * x->stride[i];
  }
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, nn_clone(nn_view(x, x->shape, stride, offset)));
}

/* The frame is all of the result filled with value; x is then copied into the window that it has. */
nn_tensor *nn_pad(nn_tensor *x, nn_ints pairs, double value) {
  if (!x) return NULL;
  if (pairs.n != 2 * x->shape.rank)
    return nn_fail("pad: %s takes %d sizes, before and after for each dimension; got %s", nn_shape_text(&x->shape).s,
                   2 * x->shape.rank, nn_ints_text(&pairs).s);
  if (!nn_is_float(x->dtype) && value != floor(value))
    return nn_fail("pad: %g is no whole number, for %s", nn_shown(value), nn_dtype_name(x->dtype));
  nn_shape shape = x->shape;
  for (int i = 0; i < pairs.n; i++) {
    if (pairs.v[i] < 0) return nn_fail("pad: sizes must not be negative; got %s", nn_ints_text(&pairs).s);
    if (__builtin_add_overflow(shape.dim[i / 2], pairs.v[i], &shape.dim[i / 2]))
      return nn_fail("pad: %s is more than memory can address", nn_ints_text(&pairs).s);
  }
  const size_t mark = nn_scope_open();
  nn_tensor *y = nn_full(x->dtype, shape, value);
  if (!y) return nn_scope_return(mark, NULL);
  int64_t offset = 0;
  for (int i = 0; i < shape.rank; i++) offset += pairs.v[2 * i] * y->stride[i];
  const bool done = !x->numel || nn_copy_into("pad", nn_view(y, x->shape, y->stride, offset), x);
  return nn_scope_return(mark, done ? y : NULL);
}
