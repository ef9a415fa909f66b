/* One step of any optimizer: unscale, accumulate, clip, decay, update, average. All that can fail is done before the
 * first parameter changes. */
#include <inttypes.h>
#include <string.h>

#include "declare.h"
#include "memory.h"
#include "update.h"

enum {
  RATE, DECAY, CLIPNORM, CLIPVALUE, GLOBAL_CLIPNORM, USE_EMA, EMA_MOMENTUM, OVERWRITE, LOSS_SCALE, ACCUMULATION, COMMON
};

const ag_option ag_optimizer_options[] = {
  OPTION(NUMBER, "learning_rate", "size of a step; a number or a schedule", .value = 0.001, AT_LEAST(0)),
  OPTION(NUMBER, "weight_decay", "part of the learning rate by which weights shrink", .optional = true, AT_LEAST(0)),
  OPTION(NUMBER, "clipnorm", "largest norm of a parameter's gradient", .optional = true, AT_LEAST(0)),
  OPTION(NUMBER, "clipvalue", "largest size of a gradient's element", .optional = true, AT_LEAST(0)),
  OPTION(NUMBER, "global_clipnorm", "largest norm of all gradients together", .optional = true, AT_LEAST(0)),
  OPTION(FLAG, "use_ema", "keep a moving average of the weights"),
  OPTION(NUMBER, "ema_momentum", "how much of the average is kept", .value = 0.99, WITHIN(0, 1)),
  OPTION(INTEGER, "ema_overwrite_frequency", "steps until weights become their average", .optional = true, AT_LEAST(1)),
  OPTION(NUMBER, "loss_scale_factor", "what the loss was multiplied by", .optional = true, AT_LEAST(0x1p-1022)),
  OPTION(INTEGER, "gradient_accumulation_steps", "batches that make one update", .optional = true, AT_LEAST(2)),
  {.kind = AG_OPTION_END},
};

ag_option ag_optimizer_option(const ag_optimizer_class *class_, int i) {
  if (i >= COMMON) return class_->option ? class_->option[i - COMMON] : (ag_option){.kind = AG_OPTION_END};
  ag_option option = ag_optimizer_options[i];
  if (i == RATE && class_->learning_rate > 0) option.value = class_->learning_rate;
  if (i == DECAY && class_->weight_decay > 0) {
    option.value = class_->weight_decay;
    option.optional = false;
  }
  return option;
}

/* State */

static int option_count(const ag_optimizer_class *class_) { return COMMON + ag_option_count(class_->option); }
static const ag_value *own_options(const ag_optimizer *o) { return o->option + COMMON; }
static int class_slots(const ag_optimizer *o) { return o->class_->slots ? o->class_->slots(own_options(o)) : 0; }
static bool averages(const ag_optimizer *o) { return o->option[USE_EMA].flag; }
static bool accumulates(const ag_optimizer *o) { return o->option[ACCUMULATION].integer != AG_NIL; }
static nn_tensor *slot(const ag_optimizer *o, int parameter, int i) { return o->slot[parameter * o->slots + i]; }
static nn_tensor *average_of(const ag_optimizer *o, int parameter) { return slot(o, parameter, class_slots(o)); }
static nn_tensor *accumulator_of(const ag_optimizer *o, int parameter) { return slot(o, parameter, o->slots - 1); }

static void free_arrays(nn_context *context, ag_var **parameter, nn_tensor **slots, int parameters, int each) {
  if (parameter) nn_block_free(context, parameter, (size_t)parameters * sizeof *parameter);
  if (slots) nn_block_free(context, slots, (size_t)(parameters * each) * sizeof *slots);
}

static void drop_optimizer(nn_object *object) {
  ag_optimizer *o = (ag_optimizer *)object;
  for (int i = 0; i < o->parameters; i++) nn_release(o->parameter[i]);
  for (int i = 0; i < o->parameters * o->slots; i++) nn_release(o->slot[i]);
  free_arrays(object->context, o->parameter, o->slot, o->parameters, o->slots);
  if (o->option) nn_block_free(object->context, o->option, (size_t)option_count(o->class_) * sizeof *o->option);
}

static void default_options(const ag_optimizer_class *class_, ag_value *values) {
  for (int i = 0; ag_optimizer_option(class_, i).kind != AG_OPTION_END; i++) {
    const ag_option list[] = {ag_optimizer_option(class_, i), {.kind = AG_OPTION_END}};
    ag_option_defaults(list, values + i);
  }
}

static bool one_way_to_clip(const ag_optimizer *o) {
  int given = 0;
  for (int i = CLIPNORM; i <= GLOBAL_CLIPNORM; i++) given += !is_nil(o->option[i].number);
  if (given < 2) return true;
  return nn_fail("%s: only one of clipnorm, clipvalue and global_clipnorm may be given", o->class_->class_name);
}

ag_optimizer *ag_optimizer_new(const ag_optimizer_class *class_, const ag_value *option) {
  static const nn_type optimizer_type = {"optimizer", sizeof(ag_optimizer), drop_optimizer};
  const size_t bytes = (size_t)option_count(class_) * sizeof *option;
  ag_optimizer *o = nn_scope_own(nn_object_new(class_->class_name, &optimizer_type, 0));
  if (!o) return NULL;
  o->class_ = class_;
  o->option = nn_block(class_->class_name, bytes);
  if (!o->option) return NULL;
  if (option) memcpy(o->option, option, bytes);
  else default_options(class_, o->option);
  o->learning_rate = o->option[RATE].number;
  o->slots = class_slots(o) + averages(o) + accumulates(o);
  return one_way_to_clip(o) ? o : NULL;
}

/* Where p is among the parameters known; guess is the place it has when the same list comes again. -1: new. */
static int find(const ag_optimizer *o, const ag_var *p, int guess) {
  if (guess < o->parameters && o->parameter[guess] == p) return guess;
  for (int i = 0; i < o->parameters; i++)
    if (o->parameter[i] == p) return i;
  return -1;
}

static bool trainable(const ag_optimizer *o, int n, ag_var *const *parameters) {
  for (int i = 0; i < n; i++) {
    if (!parameters[i]) return false;
    if (nn_is_float(parameters[i]->value->dtype)) continue;
    return nn_fail("%s: only floats are trained; parameter %d is %s", o->class_->class_name, i + 1,
                   nn_dtype_name(parameters[i]->value->dtype));
  }
  return true;
}

/* The state tensors of p, in the open scope. */
static bool make_slots(const ag_optimizer *o, const ag_var *p, nn_tensor **slots) {
  const int own = class_slots(o);
  for (int i = 0; i < o->slots; i++) {
    const double initial = i < own && o->class_->initial ? o->class_->initial(own_options(o), i) : 0;
    const bool average = averages(o) && i == own;
    slots[i] = average ? nn_clone(p->value) : nn_full(p->value->dtype, p->value->shape, initial);
    if (!slots[i]) return false;
  }
  return true;
}

/* How many of parameters are new; one that is named twice counts once. */
static int count_new(const ag_optimizer *o, int n, ag_var *const *parameters) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    bool known = find(o, parameters[i], i) >= 0;
    for (int j = 0; j < i && !known; j++) known = parameters[j] == parameters[i];
    count += !known;
  }
  return count;
}

/* Into larger arrays: what is known, then the new parameters and their state (owned by the open scope). */
static bool fill(const ag_optimizer *o, int n, ag_var *const *parameters, ag_var **parameter, nn_tensor **slots) {
  int count = o->parameters;
  for (int i = 0; i < count; i++) parameter[i] = o->parameter[i];
  for (int i = 0; i < count * o->slots; i++) slots[i] = o->slot[i];
  for (int i = 0; i < n; i++) {
    bool known = find(o, parameters[i], i) >= 0;
    for (int j = o->parameters; j < count && !known; j++) known = parameter[j] == parameters[i];
    if (known) continue;
    if (!make_slots(o, parameters[i], slots + count * o->slots)) return false;
    parameter[count++] = parameters[i];
  }
  return true;
}

/* From now on o holds the first total of these. */
static void install(ag_optimizer *o, ag_var **parameter, nn_tensor **slots, int total) {
  for (int i = o->parameters; i < total; i++) nn_retain(parameter[i]);
  for (int i = o->parameters * o->slots; i < total * o->slots; i++) nn_retain(slots[i]);
  free_arrays(o->object.context, o->parameter, o->slot, o->parameters, o->slots);
  o->parameter = parameter;
  o->slot = slots;
  o->parameters = total;
}

bool ag_optimizer_build(ag_optimizer *o, int n, ag_var *const *parameters) {
  if (!o || !trainable(o, n, parameters)) return false;
  const int fresh = count_new(o, n, parameters), total = o->parameters + fresh;
  if (!fresh) return true;
  const size_t mark = nn_scope_open(), bytes = (size_t)(total * o->slots) * sizeof(nn_tensor *);
  ag_var **parameter = nn_block(o->class_->class_name, (size_t)total * sizeof *parameter);
  nn_tensor **slots = parameter && o->slots ? nn_block(o->class_->class_name, bytes) : NULL;
  const bool done = parameter && (slots || !o->slots) && fill(o, n, parameters, parameter, slots);
  if (done) install(o, parameter, slots, total);
  else free_arrays(o->object.context, parameter, slots, total, o->slots);
  nn_scope_close(mark);
  return done;
}

int64_t ag_optimizer_state_count(const ag_optimizer *o) {
  int64_t count = 2;                          /* iterations and learning rate, as Keras counts them */
  for (int i = 0; i < o->parameters * o->slots; i++) count += o->slot[i]->numel;
  return count;
}

bool ag_optimizer_finish(ag_optimizer *o) {
  for (int i = 0; averages(o) && o->iterations && i < o->parameters; i++)
    if (!nn_copy_into(o->class_->class_name, o->parameter[i]->value, average_of(o, i))) return false;
  return true;
}

/* A step */

typedef struct item {
  ag_var *parameter;
  int index;                    /* among the parameters known */
  nn_tensor *w, *g;             /* contiguous: its value, or a copy where that is not; its gradient (NULL: none) */
} item;

static bool fits(const ag_optimizer *o, const ag_var *p, const nn_tensor *g, int i) {
  if (nn_shape_equal(&p->value->shape, &g->shape)) return true;
  return nn_fail("%s: the gradient of parameter %d has shape %s; expected %s", o->class_->class_name, i + 1,
                 nn_shape_text(&g->shape).s, nn_shape_text(&p->value->shape).s);
}

static bool seen_before(const item *items, int count, int index) {
  for (int i = 0; i < count; i++)
    if (items[i].index == index) return true;
  return false;
}

/* The parameters that have a gradient, or one waiting in their accumulator; their number, or -1 with an error. */
static int collect(const ag_optimizer *o, int n, ag_var *const *parameters, ag_var *const *grads, item *items) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    ag_var *p = parameters[i], *g = grads ? grads[i] : ag_grad_of(p);
    const int index = find(o, p, i);
    if (!g && !o->accumulated) continue;
    if (g && !fits(o, p, g->value, i)) return -1;
    if (index != i && seen_before(items, count, index)) {
      if (grads) nn_fail("%s: parameter %d is given twice", o->class_->class_name, i + 1);
      if (grads) return -1;
      continue;
    }
    items[count] = (item){.parameter = p, .index = index};
    if (g && !(items[count].g = nn_contiguous(nn_cast(g->value, p->value->dtype)))) return -1;
    count++;
  }
  if (!count) nn_fail("%s: no parameter has a gradient; call loss:backward() before step", o->class_->class_name);
  return count ? count : -1;
}

/* Sum of squares in eight running sums: an order fixed by n. */
#define SQUARES(T)                                                                             \
  static double squares_##T(const T *x, int64_t n) {                                           \
    double sum[8] = {0}, total = 0;                                                            \
    int64_t i = 0;                                                                             \
    for (; i + 8 <= n; i += 8)                                                                 \
      for (int j = 0; j < 8; j++) sum[j] += (double)x[i + j] * (double)x[i + j];               \
    for (; i < n; i++) total += (double)x[i] * (double)x[i];                                   \
    for (int j = 0; j < 8; j++) total += sum[j];                                               \
    return total;                                                                              \
  }
SQUARES(float)
SQUARES(double)

static double squares(const nn_tensor *g) {
  return g->dtype == NN_FLOAT32 ? squares_float(g->data, g->numel) : squares_double(g->data, g->numel);
}

static nn_tensor *scaled(nn_tensor *g, double factor) { return factor == 1 ? g : nn_mul(g, nn_number(factor)); }

/* g / loss_scale_factor */
static bool unscale(const ag_optimizer *o, item *items, int count) {
  const double scale = o->option[LOSS_SCALE].number;
  for (int i = 0; i < count && !is_nil(scale); i++)
    if (items[i].g && !(items[i].g = nn_div(items[i].g, nn_number(scale)))) return false;
  return true;
}

static bool between_updates(const ag_optimizer *o) {
  return accumulates(o) && o->accumulated + 1 < o->option[ACCUMULATION].integer;
}

/* A batch between updates: its gradients wait in the accumulators. */
static bool accumulate(ag_optimizer *o, const item *items, int count) {
  for (int i = 0; i < count; i++)
    if (items[i].g && !nn_arithmetic_in_place(NN_ADD, accumulator_of(o, items[i].index), items[i].g))
      return nn_fail("%s: a gradient and its parameter differ", o->class_->class_name);
  o->accumulated++;
  return true;
}

/* The mean of what waits there and of this batch. */
static bool average_gradients(const ag_optimizer *o, item *items, int count) {
  for (int i = 0; i < count && accumulates(o); i++) {
    nn_tensor *sum = accumulator_of(o, items[i].index);
    if (items[i].g) sum = nn_add(sum, items[i].g);
    items[i].g = sum ? scaled(sum, 1 / (double)o->option[ACCUMULATION].integer) : NULL;
    if (!items[i].g) return false;
  }
  return true;
}

/* clipnorm c: g c / max(|g|, c); global_clipnorm: c min(1 / N, 1 / c) g, N the norm of all gradients (NaN when it is
 * not finite, as Keras does) */
static bool clip(const ag_optimizer *o, item *items, int count) {
  const double norm = o->option[CLIPNORM].number, value = o->option[CLIPVALUE].number;
  const double global = o->option[GLOBAL_CLIPNORM].number;
  double all = 0;
  for (int i = 0; i < count && !is_nil(global); i++) all += squares(items[i].g);
  all = sqrt(all);
  for (int i = 0; i < count; i++) {
    nn_tensor **g = &items[i].g;
    if (!is_nil(value)) *g = nn_clamp(*g, -value, value);
    if (!is_nil(norm)) {
      const double length = sqrt(squares(*g));
      if (!(length <= norm)) *g = scaled(*g, norm / length);
    }
    if (!is_nil(global) && !(all <= global)) *g = scaled(*g, global / all + (all - all));
    if (!*g) return false;
  }
  return true;
}

/* What is written to: the values themselves, or copies of those that are no plain rows. */
static bool find_targets(item *items, int count) {
  for (int i = 0; i < count; i++) {
    const nn_tensor *value = items[i].parameter->value;
    if (nn_shares_elements(value))
      return nn_fail("optimizer: elements of a parameter %s share one place in memory, since it was broadcast; use a "
                     "clone()", nn_shape_text(&value->shape).s);
    if (!(items[i].w = nn_contiguous(items[i].parameter->value))) return false;
  }
  return true;
}

/* average = w at the first update, then momentum average + (1 - momentum) w; now and then w becomes its average. */
static void update_average(const ag_optimizer *o, const ag_update *u, nn_tensor *average) {
  const size_t bytes = (size_t)u->n * nn_dtype_size(u->dtype);
  const int64_t every = o->option[OVERWRITE].integer;
  if (u->t == 1) memcpy(average->data, u->w, bytes);
  else nn_update_average(u->dtype, u->n, average->data, u->w, o->option[EMA_MOMENTUM].number);
  if (every != AG_NIL && u->t % every == 0) memcpy(u->w, average->data, bytes);
}

static void update(const ag_optimizer *o, const item *it) {
  ag_update u = {.dtype = it->w->dtype, .n = it->w->numel, .w = it->w->data, .g = it->g->data, .rate = o->learning_rate,
                 .t = o->iterations + 1};
  const int own = class_slots(o);
  for (int i = 0; i < own; i++) u.slot[i] = slot(o, it->index, i)->data;
  const double decay = o->option[DECAY].number;
  if (!is_nil(decay) && decay != 0) nn_update_scale(u.dtype, u.n, u.w, 1 - decay * u.rate);   /* w -= w decay r */
  o->class_->update(&u, own_options(o));
  if (averages(o)) update_average(o, &u, average_of(o, it->index));
}

/* Nothing fails from here on. */
static void update_all(ag_optimizer *o, const item *items, int count) {
  for (int i = 0; i < count; i++) {
    nn_tensor *value = items[i].parameter->value;
    update(o, &items[i]);
    if (items[i].w == value) nn_changed(value);
    else nn_copy_into(o->class_->class_name, value, items[i].w);
  }
  for (int i = 0; accumulates(o) && i < o->parameters; i++) nn_fill(accumulator_of(o, i), 0);
  o->accumulated = 0;
  o->iterations++;
}

static bool step(ag_optimizer *o, int n, ag_var *const *parameters, ag_var *const *grads, item *items) {
  const int count = collect(o, n, parameters, grads, items);
  if (count < 0 || !unscale(o, items, count)) return false;
  if (between_updates(o)) {
    if (!accumulate(o, items, count)) return false;
  } else {
    if (!average_gradients(o, items, count) || !clip(o, items, count) || !find_targets(items, count)) return false;
    update_all(o, items, count);
  }
  for (int i = 0; i < count && !grads; i++) ag_set_grad(items[i].parameter, NULL);
  return true;
}

bool ag_optimizer_step(ag_optimizer *o, int n, ag_var *const *parameters, ag_var *const *grads) {
  if (!ag_optimizer_build(o, n, parameters)) return false;
  item few[16], *items = few;
  const size_t mark = nn_scope_open(), bytes = (size_t)n * sizeof *items;
  if (n > 16 && !(items = nn_block(o->class_->class_name, bytes))) return false;
  const bool done = step(o, n, parameters, grads, items);
  if (items != few) nn_block_free(o->object.context, items, bytes);
  nn_scope_close(mark);
  return done;
}
