/* fuzz_framer.c: libFuzzer on the framer. The first byte chooses how the rest is split; any split
 * must give what one piece gives, and this must agree with what the JSON parser says of the page.
 * Of half of them only some members of the items are kept. */
#include "framer.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096 };

static void require(int condition) {
  if (!condition)
    abort();
}

/* Everything that a framer tells, the items one after the other. */
struct result {
  struct rl_buffer items;
  int parts; /* of items only some members are kept */
  size_t count;
  int valid; /* all items are JSON */
  enum rl_status status;
  uint64_t offset;
  int done, cut;
  struct rl_buffer members;
};

static enum rl_json_token parse(const char *p, size_t n, size_t *offset) {
  struct rl_json j;
  enum rl_json_token token;
  rl_json_init(&j);
  rl_json_start(&j, p, n);
  do
    token = rl_json_next(&j);
  while (token > RL_JSON_END);
  if (token == RL_JSON_END && !rl_json_only(&j))
    token = RL_JSON_ERROR;
  *offset = j.offset;
  rl_json_free(&j);
  return token;
}

static void take(struct rl_framer *f, const char *page, struct result *r, size_t most) {
  const char *p;
  size_t n, ignored;
  while (most-- > 0 && rl_framer_first(f, &p, &n)) {
    uint64_t offset = rl_framer_offset(f, 0), end = rl_framer_offset(f, n - 1);
    require(n > 0 && n <= LIMIT && page[offset] == p[0] && end - offset < LIMIT);
    if (!r->parts)
      require(memcmp(page + offset, p, n) == 0 && end == offset + n - 1);
    rl_buffer_append(&r->items, &end, sizeof end);
    r->valid &= parse(p, n, &ignored) == RL_JSON_END;
    rl_buffer_append(&r->items, &offset, sizeof offset);
    rl_buffer_append(&r->items, p, n);
    r->count++;
    rl_framer_drop(f);
  }
}

/* Pieces have up to `step` bytes, 0: there is only one. Their sizes and those of the helpings of
 * items vary. */
static void frame(const char *page, size_t size, size_t step, int parts, struct result *r) {
  static const struct rl_text names[] = {{"id", 2}, {"a", 1}};
  struct rl_framer *f = rl_framer_new("list", LIMIT);
  const char *members;
  size_t i, n, ignored, round = 0;
  memset(r, 0, sizeof *r);
  rl_buffer_init(&r->items, (size_t)-1);
  rl_buffer_init(&r->members, (size_t)-1);
  r->valid = 1;
  r->parts = parts;
  require(f != NULL);
  if (parts)
    require(rl_framer_keep_only(f, names, 2) == RL_OK);
  for (i = 0; i < size; i += n) {
    n = step > 0 ? 1 + (round * 7 + i) % step : size;
    if (n > size - i)
      n = size - i;
    rl_framer_feed(f, page + i, n);
    take(f, page, r, round++ % 3);
    require(rl_framer_count(f) == r->count + rl_framer_waiting(f));
  }
  rl_framer_end(f);
  take(f, page, r, (size_t)-1);
  r->status = rl_framer_error(f, NULL, &r->offset);
  r->done = rl_framer_done(f);
  r->cut = rl_framer_cut_short(f);
  members = rl_framer_members(f, &n);
  require(parse(members, n, &ignored) == RL_JSON_END && n <= LIMIT + 2);
  rl_buffer_append(&r->members, members, n);
  rl_framer_free(f);
}

static int same(const struct rl_buffer *a, const struct rl_buffer *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void compare(const struct result *a, const struct result *b) {
  require(same(&a->items, &b->items) && same(&a->members, &b->members));
  require(a->status == b->status && a->offset == b->offset && a->count == b->count);
  require(a->done == b->done && a->cut == b->cut && a->valid == b->valid);
}

static void compare_with_parser(const struct result *r, const char *page, size_t size) {
  enum { MARK = 3 };
  size_t offset, mark = size >= MARK && memcmp(page, "\xEF\xBB\xBF", MARK) == 0 ? MARK : 0;
  enum rl_json_token token;
  /* The parser knows nothing of byte order marks, nor of what only begins as one. */
  if (mark == 0 && size > 0 && page[0] == '\xEF') {
    require(!r->done && r->count == 0);
    return;
  }
  token = parse(page + mark, size - mark, &offset);
  offset += mark;
  if (token == RL_JSON_END)
    require(r->done || r->status == RL_SHAPE || r->status == RL_TOO_LARGE);
  if (!r->valid)
    return;
  if (r->done)
    require(token == RL_JSON_END);
  if (r->cut)
    require(token == RL_JSON_MORE);
  if (r->status == RL_SYNTAX && !r->cut)
    require(token == RL_JSON_ERROR && offset == r->offset);
  if (r->status == RL_TOO_DEEP)
    require(token == RL_JSON_ERROR && offset == r->offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct result whole, split;
  char *page;
  if (size == 0)
    return 0;
  page = malloc(size);
  require(page != NULL);
  memcpy(page, data + 1, size - 1);
  frame(page, size - 1, 0, data[0] >> 7, &whole);
  frame(page, size - 1, 1 + data[0] % 64U, data[0] >> 7, &split);
  compare(&whole, &split);
  if (!whole.parts)
    compare_with_parser(&whole, page, size - 1);
  rl_buffer_free(&whole.items);
  rl_buffer_free(&whole.members);
  rl_buffer_free(&split.items);
  rl_buffer_free(&split.members);
  free(page);
  return 0;
}
