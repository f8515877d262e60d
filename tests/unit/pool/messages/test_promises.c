#include "common/pool/messages/choose_signer.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/messages/choosing.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What each way to choose a member promises, over many messages of processes that are killed at any
 * point. CERTPOOL_TEST_MESSAGES says how many messages each is tried with; once_only, where each
 * needs a member, with a fifth.
 */

TestSuite(promises, .init = open_choosing, .fini = close_choosing);

enum { MESSAGES = 4000, KILLS = 20, MEMBERS_MAX = 200000 };

static size_t message_count(void)
{
	const char *text = getenv("CERTPOOL_TEST_MESSAGES");

	return text != NULL ? strtoul(text, NULL, 10) : MESSAGES;
}

/* What the messages of one process were signed by. */
static size_t signed_by[2 * MEMBERS_MAX];
static size_t signed_count;

/* A process is a few of these ahead of its reader at most: as many as a small pipe has room for. */
struct message_note {
	size_t member;
	char rest[504];
};
enum { PIPE_SIZE = 4096 };

/* Chooses members, as for messages, and writes each into the pipe, until nobody reads or none is
   left. */
static void choose_and_tell(const char *peer, int64_t now_s, int pipe)
{
	struct chooser *chooser = NULL;
	struct fault fault = {0};

	if (new_chooser(choosing.fixture.layouts[0], choosing.client, choosing.cache, &chooser,
			&fault) < 0)
		_exit(99);
	expect_messages(chooser, MEMBERS_MAX);
	for (;;) {
		CLEANUP(release_signer) struct signer *signer = NULL;
		struct message_note note = {0};

		if (choose_signer(chooser, peer, now_s, &signer, &fault) < 0)
			_exit(fault.class == FAULT_NOT_FOUND ? 0 : 98);
		note.member = signer->member.index;
		if (write(pipe, &note, sizeof(note)) != sizeof(note))
			_exit(97);
	}
}

/* A process that is killed once it has signed so many messages; false: it ended before, since no
   member was left. */
static bool sign_and_be_killed(const char *peer, int64_t now_s, size_t messages)
{
	struct message_note note;
	FILE *stream;
	int ends[2];
	int status;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_geq(fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		(void)close(ends[0]);
		choose_and_tell(peer, now_s, ends[1]);
	}
	(void)close(ends[1]);
	stream = fdopen(ends[0], "r");
	cr_assert_not_null(stream);
	for (signed_count = 0; fread(&note, sizeof(note), 1, stream) == 1; signed_count++) {
		cr_assert_lt(signed_count, COUNT_OF(signed_by));
		signed_by[signed_count] = note.member;
		if (signed_count + 1 == messages)
			cr_assert_eq(kill(child, SIGKILL), 0);
	}
	(void)fclose(stream);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "status %d", status);
	return WIFSIGNALED(status);
}

static size_t difference(const size_t counts[static CHOOSING_SIZE + 1])
{
	size_t least = counts[1];
	size_t most = counts[1];

	for (size_t i = 2; i <= CHOOSING_SIZE; i++) {
		least = counts[i] < least ? counts[i] : least;
		most = counts[i] > most ? counts[i] : most;
	}
	return most - least;
}

/* Adds the messages of the last process, whose members it returns a count of. */
static size_t tally_members(size_t counts[static CHOOSING_SIZE + 1])
{
	size_t own[CHOOSING_SIZE + 1] = {0};
	size_t members = 0;

	for (size_t i = 0; i < signed_count; i++) {
		cr_assert(signed_by[i] >= 1 && signed_by[i] <= CHOOSING_SIZE);
		members += own[signed_by[i]]++ == 0 ? 1 : 0;
		counts[signed_by[i]]++;
	}
	return members;
}

/* Of five degrees of freedom: 60 is exceeded with a probability of 10^-11. */
Test(promises, random_is_uniform)
{
	size_t counts[CHOOSING_SIZE + 1] = {0};
	double sum = 0;
	double total = 0;

	choosing.client->pool.reuse.method = REUSE_RANDOM;
	for (int i = 0; i < KILLS; i++) {
		cr_assert(sign_and_be_killed("client2", choosing.fixture.now_s,
					     message_count() / KILLS));
		(void)tally_members(counts);
	}
	for (size_t i = 1; i <= CHOOSING_SIZE; i++)
		total += (double)counts[i];
	for (size_t i = 1; i <= CHOOSING_SIZE; i++) {
		double deviation = (double)counts[i] - total / CHOOSING_SIZE;

		sum += deviation * deviation / (total / CHOOSING_SIZE);
	}
	cr_log_info("%.0f draws, chi-squared %.2f of 5 degrees of freedom", total, sum);
	cr_expect_lt(sum, 60.0, "%f", sum);
}

Test(promises, rotating_batch_has_each_member_sign_as_often)
{
	size_t counts[CHOOSING_SIZE + 1] = {0};

	choosing.client->pool.reuse.method = REUSE_ROTATING_BATCH;
	for (int i = 0; i < KILLS; i++) {
		size_t own[CHOOSING_SIZE + 1] = {0};

		cr_assert(sign_and_be_killed("client2", choosing.fixture.now_s,
					     message_count() / KILLS));
		(void)tally_members(counts);
		(void)tally_members(own);
		cr_expect_leq(difference(own), 2, "process %d: %zu", i, difference(own));
	}
	cr_expect_leq(difference(counts), UNDER_WAY_MAX * KILLS + 1, "%zu", difference(counts));
}

/* Two processes in each time. */
Test(promises, limited_time_has_one_member_in_each_time)
{
	size_t counts[CHOOSING_SIZE + 1] = {0};
	size_t last = 0;

	choosing.client->pool.reuse.method = REUSE_LIMITED_TIME;
	choosing.client->pool.reuse.hold_s = 300;
	for (int i = 0; i < KILLS; i++) {
		cr_assert(sign_and_be_killed("client2",
					     choosing.fixture.now_s + (int64_t)(i / 2) * 300,
					     message_count() / KILLS));
		cr_expect_eq(tally_members(counts), 1);
		cr_expect_eq(signed_by[0] == last, i % 2 == 1, "process %d", i);
		last = signed_by[0];
	}
}

Test(promises, per_relying_party_has_a_member_for_each)
{
	static const char *const peers[] = {"client2", "client3", "client4"};
	size_t own[COUNT_OF(peers)] = {0};
	size_t counts[CHOOSING_SIZE + 1] = {0};

	choosing.client->pool.reuse.method = REUSE_PER_RELYING_PARTY;
	for (size_t i = 0; i < KILLS; i++) {
		size_t peer = i % COUNT_OF(peers);

		cr_assert(sign_and_be_killed(peers[peer], choosing.fixture.now_s,
					     message_count() / KILLS));
		cr_expect_eq(tally_members(counts), 1);
		cr_expect(own[peer] == 0 || signed_by[0] == own[peer], "%s", peers[peer]);
		own[peer] = signed_by[0];
	}
	cr_expect(own[0] != own[1] && own[0] != own[2] && own[1] != own[2]);
}

/* Gives members 7, 8 and so on the file of members 1, 2 and so on. */
static void copy_member_files(int folder, void (*name)(size_t, char[static FILE_NAME_SIZE]),
			      size_t size, mode_t mode)
{
	char file[FILE_NAME_SIZE];

	for (size_t i = 1; i <= CHOOSING_SIZE; i++) {
		CLEANUP(clear_buffer) struct buffer content = {0};

		name(i, file);
		content = get_file(folder, file);
		for (size_t j = i + CHOOSING_SIZE; j <= size; j += CHOOSING_SIZE) {
			name(j, file);
			put_file(folder, file, (const char *)content.data, mode);
		}
	}
}

/* A pool of so many members, which had its state before it had keys. They have six keys, which
   nobody minds who chooses. */
static void make_large_pool(size_t size)
{
	struct layout *layout = choosing.fixture.layouts[0];
	struct client_node empty = {.name = "client1"};

	empty.pool.size = size;
	empty.pool.reuse.method = REUSE_ONCE_ONLY;
	for (size_t i = 1; i <= CHOOSING_SIZE; i++) {
		char name[FILE_NAME_SIZE];

		name_private_key(i, name);
		cr_assert_eq(unlinkat(layout->private, name, 0), 0);
		name_csr(i, name);
		cr_assert_eq(unlinkat(layout->csr_file, name, 0), 0);
		remove_member(i);
	}
	OK(prepare_numbers(layout, &empty, choosing.fixture.now_s, &fault));
	free(empty.pool.marks);
	make_certified_pool(&choosing.fixture, 0);
	copy_member_files(layout->private, name_private_key, size, 0600);
	copy_member_files(layout->cert, name_certificate, size, 0644);
	choosing.client->pool.size = size;
	choosing.client->pool.reuse.method = REUSE_ONCE_ONLY;
}

/* In which tenth of the messages a member of which tenth of the pool signed. */
enum { TENTHS = 10 };

static double compare_tenths(size_t counts[TENTHS][TENTHS], size_t total)
{
	double expected = (double)total / TENTHS / TENTHS;
	double sum = 0;

	for (size_t i = 0; i < TENTHS; i++)
		for (size_t j = 0; j < TENTHS; j++)
			sum += ((double)counts[i][j] - expected) *
			       ((double)counts[i][j] - expected) / expected;
	return sum;
}

/* The order in which members sign is uniform, too. Of some 90 degrees of freedom: 250 is exceeded
   with a probability below 10^-15. */
Test(promises, once_only_has_no_member_sign_twice)
{
	size_t counts[TENTHS][TENTHS] = {0};
	const size_t size = message_count() / 5;
	static bool has_signed[MEMBERS_MAX + 1];
	size_t kills = 0;
	size_t total = 0;
	bool killed = true;

	cr_assert_leq(size, MEMBERS_MAX);
	make_large_pool(size);
	while (killed) {
		killed = sign_and_be_killed("client2", choosing.fixture.now_s,
					    kills < KILLS ? size / (2 * KILLS) + kills % 4
							  : 2 * size);
		kills += killed ? 1 : 0;
		for (size_t i = 0; i < signed_count; i++) {
			cr_assert_not(has_signed[signed_by[i]], "member %zu", signed_by[i]);
			has_signed[signed_by[i]] = true;
			counts[(total + i) * TENTHS / size][(signed_by[i] - 1) * TENTHS / size]++;
		}
		total += signed_count;
	}
	cr_log_info("%zu messages, %zu kills, chi-squared of the order %.2f", total, kills,
		    compare_tenths(counts, total));
	cr_expect_lt(compare_tenths(counts, total), 250.0, "%f", compare_tenths(counts, total));
	cr_expect_eq(kills, KILLS);
	cr_expect_geq(total + UNDER_WAY_MAX * kills, size, "%zu messages, %zu kills", total, kills);
}
