#include "tests/unit/ca/records.h"

#include "common/base/file.h"
#include "common/ca/store/certificates.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 28 };

void make_record(struct issued_certificate *record, const char *client, uint32_t number)
{
	struct bytes seed = {(const uint8_t *)&number, sizeof(number)};
	uint8_t *der;

	*record = (struct issued_certificate){
		.issuer = 1, .issued_at_s = 1000, .not_before_s = 900, .not_after_s = 2000};
	digest_sha256(seed, record->key_sha256);
	memcpy(record->serial, record->key_sha256, SERIAL_MAX);
	record->serial[0] &= 0x7f;
	(void)snprintf(record->client, sizeof(record->client), "%s", client);
	(void)snprintf(record->member, sizeof(record->member), "key%u", number);
	record->subject = strdup("CN=somebody");
	der = extend_buffer(&record->der, DER_LEN);
	cr_assert_not_null(der);
	for (size_t i = 0; i < DER_LEN; i++)
		der[i] = record->key_sha256[i % SHA256_LEN];
}

int store_records(struct store *store, const struct issued_certificate *records, size_t count,
		  size_t quota, enum insert_result *ret_results, struct fault *fault)
{
	const struct insertion insertion = {
		.records = records, .count = count, .quota = quota, .now_s = 1000};

	return insert_certificates(store, &insertion, ret_results, fault);
}

int count_of(struct store *store, const char *client, size_t *ret_count, struct fault *fault)
{
	const struct certificate_query query = {.client = client};

	return count_certificates(store, &query, ret_count, fault);
}

void insert_one(struct store *store, const char *client, uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = OVER_QUOTA;

	make_record(&record, client, number);
	OK(store_records(store, &record, 1, 1000000, &result, &fault));
	cr_assert_eq(result, INSERTED);
}

bool has_record(struct store *store, const char *client, uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate expected = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool found = false;

	make_record(&expected, client, number);
	OK(find_by_key(store, expected.key_sha256, &record, &found, &fault));
	return found && strcmp(record.client, client) == 0 &&
	       memcmp(record.serial, expected.serial, SERIAL_MAX) == 0 &&
	       equal_bytes(bytes_of_buffer(&record.der), bytes_of_buffer(&expected.der));
}

void make_scratch_store(struct scratch_store *scratch)
{
	make_scratch(&scratch->folder);
	(void)snprintf(scratch->path, sizeof(scratch->path), "%s/ca.db", scratch->folder.path);
	(void)snprintf(scratch->log, sizeof(scratch->log), "%s-wal", scratch->path);
	OK(create_store(scratch->path, &fault));
}

void remove_scratch_store(struct scratch_store *scratch)
{
	remove_scratch(&scratch->folder);
}

struct store *open_scratch_store(const struct scratch_store *scratch)
{
	struct store *store = NULL;

	OK(open_store(scratch->path, &store, &fault));
	return store;
}

void run_foreign_sql(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;

	cr_assert_eq(sqlite3_open(path, &handle), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(handle));
	cr_assert_eq(sqlite3_close(handle), SQLITE_OK);
}

void expect_integrity(const char *path)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *statement = NULL;

	cr_assert_eq(sqlite3_open(path, &handle), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &statement, NULL),
		     SQLITE_OK);
	cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
	cr_expect_str_eq((const char *)sqlite3_column_text(statement, 0), "ok");
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(handle);
}

void copy_file(const char *from, const char *to)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	OK(read_file(AT_FDCWD, from, FILE_MAX, &content, &fault));
	put_bytes(AT_FDCWD, to, bytes_of_buffer(&content), 0600);
}

void expect_store_refused(const char *path, enum fault_class class, const char *part)
{
	struct store *store = NULL;

	REFUSED(open_store(path, &store, &fault), class, part);
	cr_expect_null(store);
	SAID("ca.db");
}

void fill_scratch_store(const struct scratch_store *scratch, uint32_t count)
{
	struct store *store = open_scratch_store(scratch);

	for (uint32_t i = 0; i < count; i++)
		insert_one(store, "client1", i);
	free_store(&store);
}
