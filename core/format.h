/* Tensors as people read them: aligned columns, "..." in the middle past 1000 elements, then shape and dtype. Numbers
 * are written in the C locale, whatever the process's locale is. */
#ifndef NN_FORMAT_H
#define NN_FORMAT_H

#include <math.h>

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A string of malloc's (free it), or NULL with an error. */
char *nn_format(nn_tensor *x);
/* One number as short as it reads back (float32: up to 9 digits, float64: 17; integers whole) into text; its length. */
int nn_format_number(char text[32], double value, nn_dtype dtype);
/* For %g in a message: printf shows the sign that NaN happens to have. */
static inline double nn_shown(double value) { return isnan(value) ? NAN : value; }

#ifdef __cplusplus
}
#endif
#endif
