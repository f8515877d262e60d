#ifndef CERTPOOL_CA_STORE_CLIENTS_H
#define CERTPOOL_CA_STORE_CLIENTS_H

#include "common/ca/store/store.h"
#include "common/layout/manifest.h"

/*
 * The CA's clients and what each is allowed, as recorded: the manifest's are the initial values. A
 * row that nobody changed since follows the manifest; one that was added or changed by hand stands.
 */
struct client {
	char name[NAME_SIZE];
	struct client_policy policy;
	bool by_hand; /* added or changed by the operator: the manifest no longer counts */
	bool disabled;
	bool revoked; /* for good */
	int64_t revoked_at_s;
	int reason;
};

void clear_client(struct client *record);

/* *ret_found false and *ret_record empty when there is none. */
int read_client(struct store *store, const char *name, struct client *ret_record, bool *ret_found,
		struct fault *fault) MUST_CHECK;

enum client_change {
	CLIENT_ADD,    /* FAULT_REFUSED when it is there */
	CLIENT_CHANGE, /* FAULT_NOT_FOUND when it is not */
};

/* Writes name and policy, by hand. disabled and revoked are left as they are. */
int write_client(struct store *store, const struct client *record, enum client_change change,
		 int64_t now_s, struct fault *fault) MUST_CHECK;

/* FAULT_NOT_FOUND; FAULT_REFUSED to enable a client that was revoked. What is so already is a
   success: *ret_changed false. */
int set_client_disabled(struct store *store, const char *name, bool disabled, int64_t now_s,
			bool *ret_changed, struct fault *fault) MUST_CHECK;

typedef int client_function(void *context, const struct client *record, struct fault *fault);

/* By name. */
int list_clients(struct store *store, client_function *function, void *context,
		 struct fault *fault) MUST_CHECK;

struct clients_synced {
	size_t added;
	size_t changed;
	size_t kept; /* differ from the manifest, and stand because they were changed by hand */
};

/* Takes the manifest's clients over. None is ever removed. */
int sync_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
		 struct clients_synced *ret_synced, struct fault *fault) MUST_CHECK;

#endif
