/* body.h: a long body in blocks of memory, put together a slice at a time and sent from there, by
 * several attempts if need be. It belongs to all who hold it. */
#ifndef RL_BODY_H
#define RL_BODY_H

#include "buffer.h"

struct rl_body;

/* An empty one, held once; NULL: no memory. */
struct rl_body *rl_body_new(void);

/* Puts the content of `block` at the end. RL_OK, and the block is empty then; or RL_NOMEM, and it
 * is as it was. */
enum rl_status rl_body_add(struct rl_body *b, struct rl_buffer *block);

struct rl_body *rl_body_hold(struct rl_body *b);
void rl_body_drop(struct rl_body *b); /* the last one frees it; NULL is fine */

/* Its blocks, in their order; good as long as none is added. */
const struct rl_buffer *rl_body_blocks(const struct rl_body *b, size_t *count);

#endif
