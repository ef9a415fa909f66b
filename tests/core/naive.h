/* What the suites of reductions and movement share: sample tensors of any dtype in any memory layout, and
 * checks of values, bits and refused memory. */
#ifndef NNLUA_TEST_NAIVE_H
#define NNLUA_TEST_NAIVE_H

#include "check_nn.h"

#define HOLDS(condition) HOLDS_SO(condition, "%s:%d: %s", __FILE__, __LINE__, #condition)

typedef enum layout { CONTIGUOUS, TRANSPOSED, STEPPED, BROADCAST, LAYOUTS } layout;

/* Contiguous, of small numbers: -3 .. 3 with fractions for floats, 0 .. 9 for uint8. */
static inline nn_tensor *sample(nn_dtype dtype, nn_shape shape, uint32_t seed) {
  nn_tensor *x = nn_empty(dtype, shape);
  HOLDS(x != NULL);
  uint32_t state = seed * 2654435761u + 12345;
  for (int64_t i = 0; i < x->numel; i++) {
    state = state * 1664525u + 1013904223u;
    const int32_t whole = (int32_t)(state >> 16) % 10;
    switch (dtype) {
      case NN_UINT8: ((uint8_t *)x->data)[i] = (uint8_t)whole; break;
      case NN_INT64: ((int64_t *)x->data)[i] = whole - 5; break;
      case NN_FLOAT32: ((float *)x->data)[i] = (float)(state >> 8) * (6.0f / (1 << 24)) - 3; break;
      default: ((double *)x->data)[i] = (double)(state >> 8) * (6.0 / (1 << 24)) - 3;
    }
  }
  return x;
}

/* A sample of shape that lies in memory as layout says: axes stored backwards, every second element of the last
 * dimension, or the first dimension repeated by a stride of 0. */
static inline nn_tensor *laid_out(layout how, nn_dtype dtype, nn_shape shape, uint32_t seed) {
  const int rank = shape.rank;
  nn_shape stored = shape;
  nn_ints backwards = {rank, {0}};
  for (int i = 0; i < rank; i++) backwards.v[i] = rank - i;
  if (how == CONTIGUOUS || rank == 0) return sample(dtype, shape, seed);
  if (how == TRANSPOSED) {
    for (int i = 0; i < rank; i++) stored.dim[i] = shape.dim[rank - 1 - i];
    return nn_permute(sample(dtype, stored, seed), backwards);
  }
  if (how == STEPPED) {
    stored.dim[rank - 1] *= 2;
    nn_tensor *x = sample(dtype, stored, seed);
    int64_t stride[NN_MAX_RANK];
    for (int i = 0; i < rank; i++) stride[i] = x->stride[i] * (i == rank - 1 ? 2 : 1);
    return nn_view(x, shape, stride, 0);
  }
  stored.dim[0] = shape.dim[0] ? 1 : 0;
  return nn_broadcast_to(sample(dtype, stored, seed), shape);
}

static inline nn_tensor *floats(nn_shape shape, const float *values) {
  nn_tensor *x = nn_empty(NN_FLOAT32, shape);
  HOLDS(x != NULL);
  memcpy(x->data, values, (size_t)x->numel * sizeof *values);
  return x;
}

static inline nn_tensor *integers(nn_shape shape, const int64_t *values) {
  nn_tensor *x = nn_empty(NN_INT64, shape);
  HOLDS(x != NULL);
  memcpy(x->data, values, (size_t)x->numel * sizeof *values);
  return x;
}
#define COUNT(T, ...) ((int64_t)(sizeof((T[]){__VA_ARGS__}) / sizeof(T)))
#define FLOATS(...) floats(NN_SHAPE(COUNT(float, __VA_ARGS__)), (float[]){__VA_ARGS__})
#define INTEGERS(...) integers(NN_SHAPE(COUNT(int64_t, __VA_ARGS__)), (int64_t[]){__VA_ARGS__})

static inline void same_bits(const nn_tensor *a, const nn_tensor *b) {
  HOLDS(a && b);
  HOLDS(a->contiguous && b->contiguous && a->dtype == b->dtype && nn_shape_equal(&a->shape, &b->shape));
  HOLDS(a->numel == 0 || memcmp(a->data, b->data, (size_t)a->numel * nn_dtype_size(a->dtype)) == 0);
}

/* All elements of n tensors in one row. */
static inline nn_tensor *flat_cat(int n, nn_tensor **list) {
  for (int i = 0; i < n; i++) list[i] = nn_reshape(list[i], NN_SHAPE(-1));
  return nn_cat(n, list, 1);
}

static inline void bits_are_the_same(nn_tensor *(*f)(nn_tensor *x), nn_tensor *x) {
  nn_tensor *expected = NULL;
  for (int m = 0; machine(m); m++) {
    const size_t mark = nn_scope_open();
    nn_tensor *y = nn_scope_return(mark, f(x));
    if (!m) expected = y;
    same_bits(y, expected);
  }
}

static inline void has_shape(const nn_tensor *y, nn_dtype dtype, nn_shape shape) {
  if (!y) ck_abort_msg("%s", nn_error() ? nn_error() : "NULL without an error");
  HOLDS(y->dtype == dtype);
  if (!nn_shape_equal(&y->shape, &shape))
    ck_abort_msg("%s, expected %s", nn_shape_text(&y->shape).s, nn_shape_text(&shape).s);
}

/* y's elements, whatever its shape; NAN stands for NaN. */
static inline void has_values(const nn_tensor *y, int n, const double *expected) {
  if (!y) ck_abort_msg("%s", nn_error() ? nn_error() : "NULL without an error");
  HOLDS(y->numel == n);
  for (int i = 0; i < n; i++)
    if (!close_to(element(y, i), expected[i], 1e-6, 0))
      ck_abort_msg("element %d: %.9g, expected %.9g", i + 1, element(y, i), expected[i]);
}
#define HAS_VALUES(y, ...) has_values(y, (int)COUNT(double, __VA_ARGS__), (double[]){__VA_ARGS__})

/* Each allocation in turn is refused: the call ends with an error, leaves nothing alive, and works afterwards. */
#define SURVIVES_REFUSALS(call)                                             \
  do {                                                                      \
    nn_tensor *result_ = NULL;                                              \
    for (int64_t n_ = 1; !result_ && n_ < 50; n_++) {                       \
      const size_t mark_ = nn_scope_open();                                 \
      const int64_t tensors_ = nn_memory().tensors;                         \
      nn_memory_fail_at(n_, false);                                         \
      result_ = (call);                                                     \
      nn_memory_fail_at(0, false);                                          \
      ck_assert_msg((nn_error() == NULL) == (result_ != NULL), #call);      \
      nn_clear_error();                                                     \
      nn_scope_close(mark_);                                                \
      ck_assert_int_eq(nn_memory().tensors, tensors_);                      \
    }                                                                       \
    ck_assert_msg(result_ != NULL, #call);                                  \
  } while (0)

#endif
