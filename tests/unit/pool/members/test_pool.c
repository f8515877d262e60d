#include "common/pool/members/pool.h"

#include "common/crypto/key_file.h"
#include "common/pool/members/survey.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
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

TestSuite(pool, .init = set_up, .fini = tear_down);

static int make(struct make_summary *ret_made, struct fault *fault)
{
	return make_pool(fixture.layouts[0], &fixture.clients[0], NULL, ret_made, fault);
}

/* catalogue 33 */
Test(pool, refuses_a_symbolic_link_where_a_key_should_be_and_leaves_its_target)
{
	struct make_summary made;
	struct buffer target;

	put_file(fixture.layouts[0]->root, "target", "not a key", 0600);
	cr_assert_eq(symlinkat("../target", fixture.layouts[0]->private, "private_key2.key"), 0);
	REFUSED(make(&made, &fault), FAULT_REFUSED,
		"private_key2.key: expected a regular file, found a "
		"symbolic link");
	target = get_file(fixture.layouts[0]->root, "target");
	cr_assert_str_eq((char *)target.data, "not a key");
	clear_buffer(&target);
	cr_assert(!file_exists(fixture.layouts[0]->csr_file, "csr_key2.csr"));
}

/* catalogue 38 */
Test(pool, refuses_a_key_that_others_can_read)
{
	struct make_summary made;

	make_client_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->csr_file, "csr_key3.csr", 0), 0);
	cr_assert_eq(fchmodat(fixture.layouts[0]->private, "private_key3.key", 0644, 0), 0);
	REFUSED(make(&made, &fault), FAULT_REFUSED,
		"Private: private_key3.key: expected mode 0600");
}

/* catalogue 39 */
Test(pool, refuses_a_key_file_without_a_key)
{
	struct make_summary made;

	put_file(fixture.layouts[0]->private, "private_key1.key", "", 0600);
	REFUSED(make(&made, &fault), FAULT_MALFORMED, "Private/private_key1.key");
}

Test(pool, refuses_an_invalid_subject)
{
	static char subject[] = "nonsense {index}";
	struct make_summary made;

	fixture.clients[0].pool.subject = subject;
	REFUSED(make(&made, &fault), FAULT_MALFORMED, "client1, member ");
	cr_assert_eq(count_files(fixture.layouts[0]->csr_file), 0);
}

/* catalogue 37 */
Test(pool, makes_a_key_and_a_request_for_each_member_whatever_the_umask)
{
	struct make_summary made;

	umask(0);
	OK(make(&made, &fault));
	cr_assert_eq(made.keys, POOL_SIZE);
	cr_assert_eq(made.requests, POOL_SIZE);
	cr_assert_eq(made.present, 0);
	for (size_t i = 1; i <= POOL_SIZE; i++) {
		char name[FILE_NAME_SIZE];

		name_private_key(i, name);
		cr_assert_eq(mode_of(fixture.layouts[0]->private, name), 0600);
		name_csr(i, name);
		cr_assert_eq(mode_of(fixture.layouts[0]->csr_file, name), 0644);
	}
}

Test(pool, makes_requests_as_the_manifest_says)
{
	static char subject[] = "CN={client} {index},serialNumber={random}";
	static char dns[] = "DNS:{random}.{client}.example";
	static char *names[] = {dns};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct verdict verdict = {0};
	char random[33] = "";

	fixture.clients[0].pool.subject = subject;
	fixture.clients[0].pool.alt_names = names;
	fixture.clients[0].pool.alt_name_count = 1;
	make_client_pool(&fixture, 0);
	pem = get_file(fixture.layouts[0]->csr_file, "csr_key3.csr");
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	OK(verify_csr(csr, &verdict, &fault));
	cr_assert(!verdict.invalid, "%s", verdict.reason);
	cr_assert_not_null(strstr(csr_subject(csr), "CN=client1 3"), "%s", csr_subject(csr));
	cr_assert_eq(csr_alt_names(csr)->count, 1);
	cr_assert_eq(
		sscanf(csr_alt_names(csr)->names[0], "DNS:%32[0-9a-f].client1.example", random), 1,
		"%s", csr_alt_names(csr)->names[0]);
	cr_assert_eq(strlen(random), 32);
	cr_assert_not_null(strstr(csr_subject(csr), random), "%s", csr_subject(csr));
}

Test(pool, makes_missing_files_and_changes_no_others)
{
	struct make_summary made;
	CLEANUP(clear_buffer) struct buffer key_before = {0};
	CLEANUP(clear_buffer) struct buffer key_after = {0};

	make_client_pool(&fixture, 0);
	key_before = get_file(fixture.layouts[0]->private, "private_key2.key");
	/* A request without its key: the key is stored elsewhere. */
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key1.key", 0), 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->csr_file, "csr_key2.csr", 0), 0);
	fixture.clients[0].pool.size = 5;
	OK(make(&made, &fault));
	cr_assert_eq(made.keys, 2);
	cr_assert_eq(made.requests, 3);
	cr_assert_eq(made.present, 2);
	key_after = get_file(fixture.layouts[0]->private, "private_key2.key");
	cr_assert(equal_bytes(bytes_of_buffer(&key_before), bytes_of_buffer(&key_after)));
	cr_assert(!file_exists(fixture.layouts[0]->private, "private_key1.key"));
	cr_assert(file_exists(fixture.layouts[0]->csr_file, "csr_key5.csr"));
}

Test(pool, makes_a_request_for_the_key_that_is_there)
{
	struct make_summary made;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;

	make_client_pool(&fixture, 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->csr_file, "csr_key2.csr", 0), 0);
	OK(make(&made, &fault));
	pem = get_file(fixture.layouts[0]->csr_file, "csr_key2.csr");
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	OK(read_private_key(fixture.layouts[0], "private_key2.key", &key, &fault));
	OK(get_public_key(key, &public_key, &fault));
	cr_assert(equal_bytes(public_key_spki(public_key), public_key_spki(csr_public_key(csr))));
}

Test(pool, removes_the_staged_files_of_a_killed_process)
{
	struct make_summary made;

	put_file(fixture.layouts[0]->private, ".private_key1.key.new", "half", 0600);
	put_file(fixture.layouts[0]->csr_file, ".csr_key1.csr.new", "half", 0644);
	OK(make(&made, &fault));
	cr_assert_eq(made.keys, POOL_SIZE);
	cr_assert_eq(count_files(fixture.layouts[0]->csr_file), POOL_SIZE);
}

struct last_progress {
	size_t calls;
	size_t done;
	size_t total;
};

static void note_progress(void *context, size_t done, size_t total)
{
	struct last_progress *last = context;

	cr_assert(done > last->done);
	cr_assert_geq(count_files(fixture.layouts[0]->csr_file), done, "%zu are not on disk", done);
	last->calls++;
	last->done = done;
	last->total = total;
}

Test(pool, reports_what_is_on_disk_as_its_progress)
{
	struct make_summary made;
	struct last_progress last = {0};
	struct progress progress = {note_progress, &last};

	fixture.clients[0].pool.size = 5000;
	OK(make_pool(fixture.layouts[0], &fixture.clients[0], &progress, &made, &fault));
	cr_assert_eq(last.done, 5000);
	cr_assert_eq(last.total, 5000);
	cr_assert_geq(last.calls, 5);
	cr_assert_leq(last.calls, 201);
}

Test(pool, makes_a_pool_of_every_type_of_key)
{
	static const enum key_type types[] = {KEY_ECDSA_P384, KEY_ED25519, KEY_RSA_2048};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		fixture.clients[i].pool.key = types[i];
		make_certified_pool(&fixture, i);
		cr_assert_eq(count_files(fixture.layouts[i]->cert), POOL_SIZE);
	}
}

Test(pool, is_used_like_this)
{
	struct make_summary made;
	struct pool_summary summary;
	CLEANUP(clear_member) struct member member = {0};

	/* certpool request: a key pair and a request for each member. */
	OK(make_pool(fixture.layouts[0], &fixture.clients[0], NULL, &made, &fault));
	cr_assert_eq(made.keys, POOL_SIZE);

	/* The CA certifies the first member for an hour. */
	certify_member(&fixture, 0, 1, fixture.now_s, fixture.now_s + 3600);
	OK(summarize_pool(fixture.layouts[0], &fixture.clients[0], NULL, fixture.now_s, &summary,
			  &fault));
	cr_assert_eq(summary.states[MEMBER_VALID], 1);

	/* That member can sign: its key and certificate match. */
	OK(open_member(fixture.layouts[0], "client1", 1, fixture.now_s, &member, &fault));
	cr_assert_not_null(member.key);
}
