/* The floor of the bench: what libcurl alone takes for the same requests, with nothing read of
 * the answers.
 *
 *   bare list    url= pages= limit= [wrap=] [from=] [ca=]   pages, one after the other
 *   bare archive url= count= [ca=]                          POSTs, one after the other
 *   bare many    url= count= flying= connections= [ca=]     POSTs, `flying` of them at a time
 *   bare start   url= [ca=]                                 one GET
 *
 * Prints "name value" lines. Libcurl's other options are left at their defaults. */

#define _POSIX_C_SOURCE 200809L

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int arg_count;
static char **args;

static const char *text_option(const char *name, const char *otherwise) {
  size_t length = strlen(name);

  for (int i = 2; i < arg_count; i++) {
    if (strncmp(args[i], name, length) == 0 && args[i][length] == '=')
      return args[i] + length + 1;
  }
  return otherwise;
}

static long number_option(const char *name, long otherwise) {
  const char *text = text_option(name, NULL);

  return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

static void fail(const char *what) {
  fprintf(stderr, "bare: %s\n", what);
  _Exit(1);
}

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Kilobytes, of the process at its largest. */
static long peak(void) {
  char line[256];
  long kilobytes = 0;
  FILE *file = fopen("/proc/self/status", "r");

  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "VmHWM:", 6) == 0)
      kilobytes = strtol(line + 6, NULL, 10);
  }
  if (file != NULL)
    fclose(file);
  return kilobytes;
}

static double received, first_byte;

static size_t count_bytes(const char *data, size_t size, size_t n, void *unused) {
  (void)data;
  (void)unused;
  if (received == 0)
    first_byte = now();
  received += (double)(size * n);
  return size * n;
}

/* What the API asks of every request: without it the requests would not be the same. */
static struct curl_slist *headers(int post) {
  static const char *const lines[] = {
      "Authorization: Bearer bench",
      "Accept: application/json",
      "User-Agent: Runloop/Lua 0.0.0",
      "x-stainless-retry-count: 0",
      "Content-Type: application/json",
      "x-request-id: runloop-lua-retry-00000000-0000-4000-8000-000000000000",
  };
  size_t count = post ? 6 : 4;
  struct curl_slist *list = NULL;

  for (size_t i = 0; i < count; i++)
    list = curl_slist_append(list, lines[i]);
  return list;
}

static CURL *new_easy(int post) {
  static struct curl_slist *all;
  CURL *easy = curl_easy_init();
  const char *ca = text_option("ca", NULL);

  if (all == NULL)
    all = headers(post);

  if (easy == NULL)
    fail("no easy handle");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_bytes);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, all);
  if (ca != NULL)
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
  if (post)
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
  return easy;
}

static void check(CURL *easy, CURLcode code) {
  long status = 0;

  if (code != CURLE_OK)
    fail(curl_easy_strerror(code));
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200)
    fail("an answer was not 200");
}

static void set_archive_url(CURL *easy, const char *base, long n) {
  char url[256];

  snprintf(url, sizeof url, "%s/v1/scenarios/scn_%012ld/archive", base, n);
  curl_easy_setopt(easy, CURLOPT_URL, url);
}

/* The cursors are known beforehand: page n ends with scenario n * limit. `from` is the cursor of
 * the first page, and after `wrap` pages comes the first again. */
static void list(const char *base) {
  long pages = number_option("pages", 1), limit = number_option("limit", 500);
  long wrap = number_option("wrap", pages), from = number_option("from", 0);
  CURL *easy = new_easy(0);
  char url[256];

  for (long page = 0; page < pages; page++) {
    long cursor = page == 0 ? from : from + ((page - 1) % wrap + 1) * limit;

    if (cursor == 0)
      snprintf(url, sizeof url, "%s/v1/scenarios?limit=%ld", base, limit);
    else
      snprintf(url, sizeof url, "%s/v1/scenarios?limit=%ld&starting_after=scn_%012ld", base, limit,
               cursor);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    check(easy, curl_easy_perform(easy));
  }
  curl_easy_cleanup(easy);
}

static void archive(const char *base) {
  long count = number_option("count", 1);
  CURL *easy = new_easy(1);

  for (long n = 1; n <= count; n++) {
    set_archive_url(easy, base, n);
    check(easy, curl_easy_perform(easy));
  }
  curl_easy_cleanup(easy);
}

static void many(const char *base) {
  long count = number_option("count", 1), flying = number_option("flying", 1), started = 0,
       done = 0;
  CURLM *multi = curl_multi_init();

  if (multi == NULL)
    fail("no multi handle");
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, number_option("connections", 0));
  while (started < flying && started < count) {
    CURL *easy = new_easy(1);

    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    set_archive_url(easy, base, ++started);
    curl_multi_add_handle(multi, easy);
  }
  while (done < count) {
    int running, left;
    CURLMsg *message;

    if (curl_multi_perform(multi, &running) != CURLM_OK)
      fail("curl_multi_perform");
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
      CURL *easy = message->easy_handle;

      check(easy, message->data.result);
      curl_multi_remove_handle(multi, easy);
      done++;
      if (started < count) {
        set_archive_url(easy, base, ++started);
        curl_multi_add_handle(multi, easy);
      } else {
        curl_easy_cleanup(easy);
      }
    }
    if (done < count)
      curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
  curl_multi_cleanup(multi);
}

static void start(const char *base) {
  CURL *easy = new_easy(0);
  char url[256];

  snprintf(url, sizeof url, "%s/v1/scenarios/scn_%012d", base, 1);
  curl_easy_setopt(easy, CURLOPT_URL, url);
  check(easy, curl_easy_perform(easy));
  puts("answered 1");
  fflush(stdout);
  curl_easy_cleanup(easy);
}

static const struct {
  const char *name;
  void (*run)(const char *base);
} modes[] = {{"list", list}, {"archive", archive}, {"many", many}, {"start", start}};

int main(int argc, char **argv) {
  arg_count = argc;
  args = argv;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
    if (strcmp(argv[1], modes[i].name) == 0) {
      const char *base = text_option("url", NULL);
      double began = now();

      if (base == NULL)
        fail("no url=");
      modes[i].run(base);
      printf("seconds %.6f\nfirst %.6f\nbytes %.0f\npeak %ld\n", now() - began, first_byte - began,
             received, peak());
      return 0;
    }
  }
  fail("unknown mode");
}
