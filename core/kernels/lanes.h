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

#define NOINLINE __attribute__((noinline))   /* large enough to be called */

#endif
