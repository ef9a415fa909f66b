/* nnlua inside an application. nn.h is the tensor library without Lua; this is the way to and from its Lua side.
 *
 * In an interpreter of the application's own, luaopen_nn does all:
 *
 *   lua_State *L = luaL_newstate();
 *   luaL_openlibs(L);
 *   luaL_requiref(L, "nn", luaopen_nn, 1);
 *
 * For scripts that are not trusted, nnlua_open makes an interpreter with limits, and nnlua_run runs text in it.
 * The application's own memory becomes a tensor without a copy:
 *
 *   nnlua_wrap(L, NN_FLOAT32, NN_SHAPE(1, 64), pixels, NULL, NULL);                   on Lua's stack
 *   nn_context_use(nnlua_context(L));
 *   const nn_tensor *y = nnlua_to_tensor(L, -1);                                      and back
 *
 * Any number of interpreters may run at the same time, each on its own thread. The thread pool and OpenBLAS's setting
 * to one thread belong to the process. Functions marked [-p, +q] pop p and push q values, as in Lua's manual. */
#ifndef NNLUA_H
#define NNLUA_H

#include <lauxlib.h>
#include <lua.h>

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The module: pushes the table nn. [-0, +1] */
int luaopen_nn(lua_State *L);
const char *nnlua_version(void);                   /* "0.1.0" */

/* An interpreter for scripts that are not trusted. Open in it are _G, table, string, math, utf8, coroutine and nn (also
 * a global); there is no io, os, debug, require, package, load, loadfile, dofile, collectgarbage or string.dump, and nn
 * reaches no file and no process; nn.set_threads is refused. setmetatable takes no __gc. Functions that loop inside one
 * call (table.move, string.rep, ...) take at most 4 million steps. Only text is run, never precompiled code. */
typedef struct nnlua_options {
  size_t memory_limit;             /* bytes for Lua's heap and tensors together; 0: none */
  double seconds;                  /* of running time for each nnlua_run; 0: none */
  long long instructions;          /* of Lua, for each nnlua_run; 0: none */
} nnlua_options;

/* NULL options: no limits, but still no files. NULL without memory. */
lua_State *nnlua_open(const nnlua_options *options);
void nnlua_close(lua_State *L);                    /* after this no tensor of this interpreter may be used */
/* Runs text (size bytes; name is what errors call it). [-0, +1]: true, or false with the error as a string on top. Once
 * a limit was hit the script cannot go on: nothing that it catches gives it more time. The next run starts afresh. */
bool nnlua_run(lua_State *L, const char *name, const char *text, size_t size);

/* Tensors. An interpreter's context must be current on the thread (nn_context_use) where nn_ functions are called. */
nn_context *nnlua_context(lua_State *L);           /* NULL where nn was never opened */
void nnlua_push_tensor(lua_State *L, nn_tensor *x);      /* [-0, +1] a handle that holds x */
nn_tensor *nnlua_to_tensor(lua_State *L, int index);     /* NULL: no tensor, or freed. Alive while the Lua value is */
/* Contiguous memory of the application's as a tensor, without a copy. release(user) is called when the last tensor that
 * shares it is gone (NULL: never). [-0, +1]; raises a Lua error without memory, and then release is not called. */
void nnlua_wrap(lua_State *L, nn_dtype dtype, nn_shape shape, void *data, void (*release)(void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
