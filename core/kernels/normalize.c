/* Loops of layer and batch normalization, compiled once for each instruction set. */
#include "normalize.h"

#include "vmath.h"

/* Lanes of a sum along a row; terms that are added as floats before a sum goes on in double; columns at once. */
enum { LANES = 64, RUN = 16, TILE = 128 };

#define T float
#define FN(name) name##_normalize_f32
#include "normalize_loops.h"

#define T double
#define FN(name) name##_normalize_f64
#include "normalize_loops.h"

#define X(name) .name = {name##_normalize_f32, name##_normalize_f64},
const nn_normalize_kernels NN_ISA_NAME(nn_normalizing) = {NN_EVERY_NORMALIZE(X)};
