/* Inside bindings/: nested Lua tables as tensors. */
#ifndef NNLUA_TABLE_H
#define NNLUA_TABLE_H

#include "handle.h"

/* What a table of numbers (or one number, or booleans) is, once it has been checked through. */
typedef struct nnlua_table { nn_shape shape; bool integers, booleans; /* all of them */ } nnlua_table;

/* The value at index (a table, number or boolean); an error names the place that is ragged or no number. */
nnlua_table nnlua_check_table(lua_State *L, int index, const char *call);
/* Pushes it as a tensor. An error names the number that does not fit into dtype. */
nnlua_box *nnlua_push_table(lua_State *L, nnlua_state *s, int index, const char *call, const nnlua_table *table,
                            nn_dtype dtype);

#endif
