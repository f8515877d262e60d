#include "common/base/random.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/certificate_rows.h"
#include "common/ca/store/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A client in a transaction, in which several insertions may be its. */
struct client_share {
	bool barred;
	bool counted;      /* in this transaction: live is exact */
	int64_t live;      /* at most so many count against its quota; -1: unknown */
	int64_t now_s;     /* when they were counted */
	int64_t inserted;  /* of them, in this transaction */
	int64_t seen_at_s; /* INT64_MAX: it need not be recorded */
};

/* A caller of insert_certificates. */
struct joint_insertion {
	const struct insertion *insertion;
	enum insert_result *results;
	struct client_share *client;
	int result;
	struct fault fault;
	bool repeated; /* after an attempt of unknown outcome */
};

/* A record of a caller's. */
struct batch_item {
	const struct joint_insertion *part;
	size_t index;
};

/*
 * What several callers insert in one transaction. As no other process writes meanwhile, everything
 * is read at first, then decided, then written: three round trips to a database that is elsewhere,
 * however many callers there are.
 */
struct insert_batch {
	struct transaction *transaction;
	bool shuffled;
	struct chain_state chain;
	size_t client_count;
	struct value names[JOINT_WORK_MAX];
	struct client_share clients[JOINT_WORK_MAX];
	size_t count; /* of all callers' records, in the order in which they are inserted: */
	struct batch_item *items;
	struct value *keys;
	bool *spent;          /* whether the key is */
	bool *taken;          /* whether it is recorded; in this transaction: at twins[i] */
	size_t *twins;        /* index of the first record of the same key */
	struct value *values; /* rows for the table, the inserted items' */
	size_t row_count;
};

static void clear_insert_batch(struct insert_batch *batch)
{
	free(batch->items);
	free(batch->keys);
	free(batch->spent);
	free(batch->taken);
	free(batch->twins);
	free(batch->values);
}

static const char *name_of(const struct insert_batch *batch, size_t client)
{
	return (const char *)batch->names[client].bytes.data;
}

static struct client_share *add_client(struct insert_batch *batch, const char *name)
{
	size_t at = 0;

	while (at < batch->client_count && strcmp(name_of(batch, at), name) != 0)
		at++;
	if (at == batch->client_count) {
		batch->names[batch->client_count++] = text_value(name);
		batch->clients[at] = (struct client_share){.live = -1, .seen_at_s = INT64_MAX};
	}
	return &batch->clients[at];
}

static int shuffle_items(struct insert_batch *batch, struct fault *fault)
{
	for (size_t left = batch->count; left > 0; left--) {
		const struct batch_item last = batch->items[left - 1];
		uint64_t at;

		if (draw_below(left, &at, fault) < 0)
			return -1;
		batch->items[left - 1] = batch->items[at];
		batch->items[at] = last;
	}
	return 0;
}

static const struct issued_certificate *record_of(const struct batch_item *item)
{
	return &item->part->insertion->records[item->index];
}

static int allocate_batch(struct insert_batch *batch, size_t count, struct fault *fault)
{
	batch->items = calloc(count, sizeof(*batch->items));
	batch->keys = calloc(count, sizeof(*batch->keys));
	batch->spent = calloc(count, sizeof(*batch->spent));
	batch->taken = calloc(count, sizeof(*batch->taken));
	batch->twins = calloc(count, sizeof(*batch->twins));
	batch->values = calloc(count, certificate_table.column_count * sizeof(*batch->values));
	if (batch->items == NULL || batch->keys == NULL || batch->spent == NULL ||
	    batch->taken == NULL || batch->twins == NULL || batch->values == NULL)
		return set_memory_fault(fault);
	return 0;
}

static int init_insert_batch(struct insert_batch *batch, struct joint_insertion *const *parts,
			     size_t part_count, struct fault *fault)
{
	size_t count = 0;

	for (size_t i = 0; i < part_count; i++) {
		parts[i]->client = add_client(batch, parts[i]->insertion->records[0].client);
		batch->shuffled |= parts[i]->insertion->shuffle_ms > 0;
		count += parts[i]->insertion->count;
	}
	if (allocate_batch(batch, count, fault) < 0)
		return -1;
	for (size_t i = 0; i < part_count; i++)
		for (size_t j = 0; j < parts[i]->insertion->count; j++)
			batch->items[batch->count++] = (struct batch_item){parts[i], j};
	if (batch->shuffled && shuffle_items(batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		batch->keys[i] = octets_value(record_of(&batch->items[i])->key_sha256, SHA256_LEN);
	return 0;
}

/* Records in the order of their keys, and those of one key in that of the batch. */
static int order_keys(const void *a, const void *b, void *context)
{
	const struct value *keys = context;
	const size_t x = *(const size_t *)a;
	const size_t y = *(const size_t *)b;
	int order = memcmp(keys[x].bytes.data, keys[y].bytes.data, SHA256_LEN);

	return order != 0 ? order : (x > y) - (x < y);
}

static int find_twins(struct insert_batch *batch, struct fault *fault)
{
	size_t *order = calloc(batch->count, sizeof(*order));

	if (order == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < batch->count; i++)
		order[i] = i;
	qsort_r(order, batch->count, sizeof(*order), order_keys, batch->keys);
	for (size_t i = 0; i < batch->count; i++) {
		bool same = i > 0 && equal_bytes(batch->keys[order[i]].bytes,
						 batch->keys[order[i - 1]].bytes);

		batch->twins[order[i]] = same ? batch->twins[order[i - 1]] : order[i];
	}
	free(order);
	return 0;
}

static struct live_count *find_count(struct live_counts *counts, const char *client)
{
	for (size_t i = 0; i < LIVE_COUNTS; i++)
		if (strcmp(counts->rows[i].client, client) == 0)
			return &counts->rows[i];
	return NULL;
}

/* The counts hold if nobody has changed a certificate since. */
static void take_counts(struct insert_batch *batch)
{
	struct live_counts *counts = &batch->transaction->store->counts;

	if (!same_chains(&counts->chain, &batch->chain))
		*counts = (struct live_counts){.chain = batch->chain};
	for (size_t i = 0; i < batch->client_count; i++) {
		const struct live_count *row = find_count(counts, name_of(batch, i));

		if (row != NULL) {
			batch->clients[i].live = row->live;
			batch->clients[i].now_s = row->now_s;
		}
	}
}

static void keep_counts(struct live_counts *counts, const struct insert_batch *batch)
{
	counts->chain = batch->chain;
	for (size_t i = 0; i < batch->client_count; i++) {
		struct live_count *row = find_count(counts, name_of(batch, i));

		if (batch->clients[i].live < 0)
			continue;
		if (row == NULL)
			row = &counts->rows[counts->next++ % LIVE_COUNTS];
		row->live = batch->clients[i].live;
		row->now_s = batch->clients[i].now_s;
		(void)snprintf(row->client, sizeof(row->client), "%s", name_of(batch, i));
	}
}

/* What does not depend on anything else. */
static int read_batch(struct insert_batch *batch, struct fault *fault)
{
	static const char client_sql[] =
		"SELECT CASE WHEN disabled <> 0 OR revoked_at IS NOT NULL THEN 1 ELSE 0 END,"
		" COALESCE(seen_at, 9223372036854775807) FROM client WHERE name = ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	const struct values keys = {batch->keys, batch->count};
	bool found[JOINT_WORK_MAX];
	int64_t numbers[JOINT_WORK_MAX][2];
	const struct lookup lookups[] = {{client_sql,
					  VALUE_TEXT,
					  {batch->names, batch->client_count},
					  NO_VALUES,
					  2,
					  found,
					  numbers[0]},
					 look_for_spent(keys, batch->spent),
					 look_for_recorded(keys, batch->taken)};

	if (query_chains(batch->transaction, &rows, fault) < 0 ||
	    look_up(batch->transaction, lookups, COUNT_OF(lookups), fault) < 0 ||
	    read_chains(&rows, &batch->chain, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->client_count; i++) {
		if (!found[i])
			continue;
		batch->clients[i].barred = numbers[i][0] != 0;
		batch->clients[i].seen_at_s = numbers[i][1];
	}
	return 0;
}

/*
 * Counts what the clients have whose count is not known. Counting takes longer the more
 * certificates a client has, so it is done again only when the room might not suffice: what has
 * expired meanwhile is told by counting alone.
 */
static int count_clients(struct insert_batch *batch, int64_t now_s, struct fault *fault)
{
	static const char live_sql[] = "SELECT COUNT(*) FROM certificate WHERE client = ?1"
				       " AND not_after >= ?2 AND revoked_at IS NULL";
	struct value names[JOINT_WORK_MAX];
	struct client_share *clients[JOINT_WORK_MAX];
	bool found[JOINT_WORK_MAX];
	int64_t lives[JOINT_WORK_MAX];
	struct lookup lookup = {live_sql, VALUE_TEXT, {names, 0}, VALUES(number_value(now_s)),
				1,        found,      lives};

	for (size_t i = 0; i < batch->client_count; i++) {
		if (batch->clients[i].live >= 0 || batch->clients[i].barred)
			continue;
		clients[lookup.values.count] = &batch->clients[i];
		names[lookup.values.count++] = batch->names[i];
	}
	if (look_up(batch->transaction, &lookup, 1, fault) < 0)
		return -1;
	for (size_t i = 0; i < lookup.values.count; i++) {
		clients[i]->live = lives[i] + clients[i]->inserted;
		clients[i]->now_s = now_s;
		clients[i]->counted = true;
	}
	return 0;
}

/* Whether the client may be given one more. */
static int find_room(struct insert_batch *batch, const struct insertion *insertion,
		     struct client_share *client, bool *ret_room, struct fault *fault)
{
	*ret_room = false;
	if (client->barred)
		return 0;
	if (insertion->now_s < client->now_s ||
	    (!client->counted && (size_t)client->live >= insertion->quota))
		client->live = -1;
	if (client->live < 0 && count_clients(batch, insertion->now_s, fault) < 0)
		return -1;
	*ret_room = (size_t)client->live < insertion->quota;
	return 0;
}

/* A key that is recorded says so before a quota does: its certificate may be the answer. */
static int decide_item(struct insert_batch *batch, size_t at, struct fault *fault)
{
	const struct batch_item *item = &batch->items[at];
	struct client_share *client = item->part->client;
	enum insert_result *result = &item->part->results[item->index];
	bool *taken = &batch->taken[batch->twins[at]];
	bool room;

	if (batch->spent[at] || *taken) {
		*result = batch->spent[at] ? KEY_SPENT : KEY_EXISTS;
		return 0;
	}
	if (find_room(batch, item->part->insertion, client, &room, fault) < 0)
		return -1;
	*result = room ? INSERTED : client->barred ? CLIENT_BARRED : OVER_QUOTA;
	if (!room)
		return 0;
	*taken = true;
	client->live++;
	client->inserted++;
	append_certificate_row(record_of(item),
			       batch->values + batch->row_count++ * certificate_table.column_count);
	return 0;
}

/* What becomes durable together with a certificate: what its caller wants, and that its client was
   seen, if the last time was some while ago. */
static int record_beside(struct insert_batch *batch, const struct batch_item *item,
			 struct fault *fault)
{
	static const char seen_sql[] = "UPDATE client SET seen_at = ?1 WHERE name = ?2";
	const struct insertion *insertion = item->part->insertion;
	const struct issued_certificate *record = record_of(item);

	if (insertion->beside != NULL &&
	    insertion->beside(insertion->beside_context, batch->transaction, record, fault) < 0)
		return -1;
	if (item->part->client->seen_at_s >= insertion->now_s - 60)
		return 0;
	item->part->client->seen_at_s = insertion->now_s;
	return run_later(batch->transaction, seen_sql,
			 VALUES(number_value(insertion->now_s), text_value(record->client)), fault);
}

/* One for each caller, or for each certificate when their order is drawn. Both arrays have room for
   what was inserted. Returns how many. */
static size_t fill_events(const struct insert_batch *batch, struct event *events,
			  uint8_t (*serials)[SERIAL_MAX])
{
	const struct joint_insertion *last = NULL;
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct batch_item *item = &batch->items[i];

		if (item->part->results[item->index] != INSERTED)
			continue;
		if (batch->shuffled || item->part != last)
			events[count++] = (struct event){.kind = EVENT_CERTIFIED,
							 .time_s = item->part->insertion->now_s,
							 .by = record_of(item)->client,
							 .client = record_of(item)->client,
							 .serials = (void *)serials};
		last = item->part;
		events[count - 1].serial_count++;
		memcpy(*serials++, record_of(item)->serial, SERIAL_MAX);
	}
	return count;
}

static int record_certified(struct insert_batch *batch, struct fault *fault)
{
	uint8_t(*serials)[SERIAL_MAX] = calloc(batch->row_count, sizeof(*serials));
	struct event *events = calloc(batch->row_count, sizeof(*events));
	int result = serials != NULL && events != NULL ? 0 : set_memory_fault(fault);

	if (result == 0)
		result = append_events(batch->transaction, events,
				       fill_events(batch, events, serials), &batch->chain.own,
				       fault);
	free(serials);
	free(events);
	return result;
}

static int write_batch(struct insert_batch *batch, struct fault *fault)
{
	if (batch->row_count == 0)
		return 0;
	if (insert_rows(batch->transaction, &certificate_table, batch->values, batch->row_count,
			NULL, fault) < 0)
		return -1;
	for (const struct batch_item *item = batch->items; item < batch->items + batch->count;
	     item++)
		if (item->part->results[item->index] == INSERTED &&
		    record_beside(batch, item, fault) < 0)
			return -1;
	return record_certified(batch, fault);
}

/* In a transaction that has begun, which it commits. */
static int insert_in(struct transaction *transaction, struct joint_insertion *const *parts,
		     size_t count, struct fault *fault)
{
	CLEANUP(clear_insert_batch)
	struct insert_batch batch = {.transaction = transaction};

	if (init_insert_batch(&batch, parts, count, fault) < 0 || find_twins(&batch, fault) < 0 ||
	    read_batch(&batch, fault) < 0)
		return -1;
	take_counts(&batch);
	for (size_t i = 0; i < batch.count; i++)
		if (decide_item(&batch, i, fault) < 0)
			return -1;
	if (write_batch(&batch, fault) < 0 || commit_transaction(transaction, fault) < 0)
		return -1;
	keep_counts(&transaction->store->counts, &batch);
	return 0;
}

static int insert_once(struct store *store, struct joint_insertion *const *parts, size_t count,
		       struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0)
		return -1;
	return insert_in(&transaction, parts, count, fault);
}

/* After an attempt that ended with *problem. */
static int insert_again(struct store *store, struct joint_insertion *const *parts, size_t count,
			struct fault *problem, struct fault *fault)
{
	unsigned int tries = 0;

	while (should_run_again(problem, &tries)) {
		*problem = (struct fault){0};
		for (size_t i = 0; i < count; i++)
			parts[i]->repeated = true;
		if (insert_once(store, parts, count, problem) == 0)
			return 0;
	}
	return pass_fault(problem, fault);
}

static int insert_alone(struct store *store, struct joint_insertion *part, struct fault *fault)
{
	struct fault problem = {0};

	if (insert_once(store, &part, 1, &problem) == 0)
		return 0;
	return insert_again(store, &part, 1, &problem, fault);
}

/* All that wait, once there is a transaction for them: more have come until then. */
static int insert_waiting(struct store *store, struct joint_work *work,
			  struct joint_insertion **ret_parts, size_t *ret_count,
			  struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct fault problem = {0};
	void *taken[JOINT_WORK_MAX];
	int begun = begin_transaction(store, TRANSACTION_WRITE, &transaction, &problem);

	*ret_count = take_parts(work, taken);
	memcpy(ret_parts, taken, *ret_count * sizeof(taken[0]));
	if (begun == 0 && insert_in(&transaction, ret_parts, *ret_count, &problem) == 0)
		return 0;
	end_transaction(&transaction);
	return insert_again(store, ret_parts, *ret_count, &problem, fault);
}

/* What one of them refuses to have recorded (beside_function) is no other's failure: then each has
   a transaction of its own. */
static void insert_jointly(void *context, struct joint_work *work)
{
	struct store *store = context;
	struct joint_insertion *parts[JOINT_WORK_MAX];
	struct fault fault = {0};
	size_t count;
	int result = insert_waiting(store, work, parts, &count, &fault);
	bool alone = result < 0 && fault.class == FAULT_REFUSED && count > 1;

	for (size_t i = 0; i < count; i++) {
		struct joint_insertion *each = parts[i];

		each->result = alone ? insert_alone(store, each, &each->fault) : result;
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
	return own.repeated ? find_own_insertions(store, insertion, ret_results, fault) : 0;
}
