#include "common/ca/store/client_rows.h"
#include "common/layout/ca_profile.h"

#include <stdlib.h>
#include <string.h>

static int copy_initial_policy(const struct client_node *node, size_t pool_size,
			       struct client_policy *ret_policy, struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy policy = {0};

	if ((node != NULL ? copy_client_policy(&node->policy, &policy, fault)
			  : default_client_policy(&policy, fault)) < 0)
		return -1;
	if (pool_size != 0 && (node == NULL || !node->has_quota))
		policy.certificates = quota_of_pool(pool_size);
	MOVE(ret_policy, policy);
	return 0;
}

int initial_client_policy(const struct manifest *manifest, const char *name, size_t pool_size,
			  struct client_policy *ret_policy, struct fault *fault)
{
	struct fault absent = {0};

	if (copy_initial_policy(find_client(manifest, name, &absent), pool_size, ret_policy,
				fault) < 0)
		return -1;
	return restrict_policy(&manifest->ca, ret_policy, fault);
}

static int set_origin(struct transaction *transaction, const char *name, enum client_origin origin,
		      struct fault *fault)
{
	static const char sql[] = "UPDATE client SET origin = ?1 WHERE name = ?2";

	return run_statement(transaction, sql, VALUES(number_value(origin), text_value(name)), NULL,
			     fault);
}

/* The manifest's policy for a new client, or for the fields that the operator has not set. */
static int sync_policy(struct transaction *transaction, const struct client_node *node,
		       const struct client *old, bool found, int64_t now_s,
		       struct clients_synced *synced, struct fault *fault)
{
	CLEANUP(clear_client)
	struct client client = {
		.origin = ORIGIN_MANIFEST, .by_hand = old->by_hand, .pool_size = old->pool_size};
	CLEANUP(clear_client_policy) struct client_policy initial = {0};

	memcpy(client.name, node->name, sizeof(client.name));
	if (copy_initial_policy(node, old->pool_size, &initial, fault) < 0 ||
	    copy_client_policy(&initial, &client.policy, fault) < 0)
		return -1;
	if (found) {
		if (copy_policy_fields(&old->policy, old->by_hand, &client.policy, fault) < 0)
			return -1;
		synced->kept += !equal_client_policies(&client.policy, &initial);
		if (equal_client_policies(&old->policy, &client.policy))
			return 0;
	}
	synced->added += !found;
	synced->changed += found;
	return write_client_row(transaction, &client, found, now_s, fault);
}

static int sync_node(struct transaction *transaction, const struct client_node *node, int64_t now_s,
		     struct clients_synced *synced, struct fault *fault)
{
	CLEANUP(clear_client) struct client old = {0};
	bool found;

	if (find_client_row(transaction, node->name, &old, &found, fault) < 0)
		return -1;
	/* A revoked name stays barred; another that was removed begins anew. */
	if (found && old.removed) {
		if (old.revoked)
			return 0;
		if (forget_removed(transaction, node->name, fault) < 0)
			return -1;
		clear_client(&old);
		found = false;
	}
	if (found && (old.origin == ORIGIN_REMOVED || old.origin == ORIGIN_UNKNOWN)) {
		synced->returned += old.origin == ORIGIN_REMOVED && old.disabled;
		if (set_origin(transaction, node->name, ORIGIN_MANIFEST, fault) < 0)
			return -1;
	}
	return sync_policy(transaction, node, &old, found, now_s, synced, fault);
}

int sync_client(struct store *store, const struct client_node *node, int64_t now_s,
		struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct clients_synced ignored = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    sync_node(&transaction, node, now_s, &ignored, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

/* The clients of the record, as far as they count for a manifest that lacks them. */
struct recorded_name {
	char name[NAME_SIZE];
	enum client_origin origin;
	bool barred;
};

static int list_followers(struct transaction *transaction, struct buffer *ret_names,
			  struct fault *fault)
{
	static const char sql[] = "SELECT name, origin, disabled, revoked_at FROM client"
				  " WHERE (origin IS NULL OR origin = 1)"
				  " AND removed_at IS NULL";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct recorded_name recorded = {.origin = ORIGIN_UNKNOWN};

		row_name(&rows, 0, recorded.name);
		if (!row_is_null(&rows, 1))
			recorded.origin = ORIGIN_MANIFEST;
		recorded.barred = row_number(&rows, 2) != 0 || !row_is_null(&rows, 3);
		append_bytes(ret_names, (struct bytes){(uint8_t *)&recorded, sizeof(recorded)});
		if (next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return check_buffer(ret_names, fault);
}

static int disable_removed(struct transaction *transaction, const struct recorded_name *recorded,
			   int64_t now_s, struct clients_synced *synced, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET disabled = 1 WHERE name = ?1";

	/* An older certpool did not note it: without the manifest it is the operator's. */
	if (recorded->origin == ORIGIN_UNKNOWN)
		return set_origin(transaction, recorded->name, ORIGIN_OPERATOR, fault);
	if (set_origin(transaction, recorded->name, ORIGIN_REMOVED, fault) < 0)
		return -1;
	if (recorded->barred)
		return 0;
	synced->disabled++;
	if (run_statement(transaction, sql, VALUES(text_value(recorded->name)), NULL, fault) < 0)
		return -1;
	return append_client_change(transaction, recorded->name, "disabled",
				    "no longer in the manifest", now_s, fault);
}

/* Disables the clients that came from the manifest and are not in it. */
static int disable_missing(struct transaction *transaction, const struct manifest *manifest,
			   int64_t now_s, struct clients_synced *synced, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer recorded = {0};
	CLEANUP(clear_buffer) struct buffer names = {0};
	const struct recorded_name *all;

	for (size_t i = 0; i < manifest->client_count; i++) {
		const char *name = manifest->clients[i].name;

		append_bytes(&names, (struct bytes){(uint8_t *)&name, sizeof(name)});
	}
	if (check_buffer(&names, fault) < 0 || list_followers(transaction, &recorded, fault) < 0)
		return -1;
	if (manifest->client_count > 0)
		qsort(names.data, manifest->client_count, sizeof(char *), compare_names);
	all = (const struct recorded_name *)(const void *)recorded.data;
	for (size_t i = 0; i < recorded.len / sizeof(*all); i++) {
		const char *name = all[i].name;

		if (manifest->client_count > 0 && bsearch(&name, names.data, manifest->client_count,
							  sizeof(char *), compare_names) != NULL)
			continue;
		if (disable_removed(transaction, &all[i], now_s, synced, fault) < 0)
			return -1;
	}
	return 0;
}

int sync_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
		 struct clients_synced *ret_synced, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct clients_synced synced = {0};

	*ret_synced = synced;
	if (is_shared_store(store))
		return 0;
	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0)
		return -1;
	for (size_t i = 0; i < manifest->client_count; i++)
		if (sync_node(&transaction, &manifest->clients[i], now_s, &synced, fault) < 0)
			return -1;
	if (disable_missing(&transaction, manifest, now_s, &synced, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	*ret_synced = synced;
	return 0;
}

int add_manifest_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
			 struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct clients_synced ignored = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0)
		return -1;
	for (size_t i = 0; i < manifest->client_count; i++) {
		CLEANUP(clear_client) struct client present = {0};
		const struct client_node *node = &manifest->clients[i];
		bool found;

		if (find_client_row(&transaction, node->name, &present, &found, fault) < 0 ||
		    (!found && sync_node(&transaction, node, now_s, &ignored, fault) < 0))
			return -1;
	}
	return commit_transaction(&transaction, fault);
}
