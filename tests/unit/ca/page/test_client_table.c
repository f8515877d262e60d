#include "common/ca/page/client_table.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fleet of the fixture's manifest, in which the last client alone needs a look. */
static struct ca_fixture fixture;
static struct fleet fleet;
static struct html html;

static void set_up(void)
{
	make_ca_place(&fixture);
	fleet = (struct fleet){.manifest = fixture.manifest, .now_s = NOW_S};
}

static void tear_down(void)
{
	clear_html(&html);
	clear_fleet(&fleet);
	remove_ca(&fixture);
}

TestSuite(client_table, .init = set_up, .fini = tear_down);

static void fill_fleet(size_t count)
{
	fleet.rows = calloc(count, sizeof(*fleet.rows));
	cr_assert_not_null(fleet.rows);
	fleet.count = count;
	for (size_t i = 0; i < count; i++) {
		fleet.rows[i] = (struct fleet_row){
			.client = {.policy = {.certificates = 100}, .joined_at_s = NOW_S - DAY_S},
			.holding = {.valid = 20, .members = 20, .first_end_s = NOW_S + 60 * DAY_S}};
		(void)snprintf(fleet.rows[i].client.name, NAME_SIZE, "c%zu", i);
	}
	fleet.rows[count - 1].holding.valid = 0;
}

/* The section, as text. */
static const char *write_table(enum page_kind kind)
{
	const struct page_place place = {.kind = kind, .up = "", .now_s = NOW_S, .fleet = &fleet};

	clear_html(&html);
	html_clients(&html, &place);
	OK(check_buffer(&html.text, &fault));
	return (const char *)html.text.data;
}

static size_t count_parts(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
		count++;
	return count;
}

Test(client_table, says_how_to_add_the_first_client)
{
	const char *text = write_table(PAGE_LIVE);

	cr_expect_not_null(strstr(text, "<code>certpool invite CLIENT</code>"));
	cr_expect_null(strstr(text, "<table"));
}

Test(client_table, has_a_row_for_each_client_and_marks_those_that_need_a_look)
{
	const char *text;

	fill_fleet(3);
	fleet.rows[1].client.seen_at_s = NOW_S - 7200;
	text = write_table(PAGE_LIVE);
	cr_expect_eq(count_parts(text, "id=\"client-"), 3);
	cr_expect_eq(count_parts(text, "<span class=\"mark\">"), 1);
	cr_expect_not_null(strstr(text, "no valid certificate"));
	cr_expect_not_null(strstr(text, "2h ago"));
	cr_expect_null(strstr(text, "those that need a look first"));
}

/* A live page is made again and again; a file, once. */
Test(client_table, shows_the_clients_that_need_a_look_first_of_a_great_fleet)
{
	const char *text;

	fill_fleet(LIVE_CLIENTS + 2);
	text = write_table(PAGE_LIVE);
	cr_expect_eq(count_parts(text, "id=\"client-"), LIVE_CLIENTS);
	cr_expect_not_null(strstr(text, "those that need a look first"));
	cr_expect_lt((const void *)strstr(text, "id=\"client-c1001\""),
		     (const void *)strstr(text, "id=\"client-c0\""));
	cr_expect_not_null(strstr(text, "id=\"client-c998\""));
	cr_expect_null(strstr(text, "id=\"client-c999\""), "no room");
	text = write_table(PAGE_FILE);
	cr_expect_eq(count_parts(text, "id=\"client-"), LIVE_CLIENTS + 2);
	cr_expect_null(strstr(text, "those that need a look first"));
}

Test(client_table, shows_a_fleet_of_the_greatest_live_size_whole)
{
	fill_fleet(LIVE_CLIENTS);
	cr_expect_eq(count_parts(write_table(PAGE_LIVE), "id=\"client-"), LIVE_CLIENTS);
	cr_expect_null(strstr((const char *)html.text.data, "those that need a look first"));
}
