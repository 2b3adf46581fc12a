/* events_test.c: events cut out of streams, however the bytes arrive. */
#include "alloc.h"
#include "events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define SUBJECT struct rl_events
#define NEW(limit) rl_events_new(limit)
#define FEED rl_events_feed
#define END rl_events_end
#define FREE rl_events_free
#define STRIDE(n) 1
#include "splits.h"

/* Events are put as name#id=data. */
static void take(struct rl_events *e, struct outcome *o) {
  struct rl_event event;
  while (rl_events_first(e, &event)) {
    put(o, event.name, event.name_len);
    put(o, "#", 1);
    put(o, event.id, event.id_len);
    put(o, "=", 1);
    put(o, event.data, event.data_len);
    put(o, "|", 1);
    rl_events_drop(e);
  }
}

static void put_end(struct rl_events *e, struct outcome *o) {
  const char *message;
  uint64_t offset;
  char end[64];
  enum rl_status status = rl_events_error(e, &message, &offset);
  if (status == RL_OK)
    snprintf(end, sizeof end, "%s", rl_events_inside(e) ? "inside" : "between");
  else
    snprintf(end, sizeof end, "%s %" PRIu64, status == RL_TOO_LARGE ? "large" : "nomem", offset);
  put(o, end, strlen(end));
  if ((status != RL_OK) != (message != NULL))
    put(o, " and a wrong message", 20);
  if (rl_events_waiting(e) > 0)
    put(o, " and what waits", 15);
}

static void test_events(void) {
  gives(T(""), NO_LIMIT, "between");
  gives(T("data: one\n\ndata: two\n\n"), NO_LIMIT, "#=one|#=two|between");
  gives(T("data:one\n\ndata:  two\n\n"), NO_LIMIT, "#=one|#= two|between");
  gives(T("event: error\ndata: {\"code\":408}\n\ndata: 1\n\n"), NO_LIMIT,
        "error#={\"code\":408}|#=1|between");
  gives(T("data: 1\nevent: a\nevent: b\n\n"), NO_LIMIT, "b#=1|between");
  /* the examples of the standard */
  gives(T("data: YHOO\ndata: +2\ndata: 10\n\n"), NO_LIMIT, "#=YHOO\n+2\n10|between");
  gives(T(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
          "event\n"),
        NO_LIMIT, "#1=first event|#=second event|inside");
  gives(T("data\n\ndata\ndata\n\ndata:"), NO_LIMIT, "#=|#=\n|inside");
  gives(T("data:test\n\ndata: test\n\n"), NO_LIMIT, "#=test|#=test|between");
}

static void test_line_ends(void) {
  gives(T("data: one\r\rdata: two\r\r"), NO_LIMIT, "#=one|#=two|between");
  gives(T("data: one\r\n\r\ndata: two\r\n\r\n"), NO_LIMIT, "#=one|#=two|between");
  gives(T("data: a\rdata: b\ndata: c\r\n\rdata: d\n\r\ndata: e\r\n\n"), NO_LIMIT,
        "#=a\nb\nc|#=d|#=e|between");
  gives(T("data: a\n\r\rdata: b\r\n\n\r\n\r"), NO_LIMIT, "#=a|#=b|between");
  gives(T("data: a\r\ndata: b\r\n"), NO_LIMIT, "inside");
  gives(T("data: a\vb\fc\x85\xe2\x80\xa8"
          "d\n\n"),
        NO_LIMIT,
        "#=a\vb\fc\x85\xe2\x80\xa8"
        "d|between");
}

static void test_skipped(void) {
  gives(T(":\n\n: ping\n\nevent: ping\n\nid: 7\n\nretry: 5\n\ndata: x\n\n"), NO_LIMIT,
        "#7=x|between");
  gives(T("event: a\n\ndata: x\n\n"), NO_LIMIT, "#=x|between"); /* its name is gone with it */
  gives(T("other: 1\nDATA: 2\n data: 3\ndata : 4\ndatax: 5\ndat: 6\n\n"), NO_LIMIT, "between");
  gives(T(":data: x\n\ndata: y\n:z\n\n"), NO_LIMIT, "#=y|between");
}

static void test_byte_order_mark(void) {
  gives(T("\xef\xbb\xbf"
          "data: x\n\n"),
        NO_LIMIT, "#=x|between");
  gives(T("\xef\xbb\xbf\xef\xbb\xbf"
          "data: x\n\n"),
        NO_LIMIT, "between");
  gives(T("data: x\n\n\xef\xbb\xbf"
          "data: y\n\n"),
        NO_LIMIT, "#=x|between");
  gives(T("\xef\xbb\xbf\n\xef\xbb\xbf"
          "data: y\n\ndata: z\n\n"),
        NO_LIMIT, "#=z|between");
  gives(T("\xef\xbb\xbf: comment"), NO_LIMIT, "between");
  gives(T("\xef\xbb\xbf"), NO_LIMIT, "between");
}

static void test_ids(void) {
  gives(T("id: 1\ndata: a\n\ndata: b\n\nid:2\n\ndata: c\nid: 3\n\nid\ndata: d\n\n"), NO_LIMIT,
        "#1=a|#1=b|#3=c|#=d|between");
  gives(T("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"), NO_LIMIT, "#1=a|#1=b|between");
  gives(T("id: 1\ndata: a\n\nid: 2\n\ndata: b\n\n"), NO_LIMIT, "#1=a|#2=b|between");
}

static void test_cuts(void) {
  gives(T("data: a\n\ndata: b"), NO_LIMIT, "#=a|inside");
  gives(T("data: a\n\ndata: b\n"), NO_LIMIT, "#=a|inside");
  gives(T("data: a\n\nda"), NO_LIMIT, "#=a|inside");
  gives(T("data: a\n\nevent: ping\n"), NO_LIMIT, "#=a|inside");
  gives(T("data: a\n\nid: 3\n"), NO_LIMIT, "#=a|inside");
  gives(T("data: a\n\n: pi"), NO_LIMIT, "#=a|between");
  gives(T("data: a\n\nretry: 1\n"), NO_LIMIT, "#=a|between");
  gives(T("data: a\r\r"), NO_LIMIT, "#=a|between");
}

static void test_limits(void) {
  char stream[400], expected[300];
  size_t n;
  gives(T("data: 12345678\n\n"), 8, "#=12345678|between");
  gives(T("data: 1\n\ndata: 123456789\n\ndata: 2\n\n"), 8, "#=1|large 9");
  gives(T("data: 1234\ndata: 123\n\ndata: 1234\ndata: 1234\n\n"), 8, "#=1234\n123|large 33");
  gives(T("event: 1234\nid: 12\ndata: 12\n\nevent: 1234\nid: 12\ndata: 123\n\n"), 8,
        "1234#12=12|large 48");
  gives(T("id: 12345678\n\ndata: 12345678\n\n"), 8, "large 14");
  gives(T("id: 12345678\ndata:\n\ndata: 12345678\n\n"), 8, "#12345678=|#12345678=12345678|between");
  gives(T(":a\n:b\n:c\n:d\n:e\n:f\n:g\ndata: 1234\n:h\n:i\n:j\n\n"), 4, "#=1234|between");
  /* a line that never ends */
  memset(stream, 'x', sizeof stream);
  n = (size_t)sprintf(stream, "data: 1\n\n:");
  stream[n] = 'x';
  snprintf(expected, sizeof expected, "#=1|large %d", 9 + 4 + 64);
  gives(stream, 200, 4, expected);
}

static void test_retry(void) {
  static const struct {
    const char *stream;
    int64_t retry;
  } cases[] = {{"data: x\n\n", -1},
               {"retry: 3000\n\n", 3000},
               {"retry:0\n", 0},
               {"retry: 5\nretry: 5s\nretry: -1\nretry:\nretry\n", 5},
               {"retry: 10\rretry: 20\r", 20}};
  size_t i;
  struct rl_events *e;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    e = rl_events_new(NO_LIMIT);
    feed(e, cases[i].stream, strlen(cases[i].stream));
    CHECK(rl_events_retry(e) == cases[i].retry, "%s: %" PRId64, cases[i].stream,
          rl_events_retry(e));
    rl_events_free(e);
  }
  e = rl_events_new(NO_LIMIT);
  feed(e, T("retry: 99999999999999999999999999\n"));
  CHECK(rl_events_retry(e) > INT64_MAX / 100, "%" PRId64, rl_events_retry(e));
  rl_events_free(e);
}

/* What is held does not grow with what has gone through, and is told. */
static void test_memory(void) {
  static char text[70000];
  struct rl_events *e = rl_events_new(NO_LIMIT);
  struct rl_event event;
  size_t i, most = 0;
  memset(text, 'x', sizeof text);
  text[0] = 'i';
  text[1] = 'd';
  text[2] = ':';
  text[sizeof text - 1] = '\n';
  feed(e, text, sizeof text);
  for (i = 0; i < 100000; i++) {
    feed(e, T("data: {\"output\":\"line\"}\n\n"));
    if (i >= 100)
      rl_events_drop(e);
    if (rl_events_buffered(e) > most)
      most = rl_events_buffered(e);
  }
  CHECK(rl_events_waiting(e) == 100 && rl_events_count(e) == 100000, "%zu of %zu",
        rl_events_waiting(e), rl_events_count(e));
  /* the id: when it came, in the one event that brought it, and as the last one */
  CHECK(most < 3 * sizeof text + 100 * 100, "%zu", most);
  CHECK(rl_events_first(e, &event) && event.id_len == sizeof text - 4, "%zu", event.id_len);
  while (rl_events_waiting(e) > 0)
    rl_events_drop(e);
  rl_events_drop(e);
  CHECK(!rl_events_first(e, &event), "nothing waits");
  rl_events_free(e);
  rl_events_free(NULL);
}

#ifdef RL_TEST_ALLOC
/* Whatever allocation fails: events that were complete are there, and nothing leaks. */
static void test_out_of_memory(void) {
  static const char stream[] =
      "id: 1\nevent: a\ndata: one\n\ndata: two\ndata: 2\nid: 22\n\ndata: x";
  static const char *const expected[] = {"a#1=one|", "#22=two\n2|"};
  long k, live = rl_alloc_live;
  int failed = 1;
  for (k = 1; failed; k++) {
    struct rl_events *e;
    struct outcome o;
    size_t i;
    o.len = 0;
    o.line[0] = '\0';
    rl_alloc_fail_at = k;
    e = rl_events_new(NO_LIMIT);
    failed = e == NULL;
    if (e != NULL) {
      enum rl_status status = RL_OK;
      for (i = 0; i + 1 < sizeof stream && status == RL_OK; i++)
        status = rl_events_feed(e, stream + i, 1);
      failed = status == RL_NOMEM;
      rl_alloc_fail_at = 0;
      CHECK(rl_events_feed(e, T("\n\n")) == status, "the error stays");
      CHECK((rl_events_error(e, NULL, NULL) == RL_OK) == !failed, "%ld", k);
      i = rl_events_count(e);
      take(e, &o);
      CHECK(strncmp(o.line, expected[0], i > 0 ? strlen(expected[0]) : 0) == 0, "%s", o.line);
      CHECK(i < 2 || strncmp(o.line + strlen(expected[0]), expected[1], strlen(expected[1])) == 0,
            "%s", o.line);
      CHECK(failed || i == 3, "%zu", i);
    }
    rl_alloc_fail_at = 0;
    rl_events_free(e);
    CHECK(rl_alloc_live == live, "%ld: %ld blocks left", k, rl_alloc_live - live);
  }
  CHECK(k > 7, "%ld allocations", k);
}
#endif

int main(void) {
  test_events();
  test_line_ends();
  test_skipped();
  test_byte_order_mark();
  test_ids();
  test_cuts();
  test_limits();
  test_retry();
  test_memory();
#ifdef RL_TEST_ALLOC
  test_out_of_memory();
#endif
  return test_summary("events_test");
}
