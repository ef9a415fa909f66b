/* Runs every C suite. CK_FORK=no keeps the tests in this process (for sanitizers and debuggers), CK_RUN_SUITE names one
 * suite, CK_VERBOSITY says how much is told. */
#include <check.h>
#include <stdlib.h>

#define SUITES(each) \
  each(elementwise) each(lengths) each(reduce) each(normalize) each(movement) each(pool) each(matmul) each(random) \
  each(copy) each(update) each(files) each(safetensors) each(csv) each(format) each(sort) each(tensor) each(engine) \
  each(ops) each(network) each(allocation) each(interpreters) each(limits)

#define DECLARE(name) Suite *name##_suite(void);
SUITES(DECLARE)

int main(void) {
#define MAKE(name) name##_suite,
  Suite *(*const make[])(void) = {SUITES(MAKE)};
  SRunner *runner = srunner_create(NULL);
  for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) srunner_add_suite(runner, make[i]());
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
