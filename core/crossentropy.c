/* Cross-entropy from logits: labels are checked here, kernels do the exponentials. */
#include "crossentropy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "broadcast.h"
#include "format.h"
#include "rows.h"

/* Labels */

static double label_at(const nn_tensor *labels, int64_t i) {
  switch (labels->dtype) {
    case NN_UINT8: return ((const uint8_t *)labels->data)[i];
    case NN_INT64: return (double)((const int64_t *)labels->data)[i];
    case NN_FLOAT32: return (double)((const float *)labels->data)[i];
    default: return ((const double *)labels->data)[i];
  }
}

/* " in row 3" of rank 1, " at {2, 3}" of more, nothing for a single one */
static nn_text place_of(const nn_tensor *labels, int64_t i) {
  nn_text text = {""};
  nn_ints at = {labels->shape.rank, {0}};
  if (at.n == 1) snprintf(text.s, sizeof text.s, " in row %" PRId64, i + 1);
  if (at.n < 2) return text;
  for (int d = at.n - 1; d >= 0; d--) {
    at.v[d] = i % labels->shape.dim[d] + 1;
    i /= labels->shape.dim[d];
  }
  snprintf(text.s, sizeof text.s, " at %.200s", nn_ints_text(&at).s);
  return text;
}

static void *bad_label(const char *call, const nn_tensor *labels, int64_t i, int64_t k) {
  const double label = label_at(labels, i);
  char text[32];
  nn_format_number(text, label, nn_is_float(labels->dtype) && label != floor(label) ? labels->dtype : NN_INT64);
  if (label != floor(label)) return nn_fail("%s: label %s%s is not a whole number", call, text, place_of(labels, i).s);
  return nn_fail("%s: label %s%s is outside 0..%" PRId64, call, text, place_of(labels, i).s, k - 1);
}

nn_tensor *nn_labels(const char *call, nn_tensor *labels, int64_t k, const int64_t *ignored) {
  if (!labels) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(labels), *y = from ? nn_empty(NN_INT64, labels->shape) : NULL;
  int64_t *to = y ? y->data : NULL;
  for (int64_t i = 0; y && i < y->numel; i++) {
    const double label = label_at(from, i);
    if (ignored && label == (double)*ignored) to[i] = -1;
    else if (label >= 0 && label < (double)k && label == floor(label)) to[i] = (int64_t)label;
    else y = bad_label(call, from, i, k);
  }
  return nn_scope_return(mark, y);
}

/* Sparse */

/* Labels below -1 or above k - 1 would reach outside a row. */
static bool fits(const char *call, const nn_tensor *z, const nn_tensor *labels) {
  nn_shape rows = z->shape;
  rows.rank--;
  if (labels->dtype != NN_INT64 || !labels->contiguous || z->shape.rank < 1 || !nn_shape_equal(&rows, &labels->shape))
    return nn_fail("%s: labels %s do not fit logits %s", call, nn_shape_text(&labels->shape).s,
                   nn_shape_text(&z->shape).s);
  const int64_t *label = labels->data, k = z->shape.dim[rows.rank];
  for (int64_t i = 0; i < labels->numel; i++)
    if (label[i] < -1 || label[i] >= k) return bad_label(call, labels, i, k);
  return true;
}

static int64_t classes(const nn_tensor *z) { return z->shape.dim[z->shape.rank - 1]; }

nn_tensor *nn_sparse_crossentropy(nn_tensor *z, nn_tensor *labels) {
  if (!z || !labels || !fits("sparse_crossentropy", z, labels)) return NULL;
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(nn_cast(z, nn_floating(z->dtype)));
  nn_tensor *y = from ? nn_zeros(from->dtype, labels->shape) : NULL;    /* z may have no classes */
  if (y && z->numel) nn_along_rows(nn_rows()->crossentropy, from, NULL, labels, y, classes(z));
  return nn_scope_return(mark, y);
}

nn_tensor *nn_sparse_crossentropy_grad(nn_tensor *g, nn_tensor *z, nn_tensor *labels) {
  if (!g || !z || !labels || !fits("sparse_crossentropy_grad", z, labels)) return NULL;
  if (!nn_shape_equal(&g->shape, &labels->shape))
    return nn_fail("sparse_crossentropy_grad: a gradient of shape %s is expected; got %s",
                   nn_shape_text(&labels->shape).s, nn_shape_text(&g->shape).s);
  const size_t mark = nn_scope_open();
  nn_tensor *from = nn_contiguous(nn_cast(z, nn_floating(z->dtype)));
  nn_tensor *factor = from ? nn_contiguous(nn_cast(g, from->dtype)) : NULL;
  nn_tensor *y = factor ? nn_empty(from->dtype, z->shape) : NULL;
  if (y && z->numel) nn_along_rows(nn_rows()->crossentropy_grad, from, factor, labels, y, classes(z));
  return nn_scope_return(mark, y);
}

/* Binary */

static bool same_shapes(const char *call, const nn_tensor *z, const nn_tensor *t) {
  if (nn_shape_equal(&z->shape, &t->shape)) return true;
  return nn_fail("%s: targets %s and logits %s differ in shape", call, nn_shape_text(&t->shape).s,
                 nn_shape_text(&z->shape).s);
}

/* All in the logits' dtype. */
nn_tensor *nn_binary_crossentropy(nn_tensor *z, nn_tensor *t) {
  static const char call[] = "binary_crossentropy";
  if (!z || !t || !same_shapes(call, z, t)) return NULL;
  const nn_dtype dtype = nn_floating(z->dtype);
  return nn_map_run(&(nn_map_call){.name = call, .loops = nn_map()->binary_crossentropy, .dtype = dtype,
                                   .result = dtype, .part = NN_COSTLY, .operands = 2, .x = {z, t}});
}

nn_tensor *nn_binary_crossentropy_grad(nn_tensor *g, nn_tensor *z, nn_tensor *t) {
  static const char call[] = "binary_crossentropy";
  if (!g || !z || !t || !same_shapes(call, z, t) || !same_shapes(call, z, g)) return NULL;
  const nn_dtype dtype = nn_floating(z->dtype);
  return nn_map_run(&(nn_map_call){.name = call, .loops = nn_map()->binary_crossentropy_grad, .dtype = dtype,
                                   .result = dtype, .part = NN_COSTLY, .operands = 3, .x = {g, z, t}});
}
