/* curlcode.h: libcurl's result codes as the names and kinds that users see. */
#ifndef RL_CURLCODE_H
#define RL_CURLCODE_H

#include <curl/curl.h>

/* CURLE_COULDNT_CONNECT is "COULDNT_CONNECT"; a code of a libcurl newer than this file is
 * "CURL_ERROR". Always a constant. https://curl.se/libcurl/c/libcurl-errors.html */
const char *rl_curlcode_name(CURLcode code);

/* The same for the codes of the multi interface: CURLM_OUT_OF_MEMORY is "OUT_OF_MEMORY". */
const char *rl_curlmcode_name(CURLMcode code);

/* 1 when the code speaks of a certificate or the TLS handshake. */
int rl_curlcode_is_tls(CURLcode code);

#endif
