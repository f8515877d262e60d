#include "common/pool/trust.h"

#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bytes root_der(const struct issuer *issuer)
{
	return certificate_der(issuer_certificate(issuer));
}

/* A member's certificate, which is no root. */
static struct buffer member_der(struct fixture *fixture)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct buffer der = {0};
	struct fault fault = {0};

	make_certified_pool(fixture, 0);
	pem = get_file(fixture->layouts[0]->cert, "cert_key1.crt");
	cr_assert_eq(unwrap_certificate_pem(bytes_of_buffer(&pem), &der, &fault), 0, "%s",
		     fault.text);
	return der;
}

Test(trust, refuses_a_layout_without_root)
{
	struct fixture fixture;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct fault fault = {0};

	open_fixture(&fixture);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	cr_assert_eq(read_root(fixture.layouts[0], &root, &fault), -1);
	assert_fault(&fault, FAULT_NOT_FOUND,
		     "cert/root.crt: no root is pinned: run certpool init");
	close_fixture(&fixture);
}

/* catalogue 33, 39 */
Test(trust, refuses_a_pinned_root_that_is_none)
{
	struct fixture fixture;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct fault cut = {0};
	struct fault not_root = {0};
	struct fault link = {0};
	int directory;

	open_fixture(&fixture);
	make_certified_pool(&fixture, 0);
	directory = fixture.layouts[0]->cert;
	pem = get_file(directory, "cert_key1.crt");
	put_file(directory, "root.crt", (char *)pem.data, 0644);
	cr_assert_eq(read_root(fixture.layouts[0], &root, &not_root), -1);
	assert_fault(&not_root, FAULT_UNVERIFIED, "cert/root.crt: not a root certificate: ");
	pem.data[100] = '\0';
	put_file(directory, "root.crt", (char *)pem.data, 0644);
	cr_assert_eq(read_root(fixture.layouts[0], &root, &cut), -1);
	assert_fault(&cut, FAULT_MALFORMED, "cert/root.crt");
	cr_assert_eq(unlinkat(directory, "root.crt", 0), 0);
	cr_assert_eq(symlinkat("cert_key1.crt", directory, "root.crt"), 0);
	cr_assert_eq(read_root(fixture.layouts[0], &root, &link), -1);
	assert_fault(&link, FAULT_REFUSED, "symbolic link");
	close_fixture(&fixture);
}

Test(trust, refuses_to_pin_another_root)
{
	struct fixture fixture;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct fault fault = {0};
	struct fault none = {0};
	bool written = true;

	open_fixture(&fixture);
	cr_assert_eq(pin_root(fixture.layouts[0], root_der(fixture.other_issuer), &written, &fault),
		     -1);
	assert_fault(&fault, FAULT_REFUSED, "another root is pinned already");
	cr_assert_eq(read_root(fixture.layouts[0], &root, &none), 0, "%s", none.text);
	cr_assert(equal_bytes(certificate_der(root), root_der(fixture.issuer)));
	close_fixture(&fixture);
}

Test(trust, refuses_to_pin_what_is_no_root)
{
	struct fixture fixture;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault fault = {0};
	bool written;

	open_fixture(&fixture);
	der = member_der(&fixture);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	cr_assert_eq(pin_root(fixture.layouts[0], bytes_of_buffer(&der), &written, &fault), -1);
	assert_fault(&fault, FAULT_UNVERIFIED, "not a root certificate");
	cr_assert(!file_exists(fixture.layouts[0]->cert, "root.crt"));
	close_fixture(&fixture);
}

Test(trust, refuses_to_fetch_another_root_than_expected)
{
	struct fixture fixture;
	struct fake_ca ca;
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint8_t sha256[SHA256_LEN];
	struct fault fault = {0};

	open_fixture(&fixture);
	start_fake_ca(&ca, &fixture);
	digest_sha256(root_der(fixture.other_issuer), sha256);
	cr_assert_eq(fetch_root(&ca.endpoint, sha256, &der, &fault), -1);
	assert_fault(&fault, FAULT_UNVERIFIED, "/root.crt: this is not the root of the invitation");
	cr_assert_null(der.data);
	stop_fake_ca(&ca);
	close_fixture(&fixture);
}

Test(trust, refuses_what_is_fetched_and_is_no_certificate)
{
	static const struct {
		enum envelope_mischief mischief;
		enum fault_class class;
	} rows[] = {
		{ENVELOPE_EMPTY, FAULT_MALFORMED},
		{ENVELOPE_HTML, FAULT_UNREACHABLE},
		{ENVELOPE_NOT_FOUND, FAULT_NOT_FOUND},
	};
	struct fixture fixture;
	struct fake_ca ca;
	uint8_t sha256[SHA256_LEN] = {0};

	open_fixture(&fixture);
	start_fake_ca(&ca, &fixture);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct fault fault = {0};

		ca.mischief = rows[i].mischief;
		cr_assert_eq(fetch_root(&ca.endpoint, sha256, &der, &fault), -1, "%zu", i);
		assert_fault(&fault, rows[i].class, "root.crt");
	}
	stop_fake_ca(&ca);
	close_fixture(&fixture);
}

Test(trust, fetches_and_pins_the_root_that_is_expected)
{
	struct fixture fixture;
	struct fake_ca ca;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	uint8_t sha256[SHA256_LEN];
	struct stat status;
	struct fault fault = {0};
	bool written = false;

	open_fixture(&fixture);
	start_fake_ca(&ca, &fixture);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	digest_sha256(root_der(fixture.issuer), sha256);
	cr_assert_eq(fetch_root(&ca.endpoint, sha256, &der, &fault), 0, "%s", fault.text);
	cr_assert_eq(pin_root(fixture.layouts[0], bytes_of_buffer(&der), &written, &fault), 0, "%s",
		     fault.text);
	cr_assert(written);
	cr_assert_eq(fstatat(fixture.layouts[0]->cert, "root.crt", &status, 0), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
	cr_assert_eq(read_root(fixture.layouts[0], &root, &fault), 0, "%s", fault.text);
	cr_assert(equal_bytes(certificate_der(root), root_der(fixture.issuer)));
	cr_assert_eq(pin_root(fixture.layouts[0], bytes_of_buffer(&der), &written, &fault), 0, "%s",
		     fault.text);
	cr_assert(!written);
	stop_fake_ca(&ca);
	close_fixture(&fixture);
}
