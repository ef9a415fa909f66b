/* Reductions, softmax and scans beside loops in double: every dtype and memory layout, every set of dimensions,
 * sizes on both sides of where the work is cut; bits that depend on nothing but the shape; edges, messages,
 * refused memory. */
#include <stdlib.h>

#include "crossentropy.h"
#include "naive.h"
#include "rows.h"

Suite *reduce_suite(void);

/* Every reduction of one element of the result, element by element. */
typedef struct tally { double sum, size, product, most, least, any, all; int64_t n; } tally;

static double nan_larger(double a, double b) { return isnan(a) || a > b ? a : b; }
static double nan_smaller(double a, double b) { return isnan(a) || a < b ? a : b; }

/* The tallies of x reduced over the flagged dimensions, by the result's element. */
static tally *tallied(const nn_tensor *x, const bool reduced[NN_MAX_RANK], int64_t results) {
  tally *t = calloc((size_t)results, sizeof *t);
  for (int64_t r = 0; r < results; r++) t[r] = (tally){.product = 1, .most = -INFINITY, .least = INFINITY, .all = 1};
  for (int64_t i = 0; i < x->numel; i++) {
    int64_t rest = i, to = 0, step = 1;
    for (int d = x->shape.rank - 1; d >= 0; d--) {
      if (!reduced[d]) to += rest % x->shape.dim[d] * step, step *= x->shape.dim[d];
      rest /= x->shape.dim[d];
    }
    const double v = element(x, i);
    tally *r = &t[to];
    r->sum += v, r->size += fabs(v), r->product *= v, r->n++;
    r->most = nan_larger(r->most, v), r->least = nan_smaller(r->least, v);
    if (v != 0) r->any = 1;
    else r->all = 0;
  }
  return t;
}

static void check_against(const nn_tensor *x, nn_ints dims, bool keepdim) {
  bool reduced[NN_MAX_RANK];
  HOLDS(nn_dims("test", &x->shape, &dims, reduced));
  const nn_shape shape = nn_shape_reduced(&x->shape, reduced, keepdim);
  nn_tensor *in = (nn_tensor *)x;
  const nn_dtype wide = nn_is_float(x->dtype) ? x->dtype : NN_INT64;
  nn_tensor *sum = nn_sum(in, dims, keepdim), *mean = nn_mean(in, dims, keepdim), *product = nn_prod(in, dims, keepdim);
  nn_tensor *most = nn_amax(in, dims, keepdim), *least = nn_amin(in, dims, keepdim);
  nn_tensor *any = nn_any(in, dims, keepdim), *all = nn_all(in, dims, keepdim);
  has_shape(sum, wide, shape), has_shape(product, wide, shape), has_shape(mean, nn_floating(x->dtype), shape);
  has_shape(most, x->dtype, shape), has_shape(least, x->dtype, shape);
  has_shape(any, NN_UINT8, shape), has_shape(all, NN_UINT8, shape);
  tally *t = tallied(x, reduced, sum->numel);
  const double e = wide == NN_FLOAT32 ? 4e-7 : 1e-14;
  for (int64_t i = 0; i < sum->numel; i++) {
    HOLDS_SO(close_to(element(sum, i), t[i].sum, 0, e * t[i].size), "sum %.9g, expected %.9g", element(sum, i),
             t[i].sum);
    HOLDS(close_to(element(mean, i), t[i].sum / (double)t[i].n, 0, 4e-7 * t[i].size / (double)t[i].n));
    if (t[i].n <= 32 && fabs(t[i].product) < 0x1p53)
      HOLDS(close_to(element(product, i), t[i].product, 0, 4e-6 * fabs(t[i].product)));
    HOLDS(element(most, i) == t[i].most);
    HOLDS(element(least, i) == t[i].least);
    HOLDS(element(any, i) == t[i].any && element(all, i) == t[i].all);
  }
  free(t);
  same_bits(sum, nn_sum(nn_clone(in), dims, keepdim));
  same_bits(product, nn_prod(nn_clone(in), dims, keepdim));
}

/* Sizes below and above a block, a run, a leaf, the lanes, a tile and a piece of columns, a chunk of rows. */
static const nn_shape shapes[] = {
  {0, {0}}, {1, {1}}, {1, {5}}, {1, {16}}, {1, {33}}, {1, {64}}, {1, {1000}}, {2, {3, 4}}, {2, {1, 7}}, {2, {7, 1}},
  {2, {17, 33}}, {2, {130, 70}}, {2, {9, 600}}, {2, {600, 3}}, {3, {2, 3, 4}}, {3, {5, 1, 6}}, {4, {2, 3, 4, 5}},
  {5, {2, 3, 2, 3, 2}}, {3, {4, 40, 9}}, {1, {17}}, {2, {5, 79}}, {1, {1025}}, {1, {2100}}, {2, {40, 17}},
};
static const nn_shape large_shapes[] = {
  {1, {270000}}, {2, {3, 300000}}, {2, {90000, 3}}, {2, {200, 4099}}, {2, {2, 270000}}, {3, {2, 700, 300}},
  {2, {40000, 8}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, LARGE_SHAPES = sizeof large_shapes / sizeof *large_shapes };

static nn_ints subset(int rank, int mask) {
  nn_ints dims = {0, {0}};
  for (int d = 0; d < rank; d++)
    if (mask >> d & 1) dims.v[dims.n++] = d % 2 ? d + 1 : d - rank;
  return dims;
}

START_TEST(reductions_agree_with_loops) {
  const nn_shape shape = shapes[_i];
  for (int dtype = 0; dtype < NN_DTYPES; dtype++)
    for (int how = 0; how < LAYOUTS; how++)
      for (int mask = 0; mask < 1 << shape.rank; mask++) {
        const size_t mark = nn_scope_open();
        check_against(laid_out(how, dtype, shape, (uint32_t)mask), subset(shape.rank, mask), mask % 2);
        nn_scope_close(mark);
      }
}
END_TEST

START_TEST(large_reductions_agree_with_loops) {
  const nn_shape shape = large_shapes[_i];
  for (int mask = 0; mask < 1 << shape.rank; mask++)
    for (int how = 0; how < LAYOUTS; how += 1 + (mask == 0)) {
      const size_t mark = nn_scope_open();
      check_against(laid_out(how, how == STEPPED ? NN_UINT8 : NN_FLOAT32, shape, 7), subset(shape.rank, mask), false);
      nn_scope_close(mark);
    }
}
END_TEST

static nn_tensor *everything(nn_tensor *x) {
  nn_tensor *labels = nn_sub(nn_argmin(x, 2, false), nn_integer(1));
  return flat_cat(17, (nn_tensor *[]){
    nn_sum(x, NN_ALL, true), nn_sum(x, NN_INTS(1), true), nn_sum(x, NN_INTS(2), true), nn_amax(x, NN_INTS(1), true),
    nn_softmax(x, 2), nn_softmax(x, 1), nn_log_softmax(x, 2), nn_logsumexp(x, NN_INTS(2), true),
    nn_softmax_grad(x, x, 2), nn_log_softmax_grad(x, x, 1), nn_cumsum(x, 1),
    nn_std(x, NN_ALL, true, 0), nn_std(x, NN_INTS(1), true, 0), nn_norm(x, NN_ALL, true), nn_logsumexp(x, NN_ALL, true),
    nn_sparse_crossentropy(x, labels), nn_sparse_crossentropy_grad(nn_amax(x, NN_INTS(2), false), x, labels),
  });
}

/* Beside two passes in double over the rows of what goes. */
static void check_spreads(nn_tensor *x, nn_ints dims, bool keepdim) {
  bool gone[NN_MAX_RANK];
  HOLDS(nn_dims("test", &x->shape, &dims, gone));
  const nn_shape shape = nn_shape_reduced(&x->shape, gone, keepdim);
  nn_tensor *variance = nn_variance(x, dims, keepdim, 1), *std = nn_std(x, dims, keepdim, 0);
  nn_tensor *length = nn_norm(x, dims, keepdim), *rows = nn_flagged_last(x, gone);
  has_shape(variance, nn_floating(x->dtype), shape), has_shape(std, nn_floating(x->dtype), shape);
  has_shape(length, nn_floating(x->dtype), shape);
  const double e = x->dtype == NN_FLOAT64 ? 1e-14 : 4e-7;
  const int64_t k = rows->numel / length->numel;
  for (int64_t r = 0; r < length->numel; r++) {
    double sum = 0, squares = 0, spread = 0;
    for (int64_t i = r * k; i < (r + 1) * k; i++) sum += element(rows, i), squares += pow(element(rows, i), 2);
    for (int64_t i = r * k; i < (r + 1) * k; i++) spread += pow(element(rows, i) - sum / (double)k, 2);
    HOLDS(close_to(element(length, r), sqrt(squares), e, 0));
    HOLDS(close_to(element(std, r), sqrt(spread / (double)k), e, 1e-12));
    HOLDS(close_to(element(variance, r), spread / (double)(k - 1), 2 * e, 1e-12));
  }
  same_bits(std, nn_std(nn_clone(x), dims, keepdim, 0));
  same_bits(length, nn_norm(nn_clone(x), dims, keepdim));
}

START_TEST(spreads_agree_with_loops) {
  static const nn_shape some[] = {{0, {0}}, {1, {1}}, {1, {15}}, {1, {49}}, {2, {3, 530}}, {2, {600, 3}},
                                  {3, {4, 1, 9}}, {3, {5, 40, 6}}, {1, {4099}}, {1, {65537}}, {2, {2, 140000}},
                                  {2, {9000, 40}}};
  const nn_shape shape = some[_i];
  for (int mask = 0; mask < 1 << shape.rank; mask++)
    for (int how = 0; how < LAYOUTS; how++) {
      const size_t mark = nn_scope_open();
      check_spreads(laid_out(how, _i < 8 ? how % NN_DTYPES : NN_FLOAT32, shape, 5), subset(shape.rank, mask), mask % 2);
      nn_scope_close(mark);
    }
}
END_TEST

START_TEST(spreads_at_the_edges) {
  nn_tensor *far = nn_add(sample(NN_FLOAT32, NN_SHAPE(70000), 3), nn_number(4000));
  const double exact = nn_item(nn_variance(nn_cast(far, NN_FLOAT64), NN_ALL, false, 0));
  HOLDS(close_to(nn_item(nn_variance(far, NN_ALL, false, 0)), exact, 1e-6, 0));
  HAS_VALUES(nn_variance(nn_full(NN_FLOAT32, NN_SHAPE(5000), 0.1), NN_ALL, false, 0), 0);
  HAS_VALUES(nn_variance(FLOATS(3), NN_ALL, false, 1), NAN);
  HAS_VALUES(nn_std(FLOATS(1, INFINITY), NN_ALL, false, 0), NAN);
  HAS_VALUES(nn_std(nn_zeros(NN_FLOAT32, NN_SHAPE(0, 2)), NN_INTS(1), false, 0), NAN, NAN);
  HAS_VALUES(nn_norm(nn_zeros(NN_FLOAT32, NN_SHAPE(0, 2)), NN_INTS(1), false), 0, 0);
  HAS_VALUES(nn_norm(FLOATS(0x1.8p100, 0x1p101), NN_ALL, false), 0x1.4p101);
  HAS_VALUES(nn_norm(FLOATS(0x1.8p-100, 0x1p-99), NN_ALL, false), 0x1.4p-99);
  HAS_VALUES(nn_norm(FLOATS(NAN, 1), NN_ALL, false), NAN);
}
END_TEST

START_TEST(bits_depend_on_the_shape_only) {
  bits_are_the_same(everything, sample(NN_FLOAT32, NN_SHAPE(700, 1001), 3));
}
END_TEST

START_TEST(sums_stay_accurate) {
  nn_tensor *x = nn_full(NN_FLOAT32, NN_SHAPE(3000, 1000), 0.1);
  HOLDS(close_to(nn_item(nn_sum(x, NN_ALL, false)), 3e6 * (double)0.1f, 0, 0.05));
  HOLDS(close_to(element(nn_sum(x, NN_INTS(1), false), 77), 3000 * (double)0.1f, 0, 5e-5));
  HOLDS(close_to(element(nn_cumsum(nn_reshape(x, NN_SHAPE(-1)), 1), 2999999), 3e6 * (double)0.1f, 0, 0.05));
}
END_TEST

START_TEST(integers_wrap_and_stay_exact) {
  HAS_VALUES(nn_sum(INTEGERS(INT64_C(9007199254740993), -INT64_C(9007199254740992)), NN_ALL, false), 1);
  HAS_VALUES(nn_sum(INTEGERS(INT64_MAX, 1), NN_ALL, false), (double)INT64_MIN);
  HAS_VALUES(nn_prod(nn_full(NN_UINT8, NN_SHAPE(5), 255), NN_ALL, false), 255.0 * 255 * 255 * 255 * 255);
  HAS_VALUES(nn_mean(nn_full(NN_UINT8, NN_SHAPE(300000), 255), NN_ALL, false), 255);
}
END_TEST

START_TEST(nan_is_the_largest_and_the_smallest) {
  for (int n = 1; n < 200; n += 1 + n / 8)
    for (int place = 0; place < n; place += 1 + n / 7) {
      nn_tensor *x = sample(n % 2 ? NN_FLOAT32 : NN_FLOAT64, NN_SHAPE(n), 1);
      nn_tensor *columns = nn_broadcast_to(x, NN_SHAPE(3, n));
      nn_fill(nn_slice("test", x, 1, &(nn_range){place + 1, 0, true}), NAN);
      HAS_VALUES(nn_amax(x, NN_ALL, false), NAN);
      HAS_VALUES(nn_amin(x, NN_ALL, false), NAN);
      HAS_VALUES(nn_argmax(x, 0, false), place + 1);
      HAS_VALUES(nn_argmin(x, -1, false), place + 1);
      HOLDS(isnan(element(nn_amax(columns, NN_INTS(1), false), place)));
      HOLDS(isnan(element(nn_amin(columns, NN_INTS(1), false), place)));
    }
  HAS_VALUES(nn_any(FLOATS(0, NAN), NN_ALL, false), 1);
}
END_TEST

static int64_t naive_choice(const nn_tensor *x, int64_t first, int64_t step, int64_t n, bool smallest) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; i++) {
    const double v = element(x, first + i * step), b = element(x, first + best * step);
    if (smallest ? v < b : v > b) best = i;
  }
  return best + 1;
}

START_TEST(positions_of_the_first) {
  const nn_shape shape = NN_SHAPE(4, 30, 70);
  for (int dtype = 0; dtype < NN_DTYPES; dtype++)
    for (int how = 0; how < LAYOUTS; how++) {
      nn_tensor *x = laid_out(how, dtype, shape, 5);
      for (int axis = 0; axis < 3; axis++) {
        nn_tensor *largest = nn_argmax(x, axis + 1, false), *smallest = nn_argmin(x, axis - 3, true);
        bool gone[NN_MAX_RANK] = {false};
        gone[axis] = true;
        has_shape(largest, NN_INT64, nn_shape_reduced(&shape, gone, false));
        has_shape(smallest, NN_INT64, nn_shape_reduced(&shape, gone, true));
        const int64_t inner = axis == 2 ? 1 : axis == 1 ? 70 : 2100, n = shape.dim[axis];
        for (int64_t i = 0; i < largest->numel; i++) {
          const int64_t first = i / inner * n * inner + i % inner;
          HOLDS((int64_t)element(largest, i) == naive_choice(x, first, inner, n, false));
          HOLDS((int64_t)element(smallest, i) == naive_choice(x, first, inner, n, true));
        }
      }
      HAS_VALUES(nn_argmax(x, 0, false), (double)naive_choice(x, 0, 1, x->numel, false));
      has_shape(nn_argmax(x, 0, true), NN_INT64, NN_SHAPE(1, 1, 1));
    }
  has_shape(nn_argmax(nn_full(NN_FLOAT32, NN_SCALAR, 3), 0, false), NN_INT64, NN_SCALAR);
  nn_tensor *rows = sample(NN_FLOAT32, NN_SHAPE(3000, 200), 9), *largest = nn_argmax(rows, 2, false);
  for (int64_t i = 0; i < 3000; i += 371)
    HOLDS((int64_t)element(largest, i) == naive_choice(rows, i * 200, 1, 200, false));
}
END_TEST

START_TEST(of_nothing) {
  nn_tensor *x = nn_zeros(NN_FLOAT32, NN_SHAPE(0, 3));
  HAS_VALUES(nn_sum(x, NN_INTS(1), false), 0, 0, 0);
  HAS_VALUES(nn_mean(x, NN_INTS(1), true), NAN, NAN, NAN);
  HAS_VALUES(nn_prod(x, NN_ALL, false), 1);
  HAS_VALUES(nn_any(x, NN_ALL, false), 0);
  HAS_VALUES(nn_all(x, NN_INTS(1), false), 1, 1, 1);
  HAS_VALUES(nn_logsumexp(x, NN_INTS(1), false), -INFINITY, -INFINITY, -INFINITY);
  has_shape(nn_amax(x, NN_INTS(2), false), NN_FLOAT32, NN_SHAPE(0));
  has_shape(nn_argmax(x, 2, true), NN_INT64, NN_SHAPE(0, 1));
  has_shape(nn_softmax(x, 1), NN_FLOAT32, NN_SHAPE(0, 3));
  has_shape(nn_log_softmax(x, 2), NN_FLOAT32, NN_SHAPE(0, 3));
  HAS_VALUES(nn_sparse_crossentropy(nn_zeros(NN_FLOAT32, NN_SHAPE(2, 0)), INTEGERS(-1, -1)), 0, 0);
  has_shape(nn_cumsum(x, 1), NN_FLOAT32, NN_SHAPE(0, 3));
  HAS_VALUES(nn_sum_to(x, NN_SHAPE(3)), 0, 0, 0);
  fails_with(nn_amax(x, NN_ALL, false), "max: nothing to choose from in {0, 3}");
  fails_with(nn_amin(x, NN_INTS(1), false), "min: nothing to choose from in {0, 3}");
  fails_with(nn_argmax(x, 1, false), "argmax: nothing to choose from in {0, 3}");
  fails_with(nn_argmin(x, 0, false), "argmin: nothing to choose from in {0, 3}");
}
END_TEST

START_TEST(messages) {
  nn_tensor *x = nn_ones(NN_FLOAT32, NN_SHAPE(2, 3));
  fails_with(nn_sum(x, NN_INTS(3), false), "sum: dimension 3 is outside {2, 3}");
  fails_with(nn_mean(x, NN_INTS(1, -2), false), "mean: dimension -2 is named twice in {1, -2}");
  fails_with(nn_std(x, NN_INTS(-3), false, 0), "std: dimension -3 is outside {2, 3}");
  fails_with(nn_norm(x, NN_INTS(3), false), "norm: dimension 3 is outside {2, 3}");
  fails_with(nn_argmax(x, -3, false), "argmax: dimension -3 is outside {2, 3}");
  fails_with(nn_softmax(x, 0), "softmax: dimensions count from 1 (or -1, the last); got 0 for {2, 3}");
  fails_with(nn_cumsum(nn_ones(NN_FLOAT32, NN_SCALAR), 1), "cumsum: dimension 1 is outside {}");
  fails_with(nn_sum_to(x, NN_SHAPE(2, 2)), "sum_to: {2, 3} does not come from {2, 2}");
  fails_with(nn_sum_to(x, NN_SHAPE(1, 2, 3)), "sum_to: {2, 3} does not come from {1, 2, 3}");
  fails_with(nn_softmax_grad(x, nn_ones(NN_FLOAT32, NN_SHAPE(3)), 1), "softmax_grad: shapes differ: {2, 3} and {3}");
  ck_assert_ptr_null(nn_sum(NULL, NN_ALL, false));
  ck_assert_ptr_null(nn_softmax(NULL, 1));
  ck_assert_ptr_null(nn_sum_to(NULL, NN_SCALAR));
  ck_assert_ptr_null(nn_error());
}
END_TEST

START_TEST(sum_to_undoes_broadcasting) {
  nn_tensor *x = sample(NN_FLOAT64, NN_SHAPE(4, 3, 5), 2);
  ck_assert_ptr_eq(nn_sum_to(x, x->shape), x);
  same_bits(nn_sum_to(x, NN_SHAPE(5)), nn_sum(x, NN_INTS(1, 2), false));
  same_bits(nn_sum_to(x, NN_SHAPE(3, 1)), nn_reshape(nn_sum(x, NN_INTS(1, 3), false), NN_SHAPE(3, 1)));
  same_bits(nn_sum_to(x, NN_SHAPE(4, 1, 5)), nn_sum(x, NN_INTS(2), true));
  same_bits(nn_sum_to(x, NN_SCALAR), nn_sum(x, NN_ALL, false));
  has_shape(nn_sum_to(nn_reshape(x, NN_SHAPE(1, 1, 60)), NN_SHAPE(60)), NN_FLOAT64, NN_SHAPE(60));
}
END_TEST

/* Rows of k elements of x that are inner apart, one row for each i: what softmax and its relatives are, in double. */
static void check_row(const nn_tensor *x, const nn_tensor *g, nn_tensor *const y[5], int64_t first, int64_t inner,
                      int64_t k, double e) {
  double most = -INFINITY, sum = 0, dot = 0, total = 0;
  for (int64_t j = 0; j < k; j++) most = fmax(most, element(x, first + j * inner));
  for (int64_t j = 0; j < k; j++) sum += exp(element(x, first + j * inner) - most);
  for (int64_t j = 0; j < k; j++) {
    const double p = exp(element(x, first + j * inner) - most) / sum;
    dot += element(g, first + j * inner) * p, total += element(g, first + j * inner);
  }
  double running = 0;
  for (int64_t j = 0; j < k; j++) {
    const int64_t i = first + j * inner;
    const double v = element(x, i), p = exp(v - most) / sum, gi = element(g, i);
    running += v;
    HOLDS(close_to(element(y[0], i), p, 0, e));
    HOLDS(close_to(element(y[1], i), v - most - log(sum), 0, 8 * e));
    HOLDS(close_to(element(y[2], i), p * (gi - dot), 0, 20 * e));
    HOLDS(close_to(element(y[3], i), gi - p * total, 0, 20 * e * (1 + fabs(total))));
    HOLDS(close_to(element(y[4], i), running, 0, 20 * e * (double)k));
  }
}

START_TEST(softmax_and_its_relatives) {
  static const nn_shape some[] = {{1, {1}}, {1, {10}}, {2, {6, 10}}, {2, {3, 70}}, {3, {3, 17, 5}}, {2, {2, 1100}},
                                  {2, {600, 3}}};
  const nn_shape shape = some[_i];
  for (int dtype = 0; dtype < NN_DTYPES; dtype++)
    for (int how = 0; how < LAYOUTS; how++)
      for (int axis = 0; axis < shape.rank; axis++) {
        const size_t mark = nn_scope_open();
        const nn_dtype to = nn_floating(dtype);
        nn_tensor *x = laid_out(how, dtype, shape, 4), *g = laid_out(how, to, shape, 8), *p = nn_softmax(x, axis + 1);
        nn_tensor *l = nn_log_softmax(x, axis - shape.rank);
        nn_tensor *y[5] = {p, l, nn_softmax_grad(g, p, axis + 1), nn_log_softmax_grad(g, l, axis + 1),
                           nn_cumsum(nn_cast(x, to), axis + 1)};
        for (int i = 0; i < 5; i++) has_shape(y[i], to, shape);
        int64_t inner = 1;
        for (int d = axis + 1; d < shape.rank; d++) inner *= shape.dim[d];
        const int64_t k = shape.dim[axis];
        for (int64_t r = 0; r < x->numel / k; r++)
          check_row(x, g, y, r / inner * inner * k + r % inner, inner, k, to == NN_FLOAT32 ? 4e-7 : 1e-14);
        nn_scope_close(mark);
      }
}
END_TEST

START_TEST(softmax_edges) {
  HAS_VALUES(nn_softmax(FLOATS(INFINITY, 0), 1), NAN, NAN);
  HAS_VALUES(nn_softmax(FLOATS(-INFINITY, 0), 1), 0, 1);
  HAS_VALUES(nn_softmax(FLOATS(-INFINITY, -INFINITY), 1), NAN, NAN);
  HAS_VALUES(nn_softmax(FLOATS(1000, 1000), 1), 0.5, 0.5);
  HAS_VALUES(nn_log_softmax(FLOATS(0, -1000), 1), 0, -1000);
  HAS_VALUES(nn_softmax(FLOATS(NAN, 0), 1), NAN, NAN);
  HAS_VALUES(nn_logsumexp(FLOATS(-INFINITY), NN_ALL, false), -INFINITY);
  HAS_VALUES(nn_logsumexp(FLOATS(INFINITY, 0), NN_ALL, false), INFINITY);
  HAS_VALUES(nn_logsumexp(FLOATS(NAN, INFINITY), NN_ALL, false), NAN);
  HAS_VALUES(nn_logsumexp(FLOATS(1000, 1000), NN_ALL, false), 1000 + log(2));
  HAS_VALUES(nn_logsumexp(nn_full(NN_INT64, NN_SCALAR, 3), NN_ALL, true), 3);
}
END_TEST

/* Rows that are cut: an infinite element, or a chunk of -inf, beside large and small ones elsewhere. */
START_TEST(logsumexp_of_long_rows) {
  const int64_t n = 100003;
  nn_tensor *x = sample(NN_FLOAT32, NN_SHAPE(2, n), 4);
  for (int shift = -1000; shift <= 1000; shift += 1000) {
    nn_tensor *moved = nn_add(x, nn_number(shift)), *y = nn_logsumexp(moved, NN_INTS(2), false);
    for (int r = 0; r < 2; r++) {
      double sum = 0;
      for (int64_t i = 0; i < n; i++) sum += exp(element(moved, r * n + i) - shift);
      HOLDS(close_to(element(y, r), shift + log(sum), 2e-7, 2e-7));
    }
    nn_tensor *first = nn_slice("test", moved, 2, (nn_range[]){{0, 0, false}, {1, 40000, false}});
    HOLDS(nn_fill(first, -INFINITY));
    nn_tensor *rest = nn_slice("test", moved, 2, (nn_range[]){{0, 0, false}, {40001, n, false}});
    const double left = element(nn_logsumexp(rest, NN_INTS(2), false), 0);
    HOLDS(close_to(element(nn_logsumexp(moved, NN_INTS(2), false), 0), left, 2e-7, 2e-7));
    set_element(moved, 50000, INFINITY);
    set_element(moved, n + 50000, NAN);
    HAS_VALUES(nn_logsumexp(moved, NN_INTS(2), false), INFINITY, NAN);
    set_element(moved, 90000, NAN);
    HAS_VALUES(nn_logsumexp(moved, NN_INTS(2), false), NAN, NAN);
  }
  HAS_VALUES(nn_logsumexp(nn_full(NN_FLOAT64, NN_SHAPE(70000), -INFINITY), NN_ALL, false), -INFINITY);
}
END_TEST

START_TEST(logsumexp_over_any_dimensions) {
  const nn_shape shape = NN_SHAPE(3, 40, 20);
  for (int mask = 0; mask < 8; mask++)
    for (int how = 0; how < LAYOUTS; how++) {
      bool gone[NN_MAX_RANK];
      nn_tensor *x = laid_out(how, NN_FLOAT32, shape, 6);
      const nn_ints dims = subset(3, mask);
      HOLDS(nn_dims("test", &shape, &dims, gone));
      nn_tensor *y = nn_logsumexp(x, dims, mask % 2), *sums = nn_sum(nn_exp(nn_cast(x, NN_FLOAT64)), dims, mask % 2);
      has_shape(y, NN_FLOAT32, nn_shape_reduced(&shape, gone, mask % 2));
      for (int64_t i = 0; i < y->numel; i++) HOLDS(close_to(element(y, i), log(element(sums, i)), 0, 2e-6));
    }
}
END_TEST

/* Rows and columns by fours and hundreds and what is left of them, cut over the pool: always the sums of one loop. */
START_TEST(running_sums) {
  static const nn_shape some[] = {{1, {70000}}, {2, {1, 300}}, {2, {7, 11000}}, {2, {300, 257}}, {3, {5, 40, 530}}};
  nn_tensor *x = sample(_i % 2 ? NN_FLOAT32 : NN_INT64, some[_i / 2], 5);
  int64_t inner = x->numel;
  for (int axis = 0; axis < x->shape.rank; axis++) {
    const int64_t n = x->shape.dim[axis];
    inner /= n;
    for (int threads = 1; threads <= 8; threads++) {
      nn_set_threads(threads);
      nn_tensor *y = nn_cumsum(x, axis + 1);
      has_shape(y, x->dtype, x->shape);
      for (int64_t r = 0; r < x->numel / n; r++) {
        double sum = 0;
        for (int64_t k = 0, i = r / inner * inner * n + r % inner; k < n; k++, i += inner) {
          sum += element(x, i);
          HOLDS(element(y, i) == (_i % 2 ? (float)sum : sum));
        }
      }
    }
  }
}
END_TEST

START_TEST(running_sums_of_integers) {
  HAS_VALUES(nn_cumsum(nn_full(NN_UINT8, NN_SHAPE(4), 200), 1), 200, 400, 600, 800);
  has_shape(nn_cumsum(nn_full(NN_UINT8, NN_SHAPE(4), 200), 1), NN_INT64, NN_SHAPE(4));
}
END_TEST

START_TEST(refused_memory) {
  nn_tensor *x = nn_transpose(sample(NN_UINT8, NN_SHAPE(6, 5, 4), 1), 1, 3);
  nn_tensor *f = laid_out(TRANSPOSED, NN_FLOAT32, NN_SHAPE(4, 5), 1);
  nn_tensor *large = sample(NN_FLOAT32, NN_SHAPE(300000), 1);
  SURVIVES_REFUSALS(nn_sum(x, NN_INTS(1, 3), false));
  SURVIVES_REFUSALS(nn_sum(large, NN_ALL, false));
  SURVIVES_REFUSALS(nn_variance(large, NN_ALL, false, 0));
  SURVIVES_REFUSALS(nn_std(f, NN_INTS(1), false, 0));
  SURVIVES_REFUSALS(nn_norm(x, NN_INTS(2), false));
  SURVIVES_REFUSALS(nn_mean(x, NN_INTS(2), false));
  SURVIVES_REFUSALS(nn_prod(x, NN_ALL, true));
  SURVIVES_REFUSALS(nn_any(x, NN_ALL, true));
  SURVIVES_REFUSALS(nn_argmax(x, 2, false));
  SURVIVES_REFUSALS(nn_softmax(x, 1));
  SURVIVES_REFUSALS(nn_log_softmax_grad(f, f, 1));
  SURVIVES_REFUSALS(nn_logsumexp(x, NN_INTS(2), false));
  SURVIVES_REFUSALS(nn_logsumexp(large, NN_ALL, false));
  SURVIVES_REFUSALS(nn_cumsum(x, 2));
}
END_TEST

Suite *reduce_suite(void) {
  Suite *suite = suite_create("reduce");
  TCase *tests = tcase_create("reduce");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, reductions_agree_with_loops, 0, SHAPES);
  tcase_add_loop_test(tests, large_reductions_agree_with_loops, 0, LARGE_SHAPES);
  tcase_add_loop_test(tests, spreads_agree_with_loops, 0, 12);
  tcase_add_test(tests, spreads_at_the_edges);
  tcase_add_test(tests, bits_depend_on_the_shape_only);
  tcase_add_test(tests, sums_stay_accurate);
  tcase_add_test(tests, integers_wrap_and_stay_exact);
  tcase_add_test(tests, nan_is_the_largest_and_the_smallest);
  tcase_add_test(tests, positions_of_the_first);
  tcase_add_test(tests, of_nothing);
  tcase_add_test(tests, messages);
  tcase_add_test(tests, sum_to_undoes_broadcasting);
  tcase_add_loop_test(tests, softmax_and_its_relatives, 0, 7);
  tcase_add_test(tests, softmax_edges);
  tcase_add_test(tests, logsumexp_of_long_rows);
  tcase_add_test(tests, logsumexp_over_any_dimensions);
  tcase_add_loop_test(tests, running_sums, 0, 10);
  tcase_add_test(tests, running_sums_of_integers);
  tcase_add_test(tests, refused_memory);
  suite_add_tcase(suite, tests);
  return suite;
}
