/* Inside bindings/: the tensor userdata, a handle that owns one reference to a variable. Closing it (the end of a
 * <close> local, of nn.scope, or the collector) lets go of that reference; a closed handle is an error to use. */
#ifndef NNLUA_HANDLE_H
#define NNLUA_HANDLE_H

#include "state.h"

typedef struct nnlua_box {
  const nnlua_state *owner;             /* what marks the block as a tensor of this interpreter; NULL once finalized */
  ag_var *var;                          /* NULL before it is filled and once it is closed */
  nnlua_scope *scope;                   /* what will close it at its end, in whose list it is; NULL once it is closed */
  struct nnlua_box *next, **link;       /* link: the pointer that points here */
  bool result;                          /* of that scope: survives it */
} nnlua_box;

nnlua_box *nnlua_new_box(lua_State *L, nnlua_state *s);        /* pushes an empty handle */
void nnlua_close_box(nnlua_box *box);
void nnlua_unlink(nnlua_box *box);                             /* out of its scope's list */
void nnlua_link(nnlua_box *box, nnlua_scope *scope);

/* The handle at index (open or closed), or NULL for anything else. Comparing metatables takes three times as long; a
 * block that malloc hands to somebody else cannot pass for a handle, because finalizing takes the mark away. */
static inline nnlua_box *nnlua_box_at(lua_State *L, const nnlua_state *s, int index) {
  nnlua_box *box = lua_touserdata(L, index);
  return box && lua_rawlen(L, index) == sizeof *box && box->owner == s ? box : NULL;
}

/* Open handles only; otherwise an error "t: expected a tensor; got nil" or "t: tensor was freed". */
ag_var *nnlua_check(lua_State *L, nnlua_state *s, int index, const char *call);
/* The same with "argument N" (0: without) in the error. */
ag_var *nnlua_check_argument(lua_State *L, nnlua_state *s, int index, const char *call, int argument);
ag_var *nnlua_optional(lua_State *L, nnlua_state *s, int index, const char *call, int argument); /* nil: NULL */

/* The table at index made into a tensor that takes its place on the stack (tables of numbers only). */
void nnlua_table_to_tensor(lua_State *L, nnlua_state *s, int index, const char *call, int argument, bool integers);
/* index holds a tensor or number afterwards: tables are converted, anything else is an error. */
void nnlua_check_operand(lua_State *L, nnlua_state *s, int index, const char *call, int argument);
/* After nnlua_enter: the variable of a tensor or number at index; NULL for nil, a closed handle, or without memory. */
ag_var *nnlua_operand(lua_State *L, nnlua_state *s, int index);
/* The same where it is the one number of its call: made once, and written over as long as no graph holds it. */
ag_var *nnlua_only_number(lua_State *L, nnlua_state *s, int index);

void nnlua_push_number(lua_State *L, const nn_tensor *x);      /* the value of a tensor with one element */
/* Does a rank-0 variable stay a tensor when it is read, because its gradient is recorded? Pushes nothing. */
bool nnlua_stays_tensor(nnlua_state *s, const ag_var *x);
void nnlua_push_shape(lua_State *L, const nn_shape *shape);
void nnlua_push_values(lua_State *L, const nn_tensor *x);      /* nested tables, or a number for rank 0 */

/* Shapes and options of the functions that make tensors (arguments.c) */
/* Reads integers from a table at index, at most 16. what: "shape". */
nn_ints nnlua_check_ints(lua_State *L, int index, const char *call, const char *what);
nn_shape nnlua_check_shape_table(lua_State *L, int index, const char *call);
/* A shape as a table or as integers one after the other from *index on; *index is moved behind it. */
nn_shape nnlua_check_shape(lua_State *L, int *index, const char *call);
/* An error when there are names behind the list at index, an absolute one, as in {1, 2, keepdim = true}. */
void nnlua_refuse_names(lua_State *L, int index, const char *call);
int64_t nnlua_check_integer(lua_State *L, int index, const char *call, const char *what);
double nnlua_check_number(lua_State *L, int index, const char *call, const char *what);
bool nnlua_check_flag(lua_State *L, int index, const char *call, const char *what);
nn_dtype nnlua_check_dtype(lua_State *L, int index, const char *call);
/* Are there options at index, a table whose first key is a name (or an empty table where empty says so)? */
bool nnlua_is_options(lua_State *L, int index);
/* Walks an options table (nil: none): each name must be one of names (ends with NULL); pushes the values in that order,
 * nil where one is missing. */
void nnlua_read_options(lua_State *L, int index, const char *call, const char *const *names);

#endif
