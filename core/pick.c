/* Elements picked by position, and added back where they came from: index_select and index_add, gather and scatter_add,
 * a slice's gradient. Adding goes in the order of the positions, on one thread: repeated positions add up the same
 * way every time. */
#include "pick.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "movement.h"
#include "parts.h"

enum { PART_BYTES = 1 << 17, PART = 1 << 15 };   /* of rows, and elements, that are one piece of work */

/* Contiguous int64, not checked yet. */
static nn_tensor *positions_of(const char *call, nn_tensor *positions) {
  if (nn_is_float(positions->dtype))
    return nn_fail("%s: positions are %s; int64 is expected", call, nn_dtype_name(positions->dtype));
  return nn_contiguous(nn_cast(positions, NN_INT64));
}

/* One of n positions is known to be outside: which is the first? */
static void *outside(const char *call, const int64_t *position, const nn_shape *shape, int axis) {
  while (*position && *position <= shape->dim[axis] && *position >= -shape->dim[axis]) position++;
  return nn_fail("%s: position %" PRId64 " is outside dimension %d of %s", call, *position, axis + 1,
                 nn_shape_text(shape).s);
}

/* A position of a dimension of size elements, counted from 0; false when it is outside. */
static inline bool place_of(int64_t position, int64_t size, int64_t *place) {
  *place = (int64_t)((uint64_t)position - 1);
  if ((uint64_t)*place < (uint64_t)size) return true;
  *place = (int64_t)((uint64_t)position + (uint64_t)size);
  return position < 0 && *place >= 0;
}

nn_tensor *nn_places(const char *call, const int64_t *position, int64_t n, const nn_shape *shape, int axis) {
  nn_tensor *places = nn_empty(NN_INT64, NN_SHAPE(n));
  int64_t *place = places ? places->data : NULL;
  for (int64_t i = 0; places && i < n; i++)
    if (!place_of(position[i], shape->dim[axis], &place[i])) return outside(call, position, shape, axis);
  return places;
}

static nn_tensor *checked(const char *call, nn_tensor *positions, const nn_shape *shape, int axis) {
  nn_tensor *p = positions_of(call, positions);
  return p ? nn_places(call, p->data, p->numel, shape, axis) : NULL;
}

/* Rows */

typedef struct taking {
  char *to;
  const char *from;
  size_t width, table;                      /* bytes of a row, and of a table */
  const int64_t *place;
  int64_t n, rows, part;                    /* rows of to for each table, in all, and of one part */
} taking;

/* n rows of one table. Widths of one element are spelled out, so that each copy is one move and no call. */
static void take(char *to, const char *from, size_t width, const int64_t *place, int64_t n) {
#define TAKE(bytes)       \
  _Pragma("GCC unroll 4") \
  for (int64_t i = 0; i < n; i++) memcpy(to + (size_t)i * (bytes), from + (size_t)place[i] * (bytes), (bytes))
  switch (width) {
    case 1: TAKE(1); break;
    case 4: TAKE(4); break;
    case 8: TAKE(8); break;
    default: TAKE(width);
  }
#undef TAKE
}

static void take_part(void *user, int part) {
  const taking *t = user;
  const int64_t first = part * t->part, end = nn_least(t->rows, first + t->part);
  const char *from = t->from + (size_t)(first / t->n) * t->table;
  for (int64_t row = first, i = first % t->n, m; row < end; row += m, i = 0, from += t->table) {
    m = nn_least(t->n - i, end - row);
    take(t->to + (size_t)row * t->width, from, t->width, t->place + i, m);
  }
}

void nn_take_rows(void *to, const void *from, size_t width, int64_t size, const int64_t *place, int64_t n,
                  int64_t count) {
  const int64_t rows = n * count;
  if (!width || !rows) return;
  taking t = {to, from, width, width * (size_t)size, place, n, rows, rows};
  if (width * (size_t)rows >= 2 * PART_BYTES) t.part = width < PART_BYTES ? (int64_t)(PART_BYTES / width) : 1;
  nn_parallel((int)nn_pieces(rows, t.part), take_part, &t);
}

/* Unsigned, so that integers wrap around. */
#define ADD_ROWS(T, name)                                                                                              \
  static void name(void *to, const void *from, int64_t width, const int64_t *place, int64_t n) {                       \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      T *row = (T *)to + place[i] * width;                                                                             \
      const T *add = (const T *)from + i * width;                                                                      \
      for (int64_t j = 0; j < width; j++) row[j] = (T)(row[j] + add[j]);                                               \
    }                                                                                                                  \
  }
ADD_ROWS(uint8_t, add_rows_u8)
ADD_ROWS(uint64_t, add_rows_i64)
ADD_ROWS(float, add_rows_f32)
ADD_ROWS(double, add_rows_f64)

void nn_add_rows(nn_dtype dtype, void *to, const void *from, int64_t width, const int64_t *place, int64_t n) {
  static void (*const add[NN_DTYPES])(void *, const void *, int64_t, const int64_t *, int64_t) = {
    add_rows_u8, add_rows_i64, add_rows_f32, add_rows_f64,
  };
  add[dtype](to, from, width, place, n);
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

/* The transpose of index_select: g (outer, n, inner) -> zeros (outer, size, inner) with rows added. */
nn_tensor *nn_index_add(nn_tensor *g, nn_shape shape, int64_t dim, nn_tensor *positions) {
  if (!g || !positions) return NULL;
  const int axis = nn_dim("index_add", &shape, dim);
  nn_shape expected;
  if (axis < 0 || !replaced("index_add", &shape, axis, &positions->shape, &expected)) return NULL;
  if (!nn_shape_equal(&g->shape, &expected))
    return nn_fail("index_add: %s is expected, got %s", nn_shape_text(&expected).s, nn_shape_text(&g->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *p = checked("index_add", positions, &shape, axis);
  nn_tensor *from = p ? nn_contiguous(g) : NULL, *y = from ? nn_zeros(g->dtype, shape) : NULL;
  if (!y || !g->numel) return nn_scope_return(mark, y);
  int64_t outer, inner;
  nn_split_at(&shape, axis, &outer, &inner);
  const size_t size = nn_dtype_size(g->dtype);
  for (int64_t o = 0; o < outer; o++)
    nn_add_rows(g->dtype, (char *)y->data + (size_t)(o * shape.dim[axis] * inner) * size,
                (const char *)from->data + (size_t)(o * p->numel * inner) * size, inner, p->data, p->numel);
  return nn_scope_return(mark, y);
}

/* Single elements. A run is a stretch of the last dimension of positions: there the other operand, x or the result of
 * scatter_add, is at j * step + place * jump. A loop moves a run; false as soon as a position is outside. */
typedef struct run { int64_t n, step, jump, size; } run;
typedef bool run_loop(const run *r, const int64_t *position, void *dense, void *other);

#define RUN(name, T, MOVE)                                                                                       \
  static inline bool name##_by(const run *r, const int64_t *position, T *one, T *from, int64_t step, int64_t jump) { \
    for (int64_t j = 0, n = r->n, size = r->size, place; j < n; j++, one++, from += step) {                      \
      if (!place_of(position[j], size, &place)) return false;                                                    \
      T *there = from + place * jump;                                                                            \
      MOVE;                                                                                                      \
    }                                                                                                            \
    return true;                                                                                                 \
  }                                                                                                              \
  static bool name(const run *r, const int64_t *position, void *dense, void *other) {                            \
    if (r->step == 0 && r->jump == 1) return name##_by(r, position, dense, other, 0, 1);    /* without products */ \
    return name##_by(r, position, dense, other, r->step, r->jump);                                               \
  }
RUN(gather_1, uint8_t, *one = *there)
RUN(gather_4, uint32_t, *one = *there)
RUN(gather_8, uint64_t, *one = *there)
RUN(scatter_u8, uint8_t, *there = (uint8_t)(*there + *one))
RUN(scatter_i64, uint64_t, *there += *one)
RUN(scatter_f32, float, *there += *one)
RUN(scatter_f64, double, *there += *one)

typedef struct running {
  const nn_tensor *p;                       /* positions, contiguous */
  nn_tensor *dense, *other;                 /* dense has p's shape and is contiguous, other may be strided */
  int axis;
  run_loop *loop;
  int64_t part;                             /* elements */
  atomic_bool miss;
} running;

/* Elements first .. end - 1 of p, run by run: an odometer over the outer dimensions. */
static void run_part(void *user, int part) {
  running *w = user;
  const nn_shape *shape = &w->p->shape;
  const int last = shape->rank - 1;
  const int64_t n = shape->dim[last], first = part * w->part, end = nn_least(w->p->numel, first + w->part);
  const int64_t size = (int64_t)nn_dtype_size(w->dense->dtype);
  run r = {0, last == w->axis ? 0 : w->other->stride[last], w->other->stride[w->axis], w->other->shape.dim[w->axis]};
  int64_t index[NN_MAX_RANK], base = 0, rest = first / n;
  for (int i = last - 1; i >= 0; rest /= shape->dim[i--]) {
    index[i] = rest % shape->dim[i];
    base += i == w->axis ? 0 : index[i] * w->other->stride[i];
  }
  for (int64_t at = first, j = first % n; at < end; at += r.n, j = 0) {
    r.n = nn_least(n - j, end - at);
    if (!w->loop(&r, (const int64_t *)w->p->data + at, (char *)w->dense->data + at * size,
                 (char *)w->other->data + (base + j * r.step) * size))
      atomic_store_explicit(&w->miss, true, memory_order_relaxed);
    for (int i = last - 1; i >= 0; i--) {
      const int64_t stride = i == w->axis ? 0 : w->other->stride[i];
      base += stride;
      if (++index[i] < shape->dim[i]) break;
      base -= index[i] * stride;
      index[i] = 0;
    }
  }
}

/* Over all of positions p; false with an error when one is outside. Only where no element is written twice may the work
 * be cut. */
static bool for_each_run(const char *call, const nn_tensor *p, int axis, nn_tensor *dense, nn_tensor *other,
                         run_loop *loop, bool cut) {
  if (!p->numel) return true;
  running w = {.p = p, .dense = dense, .other = other, .axis = axis, .loop = loop,
               .part = cut && p->numel >= 2 * PART ? PART : p->numel};
  nn_parallel((int)nn_pieces(p->numel, w.part), run_part, &w);
  return !w.miss || outside(call, p->data, &other->shape, axis);
}

/* Positions for gather and scatter_add, not checked yet: of shape's rank, no size above shape's but in axis. */
static nn_tensor *element_positions(const char *call, nn_tensor *positions, const nn_shape *shape, int axis) {
  bool fit = positions->shape.rank == shape->rank;
  for (int i = 0; fit && i < shape->rank; i++) fit = i == axis || positions->shape.dim[i] <= shape->dim[i];
  if (!fit)
    return nn_fail("%s: positions %s do not fit %s outside dimension %d", call, nn_shape_text(&positions->shape).s,
                   nn_shape_text(shape).s, axis + 1);
  return positions_of(call, positions);
}

/* Elements are read from x where it lies: its strides are the steps of a run, no copy is made. */
static nn_tensor *gathered(const char *call, nn_tensor *x, int axis, nn_tensor *p) {
  nn_tensor *y = p ? nn_empty(x->dtype, p->shape) : NULL;
  const size_t size = nn_dtype_size(x->dtype);
  run_loop *loop = size == 1 ? gather_1 : size == 4 ? gather_4 : gather_8;
  return y && for_each_run(call, p, axis, y, x, loop, true) ? y : NULL;
}

nn_tensor *nn_gather(nn_tensor *x, int64_t dim, nn_tensor *positions) {
  if (!x || !positions) return NULL;
  const int axis = nn_dim("gather", &x->shape, dim);
  if (axis < 0) return NULL;
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, gathered("gather", x, axis, element_positions("gather", positions, &x->shape, axis)));
}

/* x (outer, size, inner) -> y (outer, n, inner): for each outer, n rows of inner elements. A rank-0 position drops
 * axis. Out of one dimension single elements are gathered. */
nn_tensor *nn_index_select(nn_tensor *x, int64_t dim, nn_tensor *positions) {
  if (!x || !positions) return NULL;
  const int axis = nn_dim("index_select", &x->shape, dim);
  nn_shape shape;
  if (axis < 0 || !replaced("index_select", &x->shape, axis, &positions->shape, &shape)) return NULL;
  const size_t mark = nn_scope_open();
  if (x->shape.rank == 1) {
    nn_tensor *flat = nn_reshape(positions_of("index_select", positions), NN_SHAPE(-1));
    return nn_scope_return(mark, nn_reshape(gathered("index_select", x, axis, flat), shape));
  }
  nn_tensor *p = checked("index_select", positions, &x->shape, axis);
  nn_tensor *from = p ? nn_contiguous(x) : NULL, *y = from ? nn_empty(x->dtype, shape) : NULL;
  if (!y || !y->numel) return nn_scope_return(mark, y);
  int64_t outer, inner;
  nn_split_at(&x->shape, axis, &outer, &inner);
  nn_take_rows(y->data, from->data, (size_t)inner * nn_dtype_size(x->dtype), x->shape.dim[axis], p->data, p->numel,
               outer);
  return nn_scope_return(mark, y);
}

/* The transpose of gather: what was read from a place is added to it. */
nn_tensor *nn_scatter_add(nn_tensor *g, nn_shape shape, int64_t dim, nn_tensor *positions) {
  static run_loop *const scatter[NN_DTYPES] = {scatter_u8, scatter_i64, scatter_f32, scatter_f64};
  if (!g || !positions) return NULL;
  const int axis = nn_dim("scatter_add", &shape, dim);
  if (axis < 0) return NULL;
  if (!nn_shape_equal(&g->shape, &positions->shape))
    return nn_fail("scatter_add: values %s and positions %s differ", nn_shape_text(&g->shape).s,
                   nn_shape_text(&positions->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *p = element_positions("scatter_add", positions, &shape, axis);
  nn_tensor *from = p ? nn_contiguous(g) : NULL, *y = from ? nn_zeros(g->dtype, shape) : NULL;
  return nn_scope_return(mark, y && for_each_run("scatter_add", p, axis, from, y, scatter[g->dtype], false) ? y : NULL);
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
