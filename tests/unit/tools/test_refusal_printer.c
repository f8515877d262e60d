#include "tools/pool/refusal_printer.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

static const struct verb verb = {.name = "enroll"};
static const struct command command = {.verb = &verb};

/* The text of the members that were refused, in this order. */
static const char *format_members(const size_t *members, size_t count,
				  char ret_text[static MEMBERS_TEXT_SIZE])
{
	static const struct refusal refusal = {.type = "revoked"};
	struct refusal_printer printer = {.command = &command, .client = "client1"};

	for (size_t i = 0; i < count; i++)
		print_refusal(&printer, members[i], &refusal);
	cr_assert_eq(printer.count, 1);
	format_refused(&printer.reasons[0], ret_text);
	return ret_text;
}

Test(refusal_printer, names_members_by_range_or_by_the_first_of_them)
{
	static const struct {
		size_t members[6];
		size_t count;
		const char *text;
	} rows[] = {
		{{7}, 1, "member 7"},
		{{9, 3}, 2, "members 3, 9"},
		{{14, 3, 9}, 3, "members 3, 9, 14 (3)"},
		{{20, 14, 9, 3}, 4, "members 3, 9, 14 … (4)"},
		{{3, 4, 5, 6}, 4, "members 3 to 6 (4)"},
		{{6, 4, 3, 5, 8, 1}, 6, "members 1, 3, 4 … (6)"},
	};
	char text[MEMBERS_TEXT_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_str_eq(format_members(rows[i].members, rows[i].count, text),
				 rows[i].text);
}

Test(refusal_printer, says_each_reason_once_however_they_alternate, .init = cr_redirect_stderr)
{
	static const struct refusal revoked = {.type = "revoked", .detail = "it is revoked"};
	static const struct refusal quota = {.type = "quota", .detail = "there are 3"};
	struct refusal_printer printer = {.command = &command, .client = "client1"};

	for (size_t member = 1; member <= 10; member++)
		print_refusal(&printer, member, member % 2 == 0 ? &revoked : &quota);
	end_refusals(&printer);
	end_refusals(&printer);
	cr_assert_stderr_eq_str(
		"certpool enroll: client1: members 1, 3, 5 … (5): refused (quota): there are 3\n"
		"certpool enroll: client1: members 2, 4, 6 … (5): refused (revoked): it is "
		"revoked\n");
}

Test(refusal_printer, counts_what_has_a_reason_of_its_own, .init = cr_redirect_stderr)
{
	struct refusal_printer printer = {.command = &command, .client = "client1"};
	struct refusal refusal = {.type = "policy"};

	for (size_t member = 1; member <= REFUSAL_REASONS + 5; member++) {
		(void)snprintf(refusal.detail, sizeof(refusal.detail), "%zu", member);
		print_refusal(&printer, member, &refusal);
	}
	cr_expect_eq(printer.count, REFUSAL_REASONS);
	cr_expect_eq(printer.others, 5);
	end_refusals(&printer);
}
