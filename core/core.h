/* Everything that core/ offers. */
#ifndef NN_CORE_H
#define NN_CORE_H

#include "context.h"
#include "elementwise.h"
#include "files.h"
#include "format.h"
#include "matmul.h"
#include "movement.h"
#include "normalize.h"
#include "pool.h"
#include "random.h"
#include "reduce.h"
#include "tensor.h"

#endif
