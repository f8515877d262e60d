#include "common/base/file.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/unit/base/failing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX = 4096 };

static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static void expect_unreadable(const char *name, enum fault_class class, const char *text)
{
	struct buffer content = {0};
	struct secret secret = {0};
	struct fault faults[2] = {{0}};

	cr_expect_eq(read_file(scratch.dirfd, name, MAX, &content, &faults[0]), -1, "read %s",
		     name);
	cr_expect_eq(read_secret_file(scratch.dirfd, name, MAX, &secret, &faults[1]), -1, "read %s",
		     name);
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		cr_expect_eq(faults[i].class, class, "%s", faults[i].text);
		cr_expect_not_null(strstr(faults[i].text, text), "expected %s, found %s", text,
				   faults[i].text);
	}
	cr_expect_null(content.data);
	cr_expect_null(secret.data);
}

/* catalogue 32 */
Test(file, refuses_names_that_leave_the_directory)
{
	static const struct {
		const char *name;
		enum fault_class class;
		const char *text;
	} rows[] = {
		{"../outside", FAULT_REFUSED, "inside its directory, found a way out of it"},
		{"/etc/passwd", FAULT_REFUSED, "inside its directory, found a way out of it"},
		{"sub/../../outside", FAULT_REFUSED, "found a way out of it"},
		{"..", FAULT_REFUSED, "found a directory"},
		{".", FAULT_REFUSED, "found a directory"},
		{"", FAULT_NOT_FOUND, "No such file"},
	};

	cr_assert_eq(mkdirat(scratch.dirfd, "sub", 0755), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_unreadable(rows[i].name, rows[i].class, rows[i].text);
}

/* catalogue 32 */
Test(file, refuses_a_name_of_300_characters)
{
	char name[301];

	memset(name, 'a', 300);
	name[300] = '\0';
	expect_unreadable(name, FAULT_FAILED, "File name too long");
}

/* catalogue 33, 35 */
Test(file, refuses_what_is_no_regular_file)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	put_file(scratch.dirfd, "target", "secret", 0600);
	cr_assert_eq(symlinkat("target", scratch.dirfd, "link"), 0);
	cr_assert_eq(symlinkat("nothing", scratch.dirfd, "dangling"), 0);
	cr_assert_eq(mkfifoat(scratch.dirfd, "fifo", 0600), 0);
	cr_assert_eq(mkdirat(scratch.dirfd, "directory", 0700), 0);
	cr_assert_eq(chdir(scratch.path), 0);
	cr_assert_eq(
		bind(listener, (const struct sockaddr *)(const void *)&address, sizeof(address)),
		0);
	expect_unreadable("link", FAULT_REFUSED, "found a symbolic link");
	expect_unreadable("dangling", FAULT_REFUSED, "found a symbolic link");
	expect_unreadable("fifo", FAULT_REFUSED, "expected a regular file, found a FIFO");
	expect_unreadable("directory", FAULT_REFUSED, "found a directory");
	expect_unreadable("socket", FAULT_REFUSED, "found a socket");
	(void)close(listener);
}

/* catalogue 35 */
Test(file, refuses_a_device)
{
	struct buffer content = {0};

	REFUSED_AS(read_file(AT_FDCWD, "/dev/zero", MAX, &content, &fault), FAULT_REFUSED,
		   "/dev/zero: expected a regular file, found a device");
}

/* catalogue 36: a directory on the way that becomes a link is not followed */
Test(file, refuses_a_symbolic_link_on_the_way)
{
	struct buffer content = {0};
	int dirfd = -1;

	cr_assert_eq(mkdirat(scratch.dirfd, "real", 0700), 0);
	put_file(scratch.dirfd, "real/key", "secret", 0600);
	cr_assert_eq(symlinkat("real", scratch.dirfd, "way"), 0);
	expect_unreadable("way/key", FAULT_REFUSED, "found a symbolic link");
	REFUSED_AS(open_directory(scratch.dirfd, "way", &dirfd, &fault), FAULT_REFUSED,
		   "way: expected a directory, found a symbolic link");
	REFUSED(open_directory(scratch.dirfd, "way/.", &dirfd, &fault), FAULT_REFUSED, NULL);
	cr_expect_eq(read_file(scratch.dirfd, "real/key", MAX, &content, NULL), 0);
	clear_buffer(&content);
}

struct swapper {
	atomic_bool done;
	unsigned int swaps;
};

static void *swap_directories(void *argument)
{
	struct swapper *swapper = argument;

	while (!atomic_load(&swapper->done))
		swapper->swaps += renameat2(scratch.dirfd, "way", scratch.dirfd, "swapped",
					    RENAME_EXCHANGE) == 0;
	return NULL;
}

/* catalogue 36: a directory and a link to another are swapped all the time */
Test(file, never_follows_a_link_that_is_swapped_in)
{
	struct swapper swapper = {.swaps = 0};
	pthread_t thread;
	unsigned int reads = 0;

	cr_assert_eq(mkdirat(scratch.dirfd, "way", 0700), 0);
	cr_assert_eq(mkdirat(scratch.dirfd, "evil", 0700), 0);
	put_file(scratch.dirfd, "way/key", "ours", 0600);
	put_file(scratch.dirfd, "evil/key", "evil", 0600);
	cr_assert_eq(symlinkat("evil", scratch.dirfd, "swapped"), 0);
	cr_assert_eq(pthread_create(&thread, NULL, swap_directories, &swapper), 0);
	for (size_t i = 0; i < 3000; i++) {
		CLEANUP(clear_buffer) struct buffer content = {0};
		struct fault fault = {0};

		if (read_file(scratch.dirfd, "way/key", MAX, &content, &fault) < 0) {
			cr_expect_eq(fault.class, FAULT_REFUSED, "%s", fault.text);
			continue;
		}
		reads++;
		cr_assert_str_eq((const char *)content.data, "ours");
	}
	atomic_store(&swapper.done, true);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_log_info("%u reads, %u swaps", reads, swapper.swaps);
}

/* catalogue 38, 100 */
Test(file, refuses_a_secret_that_others_can_reach)
{
	static const mode_t modes[] = {0644, 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777, 04644};

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		struct secret secret = {0};

		put_file(scratch.dirfd, "key", "secret", modes[i]);
		REFUSED(read_secret_file(scratch.dirfd, "key", MAX, &secret, &fault), FAULT_REFUSED,
			"key: expected mode 0600, found", "%04o", (unsigned int)modes[i]);
		SAID("run chmod 600");
		NOT_SAID("secret\n");
		cr_expect_null(secret.data);
	}
}

/* catalogue 35 */
Test(file, refuses_a_secret_with_another_name)
{
	struct secret secret = {0};

	put_file(scratch.dirfd, "key", "secret", 0600);
	cr_assert_eq(linkat(scratch.dirfd, "key", scratch.dirfd, "other", 0), 0);
	REFUSED_AS(read_secret_file(scratch.dirfd, "key", MAX, &secret, &fault), FAULT_REFUSED,
		   "key: expected one link, found 2: the secret has another name too");
}

/* catalogue 38 */
Test(file, refuses_a_secret_of_somebody_else)
{
	struct secret secret = {0};

	if (geteuid() != 0)
		cr_skip_test("only root can give a file away");
	put_file(scratch.dirfd, "key", "secret", 0600);
	cr_assert_eq(fchownat(scratch.dirfd, "key", 12345, 12345, 0), 0);
	REFUSED_AS(read_secret_file(scratch.dirfd, "key", MAX, &secret, &fault), FAULT_REFUSED,
		   "key: expected a file of user 0, found one of user 12345");
}

/* catalogue 39 */
Test(file, refuses_a_gigabyte_without_reading_it)
{
	int descriptor = openat(scratch.dirfd, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct rusage before;
	struct rusage after;

	cr_assert_eq(ftruncate(descriptor, 1024L * 1024 * 1024), 0);
	(void)close(descriptor);
	cr_assert_eq(getrusage(RUSAGE_SELF, &before), 0);
	expect_unreadable("large", FAULT_TOO_LARGE,
			  "large: expected at most 4096 octets, found 1073741824");
	cr_assert_eq(getrusage(RUSAGE_SELF, &after), 0);
	cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 16 * 1024L);
}

/* catalogue 39 */
Test(file, reads_up_to_its_limit_and_not_one_more)
{
	static const struct {
		size_t len;
		int result;
	} rows[] = {{0, 0}, {1, 0}, {255, 0}, {256, 0}, {MAX - 1, 0}, {MAX, 0}, {MAX + 1, -1}};
	char text[MAX + 2];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer content = {0};
		CLEANUP(clear_secret) struct secret secret = {0};

		memset(text, 'x', sizeof(text));
		put_bytes(scratch.dirfd, "file", (struct bytes){(uint8_t *)text, rows[i].len},
			  0600);
		cr_expect_eq(read_file(scratch.dirfd, "file", MAX, &content, NULL), rows[i].result);
		cr_expect_eq(read_secret_file(scratch.dirfd, "file", MAX, &secret, NULL),
			     rows[i].result);
		if (rows[i].result < 0)
			continue;
		cr_expect_eq(content.len, rows[i].len);
		cr_expect_eq(content.data[rows[i].len], '\0');
		cr_expect_eq(secret.len, rows[i].len);
		cr_expect_eq(secret.data[rows[i].len], '\0');
	}
}

Test(file, takes_little_more_memory_than_a_file_has)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	put_file(scratch.dirfd, "file", "a small file", 0644);
	cr_assert_eq(read_file(scratch.dirfd, "file", 1024L * 1024, &content, NULL), 0);
	cr_expect_leq(content.size, 512);
}

Test(file, reads_what_has_no_size)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	OK(read_file(AT_FDCWD, "/proc/self/status", 65536, &content, &fault));
	cr_expect_not_null(strstr((const char *)content.data, "VmPeak"));
}

Test(file, follows_the_links_of_a_path_that_the_user_gave)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	cr_assert_eq(mkdirat(scratch.dirfd, "real", 0700), 0);
	put_file(scratch.dirfd, "real/file", "content", 0644);
	cr_assert_eq(symlinkat("real", scratch.dirfd, "way"), 0);
	cr_assert_eq(symlinkat("file", scratch.dirfd, "real/link"), 0);
	cr_assert_eq(chdir(scratch.path), 0);
	OK(read_file(AT_FDCWD, "way/file", MAX, &content, &fault));
	clear_buffer(&content);
	OK(read_file(AT_FDCWD, "way/link", MAX, &content, &fault));
	clear_buffer(&content);
	/* Below an open directory, no link is followed. */
	REFUSED(read_file(scratch.dirfd, "way/file", MAX, &content, &fault), FAULT_REFUSED, NULL);
}

/* catalogue 74 */
Test(file, says_so_when_there_are_no_descriptors_left)
{
	struct rlimit before;
	struct rlimit limit;

	put_file(scratch.dirfd, "file", "content", 0600);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){3, before.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_unreadable("file", FAULT_FAILED, "file: Too many open files");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

Test(file, tells_whether_something_has_a_name)
{
	bool found = true;

	OK(find_file(scratch.dirfd, "x", &found, &fault));
	cr_expect(!found);
	cr_assert_eq(symlinkat("nothing", scratch.dirfd, "x"), 0);
	OK(find_file(scratch.dirfd, "x", &found, &fault));
	cr_expect(found);
	OK(find_file(scratch.dirfd, "x/y", &found, &fault));
	cr_expect(!found, "below something that is no directory");
}

/* catalogue 121 */
Test(file, does_not_take_a_disk_that_fails_for_absence)
{
	static const int errors[] = {EIO, EACCES, ENOMEM, ELOOP, ESTALE};
	bool found = true;

	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		failing_stat = (struct failing_call){.error = errors[i], .left = 1};
		REFUSED(find_file(scratch.dirfd, "x", &found, &fault), FAULT_FAILED, "x: ");
		SAID(strerror(errors[i]));
	}
	cr_expect(found, "untouched");
}

/* catalogue 121 */
Test(file, does_not_take_a_disk_that_fails_for_the_end_of_a_directory)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *name = NULL;
	size_t count = 0;

	put_file(scratch.dirfd, "x", "", 0600);
	OK(open_listing(scratch.dirfd, &listing, &fault));
	failing_readdir = (struct failing_call){.error = EIO, .left = 1};
	REFUSED(read_listing(listing, &name, &fault), FAULT_FAILED, "cannot be listed: ");
	do {
		OK(read_listing(listing, &name, &fault));
		count += name != NULL;
	} while (name != NULL);
	cr_expect_eq(count, 3, "., .. and x");
}

Test(file, says_why_it_gets_no_other_name)
{
	REFUSED_AS(rename_file(scratch.dirfd, "absent", "new", &fault), FAULT_NOT_FOUND,
		   "absent: not found");
	put_file(scratch.dirfd, "file", "x", 0600);
	cr_assert_eq(mkdirat(scratch.dirfd, "directory", 0700), 0);
	REFUSED_AS(rename_file(scratch.dirfd, "file", "directory", &fault), FAULT_FAILED,
		   "file: cannot be renamed to directory: Is a directory");
	REFUSED_AS(remove_file(scratch.dirfd, "directory", &fault), FAULT_FAILED,
		   "directory: cannot be removed: Is a directory");
}

/* A file renamed over a secret replaces it at once; a reader that has the old one open is not
 * disturbed. */
Test(file, takes_the_place_of_another)
{
	CLEANUP(clear_secret) struct secret content = {0};

	put_file(scratch.dirfd, "old", "old", 0600);
	put_file(scratch.dirfd, "new", "new", 0600);
	OK(rename_file(scratch.dirfd, "new", "old", &fault));
	OK(sync_directory(scratch.dirfd, &fault));
	OK(read_secret_file(scratch.dirfd, "old", 10, &content, &fault));
	cr_expect_str_eq((const char *)content.data, "new");
	OK(remove_file(scratch.dirfd, "old", &fault));
	OK(remove_file(scratch.dirfd, "old", &fault));
	cr_expect(!file_exists(scratch.dirfd, "old"));
}
