/* Copies and casts: any dtype into any other, over any strides. Both tensors are walked together, block by block: rows
 * where both lie in the same order; a tile where one runs across the other, so that each cache line is fetched once. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "parts.h"
#include "tiles.h"

/* n elements from x (stride sx) to y (stride sy); false when one does not fit. */
typedef bool copy_loop(int64_t n, void *y, int64_t sy, const void *x, int64_t sx);

#define COPY(name, T, S)                                                                       \
  static bool name(int64_t n, void *target, int64_t sy, const void *source, int64_t sx) {      \
    T *y = target;                                                                             \
    const S *x = source;                                                                       \
    if (sx == 1 && sy == 1)                                                                    \
      for (int64_t i = 0; i < n; i++) y[i] = (T)x[i];                                          \
    else if (sx == 0 && sy == 1)                                                               \
      for (const T v = (T)x[0], *end = y + n; y < end; y++) *y = v;                            \
    else                                                                                       \
      for (int64_t i = 0; i < n; i++) y[i * sy] = (T)x[i * sx];                                \
    return true;                                                                               \
  }
/* MISFIT(v) is not 0 where v does not fit, NaN included: C leaves such a conversion undefined, so all are looked at
 * before the first is made. A is an integer as wide as S: the loop is vectorised. */
#define CHECKED(name, S, A, MISFIT)                                                            \
  static bool name##_checked(int64_t n, void *y, int64_t sy, const void *source, int64_t sx) { \
    const S *x = source;                                                                       \
    A misfits = 0;                                                                             \
    if (sx == 1)                                                                               \
      for (int64_t i = 0; i < n; i++) misfits |= MISFIT(x[i]);                                 \
    else                                                                                       \
      for (int64_t i = 0; i < n; i++) misfits |= MISFIT(x[i * sx]);                            \
    return !misfits && name(n, y, sy, x, sx);                                                  \
  }
#define NO_BYTE(v) ((uint64_t)(v) >> 8)
#define NO_BYTE_CUT(v) (!((v) > -1) | !((v) < 256))
#define NO_INT64_CUT(v) (!((v) >= -0x1p63f) | !((v) < 0x1p63f))

COPY(u8_u8, uint8_t, uint8_t)
COPY(i64_u8, int64_t, uint8_t)
COPY(f32_u8, float, uint8_t)
COPY(f64_u8, double, uint8_t)
COPY(u8_i64, uint8_t, int64_t)
COPY(i64_i64, int64_t, int64_t)
COPY(f32_i64, float, int64_t)
COPY(f64_i64, double, int64_t)
COPY(u8_f32, uint8_t, float)
COPY(i64_f32, int64_t, float)
COPY(f32_f32, float, float)
COPY(f64_f32, double, float)
COPY(u8_f64, uint8_t, double)
COPY(i64_f64, int64_t, double)
COPY(f32_f64, float, double)
COPY(f64_f64, double, double)
CHECKED(u8_i64, int64_t, uint64_t, NO_BYTE)
CHECKED(u8_f32, float, uint32_t, NO_BYTE_CUT)
CHECKED(u8_f64, double, uint64_t, NO_BYTE_CUT)
CHECKED(i64_f32, float, uint32_t, NO_INT64_CUT)
CHECKED(i64_f64, double, uint64_t, NO_INT64_CUT)

static copy_loop *const loops[NN_DTYPES][NN_DTYPES] = {   /* [target][source] */
  [NN_UINT8]   = {u8_u8, u8_i64_checked, u8_f32_checked, u8_f64_checked},
  [NN_INT64]   = {i64_u8, i64_i64, i64_f32_checked, i64_f64_checked},
  [NN_FLOAT32] = {f32_u8, f32_i64, f32_f32, f32_f64},
  [NN_FLOAT64] = {f64_u8, f64_i64, f64_f32, f64_f64},
};

/* Both tensors as one walk, of rank 1 at least; dimensions that lie behind each other in both are joined. */
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
  if (!w.rank) w = (walk){1, {1}, {1}, {1}};
  return w;
}

/* Elements of a row of a block, and of all its rows. Bytes of a part: from two of them on the pool shares the work. */
enum { ROW = 1 << 13, BLOCK = 1 << 14, PART_BYTES = 1 << 17, PARTS_FROM = 2 };

typedef struct job {
  char *y;
  const char *x;
  size_t y_size, x_size;                   /* of an element */
  copy_loop *loop;
  const nn_tiles *tiles;                   /* where a block is a tile to be turned */
  bool cast;
  walk w;
  int row, column;                         /* the dimensions along which a block has more than one element */
  int64_t block[NN_MAX_RANK], blocks[NN_MAX_RANK]; /* along each: elements of a block, blocks */
  int64_t count, part;                     /* blocks in all; in one part */
  atomic_bool misfit;
} job;

/* The dimension with the least step of all, or without one of them: the last of several; 0 is no step. */
static int closest(const walk *w, const int64_t *step) {
  int best = w->rank - 1;
  for (int i = w->rank - 1; i >= 0; i--)
    if (step[i] && (!step[best] || llabs(step[i]) < llabs(step[best]))) best = i;
  return best;
}

/* Columns are where y is written in order, rows where x is read in order: a tile when these are two dimensions. */
static void set_blocks(job *j) {
  const walk *w = &j->w;
  for (int i = 0; i < w->rank; i++) j->block[i] = 1;
  j->column = closest(w, w->sy);
  j->row = closest(w, w->sx);
  if (j->row != j->column && w->sx[j->column]) {
    const nn_tiles *tiles = nn_tiles_of(j->x_size);
    j->block[j->column] = j->block[j->row] = tiles->side;
    if (w->sx[j->row] == 1) j->tiles = tiles;
  } else {
    j->block[j->column] = nn_least(w->size[j->column], ROW);
    j->row = w->rank == 1 ? -1 : j->column == w->rank - 1 ? w->rank - 2 : w->rank - 1;
    if (j->row >= 0) j->block[j->row] = nn_least(w->size[j->row], BLOCK / j->block[j->column]);
  }
  j->count = 1;
  for (int i = 0; i < w->rank; i++) j->count *= j->blocks[i] = nn_pieces(w->size[i], j->block[i]);
}

/* Rows of a block, columns elements of each; steps in elements. */
static bool copy_rows(const job *j, int64_t rows, int64_t columns, char *y, int64_t y_row, const char *x, int64_t x_row,
                      int64_t sx) {
  const int64_t to = y_row * (int64_t)j->y_size, from = x_row * (int64_t)j->x_size, sy = j->w.sy[j->column];
  bool fit = true;
  for (int64_t r = 0; r < rows; r++) fit &= j->loop(columns, y + r * to, sy, x + r * from, sx);
  return fit;
}

/* One block, whose first elements are y and x. A tile goes straight to y where it stays as it is, gapless. */
static bool copy_block(const job *j, int64_t rows, int64_t columns, char *y, const char *x) {
  const int64_t sy = j->row < 0 ? 0 : j->w.sy[j->row], sx = j->w.sx[j->column];
  if (!j->tiles) return copy_rows(j, rows, columns, y, sy, x, j->row < 0 ? 0 : j->w.sx[j->row], sx);
  if (!j->cast && j->w.sy[j->column] == 1) {
    j->tiles->turn(rows, columns, y, sy, x, sx);
    return true;
  }
  double tile[NN_TILE_BYTES / sizeof(double)];
  j->tiles->turn(rows, columns, tile, columns, x, sx);
  return copy_rows(j, rows, columns, y, sy, (const char *)tile, columns, 1);
}

static void run_part(void *user, int part) {
  job *j = user;
  const int rank = j->w.rank;
  const int64_t first = part * j->part, end = nn_least(j->count, first + j->part);
  int64_t index[NN_MAX_RANK], rest = first;
  bool fits = true;
  for (int i = rank - 1; i >= 0; rest /= j->blocks[i--]) index[i] = rest % j->blocks[i];
  for (int64_t b = first; b < end; b++) {
    int64_t to = 0, from = 0, length[NN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
      const int64_t at = index[i] * j->block[i];
      length[i] = nn_least(j->block[i], j->w.size[i] - at);
      to += at * j->w.sy[i];
      from += at * j->w.sx[i];
    }
    fits &= copy_block(j, j->row < 0 ? 1 : length[j->row], length[j->column], j->y + to * (int64_t)j->y_size,
                       j->x + from * (int64_t)j->x_size);
    for (int i = rank - 1; i >= 0 && ++index[i] == j->blocks[i]; i--) index[i] = 0;
  }
  if (!fits) atomic_store_explicit(&j->misfit, true, memory_order_relaxed);
}

/* The first element, in row-major order, that the target's dtype has no value for: there is one. */
static void *does_not_fit(const char *call, const nn_tensor *target, const nn_tensor *source) {
  copy_loop *loop = loops[target->dtype][source->dtype];
  nn_ints at = {source->shape.rank, {0}};
  const char *value = source->data;
  int64_t none;
  while (loop(1, &none, 1, value, 1)) {
    int64_t offset = 0;
    for (int i = at.n - 1; i >= 0 && ++at.v[i] == source->shape.dim[i]; i--) at.v[i] = 0;
    for (int i = 0; i < at.n; i++) offset += at.v[i] * source->stride[i];
    value = (const char *)source->data + offset * (int64_t)nn_dtype_size(source->dtype);
  }
  for (int i = 0; i < at.n; i++) at.v[i]++;
  const double v = source->dtype == NN_INT64 ? (double)*(const int64_t *)value
                 : source->dtype == NN_FLOAT32 ? *(const float *)value : *(const double *)value;
  const char *into = nn_dtype_name(target->dtype);
  if (isnan(v)) return nn_fail("%s: NaN at %s does not fit into %s", call, nn_ints_text(&at).s, into);
  return nn_fail("%s: %g at %s does not fit into %s", call, v, nn_ints_text(&at).s, into);
}

bool nn_shares_elements(const nn_tensor *x) {
  for (int i = 0; i < x->shape.rank; i++)
    if (x->shape.dim[i] > 1 && !x->stride[i]) return x->numel > 1;
  return false;
}

/* y = x, same shape, no memory in common */
static bool copy(const char *call, nn_tensor *y, const nn_tensor *x) {
  if (!y->numel) return true;
  const size_t bytes = (size_t)y->numel * nn_dtype_size(y->dtype);
  const bool cast = y->dtype != x->dtype, small = bytes < PARTS_FROM * PART_BYTES;
  if (!cast && small && y->contiguous && x->contiguous) {
    memcpy(y->data, x->data, bytes);
    return true;
  }
  job j = {.y = y->data, .x = x->data, .y_size = nn_dtype_size(y->dtype), .x_size = nn_dtype_size(x->dtype),
           .loop = loops[y->dtype][x->dtype], .cast = cast, .w = joined(y, x)};
  set_blocks(&j);
  const int64_t parts = small ? 1 : (int64_t)(bytes / PART_BYTES);
  j.part = nn_pieces(j.count, parts);
  nn_parallel((int)nn_pieces(j.count, j.part), run_part, &j);
  return !j.misfit || does_not_fit(call, y, x);
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
  if (nn_shares_elements(target) && source->numel != 1)
    return nn_fail("%s: elements of %s share one place in memory, since it was broadcast; write to a clone()", call,
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
    return nn_fail("fill: %g is no whole number, for %s", nn_shown(value), nn_dtype_name(target->dtype));
  const size_t mark = nn_scope_open();
  const bool done = nn_copy_into("fill", target, nn_number(value));
  nn_scope_close(mark);
  return done;
}
