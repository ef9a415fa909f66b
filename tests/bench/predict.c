/* A network of 784-128-10 asked for one sample from C: its layers by nn.h, and a model of Lua's by nnlua.h. What is
 * measured begins at the application's own buffer and ends at the likeliest class.
 * Prints "name<TAB>threads<TAB>seconds" for each repeat. Usage: predict THREADS REPEATS [PATTERN] */
#include <lauxlib.h>
#include <nnlua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INPUTS = 784, HIDDEN = 128, CLASSES = 10, SAMPLES = 64, CALLS = 4000 };

static float samples[SAMPLES * INPUTS];
static int answers[CLASSES];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stop(const char *why) {
  fprintf(stderr, "predict: %s\n", why ? why : "no answer");
  exit(1);
}

/* Counts the likeliest class of one sample's probabilities, so that nothing is computed in vain. */
static void count(const nn_tensor *y) {
  if (!y || y->numel != CLASSES) stop(nn_error());
  const float *p = y->data;
  int best = 0;
  for (int i = 1; i < CLASSES; i++)
    if (p[i] > p[best]) best = i;
  answers[best]++;
}

/* nn.h: two layers of the class Dense */

typedef struct dense { ag_layer layer; ag_value option[16]; ag_function activation; } dense;

static const ag_layer_class *class_named(const char *name) {
  for (const ag_layer_class *const *c = ag_layers; *c; c++)
    if (!strcmp((*c)->name, name)) return *c;
  return NULL;
}

/* Its units, activation and weights, as a file with a model would give them; the variables belong to the open scope. */
static void dense_make(dense *d, int inputs, int units, const char *activation) {
  d->layer = (ag_layer){.class_ = class_named("Dense"), .option = d->option};
  if (!d->layer.class_) stop("no class Dense");
  ag_option_defaults(d->layer.class_->option, d->option);
  d->activation = (ag_function){.activation = ag_activation_named(activation)};
  ag_option_defaults(d->activation.activation->option, d->activation.value);
  d->option[0].integer = units;
  d->option[1].function = &d->activation;
  ag_weight weights[AG_LAYER_WEIGHTS];
  const nn_shape input = NN_SHAPE(1, inputs);
  const int n = ag_layer_build(&d->layer, &input, weights);
  if (n < 0) stop(nn_error());
  for (int i = 0; i < n; i++)
    d->layer.weight[i] = ag_constant(nn_normal(NULL, NN_FLOAT32, weights[i].shape, 0, 0.05));
}

static void ask_layers(void *user, float *sample) {
  const dense *net = user;
  const ag_mode mode = {.training = false, .logits = false};
  const size_t mark = nn_scope_open();
  ag_var *x = ag_constant(nn_wrap(NN_FLOAT32, NN_SHAPE(1, INPUTS), sample, NULL, NULL));
  const ag_var *y = ag_layer_call(&net[1].layer, ag_layer_call(&net[0].layer, x, mode), mode);
  count(y ? y->value : NULL);
  nn_scope_close(mark);
}

/* nnlua.h: the function `ask` of a script */

static const char script[] =
  "local model = nn.Sequential{nn.Dense(128, {activation = 'relu', input_shape = {784}}),"
  "                            nn.Dense(10, {activation = 'softmax'})}\n"
  "function ask(x) return nn.no_grad(model.call, model, x) end\n";

static void ask_script(void *user, float *sample) {
  lua_State *L = user;
  lua_getglobal(L, "ask");
  nnlua_wrap(L, NN_FLOAT32, NN_SHAPE(1, INPUTS), sample, NULL, NULL);
  if (lua_pcall(L, 1, 1, 0)) stop(lua_tostring(L, -1));
  count(nnlua_to_tensor(L, -1));
  lua_pop(L, 1);
}

static void measure(const char *name, void (*ask)(void *user, float *sample), void *user) {
  for (int i = 0; i < CALLS / 4; i++) ask(user, samples + i % SAMPLES * INPUTS);
  const double start = now();
  for (int i = 0; i < CALLS; i++) ask(user, samples + i % SAMPLES * INPUTS);
  printf("%s\t%d\t%.6g\n", name, nn_threads(), (now() - start) / CALLS);
}

int main(int argc, char **argv) {
  static const char by_layers[] = "predict 1 from C, nn.h", by_script[] = "predict 1 from C, nnlua.h";
  const char *pattern = argc > 3 ? argv[3] : "";
  const int repeats = argc > 2 ? atoi(argv[2]) : 5;
  nn_set_threads(argc > 1 ? atoi(argv[1]) : 1);
  for (int i = 0; i < SAMPLES * INPUTS; i++) samples[i] = (float)rand() / (float)RAND_MAX;

  nn_context *context = nn_context_new();
  nn_context_use(context);
  dense net[2];
  dense_make(&net[0], INPUTS, HIDDEN, "relu");
  dense_make(&net[1], HIDDEN, CLASSES, "softmax");
  for (int r = 0; r < repeats && strstr(by_layers, pattern); r++) measure(by_layers, ask_layers, net);
  nn_context_free(context);

  lua_State *L = nnlua_open(NULL);
  if (!L || !nnlua_run(L, "=predict", script, sizeof script - 1)) stop(L ? lua_tostring(L, -1) : "no interpreter");
  for (int r = 0; r < repeats && strstr(by_script, pattern); r++) measure(by_script, ask_script, L);
  nnlua_close(L);
}
