#include "common/pool/members/survey.h"

#include "common/pool/members/set_aside.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
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

TestSuite(survey, .init = set_up, .fini = tear_down);

/* The view of one member, without what it borrows. */
struct wanted {
	size_t index;
	struct member_view view;
	enum member_state state;
};

static int take_view(void *context, const struct member_view *view, struct fault *fault)
{
	struct wanted *wanted = context;

	(void)fault;
	if (view->index != wanted->index)
		return 0;
	wanted->view = *view;
	wanted->state = state_of_member(view, fixture.now_s);
	return 0;
}

static struct wanted look_at(size_t index, const struct trust *trust)
{
	struct wanted wanted = {.index = index};
	const struct survey survey = {.layout = fixture.layouts[0],
				      .client = &fixture.clients[0],
				      .trust = trust,
				      .function = take_view,
				      .context = &wanted};

	OK(survey_pool(&survey, &fault));
	return wanted;
}

static void copy_over(int dirfd, const char *from, const char *to, mode_t mode)
{
	CLEANUP(clear_buffer) struct buffer content = get_file(dirfd, from);

	put_file(dirfd, to, (char *)content.data, mode);
}

static void expect_view(const struct wanted *found, enum member_state state, const char *unfit,
			const char *finding)
{
	const struct member_view *view = &found->view;

	cr_expect_eq(found->state, state, "%d: %s", found->state, view->finding.text);
	cr_expect_eq(view->unfit_key, strchr(unfit, 'k') != NULL, "%s", view->finding.text);
	cr_expect_eq(view->unfit_csr, strchr(unfit, 'r') != NULL, "%s", view->finding.text);
	cr_expect_eq(view->unfit_certificate, strchr(unfit, 'c') != NULL, "%s", view->finding.text);
	cr_expect_not_null(strstr(view->finding.text, finding), "\"%s\" in \"%s\"", finding,
			   view->finding.text);
}

/* catalogue 39 */
Test(survey, finds_what_is_damaged_and_what_does_not_fit)
{
	const struct layout *layout = fixture.layouts[0];
	struct wanted found;

	make_certified_pool(&fixture, 0);
	found = look_at(2, NULL);
	expect_view(&found, MEMBER_VALID, "", "");

	put_file(layout->cert, "cert_key1.crt", "", 0644);
	found = look_at(1, NULL);
	expect_view(&found, MEMBER_DAMAGED, "c", "cert/cert_key1.crt: ");

	copy_over(layout->cert, "cert_key2.crt", "cert_key1.crt", 0644);
	found = look_at(1, NULL);
	expect_view(&found, MEMBER_DAMAGED, "c",
		    "cert/cert_key1.crt: not for the key of member 1's private key");

	put_file(layout->csr_file, "csr_key2.csr", "-----BEGIN", 0644);
	found = look_at(2, NULL);
	expect_view(&found, MEMBER_VALID, "r", "CSR_file/csr_key2.csr: ");

	copy_over(layout->csr_file, "csr_key3.csr", "csr_key2.csr", 0644);
	found = look_at(2, NULL);
	expect_view(&found, MEMBER_VALID, "r", "CSR_file/csr_key2.csr: not for the key");

	put_file(layout->private, "private_key3.key", "-----BEGIN", 0600);
	found = look_at(3, NULL);
	expect_view(&found, MEMBER_DAMAGED, "krc", "Private/private_key3.key: ");

	/* Without its key, a certificate is held against the request. */
	cr_assert_eq(unlinkat(layout->private, "private_key3.key", 0), 0);
	found = look_at(3, NULL);
	expect_view(&found, MEMBER_VALID, "", "");
	cr_expect_not(found.view.has_key);
	copy_over(layout->csr_file, "csr_key1.csr", "csr_key3.csr", 0644);
	found = look_at(3, NULL);
	expect_view(&found, MEMBER_DAMAGED, "c", "member 3's request");
}

/* catalogue 38: permissions are for the owner to mend. */
Test(survey, leaves_a_key_alone_that_others_can_read)
{
	struct wanted found;

	make_certified_pool(&fixture, 0);
	copy_over(fixture.layouts[0]->private, "private_key1.key", "private_key1.key", 0640);
	found = look_at(1, NULL);
	expect_view(&found, MEMBER_DAMAGED, "", "expected mode 0600, found 0640");
}

Test(survey, finds_the_certificate_of_another_root_and_none_that_has_only_ended)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer csr = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct trust trust = {0};
	struct wanted found;

	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s - 300, fixture.now_s - 200);
	csr = get_file(fixture.layouts[0]->csr_file, "csr_key2.csr");
	pem = certify_pem(fixture.other_issuer, bytes_of_buffer(&csr), fixture.now_s - 300,
			  fixture.now_s + 300);
	put_file(fixture.layouts[0]->cert, "cert_key2.crt", (char *)pem.data, 0644);
	OK(parse_certificate_der(certificate_der(issuer_root(fixture.issuer)), &root, &fault));
	trust.root = root;
	found = look_at(1, &trust);
	expect_view(&found, MEMBER_EXPIRED, "", "");
	found = look_at(2, &trust);
	expect_view(&found, MEMBER_DAMAGED, "c", "cert/cert_key2.crt: ");
}

Test(survey, counts_what_is_valid_revoked_damaged_and_expired_apart)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct known_revocation item = {.end_s = fixture.now_s + 9000};
	const struct known_revocations known = {&item, 1};
	struct pool_summary summary;

	fixture.clients[0].pool.size = 5;
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s - 300, fixture.now_s + 1000);
	certify_member(&fixture, 0, 2, fixture.now_s - 300, fixture.now_s + 2000);
	certify_member(&fixture, 0, 3, fixture.now_s - 300, fixture.now_s - 200);
	certify_member(&fixture, 0, 4, fixture.now_s - 300, fixture.now_s + 1000);
	put_file(fixture.layouts[0]->cert, "cert_key4.crt", "-----BEGIN CERT", 0644);
	certificate = first_certificate(&fixture);
	memcpy(item.serial, certificate_serial(certificate).data, SERIAL_MAX);
	OK(summarize_pool(fixture.layouts[0], &fixture.clients[0], &known, fixture.now_s, &summary,
			  &fault));
	cr_expect_eq(summary.keys, 5);
	cr_expect_eq(summary.requests, 5);
	cr_expect_eq(summary.states[MEMBER_VALID], 1);
	cr_expect_eq(summary.states[MEMBER_REVOKED], 1);
	cr_expect_eq(summary.states[MEMBER_DAMAGED], 1);
	cr_expect_eq(summary.states[MEMBER_EXPIRED], 1);
	cr_expect_eq(summary.states[MEMBER_WITHOUT], 1);
	cr_expect_eq(summary.first_expiry_s, fixture.now_s + 2000);
	cr_expect_eq(summary.last_expiry_s, fixture.now_s + 2000);
}

Test(survey, sets_files_aside_under_names_that_are_free)
{
	const struct layout *layout = fixture.layouts[0];
	const struct aside_member all = {2, true, true, true};
	CLEANUP(clear_buffer) struct buffer surplus = {0};

	make_certified_pool(&fixture, 0);
	OK(keep_certificate_aside(layout, 2, &fault));
	OK(set_members_aside(layout, &all, 1, &fault));
	OK(set_members_aside(layout, &all, 1, &fault));
	cr_expect_eq(faccessat(layout->cert, "replaced_1_cert_key2.crt", F_OK, 0), 0);
	cr_expect_eq(faccessat(layout->cert, "replaced_2_cert_key2.crt", F_OK, 0), 0);
	cr_expect_eq(faccessat(layout->private, "replaced_1_private_key2.key", F_OK, 0), 0);
	cr_expect_eq(faccessat(layout->csr_file, "replaced_1_csr_key2.csr", F_OK, 0), 0);
	cr_expect_neq(faccessat(layout->cert, "cert_key2.crt", F_OK, 0), 0);
	cr_expect(is_set_aside("replaced_1_cert_key2.crt"));
	cr_expect_not(is_set_aside("cert_key2.crt"));
	OK(list_surplus_members(layout, 1, &surplus, &fault));
	cr_assert_eq(surplus.len, sizeof(size_t), "member 3 alone, once");
	cr_expect_eq(*(size_t *)(void *)surplus.data, 3);
}
