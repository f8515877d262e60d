#ifndef CERTPOOL_POOL_ENROLMENT_REQUEST_BATCH_H
#define CERTPOOL_POOL_ENROLMENT_REQUEST_BATCH_H

#include "common/layout/client_node.h"
#include "common/layout/layout.h"
#include "common/net/client/client.h"
#include "common/pool/members/member.h"
#include "common/wire/certificates.h"
#include "common/x509/chain.h"

/* One request to the CA, made from the members' request files, and its answer, which becomes their
   certificate files. */

/* A member that the request asks a certificate for. */
struct batch_member {
	size_t index;
	uint8_t key_sha256[SHA256_LEN]; /* of the public key in its request */
	bool answered;
};

/*
 * Certificates that end in the same second as their issuer's: the CA would have made them longer,
 * had its own certificate not been in the way.
 */
struct cut_short {
	size_t count;
	int64_t end_s; /* 0 for none */
};

struct request_batch {
	const struct member_files *files;
	struct batch_member *members; /* by rising index; request.members has their names */
	struct certificates_request request;
	/* Of the answer; filled by check_batch_answer: */
	struct intermediates chain;
	struct cut_short cut_short;
};

/* An empty batch with room for max_count members, whose files have these names. */
int init_request_batch(const struct member_files *files, size_t max_count,
		       struct request_batch *ret_batch, struct fault *fault) MUST_CHECK;
void clear_request_batch(struct request_batch *batch);

/*
 * Reads a member's request from CSR_file/ and adds it. The caller adds members by rising index. If
 * the file has no request, or one with a weak key, only this member is refused: *refusal is filled,
 * and the batch stays as it was.
 */
int add_to_request_batch(const struct layout *layout, size_t index, struct request_batch *batch,
			 struct refusal *refusal, struct fault *fault) MUST_CHECK;

/* Whether one request can ask for the certificates of both members: they have the same window, or
   the pool has none. */
bool may_share_request(const struct pool_settings *pool, size_t member, size_t other);

/* With windows: has the request ask for the validity of its members' window, and name the members
   in random order, so that the CA does not certify them in that of their numbers. */
int ask_for_window(const struct pool_settings *pool, struct request_batch *batch,
		   struct fault *fault) MUST_CHECK;

/*
 * Checks an answer, whose claims the caller has checked, against the request: every member of the
 * request has one certificate or one refusal, and no other member has; each certificate is for the
 * key in its member's request and passes verify_chain through the answer's chain, which has no
 * certificate that is not needed. Replaces the PEM of each certificate by one of our own making,
 * and moves the chain to the batch, unless the answer has no certificate to check it with. A
 * certificate that was good and has ended, as older CAs give it for a key that was certified long
 * ago, becomes a refusal of its member (key_spent). A certificate for a window may not have begun,
 * and has exactly the validity for which the request asks.
 * The intermediates of `known` help to find a path from the chain on to one of its roots. Errors:
 * FAULT_UNVERIFIED if a check fails.
 */
int check_batch_answer(struct request_batch *batch, const struct trust *known, int64_t now_s,
		       struct certificates_answer *answer, struct fault *fault) MUST_CHECK;

/* Writes the certificates of a checked answer, together and durably. The caller has saved the
   chain before (keep_intermediates). */
int save_certificates(const struct layout *layout, const struct member_files *files,
		      const struct certificates_answer *answer, struct fault *fault) MUST_CHECK;

#endif
