/* fuzz_parts.c: libFuzzer on taking objects apart. The first byte chooses how the rest is split;
 * any split must give what one piece gives. Of a text that is JSON all members that are wanted are
 * left and no others, with the values that they had; and what is left is known by where it was. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

static const struct rl_text wanted[] = {{"id", 2}, {"a", 1}};

/* What the JSON parser says of a text. */
struct outcome {
  int valid, object;
  size_t members, wanted;
  size_t offset; /* of the error */
  uint64_t hash; /* of the wanted members' tokens */
};

static void add(uint64_t *hash, const void *data, size_t n) {
  const unsigned char *p = data;
  for (; n > 0; n--)
    *hash = (*hash ^ *p++) * UINT64_C(1099511628211);
}

static void add_token(uint64_t *hash, const struct rl_json *j, enum rl_json_token token) {
  const unsigned char kind = (unsigned char)token;
  add(hash, &kind, 1);
  if (token == RL_JSON_KEY || token == RL_JSON_STRING)
    add(hash, j->text, j->text_len);
  if (token == RL_JSON_INTEGER)
    add(hash, &j->integer, sizeof j->integer);
  if (token == RL_JSON_NUMBER)
    add(hash, &j->number, sizeof j->number);
}

static struct outcome read_all(struct rl_json *j, const char *data, size_t size) {
  struct outcome o;
  enum rl_json_token token;
  int depth = 0, in = 0;
  memset(&o, 0, sizeof o);
  rl_json_start(j, data, size);
  while ((token = rl_json_next(j)) > RL_JSON_END) {
    if (depth == 0)
      o.object = token == RL_JSON_OBJECT;
    if (token == RL_JSON_OBJECT_END || token == RL_JSON_ARRAY_END)
      depth--;
    if (token == RL_JSON_KEY && depth == 1) {
      size_t i;
      in = 0;
      o.members++;
      for (i = 0; i < 2; i++)
        in |= j->text_len == wanted[i].len && memcmp(j->text, wanted[i].data, j->text_len) == 0;
      o.wanted += (size_t)in;
    }
    if (in && depth > 0)
      add_token(&o.hash, j, token);
    if (token == RL_JSON_OBJECT || token == RL_JSON_ARRAY)
      depth++;
  }
  o.valid = token == RL_JSON_END && rl_json_only(j);
  o.offset = j->offset;
  return o;
}

/* All that is told of an object. */
struct result {
  struct rl_buffer text;
  int whole;
  size_t end; /* behind it */
  enum rl_status status;
  size_t offset;
  struct rl_text gaps;
};

/* Pieces have up to `step` bytes, 0: there is only one. Each lies in a block of its own size. */
static void take(struct rl_parts *s, const char *data, size_t size, size_t step, struct result *r) {
  const char *message;
  size_t i, n, round = 0;
  memset(r, 0, sizeof *r);
  rl_buffer_init(&r->text, (size_t)-1);
  rl_parts_begin(s, 0);
  for (i = 0; i < size && !r->whole && r->status == RL_OK; i += n) {
    char *piece;
    const char *end;
    n = step > 0 ? 1 + (round++ * 7 + i) % step : size;
    if (n > size - i)
      n = size - i;
    piece = malloc(n);
    require(piece != NULL);
    memcpy(piece, data + i, n);
    end = rl_parts_take(s, &r->text, piece, piece + n, &r->whole);
    r->status = rl_parts_error(s, &message, &r->offset);
    require(r->status != RL_OK || r->whole || end == piece + n);
    r->end = i + (size_t)(end - piece);
    free(piece);
  }
  require(rl_parts_kept(s) == r->text.len);
  r->gaps = rl_parts_gaps(s);
}

static int same(const struct result *a, const struct result *b) {
  if (a->whole != b->whole || a->status != b->status || a->text.len != b->text.len ||
      a->gaps.len != b->gaps.len)
    return 0;
  if (a->status != RL_OK ? a->offset != b->offset : a->end != b->end)
    return 0;
  if (a->text.len > 0 && memcmp(a->text.data, b->text.data, a->text.len) != 0)
    return 0;
  return a->gaps.len == 0 || memcmp(a->gaps.data, b->gaps.data, a->gaps.len) == 0;
}

/* But for the commas and the last bracket, each byte is one that was there. */
static void check_places(const struct result *r, const char *data) {
  size_t i;
  for (i = 0; i < r->text.len; i++) {
    const size_t at = rl_parts_place(r->gaps, i);
    require(at < r->end);
    require(r->text.data[i] == data[at] || r->text.data[i] == ',' || r->text.data[i] == '}');
  }
}

static void compare_with_parser(const struct result *r, const char *data) {
  struct rl_json j;
  struct outcome all, left;
  rl_json_init(&j);
  all = read_all(&j, data, r->end);
  left = read_all(&j, r->text.data, r->text.len);
  if (r->whole && all.valid)
    require(left.valid && left.members == all.wanted && left.hash == all.hash);
  if (r->whole && !left.valid)
    require(!all.valid && all.offset <= rl_parts_place(r->gaps, left.offset));
  if (r->whole && !left.valid && all.members == all.wanted)
    require(all.offset == rl_parts_place(r->gaps, left.offset));
  if (r->status != RL_OK)
    require(!all.valid && all.offset <= r->offset);
  rl_json_free(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rl_parts *one, *more;
  struct result whole, split;
  const char *text = (const char *)data + 1;
  if (size < 2 || *text != '{')
    return 0;
  one = rl_parts_new(wanted, 2);
  more = rl_parts_new(wanted, 2);
  require(one != NULL && more != NULL);
  take(one, text, size - 1, 0, &whole);
  take(more, text, size - 1, 1 + data[0] % 64U, &split);
  require(same(&whole, &split));
  check_places(&whole, text);
  compare_with_parser(&whole, text);
  rl_buffer_free(&whole.text);
  rl_buffer_free(&split.text);
  rl_parts_free(one);
  rl_parts_free(more);
  return 0;
}
