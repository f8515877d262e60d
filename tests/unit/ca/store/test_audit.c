#include "common/ca/store/audit.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record with five lines. */
static struct store *make_log(struct scratch_store *scratch)
{
	struct store *store;

	make_scratch_store(scratch);
	store = open_scratch_store(scratch);
	for (int64_t i = 1; i <= 5; i++) {
		const struct event event = {
			.kind = EVENT_CRL, .time_s = 1000 + i, .by = "ca", .number = i};

		OK(record_event(store, &event, &fault));
	}
	return store;
}

static void expect_verdict(struct store *store, const char *reason)
{
	struct audit_verdict verdict;

	OK(verify_audit(store, &verdict, &fault));
	cr_expect(verdict.verdict.invalid);
	cr_expect_not_null(strstr(verdict.verdict.reason, reason), "expected \"%s\" in \"%s\"",
			   reason, verdict.verdict.reason);
}

Test(audit, names_the_line_that_was_changed)
{
	static const struct {
		const char *sql;
		const char *reason;
	} rows[] = {
		{"UPDATE audit SET line = replace(line, '\"number\":3', '\"number\":9') WHERE "
		 "sequence = 3",
		 "line 4: it does not follow from line 3"},
		{"UPDATE audit SET line = 'no JSON' WHERE sequence = 2", "line 2: changed: "},
		{"UPDATE audit SET line = '{}' WHERE sequence = 2",
		 "line 2: changed: member \"previous\": expected 64"},
		{"UPDATE audit SET line = (SELECT line FROM audit WHERE sequence = 1) WHERE "
		 "sequence = 2",
		 "line 2: changed: it says it is line 1"},
		{"DELETE FROM audit WHERE sequence = 1", "line 1: expected, and not there"},
		{"DELETE FROM audit WHERE sequence = 3", "line 3: expected, and not there"},
		{"DELETE FROM audit WHERE sequence = 5",
		 "line 5: expected, and not there: it was taken away from the end"},
		{"DELETE FROM audit", "line 1: expected, and not there"},
		{"INSERT INTO audit SELECT 6, replace(line, '\"sequence\":5', '\"sequence\":6') "
		 "FROM audit WHERE sequence = 5",
		 "line 6: it does not follow from line 5"},
		{"UPDATE audit SET line = replace(line, '\"number\":5', '\"number\":6') WHERE "
		 "sequence = 5",
		 "line 5: changed: not what was written last"},
		{"UPDATE audit SET sequence = 9 WHERE sequence = 5",
		 "line 5: expected, and not there"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scratch_store scratch;
		struct store *store = make_log(&scratch);

		run_foreign_sql(scratch.path, rows[i].sql);
		expect_verdict(store, rows[i].reason);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

static int append_to_copy(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct buffer *copy = context;

	(void)fault;
	cr_expect_not_null(strstr(line, "\"event\":\"crl\""), "%" PRId64, sequence);
	append_format(copy, "%s\n", line);
	return 0;
}

Test(audit, names_the_difference_between_a_copy_and_the_record)
{
	static const struct {
		const char *sql;    /* on the record */
		size_t cut;         /* octets taken off the copy */
		const char *reason; /* NULL: valid */
	} rows[] = {
		{"SELECT 1", 0, NULL},
		{"SELECT 1", 1, "line 5: cut off"},
		{"DELETE FROM audit WHERE sequence = 5", 0,
		 "line 5: in the copy, and not in the record"},
		{"UPDATE audit SET line = replace(line, '\"number\":3', '\"number\":9') WHERE "
		 "sequence = 3",
		 0, "line 3: the copy and the record have different lines"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer copy = {0};
		struct scratch_store scratch;
		struct store *store = make_log(&scratch);
		struct audit_verdict verdict;

		OK(list_audit(store, 1, append_to_copy, &copy, &fault));
		run_foreign_sql(scratch.path, rows[i].sql);
		OK(verify_audit_copy(store, (struct bytes){copy.data, copy.len - rows[i].cut},
				     &verdict, &fault));
		cr_expect_eq(verdict.verdict.invalid, rows[i].reason != NULL, "%s",
			     verdict.verdict.reason);
		cr_expect(rows[i].reason == NULL ||
				  strstr(verdict.verdict.reason, rows[i].reason) != NULL,
			  "%s", verdict.verdict.reason);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

Test(audit, chains_lines_from_the_first_on)
{
	struct scratch_store scratch;
	struct store *store = make_log(&scratch);
	struct audit_verdict verdict;

	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.lines, 5);
	free_store(&store);
	remove_scratch_store(&scratch);
}

Test(audit, of_a_new_record_is_empty_and_whole)
{
	struct scratch_store scratch;
	struct store *store;
	struct audit_verdict verdict;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.lines, 0);
	free_store(&store);
	remove_scratch_store(&scratch);
}

static int count_serials(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	size_t *counts = context;

	(void)fault;
	for (const char *c = strstr(line, "\"serials\":["); c != NULL && *c != ']'; c++)
		counts[sequence] += *c == '"';
	return 0;
}

/* The quotes of "serials" itself, and two for each serial. */
Test(audit, spreads_many_serials_over_several_lines)
{
	enum { COUNT = 2 * EVENT_SERIALS_MAX + 1 };
	static uint8_t serials[COUNT][SERIAL_MAX];
	const struct event event = {.kind = EVENT_REVOKED,
				    .time_s = 1,
				    .by = "ca",
				    .serials = (const uint8_t(*)[SERIAL_MAX])serials,
				    .serial_count = COUNT};
	size_t counts[4] = {0};
	struct scratch_store scratch;
	struct store *store;
	struct audit_verdict verdict;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(record_event(store, &event, &fault));
	OK(list_audit(store, 1, count_serials, counts, &fault));
	cr_expect_eq(counts[1], 2 + 2 * EVENT_SERIALS_MAX);
	cr_expect_eq(counts[2], 2 + 2 * EVENT_SERIALS_MAX);
	cr_expect_eq(counts[3], 2 + 2);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	free_store(&store);
	remove_scratch_store(&scratch);
}
