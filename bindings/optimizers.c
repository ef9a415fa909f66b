/* Optimizer objects for Lua: one call steps all parameters. */
#include "core.h"
#include "values.h"

typedef struct optimizer { ag_optimizer *optimizer; } optimizer;

static int close_optimizer(lua_State *L) {
  optimizer *o = nnlua_check_handle(L, 1, "nn.optimizer");
  nn_release(o->optimizer);
  o->optimizer = NULL;
  return 0;
}

static ag_optimizer *check_optimizer(lua_State *L, int index) {
  const optimizer *o = nnlua_check_handle(L, index, "nn.optimizer");
  if (!o->optimizer) luaL_error(L, "optimizer: it was freed");
  return o->optimizer;
}

/* core.optimizer(index, values): the common options first, then the class's. */
static int new_optimizer(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  int64_t count = 0;
  while (ag_optimizers[count].name) count++;
  const ag_optimizer_class *row = &ag_optimizers[nnlua_check_row(L, 1, "optimizer", count)];
  ag_option declared[NNLUA_VALUES];
  int n = 0;
  while (n < NNLUA_VALUES - 1 && (declared[n] = ag_optimizer_option(row, n)).kind != AG_OPTION_END) n++;
  declared[n].kind = AG_OPTION_END;
  optimizer *o = lua_newuserdatauv(L, sizeof *o, 1);
  o->optimizer = NULL;
  luaL_setmetatable(L, "nn.optimizer");
  nnlua_copy_array(L, 2);
  lua_setiuservalue(L, -2, 1);
  ag_value values[NNLUA_VALUES];
  nnlua_check_values(L, s, 2, row->class_name, declared, values);
  nnlua_entry e = nnlua_enter(L, s);
  do o->optimizer = nn_retain(ag_optimizer_new(row, values));
  while (!nnlua_done(&e, o->optimizer != NULL));
  return 1;
}

/* core.optimizer_step(handle, parameters, grads or nil). A failed step changed nothing, so it may be tried again. */
static int step(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_optimizer *o = check_optimizer(L, 1);
  lua_settop(L, 3);
  nnlua_list parameters, grads;
  nnlua_check_list(L, s, 2, "optimizer", -1, false, &parameters);
  const bool given = lua_toboolean(L, 3);
  if (given) nnlua_check_list(L, s, 3, "optimizer", parameters.n, true, &grads);
  nnlua_entry e = nnlua_enter(L, s);
  bool ok;
  do {
    ok = nnlua_read_list(L, s, &parameters) && (!given || nnlua_read_list(L, s, &grads));
    ok = ok && ag_optimizer_step(o, parameters.n, parameters.x, given ? grads.x : NULL);
  } while (!nnlua_done(&e, ok));
  return 0;
}

/* core.optimizer_finish(handle): with use_ema the parameters take their averages. */
static int finish(lua_State *L) {
  ag_optimizer *o = check_optimizer(L, 1);
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  e.last_try = true;
  nnlua_done(&e, ag_optimizer_finish(o));
  return 0;
}

/* core.optimizer_get(handle) -> iterations, learning rate, numbers held, batches accumulated since the last update */
static int get(lua_State *L) {
  const ag_optimizer *o = check_optimizer(L, 1);
  lua_pushinteger(L, o->iterations);
  lua_pushnumber(L, o->learning_rate);
  lua_pushinteger(L, ag_optimizer_state_count(o));
  lua_pushinteger(L, o->accumulated);
  return 4;
}

/* core.optimizer_set(handle, {learning_rate =, iterations =, accumulated =}) */
static int set(lua_State *L) {
  ag_optimizer *o = check_optimizer(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (lua_getfield(L, 2, "learning_rate") != LUA_TNIL)
    o->learning_rate = nnlua_check_number(L, -1, "optimizer", "learning_rate");
  if (lua_getfield(L, 2, "iterations") != LUA_TNIL)
    o->iterations = nnlua_check_integer(L, -1, "optimizer", "iterations");
  if (lua_getfield(L, 2, "accumulated") != LUA_TNIL)
    o->accumulated = nnlua_check_integer(L, -1, "optimizer", "accumulated");
  return 0;
}

/* core.optimizer_state(handle): its tensors (aliases), in order of the parameters, then of the slots. */
static int state(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_optimizer *o = check_optimizer(L, 1);
  const int n = o->parameters * o->slots;
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    nnlua_box *box = nnlua_new_box(L, s);
    nnlua_entry e = nnlua_enter(L, s);
    while (!nnlua_give(&e, box, ag_constant(o->slot[i]))) continue;
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static bool copy_state(ag_optimizer *o, const nnlua_list *tensors) {
  for (int i = 0; i < tensors->n; i++)
    if (!nn_shape_equal(&o->slot[i]->shape, &tensors->x[i]->value->shape))
      return nn_fail("optimizer: state %d has shape %s; expected %s", i + 1,
                     nn_shape_text(&tensors->x[i]->value->shape).s, nn_shape_text(&o->slot[i]->shape).s);
  for (int i = 0; i < tensors->n; i++)
    if (!nn_copy_into("optimizer", o->slot[i], tensors->x[i]->value)) return false;
  return true;
}

/* core.optimizer_restore(handle, parameters, tensors): state for the parameters, taken from tensors. */
static int restore(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_optimizer *o = check_optimizer(L, 1);
  lua_settop(L, 3);
  nnlua_list parameters, tensors;
  nnlua_check_list(L, s, 2, "optimizer", -1, false, &parameters);
  nnlua_check_list(L, s, 3, "optimizer", -1, false, &tensors);
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = true;
  bool ok = nnlua_read_list(L, s, &parameters) && nnlua_read_list(L, s, &tensors);
  ok = ok && ag_optimizer_build(o, parameters.n, parameters.x);
  if (ok && tensors.n != o->parameters * o->slots)
    ok = nn_fail("optimizer: expected %d state tensors; got %d", o->parameters * o->slots, tensors.n);
  nnlua_done(&e, ok && copy_state(o, &tensors));
  return 0;
}

void nnlua_open_optimizers(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"optimizer", new_optimizer, NNLUA_CORE}, {"optimizer_step", step, NNLUA_CORE},
    {"optimizer_finish", finish, NNLUA_CORE},
    {"optimizer_get", get, NNLUA_CORE}, {"optimizer_set", set, NNLUA_CORE}, {"optimizer_state", state, NNLUA_CORE},
    {"optimizer_restore", restore, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  luaL_newmetatable(L, "nn.optimizer");
  lua_pushcfunction(L, close_optimizer);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
