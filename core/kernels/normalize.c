/* Loops of layer and batch normalization, compiled once for each instruction set. */
#include "normalize.h"

#include "lanes.h"

/* Terms that are added as floats before a sum goes on in double; columns at once; elements that are read twice. */
enum { RUN = 16, TILE = 128, CHUNK = 4096 };

/* statement, an assignment to element j, for all j < n; a last block may overlap the one before it. */
#define FOR_ALL(j, n, statement)                                                        \
  if ((n) < WIDE)                                                                       \
    for (int64_t j = 0; j < (n); j++) statement;                                        \
  else                                                                                  \
    for (int64_t from = 0; from < (n); from += WIDE) {                                  \
      const int64_t at = from + WIDE <= (n) ? from : (n) - WIDE;                        \
      EACH(l, WIDE) { const int64_t j = at + l; statement; }                            \
    }

#define T float
#define FN(name) name##_normalize_f32
#define LOOP(name) static void FN(name)(const nn_row_block *b)
#include "normalize_loops.h"

#define X(name) nn_normalize_loop NN_F64(normalize_##name);
NN_EVERY_NORMALIZE(X)
#undef X
#ifdef NN_F64_HERE
#define T double
#define FN(name) name##_normalize_f64
#define LOOP(name) void NN_F64(normalize_##name)(const nn_row_block *b)
#include "normalize_loops.h"
#endif

#define X(name) .name = {name##_normalize_f32, NN_F64(normalize_##name)},
const nn_normalize_kernels NN_ISA_NAME(nn_normalizing) = {NN_EVERY_NORMALIZE(X)};
