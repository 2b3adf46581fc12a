/* platform.c: what systems do differently. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* strerror_r, clock_gettime with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "platform.h"

#include <pthread.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

double rl_monotonic(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static unsigned forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void note_fork(void) {
  forks++;
}

static void watch_forks(void) {
  (void)pthread_atfork(NULL, NULL, note_fork);
}

unsigned rl_forks(void) {
  (void)pthread_once(&forks_once, watch_forks);
  return forks;
}

void rl_error_text(int error, char *out, size_t size) {
#if defined(__GLIBC__)
  char buffer[128];
  snprintf(out, size, "%s", strerror_r(error, buffer, sizeof buffer));
#else
  if (strerror_r(error, out, size) != 0)
    snprintf(out, size, "error %d", error);
#endif
}

enum { STANDARD = 3 };

int rl_above_standard(int low) {
  int fd, error;
  if (low < 0 || low >= STANDARD)
    return low;
  fd = fcntl(low, F_DUPFD_CLOEXEC, STANDARD);
  error = errno;
  (void)close(low);
  errno = error;
  return fd;
}

int rl_open(const char *path, int flags, unsigned mode) {
  return rl_above_standard(open(path, flags | O_CLOEXEC, (mode_t)mode));
}

void rl_stamp_of(const char *path, struct rl_stamp *out) {
  struct stat s;
  memset(out, 0, sizeof *out);
  if (stat(path, &s) != 0)
    return;
  out->inode = (uint64_t)s.st_ino;
  out->size = (uint64_t)s.st_size;
#if defined(__linux__)
  out->time = (uint64_t)s.st_mtim.tv_sec * 1000000000u + (uint64_t)s.st_mtim.tv_nsec;
#else
  out->time = (uint64_t)s.st_mtime;
#endif
}

int rl_stamp_is(const struct rl_stamp *a, const struct rl_stamp *b) {
  return a->inode == b->inode && a->size == b->size && a->time == b->time;
}

void rl_standard_take(struct rl_standard *s) {
  struct pollfd p[STANDARD];
  int i, fd;
  s->count = 0;
  for (i = 0; i < STANDARD; i++) {
    p[i].fd = i;
    p[i].events = p[i].revents = 0;
  }
  if (poll(p, STANDARD, 0) <= 0 || !((p[0].revents | p[1].revents | p[2].revents) & POLLNVAL))
    return;
  /* A directory can neither be read nor written by who finds it there. */
  while (s->count < STANDARD && (fd = open("/", O_RDONLY | O_CLOEXEC)) >= 0) {
    if (fd >= STANDARD) {
      (void)close(fd);
      break;
    }
    s->fds[s->count++] = fd;
  }
}

void rl_standard_give_back(struct rl_standard *s) {
  while (s->count > 0)
    (void)close(s->fds[--s->count]);
}

int rl_local_port(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  in_port_t port = 0;
  memset(&address, 0, sizeof address);
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
    return 0;
  if (address.ss_family == AF_INET)
    port = ((struct sockaddr_in *)(void *)&address)->sin_port;
  else if (address.ss_family == AF_INET6)
    port = ((struct sockaddr_in6 *)(void *)&address)->sin6_port;
  return ntohs(port);
}

int rl_hold_packets(int fd, int on) {
#if defined(TCP_CORK)
  return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0;
#else
  (void)fd, (void)on;
  return 0;
#endif
}

int rl_free_descriptors(int fds[2]) {
  if (pipe(fds) != 0)
    return 0;
  (void)close(fds[0]);
  (void)close(fds[1]);
  return 1;
}

int rl_is_private_socket(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  memset(&address, 0, sizeof address);
  return getpeername(fd, (struct sockaddr *)&address, &size) == 0 && address.ss_family == AF_UNIX;
}

enum { FEW_PIPES = 4 };

int rl_is_short_of_descriptors(void) {
  int fds[FEW_PIPES][2], n = 0, short_of;
  while (n < FEW_PIPES && pipe(fds[n]) == 0)
    n++;
  short_of = n < FEW_PIPES && (errno == EMFILE || errno == ENFILE);
  while (n-- > 0) {
    (void)close(fds[n][0]);
    (void)close(fds[n][1]);
  }
  return short_of;
}
