/* packets.c: what is sent, to be preloaded (LD_PRELOAD): "send", "hold" and "let go" are written to
 * PACKETS_LOG, with the socket's number, in the order in which the program asks for them. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ISO C has no conversion between the two. */
union symbol {
  void *object;
  ssize_t (*send)(int, const void *, size_t, int);
  int (*setsockopt)(int, int, int, const void *, socklen_t);
};

static union symbol next(const char *name) {
  union symbol real;
  real.object = dlsym(RTLD_NEXT, name);
  if (real.object == NULL)
    abort();
  return real;
}

static void note(const char *what, int fd) {
  const char *log = getenv("PACKETS_LOG"); // NOLINT(concurrency-mt-unsafe): nobody sets it
  FILE *f = log != NULL ? fopen(log, "a") : NULL;
  if (f == NULL)
    return;
  fprintf(f, "%s %d\n", what, fd);
  fclose(f);
}

ssize_t send(int fd, const void *data, size_t n, int flags) { // NOLINT: the C library's names
  note("send", fd);
  return next("send").send(fd, data, n, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size) { // NOLINT: likewise
  if (level == IPPROTO_TCP && name == TCP_CORK)
    note(*(const int *)value != 0 ? "hold" : "let go", fd);
  return next("setsockopt").setsockopt(fd, level, name, value, size);
}
