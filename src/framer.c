/* framer.c: cuts the items of a list out of a page as its bytes arrive. */
#include "framer.h"

#include <string.h>

#include "alloc.h"
#include "buffer.h"
#include "ends.h"
#include "json.h"
#include "parts.h"
#include "scan.h"

/* More than this is not kept for the next page. */
#define SPARE_BYTES (4u * 1024u * 1024u)

static const char MARK[] = "\xEF\xBB\xBF";

enum place {
  START,         /* of the page */
  FIRST_KEY,     /* behind '{': a key or '}' */
  KEY,           /* behind a comma: a key */
  COLON,         /* behind a key */
  MEMBER,        /* behind a colon */
  BEHIND_MEMBER, /* a comma or '}' */
  FIRST_ITEM,    /* behind '[': an item or ']' */
  ITEM,          /* behind a comma: an item */
  BEHIND_ITEM,   /* a comma or ']' */
  CLOSED,        /* behind the page */
  IN_KEY,        /* from here on: inside a value, whose end is looked for */
  IN_MEMBER,
  IN_ITEM
};

/* A key, a member's value or an item that is coming in. */
struct value {
  uint64_t offset; /* of its first byte in the body */
  size_t len;      /* bytes seen so far */
  struct rl_end end;
  int apart; /* an item of which only some members are kept */
};

/* Its text is followed by what rl_parts_place knows it by, `gaps` bytes. */
struct item {
  uint64_t offset;
  size_t len, gaps;
};

struct rl_framer {
  char *key;
  size_t max_item;
  enum place place;
  const char *piece; /* that is being fed */
  uint64_t offset;   /* of its first byte in the body */
  struct value value;
  struct rl_parts *parts; /* of the items; NULL: they are kept whole */

  struct rl_buffer bytes; /* waiting items, one behind the other, then the one that is coming in */
  struct rl_buffer index; /* a struct item for each of those that wait */
  size_t bytes_used;      /* at the front of bytes: dropped items */
  size_t index_used;      /* at the front of index, in bytes too */
  size_t count;

  struct rl_buffer member;  /* the one that is coming in: "key":value */
  int is_list, list_seen;   /* the key names the list */
  struct rl_buffer members; /* the text of an object */
  struct rl_json json;

  enum rl_status status;
  const char *message;
  uint64_t error_offset;
  int cut_short;
  size_t mark; /* bytes of a byte order mark */
};

struct rl_framer *rl_framer_new(const char *key, size_t max_item) {
  size_t n = strlen(key) + 1;
  struct rl_framer *f = rl_calloc(1, sizeof *f + n);
  if (f == NULL)
    return NULL;
  f->key = memcpy(f + 1, key, n);
  f->max_item = max_item < SIZE_MAX / 4 ? max_item : SIZE_MAX / 4;
  rl_buffer_init(&f->bytes, SIZE_MAX);
  rl_buffer_init(&f->index, SIZE_MAX);
  rl_buffer_init(&f->member, SIZE_MAX);
  rl_buffer_init(&f->members, f->max_item + 2);
  rl_json_init(&f->json);
  if (rl_buffer_append(&f->members, "{}", 2) != RL_OK) {
    rl_framer_free(f);
    return NULL;
  }
  return f;
}

void rl_framer_free(struct rl_framer *f) {
  if (f == NULL)
    return;
  rl_buffer_free(&f->bytes);
  rl_buffer_free(&f->index);
  rl_buffer_free(&f->member);
  rl_buffer_free(&f->members);
  rl_json_free(&f->json);
  rl_parts_free(f->parts);
  rl_free(f);
}

enum rl_status rl_framer_keep_only(struct rl_framer *f, const struct rl_text *names, size_t count) {
  f->parts = rl_parts_new(names, count);
  return f->parts != NULL ? RL_OK : RL_NOMEM;
}

void rl_framer_borrow(struct rl_framer *f, struct rl_buffer *spare) {
  f->bytes = *spare;
  f->bytes.len = 0;
  rl_buffer_init(spare, SIZE_MAX);
}

void rl_framer_return(struct rl_framer *f, struct rl_buffer *spare) {
  if (f->bytes.cap <= spare->cap || f->bytes.cap > SPARE_BYTES)
    return;
  rl_buffer_free(spare);
  *spare = f->bytes;
  rl_buffer_init(&f->bytes, SIZE_MAX);
  f->index.len = f->index_used = f->bytes_used = 0;
}

static void fail(struct rl_framer *f, enum rl_status status, const char *message, uint64_t offset) {
  f->status = status;
  f->message = message;
  f->error_offset = offset;
}

static void fail_at(struct rl_framer *f, enum rl_status status, const char *message,
                    const char *p) {
  fail(f, status, message, f->offset + (uint64_t)(p - f->piece));
}

/* Appends, or fails. */
static int keep(struct rl_framer *f, struct rl_buffer *b, const void *p, size_t n) {
  if (rl_buffer_append(b, p, n) == RL_OK)
    return 1;
  fail(f, RL_NOMEM, "out of memory", f->value.offset);
  return 0;
}

static struct rl_buffer *destination(struct rl_framer *f) {
  return f->place == IN_ITEM ? &f->bytes : &f->member;
}

/* How many bytes are kept of the value that is coming in. */
static size_t kept(const struct rl_framer *f) {
  return f->value.apart ? rl_parts_kept(f->parts) : f->value.len;
}

/* Parses what is kept of the value; the first error in it becomes the framer's. That it is not
 * complete is an error where `whole` says that it should be. */
static enum rl_json_token parse(struct rl_framer *f, int whole) {
  const struct rl_buffer *b = destination(f);
  enum rl_json_token token;
  rl_json_start(&f->json, b->data + b->len - kept(f), kept(f));
  do
    token = rl_json_next(&f->json);
  while (token > RL_JSON_END);
  if (token == RL_JSON_END && !rl_json_only(&f->json))
    token = RL_JSON_ERROR;
  if (token == RL_JSON_ERROR || (token == RL_JSON_MORE && whole)) {
    size_t at = f->json.offset;
    if (f->value.apart)
      at = rl_parts_place(rl_parts_gaps(f->parts), at);
    fail(f, f->json.status, f->json.message, f->value.offset + at);
  }
  return token;
}

static int begins_value(char c) {
  struct rl_end end;
  return rl_end_begin(&end, 0, c);
}

/* A value begins at `p`, of which nothing is consumed yet. */
static void begin(struct rl_framer *f, enum place place, const char *p) {
  struct value *v = &f->value;
  const unsigned around = place == IN_ITEM ? 2 : 1;
  if (!rl_end_begin(&v->end, around, *p)) {
    fail_at(f, RL_SYNTAX, "a value must come here", p);
    return;
  }
  f->place = place;
  v->offset = f->offset + (uint64_t)(p - f->piece);
  v->len = 0;
  v->apart = place == IN_ITEM && f->parts != NULL && *p == '{';
  if (v->apart)
    rl_parts_begin(f->parts, around);
}

/* 1: of a byte order mark that the body begins with (RFC 8259, 8.1). */
static int is_mark(struct rl_framer *f, const char *p) {
  if (f->mark == sizeof MARK - 1 || f->offset + (uint64_t)(p - f->piece) != f->mark ||
      *p != MARK[f->mark])
    return 0;
  f->mark++;
  return 1;
}

static void close_page(struct rl_framer *f, const char *p) {
  f->place = CLOSED;
  if (!f->list_seen)
    fail_at(f, RL_SHAPE, "the list is missing", p);
}

/* Takes the byte at `p`, which lies between values, and returns where to go on. */
static const char *between(struct rl_framer *f, const char *p) {
  const char c = *p;
  if (rl_is_json_blank(c))
    return p + 1;
  switch (f->place) {
  case START:
    if (is_mark(f, p))
      return p + 1;
    if (f->mark % (sizeof MARK - 1) != 0)
      fail_at(f, RL_SYNTAX, "an object must come here", p);
    else if (c != '{')
      fail_at(f, begins_value(c) ? RL_SHAPE : RL_SYNTAX, "an object must come here", p);
    f->place = FIRST_KEY;
    break;
  case FIRST_KEY:
  case KEY:
    if (c == '"') {
      begin(f, IN_KEY, p);
      return p;
    }
    if (c != '}' || f->place == KEY)
      fail_at(f, RL_SYNTAX, "a key must come here", p);
    else
      close_page(f, p);
    break;
  case COLON:
    if (c != ':')
      fail_at(f, RL_SYNTAX, "':' must come here", p);
    f->place = MEMBER;
    break;
  case MEMBER:
    if (!f->is_list) {
      begin(f, IN_MEMBER, p);
      return p;
    }
    if (c != '[')
      fail_at(f, begins_value(c) ? RL_SHAPE : RL_SYNTAX, "the list must be an array", p);
    f->place = FIRST_ITEM;
    break;
  case FIRST_ITEM:
  case ITEM:
    if (c != ']' || f->place == ITEM) {
      begin(f, IN_ITEM, p);
      return p;
    }
    f->place = BEHIND_MEMBER;
    break;
  case BEHIND_ITEM:
    if (c != ',' && c != ']')
      fail_at(f, RL_SYNTAX, "',' or ']' must come here", p);
    f->place = c == ',' ? ITEM : BEHIND_MEMBER;
    break;
  case BEHIND_MEMBER:
    if (c == '}')
      close_page(f, p);
    else if (c != ',')
      fail_at(f, RL_SYNTAX, "',' or '}' must come here", p);
    else
      f->place = KEY;
    break;
  default:
    fail_at(f, RL_SYNTAX, "nothing may follow the page", p);
  }
  return p + 1;
}

static void key_complete(struct rl_framer *f) {
  const struct rl_json *j = &f->json;
  if (parse(f, 1) != RL_JSON_END)
    return;
  f->is_list = j->text_len == strlen(f->key) && memcmp(j->text, f->key, j->text_len) == 0;
  if (f->is_list && f->list_seen)
    fail(f, RL_SHAPE, "the list is there twice", f->value.offset);
  f->list_seen |= f->is_list;
  f->place = COLON;
  if (f->is_list)
    f->member.len = 0;
  else
    keep(f, &f->member, ":", 1);
}

static void member_complete(struct rl_framer *f) {
  struct rl_buffer *all = &f->members;
  enum rl_status status;
  if (parse(f, 1) != RL_JSON_END)
    return;
  f->place = BEHIND_MEMBER;
  status = rl_buffer_reserve(all, f->member.len + (all->len > 2)); /* with a comma */
  if (status != RL_OK) {
    fail(f, status, status == RL_NOMEM ? "out of memory" : "too large", f->value.offset);
    return;
  }
  all->len--; /* the closing brace */
  if (all->len > 1)
    rl_buffer_append(all, ",", 1);
  rl_buffer_append(all, f->member.data, f->member.len);
  rl_buffer_append(all, "}", 1);
  rl_buffer_reset(&f->member);
}

static void item_complete(struct rl_framer *f) {
  struct item item;
  item.offset = f->value.offset;
  item.len = kept(f);
  item.gaps = 0;
  if (f->value.apart) {
    const struct rl_text gaps = rl_parts_gaps(f->parts);
    keep(f, &f->bytes, gaps.data, gaps.len);
    item.gaps = gaps.len;
  }
  f->place = BEHIND_ITEM;
  if (f->status == RL_OK && keep(f, &f->index, &item, sizeof item))
    f->count++;
}

/* Looks for the end of the value up to `stop`, and keeps it, or what is wanted of it. */
static const char *find_end(struct rl_framer *f, const char *p, const char *stop, int *whole) {
  struct value *v = &f->value;
  const char *const q = v->apart ? rl_parts_take(f->parts, &f->bytes, p, stop, whole)
                                 : rl_end_find(&v->end, p, stop, whole);
  if (v->apart) {
    size_t at;
    const char *message;
    enum rl_status status = rl_parts_error(f->parts, &message, &at);
    if (status != RL_OK)
      fail(f, status, message, v->offset + at);
    return q;
  }
  if (v->end.status != RL_OK)
    fail_at(f, v->end.status, v->end.message, q - 1);
  keep(f, destination(f), p, (size_t)(q - p));
  return q;
}

/* Takes bytes of the value from `p` on and returns where to go on. */
static const char *in_value(struct rl_framer *f, const char *p, const char *end) {
  struct value *v = &f->value;
  const size_t room = f->max_item - v->len;
  const char *const stop = (size_t)(end - p) > room ? p + room : end, *q;
  int whole;
  q = find_end(f, p, stop, &whole);
  if (v->end.scalar && q == stop && stop < end)
    (void)rl_end_find(&v->end, q, q + 1, &whole); /* it may end at the edge */
  if (f->status == RL_NOMEM)
    return q;
  v->len += (size_t)(q - p);
  if (f->status != RL_OK)
    parse(f, 0); /* what went wrong may have begun before */
  else if (!whole && q < end)
    fail_at(f, RL_TOO_LARGE, "too large", q);
  else if (whole && f->place == IN_ITEM)
    item_complete(f);
  else if (whole && f->place == IN_MEMBER)
    member_complete(f);
  else if (whole)
    key_complete(f);
  return q;
}

enum rl_status rl_framer_feed(struct rl_framer *f, const char *data, size_t n) {
  const char *p = data;
  if (n == 0)
    return f->status;
  f->bytes_used = rl_buffer_close_gap(&f->bytes, f->bytes_used);
  f->index_used = rl_buffer_close_gap(&f->index, f->index_used);
  f->piece = data;
  while (p < data + n && f->status == RL_OK)
    p = f->place >= IN_KEY ? in_value(f, p, data + n) : between(f, p);
  f->offset += n;
  return f->status;
}

enum rl_status rl_framer_end(struct rl_framer *f) {
  if (f->status != RL_OK || f->place == CLOSED)
    return f->status;
  if (f->place < IN_KEY || parse(f, 0) != RL_JSON_ERROR) {
    fail(f, RL_SYNTAX, "unexpected end", f->offset);
    f->cut_short = 1;
  }
  return f->status;
}

int rl_framer_cut_short(const struct rl_framer *f) {
  return f->cut_short;
}

int rl_framer_done(const struct rl_framer *f) {
  return f->place == CLOSED && f->status == RL_OK;
}

enum rl_status rl_framer_error(const struct rl_framer *f, const char **message, uint64_t *offset) {
  if (message != NULL)
    *message = f->message;
  if (offset != NULL)
    *offset = f->error_offset;
  return f->status;
}

size_t rl_framer_waiting(const struct rl_framer *f) {
  return (f->index.len - f->index_used) / sizeof(struct item);
}

size_t rl_framer_count(const struct rl_framer *f) {
  return f->count;
}

size_t rl_framer_buffered(const struct rl_framer *f) {
  return f->bytes.len - f->bytes_used + f->index.len - f->index_used + f->member.len +
         f->members.len;
}

/* The item whose entry in the index is at `at`. */
static struct item item_at(const struct rl_framer *f, size_t at) {
  struct item item;
  memcpy(&item, f->index.data + at, sizeof item);
  return item;
}

int rl_framer_first(const struct rl_framer *f, const char **p, size_t *n) {
  if (rl_framer_waiting(f) == 0)
    return 0;
  *p = f->bytes.data + f->bytes_used;
  *n = item_at(f, f->index_used).len;
  return 1;
}

int rl_framer_last(const struct rl_framer *f, const char **p, size_t *n) {
  size_t coming = f->place == IN_ITEM ? kept(f) : 0;
  struct item item;
  if (rl_framer_waiting(f) == 0)
    return 0;
  item = item_at(f, f->index.len - sizeof item);
  *n = item.len;
  *p = f->bytes.data + f->bytes.len - coming - item.gaps - item.len;
  return 1;
}

uint64_t rl_framer_offset(const struct rl_framer *f, size_t at) {
  struct item item;
  struct rl_text gaps;
  if (rl_framer_waiting(f) == 0)
    return f->offset;
  item = item_at(f, f->index_used);
  gaps.data = f->bytes.data + f->bytes_used + item.len;
  gaps.len = item.gaps;
  return item.offset + rl_parts_place(gaps, at);
}

void rl_framer_drop(struct rl_framer *f) {
  struct item item;
  if (rl_framer_waiting(f) == 0)
    return;
  item = item_at(f, f->index_used);
  f->bytes_used += item.len + item.gaps;
  f->index_used += sizeof item;
}

const char *rl_framer_members(const struct rl_framer *f, size_t *n) {
  *n = f->members.len;
  return f->members.data;
}
