/* Reductions and scans. All take dims (one, a list, or nothing for all) and keepdim. */
#include <math.h>

#include "derivatives.h"

#define REDUCES .attr = {{"dims", AG_DIMS, false, 0}, {"keepdim", AG_FLAG, false, 0}}
static ag_var *reduce(const ag_op *op, ag_var *x, nn_ints dims, bool keepdim) {
  return ag_apply(op, 1, &x, ATTRS({.ints = dims}, {.flag = keepdim}));
}

/* A result of the reduction of shape, brought back to shape's rank and broadcast over it. */
static ag_var *spread(ag_var *g, nn_shape shape, const ag_attr *a) {
  bool reduced[NN_MAX_RANK];
  if (!nn_dims("sum", &shape, &a[0].ints, reduced)) return NULL;
  return ag_broadcast_to(ag_reshape(g, nn_shape_reduced(&shape, reduced, true)), shape);
}

/* How many elements make one of the result. */
static double reduced_count(const nn_shape *shape, const nn_ints *dims) {
  bool reduced[NN_MAX_RANK];
  if (!nn_dims("mean", shape, dims, reduced)) return 0;
  double count = 1;
  for (int i = 0; i < shape->rank; i++)
    if (reduced[i]) count *= (double)shape->dim[i];
  return count;
}

FORWARD(sum) { return nn_sum(x[0], a[0].ints, a[1].flag); }
VJP(sum)     { WANT(0) = spread(g, SHAPE(0), a); }
OP(sum, 1, REDUCES, HELP("sum over dims; integers give int64"))
ag_var *ag_sum(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&sum_op, x, dims, keepdim); }

FORWARD(mean) { return nn_mean(x[0], a[0].ints, a[1].flag); }
/* Every loss ends in a mean: where nothing is recorded its gradient is made of kernels, in half the time. */
static ag_var *spread_evenly(ag_var *g, nn_shape shape, const ag_attr *a) {
  const double count = reduced_count(&shape, &a[0].ints);
  if (nn_recording()) return spread(ag_div(g, ag_number(count)), shape, a);
  bool reduced[NN_MAX_RANK];
  if (!nn_dims("mean", &shape, &a[0].ints, reduced)) return NULL;
  nn_tensor *part = nn_reshape(nn_div(g->value, nn_number(count)), nn_shape_reduced(&shape, reduced, true));
  return ag_constant(nn_broadcast_to(part, shape));
}
VJP(mean) { WANT(0) = spread_evenly(g, SHAPE(0), a); }
OP(mean, 1, REDUCES, HELP("mean over dims; integers give float32"))
ag_var *ag_mean(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&mean_op, x, dims, keepdim); }

static ag_var *columns(ag_var *x, int64_t first, int64_t last) {
  return ag_slice("prod", x, 2, (nn_range[]){{0}, {first, last, false}});
}

/* prod as a tree of products of halves, so that its derivatives of any order are right where elements are 0. */
static ag_var *product_tree(ag_var *x, const nn_ints *dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  const nn_shape shape = x->value->shape;
  if (!nn_dims("prod", &shape, dims, reduced)) return NULL;
  nn_ints order = {0, {0}};
  int64_t count = 1;
  for (int i = 0; i < shape.rank; i++)
    if (!reduced[i]) order.v[order.n++] = i + 1;
  const int kept = order.n;
  for (int i = 0; i < shape.rank; i++)
    if (reduced[i]) {
      order.v[order.n++] = i + 1;
      count *= shape.dim[i];
    }
  const nn_shape result = nn_shape_reduced(&shape, reduced, keepdim);
  int64_t rows = 1;
  for (int i = 0; i < kept; i++) rows *= shape.dim[order.v[i] - 1];
  ag_var *y = ag_reshape(ag_permute(x, order), NN_SHAPE(rows, count));
  while (y && count > 1) {
    const int64_t half = count / 2;
    ag_var *pairs = ag_mul(columns(y, 1, half), columns(y, half + 1, 2 * half));
    if (count % 2) pairs = ag_cat(2, (ag_var *[]){pairs, columns(y, count, count)}, 2);
    y = pairs;
    count = half + count % 2;
  }
  return ag_reshape(y, result);
}

FORWARD(product) { return nn_prod(x[0], a[0].ints, a[1].flag); }
PLAIN(product, 1, .internal = true, REDUCES)

/* The product of nothing is 1, which depends on x as much as its sum does. */
COMPOSE(prod) {
  const bool differentiated = nn_recording() && ag_requires_grad(x[0]);
  if (differentiated && x[0]->value->numel) return product_tree(x[0], &a[0].ints, a[1].flag);
  ag_var *y = APPLY(product, a, x[0]);
  return differentiated ? ag_add(y, ag_sum(x[0], a[0].ints, a[1].flag)) : y;
}
COMPOSED(prod, 1, REDUCES, HELP("product over dims; integers give int64"))
ag_var *ag_prod(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&prod_op, x, dims, keepdim); }

/* dx = g / (number of ties) where x is the extreme */
static ag_var *extreme_gradient(ag_var *g, ag_var *x, ag_var *y, const ag_attr *a) {
  if (!x || !y) return NULL;
  const nn_shape shape = x->value->shape;
  ag_var *chosen = ag_eq(x, spread(y, shape, a));
  ag_var *ties = spread(ag_sum(chosen, a[0].ints, a[1].flag), shape, a);
  return ag_div(ag_mul(spread(g, shape, a), chosen), ties);
}

#define EXTREME(op, help)                                                                                        \
  FORWARD(op) { return nn_##op(x[0], a[0].ints, a[1].flag); }                                                    \
  VJP(op)     { WANT(0) = extreme_gradient(g, x[0], y, a); }                                                     \
  OP(op, 1, .needs = {X0 | Y}, REDUCES, HELP(help))                                                              \
  ag_var *ag_##op(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&op##_op, x, dims, keepdim); }

EXTREME(amax, "the largest over dims; ties share the gradient")
EXTREME(amin, "the smallest over dims; ties share the gradient")

#define POSITION(op, help)                                                                                       \
  FORWARD(op) { return nn_##op(x[0], a[0].integer, a[1].flag); }                                                 \
  PLAIN(op, 1, ATTR({"dim", AG_DIM, false, 0}, {"keepdim", AG_FLAG, false, 0}), HELP(help))                      \
  ag_var *ag_##op(ag_var *x, int64_t dim, bool keepdim) {                                                        \
    return APPLY(op, ATTRS({.integer = dim}, {.flag = keepdim}), x);                                             \
  }

POSITION(argmax, "position of the first largest along a dimension, or in the flattened tensor")
POSITION(argmin, "position of the first smallest along a dimension, or in the flattened tensor")

/* max and min: of one dimension, values and positions (the first of ties takes the gradient); else values only. */
static ag_var *with_positions(ag_var *x, const ag_attr *a, ag_var *positions, ag_var **second) {
  const nn_ints dim = a[0].ints;
  ag_var *y = ag_gather(x, dim.v[0], positions);
  *second = a[1].flag ? positions : ag_squeeze(positions, dim);
  return a[1].flag ? y : ag_squeeze(y, dim);
}
COMPOSE(max) {
  if (a[0].ints.n != 1) return ag_amax(x[0], a[0].ints, a[1].flag);
  return with_positions(x[0], a, ag_argmax(x[0], a[0].ints.v[0], true), second);
}
COMPOSED(max, 1, .results = 2, REDUCES, HELP("the largest; along one dimension its positions too"))
COMPOSE(min) {
  if (a[0].ints.n != 1) return ag_amin(x[0], a[0].ints, a[1].flag);
  return with_positions(x[0], a, ag_argmin(x[0], a[0].ints.v[0], true), second);
}
COMPOSED(min, 1, .results = 2, REDUCES, HELP("the smallest; along one dimension its positions too"))

#define TRUTH(op, help)                                                                                          \
  FORWARD(op) { return nn_##op(x[0], a[0].ints, a[1].flag); }                                                    \
  PLAIN(op, 1, REDUCES, HELP(help))                                                                              \
  ag_var *ag_##op(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&op##_op, x, dims, keepdim); }

TRUTH(any, "1 where an element is not 0 (uint8)")
TRUTH(all, "1 where no element is 0 (uint8)")

/* sum of (x - mean)^2 over n - correction: dx = 2 g (x - mean) / (n - correction) */
#define SPREADS ATTR({"dims", AG_DIMS, false, 0}, {"keepdim", AG_FLAG, false, 0}, {"correction", AG_NUMBER, false, 0})
static double freedom(const nn_shape *shape, const ag_attr *a) {
  return fmax(reduced_count(shape, &a[0].ints) - a[2].number, 0);
}
static ag_var *centered(ag_var *x, const ag_attr *a) { return ag_sub(x, ag_mean(x, a[0].ints, true)); }

FORWARD(var) { return nn_variance(x[0], a[0].ints, a[1].flag, a[2].number); }
VJP(var) {
  const nn_shape shape = SHAPE(0);
  WANT(0) = ag_mul(spread(ag_div(g, ag_number(freedom(&shape, a) / 2)), shape, a), centered(x[0], a));
}
OP(var, 1, .needs = {X0}, SPREADS, HELP("variance over dims, of the population; correction = 1 divides by n - 1"))
ag_var *ag_variance(ag_var *x, nn_ints dims, bool keepdim, double correction) {
  return APPLY(var, ATTRS({.ints = dims}, {.flag = keepdim}, {.number = correction}), x);
}

/* g / y, 0 / 1 where y is 0: what is all 0 has no direction to grow in */
static ag_var *by_length(ag_var *g, ag_var *y) {
  return ag_div(g, ag_where(ag_eq(y, ag_number(0)), ag_number(1), y));
}

/* dx = g (x - mean) / (y (n - correction)), 0 where y is 0 */
FORWARD(std) { return nn_std(x[0], a[0].ints, a[1].flag, a[2].number); }
VJP(std) {
  const nn_shape shape = SHAPE(0);
  ag_var *slope = ag_div(by_length(g, y), ag_number(freedom(&shape, a)));
  WANT(0) = ag_mul(spread(slope, shape, a), centered(x[0], a));
}
OP(std, 1, .needs = {X0 | Y}, SPREADS, HELP("standard deviation over dims: the root of var"))
ag_var *ag_std(ag_var *x, nn_ints dims, bool keepdim, double correction) {
  return APPLY(std, ATTRS({.ints = dims}, {.flag = keepdim}, {.number = correction}), x);
}

/* dx = g x / y, 0 where y is 0 */
FORWARD(norm) { return nn_norm(x[0], a[0].ints, a[1].flag); }
VJP(norm)     { WANT(0) = ag_mul(x[0], spread(by_length(g, y), SHAPE(0), a)); }
OP(norm, 1, .needs = {X0 | Y}, REDUCES, HELP("Euclidean length over dims; gradient 0 at 0"))
ag_var *ag_norm(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&norm_op, x, dims, keepdim); }

/* dx = g e^(x - y); an all -inf slice has no gradient */
FORWARD(logsumexp) { return nn_logsumexp(x[0], a[0].ints, a[1].flag); }
VJP(logsumexp) {
  ag_var *top = ag_where(ag_eq(y, ag_number(-INFINITY)), ag_number(0), y);
  WANT(0) = ag_mul(spread(g, SHAPE(0), a), ag_exp(ag_sub(x[0], spread(top, SHAPE(0), a))));
}
OP(logsumexp, 1, .needs = {X0 | Y}, REDUCES, HELP("ln(sum(e^x)) over dims, without overflow"))
ag_var *ag_logsumexp(ag_var *x, nn_ints dims, bool keepdim) { return reduce(&logsumexp_op, x, dims, keepdim); }

FORWARD(sum_to) { return nn_sum_to(x[0], nn_shape_of(a[0].ints.n, a[0].ints.v)); }
VJP(sum_to)     { WANT(0) = ag_broadcast_to(g, SHAPE(0)); }
DERIVATIVE(sum_to, 1, ATTR({"shape", AG_SHAPE, true, 0}))
ag_var *ag_sum_to(ag_var *x, nn_shape shape) {
  nn_ints ints = {shape.rank, {0}};
  for (int i = 0; i < shape.rank && i < NN_MAX_RANK; i++) ints.v[i] = shape.dim[i];
  return APPLY(sum_to, ATTRS({.ints = ints}), x);
}

/* dx is the sum of g from the end */
FORWARD(cumsum) { return nn_cumsum(x[0], a[0].integer); }
VJP(cumsum) {
  const nn_ints dim = NN_INTS(a[0].integer);
  WANT(0) = ag_flip(ag_cumsum(ag_flip(g, dim), a[0].integer), dim);
}
OP(cumsum, 1, ATTR({"dim", AG_DIM, true, 0}), HELP("running sum along a dimension"))
ag_var *ag_cumsum(ag_var *x, int64_t dim) { return APPLY(cumsum, ATTRS({.integer = dim}), x); }
