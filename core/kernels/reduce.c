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

/* Products and integers are the same for all sets. */
#define PLAIN(name, dtype) NN_LOOP(name, dtype, portable)
#define X(name, dtype) nn_reduce_loop PLAIN(name, dtype);
X(sum, u8) X(sum, i64) X(prod, i64) X(prod, f32) X(prod, f64) X(max, u8) X(max, i64) X(min, u8) X(min, i64)
#undef X
nn_reduce_loop NN_F64(sum), NN_F64(max), NN_F64(min);

/* -0 + x is x, whatever its sign. */
#define LINKAGE static
#define NAME sum_f32
#define X float
#define A float
#define OP a + b
#define NEUTRAL -0.0f
#include "reduce_loop.h"

#define NAME max_f32
#define X float
#define A float
#define OP larger_f32(a, b)
#define NEUTRAL -INFINITY
#include "reduce_loop.h"

#define NAME min_f32
#define X float
#define A float
#define OP smaller_f32(a, b)
#define NEUTRAL INFINITY
#include "reduce_loop.h"

#undef LINKAGE
#define LINKAGE
#ifdef NN_F64_HERE
#define NAME NN_F64(sum)
#define X double
#define A double
#define OP a + b
#define NEUTRAL -0.0
#include "reduce_loop.h"

#define NAME NN_F64(max)
#define X double
#define A double
#define OP larger_f64(a, b)
#define NEUTRAL -INFINITY
#include "reduce_loop.h"

#define NAME NN_F64(min)
#define X double
#define A double
#define OP smaller_f64(a, b)
#define NEUTRAL INFINITY
#include "reduce_loop.h"
#endif

/* Integers are added and multiplied unsigned, so that they wrap around. */
#ifndef __AVX2__
#define NAME PLAIN(sum, u8)
#define X uint8_t
#define A uint64_t
#define OP a + b
#define NEUTRAL 0
#include "reduce_loop.h"

#define NAME PLAIN(sum, i64)
#define X uint64_t
#define A uint64_t
#define OP a + b
#define NEUTRAL 0
#include "reduce_loop.h"

#define NAME PLAIN(prod, i64)
#define X uint64_t
#define A uint64_t
#define OP a * b
#define NEUTRAL 1
#include "reduce_loop.h"

#define NAME PLAIN(prod, f32)
#define X float
#define A float
#define OP a * b
#define NEUTRAL 1
#include "reduce_loop.h"

#define NAME PLAIN(prod, f64)
#define X double
#define A double
#define OP a * b
#define NEUTRAL 1
#include "reduce_loop.h"

#define NAME PLAIN(max, u8)
#define X uint8_t
#define A uint8_t
#define OP a > b ? a : b
#define NEUTRAL 0
#include "reduce_loop.h"

#define NAME PLAIN(max, i64)
#define X int64_t
#define A int64_t
#define OP a > b ? a : b
#define NEUTRAL INT64_MIN
#include "reduce_loop.h"

#define NAME PLAIN(min, u8)
#define X uint8_t
#define A uint8_t
#define OP a < b ? a : b
#define NEUTRAL UINT8_MAX
#include "reduce_loop.h"

#define NAME PLAIN(min, i64)
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

#define EXTREME(op) {PLAIN(op, u8), PLAIN(op, i64), op##_f32, NN_F64(op)}
const nn_reduce_kernels NN_ISA_NAME(nn_reduce) = {
  .loop = {[NN_SUM] = {PLAIN(sum, u8), PLAIN(sum, i64), sum_f32, NN_F64(sum)},
           [NN_PROD] = {NULL, PLAIN(prod, i64), PLAIN(prod, f32), PLAIN(prod, f64)},
           [NN_MAX] = EXTREME(max), [NN_MIN] = EXTREME(min)},
  .find = {find_u8, find_i64, find_f32, find_f64},
};
