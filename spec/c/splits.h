/* splits.h: a text that arrives in pieces gives what it gives in one, wherever it is split.
 *
 * Before it is included, SUBJECT is the struct that takes the bytes, NEW(limit), FEED, END and FREE
 * what is called for that, and STRIDE(n) how far apart the second splits of n bytes are. Behind it
 * the test says what came out: `take` and `put_end`. */
#include <stdlib.h>
#include <string.h>

#define T(text) text, sizeof(text) - 1
#define NO_LIMIT ((size_t)-1)

/* What became of a text, in one line. */
struct outcome {
  char line[4096];
  size_t len;
};

static void put(struct outcome *o, const char *p, size_t n) {
  if (n > sizeof o->line - 1 - o->len)
    n = sizeof o->line - 1 - o->len;
  memcpy(o->line + o->len, p, n);
  o->len += n;
  o->line[o->len] = '\0';
}

/* Puts what has come out so far, and takes it away. */
static void take(SUBJECT *, struct outcome *);

/* Puts how it ended. */
static void put_end(SUBJECT *, struct outcome *);

static void feed(SUBJECT *s, const char *p, size_t n) {
  char *copy = malloc(n > 0 ? n : 1); /* of its own size, and gone afterwards */
  memcpy(copy, p, n);
  FEED(s, copy, n);
  free(copy);
}

static const char *finish(SUBJECT *s, struct outcome *o) {
  END(s);
  take(s, o);
  put_end(s, o);
  FREE(s);
  return o->line;
}

/* Feeds the text in the three pieces that `a` and `b` divide it into; takes what comes after each
 * piece if `eager`, else at the end. */
static const char *cut(const char *text, size_t n, size_t limit, size_t a, size_t b, int eager) {
  static struct outcome o;
  SUBJECT *s = NEW(limit);
  o.len = 0;
  o.line[0] = '\0';
  if (s == NULL)
    return "no memory";
  feed(s, text, a);
  if (eager)
    take(s, &o);
  feed(s, text + a, b - a);
  if (eager)
    take(s, &o);
  feed(s, text + b, n - b);
  return finish(s, &o);
}

static const char *cut_by_bytes(const char *text, size_t n, size_t limit) {
  static struct outcome o;
  SUBJECT *s = NEW(limit);
  size_t i;
  o.len = 0;
  o.line[0] = '\0';
  if (s == NULL)
    return "no memory";
  for (i = 0; i < n; i++)
    feed(s, text + i, 1);
  return finish(s, &o);
}

/* The text gives this result in one piece and in every split into two and three. */
static void gives(const char *text, size_t n, size_t limit, const char *expected) {
  size_t a, b;
  const char *got = cut(text, n, limit, n, n, 0);
  CHECK(strcmp(got, expected) == 0, "%s: expected %s, got %s", text, expected, got);
  got = cut_by_bytes(text, n, limit);
  CHECK(strcmp(got, expected) == 0, "%s by bytes: expected %s, got %s", text, expected, got);
  for (a = 0; a <= n; a++)
    for (b = a; b <= n; b += STRIDE(n)) {
      got = cut(text, n, limit, a, b, (a + b) % 2 == 0);
      if (strcmp(got, expected) != 0) {
        CHECK(0, "%s split at %zu and %zu: expected %s, got %s", text, a, b, expected, got);
        return;
      }
    }
  CHECK(1, "every split");
}
