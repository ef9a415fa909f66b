/* What the suites of networks share: lines of reference files, rows by name, small variables, comparisons. */
#ifndef NNLUA_NETWORK_CHECKS_H
#define NNLUA_NETWORK_CHECKS_H

#include <stdio.h>
#include <stdlib.h>

#include "check_nn.h"
#include "network.h"

/* Lines of a reference file: a name, then numbers. */
typedef struct line { char name[64]; int n; double v[64]; } line;

static inline bool next_line(FILE *f, line *l) {
  char text[4096];
  do {
    if (!fgets(text, sizeof text, f)) return false;
  } while (text[0] == '#');
  char *at = strchr(text, ',');
  snprintf(l->name, sizeof l->name, "%.*s", (int)(at - text), text);
  for (l->n = 0; at && l->n < 64; l->n++) l->v[l->n] = strtod(at + 1, &at), at = *at == ',' ? at : NULL;
  return true;
}

static inline FILE *open_lines(const char *path) {
  FILE *f = fopen(path, "r");
  HOLDS_SO(f, "%s cannot be read; run at the top of the project", path);
  return f;
}

/* Numbers of a line as values of these options. */
static inline void read_options(const ag_option *options, const double *v, ag_value *values) {
  ag_option_defaults(options, values);
  for (int i = 0; i < ag_option_count(options); i++) {
    if (options[i].kind == AG_OPTION_NUMBER) values[i].number = v[i];
    if (options[i].kind == AG_OPTION_FLAG) values[i].flag = v[i] != 0;
    if (options[i].kind == AG_OPTION_INTEGER) values[i].integer = isnan(v[i]) ? AG_NIL : (int64_t)v[i];
  }
}

/* rows_named(name): the row of a table */
#define ROW_NAMED(rows)                                                                      \
  static const __typeof__(rows[0]) *rows##_named(const char *name) {                         \
    for (size_t i = 0; rows[i].name; i++)                                                    \
      if (!strcmp(rows[i].name, name)) return &rows[i];                                      \
    ck_abort_msg("no row %s", name);                                                         \
    return NULL;                                                                             \
  }

static inline ag_var *constant(nn_dtype dtype, nn_shape shape, const double *values) {
  ag_var *x = ag_constant(tensor_of(dtype, shape, values));
  SUCCEEDS(x);
  return x;
}
static inline ag_var *parameter(nn_dtype dtype, nn_shape shape, const double *values) {
  ag_var *x = ag_parameter(tensor_of(dtype, shape, values));
  SUCCEEDS(x);
  return x;
}
#define VECTOR(...) \
  constant(NN_FLOAT64, NN_SHAPE(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})
#define MATRIX(rows, columns, ...) constant(NN_FLOAT64, NN_SHAPE(rows, columns), (double[]){__VA_ARGS__})

static inline void is(ag_var *x, double relative, const char *what, int n, const double *expected) {
  SUCCEEDS(x);
  HOLDS_SO(x->value->numel == n, "%s: %s instead of %d elements", what, nn_shape_text(&x->value->shape).s, n);
  for (int i = 0; i < n; i++)
    HOLDS_SO(close_to(element(x->value, i), expected[i], relative, 1e-12), "%s: element %d is %.17g, not %.17g", what,
             i + 1, element(x->value, i), expected[i]);
}
#define IS(x, relative, ...) \
  is(x, relative, #x, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static inline void shaped(ag_var *x, nn_shape shape) {
  SUCCEEDS(x);
  HOLDS_SO(nn_shape_equal(&x->value->shape, &shape), "%s instead of %s", nn_shape_text(&x->value->shape).s,
           nn_shape_text(&shape).s);
}

#endif
