/* Inside core/ and autograd/: blocks of memory, and what counted objects are made of. */
#ifndef NN_MEMORY_H
#define NN_MEMORY_H

#include "tensor.h"

/* A kind of counted object: its size, and how to let go of what it holds (releases only; the block is freed after). */
typedef struct nn_type { const char *name; size_t size; void (*drop)(nn_object *object); } nn_type;

/* A block of 64-byte alignment from the current context's cache, by size class; not cleared. NULL with an error. The
 * same size goes to nn_block_free. Counted against the limit, and by nn_memory_fail_at. */
void *nn_block(const char *call, size_t bytes);
void nn_block_free(nn_context *context, void *block, size_t bytes);

/* A cleared object of type->size + extra bytes with one reference, owned by nobody yet: put it into the open scope
 * (nn_scope_own) or release it. NULL with an error. */
void *nn_object_new(const char *call, const nn_type *type, size_t extra);
/* Begins an object in a block of its own of so many bytes, with one reference. */
static inline void nn_object_begin(nn_object *object, const nn_type *type, size_t bytes) {
  object->refs = 1;
  object->bytes = bytes;
  object->type = type;
  object->context = nn_context_current();
}
/* Where object is all that the scope has owned since mark: its reference passes to holder, whose own the scope owns in
 * its place. False, and nothing done, where that is not so. */
bool nn_scope_swap(size_t mark, void *object, void *holder);
/* Gives the object's one reference to the open scope; object, or NULL (object released) with an error. */
void *nn_scope_own(void *object);

/* A number that no walk over a graph has had in this context. */
uint64_t nn_next_pass(void);

#endif
