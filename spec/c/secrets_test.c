/* secrets_test.c: no block that the core frees or moves still holds the token, however a client and
 * its requests end. With RL_TEST_ALLOC only, which shows the blocks. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "../../src/alloc.h"
#include "../../src/http.h"
#include "test.h"

#include <string.h>

#ifndef RL_TEST_ALLOC
int main(void) {
  return test_summary("secrets_test");
}
#else
#include "server.h"

#include <malloc.h>

#define TOKEN "sk-0123456789abcdef"

static long leaks; /* blocks that held the token when they were freed */

static void look(const void *p) {
  /* NOLINTNEXTLINE(performance-no-int-to-ptr): malloc_usable_size takes no pointer to const */
  leaks += memmem(p, malloc_usable_size((void *)(uintptr_t)p), TOKEN, strlen(TOKEN)) != NULL;
}

static struct rl_text text(const char *s) {
  struct rl_text t;
  t.data = s;
  t.len = strlen(s);
  return t;
}

/* `bad`: the last header cannot be sent. */
static enum rl_status make_client(struct rl_http **out, int bad) {
  static struct rl_text headers[3];
  struct rl_http_options o;
  memset(&o, 0, sizeof o);
  headers[0] = text("Authorization: Bearer " TOKEN);
  headers[1] = text("Accept: application/json");
  headers[2] = text(bad ? "X: a\nb" : "X: a");
  o.base_headers = headers;
  o.base_header_count = 3;
  o.max_connections = 2;
  o.connect_timeout = 5;
  o.proxy = bad ? "http://user:" TOKEN "@127.0.0.1:1" : NULL;
  return rl_http_new(&o, out);
}

/* The token stands in a header and, where the server takes a query, in the URL, too. */
static enum rl_status start(struct rl_http *h, const char *path, const char *list, int bad,
                            struct rl_transfer **out) {
  struct rl_request r;
  struct rl_text headers[2];
  char url[160];
  int numbered = strchr("0123456789", path[strlen(path) - 1]) != NULL;
  memset(&r, 0, sizeof r);
  headers[0] = text("Authorization: Bearer " TOKEN);
  headers[1] = text(bad ? "X: a\rb" : "X: a");
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s%s", server_port, path,
           numbered ? "?key=" TOKEN : "");
  r.url = text(url);
  r.method = text("POST");
  r.headers = headers;
  r.header_count = 2;
  r.timeout = 20;
  r.deadline = -1;
  r.sink.max_body = 1000;
  r.sink.list = list;
  return rl_http_start(h, &r, out, NULL);
}

static void wait_for(struct rl_http *h, struct rl_transfer *t) {
  int turns;
  for (turns = 0; turns < 30000 && !rl_transfer_finished(t); turns++) {
    (void)rl_transfer_want(t);
    rl_http_turn(h, 0.001);
  }
  CHECK(rl_transfer_finished(t), "no end");
}

static void requests_that_end(struct rl_http *h) {
  static const char *const paths[] = {"/ok",  "/status/404", "/none", "/reset",    "/garbage",
                                      "/cut", "/page/3",     "/once", "/bad-page", "/bytes/5000"};
  size_t i;
  for (i = 0; i < sizeof paths / sizeof *paths; i++) {
    int streamed;
    for (streamed = 0; streamed < 2; streamed++) {
      struct rl_transfer *t = NULL;
      CHECK(start(h, paths[i], streamed ? "scenarios" : NULL, 0, &t) == RL_OK, "%s", paths[i]);
      wait_for(h, t);
      rl_transfer_free(t);
      CHECK(leaks == 0, "%s leaves the token", paths[i]);
    }
  }
}

static void requests_that_are_stopped(void) {
  struct rl_transfer *t[6];
  struct rl_http *h = NULL;
  size_t i;
  CHECK(make_client(&h, 0) == RL_OK, "no client");
  for (i = 0; i < 6; i++) /* two of them on their way, the others in the queue */
    CHECK(start(h, "/silent", i % 2 == 0 ? NULL : "scenarios", 0, &t[i]) == RL_OK, "no request");
  for (i = 0; i < 20; i++)
    rl_http_turn(h, 0.001);
  rl_transfer_cancel(t[0]);
  rl_transfer_free(t[1]);
  rl_transfer_free(t[2]);
  rl_http_close(h);
  rl_transfer_free(t[3]);
  rl_http_free(h);
  rl_transfer_free(t[0]);
  rl_transfer_free(t[4]);
  rl_transfer_free(t[5]);
  CHECK(leaks == 0, "what is stopped leaves the token");
}

static void what_cannot_begin(struct rl_http *h) {
  struct rl_http *other = NULL;
  struct rl_transfer *t = NULL;
  CHECK(make_client(&other, 1) == RL_SHAPE, "a bad header is taken");
  CHECK(start(h, "/ok", NULL, 1, &t) == RL_SHAPE, "a bad header is taken");
  CHECK(leaks == 0, "what is refused leaves the token");
}

/* Each allocation on the way fails once. */
static void without_memory(void) {
  long n;
  int done = 0;
  for (n = 1; !done && n < 1000; n++) {
    struct rl_http *h = NULL;
    struct rl_transfer *t = NULL;
    rl_alloc_fail_at = n;
    if (make_client(&h, 0) == RL_OK && start(h, "/ok", "scenarios", 0, &t) == RL_OK)
      wait_for(h, t);
    done = rl_alloc_fail_at > 0;
    rl_alloc_fail_at = 0;
    rl_transfer_free(t);
    if (h != NULL)
      rl_http_free(h);
    CHECK(leaks == 0, "without allocation %ld the token is left", n);
  }
  CHECK(done, "no end to the allocations");
}

int main(void) {
  struct rl_http *h = NULL;
  char *copy;
  rl_alloc_on_free = look;
  /* What it is that the rest must not do. */
  copy = rl_malloc(100);
  memcpy(copy + 50, TOKEN, sizeof TOKEN);
  rl_free(copy);
  CHECK(leaks == 1, "the token is not found");
  leaks = 0;
  CHECK(server_start() && rl_http_global_init() == 0 && make_client(&h, 0) == RL_OK, "no start");
  requests_that_end(h);
  what_cannot_begin(h);
  rl_http_free(h);
  CHECK(leaks == 0, "a client leaves the token");
  requests_that_are_stopped();
  without_memory();
  CHECK(rl_alloc_live == 0, "%ld blocks are left", rl_alloc_live);
  server_stop();
  return test_summary("secrets_test");
}
#endif
