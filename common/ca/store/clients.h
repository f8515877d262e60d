#ifndef CERTPOOL_CA_STORE_CLIENTS_H
#define CERTPOOL_CA_STORE_CLIENTS_H

#include "common/base/name.h"
#include "common/ca/store/store.h"
#include "common/layout/manifest.h"

/*
 * The CA's clients and their policies, as recorded. The manifest gives the initial values. A client
 * that the operator has not added or changed by hand follows the manifest. Where a client comes
 * from never changes with its policy: one from the manifest is disabled when the manifest no longer
 * has it, also if its policy was changed by hand.
 */
enum client_origin {
	ORIGIN_OPERATOR, /* client add */
	ORIGIN_MANIFEST,
	ORIGIN_REMOVED, /* the manifest had it; it was disabled when the manifest did not any more
			 */
	ORIGIN_UNKNOWN, /* of a record that an older certpool made, until sync_clients */
};

struct client {
	char name[NAME_SIZE];
	struct client_policy policy;
	enum client_origin origin;
	bool by_hand; /* added or changed by the operator: the manifest's policy no longer counts */
	bool disabled;
	bool revoked; /* for good */
	int64_t revoked_at_s;
	int reason; /* CRLReason */
};

void clear_client(struct client *client);

/* *ret_found false and *ret_client empty when there is none of the name. */
int read_client(struct store *store, const char *name, struct client *ret_client, bool *ret_found,
		struct fault *fault) MUST_CHECK;

enum client_change {
	CLIENT_ADD,    /* FAULT_REFUSED when the client exists */
	CLIENT_CHANGE, /* FAULT_NOT_FOUND when it does not */
};

/* Writes name and policy, by hand. Of an existing client all else is left unchanged. */
int write_client(struct store *store, const struct client *client, enum client_change change,
		 int64_t now_s, struct fault *fault) MUST_CHECK;

/* Setting the current value succeeds, with *ret_changed false. Errors: FAULT_NOT_FOUND;
   FAULT_REFUSED to enable a client that was revoked. */
int set_client_disabled(struct store *store, const char *name, bool disabled, int64_t now_s,
			bool *ret_changed, struct fault *fault) MUST_CHECK;

/* The same inside a WRITE transaction, to disable: *ret_changed is false also for a client that
   there is not. why: for the audit log. */
struct transaction;
int bar_client(struct transaction *transaction, const char *name, const char *why, int64_t now_s,
	       bool *ret_changed, struct fault *fault) MUST_CHECK;

typedef int client_function(void *context, const struct client *client, struct fault *fault);

/* Lists all clients by name. -1 of the function ends the listing. */
int list_clients(struct store *store, client_function *function, void *context,
		 struct fault *fault) MUST_CHECK;

struct clients_synced {
	size_t added;
	size_t changed;
	size_t kept;     /* differ from the manifest because they were changed by hand */
	size_t disabled; /* the manifest does not have them any more */
	size_t returned; /* in the manifest again, and still disabled: the operator enables them */
};

/*
 * Writes the manifest's clients into the record, and disables those that came from the manifest and
 * are not in it any more. No client is ever removed from the record, and none is enabled.
 */
int sync_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
		 struct clients_synced *ret_synced, struct fault *fault) MUST_CHECK;

#endif
