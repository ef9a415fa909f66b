/* safetensors: 8 bytes with the length of the header (little-endian); the header, a JSON object of
 *   "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}      and "__metadata__": {"key": "text"};
 * then the elements, little-endian, row by row, each tensor at its offsets counted from the header's end.
 *
 * A file is checked in this order, each step before anything is allocated that trusts it: 8 bytes are there; the header
 * is at most 100 MB and inside the file; it is UTF-8; strict JSON without duplicate keys; the tensors lie one behind
 * the other from 0 on without hole or overlap; each shape fits its bytes; the last tensor ends where the file does.
 * The header is parsed value by value, so that it never grows into a tree many times its size, and its texts stay where
 * they were in it. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic_file.h"
#include "file.h"
#include "files.h"
#include "memory.h"

enum {
  LENGTH = 8,                      /* of the header's length */
  HEADER_MOST = 100000000,
  ENTRY_MOST = 4096,               /* bytes of JSON that describe one tensor: some 300 are needed */
  NAMES_MOST = 1 << 16,            /* tensors, and texts: of 60 bytes in a file one can be, and take 700 in memory */
  ALIGNMENT = 8,                   /* of the data */
};

static const char metadata_key[] = "__metadata__";

/* A row per dtype: by size of element, the order in which tensors are written so that each is aligned. */
static const struct { const char *name; nn_dtype dtype; } types[] = {
  {"F64", NN_FLOAT64}, {"I64", NN_INT64}, {"F32", NN_FLOAT32}, {"U8", NN_UINT8},
};
enum { TYPES = sizeof types / sizeof *types };

/* Reading */

typedef struct entry {             /* what the header says of one tensor */
  char *name;
  nn_dtype dtype;
  nn_shape shape;
  uint64_t begin, end;             /* of its data */
  int64_t index;                   /* in the header */
} entry;

typedef struct reader {
  const char *call, *path;
  int file;
  char *header, *at, *stop;        /* at: what has not been parsed yet */
  uint64_t data;                   /* bytes behind the header */
  entry *entry;
  nn_pair *pair;
  int64_t entries, entry_room, pairs, pair_room;
} reader;

static void *wrong(const reader *r, const char *what) {
  return nn_fail("%s: %s: not a safetensors file: %s", r->call, r->path, what);
}

/* What is wrong with one tensor; names may be long. */
static void *wrong_tensor(const reader *r, const char *name, const char *what) {
  return nn_fail("%s: %s: tensor \"%.100s\": %s", r->call, r->path, name, what);
}

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static bool is_utf8(const unsigned char *s, const unsigned char *stop) {
  while (s < stop) {
    const unsigned char c = *s++;
    if (c < 0x80) continue;
    const int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || stop - s < more) return false;
    const unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (*s < low || *s > high) return false;
    for (int i = 1; i < more; i++)
      if ((s[i] & 0xc0) != 0x80) return false;
    s += more;
  }
  return true;
}

/* The next character that is not white space; 0 at the end. */
static char next_char(reader *r) {
  while (r->at < r->stop && strchr(" \t\r\n", *r->at) && *r->at) r->at++;
  return r->at < r->stop ? *r->at : '\0';
}

static bool take(reader *r, char c) {
  if (next_char(r) != c) return false;
  r->at++;
  return true;
}

/* The value at r->at, which is to be over after at most `most` bytes; NULL with an error. */
static json_t *next_value(reader *r, size_t most) {
  json_error_t error;
  const size_t left = (size_t)(r->stop - r->at);
  json_t *value = json_loadb(r->at, left < most ? left : most,
                             JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
  if (!value) return wrong(r, error.text);
  r->at += error.position;
  return value;
}

/* The text at r->at, unescaped in place: it never needs more room than it has with its quotes. */
static char *next_text(reader *r) {
  if (next_char(r) != '"') return wrong(r, "the header is not JSON as it should be: a string was expected");
  char *place = r->at;
  json_t *value = next_value(r, SIZE_MAX);
  if (!value) return NULL;
  memcpy(place, json_string_value(value), json_string_length(value) + 1);
  json_decref(value);
  return place;
}

static bool few_enough(const char *call, const char *path, int64_t n, const char *what) {
  return n <= NAMES_MOST || nn_fail("%s: %s: more than %d %s", call, path, NAMES_MOST, what);
}

/* Room for one more in an array that grows by doubling; list stays as it is without memory. */
static bool make_room(const reader *r, void **list, int64_t used, int64_t *room, size_t size, const char *what) {
  if (used < *room) return true;
  const int64_t more = *room ? 2 * *room : 8;
  if (!few_enough(r->call, r->path, more, what)) return false;
  void *larger = nn_block(r->call, (size_t)more * size);
  if (!larger) return false;
  if (*list) {
    memcpy(larger, *list, (size_t)used * size);
    nn_block_free(nn_context_current(), *list, (size_t)*room * size);
  }
  *list = larger;
  *room = more;
  return true;
}

static bool read_dtype(reader *r, entry *e, const json_t *value) {
  const char *name = json_string_value(value);
  if (!name) return wrong_tensor(r, e->name, "it has no dtype");
  for (int i = 0; i < TYPES; i++) {
    e->dtype = types[i].dtype;
    if (!strcmp(types[i].name, name)) return true;
  }
  return nn_fail("%s: %s: tensor \"%.100s\" is %.20s; there are F32, F64, I64 and U8", r->call, r->path, e->name, name);
}

static bool read_shape(reader *r, entry *e, const json_t *list) {
  const size_t rank = json_array_size(list);
  if (!json_is_array(list)) return wrong_tensor(r, e->name, "it has no shape");
  if (rank > NN_MAX_RANK) return wrong_tensor(r, e->name, "its rank is above 8, the highest");
  e->shape = (nn_shape){.rank = (int)rank};
  for (size_t i = 0; i < rank; i++) {
    const json_t *size = json_array_get(list, i);
    if (!json_is_integer(size) || json_integer_value(size) < 0)
      return wrong_tensor(r, e->name, "its shape is not of whole numbers from 0 on");
    e->shape.dim[i] = json_integer_value(size);
  }
  return true;
}

static bool read_offsets(reader *r, entry *e, const json_t *list) {
  const json_t *begin = json_array_get(list, 0), *end = json_array_get(list, 1);
  if (json_array_size(list) != 2 || !json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
      json_integer_value(end) < json_integer_value(begin))
    return wrong_tensor(r, e->name, "its data_offsets are not a begin and an end");
  e->begin = (uint64_t)json_integer_value(begin);
  e->end = (uint64_t)json_integer_value(end);
  return true;
}

static bool read_entry(reader *r, char *name) {
  if (!make_room(r, (void **)&r->entry, r->entries, &r->entry_room, sizeof *r->entry, "tensors")) return false;
  json_t *value = next_value(r, ENTRY_MOST);
  if (!value) return false;
  entry *e = &r->entry[r->entries];
  e->name = name;
  e->index = r->entries++;
  const bool ok = read_dtype(r, e, json_object_get(value, "dtype")) &&
                  read_shape(r, e, json_object_get(value, "shape")) &&
                  read_offsets(r, e, json_object_get(value, "data_offsets"));
  json_decref(value);
  return ok;
}

/* The members of an object, each by member(r, its name). */
static bool read_object(reader *r, bool (*member)(reader *r, char *name)) {
  if (!take(r, '{')) return wrong(r, "the header is not JSON as it should be: { was expected");
  if (take(r, '}')) return true;
  do {
    char *name = next_text(r);
    if (!name) return false;
    if (!take(r, ':')) return wrong(r, "the header is not JSON as it should be: : was expected");
    if (!member(r, name)) return false;
  } while (take(r, ','));
  return take(r, '}') || wrong(r, "the header is not JSON as it should be: } was expected");
}

static bool read_pair(reader *r, char *key) {
  if (!make_room(r, (void **)&r->pair, r->pairs, &r->pair_room, sizeof *r->pair, "texts")) return false;
  char *value = next_text(r);
  if (!value) return false;
  r->pair[r->pairs++] = (nn_pair){key, value};
  return true;
}

static bool read_member(reader *r, char *name) {
  if (strcmp(name, metadata_key)) return read_entry(r, name);
  if (r->pair) return wrong(r, "__metadata__ is there twice");
  if (!make_room(r, (void **)&r->pair, 0, &r->pair_room, sizeof *r->pair, "texts")) return false;
  return read_object(r, read_pair);
}

static int by_key(const void *a, const void *b) { return strcmp(((const nn_pair *)a)->key, ((const nn_pair *)b)->key); }
static int by_name(const void *a, const void *b) { return strcmp(((const entry *)a)->name, ((const entry *)b)->name); }

/* Ties, between tensors without elements, go by their place in the header. */
static int by_offset(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

static bool check_unique(reader *r) {
  if (r->pairs) qsort(r->pair, (size_t)r->pairs, sizeof *r->pair, by_key);
  for (int64_t i = 1; i < r->pairs; i++)
    if (!by_key(&r->pair[i - 1], &r->pair[i])) return wrong(r, "a key of __metadata__ is there twice");
  if (r->entries) qsort(r->entry, (size_t)r->entries, sizeof *r->entry, by_name);
  for (int64_t i = 1; i < r->entries; i++)
    if (!by_name(&r->entry[i - 1], &r->entry[i])) return wrong_tensor(r, r->entry[i].name, "it is there twice");
  return true;
}

/* The bytes of a shape; false when they overflow. */
static bool bytes_of(const entry *e, uint64_t *bytes) {
  *bytes = nn_dtype_size(e->dtype);
  for (int i = 0; i < e->shape.rank; i++)
    if (!e->shape.dim[i]) return (*bytes = 0, true);
  for (int i = 0; i < e->shape.rank; i++)
    if (__builtin_mul_overflow(*bytes, (uint64_t)e->shape.dim[i], bytes)) return false;
  return true;
}

/* In the order of the data from here on. */
static bool check_places(reader *r) {
  uint64_t end = 0, bytes;
  if (r->entries) qsort(r->entry, (size_t)r->entries, sizeof *r->entry, by_offset);
  for (int64_t i = 0; i < r->entries; end = r->entry[i++].end)
    if (r->entry[i].begin != end)
      return wrong_tensor(r, r->entry[i].name, r->entry[i].begin < end ? "its data overlaps another's"
                                                                        : "there is a hole before its data");
  for (int64_t i = 0; i < r->entries; i++) {
    const entry *e = &r->entry[i];
    if (!bytes_of(e, &bytes) || bytes != e->end - e->begin)
      return nn_fail("%s: %s: tensor \"%.100s\": %s of %s does not fill %" PRIu64 " bytes", r->call, r->path, e->name,
                     nn_shape_text(&e->shape).s, nn_dtype_name(e->dtype), e->end - e->begin);
  }
  if (end == r->data) return true;
  return nn_fail("%s: %s: %" PRIu64 " bytes of data promised, %" PRIu64 " found", r->call, r->path, end, r->data);
}

/* The header's text, ended by 0, as far as the file's size allows. */
static bool read_header(reader *r, size_t size) {
  unsigned char raw[LENGTH];
  uint64_t length = 0;
  size_t got;
  if (!nn_file_read(r->call, r->path, r->file, raw, LENGTH, &got)) return false;
  if (got < LENGTH || size < LENGTH)
    return nn_fail("%s: %s: not a safetensors file: it holds %zu bytes", r->call, r->path, got);
  for (int i = LENGTH; i-- > 0;) length = length << 8 | raw[i];
  if (length > HEADER_MOST || length > size - LENGTH)
    return nn_fail("%s: %s: not a safetensors file: a header of %" PRIu64 " bytes in %zu", r->call, r->path, length,
                   size);
  r->data = size - LENGTH - length;
  r->header = r->at = nn_block(r->call, (size_t)length + 1);
  if (!r->header || !nn_file_read(r->call, r->path, r->file, r->header, (size_t)length, &got)) return false;
  if (got < length) return wrong(r, "it became shorter while it was read");
  r->stop = r->header + length;
  *r->stop = '\0';
  return is_utf8((unsigned char *)r->header, (unsigned char *)r->stop) || wrong(r, "the header is not UTF-8");
}

static void drop_archive(nn_object *object) {
  nn_archive *a = (nn_archive *)object;
  for (int64_t i = 0; i < a->tensors; i++) nn_release(a->tensor[i].tensor);
  if (a->text) nn_block_free(object->context, a->text, a->text_bytes);
  if (a->tensor) nn_block_free(object->context, a->tensor, a->tensor_bytes);
  if (a->pair) nn_block_free(object->context, a->pair, a->pair_bytes);
}

/* The tensors' elements are what comes next in the file. */
static bool read_tensors(reader *r, nn_archive *a) {
  a->tensor_bytes = (size_t)r->entries * sizeof *a->tensor;
  if (r->entries && !(a->tensor = nn_block(r->call, a->tensor_bytes))) return false;
  for (int64_t i = 0; i < r->entries; i++) {
    const entry *e = &r->entry[i];
    const size_t mark = nn_scope_open(), bytes = (size_t)(e->end - e->begin);
    size_t got = 0;
    nn_tensor *y = nn_empty(e->dtype, e->shape);
    const bool ok = y && nn_file_read(r->call, r->path, r->file, y->data, bytes, &got);
    if (ok) a->tensor[a->tensors++] = (nn_named){e->name, nn_retain(y)};
    nn_scope_close(mark);
    if (!ok) return false;
    if (got < bytes) return wrong(r, "it became shorter while it was read");
  }
  return true;
}

/* The archive takes the texts and the metadata over. */
static nn_archive *make_archive(reader *r) {
  static const nn_type archive_type = {"archive", sizeof(nn_archive), drop_archive};
  nn_archive *a = nn_scope_own(nn_object_new(r->call, &archive_type, 0));
  if (!a) return NULL;
  a->text = r->header;
  a->text_bytes = (size_t)(r->stop - r->header) + 1;
  a->pair = r->pair;
  a->pairs = r->pairs;
  a->pair_bytes = (size_t)r->pair_room * sizeof *r->pair;
  r->header = NULL;
  r->pair = NULL;
  return read_tensors(r, a) ? a : NULL;
}

static bool parse_header(reader *r) {
  if (!read_object(r, read_member)) return false;
  return next_char(r) || r->at < r->stop ? wrong(r, "other bytes follow the header's JSON") != NULL
                                         : check_unique(r) && check_places(r);
}

nn_archive *nn_load_safetensors(const char *call, const char *path) {
  if (!path) return NULL;
  size_t size, header_bytes = 0;
  reader r = {.call = call, .path = path, .file = nn_file_open(call, path, &size)};
  if (r.file < 0) return NULL;
  const size_t mark = nn_scope_open();
  nn_context *context = nn_context_current();
  nn_archive *a = read_header(&r, size) && parse_header(&r) ? make_archive(&r) : NULL;
  header_bytes = size - LENGTH - r.data + 1;
  if (r.header) nn_block_free(context, r.header, header_bytes);
  if (r.pair) nn_block_free(context, r.pair, (size_t)r.pair_room * sizeof *r.pair);
  if (r.entry) nn_block_free(context, r.entry, (size_t)r.entry_room * sizeof *r.entry);
  close(r.file);
  return nn_scope_return(mark, a);
}

/* Writing */

static int type_of(const nn_tensor *x) {
  int i = 0;
  while (types[i].dtype != x->dtype) i++;
  return i;
}

static uint64_t tensor_bytes(const nn_tensor *x) { return (uint64_t)x->numel * nn_dtype_size(x->dtype); }

static json_t *shape_json(const nn_shape *shape) {
  json_t *list = json_array();
  for (int i = 0; i < shape->rank; i++) json_array_append_new(list, json_integer(shape->dim[i]));
  return list;
}

static bool is_text(const char *s) { return is_utf8((const unsigned char *)s, (const unsigned char *)s + strlen(s)); }

/* Adds value (taken over) under a name that is new. */
static bool add(const char *call, const char *path, json_t *object, const char *name, json_t *value) {
  const bool twice = json_object_get(object, name) != NULL, named = is_text(name);
  if (named && !twice && json_object_set_new(object, name, value) == 0) return true;
  if (!named || twice) json_decref(value);
  if (!named) return nn_fail("%s: %s: a name is not UTF-8", call, path);
  if (twice) return nn_fail("%s: %s: the name \"%.100s\" is there twice", call, path, name);
  return nn_fail_memory(call, strlen(name));
}

/* A name for each tensor, and its place: larger elements first, so that all are aligned. */
static bool add_tensors(const char *call, const char *path, json_t *root, int64_t n, const nn_named *tensor) {
  uint64_t begin = 0;
  for (int type = 0; type < TYPES; type++)
    for (int64_t i = 0; i < n; i++) {
      const nn_tensor *x = tensor[i].tensor;
      if (type_of(x) != type) continue;
      if (!strcmp(tensor[i].name, metadata_key))
        return nn_fail("%s: %s: no tensor may have the name %s", call, path, metadata_key);
      const uint64_t end = begin + tensor_bytes(x);
      json_t *value = json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[type].name, "shape", shape_json(&x->shape),
                                "data_offsets", (json_int_t)begin, (json_int_t)end);
      if (!add(call, path, root, tensor[i].name, value)) return false;
      begin = end;
    }
  return true;
}

/* The header as text of malloc's, or NULL with an error. */
static char *header_text(const char *call, const char *path, int64_t n, const nn_named *tensor, int64_t pairs,
                         const nn_pair *pair) {
  json_t *root = json_object(), *metadata = pairs ? json_object() : NULL;
  bool ok = true;
  for (int64_t i = 0; ok && i < pairs; i++) {
    ok = is_text(pair[i].value) || nn_fail("%s: %s: the text of \"%.100s\" is not UTF-8", call, path, pair[i].key);
    ok = ok && add(call, path, metadata, pair[i].key, json_string(pair[i].value));
  }
  if (metadata) ok = json_object_set_new(root, metadata_key, metadata) == 0 && ok;
  ok = ok && add_tensors(call, path, root, n, tensor);
  char *text = ok ? json_dumps(root, JSON_COMPACT) : NULL;
  json_decref(root);
  if (!text) nn_fail_memory(call, ALIGNMENT);
  return text;
}

static bool write_header(nn_atomic_file *f, const char *text) {
  static const char spaces[ALIGNMENT + 1] = "        ";
  const size_t n = strlen(text), padding = (ALIGNMENT - n % ALIGNMENT) % ALIGNMENT;
  if (n + padding > HEADER_MOST)
    return nn_fail("%s: %s: the names and texts take %zu bytes; at most %d fit", f->call, f->path, n, HEADER_MOST);
  unsigned char length[LENGTH];
  for (int i = 0; i < LENGTH; i++) length[i] = (unsigned char)((uint64_t)(n + padding) >> 8 * i);
  return nn_atomic_write(f, length, LENGTH) && nn_atomic_write(f, text, n) && nn_atomic_write(f, spaces, padding);
}

static bool write_tensor(nn_atomic_file *f, nn_tensor *x) {
  const size_t mark = nn_scope_open();
  x = nn_contiguous(x);
  const bool ok = x && (!x->numel || nn_atomic_write(f, x->data, (size_t)tensor_bytes(x)));
  nn_scope_close(mark);
  return ok;
}

bool nn_save_safetensors(const char *call, const char *path, int64_t tensors, const nn_named *tensor, int64_t pairs,
                         const nn_pair *pair) {
  if (!path) return false;
  for (int64_t i = 0; i < tensors; i++)
    if (!tensor[i].tensor) return false;
  if (!few_enough(call, path, tensors, "tensors") || !few_enough(call, path, pairs, "texts")) return false;
  char *text = header_text(call, path, tensors, tensor, pairs, pair);
  if (!text) return false;
  nn_atomic_file f;
  bool ok = nn_atomic_begin(&f, call, path) && write_header(&f, text);
  for (int type = 0; type < TYPES; type++)
    for (int64_t i = 0; ok && i < tensors; i++)
      if (type_of(tensor[i].tensor) == type) ok = write_tensor(&f, tensor[i].tensor);
  free(text);
  return nn_atomic_end(&f, ok);
}
