/* Optimizer updates, one pass over parameter, gradient and state; compiled once for each instruction set. */
#include "update.h"

#include "vmath.h"

#define UNUSED __attribute__((unused))

#define LOAD_0
#define LOAD_1 T a = A[i];
#define LOAD_2 LOAD_1 T b = B[i];
#define LOAD_3 LOAD_2 T c = C[i];
#define STORE_0
#define STORE_1 A[i] = a;
#define STORE_2 STORE_1 B[i] = b;
#define STORE_3 STORE_2 C[i] = c;

/* The loop of one rule and type. All loads of an element come before its first store: large arrays begin at the same
 * place of a page, and a load after a store to the same place of another page is taken to depend on it (measured: 47
 * instead of 28 microseconds for Adam). */
#define LOOP(name, states, formula) \
  static void NAME(name)(int64_t n, void *parameter, const void *gradient, void *const state[3], \
                         const nn_update_numbers *numbers) { \
    T *restrict W = parameter, *restrict A UNUSED = state[0], *restrict B UNUSED = state[1]; \
    T *restrict C UNUSED = state[2]; \
    const T *restrict G = gradient; \
    const T rate UNUSED = (T)numbers->rate, mu UNUSED = (T)numbers->mu, p UNUSED = (T)numbers->p; \
    const T q UNUSED = (T)numbers->q, r UNUSED = (T)numbers->r, epsilon UNUSED = (T)numbers->epsilon; \
    for (int64_t i = 0; i < n; i++) { \
      const T g UNUSED = G[i]; \
      T w = W[i]; \
      LOAD_##states \
      formula; \
      W[i] = w; \
      STORE_##states \
    } \
  }

#define T float
#define NAME(name) name##_float
NN_EVERY_UPDATE(LOOP)
#undef T
#undef NAME
#define T double
#define NAME(name) name##_double
NN_EVERY_UPDATE(LOOP)
#undef T
#undef NAME

#define ROW(name, states, formula) .name = {name##_float, name##_double},
const nn_update_kernels NN_ISA_NAME(nn_updates) = {NN_EVERY_UPDATE(ROW)};
