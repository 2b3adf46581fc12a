/* project.h: of an object's text, only the members that are wanted. */
#ifndef RL_PROJECT_H
#define RL_PROJECT_H

#include "json.h"

#include <stddef.h>

struct rl_name {
  const char *text;
  size_t len;
};

/* Writes to `out`, which has room for `len` bytes, the object with only those of its members whose
 * names are wanted, and returns its length; 0 when the text is no object that can be taken apart.
 * What is left out is searched for its end, no more: quotes and brackets must match. `j` reads
 * names with escapes, which count as what they mean. */
size_t rl_project(const struct rl_name *names, size_t count, struct rl_json *j, const char *data,
                  size_t len, char *out);

#endif
