/* poller_test.c: a few and many sockets, as poll(2) and epoll see them. */
#include "poller.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "test.h"

enum { MOST = 100 };

/* Pairs of sockets, of which the first is watched. */
static struct rl_watch watches[MOST];
static int others[MOST];

static void open_pairs(struct rl_poller *p, int count) {
  int i, pair[2];
  rl_poller_init(p);
  for (i = 0; i < count; i++) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
      abort();
    watches[i].fd = pair[0];
    others[i] = pair[1];
    CHECK(rl_poller_add(p, &watches[i]), "%d", i);
    rl_poller_set(p, &watches[i], POLLIN);
  }
}

static void close_pairs(struct rl_poller *p, int count) {
  int i;
  while (p->count > 0)
    rl_poller_remove(p, p->watches[p->count - 1]);
  for (i = 0; i < count; i++) {
    close(watches[i].fd);
    close(others[i]);
  }
  rl_poller_free(p);
}

/* Whether this one is ready, after a wait, and for what. */
static short seen(const struct rl_poller *p, int i) {
  const struct rl_watch *w = &watches[i];
  if (w->ready == 0 || p->ready[w->ready - 1].watch != w)
    return 0;
  return p->ready[w->ready - 1].revents;
}

static void put(int i) {
  CHECK(write(others[i], "x", 1) == 1, "%d", i);
}

static void get(int i) {
  char c;
  CHECK(read(watches[i].fd, &c, 1) == 1, "%d", i);
}

static void test_ready(int count) {
  struct rl_poller p;
  open_pairs(&p, count);
  CHECK(p.count == (size_t)count && rl_poller_wait(&p, 0) == 0, "%d: none is ready", count);
  put(0);
  put(count - 1);
  CHECK(rl_poller_wait(&p, -1) == 2, "%d", count);
  CHECK(seen(&p, 0) == POLLIN && seen(&p, count - 1) == POLLIN && seen(&p, 1) == 0, "%d", count);
  CHECK(rl_poller_wait(&p, 0) == 2, "%d: as long as nobody reads", count);
  get(0);
  CHECK(rl_poller_wait(&p, 0) == 1 && seen(&p, 0) == 0, "%d", count);
  rl_poller_set(&p, &watches[1], POLLIN | POLLOUT);
  rl_poller_set(&p, &watches[count - 1], POLLOUT);
  CHECK(rl_poller_wait(&p, 0) == 2, "%d", count);
  CHECK(seen(&p, 1) == POLLOUT && seen(&p, count - 1) == POLLOUT, "%d", count);
  close_pairs(&p, count);
}

/* What is removed while the ready ones are gone through is not among them any more, and the others
 * are still told of. */
static void test_removal(int count) {
  struct rl_poller p;
  int i, left = 0;
  size_t k;
  open_pairs(&p, count);
  for (i = 0; i < count; i++)
    put(i);
  CHECK(rl_poller_wait(&p, 0) == (size_t)count, "%d", count);
  for (i = 0; i < count; i += 2)
    rl_poller_remove(&p, &watches[i]);
  for (k = 0; k < p.ready_count; k++)
    left += p.ready[k].watch != NULL;
  CHECK(left == count / 2 && p.count == (size_t)(count / 2), "%d: %d are left", count, left);
  for (k = 0; k < p.count; k++)
    CHECK(p.watches[k]->index == k && p.polls[k].fd == p.watches[k]->fd, "%d", count);
  CHECK(rl_poller_wait(&p, 0) == (size_t)(count / 2), "%d", count);
  for (i = 1; i < count; i += 2)
    CHECK(seen(&p, i) == POLLIN, "%d of %d", i, count);
  close_pairs(&p, count);
}

/* A socket may be closed before it is removed, and its number be another's at once. */
static void test_number_again(int count) {
  struct rl_poller p;
  int pair[2];
  open_pairs(&p, count);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    abort();
  CHECK(dup2(pair[0], watches[0].fd) >= 0, "dup2");
  close(pair[0]);
  close(others[0]);
  others[0] = pair[1];
  rl_poller_remove(&p, &watches[0]);
  CHECK(rl_poller_add(&p, &watches[0]), "%d", count);
  rl_poller_set(&p, &watches[0], POLLIN);
  put(0);
  CHECK(rl_poller_wait(&p, 0) == 1 && seen(&p, 0) == POLLIN, "%d", count);
  close_pairs(&p, count);
}

/* From few to many and back. */
static void test_growth(void) {
  struct rl_poller p;
  int i;
  open_pairs(&p, MOST);
  for (i = MOST - 1; i > 0; i--) {
    rl_poller_remove(&p, &watches[i]);
    put(i / 2);
    CHECK(rl_poller_wait(&p, 0) == 1 && seen(&p, i / 2) == POLLIN, "%d", i);
    get(i / 2);
  }
  for (i = 1; i < MOST; i++) {
    CHECK(rl_poller_add(&p, &watches[i]), "%d", i);
    rl_poller_set(&p, &watches[i], POLLIN);
    put(i);
    CHECK(rl_poller_wait(&p, 0) == 1 && seen(&p, i) == POLLIN, "%d", i);
    get(i);
  }
  close_pairs(&p, MOST);
}

#ifdef RL_TEST_ALLOC
static void test_out_of_memory(void) {
  struct rl_poller p;
  long k;
  for (k = 1; k <= 3; k++) {
    rl_poller_init(&p);
    rl_alloc_fail_at = k;
    CHECK(!rl_poller_add(&p, &watches[0]), "%ld", k);
    rl_alloc_fail_at = 0;
    CHECK(p.count == 0 && rl_poller_wait(&p, 0) == 0, "%ld", k);
    CHECK(rl_poller_add(&p, &watches[0]) && p.count == 1, "%ld", k);
    rl_poller_free(&p);
  }
}
#endif

int main(void) {
  static const int counts[] = {4, 10, MOST};
  int before = dup(0), after;
  size_t i;
  for (i = 0; i < sizeof counts / sizeof *counts; i++) {
    test_ready(counts[i]);
    test_removal(counts[i]);
    test_number_again(counts[i]);
  }
  test_growth();
#ifdef RL_TEST_ALLOC
  test_out_of_memory();
#endif
  after = dup(0);
  CHECK(after == before + 1, "descriptors are left open");
  return test_summary("poller_test");
}
