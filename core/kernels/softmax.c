/* Loops over rows for the softmax family, compiled once for each instruction set. */
#include "../rows.h"
#include "lanes.h"

/* Short rows that are done together have at most TILE elements; so many terms of a sum are added as floats before it
 * goes on in double. */
enum { TILE = 512, RUN = 16 };

/* How many of the rows that are left are done together: one, unless they are shorter than a block. */
static inline int64_t rows_in_tile(int64_t left, int64_t k) {
  const int64_t fit = k < WIDE ? TILE / k : 1;
  return left < fit ? left : fit;
}

/* statement, an assignment to element j of what it does not read, for all j < n; a last block may overlap the one
 * before it. */
#define FOR_ALL(j, n, statement)                                                        \
  if ((n) < WIDE)                                                                       \
    for (int64_t j = 0; j < (n); j++) statement;                                        \
  else                                                                                  \
    for (int64_t from = 0; from < (n); from += WIDE) {                                  \
      const int64_t at = from + WIDE <= (n) ? from : (n) - WIDE;                        \
      EACH(l, WIDE) { const int64_t j = at + l; statement; }                            \
    }

#define T float
#define FN(name) name##_rows_f32
#define LOOP(name) static void FN(name)(const nn_row_operands *o)
#include "softmax_rows.h"

#define X(name) nn_row_loop NN_F64(name);
NN_EVERY_ROW_FUNCTION(X)
#undef X
#ifdef NN_F64_HERE
#define T double
#define FN(name) name##_rows_f64
#define LOOP(name) void NN_F64(name)(const nn_row_operands *o)
#include "softmax_rows.h"
#endif

#define X(name) .name = {name##_rows_f32, NN_F64(name)},
const nn_row_kernels NN_ISA_NAME(nn_rows) = {NN_EVERY_ROW_FUNCTION(X)};
