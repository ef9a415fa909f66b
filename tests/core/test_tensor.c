/* Making tensors, and the error line: what is refused, and in whose name. */
#include "naive.h"

Suite *tensor_suite(void);

START_TEST(progressions) {
  HAS_VALUES(nn_linspace(NN_FLOAT32, -1, 1, 5), -1, -0.5, 0, 0.5, 1);
  HAS_VALUES(nn_linspace(NN_INT64, 0, 9, 4), 0, 3, 6, 9);
  HAS_VALUES(nn_linspace(NN_FLOAT64, 7, 9, 1), 7);
  has_shape(nn_linspace(NN_FLOAT32, 0, 1, 0), NN_FLOAT32, NN_SHAPE(0));
  HAS_VALUES(nn_linspace(NN_FLOAT64, -0x1.8p1023, 0x1.8p1023, 3), -0x1.8p1023, 0, 0x1.8p1023);
  HAS_VALUES(nn_arange(NN_FLOAT64, 0, 1, 0.25), 0, 0.25, 0.5, 0.75, 1);
  HAS_VALUES(nn_arange(NN_UINT8, 255, 251, -2), 255, 253, 251);
  has_shape(nn_arange(NN_INT64, 2, 1, 1), NN_INT64, NN_SHAPE(0));
  nn_tensor *x = nn_arange_integer(INT64_MAX - 4, INT64_MAX, 2);
  HOLDS(x && x->numel == 3 && ((int64_t *)x->data)[0] == INT64_MAX - 4 && ((int64_t *)x->data)[2] == INT64_MAX);
}
END_TEST

START_TEST(no_progressions) {
  static const double bad[] = {INFINITY, -INFINITY, NAN};
  for (int i = 0; i < 3; i++) {
    fails_with(nn_linspace(NN_FLOAT32, bad[i], 1, 3), "linspace: first and last must be finite; got ");
    fails_with(nn_linspace(NN_FLOAT64, 0, bad[i], 3), "linspace: first and last must be finite; got 0 and ");
    fails_with(nn_arange(NN_FLOAT32, 0, bad[i], 1), "arange: first, last and step must be finite");
  }
  fails_with(nn_linspace(NN_FLOAT32, 0, 1, -1), "linspace: n must not be negative; got -1");
  fails_with(nn_linspace(NN_UINT8, 0, 256, 2), "256 at {2} does not fit into uint8");
  fails_with(nn_arange(NN_FLOAT32, 0, 1, 0), "step not 0; got 0, 1, 0");
  fails_with(nn_arange_integer(1, 2, 0), "arange: step must not be 0");
  fails_with(nn_arange(NN_FLOAT64, 0, 1e300, 1), "elements are more than memory can address");
  fails_with(nn_arange_integer(INT64_MIN, INT64_MAX, 1), "elements are more than memory can address");
  fails_with(nn_arange(NN_UINT8, 250, 256, 1), "arange: 250 to 256 does not fit into uint8");
}
END_TEST

/* The first failure stays; a call made of others gives it its own name, where it has one. */
START_TEST(in_whose_name) {
  HOLDS(!nn_fail("inner_2: %d is too many", 3) && !nn_fail("second: later"));
  HOLDS(!nn_fail_as("outer"));
  ck_assert_str_eq(nn_error(), "outer: 3 is too many");
  HOLDS(!nn_fail_for("other"));
  fails_with(NULL, "outer: 3 is too many");
  nn_fail("No call: a sentence");
  nn_fail_as("outer");
  ck_assert_str_eq(nn_error(), "No call: a sentence");
  nn_clear_error();
  nn_fail_as("outer");
  ck_assert_ptr_null(nn_error());
  nn_memory_fail_at(1, false);
  HOLDS(!nn_zeros(NN_FLOAT32, NN_SHAPE(3)) && !nn_fail_for("relu"));
  fails_with(NULL, "relu: out of memory (");
  char long_text[2000];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  nn_fail("part: %s", long_text);
  nn_fail_as(long_text);
  HOLDS(strlen(nn_error()) < 1000 && strstr(nn_error(), ": xxx"));
  nn_clear_error();
}
END_TEST

Suite *tensor_suite(void) {
  Suite *suite = suite_create("tensor");
  TCase *tests = tcase_create("tensor");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_add_test(tests, progressions);
  tcase_add_test(tests, no_progressions);
  tcase_add_test(tests, in_whose_name);
  suite_add_tcase(suite, tests);
  return suite;
}
