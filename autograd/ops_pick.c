/* Picking elements by position, and what puts their gradients back. */
#include "derivatives.h"

/* Ranges as attributes: first and last of each dimension, and a bit for each that is dropped. */
#define RANGES {"ranges", AG_SHAPE, true, 0}, {"dropped", AG_INTEGER, true, 0}
static int unpack(const ag_attr *a, nn_range ranges[NN_MAX_RANK]) {
  for (int i = 0; 2 * i < a[0].ints.n; i++)
    ranges[i] = (nn_range){a[0].ints.v[2 * i], a[0].ints.v[2 * i + 1], a[1].integer >> i & 1};
  return a[0].ints.n / 2;
}
static void pack(int n, const nn_range *ranges, ag_attr *a) {
  a[0].ints = (nn_ints){2 * n, {0}};
  a[1].integer = 0;
  for (int i = 0; i < n; i++) {
    a[0].ints.v[2 * i] = ranges[i].first;
    a[0].ints.v[2 * i + 1] = ranges[i].last;
    a[1].integer |= (int64_t)ranges[i].drop << i;
  }
}

static ag_var *spread_slice(ag_var *g, nn_shape shape, const ag_attr *ranges);

FORWARD(slice_view) {
  nn_range ranges[NN_MAX_RANK];
  const int count = unpack(a, ranges);
  return nn_slice(a[2].text, x[0], count, ranges);
}
VJP(slice_view) { WANT(0) = spread_slice(g, SHAPE(0), a); }
DERIVATIVE(slice_view, 1, ATTR(RANGES, {"call", AG_TEXT, true, 0}))
ag_var *ag_slice(const char *call, ag_var *x, int n, const nn_range *ranges) {
  ag_attr a[3];
  if (n > NN_MAX_RANK) return nn_fail("%s: %d positions; the highest rank is 8", call, n);
  pack(n, ranges, a);
  a[2].text = call;
  return APPLY(slice_view, a, x);
}

/* zeros of shape with g at the ranges */
FORWARD(slice_spread) {
  nn_range ranges[NN_MAX_RANK];
  const int count = unpack(a, ranges);
  return nn_slice_spread(x[0], attr_shape(&a[2].ints), count, ranges);
}
VJP(slice_spread) {
  nn_range ranges[NN_MAX_RANK];
  const int count = unpack(a, ranges);
  WANT(0) = ag_slice("index", g, count, ranges);
}
DERIVATIVE(slice_spread, 1, ATTR(RANGES, {"shape", AG_SHAPE, true, 0}))
static ag_var *spread_slice(ag_var *g, nn_shape shape, const ag_attr *ranges) {
  return APPLY(slice_spread, ATTRS(ranges[0], ranges[1], {.ints = shape_ints(shape)}), g);
}

/* A copy of x with v at the ranges: dx = g with zeros there, dv = g's slice. */
FORWARD(slice_put) {
  nn_range ranges[NN_MAX_RANK];
  const int count = unpack(a, ranges);
  nn_tensor *y = nn_clone(x[0]), *target = nn_slice("index", y, count, ranges);
  return target && nn_copy_into("index", target, x[1]) ? y : NULL;
}
VJP(slice_put) {
  nn_range ranges[NN_MAX_RANK];
  const int count = unpack(a, ranges);
  ag_var *part = ag_slice("index", g, count, ranges);
  WANT(0) = ag_sub(g, spread_slice(part, SHAPE(0), a));
  WANT(1) = part;
}
DERIVATIVE(slice_put, 2, ATTR(RANGES))
ag_var *ag_slice_put(ag_var *x, int n, const nn_range *ranges, ag_var *v) {
  ag_attr a[2];
  pack(n, ranges, a);
  return APPLY(slice_put, a, x, v);
}

/* One range in one dimension: select, narrow and slice are ways to say it. */
static ag_var *cut(const char *call, ag_var *x, int64_t dim, nn_range range) {
  const int at = nn_dim(call, &x->value->shape, dim);
  if (at < 0) return NULL;
  nn_range ranges[NN_MAX_RANK] = {{0}};
  ranges[at] = range;
  return ag_slice(call, x, at + 1, ranges);
}
static void *no_position(const char *call) {
  return nn_fail("%s: positions count from 1 (or -1, the last); got 0", call);
}

COMPOSE(select) {
  if (!a[1].integer) return no_position("select");
  return cut("select", x[0], a[0].integer, (nn_range){a[1].integer, a[1].integer, true});
}
COMPOSED(select, 1, ATTR({"dim", AG_DIM, true, 0}, {"position", AG_INTEGER, true, 0}),
         HELP("one position of a dimension, which is dropped (a view)"))

COMPOSE(slice) {
  if (!a[1].integer) return no_position("slice");
  return cut("slice", x[0], a[0].integer, (nn_range){a[1].integer, a[2].integer, false});
}
COMPOSED(slice, 1, ATTR({"dim", AG_DIM, true, 0}, {"first", AG_INTEGER, true, 0}, {"last", AG_INTEGER, true, 0}),
         HELP("positions first to last of a dimension, both included (a view)"))

COMPOSE(narrow) {
  const int at = nn_dim("narrow", &x[0]->value->shape, a[0].integer);
  if (at < 0) return NULL;
  const int64_t size = x[0]->value->shape.dim[at], first = a[1].integer < 0 ? size + a[1].integer + 1 : a[1].integer;
  if (!a[1].integer) return no_position("narrow");
  if (a[2].integer < 0) return nn_fail("narrow: the length must not be negative; got %lld", (long long)a[2].integer);
  if (first < 1 || a[2].integer > size || first - 1 > size - a[2].integer)
    return nn_fail("narrow: %lld positions from %lld on do not fit into dimension %d of %s", (long long)a[2].integer,
                   (long long)a[1].integer, at + 1, nn_shape_text(&x[0]->value->shape).s);
  return cut("narrow", x[0], a[0].integer, (nn_range){first, first + a[2].integer - 1, false});
}
COMPOSED(narrow, 1, ATTR({"dim", AG_DIM, true, 0}, {"first", AG_INTEGER, true, 0}, {"length", AG_INTEGER, true, 0}),
         HELP("length positions of a dimension from first on (a view)"))

/* A pair: picking along a dimension, and adding back where it came from. Each is the other's derivative. */
#define PICK(op, back, help)                                                                                      \
  static ag_var *back##_of(ag_var *g, nn_shape shape, int64_t dim, ag_var *positions);                            \
  FORWARD(op) { return nn_##op(x[0], a[0].integer, x[1]); }                                                       \
  VJP(op)     { WANT(0) = back##_of(g, SHAPE(0), a[0].integer, x[1]); }                                           \
  OP(op, 2, .needs = {X1}, .before = 1, INPUTS("x, positions"), ATTR({"dim", AG_DIM, true, 0}), HELP(help))       \
  ag_var *ag_##op(ag_var *x, int64_t dim, ag_var *positions) {                                                    \
    return APPLY(op, ATTRS({.integer = dim}), x, positions);                                                      \
  }                                                                                                               \
  FORWARD(back) { return nn_##back(x[0], attr_shape(&a[1].ints), a[0].integer, x[1]); }                             \
  VJP(back)     { WANT(0) = ag_##op(g, a[0].integer, x[1]); }                                                     \
  DERIVATIVE(back, 2, .needs = {X1}, ATTR({"dim", AG_DIM, true, 0}, {"shape", AG_SHAPE, true, 0}))                \
  static ag_var *back##_of(ag_var *g, nn_shape shape, int64_t dim, ag_var *positions) {                           \
    return APPLY(back, ATTRS({.integer = dim}, {.ints = shape_ints(shape)}), g, positions);                          \
  }

PICK(index_select, index_add, "the slices of a dimension at positions, in their order")
PICK(gather, scatter_add, "along a dimension, the element at the position that positions has in its place")

static ag_var *masked_spread_of(ag_var *g, ag_var *mask, nn_shape shape);
FORWARD(masked_select) { return nn_masked_select(x[0], x[1]); }
VJP(masked_select)     { WANT(0) = masked_spread_of(g, x[1], SHAPE(0)); }
OP(masked_select, 2, .needs = {X1}, INPUTS("x, mask"), HELP("the elements where mask is not 0, as rank 1"))
ag_var *ag_masked_select(ag_var *x, ag_var *mask) { return APPLY(masked_select, NULL, x, mask); }

FORWARD(masked_spread) { return nn_masked_spread(x[0], x[1], attr_shape(&a[0].ints)); }
VJP(masked_spread)     { WANT(0) = ag_masked_select(g, x[1]); }
DERIVATIVE(masked_spread, 2, .needs = {X1}, ATTR({"shape", AG_SHAPE, true, 0}))
static ag_var *masked_spread_of(ag_var *g, ag_var *mask, nn_shape shape) {
  return APPLY(masked_spread, ATTRS({.ints = shape_ints(shape)}), g, mask);
}

static ag_var *embedding_grad_of(ag_var *g, ag_var *ids, nn_shape shape);
FORWARD(embedding) { return nn_embedding(x[0], x[1]); }
VJP(embedding)     { WANT(0) = embedding_grad_of(g, x[1], SHAPE(0)); }
BINARY(embedding, .needs = {X1}, INPUTS("weights, ids"), HELP("rows of weights {K, n} by ids 0..K-1"))

FORWARD(embedding_grad) { return nn_embedding_grad(x[0], attr_shape(&a[0].ints), x[1]); }
VJP(embedding_grad)     { WANT(0) = ag_embedding(g, x[1]); }
DERIVATIVE(embedding_grad, 2, .needs = {X1}, ATTR({"shape", AG_SHAPE, true, 0}))
static ag_var *embedding_grad_of(ag_var *g, ag_var *ids, nn_shape shape) {
  return APPLY(embedding_grad, ATTRS({.ints = shape_ints(shape)}), g, ids);
}

/* Sorting finds positions and takes the values by gather, whose gradient is known. */
FORWARD(argsort) { return nn_argsort(x[0], a[0].integer, a[1].flag); }
PLAIN(argsort, 1, ATTR({"dim", AG_DIM, false, -1}, {"descending", AG_FLAG, false, 0}),
      HELP("the positions that sort along a dimension; stable, NaN last (first when descending)"))

COMPOSE(sort) {
  *second = APPLY(argsort, a, x[0]);
  return ag_gather(x[0], a[0].integer, *second);
}
COMPOSED(sort, 1, .results = 2, ATTR({"dim", AG_DIM, false, -1}, {"descending", AG_FLAG, false, 0}),
         HELP("values in order along a dimension, and their positions"))
ag_var *ag_sort(ag_var *x, int64_t dim, bool descending, ag_var **positions) {
  return ag_apply2(&sort_op, 1, &x, ATTRS({.integer = dim}, {.flag = descending}), positions);
}

FORWARD(argtopk) { return nn_argtopk(x[0], a[0].integer, a[1].integer); }
PLAIN(argtopk, 1, .internal = true, ATTR({"k", AG_INTEGER, true, 0}, {"dim", AG_DIM, false, -1}))

COMPOSE(topk) {
  *second = APPLY(argtopk, a, x[0]);
  return ag_gather(x[0], a[1].integer, *second);
}
COMPOSED(topk, 1, .results = 2, ATTR({"k", AG_INTEGER, true, 0}, {"dim", AG_DIM, false, -1}),
         HELP("the k largest along a dimension, largest first, and their positions"))
ag_var *ag_topk(ag_var *x, int64_t k, int64_t dim, ag_var **positions) {
  return ag_apply2(&topk_op, 1, &x, ATTRS({.integer = k}, {.integer = dim}), positions);
}

FORWARD(one_hot) { return nn_one_hot(x[0], a[0].integer); }
PLAIN(one_hot, 1, INPUTS("labels"), ATTR({"k", AG_INTEGER, true, 0}),
      HELP("labels 0..k-1 as rows of one 1 among zeros (float32)"))
ag_var *ag_one_hot(ag_var *labels, int64_t k) { return APPLY(one_hot, ATTRS({.integer = k}), labels); }
