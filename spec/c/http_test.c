/* http_test.c: the HTTP core against a server that misbehaves on order (server.h).
 *
 * With RL_TEST_ALLOC each allocation of the core is made to fail once. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "../../src/alloc.h"
#include "../../src/http_private.h"
#include "../../src/platform.h"
#include "server.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *test; /* its name */

#define OK(condition) CHECK(condition, "in %s", test)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct rl_text text(const char *s) {
  struct rl_text t;
  t.data = s;
  t.len = strlen(s);
  return t;
}

static struct rl_http_options options(void) {
  static struct rl_text headers[2];
  struct rl_http_options o;
  memset(&o, 0, sizeof o);
  headers[0] = text("Authorization: Bearer secret");
  headers[1] = text("Accept: application/json");
  o.base_headers = headers;
  o.base_header_count = 2;
  o.max_connections = 20;
  o.max_streams = 512;
  o.connect_timeout = 5;
  return o;
}

static struct rl_http *client(long max_connections) {
  struct rl_http_options o = options();
  struct rl_http *h = NULL;
  o.max_connections = max_connections;
  OK(rl_http_new(&o, &h) == RL_OK);
  return h;
}

/* The URL is static: one request at a time is being made. */
static struct rl_request request(const char *method, const char *path) {
  static char url[128];
  struct rl_request r;
  memset(&r, 0, sizeof r);
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port, path);
  r.url = text(url);
  r.method = text(method);
  r.timeout = 20;
  r.deadline = -1;
  r.sink.max_body = 1024 * 1024;
  return r;
}

static struct rl_transfer *start(struct rl_http *h, const struct rl_request *r) {
  struct rl_transfer *t = NULL;
  OK(rl_http_start(h, r, &t, NULL) == RL_OK);
  return t;
}

static struct rl_transfer *get(struct rl_http *h, const char *path) {
  struct rl_request r = request("GET", path);
  return start(h, &r);
}

static struct rl_transfer *page(struct rl_http *h, const char *path) {
  struct rl_request r = request("GET", path);
  r.sink.list = "scenarios";
  return start(h, &r);
}

/* Turns until there is news of the transfer. */
static void wait_news(struct rl_http *h, struct rl_transfer *t) {
  double limit = now() + 30;
  while (!rl_transfer_want(t) && now() < limit)
    rl_http_turn(h, 1);
  OK(now() < limit);
}

static struct rl_outcome finish(struct rl_http *h, struct rl_transfer *t) {
  struct rl_outcome o;
  double limit = now() + 30;
  memset(&o, 0, sizeof o);
  while (!rl_transfer_finished(t) && now() < limit) {
    (void)rl_transfer_want(t);
    rl_http_turn(h, 1);
  }
  OK(rl_transfer_finished(t));
  if (rl_transfer_finished(t))
    rl_transfer_outcome(t, &o);
  return o;
}

static int is(const char *a, const char *b) {
  return a != NULL && strcmp(a, b) == 0;
}

static int body_is(struct rl_transfer *t, const char *expected) {
  struct rl_text body = rl_transfer_body(t);
  return body.len == strlen(expected) && memcmp(body.data, expected, body.len) == 0;
}

/* One GET with a client of its own: its outcome's kind and code, and that the next call works. */
static void expect(const char *path, enum rl_kind kind, const char *code) {
  struct rl_http *h = client(20);
  struct rl_transfer *t = get(h, path);
  struct rl_outcome o = finish(h, t);
  CHECK(o.kind == kind && is(o.code, code), "%s: kind %d, %s: %s", path, (int)o.kind, o.code,
        o.message);
  OK(kind == RL_KIND_OK || (o.message != NULL && o.message[0] != '\0'));
  rl_transfer_free(t);
  t = get(h, "/ok");
  OK(finish(h, t).kind == RL_KIND_OK);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void answers_a_call(void) {
  struct rl_http *h = client(20);
  struct rl_transfer *t = get(h, "/ok");
  struct rl_outcome o = finish(h, t);
  const struct rl_headers *headers = rl_transfer_headers(t);
  struct rl_http_stats stats;
  OK(o.kind == RL_KIND_OK && is(o.code, "OK") && o.sent && o.http_version == 11);
  OK(headers->status == 200 && is(rl_headers_find(headers, "x-two"), "a"));
  OK(body_is(t, "{\"id\":\"scn_1\"}") && o.bytes == 14 && !o.may_hide_cut);
  OK(strstr(server_seen->last, "Authorization: Bearer secret\r\n") != NULL);
  OK(strstr(server_seen->last, "Expect:") == NULL);
  rl_http_stats(h, &stats);
  OK(stats.requests == 1 && stats.connections == 1 && stats.in_flight == 0);
  OK(stats.bytes_received > 14);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void sends_what_the_method_needs(void) {
  static const char *const bodiless[] = {"POST", "PUT", "PATCH"};
  struct rl_http *h = client(20);
  struct rl_text body = text("{\"a\":1}"), headers[3];
  struct rl_request r;
  struct rl_transfer *t;
  size_t i;
  for (i = 0; i < 3; i++) {
    r = request(bodiless[i], "/echo");
    t = start(h, &r);
    OK(finish(h, t).kind == RL_KIND_OK);
    OK(strncmp(rl_transfer_body(t).data, bodiless[i], strlen(bodiless[i])) == 0);
    OK(strstr(rl_transfer_body(t).data, "Content-Length: 0\r\n") != NULL);
    rl_transfer_free(t);
  }
  r = request("DELETE", "/echo");
  t = start(h, &r);
  OK(finish(h, t).kind == RL_KIND_OK);
  OK(strncmp(rl_transfer_body(t).data, "DELETE /echo ", 13) == 0);
  OK(strstr(rl_transfer_body(t).data, "Content-Length") == NULL);
  rl_transfer_free(t);

  headers[0] = text("Content-Type: application/json");
  headers[1] = text("Accept:");
  headers[2] = text("X-Empty;");
  r = request("POST", "/echo");
  r.body = &body;
  r.headers = headers;
  r.header_count = 3;
  t = start(h, &r);
  OK(finish(h, t).kind == RL_KIND_OK);
  OK(strstr(rl_transfer_body(t).data, "Content-Length: 7\r\n") != NULL);
  OK(strstr(rl_transfer_body(t).data, "\r\n\r\n{\"a\":1}") != NULL);
  OK(strstr(rl_transfer_body(t).data, "X-Empty:\r\n") != NULL);
  OK(strstr(rl_transfer_body(t).data, "Authorization: Bearer secret\r\n") != NULL);
  rl_transfer_free(t);

  r.bare = 1;
  t = start(h, &r);
  OK(finish(h, t).kind == RL_KIND_OK);
  OK(strstr(rl_transfer_body(t).data, "Authorization") == NULL);
  rl_transfer_free(t);

  r = request("HEAD", "/ok");
  t = start(h, &r);
  OK(finish(h, t).kind == RL_KIND_OK && body_is(t, ""));
  rl_transfer_free(t);
  t = get(h, "/ok");
  OK(finish(h, t).kind == RL_KIND_OK && rl_transfer_body(t).len == 14);
  OK(strncmp(server_seen->last, "GET /ok ", 8) == 0);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void refuses_what_cannot_be_sent(void) {
  struct rl_http *h = client(20);
  struct rl_text bad = text("X: a\r\nInjected: 1");
  struct rl_http_options o = options();
  struct rl_http *none = NULL;
  struct rl_transfer *t = NULL;
  struct rl_request r = request("GET", "/ok");
  r.headers = &bad;
  r.header_count = 1;
  OK(rl_http_start(h, &r, &t, NULL) == RL_SHAPE && t == NULL);
  r = request("GET /x HTTP/1.1", "/ok");
  OK(rl_http_start(h, &r, &t, NULL) == RL_SHAPE);
  r = request("GET", "/ok\nX");
  OK(rl_http_start(h, &r, &t, NULL) == RL_SHAPE);
  o.base_headers = &bad;
  o.base_header_count = 1;
  OK(rl_http_new(&o, &none) == RL_SHAPE && none == NULL);
  rl_http_free(h);
}

static void uses_one_connection_for_a_sequence(void) {
  struct rl_http *h = client(20);
  struct rl_http_stats stats;
  int i, before = server_seen->connections;
  for (i = 0; i < 50; i++) {
    struct rl_transfer *t = get(h, "/ok");
    OK(finish(h, t).kind == RL_KIND_OK);
    rl_transfer_free(t);
  }
  rl_http_stats(h, &stats);
  OK(stats.connections == 1 && server_seen->connections - before == 1 && stats.requests == 50);
  rl_http_free(h);
}

static void survives_a_connection_closed_while_idle(void) {
  struct rl_http *h = client(20);
  int i;
  for (i = 0; i < 5; i++) {
    struct rl_transfer *t = get(h, "/once");
    OK(finish(h, t).kind == RL_KIND_OK && body_is(t, "once"));
    rl_transfer_free(t);
  }
  rl_http_free(h);
}

static void tells_what_went_wrong(void) {
  expect("/none", RL_KIND_CONNECTION, "GOT_NOTHING");
  expect("/reset", RL_KIND_CONNECTION, "RECV_ERROR");
  expect("/cut", RL_KIND_CONNECTION, "PARTIAL_FILE");
  expect("/cut-chunk", RL_KIND_CONNECTION, "PARTIAL_FILE");
  expect("/garbage", RL_KIND_CONNECTION, "UNSUPPORTED_PROTOCOL");
  expect("/http09", RL_KIND_CONNECTION, "UNSUPPORTED_PROTOCOL");
  expect("/endless", RL_KIND_LIMIT, "HEADERS_TOO_LARGE");
  expect("/long-header", RL_KIND_LIMIT, "HEADERS_TOO_LARGE");
  expect("/interim/33", RL_KIND_LIMIT, "HEADERS_TOO_LARGE");
  expect("/bytes/1048577", RL_KIND_LIMIT, "BODY_TOO_LARGE");
  expect("/bytes/1048576", RL_KIND_OK, "OK");
  expect("/status/404", RL_KIND_OK, "OK");
  expect("/status/204", RL_KIND_OK, "OK");
}

static void tells_a_refused_connection(void) {
  struct rl_http *h = client(20);
  struct rl_request r = request("GET", "/");
  struct rl_outcome o;
  struct rl_transfer *t;
  r.url = text("http://127.0.0.1:1/");
  t = start(h, &r);
  o = finish(h, t);
  OK(o.kind == RL_KIND_CONNECTION && is(o.code, "COULDNT_CONNECT") && !o.sent);
  OK(rl_transfer_headers(t)->status == 0 && o.http_version == 0);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void keeps_to_the_final_response(void) {
  struct rl_outcome o;
  struct rl_http *h = client(20);
  struct rl_transfer *t = get(h, "/interim/32");
  OK(finish(h, t).kind == RL_KIND_OK && body_is(t, "ok"));
  OK(rl_headers_find(rl_transfer_headers(t), "x-early") == NULL);
  OK(is(rl_headers_find(rl_transfer_headers(t), "x-late"), "1"));
  rl_transfer_free(t);
  t = get(h, "/chunked");
  o = finish(h, t);
  CHECK(o.kind == RL_KIND_OK && body_is(t, "abcde"), "%s %s", o.code, o.message);
  OK(rl_transfer_headers(t)->status == 200);
  OK(rl_headers_find(rl_transfer_headers(t), "x-t") == NULL);
  rl_transfer_free(t);
  t = get(h, "/no-length");
  OK(finish(h, t).may_hide_cut && body_is(t, "until the end"));
  rl_transfer_free(t);
  rl_http_free(h);
}

static void times_out(void) {
  struct rl_http *h = client(20);
  struct rl_request r = request("POST", "/silent");
  struct rl_outcome o;
  struct rl_transfer *t;
  r.timeout = 0.25;
  t = start(h, &r);
  o = finish(h, t);
  OK(o.kind == RL_KIND_TIMEOUT && is(o.code, "OPERATION_TIMEDOUT") && o.sent);
  OK(is(o.message, "no answer within 0.25 s"));
  rl_transfer_free(t);
  r = request("GET", "/silent");
  r.deadline = 0.05;
  t = start(h, &r);
  o = finish(h, t);
  OK(o.kind == RL_KIND_TIMEOUT && is(o.code, "DEADLINE"));
  rl_transfer_free(t);
  r = request("GET", "/trickle"); /* a byte now and then does not help a call */
  r.timeout = 0.05;
  t = start(h, &r);
  OK(is(finish(h, t).code, "OPERATION_TIMEDOUT"));
  rl_transfer_free(t);
  t = get(h, "/ok");
  OK(finish(h, t).kind == RL_KIND_OK);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void forgives_a_host_that_was_away(void) {
  struct rl_http *h = client(20);
  struct rl_request r = request("GET", "/bytes/500000");
  struct rl_outcome o;
  struct rl_transfer *t;
  r.timeout = 0.5;
  r.deadline = 0.5;
  t = start(h, &r);
  while (server_seen->last[0] != '\0' && strncmp(server_seen->last, "GET /bytes/500000 ", 18) != 0)
    rl_http_turn(h, 0);
  nap(0.7); /* the answer arrives meanwhile, as much of it as the socket takes */
  o = finish(h, t);
  OK(o.kind == RL_KIND_OK && o.bytes == 500000);
  rl_transfer_free(t);
  rl_http_free(h);
}

static int count_items(struct rl_http *h, struct rl_transfer *t) {
  int n = 0;
  for (;;) {
    struct rl_framer *f;
    wait_news(h, t);
    f = rl_transfer_framer(t);
    if (f == NULL || rl_framer_waiting(f) == 0)
      return n;
    rl_framer_drop(f);
    rl_transfer_resume(t);
    n++;
  }
}

static void streams_a_page(void) {
  struct rl_http *h = client(20);
  struct rl_transfer *t = page(h, "/page/1000");
  struct rl_outcome o;
  wait_news(h, t);
  OK(!rl_transfer_finished(t)); /* the first item does not wait for the last byte */
  OK(count_items(h, t) == 1000);
  o = finish(h, t);
  OK(o.kind == RL_KIND_OK && rl_framer_done(rl_transfer_framer(t)));
  OK(rl_transfer_body(t).len == RL_SINK_KEPT_BYTES);
  rl_transfer_free(t);

  t = page(h, "/status/500"); /* an error's body is no page */
  o = finish(h, t);
  OK(o.kind == RL_KIND_OK && rl_transfer_framer(t) == NULL && body_is(t, "oops"));
  rl_transfer_free(t);
  rl_http_free(h);
}

static void keeps_items_that_arrived_before_a_failure(void) {
  struct rl_http *h = client(20);
  struct rl_transfer *t = page(h, "/cut-page");
  struct rl_outcome o = finish(h, t);
  OK(o.kind == RL_KIND_CONNECTION && is(o.code, "PARTIAL_FILE"));
  OK(rl_framer_waiting(rl_transfer_framer(t)) == 1);
  OK(rl_framer_error(rl_transfer_framer(t), NULL, NULL) == RL_OK);
  rl_transfer_free(t);
  t = page(h, "/bad-page");
  o = finish(h, t);
  OK(o.kind == RL_KIND_OK); /* an answer, if a bad one */
  OK(rl_framer_waiting(rl_transfer_framer(t)) == 2);
  OK(rl_framer_error(rl_transfer_framer(t), NULL, NULL) == RL_SYNTAX);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void holds_a_page_back(void) {
  struct rl_http *h = client(20);
  struct rl_transfer *t = page(h, "/page/5000"); /* 37 MB */
  double limit = now() + 30;
  size_t held = 0, most = 0;
  int i;
  wait_news(h, t);
  while (now() < limit) {
    rl_http_turn(h, 0);
    held = rl_framer_buffered(rl_transfer_framer(t));
    if (held >= RL_SINK_HOLD_BYTES)
      break;
  }
  OK(held >= RL_SINK_HOLD_BYTES && held < RL_SINK_HOLD_BYTES + 256 * 1024);
  for (i = 0; i < 3; i++) {
    rl_http_turn(h, 0);
    OK(rl_framer_buffered(rl_transfer_framer(t)) == held);
  }
  for (i = 0; i < 5000; i++) {
    size_t n;
    wait_news(h, t);
    n = rl_framer_buffered(rl_transfer_framer(t));
    most = n > most ? n : most;
    rl_framer_drop(rl_transfer_framer(t));
    rl_transfer_resume(t);
  }
  OK(most < RL_SINK_HOLD_BYTES + 256 * 1024);
  OK(finish(h, t).kind == RL_KIND_OK && rl_framer_done(rl_transfer_framer(t)));
  rl_transfer_free(t);
  rl_http_free(h);
}

static void times_silence_only_while_someone_waits(void) {
  struct rl_http *h = client(20);
  struct rl_request r = request("GET", "/silent-page");
  struct rl_transfer *t;
  struct rl_outcome o;
  int i;
  r.sink.list = "scenarios";
  r.timeout = 0.35;
  r.deadline = 0.4;
  t = start(h, &r);
  wait_news(h, t); /* the first item */
  for (i = 0; i < 35; i++) {
    rl_http_turn(h, 0.01);
    nap(0.005);
  }
  OK(!rl_transfer_finished(t));
  rl_framer_drop(rl_transfer_framer(t));
  o = finish(h, t);
  OK(o.kind == RL_KIND_TIMEOUT);
  rl_transfer_free(t);

  r = request("GET", "/trickle"); /* bytes keep it alive */
  r.sink.list = "scenarios";
  r.timeout = 0.5;
  t = start(h, &r);
  o = finish(h, t);
  OK(o.kind == RL_KIND_OK && o.bytes > 0); /* ends since "x" is no page */
  rl_transfer_free(t);
  rl_http_free(h);
}

static void held_pages_do_not_keep_calls_out(void) {
  enum { PAGES = 3 };
  struct rl_http *h = client(2);
  struct rl_transfer *pages[PAGES], *call;
  int i;
  for (i = 0; i < PAGES; i++) {
    pages[i] = page(h, "/page/2000");
    wait_news(h, pages[i]);
  }
  call = get(h, "/ok");
  OK(finish(h, call).kind == RL_KIND_OK);
  rl_transfer_free(call);
  for (i = 0; i < PAGES; i++) {
    OK(count_items(h, pages[i]) == 2000);
    rl_transfer_free(pages[i]);
  }
  rl_http_free(h);
}

static void abandoned_pages_do_not_keep_calls_out(void) {
  struct rl_http *h = client(1);
  struct rl_transfer *p = page(h, "/silent-page"), *call;
  wait_news(h, p);
  call = get(h, "/ok");
  OK(finish(h, call).kind == RL_KIND_OK);
  rl_transfer_free(call);
  rl_transfer_free(p);
  rl_http_free(h);
}

static void queues_beyond_max_connections(void) {
  enum { CALLS = 40 };
  struct rl_http *h = client(4);
  struct rl_transfer *t[CALLS];
  struct rl_request r = request("GET", "/late/50");
  struct rl_http_stats stats;
  int i, before = server_seen->connections, turns = 0;
  r.timeout = 0.4; /* ten of them one after the other take longer, but waiting does not count */
  for (i = 0; i < CALLS; i++) {
    t[i] = start(h, &r);
    OK(!rl_transfer_want(t[i]));
  }
  for (i = 0; i < CALLS;) {
    uint64_t id;
    rl_http_turn(h, 1);
    while ((id = rl_http_ready(h)) != 0) {
      OK(id >= rl_transfer_id(t[0]) && id <= rl_transfer_id(t[CALLS - 1]));
      i++;
    }
    if (++turns > 10000)
      break;
  }
  OK(i == CALLS && rl_http_ready(h) == 0);
  for (i = 0; i < CALLS; i++) {
    struct rl_outcome o = finish(h, t[i]);
    OK(o.kind == RL_KIND_OK);
    rl_transfer_free(t[i]);
  }
  rl_http_stats(h, &stats);
  OK(server_seen->connections - before == 4 && stats.requests == CALLS);
  rl_http_free(h);
}

static void a_deadline_passes_in_the_queue(void) {
  struct rl_http *h = client(1);
  struct rl_transfer *first = get(h, "/silent"), *second;
  struct rl_request r = request("GET", "/ok");
  struct rl_http_stats stats;
  struct rl_outcome o;
  (void)rl_http_turn(h, 0);
  r.deadline = 0.05;
  second = start(h, &r);
  o = finish(h, second);
  OK(o.kind == RL_KIND_TIMEOUT && is(o.code, "DEADLINE") && !o.sent);
  rl_http_stats(h, &stats);
  OK(stats.requests == 1 && stats.in_flight == 1);
  rl_transfer_free(second);
  rl_transfer_free(first);
  rl_http_free(h);
}

static void holds_off(void) {
  struct rl_http *h = client(4);
  struct rl_transfer *t;
  struct rl_http_stats stats;
  rl_http_hold(h, 0.5);
  rl_http_hold(h, 0.01);
  t = get(h, "/ok");
  rl_http_turn(h, 0);
  rl_http_stats(h, &stats);
  OK(stats.requests == 0);
  OK(rl_http_timeout(h) > 0.01 && rl_http_timeout(h) <= 0.5);
  OK(finish(h, t).kind == RL_KIND_OK);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void cancels(void) {
  struct rl_http *h = client(1);
  struct rl_transfer *active = get(h, "/silent"), *queued = get(h, "/ok"), *t;
  struct rl_outcome o;
  double before;
  (void)rl_transfer_want(active);
  rl_http_turn(h, 0);
  before = now();
  rl_transfer_cancel(active);
  rl_transfer_cancel(queued);
  rl_transfer_cancel(queued);
  OK(now() - before < 1);
  rl_transfer_outcome(active, &o);
  OK(o.kind == RL_KIND_CANCELLED && is(o.code, "CANCELLED"));
  OK(rl_http_ready(h) == 0);
  rl_transfer_free(active);
  rl_transfer_free(queued);
  t = get(h, "/ok");
  OK(finish(h, t).kind == RL_KIND_OK);
  rl_transfer_free(t);
  rl_http_free(h);
}

static void closes_with_everything_in_flight(void) {
  static const char *const paths[] = {"/silent", "/page/5000", "/late/50", "/trickle", "/ok"};
  int round;
  for (round = 0; round < 10; round++) {
    struct rl_http *h = client(4);
    struct rl_transfer *t[10];
    struct rl_outcome o;
    int i, ready = 0;
    for (i = 0; i < 10; i++) {
      t[i] = i % 2 == 0 ? page(h, paths[i % 5]) : get(h, paths[i % 5]);
      (void)rl_transfer_want(t[i]);
    }
    for (i = 0; i < round; i++)
      rl_http_turn(h, 0.001);
    rl_http_close(h);
    rl_http_close(h);
    OK(rl_http_closed(h) && rl_http_timeout(h) < 0 && rl_http_turn(h, 1) == 0);
    while (rl_http_ready(h) != 0)
      ready++;
    OK(ready == 10);
    for (i = 0; i < 10; i++) {
      OK(rl_transfer_finished(t[i]));
      rl_transfer_outcome(t[i], &o);
      OK(rl_transfer_want(t[i]) == 1);
      if (i == 5)
        rl_http_free(h); /* either may go first */
      rl_transfer_free(t[i]);
    }
  }
}

static void writes_a_file(void) {
  char path[] = "/tmp/rl_http_testXXXXXX";
  char buffer[64];
  struct rl_http *h = client(4);
  struct rl_request r = request("GET", "/bytes/3000000");
  struct rl_transfer *t = NULL;
  struct rl_outcome o;
  int fd = mkstemp(path);
  off_t size;
  close(fd);
  r.sink.file = path;
  r.sink.max_body = 100; /* does not count for files */
  errno = 0;
  OK(rl_http_start(h, &r, &t, NULL) == RL_SYSTEM && errno == EEXIST);
  unlink(path);
  t = start(h, &r);
  o = finish(h, t);
  OK(o.kind == RL_KIND_OK && o.bytes == 3000000);
  OK(rl_transfer_body(t).len == RL_SINK_KEPT_BYTES);
  fd = open(path, O_RDONLY);
  size = lseek(fd, 0, SEEK_END);
  OK(size == 3000000);
  close(fd);
  rl_transfer_free(t);
  OK(access(path, F_OK) != 0); /* nobody has renamed it */
  r = request("GET", "/status/404");
  r.sink.file = path;
  r.sink.max_body = 100;
  t = start(h, &r);
  OK(finish(h, t).kind == RL_KIND_OK && body_is(t, "oops"));
  rl_transfer_free(t);
  unlink(path);
  if (access("/dev/full", W_OK) == 0) {
    snprintf(buffer, sizeof buffer, "%s", "/dev/full");
    r = request("GET", "/bytes/3000000");
    r.sink.file = buffer; /* exists */
    OK(rl_http_start(h, &r, &t, NULL) == RL_SYSTEM && errno == EEXIST);
  }
  rl_http_free(h);
}

static void a_disk_that_is_full(void) {
  char why[128];
  char path[] = "/tmp/rl_http_testXXXXXX";
  struct rl_http *h = client(4);
  struct rl_request r = request("GET", "/bytes/300000");
  struct rlimit old, small;
  struct rl_transfer *t;
  struct rl_outcome o;
  close(mkstemp(path));
  unlink(path);
  getrlimit(RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 1000;
  signal(SIGXFSZ, SIG_IGN);
  r.sink.file = path;
  t = start(h, &r);
  setrlimit(RLIMIT_FSIZE, &small);
  o = finish(h, t);
  setrlimit(RLIMIT_FSIZE, &old);
  rl_error_text(EFBIG, why, sizeof why);
  OK(o.kind == RL_KIND_FILE && is(o.code, "WRITE_ERROR") && is(o.message, why));
  rl_transfer_free(t);
  unlink(path);
  rl_http_free(h);
}

static void a_child_leaves_the_parents_file(void) {
  char first[] = "/tmp/rl_http_testXXXXXX", second[] = "/tmp/rl_http_testXXXXXX";
  struct rl_http *h = client(4);
  struct rl_request r = request("GET", "/bytes/1000");
  struct rl_transfer *early, *late;
  int status = -1;
  pid_t pid;
  close(mkstemp(first));
  close(mkstemp(second));
  unlink(first);
  unlink(second);
  r.sink.file = first;
  early = start(h, &r);
  OK(finish(h, early).kind == RL_KIND_OK);
  r.sink.file = second;
  late = start(h, &r);
  OK(finish(h, late).kind == RL_KIND_OK);
  fflush(stdout);
  pid = fork();
  if (pid == 0) {
    rl_transfer_free(early);
    rl_http_free(h); /* either may go first */
    rl_transfer_free(late);
    _exit(0);
  }
  waitpid(pid, &status, 0);
  OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(access(first, F_OK) == 0 && access(second, F_OK) == 0);
  rl_transfer_free(early);
  rl_http_free(h);
  rl_transfer_free(late);
  OK(access(first, F_OK) != 0 && access(second, F_OK) != 0);
}

static void a_child_may_only_free(void) {
  struct rl_http *h = client(4);
  struct rl_transfer *t = get(h, "/late/100"), *done = get(h, "/ok");
  int status = -1;
  pid_t pid;
  OK(finish(h, done).kind == RL_KIND_OK);
  fflush(stdout);
  pid = fork();
  if (pid == 0) {
    int ok = rl_http_forked(h) && rl_http_turn(h, 0) == 0;
    rl_transfer_free(done);
    rl_transfer_free(t);
    rl_http_close(h);
    rl_http_free(h);
    _exit(ok ? 0 : 1);
  }
  waitpid(pid, &status, 0);
  OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(finish(h, t).kind == RL_KIND_OK && body_is(t, "late")); /* the parent's goes on */
  rl_transfer_free(t);
  rl_transfer_free(done);
  rl_http_free(h);
}

static size_t buffered(struct rl_transfer *t) {
  struct rl_framer *f = rl_transfer_framer(t);
  return f != NULL ? rl_framer_buffered(f) : 0;
}

/* Of blocks from 1,024 bytes on, 8 of them its own and the whole a multiple of 16, glibc's malloc
 * takes each as an occasion to merge and sort all that is free. What a transfer does not always
 * need goes into a block of its own, when it is full. */
static void keeps_a_transfer_below_what_malloc_calls_large(void) {
#if defined(__GLIBC__) && defined(__LP64__)
  const size_t size = sizeof(struct rl_transfer);
  CHECK(size <= 1000, "it has %zu bytes", size);
#endif
}

static void moves_little_in_one_turn(void) {
  enum { PAGES = 20 };
  struct rl_http *h = client(PAGES);
  struct rl_transfer *t[PAGES];
  double limit = now() + 30;
  size_t most = 0;
  int i, done = 0;
  for (i = 0; i < PAGES; i++) {
    t[i] = page(h, "/page/100");
    (void)rl_transfer_want(t[i]);
  }
  while (done < PAGES && now() < limit) {
    size_t before[PAGES];
    for (i = 0; i < PAGES; i++)
      before[i] = buffered(t[i]);
    rl_http_turn(h, 0);
    for (done = i = 0; i < PAGES; i++) {
      size_t moved = buffered(t[i]) - before[i];
      most = moved > most ? moved : most;
      done += rl_transfer_finished(t[i]);
    }
  }
  OK(done == PAGES);
  OK(most < 192 * 1024);
  for (i = 0; i < PAGES; i++)
    rl_transfer_free(t[i]);
  rl_http_free(h);
}

#ifdef RL_TEST_ALLOC
/* Everything once, with the n-th allocation of the core failing. */
static void scenario(void) {
  struct rl_http_options o = options();
  struct rl_http *h = NULL;
  struct rl_transfer *t = NULL, *p = NULL;
  struct rl_request r;
  if (rl_http_new(&o, &h) != RL_OK)
    return;
  r = request("POST", "/ok");
  if (rl_http_start(h, &r, &t, NULL) == RL_OK)
    (void)finish(h, t);
  r = request("GET", "/page/20");
  r.sink.list = "scenarios";
  if (rl_http_start(h, &r, &p, NULL) == RL_OK)
    (void)count_items(h, p);
  rl_transfer_free(p);
  rl_http_free(h);
  rl_transfer_free(t);
}

static void survives_every_failed_allocation(void) {
  long n, live = rl_alloc_live;
  for (n = 1;; n++) {
    rl_alloc_fail_at = n;
    scenario();
    OK(rl_alloc_live == live);
    if (rl_alloc_fail_at > 0)
      break; /* there was no n-th one */
  }
  rl_alloc_fail_at = 0;
  OK(n > 10);
  printf("%ld allocations failed\n", n - 1);
}
#endif

#define RUN(function)                                                                              \
  do {                                                                                             \
    test = #function;                                                                              \
    function();                                                                                    \
  } while (0)

int main(void) {
  if (!server_start() || rl_http_global_init() != 0)
    return 2;
  RUN(answers_a_call);
  RUN(sends_what_the_method_needs);
  RUN(refuses_what_cannot_be_sent);
  RUN(uses_one_connection_for_a_sequence);
  RUN(survives_a_connection_closed_while_idle);
  RUN(tells_what_went_wrong);
  RUN(tells_a_refused_connection);
  RUN(keeps_to_the_final_response);
  RUN(times_out);
  RUN(forgives_a_host_that_was_away);
  RUN(streams_a_page);
  RUN(keeps_items_that_arrived_before_a_failure);
  RUN(holds_a_page_back);
  RUN(times_silence_only_while_someone_waits);
  RUN(held_pages_do_not_keep_calls_out);
  RUN(abandoned_pages_do_not_keep_calls_out);
  RUN(queues_beyond_max_connections);
  RUN(a_deadline_passes_in_the_queue);
  RUN(holds_off);
  RUN(cancels);
  RUN(closes_with_everything_in_flight);
  RUN(writes_a_file);
  RUN(a_disk_that_is_full);
  RUN(a_child_leaves_the_parents_file);
  RUN(a_child_may_only_free);
  RUN(keeps_a_transfer_below_what_malloc_calls_large);
  RUN(moves_little_in_one_turn);
#ifdef RL_TEST_ALLOC
  RUN(survives_every_failed_allocation);
#endif
  server_stop();
  return test_summary("http_test");
}
