/* trust.c: a directory of certificates that stands for a bundle of them. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* openat with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "trust.h"

#include "alloc.h"
#include "platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN "
#define END "-----END "
#define CERTIFICATE "CERTIFICATE-----"

/* Systems trust about 150. */
enum { MOST_BYTES = 4 * 1024 * 1024, MOST_CERTIFICATES = 4096, HASH_DIGITS = 8 };

/* A certificate, by a hash of its base64. */
struct certificate {
  uint64_t hash;
  int found; /* in the directory, too */
};

struct certificates {
  struct certificate *list;
  size_t count;
};

static uint64_t hash_of(const char *p, const char *end) {
  uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
  for (; p < end; p++) {
    if (*p > ' ')
      h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
  }
  return h;
}

/* The next certificate from `*at` on: 1, with its hash; 0: there is none; -1: there is something
 * else, such as a certificate that is trusted for some uses only. */
static int next_certificate(const char **at, uint64_t *hash) {
  const char *begin = strstr(*at, BEGIN), *end;
  if (begin == NULL)
    return 0;
  begin += strlen(BEGIN);
  if (strncmp(begin, CERTIFICATE, strlen(CERTIFICATE)) != 0)
    return -1;
  begin += strlen(CERTIFICATE);
  end = strstr(begin, END);
  if (end == NULL)
    return -1;
  *hash = hash_of(begin, end);
  *at = end;
  return 1;
}

static int read_all(int fd, char *out, size_t size) {
  size_t got = 0;
  while (got < size) {
    ssize_t n = read(fd, out + got, size - got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return 0;
    got += (size_t)n;
  }
  return 1;
}

/* A file as a C string, which is the caller's to free; NULL: it cannot be read. */
static char *text_of(int fd) {
  struct stat s;
  char *text;
  if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > MOST_BYTES)
    return NULL;
  text = rl_malloc((size_t)s.st_size + 1);
  if (text == NULL)
    return NULL;
  text[s.st_size] = '\0';
  if (read_all(fd, text, (size_t)s.st_size))
    return text;
  rl_free(text);
  return NULL;
}

static int by_hash(const void *a, const void *b) {
  const uint64_t x = ((const struct certificate *)a)->hash;
  const uint64_t y = ((const struct certificate *)b)->hash;
  return x < y ? -1 : x > y;
}

/* In order, none twice. */
static void sort(struct certificates *c) {
  size_t i, kept = 0;
  qsort(c->list, c->count, sizeof *c->list, by_hash);
  for (i = 0; i < c->count; i++) {
    if (kept == 0 || c->list[i].hash != c->list[kept - 1].hash)
      c->list[kept++] = c->list[i];
  }
  c->count = kept;
}

static int read_bundle(const char *path, struct certificates *out) {
  int fd = rl_open(path, O_RDONLY | O_NONBLOCK, 0), more = -1;
  char *text = fd >= 0 ? text_of(fd) : NULL;
  const char *at = text;
  out->list = rl_calloc(MOST_CERTIFICATES, sizeof *out->list);
  out->count = 0;
  while (text != NULL && out->list != NULL && out->count < MOST_CERTIFICATES &&
         (more = next_certificate(&at, &out->list[out->count].hash)) == 1)
    out->count++;
  rl_free(text);
  if (fd >= 0)
    (void)close(fd);
  if (more != 0 || out->count == 0)
    return 0;
  sort(out);
  return 1;
}

/* Marks those of one file of the directory; 0 when it holds another, or none. */
static int mark(const struct certificates *bundle, const char *text) {
  struct certificate one = {0, 0}, *like;
  int more, count = 0;
  while ((more = next_certificate(&text, &one.hash)) == 1) {
    like = bsearch(&one, bundle->list, bundle->count, sizeof one, by_hash);
    if (like == NULL)
      return 0;
    like->found = 1;
    count++;
  }
  return more == 0 && count > 0;
}

/* Which of those with the same hash a file is, by its name; -1: it has no name that OpenSSL looks
 * for. */
static int place_of(const char *name) {
  const char *digits = name + HASH_DIGITS + 1;
  if (strspn(name, "0123456789abcdef") != HASH_DIGITS || name[HASH_DIGITS] != '.')
    return -1;
  if (strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 4 ||
      (digits[0] == '0' && digits[1] != '\0'))
    return -1;
  return *digits != '\0' ? (int)strtol(digits, NULL, 10) : -1;
}

/* OpenSSL counts up from 0 and stops where there is no file. */
static int is_reached(int directory, const char *name, int place) {
  char before[HASH_DIGITS + 16];
  struct stat s;
  if (place == 0)
    return 1;
  snprintf(before, sizeof before, "%.*s.%d", (int)HASH_DIGITS, name, place - 1);
  return fstatat(directory, before, &s, 0) == 0;
}

static int mark_file(int directory, const char *name, const struct certificates *bundle) {
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ok; /* may be a pipe */
  char *text = fd >= 0 ? text_of(fd) : NULL;
  ok = text != NULL && mark(bundle, text);
  rl_free(text);
  if (fd >= 0)
    (void)close(fd);
  return ok;
}

static int all_found(const struct certificates *bundle) {
  size_t i;
  for (i = 0; i < bundle->count; i++) {
    if (!bundle->list[i].found)
      return 0;
  }
  return 1;
}

static int directory_is(const struct certificates *bundle, const char *path) {
  int fd = rl_open(path, O_RDONLY | O_DIRECTORY, 0), same = 1, place;
  DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *e;
  if (d == NULL) {
    if (fd >= 0)
      (void)close(fd);
    return 0;
  }
  while (same && (e = readdir(d)) != NULL) { // NOLINT(concurrency-mt-unsafe): the stream is ours
    place = place_of(e->d_name);
    same = place < 0 || (is_reached(fd, e->d_name, place) && mark_file(fd, e->d_name, bundle));
  }
  (void)closedir(d);
  return same && all_found(bundle);
}

int rl_trust_is_same(const char *bundle, const char *directory) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static struct {
    struct rl_stamp bundle, directory;
    int same;
  } last;
  struct rl_stamp b, d;
  struct certificates all;
  int same;
  rl_stamp_of(bundle, &b);
  rl_stamp_of(directory, &d);
  if (b.inode == 0 || d.inode == 0)
    return 0;
  if (pthread_mutex_trylock(&mutex) != 0)
    return 0;
  if (!rl_stamp_is(&b, &last.bundle) || !rl_stamp_is(&d, &last.directory)) {
    last.same = read_bundle(bundle, &all) && directory_is(&all, directory);
    last.bundle = b;
    last.directory = d;
    rl_free(all.list);
  }
  same = last.same;
  pthread_mutex_unlock(&mutex);
  return same;
}
