/* Linear algebra, and the layers' own products. */
#include "derivatives.h"

static int rank(const ag_var *x) { return x->value->shape.rank; }
static bool matrix(const nn_shape shape) { return shape.rank == 2; }
static ag_var *swapped(ag_var *x) { return ag_transpose(x, -1, -2); }
static ag_var *flat(ag_var *x) {
  int64_t rows = 1;
  for (int i = 0; i < rank(x) - 1; i++) rows *= x->value->shape.dim[i];
  return ag_reshape(x, NN_SHAPE(rows, x->value->shape.dim[rank(x) - 1]));
}

/* A' B' of two matrices, where ' means transposed if the flag beside it says so: a gradient without the views that it
 * would take otherwise. With C = A' B': dA' = G B'^T, dB' = A'^T G, which are such products again. */
static ag_var *product(ag_var *a, bool a_transposed, ag_var *b, bool b_transposed);
FORWARD(matmul_t) { return nn_matmul_t(x[0], a[0].flag, x[1], a[1].flag); }
VJP(matmul_t) {
  const bool ta = a[0].flag, tb = a[1].flag;
  WANT(0) = ta ? product(x[1], tb, g, true) : product(g, false, x[1], !tb);
  WANT(1) = tb ? product(g, true, x[0], ta) : product(x[0], !ta, g, false);
}
DERIVATIVE(matmul_t, 2, .needs = {X1, X0}, ATTR({"a_transposed", AG_FLAG, true, 0}, {"b_transposed", AG_FLAG, true, 0}))
static ag_var *product(ag_var *a, bool a_transposed, ag_var *b, bool b_transposed) {
  return APPLY(matmul_t, ATTRS({.flag = a_transposed}, {.flag = b_transposed}), a, b);
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
  if (rank_b == 2 && rank(a) > 2) return product(flat(a), true, flat(G), false);
  ag_var *db = ag_matmul(swapped(as_row(a)), G);
  return rank_b == 1 ? ag_squeeze(db, NN_INTS(-1)) : db;
}

FORWARD(matmul) { return nn_matmul(x[0], x[1]); }
VJP(matmul) {
  if (matrix(SHAPE(0)) && matrix(SHAPE(1))) {
    WANT(0) = product(g, false, x[1], true);
    WANT(1) = product(x[0], true, g, false);
    return;
  }
  ag_var *G = undropped(g, SHAPE(0).rank, SHAPE(1).rank);
  WANT(0) = left_gradient(G, x[1]);
  WANT(1) = right_gradient(G, x[0], SHAPE(1).rank);
}
BINARY(matmul, .needs = {X1, X0}, HELP("(..., m, k) x (..., k, n) -> (..., m, n); rank 1 acts as a row or a column"))

static bool vectors(const char *call, ag_var *const *x) {
  if (rank(x[0]) == 1 && rank(x[1]) == 1) return true;
  return nn_fail("%s: takes two tensors of rank 1; got %s and %s", call, nn_shape_text(&x[0]->value->shape).s,
                 nn_shape_text(&x[1]->value->shape).s);
}

COMPOSE(dot) { return vectors("dot", x) ? ag_matmul(x[0], x[1]) : NULL; }
COMPOSED(dot, 2, HELP("sum(x * y) of two vectors"))
ag_var *ag_dot(ag_var *a, ag_var *b) { return APPLY(dot, NULL, a, b); }

COMPOSE(outer) { return vectors("outer", x) ? ag_mul(ag_unsqueeze(x[0], 2), ag_unsqueeze(x[1], 1)) : NULL; }
COMPOSED(outer, 2, HELP("(m), (n) -> (m, n): every product of two elements"))
ag_var *ag_outer(ag_var *a, ag_var *b) { return APPLY(outer, NULL, a, b); }

/* y = x w + b over the last dimension: dx = g w^T, dw = x^T g, db = g (summed by the engine) */
FORWARD(linear) { return nn_linear(x[0], x[1], n > 2 ? x[2] : NULL); }
VJP(linear) {
  WANT(0) = ag_reshape(product(flat(g), false, x[1], true), SHAPE(0));
  WANT(1) = product(flat(x[0]), true, flat(g), false);
  WANT(2) = g;
}
OP(linear, 3, .optional = 1, .needs = {X1, X0}, INPUTS("x, w, b"),
   HELP("x w + b: x (..., in), w {in, out}, b {out} or nil"))
ag_var *ag_linear(ag_var *x, ag_var *w, ag_var *b) { return APPLY(linear, NULL, x, w, b); }
