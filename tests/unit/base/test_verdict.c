#include "common/base/verdict.h"

#include <criterion/criterion.h>
#include <string.h>

Test(verdict, is_valid_until_the_first_reason)
{
	struct verdict verdict = {0};

	cr_expect(!verdict.invalid);
	cr_expect_str_eq(verdict.reason, "");
	reject_because(&verdict, "first: %s", "why");
	reject_because(&verdict, "second");
	cr_expect(verdict.invalid);
	cr_expect_str_eq(verdict.reason, "first: why");
}

/* catalogue 46 */
Test(verdict, has_no_control_characters)
{
	struct verdict verdict = {0};

	reject_because(&verdict, "subject %s", "CN=a\r\nverified: yes");
	cr_expect_str_eq(verdict.reason, "subject CN=a??verified: yes");
}

Test(verdict, cuts_a_reason_that_does_not_fit)
{
	char text[2 * VERDICT_REASON_SIZE];
	struct verdict verdict = {0};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	reject_because(&verdict, "%s", text);
	cr_expect(verdict.invalid);
	cr_expect_eq(strlen(verdict.reason), VERDICT_REASON_SIZE - 1);
}
