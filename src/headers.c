/* headers.c: the status line and headers of an HTTP response, line by line. */
#include "headers.h"

#include <string.h>

void rl_headers_init(struct rl_headers *h) {
  memset(h, 0, sizeof *h);
  rl_buffer_init(&h->fields, 2 * (size_t)RL_HEADERS_MAX_BYTES);
}

void rl_headers_free(struct rl_headers *h) {
  rl_buffer_free(&h->fields);
}

static int is_blank(char c) {
  return c == ' ' || c == '\t';
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* A tchar of RFC 9110 5.6.2 in lower case; a space where it is none. */
static char token_char(char c) {
  static const char from_33[] = "! #$%&'  *+ -. 0123456789       abcdefghijklmno"
                                "pqrstuvwxyz   ^_`abcdefghijklmnopqrstuvwxyz | ~";
  unsigned i = (unsigned char)c - 33u;
  if (i >= sizeof from_33 - 1)
    return ' ';
  return from_33[i];
}

static void trim(const char **p, size_t *n) {
  while (*n > 0 && is_blank((*p)[0])) {
    (*p)++;
    (*n)--;
  }
  while (*n > 0 && is_blank((*p)[*n - 1]))
    (*n)--;
}

static int digit_at(const char *p, size_t n, size_t i) {
  return i < n && is_digit(p[i]) ? p[i] - '0' : -1;
}

/* Three digits that end there, or 0. */
static int status_at(const char *p, size_t n, size_t i) {
  int first = digit_at(p, n, i), second = digit_at(p, n, i + 1), third = digit_at(p, n, i + 2);
  int ends = i + 3 >= n || is_blank(p[i + 3]);
  return first >= 0 && second >= 0 && third >= 0 && ends ? first * 100 + second * 10 + third : 0;
}

/* libcurl 8.14 lets others than these pass, as if they were 1.0. */
static int is_version(int version) {
  return version == 0 || version == 10 || version == 11 || version == 20 || version == 30;
}

/* What follows "HTTP/": "1.1 200 OK", "2 200" */
static void read_status_line(struct rl_headers *h, const char *p, size_t n) {
  int major = digit_at(p, n, 0), minor = 0;
  size_t i = 1;
  if (i < n && p[i] == '.') {
    minor = digit_at(p, n, 2);
    i = 3;
  }
  while (i < n && is_blank(p[i]))
    i++;
  h->version = major >= 0 && minor >= 0 ? major * 10 + minor : 0;
  h->status = is_version(h->version) ? status_at(p, n, i) : 0;
}

static enum rl_status begin_response(struct rl_headers *h, const char *line, size_t n) {
  rl_buffer_reset(&h->fields);
  h->open = h->count = 0;
  read_status_line(h, line + 5, n - 5);
  if (h->status >= 100 && h->status < 200 && ++h->interim > RL_HEADERS_MAX_INTERIM)
    return RL_TOO_LARGE;
  return RL_OK;
}

static enum rl_status append_string(struct rl_buffer *b, const char *p, size_t n) {
  enum rl_status status = rl_buffer_reserve(b, n + 1);
  if (status != RL_OK)
    return status;
  (void)rl_buffer_append(b, p, n);
  return rl_buffer_append(b, "", 1);
}

static enum rl_status continue_line(struct rl_headers *h, const char *p, size_t n) {
  struct rl_buffer *b = &h->fields;
  enum rl_status status;
  trim(&p, &n);
  if (n == 0 || !h->open)
    return RL_OK;
  if ((status = rl_buffer_reserve(b, n + 1)) != RL_OK)
    return status;
  b->len--;                        /* the NUL */
  if (b->data[b->len - 1] != '\0') /* the value so far is not empty */
    (void)rl_buffer_append(b, " ", 1);
  return append_string(b, p, n);
}

static enum rl_status add_field(struct rl_headers *h, const char *p, size_t n) {
  const char *colon = n > 0 ? memchr(p, ':', n) : NULL;
  const char *value;
  char *to;
  size_t i, name_len, value_len;
  enum rl_status status;
  h->open = 0;
  if (colon == NULL)
    return RL_OK;
  name_len = (size_t)(colon - p);
  value = colon + 1;
  value_len = n - name_len - 1;
  while (name_len > 0 && is_blank(p[name_len - 1]))
    name_len--;
  trim(&value, &value_len);
  if ((status = rl_buffer_reserve(&h->fields, name_len + value_len + 2)) != RL_OK)
    return status;
  to = h->fields.data + h->fields.len;
  for (i = 0; i < name_len && (to[i] = token_char(p[i])) != ' '; i++)
    ;
  if (name_len == 0 || i < name_len)
    return RL_OK;
  if (++h->count > RL_HEADERS_MAX_COUNT)
    return RL_TOO_LARGE;
  to[name_len] = '\0';
  memcpy(to + name_len + 1, value, value_len);
  to[name_len + 1 + value_len] = '\0';
  h->fields.len += name_len + value_len + 2;
  h->open = 1;
  return RL_OK;
}

enum rl_status rl_headers_line(struct rl_headers *h, const char *line, size_t n) {
  const int first = h->bytes == 0 || h->ended;
  h->bytes += n;
  h->ended = 0;
  if (n > RL_HEADERS_MAX_LINE || h->bytes > RL_HEADERS_MAX_BYTES)
    return RL_TOO_LARGE;
  if (h->complete)
    return RL_OK;
  while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
    n--;
  if (first && n >= 5 && memcmp(line, "HTTP/", 5) == 0)
    return begin_response(h, line, n);
  if (n == 0) {
    h->ended = 1;
    h->complete = h->status >= 200;
    return RL_OK;
  }
  if (memchr(line, '\0', n) != NULL) { /* the fields are told apart by their NULs */
    h->open = 0;
    return RL_OK;
  }
  return is_blank(line[0]) ? continue_line(h, line, n) : add_field(h, line, n);
}

int rl_headers_next(const struct rl_headers *h, size_t *position, const char **name,
                    const char **value) {
  if (*position >= h->fields.len)
    return 0;
  *name = h->fields.data + *position;
  *value = *name + strlen(*name) + 1;
  *position = (size_t)(*value - h->fields.data) + strlen(*value) + 1;
  return 1;
}

const char *rl_headers_find(const struct rl_headers *h, const char *name) {
  size_t position = 0;
  const char *n, *v;
  while (rl_headers_next(h, &position, &n, &v)) {
    if (*n == *name && strcmp(n, name) == 0)
      return v;
  }
  return NULL;
}

/* Whether a list such as "gzip, Chunked" ends with `token` (given in lower case). */
static int ends_with_token(const char *list, const char *token) {
  size_t i, n = strlen(token), len = strlen(list);
  while (len > 0 && is_blank(list[len - 1]))
    len--;
  if (len < n || (len > n && list[len - n - 1] != ',' && !is_blank(list[len - n - 1])))
    return 0;
  for (i = 0; i < n; i++) {
    char c = list[len - n + i];
    if (c >= 'A' && c <= 'Z')
      c = (char)(c - 'A' + 'a');
    if (c != token[i])
      return 0;
  }
  return 1;
}

const char *rl_headers_coding(const struct rl_headers *h) {
  const char *coding = rl_headers_find(h, "content-encoding");
  return coding != NULL && !ends_with_token(coding, "identity") ? coding : NULL;
}

/* One item of a list of lengths, up to the comma or the end behind it; -1: it is none. */
static int64_t read_length(const char **p) {
  int64_t n = 0;
  int digits = 0;
  while (is_blank(**p))
    (*p)++;
  for (; is_digit(**p) && digits < 18; digits++)
    n = n * 10 + (*(*p)++ - '0');
  while (is_blank(**p))
    (*p)++;
  return digits > 0 && (**p == ',' || **p == '\0') ? n : -1;
}

int64_t rl_headers_length(const struct rl_headers *h) {
  size_t position = 0;
  const char *name, *value;
  int64_t length = RL_LENGTH_UNTOLD;
  while (rl_headers_next(h, &position, &name, &value)) {
    if (strcmp(name, "content-length") != 0)
      continue;
    do {
      int64_t here = read_length(&value);
      if (here < 0 || (length >= 0 && here != length))
        return RL_LENGTH_ODD;
      length = here;
    } while (*value++ == ',');
  }
  return length;
}

int rl_headers_may_hide_cut(const struct rl_headers *h, int decoded) {
  const char *transfer = rl_headers_find(h, "transfer-encoding");
  if (h->status == 204 || h->status == 304)
    return 0;
  if (decoded && rl_headers_coding(h) != NULL)
    return 1;
  if (transfer != NULL && h->version < 20)
    return !ends_with_token(transfer, "chunked");
  return rl_headers_find(h, "content-length") == NULL;
}
