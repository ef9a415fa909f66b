/* The table of samples. Shapes are written as sizes, "2 3"; "" is rank 0. Arguments stand in the order of the row. */
#include "op_samples.h"

#include <math.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"   /* arguments that a row leaves out are 0 */

/* One element-wise input in every kind of shape: a matrix, rank 0, one element, none, a size of 1 inside. */
#define UNARY_SAMPLES(op, fill, a, b, ...)                                                                  \
  {op, {{fill, "2 3", a, b}}, {__VA_ARGS__}}, {op, {{fill, "", a, b}}, {__VA_ARGS__}},                      \
  {op, {{fill, "1", a, b}}, {__VA_ARGS__}}, {op, {{fill, "0 2", a, b}}, {__VA_ARGS__}},                     \
  {op, {{fill, "2 1 3", a, b}}, {__VA_ARGS__}}

/* Two inputs: of one shape, broadcast both ways, against rank 0, without elements. */
#define BINARY_SAMPLES(op, fill, a, b, fill2, a2, b2)                                                       \
  {op, {{fill, "2 3", a, b}, {fill2, "2 3", a2, b2}}}, {op, {{fill, "2 1", a, b}, {fill2, "3", a2, b2}}},   \
  {op, {{fill, "", a, b}, {fill2, "2 1 2", a2, b2}}}, {op, {{fill, "3", a, b}, {fill2, "", a2, b2}}},       \
  {op, {{fill, "", a, b}, {fill2, "", a2, b2}}}, {op, {{fill, "0 3", a, b}, {fill2, "1", a2, b2}}},         \
  {op, {{fill, "1 1", a, b}, {fill2, "1", a2, b2}}}

/* A derivative op: any gradient, and the point at which it stands. */
#define GRAD_SAMPLES(op, fill, a, b, ...)                                                                   \
  {op, {{SIGNED, "2 3", 0.2, 1.7}, {fill, "2 3", a, b}}, {__VA_ARGS__}},                                    \
  {op, {{SIGNED, "", 0.2, 1.7}, {fill, "", a, b}}, {__VA_ARGS__}},                                          \
  {op, {{SIGNED, "0", 0.2, 1.7}, {fill, "0", a, b}}, {__VA_ARGS__}}

#define ANY(shape) {SIGNED, shape, 0.2, 1.7}
#define ROOM(shape) {SPAN, shape, 0.3, 2}
#define APART(shape) {DISTINCT, shape, -1.1, 0.31}

#define NONE {ABSENT, NULL, 0, 0}

#define N(value) {.number = value}
#define I(value) {.integer = value}
#define F(value) {.flag = value}
#define TEXT(value) {.text = value}
#define ALL {.ints = {0, {0}}}
#define L1(a) {.ints = {1, {a}}}
#define L2(a, b) {.ints = {2, {a, b}}}
#define L3(a, b, c) {.ints = {3, {a, b, c}}}
#define L4(a, b, c, d) {.ints = {4, {a, b, c, d}}}

/* A reduction over everything, one dimension (kept), two, the last; rank 0, one element, no rows. */
#define REDUCTION_SAMPLES(op, in, ...)                                                                      \
  {op, {in("2 3")}, {ALL, F(false), __VA_ARGS__}}, {op, {in("2 3 2")}, {L1(2), F(true), __VA_ARGS__}},      \
  {op, {in("2 3 2")}, {L2(3, 1), F(false), __VA_ARGS__}}, {op, {in("3 2")}, {L1(-1), F(false), __VA_ARGS__}}, \
  {op, {in("")}, {ALL, F(false), __VA_ARGS__}}, {op, {in("1 1")}, {L1(1), F(false), __VA_ARGS__}},          \
  {op, {in("0 2")}, {L1(2), F(true), __VA_ARGS__}}

#define DIM_SAMPLES(op, in)                                                                                 \
  {op, {in("2 3")}, {I(-1)}}, {op, {in("2 3 2")}, {I(2)}}, {op, {in("3 2")}, {I(1)}}, {op, {in("1")}, {I(1)}}, \
  {op, {in("0 2")}, {I(2)}}

const op_sample op_samples[] = {
  /* arithmetic */
  BINARY_SAMPLES("add", SIGNED, 0.2, 1.7, SIGNED, 0.2, 1.7),
  BINARY_SAMPLES("sub", SIGNED, 0.2, 1.7, SIGNED, 0.2, 1.7),
  BINARY_SAMPLES("mul", SIGNED, 0.2, 1.7, SIGNED, 0.2, 1.7),
  BINARY_SAMPLES("div", SIGNED, 0.2, 1.7, SIGNED, 0.5, 1.7),
  BINARY_SAMPLES("pow", SPAN, 0.4, 2, SIGNED, 0.2, 1.7),
  BINARY_SAMPLES("maximum", GRID, 0, 0.1, GRID, 0.15, 0.1),
  BINARY_SAMPLES("minimum", GRID, 0, 0.1, GRID, 0.15, 0.1),
  {"add", {ANY("2 3"), {NUMBER, "", 2, 0}}},
  {"sub", {{NUMBER, "", 2, 0}, ANY("2 3")}},
  {"mul", {{NUMBER, "", -3, 0}, ANY("2 3")}},
  {"mul", {ANY("2 3"), {INTEGERS, "3", -2, 2}}},
  {"div", {ANY("2 3"), {NUMBER, "", 4, 0}}},
  {"div", {{NUMBER, "", 4, 0}, ROOM("2 3")}},
  {"div", {ROOM("2 3"), {INTEGERS, "2 1", 1, 3}}},
  {"pow", {ANY("2 3"), {NUMBER, "", 0, 0}}},
  {"pow", {ANY("2 3"), {NUMBER, "", 1, 0}}},
  {"pow", {ANY("2 3"), {NUMBER, "", 2, 0}}},
  {"pow", {ANY("2 3"), {NUMBER, "", 3, 0}}},
  {"pow", {ROOM("2 3"), {NUMBER, "", 0.5, 0}}},
  {"pow", {ANY("2 3"), {NUMBER, "", -1, 0}}},
  {"pow", {{NUMBER, "", 2, 0}, ANY("2 3")}},
  {"pow", {ANY("2 3"), {INTEGERS, "3", 0, 3}}},
  {"maximum", {{GRID, "2 3", -0.3, 0.21}, {NUMBER, "", 0, 0}}},
  {"where", {{MASK, "2 3", 0, 0}, ANY("2 3"), ANY("2 3")}},
  {"where", {{MASK, "3", 0, 0}, ANY("2 1"), ANY("")}},
  {"where", {{MASK, "2 3", 0, 0}, ANY("3"), {NUMBER, "", 0, 0}}},
  {"where", {{MASK, "", 0, 0}, ANY(""), ANY("")}},
  {"where", {{MASK, "0 3", 0, 0}, ANY("3"), ANY("0 1")}},
  UNARY_SAMPLES("to", SIGNED, 0.2, 1.7, TEXT("float64")),

  /* functions */
  UNARY_SAMPLES("neg", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("abs", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("exp", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("expm1", SIGNED, 0.01, 1.7),
  UNARY_SAMPLES("log", SPAN, 0.3, 2),
  UNARY_SAMPLES("log1p", SIGNED, 0.05, 0.7),
  UNARY_SAMPLES("sqrt", SPAN, 0.3, 2),
  UNARY_SAMPLES("rsqrt", SPAN, 0.4, 2),
  UNARY_SAMPLES("square", SIGNED, 0, 1.7),
  UNARY_SAMPLES("sin", SIGNED, 0, 4),
  UNARY_SAMPLES("cos", SIGNED, 0, 4),
  UNARY_SAMPLES("tanh", SIGNED, 0, 2),
  GRAD_SAMPLES("tanh_grad", SIGNED, 0, 0.9),
  UNARY_SAMPLES("erf", SIGNED, 0, 2),
  UNARY_SAMPLES("sign", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("floor", GRID, -0.75, 0.5),
  UNARY_SAMPLES("ceil", GRID, -0.75, 0.5),
  UNARY_SAMPLES("round", GRID, -0.75, 0.5),
  UNARY_SAMPLES("clamp", GRID, -1.03, 0.47, N(-0.5), N(0.8)),
  UNARY_SAMPLES("clamp", GRID, -1.03, 0.47, N(-INFINITY), N(0.2)),
  GRAD_SAMPLES("clamp_grad", GRID, -1.03, 0.47, N(-0.5), N(0.8)),

  /* activations; the ranges reach both sides of each kink and stay off it */
  UNARY_SAMPLES("sigmoid", SIGNED, 0, 3),
  GRAD_SAMPLES("sigmoid_grad", SPAN, 0.1, 0.9),
  UNARY_SAMPLES("log_sigmoid", SIGNED, 0, 3),
  UNARY_SAMPLES("relu", SIGNED, 0.2, 1.7),
  GRAD_SAMPLES("relu_grad", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("leaky_relu", SIGNED, 0.2, 1.7, N(0.2)),
  GRAD_SAMPLES("leaky_relu_grad", SIGNED, 0.2, 1.7, N(0.3)),
  UNARY_SAMPLES("elu", SIGNED, 0.2, 1.7, N(1)),
  UNARY_SAMPLES("elu", SIGNED, 0.2, 1.7, N(0.7)),
  GRAD_SAMPLES("elu_grad", SIGNED, 0.2, 1.7, N(0.7)),
  UNARY_SAMPLES("selu", SIGNED, 0.2, 1.7),
  GRAD_SAMPLES("selu_grad", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("softplus", SIGNED, 0, 3),
  GRAD_SAMPLES("softplus_grad", SIGNED, 0, 3),
  UNARY_SAMPLES("softsign", SIGNED, 0.2, 1.7),
  GRAD_SAMPLES("softsign_grad", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("silu", SIGNED, 0, 3),
  GRAD_SAMPLES("silu_grad", SIGNED, 0, 3),
  UNARY_SAMPLES("mish", SIGNED, 0, 3),
  GRAD_SAMPLES("mish_grad", SIGNED, 0, 3),
  UNARY_SAMPLES("gelu", SIGNED, 0, 3, F(false)),
  UNARY_SAMPLES("gelu", SIGNED, 0, 3, F(true)),
  GRAD_SAMPLES("gelu_grad", SIGNED, 0, 3),
  GRAD_SAMPLES("gelu_tanh_grad", SIGNED, 0, 3),
  UNARY_SAMPLES("hard_sigmoid", SIGNED, 0.2, 2.8),
  UNARY_SAMPLES("hard_sigmoid", SIGNED, 3.2, 4),
  GRAD_SAMPLES("hard_sigmoid_grad", GRID, -4.1, 1.6),
  DIM_SAMPLES("softmax", ANY),
  {"softmax_grad", {ANY("2 3"), {SPAN, "2 3", 0.1, 0.6}}, {I(-1)}},
  {"softmax_grad", {ANY("2 3 2"), {SPAN, "2 3 2", 0.1, 0.6}}, {I(2)}},
  {"softmax_grad", {ANY("0 2"), {SPAN, "0 2", 0.1, 0.6}}, {I(1)}},
  DIM_SAMPLES("log_softmax", ANY),
  {"log_softmax_grad", {ANY("2 3"), {SPAN, "2 3", -2, -0.5}}, {I(-1)}},
  {"log_softmax_grad", {ANY("2 3 2"), {SPAN, "2 3 2", -2, -0.5}}, {I(2)}},
  {"log_softmax_grad", {ANY("0 2"), {SPAN, "0 2", -2, -0.5}}, {I(1)}},
  UNARY_SAMPLES("dropout", SIGNED, 0.2, 1.7, N(0.4)),
  {"dropout", {ANY("2 3")}, {N(0)}},
  {"dropout", {ANY("2 3")}, {N(1)}},
  {"sparse_crossentropy", {ANY("3 4"), {INTEGERS, "3", 0, 3}}},
  {"sparse_crossentropy", {ANY("2 3"), {INTEGERS, "2", -1, 0}}},
  {"sparse_crossentropy_grad", {ANY("3"), ANY("3 4"), {INTEGERS, "3", 0, 3}}},
  {"sparse_crossentropy_grad", {ANY("2"), ANY("2 3"), {INTEGERS, "2", -1, 0}}},
  {"binary_crossentropy_logits", {ANY("2 3"), {SPAN, "2 3", 0.1, 0.9}}},
  {"binary_crossentropy_logits", {ANY("0 1"), {SPAN, "0 1", 0.1, 0.9}}},
  {"binary_crossentropy_grad", {ANY("2 3"), ANY("2 3"), {SPAN, "2 3", 0.1, 0.9}}},
  {"binary_crossentropy_grad", {ANY("0 1"), ANY("0 1"), {SPAN, "0 1", 0.1, 0.9}}},

  /* reductions and scans */
  REDUCTION_SAMPLES("sum", ANY),
  REDUCTION_SAMPLES("mean", ANY),
  REDUCTION_SAMPLES("prod", ANY),
  {"sum", {ANY("0 2")}, {ALL, F(false)}},
  {"prod", {ANY("5")}, {ALL, F(false)}},
  {"prod", {{GRID, "2 3", 0, 0.5}}, {L1(-1), F(false)}},
  {"prod", {ANY("2 0")}, {L1(2), F(false)}},
  REDUCTION_SAMPLES("amax", APART),
  REDUCTION_SAMPLES("amin", APART),
  REDUCTION_SAMPLES("max", APART),
  REDUCTION_SAMPLES("min", APART),
  REDUCTION_SAMPLES("var", ANY, N(0)),
  {"var", {ANY("3 2")}, {L1(1), F(false), N(1)}},
  {"std", {ANY("2 3")}, {ALL, F(false), N(0)}},
  {"std", {ANY("2 3 2")}, {L1(2), F(true), N(1)}},
  {"std", {ANY("2 3 2")}, {L2(3, 1), F(false), N(0)}},
  {"std", {ANY("0 2")}, {L1(2), F(true), N(0)}},
  REDUCTION_SAMPLES("norm", ANY),
  REDUCTION_SAMPLES("logsumexp", ANY),
  {"sum_to", {ANY("2 3")}, {L1(3)}},
  {"sum_to", {ANY("2 3 2")}, {L3(2, 1, 2)}},
  {"sum_to", {ANY("2 1 2")}, {ALL}},
  {"sum_to", {ANY("2 0")}, {L2(2, 1)}},
  DIM_SAMPLES("cumsum", ANY),

  /* shapes */
  {"reshape", {ANY("2 3")}, {L2(3, 2)}},
  {"reshape", {ANY("2 3 2")}, {L2(-1, 2)}},
  {"reshape", {ANY("1")}, {ALL}},
  {"reshape", {ANY("0 2")}, {L3(2, 0, 3)}},
  {"flatten", {ANY("2 3 2")}, {I(2), I(-1)}},
  {"flatten", {ANY("")}, {I(1), I(-1)}},
  {"squeeze", {ANY("1 3 1")}, {ALL}},
  {"squeeze", {ANY("1 3 1")}, {L1(-1)}},
  {"unsqueeze", {ANY("2 3")}, {I(2)}},
  {"unsqueeze", {ANY("")}, {I(1)}},
  {"transpose", {ANY("2 3 2")}, {I(1), I(-2)}},
  {"t", {ANY("2 3")}},
  {"t", {ANY("3")}},
  {"permute", {ANY("2 3 4")}, {L3(3, 1, -2)}},
  {"permute", {ANY("")}, {ALL}},
  {"broadcast_to", {ANY("2 1 3")}, {L4(2, 2, 2, 3)}},
  {"broadcast_to", {ANY("")}, {L2(2, 2)}},
  {"broadcast_to", {ANY("1")}, {L2(0, 2)}},
  {"expand", {ANY("2 1")}, {L3(2, -1, 3)}},
  UNARY_SAMPLES("contiguous", SIGNED, 0.2, 1.7),
  UNARY_SAMPLES("clone", SIGNED, 0.2, 1.7),
  {"tile", {ANY("2 3")}, {L2(2, 2)}},
  {"tile", {ANY("2 3")}, {L1(3)}},
  {"tile", {ANY("2")}, {L3(2, 1, 2)}},
  {"tile", {ANY("2 3")}, {L2(0, 1)}},
  {"tile", {ANY("")}, {L1(2)}},
  {"flip", {ANY("2 3")}, {L1(-1)}},
  {"flip", {ANY("2 3 2")}, {L2(1, 3)}},
  {"flip", {ANY("3")}, {ALL}},
  {"pad", {ANY("2 3")}, {L4(1, 0, 0, 2), N(0)}},
  {"pad", {ANY("2")}, {L2(2, 1), N(5)}},
  {"pad", {ANY("0")}, {L2(1, 1), N(1)}},
  {"cat", {ANY("2 3"), ANY("1 3"), ANY("0 3")}, {I(1)}},
  {"cat", {ANY("2 1 2"), ANY("2 3 2")}, {I(-2)}},
  {"cat", {ANY("2")}, {I(1)}},
  {"stack", {ANY("2 3"), ANY("2 3"), ANY("2 3")}, {I(2)}},
  {"stack", {ANY(""), ANY("")}, {I(1)}},
  {"stack", {ANY("2"), ANY("2")}, {I(-1)}},
  {"tril", {ANY("3 3")}, {I(0)}},
  {"tril", {ANY("2 3 4")}, {I(-1)}},
  {"triu", {ANY("3 3")}, {I(0)}},
  {"triu", {ANY("4 3")}, {I(1)}},

  /* picking; of a slice: first and last for each dimension, a bit for each that is dropped */
  {"slice_view", {ANY("3 4")}, {L4(2, 3, -3, -1), I(0), TEXT("index")}},
  {"slice_view", {ANY("3 4 2")}, {L4(0, 0, 2, 2), I(2), TEXT("index")}},
  {"slice_view", {ANY("3")}, {L2(-1, -1), I(1), TEXT("index")}},
  {"slice_view", {ANY("3")}, {L2(2, 1), I(0), TEXT("index")}},
  {"slice_spread", {ANY("2 2")}, {L4(2, 3, -3, -2), I(0), L2(3, 4)}},
  {"slice_spread", {ANY("2")}, {L4(2, 2, 1, 2), I(1), L2(3, 4)}},
  {"slice_put", {ANY("3 4"), ANY("2 2")}, {L4(2, 3, -3, -2), I(0)}},
  {"slice_put", {ANY("3 4"), ANY("4")}, {L2(1, 2), I(0)}},
  {"slice_put", {ANY("3 4"), ANY("")}, {L4(1, 1, 2, 2), I(3)}},
  {"select", {ANY("2 3")}, {I(2), I(-1)}},
  {"slice", {ANY("2 4")}, {I(-1), I(2), I(3)}},
  {"narrow", {ANY("4 2")}, {I(1), I(-3), I(2)}},
  {"narrow", {ANY("4 2")}, {I(1), I(2), I(0)}},
  {"index_select", {ANY("3 2"), {INTEGERS, "4", 1, 3}}, {I(1)}},
  {"index_select", {ANY("2 3"), {INTEGERS, "", -3, -1}}, {I(2)}},
  {"index_select", {ANY("2 3"), {INTEGERS, "0", 1, 3}}, {I(2)}},
  {"index_add", {ANY("4 2"), {INTEGERS, "4", 1, 3}}, {I(1), L2(3, 2)}},
  {"index_add", {ANY("2 4"), {INTEGERS, "4", -2, -1}}, {I(-1), L2(2, 3)}},
  {"gather", {ANY("2 3"), {INTEGERS, "2 2", 1, 3}}, {I(2)}},
  {"gather", {ANY("3 2"), {INTEGERS, "4 2", -3, -1}}, {I(1)}},
  {"scatter_add", {ANY("2 2"), {INTEGERS, "2 2", 1, 3}}, {I(2), L2(2, 3)}},
  {"scatter_add", {ANY("1 4"), {INTEGERS, "1 4", 1, 3}}, {I(-1), L2(2, 3)}},
  {"masked_select", {ANY("2 3"), {MASK, "2 3", 0, 0}}},
  {"masked_select", {ANY("2 3"), {MASK, "3", 0, 0}}},
  {"masked_select", {ANY("0 3"), {MASK, "0 3", 0, 0}}},
  {"masked_spread", {ANY("3"), {MASK, "2 3", 0, 0}}, {L2(2, 3)}},
  {"masked_spread", {ANY("4"), {MASK, "3", 0, 0}}, {L2(2, 3)}},
  {"embedding", {ANY("4 2"), {INTEGERS, "2 3", 0, 3}}},
  {"embedding", {ANY("4 2"), {INTEGERS, "", 0, 3}}},
  {"embedding_grad", {ANY("2 3 2"), {INTEGERS, "2 3", 0, 3}}, {L2(4, 2)}},
  {"sort", {APART("2 4")}, {I(-1), F(false)}},
  {"sort", {APART("4 2")}, {I(1), F(true)}},
  {"topk", {APART("2 4")}, {I(2), I(-1)}},
  {"topk", {APART("4 2")}, {I(3), I(1)}},

  /* products */
  {"matmul", {ANY("2 3"), ANY("3 4")}},
  {"matmul_t", {ANY("2 3"), ANY("3 4")}, {F(false), F(false)}},
  {"matmul_t", {ANY("3 2"), ANY("3 4")}, {F(true), F(false)}},
  {"matmul_t", {ANY("2 3"), ANY("4 3")}, {F(false), F(true)}},
  {"matmul_t", {ANY("3 2"), ANY("4 3")}, {F(true), F(true)}},
  {"matmul", {ANY("3"), ANY("3")}},
  {"matmul", {ANY("3"), ANY("3 2")}},
  {"matmul", {ANY("2 3"), ANY("3")}},
  {"matmul", {ANY("2 2 3"), ANY("3 2")}},
  {"matmul", {ANY("2 2 3"), ANY("2 3 2")}},
  {"matmul", {ANY("2 1 2 3"), ANY("2 3 1")}},
  {"matmul", {ANY("2 3"), ANY("2 3 2")}},
  {"matmul", {ANY("3"), ANY("2 3 2")}},
  {"matmul", {ANY("2 2 3"), ANY("3")}},
  {"matmul", {ANY("0 3"), ANY("3 2")}},
  {"matmul", {ANY("2 0"), ANY("0 3")}},
  {"matmul", {ANY("1 1"), ANY("1 1")}},
  {"dot", {ANY("3"), ANY("3")}},
  {"outer", {ANY("3"), ANY("2")}},
  {"linear", {ANY("2 3"), ANY("3 4"), ANY("4")}},
  {"linear", {ANY("2 3"), ANY("3 2"), NONE}},
  {"linear", {ANY("3"), ANY("3 2"), ANY("2")}},
  {"linear", {ANY("2 2 3"), ANY("3 2"), ANY("2")}},
  {"linear", {ANY("0 3"), ANY("3 2"), ANY("2")}},
  {"linear", {ANY("2 0"), ANY("0 2"), ANY("2")}},
  {"einsum", {ANY("2 3"), ANY("3 2")}, {TEXT("ij,jk->ik")}},
  {"einsum", {ANY("2 2 3"), ANY("2 3 2")}, {TEXT("bij, bjk")}},
  {"einsum", {ANY("2 3"), ANY("2")}, {TEXT("ij,i->j")}},
  {"einsum", {ANY("3 3")}, {TEXT("ii->i")}},
  {"einsum", {ANY("3 2 3")}, {TEXT("iji")}},
  {"einsum", {ANY("2 3"), ANY("3 2"), ANY("2 2")}, {TEXT("ab,bc,cd->da")}},
  {"einsum", {ANY("2 2 3"), ANY("3 2")}, {TEXT("...ij,jk->...ik")}},
  {"einsum", {ANY("2 1 3"), ANY("2 3")}, {TEXT("a...,...->a...")}},
  {"einsum", {ANY("3"), ANY("2")}, {TEXT("i,j->")}},
  {"normalize_rows", {ANY("3 4"), NONE, NONE}, {N(1e-3)}},
  {"normalize_rows", {ANY("3 4"), ANY("4"), ANY("4")}, {N(1e-2)}},
  {"normalize_rows", {ANY("0 3"), ANY("3"), NONE}, {N(1e-3)}},
  {"normalize_columns", {ANY("4 3"), NONE, NONE, NONE}, {N(1e-3)}},
  {"normalize_columns", {ANY("4 3"), ANY("3"), ANY("3"), NONE}, {N(1e-2)}},
  {"column_affine", {ANY("4 3"), ANY("3"), ANY("3"), ANY("3")}},
  {"column_affine", {ANY("0 3"), ANY("3"), ANY("3"), NONE}},
  {"layer_norm", {ANY("2 4"), ANY("4"), ANY("4")}, {L1(-1), N(1e-3)}},
  {"layer_norm", {ANY("3 2"), ANY("3"), NONE}, {L1(1), N(1e-2)}},
  {"layer_norm", {ANY("2 3 2"), NONE, ANY("3 2")}, {L2(2, 3), N(1e-3)}},
  {"layer_norm", {ANY("4"), NONE, NONE}, {ALL, N(1e-3)}},
  {"batch_norm", {ANY("4 3"), ANY("3"), ANY("3"), ANY("3"), ROOM("3")}, {I(-1), N(1e-3)}},
  {"batch_norm", {ANY("2 3 2"), NONE, ANY("3"), ANY("3"), ROOM("3")}, {I(2), N(1e-2)}},
  {"batch_norm", {ANY("2 3 2"), ANY("3"), NONE, NONE, NONE}, {I(2), N(1e-2)}},
  {"batch_norm", {ANY("4 2"), NONE, NONE, NONE, NONE}, {I(-1), N(1e-3)}},
  {NULL, {NONE}, {ALL}},
};
