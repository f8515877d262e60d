#ifndef CERTPOOL_CA_SERVICE_ENCRYPTED_REQUESTS_H
#define CERTPOOL_CA_SERVICE_ENCRYPTED_REQUESTS_H

#include "common/ca/issue/authority.h"
#include "common/ca/service/refusal_counts.h"
#include "common/ca/service/shared_keys.h"
#include "common/net/server.h"

/*
 * What clients ask the CA in encryption: POST /v1/certificates, /v1/status, /v1/revocations. What
 * can be decrypted is answered inside the encryption, refusals too; what failed here goes to the
 * log alone.
 */
struct inquiries {
	struct authority *authority; /* outlives them */
	http_log *log;               /* may be NULL */
	void *log_context;
	struct live_ring ring;
	struct refusal_counts refusals;
};

/* authority and the log are set already. */
int init_inquiries(struct inquiries *inquiries, const struct layout *layout,
		   struct fault *fault) MUST_CHECK;
void clear_inquiries(struct inquiries *inquiries);

int inquire_certificates(struct inquiries *inquiries, struct bytes jwe,
			 struct http_response *response, struct fault *fault) MUST_CHECK;
int inquire_status(struct inquiries *inquiries, struct bytes jwe, struct http_response *response,
		   struct fault *fault) MUST_CHECK;
int inquire_revocations(struct inquiries *inquiries, struct bytes jwe,
			struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
