/* The interactive loop: editing, history and completion by libedit where it is there; values shown without print; input
 * over several lines; a local that begins a chunk stays visible; _ is the last value; Ctrl-C goes to the prompt. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "state.h"
#ifdef NNLUA_EDITLINE
#include <editline/readline.h>
#endif

/* Completion: the word before the cursor is names joined by dots, or by a colon before the last. */

#ifdef NNLUA_EDITLINE

static lua_State *completing;              /* libedit's callbacks take no argument of ours */

/* Adds prefix (the word up to its last name) + name + "(" for functions, when name begins with start. */
static void add_candidate(lua_State *L, int list, const char *prefix, const char *start, bool functions_only) {
  if (lua_type(L, -2) != LUA_TSTRING) return;
  const char *name = lua_tostring(L, -2);
  const bool callable = lua_isfunction(L, -1);
  if (strncmp(name, start, strlen(start)) || (functions_only && !callable)) return;
  if (name[0] == '_' && start[0] != '_') return;
  lua_pushfstring(L, "%s%s%s", prefix, name, callable ? "(" : "");
  lua_pushvalue(L, -1);
  if (lua_rawget(L, list) == LUA_TNIL) {
    lua_pushvalue(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, list);
    lua_pushvalue(L, -2);
    lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
  }
  lua_pop(L, 2);
}

/* Names that the value on top has: its own, those of the tables behind __index, those that its metatable lists
 * (__names: a table of names, or a function of the value that gives one). Pops it. */
static void add_names(lua_State *L, int list, const char *prefix, const char *start, bool functions_only) {
  for (int depth = 0; depth < 8; depth++) {
    if (luaL_getmetafield(L, -1, "__names") != LUA_TNIL) {
      if (lua_isfunction(L, -1)) {
        lua_pushvalue(L, list + 1);
        lua_call(L, 1, 1);
      }
      for (lua_pushnil(L); lua_istable(L, -2) && lua_next(L, -2); lua_pop(L, 1))
        add_candidate(L, list, prefix, start, functions_only);
      lua_settop(L, list + 1);
    }
    for (lua_pushnil(L); lua_istable(L, -2) && lua_next(L, -2); lua_pop(L, 1))
      add_candidate(L, list, prefix, start, functions_only);
    lua_settop(L, list + 1);
    if (luaL_getmetafield(L, -1, "__index") != LUA_TTABLE) break;
    lua_replace(L, list + 1);
  }
  lua_settop(L, list);
}

/* The list of candidates for the word (argument 1), as in "nn.los" or "t:su". */
static int find_candidates(lua_State *L) {
  const char *word = lua_tostring(L, 1), *last = word;
  for (const char *p = word; *p; p++)
    if (*p == '.' || *p == ':') last = p + 1;
  lua_newtable(L);
  lua_pushglobaltable(L);
  for (const char *name = word; name < last;) {
    const size_t n = strcspn(name, ".:");
    lua_pushlstring(L, name, n);
    lua_gettable(L, -2);
    lua_replace(L, 3);
    name += n + 1;
  }
  const char *prefix = lua_pushlstring(L, word, (size_t)(last - word));
  lua_insert(L, 2);
  add_names(L, 3, prefix, last, last > word && last[-1] == ':');
  lua_settop(L, 3);
  return 1;
}

/* libedit asks for one candidate after the other; the list stays on the stack meanwhile. */
static char *next_candidate(const char *word, int state) {
  lua_State *L = completing;
  static int index;
  if (state == 0) {
    lua_pushcfunction(L, find_candidates);
    lua_pushstring(L, word);
    index = 0;
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
      lua_pop(L, 1);
      lua_newtable(L);
    }
  }
  char *copy = NULL;
  if (lua_rawgeti(L, -1, ++index) == LUA_TSTRING) copy = strdup(lua_tostring(L, -1));
  lua_pop(L, copy ? 1 : 2);
  return copy;
}

static char **complete(const char *word, int start, int end) {
  (void)start, (void)end;
  rl_attempted_completion_over = 1;          /* never names of files */
  rl_completion_append_character = '\0';
  return rl_completion_matches(word, next_candidate);
}

/* The history's file, in the user's home; false without one. */
static bool history_path(char path[1024]) {
  const char *home = getenv("HOME");
  return home && *home && snprintf(path, 1024, "%s/.nnlua_history", home) < 1024;
}

static void start_editing(lua_State *L) {
  static char breaks[] = " \t\n\"\\'`@$><=;|&{}()[]+-*/%^#~,";
  char path[1024];
  completing = L;
  rl_readline_name = "nnlua";
  rl_basic_word_break_characters = breaks;
  rl_attempted_completion_function = complete;
  using_history();
  stifle_history(2000);
  if (history_path(path)) read_history(path);
}

static void remember(const char *line) {
  char path[1024];
  if (!*line) return;
  add_history(line);
  if (history_path(path)) write_history(path);
}

#else

static void start_editing(lua_State *L) { (void)L; }
static void remember(const char *line) { (void)line; }

#endif

/* A line without an editor, of any length; NULL at the end of the input or on Ctrl-C. */
static char *read_plain(const char *prompt) {
  char *line = NULL;
  size_t size = 0;
  fputs(prompt, stdout);
  fflush(stdout);
  clearerr(stdin);
  const ssize_t n = getline(&line, &size, stdin);
  if (n < 0) {
    free(line);
    return NULL;
  }
  if (n && line[n - 1] == '\n') line[n - 1] = '\0';
  return line;
}

static char *read_line(const char *prompt) {
#ifdef NNLUA_EDITLINE
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) return readline(prompt);
#endif
  return read_plain(prompt);
}

/* Input */

static const char *prompt(lua_State *L, bool first) {
  const char *text = lua_getglobal(L, first ? "_PROMPT" : "_PROMPT2") == LUA_TNIL ? NULL : luaL_tolstring(L, -1, NULL);
  return text ? text : first ? "> " : ">> ";
}

/* Pushes the next line. False at the end of the input, and on Ctrl-C, which shows. */
static bool push_line(lua_State *L, bool first) {
  const int top = lua_gettop(L);
  nnlua_interrupted = false;
  char *line = read_line(prompt(L, first));
  lua_settop(L, top);
  if (!line) return false;
  remember(line);
  lua_pushstring(L, line);
  free(line);
  return true;
}

/* Is the message (on top of the stack) that of a chunk which goes on in the next line? */
static bool incomplete(lua_State *L, int status) {
  static const char mark[] = "<eof>";
  size_t size;
  if (status != LUA_ERRSYNTAX) return false;
  const char *message = lua_tolstring(L, -1, &size);
  return size >= sizeof mark - 1 && !strcmp(message + size - (sizeof mark - 1), mark);
}

/* Each chunk is a function of its own, so that its locals would be gone in the next line: pushes the text without the
 * local it begins with. x <const> and x <close> stay as they are. */
static void push_statement(lua_State *L, const char *text) {
  static const char space[] = " \t\r\n\f\v";
  static const char letters[] = "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const char *first = text + strspn(text, space);
  if (strspn(first, letters) != 5 || strncmp(first, "local", 5)) {
    lua_pushstring(L, text);
    return;
  }
  const char *names = first + 5 + strspn(first + 5, space), *name = names, *end, *next;
  for (;; name = next + 1 + strspn(next + 1, space)) {
    end = name + strspn(name, letters);
    next = end + strspn(end, space);
    if (end == name || *next != ',') break;
  }
  if (end == name || *next == '<') lua_pushstring(L, text);
  else if (*next == '=' || (end - names == 8 && !strncmp(names, "function", 8))) lua_pushstring(L, names);
  else {
    lua_pushlstring(L, names, (size_t)(end - names));
    lua_pushfstring(L, " = nil%s", end);
    lua_concat(L, 2);
  }
}

/* Tries the text as it is; leaves the function or the message on top. */
static int load_text(lua_State *L) {
  size_t size;
  const char *text = lua_tolstring(L, -1, &size);
  const int status = luaL_loadbuffer(L, text, size, "=stdin");
  lua_remove(L, -2);
  return status;
}

/* Lines from the user (the first is at 1) until they are an expression, wanted for its value, or whole statements: the
 * function is left on top. */
static int load_chunk(lua_State *L) {
  for (;;) {
    lua_pushfstring(L, "return %s", lua_tostring(L, 1));
    int status = load_text(L);
    if (status == LUA_OK) return status;
    const bool goes_on = incomplete(L, status);
    lua_pop(L, 1);
    push_statement(L, lua_tostring(L, 1));
    status = load_text(L);
    if (status == LUA_OK || !(goes_on || incomplete(L, status))) return status;
    lua_pop(L, 1);
    if (!push_line(L, false)) {
      lua_pushliteral(L, "unfinished input");
      return nnlua_interrupted ? LUA_YIELD : LUA_ERRSYNTAX;
    }
    lua_pushliteral(L, "\n");
    lua_insert(L, -2);
    lua_concat(L, 3);
  }
}

/* Shows the results, which are all there is on the stack, by the module inspect of nn's; the first becomes _. */
static int show_results(lua_State *L) {
  const int n = lua_gettop(L);
  lua_pushvalue(L, 1);
  lua_setglobal(L, "_");
  for (int i = 1; i <= n; i++) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    size_t size;
    const char *text = luaL_tolstring(L, -1, &size);
    fwrite(text, 1, size, stdout);
    fputc(i < n ? '\t' : '\n', stdout);
    lua_settop(L, n);
  }
  fflush(stdout);
  return 0;
}

/* Finds what help and the display need, once; leaves show_results on the stack. */
static int prepare(lua_State *L) {
  static const char help[] = "local nn = require 'nn'; help = help or function(...) return nn.help(...) end";
  if (luaL_dostring(L, help)) return lua_error(L);
  nnlua_import(L, "inspect");
  lua_pushcclosure(L, show_results, 1);
  return 1;
}

/* One round; false at the end of the input. show: the place of show_results in the registry. */
static bool round_of(lua_State *L, int show) {
  lua_settop(L, 0);
  if (!push_line(L, true)) {
    if (nnlua_interrupted) putchar('\n');
    return nnlua_interrupted;
  }
  int status = load_chunk(L);
  lua_remove(L, 1);
  if (status == LUA_YIELD) {
    putchar('\n');
    return true;
  }
  if (status == LUA_OK) status = nnlua_call(L, 0, LUA_MULTRET);
  if (status == LUA_OK && lua_gettop(L) > 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, show);
    lua_insert(L, 1);
    status = nnlua_call(L, lua_gettop(L) - 1, 0);
  }
  if (status != LUA_OK) nnlua_report(L);
  return true;
}

void nnlua_repl(lua_State *L) {
  setlocale(LC_CTYPE, "");                   /* for the editor; numbers keep their dot */
  lua_pushcfunction(L, prepare);
  if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
    nnlua_report(L);
    return;
  }
  const int show = luaL_ref(L, LUA_REGISTRYINDEX);
  start_editing(L);
  while (round_of(L, show)) continue;
  putchar('\n');
}
