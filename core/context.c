/* The context's life, its error line, its scopes, and the counted objects that scopes own. */
#include "context_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* initial-exec: one load instead of a call, also inside a shared library (glibc keeps room for such small ones). */
#if defined(__ELF__)
__attribute__((tls_model("initial-exec")))
#endif
static _Thread_local nn_context *current;

nn_context *nn_context_new(void) {
  nn_context *context = calloc(1, sizeof *context);
  if (!context) return NULL;
  context->recording = true;
  context->generator = nn_generator_seeded(0);
#ifndef __SANITIZE_ADDRESS__              /* who watches memory sees more when each block goes straight back */
  const char *cache = getenv("NNLUA_CACHE");
  context->account.cache = !cache || strcmp(cache, "off");
#endif
  return context;
}

void nn_context_free(nn_context *context) {
  if (!context) return;
  nn_context *previous = nn_context_use(context);
  nn_scope_close(0);
  if (context->scope) nn_block_free(context, context->scope, context->scope_capacity * sizeof *context->scope);
  nn_memory_trim();
  nn_context_use(previous == context ? NULL : previous);
  free(context);
}

nn_context *nn_context_use(nn_context *context) {
  nn_context *previous = current;
  current = context;
  return previous;
}

nn_context *nn_context_current(void) { return current; }
nn_generator *nn_context_generator(void) { return &current->generator; }

/* Errors */

const char *nn_error(void) { return current->error[0] ? current->error : NULL; }
void nn_clear_error(void) { current->error[0] = '\0'; }

void *nn_fail(const char *format, ...) {
  if (current->error[0]) return NULL;    /* the first one is the cause */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(current->error, sizeof current->error, format, arguments);
  va_end(arguments);
  return NULL;
}

void *nn_fail_memory(const char *call, size_t bytes) {
  return nn_fail("%s: out of memory (%zu bytes wanted)", call, bytes);
}

void *nn_fail_for(const char *call) {
  static const char name[] = "empty";
  const size_t length = sizeof name - 1;
  return strncmp(current->error, name, length) || current->error[length] != ':' ? NULL : nn_fail_as(call);
}

void *nn_fail_as(const char *call) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
  const size_t length = strspn(current->error, letters);
  if (!length || current->error[length] != ':') return NULL;
  char rest[NN_ERROR_BYTES];
  strcpy(rest, current->error + length);
  snprintf(current->error, sizeof current->error, "%.64s%.680s", call, rest);
  return NULL;
}

/* Counted objects */

void *nn_object_new(const char *call, const nn_type *type, size_t extra) {
  const size_t bytes = type->size + extra;
  nn_object *object = nn_block(call, bytes);
  if (!object) return NULL;
  memset(object, 0, bytes);
  object->refs = 1;
  object->bytes = bytes;
  object->type = type;
  object->context = current;
  return object;
}

void *nn_retain(void *object) {
  if (object) ((nn_object *)object)->refs++;
  return object;
}

/* What an object holds is released while it is dropped, and joins the queue instead of the stack: a chain of a million
 * nodes is freed in this loop. */
static void free_doomed(nn_context *context) {
  context->dooming = true;
  while (context->doomed) {
    nn_object *object = context->doomed;
    context->doomed = object->next;
    if (object->type->drop) object->type->drop(object);
    if (object->bytes != NN_WITHIN) nn_block_free(context, object, object->bytes);
  }
  context->dooming = false;
}

void nn_release(void *pointer) {
  nn_object *object = pointer;
  if (!object || --object->refs) return;
  nn_context *context = object->context;
  object->next = context->doomed;
  context->doomed = object;
  if (!context->dooming) free_doomed(context);
}

/* Scopes */

size_t nn_scope_open(void) { return current->scope_count; }

void nn_scope_close(size_t mark) {
  while (current->scope_count > mark) nn_release(current->scope[--current->scope_count]);
}

static bool grow_scope(nn_context *context) {
  const size_t capacity = context->scope_capacity ? 2 * context->scope_capacity : 64;
  nn_object **scope = nn_block("scope", capacity * sizeof *scope);
  if (!scope) return false;
  if (context->scope) {
    memcpy(scope, context->scope, context->scope_count * sizeof *scope);
    nn_block_free(context, context->scope, context->scope_capacity * sizeof *scope);
  }
  context->scope = scope;
  context->scope_capacity = capacity;
  return true;
}

void *nn_scope_own(void *object) {
  if (!object) return NULL;
  if (current->scope_count == current->scope_capacity && !grow_scope(current)) {
    nn_release(object);
    return NULL;
  }
  current->scope[current->scope_count++] = object;
  return object;
}

bool nn_scope_swap(size_t mark, void *object, void *holder) {
  if (current->scope_count != mark + 1 || current->scope[mark] != object) return false;
  current->scope[mark] = holder;
  return true;
}

void *nn_scope_return(size_t mark, void *object) {
  if (current->scope_count == mark + 1 && current->scope[mark] == object) return object;   /* nothing else to close */
  nn_retain(object);
  nn_scope_close(mark);
  return nn_scope_own(object);
}

/* Recording and interruption */

bool nn_recording(void) { return current->recording; }

bool nn_set_recording(bool on) {
  const bool previous = current->recording;
  current->recording = on;
  return previous;
}

void nn_interrupt(nn_context *context) { atomic_store_explicit(&context->interrupt, true, memory_order_relaxed); }

bool nn_interrupted(void) {
  if (!atomic_load_explicit(&current->interrupt, memory_order_relaxed)) return false;
  atomic_store_explicit(&current->interrupt, false, memory_order_relaxed);
  nn_fail("interrupted");
  return true;
}

uint64_t nn_next_pass(void) { return ++current->passes; }

/* Denormal numbers: FTZ (0x8000) and DAZ (0x0040) of MXCSR; FZ (bit 24) of FPCR. */

nn_float_state nn_float_enter(void) {
  nn_float_state state = {0};
#if defined(__x86_64__)
  state.word = _mm_getcsr();
  if ((state.word & 0x8040) != 0x8040) _mm_setcsr(state.word | 0x8040);
#elif defined(__aarch64__)
  uint64_t fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  state.word = (unsigned int)fpcr;
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | (1u << 24)));
#endif
  return state;
}

void nn_float_leave(nn_float_state state) {
#if defined(__x86_64__)
  if ((state.word & 0x8040) != 0x8040) _mm_setcsr(state.word);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)state.word));
#endif
}
