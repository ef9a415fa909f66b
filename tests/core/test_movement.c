/* Movement of elements beside the plainest loops: where each element of the result comes from, over every dtype and
 * memory layout; gradients as the transposes of what they belong to; edges, messages, refused memory. */
#include "naive.h"

Suite *movement_suite(void);

/* Element i of y as 1-based coordinates. */
static void coordinates(const nn_shape *shape, int64_t i, int64_t *c) {
  for (int d = shape->rank - 1; d >= 0; d--) {
    c[d] = i % shape->dim[d] + 1;
    i /= shape->dim[d];
  }
}

/* x at 1-based coordinates. */
static double value(const nn_tensor *x, const int64_t *c) {
  int64_t i = 0;
  for (int d = 0; d < x->shape.rank; d++) i = i * x->shape.dim[d] + c[d] - 1;
  return element(x, i);
}

static const nn_shape shapes[] = {{1, {1}}, {1, {7}}, {2, {3, 4}}, {2, {5, 1}}, {3, {2, 3, 4}}, {4, {3, 2, 2, 5}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

#define FOR_EVERY_SAMPLE(x, shape)                                                            \
  for (int dtype_ = 0; dtype_ < NN_DTYPES; dtype_++)                                          \
    for (int how_ = 0; how_ < LAYOUTS; how_++)                                                \
      for (nn_tensor *x = laid_out(how_, dtype_, shape, 11); x; x = NULL)

START_TEST(cat_puts_side_by_side) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int d = 0; d < shape.rank; d++) {
      nn_shape longer = shape, all = shape;
      longer.dim[d] = 3;
      all.dim[d] = 2 * shape.dim[d] + 3;
      nn_tensor *other = sample(NN_UINT8, longer, 5), *y = nn_cat(3, (nn_tensor *[]){x, other, x}, d - shape.rank);
      has_shape(y, x->dtype, all);
      for (int64_t i = 0; i < y->numel; i++) {
        int64_t c[NN_MAX_RANK];
        coordinates(&all, i, c);
        const int64_t from = c[d], n = shape.dim[d];
        const nn_tensor *source = from > n && from <= n + 3 ? other : x;
        c[d] = from <= n ? from : from <= n + 3 ? from - n : from - n - 3;
        HOLDS(element(y, i) == value(source, c));
      }
    }
}
END_TEST

START_TEST(stack_adds_a_dimension) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int d = 0; d <= shape.rank; d++) {
      nn_tensor *other = sample(x->dtype, shape, 5), *y = nn_stack(2, (nn_tensor *[]){x, other}, d + 1);
      nn_tensor *apart[] = {nn_unsqueeze(x, d + 1), nn_unsqueeze(other, d + 1)};
      same_bits(y, nn_cat(2, apart, d + 1));
    }
}
END_TEST

START_TEST(joined_dtypes) {
  nn_tensor *u = nn_ones(NN_UINT8, NN_SHAPE(1)), *i = INTEGERS(-2), *f = FLOATS(0.5f), *number = nn_number(2.5);
  has_shape(nn_cat(2, (nn_tensor *[]){u, i}, 1), NN_INT64, NN_SHAPE(2));
  HAS_VALUES(nn_cat(3, (nn_tensor *[]){u, f, i}, 1), 1, 0.5, -2);
  has_shape(nn_stack(2, (nn_tensor *[]){nn_reshape(f, NN_SCALAR), number}, 1), NN_FLOAT32, NN_SHAPE(2));
  has_shape(nn_stack(2, (nn_tensor *[]){number, nn_reshape(u, NN_SCALAR)}, 1), NN_FLOAT32, NN_SHAPE(2));
  has_shape(nn_cat(2, (nn_tensor *[]){nn_zeros(NN_FLOAT32, NN_SHAPE(0, 3)), nn_ones(NN_FLOAT32, NN_SHAPE(2, 3))}, 1),
            NN_FLOAT32, NN_SHAPE(2, 3));
}
END_TEST

START_TEST(tile_repeats) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int more = -1; more < 2; more++) {
      nn_ints repeats = {shape.rank + more, {0}};
      for (int d = 0; d < repeats.n; d++) repeats.v[d] = 1 + (d + 1) % 3;
      nn_tensor *y = nn_tile(x, repeats);
      HOLDS(y && y->dtype == x->dtype && y->shape.rank == shape.rank + (more > 0));
      const int added = y->shape.rank - shape.rank;
      for (int64_t i = 0; i < y->numel; i++) {
        int64_t c[NN_MAX_RANK] = {0}, from[NN_MAX_RANK] = {0};
        coordinates(&y->shape, i, c);
        for (int d = 0; d < shape.rank; d++) from[d] = (c[d + added] - 1) % shape.dim[d] + 1;
        HOLDS(element(y, i) == value(x, from));
      }
    }
}
END_TEST

START_TEST(flip_mirrors) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int mask = 0; mask < 1 << shape.rank; mask++) {
      nn_ints dims = {0, {0}};
      for (int d = 0; d < shape.rank; d++)
        if (mask >> d & 1) dims.v[dims.n++] = d + 1;
      nn_tensor *y = nn_flip(x, dims);
      has_shape(y, x->dtype, shape);
      for (int64_t i = 0; i < y->numel; i++) {
        int64_t c[NN_MAX_RANK];
        coordinates(&shape, i, c);
        for (int d = 0; d < shape.rank; d++)
          if (mask >> d & 1 || !mask) c[d] = shape.dim[d] + 1 - c[d];
        HOLDS(element(y, i) == value(x, c));
      }
    }
}
END_TEST

START_TEST(pad_frames) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape) {
    nn_ints pairs = {2 * shape.rank, {0}};
    for (int j = 0; j < pairs.n; j++) pairs.v[j] = j % 3;
    nn_tensor *y = nn_pad(x, pairs, 77);
    for (int64_t i = 0; y && i < y->numel; i++) {
      int64_t c[NN_MAX_RANK];
      bool inside = true;
      coordinates(&y->shape, i, c);
      for (int d = 0; d < shape.rank; d++) {
        c[d] -= pairs.v[2 * d];
        inside &= c[d] >= 1 && c[d] <= shape.dim[d];
      }
      HOLDS(element(y, i) == (inside ? value(x, c) : 77));
    }
    HOLDS(y && y->shape.dim[0] == shape.dim[0] + 1);
  }
}
END_TEST

/* The dot product of two tensors of one shape: a gradient is right when dot(f(x), g) = dot(x, f's gradient(g)). */
static double dot(const nn_tensor *a, const nn_tensor *b) {
  HOLDS(a && b && nn_shape_equal(&a->shape, &b->shape));
  double sum = 0;
  for (int64_t i = 0; i < a->numel; i++) sum += element(a, i) * element(b, i);
  return sum;
}
#define TRANSPOSES(y, x, grad) \
  do { \
    nn_tensor *y_ = (y), *g = laid_out(how_, x->dtype, y_->shape, 21); \
    HOLDS(close_to(dot(y_, g), dot(x, grad), 0, 1e-4)); \
  } while (0)

START_TEST(index_select_and_its_gradient) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int d = 0; d < shape.rank; d++)
      for (int rank = 0; rank < 3; rank++) {
        const int64_t n = shape.dim[d], some[] = {n, 1, -1, -n, (n + 1) / 2, 1};
        nn_tensor *positions = integers(rank == 0 ? NN_SCALAR : rank == 1 ? NN_SHAPE(6) : NN_SHAPE(2, 3), some);
        nn_tensor *y = nn_index_select(x, d + 1, positions);
        HOLDS(y && y->dtype == x->dtype && y->shape.rank == shape.rank - 1 + rank);
        nn_shape flat = shape;
        flat.dim[d] = positions->numel;
        nn_tensor *rows = nn_reshape(y, flat);
        for (int64_t i = 0; i < y->numel; i++) {
          int64_t c[NN_MAX_RANK];
          coordinates(&flat, i, c);
          const int64_t p = some[c[d] - 1];
          c[d] = p > 0 ? p : n + 1 + p;
          HOLDS(element(rows, i) == value(x, c));
        }
        if (x->dtype != NN_UINT8) TRANSPOSES(y, x, nn_index_add(g, shape, d + 1, positions));
      }
}
END_TEST

START_TEST(gather_and_its_gradient) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int d = 0; d < shape.rank; d++) {
      nn_shape smaller = shape;
      for (int e = 0; e < shape.rank; e++)
        if (e != d && smaller.dim[e] > 2) smaller.dim[e]--;
      smaller.dim[d] = d % 2 ? 5 : 1;
      const int64_t n = shape.dim[d];
      nn_tensor *positions = nn_empty(NN_INT64, smaller);
      for (int64_t i = 0; i < positions->numel; i++)
        ((int64_t *)positions->data)[i] = i % 3 ? i * 7 % n + 1 : -(i * 5 % n) - 1;
      nn_tensor *y = nn_gather(x, d - shape.rank, positions);
      has_shape(y, x->dtype, smaller);
      for (int64_t i = 0; i < y->numel; i++) {
        int64_t c[NN_MAX_RANK];
        coordinates(&smaller, i, c);
        const int64_t p = (int64_t)element(positions, i);
        c[d] = p > 0 ? p : n + 1 + p;
        HOLDS(element(y, i) == value(x, c));
      }
      if (x->dtype != NN_UINT8) TRANSPOSES(y, x, nn_scatter_add(g, shape, d + 1, positions));
    }
}
END_TEST

/* Enough to be cut over the pool, in one run and in many; a bad position in a later part is named, the first of two. */
START_TEST(many_picks) {
  const int64_t n = 90000;
  nn_tensor *x = sample(NN_FLOAT32, NN_SHAPE(300, 301), 3), *flat = nn_reshape(x, NN_SHAPE(-1));
  nn_tensor *some = nn_randint(NULL, -301, -1, NN_SHAPE(300, 301)), *one = nn_randint(NULL, 1, 90300, NN_SHAPE(n));
  nn_tensor *rows = nn_randint(NULL, 1, 300, NN_SHAPE(1000)), *first[4];
  for (int threads = 1; threads <= 8; threads++) {
    nn_set_threads(threads);
    nn_tensor *y[] = {nn_gather(x, 2, some), nn_gather(flat, 1, one), nn_index_select(x, 1, rows),
                      nn_index_select(x, 2, some)};
    for (int i = 0; i < 4; i++)
      if (threads == 1) first[i] = y[i];
      else same_bits(y[i], first[i]);
  }
  for (int64_t i = 0; i < n; i += 7) {
    HOLDS(element(first[0], i) == element(x, i / 301 * 301 + 301 + (int64_t)element(some, i)));
    HOLDS(element(first[1], i) == element(flat, (int64_t)element(one, i) - 1));
    HOLDS(element(first[2], i) == element(x, ((int64_t)element(rows, i / 301) - 1) * 301 + i % 301));
    HOLDS(element(first[3], i) == element(x, i / 90300 * 301 + 301 + (int64_t)element(some, i % 90300)));
  }
  set_element(one, 70000, 90301);
  set_element(one, 80000, 0);
  fails_with(nn_gather(flat, 1, one), "gather: position 90301 is outside dimension 1 of {90300}");
  fails_with(nn_index_select(flat, 1, one), "index_select: position 90301 is outside dimension 1 of {90300}");
}
END_TEST

START_TEST(embedding_and_its_gradient) {
  static const nn_dtype id_dtypes[] = {NN_UINT8, NN_INT64, NN_FLOAT32, NN_FLOAT64};
  for (int how_ = 0; how_ < LAYOUTS; how_++)
    for (int t = 0; t < 4; t++) {
      nn_tensor *w = laid_out(how_, NN_FLOAT64, NN_SHAPE(10, 4), 3);
      nn_tensor *ids = nn_cast(integers(NN_SHAPE(2, 3), (int64_t[]){9, 0, 3, 3, 3, 1}), id_dtypes[t]);
      ids = nn_transpose(ids, 1, 2);
      nn_tensor *y = nn_embedding(w, ids);
      has_shape(y, NN_FLOAT64, NN_SHAPE(3, 2, 4));
      for (int64_t i = 0; i < y->numel; i++)
        HOLDS(element(y, i) == value(w, (int64_t[]){(int64_t)element(ids, i / 4) + 1, i % 4 + 1}));
      TRANSPOSES(y, w, nn_embedding_grad(g, w->shape, ids));
    }
  has_shape(nn_embedding(nn_ones(NN_FLOAT32, NN_SHAPE(3, 5)), nn_integer(2)), NN_FLOAT32, NN_SHAPE(5));
}
END_TEST

START_TEST(masked_select_and_its_gradient) {
  const nn_shape shape = shapes[_i];
  FOR_EVERY_SAMPLE(x, shape)
    for (int m = 0; m < NN_DTYPES; m++) {
      nn_shape last = NN_SHAPE(shape.dim[shape.rank - 1]);
      nn_tensor *mask = nn_gt(sample(NN_FLOAT32, m % 2 ? shape : last, 4), nn_number(0));
      mask = nn_mul(nn_cast(mask, m), nn_integer(3));
      nn_tensor *full = nn_broadcast_to(mask, shape), *y = nn_masked_select(x, mask);
      int64_t n = 0;
      for (int64_t i = 0; y && i < x->numel; i++)
        if (element(full, i) != 0) HOLDS(element(y, n++) == element(x, i));
      has_shape(y, x->dtype, NN_SHAPE(n));
      TRANSPOSES(y, x, nn_masked_spread(g, mask, shape));
    }
}
END_TEST

START_TEST(slice_gradient) {
  nn_tensor *g = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(2, 3), 1);
  const nn_range ranges[] = {{2, 3, false}, {-1, 0, true}, {0, 0, false}};
  nn_tensor *y = nn_slice_spread(g, NN_SHAPE(4, 5, 3), 3, ranges), *x = sample(NN_FLOAT32, NN_SHAPE(4, 5, 3), 2);
  has_shape(y, NN_FLOAT32, NN_SHAPE(4, 5, 3));
  HOLDS(close_to(dot(nn_slice("test", x, 3, ranges), g), dot(x, y), 0, 1e-5));
  HOLDS(element(nn_sum(nn_ne(y, nn_number(0)), NN_ALL, false), 0) == 6);
}
END_TEST

START_TEST(one_hot_labels) {
  HAS_VALUES(nn_one_hot(INTEGERS(2, 0), 3), 0, 0, 1, 1, 0, 0);
  HAS_VALUES(nn_one_hot(FLOATS(1), 2), 0, 1);
  has_shape(nn_one_hot(nn_zeros(NN_UINT8, NN_SHAPE(2, 3)), 4), NN_FLOAT32, NN_SHAPE(2, 3, 4));
  has_shape(nn_one_hot(nn_integer(1), 4), NN_FLOAT32, NN_SHAPE(4));
}
END_TEST

START_TEST(triangles) {
  static const int64_t diagonals[] = {0, 1, -1, 3, -4, 100, INT64_MAX, INT64_MIN};
  const nn_shape some[] = {NN_SHAPE(4, 4), NN_SHAPE(2, 3, 5), NN_SHAPE(5, 2), NN_SHAPE(1, 1)};
  for (int s = 0; s < 4; s++)
    FOR_EVERY_SAMPLE(x, some[s])
      for (int d = 0; d < 8; d++) {
        const int64_t k = diagonals[d];
        nn_tensor *low = nn_tril(x, k), *high = nn_triu(x, k);
        for (int64_t i = 0; i < x->numel; i++) {
          int64_t c[NN_MAX_RANK];
          coordinates(&x->shape, i, c);
          const int64_t off = c[x->shape.rank - 1] - c[x->shape.rank - 2];
          HOLDS(element(low, i) == (off <= k ? element(x, i) : 0));
          HOLDS(element(high, i) == (off >= k ? element(x, i) : 0));
        }
      }
}
END_TEST

START_TEST(batches_of_rows) {
  for (int from = 0; from < NN_DTYPES; from++)
    for (int to = 0; to < NN_DTYPES; to++)
      for (int64_t width = 1; width < 1000; width = 9 * width + 4) {
        if (nn_is_float(from) && !nn_is_float(to)) continue;
        nn_tensor *x = sample(from, NN_SHAPE(300, width, 2), 3);
        if (from == NN_INT64 && to == NN_UINT8) x = nn_abs(x);
        nn_tensor *order = nn_randperm(NULL, 300), *y = nn_gather_rows(x, order, 11, 280, to, 1);
        nn_tensor *part = nn_slice("test", order, 1, &(nn_range){11, 290, false});
        nn_tensor *expected = nn_cast(nn_index_select(x, 1, part), to);
        same_bits(y, expected);
        if (nn_is_float(to)) same_bits(nn_gather_rows(x, order, 11, 280, to, 0.25), nn_mul(expected, nn_number(0.25)));
      }
  nn_tensor *labels = INTEGERS(5, 6, 7), *last = nn_gather_rows(labels, INTEGERS(-1, 1, 3), 1, 2, NN_INT64, 1);
  HAS_VALUES(last, 7, 5);
  has_shape(nn_gather_rows(labels, INTEGERS(1), 2, 0, NN_FLOAT32, 1), NN_FLOAT32, NN_SHAPE(0));
}
END_TEST

START_TEST(of_nothing) {
  nn_tensor *x = nn_zeros(NN_FLOAT32, NN_SHAPE(0, 3)), *none = nn_zeros(NN_INT64, NN_SHAPE(0));
  nn_tensor *m = nn_zeros(NN_UINT8, NN_SHAPE(3));
  has_shape(nn_tile(x, NN_INTS(2, 2)), NN_FLOAT32, NN_SHAPE(0, 6));
  has_shape(nn_tile(nn_ones(NN_FLOAT32, NN_SHAPE(2)), NN_INTS(0)), NN_FLOAT32, NN_SHAPE(0));
  has_shape(nn_tile(nn_number(3), NN_ALL), NN_FLOAT64, NN_SCALAR);
  has_shape(nn_flip(x, NN_ALL), NN_FLOAT32, NN_SHAPE(0, 3));
  HAS_VALUES(nn_pad(nn_zeros(NN_UINT8, NN_SHAPE(0, 1)), NN_INTS(1, 0, 0, 1), 5), 5, 5);
  has_shape(nn_index_select(x, 1, none), NN_FLOAT32, NN_SHAPE(0, 3));
  has_shape(nn_index_select(x, 2, INTEGERS(1, 1, 1, 1)), NN_FLOAT32, NN_SHAPE(0, 4));
  HAS_VALUES(nn_index_add(nn_zeros(NN_FLOAT32, NN_SHAPE(0)), NN_SHAPE(2), 1, none), 0, 0);
  has_shape(nn_gather(x, 1, nn_zeros(NN_INT64, NN_SHAPE(0, 2))), NN_FLOAT32, NN_SHAPE(0, 2));
  HAS_VALUES(nn_scatter_add(nn_zeros(NN_FLOAT32, NN_SHAPE(0)), NN_SHAPE(2), 1, none), 0, 0);
  has_shape(nn_embedding(nn_ones(NN_FLOAT32, NN_SHAPE(2, 3)), none), NN_FLOAT32, NN_SHAPE(0, 3));
  has_shape(nn_masked_select(x, m), NN_FLOAT32, NN_SHAPE(0));
  has_shape(nn_masked_spread(nn_zeros(NN_FLOAT32, NN_SHAPE(0)), m, x->shape), NN_FLOAT32, x->shape);
  has_shape(nn_one_hot(none, 3), NN_FLOAT32, NN_SHAPE(0, 3));
  has_shape(nn_tril(x, 0), NN_FLOAT32, NN_SHAPE(0, 3));
  has_shape(nn_triu(nn_zeros(NN_FLOAT32, NN_SHAPE(3, 0)), 0), NN_FLOAT32, NN_SHAPE(3, 0));
}
END_TEST

START_TEST(messages_of_joining) {
  nn_tensor *a = nn_ones(NN_FLOAT32, NN_SHAPE(2, 3)), *b = nn_ones(NN_FLOAT32, NN_SHAPE(2, 4));
  nn_tensor *u = nn_ones(NN_UINT8, NN_SHAPE(2));
  nn_tensor *deep = nn_ones(NN_FLOAT32, NN_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
  fails_with(nn_cat(2, (nn_tensor *[]){a, b}, 1), "cat: shapes differ outside dimension 1: {2, 3} and {2, 4}");
  fails_with(nn_cat(2, (nn_tensor *[]){a, u}, -1), "cat: shapes differ outside dimension 2: {2, 3} and {2}");
  fails_with(nn_cat(0, NULL, 1), "cat: the list is empty");
  fails_with(nn_stack(0, NULL, 1), "stack: the list is empty");
  fails_with(nn_cat(1, &a, 3), "cat: dimension 3 is outside {2, 3}");
  fails_with(nn_stack(2, (nn_tensor *[]){a, b}, 1), "stack: shapes differ: {2, 3} and {2, 4}");
  fails_with(nn_stack(1, &deep, 1), "stack: rank 9 is above 8, the highest");
  fails_with(nn_tile(a, NN_INTS(2, -1)), "tile: repeats must not be negative; got {2, -1}");
  fails_with(nn_tile(a, NN_INTS(1, 1, 1, 1, 1, 1, 1, 1, 1)), "tile: rank 9 is above 8, the highest");
  fails_with(nn_tile(a, NN_INTS(INT64_MAX, 1)),
             "tile: {2, 3} times {9223372036854775807, 1} is more than memory can address");
  fails_with(nn_flip(a, NN_INTS(0)), "flip: dimensions count from 1 (or -1, the last); got 0 for {2, 3}");
  fails_with(nn_pad(a, NN_INTS(1, 1), 0), "pad: {2, 3} takes 4 sizes, before and after for each dimension; got {1, 1}");
  fails_with(nn_pad(u, NN_INTS(1, -1), 0), "pad: sizes must not be negative; got {1, -1}");
  fails_with(nn_pad(u, NN_INTS(1, 1), 0.5), "pad: 0.5 is no whole number, for uint8");
  fails_with(nn_tril(u, 0), "tril: at least 2 dimensions are expected, got {2}");
  ck_assert_ptr_null(nn_cat(2, (nn_tensor *[]){a, NULL}, 1));
  ck_assert_ptr_null(nn_tile(NULL, NN_ALL));
  ck_assert_ptr_null(nn_error());
}
END_TEST

START_TEST(messages_of_positions) {
  nn_tensor *x = nn_ones(NN_FLOAT32, NN_SHAPE(5, 3)), *f = nn_ones(NN_FLOAT32, NN_SHAPE(2));
  fails_with(nn_index_select(x, 1, INTEGERS(1, 7)), "index_select: position 7 is outside dimension 1 of {5, 3}");
  fails_with(nn_index_select(x, 2, INTEGERS(-4)), "index_select: position -4 is outside dimension 2 of {5, 3}");
  fails_with(nn_index_select(x, 2, INTEGERS(0)), "index_select: position 0 is outside dimension 2 of {5, 3}");
  fails_with(nn_index_select(x, 2, INTEGERS(INT64_MIN)), "position -9223372036854775808 is outside dimension 2");
  fails_with(nn_gather(FLOATS(1, 2), 1, INTEGERS(INT64_MAX)), "position 9223372036854775807 is outside dimension 1");
  fails_with(nn_index_select(x, 1, f), "index_select: positions are float32; int64 is expected");
  fails_with(nn_gather(x, 1, f), "gather: positions {2} do not fit {5, 3} outside dimension 1");
  fails_with(nn_gather(x, 1, nn_ones(NN_INT64, NN_SHAPE(2, 4))),
             "gather: positions {2, 4} do not fit {5, 3} outside dimension 1");
  fails_with(nn_gather(x, 1, nn_full(NN_INT64, NN_SHAPE(1, 1), 6)),
             "gather: position 6 is outside dimension 1 of {5, 3}");
  fails_with(nn_scatter_add(f, x->shape, 1, INTEGERS(1)), "scatter_add: values {2} and positions {1} differ");
  fails_with(nn_index_add(f, x->shape, 1, INTEGERS(1)), "index_add: {1, 3} is expected, got {2}");
  fails_with(nn_masked_select(x, f), "masked_select: shapes do not broadcast: {2} and {5, 3}");
  fails_with(nn_masked_select(f, nn_ones(NN_UINT8, NN_SHAPE(3, 2))),
             "masked_select: mask {3, 2} does not broadcast to {2}");
  fails_with(nn_masked_spread(f, nn_ones(NN_UINT8, NN_SHAPE(3)), NN_SHAPE(3)),
             "masked_spread: the mask names 3 places, got {2}");
}
END_TEST

START_TEST(messages_of_ids_and_batches) {
  nn_tensor *w = nn_ones(NN_FLOAT32, NN_SHAPE(10, 3)), *ids = nn_zeros(NN_INT64, NN_SHAPE(2, 3)), *f = FLOATS(1, 2.5f);
  ((int64_t *)ids->data)[5] = 10;
  fails_with(nn_embedding(w, ids), "embedding: id 10 at {2, 3} is outside 0..9");
  fails_with(nn_embedding(w, f), "embedding: id 2.5 at {2} is not a whole number");
  fails_with(nn_embedding(w, FLOATS(NAN)), "embedding: id nan at {1} is not a whole number");
  fails_with(nn_embedding(f, ids), "embedding: weights of rank 2 are expected, got {2}");
  fails_with(nn_one_hot(INTEGERS(0, 1, 2, 3, 10), 10), "one_hot: label 10 at {5} is outside 0..9");
  fails_with(nn_one_hot(nn_integer(-1), 10), "one_hot: label -1 is outside 0..9");
  fails_with(nn_one_hot(FLOATS(-2), 3), "one_hot: label -2 at {1} is outside 0..2");
  fails_with(nn_one_hot(ids, 0), "one_hot: the number of classes must be at least 1; got 0");
  fails_with(nn_embedding_grad(f, NN_SHAPE(10, 3), ids), "embedding_grad: {2, 3, 3} is expected, got {2}");
  fails_with(nn_gather_rows(w, INTEGERS(1, 11), 1, 2, NN_FLOAT32, 1),
             "gather_rows: position 11 is outside dimension 1 of {10, 3}");
  fails_with(nn_gather_rows(w, INTEGERS(1, 2), 2, 2, NN_FLOAT32, 1),
             "gather_rows: 2 positions from 2 on are outside {2}");
  fails_with(nn_gather_rows(w, f, 1, 1, NN_FLOAT32, 1),
             "gather_rows: the order is to be a contiguous int64 tensor of rank 1, got float32 {2}");
  fails_with(nn_gather_rows(nn_transpose(w, 1, 2), INTEGERS(1), 1, 1, NN_FLOAT32, 1),
             "gather_rows: contiguous rows are expected, got {3, 10}");
}
END_TEST

START_TEST(refused_memory) {
  nn_tensor *x = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(4, 5), 1), *i = nn_ones(NN_UINT8, NN_SHAPE(4, 5));
  nn_tensor *p = nn_ones(NN_UINT8, NN_SHAPE(3));
  nn_tensor *rows = nn_contiguous(x), *order = INTEGERS(1, 2), *g = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(3, 5), 1);
  nn_tensor *values = nn_ones(NN_FLOAT32, NN_SHAPE(20));
  SURVIVES_REFUSALS(nn_cat(2, (nn_tensor *[]){x, i}, 1));
  SURVIVES_REFUSALS(nn_stack(2, (nn_tensor *[]){x, i}, 1));
  SURVIVES_REFUSALS(nn_tile(x, NN_INTS(2)));
  SURVIVES_REFUSALS(nn_flip(x, NN_INTS(2)));
  SURVIVES_REFUSALS(nn_pad(x, NN_INTS(1, 1, 1, 1), 0));
  SURVIVES_REFUSALS(nn_index_select(x, 1, p));
  SURVIVES_REFUSALS(nn_index_add(g, x->shape, 1, p));
  SURVIVES_REFUSALS(nn_gather(x, 2, i));
  SURVIVES_REFUSALS(nn_scatter_add(x, x->shape, 2, i));
  SURVIVES_REFUSALS(nn_embedding(x, nn_zeros(NN_FLOAT32, NN_SHAPE(2))));
  SURVIVES_REFUSALS(nn_embedding_grad(g, x->shape, p));
  SURVIVES_REFUSALS(nn_masked_select(x, x));
  SURVIVES_REFUSALS(nn_masked_spread(values, i, x->shape));
  SURVIVES_REFUSALS(nn_slice_spread(p, NN_SHAPE(4), 1, &(nn_range){2, 4, false}));
  SURVIVES_REFUSALS(nn_one_hot(p, 3));
  SURVIVES_REFUSALS(nn_triu(x, 1));
  SURVIVES_REFUSALS(nn_gather_rows(rows, order, 1, 2, NN_FLOAT64, 2));
  SURVIVES_REFUSALS(nn_gather_rows(i, order, 1, 2, NN_INT64, 2));
}
END_TEST

Suite *movement_suite(void) {
  Suite *suite = suite_create("movement");
  TCase *tests = tcase_create("movement");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, cat_puts_side_by_side, 0, SHAPES);
  tcase_add_loop_test(tests, stack_adds_a_dimension, 0, SHAPES);
  tcase_add_test(tests, joined_dtypes);
  tcase_add_loop_test(tests, tile_repeats, 0, SHAPES);
  tcase_add_loop_test(tests, flip_mirrors, 0, SHAPES);
  tcase_add_loop_test(tests, pad_frames, 0, SHAPES);
  tcase_add_loop_test(tests, index_select_and_its_gradient, 0, SHAPES);
  tcase_add_loop_test(tests, gather_and_its_gradient, 0, SHAPES);
  tcase_add_test(tests, many_picks);
  tcase_add_test(tests, embedding_and_its_gradient);
  tcase_add_loop_test(tests, masked_select_and_its_gradient, 0, SHAPES);
  tcase_add_test(tests, slice_gradient);
  tcase_add_test(tests, one_hot_labels);
  tcase_add_test(tests, triangles);
  tcase_add_test(tests, batches_of_rows);
  tcase_add_test(tests, of_nothing);
  tcase_add_test(tests, messages_of_joining);
  tcase_add_test(tests, messages_of_positions);
  tcase_add_test(tests, messages_of_ids_and_batches);
  tcase_add_test(tests, refused_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
