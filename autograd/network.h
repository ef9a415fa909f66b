/* What networks are made of: activations, initializers, layers, losses, optimizers. Each kind is a table of rows (a
 * name, its options, one function with its formula above it); what all of a kind have in common is written once. Names,
 * formulas, defaults and edge cases are Keras 3's. Everything is built from ops and has no backward of its own. */
#ifndef AG_NETWORK_H
#define AG_NETWORK_H

#include "option.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Activations: nn.activations.NAME(x, {options}). Elsewhere an activation is an ag_function: a row with its values, or
 * somebody's callback. */
typedef struct ag_activation {
  const char *name, *alias, *help;
  ag_var *(*apply)(ag_var *x, const ag_value *o);
  const ag_option *option;
} ag_activation;

typedef struct ag_function {
  const ag_activation *activation;          /* NULL: call */
  ag_value value[4];
  ag_var *(*call)(void *user, ag_var *x);   /* of the caller's; NULL with an error recorded on failure */
  void *user;
} ag_function;

ag_var *ag_activate(const ag_function *f, ag_var *x);   /* f NULL: x itself (linear) */
const ag_activation *ag_activation_named(const char *name); /* NULL, without an error, for an unknown name */

/* Initializers: a tensor of shape and dtype, drawn from generator (NULL: the context's). */
typedef struct ag_initializer {
  const char *name, *class_name, *alias, *help;
  nn_tensor *(*make)(nn_generator *generator, nn_dtype dtype, nn_shape shape, const ag_value *o);
  const ag_option *option;
} ag_initializer;

/* Layers. A layer holds options and parameters and nothing of a step, so it may appear twice in a model. */
typedef struct ag_weight {                  /* a weight that a layer asks for when it is built */
  const char *name;                         /* "kernel": kernel_initializer, kernel_regularizer, ... belong to it */
  nn_shape shape;
  const char *initializer;                  /* where no such option is declared: a name, "zeros" */
  bool frozen;                              /* not trainable, such as moving means */
} ag_weight;

enum { AG_LAYER_WEIGHTS = 8 };

typedef struct ag_layer {
  const struct ag_layer_class *class_;
  const ag_value *option;                   /* in the order of the class's options */
  ag_var *weight[AG_LAYER_WEIGHTS];         /* as build asked for them; NULL where one is absent */
} ag_layer;

/* How a layer is called. logits: leave out the activation at the end, of a layer whose class has one. */
typedef struct ag_mode { bool training, logits; } ag_mode;

typedef struct ag_layer_class {
  const char *name, *help;                  /* "Dense" */
  /* The weights wanted for an input of this shape (batch included; its size does not matter) into weights; their
   * number, or -1 with an error. NULL: none. */
  int (*build)(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]);
  ag_var *(*call)(const ag_layer *layer, ag_var *x, ag_mode mode);
  int (*activation)(const ag_layer *layer); /* index of the option with the activation at its end; NULL, -1: none */
  int min_rank;                             /* of the input, batch included; 0: any */
  const ag_option *option;                 /* the natural (positional) arguments first */
  int positional;                           /* how many of them are natural arguments */
} ag_layer_class;

/* The class's build and call, with what is common to all: the rank of the input checked, temporaries let go of. */
int ag_layer_build(const ag_layer *layer, const nn_shape *input, ag_weight weights[AG_LAYER_WEIGHTS]);
ag_var *ag_layer_call(const ag_layer *layer, ag_var *x, ag_mode mode);

/* Losses: a value per sample, then weights and the reduction, common to all. */
typedef struct ag_loss {
  const char *name, *class_name, *alias, *help;
  ag_var *(*per_sample)(ag_var *y_true, ag_var *y_pred, const ag_value *o);
  const char *behind;                       /* "sigmoid", "softmax": from_logits = true is the stable form behind it */
  /* 1 for each sample that counts, 0 for the others (ignore_class); NULL, or NULL without an error: all count. */
  ag_var *(*counted)(ag_var *y_true, ag_var *y_pred, const ag_value *o);
  bool sparse;                              /* y_true are labels: one rank less than y_pred (or a last size of 1) */
  const ag_option *option;                 /* without reduction and name, which all have */
} ag_loss;

/* Rank fixing of Keras ({N} and {N, 1} are the same), shape check, per-sample values. */
ag_var *ag_loss_values(const ag_loss *loss, const ag_value *o, ag_var *y_true, ag_var *y_pred);
/* Values times weight (a number's or a tensor's variable, or NULL), reduced: "sum_over_batch_size", "sum", "mean",
 * "mean_with_sample_weight" or "none". */
ag_var *ag_loss_reduce(ag_var *values, ag_var *weight, const char *reduction);
/* Both in one: what an object such as nn.losses.MeanSquaredError is called for. Samples that do not count are left out
 * of the means as well. */
ag_var *ag_loss_call(const ag_loss *loss, const ag_value *o, ag_var *y_true, ag_var *y_pred, ag_var *weight,
                     const char *reduction);

/* Optimizers. One call steps all parameters: clipping, weight decay, update, average, as KERAS orders them. */
typedef struct ag_optimizer {
  nn_object object;                         /* counted */
  const struct ag_optimizer_class *class_;
  ag_value *option;                         /* common options first, then the class's (a copy) */
  double learning_rate;                     /* in force for the next step */
  int64_t iterations;                       /* updates made */
  int64_t accumulated;                      /* batches in the gradient accumulators since the last update */
  int parameters, slots;                    /* known so far; state tensors for each */
  ag_var **parameter;                       /* retained, in order of first appearance */
  nn_tensor **slot;                         /* slots * parameters, retained: the class's, average, accumulator */
} ag_optimizer;

typedef struct ag_update {                  /* what one parameter's update sees; all contiguous, of one float dtype */
  nn_dtype dtype;
  int64_t n;
  void *w;
  const void *g;
  void *slot[4];
  double rate;                              /* the learning rate */
  int64_t t;                                /* iterations + 1 */
} ag_update;

typedef struct ag_optimizer_class {
  const char *name, *class_name, *help;     /* "adam", "Adam" */
  double learning_rate, weight_decay;       /* defaults where they are not the common ones; 0: they are */
  /* Of its own options only, in their order: */
  int (*slots)(const ag_value *o);          /* how many state tensors a parameter has, by the options; NULL: none */
  double (*initial)(const ag_value *o, int slot); /* what a state tensor starts with; NULL: 0 */
  void (*update)(const ag_update *u, const ag_value *o);
  const ag_option *option;
} ag_optimizer_class;

extern const ag_option ag_optimizer_options[];  /* learning_rate, weight_decay, clipnorm ...: what all have */
/* The i-th option (from 0) of a class: the common ones with the class's defaults, then its own; kind AG_OPTION_END
 * after the last. */
ag_option ag_optimizer_option(const ag_optimizer_class *class_, int i);
/* In the open scope. option: all values in that order; NULL: the defaults. */
ag_optimizer *ag_optimizer_new(const ag_optimizer_class *class_, const ag_value *option);
/* Makes the state for parameters that are new to it, without a step; false with an error, and then it knows no more. */
bool ag_optimizer_build(ag_optimizer *optimizer, int n, ag_var *const *parameters);
/* One step: grads[i] for parameters[i] (NULL grads: each parameter's own .grad, which is cleared). Parameters without a
 * gradient are left alone. False with an error, and then nothing was changed. */
bool ag_optimizer_step(ag_optimizer *optimizer, int n, ag_var *const *parameters, ag_var *const *grads);
/* With use_ema: the parameters take their averages, as at the end of fit. */
bool ag_optimizer_finish(ag_optimizer *optimizer);
int64_t ag_optimizer_state_count(const ag_optimizer *optimizer);   /* numbers held: for summary */

/* All rows of each kind; each list ends with a row whose name is NULL. */
extern const ag_activation ag_activations[];
extern const ag_initializer ag_initializers[];
extern const ag_layer_class *const ag_layers[];   /* ends with NULL: layers live in several files */
extern const ag_loss ag_losses[];
extern const ag_optimizer_class ag_optimizers[];

#ifdef __cplusplus
}
#endif
#endif
