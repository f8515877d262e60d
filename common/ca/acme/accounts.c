#include "common/ca/acme/accounts.h"

#include "common/base/random.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"
#include "common/crypto/base64.h"

#include <stdlib.h>
#include <string.h>

void clear_acme_account(struct acme_account *account)
{
	free_public_key(&account->key);
	free(account->contact);
	*account = (struct acme_account){0};
}

#define ACCOUNT_COLUMNS                                                                            \
	"SELECT acme_account.id, spki, acme_account.client, contact, deactivated_at, disabled,"    \
	" revoked_at, removed_at, client.name, created_at, requests_per_minute FROM acme_account"  \
	" LEFT JOIN client ON client.name = acme_account.client WHERE "

enum account_column {
	ID,
	SPKI,
	CLIENT,
	CONTACT,
	DEACTIVATED_AT,
	DISABLED,
	REVOKED_AT,
	REMOVED_AT,
	NAME,
	CREATED_AT,
	REQUESTS_PER_MINUTE,
};

static int copy_account(struct rows *rows, struct acme_account *account, struct fault *fault)
{
	struct fault damage = {0};

	row_octets(rows, ID, account->id, ACCOUNT_ID_LEN);
	row_name(rows, CLIENT, account->client);
	account->deactivated = !row_is_null(rows, DEACTIVATED_AT);
	account->barred = row_is_null(rows, NAME) || row_number(rows, DISABLED) != 0 ||
			  !row_is_null(rows, REVOKED_AT) || !row_is_null(rows, REMOVED_AT);
	if (!row_is_null(rows, NAME))
		account->requests_per_minute = row_size(rows, REQUESTS_PER_MINUTE);
	account->contact = strdup(row_text(rows, CONTACT));
	if (account->contact == NULL)
		return set_memory_fault(fault);
	if (check_row(rows, fault) < 0)
		return -1;
	if (parse_public_key(row_bytes(rows, SPKI), &account->key, &damage) < 0)
		return report_damage(rows->transaction, damage.text, fault);
	return 0;
}

static int read_account(struct store *store, const char *sql, struct value key,
			struct acme_account *ret_account, bool *ret_found, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(clear_acme_account) struct acme_account account = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(key), &rows, ret_found, fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	if (copy_account(&rows, &account, fault) < 0)
		return -1;
	MOVE(ret_account, account);
	return 0;
}

int find_account(struct store *store, const uint8_t id[static ACCOUNT_ID_LEN],
		 struct acme_account *ret_account, bool *ret_found, struct fault *fault)
{
	return read_account(store, ACCOUNT_COLUMNS "acme_account.id = ?1",
			    octets_value(id, ACCOUNT_ID_LEN), ret_account, ret_found, fault);
}

int find_account_by_key(struct store *store, const struct public_key *key,
			struct acme_account *ret_account, bool *ret_found, struct fault *fault)
{
	uint8_t sha256[SHA256_LEN];

	public_key_sha256(key, sha256);
	return read_account(store, ACCOUNT_COLUMNS "acme_account.key_sha256 = ?1",
			    octets_value(sha256, SHA256_LEN), ret_account, ret_found, fault);
}

static int list_account(struct rows *rows, account_function *function, void *context,
			struct fault *fault)
{
	CLEANUP(clear_acme_account) struct acme_account account = {0};
	const int64_t created_at_s = row_number(rows, CREATED_AT);

	return copy_account(rows, &account, fault) < 0
		       ? -1
		       : function(context, &account, created_at_s, fault);
}

int list_accounts(struct store *store, const char *client, account_function *function,
		  void *context, struct fault *fault)
{
	static const char sql[] = ACCOUNT_COLUMNS "acme_account.client = ?1"
						  " ORDER BY created_at, acme_account.id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, VALUES(text_value(client)), &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row)
		if (list_account(&rows, function, context, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	return 0;
}

/* Of what became of an account: its id is the detail. */
static int append_account_event(struct transaction *transaction, const struct acme_account *account,
				const char *by, const char *type, int64_t now_s,
				struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer id = {0};
	struct event event = {.kind = EVENT_ACCOUNT,
			      .time_s = now_s,
			      .by = by,
			      .client = account->client,
			      .type = type};

	append_base64url(&id, (struct bytes){account->id, ACCOUNT_ID_LEN});
	if (check_buffer(&id, fault) < 0)
		return -1;
	event.detail = (const char *)id.data;
	return append_event(transaction, &event, fault);
}

/* Deactivated accounts go once there are as many as a client may have, the oldest first. */
static int make_room(struct transaction *transaction, const char *client, struct fault *fault)
{
	static const char count_sql[] = "SELECT COUNT(*) FROM acme_account WHERE client = ?1";
	static const char remove_sql[] =
		"DELETE FROM acme_account WHERE id IN (SELECT id FROM acme_account"
		" WHERE client = ?1 AND deactivated_at IS NOT NULL ORDER BY deactivated_at LIMIT "
		"1)";
	int64_t count;
	int64_t removed;

	if (query_number(transaction, count_sql, VALUES(text_value(client)), &count, fault) < 0)
		return -1;
	if (count < ACCOUNTS_MAX)
		return 0;
	if (run_statement(transaction, remove_sql, VALUES(text_value(client)), &removed, fault) < 0)
		return -1;
	return removed > 0 ? 0
			   : set_fault(fault, FAULT_REFUSED,
				       "the client \"%s\" has %d accounts: deactivate some", client,
				       ACCOUNTS_MAX);
}

int add_account(struct store *store, struct acme_account *account, int64_t now_s, bool *ret_added,
		struct fault *fault)
{
	static const struct table table = {.name = "acme_account",
					   .conflict = "key_sha256",
					   .column_count = 6,
					   .columns = {{"id", VALUE_OCTETS},
						       {"key_sha256", VALUE_OCTETS},
						       {"spki", VALUE_OCTETS},
						       {"client", VALUE_TEXT},
						       {"contact", VALUE_TEXT},
						       {"created_at", VALUE_NUMBER}}};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	const struct bytes spki = public_key_spki(account->key);
	uint8_t sha256[SHA256_LEN];
	bool added;

	public_key_sha256(account->key, sha256);
	const struct value row[] = {octets_value(account->id, ACCOUNT_ID_LEN),
				    octets_value(sha256, SHA256_LEN),
				    octets_value(spki.data, spki.len),
				    text_value(account->client),
				    text_value(account->contact),
				    number_value(now_s)};

	if (fill_random(account->id, ACCOUNT_ID_LEN, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    make_room(&transaction, account->client, fault) < 0 ||
	    insert_rows(&transaction, &table, row, 1, &added, fault) < 0)
		return -1;
	if (added && (append_account_event(&transaction, account, account->client, "created", now_s,
					   fault) < 0 ||
		      commit_transaction(&transaction, fault) < 0))
		return -1;
	*ret_added = added;
	return 0;
}

/* A change of an account's row. */
struct account_change {
	const char *sql;
	struct values values;
	const char *type; /* of its event */
	const char *by;
	int64_t now_s;
};

/* *ret_changed false: the row is not as expected, and nothing is changed. */
static int change_account(struct store *store, const struct acme_account *account,
			  const struct account_change *change, bool *ret_changed,
			  struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, change->sql, change->values, &changed, fault) < 0)
		return -1;
	*ret_changed = changed > 0;
	if (changed == 0)
		return 0;
	if (append_account_event(&transaction, account, change->by, change->type, change->now_s,
				 fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int set_account_contact(struct store *store, const struct acme_account *account,
			const char *contact, int64_t now_s, struct fault *fault)
{
	static const char sql[] =
		"UPDATE acme_account SET contact = ?2 WHERE id = ?1 AND deactivated_at IS NULL";
	const struct account_change change = {
		sql, VALUES(octets_value(account->id, ACCOUNT_ID_LEN), text_value(contact)),
		"contact changed", account->client, now_s};
	bool changed;

	return change_account(store, account, &change, &changed, fault);
}

int deactivate_account(struct store *store, const struct acme_account *account, const char *by,
		       int64_t now_s, bool *ret_changed, struct fault *fault)
{
	static const char sql[] = "UPDATE acme_account SET deactivated_at = ?2"
				  " WHERE id = ?1 AND deactivated_at IS NULL";
	const struct account_change change = {
		sql, VALUES(octets_value(account->id, ACCOUNT_ID_LEN), number_value(now_s)),
		"deactivated", by, now_s};
	bool changed;

	if (change_account(store, account, &change, &changed, fault) < 0)
		return -1;
	if (ret_changed != NULL)
		*ret_changed = changed;
	return 0;
}

int change_account_key(struct store *store, const struct acme_account *account,
		       const struct public_key *key, int64_t now_s, bool *ret_changed,
		       struct fault *fault)
{
	static const char sql[] =
		"UPDATE acme_account SET key_sha256 = ?3, spki = ?4"
		" WHERE id = ?1 AND key_sha256 = ?2 AND deactivated_at IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM acme_account AS other WHERE other.key_sha256 = ?3)";
	const struct bytes spki = public_key_spki(key);
	uint8_t old_sha256[SHA256_LEN];
	uint8_t new_sha256[SHA256_LEN];

	public_key_sha256(account->key, old_sha256);
	public_key_sha256(key, new_sha256);
	const struct account_change change = {sql,
					      VALUES(octets_value(account->id, ACCOUNT_ID_LEN),
						     octets_value(old_sha256, SHA256_LEN),
						     octets_value(new_sha256, SHA256_LEN),
						     octets_value(spki.data, spki.len)),
					      "key changed", account->client, now_s};

	return change_account(store, account, &change, ret_changed, fault);
}
