#ifndef CERTPOOL_TESTS_UNIT_NET_TLS_PAIR_H
#define CERTPOOL_TESTS_UNIT_NET_TLS_PAIR_H

#include "common/net/tls_identity.h"
#include "tests/support/scratch.h"

/*
 * A root and what it has certified, for tests of TLS, made by GnuTLS: a server's certificate for
 * 127.0.0.1, valid from now on for `validity_s`.
 */
struct tls_pair {
	struct scratch scratch;
	char *root_path; /* of the root, PEM */
	struct buffer certificate;
	struct buffer key;
};

void make_tls_pair(struct tls_pair *pair, int64_t validity_s);

/* The same without what a client looks for; the subject has the name then. */
enum pair_flaw { PAIR_WITHOUT_FLAW, PAIR_WITHOUT_PURPOSE, PAIR_WITHOUT_NAME };
void make_flawed_pair(struct tls_pair *pair, enum pair_flaw flaw);

void remove_tls_pair(struct tls_pair *pair);
struct tls_material material_of(const struct tls_pair *pair);

#endif
