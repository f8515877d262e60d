#include "common/ca/overview/activity.h"

#include "common/ca/store/audit.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_S = 60, HOUR_S = 3600 };

static struct scratch_store scratch;
static struct store *store;
static struct activity *activity;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(new_activity(&activity, &fault));
}

static void tear_down(void)
{
	free_activity(&activity);
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(activity, .init = set_up, .fini = tear_down);

static void note(enum event_kind kind, size_t serials, int64_t count, int64_t time_s)
{
	static const uint8_t some[3000][SERIAL_MAX] = {{1}};
	const struct event event = {
		.kind = kind,
		.time_s = time_s,
		.by = "client1",
		.client = kind == EVENT_REFUSED ? NULL : "client1",
		.type = kind == EVENT_REFUSED ? "over_quota" : NULL,
		.detail = kind == EVENT_REFUSED ? "\",\"count\":900,\"serials\":[" : NULL,
		.serials = serials > 0 ? some : NULL,
		.serial_count = serials,
		.count = count};

	OK(record_event(store, &event, &fault));
}

static void expect_sum(int64_t span_s, size_t issued, size_t revoked, size_t refused)
{
	struct activity_sum sum = sum_activity(activity, span_s);

	cr_expect_eq(sum.issued, issued, "issued %zu", sum.issued);
	cr_expect_eq(sum.revoked, revoked, "revoked %zu", sum.revoked);
	cr_expect_eq(sum.refused, refused, "refused %zu", sum.refused);
}

/* A refusal's own text cannot count for anything. */
Test(activity, sums_what_was_issued_revoked_and_refused)
{
	note(EVENT_CERTIFIED, 7, 0, NOW_S - 31 * DAY_S);
	note(EVENT_CERTIFIED, 2500, 0, NOW_S - 2 * DAY_S);
	note(EVENT_REVOKED, 3, 0, NOW_S - 2 * HOUR_S);
	note(EVENT_REFUSED, 0, 5, NOW_S - 3 * MINUTE_S);
	note(EVENT_REFUSED, 0, 0, NOW_S - 2 * MINUTE_S);
	note(EVENT_CERTIFIED, 1, 0, NOW_S);
	OK(read_activity(store, NOW_S, activity, &fault));
	expect_sum(HOUR_S, 1, 0, 6);
	expect_sum(DAY_S, 1, 3, 6);
	expect_sum(ACTIVITY_DAYS * DAY_S, 2501, 3, 6);
	cr_expect_eq(sum_activity_between(activity, NOW_S - 3 * DAY_S, NOW_S - DAY_S).issued, 2500);
}

Test(activity, reads_only_the_lines_that_came_since)
{
	note(EVENT_CERTIFIED, 2, 0, NOW_S);
	OK(read_activity(store, NOW_S, activity, &fault));
	OK(read_activity(store, NOW_S, activity, &fault));
	expect_sum(HOUR_S, 2, 0, 0);
	note(EVENT_CERTIFIED, 3, 0, NOW_S + MINUTE_S);
	OK(read_activity(store, NOW_S + MINUTE_S, activity, &fault));
	expect_sum(HOUR_S, 5, 0, 0);
}

Test(activity, forgets_what_is_older_than_the_span)
{
	note(EVENT_CERTIFIED, 2, 0, NOW_S);
	OK(read_activity(store, NOW_S, activity, &fault));
	OK(read_activity(store, NOW_S + 62 * MINUTE_S, activity, &fault));
	expect_sum(HOUR_S, 0, 0, 0);
	expect_sum(DAY_S, 2, 0, 0);
	OK(read_activity(store, NOW_S + 32 * DAY_S, activity, &fault));
	note(EVENT_CERTIFIED, 4, 0, NOW_S + 32 * DAY_S);
	OK(read_activity(store, NOW_S + 32 * DAY_S, activity, &fault));
	expect_sum(ACTIVITY_DAYS * DAY_S, 4, 0, 0);
}

Test(activity, lists_the_last_events_and_the_types_of_refusals)
{
	struct activity_type types[ACTIVITY_TYPES];
	const struct recent_events *events;

	for (int i = 0; i < 3 * RECENT_EVENTS; i++)
		note(EVENT_CERTIFIED, 1, 0, NOW_S - 3 * RECENT_EVENTS + i);
	note(EVENT_REFUSED, 0, 12, NOW_S);
	note(EVENT_BACKUP, 0, 0, NOW_S - 5);
	OK(read_activity(store, NOW_S, activity, &fault));
	events = activity_events(activity);
	cr_assert_eq(events->count, RECENT_EVENTS);
	cr_expect_str_eq(events->items[0].kind, "refused");
	for (size_t i = 1; i < events->count; i++)
		cr_expect_leq(events->items[i].time_s, events->items[i - 1].time_s);
	cr_assert_eq(list_activity_types(activity, types), 1);
	cr_expect_str_eq(types[0].type, "over_quota");
	cr_expect_eq(types[0].count, 12);
	cr_expect_eq(last_backup(activity), NOW_S - 5);
}

/* Of an old CA the last events are shown, and counted for nothing. */
Test(activity, shows_old_events_that_no_sum_has)
{
	note(EVENT_STARTED, 0, 0, NOW_S - 400 * DAY_S);
	note(EVENT_CERTIFIED, 9, 0, NOW_S - 400 * DAY_S);
	OK(read_activity(store, NOW_S, activity, &fault));
	cr_expect_eq(activity_events(activity)->count, 2);
	expect_sum(ACTIVITY_DAYS * DAY_S, 0, 0, 0);
}

Test(activity, finds_the_events_of_a_client_and_of_a_certificate)
{
	CLEANUP(clear_recent_events) struct recent_events events = {0};
	char serial[SERIAL_TEXT_SIZE] = "01";

	memset(serial + 2, '0', sizeof(serial) - 3);
	note(EVENT_CERTIFIED, 1, 0, NOW_S);
	note(EVENT_REFUSED, 0, 1, NOW_S);
	note(EVENT_STARTED, 0, 0, NOW_S);
	OK(find_events_of_client(store, "client1", &events, &fault));
	cr_expect_eq(events.count, 3);
	clear_recent_events(&events);
	OK(find_events_of_client(store, "client", &events, &fault));
	cr_expect_eq(events.count, 0);
	OK(find_events_of_serial(store, serial, &events, &fault));
	cr_expect_eq(events.count, 1);
}
