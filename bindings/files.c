/* Files of tensors for the Lua files. What was loaded is held by a userdata until it has been handed over, so that an
 * error on the way, such as no memory for a handle, leaks nothing. */
#include <string.h>

#include "core.h"
#include "values.h"

typedef struct held { void *object; } held;          /* one reference */

static int close_held(lua_State *L) {
  held *h = nnlua_check_handle(L, 1, "nn.held");
  nn_release(h->object);
  h->object = NULL;
  return 0;
}

static held *new_held(lua_State *L) {
  held *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->object = NULL;
  luaL_setmetatable(L, "nn.held");
  return h;
}

static void check_files_allowed(lua_State *L, const nnlua_state *s, const char *call) {
  if (s->confined) nnlua_error(L, "%s: this script may not open files", call);
}

/* A string without a 0 inside, which C would take for its end. */
static const char *check_text(lua_State *L, int index, const char *call, const char *what) {
  size_t n;
  if (lua_type(L, index) != LUA_TSTRING)
    nnlua_error(L, "%s: %s must be a string; got %s", call, what, nnlua_got(L, index));
  const char *text = lua_tolstring(L, index, &n);
  if (strlen(text) != n) nnlua_error(L, "%s: %s must not hold a 0 byte", call, what);
  return text;
}

/* The i-th of a list of strings, which keeps it alive. */
static const char *text_at(lua_State *L, int list, lua_Integer i, const char *call) {
  lua_rawgeti(L, list, i);
  const char *text = check_text(L, -1, call, "a name");
  lua_pop(L, 1);
  return text;
}

/* core.save_tensors(call, path, names, tensors, {key, text, key, text ...}) */
static int save_tensors(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const char *call = luaL_checkstring(L, 1);
  check_files_allowed(L, s, call);
  lua_settop(L, 5);
  const char *path = check_text(L, 2, call, "path");
  luaL_checktype(L, 3, LUA_TTABLE);
  nnlua_list tensors;
  nnlua_check_list(L, s, 4, call, -1, false, &tensors);
  const int pairs = lua_istable(L, 5) ? (int)lua_rawlen(L, 5) / 2 : 0;
  nn_named *named = lua_newuserdatauv(L, ((size_t)tensors.n + 1) * sizeof *named, 0);
  nn_pair *pair = lua_newuserdatauv(L, ((size_t)pairs + 1) * sizeof *pair, 0);
  for (int i = 0; i < tensors.n; i++) named[i].name = text_at(L, 3, i + 1, call);
  for (int i = 0; i < pairs; i++)
    pair[i] = (nn_pair){text_at(L, 5, 2 * i + 1, call), text_at(L, 5, 2 * i + 2, call)};
  nnlua_entry e = nnlua_enter(L, s);
  bool ok;
  do {
    ok = nnlua_read_list(L, s, &tensors);
    for (int i = 0; ok && i < tensors.n; i++) named[i].tensor = tensors.x[i]->value;
    ok = ok && nn_save_safetensors(call, path, tensors.n, named, pairs, pair);
  } while (!nnlua_done(&e, ok));
  return 0;
}

/* core.load_tensors(call, path) -> names, tensors, metadata by key */
static int load_tensors(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const char *call = luaL_checkstring(L, 1);
  check_files_allowed(L, s, call);
  const char *path = check_text(L, 2, call, "path");
  held *h = new_held(L);
  nnlua_entry e = nnlua_enter(L, s);
  do h->object = nn_retain(nn_load_safetensors(call, path));
  while (!nnlua_done(&e, h->object != NULL));
  const nn_archive *a = h->object;
  lua_createtable(L, (int)a->tensors, 0);
  lua_createtable(L, (int)a->tensors, 0);
  lua_createtable(L, 0, (int)a->pairs);
  const int names = lua_gettop(L) - 2;
  for (int64_t i = 0; i < a->tensors; i++) {
    lua_pushstring(L, a->tensor[i].name);
    lua_rawseti(L, names, i + 1);
    nnlua_box *box = nnlua_new_box(L, s);
    e = nnlua_enter(L, s);
    while (!nnlua_give(&e, box, ag_constant(a->tensor[i].tensor))) continue;
    lua_rawseti(L, names + 1, i + 1);
  }
  for (int64_t i = 0; i < a->pairs; i++) {
    lua_pushstring(L, a->pair[i].value);
    lua_setfield(L, names + 2, a->pair[i].key);
  }
  return 3;
}

/* Adds the columns in the list at index (names or positions) to columns. */
static void add_columns(lua_State *L, int index, bool text, nn_csv_options *options, nn_csv_column *columns) {
  const int n = lua_istable(L, index) ? (int)lua_rawlen(L, index) : 0;
  for (int i = 1; i <= n; i++) {
    nn_csv_column *c = &columns[options->columns++];
    *c = (nn_csv_column){.text = text};
    lua_rawgeti(L, index, i);
    if (lua_type(L, -1) == LUA_TSTRING) c->name = check_text(L, -1, "read_csv", "a column");
    else c->position = nnlua_check_integer(L, -1, "read_csv", "a column");
    lua_pop(L, 1);
  }
}

/* A list of n strings, one after the other; *text is moved behind them. */
static void push_texts(lua_State *L, const char **text, int64_t n) {
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 1; i <= n; i++) {
    lua_pushstring(L, *text);
    *text += strlen(*text) + 1;
    lua_rawseti(L, -2, i);
  }
}

/* core.read_csv(path, header (0 no, 1 yes, 2 unless numbers), delimiter, columns or nil: all, columns of text)
 * -> numbers, names of all columns or nil, rows of texts in the order of the file */
static int read_csv(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  lua_settop(L, 5);
  check_files_allowed(L, s, "read_csv");
  const char *path = check_text(L, 1, "read_csv", "path");
  nn_csv_options options = {.header = (int)luaL_checkinteger(L, 2), .delimiter = *luaL_checkstring(L, 3),
                            .all = !lua_istable(L, 4)};
  const size_t most = (options.all ? 0 : lua_rawlen(L, 4)) + (lua_istable(L, 5) ? lua_rawlen(L, 5) : 0);
  nn_csv_column *columns = lua_newuserdatauv(L, (most + 1) * sizeof *columns, 0);
  add_columns(L, 4, false, &options, columns);
  add_columns(L, 5, true, &options, columns);
  options.column = columns;
  held *h = new_held(L);
  nnlua_box *numbers = nnlua_new_box(L, s);
  nnlua_entry e = nnlua_enter(L, s);
  do h->object = nn_retain(nn_load_csv(path, &options));
  while (!nnlua_done(&e, h->object != NULL));
  const nn_csv *csv = h->object;
  e = nnlua_enter(L, s);
  while (!nnlua_give(&e, numbers, ag_constant(csv->numbers))) continue;
  const char *text = csv->names;
  if (text) push_texts(L, &text, csv->fields);
  else lua_pushinteger(L, csv->fields);
  text = csv->cells;
  lua_createtable(L, csv->texts ? (int)csv->rows : 0, 0);
  for (int64_t i = 1; csv->texts && i <= csv->rows; i++) {
    push_texts(L, &text, csv->texts);
    lua_rawseti(L, -2, i);
  }
  return 3;
}

/* core.write_file(call, path, bytes), core.make_folders(call, path) */
static int write_file(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  size_t n;
  const char *call = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 3, &n);
  check_files_allowed(L, s, call);
  const char *path = check_text(L, 2, call, "path");
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_done(&e, nn_write_file(call, path, bytes, n))) continue;
  return 0;
}

static int make_folders(lua_State *L) {
  nnlua_state *s = nnlua_state_of(L);
  const char *call = luaL_checkstring(L, 1);
  check_files_allowed(L, s, call);
  const char *path = check_text(L, 2, call, "path");
  nnlua_entry e = nnlua_enter(L, s);
  while (!nnlua_done(&e, nn_make_folders(call, path))) continue;
  return 0;
}

void nnlua_open_files(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"save_tensors", save_tensors, NNLUA_CORE}, {"load_tensors", load_tensors, NNLUA_CORE},
    {"read_csv", read_csv, NNLUA_CORE}, {"write_file", write_file, NNLUA_CORE},
    {"make_folders", make_folders, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  luaL_newmetatable(L, "nn.held");
  lua_pushcfunction(L, close_held);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
