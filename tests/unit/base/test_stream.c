#include "common/base/file.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX = 4096 };

static void ignore_signal(int number)
{
	(void)number;
}

struct talker {
	int descriptor;
	pthread_t listener;
	size_t len;
};

/* Writes one octet at a time, and interrupts the reader. */
static void *talk(void *argument)
{
	struct talker *talker = argument;

	for (size_t i = 0; i < talker->len; i++) {
		(void)pthread_kill(talker->listener, SIGUSR1);
		if (write(talker->descriptor, "x", 1) != 1)
			break;
	}
	(void)close(talker->descriptor);
	return NULL;
}

/* catalogue 81 */
Test(stream, reads_on_after_interruptions_and_short_counts)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct sigaction action = {.sa_handler = ignore_signal};
	pthread_t thread;
	int ends[2];

	cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	cr_assert_eq(pipe(ends), 0);
	struct talker talker = {ends[1], pthread_self(), 3000};
	cr_assert_eq(pthread_create(&thread, NULL, talk, &talker), 0);
	OK(read_stream(ends[0], "pipe", MAX, &content, &fault));
	cr_expect_eq(content.len, 3000);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	(void)close(ends[0]);
}

/* catalogue 26 */
Test(stream, stops_reading_an_endless_stream)
{
	static const size_t limits[] = {0, 1, 4096, 65535, 65536, 100000, 200000};

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct buffer content = {0};
		int endless = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		REFUSED(read_stream(endless, "-", limits[i], &content, &fault), FAULT_TOO_LARGE,
			"octets, found more");
		(void)close(endless);
	}
}

Test(stream, reads_a_stream_without_a_limit)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	int empty = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_expect_eq(read_stream(empty, "-", SIZE_MAX, &content, NULL), 0);
	cr_expect_eq(content.len, 0);
	cr_expect_str_eq((const char *)content.data, "");
	(void)close(empty);
}

static void *drain(void *argument)
{
	struct talker *talker = argument;
	char octets[777];
	ssize_t got;

	do {
		(void)pthread_kill(talker->listener, SIGUSR1);
		got = read(talker->descriptor, octets, sizeof(octets));
		talker->len += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	return NULL;
}

/* catalogue 81 */
Test(stream, writes_on_after_interruptions_and_short_counts)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct sigaction action = {.sa_handler = ignore_signal};
	pthread_t thread;
	int ends[2];

	cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	memset(extend_buffer(&content, 1000000), 'x', 1000000);
	cr_assert_eq(pipe(ends), 0);
	struct talker talker = {ends[0], pthread_self(), 0};
	cr_assert_eq(pthread_create(&thread, NULL, drain, &talker), 0);
	OK(write_stream(ends[1], "pipe", bytes_of_buffer(&content), &fault));
	(void)close(ends[1]);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_eq(talker.len, 1000000);
	(void)close(ends[0]);
}

/* catalogue 81, 82 */
Test(stream, says_so_when_a_stream_takes_nothing)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int ends[2];

	REFUSED_AS(write_stream(full, "-", bytes_of_string("x"), &fault), FAULT_FAILED,
		   "-: cannot be written: No space left on device");
	(void)close(full);
	(void)signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe(ends), 0);
	(void)close(ends[0]);
	REFUSED_AS(write_stream(ends[1], "pipe", bytes_of_string("x"), &fault), FAULT_FAILED,
		   "pipe: cannot be written: Broken pipe");
	(void)close(ends[1]);
	REFUSED_AS(write_stream(ends[1], "closed", bytes_of_string("x"), &fault), FAULT_FAILED,
		   "closed: cannot be written: Bad file descriptor");
}

/* Kernels before 6.3 do not know the flag 8, MFD_NOEXEC_SEAL. */
static bool memory_can_be_sealed(void)
{
	CLEANUP(close_descriptor) int descriptor = memfd_create("probe", 8);

	return descriptor >= 0;
}

Test(stream, keeps_in_memory_a_file_from_which_no_program_runs)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	char long_name[300] = "";
	char text[8] = "";
	struct stat status;

	OK(make_memory_file("M", bytes_of_string("bonjour"), &descriptor, &fault));
	cr_expect_eq(read(descriptor, text, sizeof(text)), 7);
	cr_expect_str_eq(text, "bonjour");
	cr_expect_neq(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
	cr_assert_eq(fstat(descriptor, &status), 0);
	if (memory_can_be_sealed())
		cr_expect_eq(status.st_mode & 0111U, 0);
	memset(long_name, 'a', sizeof(long_name) - 1);
	REFUSED(make_memory_file(long_name, bytes_of_string("x"), &descriptor, &fault),
		FAULT_FAILED, "memfd_create: Invalid argument");
}
