#ifndef CERTPOOL_CA_ACME_VALIDATOR_H
#define CERTPOOL_CA_ACME_VALIDATOR_H

#include "common/ca/acme/acme.h"
#include "common/ca/acme/challenges.h"

/*
 * Asks the hosts of challenges for what their accounts were told to show there (RFC 8555 section
 * 8.3), in threads of its own, in which the clients take turns, and records what it found. Safe for
 * several threads.
 */
struct validator;

int new_validator(const struct acme_settings *settings, struct validator **ret_validator,
		  struct fault *fault) MUST_CHECK;

/* What was not validated is pending again, after VALIDATION_MAX_S. Accepts NULL. */
void free_validator(struct validator **validator);

/* A token, ".", and the thumbprint of the account's key (section 8.1), both of 43 characters. */
enum { CHALLENGE_TOKEN_SIZE = 44, KEY_AUTHORIZATION_SIZE = 2 * CHALLENGE_TOKEN_SIZE };

struct validation {
	uint8_t id[CHALLENGE_ID_LEN]; /* of the challenge, which was begun */
	char client[NAME_SIZE];
	char name[ALT_NAME_MAX + 1]; /* "DNS:…" or "IP:…" */
	char key_authorization[KEY_AUTHORIZATION_SIZE];
};

/* Does not wait. Errors: FAULT_BUSY when too many are waiting. */
int submit_validation(struct validator *validator, const struct validation *validation,
		      struct fault *fault) MUST_CHECK;

/* Whether a page is the key authorization, perhaps with white space behind it (section 8.3). */
bool is_key_authorization(struct bytes page, const char *key_authorization);

#endif
