#ifndef CERTPOOL_CA_REVOCATION_CRL_CHAIN_H
#define CERTPOOL_CA_REVOCATION_CRL_CHAIN_H

#include "common/net/shared_body.h"

#include <pthread.h>

/*
 * The CRLs of all CAs of a path as one text (crl_bundle.h), the root's first, in the memory of a
 * server: written when it is asked for the first time after one of them has changed. Safe for
 * several threads.
 */
struct crl_chain {
	pthread_mutex_t lock;
	struct shared_body *text;
	/* The CRLs in it. They are held, so that no other body can have their addresses. */
	struct shared_body *root_crl;
	struct shared_body *crl;
};

void init_crl_chain(struct crl_chain *chain);
void clear_crl_chain(struct crl_chain *chain);

/*
 * Gives the text of the two CRLs, in DER; root_crl is NULL when the CA is the root itself.
 * Owns: release_shared_body; the two stay the caller's.
 */
int get_crl_chain(struct crl_chain *chain, struct shared_body *root_crl, struct shared_body *crl,
		  struct shared_body **ret_text, struct fault *fault) MUST_CHECK;

#endif
