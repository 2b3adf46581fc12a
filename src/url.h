/* url.h: percent-encoding of one component of a URL. */
#ifndef RL_URL_H
#define RL_URL_H

#include <stddef.h>

/* Writes the encoded form of `n` bytes at `s` to `out`, which must hold 3 * n bytes, and returns
 * the number of bytes written. Everything but A-Z a-z 0-9 - . _ ~ is encoded, so the result is fit
 * for a path segment as well as for a query's name or value. */
size_t rl_url_encode(char *out, const char *s, size_t n);

#endif
