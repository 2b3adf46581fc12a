/* sink.c: where the body of an answer goes. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* O_CLOEXEC with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "sink.h"

#include "alloc.h"
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>

/* What may be held beyond one item and what waits: a compressed chunk that grew. */
#define SLACK (16u * 1024u * 1024u)

static enum rl_status open_file(struct rl_sink *s, const char *path, mode_t mode) {
  size_t size = strlen(path) + 1;
  char *copy = rl_malloc(size);
  if (copy == NULL)
    return RL_NOMEM;
  memcpy(copy, path, size);
  s->kind = RL_SINK_FILE;
  s->fd = rl_open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (s->fd < 0) {
    int saved = errno;
    rl_free(copy); /* what stands there is not ours to remove */
    errno = saved;
    return RL_SYSTEM;
  }
  s->path = copy;
  return RL_OK;
}

static enum rl_status open_page(struct rl_sink *s, const struct rl_sink_options *o) {
  s->kind = RL_SINK_PAGE;
  s->framer = rl_framer_new(o->list, o->max_body);
  if (s->framer == NULL)
    return RL_NOMEM;
  return o->fields != NULL ? rl_framer_keep_only(s->framer, o->fields, o->field_count) : RL_OK;
}

static enum rl_status open_events(struct rl_sink *s, size_t max_event) {
  s->kind = RL_SINK_EVENTS;
  s->events = rl_events_new(max_event);
  return s->events != NULL ? RL_OK : RL_NOMEM;
}

enum rl_status rl_sink_open(struct rl_sink *s, const struct rl_sink_options *o) {
  memset(s, 0, offsetof(struct rl_sink, why)); /* which is large */
  s->fd = -1;
  s->most = o->max_body < SIZE_MAX - SLACK ? o->max_body + SLACK : SIZE_MAX;
  rl_buffer_init(&s->buffer, o->max_body);
  if (o->list != NULL)
    return open_page(s, o);
  if (o->events)
    return open_events(s, o->max_body);
  if (o->file != NULL)
    return open_file(s, o->file, o->owner_only ? 0600 : 0666);
  return RL_OK;
}

static int is_event_stream(const char *type) {
  static const char wanted[] = "text/event-stream";
  const size_t n = sizeof wanted - 1;
  if (type == NULL || strncasecmp(type, wanted, n) != 0)
    return 0;
  return type[n] == '\0' || type[n] == ';' || type[n] == ' ' || type[n] == '\t';
}

void rl_sink_answer(struct rl_sink *s, int status, const char *type) {
  int success = status >= 200 && status < 300;
  s->mistyped = success && s->kind == RL_SINK_EVENTS && !is_event_stream(type);
  s->streams = success && !s->mistyped;
  if (s->mistyped || (s->streams && s->kind != RL_SINK_BUFFER))
    s->buffer.limit = RL_SINK_KEPT_BYTES;
}

static int refuse(struct rl_sink *s, enum rl_kind kind, const char *code, const char *message) {
  s->fault.kind = kind;
  s->fault.code = code;
  s->fault.message = message;
  return 0;
}

static int out_of_memory(struct rl_sink *s) {
  return refuse(s, RL_KIND_CONNECTION, "OUT_OF_MEMORY", "out of memory");
}

static int refuse_file(struct rl_sink *s) {
  rl_error_text(s->error, s->why, sizeof s->why);
  return refuse(s, RL_KIND_FILE, "WRITE_ERROR", s->why);
}

static int feed_buffer(struct rl_sink *s, const char *data, size_t n) {
  enum rl_status status = rl_buffer_append(&s->buffer, data, n);
  if (status == RL_TOO_LARGE)
    return refuse(s, RL_KIND_LIMIT, "BODY_TOO_LARGE", "the body is larger than max_body_bytes");
  return status == RL_OK ? 1 : out_of_memory(s);
}

/* Without memory there is no beginning to be shown. */
static void keep_first(struct rl_sink *s, const char *data, size_t n) {
  size_t room = s->buffer.limit - s->buffer.len;
  if (room > 0)
    (void)rl_buffer_append(&s->buffer, data, n < room ? n : room);
}

/* A broken page still is an answer: what is wrong with it, the framer tells. */
static int refuse_page(struct rl_sink *s, enum rl_status status) {
  switch (status) {
  case RL_NOMEM:
    return out_of_memory(s);
  case RL_TOO_LARGE:
    return refuse(s, RL_KIND_LIMIT, "BODY_TOO_LARGE", "an item is larger than max_body_bytes");
  case RL_TOO_DEEP:
    return refuse(s, RL_KIND_LIMIT, "TOO_DEEP", "the body is nested too deep");
  default:
    return refuse(s, RL_KIND_OK, "OK", "");
  }
}

static int feed_page(struct rl_sink *s, const char *data, size_t n) {
  enum rl_status status = rl_framer_feed(s->framer, data, n);
  return status == RL_OK ? 1 : refuse_page(s, status);
}

static int feed_events(struct rl_sink *s, const char *data, size_t n) {
  enum rl_status status = rl_events_feed(s->events, data, n);
  if (status == RL_TOO_LARGE)
    return refuse(s, RL_KIND_LIMIT, "BODY_TOO_LARGE", "an event is larger than max_body_bytes");
  return status == RL_OK ? 1 : out_of_memory(s);
}

static int feed_file(struct rl_sink *s, const char *data, size_t n) {
  while (n > 0) {
    ssize_t written = write(s->fd, data, n);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      s->error = errno;
      return refuse_file(s);
    }
    data += written;
    n -= (size_t)written;
  }
  return 1;
}

static size_t held(const struct rl_sink *s) {
  if (s->events != NULL)
    return rl_events_buffered(s->events);
  return s->framer != NULL ? rl_framer_buffered(s->framer) : 0;
}

static int has_waiting(const struct rl_sink *s) {
  if (s->events != NULL)
    return rl_events_waiting(s->events) > 0;
  return s->framer != NULL && rl_framer_waiting(s->framer) > 0;
}

static int is_broken(const struct rl_sink *s) {
  if (s->events != NULL)
    return rl_events_error(s->events, NULL, NULL) != RL_OK;
  return s->framer != NULL && rl_framer_error(s->framer, NULL, NULL) != RL_OK;
}

static int feed_stream(struct rl_sink *s, const char *data, size_t n) {
  switch (s->kind) {
  case RL_SINK_PAGE:
    return feed_page(s, data, n);
  case RL_SINK_EVENTS:
    return feed_events(s, data, n);
  default:
    return feed_file(s, data, n);
  }
}

int rl_sink_feed(struct rl_sink *s, const char *data, size_t n) {
  int ok;
  s->bytes += n;
  if (!s->mistyped && (s->kind == RL_SINK_BUFFER || !s->streams))
    return feed_buffer(s, data, n);
  keep_first(s, data, n);
  if (s->mistyped)
    return s->bytes < RL_SINK_KEPT_BYTES ? 1 : refuse(s, RL_KIND_OK, "OK", "");
  ok = feed_stream(s, data, n);
  if (ok && held(s) > s->most)
    return refuse(s, RL_KIND_LIMIT, "BODY_TOO_LARGE", "too much of the body arrived at once");
  return ok;
}

static size_t hold_bytes(const struct rl_sink *s) {
  return s->kind == RL_SINK_EVENTS ? RL_SINK_HOLD_EVENTS : RL_SINK_HOLD_BYTES;
}

int rl_sink_is_full(const struct rl_sink *s) {
  return held(s) >= hold_bytes(s) && has_waiting(s);
}

int rl_sink_is_low(const struct rl_sink *s) {
  return held(s) < hold_bytes(s) / 2 || !has_waiting(s);
}

int rl_sink_has_news(const struct rl_sink *s) {
  return has_waiting(s) || is_broken(s);
}

void rl_sink_forget_file(struct rl_sink *s) {
  rl_free(s->path);
  s->path = NULL;
}

static void remove_file(struct rl_sink *s) {
  if (s->path != NULL)
    (void)unlink(s->path);
  rl_sink_forget_file(s);
}

static int end_file(struct rl_sink *s, int whole) {
  if (close(s->fd) != 0 && whole)
    s->error = errno;
  s->fd = -1;
  if (!whole || s->error != 0)
    remove_file(s);
  return s->error == 0 ? 1 : refuse_file(s);
}

int rl_sink_end(struct rl_sink *s, int whole) {
  if (s->framer != NULL && whole && s->streams)
    (void)rl_framer_end(s->framer);
  if (s->events != NULL)
    rl_events_end(s->events);
  return s->fd < 0 ? 1 : end_file(s, whole && s->streams);
}

void rl_sink_free(struct rl_sink *s) {
  if (s->fd >= 0)
    close(s->fd);
  remove_file(s);
  rl_framer_free(s->framer);
  rl_events_free(s->events);
  rl_buffer_free(&s->buffer);
}

struct rl_text rl_sink_text(const struct rl_sink *s) {
  struct rl_text text;
  text.data = s->buffer.data != NULL ? s->buffer.data : "";
  text.len = s->buffer.len;
  return text;
}
