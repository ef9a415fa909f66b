/* Read by vmath.h once for float and once for double, with T, FN and the constants defined; takes them away again.
 * A choice c ? a : b becomes a blend of two vectors: both sides are computed, so neither may be undefined. */

NN_INLINE BITS FN(bits)(T x) { BITS u; memcpy(&u, &x, sizeof u); return u; }
NN_INLINE T FN(from_bits)(BITS u) { T x; memcpy(&x, &u, sizeof x); return x; }
NN_INLINE int FN(is_nan)(T x) { return x != x; }
NN_INLINE T FN(nearest)(T x) { return (x + MAGIC) - MAGIC; }                                  /* |x| < 2^(MANTISSA-1) */
NN_INLINE T FN(power_of_2)(T k) { return FN(from_bits)((FN(bits)(k + MAGIC) + BIAS) << MANTISSA); } /* normal results */

/* x = k ln 2 + r + low with |r| <= ln 2 / 2 and low what rounding r lost; k is returned. */
NN_INLINE T FN(reduce)(T x, T *r, T *low) {
  T k = FN(nearest)(x * (T)M_LOG2E), hi = x - k * LN2_HI, lo = k * LN2_LO;
  *r = hi - lo;
  *low = (hi - *r) - lo;
  return k;
}

/* e^x = 2^k e^r; 2^k in two factors, since neither 2^-150 nor 2^128 is a float. */
NN_INLINE T FN(exp)(T x) {
  T r, low, k = FN(reduce)(CLAMP(x, BOUNDS.exp_low, BOUNDS.exp_high), &r, &low);
  T half = FN(nearest)(k * (T)0.5);
  return (1 + (r + (r * r * TAIL(r) + low))) * FN(power_of_2)(half) * FN(power_of_2)(k - half);
}

/* e^x - 1 = 2^k (e^r - 1) + (2^k - 1), computed with 2^(k-1) and doubled; -1 from -MANTISSA on. */
NN_INLINE T FN(expm1)(T x) {
  T r, low, k = FN(reduce)(CLAMP(x, BOUNDS.expm1_low, BOUNDS.exp_high), &r, &low);
  T m = r + (r * r * TAIL(r) + low), half = FN(power_of_2)(k - 1);
  T y = 2 * (half * m + (half - (T)0.5));
  return x == 0 ? x : k == 0 ? m : y;
}

/* x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for normal x > 0; f is returned. */
NN_INLINE T FN(split)(T x, T *k) {
  BITS one = (BITS)BIAS << MANTISSA, low = ((BITS)1 << MANTISSA) - 1, u = FN(bits)(x) + (one - SQRT_HALF);
  const T big = (T)((BITS)1 << MANTISSA);      /* an integer below it stands in the lowest bits of big + integer */
  *k = FN(from_bits)((u >> MANTISSA) | FN(bits)(big)) - (big + BIAS);
  return FN(from_bits)((u & low) + SQRT_HALF) - 1;
}

/* ln(2^k (1 + f)) + c (fdlibm): s = f / (2 + f), ln(1 + f) = f - f^2/2 + s (f^2/2 + SERIES(s^2)) */
NN_INLINE T FN(log_split)(T f, T k, T c) {
  T s = f / (2 + f), z = s * s, h = (T)0.5 * f * f;
  return s * (h + SERIES(z)) + (k * LN2_LO + c) - h + f + k * LN2_HI;
}

/* What a logarithm is at and beyond the ends: -inf at 0, NaN below, inf and NaN themselves. */
NN_INLINE T FN(log_ends)(T x, T y) {
  T inside = x < (T)INFINITY ? y : x;
  return x > 0 ? inside : x == 0 ? -(T)INFINITY : (T)NAN;
}

/* ln x; of a subnormal number, ln(2^(MANTISSA + 2) x) with the power taken off k again. */
NN_INLINE T FN(log)(T x) {
  const T up = (T)((BITS)1 << MANTISSA) * 4;
  int tiny = x < SMALLEST;
  T k, f = FN(split)(tiny ? x * up : x, &k);
  return FN(log_ends)(x, FN(log_split)(f, tiny ? k - (MANTISSA + 2) : k, 0));
}

/* ln(1 + x) for -1 < x < inf: ln(u) + c/u with u = 1 + x rounded and c what the rounding lost (Knuth's two-sum);
 * near 0, ln(1 + f) with f = x. */
NN_INLINE T FN(log1p_inside)(T x) {
  T u = 1 + x, part = u - 1, c = ((1 - (u - part)) + (x - part)) / u, k, f = FN(split)(u, &k);
  int near = (x > (T)-0.29) & (x < (T)0.41);
  return FN(log_split)(near ? x : f, near ? 0 : k, near ? 0 : c);
}

/* x itself at 0, whose sign it keeps. */
NN_INLINE T FN(log1p)(T x) { return x == 0 ? x : FN(log_ends)(1 + x, x < (T)INFINITY ? FN(log1p_inside)(x) : x); }

/* With t = e^(2a) - 1: tanh a = 1 - 2 / (t + 2); near 0, with t = e^(-2a) - 1: -t / (t + 2). */
NN_INLINE T FN(tanh)(T x) {
  T a = LIBM(fabs)(x);
  int far = a > (T)0.55;
  T t = FN(expm1)(far ? 2 * a : -2 * a), q = (far ? 2 : -t) / (t + 2);
  return LIBM(copysign)(far ? 1 - q : q, x);
}

/* 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) below: e^-|x| cannot overflow and small results keep their digits. */
NN_INLINE T FN(sigmoid)(T x) {
  T e = FN(exp)(-LIBM(fabs)(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/* max(x, 0) + ln(1 + e^-|x|): the exponential cannot overflow and is 1 at most. */
NN_INLINE T FN(softplus)(T x) { return (x > 0 ? x : 0) + FN(log1p_inside)(FN(exp)(-LIBM(fabs)(x))); }

/* s + x s (1 - s) v', s = sigmoid v: the slope of x sigmoid(v(x)). s (1 - s) = e / (1 + e)^2 loses no digits. */
NN_INLINE T FN(gate_slope)(T x, T v, T dv) {
  T e = FN(exp)(-LIBM(fabs)(v)), d = 1 + e;
  return (v < 0 ? e : 1) / d + x * (e / (d * d)) * dv;
}

NN_INLINE T FN(silu_slope)(T x) { return FN(gate_slope)(x, x, 1); }

/* With e = e^x and n = e (e + 2): tanh(softplus x) = n / (n + 2), which is 1 from x = 20 on. */
NN_INLINE T FN(mish)(T x) {
  T e = FN(exp)(x > BOUNDS.mish_one ? BOUNDS.mish_one : x), n = e * (e + 2);
  return x * (n / (n + 2));
}

/* (n + 4 x e (1 + e) / (n + 2)) / (n + 2); outside the bounds the slope is 0 and 1 */
NN_INLINE T FN(mish_slope)(T x) {
  T b = CLAMP(x, BOUNDS.exp_low, BOUNDS.mish_one), e = FN(exp)(b), n = e * (e + 2);
  return (n + 4 * b * e * (1 + e) / (n + 2)) / (n + 2);
}

/* Phi(x) + x phi(x): the normal distribution and its density */
NN_INLINE T FN(gelu_slope)(T x) {
  T phi = FN(exp)((T)-0.5 * x * x) * (T)0.39894228040143267794;
  return (T)0.5 * (1 + FN(erf)(x * (T)M_SQRT1_2)) + x * phi;
}

/* x/2 (1 + tanh u) = x sigmoid(2u), 2u = 2 sqrt(2/pi) (x + 0.044715 x^3) */
NN_INLINE T FN(gelu_tanh_2u)(T x) { return (T)1.5957691216057308 * (x + (T)0.044715 * x * x * x); }
NN_INLINE T FN(gelu_tanh)(T x) { return x * FN(sigmoid)(FN(gelu_tanh_2u)(x)); }

/* v = 2u; far out the slope is 0 or 1 and must not become 0 inf */
NN_INLINE T FN(gelu_tanh_slope)(T x) {
  T b = CLAMP(x, -BOUNDS.gelu_one, BOUNDS.gelu_one);
  return FN(gate_slope)(b, FN(gelu_tanh_2u)(b), (T)1.5957691216057308 * (1 + (T)(3 * 0.044715) * b * b));
}

/* e^x for x <= 0, as softmax needs it: one power of 2, and 0 below BOTTOM, where the result would hardly be normal. */
NN_INLINE T FN(exp_below)(T x) {
  T r, low, k = FN(reduce)(x, &r, &low), y = (1 + (r + (r * r * TAIL(r) + low))) * FN(power_of_2)(k);
  return x < BOTTOM ? 0 : y;
}

#undef T
#undef BITS
#undef FN
#undef LIBM
#undef MANTISSA
#undef BIAS
#undef MAGIC
#undef LN2_HI
#undef LN2_LO
#undef BOUNDS
#undef SMALLEST
#undef BOTTOM
#undef SQRT_HALF
#undef TAIL
#undef SERIES
