#ifndef CERTPOOL_TESTS_UNIT_CA_FIXTURE_H
#define CERTPOOL_TESTS_UNIT_CA_FIXTURE_H

#include "common/ca/issue/certify_batch.h"
#include "common/ca/issue/init_authority.h"
#include "common/ca/signer/signed_log.h"
#include "common/crypto/key.h"
#include "tests/support/scratch.h"

/*
 * A CA in a scratch directory. Its clients: client1, client2 and client3 with pools of 20; "few",
 * which may have three certificates; "spaced", whose subjects have spaces and lower-case types in
 * the manifest; "strict", whose policy allows P-256 only and one alternative name.
 */
struct ca_fixture {
	struct scratch scratch;
	char ca_path[300];
	char store_path[320];
	struct manifest *manifest;
	struct layout *layout;
	struct key_access access; /* plain files, unless a test says otherwise */
	struct authority *authority;
};

/* 2026-09-21; its CA's root is valid for ten years, its certificates for 90 days. */
#define NOW_S INT64_C(1790000000)
#define DAY_S INT64_C(86400)

/* Layout and manifest only. */
void make_ca_place(struct ca_fixture *fixture);

/* Moves the root of a place to stick/, beside it. Of the intermediate CN=Test Issuing CA, for five
   years. */
void lay_root_apart(struct ca_fixture *fixture);

/* A place initialised and opened at that time. */
void make_ca(struct ca_fixture *fixture, int64_t now_s);
void remove_ca(struct ca_fixture *fixture);

int init_ca(struct ca_fixture *fixture, int64_t now_s, struct authority_made *ret_made,
	    struct fault *fault);
int open_ca(struct ca_fixture *fixture, int64_t now_s, struct fault *fault);

/* A key, and a request for it in PEM. alt_name may be NULL. */
struct private_key *make_key(enum key_type type);
struct buffer make_csr(const struct private_key *key, const char *subject, const char *alt_name);

/* Adds a member with this request. Owns: pem passes to the request. */
void add_member(struct certificates_request *request, const char *name, struct buffer pem);

/* Adds `count` members with fresh P-256 keys, named and with subjects as the client's pool. */
void add_members(struct certificates_request *request, const char *client, size_t first,
		 size_t count);

/* certify_batch, which must not fail. */
void certify(struct ca_fixture *fixture, const char *client,
	     const struct certificates_request *request, int64_t now_s,
	     struct certificates_answer *answer);

/* The certificate, or the refusal, of a member in the answer; NULL: it has none. */
const struct buffer *find_pem(const struct certificates_answer *answer, const char *name);
const struct refusal *find_refusal(const struct certificates_answer *answer, const char *name);

/* Expects a refusal of that type for the member, with `part` in its detail. */
void expect_member_refused(const struct certificates_answer *answer, const char *name,
			   const char *type, const char *part);

struct certificate *parse_member_certificate(const struct certificates_answer *answer,
					     const char *name);

/* Certifies one fresh key of client1 and gives back its certificate. */
struct certificate *certify_one(struct ca_fixture *fixture, int64_t now_s);

/* The number of certificates in the CA's store. */
size_t count_rows(const struct ca_fixture *fixture);

/* The lines of that kind in the log of signatures. */
size_t count_signed(const struct ca_fixture *fixture, enum signed_kind kind);

void expect_fault(const struct fault *fault, enum fault_class class, const char *part);

#endif
