/* What the suites of files share: a fixture with a folder of its own, empty at the end but for one file. */
#ifndef NNLUA_TEST_FOLDER_H
#define NNLUA_TEST_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check_nn.h"

static char folder[32], path[96];          /* path: the file, in the folder */

static inline void folder_open(const char *file) {
  fixture_open();
  strcpy(folder, "/tmp/nnlua-XXXXXX");
  HOLDS_SO(mkdtemp(folder), "no folder");
  snprintf(path, sizeof path, "%s/%s", folder, file);
}

static inline void folder_close(void) {
  unlink(path);
  HOLDS_SO(rmdir(folder) == 0, "files were left in the folder");
  fixture_close();
}

static inline void write_bytes(const char *name, const void *bytes, size_t n) {
  FILE *file = fopen(name, "wb");
  HOLDS_SO(file && fwrite(bytes, 1, n, file) == n, "cannot write");
  fclose(file);
}

#endif
