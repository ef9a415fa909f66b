/* Inside core/: rows of bytes by position, for whatever picks them. Positions count from 1, or negative from the end,
 * and have been checked. */
#ifndef NN_PICK_H
#define NN_PICK_H

#include "tensor.h"

static inline int64_t nn_zero_based(int64_t position, int64_t size) {
  return position > 0 ? position - 1 : position + size;
}

/* positions as contiguous int64, each inside a dimension (0-based axis) of shape; NULL with an error that shows
 * the first outside, or that floats are no positions. */
nn_tensor *nn_positions(const char *call, nn_tensor *positions, const nn_shape *shape, int axis);

/* to (n, width) = rows of from (size, width), width in bytes; cut over the pool when there is much to move. */
void nn_take_rows(void *to, const void *from, size_t width, int64_t size, const int64_t *position, int64_t n);
/* Rows of to (size, width) += rows of from (n, width), width in elements, one after the other. */
void nn_add_rows(nn_dtype dtype, void *to, const void *from, int64_t width, int64_t size, const int64_t *position,
                 int64_t n);

/* ids from 0 to k - 1, integers or whole floats, as contiguous positions from 1; NULL with an error that shows the
 * first outside ("embedding: id 10 at {2, 3} is outside 0..9"). noun is what the caller calls them. */
nn_tensor *nn_ids(const char *call, const char *noun, nn_tensor *ids, int64_t k);

#endif
