/* Activations: y of x's shape (glu: half of it), the formula above each. Where several ops would do as well, the form
 * is the one that lets NaN through and keeps gradients finite. */
#include <string.h>

#include "declare.h"

#define ACTIVATION(name) static ag_var *name##_of(MAYBE_UNUSED ag_var *x, MAYBE_UNUSED const ag_value *o)
#define PLAIN_ACTIVATION(name, op) ACTIVATION(name) { return ag_##op(x); }

ag_var *ag_activate(const ag_function *f, ag_var *x) {
  if (!f || !x) return x;
  return f->activation ? f->activation->apply(x, f->value) : f->call(f->user, x);
}

const ag_activation *ag_activation_named(const char *name) {
  for (const ag_activation *row = ag_activations; row->name; row++)
    if (!strcmp(row->name, name) || (row->alias && !strcmp(row->alias, name))) return row;
  return NULL;
}

/* Those that are ops: autograd.h and core's elementwise.h have the formulas. */
ACTIVATION(linear) { return x; }
PLAIN_ACTIVATION(sigmoid, sigmoid)
PLAIN_ACTIVATION(tanh, tanh)
PLAIN_ACTIVATION(log_sigmoid, log_sigmoid)
PLAIN_ACTIVATION(softplus, softplus)
PLAIN_ACTIVATION(softsign, softsign)
PLAIN_ACTIVATION(exponential, exp)
PLAIN_ACTIVATION(selu, selu)
PLAIN_ACTIVATION(silu, silu)
PLAIN_ACTIVATION(mish, mish)
PLAIN_ACTIVATION(hard_sigmoid, hard_sigmoid)
ACTIVATION(leaky_relu) { return ag_leaky_relu(x, o[0].number); }
ACTIVATION(elu) { return ag_elu(x, o[0].number); }
ACTIVATION(gelu) { return ag_gelu(x, o[0].flag); }
ACTIVATION(softmax) { return ag_softmax(x, o[0].integer); }
ACTIVATION(log_softmax) { return ag_log_softmax(x, o[0].integer); }

/* slope (x - threshold) for x <= threshold, else x, which max_value keeps within 0..max_value */
ACTIVATION(relu) {
  const double slope = o[0].number, max = o[1].number, threshold = o[2].number;
  if (threshold == 0 && is_nil(max)) return slope == 0 ? ag_relu(x) : ag_leaky_relu(x, slope);
  ag_var *below = slope == 0 ? ag_number(0) : times(plus(x, -threshold), slope);
  ag_var *above = is_nil(max) ? x : ag_clamp(x, 0, max);
  return ag_where(ag_le(x, ag_number(threshold)), below, above);
}

/* min(max(0, x), 6) */
ACTIVATION(relu6) { return ag_clamp(ag_relu(x), -INFINITY, 6); }

/* max(0, x) + min(0, alpha (e^(x / alpha) - 1)) */
ACTIVATION(celu) {
  const double alpha = o[0].number;
  return times(ag_elu(ag_div(x, ag_number(alpha)), 1), alpha);
}

/* x hard_sigmoid(x) */
ACTIVATION(hard_silu) { return ag_mul(x, ag_hard_sigmoid(x)); }

/* x kept within -1..1 */
ACTIVATION(hard_tanh) { return ag_clamp(x, -1, 1); }

/* x where |x| > threshold, else 0 */
ACTIVATION(hard_shrink) { return ag_where(ag_le(ag_abs(x), ag_number(o[0].number)), ag_number(0), x); }

/* x moved towards 0 by threshold, 0 within it */
ACTIVATION(soft_shrink) { return ag_sub(x, ag_clamp(x, -o[0].number, o[0].number)); }

ACTIVATION(tanh_shrink) { return ag_sub(x, ag_tanh(x)); }

/* (x + sqrt(x^2 + b)) / 2 */
ACTIVATION(squareplus) { return times(ag_add(x, ag_sqrt(plus(ag_square(x), o[0].number))), 0.5); }

/* 0 for x <= -1, (x + 1)^2 / 4 up to 1, then x */
ACTIVATION(sparse_plus) {
  ag_var *bend = times(ag_square(plus(ag_clamp(x, -1, 1), 1)), 0.25);
  return ag_add(bend, ag_relu(plus(x, -1)));
}

/* (x + 1) / 2 kept within 0..1 */
ACTIVATION(sparse_sigmoid) { return ag_clamp(times(plus(x, 1), 0.5), 0, 1); }

/* x where x > threshold, else default_value */
ACTIVATION(threshold) { return ag_where(ag_le(x, ag_number(o[0].number)), ag_number(o[1].number), x); }

/* a sigmoid(b), where a and b are x's halves along axis (Dauphin et al. 2016) */
ACTIVATION(glu) {
  const int axis = x ? nn_dim("glu", &x->value->shape, o[0].integer) : -1;
  if (axis < 0) return NULL;
  const int64_t half = x->value->shape.dim[axis] / 2;
  if (x->value->shape.dim[axis] != 2 * half || !half)
    return nn_fail("glu: dimension %d of %s has no two halves", axis + 1, nn_shape_text(&x->value->shape).s);
  nn_range first[NN_MAX_RANK] = {{0}}, second[NN_MAX_RANK] = {{0}};
  first[axis] = (nn_range){1, half, false};
  second[axis] = (nn_range){half + 1, 2 * half, false};
  return ag_mul(ag_slice("glu", x, axis + 1, first), ag_sigmoid(ag_slice("glu", x, axis + 1, second)));
}

/* 1, 2 .. k along the 0-based axis of a tensor of this rank */
static ag_var *counting(nn_dtype dtype, int rank, int axis, int64_t k) {
  nn_shape shape = {rank, {1, 1, 1, 1, 1, 1, 1, 1}};
  shape.dim[axis] = k;
  return ag_constant(nn_reshape(nn_arange(dtype, 1, (double)k, 1), shape));
}

/* max(x - tau, 0), the nearest point with sum 1. With x sorted, largest first, the support are the first k for which
 * 1 + k x_k > x_1 + ... + x_k, and tau = (their sum - 1) / k (Martins & Astudillo 2016, algorithm 1). */
ACTIVATION(sparsemax) {
  const int axis = x ? nn_dim("sparsemax", &x->value->shape, o[0].integer) : -1;
  if (axis < 0) return NULL;
  const nn_ints along = NN_INTS(axis + 1);
  ag_var *positions, *sorted = ag_sort(ag_to(x, nn_floating(x->value->dtype)), axis + 1, true, &positions);
  if (!sorted) return NULL;
  const nn_tensor *s = sorted->value;
  ag_var *rank = counting(s->dtype, s->shape.rank, axis, s->shape.dim[axis]);
  ag_var *inside = ag_gt(plus(ag_mul(rank, sorted), 1), ag_cumsum(sorted, axis + 1));
  ag_var *sum = ag_sum(ag_where(inside, sorted, ag_number(0)), along, true);
  return ag_relu(ag_sub(x, ag_div(plus(sum, -1), ag_sum(inside, along, true))));
}

#define ROW(name_, help_, ...) {.name = #name_, .apply = name_##_of, .help = help_, __VA_ARGS__}
#define ALPHA OPTION(NUMBER, "alpha", "scale of the part below 0", .value = 1)
#define SHRINK OPTION(NUMBER, "threshold", "what lies within becomes 0", .value = 0.5, AT_LEAST(0))

const ag_activation ag_activations[] = {
  ROW(linear, "x itself"),
  ROW(relu, "max(0, x)",
      OPTIONS(OPTION(NUMBER, "negative_slope", "slope up to the threshold"),
              OPTION(NUMBER, "max_value", "upper bound", .optional = true, AT_LEAST(0)),
              OPTION(NUMBER, "threshold", "where x begins to pass"))),
  ROW(leaky_relu, "x where x > 0, else slope x",
      OPTIONS(OPTION(NUMBER, "negative_slope", "slope below 0", .value = 0.2))),
  ROW(relu6, "max(0, x), at most 6"),
  ROW(sigmoid, "1 / (1 + e^-x)"),
  ROW(tanh, "hyperbolic tangent"),
  ROW(softmax, "e^x / sum(e^x) along axis", OPTIONS(AXIS("dimension whose elements sum to 1"))),
  ROW(log_softmax, "ln(softmax(x))", OPTIONS(AXIS("dimension of the softmax"))),
  ROW(log_sigmoid, "ln(sigmoid(x))"),
  ROW(softplus, "ln(1 + e^x)"),
  ROW(softsign, "x / (1 + |x|)"),
  ROW(exponential, "e^x"),
  ROW(elu, "x where x > 0, else alpha (e^x - 1)", OPTIONS(ALPHA)),
  ROW(selu, "1.0507 x where x > 0, else 1.7581 (e^x - 1)"),
  ROW(celu, "x where x > 0, else alpha (e^(x / alpha) - 1)", OPTIONS(ALPHA)),
  ROW(silu, "x sigmoid(x)", .alias = "swish"),
  ROW(gelu, "x Phi(x)", OPTIONS(OPTION(FLAG, "approximate", "by tanh instead of erf"))),
  ROW(mish, "x tanh(softplus(x))"),
  ROW(hard_sigmoid, "x / 6 + 1/2 kept within 0..1"),
  ROW(hard_silu, "x hard_sigmoid(x)", .alias = "hard_swish"),
  ROW(hard_tanh, "x kept within -1..1"),
  ROW(hard_shrink, "x, but 0 within the threshold", OPTIONS(SHRINK)),
  ROW(soft_shrink, "x moved towards 0 by the threshold", OPTIONS(SHRINK)),
  ROW(tanh_shrink, "x - tanh(x)"),
  ROW(squareplus, "(x + sqrt(x^2 + b)) / 2", OPTIONS(OPTION(NUMBER, "b", "smoothness", .value = 4, AT_LEAST(0)))),
  ROW(sparse_plus, "0 up to -1, (x + 1)^2 / 4 up to 1, then x"),
  ROW(sparse_sigmoid, "(x + 1) / 2 kept within 0..1"),
  ROW(sparsemax, "the nearest point whose elements sum to 1", OPTIONS(AXIS("dimension whose elements sum to 1"))),
  ROW(threshold, "x where x > threshold, else default_value",
      OPTIONS(OPTION(NUMBER, "threshold", "where x begins to pass", .required = true),
              OPTION(NUMBER, "default_value", "what stands for the rest", .required = true))),
  ROW(glu, "half of x times the sigmoid of the other half", OPTIONS(AXIS("dimension that is halved"))),
  {.name = NULL},
};
