#include "common/base/random.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/certificate_rows.h"
#include "common/ca/store/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct table certificate_table = {
	.name = "certificate",
	.conflict = "key_sha256",
	.column_count = 12,
	.columns = {{"serial", VALUE_OCTETS},
		    {"key_sha256", VALUE_OCTETS},
		    {"client", VALUE_TEXT},
		    {"member", VALUE_TEXT},
		    {"subject", VALUE_TEXT},
		    {"issued_at", VALUE_NUMBER},
		    {"not_before", VALUE_NUMBER},
		    {"not_after", VALUE_NUMBER},
		    {"revoked_at", VALUE_NUMBER},
		    {"reason", VALUE_NUMBER},
		    {"issuer", VALUE_NUMBER},
		    {"der", VALUE_OCTETS}},
};

/* In the order of the table. Appends to `values`, whose strings and octets stay the record's. */
static void append_row(const struct issued_certificate *record, struct value *values)
{
	const struct value row[] = {
		octets_value(record->serial, SERIAL_MAX),
		octets_value(record->key_sha256, SHA256_LEN),
		text_value(record->client),
		text_value(record->member),
		text_value(record->subject),
		number_value(record->issued_at_s),
		number_value(record->not_before_s),
		number_value(record->not_after_s),
		record->revoked ? number_value(record->revoked_at_s) : no_value(),
		record->revoked ? number_value(record->reason) : no_value(),
		number_value(record->issuer),
		octets_value(record->der.data, record->der.len),
	};

	memcpy(values, row, sizeof(row));
}

/*
 * The counts hold if the WRITE of this process before this one was of insert_once, too, and no
 * other connection has written since: else they are forgotten. *ret_write is this WRITE's number,
 * for live_counts.write. In SQLite a WRITE excludes all others; where it does not, there is no
 * change number, and nothing is kept.
 */
static int begin_counts(struct transaction *transaction, uint64_t *ret_write, struct fault *fault)
{
	struct store *store = transaction->store;
	struct live_counts *counts = &store->counts;
	const char *sql = store->driver->change_number_sql;
	const uint64_t write = atomic_load(&store->writes);
	int64_t number = 0;

	if (sql != NULL && query_number(transaction, sql, NO_VALUES, &number, fault) < 0)
		return -1;
	if (sql == NULL || counts->write + 1 != write || counts->change_number != number)
		*counts = (struct live_counts){.change_number = number};
	*ret_write = write;
	return 0;
}

/* The row of a client; a new one has live -1. */
static struct live_count *find_count(struct live_counts *counts, const char *client)
{
	struct live_count *row;

	for (size_t i = 0; i < LIVE_COUNTS; i++)
		if (strcmp(counts->rows[i].client, client) == 0)
			return &counts->rows[i];
	row = &counts->rows[counts->next++ % LIVE_COUNTS];
	*row = (struct live_count){.live = -1};
	(void)snprintf(row->client, sizeof(row->client), "%s", client);
	return row;
}

/* What a client may still be given in a transaction that several insertions share. */
struct allowance {
	const char *client; /* NULL: none was read yet */
	size_t quota;
	size_t room; /* certificates that may still be inserted; 0 also when the client is barred */
	bool barred;
	bool counted; /* in this transaction: the room is all that there is */
	struct live_count *count;
};

static int read_barred(struct transaction *transaction, struct value client, bool *ret_barred,
		       struct fault *fault)
{
	static const char sql[] = "SELECT disabled, revoked_at FROM client WHERE name = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_row(transaction, sql, VALUES(client), &rows, &row, fault) < 0)
		return -1;
	*ret_barred = row && (row_number(&rows, 0) != 0 || !row_is_null(&rows, 1));
	return check_row(&rows, fault);
}

/*
 * Counting takes longer the more certificates the client has. So it is done once for insertions of
 * the same client that follow each other, within a transaction and from one to the next, unless the
 * room might not suffice: what has expired meanwhile is told by counting alone.
 */
static int read_allowance(struct transaction *transaction, const struct insertion *insertion,
			  struct allowance *allowance, struct fault *fault)
{
	static const char live_sql[] = "SELECT COUNT(*) FROM certificate WHERE client = ?1"
				       " AND not_after >= ?2 AND revoked_at IS NULL";
	const char *name = insertion->records[0].client;
	const struct value client = text_value(name);
	const bool same = allowance->client != NULL && allowance->quota == insertion->quota &&
			  strcmp(allowance->client, name) == 0;
	struct allowance next = {.client = name, .quota = insertion->quota};
	struct live_count *count;

	if (same && (allowance->counted || allowance->room >= insertion->count))
		return 0;
	if (read_barred(transaction, client, &next.barred, fault) < 0)
		return -1;
	count = find_count(&transaction->store->counts, name);
	if (count->live < 0 || insertion->now_s < count->now_s ||
	    (size_t)count->live + insertion->count > insertion->quota) {
		if (query_number(transaction, live_sql,
				 VALUES(client, number_value(insertion->now_s)), &count->live,
				 fault) < 0)
			return -1;
		count->now_s = insertion->now_s;
		next.counted = true;
	}
	if (!next.barred && (size_t)count->live < insertion->quota)
		next.room = insertion->quota - (size_t)count->live;
	next.count = count;
	*allowance = next;
	return 0;
}

/* Arrays for a batch, and the count of the client's certificates. */
struct insert_context {
	const struct insertion *insertion;
	enum insert_result *results;
	struct allowance *allowance;
	size_t inserted;
	struct value *keys;   /* of the records, in their order */
	struct value *values; /* rows for the table */
	size_t *indices;      /* of the record of each of these rows */
	bool *flags;          /* an answer for each record or row */
};

static void clear_insert_context(struct insert_context *context)
{
	free(context->keys);
	free(context->values);
	free(context->indices);
	free(context->flags);
}

static int init_insert_context(struct insert_context *context, struct fault *fault)
{
	const struct insertion *insertion = context->insertion;
	size_t count = insertion->count;

	context->keys = calloc(count, sizeof(*context->keys));
	context->values = calloc(count, certificate_table.column_count * sizeof(*context->values));
	context->indices = calloc(count, sizeof(*context->indices));
	context->flags = calloc(count, sizeof(*context->flags));
	if (context->keys == NULL || context->values == NULL || context->indices == NULL ||
	    context->flags == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < count; i++)
		context->keys[i] = octets_value(insertion->records[i].key_sha256, SHA256_LEN);
	return 0;
}

static const struct key_column spent = {"spent_key", "key_sha256"};

/* Gives every record its first result: KEY_SPENT, or else INSERTED, to be found out. */
static int find_spent(struct transaction *transaction, struct insert_context *context,
		      struct fault *fault)
{
	size_t count = context->insertion->count;

	if (find_keys(transaction, &spent, (struct values){context->keys, count}, context->flags,
		      fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		context->results[i] = context->flags[i] ? KEY_SPENT : INSERTED;
	return 0;
}

/*
 * Inserts as many of the next records as there is room for. A record whose key is there already
 * takes no room, so that another batch may follow. *at is the next record's index.
 */
static int insert_batch(struct transaction *transaction, struct insert_context *context, size_t *at,
			struct fault *fault)
{
	const struct insertion *insertion = context->insertion;
	size_t rows = 0;

	for (; *at < insertion->count && rows < context->allowance->room; ++*at) {
		if (context->results[*at] == KEY_SPENT)
			continue;
		append_row(&insertion->records[*at],
			   context->values + rows * certificate_table.column_count);
		context->indices[rows++] = *at;
	}
	if (insert_rows(transaction, &certificate_table, context->values, rows, context->flags,
			fault) < 0)
		return -1;
	for (size_t i = 0; i < rows; i++) {
		if (!context->flags[i])
			context->results[context->indices[i]] = KEY_EXISTS;
		context->inserted += context->flags[i];
		context->allowance->room -= context->flags[i];
		context->allowance->count->live += context->flags[i];
	}
	return 0;
}

/* The rest has no room. A key that is recorded says so first: its certificate may be the answer. */
static int refuse_rest(struct transaction *transaction, struct insert_context *context, size_t at,
		       struct fault *fault)
{
	static const struct key_column recorded = {"certificate", "key_sha256"};
	const struct values rest = {context->keys + at, context->insertion->count - at};

	if (find_keys(transaction, &recorded, rest, context->flags, fault) < 0)
		return -1;
	for (size_t i = 0; i < rest.count; i++)
		if (context->results[at + i] != KEY_SPENT)
			context->results[at + i] = context->flags[i]            ? KEY_EXISTS
						   : context->allowance->barred ? CLIENT_BARRED
										: OVER_QUOTA;
	return 0;
}

/* When the client was seen, in the transaction that there is anyway. */
static int record_sight(struct transaction *transaction, const char *client, int64_t now_s,
			struct fault *fault)
{
	static const char sql[] = "UPDATE client SET seen_at = ?1 WHERE name = ?2"
				  " AND seen_at < ?1 - 60";

	return run_statement(transaction, sql, VALUES(number_value(now_s), text_value(client)),
			     NULL, fault);
}

static int record_certified(struct transaction *transaction, const struct insert_context *context,
			    struct fault *fault)
{
	const struct insertion *insertion = context->insertion;
	const char *client = insertion->records[0].client;
	CLEANUP(clear_buffer) struct buffer serials = {0};
	struct event event = {.kind = EVENT_CERTIFIED,
			      .time_s = insertion->now_s,
			      .by = client,
			      .client = client,
			      .serial_count = context->inserted};

	for (size_t i = 0; i < insertion->count; i++) {
		if (context->results[i] != INSERTED)
			continue;
		append_bytes(&serials, (struct bytes){insertion->records[i].serial, SERIAL_MAX});
		if (insertion->beside != NULL &&
		    insertion->beside(insertion->beside_context, transaction,
				      &insertion->records[i], fault) < 0)
			return -1;
	}
	if (check_buffer(&serials, fault) < 0)
		return -1;
	event.serials = (void *)serials.data;
	if (record_sight(transaction, client, insertion->now_s, fault) < 0)
		return -1;
	return append_event(transaction, &event, fault);
}

static int insert_records(struct transaction *transaction, const struct insertion *insertion,
			  enum insert_result *results, struct allowance *allowance,
			  struct fault *fault)
{
	CLEANUP(clear_insert_context)
	struct insert_context context = {
		.insertion = insertion, .results = results, .allowance = allowance};
	size_t at = 0;

	if (init_insert_context(&context, fault) < 0 ||
	    read_allowance(transaction, insertion, allowance, fault) < 0 ||
	    find_spent(transaction, &context, fault) < 0)
		return -1;
	while (at < insertion->count && allowance->room > 0)
		if (insert_batch(transaction, &context, &at, fault) < 0)
			return -1;
	if (at < insertion->count && refuse_rest(transaction, &context, at, fault) < 0)
		return -1;
	return context.inserted > 0 ? record_certified(transaction, &context, fault) : 0;
}

/* A caller of insert_certificates. */
struct joint_insertion {
	const struct insertion *insertion;
	enum insert_result *results;
	int result;
	struct fault fault;
	bool repeated; /* after an attempt of unknown outcome */
};

/* A record of a caller's. */
struct single_insertion {
	struct insertion insertion;
	enum insert_result *result;
};

static void split_insertion(const struct joint_insertion *joint, struct single_insertion *singles)
{
	for (size_t i = 0; i < joint->insertion->count; i++) {
		singles[i] = (struct single_insertion){*joint->insertion, &joint->results[i]};
		singles[i].insertion.records += i;
		singles[i].insertion.count = 1;
	}
}

static int insert_drawn(struct transaction *transaction, struct single_insertion *singles,
			size_t count, struct allowance *allowance, struct fault *fault)
{
	for (size_t left = count; left > 0; left--) {
		uint64_t at;

		if (draw_below(left, &at, fault) < 0 ||
		    insert_records(transaction, &singles[at].insertion, singles[at].result,
				   allowance, fault) < 0)
			return -1;
		singles[at] = singles[left - 1];
	}
	return 0;
}

/* Inserts all records in an order that is drawn. */
static int insert_shuffled(struct transaction *transaction, void *const *parts, size_t count,
			   struct allowance *allowance, struct fault *fault)
{
	struct single_insertion *singles;
	size_t total = 0;
	int status;

	for (size_t i = 0; i < count; i++)
		total += ((const struct joint_insertion *)parts[i])->insertion->count;
	singles = calloc(total + 1, sizeof(*singles));
	if (singles == NULL)
		return set_memory_fault(fault);
	total = 0;
	for (size_t i = 0; i < count; i++) {
		const struct joint_insertion *each = parts[i];

		split_insertion(each, singles + total);
		total += each->insertion->count;
	}
	status = insert_drawn(transaction, singles, total, allowance, fault);
	free(singles);
	return status;
}

static bool want_shuffling(void *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (((const struct joint_insertion *)parts[i])->insertion->shuffle_ms > 0)
			return true;
	return false;
}

static int insert_once(struct store *store, void *const *parts, size_t count, struct fault *fault)
{
	const bool shuffled = want_shuffling(parts, count);
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct allowance allowance = {.client = NULL};
	uint64_t write;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    begin_counts(&transaction, &write, fault) < 0)
		return -1;
	if (shuffled && insert_shuffled(&transaction, parts, count, &allowance, fault) < 0)
		return -1;
	for (size_t i = 0; i < count && !shuffled; i++) {
		const struct joint_insertion *each = parts[i];

		if (insert_records(&transaction, each->insertion, each->results, &allowance,
				   fault) < 0)
			return -1;
	}
	if (commit_transaction(&transaction, fault) < 0)
		return -1;
	store->counts.write = write;
	return 0;
}

/* What an attempt of unknown outcome recorded after all is there under the same serials. */
static int find_own(struct store *store, const struct insertion *insertion,
		    enum insert_result *results, struct fault *fault)
{
	for (size_t i = 0; i < insertion->count; i++) {
		const struct issued_certificate *record = &insertion->records[i];
		CLEANUP(clear_issued_certificate) struct issued_certificate present = {0};
		bool found;

		if (results[i] != KEY_EXISTS)
			continue;
		if (find_by_key(store, record->key_sha256, &present, &found, fault) < 0)
			return -1;
		if (found && memcmp(present.serial, record->serial, SERIAL_MAX) == 0)
			results[i] = INSERTED;
	}
	return 0;
}

/* Runs all of them in one transaction. */
static int insert_all(struct store *store, void *const *parts, size_t count, struct fault *fault)
{
	unsigned int tries = 0;
	struct fault problem;

	do {
		problem = (struct fault){0};
		for (size_t i = 0; i < count && tries > 0; i++)
			((struct joint_insertion *)parts[i])->repeated = true;
		if (insert_once(store, parts, count, &problem) == 0)
			return 0;
	} while (should_run_again(&problem, &tries));
	return pass_fault(&problem, fault);
}

/* What one of them refuses to have recorded (beside_function) is no other's failure: then each has
   a transaction of its own. */
static void insert_jointly(void *context, void *const *parts, size_t count)
{
	struct store *store = context;
	struct fault fault = {0};
	int result = insert_all(store, parts, count, &fault);
	bool alone = result < 0 && fault.class == FAULT_REFUSED && count > 1;

	for (size_t i = 0; i < count; i++) {
		struct joint_insertion *each = parts[i];

		each->result = alone ? insert_all(store, &parts[i], 1, &each->fault) : result;
		if (!alone)
			each->fault = fault;
	}
}

int insert_certificates(struct store *store, const struct insertion *insertion,
			enum insert_result *ret_results, struct fault *fault)
{
	struct joint_insertion own = {.insertion = insertion, .results = ret_results};
	const struct gathering gathering = {.wait_ms = insertion->shuffle_ms,
					    .enough = SHUFFLED_CALLERS};

	if (insertion->count == 0)
		return 0;
	gather_jointly(&store->insertions, &gathering, insert_jointly, store, &own);
	if (own.result < 0)
		return pass_fault(&own.fault, fault);
	return own.repeated ? find_own(store, insertion, ret_results, fault) : 0;
}

int insert_recovered(struct transaction *transaction, const struct issued_certificate *record,
		     int64_t now_s, bool *ret_inserted, struct fault *fault)
{
	const struct event event = {.kind = EVENT_CERTIFIED,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = record->client,
				    .type = "recovered",
				    .serials = &record->serial,
				    .serial_count = 1};
	const struct value key = octets_value(record->key_sha256, SHA256_LEN);
	struct value values[TABLE_COLUMNS_MAX];
	bool is_spent;
	bool inserted = false;

	append_row(record, values);
	if (find_keys(transaction, &spent, (struct values){&key, 1}, &is_spent, fault) < 0 ||
	    (!is_spent &&
	     insert_rows(transaction, &certificate_table, values, 1, &inserted, fault) < 0) ||
	    (inserted && append_event(transaction, &event, fault) < 0))
		return -1;
	*ret_inserted = inserted;
	return 0;
}
