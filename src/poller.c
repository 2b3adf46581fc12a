/* poller.c: which of many sockets are ready. */
#include "poller.h"

#include "alloc.h"
#include "platform.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__) && !defined(RL_NO_EPOLL)
#include <sys/epoll.h>
#define USE_EPOLL
#endif

/* poll(2) looks at each socket every time; telling epoll what to watch takes a call of the system
 * for each change, so that a few are better off with the former. */
enum { MANY = 32, FEW = 16 };

void rl_poller_init(struct rl_poller *p) {
  memset(p, 0, sizeof *p);
  p->epoll = -1;
}

static void leave_epoll(struct rl_poller *p) {
  if (p->epoll >= 0)
    close(p->epoll);
  p->epoll = -1;
}

void rl_poller_free(struct rl_poller *p) {
  leave_epoll(p);
  rl_free(p->watches);
  rl_free(p->polls);
  rl_free(p->ready);
  rl_poller_init(p);
}

#ifdef USE_EPOLL
/* 0 if epoll knows now what the socket is watched for. A socket that was closed has left by
 * itself, and its number may be another's since. */
static int tell(struct rl_poller *p, const struct rl_watch *w) {
  struct epoll_event e;
  memset(&e, 0, sizeof e);
  e.events = (uint32_t)p->polls[w->index].events;
  e.data.ptr = p->watches[w->index];
  if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, w->fd, &e) == 0)
    return 0;
  return errno == ENOENT ? epoll_ctl(p->epoll, EPOLL_CTL_ADD, w->fd, &e) : -1;
}

static void enter_epoll(struct rl_poller *p) {
  size_t i;
  p->epoll = rl_above_standard(epoll_create1(EPOLL_CLOEXEC));
  for (i = 0; i < p->count && p->epoll >= 0; i++) {
    if (tell(p, p->watches[i]) != 0)
      leave_epoll(p);
  }
}

static size_t wait_epoll(struct rl_poller *p, int ms) {
  struct epoll_event events[256];
  int i, n = epoll_wait(p->epoll, events, sizeof events / sizeof *events, ms);
  for (i = 0; i < n && (size_t)i < p->cap; i++) {
    p->ready[i].watch = events[i].data.ptr;
    p->ready[i].revents = (short)events[i].events;
    p->ready[i].watch->ready = (size_t)i + 1;
  }
  return (size_t)i;
}
#else
static void enter_epoll(struct rl_poller *p) {
  (void)p;
}
#endif

static size_t wait_poll(struct rl_poller *p, int ms) {
  int n = poll(p->polls, (nfds_t)p->count, ms);
  size_t i, k = 0;
  for (i = 0; n > 0 && i < p->count; i++) {
    if (p->polls[i].revents == 0)
      continue;
    p->ready[k].watch = p->watches[i];
    p->ready[k].revents = p->polls[i].revents;
    p->watches[i]->ready = ++k;
    n--;
  }
  return k;
}

/* 0 when out of memory: then all is as it was, but for room that is not known. */
static int grow(struct rl_poller *p) {
  size_t cap = p->cap > 0 ? p->cap * 2 : 16;
  struct rl_watch **watches = rl_realloc(p->watches, cap * sizeof(struct rl_watch *));
  struct pollfd *polls = watches != NULL ? rl_realloc(p->polls, cap * sizeof *polls) : NULL;
  struct rl_ready *ready = polls != NULL ? rl_realloc(p->ready, cap * sizeof *ready) : NULL;
  if (watches != NULL)
    p->watches = watches;
  if (polls != NULL)
    p->polls = polls;
  if (ready == NULL)
    return 0;
  p->ready = ready;
  p->cap = cap;
  return 1;
}

int rl_poller_add(struct rl_poller *p, struct rl_watch *w) {
  if (p->count == p->cap && !grow(p))
    return 0;
  w->index = p->count;
  w->ready = 0;
  p->watches[w->index] = w;
  p->polls[w->index].fd = w->fd;
  p->polls[w->index].events = 0;
  p->polls[w->index].revents = 0;
  p->count++;
  if (p->epoll < 0 && p->count == MANY)
    enter_epoll(p);
  return 1;
}

void rl_poller_set(struct rl_poller *p, const struct rl_watch *w, short events) {
  if (p->polls[w->index].events == events)
    return;
  p->polls[w->index].events = events;
#ifdef USE_EPOLL
  if (p->epoll >= 0 && tell(p, w) != 0)
    leave_epoll(p);
#endif
}

void rl_poller_remove(struct rl_poller *p, struct rl_watch *w) {
  size_t last = --p->count;
  if (w->ready > 0)
    p->ready[w->ready - 1].watch = NULL;
#ifdef USE_EPOLL
  if (p->epoll >= 0) {
    struct epoll_event ignored;
    memset(&ignored, 0, sizeof ignored);
    (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, w->fd, &ignored);
  }
#endif
  p->watches[w->index] = p->watches[last];
  p->polls[w->index] = p->polls[last];
  p->watches[w->index]->index = w->index;
  if (p->count < FEW)
    leave_epoll(p);
}

size_t rl_poller_wait(struct rl_poller *p, int ms) {
  size_t i;
  for (i = 0; i < p->ready_count; i++) {
    if (p->ready[i].watch != NULL)
      p->ready[i].watch->ready = 0;
  }
  p->ready_count = 0;
  if (p->count == 0 && ms == 0)
    return 0;
#ifdef USE_EPOLL
  p->ready_count = p->epoll >= 0 ? wait_epoll(p, ms) : wait_poll(p, ms);
#else
  p->ready_count = wait_poll(p, ms);
#endif
  return p->ready_count;
}
