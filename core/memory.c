/* Blocks by size class: up to 1 kB in steps of 64 bytes, above it four classes per power of two, so that at most a
 * fifth of a block is unused. Freed blocks are kept for the next request of their class, up to as many bytes as are
 * live and 32 MB more: a training step in steady state asks the system for nothing. */
#include "context_state.h"

#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { STEP = 64, SMALL_CLASSES = 16, FIRST_POWER = 10 };
static const size_t kept_more = (size_t)32 << 20, largest = (size_t)1 << 44;
#if defined(MADV_HUGEPAGE)
static const size_t huge_page = (size_t)2 << 20, huge_from = (size_t)4 << 20;
#endif

/* The class of a size, and the bytes that its blocks have. */
static inline int size_class(size_t bytes, size_t *rounded) {
  if (bytes <= SMALL_CLASSES * STEP) {
    const int class = bytes ? (int)((bytes - 1) / STEP) : 0;
    *rounded = (size_t)(class + 1) * STEP;
    return class;
  }
  const int power = 63 - __builtin_clzll((unsigned long long)(bytes - 1));   /* 2^power < bytes <= 2^(power + 1) */
  const size_t quarter = (size_t)1 << (power - 2);
  *rounded = (bytes + quarter - 1) / quarter * quarter;
  return SMALL_CLASSES + (power - FIRST_POWER) * 4 + (int)((*rounded - ((size_t)1 << power)) / quarter) - 1;
}

/* By the failure hook or the limit. */
static inline bool refused(nn_account *account, size_t bytes) {
  account->allocations++;
  if (account->fail_at && (account->allocations == account->fail_at ||
                           (account->fail_for_good && account->allocations > account->fail_at)))
    return true;
  return account->limit && (bytes > account->limit || account->live > account->limit - bytes);
}

static __attribute__((noinline)) void *fail_refused(const nn_account *account, const char *call, size_t bytes,
                                                    size_t rounded) {
  if (!account->limit || account->live + rounded <= account->limit) return nn_fail_memory(call, bytes);
  return nn_fail("%s: out of memory: %zu bytes wanted, %zu in use, the limit is %zu", call, bytes, account->live,
                 account->limit);
}

/* From the system. Large blocks ask for huge pages: fewer faults when they are first touched, and fewer misses of the
 * address cache ever after. */
static void *system_block(size_t bytes) {
#if defined(MADV_HUGEPAGE)
  if (bytes >= huge_from) {
    void *block;                           /* aligned_alloc would want a multiple of the alignment */
    if (posix_memalign(&block, huge_page, bytes)) return NULL;
    madvise(block, bytes, MADV_HUGEPAGE);
    return block;
  }
#endif
  return aligned_alloc(64, bytes);
}

static inline void charge(nn_account *account, size_t bytes) {
  account->live += bytes;
  if (account->live > account->peak) account->peak = account->live;
}

static __attribute__((noinline)) void *block_of_any_size(nn_account *account, const char *call, size_t bytes) {
  if (bytes > largest) return nn_fail_memory(call, bytes);
  size_t rounded;
  const int class = size_class(bytes, &rounded);
  if (account->guarded && refused(account, rounded)) return fail_refused(account, call, bytes, rounded);
  void *block = account->free_block[class];
  if (block) {
    account->free_block[class] = *(void **)block;
    account->cached -= rounded;
  } else if (!(block = system_block(rounded))) {
    nn_memory_trim();
    if (!(block = system_block(rounded))) return nn_fail_memory(call, bytes);
  }
  charge(account, rounded);
  return block;
}

/* A small block from the cache, the usual case, is worth a short way: a small op takes three. */
void *nn_block(const char *call, size_t bytes) {
  nn_account *account = nn_context_account(nn_context_current());
  if (bytes - 1 >= SMALL_CLASSES * STEP || account->guarded) return block_of_any_size(account, call, bytes);
  const size_t class = (bytes - 1) / STEP, rounded = (class + 1) * STEP;
  void *block = account->free_block[class];
  if (!block) return block_of_any_size(account, call, bytes);
  account->free_block[class] = *(void **)block;
  account->cached -= rounded;
  charge(account, rounded);
  return block;
}

void nn_block_free(nn_context *context, void *block, size_t bytes) {
  nn_account *account = nn_context_account(context);
  size_t rounded;
  const int class = size_class(bytes, &rounded);
  account->live -= rounded;
  const size_t keep = account->live + kept_more;
  if (!account->cache || account->cached + rounded > keep) {
    free(block);
    return;
  }
  *(void **)block = account->free_block[class];
  account->free_block[class] = block;
  account->cached += rounded;
}

void nn_memory_trim(void) {
  nn_account *account = nn_context_account(nn_context_current());
  for (int class = 0; class < NN_SIZE_CLASSES; class++)
    while (account->free_block[class]) {
      void *block = account->free_block[class];
      account->free_block[class] = *(void **)block;
      free(block);
    }
  account->cached = 0;
}

nn_memory_use nn_memory(void) {
  const nn_account *account = nn_context_account(nn_context_current());
  return (nn_memory_use){account->live, account->peak, account->limit, account->tensors, account->cached};
}

size_t nn_memory_live(void) { return nn_context_account(nn_context_current())->live; }

void nn_memory_limit(size_t bytes) {
  nn_account *account = nn_context_account(nn_context_current());
  account->limit = bytes;
  account->guarded = bytes || account->counting;
}

void nn_memory_reset_peak(void) {
  nn_account *account = nn_context_account(nn_context_current());
  account->peak = account->live;
}

void nn_memory_cache(bool on) {
  nn_context_account(nn_context_current())->cache = on;
  if (!on) nn_memory_trim();
}

void nn_memory_fail_at(int64_t n, bool for_good) {
  nn_account *account = nn_context_account(nn_context_current());
  account->allocations = 0;
  account->fail_at = n;
  account->fail_for_good = for_good;
  account->guarded = account->counting = true;
}

int64_t nn_memory_allocations(void) { return nn_context_account(nn_context_current())->allocations; }
