/* source_test.c: bodies that are read as they are sent. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* mkdtemp and the like with -std=c99 */
#endif

#include "source.h"

#include "alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char directory[] = "/tmp/runloop-source-XXXXXX";

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static const char *write_file(const char *name, const char *text) {
  const char *path = path_of(name);
  FILE *f = fopen(path, "wb");
  fputs(text, f);
  fclose(f);
  return path;
}

static struct rl_piece text_piece(const char *text) {
  struct rl_piece p;
  memset(&p, 0, sizeof p);
  p.text.data = text;
  p.text.len = strlen(text);
  return p;
}

static struct rl_piece file_piece(const char *path) {
  struct rl_piece p;
  memset(&p, 0, sizeof p);
  p.file = path;
  return p;
}

/* All that is left, read `step` bytes at a time. */
static const char *rest(struct rl_source *s, size_t step) {
  static char all[256];
  size_t len = 0;
  long got;
  while ((got = rl_source_read(s, all + len, step)) > 0)
    len += (size_t)got;
  all[len] = '\0';
  return got == 0 ? all : rl_source_fault(s)->message;
}

/* A body of these texts, a block each. */
static struct rl_body *body_of(const char *const *texts, size_t count) {
  struct rl_body *b = rl_body_new();
  struct rl_buffer block;
  size_t i;
  for (i = 0; i < count; i++) {
    rl_buffer_init(&block, 1000);
    (void)rl_buffer_append(&block, texts[i], strlen(texts[i]));
    CHECK(rl_body_add(b, &block) == RL_OK && block.data == NULL && block.len == 0, "add");
  }
  return b;
}

static void test_bodies(void) {
  static const char *const texts[] = {"one,", "", "two,", "three"};
  struct rl_body *b = body_of(texts, 4), *empty = rl_body_new();
  struct rl_piece pieces[5];
  struct rl_source *s, *other;
  size_t step, at, count;
  (void)rl_body_blocks(b, &count);
  CHECK(count == 3, "%d: an empty block is none", (int)count);
  memset(pieces, 0, sizeof pieces);
  pieces[0].body = b;
  pieces[1] = text_piece("|");
  pieces[2].body = empty;
  pieces[3] = file_piece(write_file("c", "contents"));
  pieces[4].body = b;
  CHECK(rl_source_new(pieces, 5, &at, &s) == RL_OK, "open");
  CHECK(rl_source_new(pieces, 1, &at, &other) == RL_OK, "another attempt");
  rl_body_drop(b);
  rl_body_drop(empty);
  CHECK((int)rl_source_length(s) == 35, "%d", (int)rl_source_length(s));
  for (step = 1; step < 40; step++) {
    CHECK(strcmp(rest(s, step), "one,two,three|contentsone,two,three") == 0, "step %d", (int)step);
    rl_source_rewind(s);
  }
  rl_source_free(s);
  CHECK(strcmp(rest(other, 100), "one,two,three") == 0, "it lasts as long as somebody holds it");
  rl_source_free(other);
  pieces[3].file = "/none";
  pieces[0].body = b = body_of(texts, 4);
  pieces[2].body = pieces[4].body = NULL;
  CHECK(rl_source_new(pieces, 5, &at, &s) == RL_SYSTEM && at == 3, "%d", (int)at);
  rl_body_drop(b);
}

static void test_pieces(void) {
  struct rl_piece pieces[5];
  struct rl_source *s;
  size_t step, at;
  pieces[0] = text_piece("head|");
  pieces[1] = file_piece(write_file("a", "contents"));
  pieces[2] = text_piece("");
  pieces[3] = text_piece("|");
  pieces[4] = text_piece("tail");
  for (step = 1; step < 20; step++) {
    CHECK(rl_source_new(pieces, 5, &at, &s) == RL_OK, "open");
    CHECK((int)rl_source_length(s) == 18, "%d", (int)rl_source_length(s));
    CHECK(strcmp(rest(s, step), "head|contents|tail") == 0, "step %d", (int)step);
    CHECK((int)rl_source_given(s) == 18 && rl_source_read(s, NULL, 0) == 0, "%d",
          (int)rl_source_given(s));
    rl_source_rewind(s);
    CHECK((int)rl_source_given(s) == 0, "%d", (int)rl_source_given(s));
    CHECK(strcmp(rest(s, step), "head|contents|tail") == 0, "again, step %d", (int)step);
    rl_source_close(s);
    CHECK(rl_source_length(s) == 18 && rl_source_given(s) == 18, "what was read stays told");
    rl_source_free(s);
  }
  CHECK(rl_source_new(pieces, 0, &at, &s) == RL_OK && (int)rl_source_length(s) == 0, "nothing");
  CHECK(strcmp(rest(s, 8), "") == 0, "nothing");
  rl_source_free(s);
}

static void test_empty_file(void) {
  struct rl_piece pieces[2];
  struct rl_source *s;
  size_t at;
  pieces[0] = file_piece(write_file("empty", ""));
  pieces[1] = text_piece("x");
  CHECK(rl_source_new(pieces, 2, &at, &s) == RL_OK && (int)rl_source_length(s) == 1, "open");
  CHECK(strcmp(rest(s, 8), "x") == 0, "an empty file");
  rl_source_free(s);
}

static void refuses(const char *path, int error) {
  struct rl_piece pieces[2];
  struct rl_source *s;
  size_t at = 9;
  pieces[0] = text_piece("x");
  pieces[1] = file_piece(path);
  CHECK(rl_source_new(pieces, 2, &at, &s) == RL_SYSTEM && errno == error && at == 1, "%s: %d", path,
        errno);
}

static void test_no_file(void) {
  refuses(path_of("none"), ENOENT);
  refuses(directory, EISDIR);
  CHECK(mkfifo(path_of("pipe"), 0600) == 0, "%d", errno);
  refuses(path_of("pipe"), ESPIPE);
  refuses("/dev/null", ESPIPE);
#ifdef __linux__
  refuses("/proc/self/status", ESPIPE);
#endif
}

/* The file becomes another one when `before` bytes of it were read. */
static void becomes(const char *later, size_t before, const char *expected) {
  struct rl_piece piece = file_piece(write_file("b", "12345678"));
  struct rl_source *s;
  const struct rl_fault *fault;
  size_t at, i;
  char c;
  CHECK(rl_source_new(&piece, 1, &at, &s) == RL_OK, "open");
  for (i = 0; i < before; i++)
    CHECK(rl_source_read(s, &c, 1) == 1, "byte %d", (int)i);
  write_file("b", later);
  CHECK(strcmp(rest(s, 3), expected) == 0, "%s behind %d: %s", later, (int)before, rest(s, 3));
  fault = rl_source_fault(s);
  if (fault->code != NULL)
    CHECK(fault->kind == RL_KIND_FILE && strcmp(fault->code, "READ") == 0, "%s", fault->code);
  rl_source_free(s);
}

static void test_other_size(void) {
  becomes("1234", 2, "the file has shrunk while it was sent");
  becomes("123456", 7, "the file has shrunk while it was sent");
  becomes("", 0, "the file has shrunk while it was sent");
  becomes("123456789", 0, "the file has grown while it was sent");
  becomes("123456789", 7, "the file has grown while it was sent");
  becomes("abcdefgh", 8, "");
  becomes("abcdefgh", 4, "efgh");
}

#ifdef RL_TEST_ALLOC
static void test_out_of_memory(void) {
  struct rl_piece piece = file_piece(write_file("c", "x"));
  struct rl_source *s;
  long live = rl_alloc_live, k;
  size_t at;
  for (k = 1; k <= 2; k++) {
    rl_alloc_fail_at = k;
    CHECK(rl_source_new(&piece, 1, &at, &s) == RL_NOMEM, "no memory");
    rl_alloc_fail_at = 0;
  }
  CHECK(rl_alloc_live == live, "%ld", rl_alloc_live - live);
}
#endif

int main(void) {
  static const char *const names[] = {"a", "b", "c", "empty", "pipe"};
  int before, after;
  size_t i;
  if (mkdtemp(directory) == NULL)
    return 1;
  before = dup(0);
  test_pieces();
  test_bodies();
  test_empty_file();
  test_no_file();
  test_other_size();
#ifdef RL_TEST_ALLOC
  test_out_of_memory();
#endif
  after = dup(0);
  CHECK(after == before + 1, "descriptors are left open");
  for (i = 0; i < sizeof names / sizeof *names; i++)
    (void)remove(path_of(names[i]));
  (void)rmdir(directory);
  return test_summary("source_test");
}
