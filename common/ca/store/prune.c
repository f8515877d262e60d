#include "common/ca/store/prune.h"

#include "common/base/clock.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/statement.h"

enum { BATCH_MAX = 1000, PAUSE_MIN_US = 20000, PAUSE_MAX_US = 500000 };

/* The certificate is not on its issuer's current CRL, or the issuer has no CRL any more. */
#define OFF_CRL                                                                                    \
	"EXISTS (SELECT 1 FROM issuer WHERE issuer.id = certificate.issuer"                        \
	" AND (certificate.not_after < crl_cut OR serves_until < ?1))"

/* A certificate may go by its end and, when it is revoked, once the current CRL lacks it. */
#define MAY_GO "not_after < ?1 AND (revoked_at IS NULL OR " OFF_CRL ")"

struct prune_batch {
	size_t count;
	int64_t ids[BATCH_MAX];
	uint8_t serials[BATCH_MAX][SERIAL_MAX];
	uint8_t keys[BATCH_MAX][SHA256_LEN];
};

static int count_candidates(struct store *store, const struct prune_options *options,
			    struct prune_summary *ret_summary, struct fault *fault)
{
	static const char may_go_sql[] = "SELECT COUNT(*) FROM certificate WHERE " MAY_GO;
	static const char kept_sql[] = "SELECT COUNT(*) FROM certificate WHERE not_after < ?1"
				       " AND revoked_at IS NOT NULL AND NOT " OFF_CRL;
	const struct values values = VALUES(number_value(options->ended_before_s));
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t may_go;
	int64_t kept;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_number(&transaction, may_go_sql, values, &may_go, fault) < 0 ||
	    query_number(&transaction, kept_sql, values, &kept, fault) < 0)
		return -1;
	*ret_summary = (struct prune_summary){(size_t)may_go, (size_t)kept};
	return 0;
}

static int select_batch(struct transaction *transaction, const struct prune_options *options,
			struct prune_batch *batch, struct fault *fault)
{
	static const char sql[] =
		"SELECT id, serial, key_sha256 FROM certificate WHERE " MAY_GO " LIMIT ?2";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, sql,
		       VALUES(number_value(options->ended_before_s), number_value(BATCH_MAX)),
		       &rows, fault) < 0)
		return -1;
	for (batch->count = 0; batch->count < BATCH_MAX; batch->count++) {
		if (next_row(&rows, &row, fault) < 0)
			return -1;
		if (!row)
			return 0;
		batch->ids[batch->count] = row_number(&rows, 0);
		row_octets(&rows, 1, batch->serials[batch->count], SERIAL_MAX);
		row_octets(&rows, 2, batch->keys[batch->count], SHA256_LEN);
		if (check_row(&rows, fault) < 0)
			return -1;
	}
	return 0;
}

static int remove_batch(struct transaction *transaction, const struct prune_batch *batch,
			int64_t now_s, struct fault *fault)
{
	static const struct table spent_keys = {.name = "spent_key",
						.conflict = "key_sha256",
						.column_count = 1,
						.columns = {{"key_sha256", VALUE_OCTETS}}};
	static const char remove_sql[] = "DELETE FROM certificate WHERE id = ?1";
	static const char order_sql[] = "DELETE FROM acme_order WHERE serial = ?1";
	const struct event event = {.kind = EVENT_PRUNED,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .serials = batch->serials,
				    .serial_count = batch->count};
	struct value keys[BATCH_MAX];
	bool inserted[BATCH_MAX];

	for (size_t i = 0; i < batch->count; i++)
		keys[i] = octets_value(batch->keys[i], SHA256_LEN);
	if (insert_rows(transaction, &spent_keys, keys, batch->count, inserted, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++)
		if (run_statement(transaction, remove_sql, VALUES(number_value(batch->ids[i])),
				  NULL, fault) < 0 ||
		    run_statement(transaction, order_sql,
				  VALUES(octets_value(batch->serials[i], SERIAL_MAX)), NULL,
				  fault) < 0)
			return -1;
	if (raise_revision(transaction, fault) < 0)
		return -1;
	return append_event(transaction, &event, fault);
}

static int prune_batch(struct store *store, const struct prune_options *options, size_t *ret_count,
		       struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct prune_batch batch;
	bool done;

	do {
		done = begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) == 0 &&
		       select_batch(&transaction, options, &batch, fault) == 0 &&
		       (batch.count == 0 ||
			remove_batch(&transaction, &batch, options->now_s, fault) == 0) &&
		       commit_transaction(&transaction, fault) == 0;
	} while (!done && should_repeat(&transaction, fault));
	if (done)
		*ret_count = batch.count;
	return done ? 0 : -1;
}

int read_attested_time(struct store *store, int64_t *ret_attested_s, struct fault *fault)
{
	static const char sql[] = "SELECT attested_at FROM state";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	return query_number(&transaction, sql, NO_VALUES, ret_attested_s, fault);
}

int record_attested_time(struct store *store, int64_t attested_s, struct fault *fault)
{
	static const char sql[] = "UPDATE state SET attested_at = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql, VALUES(number_value(attested_s)), NULL, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* As long as the batch took: another process that wants to write polls for the lock. */
static void pause_for(int64_t took_us)
{
	int64_t pause_us = took_us < PAUSE_MIN_US   ? PAUSE_MIN_US
			   : took_us > PAUSE_MAX_US ? PAUSE_MAX_US
						    : took_us;

	sleep_us(pause_us);
}

int prune_certificates(struct store *store, const struct prune_options *options,
		       prune_progress *progress, void *context, struct prune_summary *ret_pruned,
		       struct fault *fault)
{
	size_t total;
	size_t count;

	*ret_pruned = (struct prune_summary){0};
	if (count_candidates(store, options, ret_pruned, fault) < 0)
		return -1;
	if (options->dry_run)
		return 0;
	total = ret_pruned->certificates;
	ret_pruned->certificates = 0;
	do {
		int64_t began_us = read_stopwatch_us();

		if (prune_batch(store, options, &count, fault) < 0)
			return -1;
		ret_pruned->certificates += count;
		if (ret_pruned->certificates > total)
			total = ret_pruned->certificates;
		if (progress != NULL && count > 0)
			progress(context, ret_pruned->certificates, total);
		if (count == BATCH_MAX)
			pause_for(read_stopwatch_us() - began_us);
	} while (count == BATCH_MAX);
	return 0;
}
