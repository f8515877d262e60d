#ifndef CERTPOOL_CA_ACME_ACCOUNTS_H
#define CERTPOOL_CA_ACME_ACCOUNTS_H

#include "common/ca/store/store.h"
#include "common/crypto/key.h"

/*
 * The ACME accounts in the CA's record. Each is of a client, which may have several: one a host, or
 * one a program. A key is that of one account at most.
 */
enum {
	ACCOUNT_ID_LEN = 16,
	ACCOUNTS_MAX = 1000, /* of one client; deactivated ones make room for new ones */
};

struct acme_account {
	uint8_t id[ACCOUNT_ID_LEN];
	struct public_key *key;
	char client[NAME_SIZE];
	char *contact; /* URLs, one a line */
	bool deactivated;
	bool barred; /* its client is disabled, revoked, removed or not in the record */
	size_t requests_per_minute; /* its client's; 0 if that is not in the record */
};

void clear_acme_account(struct acme_account *account);

/* *ret_found false and *ret_account empty when there is none. Owns: clear_acme_account. */
int find_account(struct store *store, const uint8_t id[static ACCOUNT_ID_LEN],
		 struct acme_account *ret_account, bool *ret_found, struct fault *fault) MUST_CHECK;
int find_account_by_key(struct store *store, const struct public_key *key,
			struct acme_account *ret_account, bool *ret_found,
			struct fault *fault) MUST_CHECK;

/*
 * Adds an account with its event, and draws its id. *ret_added false: another has the key since.
 * Errors: FAULT_REFUSED when the client has ACCOUNTS_MAX that are not deactivated.
 */
int add_account(struct store *store, struct acme_account *account, int64_t now_s, bool *ret_added,
		struct fault *fault) MUST_CHECK;

int set_account_contact(struct store *store, const struct acme_account *account,
			const char *contact, int64_t now_s, struct fault *fault) MUST_CHECK;
/* by: its client, or CA_NAME for an operator. *ret_changed, which may be NULL, is false when it was
   deactivated before. */
int deactivate_account(struct store *store, const struct acme_account *account, const char *by,
		       int64_t now_s, bool *ret_changed, struct fault *fault) MUST_CHECK;

/* Called for an account, which is borrowed, with when it was made. -1 ends the listing. */
typedef int account_function(void *context, const struct acme_account *account,
			     int64_t created_at_s, struct fault *fault);

/* Lists the accounts of a client, the oldest first. */
int list_accounts(struct store *store, const char *client, account_function *function,
		  void *context, struct fault *fault) MUST_CHECK;

/* Replaces the key that the account has by another. *ret_changed false: it has another one since,
   or was deactivated, or the new key is another account's. */
int change_account_key(struct store *store, const struct acme_account *account,
		       const struct public_key *key, int64_t now_s, bool *ret_changed,
		       struct fault *fault) MUST_CHECK;

#endif
