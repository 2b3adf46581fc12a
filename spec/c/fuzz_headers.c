/* fuzz_headers.c: libFuzzer on the response's headers. The input is cut at its line feeds, as
 * libcurl would do it; what the walk over the headers yields must hold whatever came. */
#include "../../src/headers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

static void check(const struct rl_headers *h) {
  size_t position = 0;
  const char *name, *value, *p;
  while (rl_headers_next(h, &position, &name, &value)) {
    require(name[0] != '\0' && position <= h->fields.len);
    for (p = name; *p != '\0'; p++)
      require((*p < 'A' || *p > 'Z') && *p > ' ' && *p != ':');
    require(strchr(value, '\n') == NULL && value[0] != ' ' && value[0] != '\t');
    require(rl_headers_find(h, name) != NULL);
  }
  require(position == h->fields.len);
  require(h->status >= 0 && h->status <= 999 && h->interim <= RL_HEADERS_MAX_INTERIM + 1);
  require(h->fields.len <= 2 * (size_t)RL_HEADERS_MAX_BYTES);
  (void)rl_headers_may_hide_cut(h, 1);
  (void)rl_headers_length(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *p = (const char *)data, *end = p + size;
  struct rl_headers h;
  size_t lines = 0;
  rl_headers_init(&h);
  while (p < end) {
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    size_t n = newline != NULL ? (size_t)(newline - p) + 1 : (size_t)(end - p);
    if (rl_headers_line(&h, p, n) != RL_OK)
      break;
    lines++;
    if ((lines & (lines - 1)) == 0) /* at powers of two, since it looks at all of them */
      check(&h);
    p += n;
  }
  check(&h);
  rl_headers_free(&h);
  return 0;
}
