/* Files that hold tensors. Loaders check every length against the file before they allocate; nothing in a file is run.
 * Files are written whole or not at all. Failures name call (the caller's word for it), path and reason:
 * "save: run/w.safetensors: No space left on device". Numbers are written and read alike in every locale. */
#ifndef NN_FILES_H
#define NN_FILES_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* IDX (LeCun's MNIST format), plain or gzip by content: u8 -> uint8, i32 and others -> the dtype that holds them.
 * Fails with the path and what is wrong: "load: data/x: 60000 x 28 x 28 bytes promised, 1000 found". */
nn_tensor *nn_load_idx(const char *call, const char *path);
nn_tensor *nn_load_idx_bytes(const char *call, const char *name, const void *bytes, size_t size);

/* safetensors: named tensors and texts. Names are UTF-8, each there once; what is not contiguous is copied. Tensors are
 * put by the size of their elements, else in the order given, and come back in the order of the file. At most 65536 of
 * either. */
typedef struct nn_named { const char *name; nn_tensor *tensor; } nn_named;
typedef struct nn_pair { const char *key, *value; } nn_pair;
typedef struct nn_archive {
  nn_object object;             /* counted */
  int64_t tensors, pairs;
  nn_named *tensor;             /* retained by it, as are the texts */
  nn_pair *pair;                /* metadata, in the order of the keys */
  char *text;                   /* where all the texts are */
  size_t text_bytes, tensor_bytes, pair_bytes;
} nn_archive;
bool nn_save_safetensors(const char *call, const char *path, int64_t tensors, const nn_named *tensor, int64_t pairs,
                         const nn_pair *pair);
nn_archive *nn_load_safetensors(const char *call, const char *path);

/* CSV (RFC 4180; lines may also end with LF or CR, empty ones are passed over) as numbers, float32 (rows, columns), and
 * columns of texts. A cell that is no number is an error that names line and column. */
enum { NN_CSV_NO_HEADER, NN_CSV_HEADER, NN_CSV_HEADER_UNLESS_NUMBERS };    /* the last: numbers there are an error */
/* name, or NULL: by its position */
typedef struct nn_csv_column { const char *name; int64_t position; bool text; } nn_csv_column;
typedef struct nn_csv_options {
  int header;
  char delimiter;
  bool all;                     /* numbers: all columns but those named as texts; else those named */
  int64_t columns;
  const nn_csv_column *column;  /* in the order wanted */
} nn_csv_options;
typedef struct nn_csv {
  nn_object object;             /* counted */
  nn_tensor *numbers;           /* (rows, columns); retained by it */
  int64_t rows, fields, texts;  /* fields: columns of the file */
  const char *names;            /* of the fields, each ended by 0; NULL without a header */
  const char *cells;            /* texts, row by row, each ended by 0 */
  size_t names_bytes, cells_bytes;
} nn_csv;
nn_csv *nn_load_csv(const char *path, const nn_csv_options *options);

/* Any bytes. */
bool nn_write_file(const char *call, const char *path, const void *bytes, size_t n);
bool nn_make_folders(const char *call, const char *path);    /* with those above it; what is there already is fine */

#ifdef __cplusplus
}
#endif
#endif
