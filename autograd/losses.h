/* Inside autograd/: cross-entropies from logits as ops of their own: one pass where arithmetic would take five. */
#ifndef AG_LOSSES_H
#define AG_LOSSES_H

#include "autograd.h"

/* z (..., k), labels (...) int64 from nn_labels (-1: left out) -> (...): ln(sum(e^z)) - z[label] */
ag_var *ag_sparse_crossentropy(ag_var *z, ag_var *labels);
/* z, y of one shape -> max(z, 0) - z y + ln(1 + e^-|z|) */
ag_var *ag_binary_crossentropy_logits(ag_var *z, ag_var *y);

#endif
