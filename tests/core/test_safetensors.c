/* safetensors, and writing whole or not at all: what is written comes back; for each way a file can be wrong the
 * sentence that says so; every call to the system and every allocation fails in turn; processes are killed as they
 * save. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "atomic_file.h"
#include "file.h"
#include "folder.h"

Suite *safetensors_suite(void);

static char temporary[96];

static void setup(void) {
  folder_open("x.safetensors");
  snprintf(temporary, sizeof temporary, "%s/.x.safetensors.tmp", folder);
}

static void teardown(void) {
  HOLDS_SO(access(temporary, F_OK) != 0, "a temporary file was left");
  folder_close();
}

/* A file of that header (padded or not, as it stands) and n bytes of data. */
static void write_parts(const char *header, const void *data, size_t n) {
  const uint64_t length = strlen(header);
  FILE *file = fopen(path, "wb");
  for (int i = 0; i < 8; i++) fputc((int)(length >> 8 * i & 255), file);
  fputs(header, file);
  fwrite(data, 1, n, file);
  fclose(file);
}

static size_t read_bytes(unsigned char *bytes, size_t most) {
  FILE *file = fopen(path, "rb");
  HOLDS_SO(file, "the file is gone");
  const size_t n = fread(bytes, 1, most, file);
  fclose(file);
  return n;
}

static const nn_archive *load(void) {
  const nn_archive *a = nn_load_safetensors("load", path);
  SUCCEEDS(a);
  return a;
}

static bool save(const char *name, nn_tensor *x) {
  return nn_save_safetensors("save", path, 1, &(nn_named){name, x}, 0, NULL);
}

START_TEST(comes_back) {
  double values[6] = {1, 2, 3, 4, 5, 250};
  nn_named list[NN_DTYPES + 4];
  nn_tensor *wide = tensor_of(NN_FLOAT32, NN_SHAPE(2, 3), values);
  for (int i = 0; i < NN_DTYPES; i++)
    list[i] = (nn_named){nn_dtype_name((nn_dtype)i), tensor_of((nn_dtype)i, NN_SHAPE(2, 3), values)};
  list[NN_DTYPES] = (nn_named){"rank 0", tensor_of(NN_FLOAT64, NN_SCALAR, values)};
  list[NN_DTYPES + 1] = (nn_named){"rank 8", nn_reshape(wide, NN_SHAPE(1, 1, 2, 1, 1, 3, 1, 1))};
  list[NN_DTYPES + 2] = (nn_named){"nothing/\xc3\xa9\n\"\\", nn_zeros(NN_INT64, NN_SHAPE(3, 0))};
  list[NN_DTYPES + 3] = (nn_named){"across", nn_transpose(wide, 1, 2)};
  const nn_pair pairs[] = {{"k", "v"}, {"json", "{\"a\": [1, \"\xe2\x82\xac\"]}"}, {"", ""}};
  SUCCEEDS(nn_save_safetensors("save", path, NN_DTYPES + 4, list, 3, pairs));
  const nn_archive *a = load();
  HOLDS_SO(a->tensors == NN_DTYPES + 4 && a->pairs == 3, "%d tensors, %d texts", (int)a->tensors, (int)a->pairs);
  for (int i = 0; i < NN_DTYPES + 4; i++) {
    int j = 0;
    while (strcmp(a->tensor[j].name, list[i].name)) HOLDS_SO(++j < a->tensors, "\"%s\" is missing", list[i].name);
    same_tensor(a->tensor[j].tensor, list[i].tensor, 0, 0, list[i].name);
    HOLDS_SO((uintptr_t)a->tensor[j].tensor->data % 64 == 0, "\"%s\" is not aligned", list[i].name);
  }
  for (int i = 0, order[] = {2, 1, 0}; i < 3; i++)
    HOLDS_SO(!strcmp(a->pair[i].key, pairs[order[i]].key) && !strcmp(a->pair[i].value, pairs[order[i]].value),
             "metadata %d is %s = %s", i, a->pair[i].key, a->pair[i].value);
}
END_TEST

/* The bytes themselves: what another program reads. */
START_TEST(bytes) {
  static const char header[] = "{\"__metadata__\":{\"k\":\"v\"},"
                               "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                               "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}";
  enum { LENGTH = (sizeof header - 1 + 7) / 8 * 8 };
  unsigned char expected[256] = {LENGTH, 0}, found[256];
  memset(expected + 8, ' ', LENGTH);
  memcpy(expected + 8, header, sizeof header - 1);
  memcpy(expected + 8 + LENGTH, "\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\x80\x3f\0\0\x20\xc0", 16);
  const nn_named list[] = {{"a", tensor_of(NN_FLOAT32, NN_SHAPE(2), (double[]){1, -2.5})},
                           {"b", tensor_of(NN_INT64, NN_SCALAR, (double[]){-2})}};
  SUCCEEDS(nn_save_safetensors("save", path, 2, list, 1, &(nn_pair){"k", "v"}));
  const size_t n = read_bytes(found, sizeof found);
  HOLDS_SO(n == 8 + LENGTH + 16, "%zu bytes", n);
  HOLDS_SO(!memcmp(found, expected, n), "other bytes: %.*s", (int)n - 8, found + 8);
}
END_TEST

START_TEST(an_empty_file) {
  SUCCEEDS(nn_save_safetensors("save", path, 0, NULL, 0, NULL));
  HOLDS_SO(load()->tensors == 0, "tensors in an empty file");
  write_parts(" { } \n", "", 0);                /* white space is fine wherever JSON has it */
  HOLDS_SO(load()->tensors == 0, "tensors in an empty file");
  write_parts("{\"__metadata__\": {} , \"a\" : {\"shape\" : [ 1 ], \"data_offsets\": [0, 1],\t\"dtype\":\"U8\"} }",
              "\7", 1);
  HOLDS_SO(element(load()->tensor[0].tensor, 0) == 7, "another value");
}
END_TEST

#define T(name, dtype, shape, begin, end) \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

/* A header, the bytes of data behind it, and what is said of them. */
static const struct { const char *header; size_t data; const char *message; } bad[] = {
  {"", 0, "{ was expected"},
  {"[]", 0, "{ was expected"},
  {"{", 0, "a string was expected"},
  {"{\"a\"", 0, ": was expected"},
  {"{\"a\":}", 0, "not a safetensors file"},
  {"{\"a\":1}", 0, "\"a\": it has no dtype"},
  {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0, "\"a\": it has no dtype"},
  {"{} x", 0, "other bytes follow the header's JSON"},
  {"{},", 0, "other bytes follow the header's JSON"},
  {"{\"a\xff\":{}}", 0, "not UTF-8"},
  {"{\"a\xed\xa0\x80\":{}}", 0, "not UTF-8"},
  {"{\"a\xc0\x80\":{}}", 0, "not UTF-8"},
  {"{\"a\xf4\x90\x80\x80\":{}}", 0, "not UTF-8"},
  {"{\"a\\u0000b\":{}}", 0, "not a safetensors file"},
  {"{\"a\\ud800\":{}}", 0, "not a safetensors file"},
  {"{\"__metadata__\":{\"k\":1}}", 0, "a string was expected"},
  {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "a key of __metadata__ is there twice"},
  {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is there twice"},
  {"{" T("a", "U8", "1", "0", "1") "," T("a", "U8", "1", "1", "2") "}", 2, "\"a\": it is there twice"},
  {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "duplicate"},
  {"{" T("a", "BF16", "1", "0", "2") "}", 2, "\"a\" is BF16; there are F32, F64, I64 and U8"},
  {"{" T("a", "U8", "-1", "0", "1") "}", 1, "its shape is not of whole numbers"},
  {"{" T("a", "U8", "1.0", "0", "1") "}", 1, "its shape is not of whole numbers"},
  {"{" T("a", "U8", "1e0", "0", "1") "}", 1, "its shape is not of whole numbers"},
  {"{" T("a", "U8", "99999999999999999999", "0", "1") "}", 1, "too big integer"},
  {"{" T("a", "U8", "1,1,1,1,1,1,1,1,1", "0", "1") "}", 1, "its rank is above 8"},
  {"{" T("a", "U8", "1", "-1", "1") "}", 1, "its data_offsets are not"},
  {"{" T("a", "U8", "1", "1", "0") "}", 1, "its data_offsets are not"},
  {"{" T("a", "U8", "1", "0", "1,2") "}", 1, "its data_offsets are not"},
  {"{" T("a", "U8", "1", "1", "2") "}", 2, "there is a hole before its data"},
  {"{" T("a", "U8", "2", "0", "2") "," T("b", "U8", "2", "1", "3") "}", 3, "\"b\": its data overlaps"},
  {"{" T("a", "U8", "2", "0", "2") "," T("b", "U8", "2", "0", "2") "}", 2, "\"b\": its data overlaps"},
  {"{" T("a", "U8", "1", "0", "1") "," T("b", "U8", "1", "2", "3") "}", 3, "\"b\": there is a hole"},
  {"{" T("a", "F32", "2,3", "0", "23") "}", 23, "\"a\": {2, 3} of float32 does not fill 23 bytes"},
  {"{" T("a", "F32", "4294967296,4294967296", "0", "0") "}", 0, "does not fill 0 bytes"},
  {"{" T("a", "F64", "2305843009213693952", "0", "0") "}", 0, "does not fill 0 bytes"},
  {"{" T("a", "U8", "9223372036854775807", "0", "9223372036854775807") "}", 0, "bytes of data promised, 0 found"},
  {"{" T("a", "U8", "1000000000000", "0", "1000000000000") "}", 9, "1000000000000 bytes of data promised, 9 found"},
  {"{" T("a", "U8", "2", "0", "2") "}", 1, "2 bytes of data promised, 1 found"},
  {"{" T("a", "U8", "2", "0", "2") "}", 3, "2 bytes of data promised, 3 found"},
  {"{}", 1, "0 bytes of data promised, 1 found"},
};

static void is_refused(const char *message) {
  nn_memory_reset_peak();
  const size_t before = nn_memory().live;
  nn_archive *a = nn_load_safetensors("load", path);
  HOLDS_SO(!a && nn_error(), "no failure where \"%s\" was expected", message);
  HOLDS_SO(strstr(nn_error(), path) == nn_error() + strlen("load: "), "\"%s\" does not name the path", nn_error());
  HOLDS_SO(strstr(nn_error(), message), "\"%s\" does not contain \"%s\"", nn_error(), message);
  struct stat state;
  stat(path, &state);
  const size_t took = nn_memory().peak - before;
  HOLDS_SO(took <= 2 * (size_t)state.st_size + 4096, "it took %zu bytes", took);
  nn_clear_error();
}

START_TEST(wrong_content) {
  static const char data[32];
  write_parts(bad[_i].header, data, bad[_i].data);
  is_refused(bad[_i].message);
}
END_TEST

START_TEST(wrong_length) {
  static const struct { const char *bytes; size_t n; const char *message; } rows[] = {
    {"", 0, "it holds 0 bytes"}, {"\2\0\0\0\0\0\0", 7, "it holds 7 bytes"},
    {"\2\0\0\0\0\0\0\0{", 9, "a header of 2 bytes in 9"},
    {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "a header of 1844674"},
    {"\xf9\xff\xff\xff\xff\xff\xff\xff{}", 10, "a header of 1844674"}, {"PK\3\4\24\0\0\0 ", 9, "a header of"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    write_bytes(path, rows[i].bytes, rows[i].n);
    is_refused(rows[i].message);
  }
  /* a sparse file of 200 MB whose header says 100,000,001 bytes */
  write_bytes(path, "\1\xe1\xf5\5\0\0\0\0{", 9);
  HOLDS_SO(truncate(path, 200000000) == 0, "cannot make a large file");
  is_refused("a header of 100000001 bytes");
}
END_TEST

/* Headers of 10 MB that a parser may take for ever over, or fill the memory with. */
START_TEST(bombs) {
  static const struct { const char *begin, *again; } rows[] = {
    {"{\"a\":", "["}, {"{\"a\":[", "0,"}, {"{\"a\":", "{\"b\":"}, {"{", "\"a\":1,"}, {"", " "}, {"{\"a\":", " "},
    {"{\"a\":\"", "xxxxxxxx"}, {"{\"", "\\\\"}, {"{\"__metadata__\":{\"k\":\"", "x"},
  };
  enum { SIZE = 10000000 };
  char *header = malloc(SIZE + 16);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t n = strlen(rows[i].begin);
    memcpy(header, rows[i].begin, n);
    for (const size_t k = strlen(rows[i].again); n < SIZE; n += k) memcpy(header + n, rows[i].again, k);
    header[n] = '\0';
    write_parts(header, "", 0);
    const clock_t start = clock();
    is_refused("");
    HOLDS_SO(clock() - start < CLOCKS_PER_SEC, "row %zu took %g s", i, (double)(clock() - start) / CLOCKS_PER_SEC);
  }
  free(header);
}
END_TEST

/* Small in the file, large in memory: so many are read, one more is refused while the header is read. */
START_TEST(many_names) {
  static const char *const members[] = {
    "\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", "\"%d\":\"\"",
  };
  char *header = malloc(10000000);
  for (int texts = 0; texts < 2; texts++)
    for (int n = 65536; n <= 65537; n++) {
      int at = sprintf(header, texts ? "{\"__metadata__\":{" : "{");
      for (int i = 0; i < n; i++) {
        at += sprintf(header + at, members[texts], i);
        header[at++] = i < n - 1 ? ',' : '}';
      }
      strcpy(header + at, texts ? "}" : "");
      write_parts(header, "", 0);
      nn_memory_reset_peak();
      const nn_archive *a = nn_load_safetensors("load", path);
      if (n > 65536) fails_with(a, texts ? "more than 65536 texts" : "more than 65536 tensors");
      else HOLDS_SO(a && a->pairs + a->tensors == n, "%s", nn_error());
      HOLDS_SO(nn_memory().peak < 60000000, "%zu bytes", nn_memory().peak);
      nn_scope_close(0);
    }
  free(header);
  fails_with(nn_save_safetensors("save", path, 0, NULL, 65537, NULL), "more than 65536 texts");
}
END_TEST

/* A good file cut anywhere is refused; with any one byte changed it is read or refused, and nothing else happens. */
START_TEST(cut_and_changed) {
  unsigned char good[512], broken[512];
  const nn_named list[] = {{"a", DOUBLES(1, 2, 3)}, {"b", nn_ones(NN_UINT8, NN_SHAPE(2, 2))}};
  SUCCEEDS(nn_save_safetensors("save", path, 2, list, 1, &(nn_pair){"k", "v"}));
  const size_t n = read_bytes(good, sizeof good);
  for (size_t cut = 0; cut < n; cut++) {
    write_bytes(path, good, cut);
    is_refused("");
  }
  for (size_t i = 0; i < n; i++)
    for (unsigned change = 1; change < 256; change = 2 * change + 1) {
      memcpy(broken, good, n);
      broken[i] ^= (unsigned char)change;
      write_bytes(path, broken, n);
      const nn_archive *a = nn_load_safetensors("load", path);
      HOLDS_SO(!a == !!nn_error(), "neither a result nor an error");
      nn_clear_error();
      nn_scope_close(2);
    }
}
END_TEST

START_TEST(wrong_names) {
  nn_tensor *x = DOUBLES(1, 2);
  const nn_named twice[] = {{"a", x}, {"a", x}};
  fails_with(nn_save_safetensors("save", path, 2, twice, 0, NULL), "the name \"a\" is there twice");
  fails_with(save("__metadata__", x), "no tensor may have the name __metadata__");
  fails_with(save("\xff", x), "a name is not UTF-8");
  fails_with(nn_save_safetensors("save", path, 0, NULL, 1, &(nn_pair){"k", "\xff"}), "the text of \"k\" is not UTF-8");
  HOLDS_SO(!save("a", NULL) && !nn_error(), "NULL in, NULL out");
  HOLDS_SO(access(path, F_OK) != 0, "a file was written");
}
END_TEST

START_TEST(wrong_paths) {
  nn_tensor *x = DOUBLES(1);
  char name[128];
  static const struct { const char *name, *message; } rows[] = {
    {"/no/such/x", "No such file or directory"}, {"", "is a folder"}, {"/", "is a folder"}, {"/new/", "names no file"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(name, sizeof name, "%s%s", folder, rows[i].name);
    fails_with(nn_save_safetensors("save", name, 1, &(nn_named){"x", x}, 0, NULL), rows[i].message);
  }
  fails_with(nn_write_file("save", "/dev/full", "x", 1), "save: /dev/full: is not a regular file");
  fails_with(nn_load_safetensors("load", path), "load: ");
  fails_with(nn_load_safetensors("load", folder), "is a folder");
}
END_TEST

/* What writes to path, and what path held before. */
static const char before[] = "the old file";
static bool write_again(void) { return save("x", nn_arange(NN_FLOAT32, 1, 10000, 1)); }

static void old_or_new(bool written, const char *what) {
  unsigned char found[64];
  if (!written) {
    HOLDS_SO(nn_error() && strstr(nn_error(), "save: ") == nn_error(), "%s: the error is %s", what, nn_error());
    HOLDS_SO(strstr(nn_error(), path), "%s: \"%s\" does not name the path", what, nn_error());
    nn_clear_error();
  }
  HOLDS_SO(access(temporary, F_OK) != 0, "%s: a temporary file was left", what);
  const size_t n = read_bytes(found, sizeof found);
  const bool old = n == sizeof before - 1 && !memcmp(found, before, n);
  HOLDS_SO(old || load()->tensor[0].tensor->numel == 10000, "%s: neither the old file nor the new one", what);
  HOLDS_SO(!written || !old, "%s: nothing was written", what);
}

/* The n-th open, write, fsync, rename fails, for each reason and every n. Only when the folder cannot be synced, which
 * is the last of it, the new file is there already. */
START_TEST(each_call_fails) {
  static const int reasons[] = {ENOSPC, EIO, EINTR, EDQUOT, NN_FILE_SHORT};
  char what[64];
  for (int64_t n = 1;; n++) {
    write_bytes(path, before, sizeof before - 1);
    nn_file_fail_at(n, reasons[_i]);
    const bool written = write_again();
    const bool reached = nn_file_calls() >= n;
    nn_file_fail_at(0, 0);
    snprintf(what, sizeof what, "call %d, errno %d", (int)n, reasons[_i]);
    HOLDS_SO(reached || n > 5, "%s: only so few calls", what);
    HOLDS_SO(written || reached, "%s: it failed by itself: %s", what, nn_error());
    old_or_new(written, what);
    if (!reached) break;
  }
  for (int64_t n = 1;; n++) {
    nn_file_fail_at(n, reasons[_i]);
    const nn_archive *a = nn_load_safetensors("load", path);
    const bool reached = nn_file_calls() >= n;
    nn_file_fail_at(0, 0);
    HOLDS_SO(!a == !!nn_error(), "neither a result nor an error");
    nn_clear_error();
    if (!reached) break;
  }
}
END_TEST

START_TEST(each_allocation_fails) {
  double values[3] = {1, 2, 3};
  nn_tensor *x = nn_transpose(tensor_of(NN_FLOAT32, NN_SHAPE(1, 3), values), 1, 2);
  nn_named list[12];
  char names[12][16];
  for (int i = 0; i < 12; i++) list[i] = (nn_named){names[i], x}, snprintf(names[i], 16, "%d", i);
  const size_t mark = nn_scope_open();
  for (int64_t n = 1, done = 0; done < 2; n++) {
    const bool saving = done == 0;
    nn_memory_fail_at(n, false);
    const bool result = saving ? nn_save_safetensors("save", path, 12, list, 1, &(nn_pair){"k", "v"})
                               : nn_load_safetensors("load", path) != NULL;
    const bool reached = nn_memory_allocations() >= n;
    nn_memory_fail_at(0, false);
    HOLDS_SO(!result == !!nn_error(), "neither a result nor an error");
    HOLDS_SO(result || reached, "it failed by itself: %s", nn_error());
    HOLDS_SO(result || strstr(nn_error(), "out of memory"), "%s", nn_error());
    nn_clear_error();
    nn_scope_close(mark);
    if (!reached) n = 0, done++;
  }
}
END_TEST

/* A disk that is full, as the system says it: a limit on the size of files. */
START_TEST(file_too_large) {
  struct rlimit usual, small = {8192, 8192};
  getrlimit(RLIMIT_FSIZE, &usual);
  small.rlim_max = usual.rlim_max;
  write_bytes(path, before, sizeof before - 1);
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const bool written = write_again();
  setrlimit(RLIMIT_FSIZE, &usual);
  signal(SIGXFSZ, handler);
  HOLDS_SO(!written, "it fitted");
  HOLDS_SO(strstr(nn_error(), "File too large"), "%s", nn_error());
  old_or_new(written, "a small limit");
  HOLDS_SO(write_again(), "%s", nn_error());
}
END_TEST

START_TEST(interrupted) {
  write_bytes(path, before, sizeof before - 1);
  nn_interrupt(nn_context_current());
  HOLDS_SO(!write_again(), "it was not interrupted");
  ck_assert_str_eq(nn_error(), "interrupted");
  nn_clear_error();
  HOLDS_SO(write_again(), "%s", nn_error());
  nn_interrupt(nn_context_current());
  fails_with(nn_load_safetensors("load", path), "interrupted");
}
END_TEST

/* Links are followed, rights kept, and what a killed process left is written over. */
START_TEST(the_file_replaced) {
  char link[96];
  struct stat state;
  snprintf(link, sizeof link, "%s/link", folder);
  write_bytes(path, before, sizeof before - 1);
  write_bytes(temporary, "half of a longer file, left by a killed process", 47);
  chmod(path, 0640);
  HOLDS_SO(symlink("x.safetensors", link) == 0, "no link");
  SUCCEEDS(nn_write_file("save", link, "new", 3));
  unsigned char found[64];
  HOLDS_SO(read_bytes(found, sizeof found) == 3 && !memcmp(found, "new", 3), "the file was not replaced");
  HOLDS_SO(lstat(link, &state) == 0 && S_ISLNK(state.st_mode), "the link was replaced");
  HOLDS_SO(stat(path, &state) == 0 && (state.st_mode & 0777) == 0640, "other rights");
  unlink(link);
}
END_TEST

START_TEST(folders) {
  char name[128];
  snprintf(name, sizeof name, "%s/a/b//c/", folder);
  SUCCEEDS(nn_make_folders("save", name));
  SUCCEEDS(nn_make_folders("save", name));
  write_bytes(path, "x", 1);
  fails_with(nn_make_folders("save", path), "is not a folder");
  snprintf(name, sizeof name, "%s/y", path);
  fails_with(nn_make_folders("save", name), "Not a directory");
  static const char *const made[] = {"a/b/c", "a/b", "a"};
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s/%s", folder, made[i]);
    HOLDS_SO(rmdir(name) == 0, "%s was not made", name);
  }
}
END_TEST

/* Saves sizes 1000 and 5000 in turn until it is killed. */
static void save_for_ever(void) {
  for (int i = 0;; i++)
    if (!save("x", nn_full(NN_FLOAT64, NN_SHAPE(i % 2 ? 5000 : 1000), i))) _exit(1);
    else nn_scope_close(0);
}

/* Two that save to one path, both killed at some moment: the file is whole, and the next writer is not in their way. */
START_TEST(killed_while_saving) {
  enum { KILLS = 200 };
  unsigned state = 12345;
  SUCCEEDS(save("x", nn_zeros(NN_FLOAT64, NN_SHAPE(1000))));
  for (int i = 0; i < KILLS; i++) {
    pid_t child[2];
    for (int k = 0; k < 2; k++)
      if (!(child[k] = fork())) save_for_ever();
    state = state * 1103515245 + 12345;
    usleep(1000 + state / 65536 % 4000);
    for (int k = 0; k < 2; k++) {
      kill(child[k], SIGKILL);
      waitpid(child[k], NULL, 0);
    }
    const nn_tensor *x = load()->tensor[0].tensor;
    HOLDS_SO(x->numel == 1000 || x->numel == 5000, "kill %d: another size", i);
    for (int64_t j = 1; j < x->numel; j++) HOLDS_SO(element(x, j) == element(x, 0), "kill %d: parts of two files", i);
    nn_scope_close(0);
  }
  SUCCEEDS(save("x", nn_zeros(NN_FLOAT64, NN_SHAPE(1))));
}
END_TEST

Suite *safetensors_suite(void) {
  Suite *suite = suite_create("safetensors");
  TCase *tests = tcase_create("files");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, comes_back);
  tcase_add_test(tests, bytes);
  tcase_add_test(tests, an_empty_file);
  tcase_add_loop_test(tests, wrong_content, 0, (int)(sizeof bad / sizeof *bad));
  tcase_add_test(tests, wrong_length);
  tcase_add_test(tests, bombs);
  tcase_add_test(tests, many_names);
  tcase_add_test(tests, cut_and_changed);
  tcase_add_test(tests, wrong_names);
  tcase_add_test(tests, wrong_paths);
  tcase_add_loop_test(tests, each_call_fails, 0, 5);
  tcase_add_test(tests, each_allocation_fails);
  tcase_add_test(tests, file_too_large);
  tcase_add_test(tests, interrupted);
  tcase_add_test(tests, the_file_replaced);
  tcase_add_test(tests, folders);
  tcase_add_test(tests, killed_while_saving);
  suite_add_tcase(suite, tests);
  return suite;
}
