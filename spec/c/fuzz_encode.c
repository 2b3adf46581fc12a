/* fuzz_encode.c: libFuzzer on the encoder: what it writes, the parser reads as what it was; it
 * refuses what the parser would have to mend; and parts come to the same as the whole. */
#include "encode.h"
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

static void check_number(struct rl_json *j, struct rl_buffer *b, const uint8_t *data) {
  double x;
  int64_t n;
  memcpy(&x, data, sizeof x);
  memcpy(&n, data, sizeof n);
  b->len = 0;
  require(rl_encode_integer(b, n) == RL_OK);
  rl_json_start(j, b->data, b->len);
  require(rl_json_next(j) == RL_JSON_INTEGER && j->integer == n && rl_json_next(j) == RL_JSON_END);
  if (!isfinite(x))
    return;
  b->len = 0;
  require(rl_encode_number(b, x) == RL_OK && b->len <= 26);
  rl_json_start(j, b->data, b->len);
  require(rl_json_next(j) == RL_JSON_NUMBER && j->number == x && signbit(j->number) == signbit(x));
  require(rl_json_next(j) == RL_JSON_END);
}

/* Whether the parser takes the bytes for text as it is: they are put between quotes for that, what
 * would have to be escaped replaced. */
static int is_text(struct rl_json *j, struct rl_buffer *b, const uint8_t *data, size_t size) {
  size_t i;
  b->len = 0;
  require(rl_buffer_append(b, "\"", 1) == RL_OK);
  require(rl_buffer_append(b, data, size) == RL_OK);
  for (i = 1; i <= size; i++)
    if ((unsigned char)b->data[i] < ' ' || b->data[i] == '"' || b->data[i] == '\\')
      b->data[i] = 'x';
  require(rl_buffer_append(b, "\"", 1) == RL_OK);
  rl_json_start(j, b->data, b->len);
  require(rl_json_next(j) == RL_JSON_STRING);
  return j->text_len == size && memcmp(j->text, b->data + 1, size) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rl_json j;
  struct rl_buffer whole, parts;
  char *copy = malloc(size > 0 ? size : 1); /* of its own size shows a byte read too far */
  const char *p = copy;
  enum rl_status status;
  int text;
  require(copy != NULL);
  if (size > 0)
    memcpy(copy, data, size);
  rl_json_init(&j);
  rl_buffer_init(&whole, SIZE_MAX);
  rl_buffer_init(&parts, SIZE_MAX);
  if (size >= 8)
    check_number(&j, &whole, data);
  text = is_text(&j, &whole, data, size);
  whole.len = 0;
  status = rl_encode_string(&whole, copy, size);
  require(status == (text ? RL_OK : RL_SYNTAX));
  require(rl_buffer_append(&parts, "\"", 1) == RL_OK);
  status = RL_OK;
  while (p < copy + size && status == RL_OK)
    status = rl_encode_part(&parts, &p, copy + size, 1 + (size_t)data[0] % 70);
  require(status == (text ? RL_OK : RL_SYNTAX));
  require(rl_buffer_append(&parts, "\"", 1) == RL_OK);
  if (text) {
    require(parts.len == whole.len && memcmp(parts.data, whole.data, whole.len) == 0);
    rl_json_start(&j, whole.data, whole.len);
    require(rl_json_next(&j) == RL_JSON_STRING);
    require(j.text_len == size && memcmp(j.text, copy, size) == 0);
    require(rl_json_next(&j) == RL_JSON_END && rl_json_only(&j));
  }
  rl_buffer_free(&whole);
  rl_buffer_free(&parts);
  rl_json_free(&j);
  free(copy);
  return 0;
}
