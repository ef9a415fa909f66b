/* Normalization: of each sample (layer norm) and of each feature over the samples (batch norm). The input becomes a
 * matrix whose rows, or columns, are normalized by a fused kernel. */
#include "derivatives.h"

static const nn_shape *shape_of(const ag_var *x) { return &x->value->shape; }
static nn_tensor *value_of(const ag_var *x) { return x ? x->value : NULL; }

/* y = h gamma + beta, h = d r, d = x - mean, r = 1 / sqrt(mean(d^2) + epsilon), means over dim; with G = g gamma:
 * dx = r (G - mean(G) - h mean(G h)), dgamma = g h, dbeta = g. As ops, where the gradient is recorded. */
static void recorded_vjp(const ag_node *node, ag_var *g, ag_var *const *x, int64_t dim, double epsilon, ag_var **dx) {
  const nn_ints over = NN_INTS(dim);
  ag_var *d = ag_sub(x[0], ag_mean(x[0], over, true));
  ag_var *r = ag_rsqrt(ag_add(ag_mean(ag_square(d), over, true), ag_number(epsilon))), *h = ag_mul(d, r);
  ag_var *scaled = x[1] ? ag_mul(g, x[1]) : g, *along = ag_mul(h, ag_mean(ag_mul(scaled, h), over, true));
  WANT(0) = ag_mul(r, ag_sub(ag_sub(scaled, ag_mean(scaled, over, true)), along));
  WANT(1) = ag_mul(g, h);
  WANT(2) = g;
}

/* What a kernel gave for all three at once. */
static void hand_out(const ag_node *node, nn_tensor *of_x, nn_tensor *const sums[2], ag_var **dx) {
  WANT(0) = ag_constant(of_x);
  WANT(1) = ag_constant(sums[0]);
  WANT(2) = ag_constant(sums[1]);
}

static bool only_beta(const ag_node *node) { return !ag_wants(node, 0) && !ag_wants(node, 1); }

/* x (n, k), gamma (k), beta (k): each row */
FORWARD(normalize_rows) { return nn_normalize_rows(x[0], x[1], x[2], a[0].number); }
VJP(normalize_rows) {
  nn_tensor *sums[2];
  if (only_beta(node)) dx[2] = g;
  else if (nn_recording()) recorded_vjp(node, g, x, 2, a[0].number, dx);
  else {
    nn_tensor *of_x = nn_normalize_rows_grad(g->value, x[0]->value, value_of(x[1]), a[0].number, sums);
    hand_out(node, of_x, sums, dx);
  }
}
DERIVATIVE(normalize_rows, 3, .optional = 2, .needs = {X0 | X1, X0}, ATTR({"epsilon", AG_NUMBER, true, 0}))

/* The same for each column. moments: those of x, where they are known already; x alone decides. */
FORWARD(normalize_columns) {
  return nn_normalize_columns(x[0], x[3] ? x[3] : nn_column_moments(x[0]), x[1], x[2], a[0].number);
}
VJP(normalize_columns) {
  nn_tensor *sums[2];
  if (only_beta(node)) dx[2] = g;
  else if (nn_recording()) recorded_vjp(node, g, x, 1, a[0].number, dx);
  else {
    nn_tensor *moments = x[3] ? x[3]->value : nn_column_moments(x[0]->value);
    nn_tensor *of_x = nn_normalize_columns_grad(g->value, x[0]->value, moments, value_of(x[1]), a[0].number, sums);
    hand_out(node, of_x, sums, dx);
  }
}
DERIVATIVE(normalize_columns, 4, .optional = 3, .needs = {X0 | X1 | X3, X0 | X3},
           ATTR({"epsilon", AG_NUMBER, true, 0}))

/* y = (x - mean) scale + shift, of columns */
FORWARD(column_affine) { return nn_column_affine(x[0], x[1], x[2], x[3]); }
VJP(column_affine) {
  WANT(0) = ag_mul(g, x[2]);
  WANT(1) = ag_neg(ag_mul(ag_sum(g, NN_INTS(1), false), x[2]));
  WANT(2) = ag_mul(g, ag_sub(x[0], x[1]));
  WANT(3) = g;
}
DERIVATIVE(column_affine, 4, .optional = 1, .needs = {X2, X2, X0 | X1})

/* How a tensor became a matrix: the flagged dimensions last, and what leads back. */
typedef struct layout { nn_ints there, back; nn_shape shape; bool as_it_is; } layout;

static layout layout_of(const nn_shape *shape, const bool *flagged) {
  layout l = {.there = NN_ALL, .back = NN_ALL, .shape = {shape->rank, {0}}, .as_it_is = true};
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < shape->rank; i++)
      if (flagged[i] == (pass == 1)) l.there.v[l.there.n++] = i + 1;
  l.back.n = l.there.n;
  for (int i = 0; i < shape->rank; i++) {
    l.back.v[l.there.v[i] - 1] = i + 1;
    l.shape.dim[i] = shape->dim[l.there.v[i] - 1];
    l.as_it_is = l.as_it_is && l.there.v[i] == i + 1;
  }
  return l;
}

/* x as (numel / k, k), and back. */
static ag_var *to_matrix(ag_var *x, const layout *l, int64_t k) {
  if (!l->as_it_is) x = ag_permute(x, l->there);
  if (l->as_it_is && l->shape.rank == 2 && l->shape.dim[1] == k) return x;
  return x ? ag_reshape(x, NN_SHAPE(k ? x->value->numel / k : 0, k)) : NULL;
}
static ag_var *from_matrix(ag_var *y, const layout *l) {
  if (y && !nn_shape_equal(shape_of(y), &l->shape)) y = ag_reshape(y, l->shape);
  return l->as_it_is ? y : ag_permute(y, l->back);
}

/* The n inputs in the highest of their dtypes; one that is missing stays so. */
static bool in_one_dtype(int n, ag_var *const *x, ag_var **same) {
  nn_dtype dtype = NN_FLOAT32;
  for (int i = 0; i < n; i++)
    if (x[i] && x[i]->value->dtype > dtype && !x[i]->value->number) dtype = x[i]->value->dtype;
  for (int i = 0; i < n; i++) {
    same[i] = ag_to(x[i], dtype);
    if (x[i] && !same[i]) return false;
  }
  return true;
}

/* parameter as a vector of k; its size must be that. */
static bool as_vector(const char *call, const char *name, ag_var **parameter, int64_t k, const nn_shape *shape) {
  if (!*parameter) return true;
  if ((*parameter)->value->numel != k)
    return nn_fail("%s: %s has %lld elements, what is normalized of %s has %lld", call, name,
                   (long long)(*parameter)->value->numel, nn_shape_text(shape).s, (long long)k);
  if (shape_of(*parameter)->rank != 1) *parameter = ag_reshape(*parameter, NN_SHAPE(k));
  return *parameter != NULL;
}

COMPOSE(layer_norm) {
  const nn_shape shape = *shape_of(x[0]);
  const nn_ints axis = a[0].ints.n ? a[0].ints : NN_INTS(-1);
  ag_var *in[3], *given[3] = {x[0], n > 1 ? x[1] : NULL, n > 2 ? x[2] : NULL};
  bool flagged[NN_MAX_RANK];
  if (!nn_dims("layer_norm", &shape, &axis, flagged) || !in_one_dtype(3, given, in)) return NULL;
  const layout l = layout_of(&shape, flagged);
  int64_t k = 1;
  for (int i = 0; i < shape.rank; i++) k *= flagged[i] ? shape.dim[i] : 1;
  if (!as_vector("layer_norm", "gamma", &in[1], k, &shape) || !as_vector("layer_norm", "beta", &in[2], k, &shape))
    return NULL;
  ag_var *rows = to_matrix(in[0], &l, k);
  return from_matrix(APPLY(normalize_rows, ATTRS({.number = a[1].number}), rows, in[1], in[2]), &l);
}
COMPOSED(layer_norm, 3, .optional = 2, INPUTS("x, gamma, beta"),
         ATTR({"axis", AG_DIMS, false, 0}, {"epsilon", AG_NUMBER, false, 1e-3}),
         HELP("gamma (x - mean) / sqrt(var + epsilon) + beta over axis, the last by default (Ba et al. 2016)"))
ag_var *ag_layer_norm(ag_var *x, ag_var *gamma, ag_var *beta, nn_ints axis, double epsilon) {
  return APPLY(layer_norm, ATTRS({.ints = axis}, {.number = epsilon}), x, gamma, beta);
}

/* x with dimension axis last, as a matrix; false with an error */
static bool by_feature(ag_var **x, int64_t axis, layout *l, int64_t *k) {
  const nn_shape shape = *shape_of(*x);
  const int at = nn_dim("batch_norm", &shape, axis);
  bool flagged[NN_MAX_RANK] = {false};
  if (at < 0) return false;
  flagged[at] = true;
  *l = layout_of(&shape, flagged);
  *k = shape.dim[at];
  return (*x = to_matrix(*x, l, *k)) != NULL;
}

/* mean and variance given: gamma (x - mean) / sqrt(variance + epsilon) + beta. Neither: those of x, over all dimensions
 * but axis. */
COMPOSE(batch_norm) {
  static const char *const names[] = {"x", "gamma", "beta", "mean", "variance"};
  ag_var *in[5], *given[5] = {NULL};
  for (int i = 0; i < n; i++) given[i] = x[i];
  if (!given[3] != !given[4]) return nn_fail("batch_norm: mean and variance are given together, or neither");
  if (!given[3]) return ag_batch_norm_train(x[0], given[1], given[2], a[0].integer, a[1].number, NULL);
  layout l;
  int64_t k;
  if (!in_one_dtype(5, given, in) || !by_feature(&in[0], a[0].integer, &l, &k)) return NULL;
  for (int i = 1; i < 5; i++)
    if (!as_vector("batch_norm", names[i], &in[i], k, shape_of(x[0]))) return NULL;
  ag_var *scale = ag_rsqrt(ag_add(in[4], ag_number(a[1].number)));
  if (in[1]) scale = ag_mul(in[1], scale);
  return from_matrix(APPLY(column_affine, NULL, in[0], in[3], scale, in[2]), &l);
}
COMPOSED(batch_norm, 5, .optional = 4, INPUTS("x, gamma, beta, mean, variance"),
         ATTR({"axis", AG_DIM, false, -1}, {"epsilon", AG_NUMBER, false, 1e-3}),
         HELP("gamma (x - mean) / sqrt(variance + epsilon) + beta by feature; without mean and variance: those of x "
              "(Ioffe & Szegedy 2015)"))
ag_var *ag_batch_norm(ag_var *x, ag_var *gamma, ag_var *beta, ag_var *mean, ag_var *variance, int64_t axis,
                      double epsilon) {
  return APPLY(batch_norm, ATTRS({.integer = axis}, {.number = epsilon}), x, gamma, beta, mean, variance);
}

ag_var *ag_batch_norm_train(ag_var *x, ag_var *gamma, ag_var *beta, int64_t axis, double epsilon, nn_tensor **moments) {
  static const char call[] = "batch_norm";
  ag_var *in[3];
  layout l;
  int64_t k;
  if (!x || !in_one_dtype(3, (ag_var *[]){x, gamma, beta}, in) || !by_feature(&in[0], axis, &l, &k)) return NULL;
  if (!as_vector(call, "gamma", &in[1], k, shape_of(x))) return NULL;
  if (!as_vector(call, "beta", &in[2], k, shape_of(x))) return NULL;
  ag_var *known = ag_constant(nn_column_moments(in[0]->value));
  if (moments) *moments = value_of(known);
  if (!known) return NULL;
  return from_matrix(APPLY(normalize_columns, ATTRS({.number = epsilon}), in[0], in[1], in[2], known), &l);
}
