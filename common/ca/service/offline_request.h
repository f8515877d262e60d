#ifndef CERTPOOL_CA_SERVICE_OFFLINE_REQUEST_H
#define CERTPOOL_CA_SERVICE_OFFLINE_REQUEST_H

#include "common/ca/issue/authority.h"
#include "common/crypto/shared_key.h"

/*
 * Part 1, the CA's half, for a request that was carried here by hand: as over the network, but for
 * its age (OFFLINE_WINDOW_S). The answer may be carried back however long it takes.
 */

struct offline_answer {
	char client[NAME_SIZE];            /* whose request it was */
	struct certificates_answer answer; /* what the JWE says */
	struct buffer jwe;
};

/*
 * Opens the request under one of the ring's keys, certifies, encrypts the answer under the same
 * key. What cannot be certified is refused in the answer.
 * Errors: FAULT_UNDECRYPTABLE; others when the CA itself failed: nothing was issued then.
 */
int answer_offline_request(struct authority *authority, const struct key_ring *ring,
			   struct bytes jwe, int64_t now_s, struct offline_answer *ret_answer,
			   struct fault *fault) MUST_CHECK;
void clear_offline_answer(struct offline_answer *answer);

#endif
