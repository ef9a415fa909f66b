/* Layer and batch normalization beside loops in double: values, gradients, statistics; sizes on both sides of where
 * rows, columns and blocks are cut; means far from 0; bits that depend on nothing but the shape. */
#include "naive.h"

Suite *normalize_suite(void);

/* An element of a matrix, and the mean and variance of a row or column of it: n elements from x on, step apart. */
static double at(const nn_tensor *x, int64_t row, int64_t column) {
  return element(x, row * x->shape.dim[1] + column);
}

typedef struct moments { double mean, variance; } moments;
static moments moments_of(const nn_tensor *x, int64_t from, int64_t n, int64_t step) {
  moments m = {0, 0};
  for (int64_t i = 0; i < n; i++) m.mean += element(x, from + i * step) / (double)n;
  for (int64_t i = 0; i < n; i++) m.variance += pow(element(x, from + i * step) - m.mean, 2) / (double)n;
  return m;
}

/* What belongs to element (i, j): the moments of its row, or of its column. */
static moments around(const nn_tensor *x, bool rows, int64_t i, int64_t j) {
  const int64_t n = x->shape.dim[0], k = x->shape.dim[1];
  return rows ? moments_of(x, i * k, k, 1) : moments_of(x, j, n, k);
}

static const double epsilon = 1e-3;

/* h = (x - mean) r everywhere, as float64. */
static nn_tensor *standard(const nn_tensor *x, bool rows, nn_tensor **r) {
  nn_tensor *h = nn_empty(NN_FLOAT64, x->shape);
  *r = nn_empty(NN_FLOAT64, x->shape);
  const int64_t n = x->shape.dim[0], k = x->shape.dim[1];
  moments m = {0, 0};
  for (int64_t a = 0; a < (rows ? n : k); a++)
    for (int64_t b = 0; b < (rows ? k : n); b++) {
      const int64_t i = rows ? a : b, j = rows ? b : a;
      if (!b) m = around(x, rows, i, j);
      set_element(*r, i * k + j, 1 / sqrt(m.variance + epsilon));
      set_element(h, i * k + j, (at(x, i, j) - m.mean) * at(*r, i, j));
    }
  return h;
}

static nn_tensor *forward(nn_tensor *x, nn_tensor *gamma, nn_tensor *beta, bool rows) {
  return rows ? nn_normalize_rows(x, gamma, beta, epsilon)
              : nn_normalize_columns(x, nn_column_moments(x), gamma, beta, epsilon);
}
static nn_tensor *backward(nn_tensor *g, nn_tensor *x, nn_tensor *gamma, bool rows, nn_tensor *sums[2]) {
  return rows ? nn_normalize_rows_grad(g, x, gamma, epsilon, sums)
              : nn_normalize_columns_grad(g, x, nn_column_moments(x), gamma, epsilon, sums);
}

/* dx = r (G - mean(G) - h mean(G h)), G = g gamma, with means over the rows or columns */
static void check_gradient(nn_tensor *x, nn_tensor *gamma, bool rows, double tolerance) {
  const int64_t n = x->shape.dim[0], k = x->shape.dim[1];
  nn_tensor *g = sample(x->dtype, x->shape, 8), *sums[2], *r, *h = standard(x, rows, &r);
  nn_tensor *dx = backward(g, x, gamma, rows, sums), *scaled = nn_mul(g, nn_cast(gamma, NN_FLOAT64));
  const nn_ints over = NN_INTS(rows ? 2 : 1);
  nn_tensor *inner = nn_sub(nn_sub(scaled, nn_mean(scaled, over, true)),
                            nn_mul(h, nn_mean(nn_mul(scaled, h), over, true)));
  const double steepest = nn_item(nn_amax(r, NN_ALL, false));
  same_tensor(dx, nn_cast(nn_mul(r, inner), x->dtype), tolerance, 4 * tolerance * steepest, "dx");
  nn_tensor *products = nn_sum(nn_mul(nn_cast(g, NN_FLOAT64), h), NN_INTS(1), false);
  same_tensor(sums[0], nn_cast(products, x->dtype), tolerance, tolerance * (double)(n + k), "dgamma");
  same_tensor(sums[1], nn_cast(nn_sum(nn_cast(g, NN_FLOAT64), NN_INTS(1), false), x->dtype), tolerance,
              tolerance * (double)n, "dbeta");
}

static void check_against_loops(nn_tensor *x, bool rows) {
  const int64_t k = x->shape.dim[1];
  const double tolerance = x->dtype == NN_FLOAT32 ? 2e-6 : 1e-13;
  nn_tensor *gamma = sample(x->dtype, NN_SHAPE(k), 5), *beta = sample(x->dtype, NN_SHAPE(k), 6), *r;
  nn_tensor *h = standard(x, rows, &r);
  same_tensor(forward(x, NULL, NULL, rows), nn_cast(h, x->dtype), tolerance, tolerance, "h");
  nn_tensor *y = nn_add(nn_mul(h, nn_cast(gamma, NN_FLOAT64)), nn_cast(beta, NN_FLOAT64));
  same_tensor(forward(x, gamma, beta, rows), nn_cast(y, x->dtype), tolerance, 3 * tolerance, "y");
  check_gradient(x, gamma, rows, tolerance);
}

/* Below and above a run of rows, a tile of columns, the lanes of a row, a chunk of lanes, a block of rows. */
static const nn_shape shapes[] = {
  {2, {1, 1}}, {2, {5, 1}}, {2, {1, 7}}, {2, {16, 64}}, {2, {17, 65}}, {2, {40, 130}}, {2, {3, 1100}}, {2, {700, 3}},
  {2, {35, 2100}}, {2, {40, 5000}}, {2, {3000, 70}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(agrees_with_loops) {
  for (int d = NN_FLOAT32; d <= NN_FLOAT64; d++)
    for (int how = 0; how < BROADCAST; how++)
      for (int rows = 0; rows < 2; rows++) {
        const size_t mark = nn_scope_open();
        if (how == CONTIGUOUS || shapes[_i].dim[0] < 100) check_against_loops(laid_out(how, d, shapes[_i], 3), rows);
        nn_scope_close(mark);
      }
}
END_TEST

/* The mean is 1000 standard deviations away: what is left of the digits is in the result. */
START_TEST(means_far_from_0) {
  for (int rows = 0; rows < 2; rows++) {
    nn_tensor *x = nn_add(sample(NN_FLOAT32, NN_SHAPE(90, 200), 3), nn_number(2000)), *r;
    same_tensor(forward(x, NULL, NULL, rows), nn_cast(standard(x, rows, &r), NN_FLOAT32), 1e-5, 1e-6, "h");
  }
}
END_TEST

START_TEST(statistics_of_columns) {
  for (int i = 0; i < SHAPES; i++) {
    nn_tensor *x = nn_add(sample(NN_FLOAT32, shapes[i], 4), nn_number(100)), *m = nn_column_moments(x);
    has_shape(m, NN_FLOAT64, NN_SHAPE(2, x->shape.dim[1]));
    for (int64_t j = 0; j < x->shape.dim[1]; j++) {
      const moments expected = around(x, false, 0, j);
      HOLDS(close_to(at(m, 0, j), expected.mean, 2e-7, 0));
      HOLDS_SO(close_to(at(m, 1, j), expected.variance, 1e-6, 1e-12), "variance %.9g, expected %.9g", at(m, 1, j),
               expected.variance);
    }
  }
  HAS_VALUES(nn_column_moments(nn_zeros(NN_FLOAT32, NN_SHAPE(0, 1))), NAN, NAN);
}
END_TEST

START_TEST(affine_columns) {
  nn_tensor *x = floats(NN_SHAPE(2, 2), (float[]){1, 2, 3, 4});
  HAS_VALUES(nn_column_affine(x, FLOATS(1, 2), FLOATS(2, 3), FLOATS(0, 10)), 0, 10, 4, 16);
  HAS_VALUES(nn_column_affine(x, FLOATS(1, 2), FLOATS(2, 3), NULL), 0, 0, 4, 6);
}
END_TEST

START_TEST(without_elements) {
  nn_tensor *sums[2];
  for (int rows = 0; rows < 2; rows++)
    for (int n = 0; n < 2; n++) {
      nn_tensor *x = nn_zeros(NN_FLOAT32, NN_SHAPE(n ? 0 : 3, n ? 3 : 0));
      has_shape(forward(x, NULL, NULL, rows), NN_FLOAT32, x->shape);
      has_shape(backward(x, x, NULL, rows, sums), NN_FLOAT32, x->shape);
      has_shape(sums[0], NN_FLOAT32, NN_SHAPE(n ? 3 : 0));
      for (int64_t i = 0; i < sums[1]->numel; i++) HOLDS(element(sums[1], i) == 0);
    }
}
END_TEST

static nn_tensor *everything(nn_tensor *x) {
  nn_tensor *parts[8];
  int n = 0;
  for (int rows = 0; rows < 2; rows++) {
    nn_tensor *sums[2];
    parts[n++] = forward(x, NULL, NULL, rows);
    parts[n++] = backward(nn_square(x), x, NULL, rows, sums);
    parts[n++] = sums[0];
    parts[n++] = sums[1];
  }
  return flat_cat(n, parts);
}

START_TEST(bits_depend_on_the_shape_only) {
  bits_are_the_same(everything, sample(NN_FLOAT32, NN_SHAPE(3001, 129), 3));
}
END_TEST

START_TEST(messages) {
  nn_tensor *x = sample(NN_FLOAT32, NN_SHAPE(4, 3), 1), *d = sample(NN_FLOAT64, NN_SHAPE(4, 3), 1), *sums[2];
  fails_with(nn_normalize_rows(nn_zeros(NN_INT64, NN_SHAPE(2, 2)), NULL, NULL, 1),
             "normalize_rows: a matrix of floats is expected; got int64 {2, 2}");
  fails_with(nn_normalize_rows(x, FLOATS(1, 2), NULL, 1), "{2} of float32 do not fit the columns of float32 {4, 3}");
  fails_with(nn_normalize_rows_grad(d, x, NULL, 1, sums), "float64 {4, 3} is no gradient for float32 {4, 3}");
  HOLDS(!sums[0] && !sums[1]);
  fails_with(nn_normalize_columns(x, x, NULL, NULL, 1), "float32 {4, 3} are no moments of the columns of {4, 3}");
  fails_with(nn_column_moments(FLOATS(1)), "column_moments: a matrix of floats");
  HOLDS(!nn_normalize_rows(NULL, NULL, NULL, 1) && !nn_column_moments(NULL) && !nn_normalize_columns(x, NULL, x, x, 1));
}
END_TEST

START_TEST(refused_memory) {
  nn_tensor *x = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(4, 5), 1), *v = FLOATS(1, 2, 3, 4, 5), *sums[2];
  nn_tensor *m = nn_column_moments(x);
  SURVIVES_REFUSALS(nn_normalize_rows(x, v, NULL, 1));
  SURVIVES_REFUSALS(nn_normalize_rows_grad(x, x, NULL, 1, sums));
  SURVIVES_REFUSALS(nn_column_moments(x));
  SURVIVES_REFUSALS(nn_column_affine(x, v, v, NULL));
  SURVIVES_REFUSALS(nn_normalize_columns(x, m, NULL, v, 1));
  SURVIVES_REFUSALS(nn_normalize_columns_grad(x, x, m, NULL, 1, sums));
}
END_TEST

Suite *normalize_suite(void) {
  Suite *suite = suite_create("normalize");
  TCase *tests = tcase_create("normalize");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, agrees_with_loops, 0, SHAPES);
  tcase_add_test(tests, means_far_from_0);
  tcase_add_test(tests, statistics_of_columns);
  tcase_add_test(tests, affine_columns);
  tcase_add_test(tests, without_elements);
  tcase_add_test(tests, bits_depend_on_the_shape_only);
  tcase_add_test(tests, messages);
  tcase_add_test(tests, refused_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
