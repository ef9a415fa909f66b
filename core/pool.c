/* The thread pool. A job is a function, its argument and a number of parts. The caller publishes it, works at it like
 * everybody else, closes it when no part is left and waits only for workers that are still inside a part: one that
 * wakes up too late finds the job closed and has cost nothing. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "context.h"

enum { MOST_THREADS = 64, DEFAULT_MOST = 8 };
enum { STACK_BYTES = 1 << 20 };
enum { SPIN_NS = 200000, PAUSES_BEFORE_YIELD = 2000 };

/* state: how many workers are inside the job, whether more may join, and the number of the job. The fields of the job
 * are written only while it is closed and nobody is inside, and read only by those inside. */
enum { INSIDE = 0x7f, OPEN = 0x80, JOB_SHIFT = 8 };

typedef struct share { alignas(64) atomic_int next; } share; /* the next part of one thread's share of a job */

static struct {
  atomic_flag busy;                  /* the try-lock: held by the caller of the job in progress */
  atomic_uint state;
  atomic_int sleepers;
  pthread_mutex_t mutex;             /* for sleeping only */
  pthread_cond_t wake;
  int workers;                       /* running; changed under busy */
  atomic_int wanted;                 /* workers from this number on end themselves */
  pthread_t thread[MOST_THREADS];
  void (*work)(void *user, int part);
  void *user;
  int parts, shares;
  share share[MOST_THREADS];
} pool = { .busy = ATOMIC_FLAG_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static atomic_int threads;           /* in force; 0: not known yet */
static atomic_bool crowded;          /* more threads than usable CPUs: waiting actively would hold up those that work */

/* Usable CPUs. */

/* quota / period of a cgroup's files as CPUs, rounded; 0 where there is no limit */
static int cpu_quota(const char *path, const char *quota_format, const char *period_format) {
  char file[512], first[32] = "";
  long period = 100000, quota;
  snprintf(file, sizeof file, quota_format, path);
  FILE *f = fopen(file, "re");
  if (!f) return 0;
  int found = fscanf(f, "%31s %ld", first, &period);
  fclose(f);
  if (found >= 1 && period_format) {
    snprintf(file, sizeof file, period_format, path);
    if ((f = fopen(file, "re"))) {
      if (fscanf(f, "%ld", &period) != 1) period = 0;
      fclose(f);
    }
  }
  if (found < 1 || sscanf(first, "%ld", &quota) != 1 || quota <= 0 || period <= 0) return 0; /* "max" or -1 */
  long cpus = (quota + period / 2) / period;
  return cpus < 1 ? 1 : cpus > MOST_THREADS ? MOST_THREADS : (int)cpus;
}

/* The smallest quota of a group and of those above it: each limits what is below. Cuts path down to its root. */
static int cpu_quota_upwards(char *path, const char *quota_format, const char *period_format) {
  int least = 0;
  for (;;) {
    int cpus = cpu_quota(path, quota_format, period_format);
    if (cpus && (!least || cpus < least)) least = cpus;
    char *slash = strrchr(path, '/');
    if (!slash) return least;
    *slash = 0;
  }
}

/* What the control groups allow (version 2: cpu.max; version 1: the cpu controller); 0 without a limit. */
static int cgroup_cpus(void) {
  FILE *f = fopen("/proc/self/cgroup", "re");
  char line[400];
  int least = 0;
  while (f && fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = 0;
    int cpus = 0;
    if (!controllers[1]) cpus = cpu_quota_upwards(path, "/sys/fs/cgroup%s/cpu.max", NULL);
    else if (!strncmp(controllers + 1, "cpu,", 4) || !strcmp(controllers + 1, "cpu"))
      cpus = cpu_quota_upwards(path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us");
    if (cpus && (!least || cpus < least)) least = cpus;
  }
  if (f) fclose(f);
  return least;
}

static int usable_cpus(void) {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : DEFAULT_MOST;
  int quota = cgroup_cpus();
  if (quota && quota < cpus) cpus = quota;
  return cpus < 1 ? 1 : cpus;
}

int nn_threads(void) {
  int n = atomic_load_explicit(&threads, memory_order_relaxed);
  if (n) return n;
  int known = 0;
  n = usable_cpus();
  if (n > DEFAULT_MOST) n = DEFAULT_MOST;
  return atomic_compare_exchange_strong(&threads, &known, n) ? n : known;
}

/* Waiting. */

static inline void pause_cpu(void) {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* One beat of a wait: pauses first, then gives the CPU to whoever else wants it. */
static inline void wait_beat(int *beats) {
  if (++*beats < PAUSES_BEFORE_YIELD) pause_cpu();
  else sched_yield();
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The state once its job number differs from seen. A next job usually follows within microseconds, and waking a
 * sleeping thread costs tens of them: so a worker looks for a while before it sleeps. */
static unsigned next_state(unsigned seen) {
  unsigned state;
  int beats = 0;
  int64_t end = 0;
  while ((state = atomic_load_explicit(&pool.state, memory_order_acquire)) >> JOB_SHIFT == seen) {
    wait_beat(&beats);
    if (beats % 64) continue;
    int64_t now = now_ns();
    if (!end) end = now + SPIN_NS;
    if (now > end || atomic_load_explicit(&crowded, memory_order_relaxed)) break;
  }
  if (state >> JOB_SHIFT != seen) return state;
  pthread_mutex_lock(&pool.mutex);
  atomic_fetch_add(&pool.sleepers, 1); /* before the last look at state; publish() writes it before it looks here */
  while ((state = atomic_load(&pool.state)) >> JOB_SHIFT == seen) pthread_cond_wait(&pool.wake, &pool.mutex);
  atomic_fetch_sub(&pool.sleepers, 1);
  pthread_mutex_unlock(&pool.mutex);
  return state;
}

/* Makes the next job's number known (with OPEN: as a job), and wakes up to `most` sleepers. */
static void publish(unsigned open, int most) {
  unsigned job = (atomic_load_explicit(&pool.state, memory_order_relaxed) >> JOB_SHIFT) + 1;
  atomic_store(&pool.state, job << JOB_SHIFT | open);
  if (!atomic_load(&pool.sleepers)) return;
  pthread_mutex_lock(&pool.mutex);
  for (int i = 0; i < most; i++) pthread_cond_signal(&pool.wake);
  pthread_mutex_unlock(&pool.mutex);
}

/* Working. */

/* Takes the parts of its own share first, so that a thread meets the same memory in each job of one shape and its
 * cache still holds it; then helps with the shares of the others. */
static void take_parts(int self) {
  int parts = pool.parts, shares = pool.shares;
  for (int i = 0; i < shares; i++) {
    int mine = (self + i) % shares;
    int end = (int)((int64_t)parts * (mine + 1) / shares);
    int part;
    while ((part = atomic_fetch_add_explicit(&pool.share[mine].next, 1, memory_order_relaxed)) < end)
      pool.work(pool.user, part);
  }
}

static bool join(unsigned state) {
  unsigned job = state >> JOB_SHIFT;
  while (state & OPEN && state >> JOB_SHIFT == job)
    if (atomic_compare_exchange_weak_explicit(&pool.state, &state, state + 1, memory_order_acquire,
                                              memory_order_acquire)) return true;
  return false;
}

static void *worker_main(void *argument) {
  int self = (int)(intptr_t)argument;
  unsigned seen = ~0u;
  nn_float_enter();
  while (self < atomic_load_explicit(&pool.wanted, memory_order_acquire)) {
    unsigned state = next_state(seen);
    seen = state >> JOB_SHIFT;
    if (!join(state)) continue;
    take_parts(self + 1);
    atomic_fetch_sub_explicit(&pool.state, 1, memory_order_release);
  }
  return NULL;
}

/* A child of fork has this thread only: whatever the others held is void, and workers start again when needed. */
static void reset_in_child(void) {
  atomic_flag_clear(&pool.busy);
  atomic_store(&pool.state, 0);
  atomic_store(&pool.sleepers, 0);
  pool.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  pool.wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
  pool.workers = 0;
}

static void register_fork(void) { pthread_atfork(NULL, NULL, reset_in_child); }

/* Starts workers up to n - 1, busy held. They take no signals: those are the host's. What cannot be started is done
 * without. */
static void start_workers(int n) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, register_fork);
  sigset_t all, old;
  pthread_attr_t attributes;
  sigfillset(&all);
  if (pthread_attr_init(&attributes)) return;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  atomic_store_explicit(&pool.wanted, n - 1, memory_order_release);
  while (pool.workers < n - 1 && !pthread_create(&pool.thread[pool.workers], &attributes, worker_main,
                                                 (void *)(intptr_t)pool.workers)) pool.workers++;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attributes);
}

int nn_set_threads(int n) {
  n = n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
  for (int beats = 0; atomic_flag_test_and_set_explicit(&pool.busy, memory_order_acquire);) wait_beat(&beats);
  atomic_store(&threads, n);
  atomic_store(&crowded, n > usable_cpus());
  if (pool.workers > n - 1) {
    atomic_store_explicit(&pool.wanted, n - 1, memory_order_release);
    publish(0, pool.workers);
    while (pool.workers > n - 1) pthread_join(pool.thread[--pool.workers], NULL);
  }
  atomic_flag_clear_explicit(&pool.busy, memory_order_release);
  return n;
}

/* The job itself, busy held. */
static void run_job(int parts, void (*work)(void *, int), void *user, int n) {
  if (pool.workers < n - 1) start_workers(n);
  pool.work = work;
  pool.user = user;
  pool.parts = parts;
  pool.shares = parts < n ? parts : n;
  for (int i = 0; i < pool.shares; i++)
    atomic_store_explicit(&pool.share[i].next, (int)((int64_t)parts * i / pool.shares), memory_order_relaxed);
  publish(OPEN, pool.shares - 1);
  take_parts(0);
  unsigned state = atomic_fetch_and_explicit(&pool.state, ~(unsigned)OPEN, memory_order_acquire);
  for (int beats = 0; state & INSIDE; state = atomic_load_explicit(&pool.state, memory_order_acquire))
    wait_beat(&beats);
}

void nn_parallel(int parts, void (*work)(void *user, int part), void *user) {
  int n = parts > 1 ? nn_threads() : 1;
  if (n > 1 && !atomic_flag_test_and_set_explicit(&pool.busy, memory_order_acquire)) {
    run_job(parts, work, user, n);
    atomic_flag_clear_explicit(&pool.busy, memory_order_release);
    return;
  }
  for (int part = 0; part < parts; part++) work(user, part);
}
