#ifndef CERTPOOL_CA_ISSUE_CERTIFY_FOREIGN_H
#define CERTPOOL_CA_ISSUE_CERTIFY_FOREIGN_H

#include "common/ca/issue/authority.h"
#include "common/ca/store/certificates.h"
#include "common/x509/csr.h"

/* A request by a protocol of others, which asks for one certificate and has no name for it. */
struct foreign_request {
	const char *client; /* authenticated */
	const struct csr *csr;
	const char *prefix;            /* the member is called PREFIX-SERIAL */
	const struct alt_names *names; /* the certificate has these and no subject; NULL: as the
					  request says */
	unsigned int usages;           /* of enum usage; 0: as the request or the policy says */
	bool new_key;                  /* a key that has a certificate is refused; else its
					  certificate is the answer */
	beside_function *beside;       /* what is recorded with it; NULL: nothing */
	void *beside_context;
};

/* Either a refusal or a certificate. */
struct foreign_answer {
	struct refusal refusal;
	struct buffer der;
	unsigned int issuer;        /* its number */
	uint8_t serial[SERIAL_MAX]; /* of a certificate that is new */
};

void clear_foreign_answer(struct foreign_answer *answer);

/*
 * Certifies the request of an authenticated client, as certify_batch does with each of a pool's:
 * the same examination, policy, quota and record, durable on return. Requests that arrive together
 * share a write of the signer's log and a transaction of the record, whichever their clients are.
 * Owns: clear_foreign_answer.
 * Errors: -1 only when the CA itself failed: nothing was issued.
 */
int certify_foreign(struct authority *authority, const struct foreign_request *request,
		    int64_t now_s, struct foreign_answer *ret_answer,
		    struct fault *fault) MUST_CHECK;

#endif
