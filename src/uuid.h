/* uuid.h: random UUIDs (version 4, RFC 9562). */
#ifndef RL_UUID_H
#define RL_UUID_H

#include <stddef.h>

enum { RL_UUID_LEN = 36 };

/* Random bytes that the system gave ahead. Two processes must not share them, nor two threads. */
struct rl_random {
  unsigned char bytes[256];
  size_t left; /* of them */
};

/* Writes RL_UUID_LEN characters. `ahead` may be NULL: the system is asked for each. 0: it gives no
 * random bytes. */
int rl_uuid(struct rl_random *ahead, char *out);

#endif
