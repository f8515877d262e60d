#include "common/ca/issue/refusal_log.h"

#include "common/ca/store/audit.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct scratch_store scratch;
static struct store *store;
static struct refusal_log *refusals;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(new_refusal_log(store, &refusals, &fault));
}

static void tear_down(void)
{
	free_refusal_log(&refusals);
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(refusal_log, .init = set_up, .fini = tear_down);

struct lines {
	size_t count;
	char last[4096];
};

static int keep_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct lines *lines = context;

	(void)sequence;
	(void)fault;
	lines->count++;
	(void)snprintf(lines->last, sizeof(lines->last), "%s", line);
	return 0;
}

/* Expects so many lines, and that the last one has this part. */
static void expect_lines(size_t count, const char *part)
{
	struct lines lines = {0};

	OK(list_audit(store, FIRST_FRONT_END, 1, keep_line, &lines, &fault));
	cr_expect_eq(lines.count, count, "expected %zu lines, found %zu: %s", count, lines.count,
		     lines.last);
	cr_expect_not_null(strstr(lines.last, part), "expected %s in %s", part, lines.last);
}

static void refuse(const char *client, const char *type, int64_t now_s)
{
	struct refusal refusal = {0};

	set_refusal(&refusal, type, "the detail of %s", type);
	OK(record_refusal(refusals, client, &refusal, now_s, &fault));
}

/* catalogue 108, 109 */
Test(refusal_log, has_one_line_a_client_and_minute_with_the_count)
{
	refuse("a", "disabled", 1000);
	expect_lines(1, "\"by\":\"a\",\"type\":\"disabled\",\"detail\":\"the detail of disabled\","
			"\"count\":1,");
	for (int64_t now_s = 1000; now_s < 1060; now_s++)
		refuse("a", "not_issued", now_s);
	expect_lines(1, "\"count\":1,");
	refuse("b", "revoked", 1059);
	expect_lines(2, "\"by\":\"b\",\"type\":\"revoked\"");
	refuse("a", "disabled", 1060);
	expect_lines(3, "\"by\":\"a\",\"type\":\"disabled\",\"detail\":\"the detail of disabled\","
			"\"count\":61,");
}

Test(refusal_log, gets_the_rest_when_the_minute_is_over_or_the_ca_ends)
{
	for (int i = 0; i < 3; i++)
		refuse("a", i == 0 ? "disabled" : "not_issued", 1000);
	OK(flush_refusals(refusals, false, 1059, &fault));
	expect_lines(1, "\"count\":1,");
	OK(flush_refusals(refusals, false, 1060, &fault));
	expect_lines(2, "\"type\":\"not_issued\",\"detail\":\"2 more; the last: the detail of "
			"not_issued\",\"count\":2,");
	OK(flush_refusals(refusals, true, 1060, &fault));
	expect_lines(2, "\"count\":2,");
	refuse("a", "disabled", 1061);
	expect_lines(2, "\"count\":2,");
	OK(flush_refusals(refusals, true, 1061, &fault));
	expect_lines(3, "1 more; the last: the detail of disabled");
}

/* A pause does not become longer because the clock went back. */
Test(refusal_log, goes_on_when_the_clock_goes_back)
{
	refuse("a", "disabled", 100000);
	refuse("a", "disabled", 1000);
	expect_lines(2, "\"count\":1,");
}

static void add_refused(struct certificates_answer *answer, size_t count, const char *detail)
{
	answer->refusals = calloc(count, sizeof(*answer->refusals));
	cr_assert_not_null(answer->refusals);
	for (; answer->refusal_count < count; answer->refusal_count++) {
		struct member_refusal *each = &answer->refusals[answer->refusal_count];

		(void)snprintf(each->name, sizeof(each->name), "key%zu", answer->refusal_count + 1);
		set_refusal(&each->refusal, "bad_request", "%s", detail);
	}
}

/* catalogue 109 */
Test(refusal_log, has_one_line_for_a_batch_with_its_first_five_refusals)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct lines lines = {0};
	char detail[500];

	memset(detail, 'x', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	add_refused(&answer, 1000, detail);
	answer.certificate_count = 0;
	OK(record_answer_refusals(refusals, "a", &answer, 1000, &fault));
	expect_lines(1, "\"type\":\"bad_request\",\"detail\":\"refused 1000 of 1000; "
			"key1: bad_request: xxx");
	expect_lines(1, "; key5: bad_request: xxx");
	expect_lines(1, "\"count\":1000,");
	OK(list_audit(store, FIRST_FRONT_END, 1, keep_line, &lines, &fault));
	cr_expect_null(strstr(lines.last, "key6"));
	cr_expect_lt(strlen(lines.last), 1600);
}

Test(refusal_log, names_the_only_member_of_a_batch_that_was_refused)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_refused(&answer, 1, "no PEM");
	OK(record_answer_refusals(refusals, "a", &answer, 1000, &fault));
	expect_lines(1, "\"member\":\"key1\",\"type\":\"bad_request\",\"detail\":\"refused 1 of 1; "
			"key1: bad_request: no PEM\",\"count\":1,");
}

Test(refusal_log, has_no_line_for_an_answer_that_refuses_nothing)
{
	struct certificates_answer answer = {.certificate_count = 3};

	OK(record_answer_refusals(refusals, "a", &answer, 1000, &fault));
	expect_lines(0, "");
}

/* A line that cannot be written is not forgotten. */
Test(refusal_log, counts_on_when_a_line_cannot_be_written)
{
	struct refusal refusal = {0};

	refuse("a", "disabled", 1000);
	set_refusal(&refusal, "disabled", "x");
	run_foreign_sql(scratch.path, "ALTER TABLE audit RENAME TO elsewhere");
	for (int i = 0; i < 2; i++)
		REFUSED(record_refusal(refusals, "a", &refusal, 1060, &fault), FAULT_FAILED,
			"audit");
	run_foreign_sql(scratch.path, "ALTER TABLE elsewhere RENAME TO audit");
	OK(record_refusal(refusals, "a", &refusal, 1060, &fault));
	expect_lines(2, "\"count\":3,");
}
