/* Inside autograd/: derivatives that are ops of their own and are needed in more than one file. As formulas they would
 * take several passes. Each is the gradient g times the op's derivative at x (or at its result y), and can be
 * differentiated again. */
#ifndef AG_DERIVATIVES_H
#define AG_DERIVATIVES_H

#include "arithmetic.h"
#include "op.h"

/* Shapes as attributes, and back. */
static inline nn_shape attr_shape(const nn_ints *ints) { return nn_shape_of(ints->n, ints->v); }
static inline nn_ints shape_ints(nn_shape shape) {
  nn_ints ints = {shape.rank, {0}};
  for (int i = 0; i < shape.rank && i < NN_MAX_RANK; i++) ints.v[i] = shape.dim[i];
  return ints;
}

ag_var *ag_sigmoid_grad(ag_var *g, ag_var *y);
ag_var *ag_softmax_grad(ag_var *g, ag_var *y, int64_t dim);
ag_var *ag_zeros_like(ag_var *x);          /* a constant */

#endif
