/* The order of elements: argsort and argtopk. Every dtype becomes an unsigned key of 64 bits whose order is total (NaN
 * above infinity, -0 equal to 0); descending order is that of the inverted keys. Equal keys stay in the order of their
 * positions. */
#include <inttypes.h>
#include <string.h>

#include "movement.h"
#include "parts.h"

typedef struct item { uint64_t key; int64_t position; } item;

/* Up to FEW items insertion is fastest; up to BEST of the largest fit into a list that is kept sorted on the way, and
 * STRIP values are looked at together. */
enum { FEW = 48, BEST = 64, STRIP = 64, DIGITS = 256 };
enum { PARALLEL_FROM = 1 << 13, PARTS = 8, ROOM = 1 << 20 };   /* elements; the most parts; elements of all at a time */

/* The bits of a float of either width: negative ones inverted, positive ones above them. */
static uint64_t float_key(uint64_t bits, uint64_t sign) { return bits & sign ? ~bits & (2 * sign - 1) : bits | sign; }

/* NaN of either sign is the largest key, and -0 becomes 0. */
static uint64_t key_f32(float v) {
  uint32_t bits;
  if (v != v) return UINT64_MAX >> 32;
  v = v == 0 ? 0 : v;
  memcpy(&bits, &v, sizeof bits);
  return float_key(bits, UINT64_C(1) << 31);
}

/* The same in 64 bits: 2 * sign wraps to 0 there, and 0 - 1 is the mask of all bits. */
static uint64_t key_f64(double v) {
  uint64_t bits;
  if (v != v) return UINT64_MAX;
  v = v == 0 ? 0 : v;
  memcpy(&bits, &v, sizeof bits);
  return float_key(bits, UINT64_C(1) << 63);
}

#define KEY_I64(v) ((uint64_t)(v) ^ UINT64_C(1) << 63)

/* The keys of n elements of x from the first on; invert is 0, or all ones for descending order. */
static void make_items(item *items, const nn_tensor *x, int64_t first, int64_t n, uint64_t invert) {
#define ITEMS(T, KEY)                                                                          \
  for (int64_t i = 0; i < n; i++) {                                                            \
    const T v = ((const T *)x->data)[first + i];                                               \
    items[i] = (item){(KEY) ^ invert, i + 1};                                                  \
  }
  switch (x->dtype) {
    case NN_UINT8: ITEMS(uint8_t, (uint64_t)v); break;
    case NN_INT64: ITEMS(int64_t, KEY_I64(v)); break;
    case NN_FLOAT32: ITEMS(float, key_f32(v)); break;
    default: ITEMS(double, key_f64(v));
  }
#undef ITEMS
}

/* For few items: no histogram to clear, and stable since only larger keys move. */
static void insertion_sort(item *items, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    const item next = items[i];
    int64_t at = i;
    for (; at > 0 && items[at - 1].key > next.key; at--) items[at] = items[at - 1];
    items[at] = next;
  }
}

/* By one byte of the keys after the other, the lowest first; a byte that is the same in all keys costs no pass.
 * Gives the sorted one of the two arrays. */
static item *radix_sort(item *items, item *other, int64_t n) {
  uint64_t varying = 0;
  for (int64_t i = 1; i < n; i++) varying |= items[i].key ^ items[0].key;
  for (int shift = 0; shift < 64; shift += 8) {
    if (!(varying >> shift & 255)) continue;
    int64_t start[DIGITS + 1] = {0};
    for (int64_t i = 0; i < n; i++) start[(items[i].key >> shift & 255) + 1]++;
    for (int d = 0; d < DIGITS; d++) start[d + 1] += start[d];
    for (int64_t i = 0; i < n; i++) other[start[items[i].key >> shift & 255]++] = items[i];
    item *sorted = other;
    other = items;
    items = sorted;
  }
  return items;
}

/* An item into a sorted list of up to k: behind those with the same key. */
static inline void insert(item *best, int64_t *held, int64_t k, item next) {
  if (*held == k && next.key >= best[k - 1].key) return;
  int64_t at = *held < k ? (*held)++ : k - 1;
  for (; at > 0 && best[at - 1].key > next.key; at--) best[at] = best[at - 1];
  best[at] = next;
}

/* The k largest of n values, largest first. Most strips hold nothing above the least of them (or NaN), which takes one
 * comparison a value to see. */
#define LARGEST(name, T, KEY)                                                                  \
  static void name(item *best, int64_t k, const void *values, int64_t n) {                     \
    const T *x = values;                                                                       \
    T least = *x;                                                                              \
    int64_t held = 0;                                                                          \
    for (int64_t first = 0, end; first < n; first = end) {                                     \
      end = nn_least(n, first + STRIP);                                                        \
      int above = held < k;                                                                    \
      for (int64_t i = first; i < end; i++) above |= !(x[i] <= least);                         \
      for (int64_t i = first; above && i < end; i++) {                                         \
        const T v = x[i];                                                                      \
        if (held == k && v <= least) continue;                                                 \
        insert(best, &held, k, (item){~(KEY), i + 1});                                         \
        least = x[best[held - 1].position - 1];                                                \
      }                                                                                        \
    }                                                                                          \
  }
LARGEST(largest_u8, uint8_t, (uint64_t)v)
LARGEST(largest_i64, int64_t, KEY_I64(v))
LARGEST(largest_f32, float, key_f32(v))
LARGEST(largest_f64, double, key_f64(v))

typedef struct job {
  const nn_tensor *x;                       /* (rows, n), contiguous */
  int64_t *positions;                       /* (rows, k): the first of each row's order */
  item *space;                              /* room for two rows of items, for each part */
  int64_t rows, n, k, part;                 /* part: rows of it */
  bool descending;
} job;

/* The first k positions of the order of one row; spare has room for n items, as items has. */
static void order_row(const job *j, int64_t row, item *items, item *spare) {
  static void (*const largest[NN_DTYPES])(item *, int64_t, const void *, int64_t) = {
    largest_u8, largest_i64, largest_f32, largest_f64,
  };
  const nn_dtype dtype = j->x->dtype;
  const item *sorted = items;
  if (j->descending && j->k < j->n && j->k <= BEST)
    largest[dtype](items, j->k, (const char *)j->x->data + (size_t)(row * j->n) * nn_dtype_size(dtype), j->n);
  else {
    make_items(items, j->x, row * j->n, j->n, j->descending ? UINT64_MAX : 0);
    if (j->n <= FEW) insertion_sort(items, j->n);
    else sorted = radix_sort(items, spare, j->n);
  }
  for (int64_t i = 0; i < j->k; i++) j->positions[row * j->k + i] = sorted[i].position;
}

static void run_part(void *user, int part) {
  const job *j = user;
  item *items = j->space + 2 * part * j->n;
  const int64_t first = part * j->part, end = nn_least(j->rows, first + j->part);
  for (int64_t row = first; row < end; row++) order_row(j, row, items, items + j->n);
}

/* Rows are shared out when there is enough to sort; long ones by fewer at a time, since each part takes its room. */
static int parts_of(int64_t rows, int64_t n) {
  if (rows * n < PARALLEL_FROM) return 1;
  const int64_t room = n < ROOM / PARTS ? PARTS : n < ROOM ? ROOM / n : 1;
  return (int)nn_least(rows, room);
}

/* Positions along dimension axis, the first k of the order (k < 0: all). */
static nn_tensor *order_along(nn_tensor *x, int axis, int64_t k, bool descending) {
  const int64_t n = x->shape.dim[axis], last = x->shape.rank;
  const size_t mark = nn_scope_open();
  nn_tensor *rows = axis + 1 == last ? nn_contiguous(x) : nn_contiguous(nn_transpose(x, axis + 1, last));
  if (!rows) return nn_scope_return(mark, NULL);
  nn_shape shape = rows->shape;
  shape.dim[last - 1] = k < 0 ? n : k;
  nn_tensor *y = nn_empty(NN_INT64, shape);
  if (y && y->numel) {
    const int parts = parts_of(rows->numel / n, n);
    nn_tensor *space = nn_empty(NN_INT64, NN_SHAPE(4 * n * parts));
    if (!space) return nn_scope_return(mark, NULL);
    job j = {rows, y->data, space->data, rows->numel / n, n, shape.dim[last - 1], 0, descending};
    j.part = nn_pieces(j.rows, parts);
    nn_parallel((int)nn_pieces(j.rows, j.part), run_part, &j);
  }
  return nn_scope_return(mark, axis + 1 == last ? y : nn_contiguous(nn_transpose(y, axis + 1, last)));
}

nn_tensor *nn_argsort(nn_tensor *x, int64_t dim, bool descending) {
  if (!x) return NULL;
  const int axis = nn_dim("sort", &x->shape, dim);
  return axis < 0 ? NULL : order_along(x, axis, -1, descending);
}

nn_tensor *nn_argtopk(nn_tensor *x, int64_t k, int64_t dim) {
  if (!x) return NULL;
  const int axis = nn_dim("topk", &x->shape, dim);
  if (axis < 0) return NULL;
  if (k < 0 || k > x->shape.dim[axis])
    return nn_fail("topk: k = %" PRId64 " is outside 0..%" PRId64 ", the size of dimension %d of %s", k,
                   x->shape.dim[axis],
                   axis + 1, nn_shape_text(&x->shape).s);
  return order_along(x, axis, k, true);
}
