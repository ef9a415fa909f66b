/* Activations with parameters of their own, as layers. */
#include "layers.h"

/* slope (x - threshold) up to the threshold, else min(x, max_value) */
CALL(relu) {
  const ag_value *o = layer->option;
  return ag_activation_named("relu")->apply(x, (ag_value[]){o[1], o[0], o[2]});
}
const ag_layer_class ag_layer_relu = {
  .name = "ReLU", .help = "max(0, x)", .call = relu_call, .positional = 1,
  OPTIONS(OPTION(NUMBER, "max_value", "upper bound", .optional = true, AT_LEAST(0)),
          OPTION(NUMBER, "negative_slope", "slope up to the threshold", AT_LEAST(0)),
          OPTION(NUMBER, "threshold", "where x begins to pass", AT_LEAST(0))),
};

CALL(leaky_relu) { return ag_leaky_relu(x, layer->option[0].number); }
const ag_layer_class ag_layer_leaky_relu = {
  .name = "LeakyReLU", .help = "x where x > 0, else slope x", .call = leaky_relu_call, .positional = 1,
  OPTIONS(OPTION(NUMBER, "negative_slope", "slope below 0", .value = 0.3, AT_LEAST(0))),
};

CALL(elu) { return ag_elu(x, layer->option[0].number); }
const ag_layer_class ag_layer_elu = {
  .name = "ELU", .help = "x where x > 0, else alpha (e^x - 1)", .call = elu_call, .positional = 1,
  OPTIONS(OPTION(NUMBER, "alpha", "scale of the part below 0", .value = 1)),
};

CALL(softmax) { return ag_softmax(x, layer->option[0].integer); }
const ag_layer_class ag_layer_softmax = {
  .name = "Softmax", .help = "e^x / sum(e^x) along axis", .call = softmax_call, .positional = 1,
  OPTIONS(AXIS("dimension whose elements sum to 1")),
};

/* PReLU: x where x > 0, else alpha x; alpha has the sizes of a sample, 1 along shared_axes (He et al. 2015) */
static int prelu_build(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]) {
  const nn_ints *axes = &layer->option[0].ints;
  bool shared[NN_MAX_RANK] = {false};
  if (axes->n && !nn_dims("PReLU", input, axes, shared)) return -1;
  if (shared[0]) nn_fail("PReLU: shared_axes %s name the batch, dimension 1", nn_ints_text(axes).s);
  if (shared[0]) return -1;
  nn_shape of = {input->rank - 1, {0}};
  for (int i = 1; i < input->rank; i++) of.dim[i - 1] = shared[i] ? 1 : input->dim[i];
  weights[0] = (ag_weight){.name = "alpha", .shape = of};
  return 1;
}
CALL(prelu) { return ag_sub(ag_relu(x), ag_mul(layer->weight[0], ag_relu(ag_neg(x)))); }
const ag_layer_class ag_layer_prelu = {
  .name = "PReLU", .help = "x where x > 0, else alpha x with alpha learnt", .build = prelu_build, .call = prelu_call,
  .min_rank = 2,
  OPTIONS(OPTION(SHAPE, "shared_axes", "dimensions that share alpha, counted with the batch", .optional = true),
          OPTION(INITIALIZER, "alpha_initializer", "first values of alpha", .text = "zeros"),
          OPTION(REGULARIZER, "alpha_regularizer", "penalty on alpha", .optional = true),
          OPTION(CONSTRAINT, "alpha_constraint", "what alpha is brought back to after each step", .optional = true)),
};
