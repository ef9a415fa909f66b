/* Which instruction set the kernels use, chosen once for the process, at first use; and constants of the kernels. */
#include "kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "elementwise.h"

/* e^-104 is below half the least float, e^89 above the largest; likewise for double. */
const nn_bounds32 nn_bounds_f32 = {-104, 89, -23, 20, 100};
const nn_bounds64 nn_bounds_f64 = {-746, 710, -52, 20, 100};

static const char *const isa_names[] = {"portable", "avx2", "avx512"};
enum { ISAS = sizeof isa_names / sizeof *isa_names };

static atomic_int chosen = -1;      /* -1: not yet; two threads that come first together choose the same */

/* Everything that the set's compiler flags take for granted. */
static bool has(int isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  return isa == 0 || (isa == 1 && avx2) || (isa == 2 && avx2 && avx512);
#else
  return isa == 0;
#endif
}

/* -1 for a name that is unknown or that this machine cannot run. */
static int isa_named(const char *name) {
  for (int i = 0; i < ISAS; i++)
    if (strcmp(name, isa_names[i]) == 0) return has(i) ? i : -1;
  return -1;
}

/* A wish that cannot be met is passed over: a program must start on any machine. */
static int choose(void) {
  const char *wish = getenv("NNLUA_KERNELS");
  int isa = wish ? isa_named(wish) : -1;
  for (int i = ISAS - 1; isa < 0; i--)
    if (has(i)) isa = i;
  atomic_store_explicit(&chosen, isa, memory_order_relaxed);
  return isa;
}

int nn_isa(void) {
  int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
  return isa >= 0 ? isa : choose();
}

const char *nn_kernels_name(void) { return isa_names[nn_isa()]; }

bool nn_kernels_use(const char *name) {
  int isa = name ? isa_named(name) : -1;
  if (isa >= 0) atomic_store_explicit(&chosen, isa, memory_order_relaxed);
  return isa >= 0;
}
