/* Reverse-mode automatic differentiation over core/'s tensors. context.h states the contract: results belong to the
 * open scope, NULL in gives NULL out, dimensions and positions count from 1.
 *
 *   ag_var *p = ag_sigmoid(ag_linear(x, w, b));
 *   ag_var *loss = ag_mean(ag_square(ag_sub(p, y)), NN_ALL, false);
 *   if (!ag_backward(loss, NULL, 0)) puts(nn_error());          w's gradient is now ag_grad_of(w)
 */
#ifndef AG_AUTOGRAD_H
#define AG_AUTOGRAD_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ag_node ag_node;
typedef struct ag_var {
  nn_object object;
  nn_tensor *value;
  ag_node *node;              /* where it came from, when gradients are wanted for it */
} ag_var;

/* Variables */
ag_var *ag_constant(nn_tensor *value);                   /* no gradient wanted */
ag_var *ag_parameter(nn_tensor *value);                  /* a leaf that requires gradients; floats only */
ag_var *ag_number(double value);                         /* an immediate operand: never raises a float's dtype */
ag_var *ag_integer(int64_t value);
ag_var *ag_detach(ag_var *x);                            /* the same value, cut from the graph */
bool ag_requires_grad(const ag_var *x);
bool ag_is_leaf(const ag_var *x);                        /* true for constants too */
bool ag_set_requires_grad(ag_var *x, bool on);           /* leaves only */
ag_var *ag_grad_of(const ag_var *x);                     /* what backward left at a leaf, or NULL (no error) */
bool ag_set_grad(ag_var *x, ag_var *grad);               /* NULL clears it */

/* Differentiation. flags: */
enum { AG_RETAIN_GRAPH = 1, AG_CREATE_GRAPH = 2 /* implies retain */, AG_ALLOW_UNUSED = 4 };
/* Adds d(output)/d(leaf) to every leaf that output depends on. grad: the cotangent of output, NULL for ones of rank 0
 * (an output of several elements needs one). False with an error. */
bool ag_backward(ag_var *output, ag_var *grad, int flags);
/* d(output)/d(inputs[i]) into grads[i] (n of them; in the open scope); no leaf's own gradient is touched. */
bool ag_grad(ag_var *output, ag_var *grad, int n, ag_var *const *inputs, int flags, ag_var **grads);

/* In place: x takes over result's values (broadcast, cast) and its history. Refused on a leaf that requires gradients
 * while recording, and on memory that views share while gradients are recorded. */
bool ag_overwrite(const char *call, ag_var *x, ag_var *result);
/* x = x op v, likewise; without a temporary where no history is kept. */
bool ag_change(const char *call, ag_var *x, nn_arithmetic op, ag_var *v);
/* x[ranges] = v, likewise. */
bool ag_assign(ag_var *x, int n, const nn_range *ranges, ag_var *v);

/* Arithmetic, broadcasting: shapes and dtypes as in core's elementwise.h */
ag_var *ag_add(ag_var *a, ag_var *b);
ag_var *ag_sub(ag_var *a, ag_var *b);
ag_var *ag_mul(ag_var *a, ag_var *b);
ag_var *ag_div(ag_var *a, ag_var *b);
ag_var *ag_pow(ag_var *a, ag_var *b);
ag_var *ag_maximum(ag_var *a, ag_var *b);                /* a tie shares the gradient in halves */
ag_var *ag_minimum(ag_var *a, ag_var *b);
ag_var *ag_eq(ag_var *a, ag_var *b);                     /* comparisons: uint8, no gradient */
ag_var *ag_ne(ag_var *a, ag_var *b);
ag_var *ag_lt(ag_var *a, ag_var *b);
ag_var *ag_le(ag_var *a, ag_var *b);
ag_var *ag_gt(ag_var *a, ag_var *b);
ag_var *ag_ge(ag_var *a, ag_var *b);
ag_var *ag_logical_not(ag_var *x);
ag_var *ag_where(ag_var *condition, ag_var *a, ag_var *b);
ag_var *ag_to(ag_var *x, nn_dtype dtype);                /* integers cut the gradient */

ag_var *ag_neg(ag_var *x);
ag_var *ag_abs(ag_var *x);                               /* gradient 0 at 0 */
ag_var *ag_sign(ag_var *x);
ag_var *ag_exp(ag_var *x);
ag_var *ag_expm1(ag_var *x);
ag_var *ag_log(ag_var *x);
ag_var *ag_log1p(ag_var *x);
ag_var *ag_sqrt(ag_var *x);
ag_var *ag_rsqrt(ag_var *x);
ag_var *ag_square(ag_var *x);
ag_var *ag_sin(ag_var *x);
ag_var *ag_cos(ag_var *x);
ag_var *ag_tanh(ag_var *x);
ag_var *ag_erf(ag_var *x);
ag_var *ag_floor(ag_var *x);                             /* floor, ceil, round, sign: gradient 0 */
ag_var *ag_ceil(ag_var *x);
ag_var *ag_round(ag_var *x);
ag_var *ag_clamp(ag_var *x, double lo, double hi);       /* gradient 1 at the bounds */

/* Activations: formulas in core's elementwise.h */
ag_var *ag_sigmoid(ag_var *x);
ag_var *ag_log_sigmoid(ag_var *x);
ag_var *ag_relu(ag_var *x);                              /* gradient 0 at 0 */
ag_var *ag_leaky_relu(ag_var *x, double slope);
ag_var *ag_elu(ag_var *x, double alpha);
ag_var *ag_selu(ag_var *x);
ag_var *ag_gelu(ag_var *x, bool approximate);
ag_var *ag_silu(ag_var *x);
ag_var *ag_mish(ag_var *x);
ag_var *ag_softplus(ag_var *x);
ag_var *ag_softsign(ag_var *x);
ag_var *ag_hard_sigmoid(ag_var *x);
ag_var *ag_softmax(ag_var *x, int64_t dim);
ag_var *ag_log_softmax(ag_var *x, int64_t dim);
ag_var *ag_dropout(ag_var *x, double rate);              /* kept elements times 1 / (1 - rate) */

/* Reductions over dims (NN_ALL: all) */
ag_var *ag_sum(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_mean(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_prod(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_amax(ag_var *x, nn_ints dims, bool keepdim);  /* ties share the gradient equally */
ag_var *ag_amin(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_variance(ag_var *x, nn_ints dims, bool keepdim, double correction); /* sum of squares / (n - correction) */
ag_var *ag_std(ag_var *x, nn_ints dims, bool keepdim, double correction);
ag_var *ag_norm(ag_var *x, nn_ints dims, bool keepdim);  /* Euclidean; gradient 0 at 0 */
ag_var *ag_logsumexp(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_argmax(ag_var *x, int64_t dim, bool keepdim); /* positions, no gradient; dim 0: of everything */
ag_var *ag_argmin(ag_var *x, int64_t dim, bool keepdim);
ag_var *ag_any(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_all(ag_var *x, nn_ints dims, bool keepdim);
ag_var *ag_sum_to(ag_var *x, nn_shape shape);            /* undoes broadcasting from shape */
ag_var *ag_cumsum(ag_var *x, int64_t dim);

/* Shapes */
ag_var *ag_reshape(ag_var *x, nn_shape shape);           /* one size may be -1 */
ag_var *ag_flatten(ag_var *x);                           /* rank 1 */
ag_var *ag_squeeze(ag_var *x, nn_ints dims);
ag_var *ag_unsqueeze(ag_var *x, int64_t dim);
ag_var *ag_transpose(ag_var *x, int64_t dim1, int64_t dim2);
ag_var *ag_permute(ag_var *x, nn_ints dims);
ag_var *ag_broadcast_to(ag_var *x, nn_shape shape);
ag_var *ag_contiguous(ag_var *x);
ag_var *ag_clone(ag_var *x);
ag_var *ag_tile(ag_var *x, nn_ints repeats);
ag_var *ag_flip(ag_var *x, nn_ints dims);
ag_var *ag_pad(ag_var *x, nn_ints pairs, double value);
ag_var *ag_cat(int n, ag_var *const *list, int64_t dim);
ag_var *ag_stack(int n, ag_var *const *list, int64_t dim);
ag_var *ag_tril(ag_var *x, int64_t k);
ag_var *ag_triu(ag_var *x, int64_t k);

/* Picking: positions are int64 tensors from 1 */
ag_var *ag_slice(const char *call, ag_var *x, int n, const nn_range *ranges); /* a view */
ag_var *ag_slice_put(ag_var *x, int n, const nn_range *ranges, ag_var *v); /* a copy of x with v (broadcast) there */
ag_var *ag_index_select(ag_var *x, int64_t dim, ag_var *positions);
ag_var *ag_gather(ag_var *x, int64_t dim, ag_var *positions);
ag_var *ag_masked_select(ag_var *x, ag_var *mask);
ag_var *ag_embedding(ag_var *weights, ag_var *ids);      /* ids from 0 */
ag_var *ag_sort(ag_var *x, int64_t dim, bool descending, ag_var **positions);
ag_var *ag_topk(ag_var *x, int64_t k, int64_t dim, ag_var **positions);
ag_var *ag_one_hot(ag_var *labels, int64_t k);

/* Linear algebra and networks */
ag_var *ag_matmul(ag_var *a, ag_var *b);                 /* (..., m, k) x (..., k, n) -> (..., m, n) */
ag_var *ag_dot(ag_var *a, ag_var *b);                    /* (n) . (n) -> () */
ag_var *ag_outer(ag_var *a, ag_var *b);                  /* (m), (n) -> (m, n) */
ag_var *ag_einsum(const char *spec, int n, ag_var *const *x); /* "ij,jk->ik" */
ag_var *ag_linear(ag_var *x, ag_var *w, ag_var *b);      /* (..., in) (in, out) + (out) -> (..., out); b may be NULL */
/* gamma (x - mean) / sqrt(variance + epsilon) + beta over the dimensions of axis (Ba et al. 2016); gamma, beta may be
 * NULL */
ag_var *ag_layer_norm(ag_var *x, ag_var *gamma, ag_var *beta, nn_ints axis, double epsilon);
/* The same formula with a mean and variance (n) for each position of dimension axis (Ioffe & Szegedy 2015), */
ag_var *ag_batch_norm(ag_var *x, ag_var *gamma, ag_var *beta, ag_var *mean, ag_var *variance, int64_t axis,
                      double epsilon);
/* and with those of x over all other dimensions, whose float64 {2, n} is left in *moments (may be NULL). */
ag_var *ag_batch_norm_train(ag_var *x, ag_var *gamma, ag_var *beta, int64_t axis, double epsilon, nn_tensor **moments);

#ifdef __cplusplus
}
#endif
#endif
