/* Inside core/: the tables of loops that do the work. Each file of core/kernels/ is compiled once for each instruction
 * set (NN_ISA: portable, avx2, avx512) and defines one table, named with the set's suffix; nn_isa() says which to use.
 * All sets compute the same expressions without fused operations, so that element-wise results have the same bits. */
#ifndef NN_KERNELS_H
#define NN_KERNELS_H

#include "kernels/formulas.h"
#include "tensor.h"

#ifndef NN_ISA
#define NN_ISA portable
#endif
#define NN_PASTE2(a, b) a##_##b
#define NN_PASTE(a, b) NN_PASTE2(a, b)
#define NN_ISA_NAME(name) NN_PASTE(name, NN_ISA)  /* name_avx2 */

/* In use: 0 portable, 1 avx2, 2 avx512. The best of this machine, unless NNLUA_KERNELS or nn_kernels_use names one. */
int nn_isa(void);

/* Declares the tables of one kernel file, name_portable ..., and name(), which gives the one in use. */
#if defined(__x86_64__)
#define NN_KERNEL_TABLE(table_type, name) \
  extern const table_type name##_portable, name##_avx2, name##_avx512; \
  static inline const table_type *name(void) { \
    static const table_type *const table[] = {&name##_portable, &name##_avx2, &name##_avx512}; \
    return table[nn_isa()]; \
  }
#else
#define NN_KERNEL_TABLE(table_type, name) \
  extern const table_type name##_portable; \
  static inline const table_type *name(void) { return &name##_portable; }
#endif

/* y = f(x[0], x[1], ...) element by element, for so many chunks of NN_CHUNK elements; from chunk to chunk an operand
 * moves on by its step, in elements: 0 for one value, which stands there as a chunk of copies. y may be one of the
 * operands. parameters: two values of the operands' dtype, read by formulas that mention p or q. */
typedef void nn_map_loop(int64_t chunks, void *y, const void *const x[], const int64_t step[], const void *parameters);

/* Of elements of that type: 64 bytes or more. */
#define NN_CHUNK(type) NN_CHUNK_OF(sizeof(type))
#define NN_CHUNK_OF(size) ((size) == 1 ? 64 : 16)
enum { NN_CHUNK_BYTES = 128 };                     /* the largest */

/* y[i] = x[i * stride] in another dtype or from strided memory. */
typedef void nn_load_loop(int64_t n, void *y, const void *x, int64_t stride);

/* Element-wise loops by the operands' dtype; NULL where an operation is for floats only. */
typedef struct nn_map_kernels {
#define X(name, formula) nn_map_loop *name[NN_DTYPES];
  NN_EVERY_MAP(X)
#undef X
  nn_map_loop *where[NN_DTYPES];                   /* x[0]: the condition as uint8 */
  nn_load_loop *load[NN_DTYPES][NN_DTYPES];        /* [from][to]; NULL from floats to integers */
} nn_map_kernels;

NN_KERNEL_TABLE(nn_map_kernels, nn_map)

/* Where functions have reached their limits. Not constants that the compiler can see: it would specialise all that
 * follows a bound for its value, and loops that have become branches are not vectorised.
 *   exp is 0 below exp_low and infinite above exp_high; expm1 is -1 below expm1_low;
 *   tanh(softplus) is 1 above mish_one; the slope of gelu is 0 or 1 outside +-gelu_one. */
typedef struct nn_bounds32 { float exp_low, exp_high, expm1_low, mish_one, gelu_one; } nn_bounds32;
typedef struct nn_bounds64 { double exp_low, exp_high, expm1_low, mish_one, gelu_one; } nn_bounds64;
extern const nn_bounds32 nn_bounds_f32;
extern const nn_bounds64 nn_bounds_f64;

#endif
