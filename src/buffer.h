/* buffer.h: a byte buffer that grows up to a ceiling and never beyond it. */
#ifndef RL_BUFFER_H
#define RL_BUFFER_H

#include "status.h"

#include <stddef.h>

/* Bytes that somebody else owns. */
struct rl_text {
  const char *data;
  size_t len;
};

struct rl_buffer {
  char *data;   /* NUL-terminated when not NULL */
  size_t len;   /* without the NUL */
  size_t cap;   /* bytes allocated */
  size_t limit; /* the most that len may become */
};

void rl_buffer_init(struct rl_buffer *b, size_t limit);

/* What rl_buffer_reserve does where there is no room. */
enum rl_status rl_buffer_grow(struct rl_buffer *b, size_t n);

/* Makes room for `n` bytes after the ones that are there. RL_TOO_LARGE past the limit, RL_NOMEM;
 * in both cases the content stays as it was. */
static inline enum rl_status rl_buffer_reserve(struct rl_buffer *b, size_t n) {
  return b->cap - b->len > n ? RL_OK : rl_buffer_grow(b, n);
}

/* Appends `n` bytes; fails like rl_buffer_reserve. `p` may be NULL when `n` is 0. */
enum rl_status rl_buffer_append(struct rl_buffer *b, const void *p, size_t n);

/* Forgets the content; keeps a small block for the next use and gives a large one back. */
void rl_buffer_reset(struct rl_buffer *b);

/* Gives back half of a block of more than 4 MiB of which less than a quarter is in use. */
void rl_buffer_shrink(struct rl_buffer *b);

/* Closes a gap of `used` bytes at the front when it makes up half of the content, so that each byte
 * is moved once at the most. Returns what is left of the gap. */
size_t rl_buffer_close_gap(struct rl_buffer *b, size_t used);

/* Both leave an empty buffer that may be used again. A buffer that is to be wiped must have been
 * reserved in full before the secret went in: growing leaves old copies behind. */
void rl_buffer_free(struct rl_buffer *b);
void rl_buffer_wipe_free(struct rl_buffer *b);

#endif
