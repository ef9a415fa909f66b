/* Inside bindings/: what the program's two files share. */
#ifndef NNLUA_PROGRAM_H
#define NNLUA_PROGRAM_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

/* Calls the function below its narg arguments; Ctrl-C interrupts it. Results (n of them, or LUA_MULTRET), or one error
 * message with a traceback, are on the stack afterwards. Gives Lua's status. */
int nnlua_call(lua_State *L, int narg, int n);
/* Writes "nnlua: message" (the value on top, which is popped) on stderr. */
void nnlua_report(lua_State *L);
extern volatile bool nnlua_interrupted;         /* Ctrl-C came; whoever reads input clears it */

/* The interactive loop, until the end of the input. */
void nnlua_repl(lua_State *L);

#endif
