/* Inside core/: what a context is made of. */
#ifndef NN_CONTEXT_STATE_H
#define NN_CONTEXT_STATE_H

#include <stdatomic.h>

#include "memory.h"
#include "random.h"

enum { NN_SIZE_CLASSES = 160, NN_ERROR_BYTES = 768 };

typedef struct nn_account {
  size_t live, peak, limit, cached;      /* bytes: held by objects and buffers, and kept for the next ones */
  int64_t tensors;
  int64_t allocations, fail_at;          /* the failure hook: counts up to fail_at */
  bool fail_for_good, cache;
  bool counting, guarded;                /* the hook was used once; it was, or there is a limit: all are looked at */
  void *free_block[NN_SIZE_CLASSES];     /* singly linked through the blocks themselves */
} nn_account;

/* The hook that makes the n-th call to the system for a file fail (file.h). */
typedef struct nn_file_hook { int64_t calls, fail_at; int error; } nn_file_hook;

struct nn_context {
  char error[NN_ERROR_BYTES];            /* "" when nothing failed */
  nn_account account;
  nn_object **scope;                     /* what the open scopes own; a mark is an index into it */
  size_t scope_count, scope_capacity;
  nn_object *doomed;                     /* queue of objects whose last reference went */
  bool dooming;
  bool recording;
  atomic_bool interrupt;
  uint64_t passes;                       /* walks over graphs so far: each marks the nodes it saw with its number */
  nn_generator generator;
  nn_file_hook files;
};

nn_generator *nn_context_generator(void);
static inline nn_account *nn_context_account(nn_context *context) { return &context->account; }

#endif
