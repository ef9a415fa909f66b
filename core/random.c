/* Random tensors: checks, parameters, and the cutting of a fill into parts of whole groups of Philox blocks. The
 * generator moves on by the groups that a tensor took, so the next draw never meets the same counter. */
#include "random.h"

#include <math.h>
#include <string.h>

#include "context_state.h"
#include "format.h"
#include "philox.h"
#include "parts.h"

enum { PART_GROUPS = 512 };              /* 32,768 float32 elements: some 20 microseconds */

/* The generator. */

nn_generator nn_generator_seeded(uint64_t seed) { return (nn_generator){seed, 0}; }
nn_generator nn_generator_get(void) { return *nn_context_generator(); }
void nn_generator_set(nn_generator state) { *nn_context_generator() = state; }
void nn_seed(uint64_t seed) { nn_generator_set(nn_generator_seeded(seed)); }

uint64_t nn_random_bits(void) {
  nn_generator *g = nn_context_generator();
  const nn_philox counter = {{(uint32_t)g->counter, (uint32_t)(g->counter >> 32), 0, 0}};
  const nn_philox block = nn_philox_block(counter, (uint32_t)g->key, (uint32_t)(g->key >> 32));
  g->counter++;
  return (uint64_t)block.word[0] << 32 | block.word[1];
}

/* Filling. */

typedef struct fill {
  nn_draw_loop *loop;
  const nn_draw *draw;
  char *y;
  int64_t n, size, group_elements;
} fill;

/* Whole groups go straight into the tensor, the beginning of a last one by way of the stack. */
static void fill_part(void *user, int part) {
  const fill *f = user;
  const int64_t first = (int64_t)part * PART_GROUPS, whole = f->n / f->group_elements;
  const int64_t groups = whole - first < PART_GROUPS ? whole - first : PART_GROUPS;
  f->loop(f->draw, first, groups, f->y + first * f->group_elements * f->size);
  const int64_t rest = f->n - (first + groups) * f->group_elements;
  if (groups == PART_GROUPS || rest <= 0) return;
  double last[NN_GROUP_WORDS];
  f->loop(f->draw, first + groups, 1, last);
  memcpy(f->y + (first + groups) * f->group_elements * f->size, last, (size_t)(rest * f->size));
}

/* A new tensor, filled from the generator (NULL: the context's), which moves on by the groups used. */
static nn_tensor *filled(nn_generator *generator, nn_dtype dtype, nn_shape shape, nn_draw_loop *loop, nn_draw *draw,
                         int64_t group_elements) {
  nn_tensor *y = nn_empty(dtype, shape);
  if (!y || !y->numel) return y;
  if (!generator) generator = nn_context_generator();
  draw->key = generator->key;
  draw->counter = generator->counter;
  fill f = {loop, draw, y->data, y->numel, (int64_t)nn_dtype_size(dtype), group_elements};
  const int64_t groups = nn_pieces(y->numel, group_elements);
  nn_parallel((int)nn_pieces(groups, PART_GROUPS), fill_part, &f);
  generator->counter += (uint64_t)groups * NN_LANES;
  return y;
}

static int float_index(nn_dtype dtype) { return dtype == NN_FLOAT64; }
static int64_t group_floats(nn_dtype dtype) { return dtype == NN_FLOAT64 ? NN_GROUP_WORDS / 2 : NN_GROUP_WORDS; }

static bool need_float(const char *call, nn_dtype dtype) {
  if (!nn_is_float(dtype)) nn_fail("%s: expected float32 or float64, got %s", call, nn_dtype_name(dtype));
  return nn_is_float(dtype);
}

/* Floats. */

/* The least value of the dtype from lo on, and the greatest below hi. */
static void uniform_bounds(nn_dtype dtype, nn_draw *draw, double lo, double hi) {
  draw->least = lo;
  draw->most = nextafter(hi, lo);
  if (dtype == NN_FLOAT64) return;
  const float low = (float)lo, high = (float)hi;
  draw->least = low < lo ? nextafterf(low, INFINITY) : low;
  draw->most = high >= hi ? nextafterf(high, -INFINITY) : high;
}

nn_tensor *nn_uniform(nn_generator *generator, nn_dtype dtype, nn_shape shape, double lo, double hi) {
  if (!need_float("uniform", dtype)) return NULL;
  if (!(lo <= hi) || !isfinite(hi - lo))
    return nn_fail("uniform: expected finite lo <= hi, got %g and %g", nn_shown(lo), nn_shown(hi));
  nn_draw draw = {.p = lo, .q = hi - lo};
  uniform_bounds(dtype, &draw, lo, hi);
  if (lo == hi || draw.least > draw.most) draw.least = draw.most = lo; /* no number in between: always lo */
  return filled(generator, dtype, shape, nn_draws()->uniform[float_index(dtype)], &draw, group_floats(dtype));
}

nn_tensor *nn_normal(nn_generator *generator, nn_dtype dtype, nn_shape shape, double mean, double stddev) {
  if (!need_float("normal", dtype)) return NULL;
  if (!(stddev >= 0)) return nn_fail("normal: stddev must not be negative, got %g", nn_shown(stddev));
  nn_draw draw = {.p = mean, .q = stddev};
  return filled(generator, dtype, shape, nn_draws()->normal[float_index(dtype)], &draw, group_floats(dtype));
}

nn_tensor *nn_truncated_normal(nn_generator *generator, nn_dtype dtype, nn_shape shape, double mean, double stddev) {
  if (!need_float("truncated_normal", dtype)) return NULL;
  if (!(stddev >= 0)) return nn_fail("truncated_normal: stddev must not be negative, got %g", nn_shown(stddev));
  nn_draw draw = {.p = mean, .q = stddev};
  return filled(generator, dtype, shape, nn_draws()->truncated_normal[float_index(dtype)], &draw,
                group_floats(dtype));
}

nn_tensor *nn_dropout_mask(nn_generator *generator, nn_dtype dtype, nn_shape shape, double rate) {
  if (!need_float("dropout", dtype)) return NULL;
  if (!(rate >= 0 && rate <= 1)) return nn_fail("dropout: expected a rate from 0 to 1, got %g", nn_shown(rate));
  const double threshold = nearbyint(rate * 0x1p32);
  nn_draw draw = {.p = rate < 1 ? 1 / (1 - rate) : 0,
                  .threshold = threshold < 0x1p32 ? (uint32_t)threshold : UINT32_MAX};
  return filled(generator, dtype, shape, nn_draws()->mask[float_index(dtype)], &draw, NN_GROUP_WORDS);
}

/* Integers. */

/* floor(x range / 2^128) of a block as a number x of 128 bits: no value is favoured by more than 2^-64. A range of 0 is
 * 2^64. */
static uint64_t below(uint64_t range, const uint32_t w[NN_GROUP_WORDS], int lane) {
  const uint64_t high = (uint64_t)w[lane] << 32 | w[lane + NN_LANES];
  const uint64_t low = (uint64_t)w[lane + 2 * NN_LANES] << 32 | w[lane + 3 * NN_LANES];
  if (!range) return high;
  const unsigned __int128 carry = (unsigned __int128)low * range >> 64;
  return (uint64_t)(((unsigned __int128)high * range + carry) >> 64);
}

static void integers(const nn_draw *d, int64_t group, int64_t groups, void *target) {
  int64_t *y = target;
  for (int64_t g = 0; g < groups; g++, y += NN_LANES) {
    uint32_t w[NN_GROUP_WORDS];
    nn_draws()->words(d, group + g, 1, w);
    for (int lane = 0; lane < NN_LANES; lane++) y[lane] = (int64_t)((uint64_t)d->first + below(d->range, w, lane));
  }
}

nn_tensor *nn_randint(nn_generator *generator, int64_t lo, int64_t hi, nn_shape shape) {
  if (lo > hi) return nn_fail("randint: expected lo <= hi, got %lld and %lld", (long long)lo, (long long)hi);
  nn_draw draw = {.first = lo, .range = (uint64_t)hi - (uint64_t)lo + 1};
  return filled(generator, NN_INT64, shape, integers, &draw, NN_LANES);
}

/* Fisher and Yates: the i-th place from the end changes with one of those up to it. */
nn_tensor *nn_randperm(nn_generator *generator, int64_t n) {
  if (n < 0) return nn_fail("randperm: n must not be negative, got %lld", (long long)n);
  nn_tensor *t = nn_empty(NN_INT64, NN_SHAPE(n));
  if (!t) return NULL;
  if (!generator) generator = nn_context_generator();
  int64_t *y = t->data;
  for (int64_t i = 0; i < n; i++) y[i] = i + 1;
  const nn_draw draw = {.key = generator->key, .counter = generator->counter};
  uint32_t w[NN_GROUP_WORDS];
  for (int64_t i = 0; i < n - 1; i++) {
    const int lane = (int)(i % NN_LANES);
    if (!lane) nn_draws()->words(&draw, i / NN_LANES, 1, w);
    const int64_t last = n - 1 - i, other = (int64_t)below((uint64_t)(n - i), w, lane), value = y[last];
    y[last] = y[other];
    y[other] = value;
  }
  generator->counter += (uint64_t)nn_pieces(n, NN_LANES) * NN_LANES;
  return t;
}
