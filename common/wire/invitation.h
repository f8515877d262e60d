#ifndef CERTPOOL_WIRE_INVITATION_H
#define CERTPOOL_WIRE_INVITATION_H

#include "common/base/endpoint.h"
#include "common/base/key_type.h"
#include "common/crypto/digest.h"
#include "common/crypto/shared_key.h"

/*
 * What a node on another host needs to work with us, as one file carried by hand: the key that the
 * two share, where we listen, and, from the CA, the SHA-256 of the root's DER and what the pool is
 * to be like. It is as secret as the shared key in it. JSON:
 *
 *   {"certpool":"invitation","version":1,"from":"ca","to":"client3",
 *    "endpoint":"http://127.0.0.1:8440","root_sha256":"<64 hex digits>",
 *    "pool":{"size":20,"key":"ecdsa-p256","subject":"CN={client}-{index}"},
 *    "shared_key":{…JWK…}}
 *
 * From a client to a client there is no root_sha256 and no pool; endpoint is left out when the
 * inviting client receives nothing.
 */

enum { INVITATION_MAX = 16384 };

struct invitation {
	char from[NAME_SIZE];
	char to[NAME_SIZE];
	bool has_endpoint;
	struct endpoint endpoint;
	bool from_ca; /* then root_sha256 and the pool are there */
	uint8_t root_sha256[SHA256_LEN];
	size_t pool_size;
	enum key_type pool_key;
	char *pool_subject; /* template */
	struct shared_key key;
};

int format_invitation(const struct invitation *invitation, struct secret *ret_json,
		      struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED, with the member and what was expected. */
int parse_invitation(struct bytes json, struct invitation *ret_invitation,
		     struct fault *fault) MUST_CHECK;
void clear_invitation(struct invitation *invitation);

#endif
