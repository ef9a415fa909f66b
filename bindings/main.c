/* The program nnlua: lua's command line, a few options more, and Ctrl-C that stops Lua code and long work alike. */
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "nnlua.h"
#include "program.h"
#include "state.h"

/* What --help shows, and a mistake in the command line. */
static const char usage[] =
  "usage: nnlua [options] [script [args]]\n"
  "  -e stat      run the string stat\n"
  "  -l mod       require mod into a global of its name (-l g=mod: into g)\n"
  "  -i           interactive after the script; at its prompt local x = ... stays visible for later lines\n"
  "  -v           show the version\n"
  "  -E           ignore environment variables\n"
  "  -W           turn warnings on\n"
  "  --threads N  use N threads (1..64); also --threads=N\n"
  "  --seed N     start the random numbers from N; also --seed=N\n"
  "  --version    show the version and what the library uses\n"
  "  --help       show this\n"
  "  --           stop handling options\n"
  "  -            run the standard input as a script\n"
  "NNLUA_TRACE=full in the environment: tracebacks show nnlua's own files too\n";

/* Interruption */

/* Set by Ctrl-C, taken back by whoever has answered it: the end of a call, or the next line that is read. */
volatile bool nnlua_interrupted;
/* Written by the program, read by the signal's handler, which may call nothing but lua_sethook and nn_interrupt: both
 * only store a flag or a few pointers. */
static lua_State *volatile running;           /* the interpreter while it runs something, else NULL */
static nn_context *context;

/* Runs at the next step of Lua. What the library was asked for is taken back: the error is raised here. The hook is off
 * before anything is raised, or the message handler would run into it. */
static void stop(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_sethook(L, NULL, 0, 0);
  nn_context *previous = nn_context_use(context);
  if (nn_interrupted()) nn_clear_error();
  nn_context_use(previous);
  nnlua_error(L, "interrupted");
}

/* A third Ctrl-C that finds the first still unanswered ends the program. */
static void on_interrupt(int number) {
  static volatile sig_atomic_t unanswered;
  lua_State *L = running;
  nnlua_interrupted = true;
  if (!L) {
    unanswered = 0;
    return;
  }
  unanswered = lua_gethook(L) == stop ? unanswered + 1 : 1;
  if (unanswered > 2) signal(number, SIG_DFL);
  nn_interrupt(context);
  lua_sethook(L, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* A Ctrl-C that came too late for the call must not hit the next one. */
static void clear_interrupt(lua_State *L) {
  lua_sethook(L, NULL, 0, 0);
  nnlua_interrupted = false;
  nn_context *previous = nn_context_use(context);
  if (nn_interrupted()) nn_clear_error();
  nn_context_use(previous);
}

/* coroutine.resume and coroutine.wrap as Lua has them, but Ctrl-C finds the coroutine that runs. */

/* Gives the number of results, which are moved to L, or -1 with the error object on top of L. */
static int resume(lua_State *L, lua_State *co, int n) {
  if (!lua_checkstack(co, n)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, n);
  lua_State *const outer = running;
  running = co;
  const int status = lua_resume(co, L, n, &n);
  running = outer;
  if (status != LUA_OK && status != LUA_YIELD) n = -1;
  else if (!lua_checkstack(L, n + 1)) {
    lua_pop(co, n);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, n < 0 ? 1 : n);
  return n;
}

/* true and the results, or false and the error object. */
static int coroutine_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  const int n = resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, n >= 0);
  lua_insert(L, n < 0 ? -2 : -(n + 1));
  return n < 0 ? 2 : n + 1;
}

/* The function that coroutine.wrap gives: errors go on to the caller, with its place in front when they are text. */
static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  const int n = resume(L, co, lua_gettop(L));
  if (n >= 0) return n;
  if (lua_status(co) > LUA_YIELD) {              /* what the coroutine left open is closed */
    lua_resetthread(co);
    lua_xmove(co, L, 1);
  }
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

/* Running code */

/* Whose a line of a traceback is. */
typedef enum owner { NOBODY, OURS, C_CODE, USER } owner;

/* Text behind a NUL does not matter: names of chunks have none. */
static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

/* By the beginnings of the lines that luaL_traceback writes. */
static owner owner_of(const char *line) {
  if (!line) return NOBODY;
  if (begins(line, "\tnn/")) return OURS;
  return begins(line, "\t[C]:") || begins(line, "\t(...tail calls...)") ? C_CODE : USER;
}

static const char *next_line(const char *line) {
  const char *end = line ? strchr(line, '\n') : NULL;
  return end ? end + 1 : NULL;
}

/* Replaces the traceback on top by the user's own part of it: the files inside are left out, and C code with them,
 * unless the user called it and it called nobody of ours. */
static void fold_traceback(lua_State *L) {
  const char *line = lua_tostring(L, -1);
  luaL_Buffer kept;
  luaL_buffinit(L, &kept);
  luaL_addlstring(&kept, line, strcspn(line, "\n"));            /* "stack traceback:" */
  owner before = NOBODY;
  for (line = next_line(line); line; line = next_line(line)) {
    const owner now = owner_of(line);
    const bool called = before != OURS && owner_of(next_line(line)) == USER;
    if (now == USER || (now == C_CODE && called)) {
      luaL_addchar(&kept, '\n');
      luaL_addlstring(&kept, line, strcspn(line, "\n"));
    }
    before = now;
  }
  luaL_pushresult(&kept);
  lua_remove(L, -2);
}

/* The message handler: an error's text with a traceback, which nobody needs who pressed Ctrl-C. */
static int add_traceback(lua_State *L) {
  const char *message = lua_tostring(L, 1), *wanted = getenv("NNLUA_TRACE");
  if (!message && luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
  if (!message) message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  if (nnlua_interrupted && lua_type(L, 1) == LUA_TSTRING) return 1;
  lua_pushfstring(L, "%s\n", message);
  luaL_traceback(L, L, NULL, 1);
  if (!wanted || strcmp(wanted, "full")) fold_traceback(L);
  lua_concat(L, 2);
  return 1;
}

/* The handler sits below the function for the time of the call. `running` is put back to what it was, since a script
 * may have come here from inside another call (a hook, the REPL's display). */
int nnlua_call(lua_State *L, int narg, int n) {
  const int base = lua_gettop(L) - narg;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, base);
  lua_State *const outer = running;
  running = L;
  if (nnlua_interrupted) on_interrupt(SIGINT);       /* it came just before */
  const int status = lua_pcall(L, narg, n, base);
  running = outer;
  clear_interrupt(L);
  lua_remove(L, base);
  return status;
}

/* Standard output first, so that the two appear in the order in which they were written. */
void nnlua_report(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  fflush(stdout);
  fprintf(stderr, "nnlua: %s\n", message ? message : "(error without a message)");
  fflush(stderr);
  lua_pop(L, 1);
}

/* What the command line goes on by: true when all was well. */
static bool report(lua_State *L, int status) {
  if (status != LUA_OK) nnlua_report(L);
  return status == LUA_OK;
}

/* name: how messages call the text, with Lua's = in front. */
static bool run_string(lua_State *L, const char *text, const char *name) {
  int status = luaL_loadbuffer(L, text, strlen(text), name);
  if (status == LUA_OK) status = nnlua_call(L, 0, 0);
  return report(L, status);
}

static bool run_file(lua_State *L, const char *path) {
  int status = luaL_loadfile(L, path);
  if (status == LUA_OK) status = nnlua_call(L, 0, 0);
  return report(L, status);
}

/* The script gets its arguments in arg and in ... - is the standard input, unless -- stands before it: then it is a
 * file of that name. */
static bool run_script(lua_State *L, char **argv) {
  const char *path = argv[0];
  if (!strcmp(path, "-") && strcmp(argv[-1], "--")) path = NULL;
  int status = luaL_loadfile(L, path), n = 0;
  if (status == LUA_OK) {
    while (argv[n + 1]) n++;
    luaL_checkstack(L, n + 4, "too many arguments");
    for (int i = 1; i <= n; i++) lua_pushstring(L, argv[i]);
    status = nnlua_call(L, n, 0);
  }
  return report(L, status);
}

/* In protected mode, since the module, its loader or a metamethod of _G may raise. */
static int require_into(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushvalue(L, 2);
  lua_call(L, 1, 1);
  lua_setglobal(L, lua_tostring(L, 1));
  return 0;
}

/* -l mod, or -l g=mod as in Lua 5.4: the global may have another name than the module. */
static bool require_module(lua_State *L, const char *text) {
  const char *equals = strchr(text, '=');
  lua_pushcfunction(L, require_into);
  if (equals) lua_pushlstring(L, text, (size_t)(equals - text));
  else lua_pushstring(L, text);
  lua_pushstring(L, equals ? equals + 1 : text);
  return report(L, nnlua_call(L, 2, 0));
}

/* The command line */

/* What the command line asks for; read as a whole before anything is run, so that a mistake in it runs nothing. */
typedef struct command {
  int script;                       /* index of the script, 0: none */
  bool interactive, show_version, verbose, no_environment, run, warnings, bad;
} command;

/* At once, not in the order of the other options: -e may already compute. */
static void set_threads(long long n) { nn_set_threads((int)n); }

/* Of the one context that this program has. */
static void set_seed(long long seed) {
  nn_context *previous = nn_context_use(context);
  nn_seed((uint64_t)seed);
  nn_context_use(previous);
}

/* Long options with a number: "--threads 2" or "--threads=2". */
static const struct { const char *name; long long low, high; void (*set)(long long n); } numbers[] = {
  {"--threads", 1, 64, set_threads}, {"--seed", INT64_MIN, INT64_MAX, set_seed},
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

/* Which of numbers an argument is, or -1. --threads alone or followed by =; --threadss is neither. */
static int number_option(const char *argument) {
  for (int i = 0; i < NUMBERS; i++) {
    const size_t n = strlen(numbers[i].name);
    if (!strncmp(argument, numbers[i].name, n) && (!argument[n] || argument[n] == '=')) return i;
  }
  return -1;
}

/* How many arguments the number option i takes up: with = it is one. */
static int number_arguments(const char *argument) { return strchr(argument, '=') ? 1 : 2; }

/* Reads and sets the number of option k, argument i; one out of its range makes the command bad. */
static int read_number(command *c, char **argv, int i, int k) {
  const char *equals = strchr(argv[i], '='), *text = equals ? equals + 1 : argv[i + 1];
  char *end = NULL;
  const long long n = text ? strtoll(text, &end, 10) : 0;
  if (end && end != text && !*end && n >= numbers[k].low && n <= numbers[k].high) numbers[k].set(n);
  else {
    fprintf(stderr, "nnlua: %s needs a number from %lld to %lld\n", numbers[k].name, numbers[k].low, numbers[k].high);
    c->bad = true;
  }
  return number_arguments(argv[i]);
}

/* A long option; how many arguments it takes up, 0 for an unknown one. */
static int read_long(command *c, char **argv, int i) {
  const int k = number_option(argv[i]);
  if (k >= 0) return read_number(c, argv, i, k);
  if (!strcmp(argv[i], "--version")) c->show_version = c->verbose = true;
  else if (!strcmp(argv[i], "--help")) {
    fputs(usage, stdout);
    exit(EXIT_SUCCESS);
  } else return 0;
  return 1;
}

/* A short option; likewise. -e and -l are run later, in their order. One letter to an option, as in lua; only -e and -l
 * take something, joined or as the next argument. */
static int read_short(command *c, char **argv, int i) {
  const char *option = argv[i];
  if ((option[1] == 'e' || option[1] == 'l')) {
    c->run |= option[1] == 'e';
    if (option[2]) return 1;
    if (argv[i + 1] && argv[i + 1][0] != '-') return 2;
    fprintf(stderr, "nnlua: '%s' needs an argument\n", option);
    c->bad = true;
    return 2;
  }
  if (option[2]) return 0;
  switch (option[1]) {
    case 'i': c->interactive = c->show_version = true; return 1;
    case 'v': c->show_version = true; return 1;
    case 'E': c->no_environment = true; return 1;
    case 'W': c->warnings = true; return 1;
    default: return 0;
  }
}

/* Options end at the first argument that is none: what comes behind it is the script's. */
static command read_command(char **argv) {
  command c = {0};
  int i = 1;
  while (argv[i] && argv[i][0] == '-' && argv[i][1] && !c.bad) {
    if (!strcmp(argv[i], "--")) {
      i++;
      break;
    }
    const int taken = argv[i][1] == '-' ? read_long(&c, argv, i) : read_short(&c, argv, i);
    if (!taken) {
      fprintf(stderr, "nnlua: unrecognized option '%s'\n", argv[i]);
      c.bad = true;
    }
    i += taken;
  }
  if (c.bad) fputs(usage, stderr);
  else if (argv[i]) c.script = i;
  return c;
}

/* -e, -l and -W in their order; false when one failed. */
static bool run_options(lua_State *L, char **argv, int end) {
  for (int i = 1; argv[i] && (!end || i < end) && argv[i][0] == '-'; i++) {
    const char option = argv[i][1], *text = option && argv[i][2] ? argv[i] + 2 : argv[i + 1];
    if (!strcmp(argv[i], "--")) break;
    if (number_option(argv[i]) >= 0) i += number_arguments(argv[i]) - 1;
    else if (option == 'e' || option == 'l') {
      if (!argv[i][2]) i++;
      if (!(option == 'e' ? run_string(L, text, "=(command line)") : require_module(L, text))) return false;
    } else if (!strcmp(argv[i], "-W")) lua_warning(L, "@on", 0);
  }
  return true;
}

/* arg: the script at 0, what comes after it from 1, what comes before it below. Also without a script (script 0): then
 * arg[0] is the program itself, as lua has it. */
static void set_arg(lua_State *L, char **argv, int script) {
  lua_newtable(L);
  for (int i = 0; argv[i]; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* As lua does: LUA_INIT_5_4 goes before LUA_INIT, and @ means a file. */
static bool run_init(lua_State *L) {
  const char *name = "LUA_INIT_5_4", *text = getenv(name);
  if (!text) text = getenv(name = "LUA_INIT");
  if (!text) return true;
  return *text == '@' ? run_file(L, text + 1) : run_string(L, text, name);
}

/* With --version also what decides about speed and the last bits of results. */
static void show_version(bool verbose) {
  printf("nnlua %s (%s)\n", nnlua_version(), LUA_RELEASE);
  const int n = nn_threads();
  if (!verbose) return;
  nn_context *previous = nn_context_use(context);
  const char *blas = nn_blas_name();
  nn_clear_error();
  nn_context_use(previous);
  printf("%s, %s kernels, %d thread%s\n", blas ? blas : "no OpenBLAS", nn_kernels_name(), n, n == 1 ? "" : "s");
}

static bool is_interrupted(lua_State *L) { return (void)L, nnlua_interrupted; }

/* The libraries, and nn where a user types: in the interactive loop and after -e. */
static void open_libraries(lua_State *L, const command *c, bool interactive) {
  if (c->no_environment) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  luaL_openlibs(L);
  static const luaL_Reg coroutines[] = {{"resume", coroutine_resume}, {"wrap", coroutine_wrap}, {NULL, NULL}};
  lua_getglobal(L, LUA_COLIBNAME);
  luaL_setfuncs(L, coroutines, 0);
  lua_pop(L, 1);
  nnlua_guard_xpcall(L, is_interrupted);
  if (c->run || interactive) {
    luaL_requiref(L, "nn", luaopen_nn, 1);
    lua_pop(L, 1);
  }
/* require "nn" finds it built in, before it would look for a file. */
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_nn);
  lua_setfield(L, -2, "nn");
  lua_pop(L, 1);
}

/* All of it in protected mode: even a failure to open the libraries is reported and not a panic. Gives true where the
 * exit status is 0. The context exists before the libraries are open, so that --seed has something to seed. */
static int program(lua_State *L) {
  char **argv = lua_touserdata(L, 1);
  context = nnlua_state_new(L)->context;
  const command c = read_command(argv);
  if (c.bad) return 0;
/* With nothing to run: the loop where somebody types, else the standard input as a script. */
  const bool terminal = isatty(STDIN_FILENO), nothing = !c.script && !c.run && !c.show_version;
  const bool interactive = c.interactive || (nothing && terminal);
  if (c.show_version || interactive) show_version(c.verbose);
  open_libraries(L, &c, interactive);
  set_arg(L, argv, c.script);
/* Handles of tensors die young: generations find them at little cost. */
  lua_gc(L, LUA_GCGEN, 0, 0);
  const struct sigaction action = {.sa_handler = on_interrupt};      /* no restart: a read under way ends as well */
  sigaction(SIGINT, &action, NULL);
  if (!c.no_environment && !run_init(L)) return 0;
  if (!run_options(L, argv, c.script)) return 0;
  if (c.script && !run_script(L, argv + c.script) && !c.interactive) return 0;
  if (interactive) nnlua_repl(L);
  else if (nothing && !run_file(L, NULL)) return 0;
  lua_pushboolean(L, 1);
  return 1;
}

/* OpenBLAS must be told to stay on one thread before anything computes; the pool is the library's own. */
int main(int argc, char **argv) {
  (void)argc;
  lua_State *L = luaL_newstate();
  if (!L) {
    fputs("nnlua: not enough memory\n", stderr);
    return EXIT_FAILURE;
  }
  lua_pushcfunction(L, program);
  lua_pushlightuserdata(L, argv);
  const int status = lua_pcall(L, 1, 1, 0);
  const bool done = status == LUA_OK && lua_toboolean(L, -1);
  report(L, status);
  lua_close(L);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
