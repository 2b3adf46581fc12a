/* test.h: what the C tests share: checks that count, and a total at the end. */
#ifndef RL_TEST_H
#define RL_TEST_H

#include <stdio.h>

static int test_passed, test_failed;

/* Counts one check; a failed one is reported with printf arguments and the test goes on. */
#define CHECK(condition, ...)                                                                      \
  do {                                                                                             \
    if (condition) {                                                                               \
      test_passed++;                                                                               \
    } else {                                                                                       \
      test_failed++;                                                                               \
      fprintf(stderr, "%s:%d: failed: %s: ", __FILE__, __LINE__, #condition);                      \
      fprintf(stderr, __VA_ARGS__);                                                                \
      fputc('\n', stderr);                                                                         \
    }                                                                                              \
  } while (0)

/* Prints the total; for `return` in main. */
static inline int test_summary(const char *name) {
  printf("%s: %d passed, %d failed\n", name, test_passed, test_failed);
  return test_failed > 0;
}

#endif
