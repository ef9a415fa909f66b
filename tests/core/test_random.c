/* Random numbers: Philox against its authors' vectors; one stream of bits whatever the instruction set, the threads and
 * the length asked for; ranges to the last value, moments, distributions. */
#include <float.h>
#include <stdlib.h>

#include "check_nn.h"
#include "philox.h"

Suite *random_suite(void);

static void setup(void) {
  fixture_open();
  nn_seed(1);
}

/* Random123's kat_vectors, philox4x32 10 */
typedef struct known { nn_philox counter; uint32_t key[2]; uint32_t word[4]; } known;
static const known answers[] = {
  {{{0, 0, 0, 0}}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
  {{{~0u, ~0u, ~0u, ~0u}}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
  {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, {0xa4093822, 0x299f31d0},
   {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

START_TEST(known_answers) {
  const known *k = &answers[_i];
  const nn_philox got = nn_philox_block(k->counter, k->key[0], k->key[1]);
  for (int i = 0; i < 4; i++) ck_assert_uint_eq(got.word[i], k->word[i]);
} END_TEST

START_TEST(bits_of_the_generator) {
  nn_generator_set((nn_generator){0, 0});
  ck_assert_uint_eq(nn_random_bits(), 0x6627e8d5e169c58dull);
  ck_assert_uint_eq(nn_generator_get().counter, 1);
  ck_assert(nn_random_bits() != 0x6627e8d5e169c58dull);
} END_TEST

/* Groups of lanes hold the blocks of consecutive counters, across the carry into the high word too. */
START_TEST(groups_hold_consecutive_blocks) {
  const uint64_t starts[] = {0, 5, 0xfffffff8u, 0xfffffffffffffff8u};
  for (size_t s = 0; s < 4; s++) {
    const nn_draw draw = {.key = 0x123456789abcdef0, .counter = starts[s]};
    uint32_t w[3 * NN_GROUP_WORDS];
    nn_draws()->words(&draw, 2, 3, w);
    for (int block = 0; block < 3 * NN_LANES; block++) {
      const uint64_t counter = starts[s] + 2 * NN_LANES + (uint64_t)block;
      const nn_philox words = {{(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0}};
      const nn_philox alone = nn_philox_block(words, 0x9abcdef0, 0x12345678);
      for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(w[block / NN_LANES * NN_GROUP_WORDS + i * NN_LANES + block % NN_LANES], alone.word[i]);
    }
  }
} END_TEST

/* Every kind of draw as one row, for what must hold of them all. */
typedef nn_tensor *draw_function(nn_generator *g, nn_dtype dtype, nn_shape shape);
static nn_tensor *uniform(nn_generator *g, nn_dtype d, nn_shape s) { return nn_uniform(g, d, s, -2, 3); }
static nn_tensor *normal(nn_generator *g, nn_dtype d, nn_shape s) { return nn_normal(g, d, s, 1, 2); }
static nn_tensor *truncated(nn_generator *g, nn_dtype d, nn_shape s) { return nn_truncated_normal(g, d, s, 1, 2); }
static nn_tensor *mask(nn_generator *g, nn_dtype d, nn_shape s) { return nn_dropout_mask(g, d, s, 0.3); }
static nn_tensor *integer(nn_generator *g, nn_dtype d, nn_shape s) { (void)d; return nn_randint(g, -5, 1000000, s); }
static draw_function *const draws[] = {uniform, normal, truncated, mask, integer};
enum { DRAWS = sizeof draws / sizeof *draws };

static bool same_start(const nn_tensor *a, const nn_tensor *b, int64_t n) {
  return a && b && a->dtype == b->dtype && !memcmp(a->data, b->data, (size_t)n * nn_dtype_size(a->dtype));
}

START_TEST(one_stream_whatever_the_machine) {
  const int64_t n = 150001;
  for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
    nn_tensor *first = NULL;
    uint64_t used = 0;
    for (int m = 0; machine(m); m++) {
      nn_generator g = nn_generator_seeded(42);
      nn_tensor *again = draws[_i](&g, dtype, NN_SHAPE(n));
      if (!m) first = again, used = g.counter;
      ck_assert(same_start(first, again, n));
      ck_assert_uint_eq(g.counter, used);
    }
    for (int64_t shorter = 0; shorter < 200; shorter += 7) {
      nn_generator again = nn_generator_seeded(42);
      ck_assert(same_start(first, draws[_i](&again, dtype, NN_SHAPE(shorter)), shorter));
    }
  }
} END_TEST

START_TEST(draws_follow_each_other) {
  for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
    nn_generator g = nn_generator_seeded(9), middle;
    nn_tensor *a = draws[_i](&g, dtype, NN_SHAPE(40));
    middle = g;
    nn_tensor *b = draws[_i](&g, dtype, NN_SHAPE(40));
    ck_assert(!same_start(a, b, 40));
    ck_assert(same_start(b, draws[_i](&middle, dtype, NN_SHAPE(40)), 40));
    nn_generator other = nn_generator_seeded(10);
    ck_assert(!same_start(a, draws[_i](&other, dtype, NN_SHAPE(40)), 40));
    nn_generator_set(nn_generator_seeded(9));       /* the context's own */
    ck_assert(same_start(a, draws[_i](NULL, dtype, NN_SHAPE(40)), 40));
    ck_assert(same_start(b, draws[_i](NULL, dtype, NN_SHAPE(40)), 40));
  }
} END_TEST

START_TEST(a_failed_draw_uses_nothing) {
  const nn_generator before = nn_generator_get();
  nn_memory_fail_at(1, false);
  fails_with(draws[_i](NULL, NN_FLOAT32, NN_SHAPE(100)), "out of memory");
  ck_assert_uint_eq(nn_generator_get().counter, before.counter);
} END_TEST

/* mean of ((x - center) / scale)^power */
static double moment(const nn_tensor *x, double center, double scale, int power) {
  double sum = 0;
  for (int64_t i = 0; i < x->numel; i++) sum += pow((element(x, i) - center) / scale, power);
  return sum / (double)x->numel;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: the greatest distance to the distribution function, times sqrt(n); 1.95 is exceeded once in
 * a thousand, and the seeds are fixed. */
static double distance(const nn_tensor *x, double (*distribution)(double)) {
  const int64_t n = x->numel;
  double *v = malloc((size_t)n * sizeof *v), most = 0;
  for (int64_t i = 0; i < n; i++) v[i] = element(x, i);
  qsort(v, (size_t)n, sizeof *v, compare);
  for (int64_t i = 0; i < n; i++) {
    const double p = distribution(v[i]);
    most = fmax(most, fmax(fabs(p - (double)i / (double)n), fabs(p - (double)(i + 1) / (double)n)));
  }
  free(v);
  return most * sqrt((double)n);
}

static double unit_uniform(double x) { return x; }
static double unit_normal(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static double unit_truncated(double x) { return (unit_normal(x) - unit_normal(-2)) / (1 - 2 * unit_normal(-2)); }

START_TEST(distributions) {
  enum { N = 200000 };
  for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
    nn_tensor *u = nn_uniform(NULL, dtype, NN_SHAPE(N), 0, 1), *z = nn_normal(NULL, dtype, NN_SHAPE(N), 0, 1);
    nn_tensor *t = nn_truncated_normal(NULL, dtype, NN_SHAPE(N), 0, 1);
    ck_assert_double_lt(distance(u, unit_uniform), 1.95);
    ck_assert_double_lt(distance(z, unit_normal), 1.95);
    ck_assert_double_lt(distance(t, unit_truncated), 1.95);
    ck_assert_double_eq_tol(moment(z, 0, 1, 2), 1, 0.012);
    ck_assert_double_eq_tol(moment(z, 0, 1, 4), 3, 0.1);
    ck_assert_double_eq_tol(sqrt(moment(t, 0, 1, 2)), 0.8796256610342398, 0.005);
    nn_tensor *scaled = nn_normal(NULL, dtype, NN_SHAPE(N), -3, 0.5);
    ck_assert_double_eq_tol(moment(scaled, -3, 0.5, 1), 0, 0.01);
    ck_assert_double_eq_tol(moment(scaled, -3, 0.5, 2), 1, 0.012);
    double product = 0;                            /* the two numbers of a pair are independent */
    for (int i = 0; i + 16 < N; i++)
      product += element(z, i) * element(z, i + (dtype == NN_FLOAT32 ? 32 : 16) % (N - i));
    ck_assert_double_eq_tol(product / N, 0, 0.012);
  }
} END_TEST

START_TEST(normal_agrees_with_libm) { /* the formula of Box and Muller, from the same words */
  const nn_generator g = {77, 0};
  const nn_draw draw = {.key = 77};
  uint32_t w[NN_GROUP_WORDS];
  nn_generator copy = g;
  const double *x = nn_normal(&copy, NN_FLOAT64, NN_SHAPE(32), 0, 1)->data;
  nn_draws()->words(&draw, 0, 1, w);
  for (int i = 0; i < 16; i++) {
    const double u = ((w[i] >> 5) * 67108864.0 + (w[i + 32] >> 6) + 0.5) * 0x1p-53;
    const double v = ((w[i + 16] >> 5) * 67108864.0 + (w[i + 48] >> 6) + 0.5) * 0x1p-53;
    const double r = sqrt(-2 * log(u));
    ck_assert_double_eq_tol(x[i], r * cos(2 * M_PI * v), 4e-15);
    ck_assert_double_eq_tol(x[i + 16], r * sin(2 * M_PI * v), 4e-15);
  }
} END_TEST

START_TEST(uniform_stays_below_its_end) {
  const double intervals[][2] = {{0, 1}, {1, 1 + FLT_EPSILON}, {1e6, 1e6 + 0.1}, {-1, 1}, {0.1, 0.3},
                                 {16777216, 16777218}, {-1e38, 1e38}};
  for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++)
    for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
      const double lo = intervals[i][0], hi = intervals[i][1];
      nn_tensor *x = nn_uniform(NULL, dtype, NN_SHAPE(20000), lo, hi);
      bool inside = x != NULL;
      for (int64_t j = 0; j < 20000 && inside; j++) inside = element(x, j) >= lo && element(x, j) < hi;
      ck_assert(inside);
    }
  nn_tensor *same = nn_uniform(NULL, NN_FLOAT32, NN_SHAPE(100), 5, 5);
  for (int i = 0; i < 100; i++) ck_assert_double_eq(element(same, i), 5);
} END_TEST

START_TEST(truncated_normal_stays_within_two) {
  for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
    nn_tensor *x = nn_truncated_normal(NULL, dtype, NN_SHAPE(100000), 0, 1);
    double least = 0, most = 0;
    for (int64_t i = 0; i < x->numel; i++) {
      least = fmin(least, element(x, i));
      most = fmax(most, element(x, i));
    }
    ck_assert(least >= -2 && least < -1.99 && most <= 2 && most > 1.99);
  }
} END_TEST

START_TEST(integers_reach_both_ends_evenly) {
  enum { N = 120000, FACES = 6 };
  const int64_t *x = nn_randint(NULL, 1, FACES, NN_SHAPE(N))->data;
  double count[FACES + 2] = {0}, chi = 0;
  for (int i = 0; i < N; i++) count[x[i] < 1 ? 0 : x[i] > FACES ? FACES + 1 : x[i]]++;
  ck_assert(count[0] == 0 && count[FACES + 1] == 0);
  for (int i = 1; i <= FACES; i++) chi += pow(count[i] - N / FACES, 2) / (N / FACES);
  ck_assert_double_lt(chi, 20.5);                  /* 5 degrees of freedom, once in a thousand */
  const int64_t *one = nn_randint(NULL, 7, 7, NN_SHAPE(100))->data;
  for (int i = 0; i < 100; i++) ck_assert_int_eq(one[i], 7);
  const int64_t *all = nn_randint(NULL, INT64_MIN, INT64_MAX, NN_SHAPE(100))->data;
  int negative = 0;
  for (int i = 0; i < 100; i++) negative += all[i] < 0;
  ck_assert(negative > 25 && negative < 75);
  const int64_t *wide = nn_randint(NULL, INT64_MIN, INT64_MIN + 1, NN_SHAPE(100))->data;
  for (int i = 0; i < 100; i++) ck_assert(wide[i] == INT64_MIN || wide[i] == INT64_MIN + 1);
} END_TEST

START_TEST(permutations) {
  for (int64_t n = 0; n < 40; n++) {
    const int64_t *p = nn_randperm(NULL, n)->data;
    bool seen[41] = {0};
    for (int64_t i = 0; i < n; i++) {
      ck_assert(p[i] >= 1 && p[i] <= n && !seen[p[i]]);
      seen[p[i]] = true;
    }
  }
  int count[3][3] = {{0}};                         /* of 3: each value is at each place a third of the time */
  for (int i = 0; i < 6000; i++) {
    const size_t mark = nn_scope_open();
    const int64_t *p = nn_randperm(NULL, 3)->data;
    for (int j = 0; j < 3; j++) count[j][p[j] - 1]++;
    nn_scope_close(mark);
  }
  for (int i = 0; i < 9; i++) ck_assert(abs(count[i / 3][i % 3] - 2000) < 150);
  nn_generator a = nn_generator_seeded(3), b = a;
  ck_assert(same_start(nn_randperm(&a, 1000), nn_randperm(&b, 1000), 1000));
  ck_assert_uint_eq(a.counter, 1008);
  ck_assert(!same_start(nn_randperm(&a, 1000), nn_randperm(NULL, 1000), 1000));
} END_TEST

START_TEST(dropout_masks) {
  const double rates[] = {0, 0.1, 0.5, 0.9, 1, 1 - 1e-12};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
    for (nn_dtype dtype = NN_FLOAT32; dtype < NN_DTYPES; dtype++) {
      nn_tensor *x = nn_dropout_mask(NULL, dtype, NN_SHAPE(300, 333), rates[i]);
      const double kept = dtype == NN_FLOAT32 ? (float)(1 / (1 - rates[i])) : 1 / (1 - rates[i]);
      double zeros = 0;
      for (int64_t j = 0; j < x->numel; j++) {
        if (element(x, j) == 0) zeros++;
        else if (element(x, j) != kept) ck_abort_msg("%g is neither 0 nor %g", element(x, j), kept);
      }
      ck_assert_double_eq_tol(zeros / (double)x->numel, rates[i], 0.006);
    }
} END_TEST

START_TEST(errors) {
  const nn_shape s = NN_SHAPE(3);
  fails_with(nn_uniform(NULL, NN_INT64, s, 0, 1), "uniform: expected float32 or float64, got int64");
  fails_with(nn_uniform(NULL, NN_FLOAT32, s, 2, 1), "uniform: expected finite lo <= hi, got 2 and 1");
  fails_with(nn_uniform(NULL, NN_FLOAT32, s, 0, INFINITY), "uniform: expected finite lo <= hi, got 0 and inf");
  fails_with(nn_normal(NULL, NN_UINT8, s, 0, 1), "normal: expected float32 or float64, got uint8");
  fails_with(nn_normal(NULL, NN_FLOAT32, s, 0, -1), "normal: stddev must not be negative, got -1");
  fails_with(nn_truncated_normal(NULL, NN_INT64, s, 0, 1), "truncated_normal: expected float32 or float64, got int64");
  fails_with(nn_truncated_normal(NULL, NN_FLOAT32, s, 0, -2), "truncated_normal: stddev must not be negative, got -2");
  fails_with(nn_randint(NULL, 3, 2, s), "randint: expected lo <= hi, got 3 and 2");
  fails_with(nn_randperm(NULL, -1), "randperm: n must not be negative, got -1");
  fails_with(nn_dropout_mask(NULL, NN_FLOAT32, s, 1.5), "dropout: expected a rate from 0 to 1, got 1.5");
  fails_with(nn_dropout_mask(NULL, NN_INT64, s, 0.5), "dropout: expected float32 or float64, got int64");
  fails_with(nn_dropout_mask(NULL, NN_FLOAT32, s, NAN), "dropout: expected a rate from 0 to 1, got nan");
} END_TEST

Suite *random_suite(void) {
  Suite *s = suite_create("random");
  TCase *t = tcase_create("random");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, setup, fixture_close);
  tcase_add_loop_test(t, known_answers, 0, (int)(sizeof answers / sizeof *answers));
  tcase_add_test(t, bits_of_the_generator);
  tcase_add_test(t, groups_hold_consecutive_blocks);
  tcase_add_loop_test(t, one_stream_whatever_the_machine, 0, DRAWS);
  tcase_add_loop_test(t, draws_follow_each_other, 0, DRAWS);
  tcase_add_loop_test(t, a_failed_draw_uses_nothing, 0, DRAWS);
  tcase_add_test(t, distributions);
  tcase_add_test(t, normal_agrees_with_libm);
  tcase_add_test(t, uniform_stays_below_its_end);
  tcase_add_test(t, truncated_normal_stays_within_two);
  tcase_add_test(t, integers_reach_both_ends_evenly);
  tcase_add_test(t, permutations);
  tcase_add_test(t, dropout_masks);
  tcase_add_test(t, errors);
  suite_add_tcase(s, t);
  return s;
}
