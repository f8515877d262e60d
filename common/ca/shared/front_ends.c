#include "common/ca/shared/front_ends.h"

#include "common/base/staging.h"
#include "common/ca/shared/front_end_file.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/shared/lease.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/shared/store_key_change.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_NAME_SIZE = 256 };

#define FRONT_END_COLUMNS                                                                          \
	"f.id, f.name, f.removed_at, c.lines, f.heartbeat_at, f.place, f.joined_at, f.version"
#define FRONT_END_TABLES "front_end f JOIN audit_chain c ON c.front_end = f.id"
enum { ID, NAME, REMOVED_AT, LINES, HEARTBEAT_AT, PLACE, JOINED_AT, VERSION };

static int read_front_end_row(struct rows *rows, struct front_end *ret_front_end,
			      struct fault *fault)
{
	struct front_end front_end = {.number = row_number(rows, ID),
				      .lines = row_number(rows, LINES),
				      .heartbeat_s = row_number(rows, HEARTBEAT_AT),
				      .serves = !row_is_null(rows, PLACE),
				      .joined = !row_is_null(rows, JOINED_AT),
				      .removed = !row_is_null(rows, REMOVED_AT)};

	row_name(rows, NAME, front_end.name);
	if (!row_is_null(rows, VERSION))
		(void)snprintf(front_end.version, sizeof(front_end.version), "%s",
			       row_text(rows, VERSION));
	if (check_row(rows, fault) < 0)
		return -1;
	*ret_front_end = front_end;
	return 0;
}

int list_front_ends(struct store *store, front_end_function *function, void *context,
		    struct fault *fault)
{
	static const char sql[] =
		"SELECT " FRONT_END_COLUMNS " FROM " FRONT_END_TABLES " ORDER BY f.id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct front_end front_end;

		if (read_front_end_row(&rows, &front_end, fault) < 0 ||
		    function(context, &front_end, fault) < 0 || next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

int find_front_end(struct store *store, const char *name, struct front_end *ret_front_end,
		   struct fault *fault)
{
	static const char sql[] =
		"SELECT " FRONT_END_COLUMNS " FROM " FRONT_END_TABLES " WHERE f.name = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(text_value(name)), &rows, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND, "the CA's record has no front end \"%s\"",
				 name);
	return read_front_end_row(&rows, ret_front_end, fault);
}

/* Until it has a key, the record is that of the host that made it. */
static int check_unjoined(struct transaction *transaction, const struct layout *layout,
			  struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, "SELECT store_kid FROM state", NO_VALUES, &rows, NULL, fault) <
	    0)
		return -1;
	if (row_is_null(&rows, 0))
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s/state/" FRONT_END_FILE
			 ": expected the number of this front end of %s, found none: this host has "
			 "not joined: run certpool front-end add NAME on a host that has, and "
			 "certpool front-end join here",
			 layout->path, store_name(transaction->store));
}

static int check_front_end(struct transaction *transaction, int64_t number, struct fault *fault)
{
	static const char sql[] = "SELECT name, removed_at FROM front_end WHERE id = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	char name[NAME_SIZE];
	bool found;

	if (query_row(transaction, sql, VALUES(number_value(number)), &rows, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected the record of front end %" PRId64
				 ", found one that does not know of it: look at ca.store in the "
				 "manifest",
				 store_name(transaction->store), number);
	row_name(&rows, 0, name);
	if (!row_is_null(&rows, 1))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: the front end %s was removed from this record: join again, "
				 "in a new layout",
				 store_name(transaction->store), name);
	return check_row(&rows, fault);
}

int recognise_front_end(struct store *store, const struct layout *layout, struct fault *fault)
{
	int64_t number;

	if (!is_shared_store(store))
		return 0;
	if (read_front_end_file(layout, &number, fault) < 0)
		return -1;
	return work_as_front_end(store, layout, number, fault);
}

int work_as_front_end(struct store *store, const struct layout *layout, int64_t number,
		      struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	if (number == 0)
		return check_unjoined(&transaction, layout, fault);
	if (check_front_end(&transaction, number, fault) < 0)
		return -1;
	set_store_front_end(store, number);
	return 0;
}

/* "host:/path/of/the/layout" */
static int format_place(const struct layout *layout, char **ret_place, struct fault *fault)
{
	CLEANUP(free_string) char *path = realpath(layout->path, NULL);
	char host[HOST_NAME_SIZE] = "";

	(void)gethostname(host, sizeof(host) - 1);
	if (asprintf(ret_place, "%s:%s", host, path != NULL ? path : layout->path) < 0) {
		*ret_place = NULL;
		return set_memory_fault(fault);
	}
	return 0;
}

static int check_place(struct transaction *transaction, const char *place, int64_t now_s,
		       struct fault *fault)
{
	static const char sql[] = "SELECT name, place, heartbeat_at FROM front_end WHERE id = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t since_s;

	if (query_row(transaction, sql, VALUES(number_value(store_front_end(transaction->store))),
		      &rows, NULL, fault) < 0)
		return -1;
	since_s = now_s - row_number(&rows, 2);
	if (!row_is_null(&rows, 1) && strcmp(row_text(&rows, 1), place) != 0 &&
	    since_s < HEARTBEAT_LOST_S)
		return set_fault(
			fault, FAULT_BUSY,
			"the front end %s is served already, at %s, with a heartbeat %" PRId64
			" s ago: a layout is of one host: run certpool front-end add for "
			"this one, or stop that one",
			row_text(&rows, 0), row_text(&rows, 1), since_s);
	return check_row(&rows, fault);
}

int claim_front_end(struct store *store, const struct layout *layout, const char *version,
		    struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET place = ?2, heartbeat_at = ?3,"
				  " version = ?4 WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(free_string) char *place = NULL;
	int64_t now_s;

	if (!is_shared_store(store))
		return 0;
	if (format_place(layout, &place, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    read_store_clock(&transaction, &now_s, fault) < 0 ||
	    check_place(&transaction, place, now_s, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(store_front_end(store)), text_value(place),
				 number_value(now_s), text_value(version)),
			  NULL, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int try_to_release(struct store *store, const struct layout *layout, struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET place = NULL WHERE id = ?1 AND place = ?2";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(free_string) char *place = NULL;

	if (format_place(layout, &place, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql,
			  VALUES(number_value(store_front_end(store)), text_value(place)), NULL,
			  fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

void release_front_end(struct store *store, const struct layout *layout)
{
	struct fault ignored = {0};

	/* Its heartbeat stops, too. */
	if (is_shared_store(store))
		(void)!try_to_release(store, layout, &ignored);
}

/* --- add, join, remove --- */

static int append_front_end_event(struct transaction *transaction, const char *what,
				  const char *name, int64_t now_s, struct fault *fault)
{
	const struct event event = {.kind = EVENT_FRONT_END,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .type = what,
				    .detail = name};

	return append_event(transaction, &event, fault);
}

static int find_by_name(struct transaction *transaction, const char *name,
			struct front_end *ret_front_end, bool *ret_found, struct fault *fault)
{
	static const char sql[] =
		"SELECT " FRONT_END_COLUMNS " FROM " FRONT_END_TABLES " WHERE f.name = ?1";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, VALUES(text_value(name)), &rows, ret_found, fault) < 0)
		return -1;
	return *ret_found ? read_front_end_row(&rows, ret_front_end, fault) : 0;
}

static int insert_front_end(struct transaction *transaction, const char *name, int64_t now_s,
			    int64_t *ret_number, struct fault *fault)
{
	static const char sql[] = "INSERT INTO front_end (id, name, added_at) VALUES (?1, ?2, ?3)";
	static const char chain_sql[] = "INSERT INTO audit_chain (front_end) VALUES (?1)";
	int64_t last;

	if (query_number(transaction, "SELECT MAX(id) FROM front_end", NO_VALUES, &last, fault) < 0)
		return -1;
	*ret_number = last + 1;
	if (run_statement(transaction, sql,
			  VALUES(number_value(*ret_number), text_value(name), number_value(now_s)),
			  NULL, fault) < 0 ||
	    run_statement(transaction, chain_sql, VALUES(number_value(*ret_number)), NULL, fault) <
		    0)
		return -1;
	return append_front_end_event(transaction, "added", name, now_s, fault);
}

static int find_or_insert(struct transaction *transaction, const char *name, int64_t now_s,
			  int64_t *ret_number, struct fault *fault)
{
	struct front_end present = {0};
	bool found;

	if (find_by_name(transaction, name, &present, &found, fault) < 0)
		return -1;
	if (found && (present.joined || present.removed))
		return set_fault(fault, FAULT_REFUSED,
				 "the record has a front end %s already, which %s: a name is for "
				 "good: take another one",
				 name, present.removed ? "was removed" : "has joined");
	*ret_number = present.number;
	return found ? 0 : insert_front_end(transaction, name, now_s, ret_number, fault);
}

int add_front_end(struct store *store, const char *name, int64_t now_s, int64_t *ret_number,
		  struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	if (!is_shared_store(store))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: a record in a file is of one host: for several, put it into "
				 "PostgreSQL (ca.store in the manifest; certpool store copy)",
				 store_name(store));
	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       find_or_insert(&transaction, name, now_s, ret_number, fault) == 0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

int join_front_ends(struct store *store, const struct layout *layout, const char *name,
		    int64_t number, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET joined_at = ?3, place = ?4"
				  " WHERE id = ?1 AND name = ?2"
				  " AND (joined_at IS NULL OR place = ?4)";
	CLEANUP(clear_agreement_key) struct agreement_key own = {0};
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(free_string) char *place = NULL;
	int64_t changed;
	int64_t present;

	if (read_front_end_file(layout, &present, fault) < 0)
		return -1;
	set_store_front_end(store, number);
	if (present == number)
		return 0;
	if (present != 0)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: this layout is front end %" PRId64
				 " already: join in another layout",
				 layout->path, present);
	if (make_front_end_key(layout, &own, fault) < 0 ||
	    format_place(layout, &place, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    check_front_end(&transaction, number, fault) < 0)
		return -1;
	/* A front end may have been removed since the packet was made: the key in it is an old one.
	 */
	if (need_store_key(layout, &transaction, &store_key, fault) < 0)
		return fault->class != FAULT_REFUSED
			       ? -1
			       : prefix_fault(fault,
					      "the packet is too old: make another one with "
					      "certpool front-end add %s",
					      name);
	if (run_statement(&transaction, sql,
			  VALUES(number_value(number), text_value(name), number_value(now_s),
				 text_value(place)),
			  &changed, fault) < 0)
		return -1;
	if (changed == 0)
		return set_fault(fault, FAULT_REFUSED,
				 "the front end %s has joined already, elsewhere: a packet is for "
				 "one host: make another one with certpool front-end add",
				 name);
	/* Killed before the file is there, the same layout joins again. */
	if (record_front_end_key(&transaction, &own, &store_key, fault) < 0 ||
	    append_front_end_event(&transaction, "joined", name, now_s, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	return write_front_end_file(layout, number, fault);
}

static int remove_within(struct transaction *transaction, const struct layout *layout,
			 const char *name, int64_t now_s, size_t *ret_left, struct fault *fault)
{
	static const char sql[] =
		"UPDATE front_end SET removed_at = ?2, public_key = NULL WHERE id = ?1";
	struct front_end present = {0};
	char kid[KEY_ID_SIZE];
	bool found;

	if (find_by_name(transaction, name, &present, &found, fault) < 0)
		return -1;
	if (!found || present.removed)
		return set_fault(
			fault, FAULT_NOT_FOUND,
			"the CA's record has no front end \"%s\", or it was removed before", name);
	if (present.number == store_front_end(transaction->store))
		return set_fault(fault, FAULT_REFUSED,
				 "%s is the front end of this host: remove it on another one",
				 name);
	if (run_statement(transaction, sql,
			  VALUES(number_value(present.number), number_value(now_s)), NULL,
			  fault) < 0 ||
	    append_front_end_event(transaction, "removed", name, now_s, fault) < 0 ||
	    change_store_key(transaction, layout, kid, ret_left, fault) < 0)
		return -1;
	return append_front_end_event(transaction, "new key of the store", kid, now_s, fault);
}

int remove_front_end(struct store *store, const struct layout *layout, const char *name,
		     int64_t now_s, size_t *ret_left, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       remove_within(&transaction, layout, name, now_s, ret_left, fault) == 0 &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

int check_only_front_end(struct store *store, const char *act, struct fault *fault)
{
	static const char sql[] = "SELECT name FROM front_end WHERE id <> ?1"
				  " AND joined_at IS NOT NULL AND removed_at IS NULL";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	char name[NAME_SIZE];
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(number_value(store_front_end(store))), &rows,
		      &found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	row_name(&rows, 0, name);
	if (check_row(&rows, fault) < 0)
		return -1;
	return set_fault(
		fault, FAULT_REFUSED,
		"%s changes keys and certificates that the front end %s has as files, too: "
		"stop it and run certpool front-end remove %s, run this again, and join "
		"that host anew, by a packet of another name",
		act, name, name);
}

int read_front_end_clock(struct store *store, int64_t *ret_now_s, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	return read_store_clock(&transaction, ret_now_s, fault);
}

int note_heartbeat(struct store *store, struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET heartbeat_at = ?2"
				  " WHERE id = ?1 AND removed_at IS NULL";
	const int64_t number = store_front_end(store);
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t now_s;
	int64_t changed;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    read_store_clock(&transaction, &now_s, fault) < 0 ||
	    run_statement(&transaction, sql, VALUES(number_value(number), number_value(now_s)),
			  &changed, fault) < 0)
		return -1;
	if (changed == 0) {
		bar_store(store);
		return check_front_end(&transaction, number, fault);
	}
	return commit_transaction(&transaction, fault);
}

/* The lease is not spent: its end is when the next checkpoint is due. */
int write_checkpoint(struct store *store, int64_t now_s, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct lease lease;
	bool taken;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    take_lease_within(&transaction, CHECKPOINT_LEASE, CHECKPOINT_S, &lease, &taken, fault) <
		    0 ||
	    (taken && append_checkpoint(&transaction, now_s, fault) < 0))
		return -1;
	return taken ? commit_transaction(&transaction, fault) : 0;
}
