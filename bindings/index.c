/* Positions and parts: t[i], t[{2, {1, 3}, {}}], their assignment, rows one after the other, split and chunk. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "handle.h"

/* Offsets are in elements, from the first one of the view. */
static const char *element(const nn_tensor *x, int64_t offset) {
  return (const char *)x->data + offset * (int64_t)nn_dtype_size(x->dtype);
}

/* Integers stay integers in Lua; float32 is widened, so 0.1 comes out as 0.10000000149. */
static void push_element(lua_State *L, nn_dtype dtype, const void *at) {
  switch (dtype) {
    case NN_UINT8: lua_pushinteger(L, *(const uint8_t *)at); break;
    case NN_INT64: lua_pushinteger(L, (lua_Integer)*(const int64_t *)at); break;
    case NN_FLOAT32: lua_pushnumber(L, (double)*(const float *)at); break;
    default: lua_pushnumber(L, *(const double *)at);
  }
}

/* data points at the view's first element, so no offset is needed. */
void nnlua_push_number(lua_State *L, const nn_tensor *x) { push_element(L, x->dtype, x->data); }

void nnlua_push_shape(lua_State *L, const nn_shape *shape) {
  lua_createtable(L, shape->rank, 0);
  for (int i = 0; i < shape->rank; i++) {
    lua_pushinteger(L, shape->dim[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* At most 8 levels deep. Depth first; offset is where this part begins. Tables are made with room for all rows, up to a
 * size that nobody has in memory anyway. */
static void push_rows(lua_State *L, const nn_tensor *x, int dim, int64_t offset) {
  if (dim == x->shape.rank) {
    push_element(L, x->dtype, element(x, offset));
    return;
  }
  const int64_t n = x->shape.dim[dim];
  lua_createtable(L, n < 1 << 24 ? (int)n : 0, 0);
  for (int64_t i = 0; i < n; i++) {
    push_rows(L, x, dim + 1, offset + i * x->stride[dim]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* The whole nest at once, in C: Lua never loops over elements. */
void nnlua_push_values(lua_State *L, const nn_tensor *x) {
  luaL_checkstack(L, NN_MAX_RANK + 4, "totable");
  push_rows(L, x, 0, 0);
}

/* Positions */

/* From 1 (or -1, the last) to an offset from 0; the message shows the position as it was written. */
static int64_t checked_position(lua_State *L, const nn_tensor *x, int dim, int64_t position) {
  const int64_t size = x->shape.dim[dim], found = position > 0 ? position - 1 : size + position;
  if (position == 0) nnlua_error(L, "index: positions count from 1 (or -1, the last); got 0");
  if (found < 0 || found >= size)
    nnlua_error(L, "index: position %I is outside dimension %d of %s", (LUAI_UACINT)position, dim + 1,
                nn_shape_text(&x->shape).s);
  return found;
}

/* A position as a range of one that is dropped from the shape. Whether it is inside is looked at by the slice. */
static nn_range whole_number(lua_State *L, int index) {
  int whole;
  const lua_Integer at = lua_tointegerx(L, index, &whole);
  if (!whole) nnlua_error(L, "index: positions are integers; got %s", nnlua_got(L, index));
  if (!at) nnlua_error(L, "index: positions count from 1 (or -1, the last); got 0");
  return (nn_range){at, at, true};
}

/* One entry of t[{...}], on top of the stack: 2, {1, 3}, {2} (kept with size 1) or {} (all of it). */
static nn_range read_range(lua_State *L) {
  if (lua_type(L, -1) == LUA_TNUMBER) return whole_number(L, -1);
  if (lua_type(L, -1) != LUA_TTABLE)
    nnlua_error(L, "index: expected a position, {first, last} or {}; got %s", nnlua_got(L, -1));
/* {} is all of it, {2} row 2 with its dimension kept. */
  const lua_Unsigned n = lua_rawlen(L, -1);
  if (n == 0) return (nn_range){0, 0, false};
  if (n > 2) nnlua_error(L, "index: a range is {first, last}; got %d values", (int)n);
  nn_range range = {0, 0, false};
  lua_rawgeti(L, -1, 1);
  range.first = range.last = whole_number(L, -1).first;
  lua_pop(L, 1);
  if (n == 1) return range;
  lua_rawgeti(L, -1, 2);
  int whole;
  range.last = lua_tointegerx(L, -1, &whole);
  if (!whole) nnlua_error(L, "index: positions are integers; got %s", nnlua_got(L, -1));
  lua_pop(L, 1);
  return range;
}

/* What is written between the brackets (at index 2), as ranges; their number. Nothing here looks at the tensor: what is
 * written is read first, then applied. A tensor between the brackets would be a mask or a list of positions elsewhere;
 * here two methods do that by name. */
static int read_ranges(lua_State *L, nnlua_state *s, nn_range ranges[NN_MAX_RANK]) {
  if (lua_type(L, 2) == LUA_TNUMBER) {
    ranges[0] = whole_number(L, 2);
    return 1;
  }
  if (nnlua_box_at(L, s, 2))
    nnlua_error(L, "index: a tensor is no position; use masked_select(mask) or index_select(dim, positions)");
  if (lua_type(L, 2) != LUA_TTABLE) nnlua_error(L, "index: expected a position or {...}; got %s", nnlua_got(L, 2));
  const lua_Unsigned n = lua_rawlen(L, 2);
  if (n > NN_MAX_RANK) nnlua_error(L, "index: %d positions; the highest rank is 8", (int)n);
  for (int i = 0; i < (int)n; i++) {
    lua_rawgeti(L, 2, i + 1);
    ranges[i] = read_range(L);
    lua_pop(L, 1);
  }
  return (int)n;
}

/* Every dimension has its position: the element's offset, else -1. The fast way for t[i] and t[{i, j}]: no view is made
 * of one number. */
static int64_t one_element(lua_State *L, const nn_tensor *x, int n, const nn_range *ranges) {
  int64_t offset = 0;
  if (n != x->shape.rank || n == 0) return -1;
  for (int i = 0; i < n; i++)
    if (!ranges[i].drop) return -1;
  for (int i = 0; i < n; i++) offset += x->stride[i] * checked_position(L, x, i, ranges[i].first);
  return offset;
}

/* ipairs asks for what is behind the last row, and wants nil for it. It is told by its place on the stack: a function
 * of C that a generic for calls, just above __index (level 1). */
static bool asked_by_ipairs(lua_State *L, const nn_tensor *x) {
  lua_Debug caller;
  if (!x->shape.rank || !lua_isinteger(L, 2) || lua_tointeger(L, 2) != x->shape.dim[0] + 1) return false;
  return lua_getstack(L, 2, &caller) && lua_getinfo(L, "nS", &caller) && *caller.what == 'C' &&
         !strcmp(caller.namewhat, "for iterator");
}

static int tensor_at(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "index");
  if (asked_by_ipairs(L, x->value)) return 0;
  nn_range ranges[NN_MAX_RANK];
  const int n = read_ranges(L, s, ranges);
  if (!nnlua_stays_tensor(s, x)) {
    const int64_t offset = one_element(L, x->value, n, ranges);
    if (offset >= 0) {
      push_element(L, x->value->dtype, element(x->value, offset));
      return 1;
    }
  }
  nnlua_box *y = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, y, ag_slice("index", nnlua_operand(L, s, 1), n, ranges))) continue;
  return 1;
}

/* One op in place, whatever the value: the view is written, and what backward needs of the old values is checked by
 * version numbers (inplace.c). */
static int tensor_assign(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  nnlua_check(L, s, 1, "index");
  nn_range ranges[NN_MAX_RANK];
  const int n = read_ranges(L, s, ranges);
  nnlua_check_operand(L, s, 3, "index", 0);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_done(&e, ag_assign(nnlua_operand(L, s, 1), n, ranges, nnlua_operand(L, s, 3)))) continue;
  return 0;
}

/* for i, row in pairs(t). The step of pairs: its state is the tensor, its control the position. */
static int next_row(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "pairs");
  const lua_Integer i = lua_tointeger(L, 2) + 1;
  if (!x->value->shape.rank || i > x->value->shape.dim[0]) return 0;
  lua_settop(L, 1);
  lua_pushinteger(L, i);
  tensor_at(L);
  lua_pushinteger(L, i);
  lua_insert(L, -2);
  return 2;
}

/* Ends at the size, and rows are views; ipairs does the same through __index. */
static int tensor_pairs(lua_State *L) {
  nnlua_check(L, nnlua_state_of(L), 1, "pairs");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, next_row, 1);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

/* Appends positions first .. last of dim (0-based) of the tensor at 1 to the list on top. A view of x, behind the other
 * parts of the list on top. The stack holds no more than that list and one handle at a time, however many parts there
 * are. */
static void append_part(lua_State *L, nnlua_state *s, const char *call, int dim, int64_t first, int64_t last) {
  nn_range ranges[NN_MAX_RANK] = {{0, 0, false}};
  ranges[dim] = (nn_range){first, last, false};
  nnlua_box *part = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_give(&e, part, ag_slice(call, nnlua_operand(L, s, 1), dim + 1, ranges))) continue;
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* The dimension at index (default 1), 0-based. A function of the library checks it, so it is entered for that alone;
 * the error is raised on leaving. */
static int check_dim(lua_State *L, nnlua_state *s, const ag_var *x, int index, const char *call) {
  const int64_t asked = lua_isnoneornil(L, index) ? 1 : nnlua_check_integer(L, index, call, "dim");
  nnlua_entry e = nnlua_enter(L, s);
  e.last_try = true;
  const int dim = nn_dim(call, &x->value->shape, asked);
  nnlua_done(&e, dim >= 0);
  return dim;
}

/* A list of sizes that add up to the dimension. The sizes are looked at one by one, as the parts are made: an error in
 * the last one leaves only garbage behind. */
static int split_sizes(lua_State *L, nnlua_state *s, int dim, int64_t size) {
  lua_newtable(L);
  int64_t first = 1;
  for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 2); i++) {
    lua_rawgeti(L, 2, i);
    const int64_t n = nnlua_check_integer(L, -1, "split", "a size");
    lua_pop(L, 1);
    if (n < 0 || n > size - first + 1) return nnlua_error(L, "split: the sizes must add up to %I", (LUAI_UACINT)size);
    append_part(L, s, "split", dim, first, first + n - 1);
    first += n;
  }
  if (first != size + 1) return nnlua_error(L, "split: the sizes must add up to %I", (LUAI_UACINT)size);
  return 1;
}

/* Parts of a size each, the last perhaps smaller; an empty dimension is one empty part. first + part would overflow for
 * the greatest sizes, so what is left is compared with part. */
static int even_parts(lua_State *L, nnlua_state *s, const char *call, int dim, int64_t size, int64_t part) {
  lua_newtable(L);
  if (!size) append_part(L, s, call, dim, 1, 0);
  for (int64_t first = 1; first <= size; first += part) {
    append_part(L, s, call, dim, first, size - first < part ? size : first + part - 1);
    if (part > size - first) break;
  }
  return 1;
}

/* A size, or a list of sizes, and the dimension; views all of them, so nothing is copied and gradients flow back. */
static int tensor_split(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "split");
  const int dim = check_dim(L, s, x, 3, "split");
  const int64_t size = x->value->shape.dim[dim];
  if (lua_istable(L, 2)) return split_sizes(L, s, dim, size);
  const int64_t part = nnlua_check_integer(L, 2, "split", "size");
  if (part < 1) return nnlua_error(L, "split: size must be at least 1; got %I", (LUAI_UACINT)part);
  return even_parts(L, s, "split", dim, size, part);
}

/* Parts of ceil(size / n), as PyTorch has it: there may be fewer than n of them. */
static int tensor_chunk(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "chunk");
  const int dim = check_dim(L, s, x, 3, "chunk");
  const int64_t n = nnlua_check_integer(L, 2, "chunk", "n"), size = x->value->shape.dim[dim];
  if (n < 1) return nnlua_error(L, "chunk: n must be at least 1; got %I", (LUAI_UACINT)n);
  const int64_t part = size / n + (size % n != 0);
  return even_parts(L, s, "chunk", dim, size, part ? part : 1);
}

/* All sizes as a table, or one. */
static int tensor_size(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  ag_var *x = nnlua_check(L, s, 1, "size");
  if (lua_isnoneornil(L, 2)) nnlua_push_shape(L, &x->value->shape);
  else lua_pushinteger(L, x->value->shape.dim[check_dim(L, s, x, 2, "size")]);
  return 1;
}

/* index and assign are put into the metatable for tensor.c to find; Lua itself never asks for these names. */
void nnlua_open_index(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"index", tensor_at, NNLUA_META}, {"assign", tensor_assign, NNLUA_META}, {"__pairs", tensor_pairs, NNLUA_META},
    {"split", tensor_split, NNLUA_BOTH}, {"chunk", tensor_chunk, NNLUA_BOTH}, {"size", tensor_size, NNLUA_METHOD},
    {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
}
