/* IDX files: 0, 0, a type code, the rank; each size as a big-endian u32; the elements, big-endian, row by row. Whether
 * gzip is around that is seen from the first bytes. One reader for files and memory: it hands out plain bytes, as many
 * as the header promised and never more, so a file cannot make the loader hold more than its header could justify. */
#include "files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "file.h"

enum {
  CHUNK = 32768,           /* of a file, read at once */
  PIECE = 1 << 20,         /* of the elements, between two looks for an interruption */
  DEFLATE_RATIO = 1032,    /* deflate codes at most 258 bytes in 2 bits */
};

typedef struct source {
  const char *call, *name; /* for messages */
  int file;                /* -1 when the bytes are in memory */
  size_t size;             /* of it all, as it is stored */
  const unsigned char *next; /* what has been read of it and not used yet */
  size_t left;
  bool gzip, ended, cut;   /* ended: the last gzip member is through; cut: it should have gone on */
  z_stream z;
  unsigned char chunk[CHUNK];
} source;

/* A row per type code: the bytes of an element in the file, and the dtype that holds all its values. */
typedef struct idx_type { unsigned char code, bytes; nn_dtype dtype; } idx_type;
static const idx_type types[] = {
  {0x08, 1, NN_UINT8}, {0x09, 1, NN_INT64},   {0x0B, 2, NN_INT64},
  {0x0C, 4, NN_INT64}, {0x0D, 4, NN_FLOAT32}, {0x0E, 8, NN_FLOAT64},
};

/* Afterwards something is left, or the source is at its end. False with an error when reading fails. */
static bool refill(source *s) {
  if (s->left || s->file < 0) return true;
  s->next = s->chunk;
  return nn_file_read(s->call, s->name, s->file, s->chunk, CHUNK, &s->left);
}

/* gzip files may be concatenated: after one member the next, or the end. */
static bool next_member(source *s) {
  if (!refill(s)) return false;
  s->ended = s->left == 0;
  if (s->ended) return true;
  if (*s->next != 0x1f || inflateReset(&s->z) != Z_OK)
    return nn_fail("%s: %s: other bytes follow the gzip data", s->call, s->name);
  return true;
}

/* As take. The checksum behind a member is only seen when more is asked for than the member holds. */
static bool take_inflated(source *s, void *out, size_t want, size_t *got) {
  s->z.next_out = out;
  s->z.avail_out = (uInt)want;
  while (s->z.avail_out && !s->ended) {
    if (!refill(s)) return false;
    if (!s->left) {
      s->ended = s->cut = true;
      break;
    }
    const uInt given = s->left < PIECE ? (uInt)s->left : PIECE;
    s->z.next_in = (Bytef *)s->next;     /* zlib's pointer is not const, but it only reads */
    s->z.avail_in = given;
    const int status = inflate(&s->z, Z_NO_FLUSH);
    s->next += given - s->z.avail_in;
    s->left -= given - s->z.avail_in;
    if (status == Z_MEM_ERROR) return nn_fail_memory(s->call, CHUNK);
    if (status != Z_OK && status != Z_STREAM_END)
      return nn_fail("%s: %s: damaged gzip data (%s)", s->call, s->name, s->z.msg ? s->z.msg : zError(status));
    if (status == Z_STREAM_END && !next_member(s)) return false;
  }
  *got = want - s->z.avail_out;
  return true;
}

/* want (<= PIECE) bytes of the content into out; got is less only at the end of the source. */
static bool take(source *s, void *out, size_t want, size_t *got) {
  if (s->gzip) return take_inflated(s, out, want, got);
  for (*got = 0; *got < want;) {
    if (!refill(s)) return false;
    if (!s->left) break;
    const size_t n = s->left < want - *got ? s->left : want - *got;
    memcpy((char *)out + *got, s->next, n);
    s->next += n;
    s->left -= n;
    *got += n;
  }
  return true;
}

/* The content's sizes as messages show them: "60000 x 28 x 28", with "x 4" behind for elements of 4 bytes. */
static nn_text product_text(const nn_shape *shape, int bytes) {
  nn_text text = {""};
  int n = 0;
  for (int i = 0; i < shape->rank; i++)
    n += snprintf(text.s + n, sizeof text.s - (size_t)n, i ? " x %lld" : "%lld", (long long)shape->dim[i]);
  if (bytes > 1 || !n) snprintf(text.s + n, sizeof text.s - (size_t)n, n ? " x %d" : "%d", bytes);
  return text;
}

/* The first four bytes: 0, 0, type code, rank. */
static const idx_type *read_type(source *s, int *rank) {
  unsigned char head[4];
  size_t got;
  if (!take(s, head, sizeof head, &got)) return NULL;
  if (got < sizeof head) return nn_fail("%s: %s: not an IDX file: it holds %zu bytes", s->call, s->name, got);
  if (head[0] || head[1])
    return nn_fail("%s: %s: not an IDX file: it starts with %02x %02x, not with 00 00", s->call, s->name, head[0],
                   head[1]);
  *rank = head[3];
  if (*rank > NN_MAX_RANK) return nn_fail("%s: %s: rank %d is above 8, the highest", s->call, s->name, *rank);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].code == head[2]) return &types[i];
  return nn_fail("%s: %s: type 0x%02x is none of IDX's (0x08, 0x09, 0x0b to 0x0e)", s->call, s->name, head[2]);
}

static bool read_shape(source *s, nn_shape *shape) {
  unsigned char sizes[4 * NN_MAX_RANK];
  const size_t want = 4 * (size_t)shape->rank;
  size_t got;
  if (!take(s, sizes, want, &got)) return false;
  if (got < want)
    return nn_fail("%s: %s: %zu bytes promised for the sizes of rank %d, %zu found", s->call, s->name, want,
                   shape->rank, got);
  for (int i = 0; i < shape->rank; i++) {
    const unsigned char *b = sizes + 4 * i;
    shape->dim[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
  }
  return true;
}

/* The bytes that the header promises, once the size of the source makes them credible: exact when it is plain. */
static bool promised(const source *s, const nn_shape *shape, int bytes, size_t *total) {
  bool empty = false;
  size_t product = (size_t)bytes;        /* of the sizes that are not 0; sticks to the largest on overflow */
  for (int i = 0; i < shape->rank; i++) {
    if (!shape->dim[i]) empty = true;
    else if (__builtin_mul_overflow(product, (size_t)shape->dim[i], &product)) product = SIZE_MAX;
  }
  *total = empty ? 0 : product;
  size_t most = s->size - 4 - 4 * (size_t)shape->rank;
  if (s->gzip && __builtin_mul_overflow(s->size, (size_t)DEFLATE_RATIO, &most)) most = SIZE_MAX;
  if (s->gzip ? *total <= most : *total == most) return true;
  const nn_text text = product_text(shape, bytes);
  if (s->gzip)
    return nn_fail("%s: %s: %s bytes promised, more than %zu bytes of gzip can hold", s->call, s->name, text.s,
                   s->size);
  return nn_fail("%s: %s: %s bytes promised, %zu found", s->call, s->name, text.s, most);
}

/* n big-endian elements from raw into y from element first on; integers are widened with their sign. */
static void unpack(nn_tensor *y, size_t first, const idx_type *type, const unsigned char *raw, size_t n) {
  const int bits = 8 * type->bytes;
  for (size_t i = first; i < first + n; i++) {
    uint64_t word = 0;
    for (int b = 0; b < type->bytes; b++) word = word << 8 | *raw++;
    const uint32_t half = (uint32_t)word;
    if (y->dtype == NN_FLOAT32) memcpy((float *)y->data + i, &half, sizeof half);
    else if (y->dtype == NN_FLOAT64) memcpy((double *)y->data + i, &word, sizeof word);
    else ((int64_t *)y->data)[i] = (int64_t)(word << (64 - bits)) >> (64 - bits);
  }
}

/* Exactly total bytes of content, and then its end: one byte more is asked for, which also makes gzip check itself.
 * Bytes go straight into the tensor, wider elements through raw. */
static bool read_elements(source *s, nn_tensor *y, const idx_type *type, size_t total) {
  unsigned char raw[8192], extra;
  const bool direct = type->dtype == NN_UINT8;
  size_t done = 0, got = 0, more = 0;
  for (; done < total; done += got) {
    const size_t piece = direct ? PIECE : sizeof raw, want = total - done < piece ? total - done : piece;
    if (nn_interrupted() || !take(s, direct ? (unsigned char *)y->data + done : raw, want, &got)) return false;
    if (!direct) unpack(y, done / type->bytes, type, raw, got / type->bytes);
    if (got < want) break;
  }
  if (done == total && !take(s, &extra, 1, &more)) return false;
  if (done == total && !more && !s->cut) return true;
  const nn_text text = product_text(&y->shape, type->bytes);
  if (more) return nn_fail("%s: %s: %s bytes promised, more found", s->call, s->name, text.s);
  return nn_fail("%s: %s: %s bytes promised, %zu found%s", s->call, s->name, text.s, done < total ? done + got : total,
                 s->cut ? ", where the gzip data is cut off" : "");
}

static nn_tensor *read_tensor(source *s) {
  nn_shape shape = {0};
  size_t total;
  const idx_type *type = read_type(s, &shape.rank);
  if (!type || !read_shape(s, &shape) || !promised(s, &shape, type->bytes, &total)) return NULL;
  nn_tensor *y = nn_empty(type->dtype, shape);
  return y && read_elements(s, y, type, total) ? y : NULL;
}

/* The content's first bytes say whether to inflate it; an IDX file starts with 00, gzip with 1f 8b. */
static nn_tensor *load(source *s) {
  if (!refill(s)) return NULL;
  s->gzip = s->left >= 2 && s->next[0] == 0x1f && s->next[1] == 0x8b;
  if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) return nn_fail_memory(s->call, CHUNK);
  const size_t mark = nn_scope_open();   /* a tensor that could not be filled goes at once */
  nn_tensor *y = read_tensor(s);
  if (s->gzip) inflateEnd(&s->z);
  return nn_scope_return(mark, y);
}

nn_tensor *nn_load_idx_bytes(const char *call, const char *name, const void *bytes, size_t size) {
  if (!call || !name || !bytes) return NULL;
  source s = {.call = call, .name = name, .file = -1, .size = size, .next = bytes, .left = size};
  return load(&s);
}

/* Only regular files: their size is known, which is what the header is held against. */
nn_tensor *nn_load_idx(const char *call, const char *path) {
  if (!call || !path) return NULL;
  source s = {.call = call, .name = path};
  s.file = nn_file_open(call, path, &s.size);
  if (s.file < 0) return NULL;
  nn_tensor *y = load(&s);
  close(s.file);
  return y;
}
