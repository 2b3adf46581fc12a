/* quirks.c: what is done for the sake of some versions of libcurl. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* FD_CLOEXEC with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "quirks.h"

#include "platform.h"

#include <fcntl.h>

/* A pair has the lowest numbers that are free. */
CURLM *rl_quirk_multi(void) {
  int fds[2], i, found = 0;
  CURLM *m;
  if (!rl_free_descriptors(fds))
    return curl_multi_init();
  m = curl_multi_init();
  for (i = 0; i < 2; i++)
    found += m != NULL && rl_is_private_socket(fds[i]);
  for (i = 0; i < found && found == 2; i++)
    (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
  return m;
}

CURLcode rl_quirk_quick_exit(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  return rc == CURLE_UNKNOWN_OPTION ? CURLE_OK : rc;
#else
  (void)easy;
  return CURLE_OK;
#endif
}

void rl_quirk_quick_exit_multi(CURLM *multi) {
#if LIBCURL_VERSION_NUM >= 0x081400
  (void)curl_multi_setopt(multi, CURLMOPT_QUICK_EXIT, 1L);
#else
  (void)multi;
#endif
}

int rl_quirk_has_quick_exit(unsigned version) {
  return LIBCURL_VERSION_NUM >= 0x075700 && version >= 0x075700;
}

double rl_quirk_waited(CURL *easy) {
#if RL_QUIRK_TIMES_WAITS
  curl_off_t us = 0;
  if (curl_easy_getinfo(easy, CURLINFO_QUEUE_TIME_T, &us) == CURLE_OK)
    return (double)us * 1e-6;
#else
  (void)easy;
#endif
  return -1; /* a library older than the headers that this was built with */
}

int rl_quirk_is_spent(CURLcode result) {
  return result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_RESOLVE_PROXY;
}

int rl_quirk_is_too_large(CURLcode result) {
  return result == CURLE_OUT_OF_MEMORY || (int)result == 100 /* CURLE_TOO_LARGE */;
}
