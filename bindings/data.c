/* What the Lua files need for data: batches, files of tensors, looks at the values, the terminal, random integers. */
#include <math.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core.h"
#include "handle.h"

/* core.gather(x, order, first, n, dtype, scale): rows of x at order[first .. first + n - 1], cast and scaled. */
static int gather(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const ag_var *x = nnlua_check_argument(L, s, 1, "gather", 1);
  nnlua_check_argument(L, s, 2, "gather", 2);
  const int64_t first = nnlua_check_integer(L, 3, "gather", "first"), n = nnlua_check_integer(L, 4, "gather", "n");
  const nn_dtype dtype = lua_toboolean(L, 5) ? nnlua_check_dtype(L, 5, "gather") : x->value->dtype;
  const double scale = lua_toboolean(L, 6) ? nnlua_check_number(L, 6, "gather", "scale") : 1;
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *from, *order;
  nn_tensor *rows;
  do {
    from = nnlua_operand(L, s, 1);
    order = nnlua_operand(L, s, 2);
    rows = from && order ? nn_gather_rows(from->value, order->value, first, n, dtype, scale) : NULL;
  } while (!nnlua_give(&e, y, ag_constant(rows)));
  return 1;
}

/* core.idx(call, path), core.idx_bytes(call, name, bytes): failures begin with call */
static int idx(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const char *call = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2);
  if (s->confined) return nnlua_error(L, "%s: this script may not open files", call);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, ag_constant(nn_load_idx(call, path)))) continue;
  return 1;
}

static int idx_bytes(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  size_t size;
  const char *call = luaL_checkstring(L, 1), *name = luaL_checkstring(L, 2), *bytes = luaL_checklstring(L, 3, &size);
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, ag_constant(nn_load_idx_bytes(call, name, bytes, size)))) continue;
  return 1;
}

/* The first position (from 1) of n floats that is NaN or infinite; 0: there is none. A sum of x - x over a block is 0
 * exactly when all of it is finite, and is found without branches. */
#define FIRST_BAD(type)                                                                          \
  static int64_t first_bad_##type(const type *x, int64_t n) {                                    \
    enum { BLOCK = 256 };                                                                        \
    for (int64_t start = 0; start < n; start += BLOCK) {                                         \
      const int64_t end = start + BLOCK < n ? start + BLOCK : n;                                 \
      type zero = 0;                                                                             \
      for (int64_t i = start; i < end; i++) zero += x[i] - x[i];                                 \
      for (int64_t i = start; zero != 0 && i < end; i++)                                         \
        if (!isfinite(x[i])) return i + 1;                                                       \
    }                                                                                            \
    return 0;                                                                                    \
  }
FIRST_BAD(float)
FIRST_BAD(double)

/* core.finite(x): true, or false and the position in the flattened tensor */
static int finite_values(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const nn_dtype dtype = nnlua_check(L, s, 1, "finite")->value->dtype;
  if (!nn_is_float(dtype)) {
    lua_pushboolean(L, 1);
    return 1;
  }
  nnlua_box *hold = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *x;
  do x = nnlua_operand(L, s, 1);
  while (!nnlua_give(&e, hold, x ? ag_constant(nn_contiguous(x->value)) : NULL));
  const nn_tensor *t = hold->var->value;
  const int64_t bad = dtype == NN_FLOAT32 ? first_bad_float(t->data, t->numel) : first_bad_double(t->data, t->numel);
  lua_pushboolean(L, !bad);
  if (!bad) return 1;
  lua_pushinteger(L, bad);
  return 2;
}

/* core.range(x): the smallest and the largest value; nothing for an empty tensor */
static int range(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  if (!nnlua_check(L, s, 1, "range")->value->numel) return 0;
  nnlua_box *low = nnlua_new_box(L, s), *high = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  ag_var *x, *y;
  do {
    x = nnlua_operand(L, s, 1);
    y = x ? ag_constant(nn_amin(x->value, NN_ALL, false)) : NULL;
    nn_release(low->var);
    low->var = nn_retain(y);
    y = y ? ag_constant(nn_amax(x->value, NN_ALL, false)) : NULL;
  } while (!nnlua_give(&e, high, y));
  nnlua_push_number(L, low->var->value);
  nnlua_push_number(L, high->var->value);
  return 2;
}

/* core.data_id(t): the same integer for handles of the same variable */
static int data_id(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)(intptr_t)nnlua_check(L, nnlua_state_of(L), 1, "data_id"));
  return 1;
}

static int is_tensor(lua_State *L) {
  lua_pushboolean(L, nnlua_box_at(L, nnlua_state_of(L), 1) != NULL);
  return 1;
}

/* core.terminal(fd): is it one, and its columns (80 where nobody knows) */
static int terminal(lua_State *L) {
  const int fd = (int)luaL_checkinteger(L, 1);
  struct winsize size;
  const bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  lua_pushboolean(L, isatty(fd));
  lua_pushinteger(L, known ? size.ws_col : 80);
  return 2;
}

/* core.random_int(lo, hi): both included, unbiased (draws beyond the last whole multiple are thrown away) */
static int random_int(lua_State *L) {
  const int64_t lo = luaL_checkinteger(L, 1), hi = luaL_checkinteger(L, 2);
  luaL_argcheck(L, lo <= hi, 2, "the interval is empty");
  const uint64_t span = (uint64_t)hi - (uint64_t)lo + 1;        /* 0: all 2^64 */
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  uint64_t bits = nn_random_bits();
  while (span && bits >= UINT64_MAX - UINT64_MAX % span) bits = nn_random_bits();
  nnlua_leave(&e);
  lua_pushinteger(L, (lua_Integer)((uint64_t)lo + (span ? bits % span : bits)));
  return 1;
}

/* core.generator() -> key, counter; core.generator(key, counter) sets them. */
static int generator(lua_State *L) {
  const bool set = !lua_isnoneornil(L, 1);
  nn_generator state = {0, 0};
  if (set) state = (nn_generator){(uint64_t)luaL_checkinteger(L, 1), (uint64_t)luaL_checkinteger(L, 2)};
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  if (set) nn_generator_set(state);
  state = nn_generator_get();
  nnlua_leave(&e);
  lua_pushinteger(L, (lua_Integer)state.key);
  lua_pushinteger(L, (lua_Integer)state.counter);
  return 2;
}

/* core.library(): the kernels and the BLAS in use, for checkpoints and --version */
static int library(lua_State *L) {
  lua_pushstring(L, nn_kernels_name());
  nnlua_entry e = nnlua_enter(L, nnlua_state_of(L));
  const char *blas = nn_blas_name();
  nnlua_done(&e, blas != NULL);
  lua_pushstring(L, blas);
  return 2;
}

void nnlua_open_data(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"gather", gather, NNLUA_CORE}, {"idx", idx, NNLUA_CORE}, {"idx_bytes", idx_bytes, NNLUA_CORE},
    {"finite", finite_values, NNLUA_CORE}, {"range", range, NNLUA_CORE}, {"data_id", data_id, NNLUA_CORE},
    {"is_tensor", is_tensor, NNLUA_CORE}, {"terminal", terminal, NNLUA_CORE}, {"random_int", random_int, NNLUA_CORE},
    {"generator", generator, NNLUA_CORE}, {"library", library, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
}
