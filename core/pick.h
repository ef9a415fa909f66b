/* Inside core/: rows of bytes by place, for whatever picks them. Positions count from 1, or negative from the end;
 * places count from 0 and have been checked. */
#ifndef NN_PICK_H
#define NN_PICK_H

#include "tensor.h"

/* n positions of a dimension (0-based axis) of shape as places; NULL with an error that shows the first outside. */
nn_tensor *nn_places(const char *call, const int64_t *position, int64_t n, const nn_shape *shape, int axis);

/* For each of count tables (size, width), which lie one behind the other: rows of to (n, width) = the table's rows at
 * places. width in bytes; cut over the pool when there is much to move. */
void nn_take_rows(void *to, const void *from, size_t width, int64_t size, const int64_t *place, int64_t n,
                  int64_t count);
/* Rows of to (size, width) += rows of from (n, width), width in elements, one after the other. */
void nn_add_rows(nn_dtype dtype, void *to, const void *from, int64_t width, const int64_t *place, int64_t n);

#endif
