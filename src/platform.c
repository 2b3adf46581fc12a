/* platform.c: what systems do differently. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* strerror_r, clock_gettime with -std=c99 */
#endif

#include "platform.h"

#include <stdio.h>
#include <string.h>
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
