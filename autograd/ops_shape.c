/* Shapes: the same elements in another arrangement. Gradients are arranged back. */
#include "derivatives.h"

FORWARD(reshape) { return nn_reshape(x[0], attr_shape(&a[0].ints)); }
VJP(reshape)     { WANT(0) = ag_reshape(g, SHAPE(0)); }
OP(reshape, 1, ATTR({"shape", AG_SHAPE, true, 0}), HELP("the elements in another shape; one size may be -1"))
ag_var *ag_reshape(ag_var *x, nn_shape shape) {
  if (x && nn_shape_equal(&x->value->shape, &shape)) return x;
  return APPLY(reshape, ATTRS({.ints = shape_ints(shape)}), x);
}

COMPOSE(flatten) {
  const nn_shape shape = x[0]->value->shape;
  if (shape.rank == 0) return ag_reshape(x[0], NN_SHAPE(1));
  const int first = nn_dim("flatten", &shape, a[0].integer), last = nn_dim("flatten", &shape, a[1].integer);
  if (first < 0 || last < 0) return NULL;
  if (last < first) return nn_fail("flatten: dimension %d comes after %d", first + 1, last + 1);
  nn_shape flat = {0, {0}};
  for (int i = 0; i < shape.rank; i++) {
    if (i > first && i <= last) flat.dim[flat.rank - 1] *= shape.dim[i];
    else flat.dim[flat.rank++] = shape.dim[i];
  }
  return ag_reshape(x[0], flat);
}
COMPOSED(flatten, 1, ATTR({"first", AG_DIM, false, 1}, {"last", AG_DIM, false, -1}),
         HELP("dimensions first to last become one"))
ag_var *ag_flatten(ag_var *x) { return APPLY(flatten, ATTRS({.integer = 1}, {.integer = -1}), x); }

FORWARD(squeeze) { return nn_squeeze(x[0], a[0].ints); }
VJP(squeeze)     { WANT(0) = ag_reshape(g, SHAPE(0)); }
OP(squeeze, 1, ATTR({"dims", AG_DIMS, false, 0}), HELP("without dimensions of size 1: all, or those named"))
ag_var *ag_squeeze(ag_var *x, nn_ints dims) { return APPLY(squeeze, ATTRS({.ints = dims}), x); }

FORWARD(unsqueeze) { return nn_unsqueeze(x[0], a[0].integer); }
VJP(unsqueeze)     { WANT(0) = ag_reshape(g, SHAPE(0)); }
OP(unsqueeze, 1, ATTR({"dim", AG_DIM, true, 0}), HELP("with a dimension of size 1 put in"))
ag_var *ag_unsqueeze(ag_var *x, int64_t dim) { return APPLY(unsqueeze, ATTRS({.integer = dim}), x); }

FORWARD(transpose) { return nn_transpose(x[0], a[0].integer, a[1].integer); }
VJP(transpose)     { WANT(0) = ag_transpose(g, a[0].integer, a[1].integer); }
OP(transpose, 1, ATTR({"dim1", AG_DIM, true, 0}, {"dim2", AG_DIM, true, 0}), HELP("two dimensions change places"))
ag_var *ag_transpose(ag_var *x, int64_t dim1, int64_t dim2) {
  return APPLY(transpose, ATTRS({.integer = dim1}, {.integer = dim2}), x);
}

COMPOSE(t) {
  const nn_shape *shape = &x[0]->value->shape;
  if (shape->rank > 2) return nn_fail("t: takes matrices; got %s: use transpose(dim1, dim2)", nn_shape_text(shape).s);
  return shape->rank == 2 ? ag_transpose(x[0], 1, 2) : x[0];
}
COMPOSED(t, 1, HELP("a matrix transposed"))

/* The gradient's dimension dims[i] is the result's i. */
FORWARD(permute) { return nn_permute(x[0], a[0].ints); }
VJP(permute) {
  const nn_shape shape = SHAPE(0);
  nn_ints back = {shape.rank, {0}};
  for (int i = 0; i < back.n; i++) back.v[nn_dim("permute", &shape, a[0].ints.v[i])] = i + 1;
  WANT(0) = ag_permute(g, back);
}
OP(permute, 1, ATTR({"dims", AG_SHAPE, true, 0}), HELP("the dimensions in another order"))
ag_var *ag_permute(ag_var *x, nn_ints dims) { return APPLY(permute, ATTRS({.ints = dims}), x); }

/* Gradients come home summed (the engine's rule for all broadcasting). */
FORWARD(broadcast_to) { return nn_broadcast_to(x[0], attr_shape(&a[0].ints)); }
VJP(broadcast_to)     { WANT(0) = g; }
OP(broadcast_to, 1, ATTR({"shape", AG_SHAPE, true, 0}), HELP("repeated along dimensions of size 1, without a copy"))
ag_var *ag_broadcast_to(ag_var *x, nn_shape shape) {
  if (x && nn_shape_equal(&x->value->shape, &shape)) return x;
  return APPLY(broadcast_to, ATTRS({.ints = shape_ints(shape)}), x);
}

COMPOSE(expand) {
  const nn_shape from = x[0]->value->shape;
  nn_shape shape = attr_shape(&a[0].ints);
  const int added = shape.rank - from.rank;
  for (int i = 0; i < shape.rank && i < NN_MAX_RANK; i++)
    if (shape.dim[i] == -1 && i >= added) shape.dim[i] = from.dim[i - added];
  return ag_broadcast_to(x[0], shape);
}
COMPOSED(expand, 1, ATTR({"shape", AG_SHAPE, true, 0}), HELP("broadcast_to, where -1 keeps a size"))

COMPOSE(contiguous) { return x[0]->value->contiguous ? x[0] : ag_clone(x[0]); }
COMPOSED(contiguous, 1, HELP("row-major: itself, or a copy"))
ag_var *ag_contiguous(ag_var *x) { return APPLY(contiguous, NULL, x); }

FORWARD(clone) { return nn_clone(x[0]); }
VJP(clone)     { WANT(0) = g; }
UNARY(clone, HELP("a copy with memory of its own"))

/* dx: for each dimension, the sum over its repeats */
static ag_var *untile(ag_var *g, nn_shape shape, nn_ints repeats) {
  const int added = repeats.n > shape.rank ? repeats.n - shape.rank : 0, missing = shape.rank - repeats.n;
  int64_t outer = 1;
  if (g && !g->value->numel) return ag_constant(nn_zeros(g->value->dtype, shape));
  for (int i = 0; i < shape.rank + added; i++) {
    const int64_t size = i < added ? 1 : shape.dim[i - added];
    const int64_t copies = i < missing ? 1 : repeats.v[missing > 0 ? i - missing : i];
    if (!g) return NULL;
    const int64_t block = outer * copies * size, inner = block ? g->value->numel / block : 0;
    if (copies != 1) g = ag_sum(ag_reshape(g, NN_SHAPE(outer, copies, size * inner)), NN_INTS(2), false);
    outer *= size;
  }
  return ag_reshape(g, shape);
}
FORWARD(tile) { return nn_tile(x[0], a[0].ints); }
VJP(tile)     { WANT(0) = untile(g, SHAPE(0), a[0].ints); }
OP(tile, 1, ATTR({"repeats", AG_SHAPE, true, 0}), HELP("copies side by side: so many in each dimension"))
ag_var *ag_tile(ag_var *x, nn_ints repeats) { return APPLY(tile, ATTRS({.ints = repeats}), x); }

FORWARD(flip) { return nn_flip(x[0], a[0].ints); }
VJP(flip)     { WANT(0) = ag_flip(g, a[0].ints); }
OP(flip, 1, ATTR({"dims", AG_DIMS, false, 0}), HELP("in reverse order along dims"))
ag_var *ag_flip(ag_var *x, nn_ints dims) { return APPLY(flip, ATTRS({.ints = dims}), x); }

static ag_var *unpad(ag_var *g, nn_shape shape, const nn_ints *pairs) {
  nn_range ranges[NN_MAX_RANK];
  for (int i = 0; i < shape.rank; i++) {
    if (!shape.dim[i]) return ag_constant(nn_zeros(g->value->dtype, shape));
    ranges[i] = (nn_range){pairs->v[2 * i] + 1, pairs->v[2 * i] + shape.dim[i], false};
  }
  return ag_slice("pad", g, shape.rank, ranges);
}
FORWARD(pad) { return nn_pad(x[0], a[0].ints, a[1].number); }
VJP(pad)     { WANT(0) = unpad(g, SHAPE(0), &a[0].ints); }
OP(pad, 1, ATTR({"pairs", AG_PAIRS, true, 0}, {"value", AG_NUMBER, false, 0}),
   HELP("with value before and after each dimension: {{before, after}, ...}"))
ag_var *ag_pad(ag_var *x, nn_ints pairs, double value) {
  return APPLY(pad, ATTRS({.ints = pairs}, {.number = value}), x);
}

/* Each input's gradient is its part of g. */
FORWARD(cat) { return nn_cat(n, x, a[0].integer); }
VJP(cat) {
  const int dim = nn_dim("cat", &g->value->shape, a[0].integer);
  int64_t first = 1;
  for (int i = 0; i < ag_input_count(node); i++) {
    const int64_t size = SHAPE(i).dim[dim];
    nn_range ranges[NN_MAX_RANK] = {{0}};
    ranges[dim] = (nn_range){first, first + size - 1, false};
    WANT(i) = size ? ag_slice("cat", g, dim + 1, ranges) : ag_constant(nn_zeros(g->value->dtype, SHAPE(i)));
    first += size;
  }
}
OP(cat, AG_LIST, ATTR({"dim", AG_DIM, false, 1}), HELP("tensors one after the other along a dimension"))
ag_var *ag_cat(int n, ag_var *const *list, int64_t dim) { return ag_apply(&cat_op, n, list, ATTRS({.integer = dim})); }

FORWARD(stack) { return nn_stack(n, x, a[0].integer); }
VJP(stack) {
  const int dim = nn_dim("stack", &g->value->shape, a[0].integer);
  for (int i = 0; i < ag_input_count(node); i++) {
    nn_range ranges[NN_MAX_RANK] = {{0}};
    ranges[dim] = (nn_range){i + 1, i + 1, true};
    WANT(i) = ag_slice("stack", g, dim + 1, ranges);
  }
}
OP(stack, AG_LIST, ATTR({"dim", AG_DIM, false, 1}), HELP("tensors of one shape along a new dimension"))
ag_var *ag_stack(int n, ag_var *const *list, int64_t dim) {
  return ag_apply(&stack_op, n, list, ATTRS({.integer = dim}));
}

FORWARD(tril) { return nn_tril(x[0], a[0].integer); }
VJP(tril)     { WANT(0) = ag_tril(g, a[0].integer); }
OP(tril, 1, ATTR({"k", AG_INTEGER, false, 0}), HELP("the lower triangle, up to the k-th diagonal"))
ag_var *ag_tril(ag_var *x, int64_t k) { return APPLY(tril, ATTRS({.integer = k}), x); }

FORWARD(triu) { return nn_triu(x[0], a[0].integer); }
VJP(triu)     { WANT(0) = ag_triu(g, a[0].integer); }
OP(triu, 1, ATTR({"k", AG_INTEGER, false, 0}), HELP("the upper triangle, from the k-th diagonal"))
ag_var *ag_triu(ag_var *x, int64_t k) { return APPLY(triu, ATTRS({.integer = k}), x); }
