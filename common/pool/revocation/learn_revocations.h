#ifndef CERTPOOL_POOL_REVOCATION_LEARN_REVOCATIONS_H
#define CERTPOOL_POOL_REVOCATION_LEARN_REVOCATIONS_H

#include "common/layout/manifest.h"
#include "common/pool/members/known_revocations.h"
#include "common/wire/revocation.h"

/*
 * Asks which of a pool's certificates are revoked, and keeps what was learned
 * (known_revocations.h). The members' certificates that can be read, have not ended and are not
 * known to be revoked are looked up in the CRL, if there is a URL of one; the CA is asked after
 * those of which no CRL says anything, up to STATUSES_MAX in a request. Then it is asked after the
 * others too: which of them its record lacks, what was revoked since the CRL was made, and where it
 * is. Without an answer to that nothing is amiss. A damaged state/revoked is replaced.
 */
struct learning {
	const struct layout *layout;
	const struct client_node *client;
	struct endpoint ca;
	const char *crl_url; /* NULL: none */
};

struct learned {
	size_t revoked; /* newly */
	bool too_old;   /* the CA is, to be asked; and no CRL said it of all */
	/* Certificates that the CA does not know as the client's: serials of SERIAL_MAX octets
	   each, rising. A record that was restored from a backup lacks what was issued since. */
	struct buffer unknown;
	struct endpoint ca; /* where it says that clients reach it; an empty host: nothing */
};

void clear_learned(struct learned *learned);

/*
 * Errors: FAULT_UNREACHABLE, FAULT_BUSY, FAULT_REFUSED and others of ask_statuses; what was learned
 * before is kept. Nothing is asked if no member has such a certificate. Owns: clear_learned.
 */
int learn_revocations(const struct learning *learning, int64_t now_s, struct learned *ret_learned,
		      struct fault *fault) MUST_CHECK;

/* Keeps what the CA answered to a request for revocations, as far as the certificates are members'.
 */
int note_revocations(const struct layout *layout, const struct client_node *client,
		     const struct revocation_answer *answer, int64_t now_s,
		     struct fault *fault) MUST_CHECK;

#endif
