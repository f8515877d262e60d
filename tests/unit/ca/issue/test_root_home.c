#include "common/ca/issue/root_home.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* A CA whose root lies in stick/, and the home of that root. */
static struct ca_fixture ca;
static struct root_home home;

static void set_up(void)
{
	struct authority_made made = {0};

	make_ca_place(&ca);
	lay_root_apart(&ca);
	OK(init_ca(&ca, NOW_S, &made, &fault));
	home = (struct root_home){.lock = -1};
}

static void tear_down(void)
{
	clear_root_home(&home);
	remove_ca(&ca);
}

TestSuite(root_home, .init = set_up, .fini = tear_down);

static int open_home(struct fault *fault)
{
	return open_root_home(ca.layout, &ca.manifest->ca, &ca.access, &home, fault);
}

static void move(const char *from, const char *to)
{
	cr_assert_eq(renameat(ca.scratch.dirfd, from, ca.scratch.dirfd, to), 0, "%s", from);
}

static void remove_at(const char *name)
{
	cr_assert_eq(unlinkat(ca.scratch.dirfd, name, 0), 0, "%s", name);
}

/* A root apart is opened, is asked to sign, and is left alone again. */
Test(root_home, is_used_like_this)
{
	OK(open_home(&fault));
	cr_assert_not_null(home.root);
	cr_expect_null(home.issuer, "its key is read only when it has to sign");
	OK(load_root(&home, NOW_S, &fault));
	cr_expect_str_eq(certificate_subject(issuer_certificate(home.issuer)), "CN=Test Root");
}

Test(root_home, is_locked_until_it_is_cleared)
{
	CLEANUP(close_descriptor) int lock = -1;

	OK(open_home(&fault));
	REFUSED(lock_layout(home.layout, LOCK_REFUSE, &lock, &fault), FAULT_BUSY, "stick");
	clear_root_home(&home);
	home = (struct root_home){.lock = -1};
	OK(open_home(&fault));
}

Test(root_home, is_asked_for_where_the_manifest_has_it)
{
	move("stick", "away");
	REFUSED(open_home(&fault), FAULT_NOT_FOUND,
		"stick: expected the layout of the root, whose key has to sign, found none");
	SAID("as ca.root_layout says");
}

Test(root_home, must_have_the_root_of_the_ca)
{
	CLEANUP(clear_buffer) struct buffer issuing = {0};

	OK(read_file(ca.layout->cert, "ca.crt", 10000, &issuing, &fault));
	put_bytes(ca.layout->cert, "root.crt", bytes_of_buffer(&issuing), 0644);
	REFUSED(open_home(&fault), FAULT_REFUSED, "are two roots: expected the same one");
	remove_at("stick/cert/root.crt");
	REFUSED(open_home(&fault), FAULT_NOT_FOUND, "stick");
}

/* The CA may have lost its copy. */
Test(root_home, gives_the_ca_a_copy_of_its_root)
{
	CLEANUP(free_certificate) struct certificate *copy = NULL;

	remove_at("ca/cert/root.crt");
	OK(open_home(&fault));
	OK(read_ca_root(ca.layout, &copy, &fault));
	cr_expect(equal_bytes(certificate_der(copy), certificate_der(home.root)));
}

Test(root_home, signs_only_while_the_root_is_valid)
{
	OK(open_home(&fault));
	REFUSED(load_root(&home, NOW_S + 11 * 366 * DAY_S, &fault), FAULT_REFUSED,
		"stick: cert/root.crt and Private/root.key: ");
	remove_at("stick/Private/root.key");
	REFUSED(load_root(&home, NOW_S, &fault), FAULT_NOT_FOUND, "root.key");
	cr_expect_null(home.issuer);
}

Test(root_home, is_made_for_a_ca_that_has_no_root_yet)
{
	bool made = false;

	move("stick", "away");
	REFUSED(open_or_make_root_home(ca.layout, &ca.manifest->ca, &ca.access, &home, &made,
				       &fault),
		FAULT_NOT_FOUND, "expected the layout of the root of ");
	cr_expect_not(made);
	remove_at("ca/cert/root.crt");
	OK(open_or_make_root_home(ca.layout, &ca.manifest->ca, &ca.access, &home, &made, &fault));
	cr_expect(made);
	cr_expect_null(home.root);
}
