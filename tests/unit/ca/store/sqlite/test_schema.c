#include "common/ca/store/sqlite/schema.h"

#include "common/ca/store/audit.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

Test(schema, refuses_a_record_of_a_newer_version)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	run_foreign_sql(scratch.path, "PRAGMA user_version = 1000");
	expect_store_refused(scratch.path, FAULT_FAILED,
			     ", found version 1000: use the certpool that made it");
	remove_scratch_store(&scratch);
}

Test(schema, refuses_a_record_without_its_tables)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	run_foreign_sql(scratch.path, "DROP TABLE certificate");
	expect_store_refused(scratch.path, FAULT_FAILED, "no such table");
	remove_scratch_store(&scratch);
}

/* The record as certpool 0.1 made it, with one certificate in it. */
static const char version_1[] =
	"CREATE TABLE certificate ("
	" id INTEGER PRIMARY KEY,"
	" serial BLOB NOT NULL UNIQUE CHECK (length(serial) = 20),"
	" key_sha256 BLOB NOT NULL UNIQUE CHECK (length(key_sha256) = 32),"
	" client TEXT NOT NULL,"
	" member TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" issued_at INTEGER NOT NULL,"
	" not_before INTEGER NOT NULL,"
	" not_after INTEGER NOT NULL,"
	" revoked_at INTEGER,"
	" reason INTEGER,"
	" der BLOB NOT NULL,"
	" CHECK ((revoked_at IS NULL) = (reason IS NULL))"
	") STRICT;"
	"CREATE INDEX certificate_client ON certificate (client);"
	"CREATE INDEX certificate_expiry ON certificate (not_after, revoked_at);"
	"CREATE TABLE state ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" log_needed INTEGER NOT NULL"
	") STRICT;"
	"INSERT INTO state (id, log_needed) VALUES (1, 0);"
	"INSERT INTO certificate VALUES (1, zeroblob(20), zeroblob(32), 'client1', 'key1', 'CN=a',"
	" 1000, 900, 2000, NULL, NULL, x'3000');"
	"PRAGMA application_id = 1129337411; PRAGMA user_version = 1";

Test(schema, upgrades_an_older_record_and_keeps_what_is_in_it)
{
	static const uint8_t serial[SERIAL_MAX];
	struct scratch_store scratch;
	struct store *store;
	struct issued_certificate record = {0};
	bool found = false;

	make_scratch_store(&scratch);
	cr_assert_eq(truncate(scratch.path, 0), 0);
	run_foreign_sql(scratch.path, version_1);
	for (int i = 0; i < 2; i++) {
		store = open_scratch_store(&scratch);
		OK(find_by_serial(store, serial, &record, &found, &fault));
		cr_expect(found);
		clear_issued_certificate(&record);
		insert_one(store, "client1", 7 + (uint32_t)i);
		free_store(&store);
	}
	expect_integrity(scratch.path);
	remove_scratch_store(&scratch);
}

/* The page that the line is appended to, that of the chain's head, and now and then a new one. */
Test(schema, has_an_event_written_into_little_more_than_two_pages)
{
	enum { EVENTS = 200, PAGES_MAX = EVENTS * 24 / 10, FRAME_LEN = 4096 + 24 };
	const struct event event = {.kind = EVENT_CRL, .time_s = 1000, .by = "ca", .number = 1};
	struct scratch_store scratch;
	struct stat before;
	struct stat after;
	struct store *store;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(record_event(store, &event, &fault));
	cr_assert_eq(stat(scratch.log, &before), 0);
	for (int i = 0; i < EVENTS; i++)
		OK(record_event(store, &event, &fault));
	cr_assert_eq(stat(scratch.log, &after), 0);
	cr_expect_lt((after.st_size - before.st_size) / FRAME_LEN, PAGES_MAX, "%jd pages",
		     (intmax_t)(after.st_size - before.st_size) / FRAME_LEN);
	free_store(&store);
	remove_scratch_store(&scratch);
}
