/* IDX: what a good file gives, and for each way a file can be wrong the sentence that says so. Each content is tried as
 * a file and as bytes in memory, plain and gzip'ed. */
#include <sys/stat.h>
#include <zlib.h>

#include "folder.h"

Suite *files_suite(void);

static void setup(void) { folder_open("x"); }

/* One gzip member; free it. */
static unsigned char *gzipped(const void *bytes, size_t n, size_t *size) {
  z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)n};
  ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  const size_t room = deflateBound(&z, n);
  unsigned char *out = malloc(room);
  z.next_out = out;
  z.avail_out = (uInt)room;
  ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
  *size = room - z.avail_out;
  deflateEnd(&z);
  return out;
}

static void fails(nn_tensor *y, const char *expected) {
  ck_assert_ptr_null(y);
  ck_assert_ptr_nonnull(nn_error());
  ck_assert_msg(strstr(nn_error(), expected), "\"%s\" does not contain \"%s\"", nn_error(), expected);
  ck_assert_msg(strstr(nn_error(), path) == nn_error() + strlen("idx: "), "\"%s\" does not name the path", nn_error());
  nn_clear_error();
  ck_assert_int_eq(nn_memory().tensors, 0);
}

static nn_tensor *from_bytes(const void *bytes, size_t n) { return nn_load_idx_bytes("idx", path, bytes, n); }

static nn_tensor *from_file(const void *bytes, size_t n) {
  write_bytes(path, bytes, n);
  return nn_load_idx("idx", path);
}

#define SIZE(n) (unsigned char)((n) >> 24), (unsigned char)((n) >> 16), (unsigned char)((n) >> 8), (unsigned char)(n)

/* Every type, its limits, and the dtype that it becomes. */
static const struct {
  unsigned char bytes[32];
  size_t n;
  nn_dtype dtype;
  double value[2];
} good[] = {
  {{0, 0, 8, 1, SIZE(2), 0, 255}, 10, NN_UINT8, {0, 255}},
  {{0, 0, 9, 1, SIZE(2), 0x80, 0x7f}, 10, NN_INT64, {-128, 127}},
  {{0, 0, 11, 1, SIZE(2), 0x80, 0, 0x12, 0x34}, 12, NN_INT64, {-32768, 0x1234}},
  {{0, 0, 12, 1, SIZE(2), 0x80, 0, 0, 0, 0x12, 0x34, 0x56, 0x78}, 16, NN_INT64, {-2147483648.0, 0x12345678}},
  {{0, 0, 13, 1, SIZE(2), 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0}, 16, NN_FLOAT32, {1, -2.5}},
  {{0, 0, 14, 1, SIZE(2), 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0}, 24, NN_FLOAT64, {1, -2.5}},
};

static void is_good(nn_tensor *y, int i) {
  ck_assert_msg(y != NULL, "%s", nn_error());
  ck_assert_int_eq(y->dtype, good[i].dtype);
  ck_assert_str_eq(nn_shape_text(&y->shape).s, "{2}");
  nn_tensor *wide = nn_cast(y, NN_FLOAT64);
  ck_assert(((double *)wide->data)[0] == good[i].value[0] && ((double *)wide->data)[1] == good[i].value[1]);
}

START_TEST(types) {
  size_t n;
  unsigned char *packed = gzipped(good[_i].bytes, good[_i].n, &n);
  is_good(from_bytes(good[_i].bytes, good[_i].n), _i);
  is_good(from_file(good[_i].bytes, good[_i].n), _i);
  is_good(from_bytes(packed, n), _i);
  is_good(from_file(packed, n), _i);
  free(packed);
}
END_TEST

#define HEADER_3(a, b, c) 0, 0, 8, 3, SIZE(a), SIZE(b), SIZE(c)
#define HUGE_SIZE 0xffffffffu

/* The sentence for the plain bytes, and where it is another for the same bytes gzip'ed. */
static const struct {
  unsigned char bytes[64];
  size_t n;
  const char *plain, *packed;
} bad[] = {
  {{0}, 0, "not an IDX file: it holds 0 bytes", NULL},
  {{0, 0, 8}, 3, "not an IDX file: it holds 3 bytes", NULL},
  {{'P', 'K', 3, 4}, 4, "not an IDX file: it starts with 50 4b, not with 00 00", NULL},
  {{0, 0, 7, 1, SIZE(0)}, 8, "type 0x07 is none of IDX's", NULL},
  {{0, 0, 10, 1, SIZE(0)}, 8, "type 0x0a is none of IDX's", NULL},
  {{0, 0, 8, 9}, 4, "rank 9 is above 8", NULL},
  {{0, 0, 8, 3, 0, 0, 0}, 7, "12 bytes promised for the sizes of rank 3, 3 found", NULL},
  {{HEADER_3(2, 2, 2), 1, 2, 3, 4, 5, 6, 7}, 23, "2 x 2 x 2 bytes promised, 7 found", NULL},
  {{HEADER_3(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8, 9}, 25, "2 x 2 x 2 bytes promised, 9 found",
   "2 x 2 x 2 bytes promised, more found"},
  {{HEADER_3(0, 2, 2), 1}, 17, "0 x 2 x 2 bytes promised, 1 found", "0 x 2 x 2 bytes promised, more found"},
  {{HEADER_3(60000, 28, 28)}, 16, "60000 x 28 x 28 bytes promised, 0 found", "bytes of gzip can hold"},
  {{HEADER_3(HUGE_SIZE, HUGE_SIZE, HUGE_SIZE), 1}, 17, "4294967295 x 4294967295 x 4294967295 bytes promised, 1 found",
   "4294967295 x 4294967295 x 4294967295 bytes promised, more than"},
  {{HEADER_3(65536, 65536, HUGE_SIZE), 1}, 17, "65536 x 65536 x 4294967295 bytes promised, 1 found",
   "bytes of gzip can hold"},
  {{0, 0, 12, 1, SIZE(2), 0, 0, 0, 1, 0, 0, 0}, 15, "2 x 4 bytes promised, 7 found", NULL},
  {{0, 0, 8, 0}, 4, "1 bytes promised, 0 found", NULL},
  {{0, 0, 14, 0, 1}, 5, "8 bytes promised, 1 found", NULL},
};

START_TEST(wrong_content) {
  const char *packed_message = bad[_i].packed ? bad[_i].packed : bad[_i].plain;
  size_t n;
  unsigned char *packed = gzipped(bad[_i].bytes, bad[_i].n, &n);
  fails(from_bytes(bad[_i].bytes, bad[_i].n), bad[_i].plain);
  fails(from_file(bad[_i].bytes, bad[_i].n), bad[_i].plain);
  fails(from_bytes(packed, n), packed_message);
  fails(from_file(packed, n), packed_message);
  free(packed);
}
END_TEST

START_TEST(ranks_0_and_8_and_no_elements) {
  nn_tensor *y = from_bytes("\0\0\10\0\7", 5);
  ck_assert(y && y->shape.rank == 0 && nn_item(y) == 7);
  unsigned char bytes[4 + 8 * 4 + 6] = {0, 0, 8, 8, SIZE(1), SIZE(2), SIZE(1), SIZE(1),
                                        SIZE(1), SIZE(1), SIZE(3), SIZE(1)};
  bytes[4 + 8 * 4 + 5] = 9;
  y = from_file(bytes, sizeof bytes);
  ck_assert_ptr_nonnull(y);
  ck_assert_str_eq(nn_shape_text(&y->shape).s, "{1, 2, 1, 1, 1, 1, 3, 1}");
  ck_assert_int_eq(((uint8_t *)y->data)[5], 9);
  y = from_bytes("\0\0\15\2\0\0\0\0\0\0\0\3", 12);
  ck_assert_ptr_nonnull(y);
  ck_assert_str_eq(nn_shape_text(&y->shape).s, "{0, 3}");
}
END_TEST

/* An IDX of n bytes that no compressor gets far with, and that is longer than the reader's blocks. */
static unsigned char *noise(size_t n, size_t *size) {
  *size = n + 8;
  unsigned char *bytes = malloc(*size);
  memcpy(bytes, (unsigned char[]){0, 0, 8, 1, SIZE(n)}, 8);
  uint32_t state = 7;
  for (size_t i = 0; i < n; i++) bytes[8 + i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

static void is_noise(nn_tensor *y, const unsigned char *bytes, size_t size) {
  ck_assert_msg(y != NULL, "%s", nn_error());
  ck_assert_int_eq(y->numel, (int64_t)size - 8);
  ck_assert_int_eq(memcmp(y->data, bytes + 8, size - 8), 0);
}

START_TEST(larger_than_any_block) {
  size_t size, n;
  unsigned char *bytes = noise(3000001, &size), *packed = gzipped(bytes, size, &n);
  is_noise(from_bytes(bytes, size), bytes, size);
  is_noise(from_file(bytes, size), bytes, size);
  is_noise(from_bytes(packed, n), bytes, size);
  is_noise(from_file(packed, n), bytes, size);
  free(bytes);
  free(packed);
}
END_TEST

START_TEST(gzip_cut_anywhere) {
  size_t size, n;
  unsigned char *bytes = noise(500, &size), *packed = gzipped(bytes, size, &n);
  for (size_t cut = 2; cut < n; cut++) {
    fails(from_bytes(packed, cut), "");
    fails(from_file(packed, cut), "");
  }
  fails(from_bytes(packed, n - 1), "500 bytes promised, 500 found, where the gzip data is cut off");
  fails(from_bytes(packed, n / 2), "found, where the gzip data is cut off");
  free(bytes);
  free(packed);
}
END_TEST

START_TEST(gzip_damaged) {
  size_t size, n;
  unsigned char *bytes = noise(500, &size), *packed = gzipped(bytes, size, &n);
  packed[n - 6] ^= 1;                    /* of the checksum */
  fails(from_file(packed, n), "damaged gzip data (incorrect data check)");
  packed[n - 6] ^= 1;
  packed[10] = 7;                        /* a block of a type that does not exist */
  fails(from_file(packed, n), "damaged gzip data (invalid block type)");
  free(bytes);
  free(packed);
}
END_TEST

START_TEST(gzip_members) {
  size_t size, first, second;
  unsigned char *bytes = noise(500, &size), *a = gzipped(bytes, 100, &first);
  unsigned char *b = gzipped(bytes + 100, size - 100, &second);
  unsigned char *both = malloc(first + second + 1);
  memcpy(both, a, first);
  memcpy(both + first, b, second);
  both[first + second] = 0;
  fails(from_file(both, first + second + 1), "other bytes follow the gzip data");
  is_noise(from_file(both, first + second), bytes, size);
  free(bytes);
  free(a);
  free(b);
  free(both);
}
END_TEST

/* 16 MB of zeros in 16 kB of gzip: neither more than the header's 100 bytes nor more than gzip's best ratio is held. */
START_TEST(gzip_bomb) {
  const size_t inflated = (size_t)16 << 20;
  unsigned char *zeros = calloc(1, inflated);
  size_t n;
  memcpy(zeros, (unsigned char[]){0, 0, 8, 1, SIZE(100)}, 8);
  unsigned char *packed = gzipped(zeros, inflated, &n);
  nn_memory_reset_peak();
  fails(from_file(packed, n), "100 bytes promised, more found");
  ck_assert_uint_lt(nn_memory().peak, 4096);
  free(packed);
  memcpy(zeros, (unsigned char[]){0, 0, 8, 2, SIZE(65536), SIZE(65536)}, 12);
  packed = gzipped(zeros, inflated, &n);
  fails(from_file(packed, n), "65536 x 65536 bytes promised, more than");
  ck_assert_uint_lt(nn_memory().peak, 4096);
  free(packed);
  free(zeros);
}
END_TEST

START_TEST(no_such_file) {
  fails(nn_load_idx("idx", path), "No such file or directory");
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  fails(nn_load_idx("idx", path), "is not a regular file");
  unlink(path);
  strcpy(path, folder);
  fails(nn_load_idx("idx", path), "is a folder");
  ck_assert_ptr_null(nn_load_idx("idx", NULL));
  ck_assert_ptr_null(nn_load_idx(NULL, path));
  ck_assert_ptr_null(nn_load_idx_bytes("idx", "x", NULL, 0));
  ck_assert_ptr_null(nn_error());
}
END_TEST

START_TEST(each_allocation_fails) {
  size_t size;
  unsigned char *bytes = noise(500, &size);
  for (int64_t n = 1;; n++) {
    nn_memory_fail_at(n, false);
    nn_tensor *y = from_bytes(bytes, size);
    const bool reached = nn_memory_allocations() >= n;
    nn_memory_fail_at(0, false);
    if (!reached) {
      is_noise(y, bytes, size);
      break;
    }
    ck_assert_ptr_null(y);
    ck_assert_ptr_nonnull(strstr(nn_error(), "out of memory"));
    nn_clear_error();
    ck_assert_int_eq(nn_memory().tensors, 0);
  }
  free(bytes);
}
END_TEST

START_TEST(interrupted) {
  size_t size;
  unsigned char *bytes = noise(500, &size);
  nn_interrupt(fixture.context);
  ck_assert_ptr_null(from_bytes(bytes, size));
  ck_assert_str_eq(nn_error(), "interrupted");
  nn_clear_error();
  is_noise(from_bytes(bytes, size), bytes, size);
  free(bytes);
}
END_TEST

Suite *files_suite(void) {
  Suite *suite = suite_create("files");
  TCase *tests = tcase_create("idx");
  tcase_add_checked_fixture(tests, setup, folder_close);
  tcase_add_loop_test(tests, types, 0, (int)(sizeof good / sizeof *good));
  tcase_add_loop_test(tests, wrong_content, 0, (int)(sizeof bad / sizeof *bad));
  tcase_add_test(tests, ranks_0_and_8_and_no_elements);
  tcase_add_test(tests, larger_than_any_block);
  tcase_add_test(tests, gzip_cut_anywhere);
  tcase_add_test(tests, gzip_damaged);
  tcase_add_test(tests, gzip_members);
  tcase_add_test(tests, gzip_bomb);
  tcase_add_test(tests, no_such_file);
  tcase_add_test(tests, each_allocation_fails);
  tcase_add_test(tests, interrupted);
  suite_add_tcase(suite, tests);
  return suite;
}
