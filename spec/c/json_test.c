/* json_test.c: the JSON parser against RFC 8259, part by part. */
#define _GNU_SOURCE /* mkdtemp, setenv */
#include "alloc.h"
#include "json.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

/* A text with its length, since it may hold NUL bytes. */
#define T(text) text, sizeof(text) - 1

static struct rl_json parser;

/* What a text came to, in one line: {k"a"i1[d0x1p-1t]} or "error 1 at 5". */
struct outcome {
  char line[8192];
  size_t len;
};

static void written(struct outcome *o, int n) {
  size_t room = sizeof o->line - 1 - o->len;
  o->len += (size_t)n < room ? (size_t)n : room;
}

/* Appends what printf would print. */
#define PUT(o, ...)                                                                                \
  written(o, snprintf((o)->line + (o)->len, sizeof(o)->line - (o)->len, __VA_ARGS__))

static void put_text(struct outcome *o, char kind, const char *text, size_t n) {
  size_t i;
  PUT(o, "%c\"", kind);
  for (i = 0; i < n; i++)
    if (text[i] >= ' ' && text[i] <= '~')
      PUT(o, "%c", text[i]);
    else
      PUT(o, "<%02X>", (unsigned)(unsigned char)text[i]);
  PUT(o, "\"");
}

/* In hexadecimal, so that every bit shows; always with a point. */
static void put_number(struct outcome *o, double x) {
  char *comma = o->line + o->len;
  PUT(o, "d%a", x);
  comma = strchr(comma, ',');
  if (comma != NULL)
    *comma = '.';
}

static void put_token(struct outcome *o, enum rl_json_token token) {
  static const char simple[] = {
      [RL_JSON_OBJECT] = '{',    [RL_JSON_OBJECT_END] = '}', [RL_JSON_ARRAY] = '[',
      [RL_JSON_ARRAY_END] = ']', [RL_JSON_TRUE] = 't',       [RL_JSON_FALSE] = 'f',
      [RL_JSON_NULL] = 'n'};
  if (token == RL_JSON_KEY || token == RL_JSON_STRING)
    put_text(o, token == RL_JSON_KEY ? 'k' : 's', parser.text, parser.text_len);
  else if (token == RL_JSON_INTEGER)
    PUT(o, "i%" PRId64, parser.integer);
  else if (token == RL_JSON_NUMBER)
    put_number(o, parser.number);
  else
    PUT(o, "%c", simple[token]);
}

static const char *status_name(enum rl_status status) {
  static const char *const names[] = {"ok", "nomem", "large", "deep", "syntax", "shape"};
  return names[status];
}

/* Parses a copy of its own size, so that a byte read too far is found by the tools. */
static const char *parse(const char *text, size_t n) {
  static struct outcome o;
  char *copy = malloc(n > 0 ? n : 1);
  enum rl_json_token token;
  o.len = 0;
  o.line[0] = '\0';
  memcpy(copy, text, n);
  rl_json_start(&parser, copy, n);
  while ((token = rl_json_next(&parser)) > RL_JSON_END)
    put_token(&o, token);
  if (token == RL_JSON_END && !rl_json_only(&parser))
    token = RL_JSON_ERROR;
  if (token != RL_JSON_END) {
    o.len = 0;
    PUT(&o, "%s %s at %zu", token == RL_JSON_MORE ? "more" : "error", status_name(parser.status),
        parser.offset);
    if (rl_json_next(&parser) != token)
      PUT(&o, ", then not again");
    if (parser.message == NULL)
      PUT(&o, " without a message");
  }
  free(copy);
  return o.line;
}

static void gives(const char *text, size_t n, const char *expected) {
  const char *got = parse(text, n);
  CHECK(strcmp(got, expected) == 0, "%.*s: expected %s, got %s", n > 200 ? 200 : (int)n, text,
        expected, got);
}

static void refused(const char *text, size_t n, size_t offset) {
  char expected[64];
  snprintf(expected, sizeof expected, "error syntax at %zu", offset);
  gives(text, n, expected);
}

static void unfinished(const char *text, size_t n) {
  char expected[64];
  snprintf(expected, sizeof expected, "more syntax at %zu", n);
  gives(text, n, expected);
}

struct valid {
  const char *text;
  size_t n;
  const char *value;
};

struct invalid {
  const char *text;
  size_t n;
  size_t offset;
};

static const struct valid valid[] = {
    /* 2: grammar and white space */
    {T("[]"), "[]"},
    {T(" \t\r\n[ \t\r\n] \t\r\n"), "[]"},
    {T("{ \"a\" : 1 , \"b\" : [ ] }"), "{k\"a\"i1k\"b\"[]}"},
    {T("\n\n7\n"), "i7"},
    /* 3: any value may stand at the top */
    {T("true"), "t"},
    {T("false"), "f"},
    {T("null"), "n"},
    {T("\"\""), "s\"\""},
    {T("[true,false,null]"), "[tfn]"},
    /* 4: objects */
    {T("{}"), "{}"},
    {T("{\"\":{}}"), "{k\"\"{}}"},
    {T("{\"a\":1,\"a\":2}"), "{k\"a\"i1k\"a\"i2}"},
    {T("{\"a\\u0000b\":\"c\"}"), "{k\"a<00>b\"s\"c\"}"},
    {T("{\"a\":{\"b\":{\"c\":null}},\"d\":[]}"), "{k\"a\"{k\"b\"{k\"c\"n}}k\"d\"[]}"},
    {T("{\"\\\"\":1,\"\\\\\":2}"), "{k\"\"\"i1k\"\\\"i2}"},
    /* 5: arrays */
    {T("[[],[[]],{}]"), "[[][[]]{}]"},
    {T("[1,\"1\",[1],{\"1\":1}]"), "[i1s\"1\"[i1]{k\"1\"i1}]"},
    {T("[0,0]"), "[i0i0]"},
    /* 6: numbers */
    {T("0"), "i0"},
    {T("-1"), "i-1"},
    {T("10"), "i10"},
    {T("1234567890"), "i1234567890"},
    {T("-0"), "d-0x0p+0"},
    {T("0.0"), "d0x0p+0"},
    {T("-0.0"), "d-0x0p+0"},
    {T("-0e5"), "d-0x0p+0"},
    {T("0e99999999999999999999"), "d0x0p+0"},
    {T("1.0"), "d0x1p+0"},
    {T("1.5"), "d0x1.8p+0"},
    {T("1e2"), "d0x1.9p+6"},
    {T("1E2"), "d0x1.9p+6"},
    {T("1e+2"), "d0x1.9p+6"},
    {T("1e-2"), "d0x1.47ae147ae147bp-7"},
    {T("1e002"), "d0x1.9p+6"},
    {T("-12.5e-1"), "d-0x1.4p+0"},
    {T("0.1"), "d0x1.999999999999ap-4"},
    {T("9007199254740991"), "i9007199254740991"},
    {T("9007199254740993"), "i9007199254740993"},
    {T("9223372036854775807"), "i9223372036854775807"},
    {T("9223372036854775808"), "d0x1p+63"},
    {T("-9223372036854775807"), "i-9223372036854775807"},
    {T("-9223372036854775808"), "i-9223372036854775808"},
    {T("-9223372036854775809"), "d-0x1p+63"},
    {T("9999999999999999999"), "d0x1.158e460913dp+63"},
    {T("18446744073709551615"), "d0x1p+64"},
    {T("18446744073709551617"), "d0x1p+64"},
    {T("100000000000000000000"), "d0x1.5af1d78b58c4p+66"},
    {T("9223372036854775807.0"), "d0x1p+63"},
    /* rounding: halfway cases, and those that lie next to them */
    {T("9007199254740993.0"), "d0x1p+53"},
    {T("9007199254740995.0"), "d0x1.0000000000002p+53"},
    {T("9007199254740993.00000000000000000000001"), "d0x1.0000000000001p+53"},
    {T("4503599627370496.5"), "d0x1p+52"},
    {T("4503599627370497.5"), "d0x1.0000000000002p+52"},
    {T("1.00000000000000011102230246251565404236316680908203125"), "d0x1p+0"},
    {T("1.00000000000000011102230246251565404236316680908203124"), "d0x1p+0"},
    {T("1.00000000000000011102230246251565404236316680908203126"), "d0x1.0000000000001p+0"},
    {T("0.30000000000000004"), "d0x1.3333333333334p-2"},
    {T("123456789012345678901234567890"), "d0x1.8ee90ff6c373ep+96"},
    {T("1e22"), "d0x1.0f0cf064dd592p+73"},
    {T("1e23"), "d0x1.52d02c7e14af6p+76"},
    {T("8.41e21"), "d0x1.c7e83209e90b2p+72"},
    {T("2.2250738585072011e-308"), "d0x0.fffffffffffffp-1022"},
    {T("2.2250738585072012e-308"), "d0x1p-1022"},
    {T("2.2250738585072014e-308"), "d0x1p-1022"},
    {T("4.9406564584124654e-324"), "d0x0.0000000000001p-1022"},
    {T("2.4703282292062327e-324"), "d0x0p+0"},
    {T("2.4703282292062328e-324"), "d0x0.0000000000001p-1022"},
    {T("1e-400"), "d0x0p+0"},
    {T("-1e-400"), "d-0x0p+0"},
    {T("1e-99999999999999999999"), "d0x0p+0"},
    {T("1.7976931348623157e308"), "d0x1.fffffffffffffp+1023"},
    {T("1.7976931348623158e308"), "d0x1.fffffffffffffp+1023"},
    {T("0.000000000000000000000000000001e330"), "d0x1.7e43c8800759cp+996"},
    /* 7: strings */
    {T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "s\"\"\\/<08><0C><0A><0D><09>\""},
    {T("\"/\""), "s\"/\""},
    {T("\"\x7F\""), "s\"<7F>\""},
    {T("\"\\u0041\\u00e9\\u20AC\\uFfFf\""), "s\"A<C3><A9><E2><82><AC><EF><BF><BF>\""},
    {T("\"\\u0000\\u001F\\u007f\\u0080\\u07ff\\u0800\""),
     "s\"<00><1F><7F><C2><80><DF><BF><E0><A0><80>\""},
    {T("\"\\uD83D\\uDE00\""), "s\"<F0><9F><98><80>\""},
    {T("\"\\ud800\\udc00\\uDBFF\\uDFFF\""), "s\"<F0><90><80><80><F4><8F><BF><BF>\""},
    {T("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""), "s\"<C3><A9><E2><82><AC><F0><9F><98><80>\""},
    {T("\"[{,:}]\""), "s\"[{,:}]\""},
    {T("\"\xE2\x80\xA8\""), "s\"<E2><80><A8>\""},
    {T("\"\xEF\xBB\xBF\""), "s\"<EF><BB><BF>\""},
    /* lone surrogates become U+FFFD */
    {T("\"\\uD800\""), "s\"<EF><BF><BD>\""},
    {T("\"\\uDC00\""), "s\"<EF><BF><BD>\""},
    {T("\"\\uD800x\""), "s\"<EF><BF><BD>x\""},
    {T("\"\\uD800\\n\""), "s\"<EF><BF><BD><0A>\""},
    {T("\"\\uD800\\u0041\""), "s\"<EF><BF><BD>A\""},
    {T("\"\\uD800\\uD800\\uDC00\""), "s\"<EF><BF><BD><F0><90><80><80>\""},
    {T("\"\\uDC00\\uD800\""), "s\"<EF><BF><BD><EF><BF><BD>\""},
    /* 8.1: of ill-formed UTF-8 each maximal subpart becomes U+FFFD */
    {T("\"\x80\""), "s\"<EF><BF><BD>\""},
    {T("\"a\xFFz\""), "s\"a<EF><BF><BD>z\""},
    {T("\"\xC0\xAF\""), "s\"<EF><BF><BD><EF><BF><BD>\""},
    {T("\"\xC3\""), "s\"<EF><BF><BD>\""},
    {T("\"\xC3\\n\""), "s\"<EF><BF><BD><0A>\""},
    {T("\"\xE0\x80\x80\""), "s\"<EF><BF><BD><EF><BF><BD><EF><BF><BD>\""},
    {T("\"\xE2\x82\""), "s\"<EF><BF><BD>\""},
    {T("\"\xE2\x82z\""), "s\"<EF><BF><BD>z\""},
    {T("\"\xED\xA0\x80\""), "s\"<EF><BF><BD><EF><BF><BD><EF><BF><BD>\""},
    {T("\"\xED\x9F\xBF\""), "s\"<ED><9F><BF>\""},
    {T("\"\xF0\x8F\xBF\xBF\""), "s\"<EF><BF><BD><EF><BF><BD><EF><BF><BD><EF><BF><BD>\""},
    {T("\"\xF0\x9F\x98\""), "s\"<EF><BF><BD>\""},
    {T("\"\xF0\x9F\xC3\xA9\""), "s\"<EF><BF><BD><C3><A9>\""},
    {T("\"\xF4\x90\x80\x80\""), "s\"<EF><BF><BD><EF><BF><BD><EF><BF><BD><EF><BF><BD>\""},
    {T("\"\xF5\xF8\xFC\""), "s\"<EF><BF><BD><EF><BF><BD><EF><BF><BD>\""},
    {T("{\"\xFF\":1}"), "{k\"<EF><BF><BD>\"i1}"},
};

static const struct invalid invalid[] = {
    /* 2: grammar */
    {T("]"), 0},
    {T("}"), 0},
    {T(","), 0},
    {T("[]]"), 2},
    {T("{}}"), 2},
    {T("1 2"), 2},
    {T("\"a\"\"b\""), 3},
    {T("[] // comment"), 3},
    {T("/* comment */ []"), 0},
    {T("[1]\x00"), 3},
    {T("\xEF\xBB\xBF[]"), 0},
    {T("\xFE\xFF"), 0},
    {T("[\x0B]"), 1},
    {T("[\x0C]"), 1},
    {T("[\xC2\xA0]"), 1},
    {T("<html>"), 0},
    {T("*"), 0},
    {T("[\x00]"), 1},
    {T("\xFF"), 0},
    {T("[1]\xEF\xBB\xBF"), 3},
    {T("{\"a\":1}{"), 7},
    {T("{}[]"), 2},
    /* 3: literals are lower case and whole */
    {T("True"), 0},
    {T("TRUE"), 0},
    {T("trUe"), 2},
    {T("tru]"), 3},
    {T("truee"), 4},
    {T("nul1"), 3},
    {T("nulll"), 4},
    {T("falsE"), 4},
    {T("undefined"), 0},
    {T("NaN"), 0},
    {T("Infinity"), 0},
    {T("-Infinity"), 1},
    {T("'a'"), 0},
    {T("nan"), 1},
    /* 4: objects */
    {T("{,}"), 1},
    {T("{\"a\"}"), 4},
    {T("{\"a\":}"), 5},
    {T("{\"a\",1}"), 4},
    {T("{\"a\" 1}"), 5},
    {T("{\"a\"::1}"), 5},
    {T("{\"a\":1,}"), 7},
    {T("{\"a\":1,,\"b\":2}"), 7},
    {T("{\"a\":1 \"b\":2}"), 7},
    {T("{\"a\":1]"), 6},
    {T("{a:1}"), 1},
    {T("{'a':1}"), 1},
    {T("{1:1}"), 1},
    {T("{null:1}"), 1},
    {T("{[]:1}"), 1},
    {T("{\"a\":1;\"b\":2}"), 6},
    {T("{\"a\":true x}"), 10},
    {T("{\"\":}"), 4},
    {T("{\"a\":\"b\":1}"), 8},
    {T("{true:1}"), 1},
    {T("{\"a\\x\":1}"), 4},
    /* 5: arrays */
    {T("[,]"), 1},
    {T("[,1]"), 1},
    {T("[1,]"), 3},
    {T("[1,,2]"), 3},
    {T("[1 2]"), 3},
    {T("[1:2]"), 2},
    {T("[1}"), 2},
    {T("[1;2]"), 2},
    {T("[\"a\":1]"), 4},
    {T("[[1,2}]"), 5},
    /* 6: numbers */
    {T("+1"), 0},
    {T(".5"), 0},
    {T("01"), 1},
    {T("00"), 1},
    {T("-01"), 2},
    {T("--1"), 1},
    {T("-a"), 1},
    {T("-.5"), 1},
    {T("1.]"), 2},
    {T("1.e5"), 2},
    {T("1..5"), 2},
    {T("1.5.5"), 3},
    {T("1e]"), 2},
    {T("1e+]"), 3},
    {T("1e-x"), 3},
    {T("1e+-1"), 3},
    {T("1e1.5"), 3},
    {T("1ee5"), 2},
    {T("0x10"), 1},
    {T("1_000"), 1},
    {T("1,000"), 1},
    {T("1f"), 1},
    {T("0e"
       "x"),
     2},
    {T("1e400"), 0},
    {T("[-1e400]"), 1},
    {T("1e99999999999999999999"), 0},
    {T("1.7976931348623159e308"), 0},
    {T("\xEF\xBC\x91"), 0},
    /* 7: strings */
    {T("\"\x01\""), 1},
    {T("\"a\nb\""), 2},
    {T("\"a\tb\""), 2},
    {T("\"a\x00"
       "b\""),
     2},
    {T("\"\x1F\""), 1},
    {T("\"\\\n\""), 2},
    {T("\"\\n\x1F\""), 3},
    {T("\"\\a\""), 2},
    {T("\"\\'\""), 2},
    {T("\"\\x41\""), 2},
    {T("\"\\0\""), 2},
    {T("\"\\U0041\""), 2},
    {T("\"\\u{41}\""), 3},
    {T("\"\\u\""), 3},
    {T("\"\\u004\""), 6},
    {T("\"\\u004G\""), 6},
    {T("\"\\u+041\""), 3},
    {T("\"\\u 041\""), 3},
    {T("\"\\uD800\\uDC0\""), 12},
    {T("\"\\uD800\\u\""), 9},
    {T("\"\\uD800\\x\""), 8},
    {T("\"\\\xC3\xA9\""), 2},
    {T("[\"a]"
       "\n"),
     4},
};

static const struct {
  const char *text;
  size_t n;
} cut[] = {
    {T("")},          {T(" ")},           {T("[")},
    {T("{")},         {T("[1")},          {T("[1,")},
    {T("{\"")},       {T("{\"a")},        {T("{\"a\"")},
    {T("{\"a\":")},   {T("{\"a\":1")},    {T("{\"a\":1,")},
    {T("-")},         {T("1.")},          {T("1e")},
    {T("1e+")},       {T("t")},           {T("tru")},
    {T("nul")},       {T("\"")},          {T("\"abc")},
    {T("\"\\")},      {T("\"\\u")},       {T("\"\\u00")},
    {T("\"\\uD800")}, {T("\"\xE2\x82")},  {T("\"\\n\xE2\x82")},
    {T("[[[")},       {T("\"\\uD800\\")}, {T("\"\\uD800\\uD")},
};

static void accepts_every_valid_case(void) {
  size_t i;
  for (i = 0; i < sizeof valid / sizeof *valid; i++)
    gives(valid[i].text, valid[i].n, valid[i].value);
}

static void refuses_every_invalid_case_at_its_byte(void) {
  size_t i;
  for (i = 0; i < sizeof invalid / sizeof *invalid; i++)
    refused(invalid[i].text, invalid[i].n, invalid[i].offset);
}

static void tells_an_unfinished_text_from_a_wrong_one(void) {
  size_t i, n;
  for (i = 0; i < sizeof cut / sizeof *cut; i++)
    unfinished(cut[i].text, cut[i].n);
  /* No beginning of a valid text is wrong. Of a number, it may be a number already. */
  for (i = 0; i < sizeof valid / sizeof *valid; i++)
    for (n = 0; n < valid[i].n; n++)
      CHECK(strncmp(parse(valid[i].text, n), "error", 5) != 0, "%.*s", (int)n, valid[i].text);
}

/* Copies a text without its NUL and returns its length. */
static size_t overwrite(char *out, const char *text) {
  size_t n;
  for (n = 0; text[n] != '\0'; n++)
    out[n] = text[n];
  return n;
}

static void nests_to_the_limit_and_no_further(void) {
  enum { LIMIT = RL_JSON_MAX_DEPTH };
  char text[2 * LIMIT + 2], object[5 * LIMIT + 8] = "";
  int i;
  memset(text, '[', LIMIT);
  memset(text + LIMIT, ']', LIMIT);
  CHECK(strncmp(parse(text, (size_t)2 * LIMIT), "[[[[", 4) == 0, "%d arrays", LIMIT);
  memset(text, '[', LIMIT + 1);
  gives(text, (size_t)LIMIT + 1, "error deep at 512");
  for (i = 0; i <= LIMIT; i++)
    overwrite(object + 5 * i, "{\"a\":");
  gives(object, (size_t)5 * (LIMIT + 1), "error deep at 2560");
  /* Each level remembers what it is. */
  for (i = 0; i < LIMIT; i++)
    overwrite(object + 5 * i, i % 3 == 0 ? "[    " : "{\"a\":");
  for (i = 0; i < LIMIT; i++) {
    size_t n = (size_t)5 * LIMIT, k;
    char closed[6 * LIMIT + 8];
    memcpy(closed, object, n);
    closed[n++] = '1';
    for (k = LIMIT; k-- > 0;)
      closed[n++] = (k % 3 == 0) != (k == (size_t)i) ? ']' : '}';
    refused(closed, n, (size_t)5 * LIMIT + 1 + (size_t)(LIMIT - 1 - i));
  }
}

/* A number of `n` bytes that begins with `head` and goes on with the digit 1. */
static const char *long_number(const char *head, size_t n) {
  static char text[RL_JSON_MAX_NUMBER + 8];
  memset(text, '1', n);
  overwrite(text, head);
  return text;
}

static void reads_numbers_to_the_limit_and_no_longer(void) {
  static const char *const heads[] = {"0.", "-0.", "0.0e-", "-1.5E-0", "1.0000000000000000000000"};
  char text[RL_JSON_MAX_NUMBER + 8], expected[64];
  size_t i, n;
  snprintf(expected, sizeof expected, "error large at %d", RL_JSON_MAX_NUMBER);
  for (i = 0; i < sizeof heads / sizeof *heads; i++) {
    n = RL_JSON_MAX_NUMBER;
    CHECK(*parse(long_number(heads[i], n), n) == 'd', "%s", heads[i]);
    gives(long_number(heads[i], n + 1), n + 1, expected);
  }
  gives(long_number("", 4096), 4096, "error syntax at 0");
  memset(text, '0', sizeof text);
  text[0] = '1';
  overwrite(text + RL_JSON_MAX_NUMBER - 1, ".5");
  gives(text, RL_JSON_MAX_NUMBER + 1, expected);
  overwrite(text + RL_JSON_MAX_NUMBER - 1, "e]");
  refused(text, RL_JSON_MAX_NUMBER + 1, RL_JSON_MAX_NUMBER);
  overwrite(text + RL_JSON_MAX_NUMBER - 1, "0]");
  refused(text, RL_JSON_MAX_NUMBER + 1, 0); /* out of range */
  /* A digit far behind decides the halfway case. */
  overwrite(text, "1.00000000000000011102230246251565404236316680908203125");
  gives(text, RL_JSON_MAX_NUMBER, "d0x1p+0");
  text[RL_JSON_MAX_NUMBER - 1] = '1';
  gives(text, RL_JSON_MAX_NUMBER, "d0x1.0000000000001p+0");
}

struct special {
  const char *text, *shown; /* shown: NULL when its last byte is an error */
  size_t n;
};

/* A string of `length` plain bytes with something special before the one at `at`. */
static void finds_special_bytes(const struct special *special, size_t length, size_t at) {
  static const char plain[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  char text[128], expected[256];
  size_t n = (size_t)snprintf(text, sizeof text, "\"%.*s%s%.*s\"", (int)at, plain, special->text,
                              (int)(length - at), plain);
  if (special->shown == NULL) {
    refused(text, n, at + special->n);
    return;
  }
  snprintf(expected, sizeof expected, "s\"%.*s%s%.*s\"", (int)at, plain, special->shown,
           (int)(length - at), plain);
  gives(text, n, expected);
}

/* At each place of strings of each length, so that they come to lie anywhere in and around a block
 * of 16 bytes. */
static void finds_special_bytes_wherever_they_stand(void) {
  static const struct special specials[] = {{"\\n", "<0A>", 2},
                                            {"\xC3\xA9", "<C3><A9>", 2},
                                            {"\xF0\x9F\x98\x80", "<F0><9F><98><80>", 4},
                                            {"\xFF", "<EF><BF><BD>", 1},
                                            {"\\uD83D\\uDE00", "<F0><9F><98><80>", 12},
                                            {"\\\"", "\"", 2},
                                            {"\x1F", NULL, 1},
                                            {"\\q", NULL, 2}};
  size_t length, at, i;
  for (i = 0; i < sizeof specials / sizeof *specials; i++) {
    for (length = 0; length <= 50; length++)
      for (at = 0; at <= length; at++)
        finds_special_bytes(&specials[i], length, at);
  }
}

static uint32_t seed = 1;

static uint32_t random_number(uint32_t below) {
  seed = seed * 1664525 + 1013904223;
  return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

/* What a browser's decoder makes of bytes: written from the WHATWG's description, one byte at a
 * time, so unlike the parser's own way. */
static size_t decode_as_whatwg(const unsigned char *in, size_t n, char *out) {
  unsigned lower = 0x80, upper = 0xBF, needed = 0, seen = 0;
  size_t i, used = 0;
  char pending[4] = {0};
  for (i = 0; i < n; i++) {
    unsigned b = in[i];
    if (needed == 0) {
      pending[0] = (char)b;
      seen = 1;
      lower = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
      upper = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
      if (b < 0x80)
        out[used++] = (char)b;
      else if (b >= 0xC2 && b <= 0xDF)
        needed = 1;
      else if (b >= 0xE0 && b <= 0xEF)
        needed = 2;
      else if (b >= 0xF0 && b <= 0xF4)
        needed = 3;
      else
        used += overwrite(out + used, "\xEF\xBF\xBD");
      continue;
    }
    if (b < lower || b > upper) {
      used += overwrite(out + used, "\xEF\xBF\xBD");
      needed = 0;
      i--; /* the byte is looked at again */
      continue;
    }
    lower = 0x80;
    upper = 0xBF;
    pending[seen++] = (char)b;
    if (--needed == 0) {
      memcpy(out + used, pending, seen);
      used += seen;
    }
  }
  if (needed > 0)
    used += overwrite(out + used, "\xEF\xBF\xBD");
  return used;
}

/* Bytes at which decoders differ, `junk` of 256, and whole characters between them. */
static size_t put_interesting(char *out, size_t n, uint32_t junk) {
  static const char interesting[] = "ab\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xEC\xED"
                                    "\xEE\xEF\xF0\xF1\xF3\xF4\xF5\xFF"
                                    "\x80\xBF\x80";
  static const char *const whole[] = {"xxxxxxx", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  size_t i = 0;
  while (i < n)
    if (random_number(256) < junk)
      out[i++] = interesting[random_number(sizeof interesting - 1)];
    else
      i += overwrite(out + i, whole[random_number(4)]);
  return i;
}

/* With an escape before them or without, and plain text behind. */
static int replaces_ill_formed(int escape, size_t n, uint32_t junk, size_t behind) {
  char in[512], expected[1024] = "\n";
  const size_t first = overwrite(in, escape ? "\"\\n" : "\"");
  size_t len = first, used = escape ? 1 : 0;
  len += put_interesting(in + len, n, junk);
  memset(in + len, 'x', behind);
  len += behind;
  used += decode_as_whatwg((const unsigned char *)in + first, len - first, expected + used);
  in[len++] = '"';
  rl_json_start(&parser, in, len);
  return rl_json_next(&parser) == RL_JSON_STRING && parser.text_len == used &&
         memcmp(parser.text, expected, used) == 0;
}

/* In short strings, and around blocks of 64 bytes, which are read when enough follows. */
static void replaces_ill_formed_utf8_as_browsers_do(void) {
  int round, wrong = 0;
  for (round = 0; round < 100000; round++) {
    wrong += !replaces_ill_formed(0, random_number(40), 200, 0);
    wrong += !replaces_ill_formed(round % 2, random_number(200), 4u << round % 5, 200);
  }
  CHECK(wrong == 0, "%d strings", wrong);
}

/* Long strings, with few or many of what cannot be copied as it stands, next to each other and at
 * any place of the blocks that are read together. */
static void rewrites_what_lies_in_many_blocks(void) {
  enum { LONGEST = 4000 };
  static const char *const pieces[][2] = {
      {"\\n", "\n"},
      {"\\\\", "\\"},
      {"\\\"", "\""},
      {"\\u00e9", "\xC3\xA9"},
      {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
      {"\\udc00", "\xEF\xBF\xBD"},
      {"\xC3\xA9", "\xC3\xA9"},
      {"\xE2\x82\xAC", "\xE2\x82\xAC"},
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
      {"\x80", "\xEF\xBF\xBD"},
      {"\xE2\x82x", "\xEF\xBF\xBDx"},
      {"\xF0\x9F\x98\\n", "\xEF\xBF\xBD\n"},
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF0\x80\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF5\x80\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF7\xBF\xBF\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xE0\x9F\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xC1\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  static char in[LONGEST + 32], expected[4 * LONGEST];
  int round, wrong = 0;
  for (round = 0; round < 20000; round++) {
    const size_t n = random_number(LONGEST);
    const uint32_t rare = 1u << random_number(9), kinds = round % 2 == 0 ? 19 : 9;
    size_t len = overwrite(in, "\""), used = 0;
    while (len < n) {
      if (random_number(rare) == 0) {
        const char *const *const piece = pieces[random_number(kinds)];
        len += overwrite(in + len, piece[0]);
        used += overwrite(expected + used, piece[1]);
      } else {
        in[len++] = expected[used++] = (char)('a' + random_number(26));
      }
    }
    in[len++] = '"';
    rl_json_start(&parser, in, len);
    wrong += rl_json_next(&parser) != RL_JSON_STRING || parser.text_len != used ||
             memcmp(parser.text, expected, used) != 0 || rl_json_rest(&parser) != len;
  }
  CHECK(wrong == 0, "%d strings", wrong);
}

static void rounds_random_numbers_as_the_c_library_does(void) {
  int round, wrong = 0;
  for (round = 0; round < 100000; round++) {
    char text[64];
    size_t n = 0, whole = 1 + random_number(20), part = 1 + random_number(22), i;
    double expected;
    text[n++] = (char)('1' + random_number(9));
    for (i = 1; i < whole; i++)
      text[n++] = (char)('0' + random_number(10));
    text[n++] = '.';
    for (i = 0; i < part; i++)
      text[n++] = (char)('0' + random_number(10));
    if (random_number(2))
      n += (size_t)snprintf(text + n, sizeof text - n, "e%d", (int)random_number(660) - 340);
    text[n] = '\0';
    expected = strtod(text, NULL);
    rl_json_start(&parser, text, n);
    if (isinf(expected) ? rl_json_next(&parser) != RL_JSON_ERROR
                        : rl_json_next(&parser) != RL_JSON_NUMBER || parser.number != expected)
      wrong++;
  }
  CHECK(wrong == 0, "%d numbers", wrong);
}

/* NOLINTBEGIN(concurrency-mt-unsafe) there is one thread */

/* Has a locale made where the system has none with a decimal comma. */
static int set_comma_locale(void) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8",
                                      "nl_NL.UTF-8"};
  char directory[] = "/tmp/rl-locale-XXXXXX", command[160];
  size_t i;
  int made;
  for (i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_ALL, names[i]) != NULL)
      return 1;
  if (mkdtemp(directory) == NULL)
    return 0;
  snprintf(command, sizeof command,
           "localedef --no-archive -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", directory);
  made = system(command) == 0 && setenv("LOCPATH", directory, 1) == 0 &&
         setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
  snprintf(command, sizeof command, "rm -r %s", directory);
  return system(command) == 0 && made;
}

static void reads_numbers_alike_in_a_locale_with_a_comma(void) {
  char comma[8];
  if (!set_comma_locale()) {
    fprintf(stderr, "json: no locale with a decimal comma here, left out\n");
    return;
  }
  snprintf(comma, sizeof comma, "%.1f", 0.5);
  CHECK(strcmp(comma, "0,5") == 0, "the locale writes %s", comma);
  accepts_every_valid_case();
  refuses_every_invalid_case_at_its_byte();
  setlocale(LC_ALL, "C");
}

/* NOLINTEND(concurrency-mt-unsafe) */

static void begins_anew_at_any_time(void) {
  static const char first[] = "[{\"a\":[\"x\\ny\",1", second[] = "{\"b\":\"\\u00e9\"}";
  size_t steps, i;
  for (steps = 0; steps < 7; steps++) {
    rl_json_start(&parser, T(first));
    for (i = 0; i < steps; i++)
      rl_json_next(&parser);
    gives(T(second), "{k\"b\"s\"<C3><A9>\"}");
  }
}

static void tells_where_the_value_ended(void) {
  rl_json_start(&parser, T(" [1] , 2"));
  while (rl_json_next(&parser) > RL_JSON_END)
    ;
  CHECK(rl_json_rest(&parser) == 4, "%zu", rl_json_rest(&parser));
  CHECK(rl_json_next(&parser) == RL_JSON_END, "the end comes again");
  CHECK(!rl_json_only(&parser) && parser.offset == 5, "%zu", parser.offset);
}

static void gives_a_string_without_a_copy_where_it_can(void) {
  static const char plain[] = "\"plain \xC3\xA9 text of more than sixteen bytes\"";
  rl_json_start(&parser, T(plain));
  CHECK(rl_json_next(&parser) == RL_JSON_STRING && parser.text == plain + 1, "it was copied");
}

static void reads_long_strings_and_gives_their_memory_back(void) {
  enum { LENGTH = 1000000 };
  char *text = malloc(LENGTH + 2);
  size_t i;
  int same = 1;
  /* The worst case: each byte becomes three. */
  memset(text, 0xFF, LENGTH + 2);
  text[0] = text[LENGTH + 1] = '"';
  rl_json_start(&parser, text, LENGTH + 2);
  CHECK(rl_json_next(&parser) == RL_JSON_STRING && parser.text_len == 3 * LENGTH, "%zu",
        parser.text_len);
  for (i = 0; i < parser.text_len; i++)
    same &= parser.text[i] == "\xEF\xBF\xBD"[i % 3];
  CHECK(same, "the text");
  rl_json_start(&parser, "0", 1);
  CHECK(parser.scratch->cap <= 65536, "%zu bytes kept", parser.scratch->cap);
  free(text);
}

#ifdef RL_TEST_ALLOC
static void survives_a_failure_of_each_allocation(void) {
  static char text[3000];
  long n;
  int done = 0, refusals = 0;
  memset(text, 'x', sizeof text);
  overwrite(text, "[\"\\n");
  overwrite(text + sizeof text - 2, "\"]");
  for (n = 1; !done; n++) {
    struct rl_json j;
    enum rl_json_token token;
    rl_json_init(&j);
    rl_alloc_fail_at = n;
    rl_json_start(&j, text, sizeof text);
    while ((token = rl_json_next(&j)) > RL_JSON_END)
      ;
    done = token == RL_JSON_END;
    refusals += token == RL_JSON_ERROR && j.status == RL_NOMEM;
    rl_alloc_fail_at = 0;
    rl_json_free(&j);
  }
  CHECK(n > 3 && refusals == n - 2, "%d of %ld", refusals, n);
}
#endif

int main(void) {
  rl_json_init(&parser);
  accepts_every_valid_case();
  refuses_every_invalid_case_at_its_byte();
  tells_an_unfinished_text_from_a_wrong_one();
  nests_to_the_limit_and_no_further();
  reads_numbers_to_the_limit_and_no_longer();
  finds_special_bytes_wherever_they_stand();
  replaces_ill_formed_utf8_as_browsers_do();
  rewrites_what_lies_in_many_blocks();
  rounds_random_numbers_as_the_c_library_does();
  reads_numbers_alike_in_a_locale_with_a_comma();
  begins_anew_at_any_time();
  tells_where_the_value_ended();
  gives_a_string_without_a_copy_where_it_can();
  reads_long_strings_and_gives_their_memory_back();
#ifdef RL_TEST_ALLOC
  survives_a_failure_of_each_allocation();
#endif
  rl_json_free(&parser);
#ifdef RL_TEST_ALLOC
  CHECK(rl_alloc_live == 0, "%ld blocks left", rl_alloc_live);
#endif
  return test_summary("json");
}
