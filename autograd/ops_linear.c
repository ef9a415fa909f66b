/* Linear algebra, and the layers' own products. */
#include "derivatives.h"

static int rank(const ag_var *x) { return x->value->shape.rank; }
static ag_var *swapped(ag_var *x) { return ag_transpose(x, -1, -2); }
static ag_var *flat(ag_var *x) {
  int64_t rows = 1;
  for (int i = 0; i < rank(x) - 1; i++) rows *= x->value->shape.dim[i];
  return ag_reshape(x, NN_SHAPE(rows, x->value->shape.dim[rank(x) - 1]));
}

/* Rank 1 acts as a row on the left and as a column on the right; g gets the dimensions that the product dropped. */
static ag_var *as_row(ag_var *x) { return rank(x) == 1 ? ag_unsqueeze(x, 1) : x; }
static ag_var *as_column(ag_var *x) { return rank(x) == 1 ? ag_unsqueeze(x, 2) : x; }
static ag_var *undropped(ag_var *g, int rank_a, int rank_b) {
  if (rank_b == 1) g = ag_unsqueeze(g, -1);
  if (rank_a == 1) g = ag_unsqueeze(g, -2);
  return g;
}

/* dA = G B^T, dB = A^T G (a shared matrix B takes all of a batch in one product) */
static ag_var *left_gradient(ag_var *G, ag_var *b) { return ag_matmul(G, swapped(as_column(b))); }
static ag_var *right_gradient(ag_var *G, ag_var *a, int rank_b) {
  if (rank_b == 2 && rank(a) > 2) return ag_matmul(swapped(flat(a)), flat(G));
  ag_var *db = ag_matmul(swapped(as_row(a)), G);
  return rank_b == 1 ? ag_squeeze(db, NN_INTS(-1)) : db;
}

FORWARD(matmul) { return nn_matmul(x[0], x[1]); }
VJP(matmul) {
  ag_var *G = undropped(g, SHAPE(0).rank, SHAPE(1).rank);
  WANT(0) = left_gradient(G, x[1]);
  WANT(1) = right_gradient(G, x[0], SHAPE(1).rank);
}
BINARY(matmul, .needs = {X1, X0}, HELP("(..., m, k) x (..., k, n) -> (..., m, n); rank 1 acts as a row or a column"))

COMPOSE(dot) {
  if (rank(x[0]) != 1 || rank(x[1]) != 1)
    return nn_fail("dot: takes two tensors of rank 1; got %s and %s", nn_shape_text(&x[0]->value->shape).s,
                   nn_shape_text(&x[1]->value->shape).s);
  return ag_matmul(x[0], x[1]);
}
COMPOSED(dot, 2, HELP("sum(x * y) of two vectors"))
ag_var *ag_dot(ag_var *a, ag_var *b) { return APPLY(dot, NULL, a, b); }

COMPOSE(outer) {
  if (rank(x[0]) != 1 || rank(x[1]) != 1)
    return nn_fail("outer: takes two tensors of rank 1; got %s and %s", nn_shape_text(&x[0]->value->shape).s,
                   nn_shape_text(&x[1]->value->shape).s);
  return ag_mul(ag_unsqueeze(x[0], 2), ag_unsqueeze(x[1], 1));
}
COMPOSED(outer, 2, HELP("(m), (n) -> (m, n): every product of two elements"))
ag_var *ag_outer(ag_var *a, ag_var *b) { return APPLY(outer, NULL, a, b); }

/* y = x w + b over the last dimension: dx = g w^T, dw = x^T g, db = g (summed by the engine) */
FORWARD(linear) { return nn_linear(x[0], x[1], n > 2 ? x[2] : NULL); }
VJP(linear) {
  WANT(0) = ag_matmul(g, swapped(x[1]));
  WANT(1) = ag_matmul(swapped(flat(x[0])), flat(g));
  WANT(2) = g;
}
OP(linear, 3, .optional = 1, .needs = {X1, X0}, HELP("x w + b: x (..., in), w {in, out}, b {out} or nil"))
ag_var *ag_linear(ag_var *x, ag_var *w, ag_var *b) { return APPLY(linear, NULL, x, w, b); }

/* Rows (n, k) to mean 0 and variance 1; with d = x - mean, r = 1 / sqrt(mean(d^2) + epsilon), y = d r:
 * dx = r (g - mean(g) - y mean(g y)) */
FORWARD(normalize_rows) { return nn_normalize_rows(x[0], a[0].number); }
VJP(normalize_rows) {
  const nn_ints last = NN_INTS(2);
  ag_var *d = ag_sub(x[0], ag_mean(x[0], last, true));
  ag_var *r = ag_rsqrt(ag_add(ag_mean(ag_square(d), last, true), ag_number(a[0].number))), *rows = ag_mul(d, r);
  ag_var *along = ag_mul(rows, ag_mean(ag_mul(g, rows), last, true));
  WANT(0) = ag_mul(r, ag_sub(ag_sub(g, ag_mean(g, last, true)), along));
}
DERIVATIVE(normalize_rows, 1, .needs = {X0}, ATTR({"epsilon", AG_NUMBER, true, 0}))

/* The dimensions named in axis (flagged) moved to the end, and the order that moves them back. */
static void axis_order(int n, const bool *flagged, nn_ints *there, nn_ints *back) {
  there->n = back->n = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < n; i++)
      if (flagged[i] == (pass == 1)) there->v[there->n++] = i + 1;
  back->n = n;
  for (int i = 0; i < n; i++) back->v[there->v[i] - 1] = i + 1;
}

/* gamma and beta have the sizes of the axis dimensions, and must line up with them under broadcasting. */
static ag_var *aligned(ag_var *p, const nn_shape *shape, const bool *flagged) {
  if (!p) return NULL;
  nn_shape full = *shape;
  for (int i = 0; i < full.rank; i++)
    if (!flagged[i]) full.dim[i] = 1;
  return ag_reshape(p, full);
}

COMPOSE(layer_norm) {
  const nn_shape shape = x[0]->value->shape;
  bool flagged[NN_MAX_RANK];
  const nn_ints axis = a[0].ints.n ? a[0].ints : NN_INTS(-1);
  if (!nn_dims("layer_norm", &shape, &axis, flagged)) return NULL;
  nn_ints there, back;
  axis_order(shape.rank, flagged, &there, &back);
  int64_t k = 1;
  for (int i = 0; i < shape.rank; i++) k *= flagged[i] ? shape.dim[i] : 1;
  ag_var *moved = ag_permute(ag_to(x[0], nn_floating(x[0]->value->dtype)), there);
  if (!moved) return NULL;
  ag_var *flattened = ag_reshape(moved, NN_SHAPE(k ? moved->value->numel / k : 0, k));
  ag_var *rows = APPLY(normalize_rows, ATTRS({.number = a[1].number}), flattened);
  ag_var *y = ag_permute(ag_reshape(rows, moved->value->shape), back);
  if (n > 1 && x[1]) y = ag_mul(y, aligned(x[1], &shape, flagged));
  if (n > 2 && x[2]) y = ag_add(y, aligned(x[2], &shape, flagged));
  return y;
}
COMPOSED(layer_norm, 3, .optional = 2, ATTR({"axis", AG_DIMS, false, 0}, {"epsilon", AG_NUMBER, false, 1e-3}),
         HELP("gamma (x - mean) / sqrt(var + epsilon) + beta over axis, the last by default (Ba et al. 2016)"))
ag_var *ag_layer_norm(ag_var *x, ag_var *gamma, ag_var *beta, double epsilon) {
  return APPLY(layer_norm, ATTRS({.ints = NN_INTS(-1)}, {.number = epsilon}), x, gamma, beta);
}
