/* The pool: every part once, whatever the number of threads; workers that sleep, are interrupted by nothing, flush
 * denormals; callers that meet, nest or fork. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core.h"

Suite *pool_suite(void);

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

enum { MOST_PARTS = 1000 };

static int usual;
static void setup(void) { usual = nn_threads(); }
static void teardown(void) { nn_set_threads(usual); }

static void count_part(void *user, int part) { ((int *)user)[part]++; } /* not atomic: a part is one thread's */

static bool each_part_once(int parts) {
  int count[MOST_PARTS] = {0};
  nn_parallel(parts, count_part, count);
  for (int i = 0; i < MOST_PARTS; i++)
    if (count[i] != (i < parts)) return false;
  return true;
}

static const int thread_counts[] = {1, 2, 3, 8, 64, 2, 1, 5};

START_TEST(every_part_runs_once) {
  const int parts[] = {0, 1, 2, 3, 7, 64, 65, MOST_PARTS};
  ck_assert_int_eq(nn_set_threads(thread_counts[_i]), thread_counts[_i]);
  for (int repeat = 0; repeat < 200; repeat++)
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) ck_assert(each_part_once(parts[i]));
} END_TEST

START_TEST(threads_are_bounded) {
  ck_assert_int_ge(usual, 1);
  ck_assert_int_eq(nn_set_threads(0), 1);
  ck_assert_int_eq(nn_set_threads(-3), 1);
  ck_assert_int_eq(nn_set_threads(1000), 64);
  ck_assert_int_eq(nn_threads(), 64);
} END_TEST

static void pass_time(int microseconds) {
  const struct timespec t = {0, microseconds * 1000L};
  nanosleep(&t, NULL);
}

START_TEST(sleeping_workers_wake) {
  nn_set_threads(4);
  for (int i = 0; i < 50; i++) {
    pass_time(i % 5 * 150); /* around the end of a worker's spin */
    ck_assert(each_part_once(9));
  }
} END_TEST

/* What a worker finds: whether it is one, which signals it takes, whether it flushes denormals. */
typedef struct finding { pthread_t caller; atomic_int here, workers, open_signals, denormals; } finding;

static void look(void *user, int part) {
  finding *f = user;
  (void)part;
  atomic_fetch_add(&f->here, 1);
  for (int i = 0; i < 2000 && atomic_load(&f->here) < 2; i++) pass_time(100); /* so that both threads get a part */
  if (pthread_equal(pthread_self(), f->caller)) return;
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  volatile float tiny = 1e-30f;
  atomic_fetch_add(&f->workers, 1);
  atomic_fetch_add(&f->open_signals, !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGUSR1));
  atomic_fetch_add(&f->denormals, tiny * 1e-12f != 0);
}

START_TEST(workers_take_no_signals_and_flush_denormals) {
  finding f = {.caller = pthread_self()};
  nn_set_threads(2);
  nn_parallel(2, look, &f);
  ck_assert_int_eq(f.workers, 1);
  ck_assert_int_eq(f.open_signals, 0);
#if defined(__x86_64__) || defined(__aarch64__)
  ck_assert_int_eq(f.denormals, 0);
#endif
} END_TEST

static void nested_part(void *user, int part) { nn_parallel(10, count_part, (int *)user + 10 * part); }

START_TEST(nested_calls_run_serially) {
  int count[200] = {0};
  nn_set_threads(3);
  nn_parallel(20, nested_part, count);
  for (int i = 0; i < 200; i++) ck_assert_int_eq(count[i], 1);
} END_TEST

static void *use_the_pool(void *argument) {
  bool *good = argument;
  nn_context *context = nn_context_new();
  nn_context_use(context);
  nn_tensor *a = nn_ones(NN_FLOAT32, NN_SHAPE(160, 160)), *first = nn_matmul(a, a);
  *good = first != NULL;
  for (int i = 0; i < 20 && *good; i++) {
    const size_t mark = nn_scope_open();
    nn_tensor *c = nn_matmul(a, a);
    *good = c && each_part_once(13) && !memcmp(c->data, first->data, 160 * 160 * sizeof(float));
    nn_scope_close(mark);
  }
  nn_context_use(NULL);
  nn_context_free(context);
  return NULL;
}

START_TEST(eight_contexts_on_eight_threads) {
  pthread_t thread[8];
  bool good[8] = {0};
  nn_set_threads(3);
  for (int i = 0; i < 8; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, use_the_pool, &good[i]), 0);
  for (int i = 0; i < 8; i++) {
    pthread_join(thread[i], NULL);
    ck_assert(good[i]);
  }
} END_TEST

/* The number of threads changes while others work. */
static void *change_threads(void *argument) {
  for (int i = 0; i < 60; i++) nn_set_threads(1 + i % 5);
  return argument;
}

START_TEST(threads_change_under_work) {
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, change_threads, NULL), 0);
  for (int i = 0; i < 300; i++) ck_assert(each_part_once(17));
  pthread_join(thread, NULL);
} END_TEST

#ifndef THREAD_SANITIZER /* which cannot follow threads that a forked child starts */
static bool child_works(void) {
  const pid_t child = fork();
  if (child == 0) {
    bool good = true;
    for (int i = 0; i < 50; i++) good = good && each_part_once(11);
    _exit(good ? 0 : 1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

START_TEST(a_forked_child_starts_its_own_workers) {
  nn_set_threads(3);
  ck_assert(each_part_once(5));
  ck_assert(child_works());
  ck_assert(each_part_once(5));
} END_TEST

static atomic_bool stop;
static void *keep_busy(void *argument) {
  while (!atomic_load(&stop)) each_part_once(100);
  return argument;
}

START_TEST(a_fork_amid_the_work_of_another_thread) {
  pthread_t thread;
  nn_set_threads(3);
  atomic_store(&stop, false);
  ck_assert_int_eq(pthread_create(&thread, NULL, keep_busy, NULL), 0);
  for (int i = 0; i < 20; i++) ck_assert(child_works());
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
} END_TEST
#endif

Suite *pool_suite(void) {
  Suite *s = suite_create("pool");
  TCase *t = tcase_create("pool");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, every_part_runs_once, 0, (int)(sizeof thread_counts / sizeof *thread_counts));
  tcase_add_test(t, threads_are_bounded);
  tcase_add_test(t, sleeping_workers_wake);
  tcase_add_test(t, workers_take_no_signals_and_flush_denormals);
  tcase_add_test(t, nested_calls_run_serially);
  tcase_add_test(t, eight_contexts_on_eight_threads);
  tcase_add_test(t, threads_change_under_work);
#ifndef THREAD_SANITIZER
  tcase_add_test(t, a_forked_child_starts_its_own_workers);
  tcase_add_test(t, a_fork_amid_the_work_of_another_thread);
#endif
  suite_add_tcase(s, t);
  return s;
}
