#include "common/x509/revocation/ocsp_response.h"

#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

#define TIME                                                                                       \
	"\x18\x0f"                                                                                 \
	"20260921141320Z"

/* A SingleResponse: certStatus and the fields after it. */
static struct bytes single_with(struct bytes status, struct bytes rest)
{
	static const struct issuer_hashes issuer;
	CLEANUP(clear_buffer) struct buffer id = {0};

	append_cert_id(&id, OCSP_SHA1, &issuer, OCTETS("\x33"));
	return item(DER_SEQUENCE, JOIN(bytes_of_buffer(&id), status, rest));
}

/* catalogue 54 */
Test(ocsp_response, refuses_single_responses_without_the_structure_of_one)
{
	const struct bytes good = OCTETS("\x80\x00");
	const struct bytes time = OCTETS(TIME);
	const struct {
		struct bytes der;
		const char *part;
	} rows[] = {
		{OCTETS("\x30\x00"), "expected a SingleResponse"},
		{OCTETS("\x04\x00"), "expected a SingleResponse"},
		{single_with(OCTETS(""), OCTETS("")), "certStatus: expected one, found the end"},
		{single_with(OCTETS("\x83\x00"), time), "expected good, revoked or unknown"},
		{single_with(OCTETS("\x80\x01\x00"), time), "expected good, revoked or unknown"},
		{single_with(OCTETS("\x82\x01\x00"), time), "expected good, revoked or unknown"},
		{single_with(OCTETS("\x05\x00"), time), "expected good, revoked or unknown"},
		{single_with(OCTETS("\xa1\x00"), time), "expected good, revoked or unknown"},
		{single_with(item(0xa1, OCTETS("\x17\x0d"
					       "260921141320Z")),
			     time),
		 "expected good, revoked or unknown"},
		{single_with(good, OCTETS("")), "expected a SingleResponse"},
		{single_with(good, OCTETS("\x17\x0d"
					  "260921141320Z")),
		 "expected a SingleResponse"},
		{single_with(good, JOIN(time, item(0xa0, OCTETS("")))),
		 "expected a SingleResponse"},
		{single_with(good, JOIN(time, item(0xa1, OCTETS("\x30\x00")))), "at least one"},
		{single_with(good, JOIN(time, OCTETS("\x05\x00"))), "or the end"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ocsp_single single = {.reason = 99};
		struct bytes rest = rows[i].der;
		const char *problem = read_ocsp_single(&rest, &single);

		cr_assert_not_null(problem, "row %zu", i);
		cr_expect_not_null(strstr(problem, "RFC "), "row %zu: %s", i, problem);
		cr_expect_not_null(strstr(problem, rows[i].part), "row %zu: %s", i, problem);
		cr_expect_eq(single.reason, 99, "row %zu", i);
	}
}

Test(ocsp_response, reads_the_status_and_the_times)
{
	const struct {
		struct bytes status;
		enum ocsp_status expected;
		int64_t revoked_at_s;
		int reason;
	} rows[] = {
		{OCTETS("\x80\x00"), OCSP_GOOD, 0, 0},
		{OCTETS("\x82\x00"), OCSP_UNKNOWN, 0, 0},
		{item(0xa1, OCTETS(TIME)), OCSP_REVOKED, FORGED_NOW_S, 0},
		{item(0xa1, OCTETS(TIME "\xa0\x03\x0a\x01\x04")), OCSP_REVOKED, FORGED_NOW_S, 4},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes rest =
			single_with(rows[i].status, JOIN(OCTETS(TIME), item(0xa0, OCTETS(TIME))));
		struct ocsp_single single = {0};

		cr_assert_null(read_ocsp_single(&rest, &single), "row %zu", i);
		cr_expect_eq(rest.len, 0);
		cr_expect_eq(single.status, rows[i].expected, "row %zu", i);
		cr_expect_eq(single.revoked_at_s, rows[i].revoked_at_s, "row %zu", i);
		cr_expect_eq(single.reason, rows[i].reason, "row %zu", i);
		cr_expect_eq(single.this_update_s, FORGED_NOW_S);
		cr_expect_eq(single.next_update_s, FORGED_NOW_S);
		cr_expect(equal_bytes(single.id.serial, OCTETS("\x33")));
	}
}

/* RFC 6960 section 4.2.1: 4 is not used. */
Test(ocsp_response, names_every_response_status)
{
	cr_expect_str_eq(format_ocsp_outcome(OCSP_SUCCESSFUL), "successful");
	cr_expect_str_eq(format_ocsp_outcome(OCSP_UNAUTHORIZED), "unauthorized");
	cr_expect_str_eq(format_ocsp_outcome(4), "an undefined responseStatus");
	cr_expect_str_eq(format_ocsp_outcome(7), "an undefined responseStatus");
	cr_expect_str_eq(format_ocsp_outcome(-1), "an undefined responseStatus");
}
