/* Inside core/: a file that is written whole or not at all. What is written goes into a temporary file in the same
 * folder; only when all of it is on the disk does it take the name. Whoever looks, or is killed, at any moment finds
 * the old file or the new one.
 *
 *   nn_atomic_file f;
 *   bool ok = nn_atomic_begin(&f, "save", path);
 *   ok = ok && nn_atomic_write(&f, bytes, n);
 *   return nn_atomic_end(&f, ok);                                                              */
#ifndef NN_ATOMIC_FILE_H
#define NN_ATOMIC_FILE_H

#include "context.h"

typedef struct nn_atomic_file {
  const char *call, *path;         /* as the caller named it: for messages; must outlive the file */
  char *target, *temporary;        /* where it goes, symbolic links followed; where it is written. NULL: not begun */
  int file;
  size_t filled;                   /* of buffer: small pieces are written together */
  unsigned char buffer[16384];
} nn_atomic_file;

/* A failure is recorded as "call: path: reason". End must follow also a begin that failed. */
bool nn_atomic_begin(nn_atomic_file *f, const char *call, const char *path);
bool nn_atomic_write(nn_atomic_file *f, const void *bytes, size_t n);
/* With ok the file takes its name; else, or when that fails, the temporary file is removed. Whether all is done. */
bool nn_atomic_end(nn_atomic_file *f, bool ok);

#endif
