/* Nested Lua tables as tensors: the shape is that of the first elements, and everything else must agree with it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

typedef struct walk {
  lua_State *L;
  const char *call;
  nnlua_table table;
  int64_t at[NN_MAX_RANK];        /* where the walk is, from 1 */
  int64_t written;
  char *data;
} walk;

/* Where in the table: "[2][3]". */
static const char *place(const walk *w, int depth, char text[NN_MAX_RANK * 22]) {
  int n = 0;
  text[0] = '\0';
  for (int i = 0; i < depth; i++) n += snprintf(text + n, 22, "[%lld]", (long long)w->at[i]);
  return text;
}

/* "row 3", or "row [2][3]" further in. */
static const char *row_name(const walk *w, int depth, bool first, char text[NN_MAX_RANK * 22]) {
  if (depth == 0) return "the table";
  if (depth == 1) snprintf(text, 32, "row %lld", first ? 1LL : (long long)w->at[0]);
  else if (!first) {
    char path[NN_MAX_RANK * 22];
    snprintf(text, NN_MAX_RANK * 22, "row %.150s", place(w, depth, path));
  } else {
    strcpy(text, "row ");
    for (int i = 0; i < depth; i++) strcat(text, "[1]");
  }
  return text;
}

static const char *element_name(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TUSERDATA ? "a tensor (nn.stack joins tensors)" : nnlua_got(L, index);
}

static int mixed(const walk *w, int depth) {
  char text[NN_MAX_RANK * 22];
  const bool table = lua_istable(w->L, -1);
  return nnlua_error(w->L, "%s: %s is %s; expected %s as in the first row", w->call, place(w, depth, text),
                     table ? "a table" : element_name(w->L, -1), depth < w->table.shape.rank ? "a table" : "a number");
}

static int ragged(const walk *w, int depth, int64_t got) {
  char here[NN_MAX_RANK * 22], first[NN_MAX_RANK * 22];
  return nnlua_error(w->L, "%s: %s has %d values, %s has %d", w->call, row_name(w, depth, false, here), (int)got,
                     row_name(w, depth, true, first), (int)w->table.shape.dim[depth]);
}

/* The shape by the first elements, and what kind of value the very first is. */
static void find_shape(walk *w, int index) {
  lua_State *L = w->L;
  nn_shape *shape = &w->table.shape;
  const int top = lua_gettop(L);
  lua_pushvalue(L, index);
  while (lua_istable(L, -1)) {
    if (shape->rank == NN_MAX_RANK) nnlua_error(L, "%s: the table is more than %d levels deep", w->call, NN_MAX_RANK);
    shape->dim[shape->rank] = (int64_t)lua_rawlen(L, -1);
    if (!shape->dim[shape->rank++]) break;
    lua_rawgeti(L, -1, 1);
  }
  w->table.booleans = lua_isboolean(L, -1);
  lua_settop(L, top);
}

/* Depth first over the table on top of the stack: sizes and types agree, and what the numbers are. */
static void check_rows(walk *w, int depth) {
  lua_State *L = w->L;
  const nn_shape *shape = &w->table.shape;
  if (lua_istable(L, -1) != (depth < shape->rank)) mixed(w, depth);
  if (depth == shape->rank) {
    if (lua_type(L, -1) != LUA_TNUMBER && !lua_isboolean(L, -1)) mixed(w, depth);
    if (!lua_isinteger(L, -1)) w->table.integers = false;
    if (!lua_isboolean(L, -1)) w->table.booleans = false;
    return;
  }
  const int64_t n = (int64_t)lua_rawlen(L, -1);
  if (n != shape->dim[depth]) ragged(w, depth, n);
  for (int64_t i = 1; i <= n; i++) {
    w->at[depth] = i;
    lua_rawgeti(L, -1, i);
    check_rows(w, depth + 1);
    lua_pop(L, 1);
  }
}

nnlua_table nnlua_check_table(lua_State *L, int index, const char *call) {
  walk w = {.L = L, .call = call, .table = {.integers = true}};
  luaL_checkstack(L, 2 * NN_MAX_RANK + 8, call);
  find_shape(&w, index);
  lua_pushvalue(L, index);
  check_rows(&w, 0);
  lua_pop(L, 1);
  return w.table;
}

/* One number of Lua's as dtype at p; false when it does not fit there. Floats lose their fraction, as in any cast. */
static bool store(lua_State *L, nn_dtype dtype, void *p) {
  const double limit = 9223372036854775808.0;         /* 2^63 */
  const bool whole = lua_isinteger(L, -1) || lua_isboolean(L, -1);
  const lua_Integer integer = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tointeger(L, -1);
  const double value = whole ? (double)integer : lua_tonumber(L, -1);
  switch (dtype) {
    case NN_FLOAT64: *(double *)p = value; return true;
    case NN_FLOAT32: *(float *)p = (float)value; return true;
    case NN_INT64:
      if (!whole && !(fabs(value) < limit) && value != -limit) return false;
      *(int64_t *)p = whole ? integer : (int64_t)value;
      return true;
    default:
      if (!(trunc(value) >= 0 && value < 256)) return false;
      *(uint8_t *)p = (uint8_t)value;
      return true;
  }
}

static void store_rows(walk *w, int depth, nn_dtype dtype) {
  lua_State *L = w->L;
  if (depth == w->table.shape.rank) {
    char text[NN_MAX_RANK * 22];
    if (!store(L, dtype, w->data + w->written * (int64_t)nn_dtype_size(dtype)))
      nnlua_error(L, "%s: %s%s%s does not fit into %s", w->call, depth ? place(w, depth, text) : "", depth ? " = " : "",
                  nnlua_got(L, -1), nn_dtype_name(dtype));
    w->written++;
    return;
  }
  if (!lua_istable(L, -1)) mixed(w, depth);          /* a finalizer may have changed the table since it was checked */
  for (int64_t i = 1; i <= w->table.shape.dim[depth]; i++) {
    w->at[depth] = i;
    lua_rawgeti(L, -1, i);
    store_rows(w, depth + 1, dtype);
    lua_pop(L, 1);
  }
}

nnlua_box *nnlua_push_table(lua_State *L, nnlua_state *s, int index, const char *call, const nnlua_table *table,
                            nn_dtype dtype) {
  nnlua_box *box = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  nn_tensor *values;
  do values = nn_empty(dtype, table->shape);
  while (!nnlua_give(&e, box, ag_constant(values ? values : nn_fail_for(call))));
  walk w = {.L = L, .call = call, .table = *table, .data = box->var->value->data};
  lua_pushvalue(L, index);
  store_rows(&w, 0, dtype);
  lua_pop(L, 1);
  return box;
}

void nnlua_table_to_tensor(lua_State *L, nnlua_state *s, int index, const char *call, int argument, bool integers) {
  if (nnlua_is_options(L, index)) nnlua_type_error(L, call, argument, "a tensor or a number", index);
  const nnlua_table table = nnlua_check_table(L, index, call);
  nn_dtype dtype = table.booleans ? NN_UINT8 : NN_FLOAT32;
  if (integers && table.integers) dtype = NN_INT64;
  nnlua_push_table(L, s, index, call, &table, dtype);
  lua_replace(L, index);
}
