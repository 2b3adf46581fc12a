/* alloc.c: memory for the C core, with a way to make the n-th allocation fail in tests. */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

#ifdef RL_TEST_ALLOC
long rl_alloc_fail_at;
long rl_alloc_live;
void (*rl_alloc_on_free)(const void *p);

static void show(const void *p) {
  if (p != NULL && rl_alloc_on_free != NULL)
    rl_alloc_on_free(p);
}

static int refused(void) {
  return rl_alloc_fail_at > 0 && --rl_alloc_fail_at == 0;
}

static void *counted(void *p) {
  if (p != NULL)
    rl_alloc_live++;
  return p;
}

void *rl_malloc(size_t n) {
  return refused() ? NULL : counted(malloc(n));
}

void *rl_calloc(size_t count, size_t n) {
  return refused() ? NULL : counted(calloc(count, n));
}

void *rl_realloc(void *p, size_t n) {
  if (refused())
    return NULL;
  show(p);
  return p == NULL ? counted(malloc(n)) : realloc(p, n);
}

void rl_free(void *p) {
  if (p != NULL)
    rl_alloc_live--;
  show(p);
  free(p);
}
#else
void *rl_malloc(size_t n) {
  return malloc(n);
}

void *rl_calloc(size_t count, size_t n) {
  return calloc(count, n);
}

void *rl_realloc(void *p, size_t n) {
  return realloc(p, n);
}

void rl_free(void *p) {
  free(p);
}
#endif

void rl_wipe(void *p, size_t n) {
  /* Through a volatile pointer the call cannot be seen to be a dead store. */
  static void *(*const volatile set)(void *, int, size_t) = memset;
  if (n > 0)
    set(p, 0, n);
}
