#include "tests/unit/ca/records.h"

#include "common/base/file.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/postgresql/libpq.h"
#include "common/layout/store_url.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void insert_many(struct store *store, const char *client, uint32_t count)
{
	struct issued_certificate *records = calloc(count, sizeof(*records));
	enum insert_result *results = calloc(count, sizeof(*results));

	cr_assert(records != NULL && results != NULL);
	for (uint32_t i = 0; i < count; i++)
		make_record(&records[i], client, i);
	OK(store_records(store, records, count, count, results, &fault));
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(results[i], INSERTED);
		clear_issued_certificate(&records[i]);
	}
	free(records);
	free(results);
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

bool tests_postgresql(void)
{
	return getenv("CERTPOOL_TEST_POSTGRESQL") != NULL;
}

/* In the simple protocol, as another program would; in no transaction, as CREATE DATABASE needs. */
static void run_postgresql(const char *url, const char *sql)
{
	const char *const keywords[] = {"dbname", "options", NULL};
	const char *const values[] = {url, "-c search_path=certpool", NULL};
	struct libpq libpq = {0};
	struct pg_conn *connection;
	struct pg_result *result;

	OK(load_libpq(&libpq, &fault));
	connection = libpq.connectdb_params(keywords, values, 1);
	cr_assert_eq(libpq.status(connection), LIBPQ_CONNECTION_OK, "%s",
		     libpq.error_message(connection));
	cr_assert_eq(libpq.send_query(connection, sql), 1);
	for (result = libpq.get_result(connection); result != NULL;
	     result = libpq.get_result(connection)) {
		int status = libpq.result_status(result);

		cr_assert(status == LIBPQ_COMMAND_OK || status == LIBPQ_TUPLES_OK, "%s: %s", sql,
			  libpq.error_message(connection));
		libpq.clear(result);
	}
	libpq.finish(connection);
}

/* Runs a statement about the database of the URL, from another one. */
static void run_about_database(const char *statement, const char *url, const char *more)
{
	char server[300];
	char sql[300];
	const char *name = url + strlen("postgresql:///");

	(void)snprintf(server, sizeof(server), "postgresql:///postgres%s", strchr(url, '?'));
	(void)snprintf(sql, sizeof(sql), "%s \"%.*s\" %s", statement, (int)strcspn(name, "?"), name,
		       more);
	run_postgresql(server, sql);
}

void make_database(char *ret_url, size_t size)
{
	static unsigned int count;

	/* Each test is a process. The name ends as the file's. */
	(void)snprintf(ret_url, size, "postgresql:///%d-%u-ca.db?%s", (int)getpid(), count++,
		       getenv("CERTPOOL_TEST_POSTGRESQL"));
	run_about_database("CREATE DATABASE", ret_url, "");
}

void remove_database(const char *url)
{
	run_about_database("DROP DATABASE IF EXISTS", url, "WITH (FORCE)");
}

void make_scratch_store(struct scratch_store *scratch)
{
	make_scratch(&scratch->folder);
	if (tests_postgresql()) {
		make_database(scratch->path, sizeof(scratch->path));
	} else {
		(void)snprintf(scratch->path, sizeof(scratch->path), "%s/ca.db",
			       scratch->folder.path);
		(void)snprintf(scratch->log, sizeof(scratch->log), "%s-wal", scratch->path);
	}
	(void)snprintf(scratch->name, sizeof(scratch->name), "%.*s",
		       (int)strcspn(scratch->path, "?"), scratch->path);
	OK(create_store(scratch->path, &fault));
}

void remove_scratch_store(struct scratch_store *scratch)
{
	if (tests_postgresql())
		remove_database(scratch->path);
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

	if (is_store_url(path)) {
		run_postgresql(path, sql);
		return;
	}
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
