/* Element-wise loops, compiled once for each instruction set: every formula of formulas.h for every dtype. A formula
 * becomes one inline function, so all loops over it (vectors, one operand a single value) give the same bits. */
#include "../kernels.h"

#include "vmath.h"

/* y[i] may overlay an operand's own element i, never another one's: safe to vectorise without a check. (Clang checks;
 * its pragma would complain of the loops that call libm.) */
#if defined(__clang__)
#define INDEPENDENT
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
#define EACH(n, statement) \
  INDEPENDENT for (int64_t i = 0; i < (n); i++) statement

/* Formulas that use no parameter leave p and q alone. */
#define UNUSED __attribute__((unused))
#define K(constant) ((T)(constant))

/* The formula as a function. D is the dtype's suffix, C the type that it is computed in, R that of the result. */
#define FUNCTION(name, D, C, R, formula) \
  NN_INLINE R name##_of_##D(C first, C second, C p UNUSED, C q UNUSED) { \
    typedef C T UNUSED; \
    const C x UNUSED = first, y UNUSED = second; \
    return (R)(formula); \
  }
#define DERIVATIVE(name, D, C, formula) \
  NN_INLINE C name##_of_##D(C g, C x, C p UNUSED, C q UNUSED) { \
    typedef C T UNUSED; \
    const C y UNUSED = x; \
    return formula; \
  }

/* S is the type in memory. A chunk is a known number of elements, so that the body is straight code of full vectors and
 * stands there once: no remainders, no loop of its own for each combination of runs and single values. */
#define LOOP(name, D) \
  static void name##_loop_##D(int64_t chunks, void *out, const void *const in[], const int64_t step[], const void *pq)
#define PARAMETERS(S) const S p = ((const S *)pq)[0], q = ((const S *)pq)[1]
#define UNARY_LOOP(name, D, S, R) \
  LOOP(name, D) { \
    PARAMETERS(S); \
    R *r = out; \
    const S *a = in[0]; \
    for (; chunks; chunks--, r += NN_CHUNK(S), a += step[0]) \
      EACH(NN_CHUNK(S), r[i] = name##_of_##D(a[i], 0, p, q)); \
  }
#define BINARY_LOOP(name, D, S, R) \
  LOOP(name, D) { \
    PARAMETERS(S); \
    R *r = out; \
    const S *a = in[0], *b = in[1]; \
    for (; chunks; chunks--, r += NN_CHUNK(S), a += step[0], b += step[1]) \
      EACH(NN_CHUNK(S), r[i] = name##_of_##D(a[i], b[i], p, q)); \
  }

/* g, x and y */
#define TERNARY_LOOP(name, D, S) \
  LOOP(name, D) { \
    (void)pq; \
    S *r = out; \
    const S *c = in[0], *a = in[1], *b = in[2]; \
    for (; chunks; chunks--, r += NN_CHUNK(S), c += step[0], a += step[1], b += step[2]) \
      EACH(NN_CHUNK(S), r[i] = name##_of_##D(c[i], a[i], b[i])); \
  }

/* A formula for one dtype: the function and the loop over it. */
#define UNARY(name, D, S, C, R, formula)  FUNCTION(name, D, C, R, formula) UNARY_LOOP(name, D, S, R)
#define BINARY(name, D, S, C, R, formula) FUNCTION(name, D, C, R, formula) BINARY_LOOP(name, D, S, R)
#define GRAD(name, D, S, formula)         DERIVATIVE(name, D, S, formula) BINARY_LOOP(name, D, S, S)

#define TERNARY(name, D, S, formula) \
  NN_INLINE S name##_of_##D(S g, S x, S y) { return formula; } \
  TERNARY_LOOP(name, D, S)

/* uint8 and int64 in a given integer type each, then the floats as themselves. */
#define FLOATS(KIND, name, formula) \
  KIND(name, f32, float, float, float, formula) \
  KIND(name, f64, double, double, double, formula)
#define ALL(KIND, u8_type, i64_type, name, formula) \
  KIND(name, u8, uint8_t, u8_type, uint8_t, formula) \
  KIND(name, i64, int64_t, i64_type, int64_t, formula) \
  FLOATS(KIND, name, formula)
#define TO_UINT8(KIND, name, formula) \
  KIND(name, u8, uint8_t, int, uint8_t, formula) \
  KIND(name, i64, int64_t, int64_t, uint8_t, formula) \
  KIND(name, f32, float, float, uint8_t, formula) \
  KIND(name, f64, double, double, uint8_t, formula)

/* What X stands for in each list of formulas.h: unsigned types wrap around, signed ones can be negative. */
#define WRAPPING_BINARY(name, formula) ALL(BINARY, unsigned, uint64_t, name, formula)
#define WRAPPING_UNARY(name, formula)  ALL(UNARY, unsigned, uint64_t, name, formula)
#define ORDERED_BINARY(name, formula)  ALL(BINARY, int, int64_t, name, formula)
#define ORDERED_UNARY(name, formula)   ALL(UNARY, int, int64_t, name, formula)
#define COMPARISON(name, formula)      TO_UINT8(BINARY, name, formula)
#define TEST(name, formula)            TO_UINT8(UNARY, name, formula)
#define FLOAT_BINARY(name, formula)    FLOATS(BINARY, name, formula)
#define FLOAT_UNARY(name, formula)     FLOATS(UNARY, name, formula)
#define FLOAT_GRAD(name, formula)      GRAD(name, f32, float, formula) GRAD(name, f64, double, formula)
#define FLOAT_TERNARY(name, formula)   TERNARY(name, f32, float, formula) TERNARY(name, f64, double, formula)

NN_WRAPPING_BINARY(WRAPPING_BINARY)
NN_POWER(WRAPPING_BINARY)
NN_NEGATION(WRAPPING_UNARY)
NN_WRAPPING_UNARY(WRAPPING_UNARY)
NN_ORDERED_BINARY(ORDERED_BINARY)
NN_ORDERED_UNARY(ORDERED_UNARY)
NN_BOUNDED(ORDERED_UNARY)
NN_COMPARISONS(COMPARISON)
NN_TESTS(TEST)
NN_QUOTIENT(FLOAT_BINARY)
NN_LOGITS(FLOAT_BINARY)
NN_LOGITS_GRAD(FLOAT_TERNARY)
NN_FLOAT_UNARY(FLOAT_UNARY)
NN_GRADS(FLOAT_GRAD)

/* y = condition ? a : b by size of element, with a mask of bits: a branch on a random condition is guessed wrong every
 * other time. */
#define WHERE(D, S) \
  LOOP(where, D) { \
    (void)pq; \
    S *r = out; \
    const uint8_t *c = in[0]; \
    const S *a = in[1], *b = in[2]; \
    for (; chunks; chunks--, r += NN_CHUNK(S), c += step[0], a += step[1], b += step[2]) \
      EACH(NN_CHUNK(S), r[i] = b[i] ^ ((a[i] ^ b[i]) & (S)-(S)(c[i] != 0))); \
  }
WHERE(u8, uint8_t)
WHERE(w32, uint32_t)
WHERE(w64, uint64_t)

/* Only towards what promotion gives: a float never becomes an integer here. */
#define LOAD(from, X, to, Y) \
  static void load_##from##_##to(int64_t n, void *out, const void *in, int64_t stride) { \
    Y *y = out; \
    const X *x = in; \
    if (stride == 1) EACH(n, y[i] = (Y)x[i]); \
    else EACH(n, y[i] = (Y)x[i * stride]); \
  }
#define LOADS_TO_FLOATS(from, X) LOAD(from, X, f32, float) LOAD(from, X, f64, double)
#define LOADS(from, X) LOAD(from, X, u8, uint8_t) LOAD(from, X, i64, int64_t) LOADS_TO_FLOATS(from, X)
LOADS(u8, uint8_t)
LOADS(i64, int64_t)
LOADS_TO_FLOATS(f32, float)
LOADS_TO_FLOATS(f64, double)

/* One row per formula, by dtype: uint8, int64, float32, float64. */
const nn_map_kernels NN_ISA_NAME(nn_map) = {
#define X(name, formula) .name = {name##_loop_u8, name##_loop_i64, name##_loop_f32, name##_loop_f64},
  NN_ANY_DTYPE(X)
#undef X
#define X(name, formula) .name = {NULL, NULL, name##_loop_f32, name##_loop_f64},
  NN_FLOATS_ONLY(X)
#undef X
  .where = {where_loop_u8, where_loop_w64, where_loop_w32, where_loop_w64},
  .load = {{load_u8_u8, load_u8_i64, load_u8_f32, load_u8_f64},
           {load_i64_u8, load_i64_i64, load_i64_f32, load_i64_f64},
           {NULL, NULL, load_f32_f32, load_f32_f64},
           {NULL, NULL, load_f64_f32, load_f64_f64}},
};
