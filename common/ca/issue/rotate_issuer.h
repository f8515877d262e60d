#ifndef CERTPOOL_CA_ISSUE_ROTATE_ISSUER_H
#define CERTPOOL_CA_ISSUE_ROTATE_ISSUER_H

#include "common/ca/issue/issuing_key.h"

struct rotation {
	const struct layout *layout;
	const struct ca_node *ca;
	const struct key_access *access;
	struct store *store;
	bool again; /* also within ROTATION_PAUSE_S of the last one */
	int64_t now_s;
};

/* The issuer that a CA has got by a rotation. */
struct rotated_issuer {
	unsigned int number;
	char *subject; /* RFC 4514 */
	int64_t not_after_s;
	int64_t before_serves_until_s; /* the CRL and the OCSP answers of the issuer before */
	bool completed; /* a rotation that was killed; false: this one made all of it */
};

void clear_rotated_issuer(struct rotated_issuer *rotated);

/* A second rotation within that time is mostly a mistake. */
enum { ROTATION_PAUSE_S = 3600 };

/*
 * Makes the next issuer of a CA whose root lies apart and is at hand: a key, its certificate by the
 * root under a name of its own, and its row in the record, in this order. The CA issues under it
 * from the moment that its certificate has its name. In a record that several front ends share, key
 * and certificate are in the record first (issuer_copies.h), from where all of them have the files.
 * A rotation that was killed is completed by the next one, or by whoever opens the CA next.
 * `again`: also within ROTATION_PAUSE_S of the last one. The caller holds the lock of the CA's
 * layout.
 *
 * Errors, before anything has changed: FAULT_REFUSED for a CA whose root issues by itself,
 * and for a second rotation so soon; FAULT_NOT_FOUND when the key is in a token that lacks that of
 * the next issuer (open_private_key); FAULT_BUSY when another front end rotates now; those of
 * load_issuers, open_root_home and
 * load_root.
 */
int rotate_issuer(const struct rotation *rotation, struct rotated_issuer *ret_rotated,
		  struct fault *fault) MUST_CHECK;

#endif
