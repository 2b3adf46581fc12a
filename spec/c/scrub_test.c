/* scrub_test.c: secrets are found in every spelling, and nothing else is. */
#include "alloc.h"
#include "scrub.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct rl_scrub scrub;

static void add(const char *secret) {
  CHECK(rl_scrub_add(&scrub, secret, strlen(secret)) == RL_OK, "%s", secret);
}

/* The text with <> for every secret, from a block of its own size, so that sanitizers see it left.
 */
static void becomes(const char *text, const char *expected) {
  size_t len = strlen(text), from = 0, at, found, n = 0, i;
  char *copy = malloc(len == 0 ? 1 : len), out[512];
  for (i = 0; i < len; i++)
    copy[i] = text[i];
  while (rl_scrub_find(&scrub, copy, len, from, &at, &found)) {
    n += (size_t)snprintf(out + n, sizeof out - n, "%.*s<>", (int)(at - from), copy + from);
    from = at + found;
  }
  snprintf(out + n, sizeof out - n, "%.*s", (int)(len - from), copy + from);
  CHECK(strcmp(out, expected) == 0, "%s became %s", text, out);
  free(copy);
}

static void finds_it_as_it_is(void) {
  rl_scrub_init(&scrub);
  add("sk-01234567");
  becomes("", "");
  becomes("sk-01234567", "<>");
  becomes("a sk-01234567 b sk-01234567sk-01234567", "a <> b <><>");
  becomes("sk-0123456x sk-012", "sk-0123456x sk-012");
  becomes("SK-01234567", "SK-01234567");
  rl_scrub_free(&scrub);
}

static void finds_it_cut_off_by_the_end(void) {
  rl_scrub_init(&scrub);
  add("sk/01234567");
  becomes("x sk/01234", "x <>");
  becomes("x sk/0123", "x sk/0123");
  becomes("x sk%2F01234", "x <>");
  becomes("x sk\\/01234", "x <>");
  becomes("sk/01234 x", "sk/01234 x");
  rl_scrub_free(&scrub);
  rl_scrub_init(&scrub);
  add("01234567/");
  becomes("01234567%", "<>");
  becomes("01234567%2", "<>");
  becomes("01234567\\", "<>");
  becomes("01234567\\u00", "<>");
  becomes("01234567&#4", "<>");
  rl_scrub_free(&scrub);
}

static void finds_it_escaped(void) {
  rl_scrub_init(&scrub);
  add("a/b+c=d\"e\\f&g h\n\xC3\xA9\xF0\x9F\x98\x80i%41");
  becomes("<a/b+c=d\"e\\f&g h\n\xC3\xA9\xF0\x9F\x98\x80i%41>", "<<>>");
  becomes("a%2Fb%2Bc%3Dd%22e%5cf%26g%20h%0A%C3%A9%F0%9F%98%80i%2541", "<>");
  becomes("a%2Fb%2Bc%3Dd%22e%5cf%26g+h%0A%C3%A9%F0%9F%98%80i%2541", "<>");
  becomes("a/b+c=d\\\"e\\\\f&g h\\n\xC3\xA9\xF0\x9F\x98\x80i%41", "<>");
  becomes("a\\/b+c=d\\\"e\\\\f\\u0026g h\\n\\u00e9\\uD83D\\uDE00i%41", "<>");
  becomes("a/b+c=d&quot;e\\f&amp;g h\n&#233;&#x1F600;i%41", "<>");
  becomes("%61/b+c=d\"e\\f&g h\n\xC3\xA9\xF0\x9F\x98\x80i%41", "<>");
  rl_scrub_free(&scrub);
}

static void reads_a_backslash_in_the_way_that_fits(void) {
  rl_scrub_init(&scrub);
  add("01234567\\n8");
  becomes("01234567\\n8", "<>");
  becomes("01234567\\\\n8", "<>");
  becomes("01234567\n8", "01234567\n8");
  rl_scrub_free(&scrub);
  rl_scrub_init(&scrub);
  add("01234567\\\\8");
  becomes("01234567\\\\8", "<>");
  becomes("01234567\\\\\\\\8", "<>");
  rl_scrub_free(&scrub);
}

static void takes_the_longest(void) {
  rl_scrub_init(&scrub);
  add("password");
  add("password-of-user");
  becomes("password password-of-user password-of-use", "<> <> <>");
  rl_scrub_free(&scrub);
}

static void passes_over_what_is_too_short(void) {
  rl_scrub_init(&scrub);
  add("1234567");
  add("");
  becomes("1234567", "1234567");
  add("12345678");
  becomes("12345678", "<>");
  rl_scrub_free(&scrub);
}

static void keeps_the_beginning_of_what_is_too_long(void) {
  char *text = malloc(RL_SCRUB_LONGEST + 100);
  size_t at = 0, len = 0;
  rl_scrub_init(&scrub);
  memset(text, 'x', RL_SCRUB_LONGEST + 100);
  text[0] = 's';
  CHECK(rl_scrub_add(&scrub, text, RL_SCRUB_LONGEST + 50) == RL_OK, "it");
  CHECK(rl_scrub_find(&scrub, text, RL_SCRUB_LONGEST + 100, 0, &at, &len), "it");
  CHECK(at == 0 && len == RL_SCRUB_LONGEST + 100, "%zu %zu", at, len);
  CHECK(!rl_scrub_find(&scrub, text + 1, 50, 0, &at, &len), "what is no secret");
  rl_scrub_free(&scrub);
  free(text);
}

static void knows_so_many_at_once(void) {
  char secret[32];
  size_t at, len;
  int i;
  rl_scrub_init(&scrub);
  for (i = 0; i < RL_SCRUB_SECRETS + 10; i++) {
    snprintf(secret, sizeof secret, "%c-secret-%04d", 'a' + i % 3, i);
    add(secret);
    add(secret); /* is known, and takes no place */
  }
  for (i = 0; i < RL_SCRUB_SECRETS + 10; i++) {
    snprintf(secret, sizeof secret, "%c-secret-%04d", 'a' + i % 3, i);
    CHECK(rl_scrub_find(&scrub, secret, strlen(secret), 0, &at, &len) == (i >= 10), "%s", secret);
  }
  rl_scrub_free(&scrub);
}

#ifdef RL_TEST_ALLOC
static int shown;

static void look(const void *p) {
  shown += memcmp(p, "sk-01234", 8) == 0;
}

static void is_wiped_and_survives_a_failed_allocation(void) {
  size_t at, len;
  rl_scrub_init(&scrub);
  add("sk-01234567");
  rl_alloc_fail_at = 1;
  CHECK(rl_scrub_add(&scrub, "another-one", 11) == RL_NOMEM, "it");
  CHECK(rl_scrub_find(&scrub, "sk-01234567", 11, 0, &at, &len), "it");
  rl_alloc_on_free = look;
  rl_scrub_free(&scrub);
  rl_alloc_on_free = NULL;
  CHECK(shown == 0 && rl_alloc_live == 0, "%d %ld", shown, rl_alloc_live);
}
#endif

int main(void) {
  finds_it_as_it_is();
  finds_it_cut_off_by_the_end();
  finds_it_escaped();
  reads_a_backslash_in_the_way_that_fits();
  takes_the_longest();
  passes_over_what_is_too_short();
  keeps_the_beginning_of_what_is_too_long();
  knows_so_many_at_once();
#ifdef RL_TEST_ALLOC
  is_wiped_and_survives_a_failed_allocation();
#endif
  return test_summary("scrub");
}
