#include "common/ca/issue/rotate_own_root.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/issue/rotation.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct rotation_fixture fixture;

static void set_up(void)
{
	make_rotation(&fixture, false);
}

static void tear_down(void)
{
	remove_rotation(&fixture);
}

TestSuite(rotate_own_root, .init = set_up, .fini = tear_down);

static void expect_same(const char *a, const char *b)
{
	CLEANUP(free_certificate) struct certificate *first = read_ca_certificate(&fixture, a);
	CLEANUP(free_certificate) struct certificate *second = read_ca_certificate(&fixture, b);

	cr_expect(equal_bytes(certificate_der(first), certificate_der(second)), "%s is not %s", a,
		  b);
}

/* Who holds the present root alone verifies what the new one issues, by its cross certificate. */
Test(rotate_own_root, issues_with_the_new_key_below_the_present_root)
{
	OK(begin_rotation(&fixture, &fault));
	cr_expect_str_eq(fixture.rotated.subject, "CN=Test Root,serialNumber=2");
	expect_below(&fixture, ROOT_CERTIFICATE_FILE, "ca.2.crt", true);
	expect_same("ca.crt", ROOT_CERTIFICATE_FILE);
	cr_expect(!file_exists(fixture.ca.layout->private, "root.key"), "it has an issuer's name");
	cr_expect_eq(mode_of(fixture.ca.layout->private, "ca.key"), 0600);
	OK(open_ca(&fixture.ca, NOW_S + DAY_S, &fault));
	cr_expect_eq(issuer_number(authority_issuer(fixture.ca.authority)), 2);
}

Test(rotate_own_root, ends_with_the_new_root_as_the_issuer)
{
	OK(begin_rotation(&fixture, &fault));
	OK(finish_rotation(&fixture, NULL, &fault));
	expect_same("ca.2.crt", ROOT_CERTIFICATE_FILE);
	expect_below(&fixture, ROOT_CERTIFICATE_FILE, "ca.crt", true);
	cr_expect(file_exists(fixture.ca.layout->cert, OLD_ROOT_FILE));
	cr_expect(!file_exists(fixture.ca.layout->cert, NEXT_ROOT_FILE));
	OK(open_ca(&fixture.ca, NOW_S + DAY_S, &fault));
	cr_expect(is_root_issuer(authority_issuer(fixture.ca.authority)));
}

/* catalogue 76: the new key and the issuer's certificate are there, and the rotation's last file
   is not */
Test(rotate_own_root, completes_a_beginning_that_was_killed)
{
	OK(begin_rotation(&fixture, &fault));
	cr_assert_eq(unlinkat(fixture.ca.layout->cert, NEXT_ROOT_FILE, 0), 0);
	OK(begin_rotation(&fixture, &fault));
	cr_expect(fixture.rotated.completed);
	cr_expect_str_eq(fixture.rotated.subject, "CN=Test Root,serialNumber=2");
	cr_expect(!file_exists(fixture.ca.layout->cert, "ca.3.crt"), "no third issuer");
	expect_below(&fixture, ROOT_CERTIFICATE_FILE, "ca.2.crt", true);
	OK(finish_rotation(&fixture, NULL, &fault));
}
