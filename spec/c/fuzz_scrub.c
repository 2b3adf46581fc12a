/* fuzz_scrub.c: libFuzzer on the search for secrets. The first line of the input is a secret, the
 * rest a text in which it must be found wherever it stands, and from which cutting what is found
 * must leave none. */
#include "../../src/alloc.h"
#include "../../src/scrub.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

/* Where the secret stands in the text as it is, or the text's length. */
static size_t plain(const char *text, size_t len, const char *secret, size_t secret_len) {
  size_t i;
  for (i = 0; i + secret_len <= len; i++)
    if (memcmp(text + i, secret, secret_len) == 0)
      return i;
  return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *secret = (const char *)data;
  const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
  size_t secret_len = newline != NULL ? (size_t)(newline - data) : size;
  const char *text = newline != NULL ? secret + secret_len + 1 : secret;
  size_t len = newline != NULL ? size - secret_len - 1 : size;
  size_t from = 0, at, found;
  struct rl_scrub scrub;
  rl_scrub_init(&scrub);
  require(rl_scrub_add(&scrub, secret, secret_len) == RL_OK);
  while (rl_scrub_find(&scrub, text, len, from, &at, &found)) {
    require(secret_len >= RL_SCRUB_SHORTEST && found >= RL_SCRUB_SHORTEST);
    require(at >= from && found <= len && at <= len - found);
    require(plain(text + from, len - from, secret, secret_len) >= at - from);
    from = at + found;
  }
  if (secret_len >= RL_SCRUB_SHORTEST)
    require(plain(text + from, len - from, secret, secret_len) == len - from);
  rl_scrub_free(&scrub);
  return 0;
}
