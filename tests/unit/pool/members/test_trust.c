#include "common/pool/members/trust.h"

#include "tests/support/expect.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(trust, .init = set_up, .fini = tear_down);

static struct bytes root_der(const struct issuer *issuer)
{
	return certificate_der(issuer_certificate(issuer));
}

/* A member's certificate, which is not a root. */
static struct buffer member_der(void)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct buffer der = {0};

	make_certified_pool(&fixture, 0);
	pem = get_file(fixture.layouts[0]->cert, "cert_key1.crt");
	OK(unwrap_certificate_pem(bytes_of_buffer(&pem), &der, &fault));
	return der;
}

Test(trust, refuses_a_layout_without_root)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;

	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	REFUSED(read_root(fixture.layouts[0], &root, &fault), FAULT_NOT_FOUND,
		"cert/root.crt: no root is pinned: run certpool init");
}

/* catalogue 33, 39 */
Test(trust, refuses_a_pinned_file_that_is_not_a_root)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	int directory;

	make_certified_pool(&fixture, 0);
	directory = fixture.layouts[0]->cert;
	pem = get_file(directory, "cert_key1.crt");
	put_file(directory, "root.crt", (char *)pem.data, 0644);
	REFUSED(read_root(fixture.layouts[0], &root, &fault), FAULT_UNVERIFIED,
		"cert/root.crt: not a root certificate: ");
	pem.data[100] = '\0';
	put_file(directory, "root.crt", (char *)pem.data, 0644);
	REFUSED(read_root(fixture.layouts[0], &root, &fault), FAULT_MALFORMED, "cert/root.crt");
	cr_assert_eq(unlinkat(directory, "root.crt", 0), 0);
	cr_assert_eq(symlinkat("cert_key1.crt", directory, "root.crt"), 0);
	REFUSED(read_root(fixture.layouts[0], &root, &fault), FAULT_REFUSED, "symbolic link");
}

Test(trust, refuses_to_pin_another_root)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	bool written = true;

	REFUSED(pin_root(fixture.layouts[0], root_der(fixture.other_issuer), &written, &fault),
		FAULT_REFUSED, "another root is pinned already");
	OK(read_root(fixture.layouts[0], &root, &fault));
	cr_assert(equal_bytes(certificate_der(root), root_der(fixture.issuer)));
}

Test(trust, refuses_to_pin_a_certificate_that_is_not_a_root)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	bool written;

	der = member_der();
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	REFUSED(pin_root(fixture.layouts[0], bytes_of_buffer(&der), &written, &fault),
		FAULT_UNVERIFIED, "not a root certificate");
	cr_assert(!file_exists(fixture.layouts[0]->cert, "root.crt"));
}

Test(trust, refuses_to_fetch_another_root_than_expected)
{
	struct fake_ca ca;
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint8_t sha256[SHA256_LEN];

	start_fake_ca(&ca, &fixture);
	digest_sha256(root_der(fixture.other_issuer), sha256);
	REFUSED(fetch_root(&ca.endpoint, sha256, &der, &fault), FAULT_UNVERIFIED,
		"/root.crt: this is not the root of the invitation");
	cr_assert_null(der.data);
	stop_fake_ca(&ca);
}

Test(trust, refuses_a_fetched_body_that_is_not_a_certificate)
{
	static const struct {
		enum envelope_mischief mischief;
		enum fault_class class;
	} rows[] = {
		{ENVELOPE_EMPTY, FAULT_MALFORMED},
		{ENVELOPE_HTML, FAULT_UNREACHABLE},
		{ENVELOPE_NOT_FOUND, FAULT_NOT_FOUND},
	};
	struct fake_ca ca;
	uint8_t sha256[SHA256_LEN] = {0};

	start_fake_ca(&ca, &fixture);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		ca.envelope.mischief = rows[i].mischief;
		REFUSED(fetch_root(&ca.endpoint, sha256, &der, &fault), rows[i].class, "root.crt",
			"%zu", i);
	}
	stop_fake_ca(&ca);
}

Test(trust, fetches_and_pins_the_expected_root)
{
	struct fake_ca ca;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	uint8_t sha256[SHA256_LEN];
	struct stat status;
	bool written = false;

	start_fake_ca(&ca, &fixture);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "root.crt", 0), 0);
	digest_sha256(root_der(fixture.issuer), sha256);
	OK(fetch_root(&ca.endpoint, sha256, &der, &fault));
	OK(pin_root(fixture.layouts[0], bytes_of_buffer(&der), &written, &fault));
	cr_assert(written);
	cr_assert_eq(fstatat(fixture.layouts[0]->cert, "root.crt", &status, 0), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
	OK(read_root(fixture.layouts[0], &root, &fault));
	cr_assert(equal_bytes(certificate_der(root), root_der(fixture.issuer)));
	OK(pin_root(fixture.layouts[0], bytes_of_buffer(&der), &written, &fault));
	cr_assert(!written);
	stop_fake_ca(&ca);
}

static struct certificate *copy_certificate(const struct issuer *issuer)
{
	struct certificate *copy = NULL;

	OK(parse_certificate_der(certificate_der(issuer_certificate(issuer)), &copy, &fault));
	return copy;
}

/* Adds the certificate of an issuer of that name to ca.crt; returns *ret_written. */
static bool keep_one(const char *subject)
{
	struct issuer *issuer = make_intermediate_issuer(fixture.issuer, subject, fixture.now_s);
	struct certificate *certificate = copy_certificate(issuer);
	CLEANUP(clear_intermediates) struct intermediates one = {0};
	bool first = false;
	bool again = true;

	free_issuer(&issuer);
	OK(add_intermediate(&one, &certificate, &fault));
	OK(keep_intermediates(fixture.layouts[0], &one, &first, &fault));
	OK(keep_intermediates(fixture.layouts[0], &one, &again, &fault));
	cr_assert(!again, "what is there is not written again");
	return first;
}

Test(trust, keeps_intermediates_the_newest_first)
{
	enum { KEPT = INTERMEDIATES_MAX + 1 };
	CLEANUP(clear_intermediates) struct intermediates saved = {0};
	struct stat status;
	char subject[16];

	OK(read_intermediates(fixture.layouts[0], &saved, &fault));
	cr_assert_eq(saved.count, (size_t)0);
	/* What a killed process left. */
	put_file(fixture.layouts[0]->cert, ".ca.crt.new", "half", 0644);
	for (int i = 1; i <= KEPT; i++) {
		(void)snprintf(subject, sizeof(subject), "CN=%d", i);
		cr_assert(keep_one(subject));
	}
	OK(read_intermediates(fixture.layouts[0], &saved, &fault));
	cr_assert_eq(saved.count, (size_t)INTERMEDIATES_MAX);
	for (size_t i = 0; i < saved.count; i++) {
		(void)snprintf(subject, sizeof(subject), "CN=%d", KEPT - (int)i);
		cr_expect_str_eq(certificate_subject(saved.certificates[i]), subject);
	}
	cr_assert_eq(fstatat(fixture.layouts[0]->cert, "ca.crt", &status, 0), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
}

/* catalogue 35, 39 */
Test(trust, refuses_a_file_without_intermediates)
{
	struct intermediates saved = {0};
	bool written;

	put_file(fixture.layouts[0]->cert, "ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA", 0644);
	REFUSED(read_intermediates(fixture.layouts[0], &saved, &fault), FAULT_MALFORMED,
		"cert/ca.crt: certificate 1: ");
	REFUSED(keep_intermediates(fixture.layouts[0], &saved, &written, &fault), FAULT_MALFORMED,
		NULL);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "ca.crt", 0), 0);
	cr_assert_eq(symlinkat("root.crt", fixture.layouts[0]->cert, "ca.crt"), 0);
	REFUSED(read_intermediates(fixture.layouts[0], &saved, &fault), FAULT_REFUSED, "ca.crt");
}

Test(trust, fetches_the_issuing_certificate)
{
	struct issuer *below;
	struct issuer *stranger;
	struct fake_ca ca;
	CLEANUP(clear_intermediates) struct intermediates fetched = {0};
	struct intermediates none = {0};

	start_fake_ca(&ca, &fixture);
	below = make_intermediate_issuer(fixture.issuer, "CN=Issuing CA", fixture.now_s);
	stranger = make_intermediate_issuer(fixture.other_issuer, "CN=Issuing CA", fixture.now_s);
	OK(fetch_intermediates(&ca.endpoint, root_der(fixture.issuer), &none, &fault));
	cr_assert_eq(none.count, (size_t)0, "the root itself");
	ca.issuer = below;
	OK(fetch_intermediates(&ca.endpoint, root_der(fixture.issuer), &fetched, &fault));
	cr_assert_eq(fetched.count, (size_t)1);
	cr_expect(has_intermediate(&fetched, issuer_certificate(below)));
	ca.issuer = stranger;
	REFUSED(fetch_intermediates(&ca.endpoint, root_der(fixture.issuer), &none, &fault),
		FAULT_UNVERIFIED, "/ca.crt: not a certificate of the CA by its root");
	stop_fake_ca(&ca);
	free_issuer(&below);
	free_issuer(&stranger);
}
