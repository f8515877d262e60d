#include "common/ca/schema.h"

#include <inttypes.h>

enum {
	APPLICATION_ID = 0x43505243, /* "CPRC", as file(1) and we recognise it */
	SCHEMA_VERSION = 1,
};

/*
 * A rowid table with unique indexes: rows are appended, and only the small index entries go to
 * random places (WITHOUT ROWID with a random key is ten times slower). certificate_expiry holds all
 * that a summary needs, so that it does not read the certificates.
 *
 * state.log_needed: see write_log.h.
 */
static const char schema[] =
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
	"INSERT INTO state (id, log_needed) VALUES (1, 0);";

static int build(struct database *database, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pragmas = {0};

	append_format(&pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
		      APPLICATION_ID, SCHEMA_VERSION);
	if (check_buffer(&pragmas, fault) < 0 ||
	    run_sql(database, (const char *)pragmas.data, fault) < 0)
		return -1;
	return run_sql(database, schema, fault);
}

static void free_image(unsigned char **image)
{
	sqlite3_free(*image);
}

static int copy_image(struct database *database, struct buffer *ret_image, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	sqlite3_int64 len = 0;
	CLEANUP(free_image)
	unsigned char *image = sqlite3_serialize(database->handle, "main", &len, 0);

	if (image == NULL)
		return set_memory_fault(fault);
	append_bytes(&copy, (struct bytes){image, (size_t)len});
	if (check_buffer(&copy, fault) < 0)
		return -1;
	*ret_image = take_buffer(&copy);
	return 0;
}

int format_empty_store(struct buffer *ret_image, struct fault *fault)
{
	CLEANUP(close_database) struct database database = {0};

	if (open_database(":memory:", &database, fault) < 0 || build(&database, fault) < 0)
		return -1;
	return copy_image(&database, ret_image, fault);
}

int check_schema(struct database *database, struct fault *fault)
{
	const char *path = sqlite3_db_filename(database->handle, "main");
	int64_t application;
	int64_t version;

	if (query_integer(database, "PRAGMA application_id", &application, fault) < 0 ||
	    query_integer(database, "PRAGMA user_version", &version, fault) < 0)
		return -1;
	if (application != APPLICATION_ID)
		return set_fault(
			fault, FAULT_FAILED,
			"%s: expected the CA's record, found a database of something else: "
			"restore the record from a backup",
			path);
	if (version != SCHEMA_VERSION)
		return set_fault(fault, FAULT_FAILED,
				 "%s: expected a record of version %d, found version %" PRId64
				 ": use the certpool that made it, or a newer one",
				 path, SCHEMA_VERSION, version);
	return 0;
}
