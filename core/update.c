/* Optimizer updates: which loop, and how it is cut over the thread pool. */
#include "update.h"

#include "kernels/update.h"
#include "pool.h"

/* Elements from which a second thread pays, and the most parts. Few parts of equal size, so that each thread meets the
 * same parameters step after step and finds them in its own cache. */
enum { PART_ELEMENTS = 16384, MOST_PARTS = 64, ALIGNED = 64 };

typedef struct job {
  nn_update_loop *loop;
  const nn_update_numbers *numbers;
  char *w;
  const char *g;
  char *state[3];
  int64_t n, part, size;
} job;

static void work_part(void *user, int part) {
  const job *j = user;
  const int64_t first = part * j->part, n = j->n - first < j->part ? j->n - first : j->part, at = first * j->size;
  void *state[3];
  for (int i = 0; i < 3; i++) state[i] = j->state[i] ? j->state[i] + at : NULL;
  if (n > 0) j->loop(n, j->w + at, j->g + at, state, j->numbers);
}

static void update(nn_update_loop *const loop[2], nn_dtype dtype, int64_t n, void *w, const void *g, void *a, void *b,
                   void *c, nn_update_numbers numbers) {
  job j = {loop[dtype == NN_FLOAT64], &numbers, w, g, {a, b, c}, n, n, (int64_t)nn_dtype_size(dtype)};
  int parts = 1;
  while (parts < MOST_PARTS && n / parts > 2 * PART_ELEMENTS) parts *= 2;
  j.part = ((n + parts - 1) / parts + ALIGNED - 1) / ALIGNED * ALIGNED;
  nn_parallel(parts, work_part, &j);
}

/* The loop reads no gradient: w stands in its place. */
void nn_update_scale(nn_dtype dtype, int64_t n, void *w, double factor) {
  update(nn_updates()->scale, dtype, n, w, w, NULL, NULL, NULL, (nn_update_numbers){.rate = factor});
}

void nn_update_average(nn_dtype dtype, int64_t n, void *mean, const void *w, double momentum) {
  update(nn_updates()->average, dtype, n, mean, w, NULL, NULL, NULL,
         (nn_update_numbers){.rate = 1 - momentum, .mu = momentum});
}

void nn_update_sgd(nn_dtype dtype, int64_t n, void *w, const void *g, void *velocity, double rate, double momentum,
                   bool nesterov) {
  const nn_update_kernels *k = nn_updates();
  update(!velocity ? k->sgd : nesterov ? k->nesterov : k->momentum, dtype, n, w, g, velocity, NULL, NULL,
         (nn_update_numbers){.rate = rate, .mu = momentum});
}

void nn_update_adam(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, void *v, void *greatest, double alpha,
                    double beta1, double beta2, double epsilon) {
  const nn_update_kernels *k = nn_updates();
  update(greatest ? k->amsgrad : k->adam, dtype, n, w, g, m, v, greatest,
         (nn_update_numbers){.rate = alpha, .p = 1 - beta1, .q = 1 - beta2, .epsilon = epsilon});
}

void nn_update_rmsprop(nn_dtype dtype, int64_t n, void *w, const void *g, void *v, void *mean, void *velocity,
                       double rate, double rho, double momentum, double epsilon) {
  const nn_update_kernels *k = nn_updates();
  const nn_update_numbers numbers = {.rate = rate, .mu = momentum, .p = rho, .q = 1 - rho, .epsilon = epsilon};
  if (mean)
    update(velocity ? k->rmsprop_centered_momentum : k->rmsprop_centered, dtype, n, w, g, v, mean, velocity, numbers);
  else
    update(velocity ? k->rmsprop_momentum : k->rmsprop, dtype, n, w, g, v, velocity, NULL, numbers);
}

void nn_update_adamax(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, void *v, double rate, double beta1,
                      double beta2, double epsilon) {
  update(nn_updates()->adamax, dtype, n, w, g, m, v, NULL,
         (nn_update_numbers){.rate = rate, .p = 1 - beta1, .q = beta2, .epsilon = epsilon});
}

void nn_update_nadam(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, void *v, double of_m, double of_g,
                     double correction, double beta1, double beta2, double epsilon) {
  update(nn_updates()->nadam, dtype, n, w, g, m, v, NULL,
         (nn_update_numbers){.rate = of_m, .mu = 1 / correction, .p = 1 - beta1, .q = 1 - beta2, .r = of_g,
                             .epsilon = epsilon});
}

void nn_update_adagrad(nn_dtype dtype, int64_t n, void *w, const void *g, void *sum, double rate, double epsilon) {
  update(nn_updates()->adagrad, dtype, n, w, g, sum, NULL, NULL, (nn_update_numbers){.rate = rate, .epsilon = epsilon});
}

void nn_update_adadelta(nn_dtype dtype, int64_t n, void *w, const void *g, void *v, void *s, double rate, double rho,
                        double epsilon) {
  update(nn_updates()->adadelta, dtype, n, w, g, v, s, NULL,
         (nn_update_numbers){.rate = rate, .p = rho, .q = 1 - rho, .epsilon = epsilon});
}

void nn_update_lion(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, double rate, double beta1,
                    double beta2) {
  update(nn_updates()->lion, dtype, n, w, g, m, NULL, NULL,
         (nn_update_numbers){.rate = rate, .mu = beta2, .p = beta1, .q = 1 - beta1, .r = 1 - beta2});
}
