/* ends.c: finds where a JSON value ends as its bytes come in. */
#include "ends.h"

#include "scan.h"

static int is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '+' || c == '.';
}

static int begins_scalar(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == 't' || c == 'f' || c == 'n';
}

int rl_end_begin(struct rl_end *e, unsigned around, char first) {
  e->around = e->depth = around;
  e->scalar = begins_scalar(first);
  e->in_string = e->escaped = 0;
  e->status = RL_OK;
  return e->scalar || first == '"' || first == '[' || first == '{';
}

static void fail(struct rl_end *e, enum rl_status status, const char *message) {
  e->status = status;
  e->message = message;
}

/* Follows a bracket outside of strings. */
static void follow(struct rl_end *e, char bracket) {
  const int array = bracket == '[' || bracket == ']';
  uint32_t *word, bit;
  if (bracket == '[' || bracket == '{') {
    if (e->depth == RL_JSON_MAX_DEPTH) {
      fail(e, RL_TOO_DEEP, "nested too deeply");
      return;
    }
    word = &e->arrays[e->depth / 32];
    bit = (uint32_t)1 << (e->depth % 32);
    *word = array ? *word | bit : *word & ~bit;
    e->depth++;
  } else {
    e->depth--;
    if ((int)(e->arrays[e->depth / 32] >> (e->depth % 32) & 1) != array)
      fail(e, RL_SYNTAX, "this bracket was not opened");
  }
}

#ifdef RL_SIMD_64
/* Does what rl_end_find does, 64 bytes at a time and only inside of a container; returns where it
 * is for rl_end_find to go on. */
static const char *find_bracket(struct rl_end *e, const char *p, const char *stop, int *whole) {
  const struct rl_scanner *const scanner = rl_scanner();
  struct rl_structure s = {(uint64_t)e->escaped, e->in_string ? ~(uint64_t)0 : 0, 0};
  for (p = scanner->walk(p, stop, &s); s.brackets != 0; p = scanner->walk(p + 64, stop, &s)) {
    uint64_t brackets = s.brackets;
    for (; brackets != 0; brackets &= brackets - 1) {
      const char *at = p + __builtin_ctzll(brackets);
      follow(e, *at);
      *whole = e->depth == e->around;
      if (*whole || e->status != RL_OK) {
        e->escaped = e->in_string = 0;
        return at + 1;
      }
    }
  }
  e->escaped = s.escaped != 0;
  e->in_string = s.inside != 0;
  return p;
}

/* The same inside of a string that is the value itself. */
static const char *find_quote(struct rl_end *e, const char *p, const char *stop, int *whole) {
  uint64_t escaped = (uint64_t)e->escaped;
  p = rl_scanner()->close(p, stop, &escaped, whole);
  e->escaped = escaped != 0 && !*whole;
  e->in_string = !*whole;
  return p;
}
#endif

const char *rl_end_find(struct rl_end *e, const char *p, const char *stop, int *whole) {
  *whole = 0;
  if (e->scalar) {
    while (p < stop && is_scalar(*p))
      p++;
    *whole = p < stop;
    return p;
  }
#ifdef RL_SIMD_64
  if (p < stop && e->depth == e->around && !e->in_string) {
    e->in_string = *p == '"';
    if (!e->in_string)
      follow(e, *p);
    p++;
  }
  if (e->depth > e->around)
    p = find_bracket(e, p, stop, whole);
  else if (e->in_string)
    p = find_quote(e, p, stop, whole);
#endif
  for (; p < stop && !*whole && e->status == RL_OK; p++) {
    if (e->escaped) {
      e->escaped = 0;
    } else if (e->in_string) {
      p = rl_skip_string(p, stop);
      if (p == stop)
        break;
      e->escaped = *p == '\\';
      e->in_string = e->escaped;
      *whole = !e->in_string && e->depth == e->around;
    } else if (*p == '"') {
      e->in_string = 1;
    } else if ((*p | 0x20) == '{' || (*p | 0x20) == '}') {
      follow(e, *p);
      *whole = e->depth == e->around;
    }
  }
  return p;
}
