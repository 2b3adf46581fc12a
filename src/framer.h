/* framer.h: cuts the items of a list out of a page as its bytes arrive, without decoding them.
 *
 * A page is a JSON object with the list as one of its members: {"scenarios":[...],"has_more":true}.
 * What lies between the items and members is checked strictly as it arrives, other members when
 * they are complete; the inside of an item is only searched for its end (brackets must match), and
 * is checked by whoever decodes it. */
#ifndef RL_FRAMER_H
#define RL_FRAMER_H

#include "buffer.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct rl_framer;

/* `key` names the list; `max_item` caps the bytes of one item, and those of all other members
 * together. NULL when out of memory. */
struct rl_framer *rl_framer_new(const char *key, size_t max_item);
void rl_framer_free(struct rl_framer *f); /* NULL is fine */

/* Of items that are objects only the members with these names are kept, which are copied. What is
 * left out is searched for its end, no more: quotes and brackets must match. A name with escapes
 * counts as what it means. Before any bytes came, and once. */
enum rl_status rl_framer_keep_only(struct rl_framer *f, const struct rl_text *names, size_t count);

/* Takes a buffer to hold items in, before any bytes came, and gives one back, after which no item
 * waits any more: the memory of a page that has been read serves the next, for which the kernel
 * would clear new pages. */
void rl_framer_borrow(struct rl_framer *f, struct rl_buffer *spare);
void rl_framer_return(struct rl_framer *f, struct rl_buffer *spare);

/* Takes the next bytes of the body, in pieces of any size. After an error: the same error again.
 * Items that were complete before an error can still be taken.
 * RL_SYNTAX: not JSON. RL_SHAPE: not an object, the list is missing, no array or there twice.
 * RL_TOO_LARGE, RL_TOO_DEEP, RL_NOMEM. */
enum rl_status rl_framer_feed(struct rl_framer *f, const char *data, size_t n);

/* The body has ended: what is missing becomes an error. Returns like rl_framer_feed. */
enum rl_status rl_framer_end(struct rl_framer *f);

/* 1 when the only error is that the body ended too soon. */
int rl_framer_cut_short(const struct rl_framer *f);

/* 1 when the document is closed and nothing but white space followed so far. */
int rl_framer_done(const struct rl_framer *f);

/* RL_OK, or the error with its message and the 0-based offset of the byte in the body. The pointers
 * may be NULL. */
enum rl_status rl_framer_error(const struct rl_framer *f, const char **message, uint64_t *offset);

size_t rl_framer_waiting(const struct rl_framer *f);  /* complete items not dropped yet */
size_t rl_framer_count(const struct rl_framer *f);    /* complete items seen in all */
size_t rl_framer_buffered(const struct rl_framer *f); /* bytes held, bookkeeping included */

/* The oldest and the newest waiting item: 1 with its bytes, which are good until the next feed or
 * drop, or 0 when none waits. */
int rl_framer_first(const struct rl_framer *f, const char **p, size_t *n);
int rl_framer_last(const struct rl_framer *f, const char **p, size_t *n);

/* Where in the body byte `at` of the oldest waiting item was. */
uint64_t rl_framer_offset(const struct rl_framer *f, size_t at);

/* The oldest waiting item has been used. */
void rl_framer_drop(struct rl_framer *f);

/* The text of a JSON object with all complete top-level members but the list. Good until the next
 * feed. */
const char *rl_framer_members(const struct rl_framer *f, size_t *n);

#endif
