/* string.find, match, gmatch and gsub for scripts with limits: Lua's patterns, as the manual describes them, by a
 * matcher that counts its steps. The stock one cannot be stopped: ("a"):rep(1e4):find((".-"):rep(20) .. "b"). */
#include <ctype.h>
#include <string.h>

#include "patterns.h"

enum { CAPTURES = 32, DEEPEST = 200, STEPS = 10000 /* between two looks at the limits */ };
enum { OPEN = -1, POSITION = -2 };                   /* as lengths of captures */

typedef struct matcher {
  lua_State *L;
  const nnlua_state *state;
  const char *text, *text_end, *pattern_end;
  int captures, depth, steps;
  struct { const char *start; ptrdiff_t length; } capture[CAPTURES];
} matcher;

static const char *match(matcher *m, const char *s, const char *p);

static void step(matcher *m) {
  if (++m->steps < STEPS) return;
  m->steps = 0;
  nnlua_budget_charge(m->L, m->state, STEPS);
}

/* Single characters */

static bool in_class(int c, int class) {
  static const struct { char name; int (*test)(int); } classes[] = {
    {'a', isalpha}, {'c', iscntrl}, {'d', isdigit}, {'g', isgraph}, {'l', islower}, {'p', ispunct}, {'s', isspace},
    {'u', isupper}, {'w', isalnum}, {'x', isxdigit},
  };
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
    if (tolower(class) == classes[i].name) return (classes[i].test(c) != 0) == (islower(class) != 0);
  return class == c;
}

/* Behind the single-character class that begins at p. */
static const char *class_end(const matcher *m, const char *p) {
  const char first = *p++;
  if (first == '%') {
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (first != '[') return p;
  if (p < m->pattern_end && *p == '^') p++;
  do {                                               /* a ']' that comes first is itself */
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
    if (*p++ == '%' && p < m->pattern_end) p++;
  } while (p == m->pattern_end || *p != ']');
  return p + 1;
}

/* The set from p ('[') to end (its ']'). */
static bool in_set(int c, const char *p, const char *end) {
  const bool wanted = p[1] != '^';
  p += wanted ? 1 : 2;
  while (p < end) {
    if (*p == '%') {
      if (in_class(c, (unsigned char)p[1])) return wanted;
      p += 2;
    } else if (p[1] == '-' && p + 2 < end) {
      if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) return wanted;
      p += 3;
    } else if ((unsigned char)*p++ == c) return wanted;
  }
  return !wanted;
}

static bool one(matcher *m, const char *s, const char *p, const char *end) {
  step(m);
  if (s >= m->text_end) return false;
  const int c = (unsigned char)*s;
  switch (*p) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)p[1]);
    case '[': return in_set(c, p, end - 1);
    default: return (unsigned char)*p == c;
  }
}

/* Repetitions of the class p .. end - 1, then the rest of the pattern */

static const char *most(matcher *m, const char *s, const char *p, const char *end) {
  ptrdiff_t n = 0;
  while (one(m, s + n, p, end)) n++;
  for (; n >= 0; n--) {
    const char *found = match(m, s + n, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *least(matcher *m, const char *s, const char *p, const char *end) {
  for (;; s++) {
    const char *found = match(m, s, end + 1);
    if (found) return found;
    if (!one(m, s, p, end)) return NULL;
  }
}

/* Items that are no single characters */

static const char *open_capture(matcher *m, const char *s, const char *p, ptrdiff_t length) {
  if (m->captures == CAPTURES) luaL_error(m->L, "too many captures");
  m->capture[m->captures].start = s;
  m->capture[m->captures++].length = length;
  const char *found = match(m, s, p);
  if (!found) m->captures--;
  return found;
}

static const char *close_capture(matcher *m, const char *s, const char *p) {
  int i = m->captures - 1;
  while (i >= 0 && m->capture[i].length != OPEN) i--;
  if (i < 0) luaL_error(m->L, "invalid pattern capture");
  m->capture[i].length = s - m->capture[i].start;
  const char *found = match(m, s, p);
  if (!found) m->capture[i].length = OPEN;
  return found;
}

/* %bxy: from an x to the y that balances it */
static const char *balanced(matcher *m, const char *s, const char *p) {
  if (m->pattern_end - p < 2) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->text_end || *s != p[0]) return NULL;
  int depth = 1;
  while (++s < m->text_end) {
    step(m);
    if (*s == p[1] && --depth == 0) return s + 1;
    if (*s == p[0] && p[0] != p[1]) depth++;
  }
  return NULL;
}

/* %f[set]: the set begins here */
static bool frontier(matcher *m, const char *s, const char *p, const char *end) {
  const int before = s == m->text ? 0 : (unsigned char)s[-1], after = s < m->text_end ? (unsigned char)*s : 0;
  step(m);
  return !in_set(before, p, end - 1) && in_set(after, p, end - 1);
}

static const char *repeated_capture(matcher *m, const char *s, int digit) {
  const int i = digit - '1';
  if (i < 0 || i >= m->captures || m->capture[i].length == OPEN)
    luaL_error(m->L, "invalid capture index %%%d", i + 1);
  const ptrdiff_t n = m->capture[i].length;
  step(m);
  return n >= 0 && m->text_end - s >= n && !memcmp(s, m->capture[i].start, (size_t)n) ? s + n : NULL;
}

/* %b, %f and %1 .. %9 at *p: the end of what they match, *p behind them. false: something else is there. */
static bool special(matcher *m, const char **s, const char **p) {
  const char *item = *p;
  const int kind = item + 1 < m->pattern_end ? (unsigned char)item[1] : 0;
  if (*item != '%') return false;
  if (kind == 'b') {
    *s = balanced(m, *s, item + 2);
    *p = item + 4;
  } else if (kind == 'f') {
    if (item + 2 >= m->pattern_end || item[2] != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
    *p = class_end(m, item + 2);
    if (!frontier(m, *s, item + 2, *p)) *s = NULL;
  } else if (isdigit(kind)) {
    *s = repeated_capture(m, *s, kind);
    *p = item + 2;
  } else return false;
  return true;
}

/* A single-character class at *p with what follows it. true: *s is the end of the whole match, or NULL; false: go on
 * behind one character that matched (or, for '?', none). */
static bool single(matcher *m, const char **s, const char **p) {
  const char *end = class_end(m, *p), mark = end < m->pattern_end ? *end : '\0', *found;
  switch (mark) {
    case '*': *s = most(m, *s, *p, end); return true;
    case '+': *s = one(m, *s, *p, end) ? most(m, *s + 1, *p, end) : NULL; return true;
    case '-': *s = least(m, *s, *p, end); return true;
    case '?':
      if (one(m, *s, *p, end) && (found = match(m, *s + 1, end + 1))) {
        *s = found;
        return true;
      }
      *p = end + 1;
      return false;
    default:
      *s = one(m, *s, *p, end) ? *s + 1 : NULL;
      *p = end;
      return *s == NULL;
  }
}

/* The end of the match of pattern p (to its end) at s, or NULL. */
static const char *match(matcher *m, const char *s, const char *p) {
  if (++m->depth > DEEPEST) luaL_error(m->L, "pattern too complex");
  while (s && p != m->pattern_end) {
    if (*p == '(') {
      const bool position = p + 1 < m->pattern_end && p[1] == ')';
      s = open_capture(m, s, p + (position ? 2 : 1), position ? POSITION : OPEN);
      break;
    }
    if (*p == ')') {
      s = close_capture(m, s, p + 1);
      break;
    }
    if (*p == '$' && p + 1 == m->pattern_end) {
      s = s == m->text_end ? s : NULL;
      break;
    }
    if (!special(m, &s, &p) && single(m, &s, &p)) break;
  }
  m->depth--;
  return s;
}

/* Results */

/* Capture i (from 0) of a match from s to end; the whole match where the pattern has none. */
static void push_capture(const matcher *m, int i, const char *s, const char *end) {
  if (i >= m->captures) {
    if (i > 0) luaL_error(m->L, "invalid capture index %%%d", i + 1);
    lua_pushlstring(m->L, s, (size_t)(end - s));
  } else if (m->capture[i].length == POSITION) lua_pushinteger(m->L, m->capture[i].start - m->text + 1);
  else if (m->capture[i].length == OPEN) luaL_error(m->L, "unfinished capture");
  else lua_pushlstring(m->L, m->capture[i].start, (size_t)m->capture[i].length);
}

static int push_captures(const matcher *m, const char *s, const char *end, bool whole) {
  const int n = m->captures == 0 && whole ? 1 : m->captures;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++) push_capture(m, i, s, end);
  return n;
}

static matcher begin(lua_State *L, int text, int pattern, const char **p) {
  matcher m = {.L = L, .state = lua_touserdata(L, lua_upvalueindex(1))};
  size_t size, length;
  m.text = luaL_checklstring(L, text, &size);
  m.text_end = m.text + size;
  *p = luaL_checklstring(L, pattern, &length);
  m.pattern_end = *p + length;
  return m;
}

static const char *try_at(matcher *m, const char *s, const char *p) {
  m->captures = m->depth = 0;
  return match(m, s, p);
}

/* The functions */

/* Where to begin, from argument 3; beyond the end for nothing to find. */
static const char *first_position(lua_State *L, const matcher *m) {
  const lua_Integer size = m->text_end - m->text, init = luaL_optinteger(L, 3, 1);
  const lua_Integer at = init > 0 ? init - 1 : init == 0 || -init > size ? 0 : size + init;
  return at > size ? NULL : m->text + at;
}

static int not_found(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

static bool is_plain(const char *p, const char *end) {
  for (; p < end; p++)
    if (*p && strchr("^$*+?.([%-", *p)) return false;
  return true;
}

static int plain_find(lua_State *L, matcher *m, const char *s, const char *p) {
  const size_t length = (size_t)(m->pattern_end - p);
  for (; (size_t)(m->text_end - s) >= length; s++) {
    step(m);
    if (memcmp(s, p, length)) continue;
    lua_pushinteger(L, s - m->text + 1);
    lua_pushinteger(L, s - m->text + (lua_Integer)length);
    return 2;
  }
  return not_found(L);
}

static int find_or_match(lua_State *L, bool find) {
  const char *p;
  matcher m = begin(L, 1, 2, &p);
  const char *s = first_position(L, &m);
  if (!s) return not_found(L);
  if (find && (lua_toboolean(L, 4) || is_plain(p, m.pattern_end))) return plain_find(L, &m, s, p);
  const bool anchored = p < m.pattern_end && *p == '^';
  p += anchored;
  do {
    const char *end = try_at(&m, s, p);
    if (!end) continue;
    if (!find) return push_captures(&m, s, end, true);
    lua_pushinteger(L, s - m.text + 1);
    lua_pushinteger(L, end - m.text);
    return 2 + push_captures(&m, s, end, false);
  } while (s++ < m.text_end && !anchored);
  return not_found(L);
}

static int find(lua_State *L) { return find_or_match(L, true); }
static int match_function(lua_State *L) { return find_or_match(L, false); }

/* Upvalues: state, text, pattern, position to go on at, end of the last match (both from 0; -1: none). */
static int next_match(lua_State *L) {
  const char *p;
  matcher m = begin(L, lua_upvalueindex(2), lua_upvalueindex(3), &p);
  const lua_Integer last = lua_tointeger(L, lua_upvalueindex(5));
  for (const char *s = m.text + lua_tointeger(L, lua_upvalueindex(4)); s <= m.text_end; s++) {
    const char *end = try_at(&m, s, p);
    if (!end || end - m.text == last) continue;
    for (int i = 4; i <= 5; i++) {
      lua_pushinteger(L, end - m.text);
      lua_replace(L, lua_upvalueindex(i));
    }
    return push_captures(&m, s, end, true);
  }
  return 0;
}

static int gmatch(lua_State *L) {
  const char *p;
  const matcher m = begin(L, 1, 2, &p);
  const char *s = first_position(L, &m);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_pushinteger(L, s ? s - m.text : m.text_end - m.text + 1);
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, next_match, 5);
  return 1;
}

/* Adds the replacement string (argument 3), in which %0 .. %9 are captures. */
static void add_string(const matcher *m, luaL_Buffer *b, const char *s, const char *end) {
  size_t length;
  const char *r = lua_tolstring(m->L, 3, &length), *r_end = r + length;
  for (; r < r_end; r++) {
    if (*r != '%') luaL_addchar(b, *r);
    else if (++r < r_end && *r == '%') luaL_addchar(b, '%');
    else if (r < r_end && *r == '0') luaL_addlstring(b, s, (size_t)(end - s));
    else if (r < r_end && isdigit((unsigned char)*r)) {
      push_capture(m, *r - '1', s, end);
      luaL_tolstring(m->L, -1, NULL);
      lua_remove(m->L, -2);
      luaL_addvalue(b);
    } else luaL_error(m->L, "invalid use of '%%' in replacement string");
  }
}

/* The same for a table or a function; false and nil keep what was there. */
static void add_value(const matcher *m, luaL_Buffer *b, const char *s, const char *end) {
  lua_State *L = m->L;
  if (lua_type(L, 3) == LUA_TTABLE) {
    push_capture(m, 0, s, end);
    lua_gettable(L, 3);
  } else {
    lua_pushvalue(L, 3);
    lua_call(L, push_captures(m, s, end, true), 1);
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, s, (size_t)(end - s));
  } else if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(b);
}

static int gsub(lua_State *L) {
  const char *p, *last = NULL;
  matcher m = begin(L, 1, 2, &p);
  const char *s = m.text;
  const int type = lua_type(L, 3);
  const bool text = type == LUA_TSTRING || type == LUA_TNUMBER;
  luaL_argexpected(L, text || type == LUA_TTABLE || type == LUA_TFUNCTION, 3, "string/function/table");
  const lua_Integer most_often = luaL_optinteger(L, 4, m.text_end - m.text + 1);
  const bool anchored = p < m.pattern_end && *p == '^';
  lua_Integer n = 0;
  p += anchored;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (n < most_often) {
    const char *end = try_at(&m, s, p);
    if (end && end != last) {
      n++;
      if (text) add_string(&m, &b, s, end);
      else add_value(&m, &b, s, end);
      s = last = end;
    } else if (s < m.text_end) luaL_addchar(&b, *s++);
    else break;
    if (anchored) break;
  }
  luaL_addlstring(&b, s, (size_t)(m.text_end - s));
  luaL_pushresult(&b);
  lua_pushinteger(L, n);
  return 2;
}

void nnlua_open_patterns(lua_State *L, nnlua_state *s) {
  static const luaL_Reg functions[] = {
    {"find", find}, {"match", match_function}, {"gmatch", gmatch}, {"gsub", gsub}, {NULL, NULL},
  };
  lua_pushlightuserdata(L, s);
  luaL_setfuncs(L, functions, 1);
}
