/* ends.h: finds where a JSON value ends as its bytes come in, without reading it: of its inside no
 * more is known than that brackets and quotes match. */
#ifndef RL_ENDS_H
#define RL_ENDS_H

#include "json.h"
#include "status.h"

#include <stdint.h>

struct rl_end {
  unsigned around; /* containers around the value */
  unsigned depth;  /* containers open, those around it included */
  int scalar;      /* neither container nor string: only what follows shows where it ends */
  int in_string;
  int escaped;                             /* the last byte was a backslash in a string */
  uint32_t arrays[RL_JSON_MAX_DEPTH / 32]; /* one bit a level: array or object */

  enum rl_status status; /* RL_OK, RL_SYNTAX or RL_TOO_DEEP */
  const char *message;   /* of an error, a constant */
};

/* A value begins, inside of `around` containers, with the byte `first`, which is not consumed yet.
 * 0: no value begins so. */
int rl_end_begin(struct rl_end *e, unsigned around, char first);

/* Looks for the value's end from `p` up to `stop`. Returns behind it with *whole set, or behind the
 * byte of an error, or `stop`. */
const char *rl_end_find(struct rl_end *e, const char *p, const char *stop, int *whole);

#endif
