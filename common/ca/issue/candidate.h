#ifndef CERTPOOL_CA_ISSUE_CANDIDATE_H
#define CERTPOOL_CA_ISSUE_CANDIDATE_H

#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/layout/ca_node.h"
#include "common/wire/claims.h"
#include "common/x509/issuer.h"

/* The issuer of a batch's certificates, their client and their validity. */
struct issue_options {
	const struct issuer *issuer;           /* the newest */
	uint8_t issuer_key_sha256[SHA256_LEN]; /* no client may have this key */
	struct store *store;
	const struct client *client;
	struct validity validity;
	int64_t jitter_s; /* a certificate ends up to so much earlier, by chance */
	int64_t now_s;
	const char *prefix; /* a member is called PREFIX-SERIAL; NULL: as its candidate */
	/* What the certificate names, without a subject; NULL: what the request does. */
	const struct alt_names *names;
	unsigned int usages; /* of enum usage, in place of none in a request; 0: the policy's */
	bool new_keys;       /* a key that has a certificate is refused */
	bool in_window;     /* the validity is that of windows, and may begin before the issuer's */
	bool pseudonymous;  /* the CA draws the subjects (ca_profile.h) */
	int64_t shuffle_ms; /* of the insertion */
};

/*
 * Fills the options for a client's certificates, and reads its record, to which they point.
 * *refusal is filled when the client may have none. Errors: -1 only when the CA itself may not or
 * cannot issue now.
 */
struct authority;
int begin_issue(struct authority *authority, const char *client, int64_t now_s,
		struct client *ret_record, struct issue_options *options, struct refusal *refusal,
		struct fault *fault) MUST_CHECK;

/* Makes the options those of a window for which the client asks; *refusal is filled when it may
   have none in it. */
void choose_window(const struct ca_node *ca, const struct window *asked,
		   struct issue_options *options, struct refusal *refusal);

/*
 * One certificate request of a batch. Once examined it is refused, or has the certificate that is
 * in the store for its key, or the body of a new one. No client may get a new certificate before it
 * is in the store.
 */
struct candidate {
	const char *name; /* the member's, borrowed */
	bool is_unknown;  /* before the examination: key_sha256 is that of a key without a record */
	bool has_key;     /* the request could be parsed: key_sha256 is set */
	uint8_t key_sha256[SHA256_LEN];
	struct refusal refusal;
	struct buffer der;   /* the certificate, when it may be given to the client */
	unsigned int issuer; /* of that certificate: its number */
	bool is_new;         /* a record was filled, but for its DER */
	struct buffer body;  /* what is to be signed, when it is new */
	size_t record_index; /* for the batch: of that record */
};

void clear_candidate(struct candidate *candidate);

/*
 * Examines one request in PEM: form, key, the client's policy, proof of possession. For a request
 * that holds, writes the body of a certificate and fills *ret_record. A key that is in the store
 * needs no proof: nothing is issued, and the client gets the certificate that it was given before,
 * for a proof. Errors: -1 only when the CA itself failed.
 */
int examine_candidate(const struct issue_options *options, struct bytes pem,
		      struct candidate *candidate, struct issued_certificate *ret_record,
		      struct fault *fault) MUST_CHECK;

/* The same for a request that is parsed. */
struct csr;
int examine_csr(const struct issue_options *options, const struct csr *csr,
		struct candidate *candidate, struct issued_certificate *ret_record,
		struct fault *fault) MUST_CHECK;

/* Why the signer did not sign: it looks at the client once more. */
int refuse_unsigned(const struct issue_options *options, const struct verdict *verdict,
		    struct refusal *refusal, struct fault *fault) MUST_CHECK;

/* Gives the candidate its certificate, that of the record, or a refusal, by the result of the
   record's insertion. */
int settle_candidate(const struct issue_options *options, enum insert_result result,
		     struct issued_certificate *record, struct candidate *candidate,
		     struct fault *fault) MUST_CHECK;

/*
 * Looks the candidate's key up in the store. Found, its certificate is the candidate's, unless it
 * is another client's, revoked or expired: then the candidate is refused.
 */
int find_recorded(const struct issue_options *options, struct candidate *candidate, bool *ret_found,
		  struct fault *fault) MUST_CHECK;

#endif
