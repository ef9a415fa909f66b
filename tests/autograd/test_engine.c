/* The walk back: accumulation, what is kept and freed, graphs of graphs, changes in place, refusals, deep graphs on
 * small stacks, memory that runs out at any moment, contexts beside each other. */
#include <pthread.h>

#include "check_nn.h"
#include "op.h"

Suite *engine_suite(void);

#define LEAF(...) ag_parameter(DOUBLES(__VA_ARGS__))
#define CONSTANT(...) ag_constant(DOUBLES(__VA_ARGS__))

static void is(ag_var *x, const nn_tensor *expected, const char *what) {
  HOLDS_SO(x, "%s: missing; %s", what, nn_error() ? nn_error() : "no error");
  same_tensor(x->value, expected, 1e-12, 1e-12, what);
}
#define GRAD_IS(x, ...) is(ag_grad_of(x), DOUBLES(__VA_ARGS__), #x)
#define VALUE_IS(x, ...) is(x, DOUBLES(__VA_ARGS__), #x)

static ag_var *total(ag_var *x) { return ag_sum(x, NN_ALL, false); }
static ag_var *tripled(ag_var *x) { return ag_mul(x, ag_number(3)); }

START_TEST(leaves_accumulate) {
  ag_var *x = LEAF(1, 2), *y = LEAF(3, 4);
  SUCCEEDS(ag_backward(total(ag_mul(x, y)), NULL, 0));
  GRAD_IS(x, 3, 4);
  GRAD_IS(y, 1, 2);
  ag_var *seen = nn_retain(ag_grad_of(x));
  SUCCEEDS(ag_backward(total(ag_square(x)), NULL, 0));
  GRAD_IS(x, 5, 8);
  VALUE_IS(seen, 3, 4);                   /* what somebody holds does not change under him */
  nn_release(seen);
  SUCCEEDS(ag_set_grad(x, NULL));
  SUCCEEDS(ag_backward(x, CONSTANT(7, 8), 0));
  GRAD_IS(x, 7, 8);
}
END_TEST

START_TEST(each_gradient_has_memory_of_its_own) {
  for (int flags = 0; flags <= AG_CREATE_GRAPH; flags += AG_CREATE_GRAPH) {
    ag_var *a = LEAF(1, 2), *b = LEAF(3, 4), *g = CONSTANT(5, 6), *grads[3];
    SUCCEEDS(ag_backward(ag_add(a, b), g, flags));
    const void *of_a = ag_grad_of(a)->value->data, *of_b = ag_grad_of(b)->value->data;
    ck_assert(of_a != of_b && of_a != g->value->data && of_b != g->value->data);
    SUCCEEDS(ag_grad(ag_add(a, b), g, 3, (ag_var *[]){a, b, a}, flags, grads));
    for (int i = 0; i < 3; i++) {
      VALUE_IS(grads[i], 5, 6);
      ck_assert(grads[i]->value->data != g->value->data && grads[i]->value->data != grads[(i + 1) % 3]->value->data);
    }
    ag_var *ones = ag_constant(nn_ones(NN_FLOAT64, NN_SHAPE(3, 2)));
    SUCCEEDS(ag_backward(ag_mul(ag_broadcast_to(a, NN_SHAPE(3, 2)), ag_number(1)), ones, flags));
    GRAD_IS(a, 8, 9);
  }
}
END_TEST

START_TEST(the_graph_is_freed_unless_kept) {
  ag_var *x = LEAF(2), *y = total(ag_square(x));
  SUCCEEDS(ag_backward(y, NULL, AG_RETAIN_GRAPH));
  SUCCEEDS(ag_backward(y, NULL, 0));
  GRAD_IS(x, 8);
  fails_with(ag_backward(y, NULL, 0), "backward: the graph was already freed by an earlier backward; "
                                      "pass {retain_graph = true} to the first one");
  fails_with(ag_backward(ag_exp(y), NULL, 0), "already freed");
  GRAD_IS(x, 8);
}
END_TEST

START_TEST(third_order_of_x_to_the_4th) {
  ag_var *x = LEAF(-1.5, 0, 2), *d1, *d2, *d3;
  SUCCEEDS(ag_grad(total(ag_pow(x, ag_number(4))), NULL, 1, &x, AG_CREATE_GRAPH, &d1));
  SUCCEEDS(ag_grad(total(d1), NULL, 1, &x, AG_CREATE_GRAPH, &d2));
  SUCCEEDS(ag_grad(total(d2), NULL, 1, &x, 0, &d3));
  VALUE_IS(d1, -13.5, 0, 32);
  VALUE_IS(d2, 27, 0, 48);
  VALUE_IS(d3, -36, 0, 48);
  ck_assert(ag_requires_grad(d2) && !ag_requires_grad(d3));
  ck_assert_ptr_null(ag_grad_of(x));      /* grad leaves the leaves alone */
}
END_TEST

/* The gradient at the leaf then holds the graph, and that the leaf: still nothing may stay behind. */
START_TEST(backward_with_create_graph) {
  ag_var *x = LEAF(3);
  SUCCEEDS(ag_backward(total(ag_mul(ag_square(x), x)), NULL, AG_CREATE_GRAPH));
  GRAD_IS(x, 27);
  ag_var *first = nn_retain(ag_grad_of(x)), *second;
  SUCCEEDS(ag_grad(total(first), NULL, 1, &x, AG_RETAIN_GRAPH, &second));
  VALUE_IS(second, 18);
  SUCCEEDS(ag_backward(total(first), NULL, 0));
  GRAD_IS(x, 45);
  nn_release(first);
}
END_TEST

START_TEST(gradients_by_inner_variables) {
  ag_var *x = LEAF(2, 3), *y = ag_square(x), *z = total(tripled(y)), *grads[3];
  SUCCEEDS(ag_grad(z, NULL, 3, (ag_var *[]){y, x, z}, 0, grads));
  VALUE_IS(grads[0], 3, 3);
  VALUE_IS(grads[1], 12, 18);
  ck_assert(nn_item(grads[2]->value) == 1 && grads[2]->value->shape.rank == 0);
}
END_TEST

START_TEST(unused_inputs) {
  ag_var *x = LEAF(1, 2), *other = LEAF(5), *grads[2] = {NULL};
  fails_with(ag_grad(total(x), NULL, 2, (ag_var *[]){x, other}, 0, grads), "grad: input 2 is unused");
  SUCCEEDS(ag_grad(total(tripled(x)), NULL, 2, (ag_var *[]){x, other}, AG_ALLOW_UNUSED, grads));
  VALUE_IS(grads[0], 3, 3);
  VALUE_IS(grads[1], 0);
  ag_var *constant = CONSTANT(1);
  fails_with(ag_grad(total(x), NULL, 1, &constant, 0, grads), "grad: input 1 does not require gradients");
  fails_with(ag_grad(total(x), NULL, 0, NULL, 0, grads), "no inputs");
}
END_TEST

START_TEST(where_backward_can_start) {
  ag_var *x = LEAF(1, 2);
  fails_with(ag_backward(ag_square(x), NULL, 0), "a tensor of shape {2} needs a gradient to start from");
  fails_with(ag_backward(ag_square(x), CONSTANT(1, 2, 3), 0), "the gradient given has shape {3}; the tensor has {2}");
  fails_with(ag_backward(total(CONSTANT(1, 2)), NULL, 0), "nothing to differentiate");
  SUCCEEDS(!ag_backward(NULL, NULL, 0) && !nn_error());
  SUCCEEDS(ag_backward(ag_reshape(total(x), NN_SHAPE(1, 1)), NULL, 0));   /* one element of any rank */
  ag_var *narrow = ag_constant(nn_cast(DOUBLES(2, 4), NN_FLOAT32));
  SUCCEEDS(ag_backward(ag_square(x), narrow, 0));
  GRAD_IS(x, 5, 17);
}
END_TEST

/* NULL in, NULL out, without an error of its own: the cause has been recorded before. */
START_TEST(missing_operands) {
  ag_var *x = LEAF(1), *none = NULL, *grad;
  ck_assert(!ag_add(x, NULL) && !ag_add(NULL, x) && !ag_cat(2, (ag_var *[]){x, NULL}, 1) && !ag_exp(NULL));
  ck_assert(!ag_layer_norm(NULL, x, x, NN_ALL, 1) && !ag_constant(NULL) && !ag_parameter(NULL) && !ag_detach(NULL));
  ck_assert(!ag_grad(ag_exp(x), NULL, 1, &none, 0, &grad) && !ag_grad(NULL, NULL, 1, &x, 0, &grad));
  ck_assert(!ag_overwrite("add_", NULL, x) && !ag_overwrite("add_", ag_exp(x), NULL));
  ck_assert(!ag_assign(NULL, 0, NULL, x) && !ag_assign(ag_exp(x), 0, NULL, NULL));
  ck_assert(!ag_set_grad(NULL, x) && !ag_set_requires_grad(NULL, true) && !ag_grad_of(NULL));
  ck_assert_ptr_null(nn_error());
}
END_TEST

START_TEST(nothing_is_recorded_on_request) {
  ag_var *x = LEAF(1, 2);
  ck_assert(nn_set_recording(false));
  ag_var *y = total(ag_square(x));
  ck_assert(!ag_requires_grad(y) && ag_is_leaf(y));
  fails_with(ag_backward(y, NULL, 0), "not recorded inside no_grad");
  ck_assert(!nn_set_recording(true));
  SUCCEEDS(ag_backward(total(ag_square(x)), NULL, 0));
  ck_assert(nn_recording() && !ag_requires_grad(ag_grad_of(x)));
  ag_var *flat[] = {ag_floor(CONSTANT(1)), ag_gt(x, x), ag_detach(x), ag_to(x, NN_INT64), ag_argmax(x, 1, false)};
  for (int i = 0; i < 5; i++) ck_assert(!ag_requires_grad(flat[i]));
}
END_TEST

/* What backward still needs was changed: of mul an input, of exp the result; add needs neither. */
START_TEST(changed_values_are_noticed) {
  ag_var *x = LEAF(1, 2), *c = CONSTANT(3, 4), *product = ag_mul(x, c), *power = ag_exp(x), *sum = ag_add(x, c);
  nn_set_recording(false);
  SUCCEEDS(ag_overwrite("fill_", c, ag_number(0)));
  SUCCEEDS(ag_overwrite("fill_", sum, ag_number(0)));
  SUCCEEDS(ag_overwrite("fill_", power, ag_number(0)));
  nn_set_recording(true);
  fails_with(ag_backward(total(product), NULL, 0), "input 2 of mul was changed in place after mul used it");
  fails_with(ag_backward(total(power), NULL, 0), "the result of exp was changed in place, but its gradient needs it");
  ck_assert_ptr_null(ag_grad_of(x));
  SUCCEEDS(ag_backward(total(sum), NULL, 0));
  GRAD_IS(x, 1, 1);
  ag_var *weight = LEAF(5, 6), *square = ag_square(weight);
  nn_set_recording(false);
  SUCCEEDS(ag_assign(weight, 1, &(nn_range){1, 1, false}, ag_number(0)));
  nn_set_recording(true);
  fails_with(ag_backward(total(square), NULL, 0), "input 1 of square was changed in place");
}
END_TEST

START_TEST(overwriting_takes_the_history_over) {
  ag_var *x = LEAF(1, 2), *w = LEAF(4), *y = ag_add(x, ag_number(0)), *c = CONSTANT(8, 9);
  SUCCEEDS(ag_overwrite("mul_", y, tripled(y)));
  VALUE_IS(y, 3, 6);
  SUCCEEDS(ag_overwrite("copy_", c, ag_add(w, y)));             /* a constant gets a history */
  SUCCEEDS(ag_backward(total(ag_mul(c, c)), NULL, 0));
  GRAD_IS(x, 42, 60);
  GRAD_IS(w, 34);
  SUCCEEDS(ag_overwrite("copy_", c, CONSTANT(5)));              /* and loses it */
  ck_assert(!ag_requires_grad(c));
  VALUE_IS(c, 5, 5);
  ag_var *matrix = ag_constant(nn_reshape(DOUBLES(1, 2, 3, 4), NN_SHAPE(2, 2)));
  SUCCEEDS(ag_overwrite("copy_", matrix, ag_transpose(matrix, 1, 2)));
  VALUE_IS(ag_flatten(matrix), 1, 3, 2, 4);
  ag_var *whole = ag_constant(nn_cast(DOUBLES(1, 2), NN_INT64));
  fails_with(ag_overwrite("copy_", whole, CONSTANT(1, NAN)), "does not fit into int64");
  fails_with(ag_overwrite("copy_", whole, CONSTANT(1, 2, 3)), "copy_: ");
}
END_TEST

START_TEST(assigning_parts) {
  ag_var *x = LEAF(1, 2, 3, 4), *v = LEAF(5), *y = tripled(x);
  SUCCEEDS(ag_assign(y, 1, &(nn_range){2, 3, false}, v));
  VALUE_IS(y, 3, 5, 5, 12);
  SUCCEEDS(ag_backward(y, CONSTANT(1, 10, 100, 1000), 0));
  GRAD_IS(x, 3, 0, 0, 3000);
  GRAD_IS(v, 110);
  ag_var *zeros = ag_constant(nn_zeros(NN_FLOAT64, NN_SHAPE(2, 2)));
  SUCCEEDS(ag_assign(zeros, 2, (nn_range[]){{0}, {-1, -1, true}}, ag_mul(v, v)));
  SUCCEEDS(ag_backward(total(zeros), NULL, 0));
  GRAD_IS(v, 130);
  fails_with(ag_assign(y, 1, &(nn_range){5, 5, true}, v), "position 5 is outside");
  fails_with(ag_assign(y, 1, &(nn_range){1, 2, false}, CONSTANT(1, 2, 3)), "{3}");
}
END_TEST

START_TEST(changes_that_are_refused) {
  ag_var *x = LEAF(1, 2), *y = ag_square(x), *part;
  fails_with(ag_overwrite("add_", x, CONSTANT(1)), "add_: a leaf that requires gradients is not changed in place");
  fails_with(ag_assign(x, 1, &(nn_range){1, 1, true}, ag_number(0)), "a leaf that requires gradients");
  part = ag_slice("index", y, 1, &(nn_range){1, 1, false});
  fails_with(ag_overwrite("add_", y, tripled(y)), "views share this memory");
  fails_with(ag_overwrite("add_", part, tripled(part)), "views share this memory");
  ag_var *same = ag_contiguous(x), *cast = ag_apply(ag_op_named("to"), 1, &x, (const ag_attr[]){{.text = "float64"}});
  fails_with(ag_overwrite("add_", same, CONSTANT(1)), "add_: ");        /* x itself, whatever it is called */
  fails_with(ag_overwrite("add_", cast, CONSTANT(1)), "add_: ");
  ag_var *plain = CONSTANT(1, 2), *view = ag_slice("index", plain, 1, &(nn_range){2, 2, false});
  SUCCEEDS(ag_overwrite("fill_", view, ag_number(7)));                  /* constants may share */
  VALUE_IS(plain, 1, 7);
  nn_set_recording(false);
  SUCCEEDS(ag_overwrite("add_", x, ag_add(x, ag_number(1))));
  nn_set_recording(true);
  VALUE_IS(x, 2, 3);
  ck_assert(ag_is_leaf(x) && ag_requires_grad(x));
}
END_TEST

START_TEST(who_may_require_gradients) {
  ag_var *x = LEAF(1), *y = ag_exp(x), *whole = ag_constant(nn_arange(NN_INT64, 1, 3, 1));
  fails_with(ag_set_requires_grad(y, false), "only a leaf may stop requiring gradients");
  fails_with(ag_set_requires_grad(whole, true), "only floats have gradients; this tensor is int64");
  fails_with(ag_parameter(whole->value), "only floats");
  fails_with(ag_set_grad(y, x), "only a leaf");
  fails_with(ag_set_grad(x, CONSTANT(1, 2)), "its tensor's shape and dtype");
  SUCCEEDS(ag_set_grad(x, CONSTANT(9)));
  GRAD_IS(x, 9);
  SUCCEEDS(ag_set_requires_grad(x, false));
  ck_assert(!ag_requires_grad(x) && !ag_grad_of(x));
  SUCCEEDS(ag_backward(y, NULL, 0));      /* the leaf that y knew is gone */
  ck_assert_ptr_null(ag_grad_of(x));
}
END_TEST

START_TEST(gradients_keep_dtypes) {
  ag_var *x = ag_parameter(nn_cast(DOUBLES(0.5, 2), NN_FLOAT32)), *y = LEAF(3, 4);
  SUCCEEDS(ag_backward(total(ag_mul(ag_to(x, NN_FLOAT64), y)), NULL, 0));
  ck_assert_int_eq(ag_grad_of(x)->value->dtype, NN_FLOAT32);
  GRAD_IS(y, 0.5, 2);
}
END_TEST

START_TEST(ranks_above_8) {
  ag_var *x = LEAF(1);
  const nn_shape nine = nn_shape_of(9, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1});
  fails_with(ag_broadcast_to(x, nine), "rank 9 is above 8");
  fails_with(ag_reshape(x, nine), "rank 9 is above 8");
  fails_with(ag_slice("index", x, 9, NULL), "index: 9 positions; the highest rank is 8");
}
END_TEST

/* 41 inputs, of which one stands twice; and a value used by 2^60 ways. */
START_TEST(wide_and_shared) {
  ag_var *list[41], *x = LEAF(1);
  for (int i = 0; i < 40; i++) list[i] = LEAF(i);
  list[40] = list[3];
  SUCCEEDS(ag_backward(total(ag_square(ag_cat(41, list, 1))), NULL, 0));
  GRAD_IS(list[3], 12);
  GRAD_IS(list[39], 78);
  ag_var *y = x;
  for (int i = 0; i < 60; i++) y = ag_add(y, y);
  SUCCEEDS(ag_backward(y, NULL, 0));
  GRAD_IS(x, 0x1p60);
}
END_TEST

START_TEST(values_nobody_needs_are_freed) {
  ag_var *x = LEAF(1, 2);
  const int64_t tensors = nn_memory().tensors;
  const size_t mark = nn_scope_open();
  ag_var *y = x;
  for (int i = 0; i < 10; i++) y = ag_add(y, x);
  y = nn_scope_return(mark, total(y));
  ck_assert_int_eq(nn_memory().tensors, tensors + 1);          /* the sum alone */
  SUCCEEDS(ag_backward(y, NULL, 0));
  GRAD_IS(x, 11, 11);
}
END_TEST

/* Ops of a test's own: one whose vjp starts another walk over the same graph, one that gives no gradient. */
static ag_var *outer_result;
static bool inner_result;
FORWARD(doubled) { return nn_mul(x[0], nn_number(2)); }
VJP(doubled) { inner_result = ag_backward(outer_result, NULL, 0); }
VJP(silent) {}
static const ag_op doubled_op = {.name = "doubled", .arity = 1, .forward = doubled_forward, .vjp = doubled_vjp};
static const ag_op silent_op = {.name = "silent", .arity = 1, .forward = doubled_forward, .vjp = silent_vjp};

START_TEST(walks_inside_walks) {
  ag_var *x = LEAF(1), *grad;
  outer_result = ag_apply(&doubled_op, 1, &x, NULL);
  fails_with(ag_backward(outer_result, NULL, 0), "called from inside a backward over the same graph");
  ck_assert(!inner_result);
  SUCCEEDS(ag_backward(ag_add(x, ag_apply(&silent_op, 1, &x, NULL)), NULL, 0));
  GRAD_IS(x, 1);
  fails_with(ag_grad(ag_apply(&silent_op, 1, &x, NULL), NULL, 1, &x, 0, &grad), "unused");
}
END_TEST

START_TEST(interruption) {
  ag_var *x = LEAF(1), *y = ag_exp(ag_exp(x));
  nn_interrupt(fixture.context);
  fails_with(ag_backward(y, NULL, 0), "interrupted");
  nn_interrupt(fixture.context);
  fails_with(ag_exp(x), "interrupted");
  SUCCEEDS(ag_backward(ag_exp(x), NULL, 0));
}
END_TEST

/* A million additions, built, differentiated and freed, where recursion would end after a few thousand. */
enum { DEEP = 1000000 };
static void *deep_chain(UNUSED void *user) {
  nn_context *context = nn_context_new();
  nn_context_use(context);
  ag_var *x = LEAF(1), *y = nn_retain(x);
  for (int i = 0; y && i < DEEP; i++) {
    const size_t mark = nn_scope_open();
    ag_var *next = nn_retain(ag_add(y, x));
    nn_scope_close(mark);
    nn_release(y);
    y = next;
  }
  const bool differentiated = ag_backward(y, NULL, AG_RETAIN_GRAPH) && nn_item(ag_grad_of(x)->value) == DEEP + 1;
  nn_release(y);                          /* frees the graph */
  nn_scope_close(0);
  const bool freed = nn_memory().tensors == 0;
  nn_context_use(NULL);
  nn_context_free(context);
  return differentiated && freed ? context : NULL;
}

START_TEST(a_million_nodes_on_a_small_stack) {
  pthread_attr_t small;
  pthread_t thread;
  void *result;
  pthread_attr_init(&small);
  ck_assert_int_eq(pthread_attr_setstacksize(&small, 256 * 1024), 0);
  ck_assert_int_eq(pthread_create(&thread, &small, deep_chain, NULL), 0);
  pthread_join(thread, &result);
  pthread_attr_destroy(&small);
  ck_assert_ptr_nonnull(result);
}
END_TEST

/* A network of two layers, a step of plain descent, a gradient of a gradient. What can fail: everything. */
static bool work(double *result) {
  nn_seed(5);
  const nn_shape in = NN_SHAPE(3, 4), hidden = NN_SHAPE(4, 8), out = NN_SHAPE(8, 2);
  ag_var *x = ag_constant(nn_normal(NULL, NN_FLOAT32, in, 0, 1));
  ag_var *labels = ag_constant(nn_randint(NULL, 1, 2, NN_SHAPE(3, 1)));
  ag_var *w1 = ag_parameter(nn_normal(NULL, NN_FLOAT32, hidden, 0, 1));
  ag_var *w2 = ag_parameter(nn_normal(NULL, NN_FLOAT32, out, 0, 1));
  ag_var *b = ag_parameter(nn_zeros(NN_FLOAT32, NN_SHAPE(8))), *grads[2];
  ag_var *h = ag_layer_norm(ag_gelu(ag_linear(x, w1, b), false), NULL, NULL, NN_ALL, 1e-3);
  ag_var *p = ag_log_softmax(ag_einsum("bi,io->bo", 2, (ag_var *[]){h, w2}), -1);
  ag_var *loss = ag_neg(ag_mean(ag_gather(ag_dropout(p, 0.3), 2, labels), NN_ALL, false));
  if (!ag_grad(loss, NULL, 2, (ag_var *[]){w1, w2}, AG_CREATE_GRAPH, grads)) return false;
  ag_var *largest = ag_amax(ag_prod(grads[1], NN_INTS(2), false), NN_ALL, false);
  if (!ag_backward(ag_add(loss, ag_add(ag_norm(grads[0], NN_ALL, false), largest)), NULL, 0)) return false;
  const bool recording = nn_set_recording(false);
  const bool stepped = ag_overwrite("sub_", w1, ag_sub(w1, ag_grad_of(w1))) &&
                       ag_assign(b, 1, &(nn_range){1, 2, false}, ag_number(1));
  nn_set_recording(recording);
  ag_var *sum = ag_cat(2, (ag_var *[]){ag_flatten(w1), ag_flatten(ag_grad_of(b))}, 1);
  sum = total(sum);
  if (!stepped || !sum) return false;
  *result = nn_item(sum->value);
  return true;
}

/* In a fresh context, so that growing the list of scopes and the first use of each size fail too. False when there was
 * no n-th allocation. */
static bool fails_cleanly(int64_t n, bool for_good, double expected) {
  double result = 0;
  fixture_open();
  nn_memory_fail_at(n, for_good);
  const bool done = work(&result), failed = nn_memory_allocations() >= n;
  nn_memory_fail_at(0, false);
  const char *error = nn_error() ? nn_error() : "none";
  HOLDS_SO(done != failed, "allocation %lld: %s", (long long)n, done ? "its failure went unnoticed" : error);
  HOLDS_SO(failed == (strstr(error, "out of memory") != NULL), "allocation %lld: the error is %s", (long long)n, error);
  HOLDS_SO(nn_recording(), "allocation %lld: recording stayed off", (long long)n);
  nn_clear_error();
  nothing_live("after a failed allocation");
  HOLDS_SO(work(&result) && result == expected, "allocation %lld: the next run gives %.17g", (long long)n, result);
  fixture_close();
  return failed;
}

START_TEST(every_allocation_fails) {
  double expected;
  fixture_open();
  SUCCEEDS(work(&expected));
  fixture_close();
  int64_t n = 1;
  while (fails_cleanly(n, _i == 1, expected)) n++;
  ck_assert_int_gt(n, 400);
}
END_TEST

static void *runs_alone(void *result) {
  nn_context *context = nn_context_new();
  nn_context_use(context);
  bool done = true;
  for (int i = 0; done && i < 50; i++) {
    const size_t mark = nn_scope_open();
    done = work(result);
    nn_scope_close(mark);
  }
  nn_context_use(NULL);
  nn_context_free(context);
  return done ? result : NULL;
}

START_TEST(contexts_beside_each_other) {
  enum { THREADS = 4 };
  pthread_t thread[THREADS];
  double result[THREADS], expected;
  void *done;
  for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, runs_alone, &result[i]), 0);
  SUCCEEDS(work(&expected));
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], &done);
    HOLDS_SO(done && result[i] == expected, "thread %d: %.17g, not %.17g", i, result[i], expected);
  }
}
END_TEST

Suite *engine_suite(void) {
  const TTest *const tests[] = {
    leaves_accumulate, each_gradient_has_memory_of_its_own, the_graph_is_freed_unless_kept,
    third_order_of_x_to_the_4th, backward_with_create_graph, gradients_by_inner_variables, unused_inputs,
    missing_operands,
    where_backward_can_start, nothing_is_recorded_on_request, changed_values_are_noticed,
    overwriting_takes_the_history_over, assigning_parts, changes_that_are_refused, who_may_require_gradients,
    gradients_keep_dtypes, wide_and_shared, ranks_above_8, values_nobody_needs_are_freed, walks_inside_walks,
    interruption, contexts_beside_each_other,
  };
  Suite *suite = suite_create("engine");
  TCase *one = tcase_create("one context"), *own = tcase_create("contexts of their own");
  tcase_add_checked_fixture(one, fixture_open, fixture_close);
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) tcase_add_test(one, tests[i]);
  tcase_set_timeout(own, 120);
  tcase_add_test(own, a_million_nodes_on_a_small_stack);
  tcase_add_loop_test(own, every_allocation_fails, 0, 2);
  suite_add_tcase(suite, one);
  suite_add_tcase(suite, own);
  return suite;
}
