/* Inside core/: tiles of a matrix turned by 90 degrees, for elements of 1, 4 or 8 bytes. */
#ifndef NN_TILES_H
#define NN_TILES_H

#include <stddef.h>
#include <stdint.h>

enum { NN_TILE_BYTES = 1 << 14 };          /* no tile is larger */

typedef struct nn_tiles {
  int64_t side;                            /* the most rows and columns */
  /* y[i][j] = x[j][i] for rows x columns elements; sy, sx: elements from a row to the next */
  void (*turn)(int64_t rows, int64_t columns, void *y, int64_t sy, const void *x, int64_t sx);
} nn_tiles;

const nn_tiles *nn_tiles_of(size_t size);  /* for elements of so many bytes */

#endif
