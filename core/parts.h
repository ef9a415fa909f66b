/* Inside core/: the arithmetic of work that is cut. How it is cut depends on shapes alone, never on threads. */
#ifndef NN_PARTS_H
#define NN_PARTS_H

#include "pool.h"
#include "tensor.h"

static inline int64_t nn_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Pieces of a whole, the last of which may be smaller. */
static inline int64_t nn_pieces(int64_t whole, int64_t piece) { return (whole + piece - 1) / piece; }

/* shape as (outer, dim[axis], inner) */
static inline void nn_split_at(const nn_shape *shape, int axis, int64_t *outer, int64_t *inner) {
  *outer = *inner = 1;
  for (int i = 0; i < axis; i++) *outer *= shape->dim[i];
  for (int i = axis + 1; i < shape->rank; i++) *inner *= shape->dim[i];
}

#endif
