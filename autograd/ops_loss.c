/* Cross-entropies from logits, and their derivatives. */
#include "crossentropy.h"
#include "derivatives.h"
#include "losses.h"

static ag_var *sparse_derivative(ag_var *g, ag_var *z, ag_var *labels);

FORWARD(sparse_crossentropy) { return nn_sparse_crossentropy(x[0], x[1]); }
VJP(sparse_crossentropy)     { WANT(0) = sparse_derivative(g, x[0], x[1]); }
BINARY(sparse_crossentropy, .internal = true, .needs = {X0 | X1})

/* With p = softmax(z), t the label's unit vector, y' = g (p - t), 0 for a label of -1:
 * dg = sum(G (p - t)), dz = the softmax's derivative of G g */
FORWARD(sparse_crossentropy_grad) { return nn_sparse_crossentropy_grad(x[0], x[1], x[2]); }
VJP(sparse_crossentropy_grad) {
  ag_var *counts = ag_ge(x[2], ag_integer(0)), *p = ag_softmax(x[1], -1);
  ag_var *position = ag_unsqueeze(ag_add(ag_mul(x[2], counts), ag_integer(1)), -1);
  ag_var *at_label = ag_squeeze(ag_gather(g, -1, position), NN_INTS(-1));
  WANT(0) = ag_mul(counts, ag_sub(ag_sum(ag_mul(g, p), NN_INTS(-1), false), at_label));
  WANT(1) = ag_softmax_grad(ag_mul(g, ag_unsqueeze(ag_mul(x[0], counts), -1)), p, -1);
}
DERIVATIVE(sparse_crossentropy_grad, 3, .needs = {X1 | X2, X0 | X1 | X2})
static ag_var *sparse_derivative(ag_var *g, ag_var *z, ag_var *labels) {
  return APPLY(sparse_crossentropy_grad, NULL, g, z, labels);
}

static ag_var *binary_derivative(ag_var *g, ag_var *z, ag_var *y);

FORWARD(binary_crossentropy_logits) { return nn_binary_crossentropy(x[0], x[1]); }
VJP(binary_crossentropy_logits)     { WANT(0) = binary_derivative(g, x[0], x[1]);
                                      WANT(1) = ag_neg(ag_mul(g, x[0])); }
BINARY(binary_crossentropy_logits, .internal = true, .needs = {X0 | X1, X0})

/* y' = g (sigmoid(z) - t) */
FORWARD(binary_crossentropy_grad) { return nn_binary_crossentropy_grad(x[0], x[1], x[2]); }
VJP(binary_crossentropy_grad)     { WANT(0) = binary_derivative(g, x[1], x[2]);
                                    WANT(1) = ag_mul(g, ag_sigmoid_grad(x[0], ag_sigmoid(x[1])));
                                    WANT(2) = ag_neg(ag_mul(g, x[0])); }
DERIVATIVE(binary_crossentropy_grad, 3, .needs = {X1 | X2, X0 | X1, X0})
static ag_var *binary_derivative(ag_var *g, ag_var *z, ag_var *y) {
  return APPLY(binary_crossentropy_grad, NULL, g, z, y);
}
