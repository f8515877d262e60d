#ifndef CERTPOOL_TESTS_UNIT_POOL_FIXTURE_H
#define CERTPOOL_TESTS_UNIT_POOL_FIXTURE_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer.h"
#include "tests/support/scratch.h"

/*
 * A CA's root and the layouts of three clients in a temporary directory: each client has pinned the
 * root, and shares a key with the CA and with each of the others.
 */

enum { CLIENT_COUNT = 3, POOL_SIZE = 3, MESSAGE_LIMIT = 100000 };

struct fixture {
	struct scratch scratch;
	int64_t now_s;
	struct issuer *issuer;
	struct issuer *other_issuer; /* of another root of the same name */
	struct layout *ca;           /* only its shared keys */
	struct layout *layouts[CLIENT_COUNT];
	struct client_node clients[CLIENT_COUNT]; /* client1, client2, client3 */
};

void open_fixture(struct fixture *fixture);
void close_fixture(struct fixture *fixture);

/* A new root of the name of every test root, with another key. */
struct issuer *make_issuer(int64_t now_s);

/* An issuer below that root. */
struct issuer *make_intermediate_issuer(const struct issuer *root, const char *subject,
					int64_t now_s);

/*
 * A root of the same subject name and the same subjectKeyIdentifier as that one, and with another
 * key: only a signature tells the two apart.
 */
struct issuer *make_twin_issuer(const struct issuer *issuer);

/* The issuer's CRL, current for an hour. serial: of a certificate that was revoked at the start of
   2026 (keyCompromise); empty: the CRL has no entry. */
struct buffer make_crl(const struct fixture *fixture, const struct issuer *issuer, uint64_t number,
		       struct bytes serial);

/* A certificate for a request in PEM. */
struct buffer certify_pem(const struct issuer *issuer, struct bytes csr_pem, int64_t not_before_s,
			  int64_t not_after_s);

/* The same, for these usages. */
struct buffer certify_pem_as(const struct issuer *issuer, struct bytes csr_pem,
			     const struct grant *grant);

/* Makes the client's pool. */
void make_client_pool(struct fixture *fixture, size_t client);

/* Certifies a member's request by the fixture's issuer, and saves the certificate. */
void certify_member(struct fixture *fixture, size_t client, size_t member, int64_t not_before_s,
		    int64_t not_after_s);

/* Makes the pool and certifies all of it, for a day. */
void make_certified_pool(struct fixture *fixture, size_t client);

/* The certificate of the first client's first member. */
struct certificate *first_certificate(const struct fixture *fixture);

/* The number of files in the directory, without root.crt. */
size_t count_files(int dirfd);

/* A file's content. */
struct buffer get_file(int dirfd, const char *name);

#endif
