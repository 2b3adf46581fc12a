/* source.c: the body of a request that is read as it is sent. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* O_CLOEXEC, pread with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "source.h"

#include "alloc.h"
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct piece {
  const char *text; /* NULL: a file */
  uint64_t len;
  int fd;
  struct rl_body *body; /* whose block the text is, held by the first one's piece; or NULL */
};

struct rl_source {
  struct piece *pieces; /* the texts lie behind them */
  size_t count;
  uint64_t length;
  size_t at;       /* the piece to read from */
  uint64_t offset; /* in it */
  uint64_t given;
  struct rl_fault fault;
  char why[128];
};

/* The number of bytes read at `offset`, 0 at the end, -1 with errno. */
static ssize_t read_at(int fd, char *out, size_t n, uint64_t offset) {
  ssize_t got;
  do
    got = pread(fd, out, n, (off_t)offset);
  while (got < 0 && errno == EINTR);
  return got;
}

/* 0, or -1 with errno. A pipe would have no length, and nobody may write to it ever: opening it
 * must not wait. */
static int open_file(struct piece *p, const char *path) {
  struct stat about;
  char first;
  p->fd = rl_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (p->fd < 0 || fstat(p->fd, &about) != 0)
    return -1;
  if (!S_ISREG(about.st_mode)) {
    errno = S_ISDIR(about.st_mode) ? EISDIR : ESPIPE;
    return -1;
  }
  p->len = (uint64_t)about.st_size;
  if (p->len == 0 && read_at(p->fd, &first, 1, 0) != 0) {
    errno = ESPIPE; /* no file on a disk: those of /proc have no size */
    return -1;
  }
  return 0;
}

/* A body's blocks are pieces of their own. */
static size_t pieces_of(const struct rl_piece *p) {
  size_t count = 1;
  if (p->body != NULL)
    (void)rl_body_blocks(p->body, &count);
  return count;
}

static size_t copied_bytes(const struct rl_piece *p) {
  return p->file == NULL && p->body == NULL ? p->text.len : 0;
}

static struct piece *put_text(struct piece *p, const char *text, size_t len) {
  memset(p, 0, sizeof *p);
  p->fd = -1;
  p->text = text;
  p->len = len;
  return p + 1;
}

static struct piece *put_body(struct piece *p, struct rl_body *body) {
  size_t i, count;
  const struct rl_buffer *blocks = rl_body_blocks(body, &count);
  for (i = 0; i < count; i++)
    (void)put_text(p + i, blocks[i].data, blocks[i].len);
  if (count > 0)
    p->body = rl_body_hold(body);
  return p + count;
}

/* Files have no text, and are opened later. */
static enum rl_status copy_pieces(struct rl_source *s, const struct rl_piece *pieces,
                                  size_t count) {
  size_t i, all = 0, bytes = 0;
  struct piece *p;
  char *text;
  for (i = 0; i < count; i++) {
    all += pieces_of(&pieces[i]);
    bytes += copied_bytes(&pieces[i]);
  }
  p = s->pieces = rl_malloc(all * sizeof *p + bytes + 1);
  if (p == NULL)
    return RL_NOMEM;
  s->count = all;
  text = (char *)(p + all);
  for (i = 0; i < count; i++) {
    if (pieces[i].body != NULL) {
      p = put_body(p, pieces[i].body);
    } else if (pieces[i].file != NULL) {
      p = put_text(p, NULL, 0);
    } else {
      if (pieces[i].text.len > 0)
        memcpy(text, pieces[i].text.data, pieces[i].text.len);
      p = put_text(p, text, pieces[i].text.len);
      text += pieces[i].text.len;
    }
  }
  return RL_OK;
}

static enum rl_status open_files(struct rl_source *s, const struct rl_piece *pieces, size_t count,
                                 size_t *at) {
  struct piece *p = s->pieces;
  size_t i, left;
  for (i = 0; i < count; i++) {
    *at = i;
    if (pieces[i].file != NULL && open_file(p, pieces[i].file) != 0)
      return RL_SYSTEM;
    for (left = pieces_of(&pieces[i]); left > 0; left--)
      s->length += p++->len;
  }
  return RL_OK;
}

enum rl_status rl_source_new(const struct rl_piece *pieces, size_t count, size_t *at,
                             struct rl_source **out) {
  enum rl_status status;
  struct rl_source *s = rl_calloc(1, sizeof *s);
  if (s == NULL)
    return RL_NOMEM;
  status = copy_pieces(s, pieces, count);
  if (status == RL_OK)
    status = open_files(s, pieces, count, at);
  if (status == RL_OK) {
    *out = s;
  } else {
    int saved = errno;
    rl_source_free(s);
    errno = saved;
  }
  return status;
}

static long refuse(struct rl_source *s, const char *message) {
  s->fault.kind = RL_KIND_FILE;
  s->fault.code = "READ";
  s->fault.message = message;
  return -1;
}

static long refuse_read(struct rl_source *s) {
  rl_error_text(errno, s->why, sizeof s->why);
  return refuse(s, s->why);
}

/* At a file's end: 0 if it is the one that was told of, else -1. */
static long check_end(struct rl_source *s, const struct piece *p) {
  char more;
  ssize_t got = read_at(p->fd, &more, 1, p->len);
  if (got < 0)
    return refuse_read(s);
  return got == 0 ? 0 : refuse(s, "the file has grown while it was sent");
}

static long read_file(struct rl_source *s, const struct piece *p, char *out, size_t n) {
  ssize_t got = read_at(p->fd, out, n, s->offset);
  if (got < 0)
    return refuse_read(s);
  if (got == 0)
    return refuse(s, "the file has shrunk while it was sent");
  if (s->offset + (uint64_t)got == p->len && check_end(s, p) != 0)
    return -1;
  return (long)got;
}

/* From one piece, which has as many bytes left at the least. */
static long read_piece(struct rl_source *s, const struct piece *p, char *out, size_t n) {
  if (p->text == NULL)
    return read_file(s, p, out, n);
  memcpy(out, p->text + s->offset, n);
  return (long)n;
}

long rl_source_read(struct rl_source *s, char *out, size_t n) {
  size_t read = 0;
  while (read < n && s->at < s->count) {
    const struct piece *p = &s->pieces[s->at];
    const uint64_t left = p->len - s->offset;
    long got = 0;
    if (left > 0)
      got = read_piece(s, p, out + read, left < n - read ? (size_t)left : n - read);
    if (got < 0)
      return read > 0 ? (long)read : -1; /* the fault is there for who reads on */
    read += (size_t)got;
    s->given += (uint64_t)got;
    s->offset += (uint64_t)got;
    if (s->offset < p->len)
      continue;
    s->at++;
    s->offset = 0;
  }
  return (long)read;
}

void rl_source_rewind(struct rl_source *s) {
  s->at = 0;
  s->offset = s->given = 0;
}

uint64_t rl_source_length(const struct rl_source *s) {
  return s->length;
}

uint64_t rl_source_given(const struct rl_source *s) {
  return s->given;
}

const struct rl_fault *rl_source_fault(const struct rl_source *s) {
  return &s->fault;
}

void rl_source_close(struct rl_source *s) {
  size_t i;
  for (i = 0; i < s->count; i++) {
    if (s->pieces[i].fd >= 0)
      close(s->pieces[i].fd);
    rl_body_drop(s->pieces[i].body);
  }
  rl_free(s->pieces);
  s->pieces = NULL;
  s->count = s->at = 0;
}

void rl_source_free(struct rl_source *s) {
  if (s == NULL)
    return;
  rl_source_close(s);
  rl_free(s);
}
