#include "common/ca/issue/rotate_root.h"

#include "common/ca/revocation/ca_roots.h"
#include "common/ca/store/client_roots.h"
#include "common/ca/store/fleet.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/issue/rotation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct rotation_fixture fixture;

static void set_up(void)
{
	make_rotation(&fixture, true);
}

static void tear_down(void)
{
	remove_rotation(&fixture);
}

TestSuite(rotate_root, .init = set_up, .fini = tear_down);

/* The client has a certificate, and has not said which roots it has. */
static void join(const char *client)
{
	const struct sighting sighting = {.client = client, .kid = "kid", .now_s = NOW_S};
	enum presence presence;
	int64_t time_s;

	OK(note_presence(fixture.store, &sighting, &presence, &time_s, &fault));
}

static void pin_next(const char *client)
{
	CLEANUP(free_certificate)
	struct certificate *next = read_ca_certificate(&fixture, NEXT_ROOT_FILE);
	uint8_t sha256[SHA256_LEN];

	digest_sha256(certificate_der(next), sha256);
	OK(note_client_roots(fixture.store, client, (struct bytes){sha256, SHA256_LEN}, &fault));
}

Test(rotate_root, has_to_be_begun_before_it_is_finished)
{
	REFUSED(finish_rotation(&fixture, NULL, &fault), FAULT_REFUSED,
		"no rotation of the root is under way: certpool rotate root begins one");
}

Test(rotate_root, begins_beside_the_present_root)
{
	OK(begin_rotation(&fixture, &fault));
	cr_expect_str_eq(fixture.rotated.subject, "CN=Test Root,serialNumber=2");
	cr_expect_eq(fixture.rotated.not_after_s,
		     NOW_S + DAY_S + fixture.ca.manifest->ca.validity_s);
	cr_expect(!fixture.rotated.completed);
	cr_expect(file_exists(fixture.ca.layout->cert, CROSS_FILE));
	cr_expect(!file_exists(fixture.ca.layout->private, NEXT_ROOT_KEY_FILE),
		  "it stays on the stick");
	expect_below(&fixture, ROOT_CERTIFICATE_FILE, "ca.crt", true);
	expect_below(&fixture, NEXT_ROOT_FILE, "ca.crt", false);
	REFUSED(begin_rotation(&fixture, &fault), FAULT_REFUSED,
		"a rotation of the root is under way already, to CN=Test Root,serialNumber=2");
}

/* catalogue 76: killed before the CA's file of the next root was written */
Test(rotate_root, completes_a_beginning_that_was_killed)
{
	CLEANUP(free_certificate) struct certificate *first = NULL;
	CLEANUP(free_certificate) struct certificate *second = NULL;

	OK(begin_rotation(&fixture, &fault));
	first = read_ca_certificate(&fixture, NEXT_ROOT_FILE);
	cr_assert_eq(unlinkat(fixture.ca.layout->cert, NEXT_ROOT_FILE, 0), 0);
	OK(begin_rotation(&fixture, &fault));
	second = read_ca_certificate(&fixture, NEXT_ROOT_FILE);
	cr_expect(fixture.rotated.completed);
	cr_expect(equal_bytes(certificate_der(first), certificate_der(second)), "the same root");
}

Test(rotate_root, is_not_finished_while_a_client_lacks_the_new_root)
{
	OK(begin_rotation(&fixture, &fault));
	join("client1");
	join("client2");
	pin_next("client2");
	REFUSED(finish_rotation(&fixture, NULL, &fault), FAULT_REFUSED,
		"1 client has not pinned the new root CN=Test Root,serialNumber=2: client1: it "
		"does at its next enroll, renew or keep");
	REFUSED(finish_rotation(&fixture, "client2", &fault), FAULT_REFUSED,
		"1 client has not pinned");
	REFUSED(finish_rotation(&fixture, "nobody", &fault), FAULT_NOT_FOUND,
		"--without nobody: expected a client");
	expect_below(&fixture, ROOT_CERTIFICATE_FILE, "ca.crt", true);
	cr_expect(!file_exists(fixture.ca.layout->cert, OLD_ROOT_FILE), "nothing has changed");
	OK(finish_rotation(&fixture, "client1", &fault));
}

Test(rotate_root, certifies_the_ca_again_and_keeps_the_old_root)
{
	OK(begin_rotation(&fixture, &fault));
	join("client1");
	pin_next("client1");
	OK(finish_rotation(&fixture, NULL, &fault));
	cr_expect_str_eq(fixture.rotated.subject, "CN=Test Root,serialNumber=2");
	cr_expect(!fixture.rotated.completed);
	expect_below(&fixture, ROOT_CERTIFICATE_FILE, "ca.crt", true);
	expect_below(&fixture, OLD_ROOT_FILE, "ca.crt", false);
	cr_expect(!file_exists(fixture.ca.layout->cert, NEXT_ROOT_FILE));
	OK(open_ca(&fixture.ca, NOW_S + DAY_S, &fault));
	REFUSED(finish_rotation(&fixture, NULL, &fault), FAULT_REFUSED,
		"no rotation of the root is under way");
	OK(begin_rotation(&fixture, &fault));
	cr_expect_str_eq(fixture.rotated.subject, "CN=Test Root,serialNumber=3");
}

Test(rotate_root, needs_the_layout_of_the_root)
{
	cr_assert_eq(renameat(fixture.ca.scratch.dirfd, "stick", fixture.ca.scratch.dirfd, "away"),
		     0);
	REFUSED(begin_rotation(&fixture, &fault), FAULT_NOT_FOUND, "stick");
	cr_expect(!file_exists(fixture.ca.layout->cert, NEXT_ROOT_FILE));
	cr_expect(!file_exists(fixture.ca.layout->cert, CROSS_FILE));
}
