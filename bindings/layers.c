/* Layer objects: options and weights held for Lua's layers, and the one crossing that a layer's call is. */
#include <math.h>
#include <string.h>

#include "core.h"
#include "values.h"

typedef struct layer {
  ag_layer layer;
  bool seeded;                        /* has the option seed: draws from a sequence of its own */
  nn_generator own;                   /* where in that sequence it is */
  int options;
  ag_var **tensor;                    /* options that are tensors, retained; behind the values */
  ag_value option[];
} layer;

/* An error of the inside when it is none: only the Lua files have handles of layers. */
static layer *check_layer(lua_State *L, int index) { return nnlua_check_handle(L, index, "nn.layer"); }

/* Idempotent, and right for one that was only half made: all pointers start as NULL. */
static int close_layer(lua_State *L) {
  layer *l = check_layer(L, 1);
  for (int i = 0; i < AG_LAYER_WEIGHTS; i++) nn_release(l->layer.weight[i]);
  for (int i = 0; i < l->options; i++) {
    nn_release(l->tensor[i]);
    l->tensor[i] = NULL;
  }
  memset(l->layer.weight, 0, sizeof l->layer.weight);
  return 0;
}

/* With a seed the layer begins a sequence that nobody else draws from, as in Keras: the same numbers in each run, and
 * in each layer made with that seed, whatever was drawn before. It is another one than nn.seed of the same number
 * begins, so that noise is not made of what first weights were made of. autograd is told of no seed then. */
static void begin_own(layer *l) {
  static const uint64_t apart = 0x9e3779b97f4a7c15;
  const ag_option *option = l->layer.class_->option;
  for (int i = 0; i < l->options; i++) {
    if (strcmp(option[i].name, "seed") || l->option[i].integer == AG_NIL) continue;
    l->own = nn_generator_seeded((uint64_t)l->option[i].integer ^ apart);
    l->seeded = true;
    l->option[i].integer = AG_NIL;
  }
}

/* The layer's call; what a layer with a seed draws it takes from its own sequence, which then stands in for the
 * context's. */
static ag_var *call_on_own(layer *l, ag_var *x, ag_mode mode) {
  if (!l->seeded) return ag_layer_call(&l->layer, x, mode);
  const nn_generator outside = nn_generator_get();
  nn_generator_set(l->own);
  ag_var *y = ag_layer_call(&l->layer, x, mode);
  l->own = nn_generator_get();
  nn_generator_set(outside);
  return y;
}

/* core.layer_draws(handle[, n]): how far it is in its own sequence, nil for a layer without one; n takes it there. */
static int layer_draws(lua_State *L) {
  layer *l = check_layer(L, 1);
  if (!l->seeded) return 0;
  if (!lua_isnoneornil(L, 2)) l->own.counter = (uint64_t)luaL_checkinteger(L, 2);
  lua_pushinteger(L, (lua_Integer)l->own.counter);
  return 1;
}

/* core.layer(index, values): the userdata is made first and empty, so that whatever raises below leaves it for the
 * collector. Texts and functions among the values live as long as the copied array, its user value. */
static int new_layer(lua_State *L) {
  int64_t count = 0;
  while (ag_layers[count]) count++;
  const ag_layer_class *row = ag_layers[nnlua_check_row(L, 1, "layer", count)];
  const int options = ag_option_count(row->option);
  const size_t bytes = sizeof(layer) + (size_t)options * (sizeof(ag_value) + sizeof(ag_var *));
  layer *l = lua_newuserdatauv(L, bytes, 1);
  memset(l, 0, bytes);
  l->options = options;
  l->tensor = (ag_var **)(l->option + options);
  l->layer.class_ = row;
  l->layer.option = l->option;
  luaL_setmetatable(L, "nn.layer");
  nnlua_copy_array(L, 2);
  lua_setiuservalue(L, -2, 1);
  nnlua_check_values(L, nnlua_state_of(L), 2, row->name, row->option, l->option);
  for (int i = 0; i < options; i++)
    if (row->option[i].kind == AG_OPTION_TENSOR) l->tensor[i] = nn_retain(l->option[i].tensor);
  begin_own(l);
  return 1;
}

/* {name, shape, initializer (nil where an option of the layer tells), frozen} */
static void push_weight(lua_State *L, const ag_weight *w) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, w->name);
  lua_setfield(L, -2, "name");
  nnlua_push_shape(L, &w->shape);
  lua_setfield(L, -2, "shape");
  lua_pushstring(L, w->initializer);
  lua_setfield(L, -2, "initializer");
  lua_pushboolean(L, w->frozen);
  lua_setfield(L, -2, "frozen");
}

/* core.layer_weights(handle, input_shape): what the layer asks for. Nothing is made here, only asked for: first values,
 * regularizers and constraints are the Lua side's. */
static int layer_weights(lua_State *L) {
  const layer *l = check_layer(L, 1);
  const nn_shape shape = nnlua_check_shape_table(L, 2, l->layer.class_->name);
  ag_weight weights[AG_LAYER_WEIGHTS];
  memset(weights, 0, sizeof weights);
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  e.last_try = true;
  const int n = ag_layer_build(&l->layer, &shape, weights);
  nnlua_done(&e, n >= 0);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    push_weight(L, &weights[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* core.layer_set_weight(handle, i, tensor or nil): retained before the old one is let go of: they may be the same. */
static int set_weight(lua_State *L) {
  layer *l = check_layer(L, 1);
  const lua_Integer i = luaL_checkinteger(L, 2);
  luaL_argcheck(L, i >= 1 && i <= AG_LAYER_WEIGHTS, 2, "there is no such weight");
  ag_var *weight = nnlua_optional(L, nnlua_state_of(L), 3, l->layer.class_->name, 0);
  nn_retain(weight);
  nn_release(l->layer.weight[i - 1]);
  l->layer.weight[i - 1] = weight;
  return 0;
}

/* core.layer_call(handle, x, training, logits). The input is held: an activation of the user's may close its handle. */
static int call_layer(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  layer *l = check_layer(L, 1);
  nnlua_check(L, s, 2, l->layer.class_->name);
  const ag_mode mode = {.training = lua_toboolean(L, 3), .logits = lua_toboolean(L, 4)};
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = mode.training;               /* a second try would draw other random numbers, move the means twice */
  ag_var *x;
  do x = nn_scope_return(nn_scope_open(), nnlua_operand(L, s, 2));
  while (!nnlua_give(&e, y, call_on_own(l, x, mode)));
  return 1;
}

/* core.layers_call(handles, x, training, logits): one layer after the other, the last as logits says. What they leave
 * between them is let go of on the way: a graph keeps what it needs. */
static int call_layers(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  const int n = (int)lua_rawlen(L, 1);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    const layer *l = check_layer(L, -1);
    if (i == 1) nnlua_check(L, s, 2, l->layer.class_->name);
    lua_pop(L, 1);
  }
  ag_mode mode = {.training = lua_toboolean(L, 3)};
  nnlua_box *box = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = mode.training;               /* as above */
  ag_var *y;
  do {
    const size_t mark = nn_scope_open();
    y = nn_scope_return(mark, nnlua_operand(L, s, 2));
    for (int i = 1; y && i <= n; i++) {
      lua_rawgeti(L, 1, i);                 /* raises nothing */
      layer *l = lua_touserdata(L, -1);
      lua_pop(L, 1);
      mode.logits = i == n && lua_toboolean(L, 4);
      y = nn_scope_return(mark, call_on_own(l, y, mode));
    }
  } while (!nnlua_give(&e, box, y));
  return 1;
}

/* Numbers that stand for nothing (NaN) are equal to one another here. Other kinds are not compared: no activation has
 * them. */
static bool is_default(const ag_option *option, const ag_value *value, const ag_value *wanted) {
  switch (option->kind) {
    case AG_OPTION_NUMBER: return value->number == wanted->number || (isnan(value->number) && isnan(wanted->number));
    case AG_OPTION_INTEGER: return value->integer == wanted->integer;
    case AG_OPTION_FLAG: return value->flag == wanted->flag;
    default: return true;
  }
}

/* core.layer_ends_in(handle): the name of the built-in activation with default options at the layer's end, or nil. */
static int layer_ends_in(lua_State *L) {
  const layer *l = check_layer(L, 1);
  const ag_layer_class *row = l->layer.class_;
  const int i = row->activation ? row->activation(&l->layer) : -1;
  const ag_function *f = i < 0 ? NULL : l->option[i].function;
  if (!f || !f->activation) return 0;
  ag_value wanted[NNLUA_VALUES];
  ag_option_defaults(f->activation->option, wanted);
  for (int k = 0; k < ag_option_count(f->activation->option); k++)
    if (!is_default(&f->activation->option[k], &f->value[k], &wanted[k])) return 0;
  lua_pushstring(L, f->activation->name);
  return 1;
}

/* core.parameters(f): how many arguments a function names; 0 for one of C or of ... alone. Untrusted scripts have no
 * debug library to ask. */
static int parameters(lua_State *L) {
  lua_Debug about;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, 1);
  lua_getinfo(L, ">u", &about);
  lua_pushinteger(L, about.nparams);
  return 1;
}

/* Handles are known by a metatable of their own in the registry; scripts never see one. */
void nnlua_open_layers(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"layer", new_layer, NNLUA_CORE}, {"layer_weights", layer_weights, NNLUA_CORE},
    {"layer_set_weight", set_weight, NNLUA_CORE}, {"layer_call", call_layer, NNLUA_CORE},
    {"layers_call", call_layers, NNLUA_CORE},
    {"layer_ends_in", layer_ends_in, NNLUA_CORE}, {"layer_draws", layer_draws, NNLUA_CORE},
    {"parameters", parameters, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  luaL_newmetatable(L, "nn.layer");
  lua_pushcfunction(L, close_layer);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
