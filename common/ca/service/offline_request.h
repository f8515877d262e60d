#ifndef CERTPOOL_CA_SERVICE_OFFLINE_REQUEST_H
#define CERTPOOL_CA_SERVICE_OFFLINE_REQUEST_H

#include "common/ca/issue/authority.h"
#include "common/crypto/shared_key.h"
#include "common/wire/certificates.h"

/*
 * Certificates for a client without a connection: a person carries the encrypted request to the CA
 * and the answer back. As over the network, but the request may be OFFLINE_WINDOW_S old, and its
 * answer of any age.
 */

struct offline_answer {
	char client[NAME_SIZE];            /* that made the request */
	struct certificates_answer answer; /* the plaintext of the JWE */
	struct buffer jwe;                 /* empty: the client told its roots alone */
	struct buffer roots; /* another JWE: the CA's roots; empty: they were never replaced */
};

/*
 * Decrypts the request under one of the ring's keys, certifies, and encrypts the answer under the
 * same key, and the CA's roots, as /v1/roots answers, when they were replaced or are being. A
 * request by which the client tells its roots (ROOTS_TYPE) is noted, and has no answer. Refusals
 * are in the answer. Owns: clear_offline_answer.
 * Errors: FAULT_UNDECRYPTABLE; others when the CA itself failed: nothing was issued.
 */
int answer_offline_request(struct authority *authority, const struct layout *layout,
			   const struct key_ring *ring, struct bytes jwe, int64_t now_s,
			   struct offline_answer *ret_answer, struct fault *fault) MUST_CHECK;
void clear_offline_answer(struct offline_answer *answer);

#endif
