/* Activations, initializers and layers (and, in files of their own, losses and optimizers): against
 * tests/data/network_*.csv (from PyTorch and NumPy), against formulas written out here, and at the edges. */
#include "network_checks.h"

Suite *network_suite(void);
TCase *losses_case(void);
TCase *optimizers_case(void);

ROW_NAMED(ag_initializers)

/* Activations */

static void check_activation(const line *l, nn_dtype dtype, double tolerance) {
  const ag_activation *row = ag_activation_named(l->name);
  HOLDS_SO(row, "no activation %s", l->name);
  const int options = (int)l->v[0];
  ck_assert_int_eq(options, ag_option_count(row->option));
  ag_value o[5];
  read_options(row->option, l->v + 1, o);
  const double *expected = l->v + 1 + options;
  ag_var *x = parameter(dtype, NN_SHAPE(1), expected), *y = row->apply(x, o), *dx;
  SUCCEEDS(y && ag_grad(ag_sum(y, NN_ALL, false), NULL, 1, &x, 0, &dx));
  const double got[] = {nn_item(y->value), nn_item(dx->value)};
  for (int i = 0; i < 2; i++)
    HOLDS_SO(close_to(got[i], expected[i + 1], tolerance, tolerance), "%s(%g)%s: %.17g, not %.17g", l->name,
             expected[0], i ? "'" : "", got[i], expected[i + 1]);
}

START_TEST(activations_agree) {
  FILE *f = open_lines("tests/data/network_activations.csv");
  int count = 0;
  for (line l; next_line(f, &l); count++) {
    check_activation(&l, NN_FLOAT64, 1e-12);
    check_activation(&l, NN_FLOAT32, 2e-6);
  }
  fclose(f);
  ck_assert_int_gt(count, 500);
}
END_TEST

static ag_var *activate(const char *name, ag_var *x) {
  ag_function f = {.activation = ag_activation_named(name)};
  ag_option_defaults(f.activation->option, f.value);
  return ag_activate(&f, x);
}

START_TEST(activations_along_an_axis) {
  ag_var *x = MATRIX(2, 3, 1, 2, 3, 0, 0, 5);
  const double e = exp(-1), e2 = exp(-2), s = 1 + e + e2, t = 2 + exp(5);
  IS(activate("softmax", x), 1e-12, e2 / s, e / s, 1 / s, 1 / t, 1 / t, exp(5) / t);
  IS(activate("log_softmax", x), 1e-12, -2 - log(s), -1 - log(s), -log(s), -log(t), -log(t), 5 - log(t));
  ag_var *scores = MATRIX(2, 3, 1, 1.2, -1, 0.3, 0.1, 0.2);
  IS(activate("sparsemax", scores), 1e-12, 0.4, 0.6, 0, 0.1 + 1. / 3, 1. / 3 - 0.1, 1. / 3);
  IS(activate("glu", VECTOR(1, -2, 0, 3)), 1e-12, 0.5, -2 / (1 + exp(-3)));
  fails_with(activate("glu", VECTOR(1, 2, 3)), "glu: dimension 1 of {3} has no two halves");
  fails_with(activate("softmax", ag_number(1)), "softmax: dimension -1 is outside {}");
}
END_TEST

START_TEST(activations_let_nan_through) {
  for (const ag_activation *row = ag_activations; row->name; row++) {
    ag_value o[sizeof ((ag_function *)0)->value / sizeof(ag_value)];
    ck_assert_int_le(ag_option_count(row->option), sizeof o / sizeof o[0]);   /* what an ag_function has room for */
    ag_option_defaults(row->option, o);
    ag_var *y = row->apply(VECTOR(NAN, NAN), o);
    SUCCEEDS(y);
    HOLDS_SO(isnan(element(y->value, 0)), "%s(nan) is %g", row->name, element(y->value, 0));
  }
  ck_assert_ptr_eq(ag_activation_named("swish"), ag_activation_named("silu"));
  ck_assert_ptr_null(ag_activation_named("relu7"));
}
END_TEST

/* Initializers */

static nn_tensor *initialized(const char *name, nn_shape shape) {
  const ag_initializer *row = ag_initializers_named(name);
  ag_value o[6];
  ag_option_defaults(row->option, o);
  nn_generator generator = nn_generator_seeded(7);
  nn_tensor *x = row->make(&generator, NN_FLOAT64, shape, o);
  SUCCEEDS(x);
  return x;
}

/* Standard deviation and largest size over a large tensor. */
static void spread(const char *name, nn_shape shape, double stddev, double bound) {
  nn_tensor *x = initialized(name, shape);
  double sum = 0, most = 0;
  for (int64_t i = 0; i < x->numel; i++) {
    sum += element(x, i) * element(x, i);
    most = fmax(most, fabs(element(x, i)));
  }
  const double found = sqrt(sum / (double)x->numel);
  HOLDS_SO(close_to(found, stddev, 0.02, 0), "%s: stddev %g, not %g", name, found, stddev);
  HOLDS_SO(!bound || (most <= bound && most > 0.98 * bound), "%s: up to %g, not %g", name, most, bound);
}

START_TEST(initializers_scale) {
  const nn_shape s = NN_SHAPE(784, 128);
  const double cut = 2 / 0.8796256610342398;
  spread("glorot_uniform", s, 0.0811107106 / sqrt(3), 0.0811107106);
  spread("glorot_normal", s, sqrt(2. / 912), cut * sqrt(2. / 912));
  spread("he_uniform", s, sqrt(2. / 784), sqrt(6. / 784));
  spread("he_normal", s, sqrt(2. / 784), 0.1148389127);
  spread("lecun_uniform", s, sqrt(1. / 784), sqrt(3. / 784));
  spread("lecun_normal", s, sqrt(1. / 784), cut * sqrt(1. / 784));
  spread("lecun_normal", NN_SHAPE(3, 3, 64, 128), sqrt(1. / 576), cut * sqrt(1. / 576));
  spread("variance_scaling", s, sqrt(1. / 784), cut * sqrt(1. / 784));
  spread("random_normal", s, 0.05, 0);
  spread("truncated_normal", s, 0.05 * 0.8796256610342398, 0.1);
  spread("random_uniform", s, 0.05 / sqrt(3), 0.05);
}
END_TEST

static void orthonormal(nn_shape shape, int64_t few) {
  nn_tensor *x = nn_reshape(initialized("orthogonal", shape), NN_SHAPE(-1, shape.dim[shape.rank - 1]));
  const bool by_rows = x->shape.dim[0] == few;
  nn_tensor *product = nn_matmul_t(x, !by_rows, x, by_rows);
  same_tensor(product, nn_eye(NN_FLOAT64, few), 0, 1e-13, "orthogonal");
}

START_TEST(initializers_of_fixed_form) {
  orthonormal(NN_SHAPE(20, 7), 7);
  orthonormal(NN_SHAPE(7, 20), 7);
  orthonormal(NN_SHAPE(2, 3, 5), 5);
  const double diagonal[] = {1, 0, 0, 0, 1, 0};
  const nn_shape wide = NN_SHAPE(2, 3);
  same_tensor(initialized("identity", wide), tensor_of(NN_FLOAT64, wide, diagonal), 0, 0, "identity");
  same_tensor(initialized("ones", NN_SHAPE(2)), DOUBLES(1, 1), 0, 0, "ones");
  same_tensor(initialized("zeros", NN_SHAPE(2)), DOUBLES(0, 0), 0, 0, "zeros");
  const ag_value one = {.number = 1};
  fails_with(ag_initializers_named("identity")->make(NULL, NN_FLOAT32, NN_SHAPE(3), &one),
             "identity: a shape of rank 2 is expected; got {3}");
  fails_with(ag_initializers_named("orthogonal")->make(NULL, NN_FLOAT32, NN_SHAPE(3), &one), "orthogonal");
}
END_TEST

/* Layers */

static const ag_layer_class *layer_class(const char *name) {
  for (int i = 0; ag_layers[i]; i++)
    if (!strcmp(ag_layers[i]->name, name)) return ag_layers[i];
  ck_abort_msg("no layer %s", name);
  return NULL;
}

typedef struct built { ag_layer layer; ag_value option[14]; ag_weight wanted[AG_LAYER_WEIGHTS]; } built;

static void layer_of(built *b, const char *name) {
  memset(b, 0, sizeof *b);
  b->layer.class_ = layer_class(name);
  b->layer.option = b->option;
  ag_option_defaults(b->layer.class_->option, b->option);
}

static ag_var *call(const built *b, ag_var *x, bool training) {
  return ag_layer_call(&b->layer, x, (ag_mode){.training = training});
}

START_TEST(dense) {
  built d;
  layer_of(&d, "Dense");
  ag_function relu = {.activation = ag_activation_named("relu"), .value = {{0}, {NAN}, {0}}};
  d.option[0].integer = 2;
  d.option[1].function = &relu;
  const nn_shape input = NN_SHAPE(1, 3);
  ck_assert_int_eq(ag_layer_build(&d.layer, &input, d.wanted), 2);
  ck_assert_str_eq(d.wanted[0].name, "kernel");
  ck_assert_str_eq(nn_shape_text(&d.wanted[0].shape).s, "{3, 2}");
  ck_assert_str_eq(nn_shape_text(&d.wanted[1].shape).s, "{2}");
  d.layer.weight[0] = MATRIX(3, 2, 1, 2, 3, 4, 5, 6);
  d.layer.weight[1] = VECTOR(-10, -100);
  IS(call(&d, MATRIX(1, 3, 1, 1, 1), false), 0, 0, 0);
  IS(call(&d, MATRIX(2, 3, 1, 1, 2, 4, 5, 6), false), 0, 4, 0, 39, 0);
  IS(ag_layer_call(&d.layer, MATRIX(1, 3, 1, 1, 1), (ag_mode){.logits = true}), 0, -1, -88);
  shaped(call(&d, ag_constant(nn_ones(NN_FLOAT64, NN_SHAPE(2, 4, 3))), false), NN_SHAPE(2, 4, 2));
  fails_with(call(&d, ag_constant(nn_ones(NN_FLOAT64, NN_SHAPE(32, 5))), false),
             "Dense: kernel expects 3 inputs (last dimension); got {32, 5}");
  fails_with(call(&d, VECTOR(1, 2, 3), false),
             "Dense: an input of at least 2 dimensions, the batch first, is expected; got {3}");
  d.option[2].flag = false;
  ck_assert_int_eq(ag_layer_build(&d.layer, &input, d.wanted), 1);
}
END_TEST

static ag_var *with_ints(const char *name, nn_ints ints, nn_shape input) {
  built b;
  layer_of(&b, name);
  b.option[0].ints = ints;
  return call(&b, ag_constant(nn_ones(NN_FLOAT64, input)), false);
}

START_TEST(shapes) {
  built b;
  shaped(with_ints("Flatten", NN_ALL, NN_SHAPE(2, 3, 4)), NN_SHAPE(2, 12));
  shaped(with_ints("Flatten", NN_ALL, NN_SHAPE(5)), NN_SHAPE(5, 1));
  shaped(with_ints("Flatten", NN_ALL, NN_SHAPE(0, 3, 4)), NN_SHAPE(0, 12));
  shaped(with_ints("Reshape", NN_INTS(2, -1), NN_SHAPE(5, 8)), NN_SHAPE(5, 2, 4));
  shaped(with_ints("Reshape", NN_INTS(-1), NN_SHAPE(0, 2, 4)), NN_SHAPE(0, 8));
  fails_with(with_ints("Reshape", NN_INTS(3, -1), NN_SHAPE(5, 8)),
             "Reshape: the 8 elements of a sample of {5, 8} do not make {3, -1}");
  shaped(with_ints("Permute", NN_INTS(3, 1, 2), NN_SHAPE(5, 2, 3, 4)), NN_SHAPE(5, 4, 2, 3));
  fails_with(with_ints("Permute", NN_INTS(1, 1), NN_SHAPE(5, 2, 3)),
             "Permute: dims {1, 1} do not name each dimension of {5, 2, 3}");
  layer_of(&b, "RepeatVector");
  b.option[0].integer = 3;
  IS(call(&b, MATRIX(2, 1, 4, 5), false), 0, 4, 4, 4, 5, 5, 5);
  fails_with(call(&b, VECTOR(1, 2), false), "RepeatVector");
}
END_TEST

START_TEST(dropout) {
  built b;
  layer_of(&b, "Dropout");
  b.option[0].number = 0.25;
  ag_var *x = ag_constant(nn_ones(NN_FLOAT32, NN_SHAPE(100, 100)));
  ck_assert_ptr_eq(call(&b, x, false), x);
  const double mean = nn_item(ag_mean(call(&b, x, true), NN_ALL, false)->value);
  ck_assert_double_eq_tol(mean, 1, 0.03);
  b.option[1].ints = NN_INTS(-1, 1);
  ag_var *rows = call(&b, x, true);
  for (int i = 0; i < 100; i++) ck_assert_double_eq(element(rows->value, 100 * i), element(rows->value, 100 * i + 99));
  b.option[1].ints = NN_INTS(3, 1);
  fails_with(call(&b, x, true), "Dropout: noise_shape {3, 1} does not fit inputs {100, 100}");
  b.option[1].ints = NN_ALL;
  b.option[2].integer = 5;
  nn_seed(1);
  ag_var *first = call(&b, x, true), *second = call(&b, x, true);
  nn_seed(1);
  same_tensor(call(&b, x, true)->value, first->value, 0, 0, "the same seeds");
  ck_assert_double_gt(nn_item(ag_sum(ag_abs(ag_sub(first, second)), NN_ALL, false)->value), 0);
  b.option[0].number = 1;
  IS(ag_sum(call(&b, x, true), NN_ALL, false), 0, 0);
}
END_TEST

START_TEST(scaling) {
  built b;
  layer_of(&b, "Rescaling");
  b.option[0].number = 2;
  b.option[1].number = -1;
  ag_var *bytes = call(&b, ag_constant(tensor_of(NN_UINT8, NN_SHAPE(1, 2), (double[]){0, 255})), false);
  IS(bytes, 0, -1, 509);
  ck_assert_int_eq(bytes->value->dtype, NN_FLOAT32);
  layer_of(&b, "Normalization");
  const nn_shape input = NN_SHAPE(1, 2);
  ck_assert_int_eq(ag_layer_build(&b.layer, &input, b.wanted), 2);
  HOLDS_SO(b.wanted[0].frozen && b.wanted[1].frozen && b.wanted[1].shape.dim[0] == 2, "mean and variance are frozen");
  b.layer.weight[0] = VECTOR(1, 10);
  b.layer.weight[1] = VECTOR(4, 0);
  IS(call(&b, MATRIX(2, 2, 3, 10, -1, 10 + 2e-7), false), 1e-7, 1, 0, -1, 2);
  b.option[3].flag = true;
  IS(call(&b, MATRIX(1, 2, 1, 0), false), 1e-12, 3, 10);
  b.option[0].integer = 1;
  fails_with(call(&b, MATRIX(1, 2, 1, 0), false), "Normalization: axis 1 is the batch");
  b.option[0].integer = -1;
  b.option[1].tensor = ag_number(1);
  ck_assert_int_eq(ag_layer_build(&b.layer, &input, b.wanted), -1);
  fails_with(false, "Normalization: mean and variance are given together, or neither");
  b.option[2].tensor = ag_number(4);
  IS(call(&b, MATRIX(1, 2, 1, 0), false), 1e-12, 3, 1);
}
END_TEST

START_TEST(activation_layers) {
  built b;
  layer_of(&b, "LeakyReLU");
  IS(call(&b, VECTOR(-1, 2), false), 1e-12, -0.3, 2);
  layer_of(&b, "ReLU");
  IS(call(&b, VECTOR(-1, 2), false), 0, 0, 2);
  b.option[0].number = 1.5;
  b.option[1].number = 0.5;
  IS(call(&b, VECTOR(-1, 1, 2), false), 0, -0.5, 1, 1.5);
  layer_of(&b, "ELU");
  IS(call(&b, VECTOR(-1, 2), false), 1e-12, expm1(-1), 2);
  layer_of(&b, "Softmax");
  IS(call(&b, MATRIX(1, 2, 3, 3), false), 1e-12, 0.5, 0.5);
  layer_of(&b, "PReLU");
  b.option[0].ints = NN_INTS(2);
  const nn_shape input = NN_SHAPE(1, 4, 2);
  ck_assert_int_eq(ag_layer_build(&b.layer, &input, b.wanted), 1);
  ck_assert_str_eq(nn_shape_text(&b.wanted[0].shape).s, "{1, 2}");
  b.layer.weight[0] = MATRIX(1, 2, 0.5, 2);
  IS(call(&b, constant(NN_FLOAT64, NN_SHAPE(1, 2, 2), (double[]){-1, -1, 3, -2}), false), 0, -0.5, -2, 3, -4);
  b.option[0].ints = NN_INTS(1);
  ck_assert_int_eq(ag_layer_build(&b.layer, &input, b.wanted), -1);
  fails_with(false, "PReLU: shared_axes {1} name the batch");
}
END_TEST

static void activation_and_initializer_tests(TCase *c) {
  tcase_add_test(c, activations_agree);
  tcase_add_test(c, activations_along_an_axis);
  tcase_add_test(c, activations_let_nan_through);
  tcase_add_test(c, initializers_scale);
  tcase_add_test(c, initializers_of_fixed_form);
}

static void layer_tests(TCase *c) {
  tcase_add_test(c, dense);
  tcase_add_test(c, shapes);
  tcase_add_test(c, dropout);
  tcase_add_test(c, scaling);
  tcase_add_test(c, activation_layers);
}

Suite *network_suite(void) {
  Suite *suite = suite_create("network");
  TCase *layers = tcase_create("layers");
  tcase_add_checked_fixture(layers, fixture_open, fixture_close);
  activation_and_initializer_tests(layers);
  layer_tests(layers);
  suite_add_tcase(suite, layers);
  suite_add_tcase(suite, losses_case());
  suite_add_tcase(suite, optimizers_case());
  return suite;
}
