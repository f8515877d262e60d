#include "common/ca/store/clients.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/client_keys.h"
#include "common/ca/store/client_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	COLUMN_POOL_SIZE,
	COLUMN_REMOVED_AT,
	COLUMN_INVITED_AT,
	COLUMN_INVITATION_ENDS,
	COLUMN_JOINED_AT,
	COLUMN_SEEN_AT,
	COLUMN_INVITATION_KID,
	COLUMN_USAGES,
	COLUMN_ADDED_AT,
};
_Static_assert(COLUMN_ADDED_AT + 1 == CLIENT_COLUMN_COUNT, "CLIENT_COLUMNS has as many");

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
	    parse_key_list(row_text(rows, COLUMN_KEYS), policy, fault) < 0 ||
	    parse_usage_list(row_text(rows, COLUMN_USAGES), &policy->usages, fault) < 0)
		return -1;
	return check_client_policy(policy, fault);
}

int64_t row_time(struct rows *rows, int column)
{
	return row_is_null(rows, column) ? 0 : row_number(rows, column);
}

int read_client_row(struct rows *rows, struct client *ret_client, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	row_name(rows, COLUMN_NAME, client.name);
	client.by_hand = (unsigned int)row_size(rows, COLUMN_BY_HAND);
	client.pool_size = row_size(rows, COLUMN_POOL_SIZE);
	client.removed = !row_is_null(rows, COLUMN_REMOVED_AT);
	client.invited_at_s = row_time(rows, COLUMN_INVITED_AT);
	client.invitation_ends_s = row_time(rows, COLUMN_INVITATION_ENDS);
	if (!row_is_null(rows, COLUMN_INVITATION_KID))
		row_name(rows, COLUMN_INVITATION_KID, client.invitation_kid);
	client.joined_at_s = row_time(rows, COLUMN_JOINED_AT);
	client.seen_at_s = row_time(rows, COLUMN_SEEN_AT);
	client.added_at_s = row_number(rows, COLUMN_ADDED_AT);
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

int find_client_row(struct transaction *transaction, const char *name, struct client *ret_client,
		    bool *ret_found, struct fault *fault)
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
	*ret_found = found && !client.removed;
	if (*ret_found)
		MOVE(ret_client, client);
	else
		*ret_client = (struct client){0};
	return 0;
}

/* The policy in words, for the audit log. */
static void append_policy(const struct client_policy *policy, struct buffer *buffer)
{
	append_format(buffer, "subject \"%s\", alt_names ", policy->subject);
	append_alt_name_list(policy, buffer);
	append_string(buffer, ", keys ");
	append_key_list(policy, buffer);
	append_format(
		buffer, ", validity %jd s, certificates %zu, requests_per_minute %zu, usages ",
		(intmax_t)policy->validity_s, policy->certificates, policy->requests_per_minute);
	append_usage_list(policy->usages, buffer);
}

int append_client_change(struct transaction *transaction, const char *name, const char *what,
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

static struct value time_value(int64_t time_s)
{
	return time_s != 0 ? number_value(time_s) : no_value();
}

int write_client_row(struct transaction *transaction, const struct client *client, bool exists,
		     int64_t now_s, struct fault *fault)
{
	static const char sql[] =
		"INSERT INTO client (name, subject, alt_names, keys, validity, certificates,"
		" requests_per_minute, by_hand, origin, pool_size, invited_at, invitation_ends,"
		" usages, invitation_kid, added_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
		" ON CONFLICT (name) DO UPDATE SET subject = ?2, alt_names = ?3, keys = ?4,"
		" validity = ?5, certificates = ?6, requests_per_minute = ?7, by_hand = ?8,"
		" pool_size = ?10, usages = ?13";
	const struct client_policy *policy = &client->policy;
	CLEANUP(clear_buffer) struct buffer alt_names = {0};
	CLEANUP(clear_buffer) struct buffer keys = {0};
	CLEANUP(clear_buffer) struct buffer detail = {0};
	char usages[USAGES_TEXT_SIZE];

	format_usages(policy->usages, usages);
	append_lines(policy, &alt_names);
	append_key_list(policy, &keys);
	append_policy(policy, &detail);
	if (check_buffer(&alt_names, fault) < 0 || check_buffer(&keys, fault) < 0 ||
	    check_buffer(&detail, fault) < 0 ||
	    run_statement(
		    transaction, sql,
		    VALUES(text_value(client->name), text_value(policy->subject),
			   text_value((const char *)alt_names.data),
			   text_value((const char *)keys.data), number_value(policy->validity_s),
			   number_value((int64_t)policy->certificates),
			   number_value((int64_t)policy->requests_per_minute),
			   number_value(client->by_hand), number_value(client->origin),
			   number_value((int64_t)client->pool_size),
			   time_value(client->invited_at_s), time_value(client->invitation_ends_s),
			   text_value(usages),
			   client->invitation_kid[0] != '\0' ? text_value(client->invitation_kid)
							     : no_value(),
			   number_value(now_s)),
		    NULL, fault) < 0)
		return -1;
	return append_client_change(transaction, client->name, exists ? "changed" : "added",
				    (const char *)detail.data, now_s, fault);
}

int refuse_unknown_client(const char *name, struct fault *fault)
{
	return set_fault(fault, FAULT_NOT_FOUND,
			 "the CA's record has no client \"%s\": certpool client list shows those "
			 "there are",
			 name);
}

int forget_removed(struct transaction *transaction, const char *name, struct fault *fault)
{
	static const char sql[] = "DELETE FROM client WHERE name = ?1 AND removed_at IS NOT NULL";

	return run_statement(transaction, sql, VALUES(text_value(name)), NULL, fault);
}

static int refuse_revoked(const char *name, struct fault *fault)
{
	return set_fault(fault, FAULT_REFUSED,
			 "client \"%s\" was revoked, which is for good: add a client of another "
			 "name",
			 name);
}

static int add_client_row(struct transaction *transaction, const struct client *client,
			  int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_client) struct client old = {0};
	struct client new = *client; /* borrowed */
	bool found;

	new.origin = ORIGIN_OPERATOR;
	if (check_client_policy(&client->policy, fault) < 0 ||
	    find_client_row(transaction, client->name, &old, &found, fault) < 0)
		return -1;
	if (found && !old.removed)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA has a client \"%s\" already: to change it, use certpool "
				 "client set",
				 client->name);
	if (found && old.revoked)
		return refuse_revoked(client->name, fault);
	if ((found && forget_removed(transaction, client->name, fault) < 0) ||
	    write_client_row(transaction, &new, false, now_s, fault) < 0)
		return -1;
	return client->successor_kid[0] == '\0'
		       ? 0
		       : append_key_rotation(transaction, client->name, client->successor_kid,
					     client->successor_wanted_until_s, now_s, fault);
}

static int change_client_row(struct transaction *transaction, const struct client *client,
			     int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_client) struct client old = {0};
	bool found;

	if (check_client_policy(&client->policy, fault) < 0 ||
	    find_client_row(transaction, client->name, &old, &found, fault) < 0)
		return -1;
	if (!found || old.removed)
		return refuse_unknown_client(client->name, fault);
	return write_client_row(transaction, client, true, now_s, fault);
}

int write_client(struct store *store, const struct client *client, enum client_change change,
		 int64_t now_s, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       (change == CLIENT_ADD
				? add_client_row(&transaction, client, now_s, fault)
				: change_client_row(&transaction, client, now_s, fault)) == 0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

static int add_client_rows(struct transaction *transaction, const struct client *clients,
			   size_t count, int64_t now_s, size_t *ret_failed, struct fault *fault)
{
	for (*ret_failed = 0; *ret_failed < count; ++*ret_failed)
		if (add_client_row(transaction, &clients[*ret_failed], now_s, fault) < 0)
			return -1;
	return 0;
}

int add_clients(struct store *store, const struct client *clients, size_t count, int64_t now_s,
		size_t *ret_failed, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	do {
		*ret_failed = count;
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       add_client_rows(&transaction, clients, count, now_s, ret_failed, fault) ==
			       0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

static int remove_client_row(struct transaction *transaction, const char *name, int64_t now_s,
			     bool *ret_changed, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET removed_at = ?1, disabled = 1"
				  " WHERE name = ?2";
	/* A later client of the name is somebody else. */
	static const char accounts_sql[] = "DELETE FROM acme_account WHERE client = ?1";
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (find_client_row(transaction, name, &client, &found, fault) < 0)
		return -1;
	if (!found)
		return refuse_unknown_client(name, fault);
	*ret_changed = !client.removed;
	if (client.removed)
		return 0;
	if (run_statement(transaction, sql, VALUES(number_value(now_s), text_value(name)), NULL,
			  fault) < 0 ||
	    run_statement(transaction, accounts_sql, VALUES(text_value(name)), NULL, fault) < 0)
		return -1;
	return append_client_change(transaction, name, "removed", NULL, now_s, fault);
}

int remove_client(struct store *store, const char *name, int64_t now_s, bool *ret_changed,
		  struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       remove_client_row(&transaction, name, now_s, ret_changed, fault) == 0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

static int switch_client_row(struct transaction *transaction, const char *name, bool disabled,
			     int64_t now_s, bool *ret_changed, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET disabled = ?1 WHERE name = ?2";
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (find_client_row(transaction, name, &client, &found, fault) < 0)
		return -1;
	if (!found || client.removed)
		return refuse_unknown_client(name, fault);
	if (client.revoked && !disabled)
		return refuse_revoked(name, fault);
	*ret_changed = client.disabled != disabled;
	if (!*ret_changed)
		return 0;
	if (run_statement(transaction, sql, VALUES(number_value(disabled), text_value(name)), NULL,
			  fault) < 0)
		return -1;
	return append_client_change(transaction, name, disabled ? "disabled" : "enabled", NULL,
				    now_s, fault);
}

int set_client_disabled(struct store *store, const char *name, bool disabled, int64_t now_s,
			bool *ret_changed, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       switch_client_row(&transaction, name, disabled, now_s, ret_changed, fault) ==
			       0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

int list_clients(struct store *store, client_function *function, void *context, struct fault *fault)
{
	static const char sql[] =
		"SELECT " CLIENT_COLUMNS " FROM client WHERE removed_at IS NULL ORDER BY name";
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

/* The nearest client's name, of which a listing has each for a moment alone. */
struct meant_client {
	struct nearest_name search;
	char nearest[NAME_SIZE];
};

static int compare_client(void *context, const struct client *client, struct fault *fault)
{
	struct meant_client *meant = context;

	(void)fault;
	compare_name(&meant->search, client->name);
	if (meant->search.nearest == client->name) {
		memcpy(meant->nearest, client->name, NAME_SIZE);
		meant->search.nearest = meant->nearest;
	}
	return 0;
}

static int append_unknown(struct store *store, const char *name, struct buffer *text,
			  struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	struct meant_client meant = {.search.word = name};
	char hint[MEANT_SIZE];
	bool found = false;

	if (read_client(store, name, &client, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	if (list_clients(store, compare_client, &meant, fault) < 0)
		return -1;
	format_meant(&meant.search, hint);
	append_format(text, "%sno client has the name \"%s\"%s", text->len > 0 ? ", and " : "",
		      name, hint);
	return 0;
}

int find_unknown_challenged(struct store *store, const struct ca_node *ca, struct buffer *ret_text,
			    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	const char *line = ca->acme_challenged;

	while (line != NULL && line[1] != '\0') {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
		if (append_unknown(store, name, &text, fault) < 0)
			return -1;
		line = strchr(line + 1, '\n');
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	MOVE(ret_text, text);
	return 0;
}
