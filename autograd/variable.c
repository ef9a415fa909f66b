/* Variables: a value, and where it came from. */
#include "node.h"

static void drop_var(nn_object *object) {
  ag_var *x = (ag_var *)object;
  if (x->node && x->node->owner == x) ag_leaf_disown(x->node);
  nn_release(x->value);
  nn_release(x->node);
}

/* With references that it takes over; owned by nobody yet. */
static ag_var *new_var(nn_tensor *value, ag_node *node) {
  static const nn_type var_type = {"variable", sizeof(ag_var), drop_var};
  ag_var *x = nn_block("variable", sizeof *x);
  if (!x) return NULL;
  nn_object_begin(&x->object, &var_type, sizeof *x);
  x->value = value;
  x->node = node;
  return x;
}

ag_var *ag_var_new(nn_tensor *value, ag_node *node) {
  ag_var *x = value ? new_var(value, node) : NULL;
  if (!x) return NULL;
  nn_retain(value);
  nn_retain(node);
  return nn_scope_own(x);
}

ag_var *ag_var_return(size_t mark, nn_tensor *value, ag_node *node) {
  ag_var *x = value ? new_var(value, node) : NULL;
  if (x && nn_scope_swap(mark, value, x)) return x;
  if (x) nn_retain(value);
  else nn_release(node);
  nn_scope_close(mark);
  return nn_scope_own(x);
}

ag_var *ag_constant(nn_tensor *value) { return ag_var_new(value, NULL); }

ag_var *ag_parameter(nn_tensor *value) {
  ag_var *x = ag_var_new(value, NULL);
  return x && ag_set_requires_grad(x, true) ? x : NULL;
}

ag_var *ag_number(double value) { return ag_constant(nn_number(value)); }
ag_var *ag_integer(int64_t value) { return ag_constant(nn_integer(value)); }
ag_var *ag_detach(ag_var *x) { return x ? ag_constant(x->value) : NULL; }
bool ag_requires_grad(const ag_var *x) { return x->node != NULL; }
bool ag_is_leaf(const ag_var *x) { return !x->node || !x->node->op; }

bool ag_set_requires_grad(ag_var *x, bool on) {
  if (!x) return false;
  if (on == ag_requires_grad(x)) return true;
  if (!ag_is_leaf(x)) return nn_fail("requires_grad_: only a leaf may stop requiring gradients; detach() gives one");
  if (!on) {
    ag_leaf_disown(x->node);
    nn_release(x->node);
    x->node = NULL;
    return true;
  }
  if (!nn_is_float(x->value->dtype))
    return nn_fail("requires_grad_: only floats have gradients; this tensor is %s", nn_dtype_name(x->value->dtype));
  x->node = ag_leaf_new(x);
  return x->node != NULL;
}

ag_var *ag_grad_of(const ag_var *x) { return x && x->node ? x->node->grad : NULL; }

bool ag_set_grad(ag_var *x, ag_var *grad) {
  if (!x) return false;
  if (!x->node || x->node->op) return grad ? nn_fail("grad: only a leaf that requires gradients has one") : (void *)x;
  if (grad && (!nn_shape_equal(&grad->value->shape, &x->value->shape) || grad->value->dtype != x->value->dtype))
    return nn_fail("grad: a gradient has its tensor's shape and dtype: %s %s; got %s %s",
                   nn_dtype_name(x->value->dtype), nn_shape_text(&x->value->shape).s,
                   nn_dtype_name(grad->value->dtype), nn_shape_text(&grad->value->shape).s);
  nn_retain(grad);
  nn_release(x->node->grad);
  x->node->grad = grad;
  return true;
}
