#ifndef CERTPOOL_CA_ACME_CHALLENGES_H
#define CERTPOOL_CA_ACME_CHALLENGES_H

#include "common/ca/acme/orders.h"

/*
 * Challenges of type http-01 (RFC 8555 section 8.3), of the clients for whom the manifest wants
 * them: what became of each is in the record from the moment on at which its account asks that it
 * be validated. Each is of one name of one order, and is validated once.
 */
enum challenge_state {
	CHALLENGE_PENDING,
	CHALLENGE_PROCESSING,
	CHALLENGE_VALID,
	CHALLENGE_INVALID,
};

enum {
	CHALLENGE_ID_LEN = 32,
	CHALLENGED_VALIDITY_S = 3600, /* of an order with challenges: so long they are kept */
	VALIDATION_MAX_S = 60,        /* one that takes longer was lost: it is pending again */
};

struct challenge {
	enum challenge_state state;
	int64_t validated_at_s; /* when it is valid */
	struct refusal problem; /* when it is invalid; its type is an ACME error's */
};

/* Which one is the challenge of that name of the order. */
void identify_challenge(const struct acme_order *order, const char *name,
			uint8_t ret_id[static CHALLENGE_ID_LEN]);

int find_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN], int64_t now_s,
		   struct challenge *ret_challenge, struct fault *fault) MUST_CHECK;

/* Takes a pending challenge to be processed. *ret_begun false: it is not pending; true for one of
   several callers at most. Those that have expired go. */
int begin_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN],
		    int64_t expires_s, int64_t now_s, bool *ret_begun,
		    struct fault *fault) MUST_CHECK;

/* The end of the processing. problem->type "": it is valid. */
int settle_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN],
		     const struct refusal *problem, int64_t now_s, struct fault *fault) MUST_CHECK;

/* Makes it pending again, as nobody could process it. */
int drop_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN],
		   struct fault *fault) MUST_CHECK;

#endif
