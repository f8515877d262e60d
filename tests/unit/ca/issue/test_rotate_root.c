#include "common/ca/issue/rotate_root.h"

#include "common/ca/revocation/ca_roots.h"
#include "common/ca/store/client_roots.h"
#include "common/ca/store/fleet.h"
#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

/* A CA whose root lies in stick/, and its record. */
static struct ca_fixture ca;
static struct store *store;
static struct rotated_root rotated;

static void set_up(void)
{
	struct authority_made made = {0};

	make_ca_place(&ca);
	lay_root_apart(&ca);
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

TestSuite(rotate_root, .init = set_up, .fini = tear_down);

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

static int finish(const char *without, struct fault *fault)
{
	const struct root_rotation rotation = rotation_now();

	clear_rotated_root(&rotated);
	return finish_root_rotation(&rotation, &without, without != NULL ? 1 : 0, &rotated, fault);
}

static struct certificate *read_of(const char *name)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *certificate = NULL;

	OK(read_file(ca.layout->cert, name, CERTIFICATE_PEM_MAX, &pem, &fault));
	OK(parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &fault));
	return certificate;
}

/* The client has a certificate, and has not said which roots it has. */
static void join(const char *client)
{
	const struct sighting sighting = {.client = client, .kid = "kid", .now_s = NOW_S};
	enum presence presence;
	int64_t time_s;

	OK(note_presence(store, &sighting, &presence, &time_s, &fault));
}

static void pin_next(const char *client)
{
	CLEANUP(free_certificate) struct certificate *next = read_of(NEXT_ROOT_FILE);
	uint8_t sha256[SHA256_LEN];

	digest_sha256(certificate_der(next), sha256);
	OK(note_client_roots(store, client, (struct bytes){sha256, SHA256_LEN}, &fault));
}

static void expect_below(const char *root_name, const char *name, bool expected)
{
	CLEANUP(free_certificate) struct certificate *root = read_of(root_name);
	CLEANUP(free_certificate) struct certificate *certificate = read_of(name);
	struct verdict verdict = {0};

	OK(verify_intermediate(root, certificate, &verdict, &fault));
	cr_expect_eq(!verdict.invalid, expected, "%s below %s: %s", name, root_name,
		     verdict.reason);
}

Test(rotate_root, has_to_be_begun_before_it_is_finished)
{
	REFUSED(finish(NULL, &fault), FAULT_REFUSED,
		"no rotation of the root is under way: certpool rotate root begins one");
}

Test(rotate_root, begins_beside_the_present_root)
{
	OK(begin(&fault));
	cr_expect_str_eq(rotated.subject, "CN=Test Root,serialNumber=2");
	cr_expect_eq(rotated.not_after_s, NOW_S + DAY_S + ca.manifest->ca.validity_s);
	cr_expect(!rotated.completed);
	cr_expect(file_exists(ca.layout->cert, CROSS_FILE));
	cr_expect(!file_exists(ca.layout->private, NEXT_ROOT_KEY_FILE), "it stays on the stick");
	expect_below(ROOT_CERTIFICATE_FILE, "ca.crt", true);
	expect_below(NEXT_ROOT_FILE, "ca.crt", false);
	REFUSED(begin(&fault), FAULT_REFUSED,
		"a rotation of the root is under way already, to CN=Test Root,serialNumber=2");
}

/* catalogue 76: killed before the CA's file of the next root was written */
Test(rotate_root, completes_a_beginning_that_was_killed)
{
	CLEANUP(free_certificate) struct certificate *first = NULL;
	CLEANUP(free_certificate) struct certificate *second = NULL;

	OK(begin(&fault));
	first = read_of(NEXT_ROOT_FILE);
	cr_assert_eq(unlinkat(ca.layout->cert, NEXT_ROOT_FILE, 0), 0);
	OK(begin(&fault));
	second = read_of(NEXT_ROOT_FILE);
	cr_expect(rotated.completed);
	cr_expect(equal_bytes(certificate_der(first), certificate_der(second)), "the same root");
}

Test(rotate_root, is_not_finished_while_a_client_lacks_the_new_root)
{
	OK(begin(&fault));
	join("client1");
	join("client2");
	pin_next("client2");
	REFUSED(finish(NULL, &fault), FAULT_REFUSED,
		"1 client has not pinned the new root CN=Test Root,serialNumber=2: client1: it "
		"does at its next enroll, renew or keep");
	REFUSED(finish("client2", &fault), FAULT_REFUSED, "1 client has not pinned");
	REFUSED(finish("nobody", &fault), FAULT_NOT_FOUND, "--without nobody: expected a client");
	expect_below(ROOT_CERTIFICATE_FILE, "ca.crt", true);
	cr_expect(!file_exists(ca.layout->cert, OLD_ROOT_FILE), "nothing has changed");
	OK(finish("client1", &fault));
}

Test(rotate_root, certifies_the_ca_again_and_keeps_the_old_root)
{
	OK(begin(&fault));
	join("client1");
	pin_next("client1");
	OK(finish(NULL, &fault));
	cr_expect_str_eq(rotated.subject, "CN=Test Root,serialNumber=2");
	cr_expect(!rotated.completed);
	expect_below(ROOT_CERTIFICATE_FILE, "ca.crt", true);
	expect_below(OLD_ROOT_FILE, "ca.crt", false);
	cr_expect(!file_exists(ca.layout->cert, NEXT_ROOT_FILE));
	OK(open_ca(&ca, NOW_S + DAY_S, &fault));
	REFUSED(finish(NULL, &fault), FAULT_REFUSED, "no rotation of the root is under way");
	OK(begin(&fault));
	cr_expect_str_eq(rotated.subject, "CN=Test Root,serialNumber=3");
}

Test(rotate_root, needs_the_layout_of_the_root)
{
	cr_assert_eq(renameat(ca.scratch.dirfd, "stick", ca.scratch.dirfd, "away"), 0);
	REFUSED(begin(&fault), FAULT_NOT_FOUND, "stick");
	cr_expect(!file_exists(ca.layout->cert, NEXT_ROOT_FILE));
	cr_expect(!file_exists(ca.layout->cert, CROSS_FILE));
}
