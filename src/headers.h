/* headers.h: the status line and headers of an HTTP response, line by line as libcurl hands them
 * over. Knows nothing of libcurl or Lua, so that it can be tested and fuzzed alone. */
#ifndef RL_HEADERS_H
#define RL_HEADERS_H

#include "buffer.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

#define RL_HEADERS_MAX_BYTES (256u * 1024u) /* with interim responses, trailers and line ends */
#define RL_HEADERS_MAX_LINE (64u * 1024u)   /* of one line; libcurl itself takes 100 KiB */
#define RL_HEADERS_MAX_COUNT 500            /* of one response */
#define RL_HEADERS_MAX_INTERIM 32           /* 1xx responses before the final one */

struct rl_headers {
  struct rl_buffer fields; /* of the latest response: name NUL value NUL name NUL value NUL ... */
  size_t bytes;            /* of all lines, as received */
  int status;              /* of the latest response; 0 before the first status line */
  int version;             /* 10, 11, 20, 30; 0 when not known */
  int count;               /* headers of the latest response */
  int interim;             /* 1xx responses seen */
  int ended;               /* a blank line was the last one: a status line may follow */
  int open;                /* the line before was a header, which the next may continue */
  int complete;            /* the blank line after a final response's headers has been seen */
};

void rl_headers_init(struct rl_headers *h);
void rl_headers_free(struct rl_headers *h);

/* Takes one line, with or without its line end. A status line behind the blank line of a 1xx
 * response begins anew, since libcurl shows that one's headers too; what comes after the blank line
 * that ends a final response are trailers (RFC 9110 6.5), which count against the caps and are left
 * out. Names become lower case, values lose the white space around them; a line that continues the
 * one before (obs-fold, RFC 9112 5.2) is joined to it with a space; lines that are no header are
 * left out. RL_OK, RL_NOMEM, or RL_TOO_LARGE past one of the caps. */
enum rl_status rl_headers_line(struct rl_headers *h, const char *line, size_t n);

/* Walks over the headers of the latest response in the order they came: *position is 0 at first.
 * Returns 0 at the end, else 1 with NUL-terminated strings, good until the next line. */
int rl_headers_next(const struct rl_headers *h, size_t *position, const char **name,
                    const char **value);

/* The first header with this (lower-case) name, or NULL. */
const char *rl_headers_find(const struct rl_headers *h, const char *name);

/* The body's length as the Content-Length headers say it: digits, more than once the same at most
 * (RFC 9112 6.3). RL_LENGTH_UNTOLD: none is there; RL_LENGTH_ODD: who goes by one of them may take
 * a part of the body for the whole. */
enum { RL_LENGTH_UNTOLD = -1, RL_LENGTH_ODD = -2 };
int64_t rl_headers_length(const struct rl_headers *h);

/* 1 when a body that ends too early could look complete: an HTTP/1 answer with neither a length nor
 * chunks (RFC 9112 6.3), an HTTP/2 one without a length, since libcurl 7.88 may take a stream that
 * was reset for one that ended, or one whose content coding libcurl has undone (`decoded`: some of
 * it), since it does not check its end. */
int rl_headers_may_hide_cut(const struct rl_headers *h, int decoded);

/* The content coding of the body, or NULL: none. */
const char *rl_headers_coding(const struct rl_headers *h);

#endif
