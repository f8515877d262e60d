#include "common/ca/issue/recover_certificate.h"

#include "common/ca/issue/authority.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ca_fixture fixture;
static struct certificate *certificate;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
}

static void tear_down(void)
{
	free_certificate(&certificate);
	remove_ca(&fixture);
}

TestSuite(recover_certificate, .init = set_up, .fini = tear_down);

/* catalogue 105: only what this CA has signed gets a row */
Test(recover_certificate, refuses_what_another_ca_issued)
{
	struct ca_fixture other = {0};
	struct issued_certificate record = {0};

	make_ca(&other, NOW_S);
	REFUSED(recover_certificate(authority_issuers(other.authority), certificate, &record,
				    &fault),
		FAULT_NOT_FOUND, "");
	REFUSED(recover_certificate(authority_issuers(fixture.authority),
				    authority_root(fixture.authority), &record, &fault),
		FAULT_NOT_FOUND, "");
	cr_expect_null(record.der.data);
	remove_ca(&other);
}

Test(recover_certificate, fills_the_record_of_what_the_ca_issued)
{
	struct issued_certificate record = {0};

	OK(recover_certificate(authority_issuers(fixture.authority), certificate, &record, &fault));
	cr_expect_str_eq(record.client, "ca");
	cr_expect_str_eq(record.member, RECOVERED_MEMBER);
	cr_expect_eq(memcmp(record.serial, certificate_serial(certificate).data, SERIAL_MAX), 0);
	cr_expect_eq(record.not_after_s, certificate_not_after(certificate));
	cr_expect_eq(record.revoked_at_s, 0);
	cr_expect(equal_bytes(bytes_of_buffer(&record.der), certificate_der(certificate)));
	clear_issued_certificate(&record);
}
