/* Inside bindings/: declared options on their way from Lua. The Lua files check what users write; here an array of
 * values in declared order, with false where there is none, becomes an array of ag_value. */
#ifndef NNLUA_VALUES_H
#define NNLUA_VALUES_H

#include "network.h"
#include "handle.h"

enum { NNLUA_VALUES = 32 };                     /* no kind declares more */

/* The values at index (a table, or nil for defaults) for declared options. Texts and functions stay alive as long as
 * the table does; tensors are not retained. */
void nnlua_check_values(lua_State *L, nnlua_state *s, int index, const char *call, const ag_option *declared,
                        ag_value *values);
/* A copy of the array at index, pushed: what an object keeps so that texts and functions live. */
void nnlua_copy_array(lua_State *L, int index);

/* A list of open tensors at index as an array; false and nil where holes say so; n < 0: as many as there are. Room for
 * a long one is pushed as a userdata (only while that is there the array may be used). Nothing is retained. Reading it
 * comes after nnlua_enter; false: one was freed. */
enum { NNLUA_FEW = 16 };
typedef struct nnlua_list { int n, index; bool holes; ag_var **x, *few[NNLUA_FEW]; } nnlua_list;
void nnlua_check_list(lua_State *L, nnlua_state *s, int index, const char *call, int n, bool holes, nnlua_list *list);
bool nnlua_read_list(lua_State *L, nnlua_state *s, const nnlua_list *list);

ag_function *nnlua_activation_at(lua_State *L, int index);     /* NULL: no activation handle */
/* A userdata of a type known by name to the registry ("nn.layer"), or an error. */
void *nnlua_check_handle(lua_State *L, int index, const char *type);
int64_t nnlua_check_row(lua_State *L, int index, const char *kind, int64_t count);   /* 0-based */

#endif
