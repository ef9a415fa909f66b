/* The bound: the matrix products of one training epoch and nothing else, by one thread of OpenBLAS or its own threads.
 * Prints "name<TAB>threads<TAB>seconds" for each of REPEATS repeats. Usage: products THREADS REPEATS */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROWS = 60000, LAYERS = 3 };
typedef struct net { const char *name; int batch, layers, width[LAYERS + 1]; } net;

static const net nets[] = {
  {"mnist 784-128-10 b32", 32, 2, {784, 128, 10}},
  {"mnist 784-128-10 b128", 128, 2, {784, 128, 10}},
  {"mnist 784-512-512-10 b128", 128, 3, {784, 512, 512, 10}},
};

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

static void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float *a, const float *b, float *c) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, ta == CblasNoTrans ? k : m, b, tb == CblasNoTrans ? n : k, 0, c, n);
}

/* forward X W, gradients X^T G of every layer and G W^T of all but the first */
static void step(const net *f, int batch, float **x, float **w, float **dw, float **g) {
  for (int l = 0; l < f->layers; l++)
    product(CblasNoTrans, CblasNoTrans, batch, f->width[l + 1], f->width[l], x[l], w[l], x[l + 1]);
  for (int l = f->layers - 1; l >= 0; l--) {
    product(CblasTrans, CblasNoTrans, f->width[l], f->width[l + 1], batch, x[l], g[l + 1], dw[l]);
    if (l) product(CblasNoTrans, CblasTrans, batch, f->width[l], f->width[l + 1], g[l + 1], w[l], g[l]);
  }
}

static double epoch(const net *f) {
  float *x[LAYERS + 1], *w[LAYERS], *dw[LAYERS], *g[LAYERS + 1];
  for (int l = 0; l <= f->layers; l++) {
    x[l] = matrix(f->batch * f->width[l]);
    g[l] = matrix(f->batch * f->width[l]);
    if (l == f->layers) continue;
    w[l] = matrix(f->width[l] * f->width[l + 1]);
    dw[l] = matrix(f->width[l] * f->width[l + 1]);
  }
  step(f, f->batch, x, w, dw, g);
  const double start = now();
  for (int done = 0; done < ROWS; done += f->batch) step(f, done + f->batch > ROWS ? ROWS - done : f->batch, x, w, dw, g);
  const double seconds = now() - start;
  for (int l = 0; l <= f->layers; l++) {
    free(x[l]);
    free(g[l]);
    if (l == f->layers) continue;
    free(w[l]);
    free(dw[l]);
  }
  return seconds;
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1, repeats = argc > 2 ? atoi(argv[2]) : 5;
  openblas_set_num_threads(threads);
  for (int r = 0; r < repeats; r++)
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) printf("%s\t%d\t%.6g\n", nets[i].name, threads, epoch(&nets[i]));
}
