#include "common/net/shared_body.h"

#include <criterion/criterion.h>

Test(shared_body, refuses_content_for_which_there_was_no_memory)
{
	struct buffer content = {.failed = true};
	struct shared_body *body = NULL;
	struct fault fault = {0};

	cr_expect_eq(new_shared_body(&content, &body, &fault), -1);
	cr_expect_eq(fault.class, FAULT_FAILED);
	cr_expect_null(body);
}

Test(shared_body, lasts_as_long_as_somebody_holds_it)
{
	struct buffer content = {0};
	struct shared_body *first = NULL;
	struct shared_body *second = NULL;
	struct fault fault = {0};

	append_string(&content, "the same");
	cr_assert_eq(new_shared_body(&content, &first, &fault), 0, "%s", fault.text);
	cr_expect_null(content.data);
	second = hold_shared_body(first);
	release_shared_body(&first);
	cr_expect_null(first);
	cr_expect(equal_bytes(shared_octets(second), bytes_of_string("the same")));
	release_shared_body(&second);
	release_shared_body(&second);
}
