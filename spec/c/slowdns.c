/* slowdns.c: a resolver that takes its time, to be preloaded (LD_PRELOAD) into any program:
 * getaddrinfo sleeps for SLOWDNS_SECONDS (3 by default) before it does its work. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <time.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static double seconds_to_sleep(void) {
  const char *wanted = getenv("SLOWDNS_SECONDS"); // NOLINT(concurrency-mt-unsafe): nobody sets it
  return wanted != NULL ? strtod(wanted, NULL) : 3;
}

int getaddrinfo(const char *node, const char *service, // NOLINT: the C library's names are its own
                const struct addrinfo *hints, struct addrinfo **out) {
  union { /* ISO C has no conversion between the two */
    void *object;
    resolver *function;
  } next;
  double seconds = seconds_to_sleep();
  struct timespec t;
  t.tv_sec = (time_t)seconds;
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  nanosleep(&t, NULL);
  next.object = dlsym(RTLD_NEXT, "getaddrinfo");
  return next.object != NULL ? next.function(node, service, hints, out) : EAI_SYSTEM;
}
