/* Declared options: what a layer, activation, loss, initializer or optimizer can be told. Parsing, defaults, errors
 * with the nearest name, get_config, saving, help() and the documentation all walk these lists. */
#ifndef AG_OPTION_H
#define AG_OPTION_H

#include "autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ag_option_kind {
  AG_OPTION_END, AG_OPTION_NUMBER, AG_OPTION_INTEGER, AG_OPTION_FLAG, AG_OPTION_TEXT, AG_OPTION_CHOICE,
  AG_OPTION_SHAPE,        /* a list of integers (one integer is a list of one) */
  AG_OPTION_DTYPE, AG_OPTION_TENSOR, AG_OPTION_FUNCTION,
  /* a name, an object or a function */
  AG_OPTION_ACTIVATION, AG_OPTION_INITIALIZER, AG_OPTION_REGULARIZER, AG_OPTION_CONSTRAINT
} ag_option_kind;

typedef struct ag_option {
  const char *name, *help;      /* help: one line */
  ag_option_kind kind;
  bool required;
  bool optional;                /* may stay nil: then a number is NaN in C, an integer AG_NIL, others NULL or empty */
  double value;                 /* default of a number, integer, flag */
  const char *text;             /* default of everything given by name; NULL: none */
  double min, max;              /* of numbers, both included; equal (0, 0): any */
  const char *choices;          /* of a choice: "valid|same" */
} ag_option;

#define AG_NIL INT64_MIN        /* an optional integer that stayed nil */

/* The value of an option in C. Names and choices are text; an activation arrives as ag_function. */
struct ag_function;
typedef union ag_value {
  double number;
  int64_t integer;
  bool flag;
  nn_ints ints;
  const char *text;
  ag_var *tensor;
  struct ag_function *function;
} ag_value;

int ag_option_count(const ag_option *options);    /* of a list that ends with AG_OPTION_END; NULL: 0, also below */
void ag_option_defaults(const ag_option *options, ag_value *values);   /* what is given by name comes as its text */

#ifdef __cplusplus
}
#endif
#endif
