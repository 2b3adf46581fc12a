/* scrub.h: finds secrets in texts that are about to be shown, in whatever spelling. */
#ifndef RL_SCRUB_H
#define RL_SCRUB_H

#include "status.h"

#include <stddef.h>

/* A shorter one is a word that texts have anyway: taking it out would garble them, and tell it. */
#define RL_SCRUB_SHORTEST 8

/* Of a longer one the rest is not kept; where its beginning stands, all that follows goes. */
#define RL_SCRUB_LONGEST 16384

/* As many are known at once; a further one takes the place of the oldest. */
#define RL_SCRUB_SECRETS 256

struct rl_secret {
  unsigned char *data; /* NULL: none here */
  size_t len;
  int cut;  /* it is longer than what is kept */
  int next; /* the place of the next one with the same first byte, or -1 */
};

struct rl_scrub {
  struct rl_secret secrets[RL_SCRUB_SECRETS];
  int first[256]; /* by the first byte: a place, or -1 */
  int oldest;     /* the place that is taken next */
};

void rl_scrub_init(struct rl_scrub *s);

/* Wipes and frees all that is known. */
void rl_scrub_free(struct rl_scrub *s);

/* Keeps a copy of a secret that is not known yet and is long enough. RL_OK or RL_NOMEM. */
enum rl_status rl_scrub_add(struct rl_scrub *s, const char *secret, size_t len);

/* The next secret in the text, from `from` on: 1 with where it stands in *at and *len, or 0. It is
 * found as it is, percent-encoded, escaped as in JSON, in HTML or XML, or cut off by the end of the
 * text behind its first RL_SCRUB_SHORTEST bytes. */
int rl_scrub_find(const struct rl_scrub *s, const char *text, size_t text_len, size_t from,
                  size_t *at, size_t *len);

#endif
