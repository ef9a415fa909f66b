/* Tensors as text. One number format for a whole tensor, found by looking at all the elements that are shown, so that
 * the columns align; rows go on under themselves past 80 columns. The walk over the elements is a counter with a wheel
 * per dimension: a wheel that turns over closes a brace, and opens the next. */
#include "format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SHOWN_WHOLE = 1000,    /* elements; tensors of more are cut */
  EDGE = 3,              /* positions shown at either end of a cut dimension */
  COLUMNS = 80,
  NUMBER = 32,           /* bytes that any number fits in */
};

/* Numbers */

/* printf writes the process's locale's decimal point, of one or more bytes; a dot instead, in place. */
static int with_dot(char text[NUMBER]) {
  char *point = text + strcspn(text, "0123456789");
  if (!*point) return (int)strlen(text);  /* nan, inf */
  point += strspn(point, "0123456789");
  const size_t foreign = strcspn(point, "0123456789e");
  if (foreign) {
    *point = '.';
    memmove(point + 1, point + foreign, strlen(point + foreign) + 1);
  }
  return (int)strlen(text);
}

/* The digits, at most `most`, that read back as the same number; the text is left in the locale's spelling. */
static int shortest_digits(char text[NUMBER], double value, bool single, int most) {
  int digits = 0;
  bool same = false;
  while (!same && digits < most) {
    snprintf(text, NUMBER, "%.*e", digits++, value);
    same = single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
  }
  return digits;
}

/* nan has no sign here, whatever its bits say. */
static int special(char text[NUMBER], double value) {
  return snprintf(text, NUMBER, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

/* Integers in double are exact up to 2^53; the caller who needs more has an int64 and prints that. */
int nn_format_number(char text[NUMBER], double value, nn_dtype dtype) {
  if (!isfinite(value)) return special(text, value);
  if (!nn_is_float(dtype) && fabs(value) < 0x1p63) return snprintf(text, NUMBER, "%lld", (long long)value);
  const bool single = dtype == NN_FLOAT32;
  const int most = single ? 9 : 17, digits = shortest_digits(text, value, single, most);
  const int exponent = atoi(strchr(text, 'e') + 1);
  if (exponent >= -4 && exponent < most - 1)  /* 0.0001 and 100000 read better than 1e-04 and 1e+05 */
    snprintf(text, NUMBER, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, value);
  return with_dot(text);
}

/* Where the elements are */

typedef struct walk {
  const nn_tensor *x;
  bool cut[NN_MAX_RANK];                      /* shown as the first and the last EDGE positions */
  int64_t shown[NN_MAX_RANK], at[NN_MAX_RANK]; /* how many positions are shown, and which of those comes now */
} walk;

static walk start(const nn_tensor *x) {
  walk w = {.x = x};
  for (int d = 0; d < x->shape.rank; d++) {
    w.cut[d] = x->numel > SHOWN_WHOLE && x->shape.dim[d] > 2 * EDGE;
    w.shown[d] = w.cut[d] ? 2 * EDGE : x->shape.dim[d];
  }
  return w;
}

/* Goes to the next element shown; the first dimension whose position changed, -1 after the last element. */
static int advance(walk *w) {
  for (int d = w->x->shape.rank - 1; d >= 0; d--) {
    if (++w->at[d] < w->shown[d]) return d;
    w->at[d] = 0;
  }
  return -1;
}

/* Of the current element, in elements from the first; positions after a cut count from the dimension's end. */
static int64_t offset(const walk *w) {
  int64_t sum = 0;
  for (int d = 0; d < w->x->shape.rank; d++) {
    const bool late = w->cut[d] && w->at[d] >= EDGE;
    sum += (late ? w->x->shape.dim[d] - w->shown[d] + w->at[d] : w->at[d]) * w->x->stride[d];
  }
  return sum;
}

static double real(const walk *w) {
  const int64_t i = offset(w);
  return w->x->dtype == NN_FLOAT32 ? (double)((const float *)w->x->data)[i] : ((const double *)w->x->data)[i];
}

static long long whole(const walk *w) {
  const int64_t i = offset(w);
  return w->x->dtype == NN_UINT8 ? ((const uint8_t *)w->x->data)[i] : ((const int64_t *)w->x->data)[i];
}

/* One format for all */

/* Floats: "1.0" when all are whole; four decimals; scientific where these would not tell one from 0, or pretend to
 * digits that a float32 does not have. */
static const char *float_format(const nn_tensor *x) {
  double least = INFINITY, most = 0;
  bool all_whole = true;
  walk w = start(x);
  do {
    const double size = fabs(real(&w));
    if (size == 0 || !isfinite(size)) continue;
    if (size < least) least = size;
    if (size > most) most = size;
    if (size != floor(size)) all_whole = false;
  } while (advance(&w) >= 0);
  if (all_whole && most < (x->dtype == NN_FLOAT32 ? 1e8 : 1e15)) return "%.1f";
  return most < 1e5 && least >= 1e-4 ? "%.4f" : "%.4e";
}

/* The element in format (NULL: an integer); the text's length. */
static int element(char text[NUMBER], const walk *w, const char *format) {
  if (!format) return snprintf(text, NUMBER, "%lld", whole(w));
  const double value = real(w);
  if (!isfinite(value)) return special(text, value);
  snprintf(text, NUMBER, format, value);
  return with_dot(text);
}

/* Of the elements shown: one that is left out does not widen the columns. */
static int widest(const nn_tensor *x, const char *format) {
  char text[NUMBER];
  int width = 0;
  walk w = start(x);
  do {
    const int n = element(text, &w, format);
    if (n > width) width = n;
  } while (advance(&w) >= 0);
  return width;
}

/* Writing */

typedef struct page { char *s; size_t used, size, line; } page; /* s is NULL without memory; line: where it begins */

/* Memory is checked once, by nn_format at the end: a page without it takes no more. */
static void put(page *p, const char *text, size_t n) {
  if (!p->s) return;
  if (p->used + n + 1 > p->size) {
    p->size = 2 * (p->used + n + 1);
    char *grown = realloc(p->s, p->size);
    if (!grown) free(p->s);
    p->s = grown;
    if (!grown) return;
  }
  memcpy(p->s + p->used, text, n);
  p->used += n;
  p->s[p->used] = 0;
}

static void put_text(page *p, const char *text) { put(p, text, strlen(text)); }

static void put_times(page *p, const char *text, int times) {
  while (times-- > 0) put_text(p, text);
}

static void new_line(page *p, int lines, int indentation) {
  put_times(p, "\n", lines);
  p->line = p->used;
  put_times(p, " ", indentation);
}

/* Between items of dimension d (0-based): in a row a space, or a new line where width columns more would be too many; a
 * line between rows, an empty one between matrices. */
static void put_gap(page *p, int rank, int d, int width) {
  if (d < rank - 1) new_line(p, d < rank - 2 ? 2 : 1, d + 1);
  else if (p->used - p->line + (size_t)width + 2 > COLUMNS) new_line(p, 1, rank);
  else put_text(p, " ");
}

/* d is the dimension that the walk moved in: all inside it close before the gap, and open again behind it. */
static void put_elements(page *p, const nn_tensor *x, const char *format) {
  const int rank = x->shape.rank, width = widest(x, format);
  walk w = start(x);
  put_times(p, "{", rank);
  for (int d = 0; d >= 0;) {
    char text[NUMBER];
    const int n = element(text, &w, format);
    put_times(p, " ", width - n);
    put(p, text, (size_t)n);
    d = advance(&w);
    put_times(p, "}", rank - 1 - d);
    if (d < 0) break;
    put_text(p, ",");
    put_gap(p, rank, d, width);
    if (w.cut[d] && w.at[d] == EDGE) {
      put_text(p, "...,");
      put_gap(p, rank, d, width);
    }
    put_times(p, "{", rank - 1 - d);
  }
}

/* Rank 0: all the digits there are, and a float is seen to be one. */
static void put_single(page *p, const nn_tensor *x) {
  char text[NUMBER];
  const walk w = start(x);
  if (!nn_is_float(x->dtype)) element(text, &w, NULL);
  else if (nn_format_number(text, real(&w), x->dtype) && !text[strspn(text, "-0123456789")]) strcat(text, ".0");
  put_text(p, text);
}

/* The dtype and the shape stand behind a short text, under a table. */
char *nn_format(nn_tensor *x) {
  if (!x) return NULL;
  page p = {.s = malloc(128), .size = 128};
  if (!x->numel) put_text(&p, "{}");
  else if (!x->shape.rank) put_single(&p, x);
  else put_elements(&p, x, nn_is_float(x->dtype) ? float_format(x) : NULL);
  put_text(&p, x->numel && x->shape.rank ? "\n" : "  ");
  put_text(&p, nn_dtype_name(x->dtype));
  put_text(&p, " ");
  put_text(&p, nn_shape_text(&x->shape).s);
  return p.s ? p.s : nn_fail_memory("format", p.size);
}
