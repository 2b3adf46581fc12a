/* buffer_test.c: buffers and the memory below them. */
#include "alloc.h"
#include "buffer.h"

#include <stdint.h>
#include <string.h>

#include "test.h"

static void appends_up_to_its_limit(void) {
  struct rl_buffer b;
  rl_buffer_init(&b, 10);
  CHECK(rl_buffer_append(&b, NULL, 0) == RL_OK && b.len == 0 && b.data != NULL, "nothing");
  CHECK(rl_buffer_append(&b, "01234", 5) == RL_OK && b.len == 5, "%zu", b.len);
  CHECK(rl_buffer_append(&b, "567890", 6) == RL_TOO_LARGE, "one byte too many");
  CHECK(b.len == 5 && strcmp(b.data, "01234") == 0, "the content is kept: %s", b.data);
  CHECK(rl_buffer_append(&b, "56789", 5) == RL_OK, "to the last byte");
  CHECK(b.len == 10 && strcmp(b.data, "0123456789") == 0, "%s", b.data);
  CHECK(rl_buffer_append(&b, "x", 1) == RL_TOO_LARGE, "it is full");
  CHECK(rl_buffer_append(&b, "x", SIZE_MAX) == RL_TOO_LARGE, "no overflow");
  CHECK(b.cap <= 11, "%zu bytes", b.cap);
  rl_buffer_free(&b);
}

static void grows_by_doubling(void) {
  struct rl_buffer b;
  size_t i, moves = 0, cap = 0;
  int same = 1;
  rl_buffer_init(&b, SIZE_MAX);
  for (i = 0; i < 100000; i++) {
    char c = (char)(i * 7);
    rl_buffer_append(&b, &c, 1);
    moves += b.cap != cap;
    cap = b.cap;
  }
  for (i = 0; i < 100000; i++)
    same &= b.data[i] == (char)(i * 7);
  CHECK(same && b.len == 100000 && b.data[b.len] == '\0', "the content");
  CHECK(moves < 12, "moved %zu times", moves);
  rl_buffer_free(&b);
}

static void keeps_small_memory_and_gives_large_back(void) {
  struct rl_buffer b;
  size_t i;
  rl_buffer_init(&b, SIZE_MAX);
  rl_buffer_append(&b, "abc", 3);
  rl_buffer_reset(&b);
  CHECK(b.len == 0 && b.cap > 0 && b.data[0] == '\0', "small memory stays");
  CHECK(rl_buffer_reserve(&b, 16000000) == RL_OK && b.cap > 16000000 && b.len == 0, "%zu", b.cap);
  for (i = 0; i < 10; i++)
    rl_buffer_append(&b, "0123456789", 10);
  rl_buffer_shrink(&b);
  CHECK(b.cap > 7900000 && b.cap < 8100000 && b.len == 100 && memcmp(b.data, "0123", 4) == 0, "%zu",
        b.cap);
  while (i-- > 0)
    rl_buffer_shrink(&b);
  CHECK(b.cap > 3900000 && b.cap <= 4194304 && b.len == 100 && b.data[100] == '\0', "%zu", b.cap);
  rl_buffer_reserve(&b, 1000000);
  rl_buffer_reset(&b);
  CHECK(b.cap == 0 && b.data == NULL, "large memory goes");
  CHECK(rl_buffer_append(&b, "abc", 3) == RL_OK && strcmp(b.data, "abc") == 0, "and comes back");
  rl_buffer_wipe_free(&b);
  CHECK(b.data == NULL && b.len == 0 && b.cap == 0, "freed");
  rl_buffer_wipe_free(&b);
}

static void wipes_memory(void) {
  char secret[] = "a secret";
  size_t i;
  rl_wipe(secret, sizeof secret);
  for (i = 0; i < sizeof secret; i++)
    CHECK(secret[i] == '\0', "byte %zu", i);
  rl_wipe(NULL, 0);
}

#ifdef RL_TEST_ALLOC
static void stays_whole_when_memory_ends(void) {
  struct rl_buffer b;
  void *p;
  rl_buffer_init(&b, SIZE_MAX);
  rl_alloc_fail_at = 2;
  CHECK(rl_buffer_append(&b, "abc", 3) == RL_OK, "the first allocation");
  CHECK(rl_buffer_reserve(&b, 6000000) == RL_NOMEM, "the second");
  CHECK(rl_alloc_fail_at == 0 && strcmp(b.data, "abc") == 0, "%s", b.data);
  CHECK(rl_buffer_reserve(&b, 6000000) == RL_OK && strcmp(b.data, "abc") == 0, "the third");
  rl_alloc_fail_at = 1;
  rl_buffer_shrink(&b);
  CHECK(b.cap > 6000000 && strcmp(b.data, "abc") == 0, "what cannot shrink stays");
  rl_buffer_free(&b);
  rl_alloc_fail_at = 2;
  p = rl_malloc(1);
  CHECK(p != NULL && rl_malloc(1) == NULL && rl_alloc_live == 1, "%ld", rl_alloc_live);
  rl_free(p);
  CHECK(rl_alloc_live == 0, "%ld blocks left", rl_alloc_live);
}
#endif

int main(void) {
  appends_up_to_its_limit();
  grows_by_doubling();
  keeps_small_memory_and_gives_large_back();
  wipes_memory();
#ifdef RL_TEST_ALLOC
  stays_whole_when_memory_ends();
#endif
  return test_summary("buffer");
}
