#include "common/ca/store/prune.h"

#include "common/base/clock.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/session.h"

#include <string.h>
#include <time.h>

enum { BATCH_MAX = 1000, PAUSE_MIN_US = 20000, PAUSE_MAX_US = 500000 };

/* What may go, by its end and, when it is revoked, by the end that no CRL needs. */
#define MAY_GO "not_after < ?1 AND (revoked_at IS NULL OR not_after < ?2)"

/* One batch. */
struct batch {
	const struct prune_options *pruning;
	int64_t cut_s;
	size_t count;
	int64_t ids[BATCH_MAX];
	uint8_t serials[BATCH_MAX][SERIAL_MAX];
};

static int find_cut(struct store *store, const struct prune_options *pruning, int64_t *ret_cut_s,
		    struct fault *fault)
{
	struct crl_state state;

	if (read_crl_state(store, &state, fault) < 0)
		return -1;
	*ret_cut_s = choose_crl_cut(&state, pruning->crl_validity_s, pruning->now_s);
	return 0;
}

static int count_rows(struct session *session, const char *sql, const struct batch *batch,
		      size_t *ret_count, struct fault *fault)
{
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, batch->pruning->ended_before_s);
	(void)sqlite3_bind_int64(statement, 2, batch->cut_s);
	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	*ret_count = row ? (size_t)sqlite3_column_int64(statement, 0) : 0;
	reset_statement(statement);
	return 0;
}

struct counting {
	const struct batch *batch;
	struct prune_summary counts;
};

static int count_both(struct session *session, void *context, struct fault *fault)
{
	static const char may_go_sql[] = "SELECT COUNT(*) FROM certificate WHERE " MAY_GO;
	static const char kept_sql[] = "SELECT COUNT(*) FROM certificate WHERE not_after < ?1"
				       " AND revoked_at IS NOT NULL AND not_after >= ?2";
	struct counting *counting = context;

	if (count_rows(session, may_go_sql, counting->batch, &counting->counts.certificates,
		       fault) < 0)
		return -1;
	return count_rows(session, kept_sql, counting->batch, &counting->counts.kept, fault);
}

static int select_batch(struct session *session, struct batch *batch, struct fault *fault)
{
	static const char sql[] = "SELECT id, serial FROM certificate WHERE " MAY_GO " LIMIT ?3";
	sqlite3_stmt *statement;
	bool row;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, batch->pruning->ended_before_s);
	(void)sqlite3_bind_int64(statement, 2, batch->cut_s);
	(void)sqlite3_bind_int(statement, 3, BATCH_MAX);
	for (batch->count = 0; batch->count < BATCH_MAX; batch->count++) {
		const void *serial;

		if (step_statement(&session->database, statement, &row, fault) < 0)
			return -1;
		if (!row)
			return 0;
		serial = sqlite3_column_blob(statement, 1);
		if (serial == NULL || sqlite3_column_bytes(statement, 1) != SERIAL_MAX) {
			reset_statement(statement);
			return set_database_fault(&session->database, SQLITE_CORRUPT, fault);
		}
		batch->ids[batch->count] = sqlite3_column_int64(statement, 0);
		memcpy(batch->serials[batch->count], serial, SERIAL_MAX);
	}
	reset_statement(statement);
	return 0;
}

static int run_for_each(struct session *session, const char *sql, const struct batch *batch,
			struct fault *fault)
{
	sqlite3_stmt *statement;

	if (get_statement(session, sql, &statement, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++) {
		(void)sqlite3_bind_int64(statement, 1, batch->ids[i]);
		if (run_statement(session, statement, fault) < 0)
			return -1;
	}
	return 0;
}

static int remove_batch(struct session *session, const struct batch *batch, struct fault *fault)
{
	static const char spend_sql[] = "INSERT OR IGNORE INTO spent_key (key_sha256)"
					" SELECT key_sha256 FROM certificate WHERE id = ?1";
	static const char remove_sql[] = "DELETE FROM certificate WHERE id = ?1";
	static const char revise_sql[] = "UPDATE state SET revision = revision + 1";
	const struct event event = {.kind = EVENT_PRUNED,
				    .time_s = batch->pruning->now_s,
				    .by = CA_NAME,
				    .serials = batch->serials,
				    .serial_count = batch->count};
	sqlite3_stmt *revise;

	if (run_for_each(session, spend_sql, batch, fault) < 0 ||
	    run_for_each(session, remove_sql, batch, fault) < 0 ||
	    get_statement(session, revise_sql, &revise, fault) < 0 ||
	    run_statement(session, revise, fault) < 0)
		return -1;
	return append_event(session, &event, fault);
}

static int prune_batch(struct session *session, void *context, struct fault *fault)
{
	struct batch *batch = context;

	if (select_batch(session, batch, fault) < 0)
		return -1;
	return batch->count > 0 ? remove_batch(session, batch, fault) : 0;
}

/* As long as the batch took: others who write wait by trying again and again. */
static void pause_for(int64_t took_us)
{
	int64_t pause_us = took_us < PAUSE_MIN_US   ? PAUSE_MIN_US
			   : took_us > PAUSE_MAX_US ? PAUSE_MAX_US
						    : took_us;

	sleep_us(pause_us);
}

/* One batch after the other, until one is not full. */
static int prune_all(struct store *store, struct batch *batch, prune_progress *progress,
		     void *context, struct counting *counting, struct fault *fault)
{
	size_t total = counting->counts.certificates;

	counting->counts.certificates = 0;
	do {
		int64_t began_us = read_stopwatch_us();

		if (run_transaction(store, prune_batch, batch, fault) < 0)
			return -1;
		counting->counts.certificates += batch->count;
		if (counting->counts.certificates > total)
			total = counting->counts.certificates;
		if (progress != NULL && batch->count > 0)
			progress(context, counting->counts.certificates, total);
		if (batch->count == BATCH_MAX)
			pause_for(read_stopwatch_us() - began_us);
	} while (batch->count == BATCH_MAX);
	return 0;
}

int prune_certificates(struct store *store, const struct prune_options *pruning,
		       prune_progress *progress, void *context, struct prune_summary *ret_pruned,
		       struct fault *fault)
{
	struct batch batch = {.pruning = pruning};
	struct counting counting = {.batch = &batch};
	int result = 0;

	if (find_cut(store, pruning, &batch.cut_s, fault) < 0 ||
	    run_scan(store, count_both, &counting, fault) < 0)
		return -1;
	if (!pruning->dry_run)
		result = prune_all(store, &batch, progress, context, &counting, fault);
	*ret_pruned = counting.counts;
	return result;
}
