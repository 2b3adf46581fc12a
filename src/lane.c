/* lane.c: libcurl's multi handles, the sockets that they want watched, and how a transfer enters
 * and leaves them. */
#include "alloc.h"
#include "curlcode.h"
#include "http_private.h"
#include "quirks.h"

#include <math.h>
#include <string.h>

enum { MAX_POOLED = 128 }; /* handles of a lane, of some 10 KB each */

static struct rl_socket *socket_add(struct rl_lane *lane, curl_socket_t fd) {
  struct rl_http *h = lane->http;
  struct rl_socket *s = rl_calloc(1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->lane = lane;
  s->watch.fd = fd;
  s->port = lane->shared ? rl_local_port(fd) : 0;
  if (rl_poller_add(&h->poller, &s->watch))
    return s;
  rl_free(s);
  return NULL;
}

static void socket_remove(struct rl_http *h, struct rl_socket *s) {
  rl_poller_remove(&h->poller, &s->watch);
  rl_free(s);
}

/* libcurl looks up a name for the transfer, connects, or has a connection. */
static void note_user(CURL *easy) {
  void *p = NULL;
  const struct rl_easy *e;
  (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&p);
  e = p;
  if (e != NULL && e->transfer != NULL)
    rl_transfer_connects(e->transfer);
}

/* CURLMOPT_SOCKETFUNCTION; libcurl calls it in socket_action as well as when handles are added,
 * removed and cleaned up. -1 makes libcurl give the multi handle up. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *socketp) {
  struct rl_lane *lane = userp;
  struct rl_http *h = lane->http;
  struct rl_socket *s = socketp;
  short events = 0;
  if (what == CURL_POLL_REMOVE) {
    if (s != NULL)
      socket_remove(h, s);
    return 0;
  }
  if (s == NULL) {
    s = socket_add(lane, fd);
    if (s != NULL && curl_multi_assign(lane->multi, fd, s) != CURLM_OK) {
      socket_remove(h, s);
      s = NULL;
    }
    if (s == NULL) {
      lane->starved = 1;
      return -1;
    }
    note_user(easy);
  }
  if (what & CURL_POLL_IN)
    events |= POLLIN;
  if (what & CURL_POLL_OUT)
    events |= POLLOUT;
  s->events = events;
  rl_poller_set(&h->poller, &s->watch, events);
  return 0;
}

/* CURLMOPT_TIMERFUNCTION; never acts on it at once, since libcurl must not be entered again. Times
 * beyond an hour are libcurl's own timeouts, which we do not use. */
static int on_timer(CURLM *multi, long ms, void *userp) {
  struct rl_lane *lane = userp;
  (void)multi;
  if (ms > 0 && ms <= 3600000L)
    lane->timer = rl_monotonic() + (double)ms / 1000;
  else
    lane->timer = ms == 0 ? 0 : -1;
  return 0;
}

int rl_lane_is_multiplexed(const struct rl_lane *lane) {
  return lane->shared && lane->protocol >= 20;
}

long rl_lane_connections(const struct rl_lane *lane) {
  return rl_lane_is_multiplexed(lane) ? lane->active > 0 : (long)lane->active;
}

/* Connections that lane_retire left to what had begun over them. */
static long left_behind(const struct rl_lane *heir) {
  const struct rl_lane *lane;
  long n = 0;
  for (lane = heir->http->all_lanes; lane != NULL; lane = lane->next) {
    if (lane != heir && lane->heir == heir)
      n += rl_lane_connections(lane);
  }
  return n;
}

/* libcurl opens further connections of a shared lane by itself. */
static int limit_connections(struct rl_lane *lane) {
  long limit = lane->http->max_connections - left_behind(lane);
  return !lane->shared || lane->multi == NULL ||
         curl_multi_setopt(lane->multi, CURLMOPT_MAX_HOST_CONNECTIONS, limit > 1 ? limit : 1L) ==
             CURLM_OK;
}

static int lane_open(struct rl_lane *lane) {
  CURLM *m;
  int ok;
  rl_guard_standard(lane->http);
  m = rl_quirk_multi();
  if (m == NULL)
    return 0;
  ok = curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
       curl_multi_setopt(m, CURLMOPT_SOCKETDATA, lane) == CURLM_OK &&
       curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
       curl_multi_setopt(m, CURLMOPT_TIMERDATA, lane) == CURLM_OK &&
       curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, lane->kept) == CURLM_OK &&
       curl_multi_setopt(m, CURLMOPT_PIPELINING,
                         lane->shared ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING) == CURLM_OK;
  rl_quirk_quick_exit_multi(m);
  if (ok) {
    rl_ca_now(lane->http, &lane->ca);
    lane->multi = m;
    lane->timer = -1;
    ok = limit_connections(lane);
  }
  if (!ok) {
    curl_multi_cleanup(m);
    lane->multi = NULL;
  }
  return ok;
}

static void lane_empty_pool(struct rl_lane *lane) {
  int sink;
  for (sink = 0; sink < RL_SINKS; sink++) {
    while (lane->pools[sink] != NULL) {
      struct rl_easy *e = lane->pools[sink];
      lane->pools[sink] = e->next;
      rl_easy_free(e);
    }
  }
  lane->pooled = 0;
}

static void give_easy_back(struct rl_lane *lane, enum rl_sink_kind sink, struct rl_easy *e) {
  if (e->spent || lane->heir != lane || lane->pooled >= MAX_POOLED) {
    rl_easy_free(e);
    return;
  }
  e->next = lane->pools[sink];
  lane->pools[sink] = e;
  lane->pooled++;
}

static struct rl_easy *take_easy(struct rl_lane *lane, enum rl_sink_kind sink) {
  struct rl_easy *e = lane->pools[sink];
  if (e == NULL)
    return rl_easy_new(lane->http, lane);
  lane->pools[sink] = e->next;
  lane->pooled--;
  return e;
}

/* Takes the transfer out of libcurl's hands, in the only order that all versions survive: remove,
 * then reuse or cleanup. */
static void detach(struct rl_transfer *t) {
  struct rl_lane *lane = t->lane;
  struct rl_easy *e = t->easy;
  (void)curl_multi_remove_handle(lane->multi, e->curl);
  rl_transfer_has_opened(t);
  (void)curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, NULL);
  e->transfer = NULL;
  t->held = 0;
  rl_link_remove(&t->pause);
  t->easy = NULL;
  give_easy_back(lane, t->sink.kind, e);
}

/* When nothing is left to wait for, those that waited need a connection of their own. */
static void note_end(struct rl_lane *lane) {
  struct rl_link *l;
  for (l = lane->active_list.next; lane->begun == 1 && l != &lane->active_list; l = l->next) {
    struct rl_transfer *t = RL_TRANSFER_OF(l, place);
    if (rl_transfer_waits(t)) {
      rl_transfer_excuse_wait(t);
      rl_transfer_end_wait(t);
    }
  }
  lane->begun--;
}

/* In the order of their beginning, also what comes back. */
static void enqueue(struct rl_lane *lane, struct rl_transfer *t) {
  struct rl_link *l = &lane->queue;
  while (l->prev != &lane->queue && RL_TRANSFER_OF(l->prev, place)->sequence > t->sequence)
    l = l->prev;
  rl_link_append(l, &t->place);
}

void rl_transfer_set_state(struct rl_transfer *t, enum rl_state state) {
  if (t->state == RL_ACTIVE)
    t->lane->active--;
  rl_link_remove(&t->place);
  t->lane = state == RL_ACTIVE ? t->lane : t->lane->heir; /* a retired lane may go now */
  t->state = state;
  if (state == RL_QUEUED)
    enqueue(t->lane, t);
  if (state == RL_ACTIVE) {
    rl_link_append(&t->lane->active_list, &t->place);
    t->lane->active++;
  }
}

void rl_transfer_finish(struct rl_transfer *t) {
  struct rl_http *h = t->http;
  struct rl_lane *lane = t->lane;
  if (t->easy != NULL) {
    rl_transfer_account(t);
    detach(t);
  }
  rl_transfer_set_state(t, RL_FINISHED);
  if (t->started)
    note_end(lane);
  rl_transfer_end(t);
  if (--h->unfinished == 0)
    h->due_clock = h->due_monotonic = HUGE_VAL; /* rl_http_timeout must not tell of it any more */
  rl_transfer_tell(t);
}

void rl_transfer_finish_all(struct rl_link *list, enum rl_kind kind, const char *code,
                            const char *message) {
  while (rl_link_in_list(list)) {
    struct rl_transfer *t = RL_TRANSFER_OF(list->next, place);
    rl_transfer_fail(t, kind, code, message);
    rl_transfer_finish(t);
  }
}

void rl_lane_close(struct rl_lane *lane) {
  struct rl_http *h = lane->http;
  size_t i;
  lane_empty_pool(lane);
  if (lane->multi != NULL)
    curl_multi_cleanup(lane->multi);
  lane->multi = NULL;
  lane->timer = -1;
  for (i = h->poller.count; i-- > 0;) {
    struct rl_socket *s = RL_SOCKET_OF(h->poller.watches[i]);
    if (s->lane == lane)
      socket_remove(h, s);
  }
}

/* "The state of all transfers is uncertain" after an error of the multi interface, so all of them
 * fail; a new handle is made when it is needed. */
static void lane_fail(struct rl_lane *lane, CURLMcode code) {
  if (lane->starved)
    code = CURLM_OUT_OF_MEMORY; /* and not that a callback gave up */
  lane->starved = 0;
  rl_transfer_finish_all(&lane->active_list, RL_KIND_CONNECTION, rl_curlmcode_name(code),
                         curl_multi_strerror(code));
  rl_lane_close(lane);
}

static int refuse(struct rl_transfer *t, const char *code, const char *message) {
  rl_transfer_fail(t, RL_KIND_CONNECTION, code, message);
  return 0;
}

int rl_lane_add(struct rl_lane *lane, struct rl_transfer *t) {
  struct rl_easy *e = NULL;
  CURLcode rc = CURLE_OUT_OF_MEMORY;
  CURLMcode mrc;
  if (lane->multi != NULL || lane_open(lane))
    e = take_easy(lane, t->sink.kind);
  if (e != NULL)
    rc = rl_transfer_configure(t, e);
  if (rc != CURLE_OK) {
    if (e != NULL)
      rl_easy_free(e);
    return refuse(t, rl_curlcode_name(rc), curl_easy_strerror(rc));
  }
  mrc = curl_multi_add_handle(lane->multi, e->curl);
  if (mrc != CURLM_OK) {
    rl_easy_free(e);
    return refuse(t, rl_curlmcode_name(mrc), curl_multi_strerror(mrc));
  }
  t->easy = e;
  rl_transfer_set_state(t, RL_ACTIVE);
  return 1;
}

void rl_transfer_requeue(struct rl_transfer *t) {
  t->http->requests--;
  if (t->started)
    note_end(t->lane);
  detach(t);
  rl_transfer_renew(t);
  rl_transfer_set_state(t, RL_QUEUED);
}

void rl_lanes_suspect(const struct rl_transfer *t) {
  struct rl_lane *lane;
  if (!rl_transfer_is_silent(t))
    return;
  for (lane = t->http->all_lanes; lane != NULL; lane = lane->next)
    lane->suspect |= lane == t->lane || lane->heard <= t->last_byte;
}

/* A bundle that is away is about to come: until then what was read will do. */
void rl_lanes_check_bundle(struct rl_http *h) {
  struct rl_lane *lane;
  struct rl_ca now;
  rl_ca_now(h, &now);
  for (lane = h->all_lanes; lane != NULL && now.bundle.inode != 0; lane = lane->next)
    lane->suspect |= lane->multi != NULL && lane->heir == lane &&
                     !(rl_stamp_is(&now.bundle, &lane->ca.bundle) &&
                       rl_stamp_is(&now.directory, &lane->ca.directory));
}

/* What has not begun must not begin over these connections. */
static void requeue_waiting(struct rl_lane *lane) {
  struct rl_link *l = lane->active_list.next;
  while (l != &lane->active_list) {
    struct rl_transfer *t = RL_TRANSFER_OF(l, place);
    l = l->next;
    if (!t->started && !t->connecting)
      rl_transfer_requeue(t);
  }
}

static void hand_over(struct rl_lane *lane, struct rl_lane *old) {
  struct rl_http *h = lane->http;
  struct rl_link *l;
  size_t i;
  *old = *lane;
  memset(old->pools, 0, sizeof old->pools);
  old->pooled = 0;
  rl_link_init(&old->queue);
  rl_link_init(&old->active_list);
  rl_link_move(&lane->active_list, &old->active_list);
  for (l = old->active_list.next; l != &old->active_list; l = l->next)
    RL_TRANSFER_OF(l, place)->lane = old;
  for (i = 0; i < h->poller.count; i++) {
    struct rl_socket *s = RL_SOCKET_OF(h->poller.watches[i]);
    if (s->lane == lane)
      s->lane = old;
  }
  (void)curl_multi_setopt(old->multi, CURLMOPT_SOCKETDATA, old);
  (void)curl_multi_setopt(old->multi, CURLMOPT_TIMERDATA, old);
  old->heir = lane;
  lane->next = old;
  lane->multi = NULL;
  lane->timer = -1;
  lane->active = lane->begun = 0;
}

static void lane_retire(struct rl_lane *lane) {
  struct rl_lane *old;
  requeue_waiting(lane);
  if (lane->active == 0) {
    rl_lane_close(lane);
    return;
  }
  old = rl_calloc(1, sizeof *old);
  if (old != NULL) /* else it is to be tried with the next silence */
    hand_over(lane, old);
}

void rl_lanes_retire(struct rl_http *h) {
  struct rl_lane *lane, **at = &h->all_lanes;
  while ((lane = *at) != NULL) {
    if (lane->suspect && lane->heir == lane && lane->multi != NULL)
      lane_retire(lane);
    lane->suspect = 0;
    if (lane->heir == lane || lane->active > 0) {
      at = &lane->next;
      continue;
    }
    *at = lane->next;
    rl_lane_close(lane);
    (void)limit_connections(lane->heir);
    rl_free(lane);
  }
}

void rl_lane_act(struct rl_lane *lane, curl_socket_t fd, int action) {
  int running;
  CURLMcode rc = curl_multi_socket_action(lane->multi, fd, action, &running);
  rl_connections_release(lane->http);
  if (rc != CURLM_OK)
    lane_fail(lane, rc);
}

void rl_lane_init(struct rl_http *h, struct rl_lane *lane, int shared, long kept) {
  lane->http = h;
  lane->heir = lane;
  lane->next = h->all_lanes;
  h->all_lanes = lane;
  lane->shared = shared;
  lane->kept = kept;
  lane->timer = -1;
  rl_link_init(&lane->active_list);
  rl_link_init(&lane->queue);
}

void rl_sockets_free(struct rl_http *h) {
  while (h->poller.count > 0)
    socket_remove(h, RL_SOCKET_OF(h->poller.watches[h->poller.count - 1]));
  rl_poller_free(&h->poller);
}
