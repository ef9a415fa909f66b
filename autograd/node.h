/* Inside autograd/: a node of the graph. It holds what the vjp needs and the nodes that its inputs came from, never
 * the variables, so that a value nobody needs is freed while the graph lives on. A leaf is a node without an op. */
#ifndef AG_NODE_H
#define AG_NODE_H

#include "op.h"

typedef struct ag_input {
  ag_node *from;               /* NULL for a constant */
  nn_tensor *saved;            /* the value, where the vjp needs it */
  uint32_t version;            /* of its memory when it was saved */
} ag_input;

struct ag_node {
  nn_object object;
  const ag_op *op;             /* NULL: a leaf */
  ag_attr *attrs;              /* a copy, as many as the op declares */
  nn_shape shape;              /* of the result */
  nn_dtype dtype;
  bool spent;                  /* its saved values are gone: backward has been here */
  bool busy, needed;           /* within a walk: seen by it, and on a way to what is asked for */
  int n, cursor;               /* inputs, and how many of them the walk has visited */
  int64_t pending;             /* gradients still to come from nodes above */
  uint64_t pass;
  ag_node *next, *seen;        /* the walk's stack, and the list of all it saw */
  ag_var *cotangent;           /* gradient arrived so far within a walk */
  ag_var *owner;               /* of a leaf: the variable that is it (not retained), NULL when that is gone */
  ag_var *grad;                /* of a leaf: what t.grad shows */
  nn_shape *shapes;            /* of the inputs; NULL when all are as the result's */
  nn_tensor *y;                /* the result, where the vjp needs it */
  uint32_t y_version;
  ag_input input[];
};

ag_node *ag_leaf_new(ag_var *owner);                            /* one reference, the caller's */
/* The leaf's variable is gone, or is no leaf any more: nobody can see its gradient, which may hold the graph (and so
 * the leaf) in turn when it was made with AG_CREATE_GRAPH. */
void ag_leaf_disown(ag_node *leaf);
/* Records op on x giving y; one reference, the caller's. NULL with an error. */
ag_node *ag_node_new(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs, nn_tensor *y);
void ag_node_spend(ag_node *node);                              /* lets go of saved values */

/* A variable over value (retained), with node (retained; may be NULL), in the open scope. */
ag_var *ag_var_new(nn_tensor *value, ag_node *node);
/* The same at the end of a scope that owns value: closes it, and takes node's reference over. */
ag_var *ag_var_return(size_t mark, nn_tensor *value, ag_node *node);

#endif
