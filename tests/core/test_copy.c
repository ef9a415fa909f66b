/* Copies and casts beside the plainest loop: every pair of dtypes over every order of the dimensions, at sizes around
 * those of tiles and blocks; the bits of any number of threads; values that do not fit. */
#include <stdio.h>

#include "naive.h"

Suite *copy_suite(void);

/* Sizes of tiles (32, 64), squares (2, 4, 16) and one more or less; rows, blocks and parts that are cut. */
static const nn_shape shapes[] = {
  {0, {0}}, {1, {5}}, {2, {1, 1}}, {2, {3, 70}}, {2, {65, 63}}, {2, {17, 130}}, {2, {64, 128}}, {3, {5, 33, 66}},
  {3, {70, 2, 35}}, {4, {3, 9, 2, 17}}, {4, {2, 1, 40, 3}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, ORDERS = 24 };

/* The i-th order of n dimensions. */
static nn_ints order(int n, int i) {
  nn_ints dims = {n, {0}};
  bool taken[NN_MAX_RANK] = {false};
  for (int d = 0; d < n; i /= n - d++) {
    int at = 0;
    for (int skip = i % (n - d); skip || taken[at]; at++) skip -= !taken[at];
    taken[at] = true;
    dims.v[d] = at + 1;
  }
  return dims;
}

/* Values that every dtype has room for, in a tensor whose dimensions lie in memory in the i-th order; spread: with room
 * between the elements. */
static nn_tensor *ordered(nn_dtype dtype, nn_shape shape, int i, bool spread, uint32_t seed) {
  const nn_ints dims = order(shape.rank, i);
  nn_shape stored = shape;
  nn_ints back = dims;
  for (int d = 0; d < dims.n; d++) stored.dim[d] = shape.dim[dims.v[d] - 1], back.v[dims.v[d] - 1] = d + 1;
  nn_tensor *x = laid_out(spread ? STEPPED : CONTIGUOUS, dtype, stored, seed);
  for (int64_t k = 0; k < x->numel; k++) set_element(x, k, fabs(element(x, k)));
  return nn_permute(x, back);
}

static void same_elements(const nn_tensor *y, const nn_tensor *x) {
  for (int64_t i = 0; i < x->numel; i++) {
    double expected = element(x, i);
    if (!nn_is_float(y->dtype)) expected = trunc(expected);
    HOLDS(element(y, i) == (y->dtype == NN_FLOAT32 ? (float)expected : expected));
  }
}

START_TEST(every_order_and_dtype) {
  const nn_shape shape = shapes[_i];
  for (int source = 0; source < NN_DTYPES; source++)
    for (int i = 0; i < (shape.rank < 4 ? 6 : ORDERS); i++) {
      nn_tensor *x = ordered((nn_dtype)source, shape, i, i % 4 == 3, 7);
      for (int target = 0; target < NN_DTYPES; target++) {
        const size_t mark = nn_scope_open();
        nn_tensor *z = ordered((nn_dtype)target, shape, ORDERS - 1 - i, i % 3 == 0, 3);
        same_elements(nn_cast(x, (nn_dtype)target), x);
        HOLDS(nn_copy_into("copy", z, x));
        same_elements(z, x);
        nn_scope_close(mark);
      }
      same_elements(nn_clone(x), x);
    }
}
END_TEST

START_TEST(mirrored_and_repeated) {
  const int64_t sizes[] = {7, 66, 200};
  for (int s = 0; s < 3; s++) {
    const int64_t n = sizes[s];
    nn_tensor *x = sample(NN_FLOAT32, NN_SHAPE(n, n), 3);
    nn_tensor *mirrored = nn_view(x, x->shape, (int64_t[]){-1, n}, n - 1), *y = nn_clone(mirrored);
    for (int64_t i = 0; i < n * n; i++) HOLDS(element(y, i) == element(x, i % n * n + n - 1 - i / n));
    same_elements(nn_clone(nn_broadcast_to(nn_slice("test", x, 1, &(nn_range){2, 2, true}), x->shape)),
                  nn_broadcast_to(nn_slice("test", x, 1, &(nn_range){2, 2, true}), x->shape));
    nn_tensor *column = nn_slice("test", x, 2, (nn_range[]){{0}, {1, 1, false}});
    same_elements(nn_cast(nn_broadcast_to(column, x->shape), NN_FLOAT64), nn_broadcast_to(column, x->shape));
  }
}
END_TEST

/* Into a view whose elements share places: one value for all, or nothing. */
START_TEST(into_repeated_rows) {
  nn_tensor *row = nn_zeros(NN_FLOAT32, NN_SHAPE(1, 3)), *rows = nn_broadcast_to(row, NN_SHAPE(2, 3));
  HOLDS(nn_shares_elements(rows) && !nn_shares_elements(row));
  fails_with(nn_copy_into("copy", rows, sample(NN_FLOAT32, NN_SHAPE(2, 3), 5)),
             "copy: elements of {2, 3} share one place in memory");
  HOLDS(element(row, 0) == 0 && nn_fill(rows, 7) && element(row, 2) == 7);
}
END_TEST

START_TEST(any_number_of_threads) {
  nn_tensor *x = sample(NN_FLOAT32, NN_SHAPE(7, 301, 403), 9), *first[6] = {NULL};
  for (int threads = 1; threads <= 8; threads++) {
    nn_set_threads(threads);
    nn_tensor *y[] = {nn_clone(x), nn_clone(nn_transpose(x, 2, 3)), nn_clone(nn_transpose(x, 1, 3)),
                      nn_cast(nn_transpose(x, 1, 2), NN_FLOAT64), nn_cast(nn_transpose(x, 2, 3), NN_INT64),
                      nn_full(NN_FLOAT32, x->shape, 0.1)};
    for (int i = 0; i < 6; i++)
      if (threads == 1) same_elements(y[i], i == 0 ? x : i == 1 || i == 4 ? nn_transpose(x, 2, 3)
                                          : i == 2 ? nn_transpose(x, 1, 3) : i == 3 ? nn_transpose(x, 1, 2) : y[i]);
      else same_bits(y[i], first[i]);
    if (threads == 1) memcpy(first, y, sizeof first);
  }
}
END_TEST

/* The first in row-major order is named, wherever it lies in memory, and the target keeps what it had. */
START_TEST(what_does_not_fit) {
  static const struct { nn_dtype from, to; double good, bad; const char *text; } rows[] = {
    {NN_INT64, NN_UINT8, 255, 256, "256"}, {NN_INT64, NN_UINT8, 0, -1, "-1"}, {NN_FLOAT32, NN_UINT8, 255.9, 256, "256"},
    {NN_FLOAT32, NN_UINT8, -0.9, -1, "-1"}, {NN_FLOAT64, NN_UINT8, 255.9, NAN, "NaN"},
    {NN_FLOAT64, NN_UINT8, -0.9, -1, "-1"}, {NN_FLOAT32, NN_INT64, -0x1p63, 0x1p63, "9.22337e+18"},
    {NN_FLOAT32, NN_INT64, 0x1.fffffep62, NAN, "NaN"}, {NN_FLOAT64, NN_INT64, -0x1p63, 0x1p63, "9.22337e+18"},
    {NN_FLOAT64, NN_INT64, 0x1.fffffffffffffp62, -INFINITY, "-inf"},
  };
  const int64_t m = 70, n = 600;
  nn_tensor *x = nn_transpose(nn_full(rows[_i].from, NN_SHAPE(n, m), 0), 1, 2), *y = sample(rows[_i].to, x->shape, 2);
  set_element(x, 5, rows[_i].good);
  HOLDS(element(nn_cast(x, rows[_i].to), 5) == trunc(element(x, 5)));
  set_element(x, 3 * n + 500, rows[_i].bad);
  set_element(x, 65 * n + 1, rows[_i].bad);
  nn_tensor *kept = nn_clone(y);
  const uint32_t version = nn_version(y);
  char text[96];
  snprintf(text, sizeof text, "copy: %s at {4, 501} does not fit into %s", rows[_i].text, nn_dtype_name(rows[_i].to));
  fails_with(nn_copy_into("copy", y, x), text);
  fails_with(nn_cast(nn_contiguous(x), rows[_i].to), strchr(text, ' '));
  same_bits(y, kept);
  HOLDS(nn_version(y) == version);
}
END_TEST

START_TEST(refused_memory) {
  nn_tensor *x = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(3, 5), 1), *y = nn_zeros(NN_UINT8, NN_SHAPE(3, 5));
  SURVIVES_REFUSALS(nn_clone(x));
  SURVIVES_REFUSALS(nn_cast(x, NN_FLOAT64));
  SURVIVES_REFUSALS(nn_copy_into("copy", y, nn_abs(x)) ? y : NULL);
}
END_TEST

Suite *copy_suite(void) {
  Suite *suite = suite_create("copy");
  TCase *tests = tcase_create("copy");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, every_order_and_dtype, 0, SHAPES);
  tcase_add_test(tests, mirrored_and_repeated);
  tcase_add_test(tests, into_repeated_rows);
  tcase_add_test(tests, any_number_of_threads);
  tcase_add_loop_test(tests, what_does_not_fit, 0, 10);
  tcase_add_test(tests, refused_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
