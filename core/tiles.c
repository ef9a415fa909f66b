/* Squares of N x N elements are turned in N registers of N elements each: in log2(N) rounds every vector of the first
 * half is shuffled together with its counterpart in the second, element by element. A tile is made of such squares in a
 * buffer, and leaves it row by row: lines of memory that collide in the cache (rows a power of 2 apart) are used once.
 * The buffer stays well within the first-level cache. */
#include "tiles.h"

#include <string.h>

enum { SIDE_1 = 64, SIDE_4 = 64, SIDE_8 = 32 };

#define LOW_2 0, 2
#define HIGH_2 1, 3
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

#define TURN(name, T, N, SIDE)                                                                                   \
  static inline void name##_square(T *y, const T *x, int64_t sx) {                                               \
    typedef T vector __attribute__((vector_size(N * sizeof(T))));                                                \
    vector a[N], b[N];                                                                                           \
    for (int k = 0; k < N; k++) memcpy(&a[k], x + k * sx, sizeof a[k]);                                          \
    for (int round = 1; round < N; round *= 2) {                                                                 \
      for (int k = 0; k < N / 2; k++) {                                                                          \
        b[2 * k] = __builtin_shufflevector(a[k], a[k + N / 2], LOW_##N);                                         \
        b[2 * k + 1] = __builtin_shufflevector(a[k], a[k + N / 2], HIGH_##N);                                    \
      }                                                                                                          \
      memcpy(a, b, sizeof a);                                                                                    \
    }                                                                                                            \
    for (int k = 0; k < N; k++) memcpy(y + k * SIDE, &a[k], sizeof a[k]);                                        \
  }                                                                                                              \
  static void name(int64_t rows, int64_t columns, void *target, int64_t sy, const void *source, int64_t sx) {    \
    const T *x = source;                                                                                         \
    T *y = target, tile[SIDE * SIDE];                                                                            \
    const int64_t down = rows / N * N, across = columns / N * N;                                                 \
    for (int64_t j = 0; j < across; j += N)                                                                      \
      for (int64_t i = 0; i < down; i += N) name##_square(tile + i * SIDE + j, x + j * sx + i, sx);              \
    for (int64_t i = 0; i < rows; i++) {                                                                         \
      for (int64_t j = i < down ? across : 0; j < columns; j++) tile[i * SIDE + j] = x[j * sx + i];              \
      if (columns == SIDE) memcpy(y + i * sy, tile + i * SIDE, SIDE * sizeof(T));                                \
      else memcpy(y + i * sy, tile + i * SIDE, (size_t)columns * sizeof(T));                                     \
    }                                                                                                            \
  }

TURN(turn_1, uint8_t, 16, SIDE_1)
TURN(turn_4, uint32_t, 4, SIDE_4)
TURN(turn_8, uint64_t, 2, SIDE_8)

const nn_tiles *nn_tiles_of(size_t size) {
  static const nn_tiles one = {SIDE_1, turn_1}, four = {SIDE_4, turn_4}, eight = {SIDE_8, turn_8};
  return size == 1 ? &one : size == 4 ? &four : &eight;
}
