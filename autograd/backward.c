/* The walk back: one visit to every node on a way from the output to what is asked for, without recursion.
 *
 * First a walk down in depth (its stack is a list through the nodes) counts, for each node, the gradients that will
 * arrive from above. Then nodes whose gradients have all arrived run their vjp and hand gradients on. */
#include "node.h"

typedef struct walk {
  const char *call;             /* backward or grad: how messages begin */
  uint64_t pass;
  int flags;
  int n;                        /* nodes asked for; 0: all leaves whose variable lives, whose gradient is added to */
  ag_var *const *inputs;
  ag_node *seen;                /* all nodes visited */
  ag_node *ready;
} walk;

/* Gradients come home in the shape and dtype of what they belong to. (A bias's in each layer: a kernel alone, where
 * nothing is recorded, is spared an op's way.) */
static ag_var *like(ag_var *dx, const ag_node *input) {
  if (!dx) return NULL;
  if (!nn_shape_equal(&dx->value->shape, &input->shape))
    dx = nn_recording() ? ag_sum_to(dx, input->shape) : ag_constant(nn_sum_to(dx->value, input->shape));
  return dx && dx->value->dtype != input->dtype ? ag_to(dx, input->dtype) : dx;
}

/* Nobody else holds it, and no view shares its memory. */
static bool exclusive(const ag_var *x) {
  return x->object.refs == 1 && x->value->object.refs == 1 && !nn_shares(x->value) && x->value->contiguous;
}

/* *sum += dx. What arrives first is adopted; a second is added, in place where nobody can see it. */
static bool accumulate(ag_var **sum, ag_var *dx, bool in_place) {
  if (!dx) return false;
  if (!*sum) {
    *sum = nn_retain(dx);
    return true;
  }
  if (in_place && exclusive(*sum) && nn_arithmetic_in_place(NN_ADD, (*sum)->value, dx->value)) return true;
  ag_var *total = nn_retain(ag_add(*sum, dx));
  if (!total) return false;
  nn_release(*sum);
  *sum = total;
  return true;
}

static bool visit(walk *w, ag_node *node) {
  if (node->busy)
    return nn_fail("%s: called from inside a backward over the same graph; compute with detached tensors there",
                   w->call);
  if (node->spent)
    return nn_fail("%s: the graph was already freed by an earlier backward; pass {retain_graph = true} to the "
                   "first one", w->call);
  node->pass = w->pass;
  node->busy = true;
  node->needed = false;
  node->cursor = 0;
  node->pending = 0;
  node->seen = w->seen;
  w->seen = node;
  return true;
}

static bool asked_for(const walk *w, const ag_node *node) {
  if (!w->n) return node->owner != NULL;
  for (int i = 0; i < w->n; i++)
    if (w->inputs[i]->node == node) return true;
  return false;
}

/* All inputs of node are settled: is it on a way to something asked for? Then its inputs will hear from it. */
static void settle(const walk *w, ag_node *node) {
  node->needed = asked_for(w, node);
  for (int i = 0; i < node->n; i++) node->needed |= node->input[i].from && node->input[i].from->needed;
  for (int i = 0; node->needed && i < node->n; i++)
    if (ag_wants(node, i)) node->input[i].from->pending++;
}

static bool walk_down(walk *w, ag_node *root) {
  if (!visit(w, root)) return false;
  root->next = NULL;
  for (ag_node *top = root; top;) {
    if (top->cursor == top->n) {
      settle(w, top);
      top = top->next;
      continue;
    }
    ag_node *below = top->input[top->cursor++].from;
    if (!below || below->pass == w->pass) continue;
    if (!visit(w, below)) return false;
    below->next = top;
    top = below;
  }
  return true;
}

static bool changed(const walk *w, const ag_node *node) {
  for (int i = 0; i < node->n; i++)
    if (node->input[i].saved && nn_version(node->input[i].saved) != node->input[i].version) {
      nn_fail("%s: input %d of %s was changed in place after %s used it; work on a copy (clone), or write "
              "the change as a new tensor", w->call, i + 1, node->op->name, node->op->name);
      return true;
    }
  if (node->y && nn_version(node->y) != node->y_version) {
    nn_fail("%s: the result of %s was changed in place, but its gradient needs it; work on a copy (clone), or "
            "write the change as a new tensor", w->call, node->op->name);
    return true;
  }
  return false;
}

/* The saved values as variables again, with their places in the graph, for a vjp that may be differentiated itself. */
static bool saved_values(const ag_node *node, ag_var **x, ag_var **y) {
  for (int i = 0; i < node->n && i < 4; i++)
    if (node->input[i].saved && !(x[i] = ag_var_new(node->input[i].saved, node->input[i].from))) return false;
  return !node->y || (*y = ag_var_new(node->y, (ag_node *)node));
}

static bool hand_on(const walk *w, ag_node *node, ag_var **dx) {
  for (int i = 0; i < node->n; i++) {
    if (!dx[i] || !ag_wants(node, i)) continue;
    ag_node *from = node->input[i].from;
    if (!accumulate(&from->cotangent, like(dx[i], from), !(w->flags & AG_CREATE_GRAPH))) return false;
  }
  return true;
}

static bool run_vjp(const walk *w, ag_node *node) {
  ag_var *few[8] = {NULL}, **dx = few, *x[4] = {NULL}, *y = NULL;
  const size_t bytes = (size_t)node->n * sizeof *dx, mark = nn_scope_open();
  if (node->n > 8) {
    if (!(dx = nn_block(w->call, bytes))) return false;
    for (int i = 0; i < node->n; i++) dx[i] = NULL;
  }
  bool done = !changed(w, node) && saved_values(node, x, &y);
  if (done) {
    node->op->vjp(node, node->cotangent, x, y, node->attrs, dx);
    done = !nn_error() && hand_on(w, node, dx);
  }
  if (dx != few) nn_block_free(nn_context_current(), dx, bytes);
  nn_scope_close(mark);
  return done;
}

/* backward() leaves the gradient at the leaf: adopted when nobody else has it, so that no two leaves share memory. */
static bool deliver(const walk *w, ag_node *leaf) {
  const size_t mark = nn_scope_open();
  ag_var *g = leaf->cotangent;
  if (!leaf->grad && !exclusive(g)) g = ag_clone(g);
  const bool done = accumulate(&leaf->grad, g, !(w->flags & AG_CREATE_GRAPH));
  nn_scope_close(mark);
  return done;
}

/* node's gradient is complete: pass it on, and count down for those below. */
static bool process(walk *w, ag_node *node) {
  if (node->cotangent) {
    if (node->op && !run_vjp(w, node)) return false;
    if (!node->op && !w->n && !deliver(w, node)) return false;
  }
  for (int i = 0; i < node->n; i++) {
    ag_node *from = node->input[i].from;
    if (!ag_wants(node, i) || --from->pending) continue;
    from->next = w->ready;
    w->ready = from;
  }
  if (node->op && !(w->flags & (AG_RETAIN_GRAPH | AG_CREATE_GRAPH))) ag_node_spend(node);
  if (!w->n || !asked_for(w, node)) {
    nn_release(node->cotangent);
    node->cotangent = NULL;
  }
  return true;
}

static bool walk_back(walk *w, ag_node *root) {
  root->next = NULL;
  w->ready = root->needed ? root : NULL;
  while (w->ready) {
    ag_node *node = w->ready;
    w->ready = node->next;
    if (nn_interrupted() || !process(w, node)) return false;
  }
  return true;
}

static ag_var *seed(const walk *w, ag_var *output, ag_var *grad) {
  if (!output->node)
    return nn_fail("%s: nothing to differentiate: this tensor depends on none that requires gradients%s", w->call,
                   nn_recording() ? "" : " (gradients are not recorded inside no_grad)");
  if (grad && !nn_shape_equal(&grad->value->shape, &output->value->shape))
    return nn_fail("%s: the gradient given has shape %s; the tensor has %s", w->call,
                   nn_shape_text(&grad->value->shape).s, nn_shape_text(&output->value->shape).s);
  if (grad) return ag_to(w->flags & AG_CREATE_GRAPH ? grad : ag_detach(grad), output->value->dtype);
  if (output->value->numel != 1)
    return nn_fail("%s: a tensor of shape %s needs %sa reduction such as sum() first", w->call,
                   nn_shape_text(&output->value->shape).s, w->n ? "" : "a gradient to start from, or ");
  return ag_constant(nn_ones(output->value->dtype, output->value->shape));
}

/* After the walk nobody is busy, and, unless the graph is kept, the way down from the root is cut: what nobody else
 * holds is freed now. */
static void finish(walk *w, ag_node *root) {
  for (ag_node *node = w->seen; node; node = node->seen) {
    node->busy = false;
    nn_release(node->cotangent);
    node->cotangent = NULL;
  }
  if (!root->spent) return;
  for (int i = 0; i < root->n; i++) {
    nn_release(root->input[i].from);
    root->input[i].from = NULL;
  }
}

/* Copies where a gradient is also somebody else's, as in backward. */
static bool collect(const walk *w, ag_var **grads) {
  for (int i = 0; i < w->n; i++) {
    ag_node *node = w->inputs[i]->node;
    ag_var *g = node->pass == w->pass ? node->cotangent : NULL;
    if (!g && !(w->flags & AG_ALLOW_UNUSED))
      return nn_fail("grad: input %d is unused: the output does not depend on it; pass {allow_unused = true} for zeros",
                     i + 1);
    if (!g) grads[i] = ag_constant(nn_zeros(node->dtype, node->shape));
    else grads[i] = exclusive(g) ? nn_scope_own(nn_retain(g)) : ag_clone(g);
    if (!grads[i]) return false;
  }
  return true;
}

static bool differentiate(walk *w, ag_var *output, ag_var *grad, ag_var **grads) {
  if (!output) return false;
  const size_t mark = nn_scope_open();
  ag_var *g = seed(w, output, grad);
  ag_node *root = output->node;
  bool done = false;
  if (g) {
    const bool recording = nn_set_recording(nn_recording() && (w->flags & AG_CREATE_GRAPH));
    w->pass = nn_next_pass();
    nn_retain(root);
    if (walk_down(w, root)) {
      root->cotangent = nn_retain(g);
      done = walk_back(w, root) && (!w->n || collect(w, grads));
    }
    finish(w, root);
    nn_release(root);
    nn_set_recording(recording);
  }
  for (int i = 0; done && i < w->n; i++) nn_retain(grads[i]);
  nn_scope_close(mark);
  const bool have = done;
  for (int i = 0; have && i < w->n; i++)
    if (!(grads[i] = nn_scope_own(grads[i]))) done = false;
  return done;
}

bool ag_backward(ag_var *output, ag_var *grad, int flags) {
  walk w = {.call = "backward", .flags = flags};
  return differentiate(&w, output, grad, NULL);
}

bool ag_grad(ag_var *output, ag_var *grad, int n, ag_var *const *inputs, int flags, ag_var **grads) {
  if (n <= 0) return nn_fail("grad: no inputs given");
  for (int i = 0; i < n; i++) {
    if (!inputs[i]) return false;
    if (!inputs[i]->node)
      return nn_fail("grad: input %d does not require gradients; make it with {requires_grad = true}", i + 1);
  }
  walk w = {.call = "grad", .flags = flags, .n = n, .inputs = inputs};
  return differentiate(&w, output, grad, grads);
}
