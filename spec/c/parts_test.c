/* parts_test.c: of an object only the members that are wanted, however the bytes arrive. */
#include "alloc.h"
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static const struct rl_text names[] = {{"id", 2}, {"name", 4}, {"\303\251", 2}, {"", 0}};

struct subject {
  struct rl_parts *parts;
  struct rl_buffer text;
  int whole;
  size_t rest; /* bytes behind the object */
};

static struct subject *begin(size_t limit) {
  static struct subject s;
  (void)limit;
  s.parts = rl_parts_new(names, 4);
  s.whole = 0;
  s.rest = 0;
  rl_buffer_init(&s.text, (size_t)-1);
  if (s.parts == NULL)
    return NULL;
  rl_parts_begin(s.parts, 2);
  return &s;
}

static void take_some(struct subject *s, const char *p, size_t n) {
  const char *message, *end = p;
  size_t at;
  if (!s->whole && rl_parts_error(s->parts, &message, &at) == RL_OK)
    end = rl_parts_take(s->parts, &s->text, p, p + n, &s->whole);
  if (s->whole)
    s->rest += n - (size_t)(end - p);
}

static void leave(struct subject *s) {
  rl_buffer_free(&s->text);
  rl_parts_free(s->parts);
}

#define SUBJECT struct subject
#define NEW(limit) begin(limit)
#define FEED take_some
#define END(s) (void)(s)
#define FREE leave
#define STRIDE(n) ((n) < 150 ? 1 : 29)
#include "splits.h"

static void take(struct subject *s, struct outcome *o) {
  (void)s;
  (void)o;
}

/* What is left, each byte from elsewhere than behind the one before it with where it was; then how
 * it ended. */
static void put_end(struct subject *s, struct outcome *o) {
  static const char *const kinds[] = {"ok", "nomem", "large", "deep", "syntax", "shape"};
  const char *message;
  size_t at, i, expected = 0;
  char text[64];
  enum rl_status status = rl_parts_error(s->parts, &message, &at);
  for (i = 0; i < s->text.len; i++) {
    const size_t place = rl_parts_place(rl_parts_gaps(s->parts), i);
    if (place != expected) {
      snprintf(text, sizeof text, "<%zu>", place);
      put(o, text, strlen(text));
    }
    expected = place + 1;
    put(o, s->text.data + i, 1);
  }
  if (status != RL_OK)
    snprintf(text, sizeof text, " %s %zu", kinds[status], at);
  else
    snprintf(text, sizeof text, s->whole ? " and %zu" : " open", s->rest);
  put(o, text, strlen(text));
  CHECK(s->text.len == rl_parts_kept(s->parts), "%zu are kept", rl_parts_kept(s->parts));
}

struct object {
  const char *text;
  size_t n;
  const char *left;
};

static const struct object objects[] = {
    {T("{}"), "{} and 0"},
    {T("{ } "), "{} and 1"},
    {T("{\"id\":1}"), "{\"id\":1} and 0"},
    {T("{\"id\":1},{\"x\":"), "{\"id\":1} and 6"},
    {T("{\"x\":1}"), "{} and 0"},
    {T("{\"x\":1,\"id\":2,\"y\":3,\"name\":4,\"z\":5}"), "{<7>\"id\":2,<20>\"name\":4} and 0"},
    {T("{\"id\":1,\"name\":2,\"x\":3,\"id\":4,\"name\":5,\"\":6}"),
     "{\"id\":1,\"name\":2,<23>\"id\":4,\"name\":5,\"\":6} and 0"},
    {T("{ \"id\" : \"a\" , \"x\" : [ ] , \"name\"\n:\t{ \"x\" : 1 } }"),
     "{<2>\"id\" : \"a\",<27>\"name\"\n:\t{ \"x\" : 1 }} and 0"},
    {T("{\"id\":1,\"id\":2}"), "{\"id\":1,\"id\":2} and 0"},
    {T("{\"x\":{\"id\":1},\"name\":2}"), "{<14>\"name\":2} and 0"},
    {T("{\"x\":\"{\\\"id\\\":[\",\"y\":\"\\\\\",\"id\":1}"), "{<26>\"id\":1} and 0"},
    {T("{\"x\":[\"]\",\"\\\\\",{\"}\":\"\\\"\"}],\"id\":1}"), "{<27>\"id\":1} and 0"},
    {T("{\"n\\u0061me\":1,\"\\u00e9\":2,\"\303\251\":3,\"\":4,\"id\\\"\":5,\"i\\u0064\":[]}"),
     "{\"n\\u0061me\":1,\"\\u00e9\":2,\"\303\251\":3,\"\":4,<47>\"i\\u0064\":[]} and 0"},
    /* what is left out is searched for its end, what is wanted too */
    {T("{\"x\":nope,\"y\":\"\\q\001\",\"z\":[1 2],\"id\":[,],\"w\":01}"), "{<30>\"id\":[,]} and 0"},
    {T("{\"x\":[}"), "{ syntax 6"},
    {T("{\"id\":1,\"x\":{\"y\":[1}"), "{\"id\":1 syntax 19"},
    {T("{\"id\":[1}"), "{\"id\":[1} syntax 8"},
    /* what lies between is not */
    {T("{id:1}"), "{ syntax 1"},
    {T("{,}"), "{ syntax 1"},
    {T("{\"id\":1,}"), "{\"id\":1 syntax 8"},
    {T("{\"id\":1,,"), "{\"id\":1 syntax 8"},
    {T("{\"x\" 1}"), "{ syntax 5"},
    {T("{\"x\":}"), "{ syntax 5"},
    {T("{\"x\":1 2}"), "{ syntax 7"},
    {T("{\"x\":1]"), "{ syntax 6"},
    {T("{\"x\":+1}"), "{ syntax 5"},
    {T("{\"x\":\"\"\"id\":1}"), "{ syntax 7"},
    {T("{\"\\x\":1}"), "{ syntax 3"},
    {T("{\"id\":1,\"x\001\":1}"), "{\"id\":1 syntax 10"},
    {T("{"), "{ open"},
    {T("{\"id\":1"), "{\"id\":1 open"},
    {T("{\"id\":\"a"), "{\"id\":\"a open"},
    {T("{\"x\":\"a"), "{ open"},
    {T("{\"id\":1,\"x\":[\""), "{\"id\":1 open"},
};

static void gives_the_same_in_every_split(void) {
  size_t i;
  for (i = 0; i < sizeof objects / sizeof *objects; i++)
    gives(objects[i].text, objects[i].n, NO_LIMIT, objects[i].left);
}

/* So that escapes and brackets come to lie anywhere in and around blocks of 16 and of 64 bytes. */
static void finds_the_ends_of_what_is_left_out(void) {
  static const char *const pieces[] = {"\\\"", "\\\\", "]", "}{", "\\\\\\\"", "\303\244"};
  char text[1024], fill[400], expected[64];
  size_t i, n;
  memset(fill, 'x', sizeof fill);
  for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    int missed = 0;
    for (n = 0; n < 200; n++) {
      int k, size;
      for (k = 0; k < 3; k++) {
        const char *const shapes[] = {"{\"y\":[\"%.*s%s\",[{}]],\"id\":7}",
                                      "{\"y\":\"%.*s%s\",\"id\":7}", "{\"%.*s%s\":1,\"id\":7}"};
        size = snprintf(text, sizeof text, shapes[k], (int)n, fill, pieces[i]);
        snprintf(expected, sizeof expected, "{<%d>\"id\":7} and 0", size - 7);
        missed +=
            strcmp(cut(text, (size_t)size, NO_LIMIT, (size_t)size, (size_t)size, 0), expected) != 0;
        missed += strcmp(cut(text, (size_t)size, NO_LIMIT, n / 2, n, 0), expected) != 0;
        missed += strcmp(cut_by_bytes(text, (size_t)size, NO_LIMIT), expected) != 0;
      }
    }
    CHECK(missed == 0, "%d with %s", missed, pieces[i]);
  }
}

/* Brackets around the object count. */
static void nests_to_the_limit_and_no_further(void) {
  enum { LIMIT = 512 - 3 };
  char open[LIMIT + 1], close[LIMIT + 1], text[2 * LIMIT + 64], expected[64];
  int extra;
  memset(open, '[', sizeof open);
  memset(close, ']', sizeof close);
  for (extra = 0; extra < 2; extra++) {
    const int levels = LIMIT + extra;
    const int n = snprintf(text, sizeof text, "{\"x\":%.*s%.*s}", levels, open, levels, close);
    snprintf(expected, sizeof expected, extra ? "{ deep %d" : "{} and 0", 5 + LIMIT);
    gives(text, (size_t)n, NO_LIMIT, expected);
  }
}

#ifdef RL_TEST_ALLOC
static void survives_a_failure_of_each_allocation(void) {
  static const char text[] = "{\"x\":1,\"i\\u0064\":[1],\"y\":2,\"name\":\"\"}";
  long n;
  int done = 0, refusals = 0;
  size_t i;
  for (n = 1; !done; n++) {
    const char *message;
    size_t at;
    struct subject *s;
    rl_alloc_fail_at = n;
    s = begin(NO_LIMIT);
    for (i = 0; s != NULL && i + 1 < sizeof text; i++)
      take_some(s, text + i, 1);
    rl_alloc_fail_at = 0;
    done = s != NULL && s->whole;
    refusals += s == NULL || rl_parts_error(s->parts, &message, &at) == RL_NOMEM;
    if (s != NULL)
      leave(s);
    CHECK(rl_alloc_live == 0, "%ld blocks left after %ld", rl_alloc_live, n);
  }
  CHECK(n > 4 && refusals == n - 2, "%d of %ld", refusals, n);
}
#endif

int main(void) {
  gives_the_same_in_every_split();
  finds_the_ends_of_what_is_left_out();
  nests_to_the_limit_and_no_further();
#ifdef RL_TEST_ALLOC
  survives_a_failure_of_each_allocation();
#endif
  return test_summary("parts");
}
