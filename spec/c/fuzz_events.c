/* fuzz_events.c: libFuzzer on the cutter of events. The first byte chooses how the rest is split;
 * any split must give what one piece gives, and this what a plain reading of the standard gives. */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096 };

static void require(int condition) {
  if (!condition)
    abort();
}

/* Everything that is told of a stream: the events one after the other, and how it ended. */
struct result {
  struct rl_buffer events;
  size_t count;
  enum rl_status status;
  uint64_t offset;
  int inside;
  int64_t retry;
};

static void result_init(struct result *r) {
  memset(r, 0, sizeof *r);
  rl_buffer_init(&r->events, (size_t)-1);
  r->retry = -1;
}

static void add(struct result *r, const struct rl_event *event) {
  rl_buffer_append(&r->events, &event->data_len, sizeof event->data_len);
  rl_buffer_append(&r->events, event->data, event->data_len);
  rl_buffer_append(&r->events, &event->name_len, sizeof event->name_len);
  rl_buffer_append(&r->events, event->name, event->name_len);
  rl_buffer_append(&r->events, &event->id_len, sizeof event->id_len);
  rl_buffer_append(&r->events, event->id, event->id_len);
  r->count++;
}

static void take(struct rl_events *e, struct result *r, size_t most) {
  struct rl_event event;
  while (most-- > 0 && rl_events_first(e, &event)) {
    require(event.data_len <= LIMIT && event.name_len <= LIMIT && event.id_len <= LIMIT);
    add(r, &event);
    rl_events_drop(e);
  }
}

/* Pieces have up to `step` bytes, 0: there is only one. Their sizes and those of the helpings of
 * events vary. */
static void cut(const char *stream, size_t size, size_t step, struct result *r) {
  struct rl_events *e = rl_events_new(LIMIT);
  size_t i, n, round = 0;
  require(e != NULL);
  for (i = 0; i < size; i += n) {
    n = step > 0 ? 1 + (round * 7 + i) % step : size;
    if (n > size - i)
      n = size - i;
    rl_events_feed(e, stream + i, n);
    take(e, r, round++ % 3);
    require(rl_events_count(e) == r->count + rl_events_waiting(e));
    require(rl_events_buffered(e) <= 64 * size + 4096);
  }
  rl_events_end(e);
  take(e, r, (size_t)-1);
  r->status = rl_events_error(e, NULL, &r->offset);
  r->inside = rl_events_inside(e);
  r->retry = rl_events_retry(e);
  rl_events_free(e);
}

/* The texts of the event that is being read. */
struct reading {
  struct rl_buffer data, name, id;
};

static void set(struct rl_buffer *b, const char *p, size_t n) {
  b->len = 0;
  rl_buffer_append(b, p, n);
}

static void read_field(struct reading *now, const char *line, size_t n) {
  const char *colon = memchr(line, ':', n);
  size_t name = colon != NULL ? (size_t)(colon - line) : n;
  const char *value = line + name + (colon != NULL);
  size_t len = n - (size_t)(value - line);
  if (colon != NULL && len > 0 && *value == ' ') {
    value++;
    len--;
  }
  if (name == 4 && memcmp(line, "data", 4) == 0) {
    rl_buffer_append(&now->data, value, len);
    rl_buffer_append(&now->data, "\n", 1);
  } else if (name == 5 && memcmp(line, "event", 5) == 0) {
    set(&now->name, value, len);
  } else if (name == 2 && memcmp(line, "id", 2) == 0 && memchr(value, 0, len) == NULL) {
    set(&now->id, value, len);
  }
}

static void read_plainly(const char *p, size_t size, struct result *r) {
  const char *const end = p + size;
  struct reading now;
  struct rl_event event;
  rl_buffer_init(&now.data, (size_t)-1);
  rl_buffer_init(&now.name, (size_t)-1);
  rl_buffer_init(&now.id, (size_t)-1);
  set(&now.name, "", 0);
  set(&now.id, "", 0);
  if (size >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
    p += 3;
  while (p < end) {
    const char *q = p;
    while (q < end && *q != '\r' && *q != '\n')
      q++;
    if (q == end)
      break;
    if (q > p) {
      read_field(&now, p, (size_t)(q - p)); /* of a comment: one without a name */
    } else {
      if (now.data.len > 0) {
        event.data = now.data.data;
        event.data_len = now.data.len - 1;
        event.name = now.name.data;
        event.name_len = now.name.len;
        event.id = now.id.data;
        event.id_len = now.id.len;
        add(r, &event);
      }
      now.data.len = now.name.len = 0;
    }
    p = q + (*q == '\r' && q + 1 < end && q[1] == '\n' ? 2 : 1);
  }
  rl_buffer_free(&now.data);
  rl_buffer_free(&now.name);
  rl_buffer_free(&now.id);
}

static int same(const struct rl_buffer *a, const struct rl_buffer *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct result whole, split, plain;
  char *stream;
  if (size == 0)
    return 0;
  stream = malloc(size);
  require(stream != NULL);
  memcpy(stream, data + 1, size - 1);
  result_init(&whole);
  result_init(&split);
  result_init(&plain);
  cut(stream, size - 1, 0, &whole);
  cut(stream, size - 1, 1 + data[0] % 64U, &split);
  require(same(&whole.events, &split.events) && whole.count == split.count);
  require(whole.status == split.status && whole.offset == split.offset);
  require(whole.inside == split.inside && whole.retry == split.retry);
  if (whole.status == RL_OK) {
    read_plainly(stream, size - 1, &plain);
    require(same(&whole.events, &plain.events) && whole.count == plain.count);
  }
  rl_buffer_free(&whole.events);
  rl_buffer_free(&split.events);
  rl_buffer_free(&plain.events);
  free(stream);
  return 0;
}
