/* All classes of layers, and what is common to them. */
#include "layers.h"

const ag_layer_class *const ag_layers[] = {
  &ag_layer_dense, &ag_layer_activation, &ag_layer_identity, &ag_layer_flatten, &ag_layer_reshape, &ag_layer_permute,
  &ag_layer_repeat_vector, &ag_layer_rescaling, &ag_layer_normalization,
  &ag_layer_relu, &ag_layer_leaky_relu, &ag_layer_prelu, &ag_layer_elu, &ag_layer_softmax,
  &ag_layer_dropout, &ag_layer_alpha_dropout, &ag_layer_gaussian_noise, &ag_layer_gaussian_dropout,
  &ag_layer_batch_normalization, &ag_layer_layer_normalization,
  &ag_layer_embedding, &ag_layer_global_average_pooling_1d, &ag_layer_global_max_pooling_1d,
  NULL,
};

static bool has_rank(const ag_layer *layer, const nn_shape *input) {
  if (input->rank >= layer->class_->min_rank) return true;
  return nn_fail("%s: an input of at least %d dimensions, the batch first, is expected; got %s", layer->class_->name,
                 layer->class_->min_rank, nn_shape_text(input).s);
}

int ag_layer_build(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]) {
  if (!has_rank(layer, input)) return -1;
  return layer->class_->build ? layer->class_->build(layer, input, weights) : 0;
}

ag_var *ag_layer_call(const ag_layer *layer, ag_var *x, ag_mode mode) {
  if (!x || !has_rank(layer, &x->value->shape)) return NULL;
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, layer->class_->call(layer, x, mode));
}
