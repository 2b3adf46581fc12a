/* platform.c: what systems do differently. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* strerror_r, clock_gettime with -std=c99 */
#endif

#include "platform.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

double rl_monotonic(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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

int rl_local_port(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  in_port_t port = 0;
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
    return 0;
  if (address.ss_family == AF_INET)
    port = ((struct sockaddr_in *)(void *)&address)->sin_port;
  else if (address.ss_family == AF_INET6)
    port = ((struct sockaddr_in6 *)(void *)&address)->sin6_port;
  return ntohs(port);
}
