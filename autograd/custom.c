/* Ops of the caller's own. What a node of the table's ops keeps in its slots (the values that the vjp needs), such a
 * node keeps in a record of its own, which takes the place of the saved result: a tensor over the record's memory, so
 * that the record goes when the node lets go of its saved values. */
#include "custom.h"

#include <stddef.h>

#include "node.h"

typedef struct record {
  nn_object object;
  const ag_custom *op;
  void *user;
  int n;
  nn_tensor *y;
  uint32_t y_version;
  struct { nn_tensor *value; uint32_t version; } x[];
} record;

static void drop_record(nn_object *object) {
  record *r = (record *)object;
  nn_release(r->y);
  for (int i = 0; i < r->n; i++) nn_release(r->x[i].value);
  if (r->op->release) r->op->release(r->user);
}

static const nn_type record_type = {"custom", sizeof(record), drop_record};

/* From here on user belongs to the record. */
static record *new_record(const ag_custom *op, void *user, int n, ag_var *const *x) {
  record *r = nn_object_new(op->name, &record_type, (size_t)n * sizeof r->x[0]);
  if (!r) {
    if (op->release) op->release(user);
    return NULL;
  }
  r->op = op;
  r->user = user;
  r->n = n;
  for (int i = 0; i < n; i++) {
    r->x[i].value = nn_retain(x[i]->value);
    r->x[i].version = nn_version(x[i]->value);
  }
  return nn_scope_own(r);
}

static bool changed(const record *r) {
  if (nn_version(r->y) != r->y_version) {
    nn_fail("backward: the result of %s was changed in place, but its gradient needs it; work on a copy (clone)",
            r->op->name);
    return true;
  }
  for (int i = 0; i < r->n; i++)
    if (nn_version(r->x[i].value) != r->x[i].version) {
      nn_fail("backward: input %d of %s was changed in place after %s used it; work on a copy (clone)", i + 1,
              r->op->name, r->op->name);
      return true;
    }
  return false;
}

static bool right_shapes(const record *r, ag_var *const *dx) {
  for (int i = 0; i < r->n; i++) {
    const nn_shape *wanted = &r->x[i].value->shape;
    if (!dx[i] || nn_shape_equal(&dx[i]->value->shape, wanted)) continue;
    return nn_fail("%s: the gradient of input %d must have its shape, %s; got %s", r->op->name, i + 1,
                   nn_shape_text(wanted).s, nn_shape_text(&dx[i]->value->shape).s);
  }
  return true;
}

/* y carries the record. The saved values become variables again, with their places in the graph. */
static void custom_vjp(const ag_node *node, ag_var *g, ag_var *const *saved, ag_var *y, const ag_attr *a, ag_var **dx) {
  (void)saved, (void)a;
  record *r = y->value->data;
  if (changed(r)) return;
  ag_var **x = nn_block(r->op->name, (size_t)(r->n + 1) * sizeof *x);
  if (!x) return;
  bool ok = (x[r->n] = ag_var_new(r->y, (ag_node *)(uintptr_t)node)) != NULL;
  for (int i = 0; i < r->n; i++) ok = ok && (x[i] = ag_var_new(r->x[i].value, node->input[i].from));
  if (ok && r->op->vjp(r->user, g, x[r->n], r->n, x, dx)) right_shapes(r, dx);
  else nn_fail("%s: the gradient failed", r->op->name);
  nn_block_free(nn_context_current(), x, (size_t)(r->n + 1) * sizeof *x);
}

static const ag_op custom_op = {.name = "custom", .vjp = custom_vjp};

/* A view of y that remembers the record. */
static ag_var *record_node(record *r, nn_tensor *y, ag_var *const *x) {
  r->y = nn_retain(y);
  r->y_version = nn_version(y);
  nn_retain(r);
  nn_tensor *carrier = nn_wrap(NN_UINT8, NN_SHAPE((int64_t)sizeof *r), r, nn_release, r);
  if (!carrier) {
    nn_release(r);
    return NULL;
  }
  ag_node *node = ag_node_new(&custom_op, r->n, x, NULL, y);
  if (!node) return NULL;
  node->y = nn_retain(carrier);
  node->y_version = nn_version(carrier);
  ag_var *result = ag_var_new(y, node);
  nn_release(node);
  return result;
}

/* forward without recording; its result with memory that no input shares, so that changes in place are noticed. */
static nn_tensor *forward(record *r, ag_var *const *x) {
  const bool recording = nn_set_recording(false);
  ag_var *y = r->op->forward(r->user, r->n, x);
  nn_set_recording(recording);
  if (!y) return nn_fail("%s: the forward function failed", r->op->name);
  for (int i = 0; i < r->n; i++)
    if (y->value->buffer == x[i]->value->buffer) return nn_clone(y->value);
  return y->value;
}

static bool wanted(const nn_tensor *y, int n, ag_var *const *x) {
  if (!y || !nn_recording() || !nn_is_float(y->dtype)) return false;
  for (int i = 0; i < n; i++)
    if (x[i]->node) return true;
  return false;
}

ag_var *ag_custom_apply(const ag_custom *op, void *user, int n, ag_var *const *x) {
  bool complete = true;
  for (int i = 0; i < n; i++) complete = complete && x[i];
  if (!complete) {
    if (op->release) op->release(user);
    return NULL;
  }
  const size_t mark = nn_scope_open();
  record *r = new_record(op, user, n, x);
  nn_tensor *y = r ? forward(r, x) : NULL;
  return nn_scope_return(mark, wanted(y, n, x) ? record_node(r, y, x) : ag_constant(y));
}
