#include "common/ca/revocation/root_crl.h"

#include "common/ca/issue/publish_root_crl.h"
#include "common/ca/issue/rotate_root.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct ca_fixture ca;
static struct certificate *root;
static struct root_crl_cache cache;

/* A certificate of which the root's CRL may say that it is revoked. */
static struct certificate *issuing;

static struct certificate *read_certificate_of(const char *name)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *certificate = NULL;

	OK(read_file(ca.layout->cert, name, CERTIFICATE_PEM_MAX, &pem, &fault));
	OK(parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &fault));
	return certificate;
}

static void set_up(void)
{
	struct authority_made made;

	make_ca_place(&ca);
	lay_root_apart(&ca);
	OK(init_ca(&ca, NOW_S, &made, &fault));
	root = read_certificate_of("root.crt");
	issuing = read_certificate_of("ca.crt");
	init_root_crl_cache(&cache, ca.layout, root);
}

static void tear_down(void)
{
	clear_root_crl_cache(&cache);
	free_certificate(&root);
	free_certificate(&issuing);
	remove_ca(&ca);
}

TestSuite(root_crl, .init = set_up, .fini = tear_down);

static void publish(bool revoke, int64_t now_s)
{
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};
	struct crl_entry entry = {.revoked_at_s = now_s, .reason = REASON_CA_COMPROMISE};
	struct crl_info info;

	memcpy(entry.serial, certificate_serial(issuing).data, SERIAL_MAX);
	OK(open_root_home(ca.layout, &ca.manifest->ca, &ca.access, &home, &fault));
	OK(publish_root_crl(&home, revoke ? &entry : NULL, CRL_ANYWAY, now_s, &info, &fault));
}

static uint64_t current_number(void)
{
	CLEANUP(release_shared_body) struct shared_body *body = NULL;
	struct crl_info info;

	OK(get_root_crl(&cache, &body, &info, &fault));
	cr_expect_gt(shared_octets(body).len, (size_t)0);
	return info.number;
}

static void replace(struct bytes content)
{
	cr_assert_eq(unlinkat(ca.layout->cert, ROOT_CRL_FILE, 0), 0);
	put_bytes(ca.layout->cert, ROOT_CRL_FILE, content, 0644);
}

Test(root_crl, says_how_to_make_one_when_there_is_none)
{
	struct shared_body *body = NULL;
	struct crl_info info;

	cr_assert_eq(unlinkat(ca.layout->cert, ROOT_CRL_FILE, 0), 0);
	REFUSED(get_root_crl(&cache, &body, &info, &fault), FAULT_NOT_FOUND,
		"run certpool crl --root");
	OK(check_not_revoked(&cache, issuing, &fault));
}

/* catalogue 126 */
Test(root_crl, refuses_a_certificate_as_soon_as_the_file_says_that_it_is_revoked)
{
	OK(check_not_revoked(&cache, issuing, &fault));
	cr_expect_eq(current_number(), 1);
	publish(true, NOW_S);
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_REFUSED,
		"CN=Test Issuing CA, was revoked by its root at 2026-09-21T");
	SAID("(cACompromise)");
	OK(check_not_revoked(&cache, root, &fault));
	cr_expect_eq(current_number(), 2);
}

/* catalogue 126: neither a lost file, nor an old or a damaged one, undoes a revocation */
Test(root_crl, keeps_a_revocation_when_the_file_is_lost_or_replaced)
{
	CLEANUP(clear_buffer) struct buffer old = {0};

	OK(read_file(ca.layout->cert, ROOT_CRL_FILE, CRL_DER_MAX, &old, &fault));
	publish(true, NOW_S);
	cr_expect_eq(current_number(), 2);
	replace(bytes_of_buffer(&old));
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_REFUSED, "was revoked");
	replace(bytes_of_string("nonsense"));
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_REFUSED, "was revoked");
	cr_assert_eq(unlinkat(ca.layout->cert, ROOT_CRL_FILE, 0), 0);
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_REFUSED, "was revoked");
	cr_expect_eq(current_number(), 2);
}

/* A file that cannot be relied on may be one that says so. */
Test(root_crl, refuses_what_it_cannot_look_up)
{
	CLEANUP(clear_buffer) struct buffer first = {0};
	struct shared_body *body = NULL;
	struct crl_info info;

	OK(read_file(ca.layout->cert, ROOT_CRL_FILE, CRL_DER_MAX, &first, &fault));
	replace(bytes_of_string("nonsense"));
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_UNVERIFIED,
		"cert/root.crl: CRL: neither DER nor PEM");
	REFUSED(get_root_crl(&cache, &body, &info, &fault), FAULT_UNVERIFIED, "put the root's CRL");
	replace(bytes_of_buffer(&first));
	OK(check_not_revoked(&cache, issuing, &fault));
	/* Also one that is older than the last. */
	publish(false, NOW_S);
	cr_expect_eq(current_number(), 2);
	replace(bytes_of_buffer(&first));
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_UNVERIFIED,
		"older than the one that was there before");
	cr_expect_eq(current_number(), 2);
}

static struct root_rotation rotation_of(void)
{
	OK(open_ca(&ca, NOW_S, &fault));
	return (struct root_rotation){.layout = ca.layout,
				      .ca = &ca.manifest->ca,
				      .access = &ca.access,
				      .store = authority_store(ca.authority),
				      .now_s = NOW_S};
}

static void begin(const struct root_rotation *rotation)
{
	CLEANUP(clear_rotated_root) struct rotated_root rotated = {0};

	OK(begin_root_rotation(rotation, &rotated, &fault));
}

static void finish(const struct root_rotation *rotation)
{
	CLEANUP(clear_rotated_root) struct rotated_root rotated = {0};

	OK(finish_root_rotation(rotation, NULL, 0, &rotated, &fault));
}

/* A server that goes on through the rotation does not know which certificates the new root means.
 */
Test(root_crl, issues_nothing_when_the_root_that_replaced_this_one_revokes)
{
	const struct root_rotation rotation = rotation_of();

	OK(check_not_revoked(&cache, issuing, &fault));
	begin(&rotation);
	finish(&rotation);
	OK(check_not_revoked(&cache, issuing, &fault));
	free_certificate(&issuing);
	issuing = read_certificate_of("ca.crt");
	publish(true, NOW_S);
	REFUSED(check_not_revoked(&cache, issuing, &fault), FAULT_REFUSED,
		"the new one has revoked certificates: start certpool serve again");
	cr_expect_eq(current_number(), 1, "of the root before");
}

/* A server that starts when finishing was killed is below the next root, whose CRL is not there. */
Test(root_crl, says_that_a_rotation_was_cut_short)
{
	const struct root_rotation rotation = rotation_of();
	CLEANUP(free_certificate) struct certificate *next = NULL;
	struct root_crl_cache early;

	begin(&rotation);
	next = read_certificate_of("root.next.crt");
	init_root_crl_cache(&early, ca.layout, next);
	REFUSED(check_not_revoked(&early, issuing, &fault), FAULT_UNVERIFIED,
		"run certpool rotate root --finish again");
	finish(&rotation);
	OK(check_not_revoked(&early, issuing, &fault));
	clear_root_crl_cache(&early);
}

Test(root_crl, is_due_in_the_last_third_and_when_it_is_from_the_future)
{
	static const struct {
		int64_t now_s;
		bool due;
	} rows[] = {{699, true},  {700, false}, {1000, false}, {1199, false},
		    {1200, true}, {1300, true}, {2000, true}};
	const struct crl_info info = {.this_update_s = 1000, .next_update_s = 1300};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(is_root_crl_due(&info, rows[i].now_s), rows[i].due, "row %zu", i);
}
