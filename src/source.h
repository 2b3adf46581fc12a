/* source.h: the body of a request that is read as it is sent: texts, files and bodies in blocks,
 * one behind the other. Knows nothing of libcurl.
 *
 * Its length is known from the beginning. A file whose size is another by the time it is read is a
 * fault: what has been sent would be no whole file, old or new. */
#ifndef RL_SOURCE_H
#define RL_SOURCE_H

#include "body.h"
#include "buffer.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct rl_piece {
  struct rl_text text;
  const char *file;     /* its path, instead of the text; a regular file */
  struct rl_body *body; /* instead of both: held, not copied */
};

struct rl_source;

/* Opens the files and copies the texts. RL_OK with *out; RL_NOMEM; RL_SYSTEM with errno when the
 * file of the piece that *at names cannot be read, ESPIPE when it is no regular one. */
enum rl_status rl_source_new(const struct rl_piece *pieces, size_t count, size_t *at,
                             struct rl_source **out);

/* Up to `n` bytes: how many, 0 at the end, or -1 with the fault. */
long rl_source_read(struct rl_source *s, char *out, size_t n);

/* Begins anew. */
void rl_source_rewind(struct rl_source *s);

uint64_t rl_source_length(const struct rl_source *s);
uint64_t rl_source_given(const struct rl_source *s); /* bytes read since it began */

/* Why it cannot be read on; its code is NULL while it can. */
const struct rl_fault *rl_source_fault(const struct rl_source *s);

/* Closes the files: it is not read any more. */
void rl_source_close(struct rl_source *s);

/* Closes and frees; NULL is fine. */
void rl_source_free(struct rl_source *s);

#endif
