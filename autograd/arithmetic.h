/* Inside autograd/: a variable with a constant, as formulas have them. */
#ifndef AG_ARITHMETIC_H
#define AG_ARITHMETIC_H

#include "autograd.h"

static inline ag_var *plus(ag_var *x, double c) { return ag_add(x, ag_number(c)); }
static inline ag_var *times(ag_var *x, double c) { return ag_mul(x, ag_number(c)); }
static inline ag_var *minus_from(double c, ag_var *x) { return ag_sub(ag_number(c), x); }

#endif
