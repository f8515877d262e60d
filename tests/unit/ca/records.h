#ifndef CERTPOOL_TESTS_UNIT_CA_RECORDS_H
#define CERTPOOL_TESTS_UNIT_CA_RECORDS_H

#include "common/ca/store/certificates.h"
#include "tests/support/scratch.h"

/* Records for tests of the store: serial and key follow from the number, in no order of theirs. */

enum { DER_LEN = 600 };

void make_record(struct issued_certificate *record, const char *client, uint32_t number);

/* insert_certificates at second 1000, when those of make_record are live. */
int store_records(struct store *store, const struct issued_certificate *records, size_t count,
		  size_t quota, enum insert_result *ret_results, struct fault *fault) MUST_CHECK;

/* How many certificates the client has in the record. */
int count_of(struct store *store, const char *client, size_t *ret_count,
	     struct fault *fault) MUST_CHECK;

/* Inserts one and expects it to be stored. */
void insert_one(struct store *store, const char *client, uint32_t number);

/* Whether the record of that number is there, and as make_record made it. */
bool has_record(struct store *store, const char *client, uint32_t number);

/* A scratch directory with an empty record, ca.db, in it. */
struct store_place {
	struct scratch scratch;
	char path[300];
	char log[310];
};

void make_store_place(struct store_place *place);
void remove_store_place(struct store_place *place);
struct store *open_place(const struct store_place *place);

/* Expects that open_store refuses what is at the path, which ends in ca.db. */
void expect_store_refused(const char *path, enum fault_class class, const char *part);

/* Opens, inserts records 0 to count-1, closes. */
void fill_place(const struct store_place *place, uint32_t count);

/* Runs SQL on the record like any other program would, and closes it as such. */
void run_foreign_sql(const char *path, const char *sql);

/* What PRAGMA integrity_check says of the record. */
void expect_integrity(const char *path);

/* A copy of a file, as it is at the moment. */
void copy_file(const char *from, const char *to);

#endif
