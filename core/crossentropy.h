/* Cross-entropy from logits, one value for each sample: stable where probabilities would be 0 or 1. */
#ifndef NN_CROSSENTROPY_H
#define NN_CROSSENTROPY_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Class labels, integers or whole floats from 0 to k - 1, as contiguous int64; -1 for those that equal *ignored (NULL:
 * none). NULL with an error: "sparse_categorical_crossentropy: label 10 in row 3 is outside 0..9". */
nn_tensor *nn_labels(const char *call, nn_tensor *labels, int64_t k, const int64_t *ignored);

/* z (..., k), labels (...) as nn_labels gives them -> (...): ln(sum(e^z)) - z[label]; 0 where the label is -1. */
nn_tensor *nn_sparse_crossentropy(nn_tensor *z, nn_tensor *labels);
/* Its derivative by z times g (...) -> (..., k): g (softmax(z) - onehot(label)). */
nn_tensor *nn_sparse_crossentropy_grad(nn_tensor *g, nn_tensor *z, nn_tensor *labels);

/* z, y of one shape -> -y ln(s) - (1 - y) ln(1 - s) with s = sigmoid(z), as max(z, 0) - z y + ln(1 + e^-|z|) */
nn_tensor *nn_binary_crossentropy(nn_tensor *z, nn_tensor *y);
/* Its derivative by z times g, of the same shape: g (sigmoid(z) - y) */
nn_tensor *nn_binary_crossentropy_grad(nn_tensor *g, nn_tensor *z, nn_tensor *y);

#ifdef __cplusplus
}
#endif
#endif
