/* Inside core/: files through the system's calls. EINTR, short reads and short writes are seen to; a failure is
 * recorded as "call: path: reason"; and tests can make any of the calls fail. */
#ifndef NN_FILE_H
#define NN_FILE_H

#include "context.h"

void *nn_file_failed(const char *call, const char *path);    /* records what errno says; NULL */

/* A regular file to read, and its size: what a header is held against. A pipe is not waited for. -1 with an error. */
int nn_file_open(const char *call, const char *path, size_t *size);
/* n bytes; got is less only at the file's end. False with an error. */
bool nn_file_read(const char *call, const char *path, int file, void *bytes, size_t n, size_t *got);
bool nn_file_write(const char *call, const char *path, int file, const void *bytes, size_t n);

/* For tests: the n-th call from now on (n from 1; 0: none) fails with this error number of errno.h; NN_FILE_SHORT makes
 * a read or write do half of its work instead. */
enum { NN_FILE_SHORT = -1 };
void nn_file_fail_at(int64_t n, int error);
int64_t nn_file_calls(void);                                 /* since the last nn_file_fail_at */
/* To be asked before each call: 0, or what to fail with, which errno has then too. */
int nn_file_fault(void);

#endif
