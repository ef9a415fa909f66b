/* Reductions over any dimensions. A tensor becomes alternating groups of kept and reduced dimensions, from the shape
 * alone; the groups that go are reduced from the last to the first, each as (outer, rows, inner) -> (outer, inner).
 * Strided tensors are copied first: they have the bits of contiguous ones. */
#include "reduce.h"

#include <math.h>
#include <string.h>

#include "elementwise.h"
#include "pool.h"
#include "rows.h"

/* PART elements are one piece of work, whoever does it; a slab of COLUMNS is as wide as a piece gets. */
enum { PART = 1 << 18, COLUMNS = 4096 };

/* (outer, rows, inner) cut into units of at most chunk rows and columns columns, group of them to a part. The
 * chunks of a column give partial results, y (outer, chunks, inner). */
typedef struct pass {
  nn_reduce_loop *loop;
  const char *x;
  char *y;
  size_t x_size, y_size;
  int64_t outer, rows, inner, chunk, chunks, columns, pieces, group;
} pass;

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

/* One call of the kernel: chunk number `chunk` of the rows and piece number `piece` of the columns of slab o, or n
 * slabs that are not cut. */
static void run_unit(const pass *p, int64_t o, int64_t n, int64_t chunk, int64_t piece) {
  const int64_t row = chunk * p->chunk, column = piece * p->columns;
  const char *x = p->x + (size_t)((o * p->rows + row) * p->inner + column) * p->x_size;
  char *y = p->y + (size_t)((o * p->chunks + chunk) * p->inner + column) * p->y_size;
  p->loop(x, n, lesser(p->chunk, p->rows - row), p->inner, lesser(p->columns, p->inner - column), y);
}

/* Units are numbered with the piece running fastest; that each part takes `group` of them depends on the sizes only. */
static void run_part(void *user, int part) {
  const pass *p = user;
  const int64_t each = p->chunks * p->pieces, units = p->outer * each, first = part * p->group;
  const int64_t last = lesser(first + p->group, units);
  if (each == 1) run_unit(p, first, last - first, 0, 0);
  else
    for (int64_t u = first; u < last; u++) run_unit(p, u / each, 1, u / p->pieces % p->chunks, u % p->pieces);
}

/* How the work is cut, by its sizes alone: pieces of about equal width (a narrow last one would be slow), chunks
 * of as many rows as make a unit of PART elements, and small units together until a part has PART too. */
static void plan(pass *p) {
  p->pieces = quotient_up(p->inner, COLUMNS);
  p->columns = p->pieces == 1 ? p->inner : quotient_up(quotient_up(p->inner, p->pieces), 16) * 16;
  p->chunk = lesser(PART / p->columns, p->rows);
  p->chunks = quotient_up(p->rows, p->chunk);
  const int64_t unit = p->chunk * p->columns;
  p->group = unit < PART ? PART / unit : 1;
}

/* Small work stays on the calling thread. */
static void run(pass *p) {
  const int64_t units = p->outer * p->chunks * p->pieces;
  if (units <= p->group) run_part(p, 0);
  else nn_parallel((int)quotient_up(units, p->group), run_part, p);
}

/* What a reduction's result is held in; sums and products of integers need the room. */
static nn_dtype result_dtype(nn_reduction op, nn_dtype dtype) {
  return nn_is_float(dtype) || op == NN_MAX || op == NN_MIN ? dtype : NN_INT64;
}

/* y (outer, inner) from x (outer, rows, inner). Many rows give partial results first, which are reduced in turn. */
static bool reduce_middle(nn_reduction op, nn_dtype dtype, const void *x, int64_t outer, int64_t rows, int64_t inner,
                          void *y) {
  const nn_dtype to = result_dtype(op, dtype);
  if (outer == 1 && inner <= COLUMNS && rows * inner <= PART) {      /* what plan would make of it */
    nn_reduce()->loop[op][dtype](x, 1, rows, inner, inner, y);
    return true;
  }
  pass p = {.loop = nn_reduce()->loop[op][dtype], .x = x, .y = y, .x_size = nn_dtype_size(dtype),
            .y_size = nn_dtype_size(to), .outer = outer, .rows = rows, .inner = inner};
  plan(&p);
  nn_tensor *partial = p.chunks > 1 ? nn_empty(to, NN_SHAPE(outer, p.chunks, inner)) : NULL;
  if (p.chunks > 1 && !partial) return false;
  if (partial) p.y = partial->data;
  run(&p);
  return !partial || reduce_middle(op, to, partial->data, outer, p.chunks, inner, y);
}

/* Alternating groups of dimensions that stay and go; sizes of 1 belong to any. */
typedef struct groups { int n; int64_t size[NN_MAX_RANK]; bool gone[NN_MAX_RANK]; } groups;

static groups grouped(const nn_shape *shape, const bool reduced[NN_MAX_RANK]) {
  groups g = {0};
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] == 1) continue;
    if (g.n && g.gone[g.n - 1] == reduced[i]) g.size[g.n - 1] *= shape->dim[i];
    else g.size[g.n] = shape->dim[i], g.gone[g.n++] = reduced[i];
  }
  return g;
}

/* The last group that goes; -1 when none does. */
static int last_gone(const groups *g) {
  for (int i = g->n - 1; i >= 0 && i >= g->n - 2; i--)
    if (g->gone[i]) return i;
  return -1;
}

/* y from x, contiguous and with an element or more; temporaries are the open scope's. */
static bool reduce_groups(nn_reduction op, nn_tensor *x, groups g, nn_tensor *y) {
  const void *from = x->data;
  nn_dtype dtype = x->dtype;
  int at = last_gone(&g);
  if (at < 0) return reduce_middle(op, dtype, from, 1, 1, x->numel, y->data);
  while (at >= 0) {
    int64_t outer = 1;
    for (int i = 0; i < at; i++) outer *= g.size[i];
    const int64_t inner = at + 1 < g.n ? g.size[at + 1] : 1;
    nn_tensor *to = at < 2 ? y : nn_empty(y->dtype, NN_SHAPE(outer, inner));
    if (!to || !reduce_middle(op, dtype, from, outer, g.size[at], inner, to->data)) return false;
    if (at > 0) g.size[at - 1] *= inner;     /* what stayed on both sides is one group now */
    g.n = at;
    from = to->data;
    dtype = to->dtype;
    at -= 2;
  }
  return true;
}

/* The neutral element, where there is nothing to reduce. */
static nn_tensor *of_nothing(const char *call, nn_reduction op, const nn_tensor *x, nn_dtype dtype, nn_shape shape) {
  nn_tensor *y = nn_zeros(dtype, shape);
  if (!y || y->numel == 0 || op == NN_SUM) return y;
  if (op == NN_PROD) return nn_fill(y, 1) ? y : NULL;
  return nn_fail("%s: nothing to choose from in %s", call, nn_shape_text(&x->shape).s);
}

/* x (any strides) reduced over the flagged dimensions; shape is the result's, which the caller knows with or without
 * the dimensions that went. Products of uint8 have no kernel: they are int64 from the start. */
static nn_tensor *reduce_to(const char *call, nn_reduction op, nn_tensor *x, const bool reduced[NN_MAX_RANK],
                            nn_shape shape) {
  const nn_dtype dtype = result_dtype(op, x->dtype);
  if (x->numel == 0) return of_nothing(call, op, x, dtype, shape);
  const size_t mark = nn_scope_open();
  nn_tensor *y = nn_empty(dtype, shape);
  x = nn_contiguous(op == NN_PROD ? nn_cast(x, dtype) : x);
  const bool done = y && x && reduce_groups(op, x, grouped(&x->shape, reduced), y);
  return nn_scope_return(mark, done ? y : NULL);
}

static nn_tensor *reduce(const char *call, nn_reduction op, nn_tensor *x, const nn_ints *dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  if (!x || !nn_dims(call, &x->shape, dims, reduced)) return NULL;
  return reduce_to(call, op, x, reduced, nn_shape_reduced(&x->shape, reduced, keepdim));
}

nn_tensor *nn_sum(nn_tensor *x, nn_ints dims, bool keepdim) { return reduce("sum", NN_SUM, x, &dims, keepdim); }
nn_tensor *nn_prod(nn_tensor *x, nn_ints dims, bool keepdim) { return reduce("prod", NN_PROD, x, &dims, keepdim); }
nn_tensor *nn_amax(nn_tensor *x, nn_ints dims, bool keepdim) { return reduce("max", NN_MAX, x, &dims, keepdim); }
nn_tensor *nn_amin(nn_tensor *x, nn_ints dims, bool keepdim) { return reduce("min", NN_MIN, x, &dims, keepdim); }

/* sums / n, in place for floats; sums of integers become float32 */
static nn_tensor *divided(nn_tensor *sums, double n) {
  nn_tensor *y = nn_is_float(sums->dtype) ? sums : nn_empty(NN_FLOAT32, sums->shape);
  for (int64_t i = 0; y && i < y->numel; i++)
    switch (sums->dtype) {
      case NN_FLOAT32: ((float *)y->data)[i] = (float)((double)((float *)y->data)[i] / n); break;
      case NN_FLOAT64: ((double *)y->data)[i] /= n; break;
      default: ((float *)y->data)[i] = (float)((double)((const int64_t *)sums->data)[i] / n);
    }
  return y;
}

/* The sum over the number of elements that went into it; 0/0 is the NaN of an empty mean. */
nn_tensor *nn_mean(nn_tensor *x, nn_ints dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  if (!x || !nn_dims("mean", &x->shape, &dims, reduced)) return NULL;
  double n = 1;
  for (int i = 0; i < x->shape.rank; i++)
    if (reduced[i]) n *= (double)x->shape.dim[i];
  const size_t mark = nn_scope_open();
  /* a sum of int64 may overflow, and the result is a float anyway */
  const bool wide = x->dtype == NN_INT64;
  nn_tensor *from = wide ? nn_cast(x, NN_FLOAT64) : x;
  const nn_shape shape = nn_shape_reduced(&x->shape, reduced, keepdim);
  nn_tensor *sums = from ? reduce_to("mean", NN_SUM, from, reduced, shape) : NULL;
  nn_tensor *y = sums ? divided(sums, n) : NULL;
  return nn_scope_return(mark, wide && y ? nn_cast(y, NN_FLOAT32) : y);
}

/* any and all: the largest and the smallest of the truths; of nothing, false and true. */
static nn_tensor *truth(const char *call, nn_reduction op, nn_tensor *x, const nn_ints *dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  if (!x || !nn_dims(call, &x->shape, dims, reduced)) return NULL;
  const nn_shape shape = nn_shape_reduced(&x->shape, reduced, keepdim);
  if (x->numel == 0) return nn_full(NN_UINT8, shape, op == NN_MIN);
  const size_t mark = nn_scope_open();
  nn_tensor *truths = nn_ne(x, nn_integer(0));
  return nn_scope_return(mark, truths ? reduce_to(call, op, truths, reduced, shape) : NULL);
}

nn_tensor *nn_any(nn_tensor *x, nn_ints dims, bool keepdim) { return truth("any", NN_MAX, x, &dims, keepdim); }
nn_tensor *nn_all(nn_tensor *x, nn_ints dims, bool keepdim) { return truth("all", NN_MIN, x, &dims, keepdim); }

/* Dimensions that x has before those of shape go, and those that shape has with size 1. */
nn_tensor *nn_sum_to(nn_tensor *x, nn_shape shape) {
  if (!x || nn_shape_equal(&x->shape, &shape)) return x;
  bool reduced[NN_MAX_RANK] = {0}, fits = shape.rank <= x->shape.rank;
  const int added = x->shape.rank - shape.rank;
  int64_t rows = 1;
  for (int i = 0; fits && i < x->shape.rank; i++) {
    reduced[i] = i < added || shape.dim[i - added] != x->shape.dim[i];
    if (reduced[i]) rows *= x->shape.dim[i];
    fits = i < added || !reduced[i] || shape.dim[i - added] == 1;
  }
  if (!fits) return nn_fail("sum_to: %s does not come from %s", nn_shape_text(&x->shape).s, nn_shape_text(&shape).s);
  return rows == 1 ? nn_reshape(x, shape) : reduce_to("sum_to", NN_SUM, x, reduced, shape);
}

nn_tensor *nn_flagged_last(nn_tensor *x, const bool flagged[NN_MAX_RANK]) {
  nn_ints order = {0, {0}};
  for (int pass_of = 0; pass_of < 2; pass_of++)
    for (int i = 0; i < x->shape.rank; i++)
      if (flagged[i] == (pass_of == 1)) order.v[order.n++] = i + 1;
  bool moved = false;
  for (int i = 0; i < order.n; i++) moved |= order.v[i] != i + 1;
  return nn_contiguous(moved ? nn_permute(x, order) : x);
}

/* Positions of the chosen in rows of n: find the value, then where it is. */
typedef struct choosing { nn_reduction op; const nn_tensor *x; int64_t n, rows, group; int64_t *y; } choosing;

static void choose_part(void *user, int part) {
  const choosing *c = user;
  nn_reduce_loop *const extreme = nn_reduce()->loop[c->op][c->x->dtype];
  const nn_dtype dtype = c->x->dtype;
  const size_t bytes = (size_t)c->n * nn_dtype_size(dtype);
  for (int64_t r = part * c->group; r < lesser((part + 1) * c->group, c->rows); r++) {
    /* two passes over a row, both of them vectors, beat one that carries positions along */
    const char *row = (const char *)c->x->data + (size_t)r * bytes;
    double value[1];                         /* room for any dtype */
    extreme(row, 1, c->n, 1, 1, value);
    c->y[r] = nn_reduce()->find[dtype](row, c->n, value) + 1;
  }
}

/* Dimension 0 stands for all: x is then one row, in row-major order. The rows behind the kept dimensions come in
 * the order of the result's elements. */
static nn_tensor *choose(const char *call, nn_reduction op, nn_tensor *x, int64_t dim, bool keepdim) {
  bool chosen[NN_MAX_RANK];
  const nn_ints dims = {dim ? 1 : 0, {dim}};
  if (!x || !nn_dims(call, &x->shape, &dims, chosen)) return NULL;
  const nn_shape shape = nn_shape_reduced(&x->shape, chosen, keepdim);
  if (x->numel == 0) return of_nothing(call, op, x, NN_INT64, shape);
  const size_t mark = nn_scope_open();
  nn_tensor *y = nn_empty(NN_INT64, shape), *rows = y ? nn_flagged_last(x, chosen) : NULL;
  if (!rows) return nn_scope_return(mark, NULL);
  choosing c = {op, rows, x->numel / y->numel, y->numel, 1, y->data};
  if (c.n < PART) c.group = PART / c.n;
  if (c.rows <= c.group) choose_part(&c, 0);
  else nn_parallel((int)quotient_up(c.rows, c.group), choose_part, &c);
  return nn_scope_return(mark, y);
}

nn_tensor *nn_argmax(nn_tensor *x, int64_t dim, bool keepdim) { return choose("argmax", NN_MAX, x, dim, keepdim); }
nn_tensor *nn_argmin(nn_tensor *x, int64_t dim, bool keepdim) { return choose("argmin", NN_MIN, x, dim, keepdim); }
