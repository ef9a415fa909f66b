/* Every op that can be differentiated, on its samples (op_samples.c), in every memory layout, in float64:
 *   first order: the vjp of a random cotangent g against differences of sum(g y), relative error 1e-6
 *   second order: the gradient of sum(u dx) by inputs and by g against differences of dx, relative error 1e-4
 * and on each sample: the same bits from any strides and on any number of threads, gradients of their input's shape and
 * dtype, inputs used twice. */
#include <stdio.h>
#include <stdlib.h>

#include "check_nn.h"
#include "op_samples.h"

Suite *ops_suite(void);

typedef enum layout { CONTIGUOUS, TRANSPOSED, SLICED, EXPANDED, LAYOUTS } layout;
static const char *const layout_name[LAYOUTS] = {"contiguous", "transposed", "sliced", "expanded"};

/* A sample at work. Its floats are leaves of the input's shape or, expanded, with sizes of 1 that are broadcast. */
typedef struct trial {
  const ag_op *op;
  const op_sample *sample;
  int n, leaves;                          /* inputs, and how many of them are differentiated */
  ag_var *input[SAMPLE_INPUTS];           /* constants and leaves, as the op's inputs stand */
  nn_shape shape[SAMPLE_INPUTS];          /* to which an input is broadcast */
  ag_var *leaf[SAMPLE_INPUTS + 1];        /* the leaves; room for the cotangent */
  char text[96];                          /* "softmax, sample 3, transposed" */
} trial;

static nn_shape shape_of(const char *text) {
  nn_shape shape = {0, {0}};
  for (char *end; *text; text = end) shape.dim[shape.rank++] = strtoll(text, &end, 10);
  return shape;
}

static double drawn(double a, double b) { return a + (b - a) * (double)(nn_random_bits() >> 11) * 0x1p-53; }

static void shuffle(nn_tensor *x) {
  for (int64_t i = x->numel - 1; i > 0; i--) {
    const int64_t j = (int64_t)(nn_random_bits() % (uint64_t)(i + 1));
    const double kept = element(x, i);
    set_element(x, i, element(x, j));
    set_element(x, j, kept);
  }
}

static nn_tensor *filled(const op_input *in, nn_shape shape, nn_dtype dtype) {
  nn_tensor *x = nn_empty(in->fill == MASK ? NN_UINT8 : in->fill == INTEGERS ? NN_INT64 : dtype, shape);
  SUCCEEDS(x);
  for (int64_t i = 0; i < x->numel; i++) {
    switch (in->fill) {
      case SPAN: set_element(x, i, drawn(in->a, in->b)); break;
      case SIGNED: set_element(x, i, drawn(in->a, in->b) * (nn_random_bits() & 1 ? 1 : -1)); break;
      case MASK: set_element(x, i, i % 2 == 0); break;
      case INTEGERS: set_element(x, i, floor(drawn(in->a, in->b + 1))); break;
      default: set_element(x, i, in->a + in->b * (double)i);
    }
  }
  if (in->fill == GRID || in->fill == DISTINCT) shuffle(x);
  return x;
}

/* x with the same elements in other memory: in the order of a transpose, or cut out of a larger tensor. */
static nn_tensor *laid_out(nn_tensor *x, layout how) {
  nn_ints reversed = {x->shape.rank, {0}};
  for (int i = 0; i < reversed.n; i++) reversed.v[i] = reversed.n - i;
  if (how == TRANSPOSED) return nn_permute(nn_clone(nn_permute(x, reversed)), reversed);
  if (how != SLICED) return x;
  nn_shape larger = x->shape;
  nn_range ranges[NN_MAX_RANK];
  for (int i = 0; i < larger.rank; i++) ranges[i] = (nn_range){2, larger.dim[i] + 1, false}, larger.dim[i] += 3;
  if (!larger.rank) larger = NN_SHAPE(3), ranges[0] = (nn_range){2, 2, true};
  nn_tensor *part = nn_slice("sample", nn_full(x->dtype, larger, 7), larger.rank, ranges);
  SUCCEEDS(nn_copy_into("sample", part, x));
  return part;
}

/* The leaf of an expanded input: every other size is 1. */
static nn_shape narrowed(nn_shape shape) {
  for (int i = 0; i < shape.rank; i += 2)
    if (shape.dim[i]) shape.dim[i] = 1;
  return shape;
}

static bool is_leaf(const op_input *in) { return in->fill >= SPAN && in->fill <= DISTINCT; }

static ag_var *input_of(const op_input *in, nn_shape shape, layout how, nn_dtype dtype) {
  if (in->fill == ABSENT) return NULL;
  if (in->fill == NUMBER) return ag_number(in->a);
  if (how == EXPANDED && is_leaf(in)) shape = narrowed(shape);
  nn_tensor *x = laid_out(filled(in, shape, dtype), how);
  return is_leaf(in) ? ag_parameter(x) : ag_constant(x);
}

static int input_count(const op_sample *sample, const ag_op *op) {
  int n = 0;
  while (n < SAMPLE_INPUTS && sample->x[n].fill != ABSENT) n++;
  return op->arity == AG_LIST ? n : op->arity;
}

/* The same seed: the same numbers in every layout and dtype. */
static trial begin(const ag_op *op, const op_sample *sample, int index, layout how, nn_dtype dtype) {
  trial t = {.op = op, .sample = sample, .n = input_count(sample, op)};
  snprintf(t.text, sizeof t.text, "%s, sample %d, %s", op->name, index, layout_name[how]);
  nn_seed((uint64_t)(how == EXPANDED));
  for (int i = 0; i < t.n; i++) {
    if (sample->x[i].shape) t.shape[i] = shape_of(sample->x[i].shape);
    t.input[i] = input_of(&sample->x[i], t.shape[i], how, dtype);
    if (is_leaf(&sample->x[i])) t.leaf[t.leaves++] = t.input[i];
  }
  HOLDS_SO(!nn_error(), "%s: %s", t.text, nn_error());
  return t;
}

/* Input i as the op sees it. */
static ag_var *as_input(const trial *t, int i) {
  return is_leaf(&t->sample->x[i]) ? ag_broadcast_to(t->input[i], t->shape[i]) : t->input[i];
}

/* The op's result; its own random draws, if any, are the same each time. */
static ag_var *applied(const trial *t) {
  ag_var *x[SAMPLE_INPUTS] = {NULL}, *second;
  for (int i = 0; i < t->n; i++) x[i] = as_input(t, i);
  nn_seed(11);
  ag_var *y = ag_apply2(t->op, t->n, x, t->sample->attr, &second);
  HOLDS_SO(y, "%s: %s", t->text, nn_error());
  return y;
}

static ag_var *random_like(const nn_tensor *x, bool leaf) {
  nn_tensor *g = filled(&(op_input){SIGNED, NULL, 0.3, 1.5}, x->shape, x->dtype);
  return leaf ? ag_parameter(g) : ag_constant(g);
}

static void gradients(const trial *t, ag_var *y, ag_var *g, int flags, ag_var **dx) {
  HOLDS_SO(y->node, "%s: the result does not depend on the inputs", t->text);
  HOLDS_SO(ag_grad(y, g, t->leaves, t->leaf, flags | AG_ALLOW_UNUSED, dx), "%s: %s", t->text, nn_error());
}

/* sum over all leaves of u dx (second order), or sum(g y): what is differenced */
typedef struct target { bool second; ag_var *g, *u[SAMPLE_INPUTS]; } target;

static double product(const nn_tensor *a, const nn_tensor *b) {
  double sum = 0;
  for (int64_t i = 0; i < a->numel; i++) sum += element(a, i) * element(b, i);
  return sum;
}

/* Values only: first order without recording, second order by one more backward. */
static double value_of(const trial *t, const target *f) {
  const size_t mark = nn_scope_open();
  ag_var *dx[SAMPLE_INPUTS];
  double sum = 0;
  const bool recording = nn_set_recording(f->second);
  ag_var *y = applied(t);
  if (!f->second) sum = product(f->g->value, y->value);
  else gradients(t, y, f->g, 0, dx);
  for (int i = 0; f->second && i < t->leaves; i++) sum += product(f->u[i]->value, dx[i]->value);
  nn_set_recording(recording);
  nn_scope_close(mark);
  return sum;
}

/* Along one element, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h: the error is h^4 f'''''/30. */
static double difference(const trial *t, const target *f, nn_tensor *x, int64_t i) {
  const double h = 1e-3, at = element(x, i);
  double sum = 0;
  for (int step = -2; step <= 2; step++) {
    if (!step) continue;
    set_element(x, i, at + step * h);
    sum += value_of(t, f) * (step == 1 ? 8 : step == -1 ? -8 : step == 2 ? -1 : 1);
  }
  set_element(x, i, at);
  return sum / (12 * h);
}

static void agrees(const trial *t, const target *f, ag_var *leaf, const nn_tensor *dx, double tolerance) {
  HOLDS_SO(dx->dtype == NN_FLOAT64 && nn_shape_equal(&dx->shape, &leaf->value->shape),
           "%s: a gradient of shape %s for %s", t->text, nn_shape_text(&dx->shape).s,
           nn_shape_text(&leaf->value->shape).s);
  for (int64_t i = 0; i < dx->numel; i++) {
    const double expected = difference(t, f, leaf->value, i), got = element(dx, i);
    HOLDS_SO(close_to(got, expected, tolerance, 0.02 * tolerance),
             "%s: %s order, input of shape %s, element %lld: %.10g, by differences %.10g", t->text,
             f->second ? "second" : "first", nn_shape_text(&dx->shape).s, (long long)i + 1, got, expected);
  }
}

static void first_order(trial t) {
  ag_var *y = applied(&t), *dx[SAMPLE_INPUTS];
  target f = {.g = random_like(y->value, false)};
  gradients(&t, y, f.g, 0, dx);
  for (int i = 0; i < t.leaves; i++) agrees(&t, &f, t.leaf[i], dx[i]->value, 1e-6);
}

/* The cotangent is a leaf too: the derivative by it checks the vjp of the derivative ops. */
static void second_order(trial t) {
  ag_var *y = applied(&t), *dx[SAMPLE_INPUTS], *ddx[SAMPLE_INPUTS + 1] = {NULL}, *s = NULL;
  target f = {.second = true, .g = random_like(y->value, true)};
  gradients(&t, y, f.g, AG_CREATE_GRAPH, dx);
  for (int i = 0; i < t.leaves; i++) {
    f.u[i] = random_like(dx[i]->value, false);
    ag_var *part = ag_sum(ag_mul(f.u[i], dx[i]), NN_ALL, false);
    s = s ? ag_add(s, part) : part;
  }
  HOLDS_SO(s, "%s: %s", t.text, nn_error());
  t.leaf[t.leaves] = f.g;
  if (s->node) SUCCEEDS(ag_grad(s, NULL, t.leaves + 1, t.leaf, AG_ALLOW_UNUSED, ddx));
  for (int i = 0; i <= t.leaves; i++) {
    const nn_tensor *dd = s->node ? ddx[i]->value : nn_zeros(NN_FLOAT64, t.leaf[i]->value->shape);
    agrees(&t, &f, t.leaf[i], dd, 1e-4);
  }
}

static void same_bits(const trial *t, const nn_tensor *a, const nn_tensor *b, const char *where) {
  HOLDS_SO(a->dtype == b->dtype && nn_shape_equal(&a->shape, &b->shape), "%s: shapes or dtypes differ", t->text);
  const size_t bytes = (size_t)a->numel * nn_dtype_size(a->dtype);
  if (!bytes || (a->contiguous && b->contiguous && !memcmp(a->data, b->data, bytes))) return;
  for (int64_t i = 0; i < a->numel; i++)
    HOLDS_SO(!memcmp(element_at(a, i), element_at(b, i), nn_dtype_size(a->dtype)),
             "%s: element %lld is %.17g, %s %.17g", t->text, (long long)i + 1, element(a, i), where, element(b, i));
}

/* The op on copies of the inputs as it sees them, but contiguous. */
static void strided_bits(trial t) {
  trial contiguous = t;
  const bool recording = nn_set_recording(false);
  for (int i = 0; i < t.n; i++) {
    ag_var *x = t.input[i];
    if (x && !x->value->number) contiguous.input[i] = ag_clone(as_input(&t, i));
  }
  same_bits(&t, applied(&t)->value, applied(&contiguous)->value, "from contiguous inputs");
  nn_set_recording(recording);
}

/* dx of float32 leaves is float32, and the same as of float64 but for rounding; with the first leaf alone in float32
 * (derivative ops take one dtype) each keeps its own. */
static void dtypes(const trial *t64, const trial *t32) {
  ag_var *y = applied(t64), *dx[SAMPLE_INPUTS], *dx32[SAMPLE_INPUTS], *g = random_like(y->value, false);
  gradients(t64, y, g, 0, dx);
  gradients(t32, applied(t32), g, 0, dx32);
  for (int i = 0; i < t64->leaves; i++)
    same_tensor(dx32[i]->value, nn_cast(dx[i]->value, NN_FLOAT32), 1e-3, 1e-4, t32->text);
  if (t64->op->internal || t64->leaves < 2) return;
  trial mixed = *t64;
  mixed.leaf[0] = t32->leaf[0];
  for (int i = 0; i < mixed.n; i++)
    if (t32->input[i] == t32->leaf[0]) mixed.input[i] = t32->leaf[0];
  gradients(&mixed, applied(&mixed), g, 0, dx32);
  for (int i = 0; i < t64->leaves; i++)
    same_tensor(dx32[i]->value, i ? dx[i]->value : nn_cast(dx[i]->value, NN_FLOAT32), 1e-3, 1e-4, t64->text);
}

static bool alike(const trial *t, int i, int j) {
  const op_input *a = &t->sample->x[i], *b = &t->sample->x[j];
  return is_leaf(a) && is_leaf(b) && a->a == b->a && nn_shape_equal(&t->shape[i], &t->shape[j]);
}

/* y + y has twice the gradient; one leaf for all inputs of its shape has the sum of theirs. */
static void used_twice(trial t) {
  ag_var *dx[SAMPLE_INPUTS], *twice[SAMPLE_INPUTS], *y = applied(&t), *g = random_like(y->value, false);
  gradients(&t, ag_add(y, applied(&t)), g, 0, twice);
  gradients(&t, applied(&t), g, 0, dx);
  for (int i = 0; i < t.leaves; i++)
    same_tensor(twice[i]->value, nn_mul(dx[i]->value, nn_number(2)), 1e-12, 1e-12, t.text);
  trial shared = t;
  shared.leaves = 0;
  for (int i = 0; i < t.n; i++) {
    if (!is_leaf(&t.sample->x[i])) continue;
    shared.leaf[shared.leaves] = t.input[i];
    for (int j = i - 1; j >= 0; j--)
      if (alike(&t, i, j)) {
        SUCCEEDS(nn_copy_into("sample", t.input[i]->value, t.input[j]->value));
        shared.input[i] = shared.input[j];
      }
    if (shared.input[i] == t.input[i]) shared.leaves++;
  }
  if (shared.leaves == t.leaves) return;
  gradients(&t, applied(&t), g, 0, dx);
  gradients(&shared, applied(&shared), g, 0, twice);
  for (int k = 0; k < shared.leaves; k++) {
    nn_tensor *sum = NULL;
    for (int i = 0, leaf = 0; i < t.n; i++) {
      if (!is_leaf(&t.sample->x[i])) continue;
      if (shared.input[i] == shared.leaf[k]) sum = sum ? nn_add(sum, dx[leaf]->value) : dx[leaf]->value;
      leaf++;
    }
    same_tensor(twice[k]->value, sum, 1e-12, 1e-12, t.text);
  }
}

/* Runs check on every sample of the i-th op in the table, in the layouts up to `last`. */
static void on_samples(int i, layout last, void (*check)(trial)) {
  int count, found = 0;
  const ag_op *op = ag_ops(&count)[i];
  if (!op->vjp && !op->compose) return;
  for (const op_sample *sample = op_samples; sample->op; sample++) {
    if (strcmp(sample->op, op->name)) continue;
    found++;
    for (layout how = CONTIGUOUS; how <= last; how++) {
      if (how == EXPANDED && sample->x[0].fill == DISTINCT) continue;
      check(begin(op, sample, found, how, NN_FLOAT64));
      nn_scope_close(0);
    }
  }
  HOLDS_SO(found, "%s has no samples: add rows to op_samples.c", op->name);
}

START_TEST(first_derivatives) { on_samples(_i, EXPANDED, first_order); }
END_TEST

START_TEST(second_derivatives) { on_samples(_i, EXPANDED, second_order); }
END_TEST

START_TEST(bits_of_strided_inputs) { on_samples(_i, EXPANDED, strided_bits); }
END_TEST

START_TEST(repeated_use) { on_samples(_i, CONTIGUOUS, used_twice); }
END_TEST

static void in_both_dtypes(trial t64) {
  const trial t32 = begin(t64.op, t64.sample, 0, CONTIGUOUS, NN_FLOAT32);
  dtypes(&t64, &t32);
}
START_TEST(dtypes_of_gradients) { on_samples(_i, CONTIGUOUS, in_both_dtypes); }
END_TEST

/* So large that the work is cut: sizes above 1 times k, in the shapes among the arguments too. */
static op_sample enlarged(const ag_op *op, const op_sample *sample, int64_t k, char text[SAMPLE_INPUTS][64]) {
  op_sample large = *sample;
  for (int i = 0; i < SAMPLE_INPUTS; i++) {
    if (!sample->x[i].shape) continue;
    const nn_shape shape = shape_of(sample->x[i].shape);
    int at = 0;
    text[i][0] = '\0';
    for (int d = 0; d < shape.rank; d++)
      at += snprintf(text[i] + at, (size_t)(64 - at), " %lld", (long long)(shape.dim[d] > 1 ? k : 1) * shape.dim[d]);
    large.x[i].shape = text[i];
  }
  for (int a = 0; a < AG_ATTRS; a++)
    if (op->attr[a].kind == AG_SHAPE && !strcmp(op->attr[a].name, "shape"))
      for (int d = 0; d < large.attr[a].ints.n; d++) large.attr[a].ints.v[d] *= large.attr[a].ints.v[d] > 1 ? k : 1;
  return large;
}

/* The factor with which neither the inputs nor the result have more than 300,000 elements; 1 where nothing can grow. */
static int64_t factor(const trial *t) {
  double k = INFINITY;
  for (int i = -1; i < t->n; i++) {
    const nn_shape shape = i < 0 ? applied(t)->value->shape : t->shape[i];
    double numel = 1, growing = 0;
    for (int d = 0; d < shape.rank; d++) numel *= (double)shape.dim[d], growing += shape.dim[d] > 1;
    if (growing) k = fmin(k, floor(pow(300000 / numel, 1 / growing)));
  }
  return isfinite(k) ? (int64_t)k : 1;
}

/* The result and all gradients, with 1, 2, 3 and 8 threads. */
static void on_threads(const trial *t) {
  static const int threads[] = {1, 2, 3, 8};
  ag_var *first = NULL, *first_dx[SAMPLE_INPUTS], *g = NULL, *dx[SAMPLE_INPUTS];
  for (int n = 0; n < 4; n++) {
    nn_set_threads(threads[n]);
    ag_var *y = applied(t);
    if (!n) g = random_like(y->value, false);
    gradients(t, y, g, 0, dx);
    if (!n) first = y, memcpy(first_dx, dx, sizeof dx);
    same_bits(t, y->value, first->value, "on one thread");
    for (int i = 0; i < t->leaves; i++) same_bits(t, dx[i]->value, first_dx[i]->value, "on one thread");
  }
}

/* Two large samples of each op, the second transposed. Ops whose sizes hang together with positions stay small. */
START_TEST(bits_on_any_number_of_threads) {
  static const char small[] = " slice_spread slice_put masked_spread ";
  char text[SAMPLE_INPUTS][64];
  int count, done = 0, found = 0;
  const ag_op *op = ag_ops(&count)[_i];
  for (const op_sample *sample = op_samples; sample->op && done < 2; sample++) {
    if (strcmp(sample->op, op->name)) continue;
    const trial t = begin(op, sample, ++found, CONTIGUOUS, NN_FLOAT32);
    const int64_t k = strstr(small, op->name) ? 1 : factor(&t);
    const op_sample large = enlarged(op, sample, k, text);
    const trial largest = begin(op, &large, found, done ? TRANSPOSED : CONTIGUOUS, NN_FLOAT32);
    on_threads(&largest);
    done += k > 1;
    nn_scope_close(0);
  }
  HOLDS_SO(done || !found || strstr(small, op->name), "%s: no sample can be enlarged", op->name);
}
END_TEST

/* A sample of an op that is not in the table would check nothing. */
START_TEST(samples_name_ops) {
  for (const op_sample *sample = op_samples; sample->op; sample++)
    HOLDS_SO(ag_op_named(sample->op), "op_samples.c: there is no op %s", sample->op);
}
END_TEST

/* Differences cannot see a wrong forward: each op that users see also has values from elsewhere, for
 * tests/lua/values.lua. */
START_TEST(values_are_on_record) {
  static char rows[1 << 20], as_function[64], as_method[64];
  FILE *file = fopen("tests/data/ops.csv", "r");
  HOLDS_SO(file, "tests/data/ops.csv is missing: run the suites at the top of the project");
  rows[fread(rows, 1, sizeof rows - 1, file)] = '\0';
  fclose(file);
  int count;
  for (const ag_op *const *op = ag_ops(&count), *const *end = op + count; op < end; op++) {
    if ((*op)->internal) continue;
    snprintf(as_function, sizeof as_function, "nn.%s(", (*op)->name);
    snprintf(as_method, sizeof as_method, ":%s(", (*op)->name);
    HOLDS_SO(strstr(rows, as_function) || strstr(rows, as_method),
             "%s has no values: add rows to tests/reference/ops.py", (*op)->name);
  }
}
END_TEST

Suite *ops_suite(void) {
  Suite *suite = suite_create("ops");
  TCase *each = tcase_create("each op");
  int count;
  ag_ops(&count);
  tcase_add_checked_fixture(each, fixture_open, fixture_close);
  tcase_set_timeout(each, 120);
  tcase_add_test(each, samples_name_ops);
  tcase_add_test(each, values_are_on_record);
  tcase_add_loop_test(each, first_derivatives, 0, count);
  tcase_add_loop_test(each, second_derivatives, 0, count);
  tcase_add_loop_test(each, bits_of_strided_inputs, 0, count);
  tcase_add_loop_test(each, bits_on_any_number_of_threads, 0, count);
  tcase_add_loop_test(each, repeated_use, 0, count);
  tcase_add_loop_test(each, dtypes_of_gradients, 0, count);
  suite_add_tcase(suite, each);
  return suite;
}
