#include "common/ca/shared/client_key_copies.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/ca/shared/front_end_file.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/statement.h"
#include "common/crypto/key_file.h"
#include "common/wire/event.h"

#include <stdio.h>
#include <string.h>

/* Of the files, while they are compared with the record and written. */
static const char lock_name[] = "keys";

void name_client_key(const char *client, bool old, char ret_context[static CLIENT_KEY_CONTEXT_SIZE])
{
	(void)snprintf(ret_context, CLIENT_KEY_CONTEXT_SIZE, "the %skey shared with %s",
		       old ? "old " : "", client);
}

static int seal_key(const struct shared_key *store_key, const char *client, bool old,
		    const struct shared_key *key, struct buffer *ret_sealed, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	char context[CLIENT_KEY_CONTEXT_SIZE];

	name_client_key(client, old, context);
	if (format_shared_key(key, &jwk, fault) < 0)
		return -1;
	return seal_under_key(store_key, context, bytes_of_secret(&jwk), ret_sealed, fault);
}

static int open_key(const struct shared_key *store_key, const char *client, bool old,
		    struct bytes sealed, struct shared_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	char context[CLIENT_KEY_CONTEXT_SIZE];

	name_client_key(client, old, context);
	if (open_under_key(store_key, context, sealed, &jwk, fault) < 0)
		return -1;
	return parse_shared_key(bytes_of_secret(&jwk), ret_key, fault);
}

/* A row as it is in the record. old.len 0: there is no old key. */
struct sealed_client_key {
	char client[NAME_SIZE];
	struct bytes current;
	struct bytes old;
};

/* Opens a row and adds its keys to the ring, but for an old one that has ended. */
static int open_row(const struct shared_key *store_key, const struct sealed_client_key *row,
		    int64_t now_s, struct key_ring *ring, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};

	if (open_key(store_key, row->client, false, row->current, &key, fault) < 0 ||
	    add_peer_key(ring, row->client, &key, fault) < 0)
		return -1;
	if (row->old.len == 0)
		return 0;
	if (open_key(store_key, row->client, true, row->old, &old, fault) < 0)
		return -1;
	return old.ends_s > now_s ? add_peer_key(ring, row->client, &old, fault) : 0;
}

static int open_rows(struct transaction *transaction, const struct shared_key *store_key,
		     int64_t now_s, struct key_ring *ring, struct fault *fault)
{
	static const char sql[] = "SELECT client, sealed, old FROM shared_key ORDER BY client";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct sealed_client_key key = {0};

		row_name(&rows, 0, key.client);
		key.current = row_bytes(&rows, 1);
		if (!row_is_null(&rows, 2))
			key.old = row_bytes(&rows, 2);
		if (check_row(&rows, fault) < 0 ||
		    open_row(store_key, &key, now_s, ring, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

static int raise_key_revision(struct transaction *transaction, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET key_revision = key_revision + 1";

	return run_statement(transaction, sql, NO_VALUES, NULL, fault);
}

/* A new row, or a change of the row whose current key has the kid `before`. */
struct key_change {
	const char *client;
	const char *before; /* NULL: there must be no row */
	const struct shared_key *current;
	const struct shared_key *old; /* NULL: none */
};

/* Whether the row has the key already. */
static int find_same_key(struct transaction *transaction, const struct key_change *change,
			 bool *ret_same, struct fault *fault)
{
	static const char sql[] = "SELECT kid FROM shared_key WHERE client = ?1";
	CLEANUP(close_rows) struct rows rows = {0};

	if (query_row(transaction, sql, VALUES(text_value(change->client)), &rows, NULL, fault) < 0)
		return -1;
	*ret_same = strcmp(row_text(&rows, 0), change->current->kid) == 0;
	return check_row(&rows, fault);
}

/* *changed becomes true, unless the row has the key already: the caller raises the revision. */
static int write_row(struct transaction *transaction, const struct shared_key *store_key,
		     const struct key_change *change, bool *changed, struct fault *fault)
{
	static const char insert_sql[] = "INSERT INTO shared_key (client, kid, sealed, old)"
					 " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (client) DO NOTHING";
	static const char update_sql[] = "UPDATE shared_key SET kid = ?2, sealed = ?3, old = ?4"
					 " WHERE client = ?1 AND kid = ?5";
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_buffer) struct buffer old = {0};
	const char *client = change->client;
	bool same = false;
	int64_t written;

	if (seal_key(store_key, client, false, change->current, &sealed, fault) < 0 ||
	    (change->old != NULL &&
	     seal_key(store_key, client, true, change->old, &old, fault) < 0))
		return -1;
	const struct value values[] = {
		text_value(client),
		text_value(change->current->kid),
		octets_value(sealed.data, sealed.len),
		change->old != NULL ? octets_value(old.data, old.len) : no_value(),
		change->before != NULL ? text_value(change->before) : no_value(),
	};
	const bool is_new = change->before == NULL;

	if (run_statement(transaction, is_new ? insert_sql : update_sql,
			  (struct values){values, is_new ? 4 : 5}, &written, fault) < 0)
		return -1;
	*changed |= written > 0;
	if (written == 0 && is_new && find_same_key(transaction, change, &same, fault) < 0)
		return -1;
	if (written == 0 && !same)
		return set_fault(fault, FAULT_REFUSED,
				 "the key shared with %s was changed by another front end "
				 "meanwhile: run this again",
				 client);
	return 0;
}

/* Ends a transaction that changed keys, or did not. */
static int commit_keys(struct transaction *transaction, bool changed, struct fault *fault)
{
	if (changed && raise_key_revision(transaction, fault) < 0)
		return -1;
	return commit_transaction(transaction, fault);
}

static int change_row(struct store *store, const struct layout *layout,
		      const struct key_change *change, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool done;

	/* The key may change until the transaction begins, and not in it. */
	do {
		bool changed = false;

		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       need_store_key(layout, &transaction, &store_key, fault) == 0 &&
		       write_row(&transaction, &store_key, change, &changed, fault) == 0 &&
		       commit_keys(&transaction, changed, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	return done ? 0 : -1;
}

/* --- the copies --- */

/* The host whose record it was in a file, though it was removed before that. */
static int admit_front_end(struct transaction *transaction, struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET removed_at = NULL WHERE id = ?1";

	return run_statement(transaction, sql,
			     VALUES(number_value(store_front_end(transaction->store))), NULL,
			     fault);
}

/* The record's keys become those that the layout has. */
static int adopt_keys(struct store *store, const struct layout *layout, int64_t now_s,
		      struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_peers) struct peers peers = {0};
	bool changed = false;
	bool found;

	if (list_peers(layout, &peers, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    find_store_key(layout, &transaction, &store_key, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	/* A record that comes out of a file again is of the front end that the layout was. */
	if (write_front_end_file(layout, store_front_end(store), fault) < 0 ||
	    admit_front_end(&transaction, fault) < 0 ||
	    make_store_key(layout, &transaction, &store_key, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++) {
		CLEANUP(clear_shared_key) struct shared_key current = {0};
		CLEANUP(clear_shared_key) struct shared_key old = {0};
		struct key_change change = {.client = peers.names[i], .current = &current};
		bool has_old;

		if (read_shared_key(layout, peers.names[i], &current, fault) < 0 ||
		    read_old_key(layout, peers.names[i], now_s, &old, &has_old, fault) < 0)
			return -1;
		change.old = has_old ? &old : NULL;
		if (write_row(&transaction, &store_key, &change, &changed, fault) < 0)
			return -1;
	}
	return commit_keys(&transaction, changed, fault);
}

static const struct peer_key *find_old(const struct key_ring *ring, const char *peer)
{
	for (size_t i = 0; i < ring->count; i++)
		if (strcmp(ring->keys[i].peer, peer) == 0 && ring->keys[i].key.ends_s != 0)
			return &ring->keys[i];
	return NULL;
}

static bool same_key(const struct peer_key *a, const struct peer_key *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a->key.kid, b->key.kid) == 0 && a->key.ends_s == b->key.ends_s &&
	       equal_secrets((struct bytes){a->key.key, SHARED_KEY_LEN},
			     (struct bytes){b->key.key, SHARED_KEY_LEN});
}

/* Makes the files of a client what the record has. */
static int copy_client_key(const struct layout *layout, const struct key_ring *present,
			   const struct key_ring *recorded, const char *client, int64_t now_s,
			   struct fault *fault)
{
	const struct peer_key *current = find_peer_key(recorded, client);
	const struct peer_key *old = find_old(recorded, client);
	CLEANUP(clear_shared_key) struct shared_key first = {0};

	if (same_key(find_peer_key(present, client), current) &&
	    same_key(find_old(present, client), old))
		return 0;
	first = old != NULL ? old->key : current->key;
	first.ends_s = 0;
	if (remove_shared_key(layout, client, fault) < 0 ||
	    write_shared_key(layout, client, &first, fault) < 0)
		return -1;
	return old == NULL ? 0
			   : replace_shared_key(layout, client, &current->key, old->key.ends_s,
						false, now_s, fault);
}

static int copy_keys(const struct layout *layout, const struct key_ring *recorded, int64_t now_s,
		     struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};
	CLEANUP(clear_key_ring) struct key_ring present = {0};

	if (list_peers(layout, &peers, fault) < 0 ||
	    read_key_ring(layout, now_s, &present, fault) < 0)
		return -1;
	for (size_t i = 0; i < recorded->count; i++)
		if (recorded->keys[i].key.ends_s == 0 &&
		    copy_client_key(layout, &present, recorded, recorded->keys[i].peer, now_s,
				    fault) < 0)
			return -1;
	for (size_t i = 0; i < peers.count; i++)
		if (find_peer_key(recorded, peers.names[i]) == NULL &&
		    remove_shared_key(layout, peers.names[i], fault) < 0)
			return -1;
	return 0;
}

static void clear_ring_pointer(struct key_ring **ring)
{
	if (*ring != NULL)
		clear_key_ring(*ring);
}

/* *ret_found false: the record has not taken over the layout's keys yet. */
static int read_recorded_ring(struct store *store, const struct layout *layout, int64_t now_s,
			      struct key_ring *ret_ring, bool *ret_found, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct key_ring ring = {0};
	CLEANUP(clear_ring_pointer) struct key_ring *owned = &ring;

	/* Of one moment: all rows are under one key of the store. */
	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    find_store_key(layout, &transaction, &store_key, ret_found, fault) < 0 ||
	    (*ret_found && open_rows(&transaction, &store_key, now_s, &ring, fault) < 0))
		return -1;
	*ret_ring = ring;
	owned = NULL;
	return 0;
}

int read_client_keys(struct store *store, const struct layout *layout, int64_t now_s,
		     struct key_ring *ret_ring, struct fault *fault)
{
	bool found = false;

	if (is_shared_store(store) &&
	    read_recorded_ring(store, layout, now_s, ret_ring, &found, fault) < 0)
		return -1;
	return found ? 0 : read_key_ring(layout, now_s, ret_ring, fault);
}

int stamp_client_keys(struct store *store, const struct layout *layout,
		      uint8_t ret_stamp[static SHA256_LEN], struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t revision;

	if (!is_shared_store(store))
		return stamp_shared_keys(layout, ret_stamp, fault);
	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_number(&transaction, "SELECT key_revision FROM state", NO_VALUES, &revision,
			 fault) < 0)
		return -1;
	memset(ret_stamp, 0, SHA256_LEN);
	memcpy(ret_stamp, &revision, sizeof(revision));
	return 0;
}

int take_client_keys(struct store *store, const struct layout *layout, struct fault *fault)
{
	CLEANUP(clear_key_ring) struct key_ring recorded = {0};
	CLEANUP(close_descriptor) int lock = -1;
	int64_t now_s = read_clock();
	bool found;

	if (!is_shared_store(store))
		return 0;
	if (lock_file(layout->state, lock_name, LOCK_WAIT, &lock, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (read_recorded_ring(store, layout, now_s, &recorded, &found, fault) < 0 ||
	    (found ? copy_keys(layout, &recorded, now_s, fault)
		   : adopt_keys(store, layout, now_s, fault)) < 0)
		return -1;
	return keep_front_end_keys(store, layout, fault);
}

/* --- changes --- */

int record_client_key(struct store *store, const struct layout *layout, const char *client,
		      const struct shared_key *key, struct fault *fault)
{
	const struct key_change change = {.client = client, .current = key};

	return is_shared_store(store) ? change_row(store, layout, &change, fault) : 0;
}

int record_client_keys(struct store *store, const struct layout *layout,
		       const struct key_ring *keys, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool changed = false;

	if (!is_shared_store(store) || keys->count == 0)
		return 0;
	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    need_store_key(layout, &transaction, &store_key, fault) < 0)
		return -1;
	for (size_t i = 0; i < keys->count; i++) {
		const struct peer_key *current = &keys->keys[i];
		const bool has_old = i + 1 < keys->count && current[1].key.ends_s != 0;
		const struct key_change change = {.client = current->peer,
						  .current = &current->key,
						  .old = has_old ? &current[1].key : NULL};

		if (write_row(&transaction, &store_key, &change, &changed, fault) < 0)
			return -1;
		i += has_old;
	}
	if (commit_keys(&transaction, changed, fault) < 0)
		return -1;
	settle_changes(store);
	return 0;
}

int write_client_key(struct store *store, const struct layout *layout, const char *client,
		     const struct shared_key *key, struct fault *fault)
{
	if (record_client_key(store, layout, client, key, fault) < 0 ||
	    write_shared_key(layout, client, key, fault) < 0)
		return -1;
	settle_changes(store);
	return 0;
}

int replace_client_key(struct store *store, const struct layout *layout, const char *client,
		       const struct shared_key *key, int64_t old_ends_s, int64_t now_s,
		       struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	struct key_change change = {.client = client, .before = present.kid, .current = key};

	if (is_shared_store(store)) {
		if (read_shared_key(layout, client, &present, fault) < 0)
			return -1;
		present.ends_s = old_ends_s;
		change.old = old_ends_s > now_s ? &present : NULL;
		if (change_row(store, layout, &change, fault) < 0)
			return -1;
		settle_changes(store);
	}
	return replace_shared_key(layout, client, key, old_ends_s, false, now_s, fault);
}

/* Ends a key of a client by a statement on its row, if the record has the keys. */
static int run_on_row(struct store *store, const char *client, const char *sql, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed;

	if (!is_shared_store(store))
		return 0;
	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql, VALUES(text_value(client)), &changed, fault) < 0 ||
	    commit_keys(&transaction, changed > 0, fault) < 0)
		return -1;
	if (changed > 0)
		settle_changes(store);
	return 0;
}

int end_old_client_key(struct store *store, const struct layout *layout, const char *client,
		       bool *ret_ended, struct fault *fault)
{
	static const char sql[] =
		"UPDATE shared_key SET old = NULL WHERE client = ?1 AND old IS NOT NULL";

	if (run_on_row(store, client, sql, fault) < 0)
		return -1;
	return end_old_key(layout, client, ret_ended, fault);
}

int remove_client_key(struct store *store, const struct layout *layout, const char *client,
		      struct fault *fault)
{
	static const char sql[] = "DELETE FROM shared_key WHERE client = ?1";

	if (run_on_row(store, client, sql, fault) < 0)
		return -1;
	return remove_shared_key(layout, client, fault);
}
