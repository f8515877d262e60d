#include "common/ca/store/certificates.h"

#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Certificates 1 to 4 of a, of which 2 is revoked and 3 expires at 1200, and 11 of b. */
static struct store *make_listed(struct store_place *place)
{
	struct store *store;

	make_store_place(place);
	store = open_place(place);
	for (uint32_t i = 1; i <= 4; i++)
		insert_one(store, "a", i);
	insert_one(store, "b", 11);
	run_foreign_sql(place->path, "UPDATE certificate SET revoked_at = 1100, reason = 1"
				     " WHERE member = 'key2';"
				     "UPDATE certificate SET not_after = 1200"
				     " WHERE member = 'key3'");
	return store;
}

/* The members' names as they were told. */
struct told {
	char names[128];
	int64_t last;
	size_t stop_after; /* 0: never */
	size_t count;
	bool without_der;
};

static int note(void *context, const struct issued_certificate *record, int64_t position,
		struct fault *fault)
{
	struct told *told = context;
	size_t len = strlen(told->names);

	(void)fault;
	cr_expect_gt(position, told->last);
	cr_expect_eq(record->der.len, told->without_der ? 0 : (size_t)DER_LEN);
	(void)snprintf(told->names + len, sizeof(told->names) - len, "%s ", record->member);
	told->last = position;
	return ++told->count == told->stop_after;
}

static void expect_listed(struct store *store, const struct listing *listing, const char *names,
			  bool more)
{
	struct told told = {.without_der = listing->without_der};
	struct fault fault = {0};
	bool found_more = !more;

	cr_assert_eq(list_certificates(store, listing, note, &told, &found_more, &fault), 0, "%s",
		     fault.text);
	cr_expect_str_eq(told.names, names);
	cr_expect_eq(found_more, more, "%s", names);
}

Test(listing, shows_what_the_query_says_in_the_order_of_issue)
{
	static const struct {
		struct certificate_query query;
		const char *names;
	} rows[] = {
		{{0}, "key1 key2 key3 key4 key11 "},
		{{.client = "a"}, "key1 key2 key3 key4 "},
		{{.client = "nobody"}, ""},
		{{.client = "a", .member = "key4"}, "key4 "},
		{{.state = STATE_VALID, .now_s = 1500}, "key1 key4 key11 "},
		{{.state = STATE_VALID, .now_s = 1200}, "key1 key3 key4 key11 "},
		{{.state = STATE_EXPIRED, .now_s = 1201}, "key3 "},
		{{.state = STATE_REVOKED, .now_s = 1500}, "key2 "},
		{{.expires_before_s = 1201}, "key3 "},
		{{.expires_before_s = 1200}, ""},
		{{.issued_before_s = 1000}, ""},
		{{.subject = "CN=*body"}, "key1 key2 key3 key4 key11 "},
		{{.subject = "*anybody*"}, ""},
		{{.client = "b", .subject = "CN=?omebody"}, "key11 "},
	};
	struct store_place place;
	struct store *store = make_listed(&place);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct listing listing = {.query = rows[i].query, .without_der = i % 2 == 0};
		struct fault fault = {0};
		size_t count = 99;
		size_t expected = 0;

		expect_listed(store, &listing, rows[i].names, false);
		for (const char *c = rows[i].names; *c != '\0'; c++)
			expected += *c == ' ';
		cr_assert_eq(count_certificates(store, &rows[i].query, &count, &fault), 0);
		cr_expect_eq(count, expected, "row %zu: %zu", i, count);
	}
	free_store(&store);
	remove_store_place(&place);
}

Test(listing, goes_on_after_a_page)
{
	struct store_place place;
	struct store *store = make_listed(&place);
	struct listing listing = {.query = {.client = "a"}, .limit = 3};
	struct told told = {0};
	struct fault fault = {0};
	bool more = false;

	cr_assert_eq(list_certificates(store, &listing, note, &told, &more, &fault), 0);
	cr_expect_str_eq(told.names, "key1 key2 key3 ");
	cr_expect(more);
	listing.after = told.last;
	expect_listed(store, &listing, "key4 ", false);
	listing.after = 0;
	listing.limit = 4;
	expect_listed(store, &listing, "key1 key2 key3 key4 ", false);
	free_store(&store);
	remove_store_place(&place);
}

Test(listing, ends_when_it_is_told_to)
{
	struct store_place place;
	struct store *store = make_listed(&place);
	struct listing listing = {0};
	struct told told = {.stop_after = 2};
	struct fault fault = {0};

	cr_assert_eq(list_certificates(store, &listing, note, &told, NULL, &fault), 0);
	cr_expect_str_eq(told.names, "key1 key2 ");
	free_store(&store);
	remove_store_place(&place);
}
