/* nnlua without Lua: tensors, automatic differentiation, layers, losses and optimizers. */
#ifndef NN_H
#define NN_H

#include "autograd.h"
#include "network.h"

#endif
