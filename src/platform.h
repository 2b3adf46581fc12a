/* platform.h: what systems do differently. */
#ifndef RL_PLATFORM_H
#define RL_PLATFORM_H

#include <stddef.h>

/* Seconds on CLOCK_MONOTONIC. */
double rl_monotonic(void);

/* What strerror says, for any thread. */
void rl_error_text(int error, char *out, size_t size);

/* The local port of a socket of IPv4 or IPv6, or 0. */
int rl_local_port(int fd);

#endif
