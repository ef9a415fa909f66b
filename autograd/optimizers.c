/* Optimizers: the update of one parameter w by its gradient g, the formula above each; r is the learning rate, t the
 * number of this update (from 1). What all have in common is in optimizer.c. */
#include "declare.h"
#include "update.h"

#define UPDATE(name) static void name##_update(const ag_update *u, const ag_value *o)
#define SLOTS(name) static int name##_slots(MAYBE_UNUSED const ag_value *o)
#define INITIAL(name) static double name##_initial(const ag_value *o, MAYBE_UNUSED int slot)

SLOTS(one) { return 1; }
SLOTS(two) { return 2; }

/* w -= r g; with momentum: m = momentum m - r g, w += m; Nesterov: w += momentum m - r g (Sutskever et al. 2013) */
enum { MOMENTUM, NESTEROV };
SLOTS(sgd) { return o[MOMENTUM].number > 0; }
UPDATE(sgd) { nn_update_sgd(u->dtype, u->n, u->w, u->g, u->slot[0], u->rate, o[MOMENTUM].number, o[NESTEROV].flag); }

/* v = rho v + (1 - rho) g^2, w -= r g / sqrt(v + epsilon) (Hinton 2012); with momentum m = momentum m + that, w -= m;
 * centered: v - mean(g)^2 under the root (Graves 2013). Slots: v, the momentum, the mean. */
enum { RMS_RHO, RMS_MOMENTUM, RMS_EPSILON, CENTERED };
SLOTS(rmsprop) { return 1 + (o[RMS_MOMENTUM].number > 0) + o[CENTERED].flag; }
UPDATE(rmsprop) {
  const bool moving = o[RMS_MOMENTUM].number > 0;
  void *mean = o[CENTERED].flag ? u->slot[1 + moving] : NULL, *velocity = moving ? u->slot[1] : NULL;
  nn_update_rmsprop(u->dtype, u->n, u->w, u->g, u->slot[0], mean, velocity, u->rate, o[RMS_RHO].number,
                    o[RMS_MOMENTUM].number, o[RMS_EPSILON].number);
}

/* m += (g - m)(1 - beta_1), v += (g^2 - v)(1 - beta_2),
 * w -= r sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)
 * (Kingma & Ba 2015, with epsilon as before section 2.1); amsgrad: the greatest v so far (Reddi et al. 2018) */
enum { BETA_1, BETA_2, EPSILON, AMSGRAD };
SLOTS(adam) { return 2 + o[AMSGRAD].flag; }
UPDATE(adam) {
  const double beta_1 = o[BETA_1].number, beta_2 = o[BETA_2].number, t = (double)u->t;
  const double rate = u->rate * sqrt(1 - pow(beta_2, t)) / (1 - pow(beta_1, t));
  nn_update_adam(u->dtype, u->n, u->w, u->g, u->slot[0], u->slot[1], o[AMSGRAD].flag ? u->slot[2] : NULL, rate, beta_1,
                 beta_2, o[EPSILON].number);
}

/* m as Adam's; v = max(beta_2 v, |g|), w -= r / (1 - beta_1^t) m / (v + epsilon) (Kingma & Ba 2015, algorithm 2) */
UPDATE(adamax) {
  const double beta_1 = o[BETA_1].number, rate = u->rate / (1 - pow(beta_1, (double)u->t));
  nn_update_adamax(u->dtype, u->n, u->w, u->g, u->slot[0], u->slot[1], rate, beta_1, o[BETA_2].number,
                   o[EPSILON].number);
}

static double nadam_momentum(double beta_1, double t) { return beta_1 * (1 - 0.5 * pow(0.96, t)); }

/* The product of the momenta up to t, as far as 1 - product shows it. */
static double nadam_product(double beta_1, int64_t t) {
  double product = 1;
  for (int64_t i = 1; i <= t && product > 0x1p-60; i++) product *= nadam_momentum(beta_1, (double)i);
  return product;
}

/* m, v as Adam's; u_t = beta_1 (1 - 0.96^t / 2), P_t = u_1 ... u_t,
 * w -= r (u_t+1 m / (1 - P_t+1) + (1 - u_t) g / (1 - P_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon) (Dozat 2016) */
UPDATE(nadam) {
  const double beta_1 = o[BETA_1].number, beta_2 = o[BETA_2].number, t = (double)u->t;
  const double now = nadam_momentum(beta_1, t), next = nadam_momentum(beta_1, t + 1);
  const double product = nadam_product(beta_1, u->t);
  const double of_m = u->rate * next / (1 - product * next), of_g = u->rate * (1 - now) / (1 - product);
  nn_update_nadam(u->dtype, u->n, u->w, u->g, u->slot[0], u->slot[1], of_m, of_g, 1 - pow(beta_2, t), beta_1, beta_2,
                  o[EPSILON].number);
}

/* a += g^2, w -= r g / sqrt(a + epsilon) (Duchi et al. 2011) */
enum { ADAGRAD_INITIAL, ADAGRAD_EPSILON };
INITIAL(adagrad) { return o[ADAGRAD_INITIAL].number; }
UPDATE(adagrad) {
  nn_update_adagrad(u->dtype, u->n, u->w, u->g, u->slot[0], u->rate, o[ADAGRAD_EPSILON].number);
}

/* a = rho a + (1 - rho) g^2, d = sqrt(b + epsilon) / sqrt(a + epsilon) g, b = rho b + (1 - rho) d^2, w -= r d
 * (Zeiler 2012) */
enum { ADADELTA_RHO, ADADELTA_EPSILON };
UPDATE(adadelta) {
  nn_update_adadelta(u->dtype, u->n, u->w, u->g, u->slot[0], u->slot[1], u->rate, o[ADADELTA_RHO].number,
                     o[ADADELTA_EPSILON].number);
}

/* w -= r sign(beta_1 m + (1 - beta_1) g), then m = beta_2 m + (1 - beta_2) g (Chen et al. 2023) */
UPDATE(lion) {
  nn_update_lion(u->dtype, u->n, u->w, u->g, u->slot[0], u->rate, o[BETA_1].number, o[BETA_2].number);
}

/* n' = n + g^2, z += g + 2 shrinkage w - (n'^-p - n^-p) / r w,
 * w = (clip(z, -l1, l1) - z) / (n'^-p / r + 2 (l2 + beta / (2 r))) (McMahan et al. 2013). Slots: n, z. The powers are
 * the time that it takes: a plain loop, in double. */
enum { POWER, FTRL_INITIAL, L1, L2, SHRINKAGE, FTRL_BETA };
INITIAL(ftrl) { return slot == 0 ? o[FTRL_INITIAL].number : 0; }
#define FTRL_LOOP(T)                                                                                   \
  static void ftrl_##T(const ag_update *u, double p, double l1, double l2, double shrinkage) {         \
    T *w = u->w, *a = u->slot[0], *b = u->slot[1];                                                     \
    const T *g = u->g;                                                                                 \
    for (int64_t i = 0; i < u->n; i++) {                                                               \
      const double n = a[i] + (double)g[i] * g[i], root = pow(n, -p);                                  \
      const double z = b[i] + (g[i] + shrinkage * w[i]) - (root - pow(a[i], -p)) / u->rate * w[i];     \
      a[i] = (T)n;                                                                                     \
      b[i] = (T)z;                                                                                     \
      w[i] = (T)((fmin(fmax(z, -l1), l1) - z) / (root / u->rate + l2));                                \
    }                                                                                                  \
  }
FTRL_LOOP(float)
FTRL_LOOP(double)
UPDATE(ftrl) {
  const double l2 = 2 * (o[L2].number + o[FTRL_BETA].number / (2 * u->rate));
  (u->dtype == NN_FLOAT32 ? ftrl_float : ftrl_double)(u, o[POWER].number, o[L1].number, l2, 2 * o[SHRINKAGE].number);
}

#define ROW(name_, class_, help_, slots_, update_, ...) \
  {.name = name_, .class_name = class_, .help = help_, .slots = slots_##_slots, .update = update_##_update, __VA_ARGS__}
#define PART(name_, help_, value_) OPTION(NUMBER, name_, help_, .value = value_, WITHIN(0, 1))
#define SMALL OPTION(NUMBER, "epsilon", "keeps the divisor off 0", .value = 1e-7, AT_LEAST(0))
#define BETA(name_, help_, value_) OPTION(NUMBER, name_, help_, .value = value_, BELOW_ONE)
#define BETAS BETA("beta_1", "how much of the mean of gradients is kept", 0.9), \
              BETA("beta_2", "how much of the mean of squares is kept", 0.999)
#define POSITIVE(name_, help_, value_) OPTION(NUMBER, name_, help_, .value = value_, AT_LEAST(0))
#define ADAM BETAS, SMALL, OPTION(FLAG, "amsgrad", "divide by the greatest mean of squares so far")

const ag_optimizer_class ag_optimizers[] = {
  ROW("sgd", "SGD", "w - rate g: gradient descent, with momentum", sgd, sgd, .learning_rate = 0.01,
      OPTIONS(PART("momentum", "how much of the last step is kept", 0),
              OPTION(FLAG, "nesterov", "look ahead by the momentum"))),
  ROW("rmsprop", "RMSprop", "w - rate g / sqrt(v), v a moving mean of g^2", rmsprop, rmsprop,
      OPTIONS(PART("rho", "how much of the mean of squares is kept", 0.9),
              PART("momentum", "how much of the last step is kept", 0), SMALL,
              OPTION(FLAG, "centered", "divide by the standard deviation instead"))),
  ROW("adam", "Adam", "w - rate m / sqrt(v), m and v moving means of g and g^2", adam, adam, OPTIONS(ADAM)),
  ROW("adamw", "AdamW", "Adam with weight decay", adam, adam, .weight_decay = 0.004, OPTIONS(ADAM)),
  ROW("adamax", "Adamax", "Adam with the largest |g| of late in place of sqrt(v)", two, adamax, OPTIONS(BETAS, SMALL)),
  ROW("nadam", "Nadam", "Adam with Nesterov momentum", two, nadam, OPTIONS(BETAS, SMALL)),
  ROW("adagrad", "Adagrad", "w - rate g / sqrt(a), a the sum of all g^2", one, adagrad, .initial = adagrad_initial,
      OPTIONS(POSITIVE("initial_accumulator_value", "what the sum of squares starts with", 0.1), SMALL)),
  ROW("adadelta", "Adadelta", "w - rate g sqrt(s / v), s and v moving means of the squares of steps and of g", two,
      adadelta, OPTIONS(PART("rho", "how much of the means of squares is kept", 0.95), SMALL)),
  ROW("lion", "Lion", "w - rate sign(m): steps of one size, by the sign of the momentum", one, lion,
      OPTIONS(BETA("beta_1", "how much of the momentum goes into a step", 0.9),
              BETA("beta_2", "how much of the momentum is kept", 0.99))),
  ROW("ftrl", "Ftrl", "follow the regularized leader", two, ftrl, .initial = ftrl_initial,
      OPTIONS(OPTION(NUMBER, "learning_rate_power", "how the rate falls", .value = -0.5, WITHIN(-INFINITY, 0)),
              POSITIVE("initial_accumulator_value", "what the sum of squares starts with", 0.1),
              POSITIVE("l1_regularization_strength", "pull to exact zeros", 0),
              POSITIVE("l2_regularization_strength", "pull towards 0", 0),
              POSITIVE("l2_shrinkage_regularization_strength", "pull towards 0 by the size of weights alone", 0),
              POSITIVE("beta", "added to the root of the sum of squares", 0))),
  {.name = NULL},
};
