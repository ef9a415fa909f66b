/* Reductions of (rows, width) to (width), compiled once for each instruction set. The order of the operations is
 * fixed by rows and width: pairwise, halves at powers of two. So rounding errors grow with the logarithm of the
 * rows only, and the loops over width are vectors without any -ffast-math. */
#include "../rows.h"
#include "lanes.h"

enum { TILE_BYTES = 2048, LANES = 64, RUN = 1024, LEAF = 16 };

/* The largest power of two that is at most n. */
static inline int64_t power_within(int64_t n) { return (int64_t)1 << (63 - __builtin_clzll((unsigned long long)n)); }

/* NaN wins over anything, from either side. (As one nested condition gcc 12 would not make vectors of it.) */
#define CHOICE(name, T, better)          \
  static inline T name(T a, T b) {       \
    const T chosen = a better b ? a : b; \
    return a != a ? a : chosen;          \
  }
CHOICE(larger_f32, float, >)
CHOICE(larger_f64, double, >)
CHOICE(smaller_f32, float, <)
CHOICE(smaller_f64, double, <)

/* -0 + x is x, whatever its sign. */
#define NAME sum_f32
#define X float
#define A float
#define OP a + b
#define NEUTRAL -0.0f
#include "reduce_loop.h"

#define NAME sum_f64
#define X double
#define A double
#define OP a + b
#define NEUTRAL -0.0
#include "reduce_loop.h"

#define NAME max_f32
#define X float
#define A float
#define OP larger_f32(a, b)
#define NEUTRAL -INFINITY
#include "reduce_loop.h"

#define NAME max_f64
#define X double
#define A double
#define OP larger_f64(a, b)
#define NEUTRAL -INFINITY
#include "reduce_loop.h"

#define NAME min_f32
#define X float
#define A float
#define OP smaller_f32(a, b)
#define NEUTRAL INFINITY
#include "reduce_loop.h"

#define NAME min_f64
#define X double
#define A double
#define OP smaller_f64(a, b)
#define NEUTRAL INFINITY
#include "reduce_loop.h"

/* Products and integers are the same for all sets. Integers are added and multiplied unsigned: they wrap around. */
#ifndef __AVX2__
#define NAME sum_u8
#define X uint8_t
#define A uint64_t
#define OP a + b
#define NEUTRAL 0
#include "reduce_loop.h"

#define NAME sum_i64
#define X uint64_t
#define A uint64_t
#define OP a + b
#define NEUTRAL 0
#include "reduce_loop.h"

#define NAME prod_i64
#define X uint64_t
#define A uint64_t
#define OP a * b
#define NEUTRAL 1
#include "reduce_loop.h"

#define NAME prod_f32
#define X float
#define A float
#define OP a * b
#define NEUTRAL 1
#include "reduce_loop.h"

#define NAME prod_f64
#define X double
#define A double
#define OP a * b
#define NEUTRAL 1
#include "reduce_loop.h"

#define NAME max_u8
#define X uint8_t
#define A uint8_t
#define OP a > b ? a : b
#define NEUTRAL 0
#include "reduce_loop.h"

#define NAME max_i64
#define X int64_t
#define A int64_t
#define OP a > b ? a : b
#define NEUTRAL INT64_MIN
#include "reduce_loop.h"

#define NAME min_u8
#define X uint8_t
#define A uint8_t
#define OP a < b ? a : b
#define NEUTRAL UINT8_MAX
#include "reduce_loop.h"

#define NAME min_i64
#define X int64_t
#define A int64_t
#define OP a < b ? a : b
#define NEUTRAL INT64_MAX
#include "reduce_loop.h"
#endif

/* A block at a time without leaving it early, which is a loop of vectors; then the place in the block. */
#define FIND(dtype, X)                                                                                         \
  static int64_t find_##dtype(const void *source, int64_t n, const void *value) {                              \
    const X *x = source, v = *(const X *)value;                                                                \
    int64_t i = 0;                                                                                             \
    for (int found = 0; i + LANES <= n; i += LANES) {                                                          \
      for (int j = 0; j < LANES; j++) found |= (x[i + j] == v) | (x[i + j] != x[i + j]);                       \
      if (found) break;                                                                                        \
    }                                                                                                          \
    while (i < n && x[i] != v && x[i] == x[i]) i++;                                                            \
    return i;                                                                                                  \
  }
FIND(u8, uint8_t)
FIND(i64, int64_t)
FIND(f32, float)
FIND(f64, double)

#define INTEGERS(op) op##_u8, op##_i64
#define FLOATS(op)   op##_f32, op##_f64
#ifdef __AVX2__
#define SLOWER(...)  NULL, NULL
#else
#define SLOWER(...)  __VA_ARGS__
#endif
const nn_reduce_kernels NN_ISA_NAME(nn_reduce) = {
  .loop = {[NN_SUM] = {SLOWER(INTEGERS(sum)), FLOATS(sum)}, [NN_PROD] = {NULL, SLOWER(prod_i64, FLOATS(prod))},
           [NN_MAX] = {SLOWER(INTEGERS(max)), FLOATS(max)}, [NN_MIN] = {SLOWER(INTEGERS(min)), FLOATS(min)}},
  .find = {INTEGERS(find), FLOATS(find)},
};
