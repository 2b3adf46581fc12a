/* parts.h: keeps of a JSON object only the members that are wanted, as its bytes come in.
 *
 * What lies between its members is checked strictly, a name when it is complete. What is left out
 * is searched for its end, no more: quotes and brackets must match. What is kept is for its decoder
 * to check. */
#ifndef RL_PARTS_H
#define RL_PARTS_H

#include "buffer.h"
#include "status.h"

#include <stddef.h>

struct rl_parts;

/* The names of the members that are wanted, which are copied. A name with escapes counts as what it
 * means. NULL when out of memory. */
struct rl_parts *rl_parts_new(const struct rl_text *names, size_t count);
void rl_parts_free(struct rl_parts *s); /* NULL is fine */

/* An object begins, inside of `around` containers. */
void rl_parts_begin(struct rl_parts *s, unsigned around);

/* Takes the next bytes of the object, from `p` up to `stop`, and appends what is wanted to `out`:
 * when it is whole, the text of an object with only these members, as they came. Returns behind the
 * object's end with *whole set, or, after an error, anywhere, or `stop`. */
const char *rl_parts_take(struct rl_parts *s, struct rl_buffer *out, const char *p,
                          const char *stop, int *whole);

/* RL_OK, or the error with its message and where in the object it is: RL_SYNTAX, RL_TOO_DEEP or
 * RL_NOMEM. */
enum rl_status rl_parts_error(const struct rl_parts *s, const char **message, size_t *at);

/* Of the object at hand: how many bytes are kept of it, and what tells rl_parts_place where they
 * were. */
size_t rl_parts_kept(const struct rl_parts *s);
struct rl_text rl_parts_gaps(const struct rl_parts *s);

/* Where in the object byte `at` of the text that is kept of it was. */
size_t rl_parts_place(struct rl_text gaps, size_t at);

#endif
