/* Positions that sort: beside the definition of the order, over every dtype, memory layout and length at which the
 * method changes; the bits of any number of threads. */
#include "naive.h"

Suite *sort_suite(void);

/* b before a in the order asked for? NaN is above everything. */
static bool before(double a, double b, bool descending) {
  const bool less = isnan(b) ? !isnan(a) : a < b, more = isnan(a) ? !isnan(b) : a > b;
  return descending ? more : less;
}

static void check_order(const nn_tensor *x, const nn_tensor *p, int64_t first, int64_t from, int64_t step, int64_t k,
                        bool descending) {
  for (int64_t j = 0; j + 1 < k; j++) {
    const int64_t a = (int64_t)element(p, first + j * step), b = (int64_t)element(p, first + (j + 1) * step);
    const double u = element(x, from + (a - 1) * step), v = element(x, from + (b - 1) * step);
    HOLDS(before(u, v, descending) || (!before(v, u, descending) && a < b));
  }
}

START_TEST(sorted_positions) {
  static const int64_t sizes[] = {1, 2, 10, 47, 49, 300, 3000};
  for (int s = 0; s < 7; s++)
    for (int dtype = 0; dtype < NN_DTYPES; dtype++)
      for (int dim = 1; dim <= 2; dim++)
        for (int descending = 0; descending < 2; descending++) {
          const int64_t n = sizes[s];
          nn_tensor *x = laid_out(s % 3, dtype, dim == 1 ? NN_SHAPE(n, 3) : NN_SHAPE(3, n), 8);
          if (nn_is_float(dtype)) {
            x = nn_clone(x);
            for (int64_t i = 0; i < x->numel; i += 5)
              nn_fill(nn_view(x, NN_SCALAR, NULL, i), i % 2 ? NAN : i % 4 ? -0.0 : 0.0);
            if (x->numel > 9) nn_fill(nn_view(x, NN_SCALAR, NULL, 9), -INFINITY);
          }
          const int64_t step = dim == 1 ? 3 : 1;
          nn_tensor *p = nn_argsort(x, dim, descending), *ones = nn_ones(NN_INT64, x->shape);
          has_shape(p, NN_INT64, x->shape);
          same_bits(nn_scatter_add(ones, x->shape, dim, p), ones);                  /* a permutation */
          for (int r = 0; r < 3; r++)
            check_order(x, p, dim == 1 ? r : r * n, dim == 1 ? r : r * n, step, n, descending);
        }
}
END_TEST

START_TEST(top_positions) {
  for (int64_t k = 0; k <= 100; k += k < 4 ? 1 : 24)
    for (int dim = 1; dim <= 2; dim++) {
      nn_tensor *x = laid_out(k % 3, (nn_dtype)((k + dim) % NN_DTYPES), NN_SHAPE(200, 200), 8);
      nn_tensor *all = nn_argsort(x, dim, true), *top = nn_argtopk(x, k, dim);
      const nn_range first[] = {{dim == 1 ? 1 : 0, k, false}, {1, k, false}};
      same_bits(top, nn_contiguous(nn_slice("test", all, dim, first)));
    }
  HAS_VALUES(nn_argtopk(FLOATS(1, NAN, 3, 3, INFINITY), 4, 1), 2, 5, 3, 4);
  HAS_VALUES(nn_argtopk(FLOATS(NAN, NAN, 3, NAN), 2, 1), 1, 2);
  HAS_VALUES(nn_argtopk(FLOATS(-INFINITY, -0.0f, 0, 0), 3, 1), 2, 3, 4);
}
END_TEST

/* Enough rows to be cut over the pool, and rows too long for that. */
START_TEST(any_number_of_threads) {
  static const nn_shape shapes[] = {{2, {40, 700}}, {2, {3, 5000}}, {3, {2, 500, 30}}};
  for (int s = 0; s < 3; s++) {
    nn_tensor *x = sample(NN_FLOAT32, shapes[s], 4), *sorted = NULL, *top = NULL;
    for (int threads = 1; threads <= 8; threads++) {
      nn_set_threads(threads);
      nn_tensor *y = nn_argsort(x, 2, false), *z = nn_argtopk(x, 3, 2);
      if (threads == 1) sorted = y, top = z;
      same_bits(y, sorted);
      same_bits(z, top);
    }
    const int64_t n = shapes[s].dim[1], step = s == 2 ? 30 : 1;
    for (int64_t r = 0; r < x->numel / n; r++) {
      const int64_t first = s == 2 ? r / 30 * n * 30 + r % 30 : r * n;
      check_order(x, sorted, first, first, step, n, false);
    }
  }
}
END_TEST

START_TEST(of_nothing) {
  nn_tensor *x = nn_zeros(NN_FLOAT32, NN_SHAPE(0, 3));
  has_shape(nn_argsort(x, 1, false), NN_INT64, NN_SHAPE(0, 3));
  has_shape(nn_argtopk(x, 0, 2), NN_INT64, NN_SHAPE(0, 0));
}
END_TEST

START_TEST(messages) {
  nn_tensor *x = nn_ones(NN_FLOAT32, NN_SHAPE(5, 3));
  fails_with(nn_argtopk(x, 6, 1), "topk: k = 6 is outside 0..5, the size of dimension 1 of {5, 3}");
  fails_with(nn_argtopk(x, -1, 2), "topk: k = -1 is outside 0..3, the size of dimension 2 of {5, 3}");
  fails_with(nn_argsort(x, 3, false), "sort: dimension 3 is outside {5, 3}");
}
END_TEST

START_TEST(refused_memory) {
  nn_tensor *x = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(4, 5), 1);
  SURVIVES_REFUSALS(nn_argsort(x, 1, false));
  SURVIVES_REFUSALS(nn_argtopk(x, 2, 1));
}
END_TEST

Suite *sort_suite(void) {
  Suite *suite = suite_create("sort");
  TCase *tests = tcase_create("sort");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, sorted_positions);
  tcase_add_test(tests, top_positions);
  tcase_add_test(tests, any_number_of_threads);
  tcase_add_test(tests, of_nothing);
  tcase_add_test(tests, messages);
  tcase_add_test(tests, refused_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
