#ifndef CERTPOOL_POOL_MEMBER_H
#define CERTPOOL_POOL_MEMBER_H

#include "common/layout/layout.h"
#include "common/x509/certificate.h"

/*
 * A member that can sign: its certificate is valid now and is for its private key. Both are old or
 * both are new also while the member is being renewed, or when its renewal was killed.
 */
struct member {
	size_t index;
	struct certificate *certificate;
	struct private_key *key;
};

/* FAULT_NOT_FOUND: no certificate, or no key; FAULT_REFUSED: expired, not yet valid, or the
   certificate is not for the key. Each with the file and what to do. */
int open_member(const struct layout *layout, size_t index, int64_t now_s, struct member *ret_member,
		struct fault *fault) MUST_CHECK;
void clear_member(struct member *member);

/*
 * Draws a member uniformly from the system's randomness, without modulo bias, among those of
 * members 1 … size that have a certificate that is valid now. FAULT_NOT_FOUND when none has.
 */
int draw_member(const struct layout *layout, size_t size, int64_t now_s, struct member *ret_member,
		struct fault *fault) MUST_CHECK;

#endif
