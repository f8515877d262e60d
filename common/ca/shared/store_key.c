#include "common/ca/shared/store_key.h"

#include "common/base/staging.h"
#include "common/ca/store/statement.h"

#include <string.h>

/* *ret_found false: there is no file. */
static int read_key_file(const struct layout *layout, struct shared_key *ret_key, bool *ret_found,
			 struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};

	if (find_file(layout->private, STORE_KEY_FILE, ret_found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!*ret_found)
		return 0;
	if (read_secret_file(layout->private, STORE_KEY_FILE, SHARED_KEY_FILE_MAX, &jwk, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (parse_shared_key(bytes_of_secret(&jwk), ret_key, fault) < 0)
		return prefix_fault(fault, "%s/Private/" STORE_KEY_FILE, layout->path);
	return 0;
}

/* "": the record has no key yet. */
static int read_kid(struct transaction *transaction, char ret_kid[static KEY_ID_SIZE],
		    struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};

	ret_kid[0] = '\0';
	if (query_row(transaction, "SELECT store_kid FROM state", NO_VALUES, &rows, NULL, fault) <
	    0)
		return -1;
	if (!row_is_null(&rows, 0))
		row_name(&rows, 0, ret_kid);
	return check_row(&rows, fault);
}

int find_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, bool *ret_found, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	const char *record = store_name(transaction->store);
	char kid[KEY_ID_SIZE];
	bool has_file;

	if (read_key_file(layout, &key, &has_file, fault) < 0 ||
	    read_kid(transaction, kid, fault) < 0)
		return -1;
	*ret_found = kid[0] != '\0';
	if (!*ret_found)
		return 0;
	if (!has_file)
		return set_fault(
			fault, FAULT_NOT_FOUND,
			"%s/Private/" STORE_KEY_FILE ": expected the key of the record %s, "
			"found none: this host has not joined its front ends: run certpool "
			"front-end add NAME on one of them, and certpool front-end join here",
			layout->path, record);
	if (strcmp(key.kid, kid) != 0)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s/Private/" STORE_KEY_FILE ": expected the key of the record %s, "
			"%s, found another, %s: this host was a front end of another record, "
			"or was removed from this one: join again, in a new layout",
			layout->path, record, kid, key.kid);
	*ret_key = key;
	return 0;
}

int read_store_key(const struct layout *layout, struct store *store, struct shared_key *ret_key,
		   struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    find_store_key(layout, &transaction, ret_key, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: the record has no key of its front ends yet: run certpool serve, or "
			 "any verb of the CA's operator, on the host that made it",
			 store_name(store));
}

int make_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET store_kid = ?1";
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_secret) struct secret jwk = {0};
	bool has_file;

	if (read_key_file(layout, &key, &has_file, fault) < 0)
		return -1;
	if (!has_file) {
		if (generate_shared_key(&key, fault) < 0 ||
		    format_shared_key(&key, &jwk, fault) < 0)
			return -1;
		if (write_file(layout->private, STORE_KEY_FILE, STAGE_NEW, 0600,
			       bytes_of_secret(&jwk), fault) < 0)
			return prefix_fault(fault, "%s/Private", layout->path);
	}
	if (run_statement(transaction, sql, VALUES(text_value(key.kid)), NULL, fault) < 0)
		return -1;
	*ret_key = key;
	return 0;
}
