#include "common/pool/revocation/ask_status.h"

#include "common/crypto/key_file.h"
#include "common/wire/claims.h"
#include "common/wire/envelope.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 3000, PATIENT_MS = 10000, IMPATIENT_MS = 2000 };

struct status_client {
	char name[NAME_SIZE];
	struct shared_key key;
	struct http_client *http;
};

int new_status_client(const struct layout *layout, const char *client, const struct endpoint *ca,
		      enum status_patience patience, struct status_client **ret_client,
		      struct fault *fault)
{
	bool impatient = patience == STATUS_IMPATIENT;
	struct http_client_settings settings = {.endpoint = *ca,
						.roots = layout->root_path,
						.connect_timeout_ms = CONNECT_TIMEOUT_MS,
						.timeout_ms = impatient ? IMPATIENT_MS : PATIENT_MS,
						.cancellable = impatient};
	CLEANUP(free_status_client)
	struct status_client *status_client = calloc(1, sizeof(*status_client));

	if (status_client == NULL)
		return set_memory_fault(fault);
	(void)snprintf(status_client->name, sizeof(status_client->name), "%s", client);
	if (read_shared_key(layout, CA_NAME, &status_client->key, fault) < 0 ||
	    new_http_client(&settings, &status_client->http, fault) < 0)
		return -1;
	*ret_client = TAKE(status_client);
	return 0;
}

void free_status_client(struct status_client **client_pointer)
{
	struct status_client *client = TAKE(*client_pointer);

	if (client == NULL)
		return;
	free_http_client(&client->http);
	clear_shared_key(&client->key);
	free(client);
}

void cancel_status_client(struct status_client *client)
{
	cancel_http_client(client->http);
}

int ask_status(struct status_client *client, struct bytes certificate_der, int64_t now_s,
	       struct status_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	struct status_answer answer = {0};
	uint8_t sha256[SHA256_LEN];

	if (make_request_claims(client->name, CA_NAME, now_s, &request.claims, fault) < 0 ||
	    format_certificate_pem(certificate_der, &request.certificate, fault) < 0 ||
	    format_status_request(&request, &question, fault) < 0 ||
	    ask_encrypted(client->http, &status_kind, &client->key, bytes_of_secret(&question),
			  &json, sha256, fault) < 0 ||
	    parse_status_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request.claims, sha256, fault) < 0)
		return -1;
	*ret_answer = answer;
	return 0;
}
