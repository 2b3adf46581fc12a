/* transfer.c: one HTTP request, and what becomes of its answer. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pid_t and the like with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "alloc.h"
#include "curlcode.h"
#include "http_private.h"
#include "quirks.h"
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Our connect_timeout decides, which runs on the client's clock. libcurl's own limit only makes it
 * try the next address of the host in time: it gives each but the last half of what is left. */
#define CONNECT_SLACK 1.0

#define KEY_HEADER "x-request-id: "
#define HEADERS_TOO_LARGE "HEADERS_TOO_LARGE", "the response's headers are too large"
#define UNREADABLE "the body's encoding cannot be read (Content-Encoding: %.100s)"
#define ODD_LENGTH "the answer does not say one length (Content-Length)"
#define TOO_MUCH_AT_ONCE "BODY_TOO_LARGE", "too much of the body arrived at once"

/* libcurl reads a bundle of certificates again after so long. */
#define CA_SECONDS 60L

/* Of a body, in one turn. What goes beyond is one read at most. */
#define SHARE_BYTES (64u * 1024u)

/* One read. libcurl goes on reading until the socket is empty or it has read a hundred times; over
 * HTTP/2, where nobody stops it, small reads keep that short. What one read of a page yields after
 * decompression comes in one turn, whatever its share; so the large reads are for pages of lanes
 * whose last one came as it was. */
enum {
  STREAM_READ_BYTES = 8 * 1024,
  CALL_READ_BYTES = 16 * 1024,
  PAGE_READ_BYTES = 32 * 1024,
  PLAIN_READ_BYTES = 128 * 1024
};

size_t rl_header_block_size(const struct rl_text *lines, size_t count) {
  size_t i, size = count * sizeof(struct curl_slist);
  for (i = 0; i < count; i++)
    size += lines[i].len + 1;
  return size;
}

static int is_clean(const struct rl_text *s) {
  return s->len == 0 ||
         (memchr(s->data, '\r', s->len) == NULL && memchr(s->data, '\n', s->len) == NULL &&
          memchr(s->data, '\0', s->len) == NULL);
}

static char *append_text(char *at, const struct rl_text *s, const char **copy) {
  *copy = at;
  if (s->len > 0)
    memcpy(at, s->data, s->len);
  at[s->len] = '\0';
  return at + s->len + 1;
}

enum rl_status rl_header_block_fill(char *block, const struct rl_text *lines, size_t count,
                                    struct curl_slist *tail, struct curl_slist **list) {
  struct curl_slist *nodes = (struct curl_slist *)(void *)block;
  char *text = block + count * sizeof *nodes;
  size_t i;
  for (i = 0; i < count; i++) {
    const char *copy;
    if (!is_clean(&lines[i]))
      return RL_SHAPE;
    text = append_text(text, &lines[i], &copy);
    nodes[i].data = text - lines[i].len - 1;
    nodes[i].next = i + 1 < count ? &nodes[i + 1] : tail;
  }
  *list = count > 0 ? nodes : tail;
  return RL_OK;
}

static int is_method(const struct rl_text *s) {
  size_t i;
  for (i = 0; i < s->len && s->data[i] >= 'A' && s->data[i] <= 'Z'; i++)
    ;
  return s->len > 0 && i == s->len;
}

static enum rl_status open_source(struct rl_transfer *t, const struct rl_request *r,
                                  const char **file) {
  size_t at = 0;
  enum rl_status status = rl_source_new(r->pieces, r->piece_count, &at, &t->source);
  if (status == RL_OK)
    t->body_len = rl_source_length(t->source);
  else if (status == RL_SYSTEM && file != NULL)
    *file = r->pieces[at].file;
  return status;
}

static char *append_key(char *at, struct rl_transfer *t, const struct rl_text *key) {
  const char *copy;
  t->key.data = at;
  memcpy(at, KEY_HEADER, sizeof KEY_HEADER - 1);
  return append_text(at + sizeof KEY_HEADER - 1, key, &copy);
}

/* Visible ASCII, and no fragment. */
static int is_plain(const char *p, size_t n) {
  size_t i;
  for (i = 0; i < n && p[i] > ' ' && p[i] <= '~' && p[i] != '#'; i++)
    ;
  return i == n;
}

/* How much of the URL stands before its path, which is plain; 0: it has none, or is not so simple.
 */
static size_t origin_of(const struct rl_http *h, const struct rl_text *url) {
  size_t scheme = sizeof "http://" - 1 + (size_t)h->https, n, i;
  const char *path = url->len > scheme ? memchr(url->data + scheme, '/', url->len - scheme) : NULL;
  if (path == NULL || !is_plain(url->data, url->len) ||
      memcmp(url->data + scheme - 3, "://", 3) != 0)
    return 0;
  n = (size_t)(path - url->data);
  for (i = 0; i < n && strchr("?@\\%", url->data[i]) == NULL; i++)
    ;
  return i == n ? n : 0;
}

/* libcurl takes a URL apart for each request, and puts it together again, a character at a time. Of
 * the client's own origin, which is nearly always the same, that is done once; the path is given as
 * it is, for the request line. 0: not of this one, which is given as a whole. Where plain http goes
 * to a proxy, the request line has the whole URL. */
static size_t known_origin(struct rl_http *h, const struct rl_request *r) {
#if RL_TAKES_URLS_APART
  size_t n = 0;
  if (!r->any_scheme && (h->https || (h->proxy != NULL && *h->proxy == '\0')))
    n = origin_of(h, &r->url);
  if (n > 0 && h->origin == NULL && n < sizeof h->origin_text) {
    memcpy(h->origin_text, r->url.data, n);
    h->origin_text[n] = '\0';
    h->origin = curl_url();
    if (h->origin != NULL && curl_url_set(h->origin, CURLUPART_URL, h->origin_text, 0) != CURLUE_OK)
      h->origin_text[0] = '\0';
  }
  if (h->origin != NULL && n > 0 && strncmp(h->origin_text, r->url.data, n) == 0 &&
      h->origin_text[n] == '\0')
    return n;
#else
  (void)h, (void)r;
#endif
  return 0;
}

static enum rl_status copy_request(struct rl_transfer *t, const struct rl_request *r) {
  struct rl_http *h = t->http;
  struct curl_slist *tail = r->bare ? &h->no_expect : h->base_headers;
  size_t headers = rl_header_block_size(r->headers, r->header_count);
  size_t key_len = r->key.data != NULL ? sizeof KEY_HEADER + r->key.len : 0;
  size_t body_len = r->body != NULL ? r->body->len : 0;
  struct rl_text target = r->url;
  char *at;
  if (!is_method(&r->method) || r->url.len == 0 || !is_clean(&r->url) || !is_clean(&r->key))
    return RL_SHAPE;
  t->secret_len = headers + key_len + r->method.len + 1 + r->url.len + 1;
  t->request_len = t->secret_len + body_len + 1;
  t->request = rl_malloc(t->request_len);
  if (t->request == NULL)
    return RL_NOMEM;
  at = t->request + headers;
  if (key_len > 0) {
    at = append_key(at, t, &r->key);
    t->key.next = tail;
    tail = &t->key;
  }
  at = append_text(at, &r->method, &t->method);
  target.data += known_origin(h, r);
  target.len = r->url.len - (size_t)(target.data - r->url.data);
  at = append_text(at, &target, target.data == r->url.data ? &t->url : &t->target);
  if (r->body != NULL)
    (void)append_text(at, r->body, &t->body);
  t->body_len = body_len;
  return rl_header_block_fill(t->request, r->headers, r->header_count, tail, &t->headers);
}

static void free_request(struct rl_transfer *t) {
  if (t->request != NULL)
    rl_wipe(t->request, t->secret_len); /* it may hold the token */
  rl_free(t->request);
  t->request = NULL;
  t->headers = NULL;
  t->method = t->url = t->target = t->body = NULL;
  if (t->source != NULL)
    rl_source_close(t->source);
}

enum rl_status rl_transfer_new(struct rl_http *h, const struct rl_request *r,
                               struct rl_transfer **out, const char **file) {
  enum rl_status status;
  struct rl_transfer *t = rl_malloc(sizeof *t);
  if (t == NULL)
    return RL_NOMEM;
  memset(t, 0, offsetof(struct rl_transfer, message)); /* which is large */
  t->message[0] = '\0';
  t->http = h;
  t->timeout = r->timeout;
  t->raw = r->raw;
  t->once = r->once;
  t->pace = r->pace;
  t->any_scheme = r->any_scheme;
  t->missed_at = -1;
  t->connect_limit = h->connect_timeout + CONNECT_SLACK;
  rl_link_init(&t->member);
  rl_link_init(&t->place);
  rl_link_init(&t->news);
  rl_link_init(&t->pause);
  rl_headers_init(&t->answer);
  status = rl_sink_open(&t->sink, &r->sink);
  if (status == RL_SYSTEM && file != NULL)
    *file = r->sink.file;
  if (t->sink.framer != NULL)
    rl_framer_borrow(t->sink.framer, &h->spare);
  t->patient = r->patient || t->sink.kind != RL_SINK_BUFFER;
  if (status == RL_OK)
    status = copy_request(t, r);
  if (status == RL_OK && r->pieces != NULL)
    status = open_source(t, r, file);
  if (status != RL_OK) {
    int saved = errno;
    rl_transfer_destroy(t);
    errno = saved;
    return status;
  }
  *out = t;
  return RL_OK;
}

void rl_transfer_renew(struct rl_transfer *t) {
  t->connected = t->connecting = t->started = t->stale = t->port = 0;
  t->missed_at = -1;
  t->connect_limit = t->http->connect_timeout + CONNECT_SLACK;
  t->message[0] = '\0';
  if (t->source != NULL)
    rl_source_rewind(t->source);
}

/* Its buffer is kept for the next page where that may be under way already. */
static void give_back(struct rl_transfer *t) {
  struct rl_http *h = t->http;
  if (h == NULL || h->closed)
    return;
  if (!rl_link_in_list(&h->all))
    rl_buffer_free(&h->spare);
  else if (t->sink.framer != NULL)
    rl_framer_return(t->sink.framer, &h->spare);
}

void rl_transfer_destroy(struct rl_transfer *t) {
  give_back(t);
  rl_sink_free(&t->sink);
  free_request(t);
  rl_source_free(t->source);
  rl_headers_free(&t->answer);
  rl_free(t);
}

/* The callbacks only fill buffers and set flags: libcurl must not be called from within them, and
 * whoever waits is told by the list of news. */

static struct rl_transfer *transfer_of(const void *userp) {
  return ((const struct rl_easy *)userp)->transfer;
}

/* Makes libcurl end the transfer: the callback's caller returns a short count. */
static int refuse(struct rl_transfer *t, enum rl_kind kind, const char *code, const char *message) {
  t->aborted = 1;
  rl_transfer_fail(t, kind, code, message);
  return 0;
}

static int out_of_memory(struct rl_transfer *t) {
  return refuse(t, RL_KIND_CONNECTION, "OUT_OF_MEMORY", "out of memory");
}

static void count_bytes(struct rl_transfer *t, size_t n) {
  struct rl_http *h = t->http;
  t->last_byte = t->lane->heard = h->clock;
  h->moved += n;
  if (t->turn != h->turn) {
    t->turn = h->turn;
    t->turn_bytes = 0;
  }
  t->turn_bytes += n;
}

/* Tells that bytes have moved, but not of each. */
static void note_progress(struct rl_transfer *t) {
  double now = t->http->clock_at;
  if (t->pace <= 0 || t->moved || now - t->told_at < t->pace)
    return;
  t->moved = 1;
  rl_transfer_tell(t);
}

/* A transfer that has had its share lets the others and the host have their turn; a page that is
 * full waits for its reader. Not over HTTP/2, where what a paused stream may still receive piles up
 * in libcurl. Pausing one direction only would make libcurl read once more at once. */
static void pause_if_due(struct rl_transfer *t) {
  struct rl_http *h = t->http;
  int full = rl_sink_is_full(&t->sink);
  if (t->lane->shared || h->resuming || t->held || (t->turn_bytes < SHARE_BYTES && !full))
    return;
  if (rl_link_in_list(&t->pause)) { /* libcurl 8 hands over the rest of what it has read */
    if (full) {
      rl_link_remove(&t->pause);
      t->held = 1;
    }
    return;
  }
  if (curl_easy_pause(t->easy->curl, CURLPAUSE_ALL) != CURLE_OK)
    return;
  if (full)
    t->held = 1;
  else
    rl_link_append(&h->paused, &t->pause);
}

void rl_transfer_resume(struct rl_transfer *t) {
  if (!t->held || !rl_sink_is_low(&t->sink))
    return;
  t->held = 0;
  rl_link_append(&t->http->paused, &t->pause);
}

int rl_transfer_waits(const struct rl_transfer *t) {
  const struct rl_lane *lane = t->lane;
  return !t->started && !t->connecting && lane->begun > 0 && lane->shared;
}

void rl_transfer_end_wait(struct rl_transfer *t) {
  t->admitted = t->http->clock;
  t->http->due_clock = 0; /* to be worked out anew */
}

void rl_transfer_connects(struct rl_transfer *t) {
  if (rl_transfer_waits(t)) {
    rl_transfer_excuse_wait(t);
    rl_transfer_end_wait(t);
  }
  t->connecting = 1;
}

void rl_transfer_begin(struct rl_transfer *t) {
  if (rl_transfer_waits(t))
    rl_transfer_end_wait(t);
  t->started = 1;
  t->begun = t->last_byte = t->http->clock;
  t->lane->begun++;
}

/* 1: libcurl has opened no connection for the transfer, but taken one that was there. */
static int has_used_connection(const struct rl_transfer *t) {
  long connects = 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_NUM_CONNECTS, &connects);
  return connects == 0;
}

/* 1: something has come over its connection since its last byte, such as an answer to another call
 * over HTTP/2. */
static int has_lively_connection(const struct rl_transfer *t) {
  const struct rl_http *h = t->http;
  size_t i;
  for (i = 0; i < h->poller.count && t->port != 0; i++) {
    const struct rl_socket *s = RL_SOCKET_OF(h->poller.watches[i]);
    if (s->lane == t->lane && s->port == t->port)
      return s->heard > t->last_byte;
  }
  return 0;
}

int rl_transfer_is_silent(const struct rl_transfer *t) {
  double life = t->http->clock - t->begun, silence = t->http->clock - t->last_byte;
  if (!t->started || (t->answer.bytes == 0 && !has_used_connection(t)))
    return 0; /* the network works: the server is slow, or is not there */
  if (t->answer.bytes > 0 && t->sink.kind == RL_SINK_EVENTS)
    return 0; /* nothing happened that it could tell */
  return silence >= (life < t->timeout ? life : t->timeout) / 2 && !has_lively_connection(t);
}

uint64_t rl_transfer_sent(const struct rl_transfer *t) {
  curl_off_t sent = 0;
#if LIBCURL_VERSION_NUM >= 0x073700
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
#endif
  return (uint64_t)sent;
}

/* Only known where the answer says how long it is. */
static int is_answered(const struct rl_transfer *t) {
#if LIBCURL_VERSION_NUM >= 0x073700
  curl_off_t length = -1, received = 0;
  if (!t->answer.complete)
    return 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_SIZE_DOWNLOAD_T, &received);
  return t->answer.status == 204 || t->answer.status == 304 || (length >= 0 && received >= length);
#else
  (void)t;
  return 0;
#endif
}

/* libcurl goes on sending what nobody reads, for ever. */
static void note_answer(struct rl_transfer *t) {
  if (t->answered || t->body_len == 0 || rl_transfer_sent(t) >= t->body_len || !is_answered(t))
    return;
  t->answered = 1;
  t->answered_at = t->http->clock;
  t->sent_before = rl_transfer_sent(t);
  t->http->due_clock = 0; /* to be worked out anew */
}

int rl_transfer_is_settled(struct rl_transfer *t) {
  uint64_t sent = rl_transfer_sent(t);
  if (t->answer.status < 300 && sent != t->sent_before) {
    t->sent_before = sent;
    t->answered_at = t->http->clock;
    return 0;
  }
  return 1;
}

static size_t on_body(char *data, size_t size, size_t count, void *userp) {
  struct rl_transfer *t = transfer_of(userp);
  size_t n = size * count;
  int ok;
  count_bytes(t, n);
  ok = rl_sink_feed(&t->sink, data, n);
  note_progress(t);
  if (t->armed && rl_transfer_has_news(t))
    rl_transfer_tell(t);
  if (ok)
    pause_if_due(t);
  else
    (void)refuse(t, t->sink.fault.kind, t->sink.fault.code, t->sink.fault.message);
  note_answer(t);
  return ok ? n : 0;
}

/* CURLOPT_READFUNCTION: libcurl sends what it gets here before it asks again. */
static size_t on_read(char *out, size_t size, size_t count, void *userp) {
  struct rl_transfer *t = transfer_of(userp);
  long got = rl_source_read(t->source, out, size * count);
  const struct rl_fault *fault = rl_source_fault(t->source);
  t->last_byte = t->http->clock;
  note_progress(t);
  if (got >= 0)
    return (size_t)got;
  (void)refuse(t, fault->kind, fault->code, fault->message);
  return CURL_READFUNC_ABORT;
}

/* CURLOPT_SEEKFUNCTION: what was sent over a connection that had died is sent again. */
static int on_seek(void *userp, curl_off_t offset, int origin) {
  struct rl_transfer *t = transfer_of(userp);
  if (offset != 0 || origin != SEEK_SET)
    return CURL_SEEKFUNC_CANTSEEK;
  rl_source_rewind(t->source);
  return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t count, void *userp) {
  struct rl_transfer *t = transfer_of(userp);
  size_t n = size * count;
  enum rl_status status = rl_headers_line(&t->answer, data, n);
  count_bytes(t, n);
  if (t->answer.complete) {
    if (rl_headers_length(&t->answer) == RL_LENGTH_ODD &&
        rl_headers_find(&t->answer, "transfer-encoding") == NULL)
      return (size_t)refuse(t, RL_KIND_CONNECTION, "WEIRD_SERVER_REPLY", ODD_LENGTH);
    t->lane->protocol = t->answer.version;
    rl_sink_answer(&t->sink, t->answer.status, rl_headers_find(&t->answer, "content-type"));
    if (t->sink.kind == RL_SINK_PAGE && t->sink.streams)
      t->lane->plain = rl_headers_coding(&t->answer) == NULL;
  }
  note_answer(t);
  if (status == RL_OK)
    return n;
  if (status == RL_TOO_LARGE)
    (void)refuse(t, RL_KIND_LIMIT, HEADERS_TOO_LARGE);
  else
    (void)out_of_memory(t);
  return 0;
}

static void connections_add(struct rl_http *h, curl_socket_t fd) {
  if (h->connection_count == h->connection_cap) {
    size_t cap = h->connection_cap > 0 ? 2 * h->connection_cap : 16;
    struct rl_connection *grown = rl_realloc(h->open, cap * sizeof *grown);
    if (grown == NULL)
      return; /* it is used without the look that is_stale takes */
    h->open = grown;
    h->connection_cap = cap;
  }
  h->open[h->connection_count].fd = fd;
  h->open[h->connection_count].port = 0;
  h->open[h->connection_count].holding = 0;
  h->connection_count++;
}

static void connections_remove(struct rl_http *h, curl_socket_t fd) {
  size_t i;
  for (i = 0; i < h->connection_count; i++) {
    if (h->open[i].fd != fd)
      continue;
    h->holding -= (size_t)h->open[i].holding;
    h->open[i--] = h->open[--h->connection_count];
  }
}

void rl_connections_release(struct rl_http *h) {
  size_t i;
  for (i = 0; i < h->connection_count && h->holding > 0; i++) {
    struct rl_connection *c = &h->open[i];
    if (!c->holding)
      continue;
    (void)rl_hold_packets(c->fd, 0);
    c->holding = 0;
    h->holding--;
  }
}

#if LIBCURL_VERSION_NUM >= 0x075000
static struct rl_connection *connection_at(struct rl_http *h, int port) {
  size_t i;
  for (i = 0; i < h->connection_count; i++) {
    struct rl_connection *c = &h->open[i];
    if (c->port == 0)
      c->port = rl_local_port(c->fd);
    if (c->port == port)
      return c;
  }
  return NULL;
}

/* 1: the server has sent something, such as a 408, or closed the connection before it was asked.
 * What libcurl finds waiting there it takes for the answer to the request that it sends next. Over
 * HTTP/2 it looks for itself, since frames may come at any time. */
static int is_stale(const struct rl_transfer *t, int port) {
  const struct rl_connection *c;
  struct pollfd p;
  if (t->lane->protocol >= 20 || !has_used_connection(t))
    return 0;
  c = connection_at(t->http, port); /* libcurl 7.88 does not tell it here */
  if (c == NULL)
    return 0;
  p.fd = c->fd;
  p.events = POLLIN;
  p.revents = 0;
  return poll(&p, 1, 0) > 0;
}

/* What several requests send over one connection in a turn goes out together: with a packet for
 * each the system, and the server that each wakes, are busier than libcurl. */
static void hold_packets(struct rl_http *h, const struct rl_lane *lane, int port) {
  struct rl_connection *c;
  if (lane->active < 2 || lane->protocol < 20)
    return;
  c = connection_at(h, port);
  if (c == NULL || c->holding)
    return;
  c->holding = rl_hold_packets(c->fd, 1);
  h->holding += (size_t)c->holding;
}

/* CURLOPT_PREREQFUNCTION's type is libcurl's: its strings are not const. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static int on_start(void *userp, char *to, char *from, int to_port, int from_port) {
  struct rl_transfer *t = transfer_of(userp);
  (void)to;
  (void)from;
  (void)to_port;
  if (t->started) {
    t->repeated = 1;
    t->easy->spent = 1; /* libcurl counts this over all that a handle does: the sixth time fails */
    if (t->once)
      return CURL_PREREQFUNC_ABORT;
  }
  t->stale = is_stale(t, from_port);
  if (t->stale)
    return CURL_PREREQFUNC_ABORT;
  t->port = from_port;
  hold_packets(t->http, t->lane, from_port);
  rl_transfer_has_opened(t);
  if (!t->started)
    rl_transfer_begin(t);
  return CURL_PREREQFUNC_OK;
}
#endif

void rl_guard_standard(struct rl_http *h) {
  if (h->in_turn && !h->guarded)
    rl_standard_take(&h->standard);
  h->guarded = h->in_turn;
}

static void note_opening(struct rl_transfer *t) {
  rl_guard_standard(t->http);
  if (!t->opening)
    t->http->opening++;
  t->opening = 1;
}

void rl_transfer_has_opened(struct rl_transfer *t) {
  if (t->opening)
    t->http->opening--;
  t->opening = 0;
}

#if RL_TELLS_LOOK_UPS
static int on_look_up(void *resolver, void *reserved, void *userp) {
  (void)resolver;
  (void)reserved;
  note_opening(transfer_of(userp));
  return 0;
}
#endif

static int is_usable(curl_socket_t fd, struct rl_transfer *t) {
  if (fd < 0)
    t->socket_error = errno;
  return fd >= 0;
}

/* A child that the host starts must not keep the API's connections open. */
static curl_socket_t on_open(void *userp, curlsocktype purpose, struct curl_sockaddr *address) {
  struct rl_transfer *t = transfer_of(userp);
  curl_socket_t fd;
  (void)purpose;
  note_opening(t);
#if defined(SOCK_CLOEXEC)
  fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (!is_usable(fd, t))
    return CURL_SOCKET_BAD;
#else
  fd = socket(address->family, address->socktype, address->protocol);
  if (!is_usable(fd, t))
    return CURL_SOCKET_BAD;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  connections_add(t->http, fd);
  return fd;
}

static int on_close(void *userp, curl_socket_t fd) {
  connections_remove(userp, fd);
  return close(fd);
}

#define SET(option, value)                                                                         \
  do {                                                                                             \
    CURLcode rc_ = curl_easy_setopt(curl, option, value);                                          \
    if (rc_ != CURLE_OK)                                                                           \
      return rc_;                                                                                  \
  } while (0)

static CURLcode set_protocol(CURL *curl, const struct rl_http *h, const struct rl_lane *lane) {
  SET(CURLOPT_HTTP_VERSION,
      lane->shared ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
  /* Rather wait for the first connection to say that it can be shared than open twenty. */
  SET(CURLOPT_PIPEWAIT, lane->shared ? 1L : 0L);
#if LIBCURL_VERSION_NUM >= 0x074000
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
#endif
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_FOLLOWLOCATION, 0L); /* the token must not follow to another host */
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (h->proxy != NULL) {
    SET(CURLOPT_PROXY, h->proxy);
    SET(CURLOPT_NOPROXY, ""); /* the environment's exceptions are of its own proxies */
  }
  return CURLE_OK;
}

/* For what the TLS library of a libcurl may not know. */
static void set_if_known(CURL *curl, CURLoption option, const char *text, long number) {
  (void)(text != NULL ? curl_easy_setopt(curl, option, text)
                      : curl_easy_setopt(curl, option, number));
}

/* Whether its OpenSSL reads hashed directories, as others do not. */
static int has_hashed_directories(const curl_version_info_data *v) {
  const char *ssl = v->ssl_version != NULL ? v->ssl_version : "";
  return strncmp(ssl, "OpenSSL/", 8) == 0 && strncmp(ssl + 8, "0.", 2) != 0 &&
         strncmp(ssl + 8, "1.0.", 4) != 0;
}

/* The system's certificates, as libcurl knows it: the bundle, and the directory that may stand for
 * it. A libcurl that was told of the bundle alone knows no directory: on most systems it is where
 * the bundle is. */
struct system_ca {
  const char *bundle;
  char directory[PATH_MAX];
};

static void find_system_ca(struct system_ca *out) {
  out->bundle = NULL;
  out->directory[0] = '\0';
#if LIBCURL_VERSION_NUM >= 0x074600
  {
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    const char *slash;
    if (v->age < CURLVERSION_SEVENTH || v->cainfo == NULL || access(v->cainfo, R_OK) != 0)
      return;
    out->bundle = v->cainfo;
    slash = strrchr(v->cainfo, '/');
    if (!has_hashed_directories(v) || strlen(v->cainfo) >= sizeof out->directory)
      return;
    if (v->capath != NULL)
      snprintf(out->directory, sizeof out->directory, "%s", v->capath);
    else if (slash != NULL && slash != v->cainfo)
      snprintf(out->directory, sizeof out->directory, "%.*s", (int)(slash - v->cainfo), v->cainfo);
  }
#endif
}

int rl_is_system_bundle(const char *path) {
  struct system_ca ca;
  find_system_ca(&ca);
  return ca.bundle != NULL && strcmp(path, ca.bundle) == 0;
}

void rl_ca_now(const struct rl_http *h, struct rl_ca *out) {
  struct system_ca ca;
  memset(out, 0, sizeof *out);
  if (!h->https || h->ca_path != NULL) /* in a directory is looked for them in each handshake */
    return;
  if (h->ca_file != NULL) {
    rl_stamp_of(h->ca_file, &out->bundle);
    return;
  }
  find_system_ca(&ca);
  if (ca.bundle != NULL)
    rl_stamp_of(ca.bundle, &out->bundle);
  if (ca.directory[0] != '\0')
    rl_stamp_of(ca.directory, &out->directory);
}

/* Either a bundle or a directory: with both the bundle is parsed again for every connection, which
 * takes 25 ms. */
static CURLcode set_certificates(CURL *curl, const char *bundle, const char *directory) {
  SET(CURLOPT_CAINFO, bundle);
  SET(CURLOPT_CAPATH, directory);
  return CURLE_OK;
}

/* Of the certificates of an HTTPS proxy a company's own ones are told as well. */
static void set_proxy_certificates(CURL *curl, const char *bundle, const char *directory) {
#if LIBCURL_VERSION_NUM >= 0x073400
  if (directory != NULL) {
    set_if_known(curl, CURLOPT_PROXY_CAPATH, directory, 0);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, NULL);
  } else if (bundle != NULL) {
    set_if_known(curl, CURLOPT_PROXY_CAINFO, bundle, 0);
  }
#else
  (void)curl, (void)bundle, (void)directory;
#endif
}

/* Of the system's certificates a handshake needs one, and reading the bundle takes 20 ms: where a
 * directory has the same ones under their hashes, they are looked for there. */
static CURLcode set_trust(struct rl_easy *e, const struct rl_http *h) {
  CURL *curl = e->curl;
  const char *bundle = h->ca_path == NULL ? h->ca_file : NULL, *directory = h->ca_path;
  struct system_ca ca;
  if (bundle == NULL && directory == NULL) {
    find_system_ca(&ca);
    if (ca.bundle == NULL)
      return CURLE_OK; /* libcurl's own ways */
    if (h->bundle_only || ca.directory[0] == '\0' || !rl_trust_is_same(ca.bundle, ca.directory))
      return set_certificates(curl, ca.bundle, NULL);
    directory = ca.directory;
    e->hashed = 1;
  }
  set_proxy_certificates(curl, bundle, directory);
  return set_certificates(curl, bundle, directory);
}

static CURLcode set_tls(struct rl_easy *e, const struct rl_http *h) {
  CURL *curl = e->curl;
  CURLcode rc;
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  rc = set_trust(e, h);
  if (rc != CURLE_OK)
    return rc;
#if LIBCURL_VERSION_NUM >= 0x075700
  set_if_known(curl, CURLOPT_CA_CACHE_TIMEOUT, NULL, CA_SECONDS); /* else a day */
#endif
  return CURLE_OK;
}

static long read_bytes(const struct rl_lane *lane, enum rl_sink_kind sink) {
  if (sink == RL_SINK_PAGE && lane->plain && !lane->shared)
    return PLAIN_READ_BYTES;
  if (sink == RL_SINK_PAGE || sink == RL_SINK_FILE)
    return PAGE_READ_BYTES;
  return lane->shared ? STREAM_READ_BYTES : CALL_READ_BYTES;
}

static CURLcode set_read(CURL *curl, struct rl_easy *e, long bytes) {
  if (e->read_bytes != bytes)
    SET(CURLOPT_BUFFERSIZE, bytes);
  e->read_bytes = bytes;
  return CURLE_OK;
}

static CURLcode set_constants(struct rl_easy *e, struct rl_http *h, const struct rl_lane *lane) {
  CURL *curl = e->curl;
  CURLcode rc;
  SET(CURLOPT_ERRORBUFFER, e->message); /* first: setopt may write there */
  SET(CURLOPT_PRIVATE, e);
  SET(CURLOPT_NOSIGNAL, 1L);
  rc = rl_quirk_quick_exit(curl);
  if (rc != CURLE_OK)
    return rc;
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
  SET(CURLOPT_OPENSOCKETDATA, e);
#if RL_TELLS_LOOK_UPS
  SET(CURLOPT_RESOLVER_START_FUNCTION, on_look_up);
  SET(CURLOPT_RESOLVER_START_DATA, e);
#endif
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
  SET(CURLOPT_CLOSESOCKETDATA, (void *)h);
#if LIBCURL_VERSION_NUM >= 0x075000
  SET(CURLOPT_PREREQFUNCTION, on_start);
  SET(CURLOPT_PREREQDATA, e);
#endif
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, e);
  SET(CURLOPT_READFUNCTION, on_read);
  SET(CURLOPT_READDATA, e);
  SET(CURLOPT_SEEKFUNCTION, on_seek);
  SET(CURLOPT_SEEKDATA, e);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, e);
  rc = set_protocol(curl, h, lane);
  if (rc == CURLE_OK && h->https)
    rc = set_tls(e, h);
  return rc;
}

struct rl_easy *rl_easy_new(struct rl_http *h, struct rl_lane *lane) {
  struct rl_easy *e = rl_calloc(1, sizeof *e);
  if (e == NULL)
    return NULL;
  rl_guard_standard(h);
  e->raw = e->any_scheme = -1;
  e->curl = curl_easy_init();
  if (e->curl == NULL || set_constants(e, h, lane) != CURLE_OK) {
    rl_easy_free(e);
    return NULL;
  }
  return e;
}

void rl_easy_free(struct rl_easy *e) {
  if (e->curl != NULL)
    curl_easy_cleanup(e->curl);
  rl_free(e);
}

static CURLcode set_method(struct rl_transfer *t, struct rl_easy *e) {
  CURL *curl = e->curl;
  const char *custom = NULL;
  int post = strcmp(t->method, "POST") == 0;
  if (strcmp(t->method, "HEAD") == 0) {
    SET(CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_NOBODY, 1L);
  } else if (t->body != NULL || t->source != NULL || post || t->method[0] == 'P') {
    /* A POST, PUT or PATCH without a body says so by Content-Length: 0 (RFC 9110 8.6). */
    const char *fields = t->body != NULL ? t->body : "";
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, t->source != NULL && t->body_len > 0 ? NULL : fields);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len);
    custom = post ? NULL : t->method;
  } else {
    SET(CURLOPT_HTTPGET, 1L); /* also undoes CURLOPT_NOBODY */
    custom = strcmp(t->method, "GET") == 0 ? NULL : t->method;
  }
  if (custom != NULL || e->custom_method)
    SET(CURLOPT_CUSTOMREQUEST, custom);
  e->custom_method = custom != NULL;
  return CURLE_OK;
}

/* "": what libcurl knows is asked for, and undone, whatever other headers ask for. */
static CURLcode set_coding(const struct rl_transfer *t, struct rl_easy *e) {
  CURL *curl = e->curl;
  if (t->raw == e->raw)
    return CURLE_OK;
  SET(CURLOPT_ACCEPT_ENCODING, t->raw ? "identity" : "");
  SET(CURLOPT_HTTP_CONTENT_DECODING, t->raw ? 0L : 1L);
  e->raw = t->raw;
  return CURLE_OK;
}

/* The other scheme is for URLs that the API names, such as those of objects: they may lead to
 * another host, which must not get what is meant for the API. That is up to the caller. */
static CURLcode set_schemes(const struct rl_transfer *t, struct rl_easy *e) {
  CURL *curl = e->curl;
  const struct rl_http *h = t->http;
  int http = t->any_scheme || !h->https, https = t->any_scheme || h->https;
  if (t->any_scheme == e->any_scheme)
    return CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, !https ? "http" : http ? "http,https" : "https");
#else
  SET(CURLOPT_PROTOCOLS, (http ? (long)CURLPROTO_HTTP : 0) | (https ? (long)CURLPROTO_HTTPS : 0));
#endif
  e->any_scheme = t->any_scheme;
  return https && !h->https ? set_tls(e, t->http) : CURLE_OK;
}

static long connect_ms(const struct rl_transfer *t) {
  return t->connect_limit < 1e6 ? (long)(t->connect_limit * 1000) : 1000000000L;
}

static CURLcode set_url(const struct rl_transfer *t, struct rl_easy *e) {
  CURL *curl = e->curl;
#if RL_TAKES_URLS_APART
  int known = t->target != NULL;
  if (known != e->known_origin)
    SET(CURLOPT_CURLU, known ? t->http->origin : NULL);
  if (known || e->known_origin)
    SET(CURLOPT_REQUEST_TARGET, t->target);
  e->known_origin = known;
  if (known)
    return CURLE_OK;
#endif
  SET(CURLOPT_URL, t->url);
  return CURLE_OK;
}

static CURLcode set_connect_limit(CURL *curl, const struct rl_transfer *t, struct rl_easy *e) {
  long ms = connect_ms(t);
  if (e->connect_ms != ms)
    SET(CURLOPT_CONNECTTIMEOUT_MS, ms);
  e->connect_ms = ms;
  return CURLE_OK;
}

void rl_transfer_excuse(struct rl_transfer *t, double seconds) {
  t->connect_limit += seconds;
  (void)set_connect_limit(t->easy->curl, t, t->easy);
}

void rl_transfer_excuse_wait(struct rl_transfer *t) {
  double limit = t->connect_limit + t->http->clock - t->admitted;
  double waited = rl_quirk_waited(t->easy->curl);
  if (waited < 0)
    return;
  if (waited > 0)
    limit = waited + t->http->connect_timeout + CONNECT_SLACK;
  if (limit > t->connect_limit)
    rl_transfer_excuse(t, limit - t->connect_limit);
}

CURLcode rl_transfer_configure(struct rl_transfer *t, struct rl_easy *e) {
  CURL *curl = e->curl;
  CURLcode rc;
  e->message[0] = '\0';
  rc = set_method(t, e);
  if (rc == CURLE_OK)
    rc = set_coding(t, e);
  if (rc == CURLE_OK)
    rc = set_schemes(t, e);
  if (rc == CURLE_OK)
    rc = set_read(curl, e, read_bytes(t->lane, t->sink.kind));
  if (rc == CURLE_OK)
    rc = set_connect_limit(curl, t, e);
  if (rc == CURLE_OK)
    rc = set_url(t, e);
  if (rc != CURLE_OK)
    return rc;
  SET(CURLOPT_HTTPHEADER, t->headers);
  e->transfer = t;
  return CURLE_OK;
}

void rl_transfer_fail(struct rl_transfer *t, enum rl_kind kind, const char *code,
                      const char *message) {
  t->outcome.kind = kind;
  t->outcome.code = code;
  t->outcome.message = message;
}

static enum rl_kind kind_of(CURLcode result) {
  if (result == CURLE_OK)
    return RL_KIND_OK;
  if (result == CURLE_OPERATION_TIMEDOUT)
    return RL_KIND_TIMEOUT;
  return rl_curlcode_is_tls(result) ? RL_KIND_TLS : RL_KIND_CONNECTION;
}

void rl_transfer_account(struct rl_transfer *t) {
  struct rl_http *h = t->http;
  CURL *curl = t->easy->curl;
  long connects = 0, header_bytes = 0, request_bytes = 0;
  curl_off_t body_bytes = 0;
  (void)curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
  (void)curl_easy_getinfo(curl, CURLINFO_HEADER_SIZE, &header_bytes);
  (void)curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes);
#if LIBCURL_VERSION_NUM >= 0x073700
  (void)curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &body_bytes);
#endif
  h->connections += (uint64_t)(connects > 0 ? connects : 0);
  h->bytes_received += (uint64_t)header_bytes + (uint64_t)body_bytes;
  t->received = (uint64_t)body_bytes;
#if LIBCURL_VERSION_NUM >= 0x075000
  t->outcome.sent = t->started && request_bytes > 0; /* CONNECT to a proxy counts in there */
#else
  t->outcome.sent = request_bytes > 0;
#endif
}

static int is_long_header(const struct rl_transfer *t, CURLcode result) {
  return t->answer.status > 0 && !t->answer.complete && rl_quirk_is_too_large(result);
}

static int is_bomb(const struct rl_transfer *t, CURLcode result) {
  return t->answer.complete && rl_quirk_is_too_large(result) &&
         rl_headers_find(&t->answer, "content-encoding") != NULL;
}

/* libcurl calls what it cannot undo by its name or, where bytes come behind the end of a gzip
 * stream, an error of writing. */
static int is_unreadable(const struct rl_transfer *t, CURLcode result) {
  return result == CURLE_BAD_CONTENT_ENCODING ||
         (result == CURLE_WRITE_ERROR && t->answer.complete &&
          rl_headers_coding(&t->answer) != NULL);
}

/* A proxy that does not open the tunnel; 1 with the outcome. It is not asked again where it has
 * refused: accounts are locked for less. */
static int is_refused_by_proxy(struct rl_transfer *t) {
  long status = 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_HTTP_CONNECTCODE, &status);
  if (t->started || status == 0 || (status >= 200 && status < 300))
    return 0;
  t->outcome.final = status < 500 && status != 408 && status != 429;
  snprintf(t->message, sizeof t->message, "the proxy answered %ld to CONNECT", status);
  rl_transfer_fail(t, RL_KIND_CONNECTION, "PROXY", t->message);
  return 1;
}

/* The same of a SOCKS proxy. */
static int is_refusal(const struct rl_transfer *t, CURLcode result) {
#if LIBCURL_VERSION_NUM >= 0x074900
  long why = 0;
  if ((int)result != 97 /* CURLE_PROXY */)
    return 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_PROXY_ERROR, &why);
  return why == CURLPX_USER_REJECTED || why == CURLPX_NO_AUTH || why == CURLPX_IDENTD ||
         why == CURLPX_IDENTD_DIFFER || why == CURLPX_REPLY_NOT_ALLOWED;
#else
  (void)t, (void)result;
  return 0;
#endif
}

/* 1: it is the HTTPS proxy whose certificate or handshake failed, and not the API's. */
static int is_of_proxy(const struct rl_transfer *t) {
  const char *proxy = t->http->proxy;
  long tunnel = 0, verified = 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_HTTP_CONNECTCODE, &tunnel);
#if LIBCURL_VERSION_NUM >= 0x073400
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_PROXY_SSL_VERIFYRESULT, &verified);
#endif
  return verified != 0 || (tunnel == 0 && proxy != NULL && strncasecmp(proxy, "https:", 6) == 0);
}

static void put_before_message(struct rl_transfer *t, const char *text) {
  char rest[sizeof t->message];
  memcpy(rest, t->message, sizeof rest);
  snprintf(t->message, sizeof t->message, "%s%.*s", text, (int)(sizeof rest - 1 - strlen(text)),
           rest);
}

/* What libcurl does not say of a failure to connect. */
static void explain(struct rl_transfer *t, CURLcode result) {
  if (rl_curlcode_is_tls(result) && is_of_proxy(t))
    put_before_message(t, "the proxy: ");
  if (!t->started &&
      (t->socket_error == EMFILE || t->socket_error == ENFILE || rl_is_short_of_descriptors()))
    put_before_message(t, "too many open files: ");
}

int rl_transfer_wants_bundle(struct rl_transfer *t, CURLcode result) {
  if (result != CURLE_PEER_FAILED_VERIFICATION || !t->easy->hashed || t->started || t->aborted)
    return 0;
  t->http->bundle_only = 1;
  t->easy->spent = 1;
  return 1;
}

/* libcurl repeats by itself what it sent over a kept connection that ends without an answer, but
 * not where the end meets the sending of a body. */
int rl_transfer_met_end(struct rl_transfer *t, CURLcode result) {
  if (result != CURLE_SEND_ERROR || !t->started || t->once || t->repeated || t->aborted ||
      t->answer.bytes > 0 || !has_used_connection(t))
    return 0;
  t->repeated = 1;
  return 1;
}

void rl_transfer_conclude(struct rl_transfer *t, CURLcode result) {
  if (t->answered)
    result = CURLE_OK; /* that the rest of the request could not be sent changes nothing */
  t->easy->spent |= rl_quirk_is_spent(result);
  if (t->aborted)
    return;
  if (result == CURLE_ABORTED_BY_CALLBACK && t->once && t->repeated) {
    rl_transfer_fail(t, RL_KIND_CONNECTION, "RECV_ERROR",
                     "the connection ended before an answer came");
    return;
  }
  if (is_long_header(t, result)) {
    rl_transfer_fail(t, RL_KIND_LIMIT, HEADERS_TOO_LARGE);
    return;
  }
  if (is_bomb(t, result)) {
    rl_transfer_fail(t, RL_KIND_LIMIT, TOO_MUCH_AT_ONCE);
    return;
  }
  /* libcurl takes any three digits for a status; nginx sends 000 over HTTP/2 when what is behind it
   * sent no HTTP. */
  if (result == CURLE_OK && !t->answer.complete) {
    rl_transfer_fail(t, RL_KIND_CONNECTION, "WEIRD_SERVER_REPLY",
                     "the response has no valid status");
    return;
  }
  if (result == CURLE_OK) {
    rl_transfer_fail(t, RL_KIND_OK, rl_curlcode_name(result), "");
    return;
  }
  memcpy(t->message, t->easy->message, sizeof t->message);
  if (is_unreadable(t, result)) {
    const char *coding = rl_headers_coding(&t->answer);
    if (coding != NULL) /* not when libcurl gives up within the headers */
      snprintf(t->message, sizeof t->message, UNREADABLE, coding);
    rl_transfer_fail(t, RL_KIND_CONNECTION, "BAD_CONTENT_ENCODING", t->message);
    return;
  }
  if (is_refused_by_proxy(t))
    return;
  if (t->message[0] == '\0')
    snprintf(t->message, sizeof t->message, "%s", curl_easy_strerror(result));
  t->outcome.final = is_refusal(t, result);
  explain(t, result);
  rl_transfer_fail(t, kind_of(result), rl_curlcode_name(result), t->message);
}

void rl_transfer_end(struct rl_transfer *t) {
  const struct rl_fault *fault = &t->sink.fault;
  if (!rl_sink_end(&t->sink, t->outcome.kind == RL_KIND_OK))
    rl_transfer_fail(t, fault->kind, fault->code, fault->message);
  t->outcome.bytes = t->sink.bytes;
  t->outcome.repeated = t->repeated; /* also of one that ends in the queue again */
  t->outcome.sent |= t->repeated;
  if (t->answer.complete)
    t->outcome.http_version = t->answer.version;
  t->outcome.may_hide_cut = t->answer.complete && strcmp(t->method, "HEAD") != 0 &&
                            rl_headers_may_hide_cut(&t->answer, t->received > 0 && !t->raw);
  free_request(t);
}

int rl_transfer_has_news(const struct rl_transfer *t) {
  return t->state == RL_FINISHED || t->moved || rl_sink_has_news(&t->sink);
}

void rl_transfer_tell(struct rl_transfer *t) {
  if (!t->armed)
    return;
  t->armed = 0;
  t->idle_since = t->http->clock_at;
  rl_link_append(&t->http->ready, &t->news);
}

uint64_t rl_transfer_id(const struct rl_transfer *t) {
  return t->id;
}

int rl_transfer_finished(const struct rl_transfer *t) {
  return t->state == RL_FINISHED;
}

void rl_transfer_outcome(const struct rl_transfer *t, struct rl_outcome *out) {
  *out = t->outcome;
}

const struct rl_headers *rl_transfer_headers(const struct rl_transfer *t) {
  return &t->answer;
}

struct rl_text rl_transfer_body(const struct rl_transfer *t) {
  return rl_sink_text(&t->sink);
}

struct rl_framer *rl_transfer_framer(struct rl_transfer *t) {
  return t->sink.streams ? t->sink.framer : NULL;
}

struct rl_events *rl_transfer_events(struct rl_transfer *t) {
  return t->sink.streams ? t->sink.events : NULL;
}

int rl_transfer_mistyped(const struct rl_transfer *t) {
  return t->sink.mistyped;
}

/* -1 where the answer does not say, or says it of what is compressed. */
static int64_t length_told(const struct rl_headers *h) {
  int64_t length = h->complete ? rl_headers_length(h) : RL_LENGTH_UNTOLD;
  return length >= 0 && rl_headers_find(h, "content-encoding") == NULL ? length : -1;
}

void rl_transfer_progress(struct rl_transfer *t, struct rl_progress *out) {
  out->to_send = t->body_len;
  if (t->source != NULL)
    out->sent = rl_source_given(t->source);
  else
    out->sent = t->answer.complete ? t->body_len : 0;
  out->received = t->sink.bytes;
  out->to_receive = length_told(&t->answer);
  t->moved = 0;
  if (t->http != NULL)
    t->told_at = t->http->clock_at;
}
