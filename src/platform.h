/* platform.h: what systems do differently. */
#ifndef RL_PLATFORM_H
#define RL_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

/* Seconds on CLOCK_MONOTONIC. */
double rl_monotonic(void);

/* How many forks lie between this process and the one in which it was asked first; costs no system
 * call. A raw clone is not counted. */
unsigned rl_forks(void);

/* What strerror says, for any thread. */
void rl_error_text(int error, char *out, size_t size);

/* The descriptor, or in the place of one from 0 to 2 another: those belong to the program, also
 * where it has closed them. It is closed when the process becomes another program's. -1 as open(2)
 * gives it. */
int rl_above_standard(int low);

/* open(2), with such a descriptor. */
int rl_open(const char *path, int flags, unsigned mode);

/* By which a file, or a directory's list of files, that has changed can be told; zeros where there
 * is none. */
struct rl_stamp {
  uint64_t inode, size, time;
};
void rl_stamp_of(const char *path, struct rl_stamp *out);
int rl_stamp_is(const struct rl_stamp *a, const struct rl_stamp *b);

/* Takes those of 0 to 2 that are free, so that what libraries open meanwhile gets none: what the
 * program prints must not go into a connection. Reading and writing there fails as before. */
struct rl_standard {
  int fds[3];
  int count;
};
void rl_standard_take(struct rl_standard *s);
void rl_standard_give_back(struct rl_standard *s);

/* The local port of a socket of IPv4 or IPv6, or 0. */
int rl_local_port(int fd);

/* While it is on, what is written to the socket waits until it fills a packet or may go. 0: the
 * system cannot hold it. */
int rl_hold_packets(int fd, int on);

/* The two lowest descriptors that are free. 0: there are none. */
int rl_free_descriptors(int fds[2]);

/* 1: a socket of the kind that socketpair(2) makes. */
int rl_is_private_socket(int fd);

/* 1: the process may not open many more files. */
int rl_is_short_of_descriptors(void);

#endif
