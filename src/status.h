/* status.h: what the parts of the C core report to each other. */
#ifndef RL_STATUS_H
#define RL_STATUS_H

enum rl_status {
  RL_OK = 0,
  RL_NOMEM,
  RL_TOO_LARGE, /* a cap on bytes was exceeded */
  RL_TOO_DEEP,  /* nesting beyond RL_JSON_MAX_DEPTH */
  RL_SYNTAX,    /* not JSON */
  RL_SHAPE,     /* well-formed, but not what was promised, or not what can be sent */
  RL_SYSTEM     /* a call of the system failed; errno says why */
};

/* How a request can end. */
enum rl_kind {
  RL_KIND_OK, /* an answer has arrived whole, whatever its status */
  RL_KIND_CONNECTION,
  RL_KIND_TLS,
  RL_KIND_TIMEOUT,
  RL_KIND_LIMIT,
  RL_KIND_CANCELLED,
  RL_KIND_FILE /* the file could not be written */
};

/* Why something ended. The strings are good as long as whoever tells of it. */
struct rl_fault {
  enum rl_kind kind;
  const char *code; /* "OK", libcurl's name, "DEADLINE", "BODY_TOO_LARGE" and the like */
  const char *message;
};

#endif
