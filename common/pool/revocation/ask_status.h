#ifndef CERTPOOL_POOL_REVOCATION_ASK_STATUS_H
#define CERTPOOL_POOL_REVOCATION_ASK_STATUS_H

#include "common/layout/layout.h"
#include "common/net/client/client.h"
#include "common/wire/status.h"
#include "common/x509/certificate.h"

/* Part 3, the client's side: asks the CA for the status of certificates over one kept-alive
   connection. For one thread at a time. */
struct status_client;

/* How long to wait for an answer: STATUS_PATIENT 10 s; STATUS_IMPATIENT 2 s, because a receiver
   asks before it answers its own sender, and until cancel_status_client. */
enum status_patience { STATUS_PATIENT, STATUS_IMPATIENT };

/* client is the name of the asking node, which shares a key with the CA. */
int new_status_client(const struct layout *layout, const char *client, const struct endpoint *ca,
		      enum status_patience patience, struct status_client **ret_client,
		      struct fault *fault) MUST_CHECK;
void free_status_client(struct status_client **client);

/* As cancel_http_client: ends the question in progress, and every later one (STATUS_IMPATIENT). */
void cancel_status_client(struct status_client *client);

/*
 * Asks about one certificate. *ret_answer is authenticated, and is to this very question.
 * Errors: those of ask_encrypted and check_ca_answer.
 */
int ask_status(struct status_client *client, struct bytes certificate_der, int64_t now_s,
	       struct status_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
