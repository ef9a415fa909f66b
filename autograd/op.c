/* The table of ops, and what runs one: forward, then a node where gradients are wanted. */
#include "op.h"

#include <math.h>
#include <string.h>

#include "node.h"

#if defined(__APPLE__)
extern const ag_op *const first_row[] __asm("section$start$__DATA$ag_ops");
extern const ag_op *const end_of_rows[] __asm("section$end$__DATA$ag_ops");
#else
extern const ag_op *const first_row[] __asm("__start_ag_ops") __attribute__((visibility("hidden")));
extern const ag_op *const end_of_rows[] __asm("__stop_ag_ops") __attribute__((visibility("hidden")));
#endif

const ag_op *const *ag_ops(int *count) {
  *count = (int)(end_of_rows - first_row);   // cppcheck-suppress comparePointers ; the linker made them one array
  return first_row;
}

const ag_op *ag_op_named(const char *name) {
  // cppcheck-suppress comparePointers
  for (const ag_op *const *row = first_row; row < end_of_rows; row++)
    if (!strcmp((*row)->name, name)) return *row;
  return NULL;
}

int ag_op_attrs(const ag_op *op) {
  int n = 0;
  while (n < AG_ATTRS && op->attr[n].kind) n++;
  return n;
}

ag_attr ag_default(const ag_declared *declared) {
  ag_attr attr = {.ints = NN_ALL};
  switch (declared->kind) {
    case AG_NUMBER: attr.number = declared->value; break;
    case AG_INTEGER:
    case AG_DIM: attr.integer = (int64_t)declared->value; break;
    case AG_FLAG: attr.flag = declared->value != 0; break;
    default: break;
  }
  return attr;
}

/* Without a missing input that must be there? */
static bool complete(const ag_op *op, int n, ag_var *const *x) {
  for (int i = 0; i < n; i++)
    if (!x[i] && (op->arity == AG_LIST || i < op->arity - op->optional)) return false;
  return true;
}

static nn_tensor *forward(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs) {
  nn_tensor *few[8], **values = few;
  const size_t bytes = (size_t)n * sizeof *values;
  if (n > 8 && !(values = nn_block(op->name, bytes))) return NULL;
  for (int i = 0; i < n; i++) values[i] = x[i] ? x[i]->value : NULL;
  nn_tensor *y = op->forward(values, n, attrs);
  for (int i = 0; i < n; i++)            /* itself: a header of its own shows that the memory is shared */
    if (y && y == values[i]) y = nn_alias(y);
  if (values != few) nn_block_free(nn_context_current(), values, bytes);
  return y;
}

static bool recorded(const ag_op *op, int n, ag_var *const *x, const nn_tensor *y) {
  if (!op->vjp || !nn_recording() || !nn_is_float(y->dtype)) return false;
  for (int i = 0; i < n; i++)
    if (x[i] && x[i]->node) return true;
  return false;
}

static ag_var *composed(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs, ag_var **second) {
  const size_t mark = nn_scope_open();
  ag_var *y = op->compose(x, n, attrs, second);
  nn_retain(*second);
  y = nn_scope_return(mark, y);
  if (!y) nn_fail_as(op->name);         /* the caller's call, not one that it is made of */
  const bool both = *second != NULL;
  *second = nn_scope_own(*second);
  return both && !*second ? NULL : y;
}

ag_var *ag_apply2(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs, ag_var **second) {
  *second = NULL;
  if (!complete(op, n, x) || nn_interrupted()) return NULL;
  if (op->compose) return composed(op, n, x, attrs, second);
  const size_t mark = nn_scope_open();
  nn_tensor *value = forward(op, n, x, attrs);
  if (!value) nn_fail_for(op->name);
  ag_node *node = NULL;
  if (value && recorded(op, n, x, value)) {
    node = ag_node_new(op, n, x, attrs, value);
    if (!node) value = NULL;
  }
  return ag_var_return(mark, value, node);
}

ag_var *ag_apply(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs) {
  ag_var *second;
  return ag_apply2(op, n, x, attrs, &second);
}
