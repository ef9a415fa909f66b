/* Loads OpenBLAS, once for the process, and sets it up to work under the thread pool. */
#include "blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "context.h"

/* The name under which the system's loader finds it; every version since 2011 has this one. */
#ifndef NN_BLAS_FILE
#define NN_BLAS_FILE "libopenblas.so.0"
#endif

static nn_blas_library library;
static char problem[256];                /* "" when it is loaded */

/* POSIX has the address of a function come as that of an object. */
static void *function(void *handle, const char *name) {
  void *address = dlsym(handle, name);
  if (!address && !problem[0]) snprintf(problem, sizeof problem, "it has no function %s", name);
  return address;
}

#define FIND(target, symbol) *(void **)&(target) = function(handle, symbol)

static void find_products(void *handle) {
  FIND(library.sgemm, "cblas_sgemm");
  FIND(library.dgemm, "cblas_dgemm");
  FIND(library.sgemv, "cblas_sgemv");
  FIND(library.dgemv, "cblas_dgemv");
}

/* Two thread pools in one process disturb each other badly: BLAS gets one thread, and ours shares out the tiles. The
 * threads that it starts when it is loaded, and that spin beside ours for a while, end, unless it was here before. */
static void set_up(void *handle, bool ours) {
  __typeof__(openblas_set_num_threads) *set_threads;
  __typeof__(openblas_get_config) *config;
  __typeof__(openblas_get_corename) *core;
  FIND(set_threads, "openblas_set_num_threads");
  FIND(config, "openblas_get_config");
  FIND(core, "openblas_get_corename");
  if (problem[0]) return;
  set_threads(1);
  int (*end_threads)(void);              /* what it calls itself before a fork; in no header, and perhaps not there */
  *(void **)&end_threads = dlsym(handle, "blas_thread_shutdown_");
  if (ours && end_threads) end_threads();
  char name[32] = "OpenBLAS", version[32] = "";       /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
  sscanf(config(), "%31s %31s", name, version);
  snprintf(library.name, sizeof library.name, "%s %s %s", name, version, core());
  static const char *const direct[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
  for (size_t i = 0; i < sizeof direct / sizeof direct[0]; i++)
    if (!strcmp(core(), direct[i])) library.direct = true;
}

static void load(void) {
  void *before = dlopen(NN_BLAS_FILE, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  void *handle = before ? before : dlopen(NN_BLAS_FILE, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(problem, sizeof problem, "%s", reason ? reason : NN_BLAS_FILE);
    return;
  }
  find_products(handle);
  set_up(handle, !before);
}

const nn_blas_library *nn_blas(const char *call) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (!problem[0]) return &library;
  return nn_fail("%s: OpenBLAS cannot be loaded: %s; the package libopenblas0 has it whole", call, problem);
}
