/* Differentiation from Lua: backward and grad. */
#include "handle.h"

/* {retain_graph =, create_graph =, allow_unused =} at index as flags; n of them are known to the call. */
static int read_flags(lua_State *L, int index, const char *call, int n) {
  static const char *const all[] = {"retain_graph", "create_graph", "allow_unused", NULL};
  static const int bits[] = {AG_RETAIN_GRAPH, AG_CREATE_GRAPH, AG_ALLOW_UNUSED};
  const char *const known[] = {all[0], all[1], n > 2 ? all[2] : NULL, NULL};
  const int first = lua_gettop(L) + 1;
  int flags = 0;
  nnlua_read_options(L, index, call, known);
  for (int i = 0; i < n; i++)
    if (!lua_isnil(L, first + i) && nnlua_check_flag(L, first + i, call, all[i])) flags |= bits[i];
  lua_settop(L, first - 1);
  return flags;
}

/* loss:backward([grad][, options]). Not tried twice: leaves may have had their part already. */
static int backward(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "backward");
  int next = 2;
  if (lua_isnil(L, 2)) next = 3;
  else if (!lua_isnone(L, 2) && !nnlua_is_options(L, 2)) nnlua_check_operand(L, s, 2, "backward", next++);
  const int flags = read_flags(L, next, "backward", 2);
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = true;
  ag_var *output = nnlua_operand(L, s, 1), *grad = next == 3 ? nnlua_operand(L, s, 2) : NULL;
  nnlua_done(&e, output && ag_backward(output, grad, flags));
  return 0;
}

/* The inputs at index 2, a tensor or a list, as a list at the end of the stack; their number. */
static int list_inputs(lua_State *L, nnlua_state *s) {
  if (nnlua_box_at(L, s, 2)) {
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 1);
  } else if (lua_istable(L, 2)) lua_pushvalue(L, 2);
  else nnlua_type_error(L, "grad", 2, "a tensor or a list of tensors", 2);
  const int n = (int)lua_rawlen(L, -1);
  if (n == 0) nnlua_error(L, "grad: no inputs given");
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, i);
    const nnlua_box *box = nnlua_box_at(L, s, -1);
    if (!box) return nnlua_error(L, "grad: input %d is no tensor but %s", i, nnlua_got(L, -1));
    if (!box->var) return nnlua_error(L, "grad: tensor was freed");
    lua_pop(L, 1);
  }
  return n;
}

/* One try: the inputs of the list at index into x, their gradients into g. */
static bool differentiate(lua_State *L, nnlua_state *s, int list, int n, ag_var **x, ag_var **g, int flags) {
  bool ok = true;
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, list, i + 1);
    ok &= (x[i] = nnlua_operand(L, s, -1)) != NULL;
    lua_pop(L, 1);
  }
  ag_var *output = nnlua_operand(L, s, 1);
  return ok && output && ag_grad(output, NULL, n, x, flags, g);
}

/* grad(output, inputs[, options]): handles for the gradients are made first, in a list. */
static int grad(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "grad");
  const int flags = read_flags(L, 3, "grad", 3), n = list_inputs(L, s), list = lua_gettop(L);
  ag_var **x = lua_newuserdatauv(L, 2 * (size_t)n * sizeof *x, 0), **g = x + n;
  nnlua_box **box = lua_newuserdatauv(L, (size_t)n * sizeof *box, 0);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    box[i] = nnlua_new_box(L, s);
    lua_rawseti(L, -2, i + 1);
  }
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = !(flags & (AG_RETAIN_GRAPH | AG_CREATE_GRAPH));
  bool ok;
  do {
    ok = differentiate(L, s, list, n, x, g, flags);
    for (int i = 0; ok && i < n; i++) box[i]->var = nn_retain(g[i]);
  } while (!nnlua_done(&e, ok));
  if (nnlua_box_at(L, s, 2)) lua_rawgeti(L, -1, 1);
  return 1;
}

/* core.recording(): are gradients being recorded? */
static int is_recording(lua_State *L) {
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  lua_pushboolean(L, nn_recording());
  nnlua_leave(&e);
  return 1;
}

void nnlua_open_grad(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"backward", backward, NNLUA_BOTH}, {"grad", grad, NNLUA_NN}, {"recording", is_recording, NNLUA_CORE},
    {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
}
