/* Nodes: what a recorded call leaves behind for its gradient. */
#include "node.h"

#include <string.h>

static size_t attr_bytes(const ag_op *op) { return (size_t)ag_op_attrs(op) * sizeof(ag_attr); }

void ag_node_spend(ag_node *node) {
  for (int i = 0; i < node->n; i++) {
    nn_release(node->input[i].saved);
    node->input[i].saved = NULL;
  }
  nn_release(node->y);
  node->y = NULL;
  node->spent = true;
}

static void drop_node(nn_object *object) {
  ag_node *node = (ag_node *)object;
  for (int i = 0; i < node->n; i++) {
    nn_release(node->input[i].from);
    nn_release(node->input[i].saved);
  }
  nn_release(node->y);
  nn_release(node->cotangent);
  nn_release(node->grad);
  if (node->attrs) nn_block_free(object->context, node->attrs, attr_bytes(node->op));
  if (node->shapes) nn_block_free(object->context, node->shapes, (size_t)node->n * sizeof(nn_shape));
}

static const nn_type node_type = {"node", sizeof(ag_node), drop_node};

ag_node *ag_leaf_new(ag_var *owner) {
  ag_node *node = nn_object_new("requires_grad_", &node_type, 0);
  if (!node) return NULL;
  node->shape = owner->value->shape;
  node->dtype = owner->value->dtype;
  node->owner = owner;
  return node;
}

void ag_leaf_disown(ag_node *leaf) {
  leaf->owner = NULL;
  nn_release(leaf->grad);
  leaf->grad = NULL;
}

/* Which values the gradients that are wanted need, as bits X0, X1 ... Y. */
static unsigned needed_values(const ag_op *op, int n, ag_var *const *x) {
  unsigned needs = 0;
  for (int i = 0; i < n && i < (int)(sizeof op->needs / sizeof op->needs[0]); i++)
    if (x[i] && x[i]->node) needs |= op->needs[i];
  return needs;
}

static bool keep_shapes(ag_node *node, ag_var *const *x) {
  bool same = true;
  for (int i = 0; i < node->n; i++)
    if (x[i] && !nn_shape_equal(&x[i]->value->shape, &node->shape)) same = false;
  if (same) return true;
  node->shapes = nn_block(node->op->name, (size_t)node->n * sizeof(nn_shape));
  if (!node->shapes) return false;
  for (int i = 0; i < node->n; i++) node->shapes[i] = x[i] ? x[i]->value->shape : NN_SCALAR;
  return true;
}

static bool keep_attrs(ag_node *node, const ag_attr *attrs) {
  const size_t bytes = attr_bytes(node->op);
  if (!bytes) return true;
  node->attrs = nn_block(node->op->name, bytes);
  if (!node->attrs) return false;
  memcpy(node->attrs, attrs, bytes);
  return true;
}

ag_node *ag_node_new(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs, nn_tensor *y) {
  ag_node *node = nn_object_new(op->name, &node_type, (size_t)n * sizeof(ag_input));
  if (!node) return NULL;
  node->op = op;
  node->n = n;
  node->shape = y->shape;
  node->dtype = y->dtype;
  const unsigned needs = needed_values(op, n, x);
  for (int i = 0; i < n; i++) {
    if (!x[i]) continue;
    node->input[i].from = nn_retain(x[i]->node);
    if (i > 3 || !(needs & 1u << i)) continue;
    node->input[i].saved = nn_retain(x[i]->value);
    node->input[i].version = nn_version(x[i]->value);
  }
  if (needs & Y) {
    node->y = nn_retain(y);
    node->y_version = nn_version(y);
  }
  if (keep_shapes(node, x) && keep_attrs(node, attrs)) return node;
  nn_release(node);
  return NULL;
}

bool ag_wants(const ag_node *node, int input) {
  return input < node->n && node->input[input].from && node->input[input].from->needed;
}

nn_shape ag_input_shape(const ag_node *node, int input) { return node->shapes ? node->shapes[input] : node->shape; }

int ag_input_count(const ag_node *node) { return node->n; }
