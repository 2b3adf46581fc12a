/* trust_test.c: when a directory of certificates stands for a bundle. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* RTLD_NEXT, mkdtemp */
#endif

#include "trust.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define ONE "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define OTHER "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n"

static char base[] = "/tmp/rl_trust_XXXXXX", bundle[64], directory[64];

static const char *in_directory(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static void put(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  CHECK(f != NULL && fputs(text, f) >= 0, "%s", path);
  if (f != NULL)
    fclose(f);
}

/* Of a bundle of another size each time: two changes within a tick of the file system's clock could
 * not be told apart. */
static int is_same(void) {
  static int changes;
  char text[256];
  snprintf(text, sizeof text, "%s%.*s", ONE, ++changes,
           "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
  put(bundle, text);
  return rl_trust_is_same(bundle, directory);
}

/* Asked in the middle of reading the directory, as another thread may, or a child that was forked
 * then. */
static int asked_inside = -1;
static int asks;

int closedir(DIR *d) { // NOLINT: the C library's name is its own
  union {
    void *object;
    int (*close)(DIR *);
  } real;
  real.object = dlsym(RTLD_NEXT, "closedir");
  if (asks) {
    asks = 0;
    asked_inside = rl_trust_is_same(bundle, directory);
  }
  return real.object != NULL ? real.close(d) : -1;
}

static void nobody_waits_for_who_reads(void) {
  asks = 1;
  CHECK(is_same() == 1, "the same");
  CHECK(asked_inside == 0, "%d", asked_inside);
}

static void with(const char *name, const char *text, int expected) {
  put(in_directory(name), text);
  CHECK(is_same() == expected, "%s", name);
  CHECK(unlink(in_directory(name)) == 0, "%s", name);
}

static void names_are_openssl_s(void) {
  CHECK(unlink(in_directory("01234567.0")) == 0, "unlink");
  with("01234567.00", ONE, 0);
  with("0123456G.0", ONE, 0);
  with("01234567.1", ONE, 0);
  with("01234567.0", OTHER, 0);
  with("01234567.0", ONE, 1);
}

static void a_pipe_is_no_certificate(void) {
  put(in_directory("01234567.0"), ONE);
  CHECK(is_same() == 1, "without");
  CHECK(mkfifo(in_directory("89abcdef.0"), 0600) == 0, "mkfifo");
  CHECK(is_same() == 0, "with a pipe");
  CHECK(unlink(in_directory("89abcdef.0")) == 0, "unlink");
}

int main(void) {
  alarm(60); /* who waits would wait for ever */
  if (mkdtemp(base) == NULL)
    return 1;
  snprintf(bundle, sizeof bundle, "%s/bundle", base);
  snprintf(directory, sizeof directory, "%s/certs", base);
  CHECK(mkdir(directory, 0700) == 0, "mkdir");
  put(in_directory("01234567.0"), ONE);
  nobody_waits_for_who_reads();
  names_are_openssl_s();
  a_pipe_is_no_certificate();
  CHECK(unlink(in_directory("01234567.0")) == 0 && rmdir(directory) == 0 && unlink(bundle) == 0 &&
            rmdir(base) == 0,
        "%s stays", base);
  return test_summary("trust");
}
