/* Loops over rows for the softmax family, compiled once for each instruction set. */
#include "../rows.h"
#include "vmath.h"

enum { TILE = 512, LANES = 64, FEW = 16 };

/* How many of the rows that are left are done together. */
static inline int64_t rows_in_tile(int64_t left, int64_t k) {
  const int64_t fit = k < TILE ? TILE / k : 1;
  return left < fit ? left : fit;
}

#define T float
#define FN(name) name##_rows_f32
#include "softmax_rows.h"

#define T double
#define FN(name) name##_rows_f64
#include "softmax_rows.h"

#define ROW(function) {function##_rows_f32, function##_rows_f64}
const nn_row_kernels NN_ISA_NAME(nn_rows) = {
  .loop = {[NN_SOFTMAX] = ROW(softmax), [NN_LOG_SOFTMAX] = ROW(log_softmax), [NN_SOFTMAX_GRAD] = ROW(softmax_grad),
           [NN_LOG_SOFTMAX_GRAD] = ROW(log_softmax_grad), [NN_LOGSUMEXP] = ROW(logsumexp)},
};
