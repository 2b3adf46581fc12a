/* encode_test.c: texts and numbers as JSON. */
#include "encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct rl_buffer out;

static void number_is(double x, const char *expected) {
  out.len = 0;
  CHECK(rl_encode_number(&out, x) == RL_OK, "%a", x);
  CHECK(strcmp(out.data, expected) == 0 && out.len == strlen(expected), "%a: %s, not %s", x,
        out.data, expected);
}

static void test_numbers(void) {
  static const struct {
    double x;
    const char *text;
  } cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.3, "0.3"},
      {0.1 + 0.2, "0.30000000000000004"},
      {100.0, "100.0"},
      {123456.75, "123456.75"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-5"},
      {2.5e-5, "2.5e-5"},
      {1e14, "100000000000000.0"},
      {1e15, "1e15"},
      {1.5e15, "1.5e15"},
      {9007199254740992.0, "9007199254740992.0"},
      {123456789012345680.0, "1.2345678901234568e17"},
      {1e21, "1e21"},
      {1e100, "1e100"},
      {-1.5e300, "-1.5e300"},
      {1e23, "1e23"},
      {9.5367431640625e-7, "9.5367431640625e-7"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.7976931348623157e308, "1.7976931348623157e308"},
      /* a power of two, below which doubles lie closer: %.16g and %.17g know no text so short */
      {0x1p-44, "5.684341886080802e-14"}};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    number_is(cases[i].x, cases[i].text);
}

static void test_integers(void) {
  static const struct {
    int64_t n;
    const char *text;
  } cases[] = {{0, "0"},
               {-1, "-1"},
               {10, "10"},
               {INT64_MAX, "9223372036854775807"},
               {INT64_MIN, "-9223372036854775808"}};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    out.len = 0;
    CHECK(rl_encode_integer(&out, cases[i].n) == RL_OK, "%s", cases[i].text);
    CHECK(strcmp(out.data, cases[i].text) == 0, "%s, not %s", out.data, cases[i].text);
  }
}

static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static double random_double(unsigned kind) {
  uint64_t bits = next_random();
  double x;
  if (kind == 0)
    return (double)(int64_t)(bits % 2000000 - 1000000) / (double)(1 + next_random() % 1000);
  if (kind == 1)
    return (double)(bits >> (bits % 64));
  if (kind == 2)
    bits &= (uint64_t)0xFFF << 52; /* powers of two */
  memcpy(&x, &bits, sizeof x);
  return isfinite(x) ? x : 0.5;
}

static int count_digits(const char *p) {
  int n = 0, zeros = 0;
  for (; *p != '\0' && *p != 'e'; p++) {
    if (*p < '0' || *p > '9' || (n == 0 && *p == '0'))
      continue;
    n++;
    zeros = *p == '0' ? zeros + 1 : 0;
  }
  return n - zeros;
}

static void test_that_all_read_back(void) {
  int wrong = 0, long_ones = 0, i;
  for (i = 0; i < 400000; i++) {
    const double x = random_double((unsigned)i % 4);
    out.len = 0;
    if (rl_encode_number(&out, x) != RL_OK || strtod(out.data, NULL) != x)
      wrong++;
    if (i % 8 < 4) {
      char text[40];
      int digits = 1;
      do
        snprintf(text, sizeof text, "%.*e", digits - 1, x);
      while (strtod(text, NULL) != x && digits++ < 17);
      if (count_digits(out.data) > count_digits(text))
        long_ones++;
    }
  }
  CHECK(wrong == 0, "%d read back as another number", wrong);
  CHECK(long_ones == 0, "%d could be shorter", long_ones);
}

static void name_is(const char *name, size_t n, const char *expected) {
  int comma;
  for (comma = 0; comma < 2; comma++) {
    out.len = 0;
    CHECK(rl_encode_name(&out, comma, name, n) == RL_OK, "%s", expected);
    CHECK(out.len == strlen(out.data) && out.len == strlen(expected) + 1 + (size_t)comma &&
              memcmp(out.data, ",", (size_t)comma) == 0 &&
              memcmp(out.data + comma, expected, strlen(expected)) == 0 &&
              out.data[out.len - 1] == ':',
          "name %s, not %s", out.data, expected);
  }
}

static void text_is(const char *text, size_t n, const char *expected) {
  size_t most;
  name_is(text, n, expected);
  out.len = 0;
  CHECK(rl_encode_string(&out, text, n) == RL_OK, "%s", expected);
  CHECK(out.len == strlen(expected) && memcmp(out.data, expected, out.len) == 0, "%s, not %s",
        out.data, expected);
  for (most = 1; most < n + 2; most += 1 + n / 40) {
    const char *p = text;
    out.len = 0;
    while (p < text + n) {
      const char *before = p;
      CHECK(rl_encode_part(&out, &p, text + n, most) == RL_OK, "in parts of %zu", most);
      CHECK(p > before && (size_t)(p - before) <= most + 3, "a part of %zu", (size_t)(p - before));
    }
    CHECK(out.len == strlen(expected) - 2 && memcmp(out.data, expected + 1, out.len) == 0,
          "%s: in parts of %zu", expected, most);
  }
}

/* Puts `piece` into plain text of every length around the sizes of blocks. */
static void test_text(const char *piece, size_t n, const char *expected) {
  char text[512], want[2048];
  size_t before, behind;
  for (before = 0; before < 140; before += before < 70 ? 1 : 13) {
    for (behind = 0; behind < 140; behind += behind < 20 ? 1 : 37) {
      memset(text, 'x', sizeof text);
      memcpy(text + before, piece, n);
      snprintf(want, sizeof want, "\"%.*s%s%.*s\"", (int)before, text, expected, (int)behind,
               text + before + n);
      text_is(text, before + n + behind, want);
    }
  }
}

static void test_texts(void) {
  static const struct {
    const char *text;
    size_t n;
    const char *expected;
  } cases[] = {{"", 0, ""},
               {"\"", 1, "\\\""},
               {"\\", 1, "\\\\"},
               {"/", 1, "/"},
               {"\177", 1, "\177"},
               {"\b\t\n\f\r", 5, "\\b\\t\\n\\f\\r"},
               {"\0\1\37\13", 4, "\\u0000\\u0001\\u001f\\u000b"},
               {"\303\251", 2, "\303\251"},
               {"\342\202\254\355\237\277\356\200\200", 9, "\342\202\254\355\237\277\356\200\200"},
               {"\360\220\200\200\364\217\277\277", 8, "\360\220\200\200\364\217\277\277"},
               {"\"\303\251\\\n\360\237\230\200\"", 10, "\\\"\303\251\\\\\\n\360\237\230\200\\\""}};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    test_text(cases[i].text, cases[i].n, cases[i].expected);
}

static void test_ill_formed(void) {
  static const char *const bad[] = {"\200",
                                    "\277",
                                    "\300\200",
                                    "\301\277",
                                    "\302",
                                    "\302x",
                                    "\303\303",
                                    "\340\200\200",
                                    "\340\237\277",
                                    "\342\202",
                                    "\342\202x",
                                    "\355\240\200",
                                    "\355\277\277",
                                    "\360\200\200",
                                    "\360\217\277\277",
                                    "\360\237\230",
                                    "\364\220\200",
                                    "\365\200\200",
                                    "\377",
                                    "\303\251\200",
                                    "\303\303\251",
                                    "\342\303\251",
                                    "\342\202\303\251",
                                    "\360\237\230\303\251"};
  char text[300];
  size_t i, before, behind;
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    for (before = 0; before < 140; before++) {
      for (behind = 0; behind < 140; behind += 35) {
        const size_t n = strlen(bad[i]);
        char *copy = malloc(before + n + behind); /* ends where the text does, for the tools */
        memset(text, 'x', sizeof text);
        memcpy(text + before, bad[i], n);
        memcpy(copy, text, before + n + behind);
        out.len = 0;
        CHECK(rl_encode_string(&out, copy, before + n + behind) == RL_SYNTAX, "%zu at %zu", i,
              before);
        free(copy);
      }
    }
  }
}

int main(void) {
  rl_buffer_init(&out, SIZE_MAX);
  test_numbers();
  test_integers();
  test_that_all_read_back();
  test_texts();
  test_ill_formed();
  rl_buffer_free(&out);
  return test_summary("encode_test");
}
