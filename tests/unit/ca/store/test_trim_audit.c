#include "common/ca/store/trim_audit.h"

#include "common/ca/store/audit.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

enum { LINES = 10, NOW = 5000 };

static struct scratch_store scratch;
static struct store *store;

static int append_to_copy(void *copy, int64_t sequence, const char *line, struct fault *fault)
{
	(void)sequence;
	(void)fault;
	append_format(copy, "%s\n", line);
	return 0;
}

static struct buffer copy_log(int64_t first)
{
	struct buffer copy = {0};

	OK(list_audit(store, FIRST_FRONT_END, first, append_to_copy, &copy, &fault));
	return copy;
}

static void add_line(int64_t time_s)
{
	const struct event event = {
		.kind = EVENT_CRL, .time_s = time_s, .by = "ca", .number = time_s};

	OK(record_event(store, &event, &fault));
}

/* A record with ten lines, of seconds 1001 to 1010. */
static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	for (int64_t i = 1; i <= LINES; i++)
		add_line(1000 + i);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(trim_audit, .init = set_up, .fini = tear_down);

static void note_export(struct store *log, int64_t last)
{
	const struct audit_export exported = {
		.front_end = FIRST_FRONT_END, .last = last, .file = "log.1", .now_s = NOW};

	OK(note_audit_export(log, &exported, &fault));
}

static void trim(int64_t before_s, int64_t expected_first, int64_t expected_last)
{
	const struct trim_options options = {
		.front_end = FIRST_FRONT_END, .before_s = before_s, .now_s = NOW};
	int64_t first = -1;
	int64_t last = -1;

	OK(trim_audit(store, &options, &first, &last, &fault));
	cr_expect_eq(first, expected_first, "%" PRId64, first);
	cr_expect_eq(last, expected_last, "%" PRId64, last);
}

static void expect_whole(int64_t lines, int64_t trimmed)
{
	struct audit_verdict verdict = {0};

	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.lines, lines, "%" PRId64, verdict.lines);
	cr_expect_eq(verdict.trimmed, trimmed);
}

/* reason NULL: valid */
static void expect_copy(struct bytes copy, const char *reason)
{
	struct audit_verdict verdict = {0};

	OK(verify_audit_copy(store, copy, &verdict, &fault));
	cr_expect_eq(verdict.verdict.invalid, reason != NULL, "%s", verdict.verdict.reason);
	cr_expect(reason == NULL || strstr(verdict.verdict.reason, reason) != NULL,
		  "expected \"%s\" in \"%s\"", reason, verdict.verdict.reason);
}

/* catalogue 109 */
Test(trim_audit, refuses_lines_that_were_not_exported)
{
	struct trim_options options = {
		.front_end = FIRST_FRONT_END, .before_s = 1008, .now_s = NOW};
	int64_t first = -1;
	int64_t last = -1;

	REFUSED(trim_audit(store, &options, &first, &last, &fault), FAULT_REFUSED,
		"lines 1 to 7 of the audit log were not exported: run certpool audit export FILE");
	note_export(store, 5);
	REFUSED(trim_audit(store, &options, &first, &last, &fault), FAULT_REFUSED,
		"lines 6 to 7 of the audit log were not exported");
	expect_whole(11, 0);
	options.unexported = true;
	OK(trim_audit(store, &options, &first, &last, &fault));
	cr_expect_eq(last, 7);
	expect_whole(12, 7);
}

/* A line that was changed would be gone before anybody saw that. */
Test(trim_audit, refuses_a_log_that_is_not_whole)
{
	const struct trim_options options = {
		.front_end = FIRST_FRONT_END, .before_s = 1004, .unexported = true, .now_s = NOW};
	int64_t first = -1;
	int64_t last = -1;

	run_foreign_sql(scratch.path, "UPDATE audit SET line = replace(line, '\"number\":1003', "
				      "'\"number\":1009') WHERE id = 3");
	REFUSED(trim_audit(store, &options, &first, &last, &fault), FAULT_UNVERIFIED,
		"line 4: it does not follow from line 3: one of the two was changed; nothing was "
		"trimmed");
}

/* catalogue 109 */
Test(trim_audit, keeps_the_chain_from_the_last_line_that_went)
{
	CLEANUP(clear_buffer) struct buffer copy = copy_log(1);
	CLEANUP(clear_buffer) struct buffer rest = {0};

	note_export(store, LINES);
	trim(1004, 1, 3);
	/* The log has two more lines: exported, trimmed. */
	expect_whole(12, 3);
	trim(1004, 0, 0);
	expect_whole(12, 3);
	trim(1006, 4, 5);
	add_line(NOW);
	expect_whole(14, 5);
	rest = copy_log(1);
	cr_expect_not_null(strstr((const char *)rest.data, "\"sequence\":6,"));
	cr_expect_null(strstr((const char *)rest.data, "\"sequence\":5,"));
	cr_expect_not_null(strstr((const char *)rest.data, "\"event\":\"trimmed\""));
	/* What was exported is verified together with what is there. */
	expect_copy(bytes_of_buffer(&copy), NULL);
	expect_copy(bytes_of_buffer(&rest), NULL);
}

/* The line after the one at which the text stands, or the end. */
static struct bytes cut_lines(struct bytes text, size_t lines)
{
	while (lines-- > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.len);

		text.len -= (size_t)(end + 1 - text.data);
		text.data = end + 1;
	}
	return text;
}

Test(trim_audit, verifies_exported_parts_by_the_digest_that_was_kept)
{
	CLEANUP(clear_buffer) struct buffer copy = copy_log(1);
	struct bytes all = bytes_of_buffer(&copy);
	struct bytes later = cut_lines(all, 4);
	CLEANUP(clear_buffer) struct buffer changed = {0};

	note_export(store, LINES);
	trim(1009, 1, 8);
	expect_copy(all, NULL);
	expect_copy(later, NULL);
	expect_copy(cut_lines(all, 8), NULL);
	expect_copy(cut_lines(all, 9), NULL);
	/* An export that ends before the lines that are there. */
	expect_copy((struct bytes){all.data, all.len - later.len},
		    "line 5: neither in the copy nor in the record: give the files of the later");
	/* A line that the record has no more, changed. */
	append_bytes(&changed, all);
	OK(check_buffer(&changed, &fault));
	*strstr((char *)changed.data, "\"number\":1003") = '_';
	expect_copy(bytes_of_buffer(&changed), "line 3: changed");
	clear_buffer(&changed);
	append_bytes(&changed, all);
	OK(check_buffer(&changed, &fault));
	memcpy(strstr((char *)changed.data, "\"number\":1008"), "\"number\":1007",
	       strlen("\"number\":1007"));
	expect_copy(bytes_of_buffer(&changed),
		    "line 8: changed, it or a line before it: not what was trimmed");
	/* The part in the middle is gone. */
	clear_buffer(&changed);
	append_bytes(&changed, (struct bytes){all.data, all.len - later.len});
	append_bytes(&changed, cut_lines(later, 1));
	expect_copy(bytes_of_buffer(&changed), "line 5: changed: it says it is line 6");
}

/* Lines that were put back, or taken away after the trim. */
Test(trim_audit, does_not_hide_what_was_done_to_the_other_lines)
{
	struct audit_verdict verdict = {0};

	note_export(store, LINES);
	trim(1006, 1, 5);
	run_foreign_sql(scratch.path, "DELETE FROM audit WHERE id = 6");
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_not_null(strstr(verdict.verdict.reason, "line 6: expected, and not there"));
	run_foreign_sql(scratch.path, "UPDATE audit_chain SET trimmed = 6");
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_not_null(strstr(verdict.verdict.reason, "line 7: it does not follow"), "%s",
			   verdict.verdict.reason);
}

/* More lines than one transaction removes. */
Test(trim_audit, goes_by_batches)
{
	struct audit_extent extent = {0};

	run_foreign_sql(scratch.path, "SELECT 1");
	for (int64_t i = 0; i < 5100; i++)
		add_line(2000);
	note_export(store, LINES + 5100);
	trim(3000, 1, LINES + 5100);
	expect_whole(LINES + 5102, LINES + 5100);
	OK(read_audit_extent(store, FIRST_FRONT_END, &extent, &fault));
	cr_expect_eq(extent.exported, LINES + 5100);
	cr_expect_eq(extent.lines, LINES + 5102);
}
