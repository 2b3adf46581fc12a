/* server.h: a server on loopback that misbehaves on order, for the C tests.
 *
 * It is a child process with a thread for each connection, and ends when the test does. The path of
 * a request says what to do. What the server has seen lies in memory that both share. Include it
 * once, after _GNU_SOURCE, in a program that has no threads yet when it calls server_start. */
#ifndef RL_SERVER_H
#define RL_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SERVER_LOG = 256 * 1024, SERVER_ITEM = 7500 };

static struct {
  int connections;
  int requests;
  char last[SERVER_LOG]; /* head and body of the last request */
} * server_seen;

static int server_port;

static void nap(double seconds) {
  struct timespec t;
  t.tv_sec = (time_t)seconds;
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  nanosleep(&t, NULL);
}

static int send_all(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
    if (sent <= 0)
      return 0;
    p += sent;
    n -= (size_t)sent;
  }
  return 1;
}

static int say(int fd, const char *text) {
  return send_all(fd, text, strlen(text));
}

static int answer(int fd, int status, const char *headers, const char *body) {
  char head[512];
  snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status,
           strlen(body), headers);
  return say(fd, head) && say(fd, body);
}

static char *make_page(int items) {
  size_t size = (size_t)items * (SERVER_ITEM + 64) + 128;
  char *page = malloc(size), *p = page;
  int i;
  p += sprintf(p, "{\"scenarios\":[");
  for (i = 0; i < items; i++) {
    p += sprintf(p, "%s{\"id\":\"scn_%d\",\"text\":\"", i > 0 ? "," : "", i);
    memset(p, 'x', SERVER_ITEM);
    p += SERVER_ITEM;
    p += sprintf(p, "\"}");
  }
  sprintf(p, "],\"has_more\":false,\"total_count\":%d}", items);
  return page;
}

static int serve_page(int fd, int items) {
  char *page = make_page(items);
  int ok = answer(fd, 200, "Content-Type: application/json\r\n", page);
  free(page);
  return ok;
}

static void wait_for_close(int fd) {
  char c;
  while (recv(fd, &c, 1, 0) > 0)
    ;
}

static void reset(int fd) {
  struct linger l;
  l.l_onoff = 1;
  l.l_linger = 0;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static int trickle(int fd) {
  int i, ok = say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  for (i = 0; ok && i < 100000; i++) {
    ok = say(fd, "x");
    nap(0.005);
  }
  return ok;
}

static int endless_headers(int fd) {
  int ok = say(fd, "HTTP/1.1 200 OK\r\n");
  while (ok)
    ok = say(fd, "X-Filler: 0123456789012345678901234567890123456789012345678901234567890123\r\n");
  return 0;
}

static int long_header(int fd) {
  int i, ok = say(fd, "HTTP/1.1 200 OK\r\nX-Long: ");
  for (i = 0; ok && i < 40000; i++)
    ok = say(fd, "0123456789");
  return ok && say(fd, "\r\nContent-Length: 0\r\n\r\n");
}

static int interim(int fd, int n) {
  int ok = 1;
  while (ok && n-- > 0)
    ok = say(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\nContent-Length: 7\r\n\r\n");
  return ok && answer(fd, 200, "X-Late: 1\r\n", "ok");
}

static int serve_bytes(int fd, int n) {
  char *body = malloc((size_t)n + 1);
  int ok;
  memset(body, 'b', (size_t)n);
  body[n] = '\0';
  ok = answer(fd, 200, "", body);
  free(body);
  return ok;
}

/* "/page/20" has the prefix "/page/" and the number 20. */
static int has_number(const char *path, const char *prefix, int *n) {
  size_t len = strlen(prefix);
  if (strncmp(path, prefix, len) != 0)
    return 0;
  *n = (int)strtol(path + len, NULL, 10);
  return 1;
}

/* As much of the API as oom.c needs: two pages of scenarios, one of them, its archiving, an empty
 * zip; scn_silent never answers. And a stream of three events. */
static int serve_api(int fd, const char *path) {
  static const char json[] = "Content-Type: application/json\r\n";
  static const char scenario[] = "{\"id\":\"scn_1\",\"name\":\"a\\tb\",\"is_public\":false,"
                                 "\"metadata\":{\"a\":\"\xC3\xA9\"},\"tags\":[1,2.5,null,{}]}";
  static const char first[] =
      "{\"scenarios\":[{\"id\":\"scn_1\"},{\"id\":\"scn_2\"}],\"has_more\":true,\"total_count\":3}";
  static const char zip[] = "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\n"
                            "Content-Length: 22\r\n\r\nPK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
  static const char events[] = "id: 7\ndata: {\"a\":\ndata: [1]}\n\n: ping\n\nevent: error\r\n"
                               "data: \"text\"\r\n\r\ndata:\n\ndata: cut";
  if (strcmp(path, "events") == 0)
    return answer(fd, 200, "Content-Type: text/event-stream\r\n", events);
  if (strncmp(path, "scenarios?", 10) == 0)
    return answer(fd, 200, json,
                  strstr(path, "starting_after=scn_2") == NULL
                      ? first
                      : "{\"scenarios\":[{\"id\":\"scn_3\"}],\"has_more\":false}");
  if (strcmp(path, "scenarios/scn_1") == 0 || strcmp(path, "scenarios/scn_1/archive") == 0)
    return answer(fd, 200, json, scenario);
  if (strcmp(path, "scenarios/runs/run_1/download_logs") == 0)
    return send_all(fd, zip, sizeof zip);
  if (strcmp(path, "scenarios/scn_silent") == 0)
    wait_for_close(fd);
  return answer(fd, 404, json, "{\"message\":\"there is none\"}");
}

/* 1: the connection can serve another request. */
static int behave(int fd, const char *path, const char *whole) {
  int n = 0;
  if (strcmp(path, "/ok") == 0)
    return answer(fd, 200, "X-Two: a\r\nX-TWO:  b \r\n", "{\"id\":\"scn_1\"}");
  if (strcmp(path, "/echo") == 0)
    return answer(fd, 200, "", whole);
  if (has_number(path, "/status/", &n))
    return answer(fd, n, "", n == 204 ? "" : "oops");
  if (has_number(path, "/page/", &n))
    return serve_page(fd, n);
  if (has_number(path, "/interim/", &n))
    return interim(fd, n);
  if (has_number(path, "/bytes/", &n))
    return serve_bytes(fd, n);
  if (has_number(path, "/late/", &n)) {
    nap(n / 1000.0);
    return answer(fd, 200, "", "late");
  }
  if (strncmp(path, "/v1/", 4) == 0)
    return serve_api(fd, path + 4);
  if (strcmp(path, "/once") == 0) { /* keep-alive is promised, but the connection ends */
    answer(fd, 200, "", "once");
    return 0;
  }
  if (strcmp(path, "/no-length") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    return 0;
  }
  if (strcmp(path, "/chunked") == 0)
    return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                   "3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n");
  if (strcmp(path, "/cut") == 0)
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
  else if (strcmp(path, "/cut-chunk") == 0)
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  else if (strcmp(path, "/cut-page") == 0)
    say(fd,
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"scenarios\":[{\"id\":\"a\"},{\"id\":");
  else if (strcmp(path, "/bad-page") == 0)
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"scenarios\":[1,2 oops ");
  else if (strcmp(path, "/reset") == 0)
    reset(fd);
  else if (strcmp(path, "/garbage") == 0)
    say(fd, "garbage garbage\r\n\r\n");
  else if (strcmp(path, "/http09") == 0)
    say(fd, "<html>no status line</html>");
  else if (strcmp(path, "/silent") == 0)
    wait_for_close(fd);
  else if (strcmp(path, "/silent-page") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"scenarios\":[1,");
    wait_for_close(fd);
  } else if (strcmp(path, "/trickle") == 0)
    return trickle(fd);
  else if (strcmp(path, "/endless") == 0)
    return endless_headers(fd);
  else if (strcmp(path, "/long-header") == 0)
    return long_header(fd);
  return 0; /* "/none" and all others: no answer */
}

static size_t read_request(int fd, char *buffer, size_t size) {
  size_t n = 0, need = 0;
  for (;;) {
    ssize_t got = recv(fd, buffer + n, size - 1 - n, 0);
    char *end, *length;
    if (got <= 0)
      return 0;
    n += (size_t)got;
    buffer[n] = '\0';
    end = strstr(buffer, "\r\n\r\n");
    if (end == NULL)
      continue;
    length = strstr(buffer, "Content-Length: ");
    need = (size_t)(end + 4 - buffer);
    if (length != NULL && length < end)
      need += (size_t)strtol(length + 16, NULL, 10);
    if (n >= need)
      return n;
  }
}

static void log_request(const char *request) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  memcpy(server_seen->last, request, strlen(request) + 1);
  pthread_mutex_unlock(&mutex);
  __atomic_add_fetch(&server_seen->requests, 1, __ATOMIC_SEQ_CST);
}

static void *serve_connection(void *arg) {
  int fd = *(int *)arg, alive = 1, on = 1;
  char *buffer = malloc(SERVER_LOG);
  free(arg);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  while (alive) {
    char method[16], path[64];
    if (read_request(fd, buffer, SERVER_LOG) == 0)
      break;
    log_request(buffer);
    if (sscanf(buffer, "%15s %63s", method, path) != 2)
      break;
    if (strcmp(method, "HEAD") == 0)
      alive = say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    else
      alive = behave(fd, path, buffer);
  }
  free(buffer);
  close(fd);
  return NULL;
}

static int server_lifeline; /* what the child reads from; the test writes to the other end */

static void *end_with_parent(void *arg) {
  char c;
  (void)arg;
  if (read(server_lifeline, &c, 1) <= 0)
    _exit(0);
  return NULL;
}

static void serve(int listener) {
  pthread_t thread;
  pthread_create(&thread, NULL, end_with_parent, NULL);
  for (;;) {
    int *fd = malloc(sizeof *fd);
    *fd = accept(listener, NULL, NULL);
    __atomic_add_fetch(&server_seen->connections, 1, __ATOMIC_SEQ_CST);
    if (*fd >= 0 && pthread_create(&thread, NULL, serve_connection, fd) == 0)
      pthread_detach(thread);
    else
      free(fd);
  }
}

static int listen_on_loopback(void) {
  struct sockaddr_in a;
  socklen_t len = sizeof a;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 256) != 0 ||
      getsockname(listener, (struct sockaddr *)&a, &len) != 0)
    return -1;
  server_port = ntohs(a.sin_port);
  return listener;
}

/* 1, or 0 when it cannot. */
static int server_start(void) {
  int ends[2], listener = listen_on_loopback();
  server_seen =
      mmap(NULL, sizeof *server_seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (listener < 0 || server_seen == MAP_FAILED || pipe(ends) != 0)
    return 0;
  if (fork() == 0) {
    close(ends[1]);
    server_lifeline = ends[0];
    serve(listener);
  }
  close(listener);
  close(ends[0]);
  server_lifeline = ends[1];
  return 1;
}

static void server_stop(void) {
  close(server_lifeline);
}

#endif
