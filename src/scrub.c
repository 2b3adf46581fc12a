/* scrub.c: finds secrets in texts that are about to be shown, in whatever spelling. */
#include "scrub.h"
#include "alloc.h"

#include <string.h>

struct text {
  const unsigned char *data, *end;
};

/* A character that was written as something else. */
struct escape {
  unsigned char bytes[4];
  size_t count;  /* of those bytes */
  size_t length; /* of what is written; 0: nothing is escaped here, or the text ends within it */
  int cut;       /* the text ends within it */
};

void rl_scrub_init(struct rl_scrub *s) {
  int i;
  memset(s, 0, sizeof *s);
  for (i = 0; i < 256; i++)
    s->first[i] = -1;
}

static void forget(struct rl_scrub *s, int place) {
  struct rl_secret *secret = &s->secrets[place];
  int *link;
  if (secret->data == NULL)
    return;
  for (link = &s->first[secret->data[0]]; *link != place; link = &s->secrets[*link].next)
    continue;
  *link = secret->next;
  rl_wipe(secret->data, secret->len);
  rl_free(secret->data);
  secret->data = NULL;
}

void rl_scrub_free(struct rl_scrub *s) {
  int i;
  for (i = 0; i < RL_SCRUB_SECRETS; i++)
    forget(s, i);
}

enum rl_status rl_scrub_add(struct rl_scrub *s, const char *secret, size_t len) {
  const unsigned char *data = (const unsigned char *)secret;
  int cut = len > RL_SCRUB_LONGEST, i;
  struct rl_secret *place;
  if (len < RL_SCRUB_SHORTEST)
    return RL_OK;
  if (cut)
    len = RL_SCRUB_LONGEST;
  for (i = s->first[data[0]]; i >= 0; i = s->secrets[i].next) {
    const struct rl_secret *known = &s->secrets[i];
    if (known->len == len && known->cut == cut && memcmp(known->data, data, len) == 0)
      return RL_OK;
  }
  forget(s, s->oldest);
  place = &s->secrets[s->oldest];
  place->data = rl_malloc(len);
  if (place->data == NULL)
    return RL_NOMEM;
  memcpy(place->data, data, len);
  place->len = len;
  place->cut = cut;
  place->next = s->first[data[0]];
  s->first[data[0]] = s->oldest;
  s->oldest = (s->oldest + 1) % RL_SCRUB_SECRETS;
  return RL_OK;
}

static int hex_digit(int c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The number that `digits` hexadecimal digits say, or -1. */
static long hex_number(const unsigned char *p, int digits) {
  long n = 0;
  for (; digits > 0; digits--, p++) {
    int digit = hex_digit(*p);
    if (digit < 0)
      return -1;
    n = n * 16 + digit;
  }
  return n;
}

static void utf8(struct escape *e, long c) {
  unsigned char *out = e->bytes;
  if (c < 0x80) {
    *out++ = (unsigned char)c;
  } else if (c < 0x800) {
    *out++ = (unsigned char)(0xC0 | c >> 6);
    *out++ = (unsigned char)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out++ = (unsigned char)(0xE0 | c >> 12);
    *out++ = (unsigned char)(0x80 | (c >> 6 & 0x3F));
    *out++ = (unsigned char)(0x80 | (c & 0x3F));
  } else {
    *out++ = (unsigned char)(0xF0 | c >> 18);
    *out++ = (unsigned char)(0x80 | (c >> 12 & 0x3F));
    *out++ = (unsigned char)(0x80 | (c >> 6 & 0x3F));
    *out++ = (unsigned char)(0x80 | (c & 0x3F));
  }
  e->count = (size_t)(out - e->bytes);
}

/* %2F, and + for a blank */
static void read_percent(struct escape *e, const unsigned char *p, size_t left) {
  long c;
  if (left < 3) {
    e->cut = 1;
    return;
  }
  c = hex_number(p + 1, 2);
  if (c >= 0) {
    e->bytes[0] = (unsigned char)c;
    e->count = 1;
    e->length = 3;
  }
}

/* \/ and \n, \u002f and pairs of \ud83d\ude00. RFC 8259, 7. */
static void read_backslash(struct escape *e, const unsigned char *p, size_t left) {
  static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  const char *name;
  long c, low;
  if (left < 2) {
    e->cut = 1;
    return;
  }
  name = p[1] != '\0' ? strchr(names, p[1]) : NULL;
  if (name != NULL) {
    e->bytes[0] = (unsigned char)meant[name - names];
    e->count = 1;
    e->length = 2;
    return;
  }
  if (p[1] != 'u')
    return;
  if (left < 6) {
    e->cut = 1;
    return;
  }
  c = hex_number(p + 2, 4);
  if (c < 0)
    return;
  e->length = 6;
  if (c >= 0xD800 && c < 0xDC00) {
    if (left < 12) {
      e->length = 0;
      e->cut = 1;
      return;
    }
    low = p[6] == '\\' && p[7] == 'u' ? hex_number(p + 8, 4) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      e->length = 12;
    }
  }
  utf8(e, c);
}

/* &amp; and &#47; and &#x2F; */
static void read_entity(struct escape *e, const unsigned char *p, size_t left) {
  static const struct {
    const char *name;
    char meant;
  } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  size_t i, digits;
  long c = 0;
  int base = 10;
  for (i = 0; i < sizeof named / sizeof *named; i++) {
    size_t len = strlen(named[i].name), shared = left < len ? left : len;
    if (memcmp(p, named[i].name, shared) != 0)
      continue;
    e->cut = shared < len;
    e->length = e->cut ? 0 : len;
    e->bytes[0] = (unsigned char)named[i].meant;
    e->count = 1;
    return;
  }
  if (left < 2 || p[1] != '#')
    return;
  i = 2;
  if (i < left && (p[i] == 'x' || p[i] == 'X')) {
    base = 16;
    i++;
  }
  for (digits = 0; i < left && digits < 8; i++, digits++) {
    int digit = hex_digit(p[i]);
    if (digit < 0 || digit >= base)
      break;
    c = c * base + digit;
  }
  if (i == left) {
    e->cut = 1;
  } else if (digits > 0 && p[i] == ';' && c < 0x110000) {
    e->length = i + 1;
    utf8(e, c);
  }
}

static void read_escape(struct escape *e, const unsigned char *p, const unsigned char *end) {
  size_t left = (size_t)(end - p);
  e->count = e->length = 0;
  e->cut = 0;
  if (*p == '%') {
    read_percent(e, p, left);
  } else if (*p == '\\') {
    read_backslash(e, p, left);
  } else if (*p == '&') {
    read_entity(e, p, left);
  } else if (*p == '+') {
    e->bytes[0] = ' ';
    e->count = e->length = 1;
  }
}

/* How far into the text a match reaches when its last byte is known to be there. */
static size_t matched(const struct rl_secret *secret, const struct text *t,
                      const unsigned char *reached) {
  return (size_t)((secret->cut ? t->end : reached) - t->data);
}

/* The bytes of the text, from its beginning on, that are this secret as it is, or 0. */
static size_t match_plain(const struct rl_secret *secret, const struct text *t) {
  size_t left = (size_t)(t->end - t->data);
  size_t shared = left < secret->len ? left : secret->len;
  if (shared < RL_SCRUB_SHORTEST || memcmp(t->data, secret->data, shared) != 0)
    return 0;
  return matched(secret, t, t->data + shared);
}

/* The same with characters escaped. An escape that could be read in two ways is one where the
 * secret goes on behind it. */
static size_t match_escaped(const struct rl_secret *secret, const struct text *t) {
  const unsigned char *p = t->data;
  size_t n = 0;
  while (n < secret->len && p < t->end) {
    struct escape e;
    read_escape(&e, p, t->end);
    if (e.length > 0 && e.count <= secret->len - n &&
        memcmp(e.bytes, secret->data + n, e.count) == 0) {
      n += e.count;
      p += e.length;
    } else if (*p == secret->data[n]) {
      n++;
      p++;
    } else if (e.cut) {
      p = t->end;
    } else {
      return 0;
    }
  }
  return n < RL_SCRUB_SHORTEST ? 0 : matched(secret, t, p);
}

/* The longest match at the beginning of the text, among the secrets with that first byte. */
static size_t longest_of(const struct rl_scrub *s, int first, const struct text *t) {
  size_t longest = 0;
  int i;
  for (i = s->first[first]; i >= 0; i = s->secrets[i].next) {
    size_t plain = match_plain(&s->secrets[i], t), escaped = match_escaped(&s->secrets[i], t);
    if (escaped > plain)
      plain = escaped;
    if (plain > longest)
      longest = plain;
  }
  return longest;
}

int rl_scrub_find(const struct rl_scrub *s, const char *text, size_t text_len, size_t from,
                  size_t *at, size_t *len) {
  struct text t;
  t.data = (const unsigned char *)text + from;
  t.end = (const unsigned char *)text + text_len;
  for (; t.data < t.end; t.data++) {
    size_t found = longest_of(s, *t.data, &t);
    struct escape e;
    read_escape(&e, t.data, t.end);
    if (e.count > 0 && e.length > 0 && e.bytes[0] != *t.data) {
      size_t escaped = longest_of(s, e.bytes[0], &t);
      if (escaped > found)
        found = escaped;
    }
    if (found > 0) {
      *at = (size_t)(t.data - (const unsigned char *)text);
      *len = found;
      return 1;
    }
  }
  return 0;
}
