/* alloc.h: the only way the C core gets memory, so that tests can make any allocation fail. */
#ifndef RL_ALLOC_H
#define RL_ALLOC_H

#include <stddef.h>

/* As in the C library; rl_realloc is never called with a size of 0. */
void *rl_malloc(size_t n);
void *rl_calloc(size_t count, size_t n);
void *rl_realloc(void *p, size_t n);
void rl_free(void *p);

/* Overwrites `n` bytes with zeros in a way that the compiler may not leave out. */
void rl_wipe(void *p, size_t n);

#ifdef RL_TEST_ALLOC
extern long rl_alloc_fail_at; /* 1: the next allocation fails, n: the n-th; 0: none. Counts down. */
extern long rl_alloc_live;    /* blocks that are allocated now */
extern void (*rl_alloc_on_free)(const void *p); /* sees each block before it is freed or moved */
#endif

#endif
