/* project_test.c: an object with only the members that are wanted. */
#include "project.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct rl_json parser;

static const struct rl_name names[] = {{"id", 2}, {"name", 4}, {"\303\251", 2}, {"", 0}};

/* What is left of a copy of its own size, so that a byte read too far is found by the tools;
 * written to a block of that size too. */
static const char *project(const char *text, size_t n) {
  static char left[4096];
  char *copy = malloc(n > 0 ? n : 1), *out = malloc(n > 0 ? n : 1);
  size_t len;
  memcpy(copy, text, n);
  len = rl_project(names, 4, &parser, copy, n, out);
  memcpy(left, out, len);
  left[len] = '\0';
  free(copy);
  free(out);
  return left;
}

static void leaves(const char *text, const char *expected) {
  const char *left = project(text, strlen(text));
  CHECK(strcmp(left, expected) == 0, "%s: %s, not %s", text, left, expected);
}

static void test_members(void) {
  leaves("{}", "{}");
  leaves(" { } ", "{}");
  leaves("{\"id\":1}", "{\"id\":1}");
  leaves("{\"x\":1}", "{}");
  leaves("{\"x\":1,\"id\":2,\"y\":3,\"name\":4,\"z\":5}", "{\"id\":2,\"name\":4}");
  leaves("{ \"id\" : \"a\" , \"x\" : [ ] , \"name\"\n:\t{ \"x\" : 1 } }",
         "{\"id\":\"a\",\"name\":{ \"x\" : 1 }}");
  leaves("{\"id\":1,\"id\":2}", "{\"id\":1,\"id\":2}");
  leaves("{\"x\":{\"id\":1},\"name\":2}", "{\"name\":2}");
  leaves("{\"x\":\"{\\\"id\\\":[\",\"y\":\"\\\\\",\"id\":1}", "{\"id\":1}");
  leaves("{\"x\":[\"]\",\"\\\\\",{\"}\":\"\\\"\"}],\"id\":1}", "{\"id\":1}");
  leaves("{\"n\\u0061me\":1,\"\\u00e9\":2,\"\303\251\":3,\"\":4,\"id\\\"\":5}",
         "{\"n\\u0061me\":1,\"\\u00e9\":2,\"\303\251\":3,\"\":4}");
}

static void test_what_is_none(void) {
  static const char *const texts[] = {"",
                                      " ",
                                      "1",
                                      "[]",
                                      "\"id\"",
                                      "{",
                                      "{\"",
                                      "{\"id",
                                      "{\"id\"",
                                      "{\"id\":",
                                      "{\"id\":1",
                                      "{\"id\":1,",
                                      "{\"id\":1,}",
                                      "{\"id\" 1}",
                                      "{\"id\":}",
                                      "{\"id\":1 2}",
                                      "{\"id\":1} x",
                                      "{\"x\":[}",
                                      "{\"x\":\"}",
                                      "{\"x\":[\\\"]}",
                                      "{id:1}",
                                      "{\"id\":1,\"x\":{\"a\":\"\\\"}"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof *texts; i++)
    leaves(texts[i], "");
}

/* Something between quotes and brackets of every length around the sizes of blocks. */
static void test_lengths(void) {
  static const char *const pieces[] = {"\\\"", "\\\\", "]", "}{", "\\\\\\\"", "\303\251"};
  char text[1024], fill[400];
  size_t i, n;
  memset(fill, 'x', sizeof fill);
  for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    for (n = 0; n < 200; n++) {
      snprintf(text, sizeof text, "{\"y\":[\"%.*s%s\",[{}]],\"id\":%d}", (int)n, fill, pieces[i],
               7);
      leaves(text, "{\"id\":7}");
      snprintf(text, sizeof text, "{\"y\":\"%.*s%s\",\"id\":%d}", (int)n, fill, pieces[i], 7);
      leaves(text, "{\"id\":7}");
    }
  }
}

int main(void) {
  rl_json_init(&parser);
  test_members();
  test_what_is_none();
  test_lengths();
  rl_json_free(&parser);
  return test_summary("project_test");
}
