/* Inside core/: the loops of optimizer updates, by rule and float dtype ([0] float32, [1] float64). */
#ifndef NN_KERNELS_UPDATE_H
#define NN_KERNELS_UPDATE_H

#include "../kernels.h"

/* Every rule: X(name, states, formula): w the parameter, g its gradient; a, b, c the first, second, third state, of
 * which there are so many; the numbers by name. */
#define NN_EVERY_UPDATE(X) \
  X(scale, 0, w *= rate) \
  X(average, 0, w = mu * w + rate * g) \
  X(sgd, 0, w -= rate * g) \
  X(momentum, 1, a = mu * a - rate * g; w += a) \
  X(nesterov, 1, a = mu * a - rate * g; w += mu * a - rate * g) \
  X(adam, 2, a += (g - a) * p; b += (g * g - b) * q; w -= rate * a / (SQRT(b) + epsilon)) \
  X(amsgrad, 3, a += (g - a) * p; b += (g * g - b) * q; c = b > c ? b : c; w -= rate * a / (SQRT(c) + epsilon)) \
  X(rmsprop, 1, a = p * a + q * (g * g); w -= rate * g / SQRT(a + epsilon)) \
  X(rmsprop_momentum, 2, a = p * a + q * (g * g); b = mu * b + rate * g / SQRT(a + epsilon); w -= b) \
  X(rmsprop_centered, 2, a = p * a + q * (g * g); b = p * b + q * g; w -= rate * g / SQRT(a - b * b + epsilon)) \
  X(rmsprop_centered_momentum, 3, a = p * a + q * (g * g); b = p * b + q * g; \
    c = mu * c + rate * g / SQRT(a - b * b + epsilon); w -= c) \
  X(adamax, 2, a += (g - a) * p; b *= q; b = ABS(g) > b ? ABS(g) : b; w -= rate * a / (b + epsilon)) \
  X(nadam, 2, a += (g - a) * p; b += (g * g - b) * q; w -= (rate * a + r * g) / (SQRT(b * mu) + epsilon)) \
  X(adagrad, 1, a += g * g; w -= rate * g / SQRT(a + epsilon)) \
  X(adadelta, 2, a = p * a + q * (g * g); T d = SQRT((b + epsilon) / (a + epsilon)) * g; b = p * b + q * (d * d); \
    w -= rate * d) \
  X(lion, 1, T d = p * a + q * g; w -= d > 0 ? rate : d < 0 ? -rate : d; a = mu * a + r * g)

typedef struct nn_update_numbers { double rate, mu, p, q, r, epsilon; } nn_update_numbers;
typedef void nn_update_loop(int64_t n, void *w, const void *g, void *const state[3], const nn_update_numbers *numbers);

typedef struct nn_update_kernels {
#define X(name, states, formula) nn_update_loop *name[2];
  NN_EVERY_UPDATE(X)
#undef X
} nn_update_kernels;

NN_KERNEL_TABLE(nn_update_kernels, nn_updates)

#endif
