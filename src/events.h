/* events.h: cuts the events out of a text/event-stream as its bytes arrive, without decoding them.
 *
 * As WHATWG HTML, 9.2.6 "Interpreting an event stream", has it: lines end with LF, CR or CRLF; an
 * event ends with an empty line, and one that has not ended with the stream is dropped; several
 * lines of data are joined by LF; one without data is none. Bytes that are not UTF-8 stay as they
 * are. */
#ifndef RL_EVENTS_H
#define RL_EVENTS_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct rl_events;

/* The pointers are never NULL. */
struct rl_event {
  const char *data, *name, *id;
  size_t data_len;
  size_t name_len; /* 0: it has no name of its own */
  size_t id_len;   /* of the last id that came with this event or before */
};

/* `max_event` caps the bytes of one event and, a little higher, those of one line. NULL when out of
 * memory. */
struct rl_events *rl_events_new(size_t max_event);
void rl_events_free(struct rl_events *e); /* NULL is fine */

/* Takes the next bytes of the body, in pieces of any size. RL_TOO_LARGE or RL_NOMEM; after an
 * error: the same error again. Events that were complete before can still be taken. */
enum rl_status rl_events_feed(struct rl_events *e, const char *data, size_t n);

/* The body has ended. What is there of an event that has not ended is dropped. */
void rl_events_end(struct rl_events *e);

/* 1 while an event, or a line that may become one, has begun and not ended; also after the end. */
int rl_events_inside(const struct rl_events *e);

/* RL_OK, or the error with its message and the 0-based offset of the byte in the body. The pointers
 * may be NULL. */
enum rl_status rl_events_error(const struct rl_events *e, const char **message, uint64_t *offset);

size_t rl_events_waiting(const struct rl_events *e);  /* complete events not dropped yet */
size_t rl_events_count(const struct rl_events *e);    /* complete events seen in all */
size_t rl_events_buffered(const struct rl_events *e); /* bytes held, bookkeeping included */

/* The oldest waiting event: 1 with its texts, which are good until the next feed or drop, or 0 when
 * none waits. */
int rl_events_first(const struct rl_events *e, struct rl_event *out);

/* The oldest waiting event has been used. */
void rl_events_drop(struct rl_events *e);

/* The last `retry` that the server sent, in milliseconds, or -1. */
int64_t rl_events_retry(const struct rl_events *e);

#endif
