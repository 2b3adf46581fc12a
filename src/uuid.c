/* uuid.c: random UUIDs. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* getentropy with -std=c99 */
#endif

#include "uuid.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { BYTES = 16 };

/* What was given out is wiped. */
static int draw(struct rl_random *ahead, unsigned char *out) {
  unsigned char *next;
  if (ahead == NULL)
    return getentropy(out, BYTES) == 0;
  if (ahead->left < BYTES) {
    if (getentropy(ahead->bytes, sizeof ahead->bytes) != 0)
      return 0;
    ahead->left = sizeof ahead->bytes;
  }
  ahead->left -= BYTES;
  next = ahead->bytes + ahead->left;
  memcpy(out, next, BYTES);
  memset(next, 0, BYTES);
  return 1;
}

int rl_uuid(struct rl_random *ahead, char *out) {
  static const char hex[] = "0123456789abcdef";
  unsigned char r[BYTES];
  int i;
  if (!draw(ahead, r))
    return 0;
  r[6] = (unsigned char)((r[6] & 0x0F) | 0x40);
  r[8] = (unsigned char)((r[8] & 0x3F) | 0x80);
  for (i = 0; i < BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *out++ = '-';
    *out++ = hex[r[i] >> 4];
    *out++ = hex[r[i] & 15];
  }
  return 1;
}
