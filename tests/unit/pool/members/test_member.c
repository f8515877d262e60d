#include "common/pool/members/member.h"

#include "common/pool/members/pool.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
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

TestSuite(member, .init = set_up, .fini = tear_down);

static int open_first(struct fault *fault)
{
	CLEANUP(clear_member) struct member member = {0};

	return open_member(fixture.layouts[0], "client1", 1, fixture.now_s, &member, fault);
}

Test(member, refuses_one_without_certificate)
{
	make_client_pool(&fixture, 0);
	REFUSED(open_first(&fault), FAULT_NOT_FOUND,
		"cert/cert_key1.crt: member 1 has no certificate: run certpool keep client1");
}

Test(member, refuses_one_without_key)
{
	make_certified_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key1.key", 0), 0);
	REFUSED(open_first(&fault), FAULT_NOT_FOUND, "private_key1.key");
	SAID("if it is lost, run certpool repair client1/1");
}

Test(member, refuses_an_expired_certificate)
{
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s - 7200, fixture.now_s - 1);
	REFUSED(open_first(&fault), FAULT_REFUSED, "cert_key1.crt: expired: valid from ");
}

Test(member, refuses_a_certificate_of_the_future)
{
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s + 1, fixture.now_s + 7200);
	REFUSED(open_first(&fault), FAULT_REFUSED, "cert_key1.crt: not yet valid: valid from ");
}

/* catalogue 39 */
Test(member, refuses_a_key_that_is_not_its_certificates)
{
	CLEANUP(clear_buffer) struct buffer other = {0};

	make_certified_pool(&fixture, 0);
	other = get_file(fixture.layouts[0]->private, "private_key2.key");
	put_file(fixture.layouts[0]->private, "private_key1.key", (char *)other.data, 0600);
	REFUSED(open_first(&fault), FAULT_REFUSED,
		"Private/private_key1.key: not the key of member 1's certificate");
}

/* catalogue 38 */
Test(member, refuses_a_key_that_others_can_read)
{
	make_certified_pool(&fixture, 0);
	cr_assert_eq(fchmodat(fixture.layouts[0]->private, "private_key1.key", 0640, 0), 0);
	REFUSED(open_first(&fault), FAULT_REFUSED,
		"private_key1.key: expected mode 0600, found 0640");
}

/* catalogue 33 */
Test(member, refuses_a_symbolic_link_in_place_of_its_certificate)
{
	make_certified_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key1.crt", 0), 0);
	cr_assert_eq(symlinkat("cert_key2.crt", fixture.layouts[0]->cert, "cert_key1.crt"), 0);
	REFUSED(open_first(&fault), FAULT_REFUSED, "cert_key1.crt: expected a regular file");
}

Test(member, opens_one_that_can_sign)
{
	CLEANUP(clear_member) struct member member = {0};

	make_certified_pool(&fixture, 0);
	OK(open_member(fixture.layouts[0], "client1", 2, fixture.now_s, &member, &fault));
	cr_assert_eq(member.index, 2);
	cr_assert_str_eq(certificate_subject(member.certificate), "CN=client1-2");
	cr_assert_not_null(member.key);
}

/* A renewal of member 1 that was killed after this many renames: key, request, certificate. */
static void renew_first(int renames)
{
	const struct layout *layout = fixture.layouts[0];
	struct member_set members = {0};
	const struct make_options order = {.layout = layout,
					   .client = &fixture.clients[0],
					   .files = &renewal_files,
					   .members = &members};
	CLEANUP(clear_buffer) struct buffer csr = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct make_summary made;

	OK(init_member_set(POOL_SIZE, &members, &fault));
	add_to_member_set(&members, 1);
	OK(make_members(&order, &made, &fault));
	clear_member_set(&members);
	csr = get_file(layout->csr_file, "renewal_key1.csr");
	pem = certify_pem(fixture.issuer, bytes_of_buffer(&csr), fixture.now_s - 300,
			  fixture.now_s + 7200);
	put_file(layout->cert, "renewal_key1.crt", (const char *)pem.data, 0644);
	if (renames > 0)
		OK(rename_file(layout->private, "renewal_key1.key", "private_key1.key", &fault));
	if (renames > 1)
		OK(rename_file(layout->csr_file, "renewal_key1.csr", "csr_key1.csr", &fault));
	if (renames > 2)
		OK(rename_file(layout->cert, "renewal_key1.crt", "cert_key1.crt", &fault));
}

/* catalogue 76: at each step of a renewal */
Test(member, has_a_matching_key_wherever_a_renewal_was_killed)
{
	for (int renames = 0; renames <= 3; renames++) {
		CLEANUP(clear_member) struct member member = {0};
		CLEANUP(free_public_key) struct public_key *key = NULL;

		tear_down();
		set_up();
		make_certified_pool(&fixture, 0);
		renew_first(renames);
		OK(open_member(fixture.layouts[0], "client1", 1, fixture.now_s, &member, &fault),
		   "%d", renames);
		OK(get_public_key(member.key, &key, &fault));
		cr_expect(equal_bytes(public_key_spki(key),
				      public_key_spki(certificate_public_key(member.certificate))));
		cr_expect_eq(certificate_not_after(member.certificate) == fixture.now_s + 7200,
			     renames > 0, "%d", renames);
	}
}

/* A renewal certificate cannot give a member another key. */
Test(member, is_refused_when_neither_certificate_is_for_its_key)
{
	CLEANUP(clear_buffer) struct buffer other = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};

	make_certified_pool(&fixture, 0);
	other = get_file(fixture.layouts[0]->private, "private_key2.key");
	put_file(fixture.layouts[0]->private, "private_key1.key", (char *)other.data, 0600);
	pem = get_file(fixture.layouts[0]->cert, "cert_key3.crt");
	put_file(fixture.layouts[0]->cert, "renewal_key1.crt", (char *)pem.data, 0644);
	REFUSED(open_first(&fault), FAULT_REFUSED, "not the key of member 1's certificate");
}
