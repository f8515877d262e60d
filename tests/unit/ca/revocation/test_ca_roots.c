#include "common/ca/revocation/ca_roots.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

/* A CA, and another one, whose root is what a rotation would put beside the first one's. */
static struct ca_fixture ca;
static struct ca_fixture other;
static struct ca_roots roots;

static void set_up(void)
{
	struct authority_made made = {0};

	make_ca_place(&ca);
	OK(init_ca(&ca, NOW_S, &made, &fault));
	make_ca_place(&other);
	OK(init_ca(&other, NOW_S, &made, &fault));
	roots = (struct ca_roots){0};
}

static void tear_down(void)
{
	clear_ca_roots(&roots);
	remove_ca(&other);
	remove_ca(&ca);
}

TestSuite(ca_roots, .init = set_up, .fini = tear_down);

static struct buffer pem_of(const struct ca_fixture *fixture)
{
	struct buffer pem = {0};

	OK(read_file(fixture->layout->cert, ROOT_CERTIFICATE_FILE, CERTIFICATE_PEM_MAX, &pem,
		     &fault));
	return pem;
}

/* Both certificates in a file of the first CA. */
static void put_both(const char *name)
{
	CLEANUP(clear_buffer) struct buffer first = pem_of(&ca);
	CLEANUP(clear_buffer) struct buffer second = pem_of(&other);

	append_bytes(&first, bytes_of_buffer(&second));
	put_bytes(ca.layout->cert, name, bytes_of_buffer(&first), 0644);
}

Test(ca_roots, are_refused_without_exactly_one_root)
{
	put_both(ROOT_CERTIFICATE_FILE);
	REFUSED(read_ca_roots(ca.layout, &roots, &fault), FAULT_NOT_FOUND,
		"cert/root.crt: expected the CA's root, found 2 certificates: restore it from a "
		"backup");
	cr_assert_eq(unlinkat(ca.layout->cert, ROOT_CERTIFICATE_FILE, 0), 0);
	REFUSED(read_ca_roots(ca.layout, &roots, &fault), FAULT_NOT_FOUND, "found 0 certificates");
}

Test(ca_roots, are_refused_where_a_file_cannot_be_read)
{
	put_file(ca.layout->cert, NEXT_ROOT_FILE, "nonsense\n", 0644);
	REFUSED(read_ca_roots(ca.layout, &roots, &fault), ANY_CLASS, "ca/cert/root.next.crt: ");
	cr_assert_eq(unlinkat(ca.layout->cert, NEXT_ROOT_FILE, 0), 0);
	cr_assert_eq(mkdirat(ca.layout->cert, CROSS_FILE, 0755), 0);
	REFUSED(read_ca_roots(ca.layout, &roots, &fault), ANY_CLASS, "ca/cert: cross.crt: ");
}

Test(ca_roots, are_the_root_alone_as_long_as_it_is_not_replaced)
{
	CLEANUP(clear_buffer) struct buffer expected = pem_of(&ca);
	CLEANUP(clear_buffer) struct buffer pem = {0};

	cr_expect(!is_root_being_replaced(ca.layout));
	OK(read_ca_roots(ca.layout, &roots, &fault));
	cr_expect_null(roots.next);
	cr_expect_eq(roots.cross.count, 0);
	OK(format_ca_roots(&roots, &pem, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&pem), bytes_of_buffer(&expected)));
}

Test(ca_roots, are_the_root_and_then_its_successor_while_it_is_replaced)
{
	CLEANUP(clear_buffer) struct buffer expected = pem_of(&ca);
	CLEANUP(clear_buffer) struct buffer next = pem_of(&other);
	CLEANUP(clear_buffer) struct buffer pem = {0};

	put_bytes(ca.layout->cert, NEXT_ROOT_FILE, bytes_of_buffer(&next), 0644);
	put_both(CROSS_FILE);
	cr_expect(is_root_being_replaced(ca.layout));
	OK(read_ca_roots(ca.layout, &roots, &fault));
	cr_assert_not_null(roots.next);
	cr_expect_eq(roots.cross.count, 2);
	append_bytes(&expected, bytes_of_buffer(&next));
	OK(format_ca_roots(&roots, &pem, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&pem), bytes_of_buffer(&expected)));
}

/* A rotation that was killed before its last step, which removes the file. */
Test(ca_roots, have_no_successor_that_is_the_root_already)
{
	CLEANUP(clear_buffer) struct buffer root = pem_of(&ca);

	put_bytes(ca.layout->cert, NEXT_ROOT_FILE, bytes_of_buffer(&root), 0644);
	OK(read_ca_roots(ca.layout, &roots, &fault));
	cr_expect_null(roots.next);
}
