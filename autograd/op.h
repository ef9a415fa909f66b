/* Inside autograd/: what an op is, and how one is declared. An op is one place: forward, vjp, row.
 *
 *   FORWARD(mul) { return nn_mul(x[0], x[1]); }              y = x0 x1
 *   VJP(mul)     { WANT(0) = ag_mul(g, x[1]);                dx0 = g x1, not computed unless somebody wants it
 *                  WANT(1) = ag_mul(g, x[0]); }
 *   BINARY(mul, .needs = {X1, X0}, HELP("x * y, broadcasting"))
 *
 * A vjp is written with ops. It need not undo broadcasting or casts: the engine brings every gradient back to its
 * input's shape and dtype (ag_like). It sees only the values that the row says it needs; SHAPE(i) always. */
#ifndef AG_OP_H
#define AG_OP_H

#include "autograd.h"
#include "memory.h"

enum { AG_ATTRS = 4, AG_LIST = -1 };

/* What may be given to an op beside its tensors. */
typedef enum ag_kind {
  AG_END, AG_NUMBER, AG_INTEGER, AG_FLAG, AG_DIM /* one dimension */, AG_DIMS /* one, a list, or nothing: all */,
  AG_SHAPE /* integers, a list or one after the other */, AG_PAIRS /* {{before, after}, ...} */, AG_TEXT
} ag_kind;

typedef union ag_attr { double number; int64_t integer; bool flag; nn_ints ints; const char *text; } ag_attr;

typedef struct ag_declared {
  const char *name;
  ag_kind kind;
  bool required;
  double value;                 /* the default of a number, integer, flag or dimension */
} ag_declared;

/* The value that a vjp needs: inputs by position, or the result. */
enum { X0 = 1, X1 = 2, X2 = 4, X3 = 8, Y = 128 };

typedef struct ag_op {
  const char *name, *help;
  const char *inputs;           /* the names of the tensors, where "x" or "x, y" says too little */
  int arity;                    /* number of input tensors; AG_LIST: a list of them */
  int optional;                 /* so many of the last inputs may be missing (NULL) */
  int results;                  /* 0 means 1; a composed op may give a second (positions, not differentiable) */
  int before;                   /* so many tensors come before the other arguments, the rest after; 0: all before */
  bool internal;                /* a derivative and the like: not offered to Lua */
  ag_declared attr[AG_ATTRS];
  uint8_t needs[4];             /* for the gradient of input i, the values needed */
  nn_tensor *(*forward)(nn_tensor *const *x, int n, const ag_attr *a);
  void (*vjp)(const ag_node *node, ag_var *g, ag_var *const *x, ag_var *y, const ag_attr *a, ag_var **dx);
  ag_var *(*compose)(ag_var *const *x, int n, const ag_attr *a, ag_var **second);
} ag_op;

#define UNUSED __attribute__((unused))
#define FORWARD(op) static nn_tensor *op##_forward(UNUSED nn_tensor *const *x, UNUSED int n, UNUSED const ag_attr *a)
#define VJP(op)                                                                                       \
  static void op##_vjp(UNUSED const ag_node *node, UNUSED ag_var *g, UNUSED ag_var *const *x,         \
                       UNUSED ag_var *y, UNUSED const ag_attr *a, UNUSED ag_var **dx)
#define COMPOSE(op)                                                                                   \
  static ag_var *op##_compose(UNUSED ag_var *const *x, UNUSED int n, UNUSED const ag_attr *a, UNUSED ag_var **second)
#define WANT(i) if (ag_wants(node, i)) dx[i]
#define SHAPE(i) ag_input_shape(node, i)
#define HELP(text) .help = text
#define INPUTS(names) .inputs = names
#define ATTR(...) .attr = {__VA_ARGS__}

/* Rows find their way into the table of all ops by a section of their own: there is no second list. */
#if defined(__APPLE__)
#define AG_SECTION "__DATA,ag_ops"
#else
#define AG_SECTION "ag_ops"
#endif
#define AG_ROW(op, ...)                                                                               \
  static const ag_op op##_op = {.name = #op, __VA_ARGS__};                                            \
  static const ag_op *const op##_row __attribute__((section(AG_SECTION), used)) = &op##_op;

#define OP(op, inputs, ...) AG_ROW(op, .arity = inputs, .forward = op##_forward, .vjp = op##_vjp, __VA_ARGS__)
#define PLAIN(op, inputs, ...) AG_ROW(op, .arity = inputs, .forward = op##_forward, __VA_ARGS__)     /* no gradient */
#define COMPOSED(op, inputs, ...) AG_ROW(op, .arity = inputs, .compose = op##_compose, __VA_ARGS__)  /* of other ops */
#define DERIVATIVE(op, inputs, ...) OP(op, inputs, .internal = true, __VA_ARGS__)
/* With the C function that applies it, where nothing but tensors is given. */
#define UNARY(op, ...) OP(op, 1, __VA_ARGS__) ag_var *ag_##op(ag_var *x) { return APPLY(op, NULL, x); }
#define BINARY(op, ...) OP(op, 2, __VA_ARGS__) ag_var *ag_##op(ag_var *a, ag_var *b) { return APPLY(op, NULL, a, b); }
#define APPLY(op, attrs, ...)                                                                         \
  ag_apply(&op##_op, (int)(sizeof((ag_var *[]){__VA_ARGS__}) / sizeof(ag_var *)), (ag_var *[]){__VA_ARGS__}, attrs)
#define ATTRS(...) (const ag_attr[]){__VA_ARGS__}

/* Runs op on x (n inputs) with attrs (as many as the row declares, or NULL where it declares none); records it where
 * gradients are wanted. */
ag_var *ag_apply(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs);
/* The same with the second result of a composed op (NULL where there is none). */
ag_var *ag_apply2(const ag_op *op, int n, ag_var *const *x, const ag_attr *attrs, ag_var **second);
bool ag_wants(const ag_node *node, int input);
nn_shape ag_input_shape(const ag_node *node, int input);
int ag_input_count(const ag_node *node);

/* All rows. */
const ag_op *const *ag_ops(int *count);
const ag_op *ag_op_named(const char *name);       /* NULL for an unknown name */
int ag_op_attrs(const ag_op *op);                 /* how many it declares */
ag_attr ag_default(const ag_declared *declared);

#endif
