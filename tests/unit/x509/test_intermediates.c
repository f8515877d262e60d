#include "common/x509/intermediates.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

static struct certificate *make_between(const char *name)
{
	struct forged_certificate forged = forged_intermediate(name);

	return forge_parsed(&forged, root_key());
}

static void add(struct intermediates *intermediates, const char *name)
{
	struct certificate *certificate = make_between(name);

	OK(add_intermediate(intermediates, &certificate, &fault));
	cr_assert_null(certificate);
}

static void expect_refused(const char *text, enum fault_class class, const char *reason)
{
	struct intermediates intermediates = {0};

	REFUSED(parse_intermediates(bytes_of_string(text), &intermediates, &fault), class, reason);
	cr_expect_eq(intermediates.count, (size_t)0);
}

/* catalogue 10, 31 */
Test(intermediates, refuses_text_that_is_not_a_few_certificates)
{
	struct intermediates intermediates = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *one_more = make_between("E");

	add(&intermediates, "A");
	OK(format_intermediates(&intermediates, &text, &fault));
	append_string(&text, "x");
	expect_refused((const char *)text.data, FAULT_MALFORMED, "certificate 2: ");
	text.len -= 10;
	text.data[text.len] = '\0';
	expect_refused((const char *)text.data, FAULT_MALFORMED, "certificate 1: ");
	clear_buffer(&text);
	while (intermediates.count < INTERMEDIATES_MAX)
		add(&intermediates, "B");
	OK(format_intermediates(&intermediates, &text, &fault));
	OK(format_certificate_pem(certificate_der(one_more), &pem, &fault));
	append_bytes(&text, bytes_of_buffer(&pem));
	expect_refused((const char *)text.data, FAULT_TOO_LARGE, "at most 16 intermediate");
	REFUSED(add_intermediate(&intermediates, &one_more, &fault), FAULT_TOO_LARGE, NULL);
	cr_expect_null(one_more, "taken over, also on failure");
	clear_intermediates(&intermediates);
}

Test(intermediates, merges_in_order_without_repeating_while_there_is_room)
{
	static const char *const expected[] = {"CN=A", "CN=B", "CN=C", "CN=D"};
	struct intermediates first = {0};
	struct intermediates second = {0};

	add(&first, "A");
	OK(merge_intermediates(&second, &first, CHAIN_MAX, &fault));
	add(&first, "B");
	add(&first, "C");
	add(&second, "D");
	add(&second, "E");
	OK(merge_intermediates(&first, &second, CHAIN_MAX, &fault));
	cr_assert_eq(first.count, (size_t)CHAIN_MAX);
	for (size_t i = 0; i < CHAIN_MAX; i++)
		cr_expect_str_eq(certificate_subject(first.certificates[i]), expected[i]);
	clear_intermediates(&first);
	clear_intermediates(&second);
}

Test(intermediates, reads_the_text_that_it_writes)
{
	struct intermediates intermediates = {0};
	struct intermediates parsed = {0};
	struct certificate *other = make_between("C");
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_buffer) struct buffer none = {0};

	add(&intermediates, "A");
	add(&intermediates, "B");
	append_string(&text, "\n ");
	OK(format_intermediates(&intermediates, &none, &fault));
	append_bytes(&text, bytes_of_buffer(&none));
	OK(parse_intermediates(bytes_of_buffer(&text), &parsed, &fault));
	cr_assert_eq(parsed.count, (size_t)2);
	cr_expect_str_eq(certificate_subject(intermediate_certificates(&parsed)[0]), "CN=A");
	cr_expect_str_eq(certificate_subject(intermediate_certificates(&parsed)[1]), "CN=B");
	cr_expect(has_intermediate(&parsed, intermediates.certificates[1]));
	cr_expect_not(has_intermediate(&parsed, other));
	clear_intermediates(&parsed);
	OK(parse_intermediates(bytes_of_string(" \n"), &parsed, &fault));
	cr_expect_eq(parsed.count, (size_t)0);
	free_certificate(&other);
	clear_intermediates(&intermediates);
}

/* catalogue 124: what is not usable is left out, and the rest is read */
Test(intermediates, leaves_out_what_is_not_usable)
{
	struct intermediates made = {0};
	struct intermediates parsed = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault left_out = {0};

	add(&made, "A");
	OK(format_intermediates(&made, &pem, &fault));
	append_string(&text, "nonsense\n-----BEGIN CERTIFICATE-----\nMAA=\n");
	append_bytes(&text, bytes_of_buffer(&pem));
	append_string(&text, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
	append_bytes(&text, bytes_of_buffer(&pem));
	append_string(&text, "more");
	OK(parse_usable_intermediates(bytes_of_buffer(&text), &parsed, &left_out, &fault));
	cr_assert_eq(parsed.count, (size_t)2);
	cr_expect(has_intermediate(&made, parsed.certificates[1]));
	cr_expect_eq(strncmp(left_out.text, "certificate 1: ", 15), 0, "%s", left_out.text);
	clear_intermediates(&parsed);
	OK(parse_usable_intermediates(bytes_of_buffer(&pem), &parsed, &left_out, &fault));
	cr_expect_eq(left_out.class, FAULT_NONE);
	clear_intermediates(&parsed);
	clear_intermediates(&made);
}
