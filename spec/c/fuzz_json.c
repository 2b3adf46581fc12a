/* fuzz_json.c: libFuzzer on the JSON parser. Whatever comes, the tokens nest, the strings are
 * well-formed, and the offset of an error is that of the first byte that makes the text wrong:
 * the text before it is no error, the text up to and with it is the same one. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

static void require_utf8(const char *text, size_t n) {
  const unsigned char *p = (const unsigned char *)text, *end = p + n;
  while (p < end) {
    unsigned c = *p++;
    int more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : -1, i;
    require(more >= 0 && end - p >= more);
    c &= more > 0 ? 0x3FU >> more : 0x7FU;
    for (i = 0; i < more; i++) {
      require(p[i] >> 6 == 2);
      c = c << 6 | (p[i] & 0x3F);
    }
    require(more == 0 || c >= (more == 1 ? 0x80U : more == 2 ? 0x800U : 0x10000U));
    require(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
    p += more;
  }
}

/* The token that ended it, of the whole text; a copy of its own size shows a byte read too far. */
static enum rl_json_token parse(struct rl_json *j, const uint8_t *data, size_t size) {
  char nesting[RL_JSON_MAX_DEPTH], *copy = malloc(size > 0 ? size : 1);
  enum rl_json_token token, last = RL_JSON_END;
  int depth = 0;
  require(copy != NULL);
  if (size > 0)
    memcpy(copy, data, size);
  rl_json_start(j, copy, size);
  while ((token = rl_json_next(j)) > RL_JSON_END) {
    if (token == RL_JSON_KEY || token == RL_JSON_STRING)
      require_utf8(j->text, j->text_len);
    if (token == RL_JSON_KEY)
      require(depth > 0 && nesting[depth - 1] == '{');
    else if (depth > 0 && nesting[depth - 1] == '{')
      require(last == RL_JSON_KEY || token == RL_JSON_OBJECT_END);
    if (token == RL_JSON_NUMBER)
      require(isfinite(j->number));
    if (token == RL_JSON_OBJECT || token == RL_JSON_ARRAY) {
      require(depth < RL_JSON_MAX_DEPTH);
      nesting[depth++] = token == RL_JSON_OBJECT ? '{' : '[';
    } else if (token == RL_JSON_OBJECT_END || token == RL_JSON_ARRAY_END) {
      require(depth > 0 && nesting[--depth] == (token == RL_JSON_OBJECT_END ? '{' : '['));
    }
    last = token;
  }
  if (token == RL_JSON_END) {
    require(depth == 0 && rl_json_rest(j) <= size);
    if (!rl_json_only(j))
      token = RL_JSON_ERROR;
  }
  require((token == RL_JSON_END) == (j->status == RL_OK));
  require(token == RL_JSON_END || (j->message != NULL && j->offset <= size));
  free(copy);
  return token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rl_json j;
  enum rl_json_token token;
  size_t offset, i;
  rl_json_init(&j);
  token = parse(&j, data, size);
  offset = j.offset;
  if (token == RL_JSON_MORE)
    require(offset == size);
  if (token == RL_JSON_ERROR) {
    /* a number is out of range as a whole, and pointed at by its first byte */
    int whole_number = strcmp(j.message, "number out of range") == 0;
    require(offset < size);
    require(parse(&j, data, offset) != RL_JSON_ERROR);
    if (!whole_number)
      require(parse(&j, data, offset + 1) == RL_JSON_ERROR && j.offset == offset);
  }
  if (token == RL_JSON_END)
    for (i = 0; i < size; i += 1 + size / 16)
      require(parse(&j, data, i) != RL_JSON_ERROR);
  rl_json_free(&j);
  return 0;
}
