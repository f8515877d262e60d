#include "common/ca/shared/store_key.h"

#include "common/base/staging.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/store/statement.h"

#include <string.h>

/* More front ends are never removed while one of them is away. */
enum { STEPS_MAX = 10000 };

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

/* The step from the key to the next one, as another front end left it for this one. *ret_found
   false: it left none. */
static int take_next_key(struct transaction *transaction, const struct agreement_key *own,
			 struct shared_key *key, bool *ret_found, struct fault *fault)
{
	static const char sql[] =
		"SELECT sealed FROM store_key WHERE front_end = ?1 AND old_kid = ?2";
	const int64_t number = store_front_end(transaction->store);
	CLEANUP(clear_shared_key) struct shared_key next = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, VALUES(number_value(number), text_value(key->kid)), &rows,
		      ret_found, fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	if (open_next_store_key(key, own, number, row_bytes(&rows, 0), &next, fault) < 0)
		return prefix_fault(fault, "%s", store_name(transaction->store));
	*key = next;
	return check_row(&rows, fault);
}

/* Front ends were removed since this one was here last: each time the key changed. */
static int follow_keys(const struct layout *layout, struct transaction *transaction,
		       const char *kid, struct shared_key *key, struct fault *fault)
{
	CLEANUP(clear_agreement_key) struct agreement_key own = {0};
	bool found;

	if (strcmp(key->kid, kid) == 0)
		return 0;
	if (read_front_end_key(layout, &own, &found, fault) < 0)
		return -1;
	for (int steps = 0; found && steps < STEPS_MAX && strcmp(key->kid, kid) != 0; steps++)
		if (take_next_key(transaction, &own, key, &found, fault) < 0)
			return -1;
	return 0;
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
	if (follow_keys(layout, transaction, kid, &key, fault) < 0)
		return -1;
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

int need_store_key(const struct layout *layout, struct transaction *transaction,
		   struct shared_key *ret_key, struct fault *fault)
{
	bool found;

	if (find_store_key(layout, transaction, ret_key, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: the record has no key of its front ends yet: run certpool serve, or "
			 "any verb of the CA's operator, on the host that made it",
			 store_name(transaction->store));
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

int take_store_key(const struct layout *layout, const struct shared_key *key, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	CLEANUP(clear_secret) struct secret jwk = {0};
	bool has_file;

	if (read_key_file(layout, &present, &has_file, fault) < 0)
		return -1;
	if (has_file && strcmp(present.kid, key->kid) == 0)
		return 0;
	if (format_shared_key(key, &jwk, fault) < 0)
		return -1;
	if (write_file(layout->private, STORE_KEY_FILE, STAGE_REPLACE, 0600, bytes_of_secret(&jwk),
		       fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}
