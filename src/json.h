/* json.h: a strict pull parser for JSON (RFC 8259) over one contiguous text. */
#ifndef RL_JSON_H
#define RL_JSON_H

#include "buffer.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

#define RL_JSON_MAX_DEPTH 512   /* containers inside each other */
#define RL_JSON_MAX_NUMBER 4096 /* bytes of one number */

enum rl_json_token {
  RL_JSON_ERROR,
  RL_JSON_MORE, /* the text ended inside the value; status, message and offset are set as well */
  RL_JSON_END,  /* one whole value was read */
  RL_JSON_OBJECT,
  RL_JSON_OBJECT_END,
  RL_JSON_ARRAY,
  RL_JSON_ARRAY_END,
  RL_JSON_KEY, /* the colon after it has been read too */
  RL_JSON_STRING,
  RL_JSON_INTEGER,
  RL_JSON_NUMBER,
  RL_JSON_TRUE,
  RL_JSON_FALSE,
  RL_JSON_NULL
};

struct rl_json {
  const char *text; /* of KEY, STRING and numbers: points into the input, or into scratch when a */
  size_t text_len;  /* string had to be rewritten; good until the next call, not NUL-terminated */
  int64_t integer;  /* of INTEGER */
  double number;    /* of NUMBER */

  enum rl_status status; /* RL_OK, RL_NOMEM, RL_TOO_LARGE, RL_TOO_DEEP or RL_SYNTAX */
  const char *message;   /* of an error, a constant */
  size_t offset;         /* of the byte where the error is, 0-based */

  /* private */
  const char *start, *p, *end;
  struct rl_buffer own, *scratch; /* a copy of the parser shares the scratch of the first */
  unsigned state;
  unsigned depth;
  uint32_t arrays[RL_JSON_MAX_DEPTH / 32]; /* one bit a level: array or object */
};

/* The parser must stay where it is from then on. */
void rl_json_init(struct rl_json *j);
void rl_json_free(struct rl_json *j);

/* Begins with a new text, which must stay where it is until the value has been read. May be called
 * at any time, also in the middle of another text. */
void rl_json_start(struct rl_json *j, const char *data, size_t len);

/* The next token. After ERROR, MORE and END the same is returned again.
 * Strings are always well-formed UTF-8: each maximal subpart of an ill-formed sequence and each
 * lone surrogate has become U+FFFD. Integers that fit int64 are INTEGER, all other numbers (and -0)
 * are NUMBER; a number that overflows a double is an error. */
enum rl_json_token rl_json_next(struct rl_json *j);

/* For a reader of its own that leaves what is wrong to rl_json_next, on the text of rl_json_start:
 * the string whose quote is at `p`, or the number there. Both return behind it, or NULL. */
const char *rl_json_string_at(struct rl_json *j, const char *p);
const char *rl_json_number_at(struct rl_json *j, const char *p, int *whole);

/* After END: the offset of the first byte behind the value. */
size_t rl_json_rest(const struct rl_json *j);

/* After END: 1 when only white space follows, else 0 with the error set to the first other byte. */
int rl_json_only(struct rl_json *j);

#endif
