/* CSV: what RFC 4180 allows and what programs write, numbers in any locale, and the sentence for each bad cell. */
#include <errno.h>
#include <locale.h>

#include "file.h"
#include "folder.h"

Suite *csv_suite(void);

static void setup(void) { folder_open("x.csv"); }

static nn_csv *read_text(const char *text, const nn_csv_options *options) {
  static const nn_csv_options usual = {NN_CSV_HEADER, ',', true, 0, NULL};
  write_bytes(path, text, strlen(text));
  return nn_load_csv(path, options ? options : &usual);
}

/* Each of these is the table {1, 2; 3, 4.5} with the columns a and b. */
static const char *const same[] = {
  "a,b\n1,2\n3,4.5\n", "a,b\r\n1,2\r\n3,4.5", "a,b\r1,2\r3,4.5\r", "\357\273\277a,b\n1,2\n3,4.5",
  "\"a\",\"b\"\n\"1\",2\n3,\"4.5\"\n", "\n\na,b\n\n1,2\r\n\r\n3,4.5\n\n\n", "a,b\n 1 ,\t2\n+3,4.5e0",
  "a,b\n1.,.2e1\n30E-1,45e-1\n",
  "a,b\n1.0000000000000000000000000000000000000,2\n0.00000000000000000000000003e26,4500000000000000000000000e-24\n",
};

START_TEST(tables) {
  const nn_csv *csv = read_text(same[_i], NULL);
  SUCCEEDS(csv);
  ck_assert_str_eq(nn_shape_text(&csv->numbers->shape).s, "{2, 2}");
  ck_assert_str_eq(csv->names, "a");
  ck_assert_str_eq(csv->names + 2, "b");
  const float *x = csv->numbers->data;
  HOLDS_SO(x[0] == 1 && x[1] == 2 && x[2] == 3 && x[3] == 4.5f, "%g %g %g %g", x[0], x[1], x[2], x[3]);
}
END_TEST

START_TEST(quotes_and_texts) {
  static const char text[] = "name,\"x\n\"\"y\"\"\",z\n\"Ann, \"\"A\"\"\",1,\"a\r\nb\"\n\xc3\xa9,2,\n";
  const nn_csv_column columns[] = {{"z", 0, true}, {NULL, -3, true}};
  const nn_csv *csv = read_text(text, &(nn_csv_options){NN_CSV_HEADER, ',', true, 2, columns});
  SUCCEEDS(csv);
  HOLDS_SO(csv->rows == 2 && csv->fields == 3 && csv->texts == 2 && csv->numbers->shape.dim[1] == 1, "other sizes");
  ck_assert_str_eq(csv->names + 5, "x\n\"y\"");
  static const char *const cells[] = {"Ann, \"A\"", "a\r\nb", "\xc3\xa9", ""};
  const char *cell = csv->cells;
  for (int i = 0; i < 4; cell += strlen(cell) + 1, i++) ck_assert_str_eq(cell, cells[i]);
  HOLDS_SO(element(csv->numbers, 1) == 2, "another number");
}
END_TEST

START_TEST(columns_chosen) {
  const nn_csv_column columns[] = {{NULL, -1, false}, {"a", 0, false}};
  const nn_csv *csv = read_text("a;text;c\n1;x;3\n4;,;6\n", &(nn_csv_options){NN_CSV_HEADER, ';', false, 2, columns});
  SUCCEEDS(csv);
  const float *x = csv->numbers->data;
  HOLDS_SO(x[0] == 3 && x[1] == 1 && x[2] == 6 && x[3] == 4, "%g %g %g %g", x[0], x[1], x[2], x[3]);
  csv = read_text("1,2\n3,4\n", &(nn_csv_options){NN_CSV_NO_HEADER, ',', true, 0, NULL});
  SUCCEEDS(csv);
  HOLDS_SO(csv->rows == 2 && !csv->names, "the first line was taken for names");
  csv = read_text("a,b\n", &(nn_csv_options){NN_CSV_HEADER_UNLESS_NUMBERS, ',', true, 0, NULL});
  SUCCEEDS(csv);
  ck_assert_str_eq(nn_shape_text(&csv->numbers->shape).s, "{0, 2}");
}
END_TEST

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct { const char *text, *message; } bad[] = {
  {"a,age\n1,2\n3,abc\n", "line 3, column 2 (age): \"abc\" is not a number"},
  {"a,age\n1,2\n\n\"3\r\n\",4", "line 4, column 1 (a): \"3  \" is not a number"},
  {"a,b\n1,\n", "line 2, column 2 (b): \"\" is not a number"},
  {"a\n1,5\n", "line 2: 2 cells where the first line has 1"},
  {"a,b\n1,2\n1\n", "line 3: 1 cells where the first line has 2"},
  {"a,b\n1,2,3\n", "line 2: 3 cells where the first line has 2"},
  {"a,b\n1,\"2\n", "line 2: a quote is opened and not closed"},
  {"a,b\n1,\"2\"3\n", "line 2: other text follows a closing quote"},
  {"a\n0x10\n", "\"0x10\" is not a number"},
  {"a\n1e\n", "\"1e\" is not a number"},
  {"a\n1e+\n", "\"1e+\" is not a number"},
  {"a\n.\n", "\".\" is not a number"},
  {"a\n--1\n", "\"--1\" is not a number"},
  {"a\n1 2\n", "\"1 2\" is not a number"},
  {"a\n1e39\n", "\"1e39\" is beyond float32"},
  {"a\n-1e999\n", "\"-1e999\" is beyond float32"},
  {"a\nnano\n", "\"nano\" is not a number"},
  {"a\n" LONG "\n", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" is not a number"},
  {LONG "\nx\n", "column 1 (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...): \"x\""},
  {"", "it holds no lines"},
  {"\r\n\n", "it holds no lines"},
};

START_TEST(bad_cells) {
  fails_with(read_text(bad[_i].text, NULL), bad[_i].message);
  read_text(bad[_i].text, NULL);
  HOLDS_SO(strstr(nn_error(), path) == nn_error() + strlen("read_csv: "), "\"%s\" does not name the path", nn_error());
  HOLDS_SO(!strchr(nn_error(), '\n'), "the error has several lines");
  nn_clear_error();
}
END_TEST

static void columns_fail(nn_csv_column first, nn_csv_column second, int header, const char *message) {
  const nn_csv_column columns[] = {first, second};
  fails_with(read_text("a,b,b\n1,2,3\n", &(nn_csv_options){header, ',', false, 2, columns}), message);
}

START_TEST(bad_columns) {
  const nn_csv_column a = {"a", 0, false}, b = {"b", 0, false}, c = {"c", 0, false};
  columns_fail(a, b, NN_CSV_HEADER, "two columns have the name \"b\"");
  columns_fail(a, c, NN_CSV_HEADER, "there is no column \"c\"");
  columns_fail(a, a, NN_CSV_HEADER, "column 1 is named twice");
  columns_fail(a, c, NN_CSV_NO_HEADER, "without a header columns have no names; got \"a\"");
  columns_fail((nn_csv_column){NULL, 0, false}, a, NN_CSV_HEADER, "there is no column 0 among 3");
  columns_fail((nn_csv_column){NULL, 4, false}, a, NN_CSV_HEADER, "there is no column 4 among 3");
  columns_fail((nn_csv_column){NULL, -4, false}, a, NN_CSV_HEADER, "there is no column -4 among 3");
  const nn_csv_options unless = {NN_CSV_HEADER_UNLESS_NUMBERS, ',', true, 0, NULL};
  fails_with(read_text("1, 2\n3,4\n", &unless), "the first line holds numbers");
  write_bytes(path, "a\n\0\n", 4);
  fails_with(nn_load_csv(path, &unless), "line 2: it holds a 0 byte");
  fails_with(nn_load_csv(folder, &unless), "is a folder");
}
END_TEST

/* The nearest float of each text, by strtof; words as well. */
START_TEST(numbers) {
  static const char *const texts[] = {"0", "-0", "1", "0.1", "-123.456", "3.4028234e38", "1.17549435e-38", "16777217",
    "9007199254740993", "123456789012345678", "1234567890123456789012345678901234567.8e-20", "1e22", "1e-22", "7.0e23",
    "2.2250738585072011e-30", "000000000000000000000000000012", "0.1e1", "5e-1", "1e0000000000001"};
  char text[4096] = "a\n";
  const int n = sizeof texts / sizeof *texts;
  for (int i = 0; i < n; i++) strcat(strcat(text, texts[i]), "\n");
  const nn_csv *csv = read_text(strcat(text, "NaN\n-inf\nInfinity\n"), NULL);
  SUCCEEDS(csv);
  const float *x = csv->numbers->data;
  for (int i = 0; i < n; i++)
    HOLDS_SO(x[i] == (float)strtod(texts[i], NULL) && !signbit(x[i]) == (*texts[i] != '-'), "%s is read as %.9g",
             texts[i], x[i]);
  HOLDS_SO(isnan(x[n]) && x[n + 1] == -INFINITY && x[n + 2] == INFINITY, "words are read as others");
}
END_TEST

/* Where a comma is the decimal point of the process, a point stays one here (if such a locale is installed). */
START_TEST(other_locales) {
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_ALL, names[i])) break;
  const nn_csv *csv = read_text("a\n0.5\n1234567890123456789.25e-19\n", NULL);
  setlocale(LC_ALL, "C");
  SUCCEEDS(csv);
  HOLDS_SO(element(csv->numbers, 0) == 0.5 && close_to(element(csv->numbers, 1), 0.123456789, 1e-6, 0),
           "other numbers");
}
END_TEST

/* Larger than a block, with cells across its ends; each call to the system and each allocation fails in turn. */
START_TEST(large_and_failing) {
  enum { ROWS = 20000 };
  char *text = malloc(ROWS * 24 + 64), *end = text + sprintf(text, "i,half,word\r\n");
  for (int i = 0; i < ROWS; i++) end += sprintf(end, "%d,%d.5,\"w%d\"\r\n", i, i, i % 10);
  const nn_csv_column word = {"word", 0, true};
  const nn_csv_options options = {NN_CSV_HEADER, ',', true, 1, &word};
  const nn_csv *csv = read_text(text, &options);
  SUCCEEDS(csv);
  const float *x = csv->numbers->data;
  for (int i = 0; i < ROWS; i++) HOLDS_SO(x[2 * i] == i && x[2 * i + 1] == i + 0.5f, "row %d", i + 1);
  for (int i = 0; i < ROWS; i++) HOLDS_SO(csv->cells[3 * i + 1] == '0' + i % 10, "the text of row %d", i + 1);
  for (int64_t n = 1, done = 0; done < 2; n++) {
    const bool files = done == 0;
    if (files) nn_file_fail_at(n, n % 2 ? EIO : NN_FILE_SHORT);
    else nn_memory_fail_at(n, false);
    csv = nn_load_csv(path, &options);
    const bool reached = (files ? nn_file_calls() : nn_memory_allocations()) >= n;
    nn_file_fail_at(0, 0);
    nn_memory_fail_at(0, false);
    HOLDS_SO(!csv == !!nn_error(), "neither a result nor an error");
    HOLDS_SO(csv || reached, "it failed by itself: %s", nn_error());
    nn_clear_error();
    if (!reached) n = 0, done++;
  }
  free(text);
}
END_TEST

Suite *csv_suite(void) {
  Suite *suite = suite_create("csv");
  TCase *tests = tcase_create("csv");
  tcase_set_timeout(tests, 30);
  tcase_add_checked_fixture(tests, setup, folder_close);
  tcase_add_loop_test(tests, tables, 0, (int)(sizeof same / sizeof *same));
  tcase_add_test(tests, quotes_and_texts);
  tcase_add_test(tests, columns_chosen);
  tcase_add_loop_test(tests, bad_cells, 0, (int)(sizeof bad / sizeof *bad));
  tcase_add_test(tests, bad_columns);
  tcase_add_test(tests, numbers);
  tcase_add_test(tests, other_locales);
  tcase_add_test(tests, large_and_failing);
  suite_add_tcase(suite, tests);
  return suite;
}
