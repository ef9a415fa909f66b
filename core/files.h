/* Files that hold tensors. Loaders check every length against the file before they allocate; nothing in a file is run. */
#ifndef NN_FILES_H
#define NN_FILES_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* IDX (LeCun's MNIST format), plain or gzip by content: u8 -> uint8, i32 and others -> the dtype that holds them.
 * Fails with the path and what is wrong: "idx: data/x: 60000 x 28 x 28 bytes promised, 1000 found". */
nn_tensor *nn_load_idx(const char *path);
nn_tensor *nn_load_idx_bytes(const char *name, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
