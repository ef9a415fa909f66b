/* Element-wise loops go by chunks: every length up to a few chunks, for every dtype, gives each element what it gets by
 * itself, and writes nothing behind the last one. */
#include "elementwise.h"
#include "movement.h"
#include "naive.h"

Suite *lengths_suite(void);

enum { LONGEST = 140, BEHIND = 70 };

static nn_tensor *numbers(int dtype, int64_t n, uint32_t seed) { return sample((nn_dtype)dtype, NN_SHAPE(n), seed); }

/* One element of x, as a tensor. */
static nn_tensor *alone(nn_tensor *x, int64_t i) { return nn_slice("slice", x, 1, &(nn_range){i + 1, i + 1, false}); }

typedef nn_tensor *operation(nn_tensor *a, nn_tensor *b);

static nn_tensor *chosen(nn_tensor *a, nn_tensor *b) { return nn_where(nn_gt(a, b), a, b); }
static nn_tensor *plus_one(nn_tensor *a, nn_tensor *b) { return (void)b, nn_add(a, nn_integer(1)); }
static nn_tensor *less_than_half(nn_tensor *a, nn_tensor *b) { return (void)a, nn_lt(nn_number(0.5), b); }
static nn_tensor *positive(nn_tensor *a, nn_tensor *b) { return (void)b, nn_relu(a); }
static nn_tensor *exponential(nn_tensor *a, nn_tensor *b) { return (void)b, nn_exp(a); }
static nn_tensor *rows_and_row(nn_tensor *a, nn_tensor *b) {      /* a short period, laid out */
  return nn_reshape(nn_add(nn_reshape(nn_cat(2, (nn_tensor *[]){a, a}, 1), NN_SHAPE(2, a->numel)), b),
                    NN_SHAPE(2 * a->numel));
}

START_TEST(every_length_as_element_by_element) {
  static operation *const operations[] = {nn_mul, nn_div, nn_maximum, nn_ge, chosen, plus_one, less_than_half, positive,
                                          exponential, rows_and_row};
  for (size_t k = 0; k < sizeof operations / sizeof operations[0]; k++)
    for (int64_t n = 1; n <= LONGEST; n++) {
      const size_t mark = nn_scope_open();
      nn_tensor *a = numbers(_i, n, 1), *b = numbers(_i, n, 2), *y = operations[k](a, b);
      SUCCEEDS(y);
      for (int64_t i = 0; i < n; i += n < 20 ? 1 : 7) {
        const nn_tensor *one = operations[k](alone(a, i), alone(b, i));
        SUCCEEDS(one);
        HOLDS_SO(close_to(element(y, i), element(one, 0), 0, 0),
                 "%s, operation %zu, length %lld: element %lld is %g, not %g", nn_dtype_name(y->dtype), k, (long long)n,
                 (long long)i + 1, element(y, i), element(one, 0));
      }
      nn_scope_close(mark);
    }
}
END_TEST

START_TEST(nothing_is_written_behind) {
  for (int64_t n = 1; n <= LONGEST; n++) {
    const size_t mark = nn_scope_open();
    nn_tensor *whole = nn_zeros((nn_dtype)_i, NN_SHAPE(n + BEHIND)), *ones = nn_ones((nn_dtype)_i, NN_SHAPE(n));
    SUCCEEDS(nn_arithmetic_in_place(NN_ADD, nn_slice("slice", whole, 1, &(nn_range){1, n, false}), ones));
    for (int64_t i = 0; i < n + BEHIND; i++) HOLDS(element(whole, i) == (i < n));
    nn_scope_close(mark);
  }
}
END_TEST

Suite *lengths_suite(void) {
  Suite *suite = suite_create("lengths");
  TCase *t = tcase_create("chunks");
  tcase_add_checked_fixture(t, fixture_open, fixture_close);
  tcase_add_loop_test(t, every_length_as_element_by_element, 0, NN_DTYPES);
  tcase_add_loop_test(t, nothing_is_written_behind, NN_FLOAT32, NN_DTYPES);
  suite_add_tcase(suite, t);
  return suite;
}
