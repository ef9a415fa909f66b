/* Optimizers: four updates of each against tests/data/network_optimizers.csv, the options that all have, and failures
 * that change nothing. */
#include "network_checks.h"

TCase *optimizers_case(void);

ROW_NAMED(ag_optimizers)

enum {
  DECAY = 1, CLIPNORM, CLIPVALUE, GLOBAL_CLIPNORM, USE_EMA, EMA_MOMENTUM, OVERWRITE, LOSS_SCALE, ACCUMULATION, COMMON
};

static const double gradient[4][3] = {{.1, -.2, .3}, {.4, .1, -.6}, {-.3, .2, .05}, {.7, -.9, .2}};

/* The defaults of a class, as a parser would give them. */
static void defaults(const char *name, ag_value *o) {
  const ag_optimizer_class *class_ = ag_optimizers_named(name);
  ag_option options[COMMON + 11] = {{0}};
  for (int i = 0; (options[i] = ag_optimizer_option(class_, i)).kind != AG_OPTION_END;) i++;
  ag_option_defaults(options, o);
}

static ag_optimizer *optimizer_of(const char *name, const ag_value *o) {
  ag_optimizer *optimizer = ag_optimizer_new(ag_optimizers_named(name), o);
  SUCCEEDS(optimizer);
  return optimizer;
}

static bool step(ag_optimizer *o, ag_var *w, const double *g, int n) {
  ag_var *grad = constant(w->value->dtype, NN_SHAPE(n), g);
  return ag_optimizer_step(o, 1, &w, &grad);
}

static ag_var *ones(nn_dtype dtype) { return ag_parameter(nn_ones(dtype, NN_SHAPE(3))); }

/* The lines of one optimizer are consecutive: t = 1 starts a fresh one. */
static void updates_agree(nn_dtype dtype, double tolerance) {
  FILE *f = open_lines("tests/data/network_optimizers.csv");
  ag_optimizer *optimizer = NULL;
  ag_var *w = NULL;
  int count = 0;
  for (line l; next_line(f, &l); count++) {
    const int n = (int)l.v[0], t = (int)l.v[2 + n];
    if (t == 1) {
      ag_value o[COMMON + 10];
      defaults(l.name, o);
      ck_assert_double_eq(o[0].number, strcmp(l.name, "sgd") ? 0.001 : 0.01);
      read_options(ag_optimizers_named(l.name)->option, l.v + 2, o + COMMON);
      o[0].number = l.v[1];
      optimizer = optimizer_of(l.name, o);
      w = ones(dtype);
    }
    SUCCEEDS(step(optimizer, w, gradient[t - 1], 3));
    ck_assert_int_eq((int)optimizer->iterations, t);
    is(w, tolerance, l.name, 3, l.v + 3 + n);
  }
  fclose(f);
  ck_assert_int_eq(count, 4 * 17);
}
START_TEST(float64_updates) { updates_agree(NN_FLOAT64, 1e-13); }
END_TEST
START_TEST(float32_updates) { updates_agree(NN_FLOAT32, 2e-6); }
END_TEST

/* Three updates of one weight by these gradients, one after the other, with the defaults: recorded to ten digits. */
START_TEST(updates_of_one_weight) {
  static const struct { const char *name; double w[3]; } known[] = {
    {"sgd", {0.9990000000, 1.0010000000, 0.9980000000}}, {"rmsprop", {0.9968378804, 0.9996949941, 0.9971043650}},
    {"adam", {0.9990000316, 0.9993661300, 0.9990228918}}, {"adamw", {0.9989960316, 0.9993581340, 0.9990108984}},
    {"adamax", {0.9990000010, 0.9992894745, 0.9990422421}}, {"nadam", {0.9989372133, 0.9998188784, 0.9989871558}},
    {"adagrad", {0.9996984888, 1.0002148864, 0.9996025141}}, {"adadelta", {0.9999985859, 1.0000003837, 0.9999982194}},
    {"lion", {0.9990000000, 1.0000000000, 0.9990000000}}, {"ftrl", {0.0462358994, 0.0467522972, 0.0461399248}},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    ag_optimizer *o = optimizer_of(known[i].name, NULL);
    ag_var *w = ag_parameter(nn_ones(NN_FLOAT64, NN_SHAPE(1)));
    for (int t = 0; t < 3; t++) {
      SUCCEEDS(step(o, w, &gradient[0][t], 1));
      is(w, 2e-9, known[i].name, 1, &known[i].w[t]);
    }
  }
}
END_TEST

/* One SGD update of (3, 4) by the gradient (3, 4), whose norm is 5, and of another parameter by 12: norm of both 13. */
static void sgd_with(int option, double value, double a, double b, double c) {
  ag_value o[COMMON + 10];
  defaults("sgd", o);
  o[0].number = 1;
  o[option].number = value;
  ag_var *w[] = {parameter(NN_FLOAT64, NN_SHAPE(2), (double[]){3, 4}),
                 parameter(NN_FLOAT64, NN_SHAPE(1), (double[]){12})};
  SUCCEEDS(ag_set_grad(w[0], VECTOR(3, 4)) && ag_set_grad(w[1], VECTOR(12)));
  SUCCEEDS(ag_optimizer_step(optimizer_of("sgd", o), 2, w, NULL));
  HOLDS_SO(!ag_grad_of(w[0]) && !ag_grad_of(w[1]), "the gradients are cleared");
  IS(w[0], 1e-14, a, b);
  IS(w[1], 1e-14, c);
}

START_TEST(clipping_scaling_decay) {
  sgd_with(CLIPNORM, 10, 0, 0, 2);
  sgd_with(CLIPNORM, 1, 3 - .6, 4 - .8, 11);
  sgd_with(CLIPVALUE, 3.5, 0, .5, 8.5);
  sgd_with(GLOBAL_CLIPNORM, 1.3, 2.7, 3.6, 10.8);
  sgd_with(GLOBAL_CLIPNORM, 20, 0, 0, 0);
  sgd_with(LOSS_SCALE, 2, 1.5, 2, 6);
  sgd_with(DECAY, 0.5, -1.5, -2, -6);
}
END_TEST

START_TEST(averages) {
  ag_value o[COMMON + 10];
  defaults("sgd", o);
  o[0].number = 1;
  o[USE_EMA].flag = true;
  o[EMA_MOMENTUM].number = 0.5;
  ag_optimizer *optimizer = optimizer_of("sgd", o);
  ag_var *w = parameter(NN_FLOAT32, NN_SHAPE(1), (double[]){0});
  SUCCEEDS(step(optimizer, w, (double[]){-2}, 1) && step(optimizer, w, (double[]){-4}, 1));
  IS(w, 0, 6);                                     /* the average: 2, then (2 + 6) / 2 */
  SUCCEEDS(ag_optimizer_finish(optimizer));
  IS(w, 0, 4);
  ck_assert_int_eq((int)ag_optimizer_state_count(optimizer), 3);
  o[OVERWRITE].integer = 2;
  optimizer = optimizer_of("sgd", o);
  w = parameter(NN_FLOAT32, NN_SHAPE(1), (double[]){0});
  SUCCEEDS(step(optimizer, w, (double[]){-2}, 1));
  IS(w, 0, 2);
  SUCCEEDS(step(optimizer, w, (double[]){-4}, 1));
  IS(w, 0, 4);
}
END_TEST

START_TEST(accumulation) {
  ag_value o[COMMON + 10];
  defaults("sgd", o);
  o[0].number = 1;
  o[ACCUMULATION].integer = 3;
  ag_optimizer *optimizer = optimizer_of("sgd", o);
  ag_var *w = parameter(NN_FLOAT64, NN_SHAPE(1), (double[]){0});
  for (int i = 1; i <= 6; i++) {
    SUCCEEDS(step(optimizer, w, (double[]){i}, 1));
    ck_assert_int_eq((int)optimizer->iterations, i / 3);
    IS(w, 0, i < 3 ? 0 : i < 6 ? -2 : -7);
  }
}
END_TEST

/* Parameters that are views, that come twice, that have no gradient, that are new at a later step. */
START_TEST(parameters_of_all_kinds) {
  ag_optimizer *optimizer = optimizer_of("adam", NULL);
  nn_tensor *whole = nn_ones(NN_FLOAT32, NN_SHAPE(2, 2));
  ag_var *column = ag_parameter(nn_slice("test", whole, 2, (nn_range[]){{0}, {1, 1, true}}));
  ag_var *idle = ag_parameter(nn_ones(NN_FLOAT32, NN_SCALAR)), *late = ones(NN_FLOAT64);
  ag_var *list[] = {column, idle, column, late};
  SUCCEEDS(ag_set_grad(column, constant(NN_FLOAT32, NN_SHAPE(2), (double[]){1, -1})));
  SUCCEEDS(ag_optimizer_step(optimizer, 3, list, NULL));
  same_tensor(whole, tensor_of(NN_FLOAT32, NN_SHAPE(2, 2), (double[]){.999, 1, 1.001, 1}), 1e-6, 0, "a column");
  IS(idle, 0, 1);
  SUCCEEDS(ag_set_grad(late, VECTOR(1, 0, -1)));
  SUCCEEDS(ag_optimizer_step(optimizer, 4, list, NULL));
  ck_assert_int_eq(optimizer->parameters, 3);
  ck_assert_int_eq((int)ag_optimizer_state_count(optimizer), 2 * (2 + 1 + 3) + 2);
  HOLDS_SO(element(late->value, 0) < 1 && element(late->value, 1) == 1, "the new one moves");
  fails_with(ag_optimizer_step(optimizer, 4, list, NULL),
             "Adam: no parameter has a gradient; call loss:backward() before step");
}
END_TEST

START_TEST(refusals) {
  ag_value o[COMMON + 10];
  defaults("adam", o);
  o[CLIPNORM].number = o[CLIPVALUE].number = 1;
  fails_with(ag_optimizer_new(ag_optimizers_named("adam"), o),
             "Adam: only one of clipnorm, clipvalue and global_clipnorm may be given");
  ag_optimizer *sgd = optimizer_of("sgd", NULL);
  ag_var *w = ones(NN_FLOAT32), *pair[] = {w, w}, *grads[] = {VECTOR(1, 2, 3), VECTOR(1, 2, 3)}, *small = VECTOR(1, 2);
  ag_var *integers = ag_constant(nn_ones(NN_INT64, NN_SHAPE(3)));
  fails_with(ag_optimizer_step(sgd, 1, &w, &small), "SGD: the gradient of parameter 1 has shape {2}; expected {3}");
  fails_with(ag_optimizer_step(sgd, 2, pair, grads), "SGD: parameter 2 is given twice");
  fails_with(ag_optimizer_step(sgd, 1, &integers, grads), "SGD: only floats are trained; parameter 1 is int64");
  IS(w, 0, 1, 1, 1);
  ck_assert_int_eq((int)sgd->iterations, 0);
}
END_TEST

/* An optimizer with everything switched on: whatever allocation fails, the parameters are as before and the next step
 * gives what it always gives. */
START_TEST(steps_without_memory) {
  ag_value o[COMMON + 10];
  double expected[3] = {0};
  nn_memory_cache(false);
  for (int64_t n = 0, done = false; !done; n++) {
    defaults("rmsprop", o);
    o[CLIPNORM].number = o[LOSS_SCALE].number = 0.5;
    o[USE_EMA].flag = true;
    ag_optimizer *optimizer = optimizer_of("rmsprop", o);
    ag_var *w = ones(NN_FLOAT32), *v = ones(NN_FLOAT64), *list[] = {w, v};
    SUCCEEDS(ag_set_grad(w, constant(NN_FLOAT32, NN_SHAPE(3), gradient[0])) && ag_set_grad(v, VECTOR(1, 2, 3)));
    nn_memory_fail_at(n, false);
    done = ag_optimizer_step(optimizer, 2, list, NULL) && n;
    nn_memory_fail_at(0, false);
    if (!done && n) {
      HOLDS_SO(nn_error(), "a step failed without an error");
      nn_clear_error();
      IS(w, 0, 1, 1, 1);
      HOLDS_SO(optimizer->iterations == 0 && ag_grad_of(w) && ag_grad_of(v), "nothing was changed");
      SUCCEEDS(ag_optimizer_step(optimizer, 2, list, NULL));
    }
    for (int i = 0; i < 3; i++) {
      if (!n) expected[i] = element(w->value, i);
      ck_assert_double_eq(element(w->value, i), expected[i]);
    }
    nothing_live("a step");
  }
}
END_TEST

TCase *optimizers_case(void) {
  TCase *c = tcase_create("optimizers");
  tcase_add_checked_fixture(c, fixture_open, fixture_close);
  tcase_add_test(c, float64_updates);
  tcase_add_test(c, float32_updates);
  tcase_add_test(c, updates_of_one_weight);
  tcase_add_test(c, clipping_scaling_decay);
  tcase_add_test(c, averages);
  tcase_add_test(c, accumulation);
  tcase_add_test(c, parameters_of_all_kinds);
  tcase_add_test(c, refusals);
  tcase_add_test(c, steps_without_memory);
  return c;
}
