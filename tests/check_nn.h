/* What the C suites share: a fixture that makes a context and, at the end, finds nothing alive in it; sample tensors;
 * comparisons that say what differs. */
#ifndef NNLUA_CHECK_NN_H
#define NNLUA_CHECK_NN_H

#include <check.h>
#include <math.h>
#include <string.h>

#include "context_state.h"
#include "core.h"

/* A check that tells the runner nothing when it holds: ck_assert writes a record each time, too slow for them all. */
#define HOLDS_SO(condition, ...) do { if (!(condition)) ck_abort_msg(__VA_ARGS__); } while (0)
#define SUCCEEDS(result) HOLDS_SO(result, "%s failed: %s", #result, nn_error() ? nn_error() : "without an error")

/* A context, and the threads and kernels that were in force. */
static struct { nn_context *context; int threads; const char *kernels; } fixture;

static inline void fixture_open(void) {
  fixture.context = nn_context_new();
  HOLDS_SO(fixture.context, "no memory for a context");
  nn_context_use(fixture.context);
  fixture.threads = nn_threads();
  fixture.kernels = nn_kernels_name();
}

/* Takes into use the m-th, from 0, of all pairs of an instruction set that this machine has and a number of threads;
 * false after the last. What runs on each must give the same bits. */
static inline bool machine(int m) {
  static const char *const sets[] = {"portable", "avx2", "avx512"};
  static const int threads[] = {1, 2, 3, 8};
  for (size_t set = 0; set < sizeof sets / sizeof *sets; set++)
    if (nn_kernels_use(sets[set])) {
      if (m < 4) return nn_set_threads(threads[m]);
      m -= 4;
    }
  return false;
}

/* All scopes closed, what is left is the array in which they are kept. */
static inline void nothing_live(const char *after) {
  nn_scope_close(0);
  const nn_memory_use use = nn_memory();
  const size_t scopes = nn_context_current()->scope_capacity * sizeof(nn_object *);
  HOLDS_SO(use.tensors == 0 && use.live == scopes, "%s: %lld tensors and %zu bytes are still alive", after,
           (long long)use.tensors, use.live - scopes);
}

static inline void fixture_close(void) {
  HOLDS_SO(!nn_error(), "an error was left: %s", nn_error());
  nothing_live("at the end");
  nn_set_threads(fixture.threads);
  nn_kernels_use(fixture.kernels);
  nn_context_use(NULL);
  nn_context_free(fixture.context);
}

/* The call failed, and says so in these words. */
static inline void fails_with(bool result, const char *text) {
  HOLDS_SO(!result, "no failure where \"%s\" was expected", text);
  HOLDS_SO(nn_error(), "failed without an error");
  HOLDS_SO(strstr(nn_error(), text), "\"%s\" does not contain \"%s\"", nn_error(), text);
  nn_clear_error();
}

/* Where element i (from 0, in row-major order) of a tensor of any strides is. */
static inline void *element_at(const nn_tensor *x, int64_t i) {
  int64_t offset = 0;
  for (int d = x->shape.rank - 1; d >= 0; d--) {
    offset += i % x->shape.dim[d] * x->stride[d];
    i /= x->shape.dim[d];
  }
  return (char *)x->data + offset * (int64_t)nn_dtype_size(x->dtype);
}

static inline double element(const nn_tensor *x, int64_t i) {
  const void *at = element_at(x, i);
  switch (x->dtype) {
    case NN_UINT8: return *(const uint8_t *)at;
    case NN_INT64: return (double)*(const int64_t *)at;
    case NN_FLOAT32: return *(const float *)at;
    default: return *(const double *)at;
  }
}

static inline void set_element(nn_tensor *x, int64_t i, double value) {
  void *at = element_at(x, i);
  switch (x->dtype) {
    case NN_UINT8: *(uint8_t *)at = (uint8_t)value; break;
    case NN_INT64: *(int64_t *)at = (int64_t)value; break;
    case NN_FLOAT32: *(float *)at = (float)value; break;
    default: *(double *)at = value;
  }
}

static inline nn_tensor *tensor_of(nn_dtype dtype, nn_shape shape, const double *values) {
  nn_tensor *x = nn_empty(dtype, shape);
  SUCCEEDS(x);
  for (int64_t i = 0; i < x->numel; i++) set_element(x, i, values[i]);
  return x;
}
#define DOUBLES(...) \
  tensor_of(NN_FLOAT64, NN_SHAPE(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

/* |a - b| <= absolute + relative * |b|; NaN is close to NaN, an infinity to itself. */
static inline bool close_to(double a, double b, double relative, double absolute) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
  return a == b || fabs(a - b) <= absolute + relative * fabs(b);
}

/* Same dtype, shape and, within a tolerance, elements. */
static inline void same_tensor(const nn_tensor *x, const nn_tensor *expected, double relative, double absolute,
                               const char *what) {
  SUCCEEDS(x && expected);
  HOLDS_SO(x->dtype == expected->dtype && nn_shape_equal(&x->shape, &expected->shape),
           "%s: %s %s where %s %s was expected", what, nn_dtype_name(x->dtype), nn_shape_text(&x->shape).s,
           nn_dtype_name(expected->dtype), nn_shape_text(&expected->shape).s);
  for (int64_t i = 0; i < x->numel; i++)
    HOLDS_SO(close_to(element(x, i), element(expected, i), relative, absolute),
             "%s: element %lld is %.17g, not %.17g", what, (long long)i + 1, element(x, i), element(expected, i));
}

#endif
