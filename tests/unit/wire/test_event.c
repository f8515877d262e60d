#include "common/wire/event.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

Test(event, refuses_text_that_is_no_line_of_the_log)
{
	static const struct {
		const char *line;
		const char *reason;
	} rows[] = {
		{"", "audit line: "},
		{"[]", "audit line: "},
		{"{}", "member \"previous\": expected 64 lower-case hex digits"},
		{"{\"sequence\":1,\"previous\":\"00\"}", "member \"previous\""},
		{"{\"sequence\":1,\"previous\":7}", "member \"previous\""},
		{"{\"sequence\":1,\"previous\":\"" ZEROS "0\"}", "member \"previous\""},
		{"{\"sequence\":1,\"previous\":\"G" ZEROS "\"}", "member \"previous\""},
		{"{\"previous\":\"" ZEROS "\"}", "member \"sequence\": expected the line's number"},
		{"{\"sequence\":1,\"front_end\":1,\"previous\":\"" ZEROS "\"}",
		 "member \"front_end\": expected a number from 2"},
		{"{\"sequence\":\"1\",\"previous\":\"" ZEROS "\"}", "member \"sequence\""},
		{"{\"sequence\":1,\"previous\":\"" ZEROS "\"} ,", "audit line: "},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct event_link link = {.sequence = -7};

		REFUSED(parse_event_link(bytes_of_string(rows[i].line), &link, &fault),
			FAULT_MALFORMED, rows[i].reason);
		cr_expect_eq(link.sequence, -7);
	}
}

static void expect_line(const struct event *event, const char *expected)
{
	CLEANUP(clear_buffer) struct buffer line = {0};

	OK(format_event(event, &line, &fault));
	cr_expect_str_eq((const char *)line.data, expected);
}

Test(event, writes_one_line_with_the_members_that_are_set)
{
	static const uint8_t serials[2][SERIAL_MAX] = {{0x01}, {0x7f, 0xff}};
	struct event event = {
		.kind = EVENT_CERTIFIED,
		.sequence = 7,
		.time_s = 1790000000,
		.by = "client1",
		.client = "client1",
		.serials = serials,
		.serial_count = 2,
		.previous = {0xab},
	};

	expect_line(&event, "{\"sequence\":7,\"time\":\"2026-09-21T14:13:20Z\","
			    "\"event\":\"certified\",\"by\":\"client1\",\"client\":\"client1\","
			    "\"serials\":[\"0100000000000000000000000000000000000000\","
			    "\"7fff000000000000000000000000000000000000\"],"
			    "\"previous\":\"ab00000000000000000000000000000000000000000000000000"
			    "000000000000\"}");
}

/* What a client wrote may be in a refusal's detail. */
Test(event, writes_foreign_text_so_that_it_stays_one_line)
{
	const struct event event = {
		.kind = EVENT_REFUSED, .sequence = 1, .type = "policy", .detail = "a\nb\"c\xff"};

	expect_line(&event, "{\"sequence\":1,\"time\":\"1970-01-01T00:00:00Z\","
			    "\"event\":\"refused\",\"type\":\"policy\","
			    "\"detail\":\"a\\nb\\\"c?\",\"previous\":\"" ZEROS "\"}");
}

Test(event, reads_the_checkpoint_that_it_wrote)
{
	static const struct chain_head heads[] = {{1, 12, {0xab}}, {2, 0, {0}}};
	const struct event event = {.kind = EVENT_CHECKPOINT,
				    .sequence = 3,
				    .front_end = 2,
				    .heads = heads,
				    .head_count = COUNT_OF(heads)};
	CLEANUP(clear_buffer) struct buffer line = {0};
	struct chain_head *read = NULL;
	size_t count = 0;
	struct event_link link;

	OK(format_event(&event, &line, &fault));
	OK(parse_event_link(bytes_of_buffer(&line), &link, &fault));
	cr_expect(link.checkpoint);
	cr_expect_eq(link.front_end, 2);
	OK(parse_checkpoint(bytes_of_buffer(&line), &read, &count, &fault));
	cr_expect_eq(count, 2);
	cr_expect_eq(memcmp(read, heads, sizeof(heads)), 0);
	free(read);
}

Test(event, refuses_a_checkpoint_without_the_lines_that_it_is_about)
{
	static const char *const lines[] = {
		"{}",
		"{\"heads\":[]}",
		"{\"heads\":[7]}",
		"{\"heads\":[{\"front_end\":0,\"sequence\":1,\"sha256\":\"" ZEROS "\"}]}",
		"{\"heads\":[{\"front_end\":1,\"sequence\":-1,\"sha256\":\"" ZEROS "\"}]}",
		"{\"heads\":[{\"front_end\":1,\"sequence\":1,\"sha256\":\"00\"}]}",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct chain_head *heads = NULL;
		size_t count = 7;

		REFUSED(parse_checkpoint(bytes_of_string(lines[i]), &heads, &count, &fault),
			FAULT_MALFORMED, "member \"");
		cr_expect_null(heads);
	}
}

Test(event, reads_the_link_of_a_line_that_it_wrote)
{
	const struct event event = {
		.kind = EVENT_STARTED, .sequence = 12, .previous = {1, 2, 0xfe}};
	CLEANUP(clear_buffer) struct buffer line = {0};
	struct event_link link;

	OK(format_event(&event, &line, &fault));
	OK(parse_event_link(bytes_of_buffer(&line), &link, &fault));
	cr_expect_eq(link.sequence, 12);
	cr_expect_eq(memcmp(link.previous, event.previous, SHA256_LEN), 0);
}

Test(event, names_every_kind)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		cr_expect_not_null(format_event_kind((enum event_kind)kind));
}

#define SERIAL "0102030405060708090a0b0c0d0e0f1011121314"

Test(event, refuses_lines_whose_serials_are_none)
{
	static const struct {
		const char *line;
		const char *reason;
	} rows[] = {
		{"", "audit line: "},
		{"{}", "member \"event\": expected a kind of event"},
		{"{\"event\":\"rewritten\"}", "member \"event\""},
		{"{\"event\":7}", "member \"event\""},
		{"{\"event\":\"pruned\",\"serials\":[\"01\"]}", "member \"serials\""},
		{"{\"event\":\"pruned\",\"serials\":[7]}", "member \"serials\""},
		{"{\"event\":\"pruned\",\"serials\":[\"" SERIAL "\",\"" SERIAL "00\"]}",
		 "member \"serials\""},
		{"{\"event\":\"pruned\",\"serials\":[\"0102030405060708090A0B0C0D0E0F1011121314\"]"
		 "}",
		 "member \"serials\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct event_serials found = {0};

		REFUSED(parse_event_serials(bytes_of_string(rows[i].line), &found, &fault),
			FAULT_MALFORMED, rows[i].reason);
		cr_expect_null(found.serials);
	}
}

Test(event, gives_back_the_serials_that_it_wrote)
{
	static const uint8_t serials[2][SERIAL_MAX] = {{0x01, 0xfe}, {0x7f, 0xff}};
	const struct event event = {
		.kind = EVENT_PRUNED, .by = "ca", .serials = serials, .serial_count = 2};
	CLEANUP(clear_buffer) struct buffer line = {0};
	CLEANUP(clear_event_serials) struct event_serials found = {0};

	OK(format_event(&event, &line, &fault));
	OK(parse_event_serials(bytes_of_buffer(&line), &found, &fault));
	cr_expect_eq(found.kind, EVENT_PRUNED);
	cr_assert_eq(found.count, 2);
	cr_expect_arr_eq(found.serials, serials, sizeof(serials));
}

Test(event, takes_a_line_without_serials)
{
	CLEANUP(clear_event_serials) struct event_serials found = {0};

	OK(parse_event_serials(bytes_of_string("{\"event\":\"started\"}"), &found, &fault));
	cr_expect_eq(found.kind, EVENT_STARTED);
	cr_expect_eq(found.count, 0);
}

Test(event, refuses_a_line_that_people_could_not_read)
{
	static const struct {
		const char *line;
		const char *reason;
	} rows[] = {
		{"", "audit line: "},
		{"{\"event\":\"started\"}", "member \"time\""},
		{"{\"event\":\"started\",\"time\":\"noon\"}", "member \"time\": \"noon\""},
		{"{\"time\":\"2026-11-27T03:42:56Z\"}", "member \"event\""},
		{"{\"time\":\"2026-11-27T03:42:56Z\",\"event\":\"x\",\"serials\":[\"01\"]}",
		 "member \"serials\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct event_text text = {0};

		REFUSED(parse_event_text(bytes_of_string(rows[i].line), &text, &fault),
			FAULT_MALFORMED, rows[i].reason);
		cr_expect_null(text.kind);
	}
}

Test(event, gives_back_for_people_what_it_wrote)
{
	static const uint8_t serials[5][SERIAL_MAX] = {{1}, {2}, {3}, {4}, {5}};
	const struct event event = {.kind = EVENT_REVOKED,
				    .time_s = 1795750976,
				    .by = "ca",
				    .client = "client1",
				    .type = "keyCompromise",
				    .serials = serials,
				    .serial_count = 5,
				    .count = 7};
	CLEANUP(clear_buffer) struct buffer line = {0};
	CLEANUP(clear_event_text) struct event_text text = {0};

	OK(format_event(&event, &line, &fault));
	OK(parse_event_text(bytes_of_buffer(&line), &text, &fault));
	cr_expect_str_eq(text.kind, "revoked");
	cr_expect_eq(text.time_s, 1795750976);
	cr_expect_str_eq(text.by, "ca");
	cr_expect_str_eq(text.client, "client1");
	cr_expect_str_eq(text.type, "keyCompromise");
	cr_expect_null(text.detail);
	cr_expect_eq(text.count, 7);
	cr_expect_eq(text.serial_count, 5);
	cr_expect_arr_eq(text.serials, serials, sizeof(text.serials));
}

Test(event, reads_a_kind_that_is_not_known_yet)
{
	static const char line[] =
		"{\"time\":\"2026-11-27T03:42:56Z\",\"event\":\"rotated\",\"by\":\"ca\"}";
	CLEANUP(clear_event_text) struct event_text text = {0};

	OK(parse_event_text(bytes_of_string(line), &text, &fault));
	cr_expect_str_eq(text.kind, "rotated");
}
