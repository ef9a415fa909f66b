/* Printing: every expectation is written out, as a reader of the REPL sees it. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "check_nn.h"

Suite *format_suite(void);

static void shows(nn_tensor *x, const char *expected) {
  char *text = nn_format(x);
  ck_assert_ptr_nonnull(text);
  ck_assert_str_eq(text, expected);
  free(text);
}

#define FLOATS(dtype, shape, ...) tensor_of(dtype, shape, (double[]){__VA_ARGS__})
#define ROW(n, ...) tensor_of(NN_FLOAT32, NN_SHAPE(n), (double[]){__VA_ARGS__})

START_TEST(columns_align) {
  shows(FLOATS(NN_FLOAT32, NN_SHAPE(2, 3), 1, 2.5, -3, 0.1, 0, 10),
        "{{ 1.0000,  2.5000, -3.0000},\n"
        " { 0.1000,  0.0000, 10.0000}}\n"
        "float32 {2, 3}");
  shows(nn_arange(NN_INT64, -1, 10, 1), "{-1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10}\nint64 {12}");
  shows(nn_full(NN_UINT8, NN_SHAPE(2, 1), 255), "{{255},\n {255}}\nuint8 {2, 1}");
}
END_TEST

START_TEST(floats_choose_one_format) {
  shows(ROW(3, 1, 20, -300), "{   1.0,   20.0, -300.0}\nfloat32 {3}");
  shows(ROW(2, 1, 99999999), "{1.0000e+00, 1.0000e+08}\nfloat32 {2}");
  shows(FLOATS(NN_FLOAT64, NN_SHAPE(2), 1, 99999999), "{       1.0, 99999999.0}\nfloat64 {2}");
  shows(ROW(2, 0.5, 99999), "{    0.5000, 99999.0000}\nfloat32 {2}");
  shows(ROW(2, 0.5, 100000), "{5.0000e-01, 1.0000e+05}\nfloat32 {2}");
  shows(ROW(2, 0.00011, 0), "{0.0001, 0.0000}\nfloat32 {2}");
  shows(ROW(2, 0.00009, 1), "{9.0000e-05, 1.0000e+00}\nfloat32 {2}");
  shows(FLOATS(NN_FLOAT64, NN_SHAPE(1), 1e-300), "{1.0000e-300}\nfloat64 {1}");
}
END_TEST

START_TEST(not_a_number) {
  shows(ROW(4, NAN, INFINITY, -INFINITY, 1.5), "{   nan,    inf,   -inf, 1.5000}\nfloat32 {4}");
  shows(ROW(2, -NAN, -INFINITY), "{ nan, -inf}\nfloat32 {2}");
  shows(ROW(2, NAN, 1), "{nan, 1.0}\nfloat32 {2}");
}
END_TEST

START_TEST(rank_0) {
  shows(nn_full(NN_FLOAT32, NN_SCALAR, 3.5), "3.5  float32 {}");
  shows(nn_full(NN_FLOAT32, NN_SCALAR, 0.1), "0.1  float32 {}");
  shows(nn_full(NN_FLOAT64, NN_SCALAR, -2), "-2.0  float64 {}");
  shows(nn_full(NN_FLOAT64, NN_SCALAR, 1e20), "1e+20  float64 {}");
  shows(nn_full(NN_FLOAT64, NN_SCALAR, NAN), "nan  float64 {}");
  shows(nn_integer(INT64_MIN), "-9223372036854775808  int64 {}");
}
END_TEST

START_TEST(empty) {
  shows(nn_empty(NN_FLOAT32, NN_SHAPE(0, 3)), "{}  float32 {0, 3}");
  shows(nn_empty(NN_INT64, NN_SHAPE(0)), "{}  int64 {0}");
}
END_TEST

START_TEST(matrices_stand_apart) {
  shows(nn_reshape(nn_arange(NN_INT64, 1, 8, 1), NN_SHAPE(2, 2, 2)),
        "{{{1, 2},\n"
        "  {3, 4}},\n"
        "\n"
        " {{5, 6},\n"
        "  {7, 8}}}\n"
        "int64 {2, 2, 2}");
}
END_TEST

START_TEST(the_middle_is_left_out) {
  shows(nn_arange(NN_INT64, 1, 1001, 1), "{   1,    2,    3, ...,  999, 1000, 1001}\nint64 {1001}");
  shows(nn_reshape(nn_arange(NN_INT64, 1, 2100, 1), NN_SHAPE(300, 7)),
        "{{   1,    2,    3, ...,    5,    6,    7},\n"
        " {   8,    9,   10, ...,   12,   13,   14},\n"
        " {  15,   16,   17, ...,   19,   20,   21},\n"
        " ...,\n"
        " {2080, 2081, 2082, ..., 2084, 2085, 2086},\n"
        " {2087, 2088, 2089, ..., 2091, 2092, 2093},\n"
        " {2094, 2095, 2096, ..., 2098, 2099, 2100}}\n"
        "int64 {300, 7}");
  /* the largest element is not shown, and does not widen the columns */
  nn_tensor *x = nn_zeros(NN_UINT8, NN_SHAPE(2, 600));
  ((uint8_t *)x->data)[300] = 200;
  shows(x, "{{0, 0, 0, ..., 0, 0, 0},\n {0, 0, 0, ..., 0, 0, 0}}\nuint8 {2, 600}");
}
END_TEST

START_TEST(long_rows_go_on_below) {
  shows(nn_full(NN_UINT8, NN_SHAPE(2, 20), 100),
        "{{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,\n"
        "  100, 100, 100, 100, 100},\n"
        " {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,\n"
        "  100, 100, 100, 100, 100}}\n"
        "uint8 {2, 20}");
  char *text = nn_format(nn_full(NN_FLOAT64, NN_SHAPE(1000), -1.5e-200));
  for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
    ck_assert_uint_le(strcspn(line, "\n"), 80);
  free(text);
}
END_TEST

START_TEST(strided) {
  nn_tensor *x = nn_reshape(nn_arange(NN_FLOAT64, 1, 6, 1), NN_SHAPE(2, 3));
  shows(nn_transpose(x, 1, 2), "{{1.0, 4.0},\n {2.0, 5.0},\n {3.0, 6.0}}\nfloat64 {3, 2}");
  shows(nn_view(x, x->shape, (int64_t[]){3, -1}, 2), "{{3.0, 2.0, 1.0},\n {6.0, 5.0, 4.0}}\nfloat64 {2, 3}");
  shows(nn_broadcast_to(nn_full(NN_INT64, NN_SHAPE(1), 7), NN_SHAPE(2, 2)), "{{7, 7},\n {7, 7}}\nint64 {2, 2}");
}
END_TEST

START_TEST(rank_8) {
  char *text = nn_format(nn_ones(NN_UINT8, NN_SHAPE(1, 1, 1, 1, 1, 1, 1, 2)));
  ck_assert_str_eq(text, "{{{{{{{{1, 1}}}}}}}}\nuint8 {1, 1, 1, 1, 1, 1, 1, 2}");
  free(text);
}
END_TEST

START_TEST(nothing_in_nothing_out) { ck_assert_ptr_null(nn_format(NULL)); }
END_TEST

static const struct { double value; nn_dtype dtype; const char *text; } numbers[] = {
  {0, NN_FLOAT32, "0"}, {-0.0, NN_FLOAT64, "-0"}, {1, NN_FLOAT32, "1"}, {-12.5, NN_FLOAT32, "-12.5"},
  {0.1f, NN_FLOAT32, "0.1"}, {0.1f, NN_FLOAT64, "0.10000000149011612"}, {0.1, NN_FLOAT64, "0.1"},
  {1.0 / 3, NN_FLOAT64, "0.3333333333333333"}, {1.0f / 3, NN_FLOAT32, "0.33333334"},
  {100000, NN_FLOAT32, "100000"}, {16777216, NN_FLOAT32, "16777216"}, {1e9, NN_FLOAT32, "1e+09"},
  {1e15, NN_FLOAT64, "1000000000000000"}, {1e16, NN_FLOAT64, "1e+16"}, {123456.789, NN_FLOAT64, "123456.789"},
  {0.0001, NN_FLOAT64, "0.0001"}, {0.00001, NN_FLOAT64, "1e-05"},
  {1.7976931348623157e308, NN_FLOAT64, "1.7976931348623157e+308"},
  {-2.2250738585072014e-308, NN_FLOAT64, "-2.2250738585072014e-308"},
  {NAN, NN_FLOAT32, "nan"}, {-INFINITY, NN_FLOAT64, "-inf"},
  {255, NN_UINT8, "255"}, {-9007199254740992, NN_INT64, "-9007199254740992"}, {1e18, NN_INT64, "1000000000000000000"},
};

START_TEST(number) {
  char text[32];
  const int n = nn_format_number(text, numbers[_i].value, numbers[_i].dtype);
  ck_assert_str_eq(text, numbers[_i].text);
  ck_assert_int_eq(n, (int)strlen(text));
}
END_TEST

START_TEST(numbers_read_back) {
  char text[32];
  uint64_t state = 1;
  for (int i = 0; i < 20000; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double wide;
    float narrow;
    memcpy(&wide, &state, sizeof wide);
    memcpy(&narrow, (char *)&state + 4, sizeof narrow);
    if (isfinite(wide)) {
      ck_assert_int_lt(nn_format_number(text, wide, NN_FLOAT64), 32);
      ck_assert_msg(strtod(text, NULL) == wide, "%a as %s", wide, text);
    }
    if (isfinite(narrow)) {
      nn_format_number(text, narrow, NN_FLOAT32);
      ck_assert_msg(strtof(text, NULL) == narrow, "%a as %s", (double)narrow, text);
    }
  }
}
END_TEST

/* A locale whose decimal point is a comma: one of the system's, or one made for the test where localedef can. */
static bool comma_locale(const char *folder) {
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_ALL, names[i])) return true;
  char command[256];
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
  if (system(command) != 0) return false;
  setenv("LOCPATH", folder, 1);
  const bool found = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
  unsetenv("LOCPATH");
  return found;
}

/* 0 / 0 has a sign on some machines, which says nothing. */
START_TEST(nan_has_no_sign) {
  nn_tensor *x = nn_ones(NN_INT64, NN_SHAPE(2));
  const double nan = -NAN;
  ck_assert(signbit(nan) && !signbit(nn_shown(nan)) && nn_shown(-2) == -2);
  fails_with(nn_clamp(x, 0, nan), "got 0 and nan");
  fails_with(nn_pad(x, NN_INTS(1, 1), nan), "pad: nan is no whole number");
  fails_with(nn_fill(x, nan), "fill: nan is no whole number");
  fails_with(nn_arange(NN_FLOAT32, nan, nan, nan), "got nan, nan, nan");
  fails_with(nn_linspace(NN_FLOAT32, nan, nan, 3), "got nan and nan");
  fails_with(nn_uniform(NULL, NN_FLOAT32, x->shape, nan, nan), "got nan and nan");
  fails_with(nn_normal(NULL, NN_FLOAT32, x->shape, 0, nan), "got nan");
  fails_with(nn_truncated_normal(NULL, NN_FLOAT32, x->shape, 0, nan), "got nan");
  fails_with(nn_dropout_mask(NULL, NN_FLOAT32, x->shape, nan), "got nan");
  fails_with(nn_one_hot(nn_full(NN_FLOAT32, NN_SCALAR, nan), 2), "one_hot: label nan is not a whole number");
}
END_TEST

START_TEST(the_locale_does_not_matter) {
  char folder[] = "/tmp/nnlua-locale-XXXXXX", text[32], command[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  const bool comma = comma_locale(folder);
  if (comma) {
    snprintf(text, sizeof text, "%.1f", 0.5);
    ck_assert_str_eq(text, "0,5");
  }
  nn_format_number(text, -1234.5, NN_FLOAT64);
  ck_assert_str_eq(text, "-1234.5");
  nn_format_number(text, 1.5e-30, NN_FLOAT32);
  ck_assert_str_eq(text, "1.5e-30");
  shows(ROW(2, 0.5, 1000.25), "{   0.5000, 1000.2500}\nfloat32 {2}");
  setlocale(LC_ALL, "C");
  snprintf(command, sizeof command, "rm -rf %s", folder);
  ck_assert_int_eq(system(command), 0);
  if (!comma) fprintf(stderr, "format: no locale with a decimal comma here, looked at the C locale only\n");
}
END_TEST

Suite *format_suite(void) {
  Suite *suite = suite_create("format");
  TCase *tests = tcase_create("format");
  tcase_add_checked_fixture(tests, fixture_open, fixture_close);
  tcase_add_test(tests, columns_align);
  tcase_add_test(tests, floats_choose_one_format);
  tcase_add_test(tests, not_a_number);
  tcase_add_test(tests, rank_0);
  tcase_add_test(tests, empty);
  tcase_add_test(tests, matrices_stand_apart);
  tcase_add_test(tests, the_middle_is_left_out);
  tcase_add_test(tests, long_rows_go_on_below);
  tcase_add_test(tests, strided);
  tcase_add_test(tests, rank_8);
  tcase_add_test(tests, nothing_in_nothing_out);
  tcase_add_loop_test(tests, number, 0, (int)(sizeof numbers / sizeof *numbers));
  tcase_add_test(tests, numbers_read_back);
  tcase_add_test(tests, nan_has_no_sign);
  tcase_add_test(tests, the_locale_does_not_matter);
  suite_add_tcase(suite, tests);
  return suite;
}
