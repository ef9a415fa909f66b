/* einsum: sums of products by labels, "bij,bjk->bik". Operands are contracted from left to right, each pair as one
 * batched matrix product: labels of both that live on are the batch, labels of both that end here are summed. */
#include <ctype.h>
#include <string.h>

#include "derivatives.h"

/* A tensor with a label for each dimension. Dimensions of an ellipsis have the labels '0'..'7', the last '7'. */
typedef struct term { ag_var *x; char label[NN_MAX_RANK + 1]; } term;

static void *bad_spec(const char *spec, const char *why) { return nn_fail("einsum: \"%s\": %s", spec, why); }

/* One part of the spec ("ij", "...j") as labels; false with an error. dots: dimensions the ellipsis stands for. */
static bool read_labels(const char *spec, const char *from, size_t length, int dots, char label[NN_MAX_RANK + 1]) {
  int n = 0;
  for (size_t i = 0; i < length; i++) {
    if (isspace((unsigned char)from[i])) continue;
    const bool ellipsis = length - i >= 3 && !strncmp(from + i, "...", 3);
    if (!ellipsis && !isalpha((unsigned char)from[i]))
      return bad_spec(spec, "labels are letters; \"...\" stands for the rest");
    for (int k = ellipsis ? dots : 1; k > 0; k--) {
      if (n == NN_MAX_RANK) return bad_spec(spec, "more than 8 labels in one term");
      label[n++] = ellipsis ? (char)('8' - k) : from[i];
    }
    if (ellipsis) i += 2;
  }
  label[n] = '\0';
  return true;
}

static int letters(const char *from, size_t length) {
  int n = 0;
  for (size_t i = 0; i < length; i++) n += isalpha((unsigned char)from[i]) != 0;
  return n;
}

static bool has_ellipsis(const char *from, size_t length) {
  for (size_t i = 0; i + 3 <= length; i++)
    if (!strncmp(from + i, "...", 3)) return true;
  return false;
}

/* A label that stands twice in one term: its diagonal, by picking every (n + 1)-th element of the two joined. */
static bool take_diagonals(const char *spec, term *t) {
  for (int i = 0; t->label[i]; i++) {
    const char *again = strchr(t->label + i + 1, t->label[i]);
    if (!again) continue;
    const int j = (int)(again - t->label), rank = (int)strlen(t->label);
    const nn_shape shape = t->x->value->shape;
    const int64_t n = shape.dim[i];
    if (shape.dim[j] != n) return bad_spec(spec, "a label that stands twice has two sizes");
    nn_ints order = {2, {i + 1, j + 1}};
    nn_shape joined = {1, {n * n}}, result = {1, {n}};
    char label[NN_MAX_RANK + 1] = {t->label[i]};
    for (int k = 0; k < rank; k++) {
      if (k == i || k == j) continue;
      order.v[order.n++] = k + 1;
      label[result.rank] = t->label[k];
      joined.dim[joined.rank++] = result.dim[result.rank++] = shape.dim[k];
    }
    ag_var *positions = ag_to(ag_constant(nn_linspace(NN_FLOAT64, 1, (double)(n * n), n)), NN_INT64);
    t->x = ag_index_select(ag_reshape(ag_permute(t->x, order), joined), 1, positions);
    if (!t->x) return false;
    strcpy(t->label, label);
    i = -1;
  }
  return true;
}

/* Sums out the labels that nobody else has: those neither in kept nor in other. */
static bool sum_lonely(term *t, const char *kept, const char *other) {
  nn_ints dims = {0, {0}};
  char label[NN_MAX_RANK + 1] = "";
  for (int i = 0, n = 0; t->label[i]; i++) {
    if (strchr(kept, t->label[i]) || strchr(other, t->label[i])) label[n++] = t->label[i], label[n] = '\0';
    else dims.v[dims.n++] = i + 1;
  }
  if (dims.n) t->x = ag_sum(t->x, dims, false);
  strcpy(t->label, label);
  return t->x != NULL;
}

static int64_t size_of(const term *t, char label) {
  const char *at = strchr(t->label, label);
  return at ? t->x->value->shape.dim[at - t->label] : 1;
}

static void append(char *labels, char label) {
  const size_t n = strlen(labels);
  labels[n] = label;
  labels[n + 1] = '\0';
}

/* x as (batch..., product of rows, product of columns). */
static ag_var *arranged(const term *t, const char *batch, const char *rows, const char *columns) {
  nn_ints order = {0, {0}};
  nn_shape shape = {0, {0}};
  const char *parts[] = {batch, rows, columns};
  for (int part = 0; part < 3; part++) {
    int64_t product = 1;
    for (const char *l = parts[part]; *l; l++) {
      order.v[order.n++] = strchr(t->label, *l) - t->label + 1;
      const int64_t size = size_of(t, *l);
      if (part == 0) shape.dim[shape.rank++] = size;
      product *= size;
    }
    if (part) shape.dim[shape.rank++] = product;
  }
  return ag_reshape(ag_permute(t->x, order), shape);
}

static bool sizes_fit(int64_t m, int64_t n, bool broadcasts) { return m == n || (broadcasts && (m == 1 || n == 1)); }

/* Two terms become one: (batch, m, k) x (batch, k, n) -> (batch, m, n). kept: labels of later terms and the result. */
static bool contract(const char *spec, term *a, term *b, const char *kept) {
  char batch[NN_MAX_RANK + 1] = "", left[NN_MAX_RANK + 1] = "", right[NN_MAX_RANK + 1] = "";
  char summed[NN_MAX_RANK + 1] = "";
  if (!sum_lonely(a, kept, b->label) || !sum_lonely(b, kept, a->label)) return false;
  for (const char *l = a->label; *l; l++) {
    if (!strchr(b->label, *l)) append(left, *l);
    else if (!sizes_fit(size_of(a, *l), size_of(b, *l), isdigit((unsigned char)*l) && strchr(kept, *l)))
      return nn_fail("einsum: \"%s\": label %c has sizes %lld and %lld", spec, *l, (long long)size_of(a, *l),
                     (long long)size_of(b, *l));
    else append(strchr(kept, *l) ? batch : summed, *l);
  }
  for (const char *l = b->label; *l; l++)
    if (!strchr(a->label, *l)) append(right, *l);
  if (strlen(batch) > NN_MAX_RANK - 2 || strlen(batch) + strlen(left) + strlen(right) > NN_MAX_RANK)
    return bad_spec(spec, "an intermediate result has more than 8 dimensions, or a batch more than 6");
  ag_var *product = ag_matmul(arranged(a, batch, left, summed), arranged(b, batch, summed, right));
  nn_shape shape = {0, {0}};
  term joined = {0};
  for (const char *l = batch; *l; l++) {
    const int64_t m = size_of(a, *l), n = size_of(b, *l);
    shape.dim[shape.rank++] = m == 1 ? n : m;
  }
  for (const char *l = left; *l; l++) shape.dim[shape.rank++] = size_of(a, *l);
  for (const char *l = right; *l; l++) shape.dim[shape.rank++] = size_of(b, *l);
  const char *parts[] = {batch, left, right};
  for (int i = 0; i < 3; i++)
    for (const char *l = parts[i]; *l; l++) append(joined.label, *l);
  joined.x = ag_reshape(product, shape);
  *a = joined;
  return a->x != NULL;
}

/* The labels of the result when the spec has no arrow: those that stand once, in alphabetical order. */
static void implied_result(int n, const term *terms, char result[NN_MAX_RANK + 1]) {
  int at = 0;
  for (int c = '0'; c < 128 && at < NN_MAX_RANK; c++) {
    int count = 0;
    for (int i = 0; i < n; i++)
      for (const char *l = terms[i].label; *l; l++) count += *l == c;
    if (count == 1 || (count && isdigit(c))) result[at++] = (char)c;
  }
  result[at] = '\0';
}

static bool read_terms(const char *spec, int n, ag_var *const *x, term *terms) {
  const char *arrow = strstr(spec, "->"), *end = arrow ? arrow : spec + strlen(spec), *from = spec;
  for (int i = 0; i < n; i++) {
    const char *comma = memchr(from, ',', (size_t)(end - from)), *to = comma ? comma : end;
    if ((i < n - 1) != (comma != NULL))
      return nn_fail("einsum: \"%s\" does not have %d terms, one for each tensor given", spec, n);
    const size_t length = (size_t)(to - from);
    const int rank = x[i]->value->shape.rank, dots = has_ellipsis(from, length) ? rank - letters(from, length) : 0;
    terms[i].x = x[i];
    if (dots < 0 || !read_labels(spec, from, length, dots, terms[i].label))
      return bad_spec(spec, "more labels than dimensions");
    if ((int)strlen(terms[i].label) != rank)
      return nn_fail("einsum: \"%s\": term %d has %zu labels for %s", spec, i + 1, strlen(terms[i].label),
                     nn_shape_text(&x[i]->value->shape).s);
    from = to + 1;
  }
  return true;
}

static bool read_result(const char *spec, int n, const term *terms, char result[NN_MAX_RANK + 1]) {
  const char *arrow = strstr(spec, "->");
  if (!arrow) {
    implied_result(n, terms, result);
    return true;
  }
  int dots = 0;
  for (int i = 0; i < n; i++)
    for (const char *l = terms[i].label; *l; l++)
      if (isdigit((unsigned char)*l) && '8' - *l > dots) dots = '8' - *l;
  if (!read_labels(spec, arrow + 2, strlen(arrow + 2), dots, result)) return false;
  for (const char *l = result; *l; l++) {
    bool found = false;
    for (int i = 0; i < n; i++) found |= strchr(terms[i].label, *l) != NULL;
    if (!found || strchr(l + 1, *l))
      return bad_spec(spec, "each label of the result must stand in a term, and once in the result");
  }
  return true;
}

static ag_var *in_order(const term *t, const char *result) {
  nn_ints order = {0, {0}};
  for (const char *l = result; *l; l++) order.v[order.n++] = strchr(t->label, *l) - t->label + 1;
  return ag_permute(t->x, order);
}

enum { MOST_TERMS = 16 };

COMPOSE(einsum) {
  const char *spec = a[0].text;
  term terms[MOST_TERMS];
  char result[NN_MAX_RANK + 1], kept[MOST_TERMS * NN_MAX_RANK + NN_MAX_RANK + 1];
  if (n < 1 || n > MOST_TERMS) return nn_fail("einsum: takes 1 to %d tensors; got %d", MOST_TERMS, n);
  if (!read_terms(spec, n, x, terms) || !read_result(spec, n, terms, result)) return NULL;
  for (int i = 0; i < n; i++)
    if (!take_diagonals(spec, &terms[i])) return NULL;
  for (int i = 1; i < n; i++) {
    strcpy(kept, result);
    for (int later = i + 1; later < n; later++) strcat(kept, terms[later].label);
    if (!contract(spec, &terms[0], &terms[i], kept)) return NULL;
  }
  return sum_lonely(&terms[0], result, "") ? in_order(&terms[0], result) : NULL;
}
COMPOSED(einsum, AG_LIST, INPUTS("x, ..."), ATTR({"spec", AG_TEXT, true, 0}),
         HELP("sums of products by labels, such as \"ij,jk->ik\""))
ag_var *ag_einsum(const char *spec, int n, ag_var *const *x) {
  return ag_apply(&einsum_op, n, x, ATTRS({.text = spec}));
}
