#include "common/ca/shared/store_key_change.h"

#include "common/ca/shared/client_key_copies.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/statement.h"

#include <stdlib.h>
#include <string.h>

struct store_key_change {
	struct transaction *transaction;
	struct shared_key old;
	struct shared_key next;
};

static void clear_store_key_change(struct store_key_change *change)
{
	clear_shared_key(&change->old);
	clear_shared_key(&change->next);
}

/* A client's row: its current key and its old one, sealed; empty: none. */
struct key_row {
	char client[NAME_SIZE];
	char kid[KEY_ID_SIZE];
	struct buffer sealed[2];
};

/* The record is locked meanwhile: many rows in each statement. */
enum { ROWS_AT_ONCE = 256 };

struct key_batch {
	struct key_row rows[ROWS_AT_ONCE];
	size_t count;
};

static void free_key_batch(struct key_batch **batch_pointer)
{
	struct key_batch *batch = TAKE(*batch_pointer);

	for (size_t i = 0; batch != NULL && i < batch->count; i++) {
		clear_buffer(&batch->rows[i].sealed[0]);
		clear_buffer(&batch->rows[i].sealed[1]);
	}
	free(batch);
}

/* From the old key to the next. Empty octets are no value. */
static int wrap_again(const struct shared_key *old, const struct shared_key *next,
		      const char *context, const struct buffer *sealed, struct value *ret_value,
		      struct buffer *ret_sealed, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};

	*ret_value = no_value();
	if (sealed->len == 0)
		return 0;
	if (open_under_key(old, context, bytes_of_buffer(sealed), &jwk, fault) < 0 ||
	    seal_under_key(next, context, bytes_of_secret(&jwk), ret_sealed, fault) < 0)
		return -1;
	*ret_value = octets_value(ret_sealed->data, ret_sealed->len);
	return 0;
}

/* The next ones in the order of their names. */
static int read_key_batch(struct transaction *transaction, const char *after,
			  struct key_batch *batch, struct fault *fault)
{
	static const char sql[] = "SELECT client, kid, sealed, old FROM shared_key"
				  " WHERE client > ?1 ORDER BY client LIMIT ?2";
	const struct value values[] = {text_value(after), number_value(ROWS_AT_ONCE)};
	CLEANUP(close_rows) struct rows rows = {0};
	bool found;

	if (query_rows(transaction, sql, (struct values){values, COUNT_OF(values)}, &rows, fault) <
	    0)
		return -1;
	for (;;) {
		struct key_row *row = &batch->rows[batch->count];

		if (next_row(&rows, &found, fault) < 0)
			return -1;
		if (!found)
			return 0;
		batch->count++;
		row_name(&rows, 0, row->client);
		if (strlen(row_text(&rows, 1)) >= sizeof(row->kid))
			return report_damage(transaction, "a key identifier is too long", fault);
		(void)stpcpy(row->kid, row_text(&rows, 1));
		append_bytes(&row->sealed[0], row_bytes(&rows, 2));
		if (!row_is_null(&rows, 3))
			append_bytes(&row->sealed[1], row_bytes(&rows, 3));
		if (check_row(&rows, fault) < 0 || check_buffer(&row->sealed[0], fault) < 0 ||
		    check_buffer(&row->sealed[1], fault) < 0)
			return -1;
	}
}

static int wrap_row(const struct shared_key *old, const struct shared_key *next,
		    struct key_row *row, struct fault *fault)
{
	char context[CLIENT_KEY_CONTEXT_SIZE];

	for (size_t i = 0; i < COUNT_OF(row->sealed); i++) {
		CLEANUP(clear_buffer) struct buffer again = {0};
		struct value ignored;

		name_client_key(row->client, i == 1, context);
		if (wrap_again(old, next, context, &row->sealed[i], &ignored, &again, fault) < 0)
			return -1;
		clear_buffer(&row->sealed[i]);
		row->sealed[i] = take_buffer(&again);
	}
	return 0;
}

static struct value sealed_value(const struct buffer *sealed)
{
	return sealed->len == 0 ? no_value() : octets_value(sealed->data, sealed->len);
}

/* In place of the rows that are there. */
static int write_key_batch(struct transaction *transaction, const struct key_batch *batch,
			   struct fault *fault)
{
	static const char sql[] = "DELETE FROM shared_key WHERE client >= ?1 AND client <= ?2";
	enum { COLUMNS = 4 };
	static const struct table table = {.name = "shared_key",
					   .column_count = COLUMNS,
					   .columns = {{"client", VALUE_TEXT},
						       {"kid", VALUE_TEXT},
						       {"sealed", VALUE_OCTETS},
						       {"old", VALUE_OCTETS}}};
	struct value values[ROWS_AT_ONCE * COLUMNS];

	for (size_t i = 0; i < batch->count; i++) {
		const struct key_row *row = &batch->rows[i];

		values[i * COLUMNS] = text_value(row->client);
		values[i * COLUMNS + 1] = text_value(row->kid);
		values[i * COLUMNS + 2] = sealed_value(&row->sealed[0]);
		values[i * COLUMNS + 3] = sealed_value(&row->sealed[1]);
	}
	if (run_statement(transaction, sql, VALUES(values[0], values[(batch->count - 1) * COLUMNS]),
			  NULL, fault) < 0)
		return -1;
	return insert_rows(transaction, &table, values, batch->count, NULL, fault);
}

static int wrap_client_keys(struct transaction *transaction, const struct shared_key *old,
			    const struct shared_key *next, struct fault *fault)
{
	char last[NAME_SIZE] = "";

	for (;;) {
		CLEANUP(free_key_batch) struct key_batch *batch = calloc(1, sizeof(*batch));

		if (batch == NULL)
			return set_memory_fault(fault);
		if (read_key_batch(transaction, last, batch, fault) < 0)
			return -1;
		if (batch->count == 0)
			return 0;
		for (size_t i = 0; i < batch->count; i++)
			if (wrap_row(old, next, &batch->rows[i], fault) < 0)
				return prefix_fault(fault, "%s", store_name(transaction->store));
		if (write_key_batch(transaction, batch, fault) < 0)
			return -1;
		memcpy(last, batch->rows[batch->count - 1].client, sizeof(last));
	}
}

static int wrap_issuer_keys(struct transaction *transaction, const struct shared_key *old,
			    const struct shared_key *next, struct fault *fault)
{
	static const char select_sql[] = "SELECT issuer, sealed FROM issuer_key WHERE issuer > ?1"
					 " ORDER BY issuer LIMIT 1";
	static const char sql[] = "UPDATE issuer_key SET sealed = ?2 WHERE issuer = ?1";
	int64_t number = 0;
	bool found = true;

	while (found) {
		CLEANUP(close_rows) struct rows rows = {0};
		CLEANUP(clear_buffer) struct buffer sealed = {0};
		CLEANUP(clear_buffer) struct buffer again = {0};
		struct value value;
		char context[ISSUER_KEY_CONTEXT_SIZE];

		if (query_row(transaction, select_sql, VALUES(number_value(number)), &rows, &found,
			      fault) < 0)
			return -1;
		if (!found)
			return 0;
		number = row_number(&rows, 0);
		append_bytes(&sealed, row_bytes(&rows, 1));
		if (check_row(&rows, fault) < 0 || check_buffer(&sealed, fault) < 0)
			return -1;
		close_rows(&rows);
		name_issuer_key(number, context);
		if (wrap_again(old, next, context, &sealed, &value, &again, fault) < 0)
			return prefix_fault(fault, "%s", store_name(transaction->store));
		if (run_statement(transaction, sql, VALUES(number_value(number), value), NULL,
				  fault) < 0)
			return -1;
	}
	return 0;
}

/* Leaves the next key for a front end, whose public half it puts under that. */
static int hand_over(const struct store_key_change *change, int64_t number,
		     struct bytes sealed_half, struct fault *fault)
{
	static const char insert_sql[] =
		"INSERT INTO store_key (front_end, old_kid, sealed) VALUES (?1, ?2, ?3)";
	static const char update_sql[] = "UPDATE front_end SET public_key = ?2 WHERE id = ?1";
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_buffer) struct buffer half = {0};
	uint8_t public_half[AGREEMENT_KEY_LEN];

	if (open_public_half(&change->old, number, sealed_half, public_half, fault) < 0 ||
	    seal_next_store_key(&change->old, &change->next, number, public_half, &sealed, fault) <
		    0 ||
	    seal_public_half(&change->next, number, public_half, &half, fault) < 0)
		return -1;
	if (run_statement(change->transaction, insert_sql,
			  VALUES(number_value(number), text_value(change->old.kid),
				 octets_value(sealed.data, sealed.len)),
			  NULL, fault) < 0)
		return -1;
	return run_statement(change->transaction, update_sql,
			     VALUES(number_value(number), octets_value(half.data, half.len)), NULL,
			     fault);
}

/* Nobody here could open the record any more. */
static int refuse_own(const struct transaction *transaction, struct fault *fault)
{
	return set_fault(fault, FAULT_REFUSED,
			 "%s: this front end has no key of its own in the record: run certpool "
			 "check, which puts it there, and remove the other one then",
			 store_name(transaction->store));
}

static int hand_over_all(const struct store_key_change *change, size_t *ret_left,
			 struct fault *fault)
{
	static const char sql[] = "SELECT id, public_key FROM front_end WHERE joined_at IS NOT NULL"
				  " AND removed_at IS NULL AND id > ?1 ORDER BY id LIMIT 1";
	int64_t number = 0;
	size_t left = 0;
	bool found = true;

	while (found) {
		CLEANUP(close_rows) struct rows rows = {0};
		CLEANUP(clear_buffer) struct buffer half = {0};
		struct fault problem = {0};

		if (query_row(change->transaction, sql, VALUES(number_value(number)), &rows, &found,
			      fault) < 0)
			return -1;
		if (!found)
			break;
		number = row_number(&rows, 0);
		if (row_is_null(&rows, 1)) {
			if (number == store_front_end(change->transaction->store))
				return refuse_own(change->transaction, fault);
			left++;
			continue;
		}
		append_bytes(&half, row_bytes(&rows, 1));
		if (check_row(&rows, fault) < 0 || check_buffer(&half, fault) < 0)
			return -1;
		close_rows(&rows);
		if (hand_over(change, number, bytes_of_buffer(&half), &problem) < 0)
			return set_fault(fault, problem.class, "%s: %s%s",
					 store_name(change->transaction->store), problem.text,
					 problem.class == FAULT_UNDECRYPTABLE ? PUT_BACK : "");
	}
	*ret_left = left;
	return 0;
}

int change_store_key(struct transaction *transaction, const struct layout *layout,
		     char ret_kid[static KEY_ID_SIZE], size_t *ret_left, struct fault *fault)
{
	static const char sql[] =
		"UPDATE state SET store_kid = ?1, key_revision = key_revision + 1";
	CLEANUP(clear_store_key_change)
	struct store_key_change change = {.transaction = transaction};

	if (need_store_key(layout, transaction, &change.old, fault) < 0 ||
	    generate_shared_key(&change.next, fault) < 0 ||
	    wrap_client_keys(transaction, &change.old, &change.next, fault) < 0 ||
	    wrap_issuer_keys(transaction, &change.old, &change.next, fault) < 0 ||
	    hand_over_all(&change, ret_left, fault) < 0)
		return -1;
	memcpy(ret_kid, change.next.kid, KEY_ID_SIZE);
	return run_statement(transaction, sql, VALUES(text_value(change.next.kid)), NULL, fault);
}
