/* Samples of ops for the gradient checks: inputs away from kinks, and arguments. Each op that can be differentiated
 * must have some, or its suite fails. */
#ifndef NNLUA_OP_SAMPLES_H
#define NNLUA_OP_SAMPLES_H

#include "op.h"

typedef enum op_fill {
  ABSENT,         /* no such input, or nil where it is optional */
  SPAN,           /* float, evenly drawn from a..b */
  SIGNED,         /* the same with a random sign */
  GRID,           /* a, a + b, a + 2b ... in random order */
  DISTINCT,       /* the same, and equal elements are a kink: not checked where it is broadcast */
  MASK,           /* uint8: 1, 0, 1, 0 ...; this and what follows is not differentiated */
  INTEGERS,       /* int64 from a..b */
  NUMBER          /* a as an immediate operand, such as the 2 of x * 2 */
} op_fill;

typedef struct op_input { op_fill fill; const char *shape; double a, b; } op_input;

enum { SAMPLE_INPUTS = 5 };

typedef struct op_sample {
  const char *op;
  op_input x[SAMPLE_INPUTS];
  ag_attr attr[AG_ATTRS];
} op_sample;

extern const op_sample op_samples[];      /* ends with op = NULL */

#endif
