/* Inside bindings/: what an interpreter's nnlua knows, and how a C function enters and leaves the library.
 *
 * A function that Lua calls is: check the arguments (errors may be raised), make the result's userdata (empty), enter,
 * compute, leave. Between nnlua_enter and the end of the work nothing that can raise a Lua error is called, so no jump
 * ever crosses core/ or autograd/ and nothing has to be undone:
 *
 *   nnlua_state *s = nnlua_state_of(L);
 *   nnlua_check(L, s, 1, "t");
 *   nnlua_box *y = nnlua_new_box(L, s);
 *   nnlua_entry e = nnlua_enter(L, s);
 *   while (!nnlua_give(&e, y, ag_transpose(nnlua_operand(L, s, 1), 1, 2))) continue;
 *   return 1;
 *
 * The loop is a second try after a collection, when memory ran out. Variables are read from the stack after the last
 * call that may collect garbage: a finalizer of the user's may close a handle. */
#ifndef NNLUA_STATE_H
#define NNLUA_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "autograd.h"

struct nnlua_box;
struct nnlua_budget;
typedef struct nnlua_function_ref nnlua_function_ref;
typedef struct nnlua_scope { struct nnlua_scope *outer; struct nnlua_box *boxes; } nnlua_scope;

typedef struct nnlua_state {
  nn_context *context;             /* NULL once the interpreter is closing */
  lua_State *L;                    /* the coroutine of the innermost entry: where callbacks run */
  int tensor_metatable;            /* its place in the registry */
  size_t soft_limit;               /* live bytes beyond which a result is followed by a full collection */
  nnlua_scope *scope;              /* the innermost nn.scope, or outside */
  nnlua_scope outside;             /* handles of no nn.scope: those made while Lua closes are not finalized */
  ag_var *number[2];               /* operands to use again: of a float and of an integer */
  nnlua_function_ref *unused;      /* Lua functions that no graph needs any more */
  nn_float_state floats;           /* as found by the outermost entry: what callbacks run under */
  int depth;                       /* entries under way */
  bool confined;                   /* no files, no processes */
  struct nnlua_budget *budget;     /* of a script with limits (host.c), or NULL */
} nnlua_state;

typedef struct nnlua_entry {
  nnlua_state *state;
  lua_State *L, *outer;
  nn_context *previous;
  size_t mark;
  nn_float_state floats;
  bool last_try;                   /* set it for work that must not be repeated */
} nnlua_entry;

/* The state is upvalue 1 of every C function here. */
nnlua_state *nnlua_closing(lua_State *L);                        /* raises */
static inline nnlua_state *nnlua_state_of(lua_State *L) {
  nnlua_state *s = lua_touserdata(L, lua_upvalueindex(1));
  return s->context ? s : nnlua_closing(L);
}
/* The state of L's interpreter, made at the first call. Nothing on the stack. */
nnlua_state *nnlua_state_new(lua_State *L);
nnlua_state *nnlua_state_find(lua_State *L);                     /* NULL where nn was never opened */

nnlua_entry nnlua_enter(lua_State *L, nnlua_state *s);
void nnlua_leave(nnlua_entry *e);
/* The end of the work. Done: leaves, and sees to the memory. Else raises the error; or, the first time that memory ran
 * out, collects and is false: try again. Values that the work read from the stack must be read again. */
bool nnlua_done(nnlua_entry *e, bool ok);
/* Gives y (NULL: failed) to the box and ends the work likewise. */
bool nnlua_give(nnlua_entry *e, struct nnlua_box *box, ag_var *y);
void nnlua_collect(lua_State *L, nnlua_state *s);                 /* everything that nobody can reach any more */

/* Errors (errors.c) begin with the user's position: the first level of the stack that is Lua and none of the files
 * inside. A call that was written with the wrong one of . and : is told so instead. */
int nnlua_error(lua_State *L, const char *format, ...);          /* as luaL_error */
/* "sum: expected WANTED; got a table"; argument 0 when there is but one to speak of, else "add: argument 2: ...". */
int nnlua_type_error(lua_State *L, const char *call, int argument, const char *wanted, int index);
const char *nnlua_got(lua_State *L, int index);           /* "nil", "table", "tensor", "2.5"; may push one value */
/* ; did you mean "slope"? where one of n names is near, else the names, where they are few, else "; MORE", if that is
 * not NULL. May push one value. */
const char *nnlua_suggest(lua_State *L, const char *name, int n, const char *const *names, const char *more);

/* Lua functions called from inside the library */
/* Calls body(L) in protected mode with data as its one argument; false with an error recorded and the Lua error kept,
 * to be raised again at the border unchanged. */
bool nnlua_protected(nnlua_state *s, lua_CFunction body, void *data);
/* A Lua function that a graph holds on to. */
struct nnlua_function_ref { nnlua_state *state; int ref; nnlua_function_ref *next; };
void nnlua_function_unuse(nnlua_function_ref *f);                /* may be called anywhere, also with no Lua at hand */
void nnlua_sweep_unused(lua_State *L, nnlua_state *s);

/* Pushes text, a string of malloc's, and frees it whatever happens. */
void nnlua_push_text(lua_State *L, char *text);

/* Scripts with limits (host.c): what tensors may still take, set at each entry; an error once a limit was hit. */
void nnlua_budget_memory(const nnlua_state *s);
void nnlua_budget_check(lua_State *L, const nnlua_state *s);
void nnlua_budget_elements(lua_State *L, const nnlua_state *s, int64_t numel);   /* of a result */
/* Replaces xpcall: a script's message handler is not called once stopped says that the script has to end. */
void nnlua_guard_xpcall(lua_State *L, bool (*stopped)(lua_State *L));
void nnlua_budget_charge(lua_State *L, const nnlua_state *s, long long instructions);

/* Registration: functions go where flags say, each with the state as its upvalue 1. */
enum { NNLUA_NN = 1, NNLUA_METHOD = 2, NNLUA_CORE = 4, NNLUA_META = 8, NNLUA_BOTH = NNLUA_NN | NNLUA_METHOD };
typedef struct nnlua_function { const char *name; lua_CFunction f; int where; } nnlua_function;
/* Places on the stack of luaopen_nn while functions are registered. */
enum { NNLUA_AT_NN = 1, NNLUA_AT_METHODS, NNLUA_AT_CORE, NNLUA_AT_META };
void nnlua_register(lua_State *L, nnlua_state *s, const nnlua_function *functions);
void nnlua_put(lua_State *L, const char *name, int where);       /* the value on top, which is popped */

/* Pushes the value of the embedded file bindings/nn/NAME.lua; nn is open. */
void nnlua_import(lua_State *L, const char *name);

/* What each file registers. */
void nnlua_open_errors(lua_State *L, nnlua_state *s);
void nnlua_open_tensor(lua_State *L, nnlua_state *s);
void nnlua_open_index(lua_State *L, nnlua_state *s);
void nnlua_open_ops(lua_State *L, nnlua_state *s);
void nnlua_open_methods(lua_State *L, nnlua_state *s);
void nnlua_open_make(lua_State *L, nnlua_state *s);
void nnlua_open_grad(lua_State *L, nnlua_state *s);
void nnlua_open_custom(lua_State *L, nnlua_state *s);
void nnlua_open_scope(lua_State *L, nnlua_state *s);
void nnlua_open_network(lua_State *L, nnlua_state *s);
void nnlua_open_layers(lua_State *L, nnlua_state *s);
void nnlua_open_optimizers(lua_State *L, nnlua_state *s);
void nnlua_open_metrics(lua_State *L, nnlua_state *s);
void nnlua_open_data(lua_State *L, nnlua_state *s);
void nnlua_open_files(lua_State *L, nnlua_state *s);

#endif
