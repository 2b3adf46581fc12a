/* http_private.h: what http.c (the queue and the turns), lane.c (libcurl's multi handles) and
 * transfer.c (one request and its answer) share.
 *
 * A transfer's state, and the list of its lane that its `place` is in:
 *
 *   QUEUED ----------------> ACTIVE -----------------> FINISHED
 *   queue   there is room    active_list   outcome      none
 *     |                        |  libcurl has it         ^
 *     | <- nothing was sent ---+  (t->easy)              |
 *     +--- deadline, cancelled, closed ------------------+
 *
 * While it is active, libcurl lets it wait for another one's connection (rl_transfer_waits), opens
 * one (connecting), has one (started, and the lane counts it as begun), or has all of the answer
 * while it still sends the request (answered).
 *
 * armed    somebody waits for news (rl_transfer_want)
 * news     something to tell: it has ended, something waits in its sink, bytes have moved; the link
 *          is in http->ready once that has been noted
 * held     not read, since its reader has enough; the link `pause` is in http->paused when it has
 *          only had its share of the turn
 * skipped  of a lane: a socket was ready, and its turn did not come
 * muted    of a socket: not watched for writing for a moment
 * suspect  of a lane: to be retired; what it has begun ends in the retired one, whose heir it is */
#ifndef RL_HTTP_PRIVATE_H
#define RL_HTTP_PRIVATE_H

#include "http.h"
#include "list.h"
#include "platform.h"
#include "poller.h"
#include "sink.h"

#include <curl/curl.h>
#include <sys/types.h>

/* 1: libcurl can be given a URL that it has taken apart already. */
#define RL_TAKES_URLS_APART (LIBCURL_VERSION_NUM >= 0x073f00)

enum rl_state { RL_NEW, RL_QUEUED, RL_ACTIVE, RL_FINISHED };

/* A libcurl handle for one lane and sink, with everything set that does not depend on the request;
 * kept and used again. It is what libcurl calls back with, and leads to the transfer. */
struct rl_easy {
  CURL *curl;
  struct rl_transfer *transfer; /* NULL while it is in the pool */
  struct rl_easy *next;         /* in the lane's pool */
  int custom_method;            /* CURLOPT_CUSTOMREQUEST is set */
  int any_scheme;               /* http and https are allowed */
  int raw;                      /* content codings are not undone */
  int hashed;                   /* the system's directory of certificates stands for its bundle */
  long read_bytes;              /* in one read; 0: not set yet */
  int known_origin; /* CURLOPT_CURLU and CURLOPT_REQUEST_TARGET are set, else CURLOPT_URL */
  long connect_ms;  /* CURLOPT_CONNECTTIMEOUT_MS; 0: not set yet */
  int spent;        /* not to be used again */
  char message[CURL_ERROR_SIZE]; /* libcurl writes here */
};

/* Where certificates are, as far as that can change. */
struct rl_ca {
  struct rl_stamp bundle, directory;
};

/* Requests that share connections: a multi handle. There are several, since a page that is held
 * back must have a connection of its own, and a stream that stays open must keep none from others;
 * and those that were retired, since their connections are no longer trusted: what has begun over
 * them may go on to its end. */
struct rl_lane {
  struct rl_http *http;
  struct rl_lane *next; /* of all */
  struct rl_lane *heir; /* of a retired lane: the one that took its place; else itself */
  CURLM *multi;         /* NULL until it is needed, and after it failed */
  long kept;            /* connections that may stay open */
  int shared;           /* HTTP/2 is offered: a connection may serve many transfers */
  int protocol;         /* of the last answer: 10, 11, 20; 0: no answer yet */
  int plain;            /* the last page came in no content coding */
  int starved;          /* a socket could not be watched for want of memory */
  double timer; /* when libcurl wants to be called, on the monotonic clock; 0: at once; negative: no
                   need */
  int skipped;  /* a socket that was ready has not been served in this turn */
  int suspect;  /* to be retired: its connections have gone silent, or its bundle is an old one */
  double heard; /* when a byte came last, on the client's clock */
  struct rl_ca ca; /* when the multi handle was made, which keeps what it read */
  size_t active;
  size_t begun; /* of those: libcurl has a connection for them */
  struct rl_link active_list;
  struct rl_link queue;
  struct rl_easy *pools[RL_SINKS];
  size_t pooled;
};

/* A socket that libcurl wants watched. */
struct rl_socket {
  struct rl_watch watch;
  struct rl_lane *lane;
  int port;        /* in a shared lane: the local one, by which transfers find it; 0: unknown */
  double heard;    /* when it was readable last, on the client's clock */
  short events;    /* what libcurl wants; it is not watched for POLLOUT while it is muted */
  int idle_writes; /* times in a row that it was writable and nothing was received */
  uint64_t sent;   /* by the lane's transfers, when last looked at */
};

/* A connection, used or idle. */
struct rl_connection {
  curl_socket_t fd;
  int port;    /* the local one; 0: not known yet */
  int holding; /* its packets are held, until libcurl is done */
};

struct rl_http {
  struct rl_lane lanes[RL_LANES];
  struct rl_lane *all_lanes; /* these and the retired ones */
  struct rl_link all;        /* every transfer, finished ones too */
  struct rl_link ready;      /* transfers that were waited for and have news */
  struct rl_link paused;
  int resuming; /* inside curl_easy_pause, which may call on_body */
  size_t unfinished;
  uint64_t next_id;
  uint64_t sequence; /* of transfers, in the order they were started */
  uint64_t requests, connections, bytes_received;

  struct rl_poller poller;
  int cursor; /* the socket that the next round begins with, if it is ready */

  struct rl_buffer spare; /* of a page that has been read, as long as there are transfers */

  struct rl_connection *open;
  size_t connection_count, connection_cap;
  size_t holding; /* of them */

  double clock; /* the client's clock as of `clock_at` on the monotonic one */
  double clock_at;
  int in_turn;
  int guarded; /* rl_guard_standard in this turn: `standard` is given back at its end */
  struct rl_standard standard;
  size_t opening;   /* transfers that libcurl opens something for */
  uint64_t turn;    /* turns so far */
  uint64_t moved;   /* bytes that transfers have received, ever */
  double unmute_at; /* on the monotonic clock; HUGE_VAL: no socket is muted */
  double hold_until;
  double due_clock, due_monotonic; /* no transfer's deadline lies before these */

  long max_connections, max_streams;
  int https;
  double connect_timeout;
  char *ca_file, *ca_path;
  int bundle_only; /* the directory that stands for the system's bundle has failed */
  char *proxy;
#if RL_TAKES_URLS_APART
  CURLU *origin;         /* of the requests so far, as far as they had one that is simple */
  char origin_text[128]; /* "" if it cannot be parsed */
#endif
  char *base; /* one block with base_headers' nodes and text */
  size_t base_len;
  struct curl_slist *base_headers;
  struct curl_slist no_expect; /* ends every request's list of headers */
  pid_t pid;
  unsigned forks;       /* rl_forks then */
  struct rl_http *next; /* of those that a forked child could not free */
  int closed;
};

/* Its parts belong to the files that are named: others may read them. http_test.c says how large it
 * may become. */
struct rl_transfer {
  struct rl_http *http; /* NULL once the client is freed */
  struct rl_lane *lane;
  struct rl_link member; /* of http->all */
  struct rl_link place;  /* in its lane's queue or active_list */
  struct rl_link news;   /* in http->ready */
  struct rl_link pause;  /* in http->paused: has had its share of a turn, goes on in the next */
  enum rl_state state;
  int armed;     /* somebody waits for news */
  int held;      /* paused until its reader has caught up */
  int connected; /* as http.c found it */

  /* http.c: the queue and the deadlines */
  uint64_t id, sequence;
  double timeout;
  int patient;       /* the timeout is the longest silence, while somebody waits */
  double deadline;   /* on the monotonic clock; a streamed body's moves on while nobody waits */
  double idle_since; /* when the last wait ended, on the same clock */
  double wait_since; /* when the present one began, on the client's clock */
  double missed_at;  /* when a deadline was first seen to have passed; negative: none has */

  /* lane.c: what libcurl has of it while it is active */
  struct rl_easy *easy;

  /* transfer.c: the request, in one block (headers' nodes, headers, key, method, URL, body) */
  char *request;
  size_t request_len, secret_len; /* secret_len: up to the body */
  struct curl_slist *headers, key;
  int raw;
  int once; /* see rl_request */
  const char *method, *url, *body;
  const char *target;       /* the URL's path and query, in the place of `url`: before it stands
                               http->origin; or NULL */
  struct rl_source *source; /* in the place of `body` */
  int any_scheme;
  uint64_t body_len;

  /* transfer.c: how it goes on */
  double admitted, last_byte; /* on the client's clock */
  double connect_limit;       /* libcurl's own, in seconds of the monotonic clock */
  uint64_t turn;              /* when turn_bytes was begun */
  size_t turn_bytes;
  double pace;      /* seconds between two news of bytes that have moved; 0: there are none */
  double told_at;   /* when the last was taken, on the monotonic clock */
  int moved;        /* bytes have, and that is news */
  int connecting;   /* libcurl has opened a socket for it */
  int opening;      /* libcurl looks up a name or opens a connection; counted in http->opening */
  int socket_error; /* errno of a socket that could not be made */
  int stale;        /* refused a connection that its server had given up */
  int started;      /* libcurl has begun to send the request */
  int repeated;     /* and did so once more: what was sent before may have arrived */
  double begun;     /* when it first did, on the client's clock */
  int port;         /* of its connection; see rl_socket */

  /* transfer.c: the answer */
  struct rl_headers answer;
  struct rl_sink sink;
  uint64_t received;    /* of its body, before any coding was undone */
  int answered;         /* all of it is there, though the request is still being sent */
  double answered_at;   /* when that was so, or more was sent since, on the client's clock */
  uint64_t sent_before; /* of the request's body, as of then */
  int aborted;          /* a callback refused to go on, for the reason in outcome */
  struct rl_outcome outcome;
  char message[CURL_ERROR_SIZE]; /* of outcome, if it is no constant */
};

#define RL_SOCKET_OF(w)                                                                            \
  ((struct rl_socket *)(void *)((char *)(w)-offsetof(struct rl_socket, watch)))

#define RL_TRANSFER_OF(link, field)                                                                \
  ((struct rl_transfer *)(void *)((char *)(link)-offsetof(struct rl_transfer, field)))

/* 1: libcurl tells before it looks up a name. */
#define RL_TELLS_LOOK_UPS (LIBCURL_VERSION_NUM >= 0x073b00)

/* lane.c */

/* A lane makes its multi handle when it is first used. */
void rl_lane_init(struct rl_http *h, struct rl_lane *lane, int shared, long kept);

/* Closes the connections; no transfer may be active. The lane can be used again. */
void rl_lane_close(struct rl_lane *lane);

/* The transfer timed out: if that was silence of its connection, lanes that were silent meanwhile
 * become suspects. */
void rl_lanes_suspect(const struct rl_transfer *t);

/* Lanes that have read other certificates than there are now become suspects. */
void rl_lanes_check_bundle(struct rl_http *h);

/* Between turns: new transfers get other connections than those of suspects, and so do those that
 * have none yet. Frees the retired lanes that are empty. */
void rl_lanes_retire(struct rl_http *h);

/* Takes a transfer that has no answer yet from libcurl, and puts it back into the queue where it
 * was. */
void rl_transfer_requeue(struct rl_transfer *t);

/* 1: its transfers share one connection. */
int rl_lane_is_multiplexed(const struct rl_lane *lane);

/* Connections that its transfers have or wait for. */
long rl_lane_connections(const struct rl_lane *lane);

/* Hands the transfer to libcurl, which begins with it at its next timer. 1, or 0 with the outcome
 * settled and the transfer where it was. */
int rl_lane_add(struct rl_lane *lane, struct rl_transfer *t);

/* curl_multi_socket_action, https://curl.se/libcurl/c/curl_multi_socket_action.html. When it fails,
 * so do all transfers of the lane. */
void rl_lane_act(struct rl_lane *lane, curl_socket_t fd, int action);

/* The only way from one state to the next: the transfer moves to the list that belongs to it. */
void rl_transfer_set_state(struct rl_transfer *t, enum rl_state state);

/* The one way in which a transfer ends, once its outcome is settled: takes it from libcurl and from
 * its list, and tells the one who waits. */
void rl_transfer_finish(struct rl_transfer *t);

/* Ends all transfers of a queue or an active_list in the same way. */
void rl_transfer_finish_all(struct rl_link *list, enum rl_kind kind, const char *code,
                            const char *message);

void rl_sockets_free(struct rl_http *h);

/* transfer.c */

/* A transfer with a copy of the request, in no list; like rl_http_start. */
enum rl_status rl_transfer_new(struct rl_http *h, const struct rl_request *request,
                               struct rl_transfer **out, const char **file);
/* Frees what the transfer owns; it must be in no list and have no easy handle. */
void rl_transfer_destroy(struct rl_transfer *t);

/* To be called in a turn before libcurl may open a descriptor: until the turn's end none of 0 to 2
 * is free. */
void rl_guard_standard(struct rl_http *h);

/* Lets what was held back, so that requests go out together, go. To be called when libcurl is done.
 */
void rl_connections_release(struct rl_http *h);

/* A handle with everything set that does not depend on the request; NULL when out of memory. */
struct rl_easy *rl_easy_new(struct rl_http *h, struct rl_lane *lane);
void rl_easy_free(struct rl_easy *e);

/* Whether libcurl reads that file when it is told of none. */
int rl_is_system_bundle(const char *path);

/* Where certificates are, as it is now; zeros where that cannot change. */
void rl_ca_now(const struct rl_http *h, struct rl_ca *out);

/* 1: the transfer failed, with nothing sent, since the directory that stands for the system's
 * bundle did not help; from here on the bundle itself is read, with which it is to begin anew. */
int rl_transfer_wants_bundle(struct rl_transfer *t, CURLcode result);

/* 1: a connection, kept alive, died while the request was sent over it, before an answer came: the
 * request is to be sent again, once. */
int rl_transfer_met_end(struct rl_transfer *t, CURLcode result);

/* Forgets what happened in libcurl's hands, but that the request was sent. */
void rl_transfer_renew(struct rl_transfer *t);

/* Sets the rest. The handle must be one for the transfer's lane and sink. */
CURLcode rl_transfer_configure(struct rl_transfer *t, struct rl_easy *e);

/* The host was away for so long: libcurl's own limit for the connection must not count it. */
void rl_transfer_excuse(struct rl_transfer *t, double seconds);

/* To be called every connect_timeout while a transfer waits for a stream, before t->admitted is
 * set: libcurl's own limit must not count that. Once libcurl has begun to make another connection
 * for it, that one's limit stands. */
void rl_transfer_excuse_wait(struct rl_transfer *t);

/* 1: the answer stands, which came before all of the request was sent: the server refuses the rest,
 * or has read no more of it for a while. To be called when that while is over. */
int rl_transfer_is_settled(struct rl_transfer *t);

/* Bytes of the request's body that libcurl has sent so far. */
uint64_t rl_transfer_sent(const struct rl_transfer *t);

/* 1: libcurl lets it wait, since the server allows no more streams on the connections that there
 * are, or no more connections may be opened. That is as good as waiting in the queue: no timeout
 * runs. */
int rl_transfer_waits(const struct rl_transfer *t);

/* The time that it has waited does not count. */
void rl_transfer_end_wait(struct rl_transfer *t);

/* libcurl opens a connection for the transfer, which does not wait for another one's any more. */
void rl_transfer_connects(struct rl_transfer *t);

/* libcurl opens nothing more for the transfer. */
void rl_transfer_has_opened(struct rl_transfer *t);

/* libcurl has a connection for the transfer. */
void rl_transfer_begin(struct rl_transfer *t);

/* 1: nothing has come over its connection for most of its time, though that had worked before. */
int rl_transfer_is_silent(const struct rl_transfer *t);

/* Takes from libcurl what it counted, as long as it has the transfer. */
void rl_transfer_account(struct rl_transfer *t);

/* Settles the outcome when libcurl is done with the transfer. */
void rl_transfer_conclude(struct rl_transfer *t, CURLcode result);

/* Settles the outcome otherwise. `message` is a constant or t->message. */
void rl_transfer_fail(struct rl_transfer *t, enum rl_kind kind, const char *code,
                      const char *message);

/* Closes the file and frees what only a running transfer needs. Part of every end. */
void rl_transfer_end(struct rl_transfer *t);

/* 1: there is something to tell the one who waits. */
int rl_transfer_has_news(const struct rl_transfer *t);

/* Puts it on the list of rl_http_ready if somebody waits. */
void rl_transfer_tell(struct rl_transfer *t);

/* Copies header lines into one block: nodes, then text; the last node points to `tail`. *list is
 * the first node. RL_SHAPE when a line holds CR, LF or NUL. */
size_t rl_header_block_size(const struct rl_text *lines, size_t count);
enum rl_status rl_header_block_fill(char *block, const struct rl_text *lines, size_t count,
                                    struct curl_slist *tail, struct curl_slist **list);

#endif
