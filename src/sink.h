/* sink.h: where the body of an answer goes: into a buffer, through a framer, into events, or to a
 * file. Knows nothing of libcurl.
 *
 * A kind whose body is taken while it arrives (a page's items, a stream's events) tells how much of
 * it is held and whether something waits; who feeds it stops while it is full. */
#ifndef RL_SINK_H
#define RL_SINK_H

#include "buffer.h"
#include "events.h"
#include "framer.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

/* A page is not read on while this many bytes of it are held and an item waits, until fewer than
 * half of them are left. */
#define RL_SINK_HOLD_BYTES (1024u * 1024u)

/* The same of a stream of events: hundreds may be open, and nobody may take theirs for long. */
#define RL_SINK_HOLD_EVENTS (256u * 1024u)

/* The first bytes of a streamed body that are kept for messages. */
#define RL_SINK_KEPT_BYTES 200

enum rl_sink_kind { RL_SINK_BUFFER, RL_SINK_PAGE, RL_SINK_EVENTS, RL_SINK_FILE, RL_SINKS };

/* What becomes of a 2xx body; any other goes into the buffer. */
struct rl_sink_options {
  size_t max_body;              /* bytes of a buffered body, of one item or of one event */
  const char *list;             /* through a framer for this list; or NULL */
  const struct rl_text *fields; /* what rl_framer_keep_only takes; or NULL */
  size_t field_count;
  int events;       /* into events, if it is a text/event-stream */
  const char *file; /* to this file, which must not exist yet; or NULL. It is removed when it does
                       not arrive whole, and else with the sink: who wants to keep it renames it */
  int owner_only;   /* the file is for nobody else to read */
};

struct rl_sink {
  enum rl_sink_kind kind;
  int streams;             /* the body goes where the kind says */
  int mistyped;            /* the answer is 2xx, but no text/event-stream, which was wanted */
  struct rl_buffer buffer; /* of a body that is not streamed, or the beginning of one that is */
  struct rl_framer *framer;
  struct rl_events *events;
  size_t most; /* that may be held */
  int fd, error;
  char *path; /* of the file, while the sink has to remove it */
  uint64_t bytes;
  struct rl_fault fault; /* why it takes no more */
  char why[72];          /* its message, if it is no constant */
};

/* RL_OK, RL_NOMEM, or RL_SYSTEM when the file could not be made. rl_sink_free in any case. */
enum rl_status rl_sink_open(struct rl_sink *s, const struct rl_sink_options *options);

/* Takes note of the answer's head, before any of its body. `type`: its content type, or NULL. */
void rl_sink_answer(struct rl_sink *s, int status, const char *type);

/* Takes bytes of the body. 1, or 0 with the fault: of kind OK when what has arrived is an answer
 * all the same, such as a page that is no JSON. Of a mistyped one no more than the first is taken.
 */
int rl_sink_feed(struct rl_sink *s, const char *data, size_t n);

/* 1: not to be fed for now, since its reader has enough. rl_sink_is_low: it may be again. */
int rl_sink_is_full(const struct rl_sink *s);
int rl_sink_is_low(const struct rl_sink *s);

/* 1: its reader can go on: something waits, or no more of it can come. */
int rl_sink_has_news(const struct rl_sink *s);

/* No more will come; `whole`: the answer has arrived to its end. Closes the file, which goes unless
 * it is whole. 1, or 0 with the fault. */
int rl_sink_end(struct rl_sink *s, int whole);

/* The file is not to be removed: it is another process's. */
void rl_sink_forget_file(struct rl_sink *s);

/* Frees everything, and removes the file. */
void rl_sink_free(struct rl_sink *s);

/* The buffered body, or the first bytes of one that was streamed. */
struct rl_text rl_sink_text(const struct rl_sink *s);

#endif
