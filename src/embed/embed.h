/* embed.h: Lua modules as texts in a C file, for build/runloop.c. */
#ifndef RL_EMBED_H
#define RL_EMBED_H

#include <stddef.h>

struct rl_module {
  const char *name;  /* "runloop.pager" */
  const char *chunk; /* as messages name it: "@(runloop)/pager.lua" */
  const char *const *pieces;
  size_t count;
};

/* The i-th module from 0 on, or NULL. .ci/amalgamate.lua writes it. */
const struct rl_module *rl_embedded(size_t i);

#endif
