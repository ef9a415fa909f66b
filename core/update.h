/* One pass of an optimizer over a parameter: raw arrays of n elements of one float dtype, w the parameter, g its
 * gradient, the others the optimizer's state, all distinct. Formulas as Keras 3 has them. Long ones are cut over the
 * thread pool; each element is independent of the others, so the cut shows in no bit. */
#ifndef NN_UPDATE_H
#define NN_UPDATE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* w *= factor */
void nn_update_scale(nn_dtype dtype, int64_t n, void *w, double factor);
/* mean = momentum mean + (1 - momentum) w */
void nn_update_average(nn_dtype dtype, int64_t n, void *mean, const void *w, double momentum);
/* w -= rate g; with velocity (may be NULL): v = momentum v - rate g, then w += v, or with nesterov
 * w += momentum v - rate g. */
void nn_update_sgd(nn_dtype dtype, int64_t n, void *w, const void *g, void *velocity, double rate, double momentum,
                   bool nesterov);

/* m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2); w -= alpha m / (sqrt(v) + epsilon), where the caller's
 * alpha = rate sqrt(1 - beta2^t) / (1 - beta1^t) (Kingma & Ba 2015, the form before section 2.1). With greatest (may be
 * NULL; amsgrad): greatest = max(greatest, v) stands for v in the last step (Reddi et al. 2018). */
void nn_update_adam(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, void *v, void *greatest, double alpha,
                    double beta1, double beta2, double epsilon);

/* v = rho v + (1 - rho) g^2; u = rate g / sqrt(v + epsilon); w -= u (Hinton 2012). With mean (may be NULL; centered):
 * mean = rho mean + (1 - rho) g, and v - mean^2 + epsilon under the root. With velocity (may be NULL):
 * velocity = momentum velocity + u, w -= velocity. */
void nn_update_rmsprop(nn_dtype dtype, int64_t n, void *w, const void *g, void *v, void *mean, void *velocity,
                       double rate, double rho, double momentum, double epsilon);

/* m as Adam's; v = max(beta2 v, |g|); w -= rate m / (v + epsilon), where the caller's rate is divided by 1 - beta1^t
 * (Kingma & Ba 2015, algorithm 2). */
void nn_update_adamax(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, void *v, double rate, double beta1,
                      double beta2, double epsilon);

/* m and v as Adam's; w -= (of_m m + of_g g) / (sqrt(v / correction) + epsilon) (Dozat 2016). */
void nn_update_nadam(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, void *v, double of_m, double of_g,
                     double correction, double beta1, double beta2, double epsilon);

/* sum += g^2; w -= rate g / sqrt(sum + epsilon) (Duchi et al. 2011). */
void nn_update_adagrad(nn_dtype dtype, int64_t n, void *w, const void *g, void *sum, double rate, double epsilon);

/* v = rho v + (1 - rho) g^2; d = sqrt((s + epsilon) / (v + epsilon)) g; s = rho s + (1 - rho) d^2; w -= rate d
 * (Zeiler 2012). */
void nn_update_adadelta(nn_dtype dtype, int64_t n, void *w, const void *g, void *v, void *s, double rate, double rho,
                        double epsilon);

/* w -= rate sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g (Chen et al. 2023). */
void nn_update_lion(nn_dtype dtype, int64_t n, void *w, const void *g, void *m, double rate, double beta1,
                    double beta2);

#ifdef __cplusplus
}
#endif
#endif
