/* url_test.c: percent-encoding. */
#include "url.h"

#include <string.h>

#include "test.h"

static void encodes(const char *in, size_t n, const char *expected) {
  char out[256];
  size_t len = rl_url_encode(out, in, n);
  CHECK(len == strlen(expected) && memcmp(out, expected, len) == 0, "%s became %.*s", expected,
        (int)len, out);
}

static void keeps_unreserved_characters(void) {
  const char *s = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  encodes(s, strlen(s), s);
}

static void encodes_everything_else(void) {
  int c;
  for (c = 0; c < 256; c++) {
    char in = (char)c, out[3], expected[4];
    size_t n = rl_url_encode(out, &in, 1);
    int plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                c == '-' || c == '.' || c == '_' || c == '~';
    snprintf(expected, sizeof expected, "%%%02X", (unsigned)c);
    CHECK(plain ? n == 1 && out[0] == in : n == 3 && memcmp(out, expected, 3) == 0, "byte %d", c);
  }
}

int main(void) {
  encodes("", 0, "");
  encodes("a b", 3, "a%20b");
  encodes("a/../b?c=d&e#f", 14, "a%2F..%2Fb%3Fc%3Dd%26e%23f");
  encodes("%41", 3, "%2541");
  encodes("nul\0byte", 8, "nul%00byte");
  encodes("\xC3\xA9\xE2\x82\xAC", 5, "%C3%A9%E2%82%AC");
  keeps_unreserved_characters();
  encodes_everything_else();
  return test_summary("url");
}
