#include "common/x509/revocation/crl_reason.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

/* catalogue 60: certificateHold could be lifted, so it is refused */
Test(crl_reason, refuses_names_that_are_no_reason_to_revoke_for)
{
	static const char *const rows[] = {
		"",  "certificateHold", "removeFromCRL", "CERTIFICATEHOLD", "key compromise",
		"1", "keyCompromise ",  "keycompromis",  "unused",          "\nkeyCompromise",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int reason = 99;

		REFUSED(parse_crl_reason(rows[i], &reason, &fault), FAULT_USAGE,
			"keyCompromise, cACompromise", "%s", rows[i]);
		cr_expect_eq(reason, 99);
	}
}

Test(crl_reason, reads_the_names_that_it_writes)
{
	static const int rows[] = {0, 1, 2, 3, 4, 5, 9, 10};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int reason = 99;

		cr_expect(valid_crl_reason(rows[i]));
		cr_assert_eq(parse_crl_reason(format_crl_reason(rows[i]), &reason, NULL), 0);
		cr_expect_eq(reason, rows[i]);
	}
}

Test(crl_reason, does_not_mind_capitals)
{
	int reason = 99;

	cr_assert_eq(parse_crl_reason("KEYcompromise", &reason, NULL), 0);
	cr_expect_eq(reason, REASON_KEY_COMPROMISE);
}

Test(crl_reason, knows_the_numbers_of_the_standard)
{
	static const int none[] = {-1, 7, 11, 255};

	for (size_t i = 0; i < COUNT_OF(none); i++) {
		cr_expect(!valid_crl_reason(none[i]), "%d", none[i]);
		cr_expect_str_eq(format_crl_reason(none[i]), "unspecified");
	}
	cr_expect(valid_crl_reason(REASON_CERTIFICATE_HOLD));
	cr_expect_str_eq(format_crl_reason(REASON_CERTIFICATE_HOLD), "certificateHold");
	cr_expect_str_eq(format_crl_reason(REASON_REMOVE_FROM_CRL), "removeFromCRL");
}
