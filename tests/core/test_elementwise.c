/* Element-wise functions: values against the C library's long double on every instruction set, the bits of strided
 * memory, of broadcast operands and of any number of threads, dtypes, NaN, and what is refused. */
#include <float.h>
#include <stdlib.h>

#include "check_nn.h"

Suite *elementwise_suite(void);

typedef long double real;
typedef nn_tensor *unary_function(nn_tensor *x);
typedef nn_tensor *binary_function(nn_tensor *a, nn_tensor *b);

static const char *const isas[] = {"portable", "avx2", "avx512"};
#define OF(dtype, ...) \
  tensor_of(dtype, NN_SHAPE(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void assert_values(nn_tensor *x, nn_dtype dtype, int64_t n, const double *values) {
  ck_assert_msg(x != NULL, "%s", nn_error());
  ck_assert_str_eq(nn_dtype_name(x->dtype), nn_dtype_name(dtype));
  ck_assert_int_eq(x->numel, n);
  for (int64_t i = 0; i < n; i++)
    HOLDS_SO(close_to(element(x, i), values[i], 0, 0), "element %d: %g, expected %g", (int)i, element(x, i), values[i]);
}
#define ASSERT_VALUES(x, dtype, ...) \
  assert_values(x, dtype, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void assert_same_bits(const nn_tensor *a, const nn_tensor *b, const char *what) {
  ck_assert_msg(a && b, "%s: %s", what, nn_error());
  ck_assert_int_eq(a->dtype, b->dtype);
  ck_assert_int_eq(a->numel, b->numel);
  ck_assert_msg(!memcmp(a->data, b->data, (size_t)a->numel * nn_dtype_size(a->dtype)), "%s: bits differ", what);
}

/* References. */
static real sigmoid(real x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
static real softplus(real x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }
static real log_sigmoid(real x) { return -softplus(-x); }
static real softsign(real x) { return x / (1 + fabsl(x)); }
static real silu(real x) { return x * sigmoid(x); }
static real mish(real x) { return x * tanhl(softplus(x)); }
static real gelu(real x) { return x / 2 * erfcl(-x / sqrtl(2)); }
static real gelu_u(real x) { return 2 * sqrtl(2 / acosl(-1)) * (x + 0.044715L * x * x * x); }
static real gelu_tanh(real x) { return x * sigmoid(gelu_u(x)); }
static real selu(real x) { return 1.0507009873554805L * (x > 0 ? x : 1.6732632423543772L * expm1l(x)); }
static real hard_sigmoid(real x) { return x < -3 ? 0 : x > 3 ? 1 : x / 6 + 0.5L; }
static real rsqrt(real x) { return 1 / sqrtl(x); }
static real leaky(real x) { return x > 0 ? x : 0.2f * (real)x; }
static real elu(real x) { return x > 0 ? x : 0.75L * expm1l(x); }
static nn_tensor *nn_leaky(nn_tensor *x) { return nn_leaky_relu(x, 0.2f); }
static nn_tensor *nn_elu_075(nn_tensor *x) { return nn_elu(x, 0.75); }

/* ulp: the bound; absolute: what is forgiven near a zero of the function, in units of the dtype's epsilon. */
typedef struct value_row {
  const char *name;
  unary_function *f;
  real (*reference)(real);
  double lo, hi, ulp, absolute;
} value_row;

static const value_row value_rows[] = {
  {"exp", nn_exp, expl, -800, 800, 1, 0},
  {"expm1", nn_expm1, expm1l, -60, 800, 2, 0},
  {"log", nn_log, logl, 0, 1e30, 1, 0},
  {"log1p", nn_log1p, log1pl, -1, 1e9, 1, 0},
  {"sqrt", nn_sqrt, sqrtl, 0, 1e30, 0.5001, 0},
  {"rsqrt", nn_rsqrt, rsqrt, 1e-30, 1e30, 1.5, 0},
  {"sin", nn_sin, sinl, -100, 100, 1, 0},
  {"cos", nn_cos, cosl, -100, 100, 1, 0},
  {"tanh", nn_tanh, tanhl, -30, 30, 2.25, 0},
  {"erf", nn_erf, erfl, -7, 7, 1.25, 0},
  {"sigmoid", nn_sigmoid, sigmoid, -80, 50, 2.25, 0},
  {"log_sigmoid", nn_log_sigmoid, log_sigmoid, -80, 80, 2, 0},
  {"softplus", nn_softplus, softplus, -80, 80, 2, 0},
  {"softsign", nn_softsign, softsign, -80, 80, 1.5, 0},
  {"silu", nn_silu, silu, -80, 80, 3.5, 0},
  {"mish", nn_mish, mish, -80, 80, 4, 0},
  {"gelu", nn_gelu, gelu, -6, 50, 4, 4},
  {"gelu_tanh", nn_gelu_tanh, gelu_tanh, -6, 50, 4, 4},
  {"selu", nn_selu, selu, -80, 80, 2.5, 0},
  {"hard_sigmoid", nn_hard_sigmoid, hard_sigmoid, -5, 5, 1, 1},
  {"leaky_relu", nn_leaky, leaky, -80, 80, 0.5001, 0},
  {"elu", nn_elu_075, elu, -80, 80, 2, 0},
};

/* |got - want| in units of want's last place, less what is forgiven; 0 where both are NaN or the same infinity. */
static double ulps(nn_dtype dtype, double got, real want, double absolute) {
  const int digits = dtype == NN_FLOAT32 ? FLT_MANT_DIG : DBL_MANT_DIG;
  const int least = dtype == NN_FLOAT32 ? FLT_MIN_EXP : DBL_MIN_EXP;
  const real largest = dtype == NN_FLOAT32 ? FLT_MAX : DBL_MAX;
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
  if (isinf(got)) return fabsl(want) > largest && (want > 0) == (got > 0) ? 0 : INFINITY;
  int exponent;
  frexpl(want, &exponent);
  const real unit = ldexpl(1, (exponent < least ? least : exponent) - digits);
  const real error = fabsl(got - want) - (real)absolute * ldexpl(1, 1 - digits);
  return error > 0 ? (double)(error / unit) : 0;
}

/* Points evenly between lo and hi, points at magnitudes from tiny to these, and the ends of everything. */
static nn_tensor *sample(nn_dtype dtype, double lo, double hi) {
  enum { N = 3000 };
  static const double ends[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, FLT_MIN, -FLT_MIN, 1e-42, -1e-42, FLT_MAX, 1, -1};
  double v[2 * N + sizeof ends / sizeof *ends];
  for (int i = 0; i < N; i++) {
    v[i] = lo + (hi - lo) * (i + 0.37) / N;
    const double scale = pow(2, -40.0 * i / N);
    v[N + i] = (i % 2 ? lo : hi) * scale;
  }
  memcpy(v + 2 * N, ends, sizeof ends);
  return tensor_of(dtype, NN_SHAPE(sizeof v / sizeof *v), v);
}

static void check_values(const value_row *row, const char *isa, nn_dtype dtype) {
  nn_tensor *x = sample(dtype, row->lo, row->hi), *y = row->f(x);
  ck_assert_msg(y != NULL, "%s: %s", row->name, nn_error());
  for (int64_t i = 0; i < x->numel; i++) {
    const double v = element(x, i);
    if (isinf(v) && v < 0 && isnan(row->reference(v))) continue;      /* -inf * 0 */
    if (fabs(v) > 1e9 && isfinite(v)) continue;
    const double error = ulps(dtype, element(y, i), row->reference(v), row->absolute);
    ck_assert_msg(error <= row->ulp, "%s (%s, %s) of %.17g: %.17g, expected %.17Lg (%g ulp)", row->name, isa,
                  nn_dtype_name(dtype), v, element(y, i), row->reference(v), error);
  }
}

START_TEST(values) {
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!nn_kernels_use(isas[k])) continue;
    ck_assert_str_eq(nn_kernels_name(), isas[k]);
    const size_t mark = nn_scope_open();
    check_values(&value_rows[_i], isas[k], NN_FLOAT32);
    check_values(&value_rows[_i], isas[k], NN_FLOAT64);
    nn_scope_close(mark);
  }
} END_TEST

/* Derivatives, against central differences of the reference in long double. */
static nn_tensor *grad_of_sigmoid(nn_tensor *g, nn_tensor *x) { return nn_sigmoid_grad(g, nn_sigmoid(x)); }
static nn_tensor *grad_of_tanh(nn_tensor *g, nn_tensor *x) { return nn_tanh_grad(g, nn_tanh(x)); }
static nn_tensor *grad_of_leaky(nn_tensor *g, nn_tensor *x) { return nn_leaky_relu_grad(g, x, 0.2f); }
static nn_tensor *grad_of_elu(nn_tensor *g, nn_tensor *x) { return nn_elu_grad(g, x, 0.75); }

static const struct { const char *name; binary_function *grad; real (*f)(real); } grad_rows[] = {
  {"sigmoid", grad_of_sigmoid, sigmoid}, {"tanh", grad_of_tanh, tanhl}, {"softplus", nn_softplus_grad, softplus},
  {"softsign", nn_softsign_grad, softsign}, {"silu", nn_silu_grad, silu}, {"mish", nn_mish_grad, mish},
  {"gelu", nn_gelu_grad, gelu}, {"gelu_tanh", nn_gelu_tanh_grad, gelu_tanh}, {"selu", nn_selu_grad, selu},
  {"hard_sigmoid", nn_hard_sigmoid_grad, hard_sigmoid}, {"leaky_relu", grad_of_leaky, leaky},
  {"elu", grad_of_elu, elu},
};

START_TEST(derivatives) {
  const real h = 1e-5L;
  nn_tensor *x = nn_linspace(NN_FLOAT64, -9.013, 9, 401), *g = nn_linspace(NN_FLOAT64, -2, 3, 401);
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!nn_kernels_use(isas[k])) continue;
    nn_tensor *y = grad_rows[_i].grad(g, x);
    nn_tensor *y32 = grad_rows[_i].grad(nn_cast(g, NN_FLOAT32), nn_cast(x, NN_FLOAT32));
    for (int64_t i = 0; i < x->numel; i++) {
      const real v = element(x, i), want = element(g, i) * (grad_rows[_i].f(v + h) - grad_rows[_i].f(v - h)) / (2 * h);
      ck_assert_msg(fabsl(element(y, i) - want) < 1e-8L && fabsl(element(y32, i) - want) < 3e-6L,
                    "%s at %Lg: %.12g and %.7g, expected %.12Lg", grad_rows[_i].name, v, element(y, i),
                    element(y32, i), want);
    }
  }
} END_TEST

START_TEST(derivatives_at_the_ends) {
  nn_tensor *g = OF(NN_FLOAT32, 5, 5, 5, 5, 5), *x = OF(NN_FLOAT32, -1, 0, 1, NAN, -0.0);
  ASSERT_VALUES(nn_relu_grad(g, x), NN_FLOAT32, 0, 0, 5, 5, 0);
  ASSERT_VALUES(nn_clamp_grad(g, x, 0, 1), NN_FLOAT32, 0, 5, 5, 0, 5);
  ASSERT_VALUES(nn_hard_sigmoid_grad(nn_number(6), OF(NN_FLOAT32, -3, -2.9, 2.9, 3)), NN_FLOAT32, 0, 1, 1, 0);
  nn_tensor *far = OF(NN_FLOAT32, -1e30, 1e30), *one = OF(NN_FLOAT32, 1, 1);
  ASSERT_VALUES(nn_gelu_tanh_grad(one, far), NN_FLOAT32, 0, 1);
  ASSERT_VALUES(nn_gelu_grad(one, far), NN_FLOAT32, 0, 1);
  ASSERT_VALUES(nn_mish_grad(one, far), NN_FLOAT32, 0, 1);
  ASSERT_VALUES(nn_softplus_grad(one, far), NN_FLOAT32, 0, 1);
} END_TEST

/* Bits: every function, on contiguous memory, transposed, in short pieces, on each instruction set. */
static nn_tensor *clamp_some(nn_tensor *x) { return nn_clamp(x, -1.5, 2); }
static unary_function *const unaries[] = {
  nn_neg, nn_abs, nn_sign, nn_square, nn_relu, nn_floor, nn_ceil, nn_round, nn_exp, nn_expm1, nn_log, nn_log1p, nn_sqrt,
  nn_rsqrt, nn_sin, nn_cos, nn_tanh, nn_erf, nn_sigmoid, nn_log_sigmoid, nn_softplus, nn_softsign, nn_silu, nn_mish,
  nn_gelu, nn_gelu_tanh, nn_hard_sigmoid, nn_selu, nn_leaky, nn_elu_075, nn_logical_not, clamp_some,
};
static binary_function *const binaries[] = {
  nn_add, nn_sub, nn_mul, nn_div, nn_pow, nn_maximum, nn_minimum, nn_eq, nn_ne, nn_lt, nn_le, nn_gt, nn_ge,
  nn_relu_grad, nn_sigmoid_grad, nn_tanh_grad, nn_softplus_grad, nn_softsign_grad, nn_silu_grad, nn_mish_grad,
  nn_gelu_grad, nn_selu_grad, nn_gelu_tanh_grad, nn_hard_sigmoid_grad, grad_of_leaky, grad_of_elu,
};
enum { UNARIES = sizeof unaries / sizeof *unaries, BINARIES = sizeof binaries / sizeof *binaries };

static nn_tensor *piece(nn_tensor *x, int64_t n) { return nn_slice("slice", x, 1, &(nn_range){1, n, false}); }

START_TEST(bits_unary) {
  for (nn_dtype dtype = 0; dtype < NN_DTYPES; dtype++) {
    const bool is_float = nn_is_float(dtype);
    nn_tensor *x = nn_linspace(NN_FLOAT64, dtype == NN_UINT8 ? 0 : -7, is_float ? 7.3 : 120, 23 * 41);
    x = nn_cast(x, dtype);
    nn_kernels_use("portable");
    nn_tensor *y = unaries[_i](x);
    nn_tensor *across = nn_transpose(nn_clone(nn_transpose(nn_reshape(x, NN_SHAPE(23, 41)), 1, 2)), 1, 2);
    ck_assert(!across->contiguous);
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
      if (!nn_kernels_use(isas[k])) continue;
      assert_same_bits(unaries[_i](x), y, isas[k]);
      assert_same_bits(unaries[_i](across), y, "strided");
      for (int64_t n = 1; n < 40; n += 3) assert_same_bits(unaries[_i](piece(x, n)), piece(y, n), "short");
    }
  }
} END_TEST

START_TEST(bits_binary) {
  for (nn_dtype dtype = 0; dtype < NN_DTYPES; dtype++) {
    nn_tensor *a = nn_cast(nn_linspace(NN_FLOAT64, dtype == NN_UINT8 ? 0 : -7, 9, 23 * 41), dtype);
    nn_tensor *b = nn_cast(nn_linspace(NN_FLOAT64, 5, 0, 23 * 41), dtype);
    nn_kernels_use("portable");
    nn_tensor *y = binaries[_i](a, b);
    const nn_range seventh[] = {{0, 0, false}, {7, 7, false}};
    nn_tensor *column = nn_slice("slice", nn_reshape(b, NN_SHAPE(23, 41)), 2, seventh);
    nn_tensor *wide = nn_clone(nn_broadcast_to(column, NN_SHAPE(23, 41))), *a2 = nn_reshape(a, NN_SHAPE(23, 41));
    nn_tensor *across = nn_transpose(nn_clone(nn_transpose(a2, 1, 2)), 1, 2), *y2 = binaries[_i](a2, wide);
    nn_tensor *y3 = binaries[_i](wide, a2), *five = nn_cast(nn_number(5), dtype);
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
      if (!nn_kernels_use(isas[k])) continue;
      assert_same_bits(binaries[_i](a, b), y, isas[k]);
      assert_same_bits(binaries[_i](a2, column), y2, "column");
      if (binaries[_i] != nn_pow) assert_same_bits(binaries[_i](column, a2), y3, "column first");
      assert_same_bits(binaries[_i](across, column), y2, "strided, column");
      assert_same_bits(binaries[_i](a, five), binaries[_i](a, nn_clone(nn_broadcast_to(five, a->shape))), "one value");
    }
    nn_clear_error();
  }
} END_TEST

/* Broadcasting, against indices computed one by one. */
static void check_sum(nn_tensor *a, nn_tensor *b) {
  nn_tensor *y = nn_add(a, b);
  SUCCEEDS(y);
  const nn_tensor *wide_a = nn_broadcast_to(a, y->shape), *wide_b = nn_broadcast_to(b, y->shape);
  for (int64_t i = 0; i < y->numel; i++) {
    const double want = element(wide_a, i) + element(wide_b, i);
    HOLDS_SO(element(y, i) == want, "%s + %s at %d: %g, expected %g", nn_shape_text(&a->shape).s,
             nn_shape_text(&b->shape).s, (int)i, element(y, i), want);
  }
}

static nn_tensor *counted(nn_dtype dtype, nn_shape shape) {
  const int64_t n = nn_shape_numel("test", &shape, dtype);
  return nn_reshape(nn_cast(nn_arange(NN_FLOAT64, 0, (double)n - 1, 1), dtype), shape);
}

START_TEST(broadcasting) {
  static const struct { nn_shape a, b; } rows[] = {
    {{3, {3, 1, 4}}, {2, {2, 1}}},   {{2, {5, 8}}, {1, {8}}},        {{2, {700, 3}}, {1, {3}}},
    {{2, {700, 3}}, {2, {700, 1}}},  {{2, {40, 1}}, {1, {50}}},      {{3, {2, 600, 2}}, {2, {600, 1}}},
    {{3, {4, 1, 64}}, {3, {1, 9, 64}}}, {{0, {0}}, {2, {3, 4}}},     {{1, {1}}, {0, {0}}},
    {{8, {2, 1, 3, 1, 2, 1, 2, 1}}, {8, {1, 2, 1, 3, 1, 2, 1, 2}}}, {{2, {0, 3}}, {1, {3}}},
    {{2, {1, 1}}, {2, {33, 2}}},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (int dtypes = 0; dtypes < 4; dtypes++) {
      nn_tensor *a = counted(dtypes & 1 ? NN_FLOAT64 : NN_FLOAT32, rows[r].a);
      nn_tensor *b = counted(dtypes & 2 ? NN_INT64 : NN_FLOAT32, rows[r].b);
      check_sum(a, b);
      check_sum(b, a);
      nn_shape both;
      ck_assert(nn_shape_broadcast("test", &a->shape, &b->shape, &both));
      nn_tensor *wide_a = nn_broadcast_to(a, both), *wide_b = nn_broadcast_to(b, both);
      check_sum(wide_a, wide_b);
      if (both.rank >= 2) check_sum(nn_transpose(wide_a, 1, 2), nn_transpose(wide_b, 1, 2));
    }
  fails_with(nn_add(counted(NN_FLOAT32, NN_SHAPE(2, 3)), counted(NN_FLOAT32, NN_SHAPE(4))),
               "add: shapes do not broadcast: {2, 3} and {4}");
} END_TEST

START_TEST(threads) {
  const int before = nn_threads();
  nn_tensor *x = counted(NN_FLOAT32, NN_SHAPE(700, 1001)), *bias = counted(NN_FLOAT32, NN_SHAPE(1001));
  nn_tensor *across = nn_transpose(counted(NN_FLOAT32, NN_SHAPE(1001, 700)), 1, 2);
  nn_tensor *thin = counted(NN_FLOAT32, NN_SHAPE(100100, 7)), *seven = counted(NN_FLOAT32, NN_SHAPE(7));
  nn_tensor *y[2][5];
  for (int n = 0; n < 2; n++) {
    nn_set_threads(1 + 2 * n);
    y[n][0] = nn_mul(x, x);
    y[n][1] = nn_sub(x, bias);
    y[n][2] = nn_add(across, x);
    y[n][3] = nn_mul(thin, seven);
    y[n][4] = nn_tanh(nn_div(across, bias));
  }
  for (int k = 0; k < 5; k++) assert_same_bits(y[0][k], y[1][k], "3 threads");
  for (int64_t i = 0; i < thin->numel; i += 997)
    ck_assert(element(y[1][3], i) == (float)(element(thin, i) * (double)(i % 7)));
  nn_set_threads(before);
} END_TEST

START_TEST(dtypes) {
  nn_tensor *u8 = OF(NN_UINT8, 200, 0), *i64 = OF(NN_INT64, 5, -7), *f32 = OF(NN_FLOAT32, 0.5, 2);
  nn_tensor *f64 = OF(NN_FLOAT64, 0.1, 4), *half = nn_number(0.5), *three = nn_integer(3);
  ASSERT_VALUES(nn_add(u8, u8), NN_UINT8, 144, 0);
  ASSERT_VALUES(nn_sub(nn_sub(u8, u8), OF(NN_UINT8, 1, 2)), NN_UINT8, 255, 254);
  ASSERT_VALUES(nn_mul(u8, i64), NN_INT64, 1000, 0);
  ASSERT_VALUES(nn_add(i64, f32), NN_FLOAT32, 5.5, -5);
  ASSERT_VALUES(nn_add(f32, f64), NN_FLOAT64, 0.6, 6);
  ASSERT_VALUES(nn_mul(f32, half), NN_FLOAT32, 0.25, 1);
  ASSERT_VALUES(nn_mul(half, i64), NN_FLOAT32, 2.5, -3.5);
  ASSERT_VALUES(nn_sub(three, i64), NN_INT64, -2, 10);
  ASSERT_VALUES(nn_mul(u8, three), NN_INT64, 600, 0);
  ASSERT_VALUES(nn_add(half, half), NN_FLOAT64, 1);
  ASSERT_VALUES(nn_div(i64, three), NN_FLOAT32, 5 / 3.0f, -7 / 3.0f);
  ASSERT_VALUES(nn_exp(OF(NN_INT64, 0, 1)), NN_FLOAT32, 1, (float)2.718281828459045);
  ASSERT_VALUES(nn_neg(u8), NN_INT64, -200, 0);
  ASSERT_VALUES(nn_square(u8), NN_UINT8, 64, 0);
  ASSERT_VALUES(nn_abs(i64), NN_INT64, 5, 7);
  ASSERT_VALUES(nn_sign(i64), NN_INT64, 1, -1);
  ASSERT_VALUES(nn_relu(i64), NN_INT64, 5, 0);
  ASSERT_VALUES(nn_floor(i64), NN_INT64, 5, -7);
  ASSERT_VALUES(nn_round(OF(NN_FLOAT32, 0.5, 1.5, -2.5, 2.6)), NN_FLOAT32, 0, 2, -2, 3);
  nn_tensor *most = nn_add(nn_integer(INT64_MAX), nn_integer(1));
  ck_assert_int_eq(nn_item_integer(most), INT64_MIN);
  ck_assert_int_eq(nn_item_integer(nn_abs(most)), INT64_MIN);
  ck_assert_int_eq(nn_item_integer(nn_maximum(most, nn_integer(INT64_MAX))), INT64_MAX);
} END_TEST

START_TEST(not_a_number) {
  for (nn_dtype dtype = NN_FLOAT32; dtype <= NN_FLOAT64; dtype++) {
    nn_tensor *nan = OF(dtype, NAN, NAN, 1), *one = OF(dtype, 1, NAN, NAN);
    ASSERT_VALUES(nn_maximum(nan, one), dtype, NAN, NAN, NAN);
    ASSERT_VALUES(nn_minimum(nan, one), dtype, NAN, NAN, NAN);
    for (size_t k = 0; k < UNARIES; k++)
      if (unaries[k] != nn_logical_not) ck_assert_msg(isnan(element(unaries[k](nan), 0)), "function %d", (int)k);
    ASSERT_VALUES(nn_eq(nan, nan), NN_UINT8, 0, 0, 1);
    ASSERT_VALUES(nn_ne(nan, nan), NN_UINT8, 1, 1, 0);
    ASSERT_VALUES(nn_le(nan, nan), NN_UINT8, 0, 0, 1);
    ASSERT_VALUES(nn_logical_not(nan), NN_UINT8, 0, 0, 0);
    ASSERT_VALUES(nn_where(nan, nn_integer(1), nn_integer(0)), NN_INT64, 1, 1, 1);
  }
} END_TEST

START_TEST(comparisons) {
  nn_tensor *a = OF(NN_INT64, 1, 2, 3), *b = OF(NN_FLOAT32, 2, 2, 2.5);
  ASSERT_VALUES(nn_lt(a, b), NN_UINT8, 1, 0, 0);
  ASSERT_VALUES(nn_le(a, b), NN_UINT8, 1, 1, 0);
  ASSERT_VALUES(nn_gt(a, b), NN_UINT8, 0, 0, 1);
  ASSERT_VALUES(nn_ge(a, nn_number(2.5)), NN_UINT8, 0, 0, 1);
  ASSERT_VALUES(nn_eq(nn_integer(2), a), NN_UINT8, 0, 1, 0);
  ASSERT_VALUES(nn_ne(OF(NN_UINT8, 255), OF(NN_INT64, -1)), NN_UINT8, 1);
  ASSERT_VALUES(nn_eq(OF(NN_FLOAT32, 0.1), nn_number(0.1)), NN_UINT8, 1);
  ASSERT_VALUES(nn_logical_not(OF(NN_FLOAT64, 0, -0.0, 3)), NN_UINT8, 1, 1, 0);
} END_TEST

START_TEST(where) {
  nn_tensor *mask = OF(NN_UINT8, 1, 0, 2), *a = OF(NN_FLOAT32, 1, 2, 3), *b = OF(NN_INT64, -1, -2, -3);
  ASSERT_VALUES(nn_where(mask, a, b), NN_FLOAT32, 1, -2, 3);
  ASSERT_VALUES(nn_where(mask, b, nn_integer(9)), NN_INT64, -1, 9, -3);
  ASSERT_VALUES(nn_where(mask, nn_number(0.5), a), NN_FLOAT32, 0.5, 2, 0.5);
  ASSERT_VALUES(nn_where(mask, nn_integer(1), nn_integer(0)), NN_INT64, 1, 0, 1);
  ASSERT_VALUES(nn_where(OF(NN_FLOAT32, 0, 0.5, 0), mask, mask), NN_UINT8, 1, 0, 2);
  ASSERT_VALUES(nn_where(nn_integer(0), a, nn_number(7)), NN_FLOAT32, 7, 7, 7);
  ASSERT_VALUES(nn_where(nn_integer(1), a, nn_number(7)), NN_FLOAT32, 1, 2, 3);
  nn_tensor *rows = nn_reshape(OF(NN_UINT8, 1, 0), NN_SHAPE(2, 1));
  ASSERT_VALUES(nn_where(rows, a, nn_cast(b, NN_FLOAT64)), NN_FLOAT64, 1, 2, 3, -1, -2, -3);
  fails_with(nn_where(mask, a, OF(NN_FLOAT32, 1, 2)), "where: shapes do not broadcast: {3} and {2}");
} END_TEST

START_TEST(clamp) {
  ASSERT_VALUES(nn_clamp(OF(NN_FLOAT32, -2, 0.5, 9), -1, 2), NN_FLOAT32, -1, 0.5, 2);
  ASSERT_VALUES(nn_clamp(OF(NN_FLOAT64, -2, 9), -INFINITY, 2), NN_FLOAT64, -2, 2);
  ASSERT_VALUES(nn_clamp(OF(NN_INT64, -5, 3, 9), -1.5, INFINITY), NN_INT64, -1, 3, 9);
  ASSERT_VALUES(nn_clamp(OF(NN_UINT8, 0, 100, 255), -3, 99.5), NN_UINT8, 0, 99, 99);
  fails_with(nn_clamp(OF(NN_INT64, 1), 2, 1), "clamp: the lower bound must not exceed the upper; got 2 and 1");
  fails_with(nn_clamp(OF(NN_INT64, 1), -NAN, 1), "clamp: the lower bound must not exceed the upper; got nan and 1");
  fails_with(nn_clamp(OF(NN_UINT8, 1), 300, 400), "clamp: no uint8 lies between 300 and 400; use a float tensor");
  fails_with(nn_clamp(OF(NN_INT64, 1), 0.2, 0.8), "clamp: no int64 lies between 0.2 and 0.8; use a float tensor");
} END_TEST

/* x as float32 holds it. volatile: at -O3 gcc 12 leaves out the rounding of such values side by side. */
static double single(double x) {
  volatile float y = (float)x;
  return y;
}

START_TEST(power) {
  nn_tensor *x = OF(NN_FLOAT32, 0, 1.5, -3), *n = OF(NN_INT64, 3, -2, 0);
  static const double exponents[] = {0, 1, 2, 3, -1, -2, 5};
  for (size_t k = 0; k < sizeof exponents / sizeof *exponents; k++) {
    const double e = exponents[k];
    ASSERT_VALUES(nn_pow(x, nn_number(e)), NN_FLOAT32, single(pow(0, e)), single(pow(1.5, e)), single(pow(-3, e)));
  }
  ASSERT_VALUES(nn_pow(OF(NN_FLOAT64, 4, 2), nn_number(0.5)), NN_FLOAT64, 2, sqrt(2));
  ASSERT_VALUES(nn_pow(nn_number(2), OF(NN_FLOAT32, 3, -1)), NN_FLOAT32, 8, 0.5);
  ASSERT_VALUES(nn_pow(n, nn_number(-1)), NN_FLOAT32, 1 / 3.0f, -0.5, INFINITY);
  ASSERT_VALUES(nn_pow(n, nn_integer(2)), NN_INT64, 9, 4, 0);
  ASSERT_VALUES(nn_pow(n, OF(NN_INT64, 41, 63, 0)), NN_INT64, -420491770248316829.0, -0x1p63, 1);
  ASSERT_VALUES(nn_pow(OF(NN_UINT8, 2, 3), OF(NN_UINT8, 8, 5)), NN_UINT8, 0, 243);
  fails_with(nn_pow(n, nn_integer(-1)), "pow: integers have no negative powers; use a float tensor");
  fails_with(nn_pow(n, n), "pow: integers have no negative powers; use a float tensor");
} END_TEST

START_TEST(arithmetic_in_place) {
  nn_tensor *x = OF(NN_FLOAT32, 1, 2, 3);
  const uint32_t version = nn_version(x);
  ck_assert(nn_arithmetic_in_place(NN_ADD, x, OF(NN_FLOAT32, 10, 20, 30)));
  ASSERT_VALUES(x, NN_FLOAT32, 11, 22, 33);
  ck_assert(nn_version(x) != version);
  ck_assert(nn_arithmetic_in_place(NN_ADD, x, x));
  ck_assert(nn_arithmetic_in_place(NN_MUL, x, nn_number(0.5)));
  ck_assert(nn_arithmetic_in_place(NN_SUB, x, nn_integer(1)));
  ck_assert(nn_arithmetic_in_place(NN_DIV, x, OF(NN_FLOAT32, 2)));
  ASSERT_VALUES(x, NN_FLOAT32, 5, 10.5, 16);
  /* a wider dtype, a larger shape, integers, gaps, another part of the same memory */
  nn_tensor *n = OF(NN_INT64, 1, 2, 3), *m = nn_reshape(nn_arange(NN_FLOAT32, 1, 4, 1), NN_SHAPE(2, 2));
  const nn_range first = {1, 1, true};
  ck_assert(!nn_arithmetic_in_place(NN_ADD, x, OF(NN_FLOAT64, 1, 2, 3)));
  ck_assert(!nn_arithmetic_in_place(NN_ADD, x, nn_zeros(NN_FLOAT32, NN_SHAPE(2, 3))));
  ck_assert(!nn_arithmetic_in_place(NN_ADD, x, nn_zeros(NN_FLOAT32, NN_SHAPE(1, 3))));
  ck_assert(!nn_arithmetic_in_place(NN_ADD, n, n) && !nn_arithmetic_in_place(NN_ADD, nn_transpose(m, 1, 2), m));
  ck_assert(!nn_arithmetic_in_place(NN_ADD, m, nn_slice("slice", m, 1, &first)));
  ck_assert_ptr_null(nn_error());
  ck_assert(nn_arithmetic_in_place(NN_ADD, m, OF(NN_FLOAT32, 10, 20)));
  ASSERT_VALUES(nn_reshape(m, NN_SHAPE(4)), NN_FLOAT32, 11, 22, 13, 24);
} END_TEST

START_TEST(nothing_in_nothing_out) {
  nn_tensor *x = OF(NN_FLOAT32, 1);
  for (size_t k = 0; k < UNARIES; k++) ck_assert_ptr_null(unaries[k](NULL));
  for (size_t k = 0; k < BINARIES; k++) ck_assert(!binaries[k](NULL, x) && !binaries[k](x, NULL));
  ck_assert(!nn_where(NULL, x, x) && !nn_clamp_grad(x, NULL, 0, 1));
  ck_assert_ptr_null(nn_error());
  ck_assert(!nn_kernels_use("mmx") && !nn_kernels_use(NULL));
} END_TEST

/* The n-th allocation fails: a clean error, and nothing is left. */
START_TEST(out_of_memory) {
  nn_tensor *x = OF(NN_INT64, 1, 2, 3), *mask = OF(NN_FLOAT32, 0, 1, 0);
  const nn_memory_use before = nn_memory();
  for (int call = 0; call < 3; call++) {
    nn_tensor *y = NULL;
    for (int64_t n = 1; !y; n++) {
      const size_t mark = nn_scope_open();
      nn_memory_fail_at(n, true);
      y = call == 0 ? nn_pow(x, x) : call == 1 ? nn_where(mask, x, x) : nn_tanh(x);
      nn_memory_fail_at(0, false);
      ck_assert(!y == !!nn_error());
      nn_clear_error();
      nn_scope_close(mark);
      ck_assert_int_eq(nn_memory().tensors, before.tensors);
      ck_assert_uint_eq(nn_memory().live, before.live);
    }
  }
} END_TEST

Suite *elementwise_suite(void) {
  Suite *suite = suite_create("elementwise");
  TCase *tests = tcase_create("elementwise");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, values, 0, (int)(sizeof value_rows / sizeof *value_rows));
  tcase_add_loop_test(tests, derivatives, 0, (int)(sizeof grad_rows / sizeof *grad_rows));
  tcase_add_loop_test(tests, bits_unary, 0, UNARIES);
  tcase_add_loop_test(tests, bits_binary, 0, BINARIES);
  TTest const *const plain[] = {
    derivatives_at_the_ends, broadcasting, threads, dtypes, not_a_number, comparisons, where, clamp, power,
    arithmetic_in_place,
    nothing_in_nothing_out, out_of_memory,
  };
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) tcase_add_test(tests, plain[i]);
  suite_add_tcase(suite, tests);
  return suite;
}
