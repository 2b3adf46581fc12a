/* encode.h: texts and numbers as JSON, appended to a buffer. */
#ifndef RL_ENCODE_H
#define RL_ENCODE_H

#include "buffer.h"

#include <stddef.h>
#include <stdint.h>

/* All of these fail like rl_buffer_reserve. */

enum rl_status rl_encode_integer(struct rl_buffer *b, int64_t n);

/* The shortest text that reads back as the same double, always with a point or an exponent. `x`
 * must be finite. */
enum rl_status rl_encode_number(struct rl_buffer *b, double x);

/* A text with its quotes. RL_SYNTAX: it is not well-formed UTF-8. */
enum rl_status rl_encode_string(struct rl_buffer *b, const char *p, size_t n);

/* The same of a name, between a comma, if there is to be one, and a colon. */
enum rl_status rl_encode_name(struct rl_buffer *b, int comma, const char *p, size_t n);

/* A part of a long text, without quotes: `most` bytes of it from *at on, a character's few more, or
 * up to `end`. Sets *at behind it. */
enum rl_status rl_encode_part(struct rl_buffer *b, const char **at, const char *end, size_t most);

#endif
