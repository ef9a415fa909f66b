/* CSV (RFC 4180): cells between delimiters, "quoted ones" may hold delimiters, line ends and "" for a quote. Lines end
 * with CR LF, LF or CR. Read twice in blocks: first all is looked at and counted, then the cells become numbers where
 * they belong; so no more is held than the result. Numbers are read in the C locale, whatever the process's is. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "files.h"
#include "memory.h"

enum {
  CHUNK = 32768,           /* of the file, read at once */
  CELL = 1023,             /* of a cell is kept to be looked at: no number is longer */
  SHOWN = 40,              /* of a text in a message */
};

static const char call[] = "read_csv";

/* What a column of the file becomes: a column of numbers (from 0 on), texts, or nothing. */
enum { SKIPPED = -1, TEXT = -2 };
enum { DELIMITER, LINE_END, FILE_END, FAILED };              /* what a cell ends with */

typedef struct reader {
  const char *path;
  int file;
  char delimiter;
  size_t at, filled;
  int64_t line, begun;     /* of the next character, of the cell's first */
  size_t length;           /* of the cell, of which the first CELL bytes are kept */
  char *text, *stop;       /* where the whole cell goes as well, or NULL; and the end of that room */
  bool failed;
  char cell[CELL + 1], block[CHUNK];
} reader;

typedef struct table {
  reader *r;
  const nn_csv_options *options;
  nn_csv *result;
  int64_t fields, rows, numbers; /* columns of the file; numbers: columns of the result */
  int64_t *purpose;        /* of each column of the file */
  char *cells, *cells_end; /* where the next text goes */
  locale_t c;
} table;

static void *wrong(const reader *r, const char *what) {
  return nn_fail("%s: %s: line %" PRId64 ": %s", call, r->path, r->begun, what);
}

/* The next character of the file, not taken yet; -1 at its end, -2 when reading failed. */
static int peek(reader *r) {
  if (r->failed) return -2;
  if (r->at == r->filled) {
    r->at = 0;
    r->failed = !nn_file_read(call, r->path, r->file, r->block, CHUNK, &r->filled);
    if (r->failed) return -2;
    if (!r->filled) return -1;
  }
  return (unsigned char)r->block[r->at];
}

/* There is exactly as much room as was counted the first time. */
static void put_text(reader *r, int c) {
  if (r->text < r->stop) *r->text++ = (char)c;
  else r->failed = true;
}

static void keep(reader *r, int c) {
  if (r->length < CELL) r->cell[r->length] = (char)c;
  if (r->text) put_text(r, c);
  r->length++;
}

/* Takes a line's end: CR LF, LF or CR. */
static void take_line_end(reader *r, int c) {
  r->at++;
  r->line++;
  if (c == '\r' && peek(r) == '\n') r->at++;
}

/* The inside of a quoted cell, up to behind its closing quote. */
static bool read_quoted(reader *r) {
  for (r->at++;;) {
    const int c = peek(r);
    if (c < 0) return c == -1 && wrong(r, "a quote is opened and not closed");
    r->at++;
    if (c == '"' && peek(r) != '"') return true;
    if (c == '"') r->at++;
    if (!c) return wrong(r, "it holds a 0 byte, which no text does");
    if (c == '\n') r->line++;
    keep(r, c);
  }
}

/* What a cell ends with when c comes; FAILED: c does not end it. */
static int end_of_cell(const reader *r, int c) {
  if (c == r->delimiter) return DELIMITER;
  return c == '\n' || c == '\r' ? LINE_END : c == -1 ? FILE_END : FAILED;
}

/* A cell into r->cell, and what it ended with. */
static int read_cell(reader *r) {
  r->length = 0;
  r->begun = r->line;
  const bool quoted = peek(r) == '"';
  if (quoted && !read_quoted(r)) return FAILED;
  for (;;) {
    const int c = peek(r), end = end_of_cell(r, c);
    if (end != FAILED) {
      if (end == DELIMITER) r->at++;
      if (end == LINE_END) take_line_end(r, c);
      r->cell[r->length < CELL ? r->length : CELL] = '\0';
      if (r->text) put_text(r, '\0');
      return end;
    }
    if (c == -2) return FAILED;
    if (!c) return wrong(r, "it holds a 0 byte, which no text does"), FAILED;
    if (quoted) return wrong(r, "other text follows a closing quote"), FAILED;
    keep(r, c);
    r->at++;
  }
}

/* Passes over empty lines; false at the end of the file or when reading failed. */
static bool next_line(reader *r) {
  int c;
  while ((c = peek(r)) == '\n' || c == '\r') take_line_end(r, c);
  return c >= 0;
}

/* To the beginning, behind the mark that some programs put there to say UTF-8. */
static bool rewind_file(reader *r) {
  static const char mark[] = "\xef\xbb\xbf";
  r->at = r->filled = 0;
  r->line = 1;
  if (lseek(r->file, 0, SEEK_SET) != 0) return nn_file_failed(call, r->path);
  if (peek(r) == -2) return false;
  if (r->filled >= 3 && !memcmp(r->block, mark, 3)) r->at = 3;
  return true;
}

/* Numbers */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* "nan", "inf" or "infinity" in small or capital letters, with a sign or without. */
static bool is_word(const char *s, double *value) {
  static const struct { const char *word; double value; } words[] = {
    {"nan", NAN}, {"inf", INFINITY}, {"infinity", INFINITY},
  };
  const bool minus = *s == '-';
  if (minus || *s == '+') s++;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t k = 0;
    while (words[i].word[k] && (s[k] | 0x20) == words[i].word[k]) k++;
    if (words[i].word[k] || s[k]) continue;
    *value = minus ? -words[i].value : words[i].value;
    return true;
  }
  return false;
}

/* [sign] digits [. digits] [e [sign] digits] and nothing else. Up to 2^53 and 10^22 both parts are exact, and so is one
 * multiplication or division (Clinger 1990); the rest is strtod's. */
static bool is_number(const char *s, locale_t c, double *value) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char *p = s + (*s == '-' || *s == '+');
  uint64_t whole = 0;
  int digits = 0, exponent = 0, given = 0;
  for (; is_digit(*p); p++, digits++) whole = digits < 18 ? 10 * whole + (uint64_t)(*p - '0') : whole;
  if (*p == '.')
    for (p++; is_digit(*p); p++, digits++, exponent--) whole = digits < 18 ? 10 * whole + (uint64_t)(*p - '0') : whole;
  if (!digits) return false;
  if (*p == 'e' || *p == 'E') {
    const bool down = *++p == '-';
    if (down || *p == '+') p++;
    if (!is_digit(*p)) return false;
    for (; is_digit(*p); p++) given = given < 9999 ? 10 * given + *p - '0' : given;
    exponent += down ? -given : given;
  }
  if (*p) return false;
  if (digits <= 18 && whole <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22) {
    *value = exponent < 0 ? (double)whole / powers[-exponent] : (double)whole * powers[exponent];
    if (*s == '-') *value = -*value;
  } else *value = strtod_l(s, NULL, c);
  return true;
}

/* At most SHOWN bytes of s in quotes, on one line. */
static nn_text shown(const char *s) {
  nn_text text = {"\""};
  size_t n = strlen(s), k = 1;
  const bool cut = n > SHOWN;
  if (cut) n = SHOWN;
  while (cut && n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80) n--;     /* no half of a UTF-8 character */
  for (size_t i = 0; i < n; i++) text.s[k++] = (unsigned char)s[i] < ' ' ? ' ' : s[i];
  strcpy(text.s + k, cut ? "...\"" : "\"");
  return text;
}

/* The name of a column (from 0), or NULL. */
static const char *name_of(const nn_csv *result, int64_t column) {
  const char *name = result->names;
  for (; name && column > 0; column--) name += strlen(name) + 1;
  return name;
}

static void *wrong_cell(const table *t, int64_t column, const char *what) {
  const reader *r = t->r;
  const char *name = name_of(t->result, column);
  nn_text of = {""};
  if (name) {
    const nn_text quoted = shown(name);
    snprintf(of.s, sizeof of.s, " (%.*s)", (int)strlen(quoted.s) - 2, quoted.s + 1);
  }
  return nn_fail("%s: %s: line %" PRId64 ", column %" PRId64 "%s: %s %s", call, r->path, r->begun, column + 1, of.s,
                 shown(r->cell).s, what);
}

/* The cell without white space around it. */
static const char *trimmed(reader *r) {
  char *s = r->cell, *end = s + (r->length < CELL ? r->length : CELL);
  while (*s == ' ' || *s == '\t') s++;
  while (end > s && (end[-1] == ' ' || end[-1] == '\t')) *--end = '\0';
  return s;
}

static bool put_number(const table *t, int64_t column) {
  reader *r = t->r;
  const char *s = trimmed(r);
  double value;
  const bool digits = is_number(s, t->c, &value);
  if (r->length > CELL || !(digits || is_word(s, &value))) return wrong_cell(t, column, "is not a number");
  const float number = (float)value;
  if (digits && isinf(number)) return wrong_cell(t, column, "is beyond float32");
  ((float *)t->result->numbers->data)[t->rows * t->numbers + t->purpose[column]] = number;
  return true;
}

/* Lines */

/* One line of data: the first time its cells are counted, then (with numbers) put where they belong. */
static bool read_line(table *t) {
  reader *r = t->r;
  const bool put = t->result->numbers != NULL;
  for (int64_t column = 0;; column++) {
    const int64_t purpose = column < t->fields ? t->purpose[column] : SKIPPED;
    r->text = put && purpose == TEXT ? t->cells : NULL;
    r->stop = t->cells_end;
    const int end = read_cell(r);
    if (end == FAILED) return false;
    if (purpose == TEXT && put) t->cells = r->text;
    if (purpose == TEXT && !put) t->result->cells_bytes += r->length + 1;
    if (purpose >= 0 && put && !put_number(t, column)) return false;
    if (end == DELIMITER) continue;
    if (column + 1 != t->fields)
      return nn_fail("%s: %s: line %" PRId64 ": %" PRId64 " cells where the first line has %" PRId64, call, r->path,
                     r->begun, column + 1, t->fields);
    t->rows++;
    return true;
  }
}

/* The cells of the first line: their number, their bytes with a 0 behind each, and whether all are numbers. */
static bool look_at_first(table *t, size_t *bytes, bool *numbers) {
  reader *r = t->r;
  int end = DELIMITER;
  *bytes = 0;
  *numbers = true;
  if (!next_line(r)) return nn_fail("%s: %s: it holds no lines", call, r->path);
  for (; end == DELIMITER; t->fields++) {
    double value;
    if ((end = read_cell(r)) == FAILED) return false;
    *bytes += r->length + 1;
    *numbers = *numbers && r->length <= CELL && is_number(trimmed(r), t->c, &value);
  }
  return true;
}

static void *changed(const table *t) { return nn_fail("%s: %s: it changed while it was read", call, t->r->path); }

static void pass_names(table *t) {
  next_line(t->r);
  for (int64_t i = 0; i < t->fields; i++) read_cell(t->r);
}

/* The first line as names, when it is one of names. */
static bool read_names(table *t) {
  nn_csv *result = t->result;
  bool numbers;
  size_t bytes;
  if (!rewind_file(t->r) || !look_at_first(t, &bytes, &numbers)) return false;
  if (t->options->header == NN_CSV_HEADER_UNLESS_NUMBERS && numbers)
    return nn_fail("%s: %s: the first line holds numbers; say header = false, or true where they are names", call,
                   t->r->path);
  result->fields = t->fields;
  if (t->options->header == NN_CSV_NO_HEADER) return rewind_file(t->r);
  char *names = nn_block(call, bytes);
  if (!names) return false;
  result->names = t->r->text = names;
  result->names_bytes = bytes;
  t->r->stop = names + bytes;
  if (!rewind_file(t->r)) return false;
  pass_names(t);
  const bool same = t->r->text == t->r->stop && !t->r->failed;
  t->r->text = NULL;
  return same || changed(t);
}

/* The column (from 0) of that name; -1 with an error. */
static int64_t find_name(const table *t, const char *wanted) {
  const char *name = t->result->names;
  int64_t found = -1;
  if (!name) nn_fail("%s: %s: without a header columns have no names; got %s", call, t->r->path, shown(wanted).s);
  if (!name) return -1;
  for (int64_t i = 0; i < t->fields; i++, name += strlen(name) + 1) {
    if (strcmp(name, wanted)) continue;
    if (found >= 0) return nn_fail("%s: %s: two columns have the name %s", call, t->r->path, shown(wanted).s), -1;
    found = i;
  }
  if (found < 0) nn_fail("%s: %s: there is no column %s", call, t->r->path, shown(wanted).s);
  return found;
}

static int64_t find_column(const table *t, const nn_csv_column *wanted) {
  if (wanted->name) return find_name(t, wanted->name);
  const int64_t p = wanted->position, column = p < 0 ? t->fields + p : p - 1;
  if (p && column >= 0 && column < t->fields) return column;
  return nn_fail("%s: %s: there is no column %" PRId64 " among %" PRId64, call, t->r->path, p, t->fields), -1;
}

/* What becomes of each column. */
static bool plan_columns(table *t) {
  const nn_csv_options *o = t->options;
  t->purpose = nn_block(call, (size_t)t->fields * sizeof *t->purpose);
  if (!t->purpose) return false;
  for (int64_t i = 0; i < t->fields; i++) t->purpose[i] = SKIPPED;
  for (int64_t i = 0; i < o->columns; i++) {
    const int64_t column = find_column(t, &o->column[i]);
    if (column < 0) return false;
    if (t->purpose[column] != SKIPPED)
      return nn_fail("%s: %s: column %" PRId64 " is named twice", call, t->r->path, column + 1);
    t->purpose[column] = o->column[i].text ? TEXT : t->numbers++;
    t->result->texts += o->column[i].text;
  }
  for (int64_t i = 0; o->all && i < t->fields; i++)
    if (t->purpose[i] == SKIPPED) t->purpose[i] = t->numbers++;
  return true;
}

static bool read_lines(table *t) {
  for (t->rows = 0; next_line(t->r);)
    if (!read_line(t)) return false;
  return !t->r->failed;
}

/* The same lines again, now that their number is known; a file that somebody writes to meanwhile has others. */
static bool fill(table *t) {
  nn_csv *result = t->result;
  const int64_t rows = t->rows;
  result->numbers = nn_retain(nn_empty(NN_FLOAT32, NN_SHAPE(rows, t->numbers)));
  if (!result->numbers) return false;
  if (result->cells_bytes && !(result->cells = t->cells = nn_block(call, result->cells_bytes))) return false;
  result->rows = rows;
  t->cells_end = t->cells + result->cells_bytes;
  if (!rewind_file(t->r)) return false;
  if (result->names) pass_names(t);
  for (t->rows = 0; t->rows < rows;)
    if (!next_line(t->r) || !read_line(t)) break;
  return (t->rows == rows && t->cells == t->cells_end && !t->r->failed) || changed(t);
}

static void drop_csv(nn_object *object) {
  nn_csv *result = (nn_csv *)object;
  nn_release(result->numbers);
  if (result->names) nn_block_free(object->context, (char *)result->names, result->names_bytes);
  if (result->cells) nn_block_free(object->context, (char *)result->cells, result->cells_bytes);
}

nn_csv *nn_load_csv(const char *path, const nn_csv_options *options) {
  static const nn_type csv_type = {"csv", sizeof(nn_csv), drop_csv};
  if (!path) return NULL;
  size_t size;
  const size_t mark = nn_scope_open();
  reader r = {.path = path, .file = nn_file_open(call, path, &size), .delimiter = options->delimiter};
  table t = {.r = &r, .options = options, .c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  bool ok = r.file >= 0 && (t.c || nn_fail_memory(call, CHUNK));
  t.result = ok ? nn_scope_own(nn_object_new(call, &csv_type, 0)) : NULL;
  ok = t.result && read_names(&t) && plan_columns(&t) && read_lines(&t) && fill(&t);
  if (t.purpose) nn_block_free(nn_context_current(), t.purpose, (size_t)t.fields * sizeof *t.purpose);
  if (t.c) freelocale(t.c);
  if (r.file >= 0) close(r.file);
  return nn_scope_return(mark, ok ? t.result : NULL);
}
