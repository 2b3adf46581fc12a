/* buffer.c: a byte buffer that grows up to a ceiling. */
#include "buffer.h"

#include "alloc.h"

#include <stdint.h>
#include <string.h>

/* A page's buffer is filled and emptied all the time, and mostly stays below SHRINK_ABOVE: to give
 * memory back and have it cleared anew by the kernel took a tenth of a list's time. */
enum { FIRST = 256, KEEP = 64 * 1024, SHRINK_ABOVE = 4 * 1024 * 1024 };

void rl_buffer_init(struct rl_buffer *b, size_t limit) {
  b->data = NULL;
  b->len = b->cap = 0;
  b->limit = limit < SIZE_MAX / 2 ? limit : SIZE_MAX / 2;
}

enum rl_status rl_buffer_grow(struct rl_buffer *b, size_t n) {
  size_t need, cap;
  char *data;
  if (n > b->limit - b->len)
    return RL_TOO_LARGE;
  need = b->len + n + 1;
  if (need <= b->cap)
    return RL_OK;
  cap = b->cap > 0 ? b->cap * 2 : FIRST;
  if (cap > b->limit)
    cap = b->limit + 1;
  if (cap < need)
    cap = need;
  data = rl_realloc(b->data, cap);
  if (data == NULL)
    return RL_NOMEM;
  b->data = data;
  b->cap = cap;
  data[b->len] = '\0';
  return RL_OK;
}

enum rl_status rl_buffer_append(struct rl_buffer *b, const void *p, size_t n) {
  enum rl_status status = rl_buffer_reserve(b, n);
  if (status != RL_OK || n == 0)
    return status;
  memcpy(b->data + b->len, p, n);
  b->len += n;
  b->data[b->len] = '\0';
  return RL_OK;
}

void rl_buffer_reset(struct rl_buffer *b) {
  b->len = 0;
  if (b->cap > KEEP)
    rl_buffer_free(b);
  else if (b->data != NULL)
    b->data[0] = '\0';
}

void rl_buffer_shrink(struct rl_buffer *b) {
  char *data;
  if (b->cap <= SHRINK_ABOVE || b->len >= b->cap / 4)
    return;
  data = rl_realloc(b->data, b->cap / 2);
  if (data == NULL)
    return;
  b->data = data;
  b->cap /= 2;
}

size_t rl_buffer_close_gap(struct rl_buffer *b, size_t used) {
  size_t live = b->len - used;
  if (used == 0 || used < live)
    return used;
  memmove(b->data, b->data + used, live);
  b->len = live;
  rl_buffer_shrink(b);
  return 0;
}

void rl_buffer_free(struct rl_buffer *b) {
  rl_free(b->data);
  b->data = NULL;
  b->len = b->cap = 0;
}

void rl_buffer_wipe_free(struct rl_buffer *b) {
  if (b->data != NULL)
    rl_wipe(b->data, b->cap);
  rl_buffer_free(b);
}
