/* Inside autograd/: the classes of layers, by file. layers.c lists them for everybody else. */
#ifndef AG_LAYERS_H
#define AG_LAYERS_H

#include "declare.h"

#define CALL(name) static ag_var *name##_call(MAYBE_UNUSED const ag_layer *layer, ag_var *x, MAYBE_UNUSED ag_mode mode)

/* layers_core.c */
extern const ag_layer_class ag_layer_dense, ag_layer_activation, ag_layer_flatten, ag_layer_reshape, ag_layer_permute,
  ag_layer_repeat_vector, ag_layer_identity, ag_layer_rescaling, ag_layer_normalization;

/* layers_activation.c */
extern const ag_layer_class ag_layer_relu, ag_layer_leaky_relu, ag_layer_prelu, ag_layer_elu, ag_layer_softmax;

/* layers_noise.c */
extern const ag_layer_class ag_layer_dropout, ag_layer_alpha_dropout, ag_layer_gaussian_noise,
  ag_layer_gaussian_dropout;

/* layers_normalization.c */
extern const ag_layer_class ag_layer_batch_normalization, ag_layer_layer_normalization;

/* layers_sequence.c */
extern const ag_layer_class ag_layer_embedding, ag_layer_global_average_pooling_1d, ag_layer_global_max_pooling_1d;

#endif
