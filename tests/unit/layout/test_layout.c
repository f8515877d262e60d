#include "common/layout/layout.h"

#include "common/base/staging.h"
#include "common/layout/manifest.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct scratch scratch;
static int started = -1; /* the directory in which the test program was started */

static void set_up(void)
{
	started = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_scratch(&scratch);
	cr_assert_eq(chdir(scratch.path), 0);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
	close_descriptor(&started);
}

TestSuite(layout, .init = set_up, .fini = tear_down);

/* A manifest names the nodes, and a layout is one node's directory. */
Test(layout, is_used_like_this)
{
	static const char text[] =
		"version: 1\n"
		"ca: {endpoint: 'http://127.0.0.1:8440'}\n"
		"clients:\n"
		"  a: {layout: pool, pool: {size: 2, subject: 'CN={client} {index}'}}\n";
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(free_string) char *subject = NULL;
	static const uint8_t random[16] = {0};
	const struct client_node *client;
	char name[FILE_NAME_SIZE];
	struct fault fault = {0};

	cr_assert_eq(parse_manifest(bytes_of_string(text), "manifest.yaml", &manifest, &fault), 0,
		     "%s", fault.text);
	client = find_client(manifest, "a", &fault);
	cr_assert_not_null(client, "%s", fault.text);
	cr_expect_eq(client->pool.batch_size, 250, "the default");

	cr_assert_eq(
		expand_template(client->pool.subject, client->name, 2, random, &subject, &fault), 0,
		"%s", fault.text);
	cr_expect_str_eq(subject, "CN=a 2");

	cr_assert_eq(make_layout(client->layout, &layout, &fault), 0, "%s", fault.text);
	name_csr(2, name);
	cr_assert_eq(write_file(layout->csr_file, name, STAGE_NEW, 0644, bytes_of_string(subject),
				&fault),
		     0, "%s", fault.text);
	cr_expect(file_holds(scratch.dirfd, "pool/CSR_file/csr_key2.csr", "CN=a 2"));
}

static void make(const char *path)
{
	struct layout *layout = NULL;

	OK(make_layout(path, &layout, &fault));
	free_layout(&layout);
}

static void expect_refusal(const char *path, enum fault_class class, const char *text)
{
	struct layout *layout = NULL;

	REFUSED(open_layout(path, &layout, &fault), class, text, "opened");
	cr_expect_null(layout);
	free_layout(&layout);
}

Test(layout, refuses_what_is_not_there_and_says_what_makes_it)
{
	expect_refusal(
		"ca", FAULT_NOT_FOUND,
		"layout ca: expected a directory ca, found none: run certpool init; if it was "
		"lost, certpool restore for the CA, certpool join for a client");
	cr_assert_eq(mkdir("ca", 0755), 0);
	expect_refusal("ca", FAULT_NOT_FOUND,
		       "layout ca: expected a directory CSR_file, found none: run certpool init");
	make("ca");
	cr_assert_eq(rmdir("ca/received"), 0);
	expect_refusal("ca", FAULT_NOT_FOUND, "received");
}

/* catalogue 34 */
Test(layout, refuses_a_private_directory_that_others_can_enter)
{
	static const mode_t modes[] = {0777, 0770, 0750, 0707, 0701, 01777};

	make("ca");
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		cr_assert_eq(chmod("ca/Private", modes[i]), 0);
		expect_refusal("ca", FAULT_REFUSED, "ca/Private: expected mode 0700, found");
		cr_assert_eq(chmod("ca/Private", 0700), 0);
		cr_assert_eq(chmod("ca/state", modes[i]), 0);
		expect_refusal("ca", FAULT_REFUSED, "run chmod 700 ca/state");
		cr_assert_eq(chmod("ca/state", 0700), 0);
	}
}

/* catalogue 34 */
Test(layout, refuses_a_private_directory_of_somebody_else)
{
	make("ca");
	if (geteuid() != 0)
		cr_skip_test("only root can give a directory away");
	cr_assert_eq(chown("ca/Private", 12345, 12345), 0);
	expect_refusal("ca", FAULT_REFUSED,
		       "ca/Private: belongs to user 12345, who could not use what root makes "
		       "there: run it "
		       "as that user: setpriv --reuid 12345 --clear-groups certpool ...");
}

/* catalogue 34 */
Test(layout, refuses_a_symbolic_link_for_a_directory)
{
	static const char *const names[] = {"CSR_file", "Private", "cert", "received", "state"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct layout *layout = NULL;
		char path[64];

		make("ca");
		(void)snprintf(path, sizeof(path), "ca/%s", names[i]);
		cr_assert_eq(rename(path, "elsewhere"), 0);
		cr_assert_eq(symlink("../elsewhere", path), 0);
		expect_refusal("ca", FAULT_REFUSED, "expected a directory, found a symbolic link");
		REFUSED(make_layout("ca", &layout, &fault), FAULT_REFUSED, NULL);
		cr_assert_eq(unlink(path), 0);
		cr_assert_eq(rmdir("elsewhere"), 0);
	}
}

Test(layout, refuses_a_file_for_a_directory)
{
	make("ca");
	cr_assert_eq(rmdir("ca/cert"), 0);
	put_file(scratch.dirfd, "ca/cert", "", 0644);
	expect_refusal("ca", FAULT_REFUSED,
		       "layout ca: cert: expected a directory, found a regular file");
	put_file(scratch.dirfd, "file", "", 0644);
	expect_refusal("file", FAULT_REFUSED, "layout file: file: expected a directory");
}

/* catalogue 37 */
Test(layout, has_its_modes_whatever_the_umask)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};

	for (size_t i = 0; i < COUNT_OF(umasks); i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "ca%zu", i);
		(void)umask(umasks[i]);
		make(path);
		cr_assert_eq(chdir(path), 0);
		cr_expect_eq(mode_of(AT_FDCWD, "."), 0755);
		cr_expect_eq(mode_of(AT_FDCWD, "CSR_file"), 0755);
		cr_expect_eq(mode_of(AT_FDCWD, "Private"), 0700);
		cr_expect_eq(mode_of(AT_FDCWD, "cert"), 0755);
		cr_expect_eq(mode_of(AT_FDCWD, "received"), 0755);
		cr_expect_eq(mode_of(AT_FDCWD, "state"), 0700);
		cr_assert_eq(chdir(".."), 0);
	}
}

Test(layout, is_made_again_without_change)
{
	make("a/b/ca");
	put_file(scratch.dirfd, "a/b/ca/Private/root.key", "key", 0600);
	make("a/b/ca/");
	cr_expect(file_holds(scratch.dirfd, "a/b/ca/Private/root.key", "key"));
	cr_assert_eq(rmdir("a/b/ca/received"), 0);
	make("./a/b/ca");
	cr_expect_eq(mode_of(scratch.dirfd, "a/b/ca/received"), 0755);
}

/* catalogue 36: a change of the path after opening has no effect */
Test(layout, keeps_its_directories_when_the_path_is_swapped)
{
	struct layout *layout = NULL;

	make("ca");
	make("evil");
	put_file(scratch.dirfd, "ca/cert/root.crt", "ours", 0644);
	put_file(scratch.dirfd, "evil/cert/root.crt", "theirs", 0644);
	OK(open_layout("ca", &layout, &fault));
	cr_assert_eq(rename("ca", "gone"), 0);
	cr_assert_eq(rename("evil", "ca"), 0);
	cr_expect(file_holds(layout->cert, "root.crt", "ours"));
	free_layout(&layout);
	OK(open_layout("ca", &layout, &fault));
	cr_expect(file_holds(layout->cert, "root.crt", "theirs"));
	cr_expect_str_eq(layout->path, "ca");
	free_layout(&layout);
}

Test(layout, names_the_files_of_a_member)
{
	char name[FILE_NAME_SIZE];

	name_private_key(7, name);
	cr_expect_str_eq(name, "private_key7.key");
	name_csr(1000000, name);
	cr_expect_str_eq(name, "csr_key1000000.csr");
	name_certificate(1, name);
	cr_expect_str_eq(name, "cert_key1.crt");
	name_shared_key("client2", name);
	cr_expect_str_eq(name, "shared_client2.jwk");
	name_member(12, name);
	cr_expect_str_eq(name, "key12");
}

/* catalogue 32 */
Test(layout, takes_only_a_members_own_name_for_one)
{
	static const char *const bad[] = {
		"",
		"key",
		"key0",
		"key01",
		"key-1",
		"key+1",
		"key 1",
		"key1 ",
		"key1a",
		"Key1",
		"kez1",
		"k",
		"1",
		"key1/../x",
		"../key1",
		"key1\n",
		"key1e3",
		"key0x1",
		"key1234567890",
		"key\xd9\xa1",
		"key18446744073709551617",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		cr_expect_eq(parse_member(bad[i]), 0, "%s", bad[i]);
	cr_expect_eq(parse_member("key1"), 1);
	cr_expect_eq(parse_member("key999999999"), 999999999);
}

/* catalogue 88 */
Test(layout, is_locked_by_one_at_a_time)
{
	struct layout *layout = NULL;
	int first = -1;
	int second = -1;

	make("c1");
	OK(open_layout("c1", &layout, &fault));
	OK(lock_layout(layout, LOCK_REFUSE, &first, &fault));
	cr_expect_eq(mode_of(layout->state, "lock"), 0600);
	REFUSED_AS(lock_layout(layout, LOCK_REFUSE, &second, &fault), FAULT_BUSY,
		   "c1/state: lock: another process has this lock");
	close_descriptor(&first);
	OK(lock_layout(layout, LOCK_WAIT, &second, &fault));
	close_descriptor(&second);
	free_layout(&layout);
}

Test(layout, lists_its_peers_in_order)
{
	static const char *const ignored[] = {
		"shared_.jwk",
		"shared_-x.jwk",
		"shared_a.b.jwk",
		".shared_c.jwk.new",
		"shared_d.jwk~",
		"Shared_e.jwk",
		"shared_f",
		"private_key1.key",
		"shared_jwk",
		"shared_a2345678901234567890123456789012345678901234567890123456789012345.jwk",
	};
	struct layout *layout = NULL;
	struct peers peers = {0};

	make("c1");
	OK(open_layout("c1", &layout, &fault));
	OK(list_peers(layout, &peers, &fault));
	cr_expect_eq(peers.count, 0);
	put_file(layout->private, "shared_z.jwk", "", 0600);
	put_file(layout->private, "shared_ca.jwk", "", 0600);
	put_file(layout->private, "shared_client2.jwk", "", 0600);
	put_file(layout->private, "shared_client10.jwk", "", 0600);
	for (size_t i = 0; i < COUNT_OF(ignored); i++)
		put_file(layout->private, ignored[i], "", 0600);
	OK(list_peers(layout, &peers, &fault));
	cr_assert_eq(peers.count, 4);
	cr_expect_str_eq(peers.names[0], "ca");
	cr_expect_str_eq(peers.names[1], "client10");
	cr_expect_str_eq(peers.names[2], "client2");
	cr_expect_str_eq(peers.names[3], "z");
	clear_peers(&peers);
	cr_expect_eq(peers.count, 0);
	free_layout(&layout);
}

/* The skeleton in pki-layout/ has the directories of a layout. */
Test(layout, has_the_directories_that_the_skeleton_shows)
{
	int skeleton = openat(started, "pki-layout/skeleton", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert_geq(skeleton, 0);
	make("ca");
	cr_assert_eq(chdir("ca"), 0);
	cr_expect_eq(count_entries(skeleton), 5);
	cr_expect_eq(count_entries(AT_FDCWD), 5);
	cr_expect(file_exists(skeleton, "CSR_file/.gitkeep"));
	cr_expect(file_exists(skeleton, "Private/.gitkeep"));
	cr_expect(file_exists(skeleton, "cert/.gitkeep"));
	cr_expect(file_exists(skeleton, "received/.gitkeep"));
	cr_expect(file_exists(skeleton, "state/.gitkeep"));
	close_descriptor(&skeleton);
}
