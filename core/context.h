/* The context: everything that is not a tensor. Error text, memory account, open scope, generator, recording flag.
 *
 * One context is current on a thread (nn_context_use); every function of the library works in it. A tensor belongs
 * to the context in which it was made and must be used and released while that context is current. Contexts share
 * nothing but the thread pool, so any number of them may work at the same time, each on its own thread.
 *
 * The contract of the whole C interface:
 *   - What a function returns belongs to the open scope: retain it to keep it beyond the scope's end.
 *   - NULL in, NULL out. A failure records one line in the context (the first is kept) and returns NULL, so a chain of
 *     calls needs one check, at its end. Nothing prints, exits, aborts or jumps.
 *   - Dimensions and positions count from 1, negative ones from the end (-1 is the last), in C as in Lua, so that a
 *     message shows what the caller wrote. Class labels and embedding ids are data and count from 0. */
#ifndef NN_CONTEXT_H
#define NN_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_context nn_context;

nn_context *nn_context_new(void);            /* NULL without memory; does not become current */
void nn_context_free(nn_context *context);   /* releases what its scopes still own; no tensor of it may be used later */
nn_context *nn_context_use(nn_context *context); /* current on this thread (NULL: none); gives the previous one */
nn_context *nn_context_current(void);

/* Errors: one line, "matmul: inner dimensions differ: {8, 3} x {2, 4}". */
const char *nn_error(void);                  /* the first failure since the last nn_clear_error, or NULL */
void nn_clear_error(void);
void *nn_fail(const char *format, ...) __attribute__((format(printf, 1, 2))); /* recorded unless one is; NULL */
void *nn_fail_memory(const char *call, size_t bytes); /* "call: out of memory (N bytes wanted)"; NULL */
void *nn_fail_for(const char *call);         /* what failed as "empty: ..." was memory for that call; NULL */
void *nn_fail_as(const char *call);          /* what failed as "part: ..." failed inside that call: "call: ..."; NULL */

/* Scopes own temporaries. nn_scope_open gives a mark; closing releases all that came after it. */
size_t nn_scope_open(void);
void nn_scope_close(size_t mark);
void *nn_scope_return(size_t mark, void *object); /* closes, but hands object (may be NULL) to the scope outside */

/* Reference counts: of tensors, variables and nodes alike. Freeing never recurses, however deep a graph is. */
void *nn_retain(void *object);               /* gives object; NULL stays NULL */
void nn_release(void *object);               /* NULL is fine */

/* Memory. Bytes count what tensors hold (not what the cache keeps for the next ones). */
typedef struct nn_memory_use { size_t live, peak, limit; int64_t tensors; size_t cached; } nn_memory_use;
nn_memory_use nn_memory(void);
size_t nn_memory_live(void);                 /* the same live, alone */
void nn_memory_limit(size_t bytes);          /* 0: none. An allocation beyond it fails with a clear error */
void nn_memory_reset_peak(void);
void nn_memory_trim(void);                   /* gives the cache's blocks back to the system */
void nn_memory_cache(bool on);               /* off: each block goes straight back (for tools that watch memory) */
/* For tests: the n-th allocation from now fails (n from 1; 0 switches it off); with for_good all later ones too. */
void nn_memory_fail_at(int64_t n, bool for_good);
int64_t nn_memory_allocations(void);         /* how many were asked for since the last nn_memory_fail_at; 0 before it */

/* Recording of gradients on this context; gives the previous state. */
bool nn_recording(void);
bool nn_set_recording(bool on);

/* Interruption: any thread or signal handler may ask; long work stops at its next poll with the error "interrupted". */
void nn_interrupt(nn_context *context);
bool nn_interrupted(void);                   /* polls; when asked, fails with "interrupted" and clears the request */

/* Denormal numbers are flushed to zero during the library's own work. A caller from outside (a binding, a worker
 * thread) enters and leaves; the floating-point state found at entry is put back. */
typedef struct nn_float_state { unsigned int word; } nn_float_state;
nn_float_state nn_float_enter(void);
void nn_float_leave(nn_float_state state);

#ifdef __cplusplus
}
#endif
#endif
