/* Ops of the caller's own: a forward, and a vjp written with ops (so that it can be differentiated again). */
#ifndef AG_CUSTOM_H
#define AG_CUSTOM_H

#include "autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ag_custom {
  const char *name;                 /* in errors; static */
  /* y from x[0..n-1]; gradients are not recorded meanwhile. NULL with an error recorded on failure. */
  ag_var *(*forward)(void *user, int n, ag_var *const *x);
  /* dx[i]: the gradient of x[i], of its shape, in the open scope; stays NULL where there is none. */
  bool (*vjp)(void *user, ag_var *g, ag_var *y, int n, ag_var *const *x, ag_var **dx);
  void (*release)(void *user);      /* called once, when neither the call nor its graph needs user; may be NULL */
} ag_custom;

/* op, which must outlive the graph, applied to n inputs. */
ag_var *ag_custom_apply(const ag_custom *op, void *user, int n, ag_var *const *x);

#ifdef __cplusplus
}
#endif
#endif
