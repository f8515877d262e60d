#include "common/net/shared_body.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

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

static struct shared_body *new_body(size_t len)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct shared_body *body = NULL;

	cr_assert_not_null(extend_buffer(&content, len));
	memset(content.data, 'x', len);
	OK(new_shared_body(&content, &body, &fault));
	return body;
}

/* catalogue 113: what is sent of earlier bodies is bounded, in octets */
Test(shared_body, withdraws_the_oldest_of_too_many_octets)
{
	static const struct {
		size_t len;
		unsigned int withdrawn; /* of all so far, after this one */
	} rows[] = {{40, 0}, {50, 0}, {10, 0}, {1, 1}, {39, 1}, {1000, 5}, {1, 6}};
	struct retired_bodies retired = {0};
	struct shared_body *readers[COUNT_OF(rows)];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct shared_body *body = new_body(rows[i].len);
		unsigned int withdrawn = 0;

		readers[i] = hold_shared_body(body);
		retire_shared_body(&retired, 100, &body);
		cr_expect_null(body);
		for (size_t j = 0; j <= i; j++)
			withdrawn += is_withdrawn(readers[j]);
		cr_expect_eq(withdrawn, rows[i].withdrawn, "row %zu: %u", i, withdrawn);
	}
	clear_retired_bodies(&retired);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect(is_withdrawn(readers[i]));
		release_shared_body(&readers[i]);
	}
}

/* catalogue 113: and in number */
Test(shared_body, withdraws_the_oldest_of_too_many)
{
	struct retired_bodies retired = {0};
	struct shared_body *readers[RETIRED_BODIES_MAX + 2];

	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		struct shared_body *body = new_body(1);

		readers[i] = hold_shared_body(body);
		retire_shared_body(&retired, 100, &body);
	}
	for (size_t i = 0; i < COUNT_OF(readers); i++)
		cr_expect_eq(is_withdrawn(readers[i]), i < 2, "body %zu", i);
	clear_retired_bodies(&retired);
	for (size_t i = 0; i < COUNT_OF(readers); i++)
		release_shared_body(&readers[i]);
}

Test(shared_body, lets_go_of_what_nobody_reads)
{
	struct retired_bodies retired = {0};
	struct shared_body *none = NULL;
	struct shared_body *bodies[] = {new_body(1), new_body(2), new_body(3)};
	struct shared_body *reader = hold_shared_body(bodies[1]);

	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		retire_shared_body(&retired, 100, &bodies[i]);
	retire_shared_body(&retired, 100, &none);
	cr_expect_eq(retired.count, 1);
	cr_expect_not(is_withdrawn(reader));
	release_shared_body(&reader);
	sweep_retired_bodies(&retired);
	cr_expect_eq(retired.count, 0);
}
