#include "common/base/staging.h"

#include "common/base/file.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/unit/base/failing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

TestSuite(staging, .init = set_up, .fini = tear_down);

static int write_new(const char *name, const char *content, struct fault *fault)
{
	return write_file(scratch.dirfd, name, STAGE_NEW, 0600, bytes_of_string(content), fault);
}

/* catalogue 32 */
Test(staging, refuses_what_is_no_file_name)
{
	static const char *const bad[] = {"",    ".",  "..", "../x", "/tmp/certpool-x",
					  "a/b", "a/", "/"};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		REFUSED(write_new(bad[i], "x", &fault), FAULT_REFUSED, "expected a file name");
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

/* catalogue 32 */
Test(staging, refuses_a_name_of_300_characters)
{
	char name[301];

	memset(name, 'a', 300);
	name[300] = '\0';
	REFUSED(write_new(name, "x", &fault), FAULT_FAILED, "File name too long");
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}

/* catalogue 40 */
Test(staging, refuses_to_overwrite)
{
	put_file(scratch.dirfd, "key", "first", 0600);
	REFUSED(write_new("key", "second", &fault), FAULT_REFUSED,
		"key: exists already, and is not overwritten");
	cr_expect(file_holds(scratch.dirfd, "key", "first"));
	cr_expect_eq(count_entries(scratch.dirfd), 1);
}

/* catalogue 40: also when another process created the file after it was staged */
Test(staging, refuses_to_overwrite_what_came_in_between)
{
	struct staging *staging = NULL;

	OK(new_staging(&staging, &fault));
	OK(stage_file(staging, scratch.dirfd, "key", STAGE_NEW, 0600, bytes_of_string("ours"),
		      &fault));
	put_file(scratch.dirfd, "key", "theirs", 0600);
	REFUSED(commit_staging(staging, &fault), FAULT_REFUSED,
		"key: exists already, and is not overwritten");
	free_staging(&staging);
	cr_expect_null(staging);
	cr_expect(file_holds(scratch.dirfd, "key", "theirs"));
	cr_expect_eq(count_entries(scratch.dirfd), 1);
}

/* catalogue 40: the same name twice in one staging */
Test(staging, refuses_one_name_twice)
{
	struct staging *staging = NULL;

	OK(new_staging(&staging, &fault));
	OK(stage_file(staging, scratch.dirfd, "key", STAGE_NEW, 0600, bytes_of_string("first"),
		      &fault));
	REFUSED(stage_file(staging, scratch.dirfd, "key", STAGE_NEW, 0600,
			   bytes_of_string("second"), &fault),
		FAULT_FAILED, "key: cannot be created: File exists");
	cr_expect_eq(commit_staging(staging, NULL), 0);
	free_staging(&staging);
	cr_expect(file_holds(scratch.dirfd, "key", "first"));
}

/* catalogue 33 */
Test(staging, refuses_a_symbolic_link_and_leaves_its_target)
{
	static const char *const targets[] = {"target", "nothing"};

	put_file(scratch.dirfd, "target", "content", 0644);
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		cr_assert_eq(symlinkat(targets[i], scratch.dirfd, "key"), 0);
		REFUSED(write_new("key", "x", &fault), FAULT_REFUSED, "key: exists already");
		cr_assert_eq(unlinkat(scratch.dirfd, "key", 0), 0);
		cr_assert_eq(symlinkat(targets[i], scratch.dirfd, ".key.new"), 0);
		OK(write_new("key", "x", &fault));
		cr_assert_eq(unlinkat(scratch.dirfd, "key", 0), 0);
	}
	cr_expect(file_holds(scratch.dirfd, "target", "content"));
	cr_expect_eq(mode_of(scratch.dirfd, "target"), 0644);
	cr_expect_eq(count_entries(scratch.dirfd), 1);
}

/* catalogue 33 */
Test(staging, replaces_a_link_and_not_its_target)
{
	put_file(scratch.dirfd, "target", "content", 0644);
	cr_assert_eq(symlinkat("target", scratch.dirfd, "state"), 0);
	OK(write_file(scratch.dirfd, "state", STAGE_REPLACE, 0600, bytes_of_string("new"), &fault));
	cr_expect(file_holds(scratch.dirfd, "target", "content"));
	cr_expect(file_holds(scratch.dirfd, "state", "new"));
	cr_expect_eq(mode_of(scratch.dirfd, "state"), 0600);
}

/* catalogue 35 */
Test(staging, does_not_replace_a_directory)
{
	cr_assert_eq(mkdirat(scratch.dirfd, "state", 0700), 0);
	REFUSED(write_file(scratch.dirfd, "state", STAGE_REPLACE, 0600, bytes_of_string("x"),
			   &fault),
		FAULT_FAILED, "state: cannot be named");
	cr_expect_eq(count_entries(scratch.dirfd), 1);
}

/* catalogue 37: from creation on, not only in the end */
Test(staging, has_its_modes_whatever_the_umask)
{
	static const struct {
		mode_t umask;
		mode_t mode;
	} rows[] = {{0, 0600}, {0, 0644}, {077, 0644}, {0777, 0600}, {0777, 0644}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct staging *staging = NULL;

		(void)umask(rows[i].umask);
		OK(new_staging(&staging, &fault));
		OK(stage_file(staging, scratch.dirfd, "file", STAGE_REPLACE, rows[i].mode,
			      bytes_of_string("x"), &fault));
		cr_expect_eq(mode_of(scratch.dirfd, ".file.new"), rows[i].mode);
		OK(commit_staging(staging, &fault));
		cr_expect_eq(mode_of(scratch.dirfd, "file"), rows[i].mode);
		free_staging(&staging);
	}
}

Test(staging, sweeps_what_is_left_over_and_nothing_else)
{
	static const char *const kept[] = {"key",  "key.new",      ".new",
					   ".key", ".key.new.txt", "..new"};

	for (size_t i = 0; i < COUNT_OF(kept); i++)
		put_file(scratch.dirfd, kept[i], "", 0600);
	put_file(scratch.dirfd, ".key.new", "", 0600);
	put_file(scratch.dirfd, ".a.new", "", 0600);
	OK(sweep_staging(scratch.dirfd, &fault));
	cr_expect_eq(count_entries(scratch.dirfd), COUNT_OF(kept));
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		cr_expect(file_exists(scratch.dirfd, kept[i]), "%s", kept[i]);
	cr_assert_eq(mkdirat(scratch.dirfd, ".d.new", 0700), 0);
	REFUSED(sweep_staging(scratch.dirfd, &fault), FAULT_FAILED,
		".d.new: a left-over that cannot be removed");
}

/* catalogue 78: content before names, one syncfs for a file system, one fsync for a directory */
Test(staging, makes_many_files_durable_with_few_calls)
{
	struct staging *staging = NULL;
	int other = -1;

	OK(make_directory(scratch.dirfd, "other", 0700, &other, &fault));
	OK(new_staging(&staging, &fault));
	for (size_t i = 0; i < 200; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "file%zu", i);
		OK(stage_file(staging, i % 2 == 0 ? scratch.dirfd : other, name, STAGE_NEW, 0644,
			      bytes_of_string(name), &fault));
	}
	failing_fsync.count = 0;
	OK(commit_staging(staging, &fault));
	cr_expect_eq(failing_syncfs.count, 1);
	cr_expect_eq(failing_fsync.count, 2);
	cr_expect_eq(failing_rename.count, 200);
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 101);
	cr_expect_eq(count_entries(other), 100);
	cr_expect(file_holds(other, "file199", "file199"));
	close_descriptor(&other);
}

Test(staging, commits_nothing_without_ado)
{
	struct staging *staging = NULL;

	cr_assert_eq(new_staging(&staging, NULL), 0);
	cr_expect_eq(commit_staging(staging, NULL), 0);
	cr_expect_eq(failing_fsync.count + failing_syncfs.count, 0);
	free_staging(&staging);
}

Test(staging, writes_any_octets)
{
	static const uint8_t octets[] = {0, 0xff, '\n', 0, 0x80};
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct bytes given = {octets, sizeof(octets)};

	OK(write_file(scratch.dirfd, "file", STAGE_NEW, 0600, given, &fault));
	OK(read_file(scratch.dirfd, "file", 100, &content, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&content), given));
	OK(write_file(scratch.dirfd, "empty", STAGE_NEW, 0600, (struct bytes){0}, &fault));
	cr_expect(file_holds(scratch.dirfd, "empty", ""));
}

/* catalogue 122: what a killed process left is no obstacle, and does not stay */
Test(staging, writes_a_file_whose_temporary_name_is_taken)
{
	static const enum staging_mode modes[] = {STAGE_NEW, STAGE_REPLACE};

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		put_file(scratch.dirfd, ".list.new", "half", 0600);
		put_file(scratch.dirfd, ".theirs.new", "x", 0600);
		OK(write_file(scratch.dirfd, "list", modes[i], 0644, bytes_of_string("all"),
			      &fault));
		cr_expect(file_holds(scratch.dirfd, "list", "all"));
		cr_expect_eq(mode_of(scratch.dirfd, "list"), 0644);
		cr_expect(!file_exists(scratch.dirfd, ".list.new"));
		cr_expect(file_exists(scratch.dirfd, ".theirs.new"));
		cr_assert_eq(unlinkat(scratch.dirfd, "list", 0), 0);
	}
}

Test(staging, takes_content_that_comes_in_pieces)
{
	CLEANUP(free_staging) struct staging *staging = NULL;
	CLEANUP(close_descriptor) int descriptor = -1;

	OK(new_staging(&staging, &fault));
	OK(stage_stream(staging, scratch.dirfd, "large", STAGE_NEW, 0640, &descriptor, &fault));
	for (int i = 0; i < 3; i++)
		OK(write_stream(descriptor, "large", bytes_of_string("piece,"), &fault));
	close_descriptor(&descriptor);
	cr_expect_not(file_exists(scratch.dirfd, "large"));
	OK(commit_staging(staging, &fault));
	cr_expect(file_holds(scratch.dirfd, "large", "piece,piece,piece,"));
	cr_expect_eq(mode_of(scratch.dirfd, "large"), 0640);
}

Test(staging, removes_a_stream_that_was_not_committed)
{
	struct staging *staging = NULL;
	CLEANUP(close_descriptor) int descriptor = -1;

	OK(new_staging(&staging, &fault));
	OK(stage_stream(staging, scratch.dirfd, "large", STAGE_NEW, 0600, &descriptor, &fault));
	free_staging(&staging);
	cr_expect_eq(count_entries(scratch.dirfd), 0);
}
