#include "common/ca/store/clients.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT_COLUMNS                                                                             \
	"name, subject, alt_names, keys, validity, certificates, requests_per_minute, by_hand,"    \
	" disabled, revoked_at, reason, origin"

enum client_column {
	COLUMN_NAME,
	COLUMN_SUBJECT,
	COLUMN_ALT_NAMES,
	COLUMN_KEYS,
	COLUMN_VALIDITY,
	COLUMN_CERTIFICATES,
	COLUMN_REQUESTS_PER_MINUTE,
	COLUMN_BY_HAND,
	COLUMN_DISABLED,
	COLUMN_REVOKED_AT,
	COLUMN_REASON,
	COLUMN_ORIGIN,
};

void clear_client(struct client *client)
{
	clear_client_policy(&client->policy);
	*client = (struct client){0};
}

/* One alternative name a line: none has a line break in it. */
static void append_lines(const struct client_policy *policy, struct buffer *buffer)
{
	append_string(buffer, "");
	for (size_t i = 0; i < policy->alt_name_count; i++)
		append_format(buffer, "%s%s", i > 0 ? "\n" : "", policy->alt_names[i]);
}

static int split_lines(char *text, struct client_policy *policy, struct fault *fault)
{
	char *names[ALT_NAMES_MAX];
	size_t count = 0;
	char *rest = text;

	for (char *name = strsep(&rest, "\n"); name != NULL && name[0] != '\0';
	     name = strsep(&rest, "\n")) {
		if (count == ALT_NAMES_MAX)
			return set_fault(fault, FAULT_FAILED,
					 "the CA's record has a client with more than %d "
					 "alternative names",
					 ALT_NAMES_MAX);
		names[count++] = name;
	}
	return set_policy_alt_names(policy, names, count, fault);
}

static int read_policy(struct rows *rows, struct client_policy *policy, struct fault *fault)
{
	CLEANUP(free_string) char *alt_names = strdup(row_text(rows, COLUMN_ALT_NAMES));

	policy->subject = strdup(row_text(rows, COLUMN_SUBJECT));
	if (alt_names == NULL || policy->subject == NULL)
		return set_memory_fault(fault);
	policy->validity_s = row_number(rows, COLUMN_VALIDITY);
	policy->certificates = row_size(rows, COLUMN_CERTIFICATES);
	policy->requests_per_minute = row_size(rows, COLUMN_REQUESTS_PER_MINUTE);
	if (split_lines(alt_names, policy, fault) < 0 ||
	    parse_key_list(row_text(rows, COLUMN_KEYS), policy, fault) < 0)
		return -1;
	return check_client_policy(policy, fault);
}

static int read_client_row(struct rows *rows, struct client *ret_client, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	row_name(rows, COLUMN_NAME, client.name);
	client.by_hand = row_number(rows, COLUMN_BY_HAND) != 0;
	client.disabled = row_number(rows, COLUMN_DISABLED) != 0;
	client.origin = row_is_null(rows, COLUMN_ORIGIN)
				? ORIGIN_UNKNOWN
				: (enum client_origin)row_number(rows, COLUMN_ORIGIN);
	client.revoked = !row_is_null(rows, COLUMN_REVOKED_AT);
	if (client.revoked) {
		client.revoked_at_s = row_number(rows, COLUMN_REVOKED_AT);
		client.reason = (int)row_number(rows, COLUMN_REASON);
	}
	if (check_row(rows, fault) < 0)
		return -1;
	if (read_policy(rows, &client.policy, fault) < 0)
		return prefix_fault(fault, "the CA's record: client %s", client.name);
	if (check_row(rows, fault) < 0)
		return -1;
	MOVE(ret_client, client);
	return 0;
}

static int find_client_row(struct transaction *transaction, const char *name,
			   struct client *ret_client, bool *ret_found, struct fault *fault)
{
	static const char sql[] = "SELECT " CLIENT_COLUMNS " FROM client WHERE name = ?1";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, VALUES(text_value(name)), &rows, ret_found, fault) < 0)
		return -1;
	return *ret_found ? read_client_row(&rows, ret_client, fault) : 0;
}

int read_client(struct store *store, const char *name, struct client *ret_client, bool *ret_found,
		struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    find_client_row(&transaction, name, &client, &found, fault) < 0)
		return -1;
	MOVE(ret_client, client);
	*ret_found = found;
	return 0;
}

/* The policy in words, for the audit log. */
static void append_policy(const struct client_policy *policy, struct buffer *buffer)
{
	append_format(buffer, "subject \"%s\", alt_names ", policy->subject);
	append_alt_name_list(policy, buffer);
	append_string(buffer, ", keys ");
	append_key_list(policy, buffer);
	append_format(buffer, ", validity %jd s, certificates %zu, requests_per_minute %zu",
		      (intmax_t)policy->validity_s, policy->certificates,
		      policy->requests_per_minute);
}

/* detail NULL: there is none. */
static int append_change(struct transaction *transaction, const char *name, const char *what,
			 const char *detail, int64_t now_s, struct fault *fault)
{
	const struct event event = {.kind = EVENT_POLICY,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = name,
				    .type = what,
				    .detail = detail};

	return append_event(transaction, &event, fault);
}

/* Adds or changes the row, with its event. An existing one keeps origin, disabled and revoked. */
static int write_client_row(struct transaction *transaction, const struct client *client,
			    bool exists, int64_t now_s, struct fault *fault)
{
	static const char sql[] =
		"INSERT INTO client (name, subject, alt_names, keys, validity, certificates,"
		" requests_per_minute, by_hand, origin)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
		" ON CONFLICT (name) DO UPDATE SET subject = ?2, alt_names = ?3, keys = ?4,"
		" validity = ?5, certificates = ?6, requests_per_minute = ?7, by_hand = ?8";
	const struct client_policy *policy = &client->policy;
	CLEANUP(clear_buffer) struct buffer alt_names = {0};
	CLEANUP(clear_buffer) struct buffer keys = {0};
	CLEANUP(clear_buffer) struct buffer detail = {0};

	append_lines(policy, &alt_names);
	append_key_list(policy, &keys);
	append_policy(policy, &detail);
	if (check_buffer(&alt_names, fault) < 0 || check_buffer(&keys, fault) < 0 ||
	    check_buffer(&detail, fault) < 0 ||
	    run_statement(transaction, sql,
			  VALUES(text_value(client->name), text_value(policy->subject),
				 text_value((const char *)alt_names.data),
				 text_value((const char *)keys.data),
				 number_value(policy->validity_s),
				 number_value((int64_t)policy->certificates),
				 number_value((int64_t)policy->requests_per_minute),
				 number_value(client->by_hand), number_value(client->origin)),
			  NULL, fault) < 0)
		return -1;
	return append_change(transaction, client->name, exists ? "changed" : "added",
			     (const char *)detail.data, now_s, fault);
}

static int refuse_unknown(const char *name, struct fault *fault)
{
	return set_fault(fault, FAULT_NOT_FOUND,
			 "the CA's record has no client \"%s\": certpool client list shows those "
			 "there are",
			 name);
}

int write_client(struct store *store, const struct client *client, enum client_change change,
		 int64_t now_s, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_client) struct client old = {0};
	struct client by_hand = *client; /* borrowed */
	bool found;

	by_hand.by_hand = true;
	by_hand.origin = ORIGIN_OPERATOR;
	if (check_client_policy(&client->policy, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    find_client_row(&transaction, client->name, &old, &found, fault) < 0)
		return -1;
	if (found && change == CLIENT_ADD)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA has a client \"%s\" already: to change it, use certpool "
				 "client set",
				 client->name);
	if (!found && change == CLIENT_CHANGE)
		return refuse_unknown(client->name, fault);
	if (write_client_row(&transaction, &by_hand, found, now_s, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int set_client_disabled(struct store *store, const char *name, bool disabled, int64_t now_s,
			bool *ret_changed, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET disabled = ?1 WHERE name = ?2";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    find_client_row(&transaction, name, &client, &found, fault) < 0)
		return -1;
	if (!found)
		return refuse_unknown(name, fault);
	if (client.revoked && !disabled)
		return set_fault(fault, FAULT_REFUSED,
				 "client \"%s\" was revoked, which is for good: add a client of "
				 "another name",
				 name);
	*ret_changed = client.disabled != disabled;
	if (!*ret_changed)
		return 0;
	if (run_statement(&transaction, sql, VALUES(number_value(disabled), text_value(name)), NULL,
			  fault) < 0 ||
	    append_change(&transaction, name, disabled ? "disabled" : "enabled", NULL, now_s,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int bar_client(struct transaction *transaction, const char *name, const char *why, int64_t now_s,
	       bool *ret_changed, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET disabled = 1 WHERE name = ?1 AND disabled = 0"
				  " AND revoked_at IS NULL";
	const struct event event = {.kind = EVENT_POLICY,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = name,
				    .type = "disabled",
				    .detail = why};
	int64_t changed;

	if (run_statement(transaction, sql, VALUES(text_value(name)), &changed, fault) < 0 ||
	    (changed > 0 && append_event(transaction, &event, fault) < 0))
		return -1;
	*ret_changed = changed > 0;
	return 0;
}

int list_clients(struct store *store, client_function *function, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT " CLIENT_COLUMNS " FROM client ORDER BY name";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		CLEANUP(clear_client) struct client client = {0};

		if (read_client_row(&rows, &client, fault) < 0 ||
		    function(context, &client, fault) < 0 || next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

static int set_origin(struct transaction *transaction, const char *name, enum client_origin origin,
		      struct fault *fault)
{
	static const char sql[] = "UPDATE client SET origin = ?1 WHERE name = ?2";

	return run_statement(transaction, sql, VALUES(number_value(origin), text_value(name)), NULL,
			     fault);
}

static int sync_client(struct transaction *transaction, const struct client_node *node,
		       int64_t now_s, struct clients_synced *synced, struct fault *fault)
{
	CLEANUP(clear_client) struct client old = {0};
	struct client client = {.policy = node->policy, .origin = ORIGIN_MANIFEST}; /* borrowed */
	bool found;

	memcpy(client.name, node->name, sizeof(client.name));
	if (find_client_row(transaction, node->name, &old, &found, fault) < 0)
		return -1;
	if (found && (old.origin == ORIGIN_REMOVED || old.origin == ORIGIN_UNKNOWN)) {
		synced->returned += old.origin == ORIGIN_REMOVED && old.disabled;
		if (set_origin(transaction, node->name, ORIGIN_MANIFEST, fault) < 0)
			return -1;
	}
	if (found && equal_client_policies(&old.policy, &node->policy))
		return 0;
	if (found && old.by_hand) {
		synced->kept++;
		return 0;
	}
	synced->added += !found;
	synced->changed += found;
	return write_client_row(transaction, &client, found, now_s, fault);
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
				  " WHERE origin IS NULL OR origin = 1";
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
	return append_change(transaction, recorded->name, "disabled", "no longer in the manifest",
			     now_s, fault);
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

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0)
		return -1;
	for (size_t i = 0; i < manifest->client_count; i++)
		if (sync_client(&transaction, &manifest->clients[i], now_s, &synced, fault) < 0)
			return -1;
	if (disable_missing(&transaction, manifest, now_s, &synced, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	*ret_synced = synced;
	return 0;
}
