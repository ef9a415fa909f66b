/* Errors as users see them: one line that begins with the place in their own script, and says the cure where it is
 * known. What can be told from the way a call was written is found out here, when it has failed: calls that go well pay
 * nothing for it. */
#include <ctype.h>
#include <string.h>

#include "handle.h"

static const char namespaces_key, methods_key;       /* their addresses are keys of the registry */

/* The innermost level that is Lua and none of the files inside, or -1. The level within it (one less) is the function
 * that the user called. */
static int user_level(lua_State *L, lua_Debug *level) {
  for (int i = 0; lua_getstack(L, i, level); i++) {
    lua_getinfo(L, "Sl", level);
    if (level->currentline > 0 && strncmp(level->source, "=nn/", 4)) return i;
  }
  return -1;
}

/* The wrong one of . and : */

/* Pushes argument i of a function at work (-1: the first of its ...). False where there is none. */
static bool push_argument(lua_State *L, const lua_Debug *function, int i) {
  return lua_getlocal(L, function, i) != NULL;
}

/* Was nn, nn.losses or the like given as an argument, as nn:zeros(2) does? A class's constructor has it in second
 * place. Pushes its name. */
static bool push_namespace(lua_State *L, const lua_Debug *function) {
  static const int places[] = {1, 2, -1};
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &namespaces_key) != LUA_TTABLE) {     /* nn is not open yet */
    lua_pop(L, 1);
    return false;
  }
  for (int i = 0; i < 3; i++) {
    if (!push_argument(L, function, places[i])) continue;
    if (lua_istable(L, -1) && lua_rawget(L, -2) == LUA_TSTRING) {
      lua_remove(L, -2);
      return true;
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return false;
}

/* Is the function on top, called `name`, a tensor's method that got no tensor, as t.sum() does not? Pops it. */
static bool lacks_tensor(lua_State *L, const lua_Debug *function, const char *name) {
  const bool open = lua_rawgetp(L, LUA_REGISTRYINDEX, &methods_key) == LUA_TTABLE;
  if (open) lua_getfield(L, -1, name);
  const bool method = open && lua_rawequal(L, -1, -3);
  lua_pop(L, open ? 3 : 2);
  if (!method) return false;
  if (!push_argument(L, function, 1)) return true;
  const bool tensor = nnlua_box_at(L, nnlua_state_find(L), -1) != NULL;
  lua_pop(L, 1);
  return !tensor;
}

/* Pushes what is wrong with the call of the function at this level, when it is the dot or the colon. */
static bool push_cure(lua_State *L, int level) {
  lua_Debug function;
  if (level < 0 || !lua_getstack(L, level, &function)) return false;
  lua_getinfo(L, "n", &function);
  const char *name = function.name;                  /* not known of a function of Lua behind return */
  if (!name) return false;
  if (!strcmp(function.namewhat, "method") && push_namespace(L, &function)) {
    const char *of = lua_tostring(L, -1);
    lua_pushfstring(L, "%s: call it with a dot, %s.%s(...) instead of %s:%s(...)", name, of, name, of, name);
    lua_remove(L, -2);
    return true;
  }
  lua_getinfo(L, "f", &function);
  if (!lacks_tensor(L, &function, name)) return false;
  lua_pushfstring(L, "%s: call it with a colon, t:%s(...) instead of t.%s(...)", name, name, name);
  return true;
}

/* Raising */

/* Replaces the message on top by the cure, if there is one, and puts the user's place in front. */
static int raise_placed(lua_State *L) {
  lua_Debug level;
  luaL_checkstack(L, 10, "error");
  const int i = user_level(L, &level);
  if (push_cure(L, i - 1)) lua_remove(L, -2);
  if (i < 0) return lua_error(L);
  lua_pushfstring(L, "%s:%d: ", level.short_src, level.currentline);
  lua_insert(L, -2);
  lua_concat(L, 2);
  return lua_error(L);
}

/* The message is made first: looking for the place pushes values, and a format may point into the stack. */
int nnlua_error(lua_State *L, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  return raise_placed(L);
}

/* The result points into a value on the stack or to a literal: good until the stack is cut. */
const char *nnlua_got(lua_State *L, int index) {
  switch (lua_type(L, index)) {
    case LUA_TNONE: return "nil";
    case LUA_TNUMBER:
      lua_pushvalue(L, index);                       /* tostring would change the number itself into a string */
      return lua_tostring(L, -1);
    case LUA_TBOOLEAN: return lua_toboolean(L, index) ? "true" : "false";
    case LUA_TUSERDATA: {
      const bool named = luaL_getmetafield(L, index, "__name") == LUA_TSTRING;
      return named ? lua_tostring(L, -1) : "userdata";
    }
    default: return luaL_typename(L, index);
  }
}

/* Of numbers and strings the type is what matters, so they are not shown; a userdata tells its __name. */
int nnlua_type_error(lua_State *L, const char *call, int argument, const char *wanted, int index) {
  const char *got = lua_type(L, index) == LUA_TUSERDATA ? nnlua_got(L, index) : luaL_typename(L, index);
  if (lua_isnone(L, index)) got = "nil";
  if (argument) return nnlua_error(L, "%s: argument %d: expected %s; got %s", call, argument, wanted, got);
  return nnlua_error(L, "%s: expected %s; got %s", call, wanted, got);
}

/* Names */

/* Beyond these a comparison costs more than it tells, and a list is no help but a wall of text. */
enum { LONGEST = 40, FEW = 12 };       /* characters of a name that is compared; names that a message may list */

static bool same(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* Letters left out, put in, changed or swapped with the next, capitals or not, that make b of a (optimal string
 * alignment, by rows: row[i % 3][j] is of the first i letters of a, j of b). Long names are far from everything. */
static int distance(const char *a, const char *b) {
  int row[3][LONGEST + 1];
  const int n = (int)strlen(a), m = (int)strlen(b);
  if (n > LONGEST || m > LONGEST) return LONGEST;
  for (int j = 0; j <= m; j++) row[0][j] = j;
  for (int i = 1; i <= n; i++) {
    int *now = row[i % 3];
    const int *above = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (int j = 1; j <= m; j++) {
      const int shorter = (above[j] < now[j - 1] ? above[j] : now[j - 1]) + 1;
      now[j] = above[j - 1] + !same(a[i - 1], b[j - 1]);
      if (now[j] > shorter) now[j] = shorter;
      const bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
      if (swapped && now[j] > before[j - 2] + 1) now[j] = before[j - 2] + 1;
    }
  }
  return row[n % 3][m];
}

/* Does name begin with `with`, capitals or not? */
static bool begins(const char *name, const char *with) {
  while (*with && same(*name, *with)) name++, with++;
  return !*with;
}

/* The nearest of the names, NULL unless at most a third of its letters is wrong. A name that was cut short is near. */
static const char *nearest(const char *name, int n, const char *const *names) {
  const int most = ((int)strlen(name) + 1) / 3;
  int least = most + 1;
  const char *found = NULL;
  for (int i = 0; i < n; i++) {
    int d = distance(name, names[i]);
    if (d > most && strlen(name) > 2 && begins(names[i], name)) d = most;
    if (d >= least) continue;
    least = d;
    found = names[i];
  }
  return found;
}

/* Pushes "; there are a, b and c". */
static const char *push_list(lua_State *L, int n, const char *const *names) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addstring(&text, n == 1 ? "; there is " : "; there are ");
  for (int i = 0; i < n; i++) {
    if (i) luaL_addstring(&text, i == n - 1 ? " and " : ", ");
    luaL_addstring(&text, names[i]);
  }
  luaL_pushresult(&text);
  return lua_tostring(L, -1);
}

/* Three answers, from the most helpful to the least; none is better than a wrong one. */
const char *nnlua_suggest(lua_State *L, const char *name, int n, const char *const *names, const char *more) {
  const char *near = nearest(name, n, names);
  if (near) return lua_pushfstring(L, "; did you mean \"%s\"?", near);
  if (n > 0 && n <= FEW) return push_list(L, n, names);
  return more ? lua_pushfstring(L, "; %s", more) : "";
}

/* For the files in Lua */

/* core.fail(message) */
static int fail(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  return raise_placed(L);
}

/* core.suggest(name, names[, more]): what is added to a message about an unknown name. */
static int suggest(lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *more = luaL_optstring(L, 3, NULL);
  luaL_checktype(L, 2, LUA_TTABLE);
  const int n = (int)lua_rawlen(L, 2);
  const char **names = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *names, 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 2, i + 1);
    names[i] = luaL_checkstring(L, -1);              /* the list keeps it alive */
    lua_pop(L, 1);
  }
  lua_pushstring(L, nnlua_suggest(L, name, n, names, more));
  return 1;
}

/* core.distance(a, b): how many letters make the difference. */
static int letters(lua_State *L) {
  lua_pushinteger(L, distance(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
  return 1;
}

/* core.namespace(table, name): its functions are called with a dot. Gives the table. */
static int add_namespace(lua_State *L) {
  lua_settop(L, 2);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &namespaces_key);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_rawset(L, -3);
  lua_settop(L, 1);
  return 1;
}

/* nn itself is the first namespace; nn.losses and the like enter themselves when they are loaded. */
void nnlua_open_errors(lua_State *L, nnlua_state *s) {
  static const nnlua_function functions[] = {
    {"fail", fail, NNLUA_CORE}, {"suggest", suggest, NNLUA_CORE}, {"namespace", add_namespace, NNLUA_CORE},
    {"distance", letters, NNLUA_CORE}, {NULL, NULL, 0},
  };
  nnlua_register(L, s, functions);
  lua_newtable(L);
  lua_pushvalue(L, NNLUA_AT_NN);
  lua_pushliteral(L, "nn");
  lua_rawset(L, -3);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &namespaces_key);
  lua_pushvalue(L, NNLUA_AT_METHODS);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &methods_key);
}
