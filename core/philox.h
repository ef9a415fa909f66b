/* Inside core/: Philox 4x32-10 (Salmon et al. 2011), and the tables of loops that fill memory with draws. A draw is a
 * function of key, counter and the element's position alone, so any part of a tensor can be filled by any thread. */
#ifndef NN_PHILOX_H
#define NN_PHILOX_H

#include "kernels.h"

typedef struct nn_philox { uint32_t word[4]; } nn_philox;

#define NN_PHILOX_FACTOR_0 ((uint64_t)0xd2511f53u)
#define NN_PHILOX_FACTOR_1 ((uint64_t)0xcd9e8d57u)
#define NN_PHILOX_STEP_0 0x9e3779b9u
#define NN_PHILOX_STEP_1 0xbb67ae85u

/* Ten rounds: two products of 32 x 32 bits each, whose halves change places, and a key that steps by Weyl constants. */
static inline nn_philox nn_philox_block(nn_philox c, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t p = NN_PHILOX_FACTOR_0 * c.word[0], q = NN_PHILOX_FACTOR_1 * c.word[2];
    c = (nn_philox){{(uint32_t)(q >> 32) ^ c.word[1] ^ key0, (uint32_t)q, (uint32_t)(p >> 32) ^ c.word[3] ^ key1,
                     (uint32_t)p}};
    key0 += NN_PHILOX_STEP_0;
    key1 += NN_PHILOX_STEP_1;
  }
  return c;
}

/* Blocks are taken in groups, one block to each lane of a vector; word i of a lane lies at
 * i * NN_LANES + lane. */
enum { NN_LANES = 16, NN_GROUP_WORDS = 4 * NN_LANES };

typedef struct nn_draw {
  uint64_t key, counter;                 /* the block of group 0, lane 0 */
  double p, q;                           /* uniform: lo, hi - lo; normal: mean, stddev; mask: the value kept */
  double least, most;                    /* what uniform may give: rounding must not reach hi */
  uint32_t threshold;                    /* mask: words below it give 0 */
  int64_t first; uint64_t range;         /* integers: from first on; 0 stands for 2^64 */
} nn_draw;

/* Fills whole groups, from group `group` on. */
typedef void nn_draw_loop(const nn_draw *draw, int64_t group, int64_t groups, void *y);

/* By float dtype: [0] float32, [1] float64. Elements in a group: 64 and 32; of a mask 64. */
typedef struct nn_draw_kernels {
  nn_draw_loop *words, *uniform[2], *normal[2], *truncated_normal[2], *mask[2];
} nn_draw_kernels;

NN_KERNEL_TABLE(nn_draw_kernels, nn_draws)

#endif
