/* Losses: a value for each sample from y (the truth) and p (the prediction) of one shape and float dtype, the formula
 * above each. Regression losses and binary ones are means over the last dimension, categorical ones sums. */
#include "crossentropy.h"
#include "losses.h"
#include "declare.h"

#define LOSS(name) static ag_var *name##_of(ag_var *y, ag_var *p, MAYBE_UNUSED const ag_value *o)

static const double epsilon = 1e-7;

/* A mean of one is the one: a view. */
static ag_var *mean_over(ag_var *x, int64_t axis) {
  if (!x || (!x->value->shape.rank && axis == -1)) return x;
  const nn_shape *shape = &x->value->shape;
  const bool one = axis == -1 && shape->dim[shape->rank - 1] == 1;
  return one ? ag_squeeze(x, NN_INTS(-1)) : ag_mean(x, NN_INTS(axis), false);
}
static ag_var *mean_last(ag_var *x) { return mean_over(x, -1); }
static ag_var *above(ag_var *x, double least) { return ag_clamp(x, least, INFINITY); }

/* Regression */

LOSS(mean_squared_error)  { return mean_last(ag_square(ag_sub(y, p))); }
LOSS(mean_absolute_error) { return mean_last(ag_abs(ag_sub(y, p))); }

/* 100 mean |(y - p) / max(|y|, epsilon)| */
LOSS(mean_absolute_percentage_error) {
  return times(mean_last(ag_abs(ag_div(ag_sub(y, p), above(ag_abs(y), epsilon)))), 100);
}

/* mean (ln(max(p, epsilon) + 1) - ln(max(y, epsilon) + 1))^2 */
LOSS(mean_squared_logarithmic_error) {
  return mean_last(ag_square(ag_sub(ag_log1p(above(p, epsilon)), ag_log1p(above(y, epsilon)))));
}

/* mean {e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2}: with c = min(|e|, delta) both are c (|e| - c / 2) */
LOSS(huber) {
  ag_var *size = ag_abs(ag_sub(y, p)), *c = ag_clamp(size, -INFINITY, o[0].number);
  return mean_last(ag_mul(c, ag_sub(size, times(c, 0.5))));
}

/* mean ln(cosh(e)) = mean (e + softplus(-2 e) - ln 2), e = p - y */
LOSS(log_cosh) {
  ag_var *e = ag_sub(p, y);
  return mean_last(plus(ag_add(e, ag_softplus(times(e, -2))), -M_LN2));
}

/* mean (p - y ln(p + epsilon)) */
LOSS(poisson) { return mean_last(ag_sub(p, ag_mul(y, ag_log(plus(p, epsilon))))); }

/* sum y ln(y / p), both kept within epsilon..1 */
LOSS(kl_divergence) {
  ag_var *q = ag_clamp(y, epsilon, 1), *r = ag_clamp(p, epsilon, 1);
  return ag_sum(ag_mul(q, ag_log(ag_div(q, r))), NN_INTS(-1), false);
}

/* x / max(|x|, epsilon) along axis */
static ag_var *normalized(ag_var *x, int64_t axis) {
  return ag_mul(x, ag_rsqrt(above(ag_sum(ag_square(x), NN_INTS(axis), true), epsilon * epsilon)));
}

/* -cos of the angle between y and p, 0 where one of them is 0 */
LOSS(cosine_similarity) {
  const int64_t axis = o[0].integer;
  return ag_neg(ag_sum(ag_mul(normalized(y, axis), normalized(p, axis)), NN_INTS(axis), false));
}

/* Labels of -1 and 1; where all are 0 or 1, those become -1 and 1. */
static ag_var *signs(ag_var *y) {
  ag_var *binary = ag_all(ag_add(ag_eq(y, ag_number(0)), ag_eq(y, ag_number(1))), NN_ALL, false);
  if (!binary) return NULL;
  return nn_item(binary->value) != 0 ? plus(times(y, 2), -1) : y;
}
static ag_var *margin(ag_var *y, ag_var *p) { return ag_relu(minus_from(1, ag_mul(signs(y), p))); }

/* mean max(1 - y p, 0), and of its square */
LOSS(hinge)         { return mean_last(margin(y, p)); }
LOSS(squared_hinge) { return mean_last(ag_square(margin(y, p))); }

/* max(max((1 - y) p) - sum(y p) + 1, 0) */
LOSS(categorical_hinge) {
  ag_var *right = ag_sum(ag_mul(y, p), NN_INTS(-1), false);
  ag_var *wrong = ag_amax(ag_mul(minus_from(1, y), p), NN_INTS(-1), false);
  return ag_relu(plus(ag_sub(wrong, right), 1));
}

/* Classification */

/* y (1 - s) + s / k, for k classes */
static ag_var *smoothed(ag_var *y, double s, double k) { return s == 0 ? y : plus(times(y, 1 - s), s / k); }

static ag_var *kept_off_0_and_1(ag_var *p) { return ag_clamp(p, epsilon, 1 - epsilon); }

/* -y ln(p) - (1 - y) ln(1 - p), element by element; p are logits or probabilities */
static ag_var *binary_entropy(ag_var *y, ag_var *p, bool from_logits) {
  if (from_logits) return ag_binary_crossentropy_logits(p, y);
  p = kept_off_0_and_1(p);
  ag_var *yes = ag_mul(y, ag_log(p)), *no = ag_mul(minus_from(1, y), ag_log1p(ag_neg(p)));
  return ag_neg(ag_add(yes, no));
}

enum { FROM_LOGITS, LABEL_SMOOTHING, AXIS_OF, IGNORE_CLASS = 1 };        /* options of all crossentropies */

LOSS(binary_crossentropy) {
  y = smoothed(y, o[LABEL_SMOOTHING].number, 2);
  return mean_over(binary_entropy(y, p, o[FROM_LOGITS].flag), o[AXIS_OF].integer);
}

/* mean ((1 - p_t)^gamma bce), p_t = y p + (1 - y)(1 - p); balanced: times y alpha + (1 - y)(1 - alpha) (Lin 2017) */
enum { BALANCED = 3, BINARY_ALPHA, BINARY_GAMMA };
LOSS(binary_focal_crossentropy) {
  y = smoothed(y, o[LABEL_SMOOTHING].number, 2);
  const double alpha = o[BINARY_ALPHA].number;
  ag_var *entropy = binary_entropy(y, p, o[FROM_LOGITS].flag), *q = o[FROM_LOGITS].flag ? ag_sigmoid(p) : p;
  ag_var *miss = ag_add(ag_mul(y, minus_from(1, q)), ag_mul(minus_from(1, y), q));        /* 1 - p_t */
  ag_var *value = ag_mul(ag_pow(miss, ag_number(o[BINARY_GAMMA].number)), entropy);
  if (o[BALANCED].flag) value = ag_mul(value, plus(times(y, 2 * alpha - 1), 1 - alpha));
  return mean_over(value, o[AXIS_OF].integer);
}

static double classes(const ag_var *y, int64_t axis) {
  const int at = nn_dim("categorical_crossentropy", &y->value->shape, axis);
  return at < 0 ? 1 : (double)y->value->shape.dim[at];
}

/* ln of probabilities along axis: of a softmax, or of p / sum(p) kept off 0 and 1 */
static ag_var *log_probabilities(ag_var *p, bool from_logits, int64_t axis) {
  if (from_logits) return ag_log_softmax(p, axis);
  return ag_log(kept_off_0_and_1(ag_div(p, ag_sum(p, NN_INTS(axis), true))));
}

/* -sum y ln(p) */
LOSS(categorical_crossentropy) {
  const int64_t axis = o[AXIS_OF].integer;
  y = smoothed(y, o[LABEL_SMOOTHING].number, classes(y, axis));
  return ag_neg(ag_sum(ag_mul(y, log_probabilities(p, o[FROM_LOGITS].flag, axis)), NN_INTS(axis), false));
}

/* -sum alpha (1 - p)^gamma y ln(p) */
enum { CATEGORICAL_ALPHA = 3, CATEGORICAL_GAMMA };
LOSS(categorical_focal_crossentropy) {
  const int64_t axis = o[AXIS_OF].integer;
  y = smoothed(y, o[LABEL_SMOOTHING].number, classes(y, axis));
  ag_var *logs = log_probabilities(p, o[FROM_LOGITS].flag, axis);
  ag_var *factor = ag_pow(minus_from(1, ag_exp(logs)), ag_number(o[CATEGORICAL_GAMMA].number));
  return times(ag_sum(ag_mul(factor, ag_mul(y, logs)), NN_INTS(axis), false), -o[CATEGORICAL_ALPHA].number);
}

/* Labels: {N} beside {N, K}, and {N, 1} is the same. */
static ag_var *labels_of(ag_var *y, const ag_var *p) {
  const nn_shape *s = &y->value->shape;
  return s->rank && s->rank == p->value->shape.rank && s->dim[s->rank - 1] == 1 ? ag_squeeze(y, NN_INTS(-1)) : y;
}

/* p with axis moved to the end */
static ag_var *classes_last(ag_var *p, int axis) {
  nn_ints order = NN_ALL;
  for (int i = 0; i < p->value->shape.rank; i++)
    if (i != axis) order.v[order.n++] = i + 1;
  order.v[order.n++] = axis + 1;
  return axis == order.n - 1 ? p : ag_permute(p, order);
}

/* Labels as int64 of the shape that p has without its classes (the last dimension); -1 for those that are ignored. */
static ag_var *checked_labels(ag_var *y, const ag_var *p, int64_t ignored) {
  nn_shape wanted = p->value->shape;
  const int64_t k = wanted.dim[--wanted.rank];
  ag_var *labels = labels_of(y, p);
  const int64_t *left_out = ignored == AG_NIL ? NULL : &ignored;
  if (labels && nn_shape_equal(&labels->value->shape, &wanted))
    return ag_constant(nn_labels("sparse_categorical_crossentropy", labels->value, k, left_out));
  const bool one_hot = labels && nn_shape_equal(&labels->value->shape, &p->value->shape);
  return nn_fail("sparse_categorical_crossentropy: labels of shape %s are expected for y_pred %s; got %s%s",
                 nn_shape_text(&wanted).s, nn_shape_text(&p->value->shape).s, nn_shape_text(&y->value->shape).s,
                 one_hot ? " (one-hot rows go with categorical_crossentropy)" : "");
}

/* -ln(p[label]), p probabilities after division by their sum; 0 where the label is -1 */
static ag_var *picked_entropy(ag_var *p, ag_var *labels) {
  ag_var *counts = ag_ge(labels, ag_integer(0));
  ag_var *position = ag_unsqueeze(ag_add(ag_mul(labels, counts), ag_integer(1)), -1);
  ag_var *share = ag_div(ag_gather(p, -1, position), ag_sum(p, NN_INTS(-1), true));
  return ag_where(counts, ag_neg(ag_log(kept_off_0_and_1(ag_squeeze(share, NN_INTS(-1))))), ag_number(0));
}

LOSS(sparse_categorical_crossentropy) {
  const int axis = nn_dim("sparse_categorical_crossentropy", &p->value->shape, o[AXIS_OF].integer);
  ag_var *z = axis < 0 ? NULL : classes_last(p, axis);
  ag_var *labels = z ? checked_labels(y, z, o[IGNORE_CLASS].integer) : NULL;
  return o[FROM_LOGITS].flag ? ag_sparse_crossentropy(z, labels) : labels ? picked_entropy(z, labels) : NULL;
}

static ag_var *not_ignored(ag_var *y, ag_var *p, const ag_value *o) {
  const int64_t ignored = o[IGNORE_CLASS].integer;
  return ignored == AG_NIL ? NULL : ag_to(ag_ne(labels_of(y, p), ag_integer(ignored)), nn_floating(p->value->dtype));
}

#define ROW(name_, class_, help_, ...) \
  {.name = #name_, .class_name = class_, .per_sample = name_##_of, .help = help_, __VA_ARGS__}
#define LOGITS OPTION(FLAG, "from_logits", "y_pred are logits, before the sigmoid or softmax")
#define SMOOTHING OPTION(NUMBER, "label_smoothing", "part of the truth spread over all classes", WITHIN(0, 1))
#define ALPHA OPTION(NUMBER, "alpha", "weight of the class", .value = 0.25)
#define GAMMA OPTION(NUMBER, "gamma", "how much easy samples lose", .value = 2, AT_LEAST(0))
#define CLASSES AXIS("dimension of the classes")

const ag_loss ag_losses[] = {
  ROW(mean_squared_error, "MeanSquaredError", "mean (y - p)^2", .alias = "mse"),
  ROW(mean_absolute_error, "MeanAbsoluteError", "mean |y - p|", .alias = "mae"),
  ROW(mean_absolute_percentage_error, "MeanAbsolutePercentageError", "100 mean |(y - p) / y|", .alias = "mape"),
  ROW(mean_squared_logarithmic_error, "MeanSquaredLogarithmicError", "mean (ln(p + 1) - ln(y + 1))^2", .alias = "msle"),
  ROW(huber, "Huber", "mean e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), with e = y - p",
      OPTIONS(OPTION(NUMBER, "delta", "where an error is large", .value = 1, AT_LEAST(0)))),
  ROW(log_cosh, "LogCosh", "mean ln(cosh(p - y))", .alias = "logcosh"),
  ROW(kl_divergence, "KLDivergence", "sum y ln(y / p)", .alias = "kld"),
  ROW(poisson, "Poisson", "mean (p - y ln p)"),
  ROW(cosine_similarity, "CosineSimilarity", "-cos of the angle between y and p",
      OPTIONS(AXIS("dimension of the vectors"))),
  ROW(hinge, "Hinge", "mean max(1 - y p, 0), labels -1 and 1"),
  ROW(squared_hinge, "SquaredHinge", "mean max(1 - y p, 0)^2, labels -1 and 1"),
  ROW(categorical_hinge, "CategoricalHinge", "max(max((1 - y) p) - sum(y p) + 1, 0), y one-hot"),
  ROW(binary_crossentropy, "BinaryCrossentropy", "mean (-y ln p - (1 - y) ln(1 - p))", .alias = "bce",
      .behind = "sigmoid",
      OPTIONS(LOGITS, SMOOTHING, AXIS("dimension of the mean"))),
  ROW(categorical_crossentropy, "CategoricalCrossentropy", "-sum y ln p, y one-hot", .behind = "softmax",
      OPTIONS(LOGITS, SMOOTHING, CLASSES)),
  ROW(sparse_categorical_crossentropy, "SparseCategoricalCrossentropy", "-ln p[y], y labels from 0",
      .behind = "softmax", .sparse = true, .counted = not_ignored,
      OPTIONS(LOGITS, OPTION(INTEGER, "ignore_class", "label of those that do not count", .optional = true), CLASSES)),
  ROW(binary_focal_crossentropy, "BinaryFocalCrossentropy", "binary_crossentropy times (1 - p_t)^gamma",
      .behind = "sigmoid",
      OPTIONS(LOGITS, SMOOTHING, AXIS("dimension of the mean"),
              OPTION(FLAG, "apply_class_balancing", "weigh class 1 by alpha, class 0 by 1 - alpha"), ALPHA, GAMMA)),
  ROW(categorical_focal_crossentropy, "CategoricalFocalCrossentropy", "-sum alpha (1 - p)^gamma y ln p, y one-hot",
      .behind = "softmax",
      OPTIONS(LOGITS, SMOOTHING, CLASSES, ALPHA, GAMMA)),
  {.name = NULL},
};
