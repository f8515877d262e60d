#ifndef CERTPOOL_CA_SERVICE_ROOTS_REQUEST_H
#define CERTPOOL_CA_SERVICE_ROOTS_REQUEST_H

#include "common/ca/issue/authority.h"
#include "common/ca/issue/request_rate.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/store/store.h"
#include "common/layout/layout.h"
#include "common/wire/roots.h"
#include "common/x509/issuer_set.h"

/*
 * Notes which roots an authenticated client has pinned, unless it says so again, or more often in a
 * minute than any rotation changes them: each note syncs the record's disk. What is not noted for
 * that is noted when the client asks again.
 */
int note_roots(struct store *store, struct rate *rate, const char *client,
	       const struct roots_request *request, struct fault *fault) MUST_CHECK;

/*
 * The CA's half of POST /v1/roots: answers which roots a client should have pinned, as the files
 * are now: a rotation counts without a restart.
 * *ret_answer's claims are left to the caller. Errors: -1 only when the CA itself failed.
 */
int answer_roots(const struct layout *layout, struct roots_answer *ret_answer,
		 struct fault *fault) MUST_CHECK;

enum { CA_CERTIFICATES_MAX = 2 + INTERMEDIATES_MAX + ISSUERS_MAX };

/* The cross certificates, issuers and roots, each once: all that a client of other software may
   need while roots and issuers are replaced (RFC 7030 section 4.1.3). The roots are last: openssl
   takes the first certificate that fits, and from a root that it does not trust there is no way on.
 */
struct ca_certificates {
	struct ca_roots roots;
	struct bytes der[CA_CERTIFICATES_MAX]; /* borrowed: from roots, and from the authority */
	size_t count;
};

/* As the files are now. Owns: clear_ca_certificates. Errors: those of read_ca_roots. */
int collect_ca_certificates(const struct authority *authority, const struct layout *layout,
			    struct ca_certificates *ret_all, struct fault *fault) MUST_CHECK;
void clear_ca_certificates(struct ca_certificates *all);

#endif
