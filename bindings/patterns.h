/* Inside bindings/: patterns that a limit can stop. */
#ifndef NNLUA_PATTERNS_H
#define NNLUA_PATTERNS_H

#include "state.h"

/* Puts find, match, gmatch and gsub into the table on top of the stack. */
void nnlua_open_patterns(lua_State *L, nnlua_state *s);

#endif
