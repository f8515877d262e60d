#include "common/pool/enrolment/renew.h"

#include "common/pool/members/member.h"
#include "common/pool/members/replace_member.h"
#include "common/x509/csr.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
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

TestSuite(renew, .init = set_up, .fini = tear_down);

static int renew(const struct fake_ca *ca, const struct renewal_options *options,
		 struct enroll_reports *reports, struct renewal_summary *ret_renewed,
		 struct fault *fault)
{
	const struct renewal renewal = {
		.enrollment = enrollment_of(&fixture, ca, reports),
		.options = *options,
	};

	reports->done = 0;
	return renew_pool(&renewal, fixture.now_s, ret_renewed, fault);
}

/* There is no file of a renewal, and every member can sign. */
static void assert_whole(void)
{
	const struct layout *layout = fixture.layouts[0];

	for (size_t i = 1; i <= fixture.clients[0].pool.size; i++) {
		CLEANUP(clear_member) struct member member = {0};
		CLEANUP(free_public_key) struct public_key *key = NULL;
		CLEANUP(clear_buffer) struct buffer pem = {0};
		CLEANUP(free_csr) struct csr *csr = NULL;
		char name[FILE_NAME_SIZE];

		name_renewal_key(i, name);
		cr_expect(!file_exists(layout->private, name), "%s", name);
		name_renewal_csr(i, name);
		cr_expect(!file_exists(layout->csr_file, name), "%s", name);
		name_renewal_certificate(i, name);
		cr_expect(!file_exists(layout->cert, name), "%s", name);
		OK(open_member(layout, "client1", i, fixture.now_s, &member, &fault));
		name_csr(i, name);
		pem = get_file(layout->csr_file, name);
		OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
		OK(get_public_key(member.key, &key, &fault));
		cr_expect(equal_bytes(public_key_spki(key), public_key_spki(csr_public_key(csr))));
	}
}

/* How many of the members' files, of three kinds, differ from the earlier copy. */
static size_t count_changed(const struct buffer *before)
{
	size_t changed = 0;

	for (size_t i = 0; i < POOL_SIZE; i++) {
		CLEANUP(clear_buffer) struct buffer now = {0};
		char name[FILE_NAME_SIZE];

		name_private_key(i + 1, name);
		now = get_file(fixture.layouts[0]->private, name);
		changed += equal_bytes(bytes_of_buffer(&now), bytes_of_buffer(&before[i])) ? 0 : 1;
	}
	return changed;
}

static void copy_keys(struct buffer *ret_keys)
{
	for (size_t i = 0; i < POOL_SIZE; i++) {
		char name[FILE_NAME_SIZE];

		name_private_key(i + 1, name);
		ret_keys[i] = get_file(fixture.layouts[0]->private, name);
	}
}

static void clear_keys(struct buffer *keys)
{
	for (size_t i = 0; i < POOL_SIZE; i++)
		clear_buffer(&keys[i]);
}

/* catalogue 66: the answers to a renewal pass the same checks */
Test(renew, refuses_an_invalid_answer_and_keeps_the_old_certificates)
{
	struct fake_ca ca;
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;
	struct buffer before[POOL_SIZE];
	const struct renewal_options all = {.all = true};

	make_certified_pool(&fixture, 0);
	copy_keys(before);
	start_fake_ca(&ca, &fixture);
	ca.issuer = fixture.other_issuer;
	REFUSED(renew(&ca, &all, &reports, &renewed, &fault), FAULT_UNVERIFIED,
		"nothing of the CA's answer is saved");
	cr_expect_eq(count_changed(before), 0);
	cr_expect_eq(count_files(fixture.layouts[0]->cert), POOL_SIZE);
	ca.issuer = fixture.issuer;
	OK(renew(&ca, &(struct renewal_options){0}, &reports, &renewed, &fault));
	cr_expect_eq(renewed.renewed, POOL_SIZE);
	cr_expect_eq(count_changed(before), POOL_SIZE);
	assert_whole();
	clear_keys(before);
	stop_fake_ca(&ca);
}

static void refuse_second(struct fake_ca *ca, struct certificates_answer *answer)
{
	struct member_refusal *refusal = &answer->refusals[answer->refusal_count++];
	struct member_pem *second = &answer->certificates[1];

	(void)ca;
	memcpy(refusal->name, second->name, sizeof(refusal->name));
	set_refusal(&refusal->refusal, "quota", "no more");
	clear_buffer(&second->pem);
	*second = answer->certificates[--answer->certificate_count];
}

Test(renew, leaves_a_refused_member_its_old_files)
{
	struct fake_ca ca;
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;
	struct buffer before[POOL_SIZE];
	const struct renewal_options all = {.all = true};

	make_certified_pool(&fixture, 0);
	copy_keys(before);
	start_fake_ca(&ca, &fixture);
	ca.spoil_certificates = refuse_second;
	OK(renew(&ca, &all, &reports, &renewed, &fault));
	cr_expect_eq(renewed.renewed, 2);
	cr_expect_eq(renewed.refused, 1);
	cr_expect_eq(reports.count, 1);
	cr_expect_str_eq(reports.last.type, "quota");
	cr_expect_eq(count_changed(before), 2);
	assert_whole();
	clear_keys(before);
	stop_fake_ca(&ca);
}

/* Expires in an hour, after a lifetime of three: in its last third. */
static void certify_variously(void)
{
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s - 7200, fixture.now_s + 3600);
	certify_member(&fixture, 0, 2, fixture.now_s - 7199, fixture.now_s + 3601);
	certify_member(&fixture, 0, 3, fixture.now_s - 7200, fixture.now_s - 1);
}

Test(renew, finds_certificates_in_the_last_third_of_their_lifetime)
{
	static const struct {
		struct renewal_options options;
		size_t due;
	} rows[] = {
		{{.within_s = 0}, 2},    {{.within_s = 1}, 1}, {{.within_s = 3600}, 2},
		{{.within_s = 3601}, 3}, {{.all = true}, 3},
	};
	struct renewal_need need;

	certify_variously();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		OK(find_due_members(fixture.layouts[0], &fixture.clients[0], &rows[i].options,
				    fixture.now_s, &need, NULL, &fault));
		cr_expect_eq(need.due, rows[i].due, "row %zu: %zu", i, need.due);
		cr_expect_eq(need.kept, 3 - rows[i].due, "row %zu", i);
	}
}

Test(renew, renews_only_the_members_that_are_due)
{
	struct fake_ca ca;
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;
	struct buffer before[POOL_SIZE];
	const struct renewal_options thirds = {0};

	certify_variously();
	copy_keys(before);
	start_fake_ca(&ca, &fixture);
	OK(renew(&ca, &thirds, &reports, &renewed, &fault));
	cr_expect_eq(renewed.renewed, 2);
	cr_expect_eq(renewed.kept, 1);
	cr_expect_eq(count_changed(before), 2);
	cr_expect_eq(mode_of(fixture.layouts[0]->private, "private_key1.key"), 0600);
	assert_whole();
	OK(renew(&ca, &thirds, &reports, &renewed, &fault));
	cr_expect_eq(renewed.renewed, 0);
	cr_expect_eq(renewed.kept, 3);
	cr_expect_eq(ca.questions, 1);
	clear_keys(before);
	stop_fake_ca(&ca);
}

Test(renew, leaves_members_alone_whose_keys_are_elsewhere)
{
	struct fake_ca ca;
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;
	const struct renewal_options all = {.all = true};

	make_certified_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key2.key", 0), 0);
	start_fake_ca(&ca, &fixture);
	OK(renew(&ca, &all, &reports, &renewed, &fault));
	cr_expect_eq(renewed.renewed, 2);
	cr_expect_eq(renewed.elsewhere, 1);
	cr_expect(!file_exists(fixture.layouts[0]->private, "private_key2.key"));
	stop_fake_ca(&ca);
}

/* catalogue 76: a renewal that was killed before it had a certificate */
Test(renew, continues_with_a_key_or_request_of_a_killed_renewal)
{
	static const char *const files[] = {"key", "request", "request without its key"};
	const struct renewal_options all = {.all = true};
	const struct renewal_options thirds = {0};

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct fake_ca ca = {.endpoint = dead_endpoint()};
		struct enroll_reports reports = {0};
		struct renewal_summary renewed;
		struct renewal_need need;
		const struct layout *layout;

		tear_down();
		set_up();
		layout = fixture.layouts[0];
		make_certified_pool(&fixture, 0);
		REFUSED(renew(&ca, &all, &reports, &renewed, &fault), FAULT_UNREACHABLE,
			"127.0.0.1");
		if (i == 0)
			cr_assert_eq(unlinkat(layout->csr_file, "renewal_key1.csr", 0), 0);
		if (i == 2)
			cr_assert_eq(unlinkat(layout->private, "renewal_key1.key", 0), 0);
		OK(find_due_members(layout, &fixture.clients[0], &thirds, fixture.now_s, &need,
				    NULL, &fault));
		cr_expect_eq(need.due, i == 2 ? 2 : 3, "%s: %zu", files[i], need.due);
		start_fake_ca(&ca, &fixture);
		OK(renew(&ca, &all, &reports, &renewed, &fault), "%s", files[i]);
		cr_expect_eq(renewed.renewed, POOL_SIZE, "%s", files[i]);
		assert_whole();
		stop_fake_ca(&ca);
	}
}

/* Leaves a renewal of all members as a kill does, after their certificates were saved: member 1
   with none of its renames, 2 with its key's, 3 with its key's and its request's. */
static void leave_certified(void)
{
	const struct layout *layout = fixture.layouts[0];
	const struct renewal_options all = {.all = true};
	struct fake_ca ca = {.endpoint = dead_endpoint()};
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;

	REFUSED(renew(&ca, &all, &reports, &renewed, &fault), FAULT_UNREACHABLE, NULL);
	for (size_t i = 1; i <= POOL_SIZE; i++) {
		CLEANUP(clear_buffer) struct buffer csr = {0};
		CLEANUP(clear_buffer) struct buffer pem = {0};
		char name[FILE_NAME_SIZE];

		name_renewal_csr(i, name);
		csr = get_file(layout->csr_file, name);
		pem = certify_pem(fixture.issuer, bytes_of_buffer(&csr), fixture.now_s - 300,
				  fixture.now_s + 3600);
		name_renewal_certificate(i, name);
		put_file(layout->cert, name, (const char *)pem.data, 0644);
	}
	OK(rename_file(layout->private, "renewal_key2.key", "private_key2.key", &fault));
	OK(rename_file(layout->private, "renewal_key3.key", "private_key3.key", &fault));
	OK(rename_file(layout->csr_file, "renewal_key3.csr", "csr_key3.csr", &fault));
}

static int complete_by_renew(const struct fake_ca *ca, struct fault *fault)
{
	const struct renewal_options thirds = {0};
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;

	return renew(ca, &thirds, &reports, &renewed, fault);
}

static int complete_by_enroll(const struct fake_ca *ca, struct fault *fault)
{
	struct enroll_reports reports = {0};
	struct enroll_summary enrolled;

	return enroll(&fixture, ca, &reports, &enrolled, fault);
}

static int complete_by_request(const struct fake_ca *ca, struct fault *fault)
{
	struct make_summary made;

	(void)ca;
	return make_pool(fixture.layouts[0], &fixture.clients[0], NULL, &made, fault);
}

/* catalogue 76 */
Test(renew, is_completed_by_renew_enroll_and_request)
{
	static int (*const completions[])(const struct fake_ca *, struct fault *) = {
		complete_by_renew, complete_by_enroll, complete_by_request};

	for (size_t i = 0; i < COUNT_OF(completions); i++) {
		struct fake_ca ca;
		struct buffer before[POOL_SIZE];

		tear_down();
		set_up();
		make_certified_pool(&fixture, 0);
		copy_keys(before);
		leave_certified();
		start_fake_ca(&ca, &fixture);
		OK(completions[i](&ca, &fault), "%zu", i);
		cr_expect_eq(count_changed(before), POOL_SIZE, "%zu", i);
		assert_whole();
		cr_expect_eq(ca.questions, 0);
		clear_keys(before);
		stop_fake_ca(&ca);
	}
}

Test(renew, keeps_the_old_key_when_a_new_certificate_is_for_another)
{
	struct buffer before[POOL_SIZE];
	CLEANUP(clear_buffer) struct buffer other = {0};

	make_certified_pool(&fixture, 0);
	copy_keys(before);
	other = get_file(fixture.layouts[0]->cert, "cert_key2.crt");
	put_file(fixture.layouts[0]->cert, "renewal_key1.crt", (const char *)other.data, 0644);
	put_file(fixture.layouts[0]->cert, "renewal_key01.crt", "not ours", 0644);
	OK(complete_renewals(fixture.layouts[0], &fault));
	cr_expect_eq(count_changed(before), 0);
	cr_expect_eq(faccessat(fixture.layouts[0]->cert, "replaced_1_renewal_key1.crt", F_OK, 0), 0,
		     "it is set aside");
	clear_keys(before);
}

Test(renew, renews_a_larger_pool_in_several_requests)
{
	struct fake_ca ca;
	struct enroll_reports reports = {0};
	struct renewal_summary renewed;
	const struct renewal_options all = {.all = true};

	fixture.clients[0].pool.size = 130;
	fixture.clients[0].pool.batch_size = 20;
	make_certified_pool(&fixture, 0);
	start_fake_ca(&ca, &fixture);
	OK(renew(&ca, &all, &reports, &renewed, &fault));
	cr_expect_eq(renewed.renewed, 130);
	cr_expect_eq(ca.questions, 7);
	cr_expect_eq(reports.done, 130);
	cr_expect_eq(count_files(fixture.layouts[0]->cert), 130);
	assert_whole();
	stop_fake_ca(&ca);
}
