/* Elements picked by position, and added back where they came from: index_select and index_add, gather and scatter_add,
 * a slice's gradient. Adding goes in the order of the positions, on one thread: repeated positions add up the same
 * way every time. */
#include "pick.h"

#include <inttypes.h>
#include <string.h>

#include "movement.h"
#include "pool.h"

nn_tensor *nn_positions(const char *call, nn_tensor *positions, const nn_shape *shape, int axis) {
  if (nn_is_float(positions->dtype))
    return nn_fail("%s: positions are %s; int64 is expected", call, nn_dtype_name(positions->dtype));
  nn_tensor *p = nn_contiguous(nn_cast(positions, NN_INT64));
  if (!p) return NULL;
  const int64_t size = shape->dim[axis], *v = p->data;
  for (int64_t i = 0; i < p->numel; i++)
    if (v[i] == 0 || v[i] > size || v[i] < -size)
      return nn_fail("%s: position %" PRId64 " is outside dimension %d of %s", call, v[i], axis + 1,
                     nn_shape_text(shape).s);
  return p;
}

/* Rows */

enum { PART_BYTES = 1 << 17 };

typedef struct taking {
  char *to;
  const char *from;
  size_t width;
  int64_t size, n, part;                    /* rows of from, of to, and of one part */
  const int64_t *position;
} taking;

/* Rows first..end of the result. Widths of one element are spelled out, so that each copy is one move and no call. */
static void take_part(void *user, int part) {
  const taking *t = user;
  const int64_t first = part * t->part, end = first + t->part < t->n ? first + t->part : t->n;
#define TAKE(bytes)                      \
  for (int64_t i = first; i < end; i++) \
    memcpy(t->to + (size_t)i * (bytes), t->from + (size_t)nn_zero_based(t->position[i], t->size) * (bytes), (bytes))
  switch (t->width) {
    case 1: TAKE(1); break;
    case 4: TAKE(4); break;
    case 8: TAKE(8); break;
    default: TAKE(t->width);
  }
#undef TAKE
}

void nn_take_rows(void *to, const void *from, size_t width, int64_t size, const int64_t *position, int64_t n) {
  if (!width || !n) return;
  taking t = {to, from, width, size, n, n, position};
  if (width * (size_t)n < 2 * PART_BYTES) {
    take_part(&t, 0);
    return;
  }
  t.part = width < PART_BYTES ? (int64_t)(PART_BYTES / width) : 1;
  nn_parallel((int)((n + t.part - 1) / t.part), take_part, &t);
}

/* Unsigned, so that integers wrap around. */
#define ADD_ROWS(T, name)                                                                                              \
  static void name(void *to, const void *from, int64_t width, int64_t size, const int64_t *position, int64_t n) {      \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      T *row = (T *)to + nn_zero_based(position[i], size) * width;                                                     \
      const T *add = (const T *)from + i * width;                                                                      \
      for (int64_t j = 0; j < width; j++) row[j] = (T)(row[j] + add[j]);                                               \
    }                                                                                                                  \
  }
ADD_ROWS(uint8_t, add_rows_u8)
ADD_ROWS(uint64_t, add_rows_i64)
ADD_ROWS(float, add_rows_f32)
ADD_ROWS(double, add_rows_f64)

void nn_add_rows(nn_dtype dtype, void *to, const void *from, int64_t width, int64_t size, const int64_t *position,
                 int64_t n) {
  static void (*const add[NN_DTYPES])(void *, const void *, int64_t, int64_t, const int64_t *, int64_t) = {
    add_rows_u8, add_rows_i64, add_rows_f32, add_rows_f64,
  };
  add[dtype](to, from, width, size, position, n);
}

/* shape as (outer, shape[axis], inner) */
static void split_at(const nn_shape *shape, int axis, int64_t *outer, int64_t *inner) {
  *outer = *inner = 1;
  for (int i = 0; i < axis; i++) *outer *= shape->dim[i];
  for (int i = axis + 1; i < shape->rank; i++) *inner *= shape->dim[i];
}

/* shape with dimension axis replaced by those of positions; false when the rank grows too high */
static bool replaced(const char *call, const nn_shape *shape, int axis, const nn_shape *positions, nn_shape *result) {
  result->rank = shape->rank - 1 + positions->rank;
  if (result->rank > NN_MAX_RANK) return nn_fail("%s: rank %d is above 8, the highest", call, result->rank);
  for (int i = 0; i < result->rank; i++)
    result->dim[i] = i < axis                     ? shape->dim[i]
                     : i < axis + positions->rank ? positions->dim[i - axis]
                                                  : shape->dim[i - positions->rank + 1];
  return true;
}

/* x (outer, size, inner) -> y (outer, n, inner): for each outer, n rows of inner elements. A rank-0 position drops
 * axis. */
nn_tensor *nn_index_select(nn_tensor *x, int64_t dim, nn_tensor *positions) {
  if (!x || !positions) return NULL;
  const int axis = nn_dim("index_select", &x->shape, dim);
  nn_shape shape;
  if (axis < 0 || !replaced("index_select", &x->shape, axis, &positions->shape, &shape)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *p = nn_positions("index_select", positions, &x->shape, axis);
  nn_tensor *from = p ? nn_contiguous(x) : NULL, *y = from ? nn_empty(x->dtype, shape) : NULL;
  if (!y || !y->numel) return nn_scope_return(mark, y);
  int64_t outer, inner;
  split_at(&x->shape, axis, &outer, &inner);
  const size_t width = (size_t)inner * nn_dtype_size(x->dtype), slab = width * (size_t)x->shape.dim[axis];
  for (int64_t o = 0; o < outer; o++)
    nn_take_rows((char *)y->data + (size_t)(o * p->numel) * width, (const char *)from->data + (size_t)o * slab, width,
                 x->shape.dim[axis], p->data, p->numel);
  return nn_scope_return(mark, y);
}

/* The transpose of index_select: g (outer, n, inner) -> zeros (outer, size, inner) with rows added. */
nn_tensor *nn_index_add(nn_tensor *g, nn_shape shape, int64_t dim, nn_tensor *positions) {
  if (!g || !positions) return NULL;
  const int axis = nn_dim("index_add", &shape, dim);
  nn_shape expected;
  if (axis < 0 || !replaced("index_add", &shape, axis, &positions->shape, &expected)) return NULL;
  if (!nn_shape_equal(&g->shape, &expected))
    return nn_fail("index_add: %s is expected, got %s", nn_shape_text(&expected).s, nn_shape_text(&g->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *p = nn_positions("index_add", positions, &shape, axis);
  nn_tensor *from = p ? nn_contiguous(g) : NULL, *y = from ? nn_zeros(g->dtype, shape) : NULL;
  if (!y || !g->numel) return nn_scope_return(mark, y);
  int64_t outer, inner;
  split_at(&shape, axis, &outer, &inner);
  const size_t size = nn_dtype_size(g->dtype);
  for (int64_t o = 0; o < outer; o++)
    nn_add_rows(g->dtype, (char *)y->data + (size_t)(o * shape.dim[axis] * inner) * size,
                (const char *)from->data + (size_t)(o * p->numel * inner) * size, inner, shape.dim[axis], p->data,
                p->numel);
  return nn_scope_return(mark, y);
}

/* Single elements. A run is the last dimension of positions: there the other operand, x or the result of scatter_add,
 * is at base + j * step + position * jump. */
typedef struct run { int64_t n, step, jump, size; } run;

#define GATHER(T, name)                                                                                          \
  static void name(const run *r, const int64_t *position, void *dense, void *other, int64_t base) {              \
    for (int64_t j = 0; j < r->n; j++)                                                                           \
      ((T *)dense)[j] = ((T *)other)[base + j * r->step + nn_zero_based(position[j], r->size) * r->jump];        \
  }
GATHER(uint8_t, gather_1)
GATHER(uint32_t, gather_4)
GATHER(uint64_t, gather_8)

#define SCATTER(T, name)                                                                                         \
  static void name(const run *r, const int64_t *position, void *dense, void *other, int64_t base) {              \
    for (int64_t j = 0; j < r->n; j++) {                                                                         \
      T *to = (T *)other + base + j * r->step + nn_zero_based(position[j], r->size) * r->jump;                   \
      *to = (T)(*to + ((T *)dense)[j]);                                                                          \
    }                                                                                                            \
  }
SCATTER(uint8_t, scatter_u8)
SCATTER(uint64_t, scatter_i64)
SCATTER(float, scatter_f32)
SCATTER(double, scatter_f64)

typedef void (*run_function)(const run *r, const int64_t *position, void *dense, void *other, int64_t base);

/* Calls move for each run of positions p; dense has p's shape and is contiguous, other may be strided. */
static void for_each_run(const nn_tensor *p, int axis, nn_tensor *dense, nn_tensor *other, run_function move) {
  const int last = p->shape.rank - 1;
  const size_t size = nn_dtype_size(dense->dtype);
  const run r = {p->shape.dim[last], last == axis ? 0 : other->stride[last], other->stride[axis],
                 other->shape.dim[axis]};
  int64_t index[NN_MAX_RANK] = {0}, base = 0;
  for (int64_t done = 0; done < p->numel; done += r.n) {
    move(&r, (const int64_t *)p->data + done, (char *)dense->data + (size_t)done * size, other->data, base);
    for (int i = last - 1; i >= 0; i--) {  /* the next run: an odometer over the outer dimensions */
      const int64_t stride = i == axis ? 0 : other->stride[i];
      base += stride;
      if (++index[i] < p->shape.dim[i]) break;
      base -= index[i] * stride;
      index[i] = 0;
    }
  }
}

/* Positions for gather and scatter_add: of shape's rank, no size above shape's but in axis. */
static nn_tensor *element_positions(const char *call, nn_tensor *positions, const nn_shape *shape, int axis) {
  bool fit = positions->shape.rank == shape->rank;
  for (int i = 0; fit && i < shape->rank; i++) fit = i == axis || positions->shape.dim[i] <= shape->dim[i];
  if (!fit)
    return nn_fail("%s: positions %s do not fit %s outside dimension %d", call, nn_shape_text(&positions->shape).s,
                   nn_shape_text(shape).s, axis + 1);
  return nn_positions(call, positions, shape, axis);
}

/* Elements are read from x where it lies: its strides are the steps of a run, no copy is made. */
nn_tensor *nn_gather(nn_tensor *x, int64_t dim, nn_tensor *positions) {
  if (!x || !positions) return NULL;
  const int axis = nn_dim("gather", &x->shape, dim);
  if (axis < 0) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *p = element_positions("gather", positions, &x->shape, axis);
  nn_tensor *y = p ? nn_empty(x->dtype, p->shape) : NULL;
  const size_t size = nn_dtype_size(x->dtype);
  if (y && y->numel) for_each_run(p, axis, y, x, size == 1 ? gather_1 : size == 4 ? gather_4 : gather_8);
  return nn_scope_return(mark, y);
}

/* The transpose of gather: what was read from a place is added to it. */
nn_tensor *nn_scatter_add(nn_tensor *g, nn_shape shape, int64_t dim, nn_tensor *positions) {
  static const run_function scatter[NN_DTYPES] = {scatter_u8, scatter_i64, scatter_f32, scatter_f64};
  if (!g || !positions) return NULL;
  const int axis = nn_dim("scatter_add", &shape, dim);
  if (axis < 0) return NULL;
  if (!nn_shape_equal(&g->shape, &positions->shape))
    return nn_fail("scatter_add: values %s and positions %s differ", nn_shape_text(&g->shape).s,
                   nn_shape_text(&positions->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *p = element_positions("scatter_add", positions, &shape, axis);
  nn_tensor *from = p ? nn_contiguous(g) : NULL, *y = from ? nn_zeros(g->dtype, shape) : NULL;
  if (y && g->numel) for_each_run(p, axis, from, y, scatter[g->dtype]);
  return nn_scope_return(mark, y);
}

/* nn_slice makes the view, here of the zeros: the ranges are checked and meant alike in both directions. */
nn_tensor *nn_slice_spread(nn_tensor *g, nn_shape shape, int n, const nn_range *ranges) {
  if (!g) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *y = nn_zeros(g->dtype, shape), *place = y ? nn_slice("slice_spread", y, n, ranges) : NULL;
  if (!place) return nn_scope_return(mark, NULL);
  const bool done = !g->numel || nn_copy_into("slice_spread", place, g);
  return nn_scope_return(mark, done ? y : NULL);
}
