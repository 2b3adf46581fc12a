/* poller.h: which of many sockets are ready. A few are watched by poll(2); many, where there is
 * epoll, by that: then those that are idle cost nothing. */
#ifndef RL_POLLER_H
#define RL_POLLER_H

#include <poll.h>
#include <stddef.h>

/* A socket that is watched; part of what somebody knows of it. */
struct rl_watch {
  int fd;
  size_t index; /* in watches and polls */
  size_t ready; /* its place in the list of that name, from 1 on; 0: none */
};

/* What became ready in the last wait, in the words of poll(2). */
struct rl_ready {
  struct rl_watch *watch; /* NULL: it has been removed since */
  short revents;
};

struct rl_poller {
  struct rl_watch **watches;
  struct pollfd *polls; /* what each is watched for */
  size_t count, cap;
  struct rl_ready *ready;
  size_t ready_count;
  int epoll; /* -1: poll(2) does it */
};

void rl_poller_init(struct rl_poller *p);
void rl_poller_free(struct rl_poller *p);

/* Watches w->fd for nothing yet: 1, or 0 when out of memory. */
int rl_poller_add(struct rl_poller *p, struct rl_watch *w);

/* Watches it for POLLIN, POLLOUT or both. */
void rl_poller_set(struct rl_poller *p, const struct rl_watch *w, short events);

/* The last one takes its index. The socket may be closed already. */
void rl_poller_remove(struct rl_poller *p, struct rl_watch *w);

/* Waits for so many milliseconds at the most; returns how many are ready. */
size_t rl_poller_wait(struct rl_poller *p, int ms);

#endif
