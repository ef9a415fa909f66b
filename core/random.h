/* Random numbers: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), counter-based, in
 * the context. Each draw moves the counter on by what it used: a seed fixes everything, whatever the threads. */
#ifndef NN_RANDOM_H
#define NN_RANDOM_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_generator { uint64_t key, counter; } nn_generator;

void nn_seed(uint64_t seed);                       /* the current context's generator starts afresh */
nn_generator nn_generator_get(void);
void nn_generator_set(nn_generator state);
nn_generator nn_generator_seeded(uint64_t seed);
uint64_t nn_random_bits(void);                     /* 64 fresh bits */

/* Each takes its draws from generator (NULL: the context's). Floats only unless said. */
/* uniform: [lo, hi); normal: Box and Muller; truncated_normal: within 2 stddev; randint: int64, both ends, unbiased;
 * randperm: int64, a permutation of 1..n */
nn_tensor *nn_uniform(nn_generator *generator, nn_dtype dtype, nn_shape shape, double lo, double hi);
nn_tensor *nn_normal(nn_generator *generator, nn_dtype dtype, nn_shape shape, double mean, double stddev);
nn_tensor *nn_truncated_normal(nn_generator *generator, nn_dtype dtype, nn_shape shape, double mean, double stddev);
nn_tensor *nn_randint(nn_generator *generator, int64_t lo, int64_t hi, nn_shape shape);
nn_tensor *nn_randperm(nn_generator *generator, int64_t n);
/* 0 with probability rate, else 1 / (1 - rate); rate 1: all 0 */
nn_tensor *nn_dropout_mask(nn_generator *generator, nn_dtype dtype, nn_shape shape, double rate);

#ifdef __cplusplus
}
#endif
#endif
