/* events.c: cuts the events out of a text/event-stream as its bytes arrive. */
#include "events.h"

#include <string.h>

#include "alloc.h"
#include "buffer.h"
#include "scan.h"

/* A line may be longer than an event by the name of its field and the like. */
enum { LINE_SLACK = 64 };

/* In bytes, an event's data is followed by its name and its id. */
struct entry {
  size_t data_len, name_len, id_len;
  int has_id; /* else the last one's counts */
};

struct rl_events {
  size_t max_event;
  uint64_t line_offset;  /* in the body, of the line that is coming in */
  struct rl_buffer line; /* what earlier pieces had of it */
  int begun;             /* the first line, which may have a byte order mark, is over */
  int after_cr;          /* a LF that comes now belongs to the line that has ended */

  int open; /* a field of an event has come and no empty line since */
  int has_data;
  size_t data_len; /* of this event, at the end of bytes */
  struct rl_buffer name;
  struct rl_buffer id; /* the last that came */
  int has_id;          /* since the last complete event */
  int64_t retry;

  struct rl_buffer bytes; /* waiting events, one behind the other, then the one that is coming in */
  struct rl_buffer index; /* a struct entry for each of those that wait */
  size_t bytes_used;      /* at the front of bytes: dropped events */
  size_t index_used;      /* at the front of index, in bytes too */
  struct rl_buffer last_id; /* of the events that were dropped; has room for those that wait */
  size_t count;

  enum rl_status status;
  const char *message;
  uint64_t error_offset;
};

struct rl_events *rl_events_new(size_t max_event) {
  struct rl_events *e = rl_calloc(1, sizeof *e);
  if (e == NULL)
    return NULL;
  e->max_event = max_event < SIZE_MAX / 4 ? max_event : SIZE_MAX / 4;
  e->retry = -1;
  rl_buffer_init(&e->line, SIZE_MAX);
  rl_buffer_init(&e->name, SIZE_MAX);
  rl_buffer_init(&e->id, SIZE_MAX);
  rl_buffer_init(&e->bytes, SIZE_MAX);
  rl_buffer_init(&e->index, SIZE_MAX);
  rl_buffer_init(&e->last_id, SIZE_MAX);
  return e;
}

void rl_events_free(struct rl_events *e) {
  if (e == NULL)
    return;
  rl_buffer_free(&e->line);
  rl_buffer_free(&e->name);
  rl_buffer_free(&e->id);
  rl_buffer_free(&e->bytes);
  rl_buffer_free(&e->index);
  rl_buffer_free(&e->last_id);
  rl_free(e);
}

static void fail(struct rl_events *e, enum rl_status status, const char *message, uint64_t offset) {
  e->status = status;
  e->message = message;
  e->error_offset = offset;
}

/* Appends, or fails. */
static int keep(struct rl_events *e, struct rl_buffer *b, const void *p, size_t n) {
  if (rl_buffer_append(b, p, n) == RL_OK)
    return 1;
  fail(e, RL_NOMEM, "out of memory", e->line_offset);
  return 0;
}

/* Makes room in the event for `n` bytes more, or fails. */
static int fits(struct rl_events *e, size_t n) {
  size_t has = e->data_len + e->name.len + (e->has_id ? e->id.len : 0);
  if (n <= e->max_event - has)
    return 1;
  fail(e, RL_TOO_LARGE, "the event is too large", e->line_offset);
  return 0;
}

static void add_data(struct rl_events *e, const char *p, size_t n) {
  if (!fits(e, n + (size_t)e->has_data))
    return;
  if (e->has_data) {
    if (!keep(e, &e->bytes, "\n", 1))
      return;
    e->data_len++;
  }
  if (keep(e, &e->bytes, p, n))
    e->data_len += n;
  e->has_data = e->open = 1;
}

static void set_text(struct rl_events *e, struct rl_buffer *b, const char *p, size_t n) {
  rl_buffer_reset(b);
  if (fits(e, n))
    (void)keep(e, b, p, n);
  e->open = 1;
}

static void set_retry(struct rl_events *e, const char *p, size_t n) {
  int64_t ms = 0;
  size_t i;
  for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++)
    ms = ms < INT64_MAX / 10 - 1 ? ms * 10 + (p[i] - '0') : ms;
  if (n > 0 && i == n)
    e->retry = ms;
}

static int is_field(const char *line, size_t n, const char *name) {
  return n == strlen(name) && memcmp(line, name, n) == 0;
}

static void take_field(struct rl_events *e, const char *line, size_t n) {
  const char *colon = memchr(line, ':', n), *value = line + n;
  size_t name = n, len = 0;
  if (colon != NULL) {
    name = (size_t)(colon - line);
    value = colon + 1;
    len = n - name - 1;
    if (len > 0 && *value == ' ') {
      value++;
      len--;
    }
  }
  if (is_field(line, name, "data")) {
    add_data(e, value, len);
  } else if (is_field(line, name, "event")) {
    set_text(e, &e->name, value, len);
  } else if (is_field(line, name, "id") && memchr(value, '\0', len) == NULL) {
    e->has_id = 1;
    set_text(e, &e->id, value, len);
  } else if (is_field(line, name, "retry")) {
    set_retry(e, value, len);
  }
}

static void end_event(struct rl_events *e) {
  struct entry entry;
  memset(&entry, 0, sizeof entry); /* the padding too */
  entry.data_len = e->data_len;
  entry.name_len = e->name.len;
  entry.id_len = e->has_id ? e->id.len : 0;
  entry.has_id = e->has_id;
  if (!keep(e, &e->bytes, e->name.data, entry.name_len) ||
      !keep(e, &e->bytes, e->id.data, entry.id_len))
    return;
  if (rl_buffer_reserve(&e->last_id, entry.id_len) != RL_OK) {
    fail(e, RL_NOMEM, "out of memory", e->line_offset);
    return;
  }
  if (!keep(e, &e->index, &entry, sizeof entry))
    return;
  e->count++;
  e->data_len = 0;
  e->has_data = e->has_id = 0;
}

/* What is left of the first bytes of the body without their byte order mark. */
static void skip_mark(const struct rl_events *e, const char **p, size_t *n) {
  if (e->begun || *n < 3 || memcmp(*p, "\xef\xbb\xbf", 3) != 0)
    return;
  *p += 3;
  *n -= 3;
}

static void take_line(struct rl_events *e, const char *p, size_t n) {
  skip_mark(e, &p, &n);
  e->begun = 1;
  if (n > 0) {
    if (*p != ':')
      take_field(e, p, n);
    return;
  }
  if (e->has_data)
    end_event(e);
  rl_buffer_reset(&e->name);
  e->open = 0;
}

/* Takes the line, or what there is of it, from `p` up to `q`. */
static void in_line(struct rl_events *e, const char *p, const char *q, int whole) {
  const size_t n = (size_t)(q - p), most = e->max_event + LINE_SLACK;
  if (n > most - e->line.len) {
    fail(e, RL_TOO_LARGE, "the line is too long", e->line_offset + most);
  } else if (!whole) {
    (void)keep(e, &e->line, p, n);
  } else if (e->line.len == 0) {
    take_line(e, p, n);
  } else if (keep(e, &e->line, p, n)) {
    take_line(e, e->line.data, e->line.len);
    rl_buffer_reset(&e->line);
  }
}

enum rl_status rl_events_feed(struct rl_events *e, const char *data, size_t n) {
  const char *p = data, *const end = data + n;
  if (n == 0)
    return e->status;
  e->bytes_used = rl_buffer_close_gap(&e->bytes, e->bytes_used);
  e->index_used = rl_buffer_close_gap(&e->index, e->index_used);
  while (p < end && e->status == RL_OK) {
    const char *q = p;
    if (!e->after_cr || *p != '\n') {
      size_t earlier = e->line.len;
      q = rl_skip_line(p, end);
      in_line(e, p, q, q < end);
      e->after_cr = 0;
      if (q == end)
        break;
      e->line_offset += earlier + (size_t)(q - p);
    }
    e->after_cr = *q == '\r';
    e->line_offset++;
    p = q + 1;
  }
  return e->status;
}

void rl_events_end(struct rl_events *e) {
  if (!rl_events_inside(e))
    return;
  e->bytes.len -= e->data_len;
  e->data_len = 0;
}

int rl_events_inside(const struct rl_events *e) {
  const char *p = e->line.data;
  size_t n = e->line.len;
  skip_mark(e, &p, &n);
  return e->open || (n > 0 && *p != ':');
}

enum rl_status rl_events_error(const struct rl_events *e, const char **message, uint64_t *offset) {
  if (message != NULL)
    *message = e->message;
  if (offset != NULL)
    *offset = e->error_offset;
  return e->status;
}

size_t rl_events_waiting(const struct rl_events *e) {
  return (e->index.len - e->index_used) / sizeof(struct entry);
}

size_t rl_events_count(const struct rl_events *e) {
  return e->count;
}

size_t rl_events_buffered(const struct rl_events *e) {
  return e->bytes.len - e->bytes_used + e->index.len - e->index_used + e->line.len + e->name.len +
         e->id.len + e->last_id.len;
}

/* Of the oldest waiting event. */
static struct entry first_entry(const struct rl_events *e) {
  struct entry entry;
  memcpy(&entry, e->index.data + e->index_used, sizeof entry);
  return entry;
}

int rl_events_first(const struct rl_events *e, struct rl_event *out) {
  struct entry entry;
  if (rl_events_waiting(e) == 0)
    return 0;
  entry = first_entry(e);
  out->data = e->bytes.data + e->bytes_used;
  out->data_len = entry.data_len;
  out->name = out->data + entry.data_len;
  out->name_len = entry.name_len;
  out->id = out->name + entry.name_len;
  out->id_len = entry.id_len;
  if (!entry.has_id && e->last_id.len > 0) {
    out->id = e->last_id.data;
    out->id_len = e->last_id.len;
  }
  return 1;
}

void rl_events_drop(struct rl_events *e) {
  struct rl_event event;
  struct entry entry;
  if (!rl_events_first(e, &event))
    return;
  entry = first_entry(e);
  if (entry.has_id) {
    e->last_id.len = 0; /* and keeps its room, so that this cannot fail */
    (void)rl_buffer_append(&e->last_id, event.id, event.id_len);
  }
  e->bytes_used += entry.data_len + entry.name_len + entry.id_len;
  e->index_used += sizeof entry;
}

int64_t rl_events_retry(const struct rl_events *e) {
  return e->retry;
}
