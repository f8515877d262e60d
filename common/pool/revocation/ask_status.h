#ifndef CERTPOOL_POOL_REVOCATION_ASK_STATUS_H
#define CERTPOOL_POOL_REVOCATION_ASK_STATUS_H

#include "common/layout/layout.h"
#include "common/net/client.h"
#include "common/wire/status.h"
#include "common/x509/certificate.h"

/* Part 3: a client asks the CA whether a certificate stands. For one thread at a time. */
struct status_client;

int new_status_client(const struct layout *layout, const char *client, const struct endpoint *ca,
		      struct status_client **ret_client, struct fault *fault) MUST_CHECK;
void free_status_client(struct status_client **client);

/* The CA's authenticated answer to this very question. A refusal of the CA is FAULT_REFUSED. */
int ask_status(struct status_client *client, struct bytes certificate_der, int64_t now_s,
	       struct status_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
