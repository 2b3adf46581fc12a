/* fuzz_url.c: libFuzzer on percent-encoding: what it yields is safe, and decodes to the input. */
#include "url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
  if (!condition)
    abort();
}

static unsigned hex(char c) {
  static const char digits[] = "0123456789ABCDEF";
  const char *at = c != '\0' ? strchr(digits, c) : NULL;
  require(at != NULL);
  return (unsigned)(at - digits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *out = malloc(3 * size + 1), *p = out;
  size_t n, i;
  if (out == NULL)
    return 0;
  n = rl_url_encode(out, (const char *)data, size);
  require(n <= 3 * size);
  out[n] = '\0';
  require(strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%") == n);
  for (i = 0; i < size; i++) {
    unsigned c = (unsigned char)*p++;
    if (c == '%') {
      c = hex(p[0]) << 4 | hex(p[1]);
      p += 2;
      require(strchr("-._~", (int)c) == NULL || c == 0);
    }
    require(c == data[i]);
  }
  require(p == out + n);
  free(out);
  return 0;
}
