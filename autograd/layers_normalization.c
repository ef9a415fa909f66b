/* Layers that normalize: over the batch, with averages for inference, and over the elements of each sample. */
#include <inttypes.h>

#include "layers.h"

static const nn_shape *shape(const ag_var *x) { return &x->value->shape; }

/* What both have: options of the scale and of the shift. */
#define SCALE_AND_SHIFT                                                                                             \
  OPTION(FLAG, "center", "add beta", .value = true), OPTION(FLAG, "scale", "multiply by gamma", .value = true),      \
  OPTION(INITIALIZER, "beta_initializer", "first values of beta", .text = "zeros"),                                    \
  OPTION(INITIALIZER, "gamma_initializer", "first values of gamma", .text = "ones")
#define PENALTIES                                                                                                   \
  OPTION(REGULARIZER, "beta_regularizer", "penalty on beta", .optional = true),                                     \
  OPTION(REGULARIZER, "gamma_regularizer", "penalty on gamma", .optional = true),                                   \
  OPTION(CONSTRAINT, "beta_constraint", "what beta is brought back to after each step", .optional = true),          \
  OPTION(CONSTRAINT, "gamma_constraint", "what gamma is brought back to after each step", .optional = true)

/* gamma and beta of a shape, those that the options ask for; how many. */
static int scale_and_shift(bool scale, bool center, nn_shape of, ag_weight *weights) {
  int n = 0;
  if (scale) weights[n++] = (ag_weight){.name = "gamma", .shape = of};
  if (center) weights[n++] = (ag_weight){.name = "beta", .shape = of};
  return n;
}

/* BatchNormalization (Ioffe & Szegedy 2015): gamma (x - mean) / sqrt(variance + epsilon) + beta for each feature. In
 * training mean and variance (of the population) are the batch's, and moving = moving momentum + batch (1 - momentum);
 * at inference they are the moving ones. */
enum { AXIS_OPTION, MOMENTUM, EPSILON, CENTER, SCALE };

/* The 0-based dimension of the features; -1 with an error. */
static int feature_axis(const ag_layer *layer, const nn_shape *input) {
  const int at = nn_dim("BatchNormalization", input, layer->option[AXIS_OPTION].integer);
  if (at == 0) nn_fail("BatchNormalization: axis 1 is the batch; the features are a dimension after it");
  return at > 0 ? at : -1;
}

static int batch_normalization_build(const ag_layer *layer, const nn_shape *input,
                                     ag_weight weights[AG_LAYER_WEIGHTS]) {
  const ag_value *o = layer->option;
  const int at = feature_axis(layer, input);
  if (at < 0) return -1;
  const nn_shape of = NN_SHAPE(input->dim[at]);
  int n = scale_and_shift(o[SCALE].flag, o[CENTER].flag, of, weights);
  weights[n++] = (ag_weight){.name = "moving_mean", .shape = of, .frozen = true};
  weights[n++] = (ag_weight){.name = "moving_variance", .shape = of, .frozen = true};
  return n;
}

/* moving momentum + batch (1 - momentum) */
static nn_tensor *moved_on(const ag_var *moving, nn_tensor *moments, int64_t which, double momentum) {
  nn_tensor *batch = nn_slice("BatchNormalization", moments, 1, &(nn_range){which, which, true});
  return nn_add(nn_mul(moving->value, nn_number(momentum)), nn_mul(batch, nn_number(1 - momentum)));
}

/* The averages change only when all that can fail is done. */
static ag_var *train(const ag_layer *layer, ag_var *x, ag_var *gamma, ag_var *beta, ag_var *mean, ag_var *variance) {
  const ag_value *o = layer->option;
  nn_tensor *moments = NULL;
  ag_var *y = ag_batch_norm_train(x, gamma, beta, o[AXIS_OPTION].integer, o[EPSILON].number, &moments);
  if (!y || !x->value->numel) return y;
  nn_tensor *new_mean = moved_on(mean, moments, 1, o[MOMENTUM].number);
  nn_tensor *new_variance = moved_on(variance, moments, 2, o[MOMENTUM].number);
  if (!new_mean || !new_variance || !nn_copy_into("BatchNormalization", mean->value, new_mean)) return NULL;
  return nn_copy_into("BatchNormalization", variance->value, new_variance) ? y : NULL;
}

CALL(batch_normalization) {
  const ag_value *o = layer->option;
  const int at = feature_axis(layer, shape(x));
  if (at < 0) return NULL;
  ag_var *const *w = layer->weight, *gamma = o[SCALE].flag ? *w++ : NULL, *beta = o[CENTER].flag ? *w++ : NULL;
  ag_var *mean = w[0], *variance = w[1];
  const int64_t features = mean ? mean->value->numel : 0;
  if (features != shape(x)->dim[at])
    return nn_fail("BatchNormalization: %" PRId64 " features are expected along dimension %d; got %s", features, at + 1,
                   nn_shape_text(shape(x)).s);
  if (mode.training) return train(layer, x, gamma, beta, mean, variance);
  return ag_batch_norm(x, gamma, beta, mean, variance, at + 1, o[EPSILON].number);
}

const ag_layer_class ag_layer_batch_normalization = {
  .name = "BatchNormalization", .help = "each feature to mean 0 and variance 1 over the batch",
  .build = batch_normalization_build, .call = batch_normalization_call, .min_rank = 2,
  OPTIONS(AXIS("dimension of the features"),
          OPTION(NUMBER, "momentum", "of the moving mean and variance", .value = 0.99, WITHIN(0, 1)),
          OPTION(NUMBER, "epsilon", "added to the variance", .value = 1e-3, AT_LEAST(0)), SCALE_AND_SHIFT,
          OPTION(INITIALIZER, "moving_mean_initializer", "first values of the moving mean", .text = "zeros"),
          OPTION(INITIALIZER, "moving_variance_initializer", "first values of the moving variance", .text = "ones"),
          PENALTIES),
};

/* LayerNormalization (Ba et al. 2016): gamma (x - mean) / sqrt(variance + epsilon) + beta with the mean and variance of
 * each sample over axis, whose sizes are those of gamma and beta. */
enum { LAYER_AXES, LAYER_EPSILON, LAYER_CENTER, LAYER_SCALE };

static nn_ints layer_axes(const ag_layer *layer) {
  return layer->option[LAYER_AXES].ints.n ? layer->option[LAYER_AXES].ints : NN_INTS(-1);
}

static int layer_normalization_build(const ag_layer *layer, const nn_shape *input,
                                     ag_weight weights[AG_LAYER_WEIGHTS]) {
  const ag_value *o = layer->option;
  const nn_ints axes = layer_axes(layer);
  bool flagged[NN_MAX_RANK];
  if (!nn_dims("LayerNormalization", input, &axes, flagged)) return -1;
  if (flagged[0]) nn_fail("LayerNormalization: axis %s names the batch, dimension 1", nn_ints_text(&axes).s);
  if (flagged[0]) return -1;
  nn_shape of = NN_SCALAR;
  for (int i = 1; i < input->rank; i++)
    if (flagged[i]) of.dim[of.rank++] = input->dim[i];
  return scale_and_shift(o[LAYER_SCALE].flag, o[LAYER_CENTER].flag, of, weights);
}

CALL(layer_normalization) {
  const ag_value *o = layer->option;
  ag_var *const *w = layer->weight;
  ag_var *gamma = o[LAYER_SCALE].flag ? *w++ : NULL, *beta = o[LAYER_CENTER].flag ? *w : NULL;
  return ag_layer_norm(x, gamma, beta, layer_axes(layer), o[LAYER_EPSILON].number);
}

const ag_layer_class ag_layer_layer_normalization = {
  .name = "LayerNormalization", .help = "each sample to mean 0 and variance 1", .build = layer_normalization_build,
  .call = layer_normalization_call, .min_rank = 2,
  OPTIONS(OPTION(SHAPE, "axis", "dimensions that are normalized together; nil: the last", .optional = true),
          OPTION(NUMBER, "epsilon", "added to the variance", .value = 1e-3, AT_LEAST(0)), SCALE_AND_SHIFT,
          PENALTIES),
};
