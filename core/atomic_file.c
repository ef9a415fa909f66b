/* Writing a file whole or not at all: temporary file, fsync, rename, fsync of the folder.
 *
 * The temporary file has one name for each target (.NAME.tmp), so that what a killed process left is written over, not
 * gathered; a lock on it, which the system takes from the dead, keeps two writers apart: the second waits. */
#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "files.h"

/* The last slash of a path, or NULL. */
static char *name_of(char *path) {
  char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Where path leads to: links are followed, so that writing through one changes what it points to. */
static bool find_target(nn_atomic_file *f) {
  f->target = realpath(f->path, NULL);
  if (!f->target && errno != ENOENT) return nn_file_failed(f->call, f->path);
  if (!f->target && !(f->target = strdup(f->path))) return nn_fail_memory(f->call, strlen(f->path));
  if (*name_of(f->target)) return true;
  return nn_fail("%s: \"%s\" names no file", f->call, f->path);
}

static bool name_temporary(nn_atomic_file *f) {
  const size_t size = strlen(f->target) + sizeof "..tmp";
  const char *name = name_of(f->target);
  f->temporary = malloc(size);
  if (!f->temporary) return nn_fail_memory(f->call, size);
  snprintf(f->temporary, size, "%.*s.%s.tmp", (int)(name - f->target), f->target, name);
  return true;
}

/* The temporary file, locked and still under its name (the writer before may have renamed it meanwhile): 1; 0 to try
 * again; -1 when it cannot be had. */
static int try_lock(nn_atomic_file *f) {
  struct stat ours, named;
  f->file = nn_file_fault() ? -1 : open(f->temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (f->file < 0) return errno == EINTR ? 0 : -1;
  while (flock(f->file, LOCK_EX) != 0 && errno == EINTR)
    if (nn_interrupted()) return -1;           /* where there are no locks, there is no waiting either */
  if (fstat(f->file, &ours) != 0) return -1;
  if (lstat(f->temporary, &named) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev) return 1;
  close(f->file);
  f->file = -1;
  return 0;
}

/* Empty, and as open to others as the file that it will replace. */
static bool prepare(nn_atomic_file *f) {
  struct stat old;
  const bool exists = stat(f->target, &old) == 0;
  if (exists && !S_ISREG(old.st_mode))
    return nn_fail("%s: %s: %s", f->call, f->path, S_ISDIR(old.st_mode) ? "is a folder" : "is not a regular file");
  if (!name_temporary(f)) return false;
  int locked;
  do locked = try_lock(f);
  while (locked == 0);
  if (locked < 0 || nn_file_fault() || ftruncate(f->file, 0) != 0) return nn_file_failed(f->call, f->path);
  if (exists && fchmod(f->file, old.st_mode & 0777) != 0) return nn_file_failed(f->call, f->path);
  return true;
}

bool nn_atomic_begin(nn_atomic_file *f, const char *call, const char *path) {
  f->call = call;
  f->path = path;
  f->target = f->temporary = NULL;
  f->file = -1;
  f->filled = 0;
  return find_target(f) && prepare(f);
}

static bool flush(nn_atomic_file *f) {
  const size_t n = f->filled;
  f->filled = 0;
  return nn_file_write(f->call, f->path, f->file, f->buffer, n);
}

bool nn_atomic_write(nn_atomic_file *f, const void *bytes, size_t n) {
  if (n > sizeof f->buffer - f->filled && !flush(f)) return false;
  if (n > sizeof f->buffer) return nn_file_write(f->call, f->path, f->file, bytes, n);
  memcpy(f->buffer + f->filled, bytes, n);
  f->filled += n;
  return true;
}

/* The new name is on the disk once its folder is. Some file systems cannot sync a folder: then nothing more is done. */
static bool sync_folder(nn_atomic_file *f) {
  char *name = name_of(f->target);
  const bool here = name == f->target, root = name == f->target + 1;
  if (!here) name[root ? 0 : -1] = '\0';       /* target is of no more use */
  const int folder = open(here ? "." : f->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno == EACCES || nn_file_failed(f->call, f->path);
  const bool synced = !nn_file_fault() && fsync(folder) == 0;
  const bool cannot = !synced && (errno == EINVAL || errno == ENOTSUP || errno == EROFS);
  if (!synced && !cannot) nn_fail("%s: %s: written, but not for certain: %s", f->call, f->path, strerror(errno));
  close(folder);
  return synced || cannot;
}

static int sync_file(int file) {
  int status;
  do status = nn_file_fault() ? -1 : fsync(file);
  while (status != 0 && errno == EINTR);
  return status;
}

/* Closing says no more after a sync, and comes last: it gives the lock away. */
static bool put_in_place(nn_atomic_file *f) {
  if (!flush(f)) return false;
  if (sync_file(f->file) != 0) return nn_file_failed(f->call, f->path);
  if (nn_file_fault() || rename(f->temporary, f->target) != 0) return nn_file_failed(f->call, f->path);
  return true;
}

bool nn_atomic_end(nn_atomic_file *f, bool ok) {
  const bool placed = ok && put_in_place(f);
  if (f->file >= 0 && !placed) unlink(f->temporary);
  const bool done = placed && sync_folder(f);
  if (f->file >= 0) close(f->file);
  free(f->temporary);
  free(f->target);
  return done;
}

bool nn_write_file(const char *call, const char *path, const void *bytes, size_t n) {
  nn_atomic_file f;
  const bool ok = nn_atomic_begin(&f, call, path) && nn_atomic_write(&f, bytes, n);
  return nn_atomic_end(&f, ok);
}
