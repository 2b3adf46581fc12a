/* json.c: a strict pull parser for JSON (RFC 8259) over one contiguous text. */
#include "json.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

enum state {
  VALUE,       /* a value must come */
  FIRST_VALUE, /* behind '[': a value or ']' */
  FIRST_KEY,   /* behind '{': a key or '}' */
  BEHIND,      /* behind a value: a comma or the end of what it is in */
  ENDED,
  FAILED,
  CUT
};

#define REPLACEMENT 0xFFFDUL

void rl_json_init(struct rl_json *j) {
  memset(j, 0, sizeof *j);
  rl_buffer_init(&j->own, SIZE_MAX);
  j->scratch = &j->own;
}

void rl_json_free(struct rl_json *j) {
  rl_buffer_free(&j->own);
}

void rl_json_start(struct rl_json *j, const char *data, size_t len) {
  j->start = j->p = data;
  j->end = data + len;
  j->status = RL_OK;
  j->message = NULL;
  j->state = VALUE;
  j->depth = 0;
  rl_buffer_reset(j->scratch);
}

static enum rl_json_token fail(struct rl_json *j, enum rl_status status, const char *message,
                               const char *at) {
  j->status = status;
  j->message = message;
  j->offset = (size_t)(at - j->start);
  j->state = FAILED;
  return RL_JSON_ERROR;
}

/* The byte at `at` cannot stand there, or the text is over. */
static enum rl_json_token unexpected(struct rl_json *j, const char *message, const char *at) {
  if (at < j->end)
    return fail(j, RL_SYNTAX, message, at);
  fail(j, RL_SYNTAX, "unexpected end", at);
  j->state = CUT;
  return RL_JSON_MORE;
}

static const char *skip_space(const char *p, const char *end) {
  while (p < end && rl_is_json_blank(*p))
    p++;
  return p;
}

static int is_digit(const char *p, const char *end) {
  return p < end && *p >= '0' && *p <= '9';
}

static int in_array(const struct rl_json *j) {
  return (int)(j->arrays[(j->depth - 1) / 32] >> ((j->depth - 1) % 32) & 1U);
}

static enum rl_json_token open_container(struct rl_json *j, const char *p) {
  uint32_t bit = (uint32_t)1 << (j->depth % 32);
  int array = *p == '[';
  if (j->depth == RL_JSON_MAX_DEPTH)
    return fail(j, RL_TOO_DEEP, "nested too deeply", p);
  if (array)
    j->arrays[j->depth / 32] |= bit;
  else
    j->arrays[j->depth / 32] &= ~bit;
  j->depth++;
  j->state = array ? FIRST_VALUE : FIRST_KEY;
  j->p = p + 1;
  return array ? RL_JSON_ARRAY : RL_JSON_OBJECT;
}

static enum rl_json_token close_container(struct rl_json *j, const char *p) {
  int array = in_array(j);
  j->depth--;
  j->state = BEHIND;
  j->p = p + 1;
  return array ? RL_JSON_ARRAY_END : RL_JSON_OBJECT_END;
}

static char *put_utf8(char *out, unsigned long c) {
  if (c < 0x80) {
    *out++ = (char)c;
    return out;
  }
  if (c < 0x800) {
    *out++ = (char)(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *out++ = (char)(0xE0 | c >> 12);
    } else {
      *out++ = (char)(0xF0 | c >> 18);
      *out++ = (char)(0x80 | (c >> 12 & 0x3F));
    }
    *out++ = (char)(0x80 | (c >> 6 & 0x3F));
  }
  *out++ = (char)(0x80 | (c & 0x3F));
  return out;
}

/* Reads up to four hex digits at `p` and returns behind those that are there. */
static const char *hex4(const char *p, const char *end, unsigned long *value) {
  const char *stop = end - p > 4 ? p + 4 : end;
  *value = 0;
  for (; p < stop; p++) {
    char c = *p;
    if (c >= '0' && c <= '9')
      *value = *value << 4 | (unsigned long)(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      *value = *value << 4 | (unsigned long)((c | 0x20) - 'a' + 10);
    else
      break;
  }
  return p;
}

/* Reads what follows \u at `p`, a second escape too where the two are a surrogate pair. Returns
 * behind it with the character in *c, or NULL with the bad byte's place in *bad. */
static const char *unicode_escape(const char *p, const char *end, unsigned long *c,
                                  const char **bad) {
  const char *q = hex4(p, end, c), *low_end;
  unsigned long low;
  if (q - p < 4) {
    *bad = q;
    return NULL;
  }
  if (*c < 0xD800 || *c > 0xDFFF)
    return q;
  if (*c < 0xDC00 && end - q >= 6 && q[0] == '\\' && q[1] == 'u') {
    low_end = hex4(q + 2, end, &low);
    if (low_end - q == 6 && low >= 0xDC00 && low <= 0xDFFF) {
      *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
      return low_end;
    }
  }
  *c = REPLACEMENT;
  return q;
}

/* Reads the string at `text` that cannot be used as it stands. */
static enum rl_json_token rewrite_string(struct rl_json *j, const char *text,
                                         enum rl_json_token token) {
  enum { SPARE = 256 }; /* kept free behind `full`: what is written ahead, and a character */
  struct rl_buffer *b = j->scratch;
  const char *const end = j->end, *p = text, *stop, *bad = NULL;
  char *out = NULL, *full = NULL;
  unsigned long c;
  int n;
#ifdef RL_SIMD_64
  const struct rl_scanner *const scanner = rl_scanner();
#endif
  b->len = 0;
  for (;;) {
    if (out >= full) {
      if (out != NULL)
        b->len = (size_t)(out - b->data);
      if (rl_buffer_reserve(b, 2 * SPARE) != RL_OK)
        return fail(j, RL_NOMEM, "out of memory", p);
      out = b->data + b->len;
      full = b->data + b->cap - SPARE;
    }
#ifdef RL_SIMD_64
    if (end - p > RL_AHEAD && p - j->start >= 3) {
      stop = end - RL_AHEAD;
      p = scanner->rewrite(p, stop - p < full - out ? stop : p + (full - out), &out, p > text);
      if (out >= full)
        continue;
    }
#endif
    stop = end - p < full - out ? end : p + (full - out);
    p = rl_copy_plain(p, stop, &out);
    if (p == end)
      return unexpected(j, NULL, p);
    if (*p == '\\') {
      if (++p == end)
        return unexpected(j, NULL, p);
      if (rl_escapes[(unsigned char)*p] != 0) {
        *out++ = rl_escapes[(unsigned char)*p++];
      } else if (*p == 'u') {
        p = unicode_escape(p + 1, end, &c, &bad);
        if (p == NULL)
          return unexpected(j, "bad escape in a string", bad);
        out = put_utf8(out, c);
      } else {
        return unexpected(j, "bad escape in a string", p);
      }
    } else if (*p == '"') {
      j->p = p + 1;
      j->text = b->data;
      j->text_len = (size_t)(out - b->data);
      return token;
    } else if ((unsigned char)*p >= 0x80) {
      n = rl_utf8_length(p, end);
      if (n < 0) {
        out = put_utf8(out, REPLACEMENT);
        p -= n;
      }
      for (; n > 0; n--)
        *out++ = *p++;
    } else if ((unsigned char)*p < ' ') {
      return unexpected(j, "control character in a string", p);
    }
  }
}

#ifdef RL_SIMD_64
/* How many of the 64 bytes at `p` are text that can be used as it stands, in whole characters; 0
 * when they have to be looked at more closely. */
static int whole_block(const char *p) {
  const struct rl_scanner *const scanner = rl_scanner();
  struct rl_text_masks m;
  uint64_t stops;
  if (scanner->ill_formed(p))
    return 0;
  scanner->text(p, &m);
  stops = m.quotes | m.backslashes | m.controls;
  return stops != 0 ? __builtin_ctzll(stops) : 64 - rl_cut_off(p + 64);
}
#endif

/* Reads the string whose opening quote is at `p`. */
static enum rl_json_token string(struct rl_json *j, const char *p, enum rl_json_token token) {
  const char *const text = ++p, *const end = j->end;
  for (;;) {
    int n;
    p = rl_skip_plain(p, end);
    if (p == end)
      return unexpected(j, NULL, p);
    if (*p == '"')
      break;
    if ((unsigned char)*p < 0x80)
      return rewrite_string(j, text, token);
#ifdef RL_SIMD_64
    if (end - p > RL_AHEAD && p - j->start >= 3) {
      n = whole_block(p);
      if (n > 0) {
        p += n;
        continue;
      }
    }
#endif
    n = rl_utf8_length(p, end);
    if (n < 0)
      return rewrite_string(j, text, token);
    p += n;
  }
  j->text = text;
  j->text_len = (size_t)(p - text);
  j->p = p + 1;
  return token;
}

static enum rl_json_token key(struct rl_json *j, const char *p) {
  if (p == j->end || *p != '"')
    return unexpected(j, "a key must come here", p);
  if (string(j, p, RL_JSON_KEY) != RL_JSON_KEY)
    return j->state == CUT ? RL_JSON_MORE : RL_JSON_ERROR;
  p = skip_space(j->p, j->end);
  if (p == j->end || *p != ':')
    return unexpected(j, "':' must come here", p);
  j->p = p + 1;
  j->state = VALUE;
  return RL_JSON_KEY;
}

/* A number is digits * 10^exponent. */
struct decimal {
  uint64_t digits; /* exact when there are no more than 19 */
  size_t count;
  long exponent;
  int negative;
};

static const char *read_digits(const char *p, const char *end, struct decimal *d) {
  const char *first = p;
  for (; is_digit(p, end); p++)
    d->digits = d->digits * 10 + (uint64_t)(*p - '0');
  d->count += (size_t)(p - first);
  return p;
}

/* Returns behind the exponent at `p`; one that is out of all bounds is cut to a large one. */
static const char *read_exponent(const char *p, const char *end, struct decimal *d) {
  int negative = p < end && *p == '-';
  long e = 0;
  if (p < end && (*p == '-' || *p == '+'))
    p++;
  for (; is_digit(p, end); p++)
    if (e < 100000)
      e = e * 10 + (*p - '0');
  d->exponent += negative ? -e : e;
  return p;
}

/* Lets the C library convert the number of `n` bytes at `p`. It is rewritten without its decimal
 * point, since what strtod takes for one depends on the locale. */
static double convert(const char *p, size_t n, long exponent) {
  char text[RL_JSON_MAX_NUMBER + 32], *out = text, *tail;
  size_t i;
  for (i = 0; i < n && p[i] != 'e' && p[i] != 'E'; i++)
    if (p[i] != '.')
      *out++ = p[i];
  *out++ = 'e';
  if (exponent < 0)
    *out++ = '-';
  exponent = labs(exponent);
  tail = out + 8;
  *tail = '\0';
  for (; tail > out; exponent /= 10)
    *--tail = (char)('0' + exponent % 10);
  return strtod(text, NULL);
}

static double to_double(const char *p, size_t n, const struct decimal *d) {
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
  /* Both factors are exact, so that the one operation rounds correctly. */
  static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (d->count <= 19 && d->digits <= (uint64_t)1 << 53 && labs(d->exponent) <= 22) {
    double x = (double)d->digits;
    x = d->exponent < 0 ? x / power[-d->exponent] : x * power[d->exponent];
    return d->negative ? -x : x;
  }
#endif
  return convert(p, n, d->exponent);
}

/* Fits the number into an integer when it is one. */
static enum rl_json_token number_token(struct rl_json *j, const char *p, size_t n,
                                       const struct decimal *d, int whole) {
  j->text = p;
  j->text_len = n;
  if (whole && d->count <= 19 && d->digits <= (uint64_t)INT64_MAX + (d->negative ? 1 : 0) &&
      !(d->negative && d->digits == 0)) {
    j->integer = !d->negative ? (int64_t)d->digits : -(int64_t)(d->digits - 1) - 1;
    return RL_JSON_INTEGER;
  }
  j->number = to_double(p, n, d);
  if (isinf(j->number))
    return fail(j, RL_SYNTAX, "number out of range", p);
  return RL_JSON_NUMBER;
}

/* Reads the number at `first`, which is a minus sign or a digit. */
static enum rl_json_token number(struct rl_json *j, const char *const first) {
  const size_t rest = (size_t)(j->end - first);
  const char *const end = rest > RL_JSON_MAX_NUMBER ? first + RL_JSON_MAX_NUMBER : j->end;
  const char *p = first + (*first == '-'), *part = p;
  struct decimal d = {0, 0, 0, 0};
  int whole = 1;
  d.negative = *first == '-';
  if (p < end && *p == '0') {
    p++;
    d.count++;
  } else {
    p = read_digits(p, end, &d);
  }
  if (p > part && p < end && *p == '.') {
    whole = 0;
    part = p + 1;
    p = read_digits(part, end, &d);
    d.exponent = part - p;
  }
  if (p > part && p < end && (*p == 'e' || *p == 'E')) {
    whole = 0;
    part = ++p;
    p = read_exponent(p, end, &d);
    if (!is_digit(p - 1, end))
      part = p;
  }
  if (p == end && end < j->end && strchr("+-.0123456789Ee", *p) != NULL && *p != '\0')
    return fail(j, RL_TOO_LARGE, "number too long", p);
  if (p == part)
    return unexpected(j, "a digit must come here", p);
  j->p = p;
  return number_token(j, first, (size_t)(p - first), &d, whole);
}

static enum rl_json_token literal(struct rl_json *j, const char *p, const char *word,
                                  enum rl_json_token token) {
  for (; *word != '\0'; word++, p++)
    if (p == j->end || *p != *word)
      return unexpected(j, "a value must come here", p);
  j->p = p;
  return token;
}

static enum rl_json_token value(struct rl_json *j, const char *p) {
  if (p == j->end)
    return unexpected(j, NULL, p);
  j->state = BEHIND;
  switch (*p) {
  case '"':
    return string(j, p, RL_JSON_STRING);
  case '{':
  case '[':
    return open_container(j, p);
  case 't':
    return literal(j, p, "true", RL_JSON_TRUE);
  case 'f':
    return literal(j, p, "false", RL_JSON_FALSE);
  case 'n':
    return literal(j, p, "null", RL_JSON_NULL);
  default:
    if (*p == '-' || is_digit(p, j->end))
      return number(j, p);
    return unexpected(j, "a value must come here", p);
  }
}

/* What comes behind a value inside a container. */
static enum rl_json_token behind(struct rl_json *j, const char *p) {
  int array = in_array(j);
  if (p < j->end && *p == ',') {
    p = skip_space(p + 1, j->end);
    return array ? value(j, p) : key(j, p);
  }
  if (p < j->end && *p == (array ? ']' : '}'))
    return close_container(j, p);
  return unexpected(j, array ? "',' or ']' must come here" : "',' or '}' must come here", p);
}

enum rl_json_token rl_json_next(struct rl_json *j) {
  const char *p = skip_space(j->p, j->end);
  switch (j->state) {
  case VALUE:
    return value(j, p);
  case FIRST_VALUE:
    return p < j->end && *p == ']' ? close_container(j, p) : value(j, p);
  case FIRST_KEY:
    return p < j->end && *p == '}' ? close_container(j, p) : key(j, p);
  case BEHIND:
    if (j->depth > 0)
      return behind(j, p);
    j->state = ENDED;
    return RL_JSON_END;
  case ENDED:
    return RL_JSON_END;
  case CUT:
    return RL_JSON_MORE;
  default:
    return RL_JSON_ERROR;
  }
}

const char *rl_json_string_at(struct rl_json *j, const char *p) {
  return string(j, p, RL_JSON_STRING) == RL_JSON_STRING ? j->p : NULL;
}

const char *rl_json_number_at(struct rl_json *j, const char *p, int *whole) {
  const enum rl_json_token token = number(j, p);
  *whole = token == RL_JSON_INTEGER;
  return token == RL_JSON_INTEGER || token == RL_JSON_NUMBER ? j->p : NULL;
}

size_t rl_json_rest(const struct rl_json *j) {
  return (size_t)(j->p - j->start);
}

int rl_json_only(struct rl_json *j) {
  const char *p = skip_space(j->p, j->end);
  if (p < j->end)
    fail(j, RL_SYNTAX, "nothing may follow the value", p);
  return p == j->end;
}
