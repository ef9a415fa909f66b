/* Losses: values against tests/data/network_losses.csv, gradients against differences, shapes, weights, labels. */
#include "network_checks.h"

TCase *losses_case(void);

ROW_NAMED(ag_losses)

static ag_var *values_of(const char *name, const ag_value *options, ag_var *y, ag_var *p) {
  const ag_loss *loss = ag_losses_named(name);
  ag_value o[8];
  ag_option_defaults(loss->option, o);
  return ag_loss_values(loss, options ? options : o, y, p);
}

/* Differences of the sum of 1 l_1 + 2 l_2 + 3 l_3, by each element of p. */
static void check_gradient(const line *l, const ag_value *o, ag_var *y, ag_var *p) {
  ag_var *weight = VECTOR(1, 2, 3), *dp;
  ag_var *loss = ag_sum(ag_mul(values_of(l->name, o, y, p), weight), NN_ALL, false);
  SUCCEEDS(ag_grad(loss, NULL, 1, &p, 0, &dp));
  const double h = 1e-6;
  for (int64_t i = 0; i < p->value->numel; i++) {
    const double at = element(p->value, i);
    double sum[2];
    for (int side = 0; side < 2; side++) {
      ag_var *moved = ag_constant(nn_clone(p->value));
      set_element(moved->value, i, at + (side ? h : -h));
      sum[side] = nn_item(ag_sum(ag_mul(values_of(l->name, o, y, moved), weight), NN_ALL, false)->value);
    }
    const double expected = (sum[1] - sum[0]) / (2 * h);
    HOLDS_SO(close_to(element(dp->value, i), expected, 1e-5, 1e-6), "%s: gradient %g, differences %g", l->name,
             element(dp->value, i), expected);
  }
}

START_TEST(losses_agree) {
  FILE *f = open_lines("tests/data/network_losses.csv");
  int count = 0;
  for (line l; next_line(f, &l); count++) {
    ag_value o[8];
    const double *v = l.v + 1;
    read_options(ag_losses_named(l.name)->option, v, o);
    v += (int)l.v[0];
    const int size = (int)*v++;
    const nn_shape matrix = NN_SHAPE(3, 4);
    for (nn_dtype dtype = NN_FLOAT32; dtype <= NN_FLOAT64; dtype++) {
      ag_var *y = constant(dtype, size == 12 ? matrix : NN_SHAPE(3), v), *p = parameter(dtype, matrix, v + size);
      is(values_of(l.name, o, y, p), dtype == NN_FLOAT64 ? 1e-12 : 1e-5, l.name, 3, v + size + 12);
      if (dtype == NN_FLOAT64) check_gradient(&l, o, y, p);
    }
  }
  fclose(f);
  ck_assert_int_eq(count, 30);
}
END_TEST

static ag_value *logits(bool from_logits, double smoothing) {
  static ag_value o[8];
  o[0].flag = from_logits;
  o[1].number = smoothing;
  o[2].integer = -1;
  return o;
}
static ag_value *sparse(bool from_logits, int64_t ignored) {
  static ag_value o[8];
  o[0].flag = from_logits;
  o[1].integer = ignored;
  o[2].integer = -1;
  return o;
}

/* Numbers computed by hand from the formulas, to ten digits. */
START_TEST(losses_by_hand) {
  const double t = 1e-9;
  IS(values_of("binary_crossentropy", NULL, VECTOR(1, 0, 1), VECTOR(.9, .2, 1)), t, 0.1095013890);
  IS(values_of("binary_crossentropy", logits(false, 0.1), VECTOR(1, 0, 1), VECTOR(.9, .2, .7)), t, 0.3022399503);
  IS(values_of("sparse_categorical_crossentropy", NULL, VECTOR(1), MATRIX(1, 3, .1, .7, .1)), t, 0.2513144283);
  IS(values_of("categorical_crossentropy", logits(false, 0.1), VECTOR(0, 1, 0), VECTOR(.2, .7, .1)), t, 0.4632973812);
  IS(values_of("huber", NULL, VECTOR(0, 0), VECTOR(.5, 2)), t, 0.8125);
  IS(values_of("log_cosh", NULL, VECTOR(0), VECTOR(1)), t, 0.4337808305);
  IS(values_of("binary_crossentropy", NULL, VECTOR(1), VECTOR(0)), t, 16.1180956510);
  IS(values_of("cosine_similarity", NULL, VECTOR(0, 0), VECTOR(1, 2)), t, 0);
}
END_TEST

/* Probabilities of exactly 0 and 1, and logits that would round to them, keep loss and gradient finite. */
START_TEST(losses_stay_finite) {
  ag_var *y = constant(NN_FLOAT32, NN_SHAPE(4, 1), (double[]){0, 1, 0, 1});
  ag_var *p = parameter(NN_FLOAT32, NN_SHAPE(4, 1), (double[]){1, 0, 0, 1}), *dp;
  ag_var *l = values_of("binary_crossentropy", NULL, y, p);
  HOLDS_SO(element(l->value, 0) > 15 && element(l->value, 1) > 16 && element(l->value, 2) < 2e-7, "clipped");
  SUCCEEDS(ag_grad(ag_sum(l, NN_ALL, false), NULL, 1, &p, 0, &dp));
  for (int i = 0; i < 4; i++)
    HOLDS_SO(isfinite(element(l->value, i)) && isfinite(element(dp->value, i)), "element %d", i + 1);
  ag_var *z = parameter(NN_FLOAT32, NN_SHAPE(4, 1), (double[]){100, -100, 20, 5});
  l = values_of("binary_crossentropy", logits(true, 0), y, z);
  IS(l, 1e-6, 100, 100, 20, log1p(exp(-5)));
  SUCCEEDS(ag_grad(ag_sum(l, NN_ALL, false), NULL, 1, &z, 0, &dp));
  IS(dp, 1e-5, 1, -1, 1, -1 / (1 + exp(5)));
  z = parameter(NN_FLOAT32, NN_SHAPE(2, 2), (double[]){1000, 0, 20, 0});
  l = values_of("sparse_categorical_crossentropy", sparse(true, AG_NIL), VECTOR(1, 0), z);
  IS(l, 1e-6, 1000, log1p(exp(-20)));
}
END_TEST

START_TEST(ranks_are_fixed) {
  ag_var *row = VECTOR(1, 2, 3), *column = MATRIX(3, 1, 2, 2, 2);
  IS(values_of("mean_squared_error", NULL, row, column), 0, 1, 0, 1);
  IS(values_of("mean_squared_error", NULL, column, row), 0, 1, 0, 1);
  IS(values_of("mean_squared_error", NULL, row, VECTOR(2, 2, 2)), 1e-15, 2. / 3);
  ag_var *deep = constant(NN_FLOAT64, NN_SHAPE(1, 3, 1), (double[]){1, 2, 3});
  IS(values_of("mean_squared_error", NULL, deep, MATRIX(1, 3, 2, 2, 2)), 1e-15, 2. / 3);
  ag_var *integers = constant(NN_INT64, NN_SHAPE(2, 1), (double[]){0, 1}), *halves = MATRIX(2, 1, .5, .5);
  IS(values_of("binary_crossentropy", NULL, integers, halves), 1e-12, M_LN2, M_LN2);
  IS(values_of("mean_absolute_error", NULL, halves, integers), 0, .5, .5);
  ag_var *wide = ag_constant(nn_ones(NN_FLOAT32, NN_SHAPE(32, 10)));
  ag_var *narrow = ag_constant(nn_ones(NN_FLOAT32, NN_SHAPE(32, 3)));
  fails_with(values_of("mean_squared_error", NULL, wide, narrow),
             "mean_squared_error: y_true {32, 10} and y_pred {32, 3} differ in shape");
  ag_var *labels = ag_constant(nn_ones(NN_INT64, NN_SHAPE(32)));
  fails_with(values_of("categorical_crossentropy", NULL, labels, wide),
             "(integer labels go with sparse_categorical_crossentropy)");
}
END_TEST

START_TEST(labels_are_checked) {
  const char *name = "sparse_categorical_crossentropy";
  ag_var *p = ag_constant(nn_ones(NN_FLOAT32, NN_SHAPE(4, 10)));
  for (nn_dtype dtype = NN_UINT8; dtype < NN_DTYPES; dtype++) {
    ag_var *y = constant(dtype, NN_SHAPE(4, 1), (double[]){0, 9, 10, 3});
    fails_with(values_of(name, NULL, y, p), "sparse_categorical_crossentropy: label 10 in row 3 is outside 0..9");
    fails_with(values_of(name, sparse(true, AG_NIL), y, p), "label 10 in row 3 is outside 0..9");
    IS(values_of(name, sparse(true, 10), y, p), 1e-6, log(10), log(10), 0, log(10));
    IS(values_of(name, sparse(false, 10), y, p), 1e-6, log(10), log(10), 0, log(10));
  }
  fails_with(values_of(name, NULL, VECTOR(0, 1, -1, 0), p), "label -1 in row 3 is outside 0..9");
  fails_with(values_of(name, NULL, VECTOR(0, 1.5, 1, 0), p), "label 1.5 in row 2 is not a whole number");
  fails_with(values_of(name, NULL, VECTOR(0, NAN, 1, 0), p), "label nan in row 2 is not a whole number");
  fails_with(values_of(name, NULL, VECTOR(0, 1), p), "labels of shape {4} are expected for y_pred {4, 10}; got {2}");
  fails_with(values_of(name, NULL, p, p), "(one-hot rows go with categorical_crossentropy)");
  ag_var *maps = ag_constant(nn_ones(NN_FLOAT32, NN_SHAPE(2, 3, 5)));
  fails_with(values_of(name, NULL, MATRIX(2, 3, 0, 0, 0, 0, 0, 5), maps), "label 5 at {2, 3} is outside 0..4");
  ag_value *o = sparse(true, AG_NIL);
  o[2].integer = 2;
  IS(values_of(name, o, MATRIX(2, 5, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0), maps), 1e-6, log(3), log(3), log(3), log(3), log(3),
     log(3), log(3), log(3), log(3), log(3));
}
END_TEST

START_TEST(reductions) {
  ag_var *l = VECTOR(1, 2, 6), *w = MATRIX(3, 1, 1, 0, 2), *steps = MATRIX(2, 2, 1, 2, 3, 4);
  IS(ag_loss_reduce(l, NULL, "sum_over_batch_size"), 0, 3);
  IS(ag_loss_reduce(l, NULL, "mean"), 0, 3);
  IS(ag_loss_reduce(l, NULL, "sum"), 0, 9);
  IS(ag_loss_reduce(l, NULL, "none"), 0, 1, 2, 6);
  IS(ag_loss_reduce(l, w, "none"), 0, 1, 0, 12);
  IS(ag_loss_reduce(l, w, "sum_over_batch_size"), 1e-15, 13. / 3);
  IS(ag_loss_reduce(l, w, "mean_with_sample_weight"), 1e-15, 13. / 3);
  IS(ag_loss_reduce(l, VECTOR(1, 1, 2), "mean_with_sample_weight"), 1e-15, 15. / 4);
  IS(ag_loss_reduce(l, VECTOR(0, 0, 0), "mean_with_sample_weight"), 0, 0);
  IS(ag_loss_reduce(l, ag_number(2), "sum"), 0, 18);
  IS(ag_loss_reduce(steps, VECTOR(1, 10), "sum"), 0, 73);
  IS(ag_loss_reduce(ag_constant(nn_zeros(NN_FLOAT32, NN_SHAPE(0))), NULL, NULL), 0, 0);
  fails_with(ag_loss_reduce(l, VECTOR(1, 2), "sum"), "loss: sample_weight {2} does not fit the samples' values {3}");
  fails_with(ag_loss_reduce(l, NULL, "average"), "loss: unknown reduction \"average\"");
}
END_TEST

START_TEST(ignored_samples_do_not_count) {
  const ag_loss *loss = ag_losses_named("sparse_categorical_crossentropy");
  ag_var *z = parameter(NN_FLOAT64, NN_SHAPE(3, 2), (double[]){1, 2, 3, 1, 0, 5}), *y = VECTOR(0, 255, 1), *dz;
  const double a = log(1 + exp(1)), b = log1p(exp(-5)), s = 1 / (1 + exp(-1)), t = 1 / (1 + exp(5));
  ag_var *mean = ag_loss_call(loss, sparse(true, 255), y, z, NULL, NULL);
  IS(mean, 1e-12, (a + b) / 2);
  SUCCEEDS(ag_grad(mean, NULL, 1, &z, 0, &dz));
  IS(dz, 1e-12, -s / 2, s / 2, 0, 0, t / 2, -t / 2);
  IS(ag_loss_call(loss, sparse(true, 255), y, z, VECTOR(1, 7, 3), NULL), 1e-12, (a + 3 * b) / 2);
  IS(ag_loss_call(loss, sparse(true, 255), y, z, VECTOR(1, 7, 3), "mean_with_sample_weight"), 1e-12, (a + 3 * b) / 4);
  IS(ag_loss_call(loss, sparse(true, 255), y, z, NULL, "sum"), 1e-12, a + b);
  IS(ag_loss_call(loss, sparse(true, 255), VECTOR(255, 255, 255), z, NULL, NULL), 0, 0);
  IS(ag_loss_call(loss, sparse(true, AG_NIL), VECTOR(0, 0, 1), z, NULL, "none"), 1e-12, a, log1p(exp(-2)), b);
}
END_TEST

/* Whatever allocation fails, the call says so and leaves nothing behind. */
START_TEST(losses_without_memory) {
  nn_memory_cache(false);
  for (const ag_loss *loss = ag_losses; loss->name; loss++)
    for (int64_t n = 1, done = false; !done; n++) {
      ag_value o[8];
      ag_option_defaults(loss->option, o);
      ag_var *y = loss->sparse ? VECTOR(0, 1) : MATRIX(2, 2, 1, 0, 0, 1), *p = MATRIX(2, 2, .5, .2, .1, .3);
      nn_memory_fail_at(n, false);
      done = ag_loss_call(loss, o, y, p, NULL, NULL) != NULL;
      nn_memory_fail_at(0, false);
      HOLDS_SO(done == !nn_error(), "%s: allocation %d: %s", loss->name, (int)n, nn_error() ? nn_error() : "no error");
      nn_clear_error();
      nothing_live(loss->name);
    }
}
END_TEST

TCase *losses_case(void) {
  TCase *c = tcase_create("losses");
  tcase_add_checked_fixture(c, fixture_open, fixture_close);
  tcase_add_test(c, losses_agree);
  tcase_add_test(c, losses_by_hand);
  tcase_add_test(c, losses_stay_finite);
  tcase_add_test(c, ranks_are_fixed);
  tcase_add_test(c, labels_are_checked);
  tcase_add_test(c, reductions);
  tcase_add_test(c, ignored_samples_do_not_count);
  tcase_add_test(c, losses_without_memory);
  return c;
}
