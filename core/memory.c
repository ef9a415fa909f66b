/* Blocks by size class: four classes per power of two, so that at most a fifth of a block is unused. Freed blocks are
 * kept for the next request of their class, up to as many bytes as are live (at least 32 MB): a training step in steady
 * state asks the system for nothing. */
#include "context_state.h"

#include <stdlib.h>

enum { SMALLEST = 64 };
static const size_t kept_at_least = (size_t)32 << 20, largest = (size_t)1 << 44;

/* The class of a size, and the bytes that its blocks have: 64, 80 -> 128, ... in quarters of powers of two, rounded up
 * to the alignment. */
static int size_class(size_t bytes, size_t *rounded) {
  if (bytes <= SMALLEST) {
    *rounded = SMALLEST;
    return 0;
  }
  const int power = 63 - __builtin_clzll((unsigned long long)(bytes - 1));   /* 2^power < bytes <= 2^(power + 1) */
  const size_t quarter = power >= 8 ? (size_t)1 << (power - 2) : SMALLEST;
  *rounded = (bytes + quarter - 1) / quarter * quarter;
  return (power - 5) * 4 + (int)((*rounded - ((size_t)1 << power)) / quarter);
}

static bool refused(nn_account *account, size_t bytes) {
  account->allocations++;
  if (account->fail_at && (account->allocations == account->fail_at ||
                           (account->fail_for_good && account->allocations > account->fail_at)))
    return true;
  return account->limit && (bytes > account->limit || account->live > account->limit - bytes);
}

void *nn_block(const char *call, size_t bytes) {
  nn_account *account = nn_context_account(nn_context_current());
  if (bytes > largest) return nn_fail_memory(call, bytes);
  size_t rounded;
  const int class = size_class(bytes, &rounded);
  if (refused(account, rounded)) {
    if (account->limit && account->live + rounded > account->limit)
      return nn_fail("%s: out of memory: %zu bytes wanted, %zu in use, the limit is %zu", call, bytes, account->live,
                     account->limit);
    return nn_fail_memory(call, bytes);
  }
  void *block = account->free_block[class];
  if (block) {
    account->free_block[class] = *(void **)block;
    account->cached -= rounded;
  } else if (!(block = aligned_alloc(64, rounded))) {
    nn_memory_trim();
    if (!(block = aligned_alloc(64, rounded))) return nn_fail_memory(call, bytes);
  }
  account->live += rounded;
  if (account->live > account->peak) account->peak = account->live;
  return block;
}

void nn_block_free(nn_context *context, void *block, size_t bytes) {
  nn_account *account = nn_context_account(context);
  size_t rounded;
  const int class = size_class(bytes, &rounded);
  account->live -= rounded;
  const size_t keep = account->live > kept_at_least ? account->live : kept_at_least;
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

void nn_memory_limit(size_t bytes) { nn_context_account(nn_context_current())->limit = bytes; }

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
}

int64_t nn_memory_allocations(void) { return nn_context_account(nn_context_current())->allocations; }
