/* trust.h: a directory of certificates that stands for a bundle of them. */
#ifndef RL_TRUST_H
#define RL_TRUST_H

/* Whether a directory holds the certificates of a bundle and no others, under the hashes of their
 * names ("5ed36f99.0"), so that OpenSSL finds the one that it needs there and need not read them
 * all. Files are looked into when one of the two has changed since this was asked last. 0 also
 * while another thread does that, or did when the process was forked: nobody waits for it. */
int rl_trust_is_same(const char *bundle, const char *directory);

#endif
