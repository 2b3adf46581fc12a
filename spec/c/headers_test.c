/* headers_test.c: the headers of a response, and libcurl's codes by name. */
#include "alloc.h"
#include "curlcode.h"
#include "headers.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

/* Feeds lines that are set apart by line feeds; the first answer that is not RL_OK. */
static enum rl_status feed(struct rl_headers *h, const char *lines) {
  enum rl_status status = RL_OK;
  rl_headers_init(h);
  while (*lines != '\0' && status == RL_OK) {
    size_t n = strcspn(lines, "\n");
    n += lines[n] == '\n';
    status = rl_headers_line(h, lines, n);
    lines += n;
  }
  return status;
}

/* What the walk over the headers of `lines` tells: "name=value;..." */
static void has(const char *lines, const char *expected) {
  struct rl_headers h;
  char seen[512] = "";
  size_t position = 0, n = 0;
  const char *name, *value;
  CHECK(feed(&h, lines) == RL_OK, "%s", lines);
  while (rl_headers_next(&h, &position, &name, &value) && n < sizeof seen)
    n += (size_t)snprintf(seen + n, sizeof seen - n, "%s=%s;", name, value);
  CHECK(strcmp(seen, expected) == 0, "%s: expected %s, got %s", lines, expected, seen);
  rl_headers_free(&h);
}

static void reads_fields(void) {
  has("HTTP/1.1 200 OK\r\nServer: x\r\nETag:\"A\"\r\n\r\n", "server=x;etag=\"A\";");
  has("HTTP/1.1 200\nA: \t b c \t\nEmpty:\nEmpty-Too: \n", "a=b c;empty=;empty-too=;");
  has("HTTP/1.1 200\nA: 1\nA: 2\na: 3\n", "a=1;a=2;a=3;");
  has("HTTP/1.1 200\nX-Late : v\nX-Tab\t: v\n", "x-late=v;x-tab=v;");
  has("HTTP/1.1 200\n!#$%&'*+-.^_`|~09aZ: v\n", "!#$%&'*+-.^_`|~09az=v;");
  has("HTTP/1.1 200\nLocation: http://a:1/?b=c:d\n", "location=http://a:1/?b=c:d;");
  has("A: before any status\n", "a=before any status;");
}

static void joins_continued_lines(void) {
  has("HTTP/1.1 200\nA: 1\r\n  2 \r\n\t3\r\nB: 4\n", "a=1 2 3;b=4;");
  has("HTTP/1.1 200\nA:\n 1\n", "a=1;");
  has("HTTP/1.1 200\nA: 1\n  \n 2\n", "a=1 2;");
  has("HTTP/1.1 200\n nothing to join\nA: 1\n", "a=1;");
  has("HTTP/1.1 200\nno header\n to join\n", "");
}

static void leaves_out_what_is_no_header(void) {
  struct rl_headers h;
  has("HTTP/1.1 200\nnothing\n: no name\na b: c\na(b): c\nOk: 1\n", "ok=1;");
  feed(&h, "HTTP/1.1 200\n");
  CHECK(rl_headers_line(&h, "A: b\0c\r\n", 8) == RL_OK, "a NUL");
  CHECK(rl_headers_line(&h, " d\r\n", 4) == RL_OK, "what continues it");
  CHECK(rl_headers_find(&h, "a") == NULL, "a NUL");
  rl_headers_free(&h);
}

static void has_status(const char *lines, int status, int version, int complete) {
  struct rl_headers h;
  CHECK(feed(&h, lines) == RL_OK, "%s", lines);
  CHECK(h.status == status && h.version == version && h.complete == complete, "%s: %d %d %d", lines,
        h.status, h.version, h.complete);
  rl_headers_free(&h);
}

static void reads_status_lines(void) {
  has_status("HTTP/1.1 200 OK\r\n\r\n", 200, 11, 1);
  has_status("HTTP/1.0 404 Not Found\r\n", 404, 10, 0);
  has_status("HTTP/2 503\r\n\r\n", 503, 20, 1);
  has_status("HTTP/1.1  204\r\n\r\n", 204, 11, 1);
  has_status("HTTP/1.1 20\r\n", 0, 11, 0);
  has_status("HTTP/1.1 2000 OK\r\n\r\n", 0, 11, 0);
  has_status("HTTP/1.1 200OK\r\n\r\n", 0, 11, 0);
  has_status("HTTP/1.1 abc\r\n\r\n", 0, 11, 0);
  has_status("HTTP/3.7 200 OK\r\n\r\n", 0, 37, 0);
  has_status("HTTP/x.1 200\r\n", 200, 0, 0);
  has_status("HTTP/\r\n", 0, 0, 0);
}

static void tells_interim_responses_and_trailers_from_the_answer(void) {
  struct rl_headers h;
  int i;
  has("HTTP/1.1 103 Early\nLink: a\n\nHTTP/1.1 200 OK\nB: c\n\n", "b=c;");
  has("HTTP/1.1 200 OK\nB: c\n\nTrailer: d\nHTTP/1.1 500 no\n", "b=c;");
  has("HTTP/1.1 200 OK\nA: b\nHTTP/x: y\nHTTP/1.1 500 no\nB: c\n\n", "a=b;b=c;");
  rl_headers_init(&h);
  for (i = 0; i < RL_HEADERS_MAX_INTERIM; i++) {
    CHECK(rl_headers_line(&h, "HTTP/1.1 100 Go\r\n", 17) == RL_OK, "interim %d", i);
    CHECK(rl_headers_line(&h, "\r\n", 2) == RL_OK && !h.complete, "no answer yet");
  }
  CHECK(rl_headers_line(&h, "HTTP/1.1 102 Go\r\n", 17) == RL_TOO_LARGE, "one too many");
  rl_headers_free(&h);
}

static void keeps_to_its_caps(void) {
  struct rl_headers h;
  char *line = malloc(RL_HEADERS_MAX_LINE + 1);
  size_t sum;
  memset(line, 'x', RL_HEADERS_MAX_LINE + 1);
  line[0] = 'A';
  line[1] = ':';
  rl_headers_init(&h);
  for (sum = RL_HEADERS_MAX_LINE; sum <= RL_HEADERS_MAX_BYTES; sum += RL_HEADERS_MAX_LINE)
    CHECK(rl_headers_line(&h, line, RL_HEADERS_MAX_LINE) == RL_OK, "%zu bytes", sum);
  CHECK(rl_headers_line(&h, "B:\n", 3) == RL_TOO_LARGE, "too much in all");
  rl_headers_free(&h);
  rl_headers_init(&h);
  CHECK(rl_headers_line(&h, line, RL_HEADERS_MAX_LINE + 1) == RL_TOO_LARGE, "one line");
  rl_headers_free(&h);
  rl_headers_init(&h);
  for (sum = 0; sum < RL_HEADERS_MAX_COUNT; sum++)
    CHECK(rl_headers_line(&h, "A: b\n", 5) == RL_OK, "%zu headers", sum + 1);
  CHECK(rl_headers_line(&h, "A: b\n", 5) == RL_TOO_LARGE, "too many");
  rl_headers_free(&h);
  free(line);
}

static void may_hide_cut_of(const char *lines, int decoded, int expected) {
  struct rl_headers h;
  feed(&h, lines);
  CHECK(rl_headers_may_hide_cut(&h, decoded) == expected, "%s", lines);
  rl_headers_free(&h);
}

static void may_hide_cut(const char *lines, int expected) {
  may_hide_cut_of(lines, 1, expected);
}

static void tells_where_the_wire_hides_a_cut(void) {
  may_hide_cut("HTTP/1.1 200\nContent-Length: 1\n\n", 0);
  may_hide_cut("HTTP/1.1 200\n\n", 1);
  may_hide_cut("HTTP/1.1 204\n\n", 0);
  may_hide_cut("HTTP/1.1 304\n\n", 0);
  may_hide_cut("HTTP/1.1 200\nTransfer-Encoding: gzip, Chunked \n\n", 0);
  may_hide_cut("HTTP/1.1 200\nTransfer-Encoding: gzip\n\n", 1);
  may_hide_cut("HTTP/1.1 200\nTransfer-Encoding: unchunked\n\n", 1);
  may_hide_cut("HTTP/1.1 200\nContent-Length: 1\nContent-Encoding: gzip\n\n", 1);
  may_hide_cut("HTTP/1.1 200\nContent-Length: 1\nContent-Encoding: Identity\n\n", 0);
  may_hide_cut_of("HTTP/1.1 200\nContent-Length: 0\nContent-Encoding: gzip\n\n", 0, 0);
  may_hide_cut_of("HTTP/1.1 200\nContent-Encoding: gzip\n\n", 0, 1);
  may_hide_cut("HTTP/2 200\ncontent-length: 1\n\n", 0);
}

static void names_the_codes(void) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  const char *names[CURL_LAST];
  int i, k, tls = 0;
  for (i = 0; i < CURL_LAST; i++) {
    names[i] = rl_curlcode_name((CURLcode)i);
    CHECK(strspn(names[i], letters) == strlen(names[i]), "%d: %s", i, names[i]);
    for (k = 0; k < i; k++)
      CHECK(strcmp(names[i], names[k]) != 0 || strcmp(names[i], "CURL_ERROR") == 0, "%d and %d: %s",
            i, k, names[i]);
    tls += rl_curlcode_is_tls((CURLcode)i);
  }
  CHECK(strcmp(rl_curlcode_name(CURLE_GOT_NOTHING), "GOT_NOTHING") == 0, "a name");
  CHECK(strcmp(rl_curlcode_name((CURLcode)9999), "CURL_ERROR") == 0, "no name");
  CHECK(tls > 10 && rl_curlcode_is_tls(CURLE_PEER_FAILED_VERIFICATION), "%d codes of TLS", tls);
  CHECK(!rl_curlcode_is_tls(CURLE_COULDNT_CONNECT), "no TLS");
  for (i = -1; i < 20; i++) {
    const char *name = rl_curlmcode_name((CURLMcode)i);
    CHECK(strspn(name, letters) == strlen(name), "multi %d: %s", i, name);
  }
  CHECK(strcmp(rl_curlmcode_name(CURLM_OUT_OF_MEMORY), "OUT_OF_MEMORY") == 0, "a multi name");
}

static void length_is(const char *lines, int64_t expected) {
  struct rl_headers h;
  CHECK(feed(&h, lines) == RL_OK, "%s", lines);
  CHECK(rl_headers_length(&h) == expected, "%s", lines);
  rl_headers_free(&h);
}

static void takes_lengths_that_agree(void) {
  length_is("HTTP/1.1 200\n\n", RL_LENGTH_UNTOLD);
  length_is("HTTP/1.1 200\nContent-Length: 0\n\n", 0);
  length_is("HTTP/1.1 200\ncontent-length:  007\t\n\n", 7);
  length_is("HTTP/1.1 200\nContent-Length: 999999999999999999\n\n", 999999999999999999);
  length_is("HTTP/1.1 200\nContent-Length: 5 , 5\nContent-Length: 5\n\n", 5);
  length_is("HTTP/1.1 200\nContent-Length: 5, 6\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length: 5\nContent-Length: 6\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length: 5,\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length:\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length: -1\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length: 0x10\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length: 1 2\n\n", RL_LENGTH_ODD);
  length_is("HTTP/1.1 200\nContent-Length: 9999999999999999999\n\n", RL_LENGTH_ODD);
}

#ifdef RL_TEST_ALLOC
static void survives_a_failure_of_each_allocation(void) {
  static const char lines[] =
      "HTTP/1.1 200 OK\nA: 1\n 2\nB: "
      "0123456789012345678901234567890123456789012345678901234567890123456"
      "0123456789012345678901234567890123456789012345678901234567890123456"
      "0123456789012345678901234567890123456789012345678901234567890123456"
      "\n and on\nC: 0123456789012345678901234567890123456789012345678901\n";
  struct rl_headers h;
  enum rl_status status;
  long n = 0;
  do {
    rl_alloc_fail_at = ++n;
    status = feed(&h, lines);
    CHECK(status == RL_OK || (status == RL_NOMEM && rl_alloc_fail_at == 0), "allocation %ld", n);
    rl_headers_free(&h);
  } while (rl_alloc_fail_at == 0);
  rl_alloc_fail_at = 0;
  CHECK(n > 2 && rl_alloc_live == 0, "%ld allocations, %ld blocks left", n, rl_alloc_live);
}
#endif

int main(void) {
  reads_fields();
  joins_continued_lines();
  leaves_out_what_is_no_header();
  reads_status_lines();
  tells_interim_responses_and_trailers_from_the_answer();
  keeps_to_its_caps();
  tells_where_the_wire_hides_a_cut();
  takes_lengths_that_agree();
  names_the_codes();
#ifdef RL_TEST_ALLOC
  survives_a_failure_of_each_allocation();
#endif
  return test_summary("headers");
}
