#include "common/x509/known_extension.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

#define ROW(oid, value, section)                                                                   \
	{                                                                                          \
		oid, sizeof(oid) - 1, value, sizeof(value) - 1, section                            \
	}

static const struct {
	const char *oid;
	size_t oid_len;
	const char *value; /* a valid one */
	size_t value_len;
	const char *section;
} rows[] = {
	ROW("\x55\x1d\x09", "\x30\x09\x30\x07\x06\x01\x2a\x31\x02\x05\x00", "4.2.1.8: subjectDir"),
	ROW("\x55\x1d\x12", "\x30\x03\x82\x01x", "4.2.1.7: issuerAltName"),
	ROW("\x55\x1d\x1f", "\x30\x09\x30\x07\xa0\x05\xa0\x03\x86\x01u", "4.2.1.13: cRL"),
	ROW("\x55\x1d\x1f", "\x30\x0c\x30\x0a\xa0\x04\xa1\x02\x05\x00\x81\x02\x01\x06",
	    "4.2.1.13: cRLDistributionPoints"),
	ROW("\x55\x1d\x1f", "\x30\x07\x30\x05\xa2\x03\x82\x01x", "4.2.1.13: cRL"),
	ROW("\x55\x1d\x20", "\x30\x05\x30\x03\x06\x01\x2a", "4.2.1.4: certificatePolicies"),
	ROW("\x55\x1d\x20", "\x30\x0e\x30\x0c\x06\x01\x2a\x30\x07\x30\x05\x06\x01\x2b\x05\x00",
	    "4.2.1.4"),
	ROW("\x55\x1d\x21", "\x30\x08\x30\x06\x06\x01\x2a\x06\x01\x2b", "4.2.1.5: policyMappings"),
	ROW("\x55\x1d\x2e", "\x30\x07\x30\x05\xa2\x03\x82\x01x", "4.2.1.15: freshestCRL"),
	ROW("\x2b\x06\x01\x05\x05\x07\x01\x01", "\x30\x08\x30\x06\x06\x01\x2a\x86\x01u",
	    "4.2.2.1: authorityInfoAccess"),
	ROW("\x2b\x06\x01\x05\x05\x07\x01\x0b", "\x30\x08\x30\x06\x06\x01\x2a\x86\x01u",
	    "4.2.2.2: subjectInfoAccess"),
	ROW("\x2b\x06\x01\x05\x05\x07\x30\x01\x05", "\x05\x00", "RFC 6960 section 4.2.2.2.1"),
};

static const char *judge(size_t row, struct bytes value)
{
	const struct extension extension = {
		.oid = {(const uint8_t *)rows[row].oid, rows[row].oid_len}, .value = value};

	return find_form_problem(&extension);
}

/* catalogue 125: empty, cut, too long, of another structure */
Test(known_extension, refuses_malformed_values)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes valid = {(const uint8_t *)rows[i].value, rows[i].value_len};
		const struct bytes malformed[] = {
			OCTETS(""),
			OCTETS("\x30\x00"),
			OCTETS("\x30\x02\x30\x00"),
			OCTETS("\x30\x03\x04\x01x"),
			OCTETS("\x30\x05\x30\x03\x04\x01x"),
			OCTETS("\x30\x80\x00\x00"),
			{valid.data, valid.len - 1},
			JOIN(valid, OCTETS("\x00")),
			JOIN(valid, valid),
		};

		cr_expect_null(judge(i, valid), "row %zu", i);
		for (size_t k = 0; k < COUNT_OF(malformed); k++) {
			const char *problem = judge(i, malformed[k]);

			cr_assert_not_null(problem, "row %zu, %zu", i, k);
			cr_expect_not_null(strstr(problem, rows[i].section), "%s", problem);
		}
	}
}

/* A point that has reasons alone (RFC 5280 section 4.2.1.13), an empty name, a name of no kind. */
Test(known_extension, refuses_points_that_lead_nowhere)
{
	const struct bytes values[] = {
		OCTETS("\x30\x06\x30\x04\x81\x02\x01\x06"),
		OCTETS("\x30\x06\x30\x04\xa0\x02\xa0\x00"),
		OCTETS("\x30\x08\x30\x06\xa0\x04\xa0\x02\x86\x00"),
		OCTETS("\x30\x09\x30\x07\xa0\x05\xa0\x03\x89\x01u"),
		OCTETS("\x30\x09\x30\x07\xa0\x05\xa2\x03\x86\x01u"),
	};

	for (size_t i = 0; i < COUNT_OF(values); i++)
		cr_expect_not_null(judge(2, values[i]), "%zu", i);
}

Test(known_extension, leaves_other_extensions_alone)
{
	const struct extension extension = {.oid = OCTETS("\x55\x1d\x63"), .value = OCTETS("x")};

	cr_expect_null(find_form_problem(&extension));
}
