/* project.c: of an object's text, only the members that are wanted. */
#include "project.h"

#include <string.h>

#include "scan.h"

static const char *skip_blanks(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  return p;
}

/* Returns behind the string whose opening quote is at `p`, or NULL. */
static const char *skip_text(const char *p, const char *end) {
  for (p++; p < end; p += 2) {
    p = rl_skip_string(p, end);
    if (p == end)
      break;
    if (*p == '"')
      return p + 1;
  }
  return NULL;
}

static int opens(char bracket) {
  return bracket == '{' || bracket == '[';
}

#ifdef RL_SIMD_64
/* Does what skip_container does, 64 bytes at a time; returns where it is to go on, behind the last
 * bracket that was counted. */
static const char *skip_blocks(const char *p, const char *end, int *depth) {
  const struct rl_scanner *const scanner = rl_scanner();
  struct rl_structure s = {0, 0, 0};
  const char *behind = p;
  for (p = scanner->walk(p, end, &s); s.brackets != 0; p = scanner->walk(p + 64, end, &s)) {
    uint64_t brackets = s.brackets;
    for (; brackets != 0; brackets &= brackets - 1) {
      behind = p + __builtin_ctzll(brackets) + 1;
      *depth += opens(behind[-1]) ? 1 : -1;
      if (*depth == 0)
        return behind;
    }
  }
  return behind;
}
#endif

/* Returns behind the container that begins at `p`, or NULL. */
static const char *skip_container(const char *p, const char *end) {
  int depth = 1;
  p++;
#ifdef RL_SIMD_64
  p = skip_blocks(p, end, &depth);
#endif
  while (depth > 0) {
    if (p == NULL || p == end || *p == '\\')
      return NULL;
    if (*p == '"') {
      p = skip_text(p, end);
      continue;
    }
    if (opens(*p))
      depth++;
    else if (*p == '}' || *p == ']')
      depth--;
    p++;
  }
  return p;
}

/* Returns behind the value at `p`, or NULL. */
static const char *skip_value(const char *p, const char *end) {
  const char *const first = p;
  if (p == end)
    return NULL;
  if (*p == '"')
    return skip_text(p, end);
  if (opens(*p))
    return skip_container(p, end);
  while (p < end && *p != ',' && *p != '}' && *p != ']' && (unsigned char)*p > ' ')
    p++;
  return p > first ? p : NULL;
}

static int is_wanted(const struct rl_name *names, size_t count, const char *text, size_t len) {
  size_t i;
  for (i = 0; i < count; i++)
    if (names[i].len == len && memcmp(names[i].text, text, len) == 0)
      return 1;
  return 0;
}

/* Returns behind the name at `p`, or NULL, and whether it is wanted. */
static const char *read_name(const struct rl_name *names, size_t count, struct rl_json *j,
                             const char *p, const char *end, int *wanted) {
  const char *stop;
  if (p == end || *p != '"')
    return NULL;
  stop = rl_skip_plain(p + 1, end);
  if (stop < end && *stop == '"') {
    *wanted = is_wanted(names, count, p + 1, (size_t)(stop - p - 1));
    return stop + 1;
  }
  p = rl_json_string_at(j, p);
  if (p != NULL)
    *wanted = is_wanted(names, count, j->text, j->text_len);
  return p;
}

static char *copy(char *out, const char *from, const char *to) {
  memcpy(out, from, (size_t)(to - from));
  return out + (to - from);
}

size_t rl_project(const struct rl_name *names, size_t count, struct rl_json *j, const char *data,
                  size_t len, char *out) {
  const char *const end = data + len, *p = skip_blanks(data, end);
  char *const first = out;
  if (p == end || *p != '{')
    return 0;
  rl_json_start(j, data, len);
  *out++ = '{';
  p = skip_blanks(p + 1, end);
  if (p == end || *p != '}') {
    for (;;) {
      const char *const name = p, *behind, *value;
      int wanted = 0;
      behind = read_name(names, count, j, p, end, &wanted);
      if (behind == NULL)
        return 0;
      p = skip_blanks(behind, end);
      if (p == end || *p != ':')
        return 0;
      value = skip_blanks(p + 1, end);
      p = skip_value(value, end);
      if (p == NULL)
        return 0;
      if (wanted) {
        if (out > first + 1)
          *out++ = ',';
        out = copy(out, name, behind);
        *out++ = ':';
        out = copy(out, value, p);
      }
      p = skip_blanks(p, end);
      if (p == end || (*p != ',' && *p != '}'))
        return 0;
      if (*p == '}')
        break;
      p = skip_blanks(p + 1, end);
    }
  }
  if (p == end || skip_blanks(p + 1, end) != end)
    return 0;
  *out++ = '}';
  return (size_t)(out - first);
}
