#include "common/ca/store/prune.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The certificates of make_record end at 2000. */
static struct prune_summary prune(struct store *store, int64_t ended_before_s, bool dry_run)
{
	const struct prune_options pruning = {
		.ended_before_s = ended_before_s, .now_s = 5000, .dry_run = dry_run};
	struct prune_summary pruned = {0};

	OK(prune_certificates(store, &pruning, NULL, NULL, &pruned, &fault));
	return pruned;
}

static int64_t revision_of(struct store *store)
{
	struct crl_state state;

	OK(read_crl_state(store, FIRST_ISSUER, &state, &fault));
	return state.revision;
}

static size_t count_all(struct store *store)
{
	size_t count = 0;

	OK(count_of(store, "client1", &count, &fault));
	return count;
}

Test(prune, removes_only_certificates_that_ended_before)
{
	static const struct {
		int64_t ended_before_s;
		bool dry_run;
		size_t pruned;
		size_t left;
	} rows[] = {{2000, false, 0, 3}, {2001, true, 3, 3}, {2001, false, 3, 0}, {0, false, 0, 3}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scratch_store scratch;
		struct store *store;
		int64_t before;

		make_scratch_store(&scratch);
		fill_scratch_store(&scratch, 3);
		store = open_scratch_store(&scratch);
		before = revision_of(store);
		cr_expect_eq(prune(store, rows[i].ended_before_s, rows[i].dry_run).certificates,
			     rows[i].pruned, "row %zu", i);
		cr_expect_eq(count_all(store), rows[i].left);
		cr_expect_eq(revision_of(store) != before, rows[i].left == 0);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

Test(prune, keeps_a_revoked_certificate_until_the_crl_lacks_it)
{
	static const struct {
		int64_t cut_s; /* of the current CRL; 0: it is not known */
		size_t pruned;
		size_t kept;
	} rows[] = {{0, 1, 1}, {1999, 1, 1}, {2000, 1, 1}, {2001, 2, 0}, {4999, 2, 0}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scratch_store scratch;
		struct store *store;
		struct prune_summary pruned;
		char sql[256];

		make_scratch_store(&scratch);
		fill_scratch_store(&scratch, 2);
		(void)snprintf(sql, sizeof(sql),
			       "UPDATE certificate SET revoked_at = 1500, reason = 1 WHERE id = 1;"
			       "UPDATE issuer SET crl_cut = %d",
			       (int)rows[i].cut_s);
		run_foreign_sql(scratch.path, sql);
		store = open_scratch_store(&scratch);
		pruned = prune(store, 3000, true);
		cr_expect_eq(pruned.certificates, rows[i].pruned, "row %zu", i);
		cr_expect_eq(pruned.kept, rows[i].kept);
		pruned = prune(store, 3000, false);
		cr_expect_eq(pruned.certificates, rows[i].pruned);
		cr_expect_eq(count_all(store), rows[i].kept);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

Test(prune, lets_no_key_be_certified_again)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = INSERTED;
	struct scratch_store scratch;
	struct store *store;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 1);
	store = open_scratch_store(&scratch);
	cr_assert_eq(prune(store, 3000, false).certificates, 1);
	make_record(&record, "client2", 0);
	record.serial[5] ^= 1;
	OK(store_records(store, &record, 1, 10, &result, &fault));
	cr_expect_eq(result, KEY_SPENT);
	free_store(&store);
	remove_scratch_store(&scratch);
}

struct progress {
	size_t calls;
	size_t done;
	size_t total;
};

static void note_progress(void *context, size_t done, size_t total)
{
	struct progress *progress = context;

	progress->calls++;
	progress->done = done;
	progress->total = total;
}

static int count_pruned(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	size_t *count = context;

	(void)sequence;
	(void)fault;
	*count += strstr(line, "\"event\":\"pruned\"") != NULL;
	return 0;
}

Test(prune, removes_batches_each_with_its_event)
{
	const struct prune_options pruning = {.ended_before_s = 3000, .now_s = 5000};
	struct audit_verdict verdict = {0};
	struct progress progress = {0};
	struct prune_summary pruned = {0};
	struct scratch_store scratch;
	struct store *store;
	size_t events = 0;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_many(store, "client1", 2500);
	OK(prune_certificates(store, &pruning, note_progress, &progress, &pruned, &fault));
	cr_expect_eq(pruned.certificates, 2500);
	cr_expect_eq(progress.calls, 3);
	cr_expect_eq(progress.done, 2500);
	cr_expect_eq(progress.total, 2500);
	OK(list_audit(store, FIRST_FRONT_END, 1, count_pruned, &events, &fault));
	cr_expect_eq(events, 3);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_not(verdict.verdict.invalid, "%s", verdict.verdict.reason);
	free_store(&store);
	if (!tests_postgresql())
		expect_integrity(scratch.path);
	remove_scratch_store(&scratch);
}
