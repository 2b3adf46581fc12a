/* castore.c: the system's certificates elsewhere, to be preloaded (LD_PRELOAD): libcurl says that
 * its bundle is CASTORE_BUNDLE and its directory CASTORE_DIRECTORY (not set: it knows none), and
 * what the TLS library opens is written to CASTORE_LOG. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *next(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (found == NULL)
    abort();
  return found;
}

/* ISO C has no conversion between the two. */
union symbol {
  void *object;
  FILE *(*open)(const char *, const char *);
  curl_version_info_data *(*version)(CURLversion);
};

static const char *setting(const char *name) {
  return getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets it
}

curl_version_info_data *curl_version_info(CURLversion age) { // NOLINT: libcurl's name
  static curl_version_info_data told;
  union symbol real;
  real.object = next(dlopen("libcurl.so.4", RTLD_LAZY | RTLD_NOLOAD), "curl_version_info");
  told = *real.version(age);
  told.cainfo = setting("CASTORE_BUNDLE");
  told.capath = setting("CASTORE_DIRECTORY");
  return &told;
}

static FILE *logged(const char *function, const char *path, const char *mode) {
  const char *log = setting("CASTORE_LOG");
  union symbol real;
  real.object = next(RTLD_NEXT, function);
  if (log != NULL && strcmp(path, log) != 0) {
    FILE *f = real.open(log, "a");
    if (f != NULL) {
      fprintf(f, "%s\n", path);
      fclose(f);
    }
  }
  return real.open(path, mode);
}

FILE *fopen(const char *path, const char *mode) { // NOLINT: the C library's names are its own
  return logged("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode) { // NOLINT: likewise
  return logged("fopen64", path, mode);
}
