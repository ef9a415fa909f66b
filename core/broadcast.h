/* Inside core/: runs a loop of the kernels over operands of any shape, strides and dtype. */
#ifndef NN_BROADCAST_H
#define NN_BROADCAST_H

#include "kernels.h"
#include "tensor.h"

enum { NN_MAP_OPERANDS = 3 };

/* Elements of one part when work is cut over the pool; from 3 parts on it is. */
enum { NN_CHEAP = 1 << 15, NN_COSTLY = 1 << 13 };

typedef union nn_pair { uint8_t u8[2]; int64_t i64[2]; float f32[2]; double f64[2]; } nn_pair;

typedef struct nn_map_call {
  const char *name;                      /* for messages */
  nn_map_loop *const *loops;             /* by dtype */
  nn_dtype dtype, result;                /* in which operands are read, and of the result */
  int part;                              /* NN_CHEAP or NN_COSTLY */
  int operands;
  nn_tensor *x[NN_MAP_OPERANDS];
  bool condition;                        /* x[0] is read as uint8 */
  nn_pair pair;                          /* the parameters, in dtype */
} nn_map_call;

/* A new tensor of the operands' broadcast shape. NULL when an operand is. */
nn_tensor *nn_map_run(const nn_map_call *call);
/* Into y: contiguous, of that shape and call->result; may be one of the operands, overlap none otherwise. */
void nn_map_into(const nn_map_call *call, nn_tensor *y);

#endif
