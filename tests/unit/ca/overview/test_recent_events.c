#include "common/ca/overview/recent_events.h"

#include "common/ca/store/audit.h"
#include "common/x509/serial.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct scratch_store scratch;
static struct store *store;
static struct recent_events events;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	clear_recent_events(&events);
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(recent_events, .init = set_up, .fini = tear_down);

static void keep_at(int64_t time_s)
{
	struct event_text event = {.time_s = time_s};

	keep_recent_event(&events, &event);
	clear_event_text(&event);
}

/* Front ends of one record write at once: lines do not come by time. */
Test(recent_events, are_sorted_by_time_and_the_oldest_goes)
{
	static const int64_t first[] = {5, 9, 7};

	for (size_t i = 0; i < COUNT_OF(first); i++)
		keep_at(first[i]);
	cr_assert_eq(events.count, 3);
	cr_expect_eq(events.items[0].time_s, 9);
	cr_expect_eq(events.items[1].time_s, 7);
	cr_expect_eq(events.items[2].time_s, 5);
	for (int64_t time_s = 100; events.count < RECENT_EVENTS; time_s++)
		keep_at(time_s);
	keep_at(1);
	cr_expect_eq(events.count, RECENT_EVENTS);
	cr_expect_eq(events.items[RECENT_EVENTS - 1].time_s, 5,
		     "one that is older still has no place");
	keep_at(8);
	cr_expect_eq(events.items[RECENT_EVENTS - 1].time_s, 7);
	cr_expect_eq(events.items[RECENT_EVENTS - 2].time_s, 8);
	cr_expect_eq(events.items[RECENT_EVENTS - 3].time_s, 9);
}

static void note(const char *client, const uint8_t (*serial)[SERIAL_MAX], int64_t time_s)
{
	const struct event event = {.kind = EVENT_CERTIFIED,
				    .time_s = time_s,
				    .by = client,
				    .client = client,
				    .serials = serial,
				    .serial_count = 1};

	OK(record_event(store, &event, &fault));
}

static void note_refusal(const char *by, const char *detail)
{
	const struct event event = {.kind = EVENT_REFUSED,
				    .time_s = NOW_S,
				    .by = by,
				    .type = "other",
				    .detail = detail};

	OK(record_event(store, &event, &fault));
}

Test(recent_events, of_a_client_are_those_that_name_it_whole)
{
	static const uint8_t serial[1][SERIAL_MAX] = {{1}};

	note("client1", serial, NOW_S);
	note("client10", serial, NOW_S + 1);
	note_refusal("client1", "too many");
	note_refusal("client2", "\"client\":\"client1\"");
	OK(find_events_of_client(store, "client1", &events, &fault));
	cr_assert_eq(events.count, 2);
	cr_expect_str_eq(events.items[0].kind, "refused", "whose `by` it is");
	cr_expect_str_eq(events.items[1].kind, "certified");
}

Test(recent_events, of_a_certificate_are_those_with_its_serial)
{
	static const uint8_t serials[2][SERIAL_MAX] = {{1}, {1, 1}};
	char text[SERIAL_TEXT_SIZE];

	note("client1", &serials[0], NOW_S);
	note("client2", &serials[1], NOW_S);
	format_serial((struct bytes){serials[1], SERIAL_MAX}, text);
	OK(find_events_of_serial(store, text, &events, &fault));
	cr_assert_eq(events.count, 1);
	cr_expect_str_eq(events.items[0].client, "client2");
}

/* A long log is not read whole for a page. */
Test(recent_events, are_looked_for_among_the_last_thousand_lines)
{
	static const uint8_t serial[1][SERIAL_MAX] = {{1}};

	note("client1", serial, NOW_S);
	note("client1", serial, NOW_S + 1);
	for (int i = 0; i < LINES_LOOKED_AT - 1; i++)
		note_refusal("client2", "no");
	OK(find_events_of_client(store, "client1", &events, &fault));
	cr_assert_eq(events.count, 1);
	cr_expect_eq(events.items[0].time_s, NOW_S + 1);
}
