#ifndef CERTPOOL_CA_SIGNER_SIGNER_H
#define CERTPOOL_CA_SIGNER_SIGNER_H

#include "common/ca/store/store.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer_set.h"

/*
 * Signs with the keys of a CA's issuers, and only what that CA may give out, whoever orders it:
 *
 * - a member's certificate: by the newest issuer, or for ten minutes after that began by the one
 *   before, for a front that has not heard of it; within its validity and that of the client's
 * policy, with exactly the extensions that the issuer writes, for a client that is in the record
 * and not barred, with a key type, a subject and alternative names that the client's policy allows;
 * - a responder's certificate: with exactly the extensions of one, for at most a week;
 * - a CRL: of its issuer, with a greater number than that of the issuer's CRL in the layout, and
 * with all of its entries but those whose certificates have ended, or are not in the record.
 *
 * What was signed is in the log (signed_log.h) before it is given out. Safe for several threads.
 */
struct signer;

struct signer_settings {
	const struct layout *layout;
	const struct ca_node *ca;
	struct store *store;
	/* Adds to the set the issuers that the layout has got since, and takes over their
	   certificates by a new root; NULL: the set stays as it is. Called by one thread at a time,
	   for an order to an issuer that the set lacks, and at most once a second for members or a
	   responder by the newest one of the set. When it fails, so does the order. */
	int (*learn)(void *context, struct fault *fault);
	void *learn_context;
};

/* Signs for the issuers of the set from then on (delegate_signing). It and the settings' objects
   outlive the signer. */
int new_signer(const struct signer_settings *settings, struct issuer_set *issuers,
	       struct signer **ret_signer, struct fault *fault) MUST_CHECK;
void free_signer(struct signer **signer);

/* A signing_function (signing_order.h) whose context is a signer. */
int sign_checked(void *signer, const struct signing_order *order, struct signed_result *ret_results,
		 struct fault *fault) MUST_CHECK;

#endif
