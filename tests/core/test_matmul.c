/* Products against plain sums in long double, over shapes that reach every path (own loops, vectors, BLAS, tiles),
 * dtypes, transposed, strided and broadcast operands; and the promises: same bits for any number of threads, NaN
 * overwritten. */
#include "check_nn.h"

Suite *matmul_suite(void);

static void setup(void) {
  fixture_open();
  nn_seed(7);
}

static nn_tensor *numbers(nn_dtype dtype, nn_shape shape) {
  if (nn_is_float(dtype)) return nn_uniform(NULL, dtype, shape, -1, 1);
  return nn_cast(nn_randint(NULL, dtype == NN_UINT8 ? 0 : -1000, dtype == NN_UINT8 ? 255 : 1000, shape), dtype);
}

/* The element at index of x, which is broadcast as far as its rank and its sizes of 1 demand. */
static long double at(const nn_tensor *x, int rank, const int64_t *index) {
  int64_t offset = 0;
  for (int d = 0; d < x->shape.rank; d++)
    if (x->shape.dim[d] > 1) offset += index[d + rank - x->shape.rank] * x->stride[d];
  switch (x->dtype) {
    case NN_UINT8: return ((uint8_t *)x->data)[offset];
    case NN_INT64: return ((int64_t *)x->data)[offset];
    case NN_FLOAT32: return ((float *)x->data)[offset];
    default: return ((double *)x->data)[offset];
  }
}

/* c (..., m, n) = a (..., m, k) b (..., k, n) (+ bias (n)), element by element; of large ones about 1,500, at an odd
 * step */
static void check_product(nn_tensor *c, nn_tensor *a, nn_tensor *b, nn_tensor *bias) {
  ck_assert_msg(c != NULL, "%s", nn_error());
  ck_assert(c->contiguous);
  const int rank = c->shape.rank;
  const int64_t k = a->shape.dim[a->shape.rank - 1];
  const double unit = c->dtype == NN_FLOAT32 ? 0x1p-24 : c->dtype == NN_FLOAT64 ? 0x1p-53 : 0;
  const double epsilon = unit * (8 + sqrt((double)k));
  int64_t index[NN_MAX_RANK] = {0};
  for (int64_t e = 0; e < c->numel; e += c->numel < 3000 ? 1 : c->numel / 1500 | 1) {
    int64_t left = e, ia[NN_MAX_RANK], ib[NN_MAX_RANK];
    for (int d = rank - 1; d >= 0; left /= c->shape.dim[d--]) index[d] = left % c->shape.dim[d];
    memcpy(ia, index, sizeof ia);
    memcpy(ib, index, sizeof ib);
    long double sum = bias ? at(bias, 1, index + rank - 1) : 0, magnitude = fabsl(sum);
    for (int64_t l = 0; l < k; l++) {
      ia[rank - 1] = ib[rank - 2] = l;
      const long double term = at(a, rank, ia) * at(b, rank, ib);
      sum += term;
      magnitude += fabsl(term);
    }
    const long double got = at(c, rank, index);
    if (!(fabsl(got - sum) <= epsilon * magnitude))
      ck_abort_msg("element %lld is %.10Lg, not %.10Lg", (long long)e, got, sum);
  }
}

static const int64_t sizes[][3] = {          /* m, k, n */
  {1, 1, 1}, {8, 2, 8}, {8, 8, 4}, {8, 4, 1}, {2, 8, 8}, {3, 5, 7}, {1, 30, 8}, {2, 30, 2}, {16, 1, 16}, {1, 784, 10},
  {300, 77, 1}, {1, 500, 300}, {33, 65, 17}, {32, 784, 128}, {784, 32, 128}, {128, 128, 784},
  {17, 1000, 130}, {129, 1500, 31}, {31, 1500, 129}, {1, 3000, 700}, {700, 3000, 1}, {5, 1, 0}, {0, 3, 4}, {300, 1, 1},
  {200, 1, 200}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static nn_tensor *transposed(nn_tensor *x) { return nn_transpose(x, -1, -2); }

START_TEST(every_size_transposition_and_dtype) {
  const int64_t m = sizes[_i][0], k = sizes[_i][1], n = sizes[_i][2];
  for (nn_dtype dtype = NN_UINT8; dtype < NN_DTYPES; dtype++)
    for (int flags = 0; flags < 4; flags++) {
      const size_t mark = nn_scope_open();
      const bool ta = flags & 1, tb = flags & 2;
      nn_tensor *a = numbers(dtype, ta ? NN_SHAPE(k, m) : NN_SHAPE(m, k));
      nn_tensor *b = numbers(dtype, tb ? NN_SHAPE(n, k) : NN_SHAPE(k, n));
      nn_tensor *va = ta ? transposed(a) : a, *vb = tb ? transposed(b) : b;
      nn_tensor *c = nn_matmul(va, vb), *d = nn_matmul_t(a, ta, b, tb);
      check_product(c, va, vb, NULL);
      ck_assert_int_eq(c->dtype, nn_is_float(dtype) ? dtype : NN_INT64);
      ck_assert(nn_shape_equal(&c->shape, &d->shape) && c->dtype == d->dtype);
      ck_assert(!c->numel || !memcmp(c->data, d->data, (size_t)c->numel * nn_dtype_size(c->dtype)));
      if (!ta) {
        nn_tensor *bias = numbers(dtype, NN_SHAPE(n));
        check_product(nn_linear(a, vb, bias), a, vb, bias);
        check_product(nn_linear(a, vb, NULL), a, vb, NULL);
      }
      nn_scope_close(mark);
    }
} END_TEST

/* Rows and columns apart, flipped-like strides, one row for all: whatever BLAS cannot take is copied. */
START_TEST(strided_and_broadcast_operands) {
  for (nn_dtype dtype = NN_INT64; dtype < NN_DTYPES; dtype++) {
    nn_tensor *x = numbers(dtype, NN_SHAPE(60, 80)), *w = numbers(dtype, NN_SHAPE(80, 90));
    nn_tensor *views[] = {
      nn_view(x, NN_SHAPE(20, 30), (int64_t[]){160, 1}, 5), nn_view(x, NN_SHAPE(20, 30), (int64_t[]){160, 2}, 3),
      nn_view(x, NN_SHAPE(20, 30), (int64_t[]){1, 80}, 7), nn_view(x, NN_SHAPE(20, 30), (int64_t[]){0, 1}, 0),
      nn_view(x, NN_SHAPE(20, 30), (int64_t[]){80, 0}, 0), nn_view(x, NN_SHAPE(20, 30), (int64_t[]){0, 0}, 1),
      nn_view(x, NN_SHAPE(20, 30), (int64_t[]){1, 1}, 0), nn_view(x, NN_SHAPE(1, 30), (int64_t[]){7, 0}, 0),
      nn_view(x, NN_SHAPE(1, 30), (int64_t[]){0, 4}, 0), nn_view(x, NN_SHAPE(20, 30), (int64_t[]){-80, -1}, 3000) };
    nn_tensor *right[] = {
      nn_view(w, NN_SHAPE(30, 40), (int64_t[]){90, 2}, 1), nn_view(w, NN_SHAPE(30, 1), (int64_t[]){90, 5}, 1),
      nn_view(w, NN_SHAPE(30, 40), (int64_t[]){0, 1}, 0), nn_view(w, NN_SHAPE(30, 40), (int64_t[]){1, 90}, 0),
      nn_view(w, NN_SHAPE(30, 1), (int64_t[]){0, 0}, 0)};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
      for (size_t j = 0; j < sizeof right / sizeof *right; j++) {
        nn_tensor *c = nn_matmul(views[i], right[j]);
        check_product(c, views[i], right[j], NULL);
        nn_tensor *bias = nn_view(w, NN_SHAPE(c->shape.dim[1]), (int64_t[]){3}, 2);
        check_product(nn_linear(views[i], right[j], bias), views[i], right[j], bias);
      }
  }
} END_TEST

START_TEST(small_products_have_the_same_bits_for_any_strides) {
  for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
    nn_tensor *x = numbers(dtype, NN_SHAPE(8, 4)), *w = numbers(dtype, NN_SHAPE(4, 8));
    nn_tensor *xt = transposed(nn_contiguous(transposed(x))), *wt = transposed(nn_contiguous(transposed(w)));
    nn_tensor *c = nn_matmul(x, w);
    ck_assert(!xt->contiguous && !wt->contiguous);
    ck_assert(!memcmp(c->data, nn_matmul(xt, w)->data, 64 * nn_dtype_size(dtype)));
    ck_assert(!memcmp(c->data, nn_matmul(x, wt)->data, 64 * nn_dtype_size(dtype)));
  }
} END_TEST

START_TEST(ranks) {
  nn_tensor *v = numbers(NN_FLOAT32, NN_SHAPE(5)), *m = numbers(NN_FLOAT32, NN_SHAPE(5, 3));
  nn_tensor *dot = nn_matmul(v, v), *row = nn_matmul(v, m), *column = nn_matmul(transposed(m), v);
  ck_assert_str_eq(nn_shape_text(&dot->shape).s, "{}");
  ck_assert_str_eq(nn_shape_text(&row->shape).s, "{3}");
  ck_assert_str_eq(nn_shape_text(&column->shape).s, "{3}");
  ck_assert(!memcmp(row->data, column->data, 3 * sizeof(float)));
  nn_tensor *as_row = nn_reshape(v, NN_SHAPE(1, 5)), *as_column = nn_reshape(v, NN_SHAPE(5, 1));
  check_product(nn_reshape(dot, NN_SHAPE(1, 1)), as_row, as_column, NULL);
  check_product(nn_reshape(row, NN_SHAPE(1, 3)), as_row, m, NULL);
  nn_tensor *batch = numbers(NN_FLOAT32, NN_SHAPE(2, 4, 5)), *rows = nn_matmul(batch, v);
  ck_assert_str_eq(nn_shape_text(&rows->shape).s, "{2, 4}");
  check_product(nn_reshape(rows, NN_SHAPE(2, 4, 1)), batch, as_column, NULL);
  nn_tensor *front = nn_matmul(v, numbers(NN_FLOAT32, NN_SHAPE(2, 5, 6)));
  ck_assert_str_eq(nn_shape_text(&front->shape).s, "{2, 6}");
  nn_tensor *y = nn_linear(v, m, NULL);
  ck_assert_str_eq(nn_shape_text(&y->shape).s, "{3}");
  y = nn_linear(batch, m, NULL);
  ck_assert_str_eq(nn_shape_text(&y->shape).s, "{2, 4, 3}");
  check_product(y, batch, m, NULL);
  check_product(nn_linear(nn_permute(batch, NN_INTS(2, 1, 3)), m, NULL), nn_permute(batch, NN_INTS(2, 1, 3)), m, NULL);
} END_TEST

typedef struct batched { nn_shape a, b; const char *result; } batched;

START_TEST(batches_broadcast) {
  const batched cases[] = {
    {NN_SHAPE(3, 4, 5), NN_SHAPE(3, 5, 6), "{3, 4, 6}"}, {NN_SHAPE(3, 4, 5), NN_SHAPE(5, 6), "{3, 4, 6}"},
    {NN_SHAPE(4, 5), NN_SHAPE(3, 5, 6), "{3, 4, 6}"}, {NN_SHAPE(2, 1, 4, 5), NN_SHAPE(3, 5, 6), "{2, 3, 4, 6}"},
    {NN_SHAPE(2, 1, 40, 50), NN_SHAPE(1, 3, 50, 60), "{2, 3, 40, 60}"},
    {NN_SHAPE(0, 4, 5), NN_SHAPE(5, 6), "{0, 4, 6}"}, {NN_SHAPE(3, 4, 0), NN_SHAPE(3, 0, 6), "{3, 4, 6}"},
    {NN_SHAPE(70, 3, 64, 32), NN_SHAPE(70, 1, 32, 16), "{70, 3, 64, 16}"},
    {NN_SHAPE(2, 130, 130), NN_SHAPE(2, 130, 130), "{2, 130, 130}"},
    {NN_SHAPE(300, 2, 2), NN_SHAPE(300, 2, 2), "{300, 2, 2}"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (nn_dtype dtype = NN_INT64; dtype < NN_DTYPES; dtype++) {
      nn_tensor *a = numbers(dtype, cases[i].a), *b = numbers(dtype, cases[i].b), *c = nn_matmul(a, b);
      check_product(c, a, b, NULL);
      ck_assert_str_eq(nn_shape_text(&c->shape).s, cases[i].result);
      nn_tensor *at_ = transposed(nn_contiguous(transposed(a))), *bt = transposed(nn_contiguous(transposed(b)));
      check_product(nn_matmul(at_, bt), a, b, NULL);
    }
} END_TEST

START_TEST(mixed_dtypes_are_promoted) {
  nn_tensor *x = numbers(NN_UINT8, NN_SHAPE(6, 5)), *w = numbers(NN_FLOAT32, NN_SHAPE(5, 4));
  nn_tensor *i = numbers(NN_INT64, NN_SHAPE(5, 4)), *d = numbers(NN_FLOAT64, NN_SHAPE(4));
  nn_tensor *c = nn_matmul(x, w);
  ck_assert_int_eq(c->dtype, NN_FLOAT32);
  check_product(c, x, w, NULL);
  ck_assert_int_eq(nn_matmul(x, i)->dtype, NN_INT64);
  check_product(nn_matmul(x, i), x, i, NULL);
  ck_assert_int_eq(nn_linear(x, w, d)->dtype, NN_FLOAT64);
  check_product(nn_linear(x, w, d), x, w, d);
} END_TEST

START_TEST(integers_are_exact) {
  nn_tensor *a = nn_full(NN_INT64, NN_SHAPE(2, 3), 3037000499.0), *c = nn_matmul(a, transposed(a));
  ck_assert_int_eq(((int64_t *)c->data)[1], (int64_t)(3 * 9223372030926249001u)); /* modulo 2^64 */
  nn_tensor *x = nn_full(NN_UINT8, NN_SHAPE(1, 1000), 255);
  ck_assert_int_eq(nn_item_integer(nn_matmul(x, transposed(x))), 255 * 255 * 1000);
} END_TEST

/* Memory that held NaN comes back from the cache: each result is written over it, also where k = 0. */
START_TEST(old_nan_is_overwritten) {
  const int64_t shapes[][3] = {{8, 2, 8}, {64, 64, 64}, {1, 100, 64}, {128, 200, 128}, {16, 0, 16}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
      const int64_t m = shapes[i][0], k = shapes[i][1], n = shapes[i][2];
      nn_tensor *a = numbers(dtype, NN_SHAPE(m, k)), *b = numbers(dtype, NN_SHAPE(k, n));
      nn_tensor *bias = numbers(dtype, NN_SHAPE(n));
      size_t mark = nn_scope_open();
      nn_full(dtype, NN_SHAPE(m, n), NAN);
      nn_full(dtype, NN_SHAPE(m, n), NAN);
      nn_scope_close(mark);
      check_product(nn_matmul(a, b), a, b, NULL);
      check_product(nn_linear(a, b, bias), a, b, bias);
    }
} END_TEST

START_TEST(nan_and_infinity_pass_through) {
  nn_tensor *a = nn_zeros(NN_FLOAT32, NN_SHAPE(40, 40)), *b = nn_ones(NN_FLOAT32, NN_SHAPE(40, 40));
  ((float *)b->data)[41] = NAN;
  ((float *)b->data)[82] = INFINITY;
  const float *c = nn_matmul(a, b)->data;
  ck_assert(isnan(c[1]) && isnan(c[2]) && c[0] == 0 && c[3] == 0);
} END_TEST

START_TEST(bits_do_not_depend_on_threads) {
  const int64_t *s = sizes[_i];
  for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
    nn_tensor *a = numbers(dtype, NN_SHAPE(s[0], s[1])), *b = numbers(dtype, NN_SHAPE(s[1], s[2]));
    nn_tensor *bias = numbers(dtype, NN_SHAPE(s[2]));
    nn_set_threads(1);
    nn_tensor *one = nn_linear(a, b, bias);
    for (int n = 2; n <= 5; n++) {
      nn_set_threads(n);
      nn_tensor *more = nn_linear(a, b, bias);
      ck_assert(!one->numel || !memcmp(one->data, more->data, (size_t)one->numel * nn_dtype_size(dtype)));
    }
  }
} END_TEST

START_TEST(errors_show_both_shapes) {
  nn_tensor *a = nn_zeros(NN_FLOAT32, NN_SHAPE(8, 3)), *b = nn_zeros(NN_FLOAT32, NN_SHAPE(2, 4));
  nn_tensor *scalar = nn_zeros(NN_FLOAT32, NN_SCALAR), *v = nn_zeros(NN_FLOAT32, NN_SHAPE(5));
  fails_with(nn_matmul(a, b), "matmul: inner dimensions differ: {8, 3} x {2, 4}");
  fails_with(nn_matmul(a, v), "matmul: inner dimensions differ: {8, 3} x {5}");
  fails_with(nn_matmul(scalar, b), "matmul: expected rank 1 or more, got {} x {2, 4}");
  fails_with(nn_matmul_t(a, true, b, false), "matmul: inner dimensions differ: {3, 8} x {2, 4}");
  fails_with(nn_matmul_t(a, true, v, false), "matmul: expected two of rank 2, got {8, 3} x {5}");
  fails_with(nn_linear(a, b, NULL), "linear: x {8, 3} does not fit w {2, 4}: expected {..., 2}");
  fails_with(nn_linear(scalar, b, NULL), "linear: x {} does not fit w {2, 4}: expected {..., 2}");
  fails_with(nn_linear(transposed(b), b, v), "linear: b {5} does not fit w {2, 4}: expected {4}");
  fails_with(nn_linear(a, v, NULL), "linear: w must be {in, out}, got {5}");
  ck_assert_ptr_null(nn_matmul(nn_zeros(NN_FLOAT32, NN_SHAPE(2, 4, 5)), nn_zeros(NN_FLOAT32, NN_SHAPE(3, 5, 6))));
  ck_assert_ptr_nonnull(nn_error());
  nn_clear_error();
  ck_assert_ptr_null(nn_matmul(NULL, a));
  ck_assert_ptr_null(nn_linear(a, NULL, NULL));
  ck_assert_ptr_null(nn_error());
} END_TEST

START_TEST(more_columns_than_blas_counts) {
  nn_tensor *one = nn_ones(NN_FLOAT32, NN_SHAPE(1));
  nn_tensor *wide = nn_view(one, NN_SHAPE(1, 3000000000), (int64_t[]){0, 0}, 0);
  fails_with(nn_matmul_t(wide, false, wide, true), "matmul: a size of {1, 3000000000} exceeds 2147483647");
  nn_tensor *vector = nn_view(one, NN_SHAPE(3000000000), (int64_t[]){0}, 0);
  fails_with(nn_linear(nn_ones(NN_FLOAT32, NN_SHAPE(2, 1)), wide, vector),
             "linear: a size of {1, 3000000000} exceeds 2147483647");
} END_TEST

/* Each allocation of a product that needs copies fails in turn: an error, and nothing is left behind. */
START_TEST(failing_allocations) {
  nn_tensor *x = nn_view(numbers(NN_FLOAT32, NN_SHAPE(40, 40)), NN_SHAPE(20, 20), (int64_t[]){80, 2}, 0);
  nn_tensor *w = nn_cast(x, NN_FLOAT64);
  for (int64_t n = 1;; n++) {
    const size_t mark = nn_scope_open(), live = nn_memory().live;
    nn_memory_fail_at(n, false);
    nn_tensor *y = nn_linear(x, w, NULL), *z = nn_matmul(x, w);
    const bool reached = nn_memory_allocations() >= n;
    nn_memory_fail_at(0, false);
    ck_assert((y && z) != reached);
    ck_assert(!reached || nn_error());
    nn_clear_error();
    nn_scope_close(mark);
    ck_assert_uint_eq(nn_memory().live, live);
    if (!reached) break;
  }
} END_TEST

START_TEST(blas_has_a_name) {
  ck_assert(!strncmp(nn_blas_name(), "OpenBLAS 0.", 11));
  ck_assert_uint_gt(strlen(nn_blas_name()), 14);
} END_TEST

Suite *matmul_suite(void) {
  Suite *s = suite_create("matmul");
  TCase *t = tcase_create("matmul");
  tcase_set_timeout(t, 120);
  tcase_add_checked_fixture(t, setup, fixture_close);
  tcase_add_loop_test(t, every_size_transposition_and_dtype, 0, SIZES);
  tcase_add_test(t, strided_and_broadcast_operands);
  tcase_add_test(t, small_products_have_the_same_bits_for_any_strides);
  tcase_add_test(t, ranks);
  tcase_add_test(t, batches_broadcast);
  tcase_add_test(t, mixed_dtypes_are_promoted);
  tcase_add_test(t, integers_are_exact);
  tcase_add_test(t, old_nan_is_overwritten);
  tcase_add_test(t, nan_and_infinity_pass_through);
  tcase_add_loop_test(t, bits_do_not_depend_on_threads, 0, SIZES);
  tcase_add_test(t, errors_show_both_shapes);
  tcase_add_test(t, more_columns_than_blas_counts);
  tcase_add_test(t, failing_allocations);
  tcase_add_test(t, blas_has_a_name);
  suite_add_tcase(s, t);
  return s;
}
