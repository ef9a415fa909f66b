/* Layers of sequences (N, steps, features): Embedding makes them, pooling over the steps ends them. */
#include "layers.h"

/* ids (N, ...) from 0 -> rows of a table (N, ..., output_dim) */
enum { INPUT_DIM, OUTPUT_DIM };

static int embedding_build(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]) {
  (void)input;
  weights[0] = (ag_weight){.name = "embeddings",
                           .shape = NN_SHAPE(layer->option[INPUT_DIM].integer, layer->option[OUTPUT_DIM].integer)};
  return 1;
}
CALL(embedding) { return ag_embedding(layer->weight[0], x); }
const ag_layer_class ag_layer_embedding = {
  .name = "Embedding", .help = "ids 0..input_dim-1 as vectors of output_dim that are learnt", .build = embedding_build,
  .call = embedding_call, .min_rank = 1, .positional = 2,
  OPTIONS(OPTION(INTEGER, "input_dim", "how many ids there are", .required = true, AT_LEAST(1)),
          OPTION(INTEGER, "output_dim", "size of a vector", .required = true, AT_LEAST(1)),
          OPTION(FLAG, "mask_zero", "id 0 fills up: GlobalAveragePooling1D behind it leaves such steps out"),
          OPTION(INITIALIZER, "embeddings_initializer", "first values of the vectors", .text = "uniform"),
          OPTION(REGULARIZER, "embeddings_regularizer", "penalty on the vectors", .optional = true),
          OPTION(CONSTRAINT, "embeddings_constraint", "what they are brought back to", .optional = true)),
};

static bool is_sequence(const ag_layer *layer, const ag_var *x) {
  if (x->value->shape.rank == 3) return true;
  return nn_fail("%s: {N, steps, features} is expected; got %s", layer->class_->name,
                 nn_shape_text(&x->value->shape).s);
}

/* (N, steps, features) -> (N, features), or (N, 1, features) with keepdims */
#define POOLING_1D(id, class_name_, help_, reduce)                                                                  \
  CALL(id) { return is_sequence(layer, x) ? reduce(x, NN_INTS(2), layer->option[0].flag) : NULL; }                   \
  const ag_layer_class ag_layer_##id = {                                                                            \
    .name = class_name_, .help = help_, .call = id##_call, .min_rank = 3,                                           \
    OPTIONS(OPTION(FLAG, "keepdims", "leave a dimension of 1 step")),                                               \
  };
POOLING_1D(global_average_pooling_1d, "GlobalAveragePooling1D", "the mean of each feature over the steps", ag_mean)
POOLING_1D(global_max_pooling_1d, "GlobalMaxPooling1D", "the largest of each feature over the steps", ag_amax)
