/* quirks.h: what is there for some versions of libcurl, and can go when they have gone.
 *
 * What could not be had apart stays where it is:
 *   7.88  note_write in http.c: while HTTP/2's flow control stops a request's body, a socket is
 *         writable all the time (never_blocks_spec)
 *   7.88  LARGE_BODY in http.c: an answer before the request's end is waited for for ever
 *         (early_answer_spec)
 *   7.88  is_stale in transfer.c: no callback before a request tells its socket (connections_spec)
 *   7.88  rl_headers_may_hide_cut: a cut stream of HTTP/2 may look whole (faults_spec)
 *   8.14  headers.c: any version of HTTP passes, as 1.0 (faults_spec) */
#ifndef RL_QUIRKS_H
#define RL_QUIRKS_H

#include <curl/curl.h>

/* Until 8.10 a multi handle is woken through a pair of sockets that children of the host would
 * inherit: one whose pair they do not (trust_spec). NULL when out of memory. */
CURLM *rl_quirk_multi(void);

/* Ending a transfer must not wait for a resolver that is still out. Before 7.87 it does; until 8.19
 * an easy handle has the option, from 8.20 on the multi handle (never_blocks_spec). */
CURLcode rl_quirk_quick_exit(CURL *easy);
void rl_quirk_quick_exit_multi(CURLM *multi);

/* 1: the option above is known to the libcurl of this version number. */
int rl_quirk_has_quick_exit(unsigned version);

/* From 8.6 on the limit for the connection also runs while libcurl lets a transfer wait for another
 * one's connection, and it tells how long that was (connections_spec). */
#define RL_QUIRK_TIMES_WAITS (LIBCURL_VERSION_NUM >= 0x080600)

/* Seconds of that; negative: not known. */
double rl_quirk_waited(CURL *easy);

/* 1: the handle must not be used again. In 8.14 it would leak the name that it could not resolve
 * (asan over errors_spec). */
int rl_quirk_is_spent(CURLcode result);

/* 1: libcurl gave up on a header line of more than 100 KB, or on 64 MB at once for a transfer that
 * is paused: until 8.6 as if memory had run out (caps_spec). */
int rl_quirk_is_too_large(CURLcode result);

#endif
