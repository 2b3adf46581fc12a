/* http.h: many HTTP requests at once over libcurl's multi interface, driven by its caller. Never
 * blocks but where it is told to wait. Knows nothing of Lua.
 *
 * All times are seconds. Two clocks run: the monotonic one, for deadlines, and the client's own,
 * for timeouts, on which the caller's absence (the time between two turns) counts as at most
 * RL_HTTP_MAX_ABSENCE, so that a host that stalls does not fail its requests.
 *
 * A client and its transfers belong to one thread. After a fork the child may only free them. */
#ifndef RL_HTTP_H
#define RL_HTTP_H

#include "buffer.h"
#include "events.h"
#include "framer.h"
#include "headers.h"
#include "sink.h"
#include "source.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

#define RL_HTTP_MAX_ABSENCE 0.25

/* Requests at once over one HTTP/2 connection: what RFC 9113 6.5.2 calls the least that servers
 * should allow. */
#define RL_HTTP_MAX_STREAMS 100

struct rl_http;     /* a client: connections, and the queue of what waits for one */
struct rl_transfer; /* one request and what became of it */

struct rl_http_options {
  const struct rl_text *base_headers; /* "Name: value", sent with every request that is not bare */
  size_t base_header_count;
  long max_connections;   /* at least 1 */
  long max_streams;       /* connections of the lane of streams; at least 1 */
  int https;              /* the only scheme the client speaks: https, or http */
  int http2;              /* with https: offer HTTP/2 */
  double connect_timeout; /* on the client's clock */
  const char *ca_file;    /* a bundle of certificates instead of the system's, or NULL */
  int ca_chosen;          /* that very file is to be read, also where it is the system's bundle */
  const char *ca_path;    /* a hashed directory of them, or NULL; not with ca_file */
  const char *proxy;      /* CURLOPT_PROXY, or NULL: curl's environment variables */
};

/* Requests that share connections. */
enum rl_lane_kind {
  RL_LANE_CALLS,   /* HTTP/2 where it is offered */
  RL_LANE_PAGES,   /* and files: HTTP/1.1; without HTTP/2 they go with the calls */
  RL_LANE_STREAMS, /* HTTP/1.1, beside max_connections */
  RL_LANES
};

struct rl_request {
  struct rl_text url;
  struct rl_text method;
  const struct rl_text *body;    /* NULL: none, or: */
  const struct rl_piece *pieces; /* it is read as it is sent; NULL: it is not */
  size_t piece_count;
  const struct rl_text *headers;
  size_t header_count;
  struct rl_text key; /* sent as x-request-id; data is NULL where there is none */
  int bare;           /* base_headers are left out */
  int any_scheme;     /* the URL may be http or https, whatever the client speaks */
  int raw;            /* the body is asked for without a content coding, and none is undone */
  int once; /* libcurl does not send it again by itself when a connection, kept alive, has died */
  double timeout;  /* of a plain call: for the whole attempt; else: the longest silence */
  int patient;     /* a plain call's is the longest silence too */
  double pace;     /* it is news that bytes have moved since rl_transfer_progress was asked, at the
                      most every so many seconds; 0: it never is */
  double deadline; /* from now, on the monotonic clock; negative: none. A streamed body's stands
                      still while nobody waits for it */
  struct rl_sink_options sink; /* where the body goes */
  enum rl_lane_kind lane;      /* at least; the sink may need a later one */
};

/* What became of a transfer. The strings are good until it is freed. */
struct rl_outcome {
  enum rl_kind kind;
  const char *code; /* "OK", libcurl's name, "DEADLINE", "BODY_TOO_LARGE" and the like */
  const char *message;
  int http_version; /* 10, 11, 20, 30; 0: no answer */
  int sent;         /* bytes of the request may have reached the server */
  int repeated;     /* it was sent again at once: the connection, kept alive, had died */
  int final;        /* it would end so again, such as a proxy's refusal */
  int may_hide_cut; /* see rl_headers_may_hide_cut */
  uint64_t bytes;   /* of the body, after decompression */
};

struct rl_http_stats {
  uint64_t requests;    /* attempts that were given a connection */
  uint64_t connections; /* opened */
  uint64_t
      bytes_received; /* by transfers that have ended, headers included, before decompression */
  size_t in_flight;   /* transfers that have not ended, waiting ones included */
};

/* Initialises libcurl, once a process (curl_global_init). Returns 0, or libcurl's error code. Never
 * undone: other users of libcurl in the process may still need it. */
int rl_http_global_init(void);

struct rl_http_library {
  const char *version; /* of the libcurl that runs */
  int async_dns;       /* looking up a name does not block */
  int http2;
  int ssl;
  int quick_exit;   /* nor does ending a transfer that looks up a name */
  char codings[48]; /* Accept-Encoding, as libcurl itself would send it */
};

void rl_http_library(struct rl_http_library *out);

/* RL_OK with *out, RL_NOMEM, or RL_SHAPE when a header holds CR, LF or NUL. Copies everything. */
enum rl_status rl_http_new(const struct rl_http_options *options, struct rl_http **out);

/* Ends every transfer as cancelled and closes the connections, at once. Idempotent. Transfers can
 * still be read, and rl_http_ready still tells who was waited for. In a forked child it touches
 * nothing that the parent shares. */
void rl_http_close(struct rl_http *h);
int rl_http_closed(const struct rl_http *h);

/* Closes and frees; transfers stay readable until they are freed, in any order. */
void rl_http_free(struct rl_http *h);

/* 1 in a child process of the one that made the client. Then nothing but close and free is safe. */
int rl_http_forked(const struct rl_http *h);

/* The same without a system call, for what is done for every item and every turn; may miss a raw
 * clone. */
int rl_http_seems_forked(const struct rl_http *h);

/* Queues a request. It begins at one of the next turns. Copies everything. RL_OK with *out;
 * RL_NOMEM; RL_SHAPE when the method, the URL or a header holds what cannot be sent; RL_SYSTEM with
 * errno when the file could not be made, or one of the body's not be opened: its path is in *file,
 * unless that is NULL. */
enum rl_status rl_http_start(struct rl_http *h, const struct rl_request *request,
                             struct rl_transfer **out, const char **file);

/* One turn: begins what may begin, waits for a socket or a deadline at most `seconds` (negative: as
 * long as it takes; 0: not at all), moves a bounded number of bytes (about 64 KiB a connection, or
 * 128 KiB of a page that comes in no coding; over HTTP/2 what lies in the socket, as far as 100
 * reads go, some 2 MiB) for a bounded time, and ends what has ended. Does not wait while
 * rl_http_ready has something. Returns the number of events handled; 0: nothing happened, or a
 * signal came. */
int rl_http_turn(struct rl_http *h, double seconds);

/* Takes the next transfer from the list of those that were waited for and have news: its id, or 0.
 */
uint64_t rl_http_ready(struct rl_http *h);

/* Nothing new begins for so long. The longer one of two holds wins. */
void rl_http_hold(struct rl_http *h, double seconds);

/* The sockets to watch: the i-th (from 0) in *fd, with *readable and *writable telling what for.
 * 0 when there are no more. */
int rl_http_socket(const struct rl_http *h, size_t i, int *fd, int *readable, int *writable);

/* In how many seconds a turn is due at the latest, or a negative number: no need. While anything is
 * in flight it is at most RL_HTTP_MAX_ABSENCE, or the client's clock would fall behind. */
double rl_http_timeout(struct rl_http *h);

void rl_http_stats(const struct rl_http *h, struct rl_http_stats *out);

/* Ends the transfer if it has not ended, and frees it. NULL is fine. */
void rl_transfer_free(struct rl_transfer *t);

/* Ends it at once as cancelled; nobody is told. */
void rl_transfer_cancel(struct rl_transfer *t);

/* Unique in the process, > 0. */
uint64_t rl_transfer_id(const struct rl_transfer *t);

/* 1: there is news (it has ended, an item or event waits, the page is broken, or bytes have moved
 * and that is news). 0: from now on it is waited for; the next news puts it on the list of
 * rl_http_ready, once. Timeouts that are a longest silence run only while they are waited for. */
int rl_transfer_want(struct rl_transfer *t);

/* It is no longer waited for. */
void rl_transfer_unwant(struct rl_transfer *t);

int rl_transfer_finished(const struct rl_transfer *t);

/* Only after the end. */
void rl_transfer_outcome(const struct rl_transfer *t, struct rl_outcome *out);

/* Of the final response; the status is 0 while there is none. */
const struct rl_headers *rl_transfer_headers(const struct rl_transfer *t);

/* The buffered body, or the first bytes of one that was streamed. */
struct rl_text rl_transfer_body(const struct rl_transfer *t);

/* The framer that the body of a page goes through, or NULL: no page, or no 2xx answer. */
struct rl_framer *rl_transfer_framer(struct rl_transfer *t);

/* The events that the body of a stream is cut into, or NULL: no stream, or no 2xx answer of the
 * right type. */
struct rl_events *rl_transfer_events(struct rl_transfer *t);

/* 1: a stream of events was wanted and the answer is 2xx, but no text/event-stream. */
int rl_transfer_mistyped(const struct rl_transfer *t);

struct rl_progress {
  uint64_t sent, to_send; /* of the request's body; of one that is not read as it is sent, `sent` is
                             0 until the answer has come */
  uint64_t received;      /* of the answer's body, after decompression */
  int64_t to_receive;     /* -1: not known */
};

/* Bytes that have moved so far. A transfer has no news of that until more have. */
void rl_transfer_progress(struct rl_transfer *t, struct rl_progress *out);

/* To be called after items or events were dropped: reads on if enough of what is held is gone. */
void rl_transfer_resume(struct rl_transfer *t);

#endif
