/* The usual cases of accuracies, one crossing a batch: how many predictions are right. */
#include <string.h>

#include "core.h"
#include "handle.h"

typedef enum kind { BINARY, CATEGORICAL, SPARSE, KINDS } kind;

/* Are the shapes equal, but for a 1 that one of them has at its end? */
static bool same_rows(const nn_shape *a, const nn_shape *b) {
  const nn_shape *longer = a->rank >= b->rank ? a : b, *shorter = longer == a ? b : a;
  if (longer->rank > shorter->rank + 1 || (longer->rank > shorter->rank && longer->dim[longer->rank - 1] != 1))
    return false;
  return !memcmp(longer->dim, shorter->dim, (size_t)shorter->rank * sizeof *longer->dim);
}

/* (prediction > threshold) = truth */
static nn_tensor *binary(nn_tensor *truth, nn_tensor *prediction, double threshold) {
  if (!same_rows(&truth->shape, &prediction->shape)) return NULL;
  return nn_eq(nn_gt(prediction, nn_number(threshold)), nn_reshape(truth, prediction->shape));
}

/* The greatest elements of each row are at one position. */
static nn_tensor *categorical(nn_tensor *truth, nn_tensor *prediction) {
  if (!nn_shape_equal(&truth->shape, &prediction->shape) || !truth->shape.rank) return NULL;
  return nn_eq(nn_argmax(prediction, -1, false), nn_argmax(truth, -1, false));
}

/* The greatest element of each row is at the label, an integer 0..K-1. */
static nn_tensor *sparse(nn_tensor *truth, nn_tensor *prediction) {
  nn_shape rows = prediction->shape;
  if (!rows.rank || nn_is_float(truth->dtype)) return NULL;
  const int64_t classes = rows.dim[--rows.rank];
  if (!same_rows(&truth->shape, &rows)) return NULL;
  const nn_tensor *least = nn_amin(truth, NN_ALL, false), *most = nn_amax(truth, NN_ALL, false);
  if (!least || !most || nn_item_integer(least) < 0 || nn_item_integer(most) >= classes) return NULL;
  return nn_eq(nn_argmax(prediction, -1, false), nn_add(nn_reshape(truth, rows), nn_integer(1)));
}

typedef struct tally { double right, of; } tally;

/* False with an error without memory; of stays 0 where the tensors are not as the kind plainly wants them. */
static bool count(kind k, nn_tensor *truth, nn_tensor *prediction, double threshold, tally *result) {
  if (!truth->numel || !prediction->numel) return true;
  nn_tensor *equal = k == BINARY ? binary(truth, prediction, threshold)
                   : k == SPARSE ? sparse(truth, prediction) : categorical(truth, prediction);
  const nn_tensor *sum = nn_sum(equal, NN_ALL, false);
  if (!sum) return !nn_error();
  *result = (tally){nn_item(sum), (double)equal->numel};
  return true;
}

/* core.right(kind, y_true, y_pred, threshold) -> how many are right, of how many. Nothing where the metric itself has
 * to see what is wrong, or does more than is done here. */
static int right(lua_State *L) {
  static const char *const names[KINDS + 1] = {"binary", "categorical", "sparse", NULL};
  nnlua_state *s = nnlua_state_of(L);
  const kind k = (kind)luaL_checkoption(L, 1, NULL, names);
  nnlua_check(L, s, 2, names[k]);
  nnlua_check(L, s, 3, names[k]);
  const double threshold = luaL_optnumber(L, 4, 0);
  tally result = {0, 0};
  nnlua_entry e = nnlua_enter(L, s);
  const ag_var *truth, *prediction;
  do {
    truth = nnlua_operand(L, s, 2);
    prediction = nnlua_operand(L, s, 3);
  } while (!nnlua_done(&e, truth && prediction && count(k, truth->value, prediction->value, threshold, &result)));
  if (result.of == 0) return 0;
  lua_pushnumber(L, result.right);
  lua_pushnumber(L, result.of);
  return 2;
}

void nnlua_open_metrics(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {{"right", right, NNLUA_CORE}, {NULL, NULL, 0}};
  nnlua_register(L, s, functions);
}
