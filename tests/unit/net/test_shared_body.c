#include "common/net/shared_body.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

Test(shared_body, refuses_content_for_which_there_was_no_memory)
{
	struct buffer content = {.failed = true};
	struct shared_body *body = NULL;

	REFUSED(new_shared_body(&content, &body, &fault), FAULT_FAILED, NULL);
	cr_expect_null(body);
}

Test(shared_body, lasts_as_long_as_somebody_holds_it)
{
	struct buffer content = {0};
	struct shared_body *first = NULL;
	struct shared_body *second = NULL;

	append_string(&content, "the same");
	OK(new_shared_body(&content, &first, &fault));
	cr_expect_null(content.data);
	second = hold_shared_body(first);
	release_shared_body(&first);
	cr_expect_null(first);
	cr_expect(equal_bytes(shared_octets(second), bytes_of_string("the same")));
	release_shared_body(&second);
	release_shared_body(&second);
}
