#include "common/wire/acme_request.h"

#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(acme_request, refuses_accounts_that_are_not_well_formed)
{
	static const struct {
		const char *payload;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{"", FAULT_MALFORMED, "no valid JSON"},
		{"[]", FAULT_MALFORMED, "JSON object"},
		{"{\"contact\":\"mailto:a@b\"}", FAULT_MALFORMED, "contact"},
		{"{\"contact\":[1]}", FAULT_MALFORMED, "contact"},
		{"{\"contact\":[\"tel:+1\"]}", FAULT_REFUSED, "mailto:"},
		{"{\"contact\":[\"mailto:a@b,c@d\"]}", FAULT_REFUSED, "mailto:"},
		{"{\"contact\":[\"mailto:a@b?subject=x\"]}", FAULT_REFUSED, "mailto:"},
		{"{\"contact\":[\"mailto:nobody\"]}", FAULT_REFUSED, "mailto:"},
		{"{\"contact\":[\"mailto:a@b\\nmailto:c@d\"]}", FAULT_REFUSED, "mailto:"},
		{"{\"contact\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]}",
		 FAULT_MALFORMED, "at most 8"},
		{"{\"onlyReturnExisting\":1}", FAULT_MALFORMED, "onlyReturnExisting"},
		{"{\"status\":\"revoked\"}", FAULT_MALFORMED, "deactivated"},
		{"{\"status\":true}", FAULT_MALFORMED, "status"},
		{"{\"externalAccountBinding\":\"\"}", FAULT_MALFORMED, "externalAccountBinding"},
		{"{\"externalAccountBinding\":{}}", FAULT_MALFORMED, "flattened JSON"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct account_request request = {0};

		REFUSED(parse_account_request(bytes_of_string(rows[i].payload), &request, &fault),
			rows[i].class, rows[i].part, "row %zu", i);
		cr_expect_null(request.contact);
	}
}

/* RFC 8555 section 7.3: fields that a server does not know are ignored. */
Test(acme_request, reads_an_account_whatever_else_it_says)
{
	CLEANUP(clear_account_request) struct account_request request = {0};

	OK(parse_account_request(
		bytes_of_string("{\"contact\":[\"mailto:a@b\",\"mailto:c@d\"],\"orders\":\"x\","
				"\"termsOfServiceAgreed\":true,\"onlyReturnExisting\":true}"),
		&request, &fault));
	cr_expect_str_eq(request.contact, "mailto:a@b\nmailto:c@d\n");
	cr_expect(request.only_existing);
	cr_expect(!request.bound);
	cr_expect(!request.deactivate);
}

Test(acme_request, refuses_orders_that_are_not_well_formed)
{
	static const struct {
		const char *payload;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{"{}", FAULT_MALFORMED, "identifiers"},
		{"{\"identifiers\":[]}", FAULT_MALFORMED, "identifiers"},
		{"{\"identifiers\":{}}", FAULT_MALFORMED, "identifiers"},
		{"{\"identifiers\":[\"a.example\"]}", FAULT_MALFORMED, "identifiers"},
		{"{\"identifiers\":[{\"type\":\"dns\"}]}", FAULT_MALFORMED, "identifiers"},
		{"{\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b\"}]}", FAULT_REFUSED,
		 "dns or ip"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"192.0.2.1\"}]}", FAULT_MALFORMED,
		 "IP:"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a b\"}]}", FAULT_MALFORMED,
		 "spaces"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a\\nDNS:b\"}]}", FAULT_MALFORMED,
		 "control"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"\"}]}", FAULT_MALFORMED,
		 "well formed"},
		{"{\"identifiers\":[{\"type\":\"ip\",\"value\":\"www.example\"}]}", FAULT_MALFORMED,
		 "well formed"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.b\"}],\"notAfter\":\"2030-01-"
		 "01T00:00:00Z\"}",
		 FAULT_MALFORMED, "notAfter"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.b\"}],\"profile\":7}",
		 FAULT_MALFORMED, "profile"},
		{"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.b\"}],\"replaces\":[]}",
		 FAULT_MALFORMED, "replaces"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct order_request request = {0};

		REFUSED(parse_order_request(bytes_of_string(rows[i].payload), &request, &fault),
			rows[i].class, rows[i].part, "row %zu", i);
		cr_expect_eq(request.names.count, 0);
	}
}

Test(acme_request, refuses_an_order_of_too_many_names)
{
	CLEANUP(clear_buffer) struct buffer json = {0};
	struct order_request request = {0};

	append_string(&json, "{\"identifiers\":[");
	for (int i = 0; i <= ACME_NAMES_MAX; i++)
		append_format(&json, "%s{\"type\":\"dns\",\"value\":\"a%d.example\"}",
			      i > 0 ? "," : "", i);
	append_string(&json, "]}");
	REFUSED(parse_order_request(bytes_of_buffer(&json), &request, &fault), FAULT_MALFORMED,
		"1 to 100, found 101");
}

Test(acme_request, writes_each_name_once_and_in_one_form)
{
	CLEANUP(clear_order_request) struct order_request request = {0};

	OK(parse_order_request(
		bytes_of_string(
			"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"WWW.Example\"},"
			"{\"type\":\"ip\",\"value\":\"2001:DB8:0::1\"},"
			"{\"type\":\"dns\",\"value\":\"www.example\"}],\"profile\":\"server\"}"),
		&request, &fault));
	cr_assert_eq(request.names.count, 2);
	cr_expect_str_eq(request.names.names[0], "DNS:www.example");
	cr_expect_str_eq(request.names.names[1], "IP:2001:db8::1");
	cr_expect_str_eq(request.profile, "server");
	cr_expect_str_eq(request.replaces, "");
}

Test(acme_request, refuses_requests_for_certificates_and_revocations_that_are_not_well_formed)
{
	static const struct {
		const char *payload;
		enum fault_class finalize;
		enum fault_class revocation;
	} rows[] = {
		{"", FAULT_MALFORMED, FAULT_MALFORMED},
		{"{}", FAULT_MALFORMED, FAULT_MALFORMED},
		{"{\"csr\":1,\"certificate\":1}", FAULT_MALFORMED, FAULT_MALFORMED},
		{"{\"csr\":\"AA==\",\"certificate\":\"AA==\"}", FAULT_MALFORMED, FAULT_MALFORMED},
		{"{\"csr\":\"A+A/\",\"certificate\":\"A+A/\"}", FAULT_MALFORMED, FAULT_MALFORMED},
		{"{\"certificate\":\"AAAA\",\"reason\":\"1\"}", FAULT_MALFORMED, FAULT_MALFORMED},
		{"{\"certificate\":\"AAAA\",\"reason\":6}", FAULT_MALFORMED, FAULT_REFUSED},
		{"{\"certificate\":\"AAAA\",\"reason\":7}", FAULT_MALFORMED, FAULT_REFUSED},
		{"{\"certificate\":\"AAAA\",\"reason\":8}", FAULT_MALFORMED, FAULT_REFUSED},
		{"{\"certificate\":\"AAAA\",\"reason\":11}", FAULT_MALFORMED, FAULT_REFUSED},
		{"{\"certificate\":\"AAAA\",\"reason\":-1}", FAULT_MALFORMED, FAULT_REFUSED},
		{"{\"certificate\":\"AAAA\",\"reason\":4294967297}", FAULT_MALFORMED,
		 FAULT_REFUSED},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct acme_revocation revocation = {0};
		struct buffer der = {0};

		REFUSED(parse_finalize_request(bytes_of_string(rows[i].payload), &der, &fault),
			rows[i].finalize, NULL, "row %zu", i);
		REFUSED(parse_acme_revocation(bytes_of_string(rows[i].payload), &revocation,
					      &fault),
			rows[i].revocation, NULL, "row %zu", i);
		cr_expect_eq(revocation.der.len + der.len, 0);
	}
}

Test(acme_request, reads_a_revocation_with_and_without_a_reason)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct acme_revocation revocation = {0};

	OK(parse_acme_revocation(bytes_of_string("{\"certificate\":\"AQID\"}"), &revocation,
				 &fault));
	cr_expect_eq(revocation.reason, REASON_UNSPECIFIED);
	der = take_buffer(&revocation.der);
	cr_expect(equal_bytes(bytes_of_buffer(&der), bytes_of_string("\1\2\3")));
	OK(parse_acme_revocation(bytes_of_string("{\"certificate\":\"\",\"reason\":1}"),
				 &revocation, &fault));
	cr_expect_eq(revocation.reason, REASON_KEY_COMPROMISE);
	clear_buffer(&revocation.der);
}

Test(acme_request, refuses_key_changes_that_are_not_well_formed)
{
	static const struct {
		const char *payload;
		enum fault_class class;
	} rows[] = {
		{"", FAULT_MALFORMED},
		{"{}", FAULT_MALFORMED},
		{"{\"account\":\"x\"}", FAULT_MALFORMED},
		{"{\"oldKey\":{}}", FAULT_MALFORMED},
		{"{\"account\":\"x\",\"oldKey\":\"y\"}", FAULT_MALFORMED},
		{"{\"account\":\"x\",\"oldKey\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", FAULT_REFUSED},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct key_change change = {0};

		REFUSED(parse_key_change(bytes_of_string(rows[i].payload), &change, &fault),
			rows[i].class, NULL, "row %zu", i);
		cr_expect_null(change.account);
	}
}
