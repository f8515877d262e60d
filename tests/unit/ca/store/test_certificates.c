#include "common/ca/store/certificates.h"

#include "common/ca/store/issuers.h"

#include "common/base/workers.h"
#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct scratch_store scratch;
static struct store *store;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(certificates, .init = set_up, .fini = tear_down);

static void expect_equal_records(const struct issued_certificate *a,
				 const struct issued_certificate *b)
{
	cr_expect_arr_eq(a->serial, b->serial, SERIAL_MAX);
	cr_expect_arr_eq(a->key_sha256, b->key_sha256, SHA256_LEN);
	cr_expect_str_eq(a->client, b->client);
	cr_expect_str_eq(a->member, b->member);
	cr_expect_str_eq(a->subject, b->subject);
	cr_expect_eq(a->issued_at_s, b->issued_at_s);
	cr_expect_eq(a->not_before_s, b->not_before_s);
	cr_expect_eq(a->not_after_s, b->not_after_s);
	cr_expect_eq(a->revoked, b->revoked);
	cr_expect_eq(a->revoked_at_s, b->revoked_at_s);
	cr_expect_eq(a->reason, b->reason);
	cr_expect(equal_bytes(bytes_of_buffer(&a->der), bytes_of_buffer(&b->der)));
}

Test(certificates, are_found_by_key_and_by_serial)
{
	struct issued_certificate records[2];
	enum insert_result results[2];

	make_record(&records[0], "client1", 1);
	make_record(&records[1], "client1", 2);
	records[1].revoked = true;
	records[1].revoked_at_s = 1500;
	records[1].reason = 4;
	OK(store_records(store, records, 2, 10, results, &fault));
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate by_key = {0};
		CLEANUP(clear_issued_certificate) struct issued_certificate by_serial = {0};
		bool found = false;

		cr_expect_eq(results[i], INSERTED);
		OK(find_by_key(store, records[i].key_sha256, &by_key, &found, &fault));
		cr_assert(found);
		expect_equal_records(&by_key, &records[i]);
		found = false;
		OK(find_by_serial(store, records[i].serial, &by_serial, &found, &fault));
		cr_assert(found);
		expect_equal_records(&by_serial, &records[i]);
	}
	clear_issued_certificate(&records[0]);
	clear_issued_certificate(&records[1]);
}

Test(certificates, are_not_found_when_not_recorded)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate absent = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool found = true;

	insert_one(store, "client1", 1);
	make_record(&absent, "client1", 2);
	OK(find_by_key(store, absent.key_sha256, &record, &found, &fault));
	cr_expect_not(found);
	found = true;
	OK(find_by_serial(store, absent.serial, &record, &found, &fault));
	cr_expect_not(found);
	cr_expect_null(record.subject);
	cr_expect_null(record.der.data);
}

Test(certificates, are_looked_for_by_many_keys_at_once)
{
	struct issued_certificate records[3];
	uint8_t keys[3][SHA256_LEN];
	bool found[3] = {true, false, true};

	insert_one(store, "client1", 1);
	for (uint32_t i = 0; i < 3; i++) {
		make_record(&records[i], "client2", i);
		memcpy(keys[i], records[i].key_sha256, SHA256_LEN);
	}
	OK(find_recorded_keys(store, (void *)keys, 3, found, &fault));
	cr_expect(!found[0] && found[1] && !found[2]);
	OK(find_recorded_keys(store, NULL, 0, NULL, &fault));
	for (size_t i = 0; i < 3; i++)
		clear_issued_certificate(&records[i]);
}

Test(certificates, survive_a_restart)
{
	free_store(&store);
	fill_scratch_store(&scratch, 3);
	cr_expect_eq(count_entries(scratch.folder.dirfd), tests_postgresql() ? 0 : 1,
		     "nothing is left beside ca.db");
	store = open_scratch_store(&scratch);
	for (uint32_t i = 0; i < 3; i++)
		cr_expect(has_record(store, "client1", i));
}

Test(certificates, are_summarized_by_revoked_then_expired_then_valid)
{
	struct issued_certificate records[5];
	enum insert_result results[5];
	struct store_summary summary;

	for (uint32_t i = 0; i < 5; i++) {
		make_record(&records[i], "client1", i);
		records[i].not_after_s = 1000 + i;
		records[i].revoked = i == 0 || i == 3;
		records[i].revoked_at_s = 950;
	}
	OK(store_records(store, records, 5, 10, results, &fault));
	OK(summarize_store(store, 1002, &summary, &fault));
	cr_expect_eq(summary.certificates, 5);
	cr_expect_eq(summary.revoked, 2);
	cr_expect_eq(summary.expired, 1);
	cr_expect_eq(summary.valid, 2);
	cr_expect_eq(summary.first_expiry_s, 1002, "valid to the last second of notAfter");
	OK(summarize_store(store, 5000, &summary, &fault));
	cr_expect_eq(summary.valid, 0);
	cr_expect_eq(summary.first_expiry_s, 0);
	for (size_t i = 0; i < 5; i++)
		clear_issued_certificate(&records[i]);
}

static struct bytes serial_of(const struct issued_certificate *record)
{
	return (struct bytes){record->serial, SERIAL_MAX};
}

static struct certificate_status read_or_fail(struct bytes serial)
{
	struct certificate_status status = {0};

	OK(read_certificate_status(store, FIRST_ISSUER, serial, &status, &fault));
	return status;
}

Test(certificates, have_a_status_only_when_recorded)
{
	struct issued_certificate here;
	struct issued_certificate absent;
	struct bytes shorter;

	insert_one(store, "client1", 1);
	make_record(&here, "client1", 1);
	make_record(&absent, "client1", 2);
	shorter = (struct bytes){here.serial, SERIAL_MAX - 1};
	cr_expect(read_or_fail(serial_of(&here)).found);
	cr_expect_not(read_or_fail(serial_of(&here)).revoked);
	cr_expect_not(read_or_fail(serial_of(&absent)).found);
	cr_expect_not(read_or_fail(shorter).found);
	cr_expect_not(read_or_fail((struct bytes){0}).found);
	clear_issued_certificate(&here);
	clear_issued_certificate(&absent);
}

Test(certificates, have_a_revocation_and_its_revision_read_at_once)
{
	struct certificate_status before;
	struct certificate_status after;
	struct issued_certificate record;

	insert_one(store, "client1", 1);
	make_record(&record, "client1", 1);
	before = read_or_fail(serial_of(&record));
	run_foreign_sql(scratch.path, "BEGIN;"
				      "UPDATE certificate SET revoked_at = 1234, reason = 4;"
				      "UPDATE state SET revision = revision + 1;"
				      "COMMIT;");
	after = read_or_fail(serial_of(&record));
	cr_expect(after.revoked);
	cr_expect_eq(after.revoked_at_s, 1234);
	cr_expect_eq(after.reason, 4);
	cr_expect_eq(after.revision, before.revision + 1);
	/* A serial that is not recorded has the revision, too. */
	cr_expect_eq(read_or_fail((struct bytes){0}).revision, after.revision);
	clear_issued_certificate(&record);
}

/* With one connection for all of them this would wait for itself. */
Test(certificates, are_read_while_another_connection_reads)
{
	CLEANUP(end_transaction) struct transaction other = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	if (count_cores() < 2)
		cr_skip_test("one core, one connection");
	insert_one(store, "client1", 1);
	make_record(&record, "client1", 1);
	OK(begin_transaction(store, TRANSACTION_READ, &other, &fault));
	cr_expect(read_or_fail(serial_of(&record)).found);
}

/* An answer of OCSP would be "unknown" if this were taken for a certificate that is not there. */
Test(certificates, have_no_status_in_a_record_without_its_state)
{
	struct certificate_status status = {0};

	run_foreign_sql(scratch.path, "DELETE FROM state");
	REFUSED(read_certificate_status(store, FIRST_ISSUER, (struct bytes){0}, &status, &fault),
		FAULT_FAILED, "ca.db: the CA's record is damaged: expected a row");
	REFUSED(check_store(store, &fault), FAULT_FAILED, NULL,
		"nothing is issued from it any more");
}

/* Certificates 1 to 4 of a, of which 2 is revoked, 3 expires at 1200 and 4 begins at 1300, and 11
   of b. */
static void insert_listed(void)
{
	for (uint32_t i = 1; i <= 4; i++)
		insert_one(store, "a", i);
	insert_one(store, "b", 11);
	run_foreign_sql(scratch.path, "UPDATE certificate SET revoked_at = 1100, reason = 1"
				      " WHERE member = 'key2';"
				      "UPDATE certificate SET not_after = 1200"
				      " WHERE member = 'key3';"
				      "UPDATE certificate SET not_before = 1300"
				      " WHERE member = 'key4'");
}

/* The members' names in the order of the calls. */
struct listed {
	char names[128];
	int64_t last;
	size_t stop_after; /* 0: never */
	size_t count;
	bool without_der;
};

static int append_name(void *context, const struct issued_certificate *record, int64_t position,
		       struct fault *fault)
{
	struct listed *listed = context;
	size_t len = strlen(listed->names);

	(void)fault;
	cr_expect_gt(position, listed->last);
	cr_expect_eq(record->der.len, listed->without_der ? 0 : (size_t)DER_LEN);
	(void)snprintf(listed->names + len, sizeof(listed->names) - len, "%s ", record->member);
	listed->last = position;
	return ++listed->count == listed->stop_after;
}

static void expect_listed(const struct listing *listing, const char *names, bool more)
{
	struct listed listed = {.without_der = listing->without_der};
	bool found_more = !more;

	OK(list_certificates(store, listing, append_name, &listed, &found_more, &fault));
	cr_expect_str_eq(listed.names, names);
	cr_expect_eq(found_more, more, "%s", names);
}

Test(certificates, have_a_state_at_a_time)
{
	static const struct {
		int64_t now_s;
		bool revoked;
		const char *state;
	} rows[] = {
		{999, false, "not-yet-valid"}, {1000, false, "valid"}, {2000, false, "valid"},
		{2001, false, "expired"},      {999, true, "revoked"}, {2001, true, "revoked"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct issued_certificate certificate = {
			.not_before_s = 1000, .not_after_s = 2000, .revoked = rows[i].revoked};

		cr_expect_str_eq(name_certificate_state(&certificate, rows[i].now_s),
				 rows[i].state);
	}
}

Test(certificates, are_listed_by_a_query_in_the_order_of_issue)
{
	static const struct {
		struct certificate_query query;
		const char *names;
	} rows[] = {
		{{0}, "key1 key2 key3 key4 key11 "},
		{{.client = "a"}, "key1 key2 key3 key4 "},
		{{.client = "nobody"}, ""},
		{{.client = "a", .member = "key4"}, "key4 "},
		{{.state = STATE_LIVE, .now_s = 1500}, "key1 key4 key11 "},
		{{.state = STATE_LIVE, .now_s = 1200}, "key1 key3 key4 key11 "},
		{{.state = STATE_VALID, .now_s = 1300}, "key1 key4 key11 "},
		{{.state = STATE_VALID, .now_s = 1200}, "key1 key3 key11 "},
		{{.state = STATE_NOT_YET, .now_s = 1299}, "key4 "},
		{{.state = STATE_NOT_YET, .now_s = 1300}, ""},
		{{.state = STATE_EXPIRED, .now_s = 1201}, "key3 "},
		{{.state = STATE_REVOKED, .now_s = 1500}, "key2 "},
		{{.expires_before_s = 1201}, "key3 "},
		{{.expires_before_s = 1200}, ""},
		{{.issued_before_s = 1000}, ""},
		{{.subject = "CN=*body"}, "key1 key2 key3 key4 key11 "},
		{{.subject = "*anybody*"}, ""},
		{{.client = "b", .subject = "CN=?omebody"}, "key11 "},
	};

	insert_listed();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct listing listing = {.query = rows[i].query, .without_der = i % 2 == 0};
		size_t count = 99;
		size_t expected = 0;

		expect_listed(&listing, rows[i].names, false);
		for (const char *c = rows[i].names; *c != '\0'; c++)
			expected += *c == ' ';
		OK(count_certificates(store, &rows[i].query, &count, &fault));
		cr_expect_eq(count, expected, "row %zu: %zu", i, count);
	}
}

Test(certificates, are_listed_page_by_page)
{
	struct listing listing = {.query = {.client = "a"}, .limit = 3};
	struct listed listed = {0};
	bool more = false;

	insert_listed();
	OK(list_certificates(store, &listing, append_name, &listed, &more, &fault));
	cr_expect_str_eq(listed.names, "key1 key2 key3 ");
	cr_expect(more);
	listing.after = listed.last;
	expect_listed(&listing, "key4 ", false);
	listing.after = 0;
	listing.limit = 4;
	expect_listed(&listing, "key1 key2 key3 key4 ", false);
}

Test(certificates, are_listed_until_the_function_ends_it)
{
	struct listing listing = {0};
	struct listed listed = {.stop_after = 2};

	insert_listed();
	OK(list_certificates(store, &listing, append_name, &listed, NULL, &fault));
	cr_expect_str_eq(listed.names, "key1 key2 ");
}
