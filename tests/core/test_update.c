/* Optimizer updates: numbers derived independently in float64 from Keras's formulas; the same bits for every
 * instruction set, number of threads and place in a long array. */
#include "check_nn.h"
#include "update.h"

Suite *update_suite(void);

/* One step, number t from 1, of every rule, with Keras's default numbers; states a, b, c. */
typedef void step_function(nn_dtype dtype, int64_t n, void *w, const void *g, void *a, void *b, void *c, int t);

#define STEP(name, call) \
  static void name(nn_dtype d, int64_t n, void *w, const void *g, void *a, void *b, void *c, int t) { \
    (void)a; (void)b; (void)c; (void)t; \
    call; \
  }
static double adam_rate(int t) { return 1e-3 * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)); }
STEP(sgd, nn_update_sgd(d, n, w, g, NULL, 0.01, 0, false))
STEP(momentum, nn_update_sgd(d, n, w, g, a, 0.01, 0.9, false))
STEP(nesterov, nn_update_sgd(d, n, w, g, a, 0.01, 0.9, true))
STEP(rmsprop, nn_update_rmsprop(d, n, w, g, a, NULL, NULL, 1e-3, 0.9, 0, 1e-7))
STEP(rmsprop_momentum, nn_update_rmsprop(d, n, w, g, a, NULL, c, 1e-3, 0.9, 0.5, 1e-7))
STEP(rmsprop_centered, nn_update_rmsprop(d, n, w, g, a, b, NULL, 1e-3, 0.9, 0, 1e-7))
STEP(rmsprop_both, nn_update_rmsprop(d, n, w, g, a, b, c, 1e-3, 0.9, 0.5, 1e-7))
STEP(adam, nn_update_adam(d, n, w, g, a, b, NULL, adam_rate(t), 0.9, 0.999, 1e-7))
STEP(amsgrad, nn_update_adam(d, n, w, g, a, b, c, adam_rate(t), 0.9, 0.999, 1e-7))
STEP(adamax, nn_update_adamax(d, n, w, g, a, b, 1e-3 / (1 - pow(0.9, t)), 0.9, 0.999, 1e-7))
STEP(adagrad, nn_update_adagrad(d, n, w, g, a, 1e-3, 1e-7))
STEP(adadelta, nn_update_adadelta(d, n, w, g, a, b, 1e-3, 0.95, 1e-7))
STEP(lion, nn_update_lion(d, n, w, g, a, 1e-3, 0.9, 0.99))

/* Nadam's momentum at step t, and its factors of m and g. */
static double momentum_at(int t) { return 0.9 * (1 - 0.5 * pow(0.96, t)); }
STEP(nadam, double product = 1; for (int i = 1; i <= t; i++) product *= momentum_at(i);
     nn_update_nadam(d, n, w, g, a, b, 1e-3 * momentum_at(t + 1) / (1 - product * momentum_at(t + 1)),
                     1e-3 * (1 - momentum_at(t)) / (1 - product), 1 - pow(0.999, t), 0.9, 0.999, 1e-7))

/* The parameter after one, two and three steps from 1 with the gradients 0.1, -0.2, 0.3 */
static const struct row { step_function *step; double w[3]; } rows[] = {
  {sgd, {0.9990000000, 1.0010000000, 0.9980000000}},
  {momentum, {0.9990000000, 1.0001000000, 0.9980900000}},
  {nesterov, {0.9981000000, 1.0010900000, 0.9962810000}},
  {rmsprop, {0.9968378804, 0.9996949941, 0.9971043650}},
  {rmsprop_momentum, {0.9968378804, 0.9981139344, 0.9961613322}},
  {rmsprop_centered, {0.9966668518, 0.9995599085, 0.9969293505}},
  {rmsprop_both, {0.9966668518, 0.9978933344, 0.9958760177}},
  {adam, {0.9990000316, 0.9993661300, 0.9990228918}},
  {amsgrad, {0.9990000316, 0.9993661300, 0.9990228918}},
  {adamax, {0.9990000010, 0.9992894745, 0.9990422421}},
  {nadam, {0.9989372133, 0.9998188784, 0.9989871558}},
  {adadelta, {0.9999985859, 1.0000003837, 0.9999982194}},
  {lion, {0.9990000000, 1.0000000000, 0.9990000000}}};
enum { ROWS = sizeof rows / sizeof *rows };

START_TEST(values) {
  double w = 1, a = 0, b = 0, c = 0;
  float w32 = 1, a32 = 0, b32 = 0, c32 = 0;
  for (int t = 1; t <= 3; t++) {
    const double g = (double[]){0.1, -0.2, 0.3}[t - 1];
    const float g32 = (float)g;
    rows[_i].step(NN_FLOAT64, 1, &w, &g, &a, &b, &c, t);
    rows[_i].step(NN_FLOAT32, 1, &w32, &g32, &a32, &b32, &c32, t);
    ck_assert_double_eq_tol(w, rows[_i].w[t - 1], 6e-11);
    ck_assert_double_eq_tol(w32, w, 3e-7);
  }
} END_TEST

/* Its sum of squares does not start with 0. */
START_TEST(adagrad_from_its_first_sum) {
  const double w[] = {0.9996984888, 1.0002148864, 0.9996025141};
  double x = 1, sum = 0.1;
  for (int t = 1; t <= 3; t++) {
    adagrad(NN_FLOAT64, 1, &x, &(double){(double[]){0.1, -0.2, 0.3}[t - 1]}, &sum, NULL, NULL, t);
    ck_assert_double_eq_tol(x, w[t - 1], 6e-11);
  }
} END_TEST

START_TEST(amsgrad_keeps_the_greatest) {
  double w = 1, m = 0, v = 0, greatest = 0, plain = 1, m2 = 0, v2 = 0;
  for (int t = 1; t <= 5; t++) {
    const double g = t == 1 ? 10 : 0.1;
    nn_update_adam(NN_FLOAT64, 1, &w, &g, &m, &v, &greatest, adam_rate(t), 0.9, 0.999, 1e-7);
    nn_update_adam(NN_FLOAT64, 1, &plain, &g, &m2, &v2, NULL, adam_rate(t), 0.9, 0.999, 1e-7);
  }
  ck_assert_double_eq_tol(greatest, 0.1, 1e-12);   /* 10^2 (1 - 0.999), of the first step */
  ck_assert_double_lt(v, greatest);
  ck_assert_double_gt(w, plain);
} END_TEST

/* Several steps over n elements with the kernels and threads that are set; the parameter and its states. */
static nn_tensor *trained(step_function *step, nn_dtype dtype, int64_t n) {
  nn_generator generator = nn_generator_seeded(5);
  nn_tensor *w = nn_normal(&generator, dtype, NN_SHAPE(4, n), 0, 1);
  nn_tensor *g = nn_normal(&generator, dtype, NN_SHAPE(n), 0, 1);
  const size_t row = (size_t)n * nn_dtype_size(dtype);
  char *data = w->data;
  if (n) memset(data + row, 0, 3 * row);
  for (int t = 1; t <= 3; t++) step(dtype, n, data, g->data, data + row, data + 2 * row, data + 3 * row, t);
  return w;
}

START_TEST(same_bits_everywhere) {
  const int64_t lengths[] = {0, 1, 7, 100, 40000, 300001};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
    for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
      const size_t mark = nn_scope_open();
      nn_tensor *first = NULL;
      for (int m = 0; machine(m); m++) {
        nn_tensor *y = trained(rows[_i].step, dtype, lengths[i]);
        if (!m) first = y;
        ck_assert(!memcmp(first->data, y->data, (size_t)y->numel * nn_dtype_size(dtype)));
      }
      nn_scope_close(mark);
    }
} END_TEST

START_TEST(nan_stays_where_it_is) {
  float w[40], g[40], a[40] = {0}, b[40] = {0}, c[40] = {0};
  for (int i = 0; i < 40; i++) w[i] = 1, g[i] = i == 20 ? NAN : 0.5f;
  rows[_i].step(NN_FLOAT32, 40, w, g, a, b, c, 1);
  for (int i = 0; i < 40; i++) ck_assert(!isnan(w[i]) == (i != 20));
} END_TEST

Suite *update_suite(void) {
  Suite *s = suite_create("update");
  TCase *t = tcase_create("update");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, fixture_open, fixture_close);
  tcase_add_loop_test(t, values, 0, ROWS);
  tcase_add_test(t, adagrad_from_its_first_sum);
  tcase_add_test(t, amsgrad_keeps_the_greatest);
  tcase_add_loop_test(t, same_bits_everywhere, 0, ROWS);
  tcase_add_loop_test(t, nan_stays_where_it_is, 0, ROWS);
  suite_add_tcase(s, t);
  return s;
}
