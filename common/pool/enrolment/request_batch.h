#ifndef CERTPOOL_POOL_ENROLMENT_REQUEST_BATCH_H
#define CERTPOOL_POOL_ENROLMENT_REQUEST_BATCH_H

#include "common/layout/layout.h"
#include "common/net/client.h"
#include "common/pool/members/member.h"
#include "common/wire/certificates.h"
#include "common/x509/intermediates.h"

/* One request to the CA, from the files of the members to the files of the members. */

/* A member whose request is asked to be certified. */
struct asked_member {
	size_t index;
	uint8_t key_sha256[SHA256_LEN]; /* of the public key in its request */
	bool answered;
};

struct request_batch {
	const struct member_files *files;
	struct asked_member *members; /* by rising index; request.members[i] is members[i]'s */
	struct certificates_request request;
	struct intermediates chain; /* of the answer, once it was checked */
};

/* Empty, with room for so many members, whose files have these names. */
int init_request_batch(const struct member_files *files, size_t most,
		       struct request_batch *ret_batch, struct fault *fault) MUST_CHECK;
void clear_request_batch(struct request_batch *batch);

/*
 * Adds a member, whose request is read from CSR_file/. Members are added by rising index. A request
 * that is none, or has a key that is weak, refuses that member alone: *refusal is filled, and the
 * member is not in the batch.
 */
int add_to_request_batch(const struct layout *layout, size_t index, struct request_batch *batch,
			 struct refusal *refusal, struct fault *fault) MUST_CHECK;

/*
 * Holds an answer, whose claims were checked, against what was asked: each member asked for has one
 * certificate or one refusal, nobody else has; each certificate is for the key of its member's
 * request and passes verify_chain, through the answer's chain, which has nothing superfluous.
 * FAULT_UNVERIFIED otherwise. The PEM of each certificate is replaced by the one that we write
 * ourselves; the chain is in the batch, unless there is no certificate to hold it against.
 */
int check_batch_answer(struct request_batch *batch, const struct certificate *root, int64_t now_s,
		       struct certificates_answer *answer, struct fault *fault) MUST_CHECK;

/* Writes the certificates of an answer that was checked, together and durably. What they need of
   the chain is to be there before (keep_intermediates). */
int save_certificates(const struct layout *layout, const struct member_files *files,
		      const struct certificates_answer *answer, struct fault *fault) MUST_CHECK;

#endif
