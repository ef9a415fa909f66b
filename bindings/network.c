/* The rows of activations, initializers, layers, losses and optimizers as Lua's files see them (core.rows);
 * activations, initializers and losses at work. */
#include "network.h"

#include <math.h>
#include <string.h>

#include "core.h"
#include "values.h"

/* core.rows */

static const char *const kinds[] = {
  "", "number", "integer", "flag", "text", "choice", "shape", "dtype", "tensor", "function", "activation",
  "initializer", "regularizer", "constraint",
};

static void set_text(lua_State *L, const char *field, const char *text) {
  if (!text) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, field);
}

static void set_integer(lua_State *L, const char *field, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, field);
}

static void set_number(lua_State *L, const char *field, double value, bool integer) {
  if (integer && value == floor(value) && fabs(value) < 0x1p62) lua_pushinteger(L, (lua_Integer)value);
  else lua_pushnumber(L, value);
  lua_setfield(L, -2, field);
}

static void set_true(lua_State *L, const char *field, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, field);
}

static void set_choices(lua_State *L, const char *choices) {
  lua_newtable(L);
  for (lua_Integer i = 1; choices; i++) {
    const char *end = strchr(choices, '|');
    lua_pushlstring(L, choices, end ? (size_t)(end - choices) : strlen(choices));
    lua_rawseti(L, -2, i);
    choices = end ? end + 1 : NULL;
  }
  lua_setfield(L, -2, "choices");
}

static void set_default(lua_State *L, const ag_option *o) {
  if (o->text) set_text(L, "default", o->text);
  else if (o->required || o->optional) return;
  else if (o->kind == AG_OPTION_FLAG) set_true(L, "default", o->value != 0);
  else if (o->kind == AG_OPTION_NUMBER || o->kind == AG_OPTION_INTEGER)
    set_number(L, "default", o->value, o->kind == AG_OPTION_INTEGER);
}

static void push_option(lua_State *L, const ag_option *o) {
  const bool integer = o->kind == AG_OPTION_INTEGER;
  lua_createtable(L, 0, 8);
  set_text(L, "name", o->name);
  set_text(L, "kind", kinds[o->kind]);
  set_text(L, "help", o->help);
  set_true(L, "required", o->required);
  set_true(L, "optional", o->optional);
  set_default(L, o);
  if (o->min < o->max) {
    set_number(L, "min", o->min, integer);
    set_number(L, "max", o->max, integer);
  }
  if (o->choices) set_choices(L, o->choices);
}

/* Ends a row: its options as a list. */
static void set_options(lua_State *L, const ag_option *options) {
  lua_newtable(L);
  for (int i = 0; i < ag_option_count(options); i++) {
    push_option(L, &options[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "options");
}

static void begin_row(lua_State *L, int i, const char *name, const char *class_name, const char *alias,
                      const char *help) {
  lua_createtable(L, 0, 9);
  set_integer(L, "index", i + 1);
  set_text(L, "name", name);
  set_text(L, "class_name", class_name);
  set_text(L, "alias", alias);
  set_text(L, "help", help);
}

/* Each pushes row i of its kind, or gives false behind the last. */
static bool activation_row(lua_State *L, int i) {
  const ag_activation *row = &ag_activations[i];
  if (!row->name) return false;
  begin_row(L, i, row->name, NULL, row->alias, row->help);
  set_options(L, row->option);
  return true;
}

static bool initializer_row(lua_State *L, int i) {
  const ag_initializer *row = &ag_initializers[i];
  if (!row->name) return false;
  begin_row(L, i, row->name, row->class_name, row->alias, row->help);
  set_options(L, row->option);
  return true;
}

static bool layer_row(lua_State *L, int i) {
  const ag_layer_class *row = ag_layers[i];
  if (!row) return false;
  begin_row(L, i, row->name, row->name, NULL, row->help);
  set_integer(L, "positional", row->positional);
  set_integer(L, "min_rank", row->min_rank);
  set_options(L, row->option);
  return true;
}

static bool loss_row(lua_State *L, int i) {
  const ag_loss *row = &ag_losses[i];
  if (!row->name) return false;
  begin_row(L, i, row->name, row->class_name, row->alias, row->help);
  set_text(L, "behind", row->behind);
  set_true(L, "sparse", row->sparse);
  set_options(L, row->option);
  return true;
}

static bool optimizer_row(lua_State *L, int i) {
  const ag_optimizer_class *row = &ag_optimizers[i];
  if (!row->name) return false;
  ag_option options[NNLUA_VALUES];
  int n = 0;
  while (n < NNLUA_VALUES - 1 && (options[n] = ag_optimizer_option(row, n)).kind != AG_OPTION_END) n++;
  options[n].kind = AG_OPTION_END;
  begin_row(L, i, row->name, row->class_name, NULL, row->help);
  set_options(L, options);
  return true;
}

static int rows(lua_State *L) {
  static const struct { const char *kind; bool (*push)(lua_State *L, int i); } all[] = {
    {"activation", activation_row}, {"initializer", initializer_row}, {"layer", layer_row}, {"loss", loss_row},
    {"optimizer", optimizer_row},
  };
  const char *kind = luaL_checkstring(L, 1);
  lua_newtable(L);
  for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
    if (strcmp(kind, all[k].kind)) continue;
    for (int i = 0; all[k].push(L, i); i++) lua_rawseti(L, -2, i + 1);
    return 1;
  }
  return luaL_error(L, "core.rows: unknown kind \"%s\"", kind);
}

/* Activations */

static const char activations_key;       /* registry: activation handles by address, weak, for callbacks to find */

typedef struct activation { ag_function function; nnlua_state *state; } activation;

static activation *push_activation(lua_State *L) {
  activation *a = lua_newuserdatauv(L, sizeof *a, 1);
  memset(a, 0, sizeof *a);
  a->state = nnlua_state_of(L);
  luaL_setmetatable(L, "nn.activation");
  return a;
}

ag_function *nnlua_activation_at(lua_State *L, int index) {
  activation *a = luaL_testudata(L, index, "nn.activation");
  return a ? &a->function : NULL;
}

/* core.activation(index, values) */
static int new_activation(lua_State *L) {
  int64_t count = 0;
  while (ag_activations[count].name) count++;
  const ag_activation *row = &ag_activations[nnlua_check_row(L, 1, "activation", count)];
  ag_value values[NNLUA_VALUES];
  nnlua_check_values(L, nnlua_state_of(L), 2, row->name, row->option, values);
  ag_function *f = &push_activation(L)->function;
  f->activation = row;
  for (int i = 0; i < ag_option_count(row->option); i++) f->value[i] = values[i];
  nnlua_copy_array(L, 2);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

typedef struct visit { activation *handle; ag_var *x, *y; } visit;

static int call_activation(lua_State *L) {
  visit *v = lua_touserdata(L, 1);
  nnlua_state *s = v->handle->state;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &activations_key);
  lua_rawgetp(L, -1, v->handle);
  lua_getiuservalue(L, -1, 1);
  nnlua_new_box(L, s)->var = nn_retain(v->x);
  lua_call(L, 1, 1);
  if (!nnlua_box_at(L, s, -1))
    return nnlua_error(L, "activation: the function must give a tensor; got %s", nnlua_got(L, -1));
  v->y = nn_retain(nnlua_check(L, s, -1, "activation"));
  return 0;
}

static ag_var *activation_callback(void *user, ag_var *x) {
  visit v = {user, x, NULL};
  if (!nnlua_protected(v.handle->state, call_activation, &v)) return NULL;
  ag_var *y = nn_scope_return(nn_scope_open(), v.y);
  nn_release(v.y);
  return y;
}

/* core.activation_callback(f): the function is the handle's user value. */
static int activation_of_function(lua_State *L) {
  luaL_checkany(L, 1);
  activation *a = push_activation(L);
  a->function.call = activation_callback;
  a->function.user = a;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &activations_key);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, a);
  lua_pop(L, 1);
  return 1;
}

/* core.activate(handle, x) */
static int activate(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const ag_function *f = &((const activation *)nnlua_check_handle(L, 1, "nn.activation"))->function;
  nnlua_check(L, s, 2, f->activation ? f->activation->name : "activation");
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = f->call != NULL;
  ag_var *x;
  do x = nn_scope_return(nn_scope_open(), nnlua_operand(L, s, 2));     /* a callback may close the handle */
  while (!nnlua_give(&e, y, ag_activate(f, x)));
  return 1;
}

/* core.initialize(index, values, shape, dtype, seed) */
static int initialize(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  int64_t count = 0;
  while (ag_initializers[count].name) count++;
  const ag_initializer *row = &ag_initializers[nnlua_check_row(L, 1, "initializer", count)];
  ag_value values[NNLUA_VALUES];
  nnlua_check_values(L, s, 2, row->name, row->option, values);
  const nn_shape shape = nnlua_check_shape_table(L, 3, row->name);
  const nn_dtype dtype = nnlua_check_dtype(L, 4, row->name);
  const bool seeded = lua_toboolean(L, 5);
  nn_generator generator = {0, 0};
  if (seeded) generator = nn_generator_seeded((uint64_t)nnlua_check_integer(L, 5, row->name, "seed"));
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  nn_tensor *value;
  do {
    const bool fits = nn_shape_numel(row->name, &shape, dtype) >= 0;
    value = fits ? row->make(seeded ? &generator : NULL, dtype, shape, values) : NULL;
  } while (!nnlua_give(&e, y, ag_constant(value)));
  return 1;
}

/* Losses: core.loss(index, values, y_true, y_pred, weight, reduction); core.loss_values without the last two */

static const ag_loss *check_loss(lua_State *L, nnlua_state *s, ag_value *values) {
  int64_t count = 0;
  while (ag_losses[count].name) count++;
  const ag_loss *row = &ag_losses[nnlua_check_row(L, 1, "loss", count)];
  nnlua_check_values(L, s, 2, row->name, row->option, values);
  nnlua_check_operand(L, s, 3, row->name, 1);
  nnlua_check_operand(L, s, 4, row->name, 2);
  return row;
}

/* What core.loss and core.differentiate are given. */
typedef struct loss_call {
  const ag_loss *row;
  ag_value values[NNLUA_VALUES];
  bool weighted;
  const char *reduction;
} loss_call;

static void check_loss_call(lua_State *L, nnlua_state *s, loss_call *c) {
  c->row = check_loss(L, s, c->values);
  c->weighted = lua_toboolean(L, 5);
  if (c->weighted) nnlua_check_operand(L, s, 5, c->row->name, 3);
  c->reduction = lua_tostring(L, 6);
}

static ag_var *call_loss(lua_State *L, nnlua_state *s, const loss_call *c) {
  ag_var *truth = nnlua_operand(L, s, 3), *prediction = nnlua_operand(L, s, 4);
  ag_var *weight = c->weighted ? nnlua_operand(L, s, 5) : NULL;
  return ag_loss_call(c->row, c->values, truth, prediction, weight, c->reduction);
}

static int loss(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  loss_call c;
  check_loss_call(L, s, &c);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, call_loss(L, s, &c))) continue;
  return 1;
}

/* core.differentiate(index, values, y_true, y_pred, weight, reduction): the loss as a number; its gradients are added
 * to the leaves that it depends on, if any. Only the loss is tried again without memory: leaves may have had their
 * part. */
static int differentiate(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  loss_call c;
  check_loss_call(L, s, &c);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *y;
  double value = 0;
  do {
    y = call_loss(L, s, &c);
    if (!y) continue;
    value = nn_item(y->value);
    e.last_try = true;
    if (ag_requires_grad(y) && !ag_backward(y, NULL, 0)) y = NULL;
  } while (!nnlua_done(&e, y != NULL));
  lua_pushnumber(L, value);
  return 1;
}

static int loss_values(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_value values[NNLUA_VALUES];
  const ag_loss *row = check_loss(L, s, values);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *truth, *prediction;
  do {
    truth = nnlua_operand(L, s, 3);
    prediction = nnlua_operand(L, s, 4);
  } while (!nnlua_give(&e, y, ag_loss_values(row, values, truth, prediction)));
  return 1;
}

void nnlua_open_network(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"rows", rows, NNLUA_CORE}, {"activation", new_activation, NNLUA_CORE}, {"activate", activate, NNLUA_CORE},
    {"activation_callback", activation_of_function, NNLUA_CORE}, {"initialize", initialize, NNLUA_CORE},
    {"loss", loss, NNLUA_CORE}, {"loss_values", loss_values, NNLUA_CORE},
    {"differentiate", differentiate, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  luaL_newmetatable(L, "nn.activation");
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &activations_key);
  lua_pop(L, 1);
}
