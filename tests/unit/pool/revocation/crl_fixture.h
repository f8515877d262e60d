#ifndef CERTPOOL_TESTS_UNIT_POOL_REVOCATION_CRL_FIXTURE_H
#define CERTPOOL_TESTS_UNIT_POOL_REVOCATION_CRL_FIXTURE_H

#include "common/pool/revocation/crl_source.h"
#include "tests/unit/pool/fake_ca.h"

/* A certificate, the path of a file for its CRL, and a source, at first of that file. */
struct crl_fixture {
	struct fixture base;
	struct certificate *certificate;
	char path[sizeof(((struct scratch *)NULL)->path) + 16];
	struct crl_source *source;
};

void open_crl_fixture(struct crl_fixture *fixture);
void close_crl_fixture(struct crl_fixture *fixture);

/* Takes another file or URL instead. */
void open_source(struct crl_fixture *fixture, const char *location);

/* What the source says of the certificate so many seconds from now. consult: by its own issuer. */
struct crl_finding consult_for(struct crl_fixture *fixture, const struct certificate *issuer,
			       int64_t after_s);
struct crl_finding consult(struct crl_fixture *fixture, int64_t after_s);

/* That the source cannot tell, for a reason with this in it. */
void expect_unknown(const struct crl_finding *finding, const char *why);

#endif
