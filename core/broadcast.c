/* Runs the kernels' loops, which know only chunks of gapless runs and of single values. An operand is taken
 *   as it is, where it is gapless and has the result's shape, or one value for all;
 *   run by run, where its rows are (a bias added to each row);
 *   else gathered block by block into a small buffer on the stack, and cast to the dtype on the way.
 * The same loops run in all cases, so that the bits do not depend on strides. */
#include "broadcast.h"

#include <string.h>

#include "parts.h"

/* Elements: of a block; of the longest period that is laid out; of the shortest row that is worth a pass of its own.
 * The buffers of three operands stay within 20 kB: in the first-level cache, and small on a worker's stack. */
enum { BLOCK = 512, PERIOD = 256, ROW = 32, PARTS_FROM = 3 };
enum { ACROSS_FROM = 4096 };

typedef struct source {
  const char *data;
  int64_t step;                          /* 1, or 0 for one value; of what is not walked */
  nn_pair value;                         /* room for that value in another dtype than its tensor's */
  size_t from_size;                      /* of an element in the tensor */
  bool walked;                           /* neither gapless nor one value */
  bool periodic;                         /* rows that are all the same short one */
  bool by_rows;                          /* the loop may run over its rows in place */
  nn_load_loop *load;
  int rank;                              /* of the walk: adjacent dimensions are joined where strides allow */
  int64_t dim[NN_MAX_RANK], stride[NN_MAX_RANK];
} source;

/* What is the same for every run: the loop, and the sizes of elements as it reads and writes them. */
typedef struct pass {
  nn_map_loop *loop;
  const nn_pair *pair;
  int operands, chunk;
  size_t y_size, size[NN_MAP_OPERANDS];
} pass;

typedef struct job {
  pass pass;
  char *y;
  int64_t n, part;
  bool by_rows;                          /* all operands are */
  source x[NN_MAP_OPERANDS];
} job;

/* A place in a walk: the index in each of its dimensions, and the offset in elements that they make. */
typedef struct cursor { int64_t index[NN_MAX_RANK], offset; } cursor;

/* The i-th element of the result, counted from 0. */
static cursor seek(const source *s, int64_t i) {
  cursor c = {{0}, 0};
  for (int d = s->rank - 1; d >= 0; d--) {
    c.index[d] = i % s->dim[d];
    i /= s->dim[d];
    c.offset += c.index[d] * s->stride[d];
  }
  return c;
}

/* One value as a chunk of copies. */
static void spread(void *chunk, const void *value, size_t size, int n) {
  uint32_t word;
  uint64_t wide;
  switch (size) {
    case 1: memset(chunk, *(const uint8_t *)value, (size_t)n); return;
    case 4:
      memcpy(&word, value, sizeof word);
      for (int i = 0; i < NN_CHUNK_OF(4); i++) ((uint32_t *)chunk)[i] = word;
      return;
    default:
      memcpy(&wide, value, sizeof wide);
      for (int i = 0; i < NN_CHUNK_OF(8); i++) ((uint64_t *)chunk)[i] = wide;
  }
}

/* The loop over n elements: whole chunks where they are, what is left in chunks on the stack, with zeros behind it. */
static void apply(const pass *p, int64_t n, char *y, const char *const from[], const int64_t step[]) {
  _Alignas(64) char room[NN_MAP_OPERANDS][NN_CHUNK_BYTES];
  const void *x[NN_MAP_OPERANDS];
  int64_t by[NN_MAP_OPERANDS];
  const int64_t chunks = n / p->chunk, whole = chunks * p->chunk;
  const size_t left = (size_t)(n - whole);
  for (int k = 0; k < p->operands; k++) {
    by[k] = step[k] * p->chunk;
    x[k] = step[k] ? from[k] : (spread(room[k], from[k], p->size[k], p->chunk), room[k]);
  }
  if (chunks) p->loop(chunks, y, x, by, p->pair);
  if (!left) return;
  _Alignas(64) char last[NN_CHUNK_BYTES];
  for (int k = 0; k < p->operands; k++) {
    if (!step[k]) continue;
    const size_t bytes = left * p->size[k];
    memcpy(room[k], from[k] + whole * (int64_t)p->size[k], bytes);
    memset(room[k] + bytes, 0, (size_t)p->chunk * p->size[k] - bytes);
    x[k] = room[k];
  }
  p->loop(1, last, x, by, p->pair);
  memcpy(y + whole * (int64_t)p->y_size, last, left * p->y_size);
}

/* n never goes beyond the end of the innermost dimension. */
static void advance(cursor *c, const source *s, int64_t n) {
  int d = s->rank - 1;
  c->index[d] += n;
  c->offset += n * s->stride[d];
  while (c->index[d] == s->dim[d]) {
    c->index[d] = 0;
    c->offset -= s->dim[d] * s->stride[d];
    if (--d < 0) return;
    c->index[d]++;
    c->offset += s->stride[d];
  }
}

static int64_t left_in_row(const source *s, const cursor *c) { return s->dim[s->rank - 1] - c->index[s->rank - 1]; }

/* Elements first .. end - 1: as far as every row reaches at a time. Without walked operands that is all at once. */
static void by_rows(const job *j, int64_t first, int64_t end) {
  const pass *p = &j->pass;
  const char *x[NN_MAP_OPERANDS];
  int64_t step[NN_MAP_OPERANDS], n;
  cursor at[NN_MAP_OPERANDS];
  for (int k = 0; k < p->operands; k++) {
    const source *s = &j->x[k];
    step[k] = s->walked ? s->stride[s->rank - 1] : s->step;
    if (s->walked) at[k] = seek(s, first);
  }
  for (int64_t i = first; i < end; i += n) {
    n = end - i;
    for (int k = 0; k < p->operands; k++) {
      const source *s = &j->x[k];
      x[k] = s->data + (s->walked ? at[k].offset : i * s->step) * (int64_t)p->size[k];
      if (s->walked) n = nn_least(n, left_in_row(s, &at[k]));
    }
    apply(p, n, j->y + i * (int64_t)p->y_size, x, step);
    for (int k = 0; k < p->operands; k++)
      if (j->x[k].walked) advance(&at[k], &j->x[k], n);
  }
}

/* n elements from the cursor on, cast, to y; the cursor moves on. */
static void gather(const source *s, cursor *c, char *y, size_t size, int64_t n) {
  for (int64_t done = 0, m; done < n; done += m) {
    m = nn_least(n - done, left_in_row(s, c));
    s->load(m, y + done * (int64_t)size, s->data + c->offset * (int64_t)s->from_size, s->stride[s->rank - 1]);
    advance(c, s, m);
  }
}

/* A periodic operand (a short bias) is laid out once, long enough that a block may begin anywhere in its period. */
static void by_blocks(const job *j, int64_t first, int64_t end) {
  double buffer[NN_MAP_OPERANDS][BLOCK + PERIOD];
  const pass *p = &j->pass;
  const char *x[NN_MAP_OPERANDS];
  int64_t step[NN_MAP_OPERANDS], n;
  cursor at[NN_MAP_OPERANDS];
  for (int k = 0; k < p->operands; k++) {
    const source *s = &j->x[k];
    step[k] = s->walked ? 1 : s->step;
    if (s->walked) at[k] = seek(s, s->periodic ? 0 : first);
    if (s->periodic) gather(s, &at[k], (char *)buffer[k], p->size[k], nn_least(BLOCK + s->dim[1], s->dim[0] * s->dim[1]));
  }
  for (int64_t i = first; i < end; i += n) {
    n = nn_least(end - i, BLOCK);
    for (int k = 0; k < p->operands; k++) {
      const source *s = &j->x[k];
      if (s->walked && !s->periodic) gather(s, &at[k], (char *)buffer[k], p->size[k], n);
      x[k] = !s->walked ? s->data + i * s->step * (int64_t)p->size[k]
                        : (char *)buffer[k] + (s->periodic ? i % s->dim[1] : 0) * (int64_t)p->size[k];
    }
    apply(p, n, j->y + i * (int64_t)p->y_size, x, step);
  }
}

static void run(const job *j, int64_t first, int64_t end) {
  if (j->by_rows) by_rows(j, first, end);
  else by_blocks(j, first, end);
}

/* Parts are cut by the number of elements alone, never by the number of threads. */
static void run_part(void *user, int part) {
  const job *j = user;
  run(j, part * j->part, nn_least(j->n, (part + 1) * j->part));
}

/* x broadcast to shape as a walk: dimensions of size 1 are dropped, those that lie behind each other joined. */
static void set_walk(source *s, const nn_tensor *x, const nn_shape *shape) {
  s->rank = 0;
  for (int d = 0; d < shape->rank; d++) {
    const int64_t size = shape->dim[d];
    const int own = d - (shape->rank - x->shape.rank), last = s->rank - 1;
    const int64_t stride = own >= 0 && x->shape.dim[own] != 1 ? x->stride[own] : 0;
    if (size == 1) continue;
    if (s->rank && s->stride[last] == size * stride) {
      s->dim[last] *= size;
      s->stride[last] = stride;
    } else {
      s->dim[s->rank] = size;
      s->stride[s->rank++] = stride;
    }
  }
}

/* How an operand is taken: see the top of the file. One value of another dtype is cast here, into s itself. */
static void set_source(source *s, const nn_tensor *x, nn_dtype dtype, const nn_tensor *y) {
  const bool same = x->dtype == dtype, one = x->numel == 1;
  s->data = x->data;
  s->from_size = nn_dtype_size(x->dtype);
  s->load = nn_map()->load[x->dtype][dtype];
  s->step = !one;
  s->walked = !one && !(same && x->contiguous && x->numel == y->numel);
  s->periodic = false;
  s->by_rows = true;
  if (one && !same) {
    s->load(1, &s->value, x->data, 1);
    s->data = (const char *)&s->value;
  }
  if (!s->walked) return;
  set_walk(s, x, &y->shape);
  const int inner = s->rank - 1;         /* there is one: x has more than one element */
  const bool plain = same && (s->stride[inner] == 0 || s->stride[inner] == 1);
  s->periodic = s->rank == 2 && s->stride[0] == 0 && s->dim[1] <= PERIOD;
  const bool ragged = s->dim[inner] % NN_CHUNK_OF(nn_dtype_size(dtype)) != 0;  /* each row has a remainder */
  s->by_rows = plain && (s->rank == 1 || (s->dim[inner] >= ROW && !(s->periodic && ragged)));
}

/* The dtype that an operand is read in. */
static nn_dtype read_as(const nn_map_call *call, int k) { return call->condition && k == 0 ? NN_UINT8 : call->dtype; }

static pass pass_of(const nn_map_call *call) {
  const size_t size = nn_dtype_size(call->dtype);
  return (pass){.loop = call->loops[call->dtype], .pair = &call->pair, .operands = call->operands,
                .chunk = NN_CHUNK_OF(size), .y_size = nn_dtype_size(call->result),
                .size = {call->condition ? nn_dtype_size(NN_UINT8) : size, size, size}};
}

/* The usual case without ceremony, which would cost as much as a small sum: every operand gapless or one value, in the
 * loop's dtype, and too little work for two threads. False when it is not so. */
static bool at_once(const nn_map_call *call, const pass *p, nn_tensor *y) {
  const char *x[NN_MAP_OPERANDS];
  int64_t step[NN_MAP_OPERANDS];
  if (y->numel >= PARTS_FROM * call->part) return false;
  for (int k = 0; k < call->operands; k++) {
    const nn_tensor *operand = call->x[k];
    step[k] = operand->numel != 1;
    if (operand->dtype != read_as(call, k) || (step[k] && !(operand->contiguous && operand->numel == y->numel)))
      return false;
    x[k] = operand->data;
  }
  apply(p, y->numel, y->data, x, step);
  return true;
}

void nn_map_into(const nn_map_call *call, nn_tensor *y) {
  if (!y->numel) return;
  const pass p = pass_of(call);
  if (at_once(call, &p, y)) return;
  job j;                                 /* not cleared: it is large, and most of it is for walks */
  j.pass = p;
  j.y = y->data;
  j.n = y->numel;
  j.part = call->part;
  j.by_rows = true;
  for (int k = 0; k < p.operands; k++) {
    set_source(&j.x[k], call->x[k], read_as(call, k), y);
    j.by_rows = j.by_rows && j.x[k].by_rows;
  }
  if (j.n < PARTS_FROM * j.part) run(&j, 0, j.n);
  else nn_parallel((int)nn_pieces(j.n, j.part), run_part, &j);
}

/* Is the result's shape that of the first operand, since all others are like it or of rank 0? */
static bool one_shape(const nn_map_call *call) {
  for (int k = 1; k < call->operands; k++) {
    const nn_shape *other = &call->x[k]->shape;
    if (other->rank && !nn_shape_equal(other, &call->x[0]->shape)) return false;
  }
  return true;
}

static nn_tensor *new_result(const nn_map_call *call) {
  /* the usual cases are spared the broadcast's arithmetic: it costs as much as a small sum */
  if (one_shape(call)) return nn_empty_like(call->result, call->x[0]);
  nn_shape shape = call->x[0]->shape;
  for (int k = 1; k < call->operands; k++) {
    const nn_shape *other = &call->x[k]->shape;
    const nn_shape so_far = shape;
    if (!nn_shape_broadcast(call->name, &so_far, other, &shape)) return NULL;
  }
  return nn_empty(call->result, shape);
}

/* A large operand whose elements lie across the memory's order: copied tile by tile first it is read in order. Element
 * by element that would take six times as long. */
static bool lies_across(const nn_tensor *x) {
  if (x->contiguous || x->numel < ACROSS_FROM) return false;
  int inner = x->shape.rank - 1;
  while (x->shape.dim[inner] == 1) inner--;
  return x->stride[inner] != 0 && x->stride[inner] != 1;
}

static nn_tensor *run_in_order(const nn_map_call *call) {
  nn_map_call ordered = *call;
  const size_t mark = nn_scope_open();
  for (int k = 0; k < call->operands; k++)
    if (lies_across(call->x[k])) ordered.x[k] = nn_contiguous(call->x[k]);
  return nn_scope_return(mark, nn_map_run(&ordered));
}

nn_tensor *nn_map_run(const nn_map_call *call) {
  bool across = false;
  for (int k = 0; k < call->operands; k++) {
    if (!call->x[k]) return NULL;
    across |= lies_across(call->x[k]);
  }
  if (across) return run_in_order(call);
  nn_tensor *y = new_result(call);
  if (y) nn_map_into(call, y);
  return y;
}
