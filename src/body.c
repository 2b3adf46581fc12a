/* body.c: a long body in blocks of memory. */
#include "body.h"

#include "alloc.h"

#include <stdint.h>

struct rl_body {
  size_t holders;
  struct rl_buffer blocks; /* a struct rl_buffer each */
};

struct rl_body *rl_body_new(void) {
  struct rl_body *b = rl_malloc(sizeof *b);
  if (b == NULL)
    return NULL;
  b->holders = 1;
  rl_buffer_init(&b->blocks, SIZE_MAX);
  return b;
}

enum rl_status rl_body_add(struct rl_body *b, struct rl_buffer *block) {
  char *data;
  if (block->len == 0) {
    rl_buffer_free(block);
    return RL_OK;
  }
  if (rl_buffer_reserve(&b->blocks, sizeof *block) != RL_OK)
    return RL_NOMEM;
  if (block->cap - block->len > block->len / 8 &&
      (data = rl_realloc(block->data, block->len + 1)) != NULL) {
    block->data = data;
    block->cap = block->len + 1;
  }
  (void)rl_buffer_append(&b->blocks, block, sizeof *block);
  rl_buffer_init(block, block->limit);
  return RL_OK;
}

struct rl_body *rl_body_hold(struct rl_body *b) {
  b->holders++;
  return b;
}

void rl_body_drop(struct rl_body *b) {
  struct rl_buffer *blocks;
  size_t i;
  if (b == NULL || --b->holders > 0)
    return;
  blocks = (struct rl_buffer *)(void *)b->blocks.data;
  for (i = 0; i < b->blocks.len / sizeof *blocks; i++)
    rl_buffer_free(&blocks[i]);
  rl_buffer_free(&b->blocks);
  rl_free(b);
}

const struct rl_buffer *rl_body_blocks(const struct rl_body *b, size_t *count) {
  *count = b->blocks.len / sizeof(struct rl_buffer);
  return (const struct rl_buffer *)(const void *)b->blocks.data;
}
