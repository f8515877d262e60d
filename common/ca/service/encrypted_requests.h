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
struct encrypted_requests {
	struct authority *authority; /* outlives them */
	http_log *log;               /* may be NULL */
	void *log_context;
	struct shared_keys ring;
	struct refusal_counts refusals;
};

/* authority and the log are set already. */
int init_encrypted_requests(struct encrypted_requests *inquiries, const struct layout *layout,
			    struct fault *fault) MUST_CHECK;
void clear_encrypted_requests(struct encrypted_requests *inquiries);

int answer_certificates_request(struct encrypted_requests *inquiries, struct bytes jwe,
				struct http_response *response, struct fault *fault) MUST_CHECK;
int answer_status_request(struct encrypted_requests *inquiries, struct bytes jwe,
			  struct http_response *response, struct fault *fault) MUST_CHECK;
int answer_revocation_request(struct encrypted_requests *inquiries, struct bytes jwe,
			      struct http_response *response, struct fault *fault) MUST_CHECK;

#endif
