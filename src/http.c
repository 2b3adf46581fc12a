/* http.c: a client: its queue, its clocks and its turns. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* strerror_r and the like with -std=c99 */
#endif

#include "alloc.h"
#include "http_private.h"
#include "quirks.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A turn ends after about so much time, so that a frame of the host is not spoilt by many ready
 * connections; the next turn goes on where it ended. */
#define ROUND_SECONDS 0.0005

/* What is begun, and what goes on after its share of the turn before, in one turn. */
enum { ADMIT_PER_TURN = 32, RESUME_PER_TURN = 4 };

/* A page or stream that has been silent for so long while nobody waits for it does not count
 * against max_connections or max_streams: its reader may be waiting for the very call that would be
 * kept out. */
#define ABANDONED_SECONDS 1.0

/* For so long after its deadline a transfer may go on reading what lies in its socket. */
#define GRACE_SECONDS 0.25

/* A body of so many bytes may be stopped half-way by the flow control of HTTP/2, which need not let
 * more through before the server says a word (RFC 9113 6.9.2): an answer that comes before its end
 * keeps libcurl (7.88, for one) waiting for ever. */
#define LARGE_BODY 65535u

/* For so long after an answer that came early the server may still be about to read the request. */
#define EARLY_SECONDS 1.0

enum { IDLE_WRITES = 16 };
#define MUTE_SECONDS 0.002

/* What arrives in one turn by a read that was filled: more may lie in the socket. */
#define FULL_READ (12u * 1024u)

static double clock_now(const struct rl_http *h, double now) {
  double passed = now - h->clock_at;
  if (!h->in_turn && passed > RL_HTTP_MAX_ABSENCE)
    passed = RL_HTTP_MAX_ABSENCE;
  return h->clock + passed;
}

static void excuse(struct rl_link *list, double seconds) {
  struct rl_link *l;
  for (l = list->next; l != list; l = l->next) {
    struct rl_transfer *t = RL_TRANSFER_OF(l, place);
    if (!t->connected)
      rl_transfer_excuse(t, seconds);
  }
}

static void excuse_all(struct rl_http *h, double seconds) {
  struct rl_lane *lane;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    excuse(&lane->active_list, seconds);
}

static void clock_update(struct rl_http *h, double now) {
  double away = now - h->clock_at;
  if (!h->in_turn && away > RL_HTTP_MAX_ABSENCE)
    excuse_all(h, away);
  h->clock = clock_now(h, now);
  h->clock_at = now;
}

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static int global_result;

static void global_init(void) {
  global_result = (int)curl_global_init(CURL_GLOBAL_DEFAULT);
}

int rl_http_global_init(void) {
  (void)pthread_once(&global_once, global_init);
  return global_result;
}

static void list_codings(int features, char *out, size_t size) {
  static const struct {
    int feature;
    const char *names;
  } known[] = {
      {CURL_VERSION_LIBZ, "deflate, gzip"},
#ifdef CURL_VERSION_BROTLI
      {CURL_VERSION_BROTLI, "br"},
#endif
#ifdef CURL_VERSION_ZSTD
      {CURL_VERSION_ZSTD, "zstd"},
#endif
  };
  size_t i, n = 0;
  for (i = 0; i < sizeof known / sizeof *known; i++) {
    if (features & known[i].feature)
      n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "", known[i].names);
  }
  if (n == 0)
    snprintf(out, size, "identity");
}

void rl_http_library(struct rl_http_library *out) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
  out->version = v->version;
  out->async_dns = (v->features & CURL_VERSION_ASYNCHDNS) != 0;
  out->http2 = (v->features & CURL_VERSION_HTTP2) != 0;
  out->ssl = (v->features & CURL_VERSION_SSL) != 0;
  out->quick_exit = rl_quirk_has_quick_exit(v->version_num);
  list_codings(v->features, out->codings, sizeof out->codings);
}

static double smaller(double a, double b) {
  return a < b ? a : b;
}

/* When the transfer's timeouts pass, or its wait for a stream is to be excused, on the client's
 * clock. */
static double due_on_clock(const struct rl_http *h, const struct rl_transfer *t) {
  double due = HUGE_VAL, silent_since;
  if (t->state != RL_ACTIVE)
    return due;
  if (rl_transfer_waits(t))
    return RL_QUIRK_TIMES_WAITS ? t->admitted + h->connect_timeout : due;
  if (!t->patient)
    due = t->admitted + t->timeout;
  else if (t->armed) {
    silent_since = t->last_byte > t->wait_since ? t->last_byte : t->wait_since;
    due = silent_since + t->timeout;
  }
  if (t->answered)
    due = smaller(due, t->answer.status < 300 ? t->answered_at + EARLY_SECONDS : 0);
  if (!t->connected && t->admitted + h->connect_timeout < due)
    due = t->admitted + h->connect_timeout;
  return due;
}

/* When its deadline passes, on the monotonic clock. */
static double due_on_monotonic(const struct rl_transfer *t) {
  return !t->patient || t->armed ? t->deadline : HUGE_VAL;
}

static void admit(struct rl_http *h, struct rl_transfer *t) {
  if (!rl_lane_add(t->lane, t)) {
    rl_transfer_finish(t);
    return;
  }
  t->admitted = t->last_byte = h->clock;
  h->requests++;
  h->due_clock = smaller(h->due_clock, due_on_clock(h, t));
}

static int is_abandoned(const struct rl_http *h, const struct rl_transfer *t) {
  return (t->sink.kind == RL_SINK_PAGE || t->sink.kind == RL_SINK_EVENTS) && !t->armed &&
         h->clock - t->last_byte > ABANDONED_SECONDS;
}

/* Connections that count against max_connections, or max_streams. */
static long connections_in_use(const struct rl_http *h, const struct rl_lane *lane) {
  const struct rl_link *l;
  long n = rl_lane_connections(lane);
  if (rl_lane_is_multiplexed(lane))
    return n;
  for (l = lane->active_list.next; l != &lane->active_list; l = l->next) {
    const struct rl_transfer *t = RL_TRANSFER_OF(l, place);
    n -= t->held || is_abandoned(h, t);
  }
  return n;
}

/* Each lane may have one connection in any case, or one could starve the other. */
static int has_room(const struct rl_http *h, const struct rl_lane *lane) {
  const struct rl_lane *streams = &h->lanes[RL_LANE_STREAMS], *other;
  const long limit = lane == streams ? h->max_streams : h->max_connections;
  long all = 0, in_use = 0;
  size_t active = 0; /* in this lane and those whose place it took */
  if (lane->active > 0 && rl_lane_is_multiplexed(lane))
    return lane->active < RL_HTTP_MAX_STREAMS;
  for (other = h->all_lanes; other != NULL; other = other->next) {
    active += other->heir == lane ? other->active : 0;
    if ((other->heir == streams) == (lane == streams))
      all += (long)other->active;
  }
  if (active == 0 || all < limit)
    return 1;
  for (other = h->all_lanes; other != NULL; other = other->next) {
    if ((other->heir == streams) == (lane == streams))
      in_use += connections_in_use(h, other);
  }
  return in_use < limit;
}

/* The one that has waited longest among those for whom there is room, or NULL. */
static struct rl_transfer *next_in_queue(struct rl_http *h) {
  struct rl_transfer *best = NULL;
  int i;
  for (i = 0; i < RL_LANES; i++) {
    struct rl_link *queue = &h->lanes[i].queue;
    if (rl_link_in_list(queue) && has_room(h, &h->lanes[i])) {
      struct rl_transfer *t = RL_TRANSFER_OF(queue->next, place);
      if (best == NULL || t->sequence < best->sequence)
        best = t;
    }
  }
  return best;
}

static int has_queue(const struct rl_http *h) {
  int i;
  for (i = 0; i < RL_LANES; i++) {
    if (rl_link_in_list(&h->lanes[i].queue))
      return 1;
  }
  return 0;
}

static int admit_waiting(struct rl_http *h, double now) {
  int n = 0;
  if (h->https && has_queue(h)) {
    rl_lanes_check_bundle(h);
    rl_lanes_retire(h);
  }
  while (n < ADMIT_PER_TURN && now >= h->hold_until) {
    struct rl_transfer *t = next_in_queue(h);
    if (t == NULL)
      break;
    admit(h, t);
    n++;
  }
  return n;
}

static int run_timer(struct rl_lane *lane, double now) {
  if (lane->multi == NULL || lane->timer < 0 || lane->timer > now)
    return 0;
  lane->timer = -1;
  rl_lane_act(lane, CURL_SOCKET_TIMEOUT, 0);
  return 1;
}

static int run_timers(struct rl_http *h, double now) {
  struct rl_lane *lane;
  int n = 0;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    n += run_timer(lane, now);
  return n;
}

static void end_transfer(struct rl_transfer *t, CURLcode result) {
  if (t->stale || rl_transfer_wants_bundle(t, result) || rl_transfer_met_end(t, result)) {
    rl_transfer_requeue(t);
    return;
  }
  rl_transfer_conclude(t, result);
  rl_transfer_finish(t);
}

static void read_lane(struct rl_lane *lane) {
  CURLMsg *m;
  int left;
  while (lane->multi != NULL && (m = curl_multi_info_read(lane->multi, &left)) != NULL) {
    void *e = NULL;
    CURLcode result = m->data.result; /* the message dies with the removal */
    if (m->msg != CURLMSG_DONE)
      continue;
    (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&e);
    end_transfer(((struct rl_easy *)e)->transfer, result);
  }
}

static void read_messages(struct rl_http *h) {
  struct rl_lane *lane;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    read_lane(lane);
}

/* Lets transfers that were paused after their share go on. libcurl may hand over here what it had
 * read already, and then wants to be called by its timer. */
static void resume_paused(struct rl_http *h) {
  int i;
  for (i = 0; i < RESUME_PER_TURN && rl_link_in_list(&h->paused); i++) {
    struct rl_transfer *t = RL_TRANSFER_OF(h->paused.next, pause);
    CURLcode rc;
    rl_link_remove(&t->pause);
    h->resuming = 1;
    rc = curl_easy_pause(t->easy->curl, CURLPAUSE_CONT);
    h->resuming = 0;
    if (rc != CURLE_OK) {
      rl_transfer_conclude(t, rc);
      rl_transfer_finish(t);
    }
  }
}

/* What poll(2) said, in libcurl's words. Errors are for the read or the write to find, since
 * CURL_CSELECT_ERR alone hides what they are. */
static int action_of(short events, short revents) {
  int action = 0;
  if ((events & POLLIN) && (revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
    action |= CURL_CSELECT_IN;
  if ((events & POLLOUT) && (revents & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)))
    action |= CURL_CSELECT_OUT;
  return action;
}

static uint64_t sent_by(const struct rl_lane *lane) {
  const struct rl_link *l;
  uint64_t sum = 0;
  for (l = lane->active_list.next; l != &lane->active_list; l = l->next)
    sum += rl_transfer_sent(RL_TRANSFER_OF(l, place));
  return sum;
}

/* While HTTP/2's flow control blocks a request's body, libcurl 7.88 keeps asking for a socket that
 * is writable all the time, which would make its caller spin. So after some writes that came to
 * nothing the socket is not watched for writing for a moment; the other side's word to go on makes
 * it readable. */
static void note_write(struct rl_http *h, struct rl_socket *s, int idle) {
  uint64_t sent;
  s->idle_writes = idle ? s->idle_writes + 1 : 0;
  if (s->idle_writes < IDLE_WRITES)
    return;
  sent = sent_by(s->lane);
  if (sent != s->sent) {
    s->sent = sent;
    s->idle_writes = 0;
    return;
  }
  rl_poller_set(&h->poller, &s->watch, (short)(s->events & ~POLLOUT));
  h->unmute_at = smaller(h->unmute_at, rl_monotonic() + MUTE_SECONDS);
}

static void unmute(struct rl_http *h, double now) {
  size_t i;
  if (now < h->unmute_at)
    return;
  h->unmute_at = HUGE_VAL;
  for (i = 0; i < h->poller.count; i++) {
    const struct rl_socket *s = RL_SOCKET_OF(h->poller.watches[i]);
    rl_poller_set(&h->poller, &s->watch, s->events);
  }
}

/* Serves the i-th of those that are ready. It may be gone afterwards. */
static void serve_socket(struct rl_http *h, size_t i, int action) {
  struct rl_socket *s = RL_SOCKET_OF(h->poller.ready[i].watch);
  struct rl_lane *lane = s->lane;
  uint64_t moved = h->moved;
  if (action & CURL_CSELECT_IN)
    s->heard = h->clock;
  rl_lane_act(lane, s->watch.fd, action);
  if (lane->shared && h->poller.ready[i].watch != NULL)
    note_write(h, s, action == CURL_CSELECT_OUT && h->moved == moved);
}

/* Where in the list of what is ready the round begins. */
static size_t round_begin(const struct rl_http *h) {
  const struct rl_poller *p = &h->poller;
  size_t k;
  for (k = 0; k < p->ready_count; k++) {
    if (p->ready[k].watch != NULL && p->ready[k].watch->fd == h->cursor)
      return k;
  }
  return 0;
}

static int serve_ready(struct rl_http *h, double started) {
  const struct rl_poller *p = &h->poller;
  size_t k, first = round_begin(h);
  struct rl_lane *lane;
  int served = 0, skipped = 0;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    lane->skipped = 0;
  for (k = 0; k < p->ready_count; k++) {
    size_t i = (first + k) % p->ready_count;
    struct rl_socket *s;
    int action;
    if (p->ready[i].watch == NULL)
      continue;
    s = RL_SOCKET_OF(p->ready[i].watch);
    action = action_of(p->polls[s->watch.index].events, p->ready[i].revents);
    if (action == 0)
      continue;
    if (served > 0 && rl_monotonic() - started > ROUND_SECONDS) {
      if (!skipped)
        h->cursor = s->watch.fd;
      skipped = s->lane->skipped = 1;
      continue;
    }
    serve_socket(h, i, action);
    served++;
  }
  return served;
}

static int is_connected(struct rl_transfer *t) {
#if LIBCURL_VERSION_NUM >= 0x073d00
  curl_off_t us = 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_PRETRANSFER_TIME_T, &us);
  t->connected = us > 0;
#else
  double s = 0;
  (void)curl_easy_getinfo(t->easy->curl, CURLINFO_PRETRANSFER_TIME, &s);
  t->connected = s > 0;
#endif
  return t->connected;
}

/* What already lies in the socket is read before a deadline is declared missed: the transfer has
 * just filled a read, or its socket was not served. But a server that never stops does not win. */
static int may_have_more(const struct rl_http *h, struct rl_transfer *t) {
  if (t->missed_at < 0)
    t->missed_at = h->clock;
  if (h->clock - t->missed_at > GRACE_SECONDS)
    return 0;
  if (rl_link_in_list(&t->pause) || (t->turn == h->turn && t->turn_bytes >= FULL_READ))
    return 1;
  return t->lane->skipped;
}

/* "no byte for 0.5 s", whatever the locale's decimal point. */
static void put_seconds(char *out, size_t size, const char *what, double seconds) {
  char number[32], *to = number;
  const char *from;
  snprintf(number, sizeof number, "%.6g", seconds);
  for (from = number; *from != '\0'; from++) {
    if (strchr("0123456789e+-", *from) != NULL)
      *to++ = *from;
    else if (to == number || to[-1] != '.')
      *to++ = '.';
  }
  *to = '\0';
  snprintf(out, size, "%s %s s", what, number);
}

static int time_out(struct rl_http *h, struct rl_transfer *t, double due) {
  const char *what = t->patient ? "no byte for" : "no answer within";
  double seconds = t->timeout;
  if (t->state == RL_ACTIVE && rl_transfer_waits(t)) {
    rl_transfer_excuse_wait(t);
    t->admitted = h->clock;
    return 0;
  }
  if (t->answered) {
    if (!rl_transfer_is_settled(t))
      return 0;
    rl_transfer_conclude(t, CURLE_OK);
    rl_transfer_finish(t);
    return 1;
  }
  if (t->state == RL_ACTIVE && !t->connected && due >= t->admitted + h->connect_timeout) {
    if (is_connected(t))
      return 0;
    what = "no connection within";
    seconds = h->connect_timeout;
  }
  if (t->state == RL_ACTIVE)
    rl_lanes_suspect(t);
  put_seconds(t->message, sizeof t->message, what, seconds);
  rl_transfer_fail(t, RL_KIND_TIMEOUT, "OPERATION_TIMEDOUT", t->message);
  rl_transfer_finish(t);
  return 1;
}

static int check_transfer(struct rl_http *h, struct rl_transfer *t, double now) {
  double due = due_on_clock(h, t);
  double deadline = due_on_monotonic(t);
  if (due > h->clock && deadline > now)
    t->missed_at = -1;
  if (due <= h->clock) {
    if (!may_have_more(h, t) && time_out(h, t, due))
      return 1;
    due = due_on_clock(h, t);
  }
  if (deadline <= now && !may_have_more(h, t)) {
    if (t->state == RL_ACTIVE)
      rl_lanes_suspect(t);
    rl_transfer_fail(t, RL_KIND_TIMEOUT, "DEADLINE", "the deadline has passed");
    rl_transfer_finish(t);
    return 1;
  }
  if (due < h->due_clock)
    h->due_clock = due;
  if (deadline < h->due_monotonic)
    h->due_monotonic = deadline;
  return 0;
}

static int check_list(struct rl_http *h, struct rl_link *list, double now) {
  struct rl_link *l = list->next;
  int n = 0;
  while (l != list) {
    struct rl_transfer *t = RL_TRANSFER_OF(l, place);
    l = l->next;
    n += check_transfer(h, t, now);
  }
  return n;
}

static int check_deadlines(struct rl_http *h, double now) {
  struct rl_lane *lane;
  int n = 0;
  if (h->clock < h->due_clock && now < h->due_monotonic)
    return 0;
  h->due_clock = h->due_monotonic = HUGE_VAL;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    n += check_list(h, &lane->active_list, now) + check_list(h, &lane->queue, now);
  return n;
}

static double lane_wait(const struct rl_lane *lane, double now) {
  return lane->multi != NULL && lane->timer >= 0 ? lane->timer - now : HUGE_VAL;
}

static double queue_wait(struct rl_http *h, double now) {
  if (!has_queue(h))
    return HUGE_VAL;
  if (now < h->hold_until)
    return h->hold_until - now;
  /* A page that is being abandoned makes room without any event. */
  return next_in_queue(h) != NULL ? 0 : RL_HTTP_MAX_ABSENCE;
}

/* Seconds until something other than a socket wants a turn; HUGE_VAL: nothing does. `longest` caps
 * what is left on the client's clock. */
static double time_left(struct rl_http *h, double now, double longest) {
  double left = HUGE_VAL;
  const struct rl_lane *lane;
  if (rl_link_in_list(&h->ready) || rl_link_in_list(&h->paused))
    return 0;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    left = smaller(left, lane_wait(lane, now));
  left = smaller(left, queue_wait(h, now));
  left = smaller(left, h->unmute_at - now);
  left = smaller(left, h->due_monotonic - now);
  if (h->due_clock < HUGE_VAL)
    left = smaller(left, smaller(h->due_clock - clock_now(h, now), longest));
  return left > 0 ? left : 0;
}

static int wait_ms(struct rl_http *h, double now, double seconds) {
  double left = time_left(h, now, HUGE_VAL);
  if (seconds >= 0)
    left = smaller(left, seconds);
  else if (h->unfinished == 0)
    return 0;
  left = ceil(left * 1000);
  return left < 60000 ? (int)left : 60000;
}

static int turn(struct rl_http *h, double seconds) {
  double now = rl_monotonic();
  int n;
  clock_update(h, now);
  h->in_turn = 1;
  h->turn++;
  if (h->opening > 0 || !RL_TELLS_LOOK_UPS)
    rl_guard_standard(h);
  unmute(h, now);
  n = admit_waiting(h, now);
  resume_paused(h);
  n += run_timers(h, now);
  read_messages(h);
  now = rl_monotonic();
  if (rl_poller_wait(&h->poller, wait_ms(h, now, seconds)) > 0) {
    now = rl_monotonic();
    clock_update(h, now);
    n += serve_ready(h, now);
  }
  now = rl_monotonic();
  clock_update(h, now);
  n += run_timers(h, now);
  read_messages(h);
  n += check_deadlines(h, now);
  rl_lanes_retire(h);
  return n;
}

int rl_http_turn(struct rl_http *h, double seconds) {
  int n;
  if (h->closed || rl_http_seems_forked(h))
    return 0;
  n = turn(h, seconds);
  rl_standard_give_back(&h->standard);
  h->in_turn = h->guarded = 0;
  clock_update(h, rl_monotonic());
  return n;
}

uint64_t rl_http_ready(struct rl_http *h) {
  struct rl_transfer *t;
  if (!rl_link_in_list(&h->ready))
    return 0;
  t = RL_TRANSFER_OF(h->ready.next, news);
  rl_link_remove(&t->news);
  return t->id;
}

void rl_http_hold(struct rl_http *h, double seconds) {
  double until = rl_monotonic() + seconds;
  if (until > h->hold_until)
    h->hold_until = until;
}

int rl_http_socket(const struct rl_http *h, size_t i, int *fd, int *readable, int *writable) {
  const struct pollfd *polls = h->poller.polls;
  if (i >= h->poller.count)
    return 0;
  *fd = polls[i].fd;
  *readable = (polls[i].events & POLLIN) != 0;
  *writable = (polls[i].events & POLLOUT) != 0;
  return 1;
}

double rl_http_timeout(struct rl_http *h) {
  double left;
  if (h->closed)
    return -1;
  left = time_left(h, rl_monotonic(), RL_HTTP_MAX_ABSENCE);
  return left < HUGE_VAL ? left : -1;
}

void rl_http_stats(const struct rl_http *h, struct rl_http_stats *out) {
  out->requests = h->requests;
  out->connections = h->connections;
  out->bytes_received = h->bytes_received;
  out->in_flight = h->unfinished;
}

static char *copy_string(const char *s, int *failed) {
  size_t size;
  char *copy;
  if (s == NULL)
    return NULL;
  size = strlen(s) + 1;
  copy = rl_malloc(size);
  if (copy != NULL)
    memcpy(copy, s, size);
  else
    *failed = 1;
  return copy;
}

static enum rl_status copy_options(struct rl_http *h, const struct rl_http_options *o) {
  static char no_expect[] = "Expect:"; /* libcurl would wait a second for a 100 */
  int failed = 0;
  h->max_connections = o->max_connections;
  h->max_streams = o->max_streams;
  h->https = o->https;
  h->connect_timeout = o->connect_timeout;
  if (o->ca_chosen || o->ca_file == NULL || !rl_is_system_bundle(o->ca_file))
    h->ca_file = copy_string(o->ca_file, &failed);
  h->ca_path = copy_string(o->ca_path, &failed);
  h->proxy = copy_string(o->proxy, &failed);
  h->no_expect.data = no_expect;
  h->base_len = rl_header_block_size(o->base_headers, o->base_header_count);
  h->base = rl_malloc(h->base_len + 1);
  if (failed || h->base == NULL)
    return RL_NOMEM;
  return rl_header_block_fill(h->base, o->base_headers, o->base_header_count, &h->no_expect,
                              &h->base_headers);
}

/* Ids are unique in the process: each client takes a range of them. Without a lock, which a fork in
 * another thread would leave locked in the child. */
static uint64_t first_id(void) {
  static uint32_t clients;
  const uint32_t client = __atomic_fetch_add(&clients, 1, __ATOMIC_RELAXED);
  return ((uint64_t)(client & 0x7fffffffu) << 32) + 1;
}

enum rl_status rl_http_new(const struct rl_http_options *o, struct rl_http **out) {
  enum rl_status status;
  struct rl_http *h = rl_calloc(1, sizeof *h);
  if (h == NULL)
    return RL_NOMEM;
  rl_link_init(&h->all);
  rl_link_init(&h->ready);
  rl_link_init(&h->paused);
  /* The connections of pages that are held back come on top of max_connections, and libcurl would
   * close an idle one for each. */
  rl_lane_init(h, &h->lanes[RL_LANE_CALLS], o->https && o->http2, 2 * o->max_connections);
  rl_lane_init(h, &h->lanes[RL_LANE_PAGES], 0, 2 * o->max_connections);
  rl_lane_init(h, &h->lanes[RL_LANE_STREAMS], 0, o->max_streams);
  rl_poller_init(&h->poller);
  rl_buffer_init(&h->spare, SIZE_MAX);
  h->pid = getpid();
  h->forks = rl_forks();
  h->clock_at = rl_monotonic();
  h->due_clock = h->due_monotonic = h->unmute_at = HUGE_VAL;
  h->next_id = first_id();
  status = copy_options(h, o);
  if (status != RL_OK) {
    rl_http_free(h);
    return status;
  }
  *out = h;
  return RL_OK;
}

int rl_http_forked(const struct rl_http *h) {
  return getpid() != h->pid;
}

int rl_http_seems_forked(const struct rl_http *h) {
  return rl_forks() != h->forks;
}

int rl_http_closed(const struct rl_http *h) {
  return h->closed;
}

static void wipe_options(struct rl_http *h) {
  if (h->base != NULL)
    rl_wipe(h->base, h->base_len);
  rl_free(h->base);
  if (h->proxy != NULL)
    rl_wipe(h->proxy, strlen(h->proxy)); /* it may hold a password */
  rl_free(h->proxy);
  rl_free(h->ca_file);
  rl_free(h->ca_path);
#if RL_TAKES_URLS_APART
  curl_url_cleanup(h->origin);
  h->origin = NULL;
#endif
  h->base = h->proxy = h->ca_file = h->ca_path = NULL;
  h->base_headers = NULL;
}

static void close_lane(struct rl_lane *lane) {
  const char *why = "the client was closed";
  rl_transfer_finish_all(&lane->active_list, RL_KIND_CANCELLED, "CANCELLED", why);
  rl_transfer_finish_all(&lane->queue, RL_KIND_CANCELLED, "CANCELLED", why);
  rl_lane_close(lane);
}

void rl_http_close(struct rl_http *h) {
  struct rl_lane *lane;
  if (h->closed)
    return;
  h->closed = 1;
  if (rl_http_forked(h))
    return;
  for (lane = h->all_lanes; lane != NULL; lane = lane->next)
    close_lane(lane);
  rl_lanes_retire(h);
  rl_sockets_free(h);
  rl_free(h->open);
  h->open = NULL;
  h->connection_count = h->connection_cap = 0;
  rl_buffer_free(&h->spare);
  wipe_options(h);
}

/* What a forked child must not free, kept reachable so that leak checkers do not complain. */
static struct rl_http *left_by_fork;

void rl_http_free(struct rl_http *h) {
  struct rl_link *l, *next;
  rl_http_close(h);
  for (l = h->all.next; l != &h->all; l = next) {
    struct rl_transfer *t = RL_TRANSFER_OF(l, member);
    next = l->next;
    if (t->state != RL_FINISHED)
      continue; /* only in a forked child */
    rl_link_remove(&t->member);
    rl_link_remove(&t->news);
    if (rl_http_forked(h))
      rl_sink_forget_file(&t->sink); /* it is the parent's */
    t->http = NULL;
  }
  if (rl_http_forked(h)) {
    h->next = left_by_fork;
    left_by_fork = h;
  } else {
    rl_free(h);
  }
}

/* What may be held back, or is large. */
static int needs_own_connection(const struct rl_request *r) {
  return r->sink.list != NULL || r->sink.file != NULL || r->pieces != NULL ||
         (r->body != NULL && r->body->len >= LARGE_BODY);
}

static struct rl_lane *lane_for(struct rl_http *h, const struct rl_request *r) {
  enum rl_lane_kind kind = r->lane;
  if (r->sink.events)
    kind = RL_LANE_STREAMS;
  else if (kind == RL_LANE_CALLS && needs_own_connection(r))
    kind = RL_LANE_PAGES;
  if (kind == RL_LANE_PAGES && !h->lanes[RL_LANE_CALLS].shared)
    kind = RL_LANE_CALLS;
  return &h->lanes[kind];
}

enum rl_status rl_http_start(struct rl_http *h, const struct rl_request *r,
                             struct rl_transfer **out, const char **file) {
  struct rl_transfer *t;
  double now = rl_monotonic();
  enum rl_status status = rl_transfer_new(h, r, &t, file);
  if (status != RL_OK)
    return status;
  t->id = h->next_id++;
  if ((h->next_id & 0xffffffffu) == 0)
    h->next_id = first_id();
  t->sequence = h->sequence++;
  t->deadline = r->deadline >= 0 ? now + r->deadline : HUGE_VAL;
  t->idle_since = now;
  t->lane = lane_for(h, r);
  rl_link_append(&h->all, &t->member);
  rl_transfer_set_state(t, RL_QUEUED);
  h->unfinished++;
  h->due_monotonic = smaller(h->due_monotonic, due_on_monotonic(t));
  *out = t;
  return RL_OK;
}

void rl_transfer_cancel(struct rl_transfer *t) {
  rl_transfer_unwant(t);
  if (t->state == RL_FINISHED || t->http == NULL || rl_http_forked(t->http))
    return;
  rl_transfer_fail(t, RL_KIND_CANCELLED, "CANCELLED", "cancelled");
  rl_transfer_finish(t);
}

void rl_transfer_free(struct rl_transfer *t) {
  if (t == NULL)
    return;
  rl_transfer_cancel(t);
  if (t->state != RL_FINISHED)
    return; /* in a forked child: the parent's connection hangs on it */
  if (t->sink.path != NULL && t->http != NULL && rl_http_forked(t->http))
    rl_sink_forget_file(&t->sink);
  rl_link_remove(&t->member);
  rl_link_remove(&t->news);
  rl_transfer_destroy(t);
}

int rl_transfer_want(struct rl_transfer *t) {
  struct rl_http *h = t->http;
  if (rl_transfer_has_news(t)) {
    rl_transfer_unwant(t);
    return 1;
  }
  rl_link_remove(&t->news);
  if (!t->armed && h != NULL) {
    double now = rl_monotonic();
    t->armed = 1;
    t->wait_since = clock_now(h, now);
    if (t->patient)
      t->deadline += now - t->idle_since;
    h->due_clock = smaller(h->due_clock, due_on_clock(h, t));
    h->due_monotonic = smaller(h->due_monotonic, due_on_monotonic(t));
  }
  return 0;
}

void rl_transfer_unwant(struct rl_transfer *t) {
  if (t->armed)
    t->idle_since = rl_monotonic();
  t->armed = 0;
  rl_link_remove(&t->news);
}
