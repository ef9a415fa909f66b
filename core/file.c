/* Regular files: opening, reading and writing whole pieces, folders, and the hook that lets tests break any of it. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context_state.h"
#include "files.h"

static const size_t piece = (size_t)1 << 20;   /* read or written between two looks for an interruption */

void *nn_file_failed(const char *call, const char *path) { return nn_fail("%s: %s: %s", call, path, strerror(errno)); }

/* The hook */

void nn_file_fail_at(int64_t n, int error) {
  nn_context_current()->files = (nn_file_hook){.fail_at = n, .error = error};
}

int64_t nn_file_calls(void) { return nn_context_current()->files.calls; }

int nn_file_fault(void) {
  nn_file_hook *hook = &nn_context_current()->files;
  if (++hook->calls != hook->fail_at) return 0;
  errno = hook->error == NN_FILE_SHORT ? EIO : hook->error;
  return hook->error;
}

/* How much of n bytes this call shall take on: 0 when it fails. */
static size_t allowed(size_t n) {
  if (n > piece) n = piece;
  const int fault = nn_file_fault();
  return fault == NN_FILE_SHORT ? (n + 1) / 2 : fault ? 0 : n;
}

/* Reading and writing */

int nn_file_open(const char *call, const char *path, size_t *size) {
  struct stat state;
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int file = nn_file_fault() ? -1 : open(path, flags);
  while (file < 0 && errno == EINTR) file = open(path, flags);
  if (file < 0 || nn_file_fault() || fstat(file, &state) != 0) nn_file_failed(call, path);
  else if (S_ISREG(state.st_mode)) {
    *size = (size_t)state.st_size;
    return file;
  } else nn_fail("%s: %s: %s", call, path, S_ISDIR(state.st_mode) ? "is a folder" : "is not a regular file");
  if (file >= 0) close(file);
  return -1;
}

bool nn_file_read(const char *call, const char *path, int file, void *bytes, size_t n, size_t *got) {
  for (*got = 0; *got < n;) {
    if (nn_interrupted()) return false;
    const size_t wanted = allowed(n - *got);
    const ssize_t done = wanted ? read(file, (char *)bytes + *got, wanted) : -1;
    if (done == 0) break;
    if (done > 0) *got += (size_t)done;
    else if (errno != EINTR) return nn_file_failed(call, path);
  }
  return true;
}

bool nn_file_write(const char *call, const char *path, int file, const void *bytes, size_t n) {
  for (size_t put = 0; put < n;) {
    if (nn_interrupted()) return false;
    const size_t wanted = allowed(n - put);
    const ssize_t done = wanted ? write(file, (const char *)bytes + put, wanted) : -1;
    if (done > 0) put += (size_t)done;
    else if (done < 0 && errno != EINTR) return nn_file_failed(call, path);
  }
  return true;
}

/* Folders */

/* Each folder on the way; one that is there already is fine, and whether it is a folder shows at the next. */
bool nn_make_folders(const char *call, const char *path) {
  char part[4096];
  struct stat state;
  const size_t n = strlen(path);
  if (n >= sizeof part) return nn_fail("%s: %.60s...: the name is too long", call, path);
  memcpy(part, path, n + 1);
  for (size_t i = 1; i <= n; i++) {
    if (part[i] != '/' && part[i]) continue;
    part[i] = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST && (stat(part, &state) != 0 || !S_ISDIR(state.st_mode)))
      return nn_file_failed(call, part);
    if (i < n) part[i] = '/';
  }
  if (stat(path, &state) != 0) return nn_file_failed(call, path);
  return S_ISDIR(state.st_mode) || nn_fail("%s: %s: is not a folder", call, path);
}
