#include "common/pool/messages/choose_in_window.h"

#include "common/pool/members/pool.h"
#include "common/pool/members/pool_numbers.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 4, EVERY_S = 600, OVERLAP_S = 60 };

static struct fixture fixture;
static struct client_node *client;
static int64_t begin_s; /* of the window whose members are 1 … MEMBERS; the next one has the next */

static void set_up(void)
{
	open_fixture(&fixture);
	client = &fixture.clients[0];
	client->pool.windows = (struct pool_windows){EVERY_S, OVERLAP_S, 1, MEMBERS};
	client->pool.size = MEMBERS * (client->pool.windows.ahead + 1);
	begin_s = window_at(&client->pool.windows, fixture.now_s).begin_s;
	OK(prepare_numbers(fixture.layouts[0], client, fixture.now_s, &fault));
	make_client_pool(&fixture, 0);
	for (size_t i = 1; i <= client->pool.size; i++) {
		struct window window =
			window_of_member(&client->pool.windows, &client->pool.window_numbers, i);

		certify_member(&fixture, 0, i, window.begin_s, window.end_s);
	}
}

static void tear_down(void)
{
	free(TAKE(client->pool.marks));
	close_fixture(&fixture);
}

TestSuite(choose_in_window, .init = set_up, .fini = tear_down);

static struct window_chooser *open_chooser(enum reuse method)
{
	struct window_chooser *chooser = NULL;

	client->pool.reuse.method = method;
	OK(new_window_chooser(fixture.layouts[0], client, &chooser, &fault));
	return chooser;
}

static size_t choose_at(struct window_chooser *chooser, const char *peer, int64_t now_s)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	OK(choose_in_window(chooser, peer, 0, now_s, &signer, &fault));
	return signer->member.index;
}

static void expect_in_window(size_t member, size_t window)
{
	cr_expect_gt(member, window * MEMBERS);
	cr_expect_leq(member, (window + 1) * MEMBERS);
}

/* One process goes on over the windows, also through the overlap, when members of both are valid.
 */
Test(choose_in_window, changes_the_members_with_the_window)
{
	static const enum reuse methods[] = {REUSE_RANDOM, REUSE_LIMITED_TIME, REUSE_ROTATING_BATCH,
					     REUSE_PER_RELYING_PARTY};
	static const struct {
		int64_t at_s;
		size_t window;
	} times[] = {{0, 0}, {1, 0}, {EVERY_S - 1, 0}, {EVERY_S, 1}, {EVERY_S + OVERLAP_S, 1}};

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		CLEANUP(free_window_chooser)
		struct window_chooser *chooser = open_chooser(methods[i]);

		for (size_t time = 0; time < COUNT_OF(times); time++)
			for (size_t n = 0; n < 2 * MEMBERS; n++)
				expect_in_window(
					choose_at(chooser, "client2", begin_s + times[time].at_s),
					times[time].window);
		/* The clock is put back. */
		expect_in_window(choose_at(chooser, "client2", begin_s + 1), 0);
	}
}

Test(choose_in_window, rotates_all_members_of_a_window_over_all_processes)
{
	for (size_t window = 0; window < 2; window++) {
		size_t counts[2 * MEMBERS + 1] = {0};

		for (size_t i = 0; i < 2 * MEMBERS; i++) {
			CLEANUP(free_window_chooser)
			struct window_chooser *chooser = open_chooser(REUSE_ROTATING_BATCH);

			counts[choose_at(chooser, "client2",
					 begin_s + (int64_t)window * EVERY_S + (int64_t)i)]++;
		}
		for (size_t i = 1; i <= MEMBERS; i++)
			cr_expect_eq(counts[window * MEMBERS + i], 2, "member %zu", i);
	}
}

Test(choose_in_window, keeps_a_receivers_member_until_the_window_is_over)
{
	CLEANUP(free_window_chooser)
	struct window_chooser *chooser = open_chooser(REUSE_PER_RELYING_PARTY);
	size_t first = choose_at(chooser, "client2", begin_s);
	size_t next = choose_at(chooser, "client2", begin_s + EVERY_S);

	expect_in_window(first, 0);
	expect_in_window(next, 1);
	cr_expect_eq(choose_at(chooser, "client2", begin_s + EVERY_S + 1), next);
	cr_expect_neq(choose_at(chooser, "client3", begin_s + EVERY_S + 1), next);
}

Test(choose_in_window, refuses_a_member_of_another_window_and_a_window_without_members)
{
	CLEANUP(free_window_chooser) struct window_chooser *chooser = open_chooser(REUSE_RANDOM);
	CLEANUP(release_signer) struct signer *signer = NULL;

	REFUSED(choose_in_window(chooser, "client2", MEMBERS + 1, begin_s, &signer, &fault),
		FAULT_REFUSED,
		"member 5 of client1: it is not for the present window, whose members are 1 to 4");
	REFUSED(choose_in_window(chooser, "client2", MEMBERS, begin_s + EVERY_S, &signer, &fault),
		FAULT_REFUSED, "whose members are 5 to 8");
	REFUSED(choose_in_window(chooser, "client2", 0, begin_s + 2 * (int64_t)EVERY_S, &signer,
				 &fault),
		FAULT_NOT_FOUND, "no member of client1 for the window from ");
	SAID("can sign: run certpool keep client1");
	REFUSED(choose_in_window(chooser, "client2", 0, begin_s - 1, &signer, &fault),
		FAULT_NOT_FOUND, "no member of client1 for the window from ");
	cr_expect_null(signer);
	OK(choose_in_window(chooser, "client2", MEMBERS, begin_s, &signer, &fault));
	cr_expect_eq(signer->member.index, MEMBERS);
}

Test(choose_in_window, gives_the_next_windows_new_numbers_and_retires_those_that_are_over)
{
	int64_t later_s = begin_s + 2 * EVERY_S + OVERLAP_S;
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	char name[FILE_NAME_SIZE];
	size_t retired;

	/* The window before goes on beside the present one. */
	OK(prepare_numbers(fixture.layouts[0], client, later_s, &fault));
	cr_expect_eq(last_member(&client->pool), 4 * MEMBERS);
	cr_expect(is_set_apart(&client->pool, MEMBERS));
	cr_expect_not(is_set_apart(&client->pool, MEMBERS + 1));
	OK(prepare_numbers(fixture.layouts[0], client, later_s + 1, &fault));
	cr_expect(is_set_apart(&client->pool, 2 * MEMBERS));
	cr_expect_not(is_set_apart(&client->pool, 2 * MEMBERS + 1));
	OK(retire_used_members(fixture.layouts[0], client, &retired, &fault));
	cr_expect_eq(retired, 2 * MEMBERS);
	for (size_t i = 1; i <= 2 * MEMBERS; i++) {
		name_private_key(i, name);
		cr_expect_not(file_exists(fixture.layouts[0]->private, name));
	}
	OK(read_pool_state(fixture.layouts[0], client->name, &state, &fault));
	cr_expect_eq(count_marked(&state, MEMBER_RETIRED), 2 * MEMBERS);
	cr_expect_eq(state.window_numbers.begin_s, begin_s);
	cr_expect_eq(state.window_numbers.first, 1);
}

Test(choose_in_window, sets_all_members_aside_when_the_manifest_has_other_windows)
{
	client->pool.windows.every_s = 2 * EVERY_S;
	OK(prepare_numbers(fixture.layouts[0], client, fixture.now_s, &fault));
	for (size_t i = 1; i <= 2 * MEMBERS; i++)
		cr_expect(is_set_apart(&client->pool, i));
	cr_expect_eq(client->pool.window_numbers.first, 2 * MEMBERS + 1);
	cr_expect_eq(last_member(&client->pool), 4 * MEMBERS);
}

/* As on a host whose clock is right only some time after its start. */
Test(choose_in_window, loses_no_member_while_the_clock_is_far_ahead_or_behind)
{
	int64_t ahead_s = begin_s + 1000 * (int64_t)EVERY_S;

	OK(prepare_numbers(fixture.layouts[0], client, ahead_s, &fault));
	cr_expect(is_set_apart(&client->pool, 1));
	REFUSED(prepare_numbers(fixture.layouts[0], client, 0, &fault), FAULT_REFUSED,
		"expected a time from the pool's first window on, which begins at ");
	SAID("the clock shows 1970-01-01T00:00:00Z: set the clock");
	OK(prepare_numbers(fixture.layouts[0], client, fixture.now_s, &fault));
	for (size_t i = 1; i <= 2 * MEMBERS; i++)
		cr_expect_not(is_set_apart(&client->pool, i), "member %zu", i);
	cr_expect_eq(client->pool.window_numbers.first, 1);
	cr_expect_eq(last_member(&client->pool), 2 * MEMBERS);
}

Test(choose_in_window, has_new_members_where_a_clock_that_was_ahead_destroyed_all)
{
	size_t retired;

	OK(prepare_numbers(fixture.layouts[0], client, begin_s + 1000 * (int64_t)EVERY_S, &fault));
	OK(retire_used_members(fixture.layouts[0], client, &retired, &fault));
	cr_expect_eq(retired, 1000 * MEMBERS);
	OK(prepare_numbers(fixture.layouts[0], client, fixture.now_s, &fault));
	cr_expect_eq(client->pool.window_numbers.begin_s, begin_s);
	cr_expect_eq(client->pool.window_numbers.first, 1000 * MEMBERS + 1);
	cr_expect_eq(last_member(&client->pool), 1002 * MEMBERS);
	cr_expect_eq(count_members(&client->pool), 2 * MEMBERS);
}
