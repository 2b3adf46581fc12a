/* parts.c: keeps of a JSON object only the members that are wanted, as its bytes come in. */
#include "parts.h"

#include <string.h>

#include "alloc.h"
#include "ends.h"
#include "json.h"
#include "scan.h"

enum part {
  OPENING, /* '{' */
  FIRST_NAME,
  NAME,
  BEHIND_NAME,
  FIELD,
  BEHIND_FIELD,
  IN_NAME, /* from here on: inside a value, whose end is looked for. Of a name that is not plain, */
  IN_FIELD /* or comes in pieces */
};

/* From `at` on in the text that is kept, `left_out` bytes before are not there. */
struct gap {
  size_t at, left_out;
};

struct rl_parts {
  enum part part;
  unsigned around;   /* containers around the object's members */
  const char *piece; /* the bytes at hand */
  size_t seen;       /* bytes of the object before them */
  const char *from;  /* of a wanted member, the first of them that is not kept yet */
  struct rl_buffer *out;
  struct rl_end inner; /* the name or value that is coming in */
  size_t name_at;      /* where in the object it began, if it is a name */
  struct rl_buffer name;
  int wanted;            /* the member that is coming in */
  size_t kept;           /* bytes of the object */
  struct rl_buffer gaps; /* an array of struct gap */
  struct rl_json json;

  enum rl_status status;
  const char *message;
  size_t offset;

  size_t count;
  struct rl_text names[];
};

struct rl_parts *rl_parts_new(const struct rl_text *names, size_t count) {
  size_t i, bytes = 0;
  struct rl_parts *s;
  char *text;
  for (i = 0; i < count; i++)
    bytes += names[i].len;
  s = rl_calloc(1, sizeof *s + count * sizeof *names + bytes);
  if (s == NULL)
    return NULL;
  text = (char *)(s->names + count);
  for (i = 0; i < count; i++) {
    s->names[i].data = memcpy(text, names[i].data, names[i].len);
    s->names[i].len = names[i].len;
    text += names[i].len;
  }
  s->count = count;
  rl_buffer_init(&s->name, SIZE_MAX);
  rl_buffer_init(&s->gaps, SIZE_MAX);
  rl_json_init(&s->json);
  return s;
}

void rl_parts_free(struct rl_parts *s) {
  if (s == NULL)
    return;
  rl_buffer_free(&s->name);
  rl_buffer_free(&s->gaps);
  rl_json_free(&s->json);
  rl_free(s);
}

void rl_parts_begin(struct rl_parts *s, unsigned around) {
  s->part = OPENING;
  s->around = around + 1;
  s->seen = s->kept = 0;
  s->wanted = 0;
  s->name.len = s->gaps.len = 0;
  s->status = RL_OK;
}

static void fail(struct rl_parts *s, enum rl_status status, const char *message, size_t at) {
  s->status = status;
  s->message = message;
  s->offset = at;
}

/* Appends, or fails. */
static int append(struct rl_parts *s, struct rl_buffer *b, const void *p, size_t n) {
  if (rl_buffer_append(b, p, n) == RL_OK)
    return 1;
  fail(s, RL_NOMEM, "out of memory", s->seen);
  return 0;
}

static void keep(struct rl_parts *s, const char *p, size_t n) {
  if (append(s, s->out, p, n))
    s->kept += n;
}

static void fail_at(struct rl_parts *s, const char *message, const char *p) {
  fail(s, RL_SYNTAX, message, s->seen + (size_t)(p - s->piece));
}

static int is_wanted(const struct rl_parts *s, const char *name, size_t len) {
  size_t i;
  for (i = 0; i < s->count; i++)
    if (s->names[i].len == len && memcmp(s->names[i].data, name, len) == 0)
      return 1;
  return 0;
}

size_t rl_parts_place(struct rl_text gaps, size_t at) {
  struct gap gap;
  size_t n;
  for (n = gaps.len; n > 0; n -= sizeof gap) {
    memcpy(&gap, gaps.data + n - sizeof gap, sizeof gap);
    if (gap.at <= at)
      return at + gap.left_out;
  }
  return at;
}

/* A wanted member follows, which begins at `at` in the object. */
static void open_member(struct rl_parts *s, size_t at) {
  struct gap gap;
  if (s->kept > 1)
    keep(s, ",", 1);
  gap.at = s->kept;
  gap.left_out = at - s->kept;
  if (rl_parts_place(rl_parts_gaps(s), s->kept) != at)
    append(s, &s->gaps, &gap, sizeof gap);
}

/* A name begins at `p`. Returns behind it, or behind what is done of it. */
static const char *begin_name(struct rl_parts *s, const char *p, const char *stop) {
  const char *end = rl_skip_plain(p + 1, stop);
  const size_t at = s->seen + (size_t)(p - s->piece);
  if (end == stop || *end != '"') {
    rl_end_begin(&s->inner, s->around, '"');
    s->name_at = at;
    s->part = IN_NAME;
    return p;
  }
  s->wanted = is_wanted(s, p + 1, (size_t)(end - p - 1));
  if (s->wanted)
    open_member(s, at);
  s->from = p;
  s->part = BEHIND_NAME;
  return end + 1;
}

/* A name has come that is not plain, or came in pieces. */
static void name_complete(struct rl_parts *s) {
  struct rl_json *j = &s->json;
  struct rl_buffer *name = &s->name;
  rl_json_start(j, name->data, name->len);
  if (rl_json_next(j) != RL_JSON_STRING) {
    fail(s, j->status, j->message, s->name_at + j->offset);
    return;
  }
  s->wanted = is_wanted(s, j->text, j->text_len);
  if (s->wanted) {
    open_member(s, s->name_at);
    keep(s, name->data, name->len);
  }
  name->len = 0;
  s->part = BEHIND_NAME;
}

static void field_complete(struct rl_parts *s, const char *end) {
  if (s->wanted)
    keep(s, s->from, (size_t)(end - s->from));
  s->wanted = 0;
  s->part = BEHIND_FIELD;
}

static const char *in_value(struct rl_parts *s, const char *p, const char *stop) {
  int whole;
  const char *const end = rl_end_find(&s->inner, p, stop, &whole);
  if (s->inner.status != RL_OK)
    fail(s, s->inner.status, s->inner.message, s->seen + (size_t)(end - 1 - s->piece));
  if (s->part == IN_NAME) {
    append(s, &s->name, p, (size_t)(end - p));
    s->from = end;
    if (whole && s->status == RL_OK)
      name_complete(s);
  } else if (whole) {
    field_complete(s, end);
  }
  return end;
}

/* Takes the byte at `p`, which lies between names and values, and returns where to go on. */
static const char *between(struct rl_parts *s, const char *p, const char *stop, int *whole) {
  const char c = *p;
  switch (s->part) {
  case OPENING:
    keep(s, p, 1);
    s->part = FIRST_NAME;
    break;
  case FIRST_NAME:
  case NAME:
    if (c == '"')
      return begin_name(s, p, stop);
    if (c != '}' || s->part == NAME)
      fail_at(s, "a key must come here", p);
    else
      *whole = 1;
    break;
  case BEHIND_NAME:
    if (c != ':')
      fail_at(s, "':' must come here", p);
    s->part = FIELD;
    break;
  case FIELD:
    if (!rl_end_begin(&s->inner, s->around, c))
      fail_at(s, "a value must come here", p);
    s->part = IN_FIELD;
    return p;
  default:
    if (c != ',' && c != '}')
      fail_at(s, "',' or '}' must come here", p);
    *whole = c == '}';
    s->part = NAME;
  }
  return p + 1;
}

const char *rl_parts_take(struct rl_parts *s, struct rl_buffer *out, const char *p,
                          const char *stop, int *whole) {
  s->piece = s->from = p;
  s->out = out;
  *whole = 0;
  while (p < stop && s->status == RL_OK && !*whole) {
    if (s->part >= IN_NAME)
      p = in_value(s, p, stop);
    else if (rl_is_json_blank(*p))
      p++;
    else
      p = between(s, p, stop, whole);
  }
  if (s->wanted)
    keep(s, s->from, (size_t)(p - s->from));
  if (*whole)
    keep(s, "}", 1);
  s->seen += (size_t)(p - s->piece);
  return p;
}

enum rl_status rl_parts_error(const struct rl_parts *s, const char **message, size_t *at) {
  *message = s->message;
  *at = s->offset;
  return s->status;
}

size_t rl_parts_kept(const struct rl_parts *s) {
  return s->kept;
}

struct rl_text rl_parts_gaps(const struct rl_parts *s) {
  struct rl_text gaps;
  gaps.data = s->gaps.data;
  gaps.len = s->gaps.len;
  return gaps;
}
