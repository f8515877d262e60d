#include "common/ca/issue/rotate_issuer.h"

#include "common/ca/store/store.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

/* A CA whose root lies in stick/, and its record. */
static struct ca_fixture ca;
static struct store *store;
static struct rotated_issuer rotated;

static void open_place(void)
{
	struct authority_made made = {0};

	OK(init_ca(&ca, NOW_S, &made, &fault));
	OK(open_ca(&ca, NOW_S, &fault));
	free_authority(&ca.authority);
	OK(open_store(ca.store_path, &store, &fault));
}

static void set_up(void)
{
	make_ca_place(&ca);
	rotated = (struct rotated_issuer){0};
}

static void tear_down(void)
{
	clear_rotated_issuer(&rotated);
	free_store(&store);
	remove_ca(&ca);
}

TestSuite(rotate_issuer, .init = set_up, .fini = tear_down);

static int rotate(int64_t now_s, bool again, struct fault *fault)
{
	const struct rotation rotation = {.layout = ca.layout,
					  .ca = &ca.manifest->ca,
					  .access = &ca.access,
					  .store = store,
					  .again = again,
					  .now_s = now_s};

	clear_rotated_issuer(&rotated);
	return rotate_issuer(&rotation, &rotated, fault);
}

Test(rotate_issuer, refuses_a_root_that_issues_by_itself)
{
	open_place();
	REFUSED(rotate(NOW_S + DAY_S, false, &fault), FAULT_REFUSED,
		"expected a root that lies apart (ca.root_layout), found one that issues by "
		"itself: certpool rotate root");
}

Test(rotate_issuer, changes_nothing_without_the_root)
{
	lay_root_apart(&ca);
	open_place();
	cr_assert_eq(renameat(ca.scratch.dirfd, "stick", ca.scratch.dirfd, "away"), 0);
	REFUSED(rotate(NOW_S + DAY_S, false, &fault), FAULT_NOT_FOUND, "stick: expected");
	cr_expect(!file_exists(ca.layout->private, "ca.2.key"));
	cr_expect(!file_exists(ca.layout->cert, "ca.2.crt"));
}

Test(rotate_issuer, makes_the_next_one_and_says_until_when_the_one_before_serves)
{
	lay_root_apart(&ca);
	open_place();
	OK(rotate(NOW_S + DAY_S, false, &fault));
	cr_expect_eq(rotated.number, 2);
	cr_expect_str_eq(rotated.subject, "CN=Test Issuing CA,serialNumber=2");
	cr_expect_gt(rotated.not_after_s, NOW_S + 4 * 365 * DAY_S);
	/* For as long as a certificate of it could be valid. */
	cr_expect_geq(rotated.before_serves_until_s, NOW_S + 91 * DAY_S);
	cr_expect_lt(rotated.before_serves_until_s, NOW_S + 94 * DAY_S);
	cr_expect(!rotated.completed);
	cr_expect_eq(mode_of(ca.layout->private, "ca.2.key"), 0600);
	/* It is the one that issues. */
	OK(open_ca(&ca, NOW_S + DAY_S, &fault));
	cr_expect_eq(issuer_number(authority_issuer(ca.authority)), 2);
}

Test(rotate_issuer, is_mostly_a_mistake_within_an_hour)
{
	lay_root_apart(&ca);
	open_place();
	OK(rotate(NOW_S + DAY_S, false, &fault));
	REFUSED(rotate(NOW_S + DAY_S + ROTATION_PAUSE_S - 1, false, &fault), FAULT_REFUSED,
		"issuer 2, CN=Test Issuing CA,serialNumber=2, began at ");
	SAID("--again makes another all the same");
	cr_expect(!file_exists(ca.layout->cert, "ca.3.crt"));
	OK(rotate(NOW_S + DAY_S + ROTATION_PAUSE_S - 1, true, &fault));
	cr_expect_eq(rotated.number, 3);
	OK(rotate(NOW_S + 2 * DAY_S, false, &fault));
	cr_expect_eq(rotated.number, 4);
}

/* catalogue 76: a certificate that has its name, and no row in the record */
Test(rotate_issuer, completes_one_that_was_killed)
{
	CLEANUP(clear_buffer) struct buffer certificate = {0};

	lay_root_apart(&ca);
	open_place();
	OK(rotate(NOW_S + DAY_S, false, &fault));
	/* The same files beside a record that has never heard of them. */
	OK(read_file(ca.layout->cert, "ca.2.crt", CERTIFICATE_PEM_MAX, &certificate, &fault));
	cr_assert_eq(unlinkat(ca.layout->cert, "ca.2.crt", 0), 0);
	free_store(&store);
	cr_assert_eq(unlink(ca.store_path), 0);
	OK(create_store(ca.store_path, &fault));
	OK(open_ca(&ca, NOW_S, &fault));
	free_authority(&ca.authority);
	put_bytes(ca.layout->cert, "ca.2.crt", bytes_of_buffer(&certificate), 0644);
	OK(open_store(ca.store_path, &store, &fault));
	OK(rotate(NOW_S + DAY_S, false, &fault));
	cr_expect(rotated.completed);
	cr_expect_eq(rotated.number, 2);
	cr_expect(!file_exists(ca.layout->cert, "ca.3.crt"));
}
