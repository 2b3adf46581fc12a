/* url.c: percent-encoding of one component of a URL. */
#include "url.h"

#include <string.h>

static int unreserved(unsigned char c) {
  /* not isalnum: that one depends on the locale */
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr("-._~", c) != NULL);
}

size_t rl_url_encode(char *out, const char *s, size_t n) {
  static const char hex[] = "0123456789ABCDEF";
  char *o = out;
  size_t i;
  for (i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (unreserved(c)) {
      *o++ = (char)c;
    } else {
      *o++ = '%';
      *o++ = hex[c >> 4];
      *o++ = hex[c & 15];
    }
  }
  return (size_t)(o - out);
}
