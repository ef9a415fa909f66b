/* Matrix products. Every call becomes one product: C = A B (+ bias), or a batch of them, with A and B as matrices of
 * any strides. It is cut into tiles by its shape only, and the tiles are shared over the thread pool; on one thread the
 * same tiles are worked through in turn, so the bits never depend on the number of threads. */
#include "matmul.h"

#include <limits.h>
#include <string.h>

#include "blas.h"
#include "parts.h"

/* A tile has at most this many multiply-adds (2 MFLOP): what is smaller is not worth a second thread, and it is up to
 * where OpenBLAS's AVX-512 kernels take the operands as they lie instead of packing them (10 to 20 % faster). */
enum { TILE_WORK = 1000000, TILE_COLUMNS = 64, TILE_ROWS = 128, ROW_STEP = 16 };
enum { SMALL_WORK = 256, NARROW_WORK = 64, NARROW = 4 }; /* up to here our own loops beat a call of BLAS */

typedef struct small_product { int64_t m, n, k, a_row, a_column, b_row, b_column; } small_product;
#define T float
#define SMALL(name) small_float32_##name
#include "small_product_template.h"
#define T double
#define SMALL(name) small_float64_##name
#include "small_product_template.h"

typedef struct matrix { const void *data; int64_t rows, columns, row, column; } matrix; /* strides in elements */

/* The front dimensions of a batch, and the operands' strides along them. */
typedef struct fronts { int rank; int64_t dim[NN_MAX_RANK], a[NN_MAX_RANK], b[NN_MAX_RANK]; } fronts;

typedef struct product {
  const char *call;
  const nn_blas_library *blas;             /* NULL where our own loops do the work */
  nn_dtype dtype;
  bool small;                              /* for our own loops */
  int64_t size;                            /* of an element */
  int64_t m, n, k;
  double work;                             /* m n k */
  matrix a, b;
  const void *bias;                        /* n contiguous elements, or NULL */
  void *c;                                 /* row-major */
  const fronts *fronts;                    /* NULL: one matrix */
  int64_t batch;                           /* how many */
  int64_t tile_rows, tile_columns, tiles_across, tiles, matrices; /* of a part: one tile, or several whole matrices */
} product;

const char *nn_blas_name(void) {
  const nn_blas_library *blas = nn_blas("matmul");
  return blas ? blas->name : NULL;
}

/* A matrix as BLAS wants it: one stride is 1 and the other, the leading dimension, not less than a line's length. */
static bool blas_form(const matrix *x, CBLAS_TRANSPOSE *transposed, int *leading) {
  int64_t stride;
  if ((x->column == 1 || x->columns <= 1) && (x->row >= x->columns || x->rows <= 1)) {
    *transposed = CblasNoTrans;
    stride = x->rows <= 1 ? x->columns : x->row;
  } else if ((x->row == 1 || x->rows <= 1) && (x->column >= x->rows || x->columns <= 1)) {
    *transposed = CblasTrans;
    stride = x->columns <= 1 ? x->rows : x->column;
  } else return false;
  *leading = (int)stride;
  return stride <= INT_MAX;
}

static matrix part_of(const matrix *x, int64_t size, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const void *data = (const char *)x->data + (row * x->row + column * x->column) * size;
  return (matrix){data, rows, columns, x->row, x->column};
}

/* One tile. */

/* y = op(M) v (+ y): a product with one row or one column */
static void multiply_vector(const product *p, const matrix *a, const matrix *b, void *c) {
  const bool row = a->rows == 1;           /* (1, k) (k, n): M = B, transposed */
  const matrix *m = row ? b : a;
  const int step = p->k < 2 ? 1 : (int)(row ? a->column : b->row), result_step = row ? 1 : (int)p->n;
  CBLAS_TRANSPOSE t = CblasNoTrans;
  int leading = 1;
  blas_form(m, &t, &leading);
  const int stored_rows = (int)(t == CblasNoTrans ? m->rows : m->columns);
  const int stored_columns = (int)(t == CblasNoTrans ? m->columns : m->rows);
  const CBLAS_TRANSPOSE op = (t == CblasTrans) != row ? CblasTrans : CblasNoTrans;
  const void *v = row ? a->data : b->data;
  const double beta = p->bias ? 1 : 0;
  if (p->dtype == NN_FLOAT32)
    p->blas->sgemv(CblasRowMajor, op, stored_rows, stored_columns, 1, m->data, leading, v, step, (float)beta, c,
                   result_step);
  else
    p->blas->dgemv(CblasRowMajor, op, stored_rows, stored_columns, 1, m->data, leading, v, step, beta, c,
                   result_step);
}

static void multiply_matrices(const product *p, const matrix *a, const matrix *b, void *c) {
  CBLAS_TRANSPOSE ta = CblasNoTrans, tb = CblasNoTrans;
  int lda = 1, ldb = 1;
  blas_form(a, &ta, &lda);
  blas_form(b, &tb, &ldb);
  const int m = (int)a->rows, n = (int)b->columns, k = (int)a->columns, ldc = (int)p->n;
  const double beta = p->bias ? 1 : 0;
  if (p->dtype == NN_FLOAT32)
    p->blas->sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a->data, lda, b->data, ldb, (float)beta, c, ldc);
  else
    p->blas->dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a->data, lda, b->data, ldb, beta, c, ldc);
}

/* Sums of int64, modulo 2^64, row by row of B */
static void multiply_integers(const product *p, const matrix *a, const matrix *b, void *c) {
  const uint64_t *left = a->data, *right = b->data;
  uint64_t *y = c;
  for (int64_t i = 0; i < a->rows; i++, y += p->n) {
    if (!p->bias) memset(y, 0, (size_t)b->columns * sizeof *y);
    for (int64_t l = 0; l < a->columns; l++) {
      const uint64_t x = left[i * a->row + l * a->column];
      for (int64_t j = 0; j < b->columns; j++) y[j] += x * right[l * b->row + j * b->column];
    }
  }
}

static void multiply(const product *p, const matrix *a, const matrix *b, char *c, int64_t column) {
  const char *bias = p->bias;
  for (int64_t i = 0; bias && i < a->rows; i++)
    memcpy(c + i * p->n * p->size, bias + column * p->size, (size_t)(b->columns * p->size));
  if (p->dtype == NN_INT64) multiply_integers(p, a, b, c);
  else if (a->rows == 1 || b->columns == 1) multiply_vector(p, a, b, c);
  else multiply_matrices(p, a, b, c);
}

/* Cutting. */

/* length as equal pieces of at most `most`, each a multiple of step */
static int64_t even_piece(int64_t length, int64_t most, int64_t step) {
  const int64_t n = nn_pieces(length, most);
  return nn_pieces(nn_pieces(length, n), step) * step;
}

/* Tiles that fit the kernels without packing, while k leaves a tile of 16 x 64; else 2, 4 or 8 strips of the longer
 * side, as packing is then the price of each cut. */
static void cut(product *p) {
  p->tile_rows = p->m;
  p->tile_columns = p->n;
  if (p->work > TILE_WORK && p->blas && p->blas->direct && p->k * ROW_STEP * TILE_COLUMNS <= TILE_WORK) {
    p->tile_columns = even_piece(p->n, TILE_COLUMNS, ROW_STEP);
    const int64_t fit = TILE_WORK / (p->k * p->tile_columns) / ROW_STEP * ROW_STEP;
    p->tile_rows = even_piece(p->m, nn_least(fit, TILE_ROWS), ROW_STEP);
  } else if (p->work > TILE_WORK) {
    const int strips = p->work < 16.0 * TILE_WORK ? 2 : p->work < 64.0 * TILE_WORK ? 4 : 8;
    if (p->m >= p->n) p->tile_rows = even_piece(p->m, nn_pieces(p->m, strips), ROW_STEP);
    else p->tile_columns = even_piece(p->n, nn_pieces(p->n, strips), ROW_STEP);
  }
  p->tiles_across = nn_pieces(p->n, p->tile_columns);
  p->tiles = p->tiles_across * nn_pieces(p->m, p->tile_rows);
  p->matrices = p->batch > 1 && p->work < TILE_WORK ? (int64_t)(TILE_WORK / p->work) : 1;
}

/* A and B of one matrix of the batch */
static void operands(const product *p, int64_t index, matrix *a, matrix *b) {
  *a = p->a;
  *b = p->b;
  for (int d = p->fronts ? p->fronts->rank - 1 : -1; d >= 0; d--) {
    const int64_t at = index % p->fronts->dim[d];
    index /= p->fronts->dim[d];
    a->data = (const char *)a->data + at * p->fronts->a[d] * p->size;
    b->data = (const char *)b->data + at * p->fronts->b[d] * p->size;
  }
}

static void work_small(const product *p, const matrix *a, const matrix *b, void *c) {
  const small_product s = {p->m, p->n, p->k, a->row, a->column, b->row, b->column};
  if (p->dtype == NN_FLOAT32) small_float32_product(s, a->data, b->data, p->bias, c);
  else small_float64_product(s, a->data, b->data, p->bias, c);
}

static void work_tile(const product *p, int64_t index, int64_t tile) {
  matrix a, b;
  operands(p, index, &a, &b);
  char *c = (char *)p->c + index * p->m * p->n * p->size;
  if (p->small) {
    work_small(p, &a, &b, c);
    return;
  }
  const int64_t row = tile / p->tiles_across * p->tile_rows, column = tile % p->tiles_across * p->tile_columns;
  const int64_t rows = nn_least(p->tile_rows, p->m - row), columns = nn_least(p->tile_columns, p->n - column);
  const matrix x = part_of(&a, p->size, row, rows, 0, p->k), y = part_of(&b, p->size, 0, p->k, column, columns);
  multiply(p, &x, &y, c + (row * p->n + column) * p->size, column);
}

static void work_part(void *user, int part) {
  const product *p = user;
  const int64_t first = p->tiles > 1 ? part / p->tiles : part * p->matrices;
  const int64_t last = nn_least(first + (p->tiles > 1 ? 1 : p->matrices), p->batch);
  for (int64_t i = first; i < last; i++) work_tile(p, i, p->tiles > 1 ? part % p->tiles : 0);
}

/* k = 0: each sum is empty, or the bias alone. */
static void work_empty(const product *p) {
  const size_t row = (size_t)(p->n * p->size);
  char *c = p->c;
  for (int64_t i = 0; i < p->batch * p->m; i++, c += row) {
    if (p->bias) memcpy(c, p->bias, row);
    else memset(c, 0, row);
  }
}

static nn_tensor *run(product *p, nn_shape shape) {
  nn_tensor *c = nn_empty(p->dtype, shape);
  if (!c || !c->numel) return c;
  p->c = c->data;
  p->work = (double)p->m * (double)p->n * (double)p->k;
  p->small = p->dtype != NN_INT64 && p->work <= (p->n < NARROW ? NARROW_WORK : SMALL_WORK);
  if (!p->k || (p->small && !p->fronts)) {
    if (!p->k) work_empty(p);
    else work_small(p, &p->a, &p->b, p->c);
    return c;
  }
  if (!p->small && p->dtype != NN_INT64 && !(p->blas = nn_blas(p->call))) return NULL;
  cut(p);
  const int64_t parts = p->tiles > 1 ? p->batch * p->tiles : nn_pieces(p->batch, p->matrices);
  if (parts > INT_MAX || p->m > INT_MAX)
    return nn_fail("%s: a product of %lld x %lld x %lld is too large", p->call, (long long)p->m, (long long)p->k,
                   (long long)p->n);
  nn_parallel((int)parts, work_part, p);
  return c;
}

/* From tensors to a product. */

/* The last two dimensions; rank 1 is a row on the left, a column on the right. */
static matrix matrix_of(const nn_tensor *x, bool left) {
  const int r = x->shape.rank;
  if (r == 1 && left) return (matrix){x->data, 1, x->shape.dim[0], x->shape.dim[0], x->stride[0]};
  if (r == 1) return (matrix){x->data, x->shape.dim[0], 1, x->stride[0], 1};
  return (matrix){x->data, x->shape.dim[r - 2], x->shape.dim[r - 1], x->stride[r - 2], x->stride[r - 1]};
}

static matrix transpose(matrix x) { return (matrix){x.data, x.columns, x.rows, x.column, x.row}; }

/* x in the product's dtype, copied if its strides do not suit BLAS; not before its sizes are found to */
static nn_tensor *usable(const char *call, nn_tensor *x, nn_dtype dtype) {
  const matrix size = matrix_of(x, true);
  if (size.rows > INT_MAX || size.columns > INT_MAX)
    return nn_fail("%s: a size of %s exceeds %d", call, nn_shape_text(&x->shape).s, INT_MAX);
  if (x->dtype != dtype && !(x = nn_cast(x, dtype))) return NULL;
  if (x->contiguous || dtype == NN_INT64) return x;
  const matrix form = matrix_of(x, true);
  CBLAS_TRANSPOSE t;
  int leading;
  return blas_form(&form, &t, &leading) ? x : nn_contiguous(x);
}

/* floats as promoted, integers all in int64 */
static nn_dtype product_dtype(const nn_tensor *a, const nn_tensor *b) {
  const nn_dtype dtype = nn_promote(a, b);
  return nn_is_float(dtype) ? dtype : NN_INT64;
}

static product new_product(const char *call, nn_dtype dtype, matrix a, matrix b) {
  return (product){.call = call, .dtype = dtype, .size = (int64_t)nn_dtype_size(dtype), .m = a.rows, .n = b.columns,
                   .k = a.columns, .a = a, .b = b, .batch = 1};
}

static nn_shape front_of(const nn_tensor *x) {
  nn_shape front = x->shape;
  front.rank = front.rank > 2 ? front.rank - 2 : 0;
  return front;
}

/* Where x's front dimensions lie in the batch: stride 0 where it is broadcast. */
static void front_strides(const nn_tensor *x, const nn_shape *batch, int64_t stride[NN_MAX_RANK]) {
  const nn_shape front = front_of(x);
  for (int d = 0; d < batch->rank; d++) {
    const int at = d - (batch->rank - front.rank);
    stride[d] = at < 0 || front.dim[at] == 1 ? 0 : x->stride[at];
  }
}

/* A batch of rows against one matrix is one tall product. */
static bool flattens(const nn_tensor *a, const nn_tensor *b) {
  return a->shape.rank > 2 && b->shape.rank <= 2 && a->contiguous;
}

static nn_tensor *matmul_of(nn_tensor *a, nn_tensor *b, nn_shape batch, nn_dtype dtype) {
  if (!(a = usable("matmul", a, dtype)) || !(b = usable("matmul", b, dtype))) return NULL;
  product p = new_product("matmul", dtype, matrix_of(a, true), matrix_of(b, false));
  nn_shape shape = batch;
  if (a->shape.rank > 1) shape.dim[shape.rank++] = p.m;
  if (b->shape.rank > 1) shape.dim[shape.rank++] = p.n;
  if (flattens(a, b)) {
    for (int d = 0; d < batch.rank; d++) p.m *= batch.dim[d];
    p.a.rows = p.m;
    return run(&p, shape);
  }
  fronts f = {.rank = batch.rank};
  for (int d = 0; d < batch.rank; d++) p.batch *= f.dim[d] = batch.dim[d];
  front_strides(a, &batch, f.a);
  front_strides(b, &batch, f.b);
  if (batch.rank) p.fronts = &f;
  return run(&p, shape);
}

nn_tensor *nn_matmul(nn_tensor *a, nn_tensor *b) {
  if (!a || !b) return NULL;
  if (!a->shape.rank || !b->shape.rank)
    return nn_fail("matmul: expected rank 1 or more, got %s x %s", nn_shape_text(&a->shape).s,
                   nn_shape_text(&b->shape).s);
  if (matrix_of(a, true).columns != matrix_of(b, false).rows)
    return nn_fail("matmul: inner dimensions differ: %s x %s", nn_shape_text(&a->shape).s,
                   nn_shape_text(&b->shape).s);
  nn_shape batch, front_a = front_of(a), front_b = front_of(b);
  if (!nn_shape_broadcast("matmul", &front_a, &front_b, &batch)) return NULL;
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, matmul_of(a, b, batch, product_dtype(a, b)));
}

nn_tensor *nn_matmul_t(nn_tensor *a, bool a_transposed, nn_tensor *b, bool b_transposed) {
  if (!a || !b) return NULL;
  if (a->shape.rank != 2 || b->shape.rank != 2)
    return nn_fail("matmul: expected two of rank 2, got %s x %s", nn_shape_text(&a->shape).s,
                   nn_shape_text(&b->shape).s);
  const nn_dtype dtype = product_dtype(a, b);
  const size_t mark = nn_scope_open();
  a = usable("matmul", a, dtype);
  b = a ? usable("matmul", b, dtype) : NULL;
  if (!b) return nn_scope_return(mark, NULL);
  matrix x = matrix_of(a, true), y = matrix_of(b, false);
  if (a_transposed) x = transpose(x);
  if (b_transposed) y = transpose(y);
  if (x.columns != y.rows) {
    const nn_shape sx = NN_SHAPE(x.rows, x.columns), sy = NN_SHAPE(y.rows, y.columns);
    nn_fail("matmul: inner dimensions differ: %s x %s", nn_shape_text(&sx).s, nn_shape_text(&sy).s);
    return nn_scope_return(mark, NULL);
  }
  product p = new_product("matmul", dtype, x, y);
  return nn_scope_return(mark, run(&p, NN_SHAPE(x.rows, y.columns)));
}

static nn_tensor *linear_of(nn_tensor *x, nn_tensor *w, nn_tensor *b, nn_dtype dtype) {
  nn_shape shape = x->shape;
  if (shape.rank > 2 && !(x = nn_contiguous(x))) return NULL;
  if (!(x = usable("linear", x, dtype)) || !(w = usable("linear", w, dtype))) return NULL;
  if (b && (!(b = nn_cast(b, dtype)) || !(b = nn_contiguous(b)))) return NULL;
  product p = new_product("linear", dtype, matrix_of(x, true), matrix_of(w, false));
  for (int d = 0; d < shape.rank - 2; d++) p.m *= shape.dim[d];
  p.a.rows = p.m;
  p.bias = b ? b->data : NULL;
  shape.dim[shape.rank - 1] = p.n;
  return run(&p, shape);
}

nn_tensor *nn_linear(nn_tensor *x, nn_tensor *w, nn_tensor *b) {
  if (!x || !w) return NULL;
  const int r = x->shape.rank;
  if (w->shape.rank != 2) return nn_fail("linear: w must be {in, out}, got %s", nn_shape_text(&w->shape).s);
  if (!r || x->shape.dim[r - 1] != w->shape.dim[0])
    return nn_fail("linear: x %s does not fit w %s: expected {..., %lld}", nn_shape_text(&x->shape).s,
                   nn_shape_text(&w->shape).s, (long long)w->shape.dim[0]);
  if (b && (b->shape.rank != 1 || b->shape.dim[0] != w->shape.dim[1]))
    return nn_fail("linear: b %s does not fit w %s: expected {%lld}", nn_shape_text(&b->shape).s,
                   nn_shape_text(&w->shape).s, (long long)w->shape.dim[1]);
  nn_dtype dtype = product_dtype(x, w);
  if (b && b->dtype > dtype) dtype = b->dtype;
  const size_t mark = nn_scope_open();
  return nn_scope_return(mark, linear_of(x, w, b, dtype));
}
