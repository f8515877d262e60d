#ifndef CERTPOOL_CA_REVOCATION_CRL_CHAIN_H
#define CERTPOOL_CA_REVOCATION_CRL_CHAIN_H

#include "common/net/shared_body.h"
#include "common/x509/issuer_set.h"

#include <pthread.h>

/* The CRLs of the root, the next and the old one, and those of a CA's issuers. */
enum { CHAIN_CRLS_MAX = ISSUERS_MAX + 3 };

/*
 * The CRLs of all CAs of the paths to a root as one text (crl_bundle.h), the root's first, in the
 * memory of a server: written when it is asked for the first time after one of them has changed.
 * Safe for several threads.
 */
struct crl_chain {
	pthread_mutex_t lock;
	struct shared_body *text;
	/* The CRLs in it. They are held, so that no other body can have their addresses. */
	struct shared_body *crls[CHAIN_CRLS_MAX];
	size_t count;
};

void init_crl_chain(struct crl_chain *chain);
void clear_crl_chain(struct crl_chain *chain);

/*
 * Gives the text of these CRLs, in DER.
 * Owns: release_shared_body; the CRLs stay the caller's.
 */
int get_crl_chain(struct crl_chain *chain, struct shared_body *const *crls, size_t count,
		  struct shared_body **ret_text, struct fault *fault) MUST_CHECK;

#endif
