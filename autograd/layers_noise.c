/* Layers that disturb their input in training and let it through otherwise. */
#include "layers.h"

static const nn_shape *shape(const ag_var *x) { return &x->value->shape; }
static nn_dtype floating(const ag_var *x) { return nn_floating(x->value->dtype); }

/* What a layer with the option seed draws from; NULL without one: the context's. A layer here is options and weights
 * and holds no place in a sequence, so the seed's sequence is entered where the context's has got to: the numbers
 * differ from call to call, and are the same in the next run if as much was drawn before. From Lua no seed comes here:
 * there a layer keeps a generator of its own (bindings/layers.c), which stands in for the context's during the call. */
static nn_generator *own_generator(int64_t seed, nn_generator *own) {
  if (seed == AG_NIL) return NULL;
  *own = nn_generator_seeded((uint64_t)seed);
  own->counter += nn_generator_get().counter;
  nn_random_bits();
  return own;
}

/* 0 with probability rate, else 1 / (1 - rate) */
static nn_tensor *mask(int64_t seed, nn_dtype dtype, nn_shape of, double rate) {
  nn_generator own;
  return nn_dropout_mask(own_generator(seed, &own), dtype, of, rate);
}

static nn_tensor *normal(int64_t seed, const ag_var *x, double mean, double stddev) {
  nn_generator own;
  return nn_normal(own_generator(seed, &own), floating(x), *shape(x), mean, stddev);
}

/* The mask's shape: x's, or noise_shape, where -1 stands for x's size. */
static bool mask_shape(const ag_layer *layer, const nn_ints *given, const ag_var *x, nn_shape *of) {
  *of = *shape(x);
  for (int i = 0; i < given->n && i < of->rank; i++)
    if (given->v[i] != -1) of->dim[i] = given->v[i];
  bool fits = !given->n || given->n == of->rank;
  for (int i = 0; i < of->rank; i++) fits = fits && (of->dim[i] == 1 || of->dim[i] == shape(x)->dim[i]);
  if (fits) return true;
  return nn_fail("%s: noise_shape %s does not fit inputs %s", layer->class_->name, nn_ints_text(given).s,
                 nn_shape_text(shape(x)).s);
}

enum { RATE, NOISE_SHAPE, DROPOUT_SEED };
#define NOISE_OPTIONS                                                                                               \
  OPTION(SHAPE, "noise_shape", "shape of the mask with the batch; -1 where it is the input's", .optional = true,    \
         AT_LEAST(-1)),                                                                                             \
  SEED_OPTION
#define SEED_OPTION OPTION(INTEGER, "seed", "a sequence of its own", .optional = true)

/* In training each element is 0 with probability rate and else x / (1 - rate) (Srivastava et al. 2014); else x. */
CALL(dropout) {
  const double rate = layer->option[RATE].number;
  const nn_ints *noise_shape = &layer->option[NOISE_SHAPE].ints;
  const int64_t seed = layer->option[DROPOUT_SEED].integer;
  if (!mode.training || rate == 0) return x;
  if (!noise_shape->n && seed == AG_NIL) return ag_dropout(x, rate);
  nn_shape of;
  return mask_shape(layer, noise_shape, x, &of) ? ag_mul(x, ag_constant(mask(seed, floating(x), of, rate))) : NULL;
}
const ag_layer_class ag_layer_dropout = {
  .name = "Dropout", .help = "in training sets elements to 0 at random", .call = dropout_call, .positional = 1,
  OPTIONS(OPTION(NUMBER, "rate", "part that becomes 0", .required = true, WITHIN(0, 1)), NOISE_OPTIONS),
};

/* In training an element is kept, or with probability rate becomes A = -selu's scale times its alpha; then a x + b with
 * a = ((1 - rate)(1 + rate A^2))^(-1/2), b = -a A rate keeps mean 0 and variance 1 (Klambauer et al. 2017). With m the
 * mask of dropout that is x (a (1 - rate) m) + (a A + b - a A (1 - rate) m). */
CALL(alpha_dropout) {
  const double rate = layer->option[RATE].number, dropped = -1.6732632423543772 * 1.0507009873554805;
  nn_shape of;
  if (!mode.training || rate == 0) return x;
  if (!mask_shape(layer, &layer->option[NOISE_SHAPE].ints, x, &of)) return NULL;
  const double a = 1 / sqrt((1 - rate) * (1 + rate * dropped * dropped)), b = -a * dropped * rate;
  nn_tensor *kept = nn_mul(mask(layer->option[DROPOUT_SEED].integer, floating(x), of, rate), nn_number(a * (1 - rate)));
  nn_tensor *shift = nn_sub(nn_number(a * dropped + b), nn_mul(kept, nn_number(dropped)));
  return ag_add(ag_mul(x, ag_constant(kept)), ag_constant(shift));
}
const ag_layer_class ag_layer_alpha_dropout = {
  .name = "AlphaDropout", .help = "dropout that keeps mean and variance behind selu", .call = alpha_dropout_call,
  .positional = 1,
  OPTIONS(OPTION(NUMBER, "rate", "part that is dropped", .required = true, BELOW_ONE), NOISE_OPTIONS),
};

/* x + noise of mean 0, in training */
CALL(gaussian_noise) {
  const double stddev = layer->option[0].number;
  if (!mode.training || stddev == 0) return x;
  return ag_add(x, ag_constant(normal(layer->option[1].integer, x, 0, stddev)));
}
const ag_layer_class ag_layer_gaussian_noise = {
  .name = "GaussianNoise", .help = "adds normal noise in training", .call = gaussian_noise_call, .positional = 1,
  OPTIONS(OPTION(NUMBER, "stddev", "standard deviation of the noise", .required = true, AT_LEAST(0)), SEED_OPTION),
};

/* x times noise of mean 1 and variance rate / (1 - rate), that of dropout's factor, in training */
CALL(gaussian_dropout) {
  const double rate = layer->option[0].number;
  if (!mode.training || rate == 0) return x;
  return ag_mul(x, ag_constant(normal(layer->option[1].integer, x, 1, sqrt(rate / (1 - rate)))));
}
const ag_layer_class ag_layer_gaussian_dropout = {
  .name = "GaussianDropout", .help = "multiplies by normal noise of mean 1 in training", .call = gaussian_dropout_call,
  .positional = 1,
  OPTIONS(OPTION(NUMBER, "rate", "as of Dropout: the variance is rate / (1 - rate)", .required = true, BELOW_ONE),
          SEED_OPTION),
};
