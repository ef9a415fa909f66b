/* Inside core/: OpenBLAS, loaded when the first product needs it. Loading takes 3 ms, twice as long as all the rest of
 * a small program's start, and networks whose products are small never need it. Only matmul.c includes this. */
#ifndef NN_BLAS_H
#define NN_BLAS_H

#include <cblas.h>
#include <stdbool.h>

typedef struct nn_blas_library {
  __typeof__(cblas_sgemm) *sgemm;
  __typeof__(cblas_dgemm) *dgemm;
  __typeof__(cblas_sgemv) *sgemv;
  __typeof__(cblas_dgemv) *dgemv;
  bool direct;                           /* it has kernels for small products that need no packing */
  char name[96];                         /* "OpenBLAS 0.3.21 SkylakeX" */
} nn_blas_library;

/* NULL with an error "call: ..." where it cannot be loaded. */
const nn_blas_library *nn_blas(const char *call);

#endif
