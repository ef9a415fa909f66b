/* Initializers: tensors of a shape and dtype; the formula above each. fan_in and fan_out count the inputs and outputs
 * of one unit: shape (..., in, out), where the dimensions in front (a convolution's kernel) multiply both. */
#include <string.h>

#include "declare.h"

#define INITIALIZER(name)                                                                                     \
  static nn_tensor *name##_of(MAYBE_UNUSED nn_generator *generator, nn_dtype dtype, nn_shape shape,           \
                              MAYBE_UNUSED const ag_value *o)

/* The stddev of a normal distribution cut off at 2 stddev, as a part of what it was before. */
static const double truncated_stddev = 0.8796256610342398;

typedef struct fans { double in, out; } fans;

static fans fans_of(const nn_shape *shape) {
  if (shape->rank < 2) return shape->rank ? (fans){(double)shape->dim[0], (double)shape->dim[0]} : (fans){1, 1};
  double field = 1;
  for (int i = 0; i < shape->rank - 2; i++) field *= (double)shape->dim[i];
  return (fans){field * (double)shape->dim[shape->rank - 2], field * (double)shape->dim[shape->rank - 1]};
}

typedef enum distribution { UNIFORM, TRUNCATED, UNTRUNCATED } distribution;

/* Variance scale / max(1, fan): uniform within sqrt(3 variance), normal, or normal within 2 stddev. */
static nn_tensor *scaled(nn_generator *generator, nn_dtype dtype, nn_shape shape, distribution kind, double scale,
                         double fan) {
  const double variance = scale / fmax(1, fan), limit = sqrt(3 * variance);
  switch (kind) {
    case UNIFORM: return nn_uniform(generator, dtype, shape, -limit, limit);
    case TRUNCATED: return nn_truncated_normal(generator, dtype, shape, 0, sqrt(variance) / truncated_stddev);
    default: return nn_normal(generator, dtype, shape, 0, sqrt(variance));
  }
}

INITIALIZER(zeros)    { return nn_zeros(dtype, shape); }
INITIALIZER(ones)     { return nn_ones(dtype, shape); }
INITIALIZER(constant) { return nn_full(dtype, shape, o[0].number); }

/* gain on the diagonal, else 0 */
INITIALIZER(identity) {
  if (shape.rank != 2) return nn_fail("identity: a shape of rank 2 is expected; got %s", nn_shape_text(&shape).s);
  const int64_t rows = shape.dim[0], columns = shape.dim[1];
  nn_tensor *y = nn_zeros(NN_FLOAT64, shape);
  for (int64_t i = 0; y && i < rows && i < columns; i++) ((double *)y->data)[i * columns + i] = o[0].number;
  return y ? nn_cast(y, dtype) : NULL;
}

INITIALIZER(random_normal) { return nn_normal(generator, dtype, shape, o[0].number, o[1].number); }
INITIALIZER(truncated_normal) { return nn_truncated_normal(generator, dtype, shape, o[0].number, o[1].number); }
INITIALIZER(random_uniform) { return nn_uniform(generator, dtype, shape, o[0].number, o[1].number); }

INITIALIZER(variance_scaling) {
  const fans f = fans_of(&shape);
  const char *mode = o[1].text, *name = o[2].text;
  const double fan = !strcmp(mode, "fan_in") ? f.in : !strcmp(mode, "fan_out") ? f.out : (f.in + f.out) / 2;
  const distribution normal = !strcmp(name, "untruncated_normal") ? UNTRUNCATED : TRUNCATED;
  const distribution kind = !strcmp(name, "uniform") ? UNIFORM : normal;
  return scaled(generator, dtype, shape, kind, o[0].number, fan);
}

/* variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010), 2 / fan_in (He et al. 2015), 1 / fan_in (LeCun 1998) */
#define FAN_AVERAGE ((fans_of(&shape).in + fans_of(&shape).out) / 2)
#define FAN_IN fans_of(&shape).in
INITIALIZER(glorot_uniform) { return scaled(generator, dtype, shape, UNIFORM, 1, FAN_AVERAGE); }
INITIALIZER(glorot_normal)  { return scaled(generator, dtype, shape, TRUNCATED, 1, FAN_AVERAGE); }
INITIALIZER(he_uniform)     { return scaled(generator, dtype, shape, UNIFORM, 2, FAN_IN); }
INITIALIZER(he_normal)      { return scaled(generator, dtype, shape, TRUNCATED, 2, FAN_IN); }
INITIALIZER(lecun_uniform)  { return scaled(generator, dtype, shape, UNIFORM, 1, FAN_IN); }
INITIALIZER(lecun_normal)   { return scaled(generator, dtype, shape, TRUNCATED, 1, FAN_IN); }

/* Four running sums: an order fixed by n, and fast without leave to reorder. */
static double dot(const double *a, const double *b, int64_t n) {
  double sum[4] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int j = 0; j < 4; j++) sum[j] += a[i + j] * b[i + j];
  for (; i < n; i++) rest += a[i] * b[i];
  return sum[0] + sum[1] + (sum[2] + sum[3]) + rest;
}

/* Rows of q (k, n), k <= n, made orthonormal one after the other (Gram-Schmidt, each projection twice: Giraud et al.
 * 2005). That is Q of the QR decomposition of q's transpose in which R has a positive diagonal. */
static void orthonormalize(double *q, int64_t k, int64_t n) {
  for (int64_t i = 0; i < k; i++) {
    double *row = q + i * n;
    for (int pass = 0; pass < 2; pass++)
      for (int64_t j = 0; j < i; j++) {
        const double along = dot(row, q + j * n, n);
        for (int64_t c = 0; c < n; c++) row[c] -= along * q[j * n + c];
      }
    const double length = sqrt(dot(row, row, n)), scale = length > 0 ? 1 / length : 0;
    for (int64_t c = 0; c < n; c++) row[c] *= scale;
  }
}

/* gain Q with Q from the QR decomposition of a normal matrix, shape taken as (rows, columns of the last dimension):
 * rows or columns, whichever are fewer, are orthonormal (Saxe et al. 2014). */
INITIALIZER(orthogonal) {
  if (shape.rank < 2) return nn_fail("orthogonal: rank 2 or more is expected; got %s", nn_shape_text(&shape).s);
  const int64_t numel = nn_shape_numel("orthogonal", &shape, NN_FLOAT64), columns = shape.dim[shape.rank - 1];
  if (numel <= 0) return numel < 0 ? NULL : nn_zeros(dtype, shape);
  const int64_t rows = numel / columns, few = rows < columns ? rows : columns, many = rows < columns ? columns : rows;
  const size_t mark = nn_scope_open();
  nn_tensor *q = nn_normal(generator, NN_FLOAT64, NN_SHAPE(few, many), 0, 1);
  if (q) {
    orthonormalize(q->data, few, many);
    q = nn_cast(nn_mul(q, nn_number(o[0].number)), dtype);
    q = rows < columns ? q : nn_contiguous(nn_transpose(q, 1, 2));
  }
  return nn_scope_return(mark, nn_reshape(q, shape));
}

#define ROW(name_, class_, help_, ...) \
  {.name = #name_, .class_name = class_, .help = help_, .make = name_##_of, __VA_ARGS__}
#define GAIN OPTION(NUMBER, "gain", "factor", .value = 1)
#define SPREAD(help_) OPTION(NUMBER, "mean", "centre"), OPTION(NUMBER, "stddev", help_, .value = 0.05, AT_LEAST(0))

const ag_initializer ag_initializers[] = {
  ROW(zeros, "Zeros", "0 everywhere", .alias = "zero"),
  ROW(ones, "Ones", "1 everywhere", .alias = "one"),
  ROW(constant, "Constant", "one value everywhere", OPTIONS(OPTION(NUMBER, "value", "the value"))),
  ROW(identity, "Identity", "gain on the diagonal, else 0", OPTIONS(GAIN)),
  ROW(random_normal, "RandomNormal", "normal distribution", .alias = "normal", OPTIONS(SPREAD("standard deviation"))),
  ROW(truncated_normal, "TruncatedNormal", "normal distribution within 2 stddev of its mean",
      OPTIONS(SPREAD("standard deviation before the cut"))),
  ROW(random_uniform, "RandomUniform", "uniform distribution", .alias = "uniform",
      OPTIONS(OPTION(NUMBER, "minval", "lowest", .value = -0.05), OPTION(NUMBER, "maxval", "highest", .value = 0.05))),
  ROW(variance_scaling, "VarianceScaling", "variance scale / fan",
      OPTIONS(OPTION(NUMBER, "scale", "factor of the variance", .value = 1, AT_LEAST(0x1p-1022)),
              OPTION(CHOICE, "mode", "what the variance is divided by", .text = "fan_in",
                     .choices = "fan_in|fan_out|fan_avg"),
              OPTION(CHOICE, "distribution", "shape of the distribution", .text = "truncated_normal",
                     .choices = "truncated_normal|untruncated_normal|uniform"))),
  ROW(glorot_uniform, "GlorotUniform", "uniform within sqrt(6 / (fan_in + fan_out))"),
  ROW(glorot_normal, "GlorotNormal", "truncated normal of variance 2 / (fan_in + fan_out)"),
  ROW(he_uniform, "HeUniform", "uniform within sqrt(6 / fan_in)"),
  ROW(he_normal, "HeNormal", "truncated normal of variance 2 / fan_in"),
  ROW(lecun_uniform, "LecunUniform", "uniform within sqrt(3 / fan_in)"),
  ROW(lecun_normal, "LecunNormal", "truncated normal of variance 1 / fan_in"),
  ROW(orthogonal, "Orthogonal", "a random matrix with orthonormal rows or columns", OPTIONS(GAIN)),
  {.name = NULL},
};
