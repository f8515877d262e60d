#include "common/base/file.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Directories and locks: the other half of file.h. */

static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

TestSuite(directory, .init = set_up, .fini = tear_down);

/* catalogue 32, 36 */
Test(directory, is_not_made_outside)
{
	static const struct {
		const char *name;
		enum fault_class class;
	} rows[] = {
		{"../made", FAULT_REFUSED},  {"/tmp/made", FAULT_REFUSED},
		{"..", FAULT_REFUSED},       {"in/../../made", FAULT_REFUSED},
		{"way/made", FAULT_REFUSED}, {"way", FAULT_REFUSED},
		{"", FAULT_NOT_FOUND},       {"none/made", FAULT_NOT_FOUND},
		{"file", FAULT_REFUSED},     {"file/made", FAULT_REFUSED},
	};
	int in = -1;

	cr_assert_eq(mkdirat(scratch.dirfd, "in", 0700), 0);
	cr_assert_eq(mkdirat(scratch.dirfd, "outside", 0700), 0);
	in = openat(scratch.dirfd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(mkdirat(in, "in", 0700), 0);
	cr_assert_eq(symlinkat("../outside", in, "way"), 0);
	put_file(in, "file", "", 0600);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int dirfd = -1;

		REFUSED(make_directory(in, rows[i].name, 0755, &dirfd, &fault), rows[i].class, NULL,
			"made %s", rows[i].name);
		cr_expect_eq(strncmp(last_refusal()->text, rows[i].name, strlen(rows[i].name) / 4),
			     0, "%s", last_refusal()->text);
		cr_expect_eq(dirfd, -1);
	}
	cr_expect_eq(count_entries(scratch.dirfd), 2);
	cr_expect_eq(count_entries(in), 3);
	cr_expect(!file_exists(scratch.dirfd, "outside/made"));
	close_descriptor(&in);
}

/* catalogue 34 */
Test(directory, is_private_only_when_nobody_else_can_enter)
{
	static const mode_t modes[] = {0777, 0770, 0755, 0750, 0711, 0701, 0710, 0720, 0702, 01777};

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		cr_assert_eq(fchmod(scratch.dirfd, modes[i]), 0);
		REFUSED(check_private_directory(scratch.dirfd, "P", &fault), FAULT_REFUSED,
			"P: expected mode 0700, found");
		SAID("run chmod 700 P");
	}
	cr_assert_eq(fchmod(scratch.dirfd, 0700), 0);
	cr_expect_eq(check_private_directory(scratch.dirfd, "P", NULL), 0);
}

/* catalogue 34 */
Test(directory, is_private_only_when_it_is_ours)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give a directory away");
	cr_assert_eq(fchown(scratch.dirfd, 12345, 12345), 0);
	REFUSED_AS(check_private_directory(scratch.dirfd, "P", &fault), FAULT_REFUSED,
		   "P: expected a directory of user 0, found one of user 12345");
}

/* catalogue 37 */
Test(directory, has_its_mode_whatever_the_umask)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};

	for (size_t i = 0; i < COUNT_OF(umasks); i++) {
		char name[] = {'d', (char)('0' + i), '\0'};
		int dirfd = -1;

		(void)umask(umasks[i]);
		OK(make_directory(scratch.dirfd, name, 0750, &dirfd, &fault));
		cr_expect_eq(mode_of(scratch.dirfd, name), 0750);
		close_descriptor(&dirfd);
	}
}

Test(directory, keeps_the_mode_that_it_has)
{
	int dirfd = -1;

	cr_assert_eq(mkdirat(scratch.dirfd, "d", 0700), 0);
	OK(make_directory(scratch.dirfd, "d", 0755, &dirfd, &fault));
	cr_expect_eq(mode_of(scratch.dirfd, "d"), 0700);
	close_descriptor(&dirfd);
}

Test(directory, of_a_user_is_made_with_its_parents)
{
	static const char *const names[] = {"a/b/c", "a/b/c/", "./a//b/d", "a/b/../e", "f/", "."};

	cr_assert_eq(chdir(scratch.path), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		int dirfd = -1;

		OK(make_directory(AT_FDCWD, names[i], 0700, &dirfd, &fault));
		cr_expect_geq(dirfd, 0);
		cr_expect_eq(fcntl(dirfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close_descriptor(&dirfd);
	}
	cr_expect_eq(mode_of(AT_FDCWD, "a/b/c"), 0700);
	cr_expect_eq(mode_of(AT_FDCWD, "a/b/d"), 0700);
	cr_expect_eq(mode_of(AT_FDCWD, "a/e"), 0700);
	cr_expect_eq(mode_of(AT_FDCWD, "f"), 0700);
}

Test(directory, of_a_user_may_be_a_link)
{
	int dirfd = -1;

	cr_assert_eq(chdir(scratch.path), 0);
	cr_assert_eq(mkdir("real", 0700), 0);
	cr_assert_eq(symlink("real", "way"), 0);
	OK(make_directory(AT_FDCWD, "way", 0755, &dirfd, &fault));
	cr_expect_eq(mode_of(AT_FDCWD, "real"), 0700);
	close_descriptor(&dirfd);
	OK(open_directory(AT_FDCWD, "way", &dirfd, &fault));
	close_descriptor(&dirfd);
}

Test(directory, is_refused_when_it_is_something_else)
{
	int dirfd = -1;

	put_file(scratch.dirfd, "file", "", 0600);
	REFUSED_AS(open_directory(scratch.dirfd, "file", &dirfd, &fault), FAULT_REFUSED,
		   "file: expected a directory, found a regular file");
	REFUSED_AS(open_directory(scratch.dirfd, "none", &dirfd, &fault), FAULT_NOT_FOUND,
		   "none: No such file or directory");
}

/* catalogue 33, 35 */
Test(directory, has_locks_that_are_regular_files)
{
	static const char *const names[] = {"link", "fifo", "directory"};

	put_file(scratch.dirfd, "target", "content", 0600);
	cr_assert_eq(symlinkat("target", scratch.dirfd, "link"), 0);
	cr_assert_eq(mkfifoat(scratch.dirfd, "fifo", 0600), 0);
	cr_assert_eq(mkdirat(scratch.dirfd, "directory", 0700), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		int lock = -1;

		REFUSED(lock_file(scratch.dirfd, names[i], LOCK_REFUSE, &lock, &fault),
			FAULT_REFUSED, "expected a regular file, found a");
		cr_expect_eq(lock, -1);
	}
	cr_expect(file_holds(scratch.dirfd, "target", "content"));
}

/* Starts a process that takes the lock, reports it, and waits to be killed. */
static pid_t hold_lock(const char *name)
{
	char octet;
	int ends[2];
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		int lock = -1;

		if (lock_file(scratch.dirfd, name, LOCK_WAIT, &lock, NULL) == 0 &&
		    write(ends[1], "x", 1) == 1)
			(void)pause();
		_exit(1);
	}
	cr_assert_eq(read(ends[0], &octet, 1), 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return child;
}

/* catalogue 87, 88: a lock lasts until its process ends, however it ends */
Test(directory, has_locks_that_end_with_their_process)
{
	int lock = -1;
	pid_t child = hold_lock("lock");

	cr_expect_eq(mode_of(scratch.dirfd, "lock"), 0600);
	REFUSED_AS(lock_file(scratch.dirfd, "lock", LOCK_REFUSE, &lock, &fault), FAULT_BUSY,
		   "lock: another process has this lock");
	cr_assert_eq(kill(child, SIGKILL), 0);
	OK(lock_file(scratch.dirfd, "lock", LOCK_WAIT, &lock, &fault));
	cr_expect_eq(fcntl(lock, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cr_expect_eq(waitpid(child, NULL, 0), child);
	close_descriptor(&lock);
	cr_expect_eq(lock, -1);
	close_descriptor(&lock);
}

Test(directory, is_locked_itself_by_one_at_a_time)
{
	int lock = -1;
	int other;

	OK(lock_directory(AT_FDCWD, scratch.path, &lock, &fault));
	other = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(other, 0);
	cr_expect_neq(flock(other, LOCK_EX | LOCK_NB), 0);
	close_descriptor(&lock);
	cr_expect_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	(void)close(other);
	REFUSED(lock_directory(AT_FDCWD, "/nonexistent", &lock, &fault), FAULT_NOT_FOUND, NULL);
	cr_expect_eq(lock, -1);
}
