#include "common/ca/store/clients.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/session.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT_COLUMNS                                                                             \
	"name, subject, alt_names, keys, validity, certificates, requests_per_minute, by_hand,"    \
	" disabled, revoked_at, reason"

void clear_client(struct client *record)
{
	clear_client_policy(&record->policy);
	*record = (struct client){0};
}

/* One a line: a name has no line break in it. */
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

static int read_policy(sqlite3_stmt *row, struct client_policy *policy, struct fault *fault)
{
	CLEANUP(free_string) char *alt_names = NULL;
	CLEANUP(free_string) char *keys = NULL;

	if (copy_column(row, 1, &policy->subject, fault) < 0 ||
	    copy_column(row, 2, &alt_names, fault) < 0 || copy_column(row, 3, &keys, fault) < 0 ||
	    split_lines(alt_names, policy, fault) < 0 || parse_key_list(keys, policy, fault) < 0)
		return -1;
	policy->validity_s = sqlite3_column_int64(row, 4);
	policy->certificates = (size_t)sqlite3_column_int64(row, 5);
	policy->requests_per_minute = (size_t)sqlite3_column_int64(row, 6);
	return check_client_policy(policy, fault);
}

static int read_client_row(struct session *session, sqlite3_stmt *row, struct client *ret_record,
			   struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	const char *name = (const char *)sqlite3_column_text(row, 0);

	if (name == NULL || !valid_name(name))
		return set_database_fault(&session->database, SQLITE_CORRUPT, fault);
	memcpy(record.name, name, strlen(name) + 1);
	if (read_policy(row, &record.policy, fault) < 0)
		return prefix_fault(fault, "the CA's record: client %s", record.name);
	record.by_hand = sqlite3_column_int(row, 7) != 0;
	record.disabled = sqlite3_column_int(row, 8) != 0;
	record.revoked = sqlite3_column_type(row, 9) != SQLITE_NULL;
	record.revoked_at_s = sqlite3_column_int64(row, 9);
	record.reason = sqlite3_column_int(row, 10);
	MOVE(ret_record, record);
	return 0;
}

static int find_client_row(struct session *session, const char *name, struct client *ret_record,
			   bool *ret_found, struct fault *fault)
{
	static const char sql[] = "SELECT " CLIENT_COLUMNS " FROM client WHERE name = ?1";
	sqlite3_stmt *statement;
	int result;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	if (step_statement(&session->database, statement, ret_found, fault) < 0)
		return -1;
	result = *ret_found ? read_client_row(session, statement, ret_record, fault) : 0;
	reset_statement(statement);
	return result;
}

struct search {
	const char *name;
	struct client record;
	bool found;
};

static int search_client(struct session *session, void *context, struct fault *fault)
{
	struct search *search = context;

	return find_client_row(session, search->name, &search->record, &search->found, fault);
}

int read_client(struct store *store, const char *name, struct client *ret_record, bool *ret_found,
		struct fault *fault)
{
	struct search search = {.name = name};

	if (run_query(store, search_client, &search, fault) < 0)
		return -1;
	*ret_record = search.record;
	*ret_found = search.found;
	return 0;
}

/* The policy as the audit log tells it. */
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

/* A change of one client, and what it is to be called. */
struct change {
	const struct client *record;
	enum client_change change;
	int64_t now_s;
};

static int note_change(struct session *session, const char *name, const char *what,
		       const struct client_policy *policy, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer detail = {0};
	struct event event = {
		.kind = EVENT_POLICY, .time_s = now_s, .by = CA_NAME, .client = name, .type = what};

	if (policy != NULL)
		append_policy(policy, &detail);
	if (check_buffer(&detail, fault) < 0)
		return -1;
	event.detail = (const char *)detail.data;
	return append_event(session, &event, fault);
}

static int write_row(struct session *session, const struct client *record, struct fault *fault)
{
	static const char sql[] =
		"INSERT INTO client (name, subject, alt_names, keys, validity, certificates,"
		" requests_per_minute, by_hand) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		" ON CONFLICT (name) DO UPDATE SET subject = ?2, alt_names = ?3, keys = ?4,"
		" validity = ?5, certificates = ?6, requests_per_minute = ?7, by_hand = ?8";
	const struct client_policy *policy = &record->policy;
	CLEANUP(clear_buffer) struct buffer alt_names = {0};
	CLEANUP(clear_buffer) struct buffer keys = {0};
	sqlite3_stmt *statement;

	append_lines(policy, &alt_names);
	append_key_list(policy, &keys);
	if (check_buffer(&alt_names, fault) < 0 || check_buffer(&keys, fault) < 0 ||
	    get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_text(statement, 1, record->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, policy->subject, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, (const char *)alt_names.data, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 4, (const char *)keys.data, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 5, policy->validity_s);
	(void)sqlite3_bind_int64(statement, 6, (int64_t)policy->certificates);
	(void)sqlite3_bind_int64(statement, 7, (int64_t)policy->requests_per_minute);
	(void)sqlite3_bind_int(statement, 8, record->by_hand);
	return run_statement(session, statement, fault);
}

static int write_client_row(struct session *session, void *context, struct fault *fault)
{
	const struct change *change = context;
	const char *name = change->record->name;
	CLEANUP(clear_client) struct client old = {0};
	bool found;

	if (find_client_row(session, name, &old, &found, fault) < 0)
		return -1;
	if (found && change->change == CLIENT_ADD)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA has a client \"%s\" already: to change it, use certpool "
				 "client set",
				 name);
	if (!found && change->change == CLIENT_CHANGE)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "the CA's record has no client \"%s\": certpool client list shows "
				 "those there are",
				 name);
	if (write_row(session, change->record, fault) < 0)
		return -1;
	return note_change(session, name, found ? "changed" : "added", &change->record->policy,
			   change->now_s, fault);
}

int write_client(struct store *store, const struct client *record, enum client_change change,
		 int64_t now_s, struct fault *fault)
{
	struct client by_hand = *record;
	struct change context = {&by_hand, change, now_s};

	by_hand.by_hand = true;
	if (check_client_policy(&record->policy, fault) < 0)
		return -1;
	return run_transaction(store, write_client_row, &context, fault);
}

struct switching {
	const char *name;
	bool disabled;
	int64_t now_s;
	bool changed;
};

static int switch_client(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET disabled = ?1 WHERE name = ?2";
	struct switching *switching = context;
	CLEANUP(clear_client) struct client record = {0};
	sqlite3_stmt *statement;
	bool found;

	if (find_client_row(session, switching->name, &record, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "the CA's record has no client \"%s\": certpool client list shows "
				 "those there are",
				 switching->name);
	if (record.revoked && !switching->disabled)
		return set_fault(fault, FAULT_REFUSED,
				 "client \"%s\" was revoked, which is for good: add a client of "
				 "another name",
				 switching->name);
	switching->changed = record.disabled != switching->disabled;
	if (!switching->changed)
		return 0;
	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int(statement, 1, switching->disabled);
	(void)sqlite3_bind_text(statement, 2, switching->name, -1, SQLITE_STATIC);
	if (run_statement(session, statement, fault) < 0)
		return -1;
	return note_change(session, switching->name, switching->disabled ? "disabled" : "enabled",
			   NULL, switching->now_s, fault);
}

int set_client_disabled(struct store *store, const char *name, bool disabled, int64_t now_s,
			bool *ret_changed, struct fault *fault)
{
	struct switching switching = {.name = name, .disabled = disabled, .now_s = now_s};

	if (run_transaction(store, switch_client, &switching, fault) < 0)
		return -1;
	*ret_changed = switching.changed;
	return 0;
}

struct walk {
	client_function *function;
	void *context;
};

static int walk_clients(struct session *session, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT " CLIENT_COLUMNS " FROM client ORDER BY name";
	const struct walk *walk = context;
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	bool row = true;

	if (prepare_statement(&session->database, sql, &statement, fault) < 0)
		return -1;
	while (row) {
		CLEANUP(clear_client) struct client record = {0};

		if (step_statement(&session->database, statement, &row, fault) < 0)
			return -1;
		if (row && (read_client_row(session, statement, &record, fault) < 0 ||
			    walk->function(walk->context, &record, fault) < 0))
			return -1;
	}
	return 0;
}

int list_clients(struct store *store, client_function *function, void *context, struct fault *fault)
{
	struct walk walk = {function, context};

	return run_scan(store, walk_clients, &walk, fault);
}

/* The manifest's clients on their way into the record. */
struct syncing {
	const struct manifest *manifest;
	int64_t now_s;
	struct clients_synced synced;
};

static int sync_client(struct session *session, struct syncing *syncing,
		       const struct client_node *node, struct fault *fault)
{
	CLEANUP(clear_client) struct client old = {0};
	struct client record = {.policy = node->policy}; /* borrowed */
	bool found;

	memcpy(record.name, node->name, sizeof(record.name));
	if (find_client_row(session, node->name, &old, &found, fault) < 0)
		return -1;
	if (found && equal_client_policies(&old.policy, &node->policy))
		return 0;
	if (found && old.by_hand) {
		syncing->synced.kept++;
		return 0;
	}
	if (write_row(session, &record, fault) < 0)
		return -1;
	syncing->synced.added += !found;
	syncing->synced.changed += found;
	return note_change(session, node->name, found ? "changed" : "added", &node->policy,
			   syncing->now_s, fault);
}

static int sync_all(struct session *session, void *context, struct fault *fault)
{
	struct syncing *syncing = context;

	for (size_t i = 0; i < syncing->manifest->client_count; i++)
		if (sync_client(session, syncing, &syncing->manifest->clients[i], fault) < 0)
			return -1;
	return 0;
}

int sync_clients(struct store *store, const struct manifest *manifest, int64_t now_s,
		 struct clients_synced *ret_synced, struct fault *fault)
{
	struct syncing syncing = {.manifest = manifest, .now_s = now_s};

	if (run_transaction(store, sync_all, &syncing, fault) < 0)
		return -1;
	*ret_synced = syncing.synced;
	return 0;
}
