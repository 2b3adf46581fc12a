/* fuzz_project.c: libFuzzer on taking objects apart: of a text that is JSON, all members that are
 * wanted and no others are left, with the values that they had. */
#include "project.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

static const struct rl_name wanted[] = {{"id", 2}, {"a", 1}};

struct outcome {
  int valid, object;
  size_t members, wanted;
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
        in |= j->text_len == wanted[i].len && memcmp(j->text, wanted[i].text, j->text_len) == 0;
      o.wanted += (size_t)in;
    }
    if (in && depth > 0)
      add_token(&o.hash, j, token);
    if (token == RL_JSON_OBJECT || token == RL_JSON_ARRAY)
      depth++;
  }
  o.valid = token == RL_JSON_END && rl_json_only(j);
  return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rl_json j;
  struct outcome all, left;
  char *copy = malloc(size > 0 ? size : 1), *out = malloc(size > 0 ? size : 1);
  size_t len;
  require(copy != NULL && out != NULL);
  if (size > 0)
    memcpy(copy, data, size);
  rl_json_init(&j);
  all = read_all(&j, copy, size);
  len = rl_project(wanted, 2, &j, copy, size, out);
  require(len <= size);
  if (all.valid)
    require((len > 0) == all.object);
  if (all.valid && len > 0) {
    left = read_all(&j, out, len);
    require(left.valid && left.object && left.members == all.wanted && left.wanted == all.wanted);
    require(left.hash == all.hash);
  }
  rl_json_free(&j);
  free(copy);
  free(out);
  return 0;
}
