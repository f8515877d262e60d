#ifndef CERTPOOL_CA_REVOCATION_RESPONDER_KEY_H
#define CERTPOOL_CA_REVOCATION_RESPONDER_KEY_H

#include "common/ca/revocation/own_key.h"

#include <pthread.h>

/*
 * The key of an OCSP responder exists in memory only, and its certificate by the issuer is valid
 * for days and is in the store (client "ca", member "ocsp") before its first use. So the issuer's
 * key signs one certificate now and then, and no OCSP answers.
 */
#define RESPONDER_MEMBER "ocsp"

enum { RESPONDER_VALIDITY_S = 7 * 86400 };

/* As make_own_key. Errors: FAULT_NOT_FOUND when another issues now and nothing is valid any more
   that this one issued. */
int make_responder_key(struct store *store, const struct issuer *issuer, int64_t now_s,
		       struct own_key *ret_key, struct fault *fault) MUST_CHECK;

/*
 * The key of a running responder: made at the first use, replaced when a third of its validity is
 * left (unless it ends with its issuer) or when its certificate was revoked or removed. Safe for
 * several threads.
 */
struct current_key {
	struct store *store;
	const struct issuer *issuer;
	pthread_mutex_t renewal_lock; /* held while a new key is made */
	int64_t retry_from_s;         /* no renewal before then: the last one failed */
	pthread_rwlock_t lock;        /* of all that follows: several threads sign at once */
	struct own_key key;
	int64_t checked_revision; /* of the store in which the certificate was last looked up */
	bool barred;              /* the certificate was revoked or removed */
};

/* Both must outlive it. */
void init_current_key(struct current_key *current, struct store *store,
		      const struct issuer *issuer);
void clear_current_key(struct current_key *current);

/*
 * Sees to it that there is a valid key, for a caller that read the store at that revision. While
 * the old key is valid no caller waits for a renewal, and a renewal that failed only fills
 * *warning; it is retried after a minute.
 */
int refresh_current_key(struct current_key *current, int64_t revision, int64_t now_s,
			struct fault *warning, struct fault *fault) MUST_CHECK;

/* Whether refresh_current_key would have nothing to do. */
bool is_current_key_fresh(struct current_key *current, int64_t revision, int64_t now_s);

/* Borrows the key, which no thread replaces until release_current_key. */
const struct own_key *hold_current_key(struct current_key *current);
void release_current_key(struct current_key *current);

#endif
