/* Layers of every network: Dense, shapes, scaling. Shapes are written with the batch N in front. ag_layer_call
 * has seen to the rank of the input. */
#include <inttypes.h>

#include "layers.h"

static const nn_shape *shape(const ag_var *x) { return &x->value->shape; }

/* Dense: y = activation(x W + b), x (N, ..., in) -> y (N, ..., units) */
enum { UNITS, DENSE_ACTIVATION, USE_BIAS };
enum { KERNEL, BIAS };

static int dense_build(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]) {
  const int64_t units = layer->option[UNITS].integer;
  weights[KERNEL] = (ag_weight){.name = "kernel", .shape = NN_SHAPE(input->dim[input->rank - 1], units)};
  if (!layer->option[USE_BIAS].flag) return 1;
  weights[BIAS] = (ag_weight){.name = "bias", .shape = NN_SHAPE(units)};
  return 2;
}
static int dense_activation(const ag_layer *layer) { return (void)layer, DENSE_ACTIVATION; }

CALL(dense) {
  const int64_t in = shape(layer->weight[KERNEL])->dim[0];
  if (shape(x)->dim[shape(x)->rank - 1] != in)
    return nn_fail("Dense: kernel expects %" PRId64 " inputs (last dimension); got %s", in, nn_shape_text(shape(x)).s);
  ag_var *y = ag_linear(x, layer->weight[KERNEL], layer->weight[BIAS]);
  return mode.logits ? y : ag_activate(layer->option[DENSE_ACTIVATION].function, y);
}

const ag_layer_class ag_layer_dense = {
  .name = "Dense", .help = "activation(x W + b): every output sees every input", .build = dense_build,
  .call = dense_call, .activation = dense_activation, .min_rank = 2, .positional = 1,
  OPTIONS(OPTION(INTEGER, "units", "number of outputs", .required = true, AT_LEAST(1)),
          OPTION(ACTIVATION, "activation", "applied to the outputs; nil: none", .optional = true),
          OPTION(FLAG, "use_bias", "add b", .value = true),
          OPTION(INITIALIZER, "kernel_initializer", "first values of W", .text = "glorot_uniform"),
          OPTION(INITIALIZER, "bias_initializer", "first values of b", .text = "zeros"),
          OPTION(REGULARIZER, "kernel_regularizer", "penalty on W", .optional = true),
          OPTION(REGULARIZER, "bias_regularizer", "penalty on b", .optional = true),
          OPTION(CONSTRAINT, "kernel_constraint", "what W is brought back to after each step", .optional = true),
          OPTION(CONSTRAINT, "bias_constraint", "what b is brought back to after each step", .optional = true)),
};

static int first_option(const ag_layer *layer) { return (void)layer, 0; }
CALL(activation) { return mode.logits ? x : ag_activate(layer->option[0].function, x); }
const ag_layer_class ag_layer_activation = {
  .name = "Activation", .help = "an activation as a layer", .call = activation_call, .activation = first_option,
  .positional = 1,
  OPTIONS(OPTION(ACTIVATION, "activation", "the activation", .required = true)),
};

CALL(identity) { return x; }
const ag_layer_class ag_layer_identity = {.name = "Identity", .help = "its input, unchanged", .call = identity_call};

/* How many elements a sample has; the batch may be empty. */
static int64_t sample_size(const nn_shape *of) {
  int64_t n = 1;
  for (int i = 1; i < of->rank; i++) n *= of->dim[i];
  return n;
}

/* (N, a, b, ...) -> (N, a b ...); (N) -> (N, 1) */
CALL(flatten) { return ag_reshape(x, NN_SHAPE(shape(x)->dim[0], sample_size(shape(x)))); }
const ag_layer_class ag_layer_flatten = {
  .name = "Flatten", .help = "every sample as one vector", .call = flatten_call, .min_rank = 1,
};

/* (N, ...) -> (N, target), where one size of target may be -1 */
CALL(reshape) {
  const nn_ints *target = &layer->option[0].ints;
  const int64_t size = sample_size(shape(x));
  nn_shape to = {1, {shape(x)->dim[0]}};
  int64_t known = 1, unknown = 0;
  if (target->n >= NN_MAX_RANK) return nn_fail("Reshape: at most 7 dimensions are expected; got %d", target->n);
  for (int i = 0; i < target->n; i++) {
    if (target->v[i] == -1) unknown = ++to.rank;
    else known *= to.dim[to.rank++] = target->v[i];
  }
  if (unknown && known > 0) known *= to.dim[unknown - 1] = size / known;
  if (known == size) return ag_reshape(x, to);
  return nn_fail("Reshape: the %" PRId64 " elements of a sample of %s do not make %s", size, nn_shape_text(shape(x)).s,
                 nn_ints_text(target).s);
}
const ag_layer_class ag_layer_reshape = {
  .name = "Reshape", .help = "every sample in another shape", .call = reshape_call, .min_rank = 1, .positional = 1,
  OPTIONS(OPTION(SHAPE, "target_shape", "without the batch; one size may be -1", .required = true, AT_LEAST(-1))),
};

/* (N, d1, d2, ...) -> (N, d[dims[1]], d[dims[2]], ...) */
CALL(permute) {
  const nn_ints *dims = &layer->option[0].ints;
  nn_ints order = {1, {1}};
  unsigned named = 0;
  for (int i = 0; i < dims->n && i + 1 < NN_MAX_RANK; i++) {
    order.v[order.n++] = dims->v[i] + 1;
    if (dims->v[i] > 0 && dims->v[i] < NN_MAX_RANK) named |= 1u << dims->v[i];
  }
  if (order.n == shape(x)->rank && dims->n == order.n - 1 && named == (2u << dims->n) - 2) return ag_permute(x, order);
  return nn_fail("Permute: dims %s do not name each dimension of %s after the batch once", nn_ints_text(dims).s,
                 nn_shape_text(shape(x)).s);
}
const ag_layer_class ag_layer_permute = {
  .name = "Permute", .help = "the dimensions of every sample in another order", .call = permute_call, .min_rank = 2,
  .positional = 1,
  OPTIONS(OPTION(SHAPE, "dims", "positions from 1, without the batch", .required = true, AT_LEAST(1))),
};

/* (N, k) -> (N, n, k) */
CALL(repeat_vector) {
  if (shape(x)->rank != 2) return nn_fail("RepeatVector: {N, k} is expected; got %s", nn_shape_text(shape(x)).s);
  return ag_broadcast_to(ag_unsqueeze(x, 2), NN_SHAPE(shape(x)->dim[0], layer->option[0].integer, shape(x)->dim[1]));
}
const ag_layer_class ag_layer_repeat_vector = {
  .name = "RepeatVector", .help = "every vector n times", .call = repeat_vector_call, .min_rank = 2, .positional = 1,
  OPTIONS(OPTION(INTEGER, "n", "how many times", .required = true, AT_LEAST(1))),
};

/* scale x + offset */
CALL(rescaling) {
  const double scale = layer->option[0].number, offset = layer->option[1].number;
  ag_var *y = times(x, scale);
  return offset == 0 ? y : plus(y, offset);
}
const ag_layer_class ag_layer_rescaling = {
  .name = "Rescaling", .help = "scale x + offset, such as 1/255 for pixels", .call = rescaling_call, .positional = 2,
  OPTIONS(OPTION(NUMBER, "scale", "factor", .required = true), OPTION(NUMBER, "offset", "added after it")),
};

/* Normalization: (x - mean) / max(sqrt(variance), 1e-7), inverted mean + x max(sqrt(variance), 1e-7), where mean and
 * variance have the size of axis. They are options, or weights that adapt() sets. */
enum { NORMAL_AXIS, MEAN_GIVEN, VARIANCE_GIVEN, INVERT };
enum { MEAN, VARIANCE };

/* The 0-based dimension kept by the statistics; -1: none, they are two numbers; -2 with an error. */
static int kept_axis(const ag_layer *layer, const nn_shape *of) {
  if (layer->option[NORMAL_AXIS].integer == AG_NIL) return -1;
  const int axis = nn_dim("Normalization", of, layer->option[NORMAL_AXIS].integer);
  if (axis == 0) nn_fail("Normalization: axis 1 is the batch; statistics belong to a dimension after it");
  return axis > 0 ? axis : -2;
}

static int normalization_build(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]) {
  const ag_var *mean = layer->option[MEAN_GIVEN].tensor, *variance = layer->option[VARIANCE_GIVEN].tensor;
  const int axis = kept_axis(layer, input);
  if (!mean != !variance) nn_fail("Normalization: mean and variance are given together, or neither");
  if (axis == -2 || !mean != !variance) return -1;
  if (mean) return 0;
  const nn_shape size = axis < 0 ? NN_SCALAR : NN_SHAPE(input->dim[axis]);
  weights[MEAN] = (ag_weight){.name = "mean", .shape = size, .initializer = "zeros", .frozen = true};
  weights[VARIANCE] = (ag_weight){.name = "variance", .shape = size, .initializer = "ones", .frozen = true};
  return 2;
}

/* statistic lined up with dimension axis of x, in x's dtype */
static ag_var *lined_up(ag_var *statistic, const ag_var *x, int axis) {
  nn_shape to = {shape(x)->rank, {1, 1, 1, 1, 1, 1, 1, 1}};
  if (!statistic || axis < 0 || statistic->value->numel == 1) return statistic;
  to.dim[axis] = shape(x)->dim[axis];
  if (statistic->value->numel == to.dim[axis]) return ag_reshape(statistic, to);
  return nn_fail("Normalization: statistics of %" PRId64 " features do not fit inputs %s", statistic->value->numel,
                 nn_shape_text(shape(x)).s);
}

CALL(normalization) {
  ag_var *given = layer->option[MEAN_GIVEN].tensor;
  const int axis = kept_axis(layer, shape(x));
  if (axis == -2) return NULL;
  const nn_dtype dtype = nn_floating(x->value->dtype);
  ag_var *mean = ag_to(given ? given : layer->weight[MEAN], dtype);
  ag_var *variance = ag_to(given ? layer->option[VARIANCE_GIVEN].tensor : layer->weight[VARIANCE], dtype);
  mean = lined_up(mean, x, axis);
  ag_var *width = ag_clamp(ag_sqrt(lined_up(variance, x, axis)), 1e-7, INFINITY);
  return layer->option[INVERT].flag ? ag_add(mean, ag_mul(x, width)) : ag_div(ag_sub(x, mean), width);
}
const ag_layer_class ag_layer_normalization = {
  .name = "Normalization", .help = "(x - mean) / standard deviation, of the data seen by adapt",
  .build = normalization_build, .call = normalization_call, .min_rank = 2,
  OPTIONS(AXIS("dimension of the features; none: one mean for all"),
          OPTION(TENSOR, "mean", "instead of adapt", .optional = true),
          OPTION(TENSOR, "variance", "instead of adapt", .optional = true),
          OPTION(FLAG, "invert", "back from normalized values")),
};
