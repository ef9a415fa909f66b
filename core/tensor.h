/* Tensors: shape, dtype and strides over a counted buffer. See context.h for who owns what and how calls fail.
 * Messages write shapes as {2, 3}. */
#ifndef NN_TENSOR_H
#define NN_TENSOR_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_MAX_RANK = 8 };

typedef enum nn_dtype { NN_UINT8, NN_INT64, NN_FLOAT32, NN_FLOAT64, NN_DTYPES } nn_dtype; /* in order of promotion */

typedef struct nn_shape { int rank; int64_t dim[NN_MAX_RANK]; } nn_shape;

/* Up to 16 integers: dimensions, repeats, before/after pairs. */
typedef struct nn_ints { int n; int64_t v[2 * NN_MAX_RANK]; } nn_ints;

typedef struct nn_object {        /* what tensors, variables and nodes begin with */
  uint32_t refs;
  size_t bytes;                   /* of its block; NN_WITHIN: it lies in another object's block, which goes with that */
  const struct nn_type *type;
  nn_context *context;
  struct nn_object *next;         /* in the queue of what is being freed */
} nn_object;

enum { NN_WITHIN = 0 };

typedef struct nn_buffer nn_buffer;

typedef struct nn_tensor {
  nn_object object;
  void *data;                     /* the first element; NULL only when there is no element */
  nn_buffer *buffer;
  int64_t numel;
  nn_dtype dtype;
  bool number;                    /* an immediate operand, such as the 2 of x * 2: never raises a float's dtype */
  bool contiguous;                /* row-major without gaps */
  nn_shape shape;
  int64_t stride[NN_MAX_RANK];    /* in elements; 0 where broadcast */
} nn_tensor;

/* Shapes */
typedef struct nn_text { char s[232]; } nn_text;
static inline nn_shape nn_shape_of(int rank, const int64_t *dims) {
  nn_shape shape = {rank, {0}};
  for (int i = 0; i < rank && i < NN_MAX_RANK; i++) shape.dim[i] = dims[i];
  return shape;
}
nn_text nn_shape_text(const nn_shape *shape);                 /* {2, 3} */
nn_text nn_ints_text(const nn_ints *ints);
bool nn_shape_equal(const nn_shape *a, const nn_shape *b);
/* Product of the sizes; -1 with an error when a size is negative, the rank exceeds 8 or the bytes of dtype overflow. */
int64_t nn_shape_numel(const char *call, const nn_shape *shape, nn_dtype dtype);
/* NumPy's rule: aligned at the end, sizes equal or 1. False with an error that shows both. */
bool nn_shape_broadcast(const char *call, const nn_shape *a, const nn_shape *b, nn_shape *result);
/* dim (from 1, negative from the end) as 0-based; -1 with an error "call: dimension 3 is outside {2, 3}". */
int nn_dim(const char *call, const nn_shape *shape, int64_t dim);
/* likewise for a dimension to be put into shape: it counts in the result */
int nn_new_dim(const char *call, const nn_shape *shape, int64_t dim);
/* dims (n = 0: all) as flags per 0-based dimension; false with an error when one is outside or named twice. */
bool nn_dims(const char *call, const nn_shape *shape, const nn_ints *dims, bool reduced[NN_MAX_RANK]);
/* shape after the reduction of the flagged dimensions: size 1 with keepdim, gone without. */
nn_shape nn_shape_reduced(const nn_shape *shape, const bool reduced[NN_MAX_RANK], bool keepdim);
#define NN_SHAPE(...) nn_shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#define NN_SCALAR nn_shape_of(0, NULL)
#define NN_INTS(...) ((nn_ints){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define NN_ALL ((nn_ints){0, {0}})

/* Dtypes */
static inline size_t nn_dtype_size(nn_dtype dtype) {
  static const unsigned char size[NN_DTYPES] = {1, 8, 4, 8};
  return size[dtype];
}
const char *nn_dtype_name(nn_dtype dtype);                    /* "float32" */
bool nn_dtype_named(const char *name, nn_dtype *dtype);       /* false, without an error, for an unknown name */
static inline bool nn_is_float(nn_dtype dtype) { return dtype >= NN_FLOAT32; }
/* Of two operands: the higher; but a number never raises a float tensor, and a float number with an integer tensor
 * gives float32. */
nn_dtype nn_promote(const nn_tensor *a, const nn_tensor *b);
static inline nn_dtype nn_floating(nn_dtype dtype) { return nn_is_float(dtype) ? dtype : NN_FLOAT32; }

/* Making. Sizes may be 0. A shape whose bytes overflow is an error, as is more memory than there is. */
nn_tensor *nn_empty(nn_dtype dtype, nn_shape shape);          /* contents undefined */
nn_tensor *nn_empty_like(nn_dtype dtype, const nn_tensor *x); /* of x's shape */
nn_tensor *nn_zeros(nn_dtype dtype, nn_shape shape);
nn_tensor *nn_ones(nn_dtype dtype, nn_shape shape);
nn_tensor *nn_full(nn_dtype dtype, nn_shape shape, double value); /* value must be exact in an integer dtype */
nn_tensor *nn_number(double value);                           /* rank 0, float64, an immediate operand */
nn_tensor *nn_integer(int64_t value);                         /* rank 0, int64, an immediate operand */
nn_tensor *nn_arange(nn_dtype dtype, double first, double last, double step); /* both ends included; {0} when empty */
nn_tensor *nn_arange_integer(int64_t first, int64_t last, int64_t step); /* likewise int64, exact beyond 2^53 */
nn_tensor *nn_linspace(nn_dtype dtype, double first, double last, int64_t n);
nn_tensor *nn_eye(nn_dtype dtype, int64_t n);
/* Contiguous memory of the caller's as a tensor, without a copy; release(user) is called when the last view is gone. */
nn_tensor *nn_wrap(nn_dtype dtype, nn_shape shape, void *data, void (*release)(void *user), void *user);

/* Views: they share the buffer. */
nn_tensor *nn_alias(nn_tensor *x);                            /* a new header, same everything */
nn_tensor *nn_view(nn_tensor *x, nn_shape shape, const int64_t *stride, int64_t offset); /* trusted: for core/ */
nn_tensor *nn_reshape(nn_tensor *x, nn_shape shape);          /* one size may be -1; a view where strides allow */
nn_tensor *nn_permute(nn_tensor *x, nn_ints dims);            /* every dimension once */
nn_tensor *nn_transpose(nn_tensor *x, int64_t dim1, int64_t dim2);
nn_tensor *nn_broadcast_to(nn_tensor *x, nn_shape shape);
nn_tensor *nn_squeeze(nn_tensor *x, nn_ints dims);            /* of size 1; n = 0: all that are */
nn_tensor *nn_unsqueeze(nn_tensor *x, int64_t dim);           /* dim counts in the result */
/* Per dimension (n ranges for the first n): positions first..last inclusive, from 1 or negative from the end; drop
 * removes a dimension of one position; first = 0 stands for all of it. */
typedef struct nn_range { int64_t first, last; bool drop; } nn_range;
nn_tensor *nn_slice(const char *call, nn_tensor *x, int n, const nn_range *ranges);
bool nn_shares_elements(const nn_tensor *x);                  /* is one place in memory several of its elements? */
bool nn_shares(const nn_tensor *x);                           /* do others hold its buffer? */

/* Copies and casts. A float that becomes an integer loses its fraction; NaN and values outside the target's range are
 * errors that say where. */
nn_tensor *nn_contiguous(nn_tensor *x);                       /* itself when it is contiguous already */
nn_tensor *nn_clone(nn_tensor *x);                            /* contiguous, own memory */
nn_tensor *nn_cast(nn_tensor *x, nn_dtype dtype);             /* itself when it has the dtype; a number becomes a tensor */
/* Broadcasts and casts source; counts a change. */
bool nn_copy_into(const char *call, nn_tensor *target, nn_tensor *source);
bool nn_fill(nn_tensor *target, double value);                /* counts a change */
void nn_changed(nn_tensor *x);                                /* somebody wrote into its memory */
uint32_t nn_version(const nn_tensor *x);                      /* how many changes its memory has seen */

/* Reading one element of a tensor with one element (any rank). */
double nn_item(const nn_tensor *x);
int64_t nn_item_integer(const nn_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
