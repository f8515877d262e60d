#include "common/ca/issue/rotate_own_root.h"

#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <unistd.h>

/* A CA whose root issues by itself, and its record. */
static struct ca_fixture ca;
static struct store *store;
static struct rotated_root rotated;

static void set_up(void)
{
	struct authority_made made = {0};

	make_ca_place(&ca);
	rotated = (struct rotated_root){0};
	OK(init_ca(&ca, NOW_S, &made, &fault));
	OK(open_ca(&ca, NOW_S, &fault));
	free_authority(&ca.authority);
	OK(open_store(ca.store_path, &store, &fault));
}

static void tear_down(void)
{
	clear_rotated_root(&rotated);
	free_store(&store);
	remove_ca(&ca);
}

TestSuite(rotate_own_root, .init = set_up, .fini = tear_down);

static struct root_rotation rotation_now(void)
{
	return (struct root_rotation){.layout = ca.layout,
				      .ca = &ca.manifest->ca,
				      .access = &ca.access,
				      .store = store,
				      .now_s = NOW_S + DAY_S};
}

static int begin(struct fault *fault)
{
	const struct root_rotation rotation = rotation_now();

	clear_rotated_root(&rotated);
	return begin_root_rotation(&rotation, &rotated, fault);
}

static int finish(struct fault *fault)
{
	const struct root_rotation rotation = rotation_now();

	clear_rotated_root(&rotated);
	return finish_root_rotation(&rotation, NULL, 0, &rotated, fault);
}

static struct certificate *read_of(const char *name)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *certificate = NULL;

	OK(read_file(ca.layout->cert, name, CERTIFICATE_PEM_MAX, &pem, &fault));
	OK(parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &fault));
	return certificate;
}

static void expect_below(const char *root_name, const char *name)
{
	CLEANUP(free_certificate) struct certificate *root = read_of(root_name);
	CLEANUP(free_certificate) struct certificate *certificate = read_of(name);
	struct verdict verdict = {0};

	OK(verify_intermediate(root, certificate, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s below %s: %s", name, root_name, verdict.reason);
}

static void expect_same(const char *a, const char *b)
{
	CLEANUP(free_certificate) struct certificate *first = read_of(a);
	CLEANUP(free_certificate) struct certificate *second = read_of(b);

	cr_expect(equal_bytes(certificate_der(first), certificate_der(second)), "%s is not %s", a,
		  b);
}

/* Who holds the present root alone verifies what the new one issues, by its cross certificate. */
Test(rotate_own_root, issues_with_the_new_key_below_the_present_root)
{
	OK(begin(&fault));
	cr_expect_str_eq(rotated.subject, "CN=Test Root,serialNumber=2");
	expect_below(ROOT_CERTIFICATE_FILE, "ca.2.crt");
	expect_same("ca.crt", ROOT_CERTIFICATE_FILE);
	cr_expect(!file_exists(ca.layout->private, "root.key"), "it has an issuer's name");
	cr_expect_eq(mode_of(ca.layout->private, "ca.key"), 0600);
	OK(open_ca(&ca, NOW_S + DAY_S, &fault));
	cr_expect_eq(issuer_number(authority_issuer(ca.authority)), 2);
}

Test(rotate_own_root, ends_with_the_new_root_as_the_issuer)
{
	OK(begin(&fault));
	OK(finish(&fault));
	expect_same("ca.2.crt", ROOT_CERTIFICATE_FILE);
	expect_below(ROOT_CERTIFICATE_FILE, "ca.crt");
	cr_expect(file_exists(ca.layout->cert, OLD_ROOT_FILE));
	cr_expect(!file_exists(ca.layout->cert, NEXT_ROOT_FILE));
	OK(open_ca(&ca, NOW_S + DAY_S, &fault));
	cr_expect(is_root_issuer(authority_issuer(ca.authority)));
}

/* catalogue 76: the new key and the issuer's certificate are there, and the rotation's last file
   is not */
Test(rotate_own_root, completes_a_beginning_that_was_killed)
{
	OK(begin(&fault));
	cr_assert_eq(unlinkat(ca.layout->cert, NEXT_ROOT_FILE, 0), 0);
	OK(begin(&fault));
	cr_expect(rotated.completed);
	cr_expect_str_eq(rotated.subject, "CN=Test Root,serialNumber=2");
	cr_expect(!file_exists(ca.layout->cert, "ca.3.crt"), "no third issuer");
	expect_below(ROOT_CERTIFICATE_FILE, "ca.2.crt");
	OK(finish(&fault));
}
