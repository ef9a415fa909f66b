/* What memory gives: loops in the manner of STREAM (McCalpin) over arrays of ten million floats, as the largest rows of
 * the benchmark have them, each thread on its part. A loop that writes elsewhere than it reads has a form whose stores
 * go round the cache as well; the faster of both counts.
 * Prints "stream: LOOP<TAB>threads<TAB>seconds<TAB>moved=bytes" for each repeat. Usage: stream THREADS REPEATS */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { FLOATS = 10000000, BLOCK = 64, PASSES = 5, MOST_THREADS = 64 };

typedef struct arrays { float *a, *b, *c; long n; } arrays;   /* n: whole blocks */

static _Thread_local volatile float sink;

/* Many sums beside each other, so that no addition waits for the one before. */
static void read_all(arrays x) {
  float sum[BLOCK] = {0};
  for (long i = 0; i < x.n; i += BLOCK)
    for (int j = 0; j < BLOCK; j++) sum[j] += x.a[i + j];
  for (int j = 0; j < BLOCK; j++) sink += sum[j];
}
static void copy(arrays x) {
  for (long i = 0; i < x.n; i++) x.c[i] = x.a[i];
}
static void add(arrays x) {
  for (long i = 0; i < x.n; i++) x.c[i] = x.a[i] + x.b[i];
}
static void update(arrays x) {
  for (long i = 0; i < x.n; i++) x.c[i] += x.a[i];
}

#ifdef __SSE2__
static void copy_around(arrays x) {
  for (long i = 0; i < x.n; i += 4) _mm_stream_ps(x.c + i, _mm_load_ps(x.a + i));
}
static void add_around(arrays x) {
  for (long i = 0; i < x.n; i += 4) _mm_stream_ps(x.c + i, _mm_add_ps(_mm_load_ps(x.a + i), _mm_load_ps(x.b + i)));
}
#else
#define copy_around NULL
#define add_around NULL
#endif

/* arrays read and written by each loop, and its two forms */
static const struct { const char *name; int arrays; void (*form[2])(arrays); } loops[] = {
  {"read", 1, {read_all, NULL}},
  {"copy", 2, {copy, copy_around}},
  {"add", 3, {add, add_around}},
  {"update", 3, {update, NULL}},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct part { arrays x; void (*loop)(arrays); } part;

static void *passes(void *user) {
  const part *p = user;
  for (int i = 0; i < PASSES; i++) p->loop(p->x);
  return NULL;
}

/* Seconds of one pass by so many threads; parts are whole blocks. */
static double seconds_of(void (*loop)(arrays), arrays x, int threads) {
  pthread_t thread[MOST_THREADS];
  part p[MOST_THREADS];
  const long blocks = x.n / BLOCK;
  const double start = now();
  for (int t = 0; t < threads; t++) {
    const long first = blocks * t / threads * BLOCK, last = blocks * (t + 1) / threads * BLOCK;
    p[t] = (part){{x.a + first, x.b + first, x.c + first, last - first}, loop};
    if (pthread_create(&thread[t], NULL, passes, &p[t])) exit(1);
  }
  for (int t = 0; t < threads; t++) pthread_join(thread[t], NULL);
  return (now() - start) / PASSES;
}

static float *array(void) {
  float *x = aligned_alloc(64, FLOATS * sizeof *x);
  if (!x) exit(1);
  for (long i = 0; i < FLOATS; i++) x[i] = 1e-6f * (float)i;
  return x;
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1, repeats = argc > 2 ? atoi(argv[2]) : 5;
  if (threads < 1 || threads > MOST_THREADS) return 1;
  const arrays x = {array(), array(), array(), FLOATS};
  for (int r = 0; r < repeats; r++)
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
      double best = seconds_of(loops[i].form[0], x, threads);
      if (loops[i].form[1]) {
        const double other = seconds_of(loops[i].form[1], x, threads);
        if (other < best) best = other;
      }
      const size_t moved = loops[i].arrays * FLOATS * sizeof(float);
      printf("stream: %s\t%d\t%.6g\tmoved=%zu\n", loops[i].name, threads, best, moved);
    }
  free(x.a);
  free(x.b);
  free(x.c);
}
