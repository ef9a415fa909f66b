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

/* Float64 on AVX-512 is served by the loops of AVX2, which are hardly slower: a table takes NN_F64(name), a function
 * that only the sets with NN_F64_HERE define. */
#ifdef __AVX512F__
#define NN_F64_ISA avx2
#else
#define NN_F64_ISA NN_ISA
#define NN_F64_HERE
#endif
#define NN_F64(name) NN_PASTE(NN_PASTE(nn_##name, f64), NN_F64_ISA)

#define NOINLINE __attribute__((noinline))   /* large enough to be called */

#endif
