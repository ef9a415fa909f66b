/* Class labels and embedding ids: data that counts from 0, of any dtype as long as it is whole. They become checked
 * places here, and then pick rows. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "format.h"
#include "movement.h"
#include "pick.h"

/* The failure for element i of ids: " at {2, 3}" is left out on rank 0. */
static void *bad_id(const char *call, const char *noun, const nn_tensor *ids, int64_t i, const char *value,
                    const char *why) {
  nn_ints at = {ids->shape.rank, {0}};
  for (int d = at.n - 1; d >= 0; d--) {
    at.v[d] = i % ids->shape.dim[d] + 1;
    i /= ids->shape.dim[d];
  }
  return nn_fail("%s: %s %s%s%s is %s", call, noun, value, at.n ? " at " : "", at.n ? nn_ints_text(&at).s : "", why);
}

/* id is a whole number, but none of the classes. */
static void *outside(const char *call, const char *noun, const nn_tensor *ids, int64_t i, const char *value,
                     int64_t k) {
  char why[64];
  snprintf(why, sizeof why, "outside 0..%" PRId64, k - 1);
  return bad_id(call, noun, ids, i, value, why);
}

/* places[i] = ids[i]; NULL at the first bad one. values is ids, contiguous. */
static nn_tensor *from_integers(const char *call, const char *noun, nn_tensor *values, nn_tensor *places, int64_t k) {
  int64_t *p = places->data;
  for (int64_t i = 0; i < values->numel; i++) {
    const int64_t id = values->dtype == NN_UINT8 ? ((const uint8_t *)values->data)[i]
                                                 : ((const int64_t *)values->data)[i];
    if (id < 0 || id >= k) {
      char text[32];
      snprintf(text, sizeof text, "%" PRId64, id);
      return outside(call, noun, values, i, text, k);
    }
    p[i] = id;
  }
  return places;
}

/* Labels read from a file of numbers are floats: they are taken as long as they are whole (NaN is not). */
static nn_tensor *from_floats(const char *call, const char *noun, nn_tensor *values, nn_tensor *places, int64_t k) {
  int64_t *p = places->data;
  for (int64_t i = 0; i < values->numel; i++) {
    const double id = values->dtype == NN_FLOAT32 ? ((const float *)values->data)[i]
                                                  : ((const double *)values->data)[i];
    if (!(id >= 0 && id < (double)k && id == floor(id))) {
      char text[32];
      snprintf(text, sizeof text, "%.9g", nn_shown(id));
      return id == floor(id) ? outside(call, noun, values, i, text, k)
                             : bad_id(call, noun, values, i, text, "not a whole number");
    }
    p[i] = (int64_t)id;
  }
  return places;
}

/* ids from 0 to k - 1 as contiguous int64; NULL with an error that shows the first outside ("embedding: id 10 at {2, 3}
 * is outside 0..9"). noun is what the caller calls them. */
static nn_tensor *whole_ids(const char *call, const char *noun, nn_tensor *ids, int64_t k) {
  nn_tensor *values = nn_contiguous(ids), *places = values ? nn_empty(NN_INT64, ids->shape) : NULL;
  if (!places) return NULL;
  return (nn_is_float(ids->dtype) ? from_floats : from_integers)(call, noun, values, places, k);
}

/* ids' shape with one more dimension of size n; false when the rank is too high. */
static bool extended(const char *call, const nn_shape *ids, int64_t n, nn_shape *result) {
  *result = *ids;
  if (ids->rank == NN_MAX_RANK) return nn_fail("%s: rank %d is above 8, the highest", call, NN_MAX_RANK + 1);
  result->dim[result->rank++] = n;
  return true;
}

/* weights (k, n), ids (...) -> (..., n) */
nn_tensor *nn_embedding(nn_tensor *weights, nn_tensor *ids) {
  if (!weights || !ids) return NULL;
  if (weights->shape.rank != 2)
    return nn_fail("embedding: weights of rank 2 are expected, got %s", nn_shape_text(&weights->shape).s);
  const int64_t k = weights->shape.dim[0], n = weights->shape.dim[1];
  nn_shape shape;
  if (!extended("embedding", &ids->shape, n, &shape)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *places = whole_ids("embedding", "id", ids, k), *from = places ? nn_contiguous(weights) : NULL;
  nn_tensor *y = from ? nn_empty(weights->dtype, shape) : NULL;
  if (y) nn_take_rows(y->data, from->data, (size_t)n * nn_dtype_size(y->dtype), k, places->data, places->numel, 1);
  return nn_scope_return(mark, y);
}

/* g (..., n) -> zeros (k, n) with each row of g added at its id, in the order of the ids */
nn_tensor *nn_embedding_grad(nn_tensor *g, nn_shape shape, nn_tensor *ids) {
  if (!g || !ids) return NULL;
  nn_shape expected;
  if (shape.rank != 2)
    return nn_fail("embedding_grad: weights of rank 2 are expected, got %s", nn_shape_text(&shape).s);
  if (!extended("embedding_grad", &ids->shape, shape.dim[1], &expected)) return NULL;
  if (!nn_shape_equal(&g->shape, &expected))
    return nn_fail("embedding_grad: %s is expected, got %s", nn_shape_text(&expected).s, nn_shape_text(&g->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *places = whole_ids("embedding_grad", "id", ids, shape.dim[0]), *from = places ? nn_contiguous(g) : NULL;
  nn_tensor *y = from ? nn_zeros(g->dtype, shape) : NULL;
  if (y) nn_add_rows(g->dtype, y->data, from->data, shape.dim[1], places->data, places->numel);
  return nn_scope_return(mark, y);
}

/* labels (...) -> (..., k): 1 at the label, else 0 */
nn_tensor *nn_one_hot(nn_tensor *labels, int64_t k) {
  if (!labels) return NULL;
  if (k < 1) return nn_fail("one_hot: the number of classes must be at least 1; got %" PRId64, k);
  nn_shape shape;
  if (!extended("one_hot", &labels->shape, k, &shape)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *places = whole_ids("one_hot", "label", labels, k), *y = places ? nn_zeros(NN_FLOAT32, shape) : NULL;
  for (int64_t i = 0; y && i < labels->numel; i++)
    ((float *)y->data)[i * k + ((const int64_t *)places->data)[i]] = 1;
  return nn_scope_return(mark, y);
}
