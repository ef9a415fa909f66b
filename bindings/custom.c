/* nn.custom{forward = f, vjp = v}: f(x, ...) gives y, v(g, y, x, ...) one gradient per input. Both run protected inside
 * the library; what they raise comes out unchanged at the call that led there. */
#include "custom.h"

#include <stdlib.h>

#include "handle.h"

/* One of the two functions being called: its arguments as variables, what it gave likewise (each with a reference). */
typedef struct visit {
  nnlua_state *s;
  int ref;                           /* the table {forward, vjp} */
  int which, n;
  ag_var *const *x;
  ag_var *g, *y;                     /* the vjp's; NULL for forward */
  ag_var **result;
  int results;                       /* room for so many */
} visit;

static void push_variable(lua_State *L, nnlua_state *s, ag_var *x) { nnlua_new_box(L, s)->var = nn_retain(x); }

/* In protected mode. Results are retained at the very end, when nothing can raise any more. */
static int call_function(lua_State *L) {
  static const char *const calls[] = {"custom: forward", "custom: vjp"};
  const visit *v = lua_touserdata(L, 1);
  const char *call = calls[v->which - 1];
  luaL_checkstack(L, v->n + v->results + 8, call);
  lua_rawgeti(L, LUA_REGISTRYINDEX, v->ref);
  lua_rawgeti(L, -1, v->which);
  if (v->g) push_variable(L, v->s, v->g);
  if (v->y) push_variable(L, v->s, v->y);
  for (int i = 0; i < v->n; i++) push_variable(L, v->s, v->x[i]);
  const int first = 3;
  lua_call(L, v->n + (v->g ? 2 : 0), v->results);
  for (int i = 0; i < v->results; i++) {
    if (v->which == 2 && lua_isnil(L, first + i)) continue;
    if (!nnlua_box_at(L, v->s, first + i))
      return nnlua_error(L, "%s must give a tensor%s; result %d is %s", call,
                         v->which == 2 ? " or nil for each input" : "", i + 1, nnlua_got(L, first + i));
    nnlua_check(L, v->s, first + i, call);
  }
  for (int i = 0; i < v->results; i++)
    if (!lua_isnil(L, first + i)) v->result[i] = nn_retain(nnlua_check(L, v->s, first + i, call));
  return 0;
}

static bool run(visit *v) {
  for (int i = 0; i < v->results; i++) v->result[i] = NULL;
  return nnlua_protected(v->s, call_function, v);
}

/* The one reference that x has goes to the open scope. */
static ag_var *own(ag_var *x) {
  ag_var *owned = nn_scope_return(nn_scope_open(), x);
  nn_release(x);
  return owned;
}

static ag_var *custom_forward(void *user, int n, ag_var *const *x) {
  const nnlua_function_ref *f = user;
  ag_var *y = NULL;
  visit v = {.s = f->state, .ref = f->ref, .which = 1, .n = n, .x = x, .result = &y, .results = 1};
  return run(&v) ? own(y) : NULL;
}

static bool custom_vjp(void *user, ag_var *g, ag_var *y, int n, ag_var *const *x, ag_var **dx) {
  const nnlua_function_ref *f = user;
  visit v = {.s = f->state, .ref = f->ref, .which = 2, .n = n, .x = x, .g = g, .y = y, .result = dx, .results = n};
  bool ok = run(&v);
  for (int i = 0; i < n; i++)
    if (dx[i] && !(dx[i] = own(dx[i]))) ok = false;
  return ok;
}

static void custom_release(void *user) { nnlua_function_unuse(user); }

static const ag_custom custom = {"custom", custom_forward, custom_vjp, custom_release};

/* A new hold on the functions of the op that runs (upvalue 2), for one application; NULL without memory. */
static nnlua_function_ref *hold(lua_State *L, nnlua_state *s) {
  lua_pushvalue(L, lua_upvalueindex(2));
  const int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  nnlua_function_ref *f = malloc(sizeof *f);
  if (f) *f = (nnlua_function_ref){s, ref, NULL};
  else luaL_unref(L, LUA_REGISTRYINDEX, ref);
  return f;
}

/* op(x, ...) */
static int apply(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const int n = lua_gettop(L);
  if (n == 0) return nnlua_error(L, "custom: expected tensors; got nothing");
  for (int i = 1; i <= n; i++) nnlua_check_argument(L, s, i, "custom", n > 1 ? i : 0);
  ag_var **x = lua_newuserdatauv(L, (size_t)n * sizeof *x, 0);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_sweep_unused(L, s);
  nnlua_function_ref *f = hold(L, s);
  if (!f) return nnlua_error(L, "custom: out of memory");
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = true;
  bool ok = true;
  for (int i = 0; i < n; i++) {          /* retained: the functions may close the handles that they were given */
    x[i] = own(nn_retain(nnlua_operand(L, s, i + 1)));
    ok &= x[i] != NULL;
  }
  if (!ok) nnlua_function_unuse(f);
  nnlua_give(&e, y, ok ? ag_custom_apply(&custom, f, n, x) : NULL);
  return 1;
}

static int make_custom(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  static const char *const names[] = {"forward", "vjp", NULL};
  if (!lua_istable(L, 1)) return nnlua_type_error(L, "custom", 0, "{forward = f, vjp = v}", 1);
  lua_settop(L, 1);
  nnlua_read_options(L, 1, "custom", names);
  for (int i = 0; i < 2; i++)
    if (!lua_isfunction(L, 2 + i))
      return nnlua_error(L, "custom: %s must be a function; got %s", names[i], nnlua_got(L, 2 + i));
  lua_pushlightuserdata(L, s);
  lua_createtable(L, 2, 0);
  for (int i = 1; i <= 2; i++) {
    lua_pushvalue(L, 1 + i);
    lua_rawseti(L, -2, i);
  }
  lua_pushcclosure(L, apply, 2);
  return 1;
}

void nnlua_open_custom(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {{"custom", make_custom, NNLUA_NN}, {NULL, NULL, 0}};
  nnlua_register(L, s, functions);
}
