/* Changes in place. A recorded one gives x a new place in the graph, so that its gradient stays right; what an earlier
 * op still needs of the old value is found by its version at backward. */
#include <string.h>

#include "node.h"

static bool allowed(const char *call, const ag_var *x, const ag_var *v) {
  if (!nn_recording()) return true;
  if (x->node && !x->node->op)
    return nn_fail("%s: a leaf that requires gradients is not changed in place; do it inside nn.no_grad", call);
  if ((x->node || (v && v->node)) && nn_shares(x->value))
    return nn_fail("%s: views share this memory and their gradients would go wrong; change a clone() instead", call);
  return true;
}

/* Arithmetic with a float result is no cast that the caller wrote down: fill_ and copy_ are. */
static bool truncates(const char *call, const nn_tensor *x, const nn_tensor *result) {
  if (nn_is_float(x->dtype) || !nn_is_float(result->dtype) || !strcmp(call, "fill_") || !strcmp(call, "copy_"))
    return false;
  const char *is = nn_dtype_name(result->dtype);
  nn_fail("%s: the result is %s and does not fit into %s; use to(\"%s\") first", call, is, nn_dtype_name(x->dtype), is);
  return true;
}

static void move_to(ag_var *x, ag_node *node) {
  nn_retain(node);
  nn_release(x->node);
  x->node = node;
}

bool ag_overwrite(const char *call, ag_var *x, ag_var *result) {
  if (!x || !result || !allowed(call, x, result)) return false;
  if (truncates(call, x->value, result->value)) return false;
  const size_t mark = nn_scope_open();
  ag_var *history = result;
  if (nn_recording() && result->node) {
    history = ag_to(result, x->value->dtype);
    if (history) history = ag_broadcast_to(history, x->value->shape);
  }
  const bool done = history && nn_copy_into(call, x->value, result->value);
  if (done && nn_recording()) move_to(x, history->node);
  nn_scope_close(mark);
  return done;
}

bool ag_change(const char *call, ag_var *x, nn_arithmetic op, ag_var *v) {
  static ag_var *(*const ops[])(ag_var *, ag_var *) = {
    [NN_ADD] = ag_add, [NN_SUB] = ag_sub, [NN_MUL] = ag_mul, [NN_DIV] = ag_div};
  if (!x || !v || !allowed(call, x, v)) return false;
  const bool recorded = nn_recording() && (x->node || v->node);
  if (!recorded && nn_arithmetic_in_place(op, x->value, v->value)) return true;
  return ag_overwrite(call, x, ops[op](x, v));
}

/* y = x with v at the ranges; as an op: the gradient of v is g's slice, that of x is g with zeros there. */
bool ag_assign(ag_var *x, int n, const nn_range *ranges, ag_var *v) {
  if (!x || !v || !allowed("index", x, v)) return false;
  const size_t mark = nn_scope_open();
  nn_tensor *target = nn_slice("index", x->value, n, ranges);
  ag_var *history = NULL;
  bool done = target != NULL;
  if (done && nn_recording() && (x->node || v->node)) {
    ag_var *spread = ag_slice_put(x, n, ranges, v);
    done = spread != NULL;
    history = spread;
  }
  done = done && nn_copy_into("index", target, v->value);
  if (done && history) move_to(x, history->node);
  nn_scope_close(mark);
  return done;
}
