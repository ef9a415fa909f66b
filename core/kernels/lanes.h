/* Loops that become straight code of vectors: WIDE elements, a known number, so that no remainder is left; arrays of so
 * many stay in registers from one such loop to the next. Private to core/kernels/. */
#ifndef NN_LANES_H
#define NN_LANES_H

#include "vmath.h"

enum { WIDE = 16 };

/* None of the n elements overlays another one. (Clang checks, and needs no word.) */
#if defined(__clang__)
#define EACH(j, n) for (int j = 0; j < (n); j++)
#else
#define EACH(j, n) _Pragma("GCC ivdep") for (int j = 0; j < (n); j++)
#endif

/* A loop that serves other sets as well, and is defined in one: nn_sum_f64_avx2. Float64 on AVX-512 takes the loops of
 * AVX2, which are hardly slower: the sets with NN_F64_HERE define them. */
#define NN_LOOP(name, dtype, isa) NN_PASTE(NN_PASTE(nn_##name, dtype), isa)
#ifdef __AVX512F__
#define NN_F64(name) NN_LOOP(name, f64, avx2)
#else
#define NN_F64(name) NN_LOOP(name, f64, NN_ISA)
#define NN_F64_HERE
#endif

/* The sum of a block, which is folded in halves. */
static inline double fold(double total[WIDE]) {
  EACH(l, 8) total[l] += total[l + 8];
  EACH(l, 4) total[l] += total[l + 4];
  return (total[0] + total[2]) + (total[1] + total[3]);
}

#define NOINLINE __attribute__((noinline))   /* large enough to be called */

#endif
