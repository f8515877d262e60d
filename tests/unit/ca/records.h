#ifndef CERTPOOL_TESTS_UNIT_CA_RECORDS_H
#define CERTPOOL_TESTS_UNIT_CA_RECORDS_H

#include "common/ca/store/certificates.h"
#include "tests/support/scratch.h"

/* Certificates for tests of the store. Serial and key are digests of the number. */

enum { DER_LEN = 600 };

void make_record(struct issued_certificate *record, const char *client, uint32_t number);

/* Runs insert_certificates at second 1000, when the certificates of make_record are valid. */
int store_records(struct store *store, const struct issued_certificate *records, size_t count,
		  size_t quota, enum insert_result *ret_results, struct fault *fault) MUST_CHECK;

/* How many certificates the client has in the record. */
int count_of(struct store *store, const char *client, size_t *ret_count,
	     struct fault *fault) MUST_CHECK;

/* Inserts one, and expects that it is recorded. */
void insert_one(struct store *store, const char *client, uint32_t number);

/* Inserts certificates 0 to count-1 as one batch. */
void insert_many(struct store *store, const char *client, uint32_t count);

/* Whether the certificate of that number is recorded just as make_record made it. */
bool has_record(struct store *store, const char *client, uint32_t number);

/*
 * A scratch directory with an empty record, ca.db, in it; or an empty record in a database of the
 * server that tests/postgresql.sh runs, whose name ends in ca.db. Only this file and the tests in
 * store/sqlite/ and store/postgresql/ know which database the record is in.
 */
struct scratch_store {
	struct scratch folder;
	char path[300]; /* or URL */
	char name[300]; /* in messages */
	char log[310];  /* SQLite's */
};

/* Whether records are in PostgreSQL. */
bool tests_postgresql(void);

/* Makes an empty database without a record, and removes it, which nobody may use any more. */
void make_database(char *ret_url, size_t size);
void remove_database(const char *url);

void make_scratch_store(struct scratch_store *scratch);
void remove_scratch_store(struct scratch_store *scratch);
struct store *open_scratch_store(const struct scratch_store *scratch);

/* Expects that open_store refuses the file at the path, which ends in ca.db. */
void expect_store_refused(const char *path, enum fault_class class, const char *part);

/* Opens, inserts records 0 to count-1, closes. */
void fill_scratch_store(const struct scratch_store *scratch, uint32_t count);

/* Runs SQL on the record as another program would, and closes it. */
void run_foreign_sql(const char *path, const char *sql);

/* Expects that PRAGMA integrity_check finds nothing. */
void expect_integrity(const char *path);

/* Copies a file in its present state. */
void copy_file(const char *from, const char *to);

#endif
