/* framer_test.c: items cut out of pages, however the bytes arrive. */
#include "alloc.h"
#include "buffer.h"
#include "framer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static int only; /* some members of the items are kept */

static struct rl_framer *new_framer(size_t limit) {
  static const struct rl_text names[] = {{"id", 2}, {"name", 4}};
  struct rl_framer *f = rl_framer_new("list", limit);
  if (f != NULL && only && rl_framer_keep_only(f, names, 2) != RL_OK) {
    rl_framer_free(f);
    return NULL;
  }
  return f;
}

#define SUBJECT struct rl_framer
#define NEW(limit) new_framer(limit)
#define FEED rl_framer_feed
#define END rl_framer_end
#define FREE rl_framer_free
#define STRIDE(n) ((n) < 150 ? 1 : 29)
#include "splits.h"

/* Items are put with their offsets, and with what was left out of them before their last bytes. */
static void take(struct rl_framer *f, struct outcome *o) {
  const char *p;
  size_t n;
  char offset[32];
  while (rl_framer_first(f, &p, &n)) {
    const uint64_t begin = rl_framer_offset(f, 0), gap = rl_framer_offset(f, n) - begin - n;
    snprintf(offset, sizeof offset, gap > 0 ? "%" PRIu64 "+%" PRIu64 ":" : "%" PRIu64 ":", begin,
             gap);
    put(o, offset, strlen(offset));
    put(o, p, n);
    put(o, "|", 1);
    rl_framer_drop(f);
  }
}

static void put_end(struct rl_framer *f, struct outcome *o) {
  static const char *const names[] = {"ok", "nomem", "large", "deep", "syntax", "shape"};
  const char *message, *members;
  uint64_t offset;
  size_t n;
  char end[64];
  enum rl_status status = rl_framer_error(f, &message, &offset);
  members = rl_framer_members(f, &n);
  put(o, members, n);
  if (status == RL_OK)
    snprintf(end, sizeof end, " %s", rl_framer_done(f) ? "done" : "open");
  else if (rl_framer_cut_short(f))
    snprintf(end, sizeof end, " cut");
  else
    snprintf(end, sizeof end, " %s %" PRIu64, names[status], offset);
  put(o, end, strlen(end));
  if ((status != RL_OK) != (message != NULL))
    put(o, " and a wrong message", 20);
}

struct page {
  const char *text;
  size_t n;
  const char *result;
};

static const struct page pages[] = {
    /* where the list may stand, and what may be in it */
    {T("{\"list\":[]}"), "{} done"},
    {T("{\"list\":[1]}"), "9:1|{} done"},
    {T("{\"list\":[{\"a\":1},{\"a\":2}],\"has_more\":true,\"total_count\":7}"),
     "9:{\"a\":1}|17:{\"a\":2}|{\"has_more\":true,\"total_count\":7} done"},
    {T("{\"has_more\":false,\"list\":[{}],\"x\":[{\"y\":null}]}"),
     "26:{}|{\"has_more\":false,\"x\":[{\"y\":null}]} done"},
    {T(" \n{ \"a\" : \"b\" , \"list\" :\t[ 1 ,\r\n [ 2 , 3 ] , \"x\" ] , \"c\" : { } } \n"),
     "27:1|33:[ 2 , 3 ]|45:\"x\"|{\"a\":\"b\",\"c\":{ }} done"},
    {T("{\"list\":[0,-1.5e3,true,false,null,\"\",\"s\",[],{}]}"),
     "9:0|11:-1.5e3|18:true|23:false|29:null|34:\"\"|37:\"s\"|41:[]|44:{}|{} done"},
    {T("{\"l\\u0069st\":[1]}"), "14:1|{} done"},
    {T("{\"List\":2,\"lis\":3,\"listt\":4,\"list\":[1]}"),
     "36:1|{\"List\":2,\"lis\":3,\"listt\":4} done"},
    {T("{\"x\":{\"list\":[2]},\"list\":[1]}"), "26:1|{\"x\":{\"list\":[2]}} done"},
    {T("{\"list\":[{\"list\":[1,2]}]}"), "9:{\"list\":[1,2]}|{} done"},
    {T("{\"a\":1,\"a\":2,\"list\":[]}"), "{\"a\":1,\"a\":2} done"},
    {T("{\"\\\"\\\\\":\"\\\"\",\"list\":[]}"), "{\"\\\"\\\\\":\"\\\"\"} done"},
    /* what hides brackets and quotes */
    {T("{\"list\":[\"]}[{,\",\"\\\"\",\"\\\\\",\"\\\\\\\"]\",{\"}\":\"{\"}]}"),
     "9:\"]}[{,\"|17:\"\\\"\"|22:\"\\\\\"|27:\"\\\\\\\"]\"|35:{\"}\":\"{\"}|{} done"},
    {T("{\"list\":[[[[]],{\"a\":[{}]}],[\"a long string with a \\\" quote, more than a "
       "block\"]]}"),
     "9:[[[]],{\"a\":[{}]}]|27:[\"a long string with a \\\" quote, more than a block\"]|{} done"},
    {T("{\"list\":[\"caf\xC3\xA9 \xFF \\uD800\"]}"), "9:\"caf\xC3\xA9 \xFF \\uD800\"|{} done"},
    /* an item's inside is not looked at, but for its brackets and for its end */
    {T("{\"list\":[{1 2},tru,[,]]}"), "9:{1 2}|15:tru|19:[,]|{} done"},
    {T("{\"list\":[1]} x"), "9:1|{} syntax 13"},
    {T("{\"list\":[1]}{}"), "9:1|{} syntax 12"},
    /* not JSON between the items */
    {T("{\"list\":[1 2]}"), "9:1|{} syntax 11"},
    {T("{\"list\":[1,]}"), "9:1|{} syntax 11"},
    {T("{\"list\":[,1]}"), "{} syntax 9"},
    {T("{\"list\":[1,,2]}"), "9:1|{} syntax 11"},
    {T("{\"list\":[1:2]}"), "9:1|{} syntax 10"},
    {T("{\"list\":[\"a\"\"b\"]}"), "9:\"a\"|{} syntax 12"},
    {T("{\"list\":[{}{}]}"), "9:{}|{} syntax 11"},
    {T("{\"list\":[{}x]}"), "9:{}|{} syntax 11"},
    {T("{\"list\":[1{}]}"), "9:1|{} syntax 10"},
    {T("{\"list\":[1\"a\"]}"), "9:1|{} syntax 10"},
    {T("{\"list\":[1\x01]}"), "9:1|{} syntax 10"},
    {T("{\"list\":[1}"), "9:1|{} syntax 10"},
    {T("{\"list\":[}"), "{} syntax 9"},
    {T("{\"list\":[+1]}"), "{} syntax 9"},
    {T("{\"list\":[True]}"), "{} syntax 9"},
    {T("{\"list\":[1]]"), "9:1|{} syntax 11"},
    /* not JSON in a value whose end is looked for: the first byte that is wrong */
    {T("{\"list\":[{\"a\":1]]}"), "{} syntax 15"},
    {T("{\"list\":[[1}]}"), "{} syntax 11"},
    {T("{\"list\":[[1,,2,{]]}"), "{} syntax 12"},
    {T("{\"list\":[[1,x"), "{} syntax 12"},
    {T("{\"list\":[\"\\x"), "{} syntax 11"},
    {T("{\"list\":[nul"), "{} cut"},
    {T("{\"list\":[nxl"), "{} syntax 10"},
    {T("{\"a\":[1}}"), "{} syntax 7"},
    {T("{\"a\":[1,,2]}"), "{} syntax 8"},
    {T("{\"a\":tru,\"list\":[]}"), "{} syntax 8"},
    {T("{\"a\":truefalse}"), "{} syntax 9"},
    {T("{\"a\":01,\"list\":[]}"), "{} syntax 6"},
    {T("{\"a\":1e999}"), "{} syntax 5"},
    {T("{\"a\":\"\x01\"}"), "{} syntax 6"},
    {T("{\"a\\x\":1}"), "{} syntax 4"},
    /* not JSON between the members */
    {T("{\"a\":1,}"), "{\"a\":1} syntax 7"},
    {T("{,}"), "{} syntax 1"},
    {T("{1:2}"), "{} syntax 1"},
    {T("{\"a\",}"), "{} syntax 4"},
    {T("{\"a\" 1}"), "{} syntax 5"},
    {T("{\"a\":}"), "{} syntax 5"},
    {T("{\"a\":1 \"b\":2}"), "{\"a\":1} syntax 7"},
    {T("{\"a\":1;\"b\":2}"), "{\"a\":1} syntax 6"},
    {T("{\"a\":1]"), "{\"a\":1} syntax 6"},
    {T("{\"list\":[],}"), "{} syntax 11"},
    {T("{\"list\":[] \"a\":1}"), "{} syntax 11"},
    {T("{\"list\":}"), "{} syntax 8"},
    {T("<html></html>"), "{} syntax 0"},
    {T("\xEF\xBB\xBF{}"), "{} shape 4"},
    {T("\xEF\xBB{}"), "{} syntax 2"},
    {T(" \xEF\xBB\xBF{}"), "{} syntax 1"},
    {T("\xEF\xBB\xBF\xEF\xBB\xBF{}"), "{} syntax 3"},
    {T("}"), "{} syntax 0"},
    {T("{\"list\":[]}\0"), "{} syntax 11"},
    /* JSON, but no such page */
    {T("[]"), "{} shape 0"},
    {T(" \"list\""), "{} shape 1"},
    {T("null"), "{} shape 0"},
    {T("12"), "{} shape 0"},
    {T("{}"), "{} shape 1"},
    {T("{\"message\":\"no\"}"), "{\"message\":\"no\"} shape 15"},
    {T("{\"list\":null}"), "{} shape 8"},
    {T("{\"list\":{}}"), "{} shape 8"},
    {T("{\"list\":\"\"}"), "{} shape 8"},
    {T("{\"list\":[1],\"list\":[2]}"), "9:1|{} shape 12"},
    {T("{\"list\":[1],\"l\\u0069st\":[2]}"), "9:1|{} shape 12"},
    /* cut short */
    {T(""), "{} cut"},
    {T(" "), "{} cut"},
    {T("{"), "{} cut"},
    {T("{\"li"), "{} cut"},
    {T("{\"list\""), "{} cut"},
    {T("{\"list\":"), "{} cut"},
    {T("{\"list\":["), "{} cut"},
    {T("{\"list\":[1"), "{} cut"},
    {T("{\"list\":[1,"), "9:1|{} cut"},
    {T("{\"list\":[{\"a\":1},{\"a\":"), "9:{\"a\":1}|{} cut"},
    {T("{\"list\":[\"a\\"), "{} cut"},
    {T("{\"list\":[\"a\"]"), "9:\"a\"|{} cut"},
    {T("{\"list\":[\"a\"],"), "9:\"a\"|{} cut"},
    {T("{\"list\":[\"a\"],\"has_more\":tr"), "9:\"a\"|{} cut"},
    {T("{\"list\":[\"a\"],\"has_more\":true"), "9:\"a\"|{} cut"},
};

static void gives_the_same_in_every_split(void) {
  size_t i;
  for (i = 0; i < sizeof pages / sizeof *pages; i++)
    gives(pages[i].text, pages[i].n, NO_LIMIT, pages[i].result);
}

static const struct page pages_of_parts[] = {
    {T("{\"list\":[{\"id\":1,\"x\":2,\"name\":3},{\"x\":4,\"id\":5},{\"id\":6}],\"id\":7}"),
     "9+6:{\"id\":1,\"name\":3}|33+6:{\"id\":5}|48:{\"id\":6}|{\"id\":7} done"},
    {T("{\"list\":[{},{\"x\":1},[{\"x\":1}],\"x\",2,{\"x\":[{\"id\":1}]}]}"),
     "9:{}|12:{}|20:[{\"x\":1}]|30:\"x\"|34:2|36:{}|{} done"},
    {T(" { \"list\" : [ { \"x\" : 1 , \"id\" : 2 } ] } "), "14+11:{\"id\" : 2}|{} done"},
    {T("{\"list\":[{\"x\":1 2}]}"), "{} syntax 16"},
    {T("{\"list\":[{\"x\":1},{\"id\":1,}]}"), "9:{}|{} syntax 25"},
    {T("{\"list\":[{\"x\":[}]}"), "{} syntax 15"},
    {T("{\"list\":[{\"x\":1}}"), "9:{}|{} syntax 16"},
    {T("{\"list\":[{\"id\":[1,,2],\"name\":tru,\"x\":nope}]}"),
     "9:{\"id\":[1,,2],\"name\":tru}|{} done"},
    /* the first byte that is wrong, but for what is left out */
    {T("{\"list\":[{\"x\":nope,\"id\":[1,,2],\"x\":2 3}]}"), "{} syntax 27"},
    {T("{\"list\":[{\"x\":nope,\"id\":[1,2],\"x\":2 3}]}"), "{} syntax 36"},
    {T("{\"list\":[{\"x\":nope,\"id\":[1,,{]}]}"), "{} syntax 27"},
    {T("{\"list\":[{\"x\":2,\"id\":nope"), "{} syntax 22"},
    {T("{\"list\":[{\"x\":nope,\"id\":\"a"), "{} cut"},
    {T("{\"list\":[{\"id\":1,\"na"), "{} cut"},
};

static void keeps_only_what_is_wanted_of_items(void) {
  size_t i;
  only = 1;
  for (i = 0; i < sizeof pages_of_parts / sizeof *pages_of_parts; i++)
    gives(pages_of_parts[i].text, pages_of_parts[i].n, NO_LIMIT, pages_of_parts[i].result);
  /* the item counts as it was sent */
  gives(T("{\"list\":[{\"id\":1},{\"x\":1234}]}"), 10, "9:{\"id\":1}|18:{}|{} done");
  gives(T("{\"list\":[{\"id\":1},{\"x\":12345}]}"), 10, "9:{\"id\":1}|{} large 28");
  gives(T("{\"list\":[{\"x\":1   ,\"id\":2}]}"), 10, "{} large 19");
  only = 0;
}

static void holds_only_what_is_wanted_of_items(void) {
  static const char head[] = "{\"list\":[{\"id\":1,\"x\":\"", tail[] = "\",\"name\":2},{\"id\":3";
  struct rl_framer *f;
  static char text[1000];
  const char *p;
  size_t n, i;
  only = 1;
  f = new_framer(NO_LIMIT);
  only = 0;
  memset(text, 'x', sizeof text);
  feed(f, head, sizeof head - 1);
  for (i = 0; i < 100; i++)
    feed(f, text, sizeof text);
  feed(f, tail, sizeof tail - 1);
  CHECK(rl_framer_buffered(f) < 200, "%zu bytes", rl_framer_buffered(f));
  CHECK(rl_framer_last(f, &p, &n) && n == 17 && memcmp(p, "{\"id\":1,\"name\":2}", n) == 0, "%.*s",
        (int)n, p);
  rl_framer_drop(f);
  feed(f, T(",\"x\":1},{\"x\":"));
  CHECK(rl_framer_first(f, &p, &n) && n == 8 && memcmp(p, "{\"id\":3}", n) == 0, "%.*s", (int)n, p);
  CHECK(rl_framer_last(f, &p, &n) && n == 8 && memcmp(p, "{\"id\":3}", n) == 0, "%.*s", (int)n, p);
  rl_framer_drop(f);
  CHECK(rl_framer_buffered(f) < 8, "%zu bytes", rl_framer_buffered(f));
  rl_framer_free(f);
}

static void caps_an_item_at_its_edge(void) {
  gives(T("{\"list\":[\"1234\",1]}"), 6, "9:\"1234\"|16:1|{} done");
  gives(T("{\"list\":[\"12345\",1]}"), 6, "{} large 15");
  gives(T("{\"list\":[1,{\"a\":12}]}"), 8, "9:1|11:{\"a\":12}|{} done");
  gives(T("{\"list\":[1,{\"a\":123}]}"), 8, "9:1|{} large 19");
  gives(T("{\"list\":[123456]}"), 6, "9:123456|{} done");
  gives(T("{\"list\":[1234567]}"), 6, "{} large 15");
  gives(T("{\"list\":[123456"), 6, "{} cut");
  gives(T("{\"list\":[[1234}]}"), 6, "{} syntax 14");
  gives(T("{\"list\":[[12345}]}"), 6, "{} large 15");
}

static void caps_the_other_members_at_their_edge(void) {
  gives(T("{\"a\":1,\"b\":\"23\",\"list\":[]}"), 14, "{\"a\":1,\"b\":\"23\"} done");
  gives(T("{\"a\":1,\"b\":\"234\",\"list\":[]}"), 14, "{\"a\":1} large 11");
  gives(T("{\"a\":\"12345678901\",\"list\":[]}"), 12, "{} large 17");
  gives(T("{\"abcdefghijk\":1,\"list\":[]}"), 12, "{} large 13");
}

/* Brackets around an item: the page's own two levels count. */
static void nests_to_the_limit_and_no_further(void) {
  enum { LIMIT = 512 - 2 };
  char page[2 * LIMIT + 64], expected[2 * LIMIT + 64];
  int extra;
  for (extra = 0; extra < 2; extra++) {
    size_t levels = LIMIT + (size_t)extra, n;
    memcpy(page, "{\"list\":[", 9);
    memset(page + 9, '[', levels);
    memset(page + 9 + levels, ']', levels);
    n = 9 + 2 * levels;
    memcpy(page + n, "]}", 3);
    n += 2;
    if (extra > 0)
      snprintf(expected, sizeof expected, "{} deep %d", 9 + LIMIT);
    else
      snprintf(expected, sizeof expected, "9:%.*s|{} done", 2 * LIMIT, page + 9);
    CHECK(strcmp(cut(page, n, NO_LIMIT, n, n, 0), expected) == 0, "%zu levels", levels);
    CHECK(strcmp(cut(page, n, NO_LIMIT, 300, 600, 0), expected) == 0, "%zu levels", levels);
    CHECK(strcmp(cut_by_bytes(page, n, NO_LIMIT), expected) == 0, "%zu levels", levels);
  }
}

/* A string of `length` brackets with an escape at `at`, in pieces of `piece` bytes. */
static int finds_the_end_of_a_string(size_t length, size_t at, size_t piece) {
  char page[128], item[80];
  size_t i, n, size;
  const char *p;
  int found;
  struct rl_framer *f = rl_framer_new("list", NO_LIMIT);
  memset(item, ']', sizeof item);
  item[0] = item[length + 1] = '"';
  item[1 + at] = '\\';
  item[2 + at] = at % 2 ? '"' : '\\';
  size = (size_t)snprintf(page, sizeof page, "{\"list\":[%.*s]}", (int)length + 2, item);
  for (i = 0; i < size; i += piece)
    rl_framer_feed(f, page + i, size - i < piece ? size - i : piece);
  found =
      rl_framer_done(f) && rl_framer_first(f, &p, &n) && n == length + 2 && memcmp(p, item, n) == 0;
  rl_framer_free(f);
  return found;
}

/* So that quote and backslash come to lie anywhere in and around a block of 16 bytes. */
static void finds_the_end_of_strings_wherever_it_is(void) {
  size_t length, at, piece;
  for (length = 2; length < 70; length++) {
    int missed = 0;
    for (at = 0; at + 1 < length; at++)
      for (piece = 1; piece < 40; piece += 6)
        missed += !finds_the_end_of_a_string(length, at, piece);
    CHECK(missed == 0, "%d of length %zu", missed, length);
  }
}

static void counts_what_waits(void) {
  struct rl_framer *f = rl_framer_new("list", NO_LIMIT);
  const char *p = NULL;
  size_t n = 0, before;
  feed(f, T("{\"list\":[1,\"two\",[3"));
  CHECK(rl_framer_waiting(f) == 2 && rl_framer_count(f) == 2, "%zu", rl_framer_waiting(f));
  CHECK(rl_framer_last(f, &p, &n) && n == 5 && memcmp(p, "\"two\"", 5) == 0, "%.*s", (int)n, p);
  CHECK(rl_framer_first(f, &p, &n) && n == 1 && *p == '1', "%.*s", (int)n, p);
  before = rl_framer_buffered(f);
  CHECK(before > 6, "%zu", before);
  rl_framer_drop(f);
  CHECK(rl_framer_waiting(f) == 1 && rl_framer_count(f) == 2, "%zu", rl_framer_waiting(f));
  CHECK(rl_framer_buffered(f) < before, "%zu", rl_framer_buffered(f));
  CHECK(rl_framer_offset(f, 0) == 11, "%" PRIu64, rl_framer_offset(f, 0));
  rl_framer_drop(f);
  rl_framer_drop(f);
  CHECK(rl_framer_waiting(f) == 0 && rl_framer_count(f) == 2, "%zu", rl_framer_waiting(f));
  CHECK(!rl_framer_first(f, &p, &n) && !rl_framer_last(f, &p, &n), "nothing waits");
  CHECK(!rl_framer_done(f), "the page is open");
  feed(f, T("]]}"));
  CHECK(rl_framer_done(f) && rl_framer_waiting(f) == 1 && rl_framer_count(f) == 3, "%zu",
        rl_framer_count(f));
  CHECK(rl_framer_last(f, &p, &n) && n == 3 && memcmp(p, "[3]", 3) == 0, "%.*s", (int)n, p);
  CHECK(rl_framer_end(f) == RL_OK, "a whole page");
  rl_framer_free(f);
}

static void repeats_an_error_and_keeps_what_came_before(void) {
  struct rl_framer *f = rl_framer_new("list", NO_LIMIT);
  const char *p;
  size_t n;
  uint64_t offset;
  CHECK(rl_framer_feed(f, T("{\"list\":[1,2,}")) == RL_SYNTAX, "the comma");
  CHECK(rl_framer_feed(f, T("3]}")) == RL_SYNTAX && rl_framer_end(f) == RL_SYNTAX, "again");
  CHECK(rl_framer_error(f, NULL, &offset) == RL_SYNTAX && offset == 13, "%" PRIu64, offset);
  CHECK(rl_framer_waiting(f) == 2 && rl_framer_first(f, &p, &n) && *p == '1', "the items");
  CHECK(!rl_framer_cut_short(f) && !rl_framer_done(f), "neither short nor done");
  rl_framer_free(f);
}

/* Held memory is bounded by what waits, not by what has gone through. */
static void gives_memory_back(void) {
  struct rl_framer *f = rl_framer_new("list", NO_LIMIT);
  static char item[1000];
  size_t i, most = 0;
  memset(item, 'x', sizeof item);
  item[0] = '"';
  item[sizeof item - 2] = '"';
  item[sizeof item - 1] = ',';
  feed(f, T("{\"list\":["));
  for (i = 0; i < 5000; i++)
    feed(f, item, sizeof item);
  CHECK(rl_framer_waiting(f) == 5000 && rl_framer_buffered(f) > 4900000, "%zu",
        rl_framer_buffered(f));
  while (rl_framer_waiting(f) > 0)
    rl_framer_drop(f);
  for (i = 0; i < 5000; i++) {
    feed(f, item, sizeof item);
    if (rl_framer_waiting(f) > 3)
      rl_framer_drop(f);
    if (rl_framer_buffered(f) > most)
      most = rl_framer_buffered(f);
  }
  CHECK(most < 6000, "%zu bytes held", most);
  rl_framer_free(f);
}

#ifdef RL_TEST_ALLOC
static void survives_a_failure_of_each_allocation(void) {
  static const char page[] =
      "{\"k\\u0065y\":[{\"a\":\"\\n\"}],\"list\":[{\"a\":\"b\",\"\\u0069d\":1},[1],\"x\"]}";
  struct rl_framer *f;
  long n;
  int done = 0, refusals = 0;
  size_t i;
  for (n = 1; !done; n++) {
    rl_alloc_fail_at = n;
    f = new_framer(NO_LIMIT);
    for (i = 0; f != NULL && i + 1 < sizeof page; i++)
      rl_framer_feed(f, page + i, 1);
    rl_alloc_fail_at = 0;
    done = f != NULL && rl_framer_done(f);
    refusals += f == NULL || rl_framer_error(f, NULL, NULL) == RL_NOMEM;
    if (f != NULL) {
      const char *p = rl_framer_members(f, &i);
      CHECK(i >= 2 && p[0] == '{' && p[i - 1] == '}', "members %.*s", (int)i, p);
    }
    rl_framer_free(f);
    CHECK(rl_alloc_live == 0, "%ld blocks left after %ld", rl_alloc_live, n);
  }
  CHECK(n > 6 && refusals == n - 2, "%d of %ld", refusals, n);
}
#endif

/* One page's memory serves the next, which sees nothing of what was in it. */
static void works_in_the_memory_of_another(void) {
  struct rl_buffer spare;
  struct rl_framer *f = rl_framer_new("list", NO_LIMIT);
  const char *item, *block;
  size_t n;
  rl_buffer_init(&spare, NO_LIMIT);
  rl_framer_borrow(f, &spare); /* there is none yet */
  rl_framer_feed(f, T("{\"list\":[{\"id\":\"one\"},{\"id\":\"left\"}"));
  CHECK(rl_framer_first(f, &item, &n) == 1, "no item");
  block = item;
  rl_framer_return(f, &spare);
  CHECK(rl_framer_waiting(f) == 0, "items wait in memory that is another's");
  rl_framer_free(f);
  CHECK(spare.data == block, "the memory was not given back");

  f = rl_framer_new("list", NO_LIMIT);
  rl_framer_borrow(f, &spare);
  CHECK(spare.data == NULL && spare.cap == 0, "it has two owners");
  rl_framer_feed(f, T("{\"list\":[7]}"));
  CHECK(rl_framer_first(f, &item, &n) == 1 && item == block && n == 1 && *item == '7',
        "another item, or elsewhere");
  rl_framer_return(f, &spare);
  rl_framer_free(f);
  rl_buffer_free(&spare);
}

int main(void) {
  works_in_the_memory_of_another();
  gives_the_same_in_every_split();
  keeps_only_what_is_wanted_of_items();
  holds_only_what_is_wanted_of_items();
  caps_an_item_at_its_edge();
  caps_the_other_members_at_their_edge();
  nests_to_the_limit_and_no_further();
  finds_the_end_of_strings_wherever_it_is();
  counts_what_waits();
  repeats_an_error_and_keeps_what_came_before();
  gives_memory_back();
#ifdef RL_TEST_ALLOC
  for (only = 0; only < 2; only++)
    survives_a_failure_of_each_allocation();
#endif
  return test_summary("framer");
}
