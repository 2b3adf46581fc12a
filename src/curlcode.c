/* curlcode.c: libcurl's result codes as the names and kinds that users see. */
#include "curlcode.h"

#define NAME(code)                                                                                 \
  case CURLE_##code:                                                                               \
    return #code

const char *rl_curlcode_name(CURLcode code) {
  switch ((int)code) {
    NAME(OK);
    NAME(UNSUPPORTED_PROTOCOL);
    NAME(FAILED_INIT);
    NAME(URL_MALFORMAT);
    NAME(NOT_BUILT_IN);
    NAME(COULDNT_RESOLVE_PROXY);
    NAME(COULDNT_RESOLVE_HOST);
    NAME(COULDNT_CONNECT);
    NAME(REMOTE_ACCESS_DENIED);
    NAME(HTTP2);
    NAME(PARTIAL_FILE);
    NAME(HTTP_RETURNED_ERROR);
    NAME(WRITE_ERROR);
    NAME(UPLOAD_FAILED);
    NAME(READ_ERROR);
    NAME(OUT_OF_MEMORY);
    NAME(OPERATION_TIMEDOUT);
    NAME(HTTP_POST_ERROR);
    NAME(SSL_CONNECT_ERROR);
    NAME(ABORTED_BY_CALLBACK);
    NAME(BAD_FUNCTION_ARGUMENT);
    NAME(INTERFACE_FAILED);
    NAME(TOO_MANY_REDIRECTS);
    NAME(UNKNOWN_OPTION);
    NAME(GOT_NOTHING);
    NAME(SSL_ENGINE_NOTFOUND);
    NAME(SSL_ENGINE_SETFAILED);
    NAME(SEND_ERROR);
    NAME(RECV_ERROR);
    NAME(SSL_CERTPROBLEM);
    NAME(SSL_CIPHER);
    NAME(PEER_FAILED_VERIFICATION);
    NAME(BAD_CONTENT_ENCODING);
    NAME(FILESIZE_EXCEEDED);
    NAME(USE_SSL_FAILED);
    NAME(SEND_FAIL_REWIND);
    NAME(SSL_ENGINE_INITFAILED);
    NAME(LOGIN_DENIED);
    NAME(SSL_CACERT_BADFILE);
    NAME(SSL_SHUTDOWN_FAILED);
    NAME(AGAIN);
    NAME(SSL_CRL_BADFILE);
    NAME(SSL_ISSUER_ERROR);
    NAME(CHUNK_FAILED);
    NAME(NO_CONNECTION_AVAILABLE);
    NAME(SSL_PINNEDPUBKEYNOTMATCH);
    NAME(SSL_INVALIDCERTSTATUS);
    NAME(HTTP2_STREAM);
    NAME(RECURSIVE_API_CALL);
  case 8: /* its name changed in 7.51 */
    return "WEIRD_SERVER_REPLY";
  case 94:
    return "AUTH_ERROR";
  case 95:
    return "HTTP3";
  case 96:
    return "QUIC_CONNECT_ERROR";
  case 97:
    return "PROXY";
  case 98:
    return "SSL_CLIENTCERT";
  case 99:
    return "UNRECOVERABLE_POLL";
  case 100:
    return "TOO_LARGE";
  case 101:
    return "ECH_REQUIRED";
  default:
    return "CURL_ERROR";
  }
}

const char *rl_curlmcode_name(CURLMcode code) {
  switch ((int)code) {
  case CURLM_OUT_OF_MEMORY:
    return "OUT_OF_MEMORY";
  case CURLM_INTERNAL_ERROR:
    return "INTERNAL_ERROR";
  case CURLM_BAD_HANDLE:
  case CURLM_BAD_EASY_HANDLE:
    return "BAD_HANDLE";
  case CURLM_BAD_SOCKET:
    return "BAD_SOCKET";
  case 11: /* CURLM_ABORTED_BY_CALLBACK, 7.81 */
    return "ABORTED_BY_CALLBACK";
  case 12: /* CURLM_UNRECOVERABLE_POLL, 7.84 */
    return "UNRECOVERABLE_POLL";
  default:
    return "CURLM_ERROR";
  }
}

int rl_curlcode_is_tls(CURLcode code) {
  switch ((int)code) {
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_USE_SSL_FAILED:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_SHUTDOWN_FAILED:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case 98:  /* CURLE_SSL_CLIENTCERT, 7.77 */
  case 101: /* CURLE_ECH_REQUIRED, 8.8 */
    return 1;
  default:
    return 0;
  }
}
