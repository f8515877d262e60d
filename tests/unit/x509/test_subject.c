#include "common/x509/subject.h"

#include "common/base/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

Test(subject, refuses_what_is_no_name)
{
	static const char *const texts[] = {"", "client1", "CN", "CN=a,b", "=a"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *rewritten = NULL;
		struct fault fault = {0};

		cr_expect_eq(rewrite_subject(texts[i], &rewritten, &fault), -1, "\"%s\"", texts[i]);
		cr_expect_null(rewritten);
		cr_expect_eq(fault.class, FAULT_MALFORMED);
		cr_expect_not_null(strstr(fault.text, "expected RFC 4514"), "%s", fault.text);
	}
}

Test(subject, writes_names_in_one_way)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"CN=client1-1,O=Acme,C=FR", "CN=client1-1,O=Acme,C=FR"},
		{"cn = client1-1, O=Acme,  c=FR", "CN=client1-1,O=Acme,C=FR"},
		{"CN=Acme\\, Inc, O=x", "CN=Acme\\, Inc,O=x"},
		{"CN={client}-{index}, O={random}", "CN={client}-{index},O={random}"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_string) char *rewritten = NULL;
		struct fault fault = {0};

		cr_assert_eq(rewrite_subject(rows[i].text, &rewritten, &fault), 0, "%s",
			     fault.text);
		cr_expect_str_eq(rewritten, rows[i].expected);
	}
}
