/* What all losses have in common: ranks and shapes that fit, sample weights, the reduction. */
#include <string.h>

#include "declare.h"

static const nn_shape *shape(const ag_var *x) { return &x->value->shape; }
static bool ends_in_1(const ag_var *x) { return shape(x)->rank && shape(x)->dim[shape(x)->rank - 1] == 1; }

/* Of two ranks that differ by one: {N} becomes {N, 1} beside {N, 1}; of more dimensions a last one of size 1 goes. */
static void fit_ranks(ag_var **a, ag_var **b) {
  const int difference = shape(*a)->rank - shape(*b)->rank;
  if (difference == -1) fit_ranks(b, a);
  if (difference != 1 || !ends_in_1(*a)) return;
  if (shape(*b)->rank == 1) *b = ag_unsqueeze(*b, -1);
  else *a = ag_squeeze(*a, NN_INTS(-1));
}

static void *differ(const ag_loss *loss, const ag_var *y_true, const ag_var *y_pred) {
  const bool labels = loss->behind && !strcmp(loss->behind, "softmax") &&
                      (shape(y_true)->rank < shape(y_pred)->rank || ends_in_1(y_true));
  return nn_fail("%s: y_true %s and y_pred %s differ in shape%s", loss->name, nn_shape_text(shape(y_true)).s,
                 nn_shape_text(shape(y_pred)).s,
                 labels ? " (integer labels go with sparse_categorical_crossentropy)" : "");
}

/* y_true takes y_pred's dtype; labels of a sparse loss stay what they are, and the loss looks at their shape itself. */
static ag_var *sample_values(const ag_loss *loss, const ag_value *o, ag_var *y_true, ag_var *y_pred) {
  ag_var *y = y_true, *p = ag_to(y_pred, nn_floating(y_pred->value->dtype));
  if (!p || loss->sparse) return p ? loss->per_sample(y, p, o) : NULL;
  y = ag_to(y, p->value->dtype);
  if (y) fit_ranks(&y, &p);
  if (!y || !p) return NULL;
  return nn_shape_equal(shape(y), shape(p)) ? loss->per_sample(y, p, o) : differ(loss, y_true, y_pred);
}

ag_var *ag_loss_values(const ag_loss *loss, const ag_value *o, ag_var *y_true, ag_var *y_pred) {
  if (!y_true || !y_pred) return NULL;
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, sample_values(loss, o, y_true, y_pred));
}

/* weight with the values' rank and dtype: the dimensions it has are the first of theirs (samples, then time steps). */
static ag_var *fitted(ag_var *weight, const ag_var *of) {
  const nn_shape given = *shape(weight);
  if (!given.rank) return weight;
  weight = ag_to(weight, of->value->dtype);
  if (given.rank == shape(of)->rank + 1 && ends_in_1(weight)) weight = ag_squeeze(weight, NN_INTS(-1));
  while (weight && shape(weight)->rank < shape(of)->rank) weight = ag_unsqueeze(weight, -1);
  if (!weight) return NULL;
  bool fits = shape(weight)->rank == shape(of)->rank;
  for (int i = 0; fits && i < shape(of)->rank; i++)
    fits = shape(weight)->dim[i] == shape(of)->dim[i] || shape(weight)->dim[i] == 1;
  return fits ? weight
              : nn_fail("loss: sample_weight %s does not fit the samples' values %s", nn_shape_text(&given).s,
                        nn_shape_text(shape(of)).s);
}

/* sum(w l) / sum(w), w counted as often as it stands for a value; 0 when the weights are */
static ag_var *weighted_mean(ag_var *weighted, ag_var *weight) {
  ag_var *sum = ag_sum(weighted, NN_ALL, false);
  ag_var *total = sum ? ag_sum(ag_broadcast_to(weight, *shape(weighted)), NN_ALL, false) : NULL;
  if (!total) return NULL;
  return nn_item(total->value) == 0 ? times(sum, 0) : ag_div(sum, total);
}

static ag_var *reduced(ag_var *values, ag_var *weight, const char *reduction) {
  if (weight && !(weight = fitted(weight, values))) return NULL;
  ag_var *y = weight ? ag_mul(values, weight) : values;
  if (!y || !strcmp(reduction, "none")) return y;
  const bool mean = !strcmp(reduction, "sum_over_batch_size") || !strcmp(reduction, "mean");
  const bool weighted = !strcmp(reduction, "mean_with_sample_weight");
  if (!mean && !weighted && strcmp(reduction, "sum"))
    return nn_fail("loss: unknown reduction \"%s\"; there are sum_over_batch_size, sum, mean, mean_with_sample_weight, "
                   "none", reduction);
  if (weighted && weight) return weighted_mean(y, weight);
  if (!shape(y)->rank) return y;
  return (mean || weighted) && y->value->numel ? ag_mean(y, NN_ALL, false) : ag_sum(y, NN_ALL, false);
}

ag_var *ag_loss_reduce(ag_var *values, ag_var *weight, const char *reduction) {
  if (!values) return NULL;
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, reduced(values, weight, reduction ? reduction : "sum_over_batch_size"));
}

/* Weights that leave out what does not count: a mean over all N values then divides by those that do. */
static ag_var *counted_weight(ag_var *counted, ag_var *weight, const ag_var *of, const char *reduction) {
  if (weight) weight = fitted(weight, of);
  ag_var *w = weight ? ag_mul(counted, weight) : counted;
  if (strcmp(reduction, "sum_over_batch_size") && strcmp(reduction, "mean")) return w;
  nn_tensor *count = nn_sum(counted->value, NN_ALL, false);
  return count ? times(w, (double)counted->value->numel / fmax(1, nn_item(count))) : NULL;
}

ag_var *ag_loss_call(const ag_loss *loss, const ag_value *o, ag_var *y_true, ag_var *y_pred, ag_var *weight,
                     const char *reduction) {
  const size_t mark = nn_scope_open();
  ag_var *values = ag_loss_values(loss, o, y_true, y_pred);
  ag_var *counted = values && loss->counted ? loss->counted(y_true, y_pred, o) : NULL;
  if (!reduction) reduction = "sum_over_batch_size";
  if (counted && !(weight = counted_weight(counted, weight, values, reduction))) values = NULL;
  if (nn_error()) values = NULL;
  return nn_scope_return(mark, ag_loss_reduce(values, weight, reduction));
}
