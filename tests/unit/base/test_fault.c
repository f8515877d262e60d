#include "common/base/fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

Test(fault, keeps_the_first_reason)
{
	struct fault fault = {0};

	cr_expect_eq(set_fault(&fault, FAULT_REFUSED, "first %d", 1), -1);
	cr_expect_eq(set_fault(&fault, FAULT_FAILED, "second"), -1);
	cr_expect_eq(set_memory_fault(&fault), -1);
	errno = EIO;
	cr_expect_eq(set_errno_fault(&fault, "third"), -1);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	cr_expect_str_eq(fault.text, "first 1");
}

Test(fault, need_not_be_asked_for)
{
	cr_expect_eq(set_fault(NULL, FAULT_REFUSED, "x"), -1);
	cr_expect_eq(set_errno_fault(NULL, "x"), -1);
	cr_expect_eq(set_memory_fault(NULL), -1);
	cr_expect_eq(prefix_fault(NULL, "x"), -1);
}

Test(fault, says_what_the_system_said)
{
	static const struct {
		int number;
		enum fault_class class;
		const char *text;
	} rows[] = {
		{ENOENT, FAULT_NOT_FOUND, "a.key: No such file or directory"},
		{EACCES, FAULT_FAILED, "a.key: Permission denied"},
		{ENOSPC, FAULT_FAILED, "a.key: No space left on device"},
		{4711, FAULT_FAILED, "a.key: Unknown error 4711"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fault fault = {0};

		errno = rows[i].number;
		cr_expect_eq(set_errno_fault(&fault, "%s", "a.key"), -1);
		cr_expect_eq(fault.class, rows[i].class);
		cr_expect_str_eq(fault.text, rows[i].text);
	}
}

Test(fault, takes_context_before_its_text)
{
	struct fault fault = {0};

	(void)set_fault(&fault, FAULT_NOT_FOUND, "inner");
	cr_expect_eq(prefix_fault(&fault, "outer %s", "context"), -1);
	cr_expect_eq(fault.class, FAULT_NOT_FOUND);
	cr_expect_str_eq(fault.text, "outer context: inner");
}

/* catalogue 46: input from outside cannot forge a line of a log */
Test(fault, has_no_control_characters)
{
	struct fault fault = {0};

	(void)set_fault(&fault, FAULT_FAILED, "a%sb", "\r\n\t\x1b\x7f");
	cr_expect_str_eq(fault.text, "a?????b");
	(void)prefix_fault(&fault, "%s", "x\ny");
	cr_expect_str_eq(fault.text, "x?y: a?????b");
}

Test(fault, leaves_text_beyond_ascii_alone)
{
	char text[] = "Grüße, 世界";

	mask_control_characters(text);
	cr_expect_str_eq(text, "Grüße, 世界");
}

/* catalogue 46: 0x9b begins a control sequence on many terminals, as an octet and in UTF-8 */
Test(fault, has_no_c1_control_characters)
{
	static const struct {
		const char *text;
		const char *masked;
	} rows[] = {
		{"a\x9b[31mb", "a?[31mb"},
		{"\x80\x9f", "??"},
		{"\xc2\x80\xc2\x9b\xc2\x9f", "??????"},
		{"\xc2\xa0\xc2", "\xc2\xa0\xc2"},
		/* continuation octets of other characters stay */
		{"\xc4\x80\xe2\x82\x9b\xf0\x9f\x98\x80", "\xc4\x80\xe2\x82\x9b\xf0\x9f\x98\x80"},
		/* overlong forms and surrogates are no characters */
		{"\xc0\x9b", "\xc0?"},
		{"\xe0\x82\x9b", "\xe0??"},
		{"\xf0\x80\x82\x9b", "\xf0???"},
		{"\xed\xa0\x9b", "\xed\xa0?"},
		{"\xf5\x9b", "\xf5?"},
		{"\xe2\x82", "\xe2?"},
		{"\xe2\x82x\x9b", "\xe2?x?"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "%s", rows[i].text);
		mask_control_characters(text);
		cr_expect_str_eq(text, rows[i].masked, "row %zu", i);
	}
}

Test(fault, cuts_text_that_does_not_fit)
{
	char text[2 * FAULT_TEXT_SIZE];
	struct fault fault = {0};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)set_fault(&fault, FAULT_FAILED, "%s", text);
	cr_expect_eq(strlen(fault.text), FAULT_TEXT_SIZE - 1);
	(void)prefix_fault(&fault, "%s", text);
	cr_expect_eq(strlen(fault.text), FAULT_TEXT_SIZE - 1);
	(void)prefix_fault(&fault, "context");
	cr_expect_eq(strlen(fault.text), FAULT_TEXT_SIZE - 1);
	cr_expect_eq(strncmp(fault.text, "context: xxx", 12), 0);
	fault = (struct fault){0};
	errno = EIO;
	(void)set_errno_fault(&fault, "%s", text);
	cr_expect_eq(strlen(fault.text), FAULT_TEXT_SIZE - 1);
}

Test(fault, passes_on_a_failure_of_this_process_only)
{
	for (enum fault_class class = FAULT_FAILED; class <= FAULT_UNREACHABLE; class ++) {
		const bool ours = class == FAULT_FAILED;
		struct fault found = {0};
		struct fault fault = {0};

		(void)set_fault(&found, class, "why");
		cr_expect_eq(pass_failure(&found, &fault), ours ? -1 : 0);
		cr_expect_eq(fault.class, ours ? FAULT_FAILED : FAULT_NONE);
		cr_expect_str_eq(fault.text, ours ? "why" : "");
		fault = (struct fault){0};
		cr_expect_eq(pass_fault(&found, &fault), -1);
		cr_expect_eq(fault.class, class);
		cr_expect_str_eq(fault.text, "why");
	}
}

Test(fault, counts_things_with_the_words_that_go_with_their_number)
{
	cr_expect_str_eq(counted(0, "entry", "entries").text, "0 entries");
	cr_expect_str_eq(counted(1, "entry", "entries").text, "1 entry");
	cr_expect_str_eq(counted(UINT64_MAX, "entry", "entries").text,
			 "18446744073709551615 entries");
	cr_expect_str_eq(by_count(1, "it", "them"), "it");
	cr_expect_str_eq(by_count(0, "it", "them"), "them");
}
