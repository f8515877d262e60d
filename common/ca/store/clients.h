#ifndef CERTPOOL_CA_STORE_CLIENTS_H
#define CERTPOOL_CA_STORE_CLIENTS_H

#include "common/base/name.h"
#include "common/ca/store/store.h"
#include "common/crypto/shared_key.h"
#include "common/layout/manifest.h"

/*
 * The CA's clients and their policies, as recorded. The manifest gives the initial values, and goes
 * on to count for every field of a policy that the operator has not set. Where a client comes from
 * never changes with its policy: one from the manifest is disabled when the manifest no longer has
 * it, also if its policy was changed by hand.
 *
 * A client that was removed has a row as long as the record: its name stays barred after a restore
 * from an older backup, and for good if the client was revoked. No function here sees that row,
 * except where it says so.
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
	unsigned int by_hand; /* the fields of the policy that the operator set (FIELD_BIT) */
	size_t pool_size;     /* members, as the operator said; 0: as the manifest says */
	bool disabled;
	bool removed; /* only where a function says that it sees such a client */
	bool revoked; /* for good */
	int64_t revoked_at_s;
	int reason;           /* CRLReason */
	int64_t invited_at_s; /* 0: never; the last invitation, and its end, 0: none */
	int64_t invitation_ends_s;
	/* Of the invitation's key, if it counts for one question alone (fleet.h), also after that;
	   "": it does not. */
	char invitation_kid[KEY_ID_SIZE];
	/* For add_clients, of such an invitation: the key that is given for it, and until when. */
	char successor_kid[KEY_ID_SIZE];
	int64_t successor_wanted_until_s;
	int64_t joined_at_s; /* the first request that could be decrypted; 0: none yet */
	int64_t seen_at_s;   /* a later one; at most an hour behind the last */
	/* What was issued before is an earlier client's of the name, which was removed. 0: of a
	   record of before certpool noted it. */
	int64_t added_at_s;
};

void clear_client(struct client *client);

/* *ret_found false and *ret_client empty when there is none of the name. */
int read_client(struct store *store, const char *name, struct client *ret_client, bool *ret_found,
		struct fault *fault) MUST_CHECK;

/*
 * The policy that a client has where the operator has set nothing: the manifest's, else the
 * default. pool_size, when it is not 0, gives the quota, unless the manifest does. ret_policy must
 * be empty.
 */
int initial_client_policy(const struct manifest *manifest, const char *name, size_t pool_size,
			  struct client_policy *ret_policy, struct fault *fault) MUST_CHECK;

enum client_change {
	CLIENT_ADD,    /* FAULT_REFUSED when the client exists, or one of the name was revoked */
	CLIENT_CHANGE, /* FAULT_NOT_FOUND when it does not */
};

/* Writes name, policy, by_hand and pool_size. Of an existing client all else is left unchanged; a
   new one gets its invitation too. */
int write_client(struct store *store, const struct client *client, enum client_change change,
		 int64_t now_s, struct fault *fault) MUST_CHECK;

/*
 * Adds clients in one transaction: all, or none. Errors: those of CLIENT_ADD; *ret_failed is then
 * the index of the client at fault, or `count`.
 */
int add_clients(struct store *store, const struct client *clients, size_t count, int64_t now_s,
		size_t *ret_failed, struct fault *fault) MUST_CHECK;

/* Takes the client out of the record; its certificates stay. *ret_changed false: it was taken out
   before. Errors: FAULT_NOT_FOUND. */
int remove_client(struct store *store, const char *name, int64_t now_s, bool *ret_changed,
		  struct fault *fault) MUST_CHECK;

/* Setting the current value succeeds, with *ret_changed false. Errors: FAULT_NOT_FOUND;
   FAULT_REFUSED to enable a client that was revoked. */
int set_client_disabled(struct store *store, const char *name, bool disabled, int64_t now_s,
			bool *ret_changed, struct fault *fault) MUST_CHECK;

typedef int client_function(void *context, const struct client *client, struct fault *fault);

/* Lists all clients by name. -1 of the function ends the listing. */
int list_clients(struct store *store, client_function *function, void *context,
		 struct fault *fault) MUST_CHECK;

/*
 * Looks for names in the manifest's ca.acme.http_01 that no client of the record has: with one that
 * was mistyped, nobody is challenged. ret_text must be empty, and stays so where there are none;
 * else it says which, and which clients were probably meant.
 */
int find_unknown_challenged(struct store *store, const struct ca_node *ca, struct buffer *ret_text,
			    struct fault *fault) MUST_CHECK;

struct clients_synced {
	size_t added;
	size_t changed;
	size_t kept;     /* differ from the manifest in what the operator set */
	size_t disabled; /* the manifest does not have them any more */
	size_t returned; /* in the manifest again, and still disabled: the operator enables them */
};

/* Takes one client of the manifest over, as sync_clients does. */
int sync_client(struct store *store, const struct client_node *node, int64_t now_s,
		struct fault *fault) MUST_CHECK;

/*
 * Writes the manifest's clients into the record, and disables those that came from the manifest and
 * are not in it any more. No client is ever removed from the record, and none is enabled. In a
 * record that several front ends share, whose manifests may differ, it changes nothing: the
 * manifest's clients count at init alone (add_manifest_clients).
 */
int sync_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
		 struct clients_synced *ret_synced, struct fault *fault) MUST_CHECK;

/* Adds the manifest's clients that the record does not have, and has never had. */
int add_manifest_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
			 struct fault *fault) MUST_CHECK;

#endif
