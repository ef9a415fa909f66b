/* Inside bindings/: files that are part of the library, written into build/lua_modules.c by embed.lua. */
#ifndef NNLUA_EMBEDDED_H
#define NNLUA_EMBEDDED_H

#include <stddef.h>

typedef struct nnlua_embedded { const char *name, *bytes; size_t size, length; } nnlua_embedded;

/* Both lists end with a NULL name. */
extern const nnlua_embedded nnlua_modules[];    /* Lua files by module name, in gzip's form; length: of the text */
extern const nnlua_embedded nnlua_files[];      /* data files by file name, as they are */

#endif
