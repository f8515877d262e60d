#ifndef CERTPOOL_WIRE_INVITATION_H
#define CERTPOOL_WIRE_INVITATION_H

#include "common/base/endpoint.h"
#include "common/base/key_type.h"
#include "common/crypto/digest.h"
#include "common/crypto/shared_key.h"
#include "common/layout/usages.h"

/*
 * An invitation: one file, carried by hand, with all that a node on another host needs to exchange
 * messages with us: the shared key, our endpoint, and, from the CA, the SHA-256 of the root's DER
 * and the size, key type and subjects of the pool. It is as secret as the shared key in it. JSON:
 *
 *   {"certpool":"invitation","version":1,"from":"ca","to":"client3",
 *    "endpoint":"http://127.0.0.1:8440","root_sha256":"<64 hex digits>",
 *    "pool":{"size":20,"key":"ecdsa-p256","subject":"CN={client}-{index}"},
 *    "expires":"2027-01-01T00:00:00Z","shared_key":{…JWK…}}
 *
 * expires is there when the invitation has an end: the CA refuses whoever comes first after that.
 * The pool has "usages":"sign,client" too unless they are "sign", the default.
 * "once":true says that the key counts for one question, the one for its successor
 * (key_exchange.h).
 *
 * An invitation from a client to a client has no root_sha256 and no pool, and no endpoint when the
 * inviting client does not receive messages. While the key before this one is still taken
 * (certpool rotate key), "old_ends" has its end.
 */

enum { INVITATION_MAX = 16384 };

struct invitation {
	char from[NAME_SIZE];
	char to[NAME_SIZE];
	bool has_endpoint;
	struct endpoint endpoint;
	bool from_ca; /* root_sha256 and the members of the pool are set */
	uint8_t root_sha256[SHA256_LEN];
	size_t pool_size;
	enum key_type pool_key;
	char *pool_subject;       /* a template (common/layout/template.h) */
	unsigned int pool_usages; /* of enum usage */
	int64_t ends_s;           /* 0: it does not expire */
	bool once;                /* from the CA alone */
	struct shared_key key;
	int64_t old_ends_s; /* of the key before it; 0: it is not taken any more */
};

int format_invitation(const struct invitation *invitation, struct secret *ret_json,
		      struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED names the member and what was expected. */
int parse_invitation(struct bytes json, struct invitation *ret_invitation,
		     struct fault *fault) MUST_CHECK;
void clear_invitation(struct invitation *invitation);

#endif
