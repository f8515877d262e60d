#include "common/ca/issue/init_authority.h"

#include "common/ca/store/store.h"
#include "common/x509/chain.h"
#include "common/x509/issuer.h"
#include "common/x509/profile.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define YEAR_S (365 * DAY_S)

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca_place(&fixture);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(init_authority, .init = set_up, .fini = tear_down);

/* --- refusals --- */

/* An initialised CA from which something was taken away. */
static void expect_init_refused(const char *removed, const char *part)
{
	struct authority_made made = {0};

	OK(init_ca(&fixture, NOW_S, &made, &fault));
	cr_assert_eq(unlinkat(fixture.layout->root, removed, 0), 0);
	REFUSED(init_ca(&fixture, NOW_S, &made, &fault), FAULT_REFUSED, part);
	cr_expect_not(file_exists(fixture.layout->root, removed), "nothing was made up");
}

Test(init_authority, refuses_a_root_without_its_key)
{
	expect_init_refused("Private/root.key", "cert/root.crt is there and Private/root.key is "
						"not");
}

Test(init_authority, refuses_a_root_without_its_record)
{
	expect_init_refused("state/ca.db", "cert/root.crt is there and state/ca.db is not");
}

Test(init_authority, refuses_to_make_a_second_root_after_certificates_were_issued)
{
	struct authority_made made = {0};

	OK(init_ca(&fixture, NOW_S, &made, &fault));
	OK(open_ca(&fixture, NOW_S, &fault));
	struct certificate *certificate = certify_one(&fixture, NOW_S);

	free_certificate(&certificate);
	free_authority(&fixture.authority);
	cr_assert_eq(unlinkat(fixture.layout->cert, "root.crt", 0), 0);
	REFUSED(init_ca(&fixture, NOW_S, &made, &fault), FAULT_REFUSED,
		"the root under which 1 certificate was issued");
	cr_expect_not(file_exists(fixture.layout->cert, "root.crt"));
}

/* catalogue 79 */
Test(init_authority, refuses_a_record_that_is_none)
{
	static const char *const contents[] = {"", "This is no database, and never was one.\n"};

	for (size_t i = 0; i < COUNT_OF(contents); i++) {
		struct authority_made made = {0};

		remove_ca(&fixture);
		make_ca_place(&fixture);
		put_file(fixture.layout->state, "ca.db", contents[i], 0600);
		REFUSED(init_ca(&fixture, NOW_S, &made, &fault), FAULT_FAILED,
			"state/ca.db: expected the CA's record, found");
		cr_expect_not(file_exists(fixture.layout->cert, "root.crt"));
	}
}

/* catalogue 33, 38 */
Test(init_authority, refuses_a_key_that_is_no_secret)
{
	struct authority_made made = {0};

	OK(init_ca(&fixture, NOW_S, &made, &fault));
	cr_assert_eq(fchmodat(fixture.layout->private, "root.key", 0644, 0), 0);
	REFUSED(init_ca(&fixture, NOW_S, &made, &fault), FAULT_REFUSED,
		"expected mode 0600, found 0644");
	cr_assert_eq(renameat(fixture.layout->private, "root.key", fixture.layout->private, "k"),
		     0);
	cr_assert_eq(symlinkat("k", fixture.layout->private, "root.key"), 0);
	REFUSED(init_ca(&fixture, NOW_S, &made, &fault), FAULT_REFUSED, "found a symbolic link");
}

/* --- the parts that are made --- */

Test(init_authority, makes_key_record_and_root)
{
	struct authority_made made = {0};
	struct verdict verdict = {0};
	const struct certificate *root;

	OK(init_ca(&fixture, NOW_S, &made, &fault));
	cr_expect(made.root);
	cr_expect(made.store);
	cr_expect_eq(mode_of(fixture.layout->private, "root.key"), 0600);
	cr_expect_eq(mode_of(fixture.layout->cert, "root.crt"), 0644);
	cr_expect_eq(mode_of(fixture.layout->state, "ca.db"), 0600);
	OK(open_ca(&fixture, NOW_S, &fault));
	root = authority_root(fixture.authority);
	cr_expect_str_eq(certificate_subject(root), "CN=Test Root");
	cr_expect_eq(certificate_not_before(root), NOW_S - 300);
	cr_expect_eq(certificate_not_after(root), NOW_S + 10 * YEAR_S);
	cr_expect_eq(certificate_serial(root).len, SERIAL_MAX);
	OK(check_profile(root, PROFILE_ROOT, &verdict, &fault));
	cr_expect_not(verdict.invalid, "%s", verdict.reason);
}

Test(init_authority, asked_again_makes_nothing)
{
	struct authority_made made = {0};
	CLEANUP(clear_buffer) struct buffer before = {0};

	OK(init_ca(&fixture, NOW_S, &made, &fault));
	OK(read_file(fixture.layout->cert, "root.crt", 10000, &before, &fault));
	OK(init_ca(&fixture, NOW_S + 5, &made, &fault));
	cr_expect_not(made.root);
	cr_expect_not(made.store);
	cr_expect(file_holds(fixture.layout->cert, "root.crt", (const char *)before.data));
}

Test(init_authority, gives_a_key_without_a_certificate_its_certificate)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ED25519);
	CLEANUP(clear_secret) struct secret pem = {0};
	struct authority_made made = {0};

	OK(format_private_key(key, &pem, &fault));
	put_file(fixture.layout->private, "root.key", (const char *)pem.data, 0600);
	OK(init_ca(&fixture, NOW_S, &made, &fault));
	cr_expect(made.root);
	cr_expect(file_holds(fixture.layout->private, "root.key", (const char *)pem.data));
	OK(open_ca(&fixture, NOW_S, &fault));
	cr_expect_eq(public_key_type(certificate_public_key(authority_root(fixture.authority))),
		     KEY_ED25519);
}

/* catalogue 76: each state that a kill can leave, one after the other. */
Test(init_authority, completes_a_killed_init)
{
	static const char *const left_overs[] = {"Private/.root.key.new", "state/.ca.db.new",
						 "cert/.root.crt.new"};
	static const char *const made_in_order[] = {"cert/root.crt", "state/ca.db",
						    "Private/root.key"};

	for (size_t removed = 0; removed <= COUNT_OF(made_in_order); removed++) {
		struct authority_made made = {0};

		remove_ca(&fixture);
		make_ca_place(&fixture);
		OK(init_ca(&fixture, NOW_S, &made, &fault));
		for (size_t i = 0; i < removed; i++)
			cr_assert_eq(unlinkat(fixture.layout->root, made_in_order[i], 0), 0);
		for (size_t i = 0; i < COUNT_OF(left_overs); i++)
			put_file(fixture.layout->root, left_overs[i], "half", 0600);
		OK(init_ca(&fixture, NOW_S, &made, &fault));
		cr_expect_eq(made.root, removed > 0);
		cr_expect_eq(made.store, removed > 1);
		for (size_t i = 0; i < COUNT_OF(left_overs); i++)
			cr_expect_not(file_exists(fixture.layout->root, left_overs[i]));
		OK(open_ca(&fixture, NOW_S, &fault));
	}
}

/* catalogue 76 */
Test(init_authority, killed_at_any_moment_can_be_asked_again)
{
	for (useconds_t delay = 0; delay < 16; delay++) {
		struct authority_made made = {0};
		struct fault fault = {0};
		int status;
		pid_t child;

		remove_ca(&fixture);
		make_ca_place(&fixture);
		child = fork();
		cr_assert_geq(child, 0);
		if (child == 0) {
			(void)!init_ca(&fixture, NOW_S, &made, &fault);
			_exit(0);
		}
		(void)usleep(delay * 1000);
		(void)kill(child, SIGKILL);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
		cr_expect_eq(open_ca(&fixture, NOW_S, &fault), 0, "%s", fault.text);
	}
}
