/* The bound of dense networks: the matrix products of a workload and nothing else, by one thread of OpenBLAS or its own
 * threads. Prints "name<TAB>threads<TAB>seconds" for each of REPEATS repeats of the workloads whose name holds PATTERN.
 * Usage: products THREADS REPEATS [PATTERN] | products --version */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS = 3 };
#define ENOUGH 0.05                /* seconds that one measure takes at least */

/* rows in batches through dense layers, forward and, where a net trains, back */
typedef struct net { const char *name; int rows, batch, trains, layers, width[LAYERS + 1]; } net;

static const net nets[] = {
  {"mnist 784-128-10 b32", 60000, 32, 1, 2, {784, 128, 10}},
  {"mnist 784-128-10 b128", 60000, 128, 1, 2, {784, 128, 10}},
  {"mnist 784-512-512-10 b128", 60000, 128, 1, 3, {784, 512, 512, 10}},
  {"predict 1", 1, 1, 0, 2, {784, 128, 10}},
  {"predict 10000", 10000, 10000, 0, 2, {784, 128, 10}},
  {"matmul 64", 64, 64, 0, 1, {64, 64}},
  {"matmul 256", 256, 256, 0, 1, {256, 256}},
  {"matmul 1024", 1024, 1024, 0, 1, {1024, 1024}},
};

typedef struct memory { float *x[LAYERS + 1], *g[LAYERS + 1], *w[LAYERS], *dw[LAYERS]; } memory;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *matrix(int n) {
  float *x = malloc((size_t)n * sizeof *x);
  if (!x) exit(1);
  for (int i = 0; i < n; i++) x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return x;
}

static memory memory_of(const net *f) {
  memory m = {{0}, {0}, {0}, {0}};
  for (int l = 0; l <= f->layers; l++) {
    m.x[l] = matrix(f->batch * f->width[l]);
    m.g[l] = matrix(f->batch * f->width[l]);
    if (l == f->layers) continue;
    m.w[l] = matrix(f->width[l] * f->width[l + 1]);
    m.dw[l] = matrix(f->width[l] * f->width[l + 1]);
  }
  return m;
}

static void let_go(const net *f, memory *m) {
  for (int l = 0; l <= f->layers; l++) {
    free(m->x[l]);
    free(m->g[l]);
    if (l == f->layers) continue;
    free(m->w[l]);
    free(m->dw[l]);
  }
}

/* c (m, n) = a (m, k) b (k, n), each stored transposed where it says so */
static void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float *a, const float *b,
                    float *c) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, ta == CblasNoTrans ? k : m, b, tb == CblasNoTrans ? n : k, 0, c, n);
}

/* forward X W; gradients X^T G of every layer and G W^T of all but the first */
static void step(const net *f, int batch, const memory *m) {
  for (int l = 0; l < f->layers; l++)
    product(CblasNoTrans, CblasNoTrans, batch, f->width[l + 1], f->width[l], m->x[l], m->w[l], m->x[l + 1]);
  for (int l = f->layers - 1; f->trains && l >= 0; l--) {
    product(CblasTrans, CblasNoTrans, f->width[l], f->width[l + 1], batch, m->x[l], m->g[l + 1], m->dw[l]);
    if (l) product(CblasNoTrans, CblasTrans, batch, f->width[l], f->width[l + 1], m->g[l + 1], m->w[l], m->g[l]);
  }
}

static void pass(const net *f, const memory *m) {
  for (int done = 0; done < f->rows; done += f->batch) {
    const int left = f->rows - done;
    step(f, left < f->batch ? left : f->batch, m);
  }
}

/* Seconds of one pass, as the mean over so many that they take long enough. */
static double seconds_of(const net *f, const memory *m) {
  step(f, f->batch, m);
  for (long calls = 1;; calls *= 4) {
    const double start = now();
    for (long i = 0; i < calls; i++) pass(f, m);
    const double seconds = now() - start;
    if (seconds >= ENOUGH) return seconds / (double)calls;
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--version")) return puts(openblas_get_config()) < 0;
  const int threads = argc > 1 ? atoi(argv[1]) : 1, repeats = argc > 2 ? atoi(argv[2]) : 5;
  openblas_set_num_threads(threads);
  for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
    if (argc > 3 && !strstr(nets[i].name, argv[3])) continue;
    memory m = memory_of(&nets[i]);
    for (int r = 0; r < repeats; r++) printf("%s\t%d\t%.6g\n", nets[i].name, threads, seconds_of(&nets[i], &m));
    let_go(&nets[i], &m);
  }
}
