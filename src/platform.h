/* platform.h: what systems do differently. */
#ifndef RL_PLATFORM_H
#define RL_PLATFORM_H

#include <stddef.h>

/* Seconds on CLOCK_MONOTONIC. */
double rl_monotonic(void);

/* What strerror says, for any thread. */
void rl_error_text(int error, char *out, size_t size);

#endif
