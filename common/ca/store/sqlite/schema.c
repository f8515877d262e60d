#include "common/ca/store/sqlite/schema.h"

#include <inttypes.h>
#include <stdio.h>

enum { APPLICATION_ID = 0x43505243 }; /* "CPRC" */

/*
 * The statements that lead from each version to the next. Rows are appended to the table, and only
 * the small index entries go to random pages (WITHOUT ROWID with a random key is ten times slower).
 * A count, a summary and a CRL read an index alone, which has all columns that they need.
 *
 * state.log_needed: see wal_guard.h; revision and crl_…: crl_state.h; checked_heads: audit.h.
 * issuer: issuers.h; its crl_…: crl_state.h.
 */
static const char *const versions[] = {
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
	"INSERT INTO state (id, log_needed) VALUES (1, 0);",

	"CREATE INDEX certificate_member ON certificate (client, member);"
	"CREATE INDEX certificate_live ON certificate (client, not_after, revoked_at);"
	"CREATE INDEX certificate_revoked ON certificate (serial, not_after, revoked_at, reason)"
	" WHERE revoked_at IS NOT NULL;"
	/* The public keys of pruned certificates: no key is certified twice. */
	"CREATE TABLE spent_key ("
	" key_sha256 BLOB PRIMARY KEY CHECK (length(key_sha256) = 32)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE client ("
	" name TEXT PRIMARY KEY,"
	" subject TEXT NOT NULL,"
	" alt_names TEXT NOT NULL," /* one a line */
	" keys TEXT NOT NULL,"      /* names of types, separated by spaces */
	" validity INTEGER NOT NULL,"
	" certificates INTEGER NOT NULL,"
	" requests_per_minute INTEGER NOT NULL,"
	" by_hand INTEGER NOT NULL,"
	" disabled INTEGER NOT NULL DEFAULT 0,"
	" revoked_at INTEGER,"
	" reason INTEGER,"
	" CHECK ((revoked_at IS NULL) = (reason IS NULL))"
	") STRICT;"
	"CREATE TABLE audit ("
	" sequence INTEGER PRIMARY KEY,"
	" line TEXT NOT NULL"
	") STRICT;"
	"ALTER TABLE state ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN crl_number INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN crl_standing INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN crl_revision INTEGER NOT NULL DEFAULT -1;"
	"ALTER TABLE state ADD COLUMN crl_this_update INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN crl_next_update INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN audit_count INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN audit_head BLOB NOT NULL"
	" DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';",

	/* enum client_origin; NULL where an older certpool did not note it. */
	"ALTER TABLE client ADD COLUMN origin INTEGER;"
	"UPDATE client SET origin = 1 WHERE by_hand = 0;"
	"ALTER TABLE state ADD COLUMN audit_trimmed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN audit_trimmed_head BLOB NOT NULL"
	" DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';"
	"ALTER TABLE state ADD COLUMN audit_exported INTEGER NOT NULL DEFAULT 0;",

	/* unrecorded.h; state.crl_cut: crl_state.h; state.attested_at: prune.h. */
	"CREATE TABLE revoked_serial ("
	" serial BLOB PRIMARY KEY CHECK (length(serial) = 20),"
	" not_after INTEGER NOT NULL,"
	" revoked_at INTEGER NOT NULL,"
	" reason INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"ALTER TABLE state ADD COLUMN crl_cut INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE state ADD COLUMN attested_at INTEGER NOT NULL DEFAULT 0;",

	/* clients.h. What an older certpool froze stays frozen: it did not note the fields. */
	"UPDATE client SET by_hand = 63 WHERE by_hand <> 0;"
	"ALTER TABLE client ADD COLUMN pool_size INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE client ADD COLUMN removed_at INTEGER;"
	"ALTER TABLE client ADD COLUMN invited_at INTEGER;"
	"ALTER TABLE client ADD COLUMN invitation_ends INTEGER;"
	"ALTER TABLE client ADD COLUMN invitation_kid TEXT;"
	"ALTER TABLE client ADD COLUMN joined_at INTEGER;"
	"ALTER TABLE client ADD COLUMN seen_at INTEGER;"
	"UPDATE client SET"
	" joined_at = (SELECT issued_at FROM certificate WHERE client = name ORDER BY id LIMIT 1),"
	" seen_at = (SELECT issued_at FROM certificate WHERE client = name"
	" ORDER BY id DESC LIMIT 1);"
	"ALTER TABLE certificate ADD COLUMN issuer INTEGER NOT NULL DEFAULT 1;"
	/* fleet.h: one pass over one index counts what each client has. */
	"DROP INDEX certificate_member;"
	"CREATE INDEX certificate_member ON certificate"
	" (client, member, not_after, revoked_at, issuer);"
	/* client_keys.h */
	"CREATE TABLE client_key ("
	" client TEXT PRIMARY KEY,"
	" kid TEXT NOT NULL,"
	" rotated_at INTEGER NOT NULL,"
	" old_ends INTEGER NOT NULL,"
	" taken_at INTEGER NOT NULL"
	") STRICT;"
	/* client_roots.h; NULL: the client has not said which it has. */
	"ALTER TABLE client ADD COLUMN roots BLOB;"

	"CREATE TABLE issuer ("
	" id INTEGER PRIMARY KEY,"
	" key_sha256 BLOB UNIQUE CHECK (length(key_sha256) = 32)," /* NULL: not opened yet */
	" not_after INTEGER,"
	" der BLOB,"
	" serves_until INTEGER," /* NULL: to its own end */
	" crl_standing INTEGER NOT NULL DEFAULT 0,"
	" crl_revision INTEGER NOT NULL DEFAULT -1,"
	" crl_this_update INTEGER NOT NULL DEFAULT 0,"
	" crl_next_update INTEGER NOT NULL DEFAULT 0,"
	" crl_cut INTEGER NOT NULL DEFAULT 0,"
	" CHECK ((der IS NULL) = (not_after IS NULL) AND (der IS NULL) = (key_sha256 IS NULL))"
	") STRICT;"
	"INSERT INTO issuer (id, crl_standing, crl_revision, crl_this_update, crl_next_update,"
	" crl_cut) SELECT 1, crl_standing, crl_revision, crl_this_update, crl_next_update, crl_cut"
	" FROM state;"
	"ALTER TABLE state DROP COLUMN crl_standing;"
	"ALTER TABLE state DROP COLUMN crl_revision;"
	"ALTER TABLE state DROP COLUMN crl_this_update;"
	"ALTER TABLE state DROP COLUMN crl_next_update;"
	"ALTER TABLE state DROP COLUMN crl_cut;"
	"ALTER TABLE revoked_serial ADD COLUMN issuer INTEGER NOT NULL DEFAULT 1;"
	"DROP INDEX certificate_revoked;"
	"CREATE INDEX certificate_revoked ON certificate (issuer, serial, not_after, revoked_at,"
	" reason) WHERE revoked_at IS NOT NULL;",

	/* ca/acme/accounts.h, ca/acme/orders.h */
	"CREATE TABLE acme_account ("
	" id BLOB PRIMARY KEY CHECK (length(id) = 16),"
	" key_sha256 BLOB NOT NULL UNIQUE CHECK (length(key_sha256) = 32),"
	" spki BLOB NOT NULL,"
	" client TEXT NOT NULL,"
	" contact TEXT NOT NULL," /* one a line */
	" created_at INTEGER NOT NULL,"
	" deactivated_at INTEGER"
	") STRICT;"
	"CREATE INDEX acme_account_client ON acme_account (client, deactivated_at);"
	"CREATE TABLE acme_order ("
	" id BLOB PRIMARY KEY CHECK (length(id) = 16),"
	" account BLOB NOT NULL CHECK (length(account) = 16),"
	" serial BLOB NOT NULL UNIQUE CHECK (length(serial) = 20),"
	" finalized_at INTEGER NOT NULL,"
	" body BLOB NOT NULL"
	") STRICT;"
	"CREATE INDEX acme_order_account ON acme_order (account, finalized_at);"
	/* common/layout/usages.h */
	"ALTER TABLE client ADD COLUMN usages TEXT NOT NULL DEFAULT 'sign';"
	/* clients.h */
	"ALTER TABLE client ADD COLUMN added_at INTEGER NOT NULL DEFAULT 0;"
	/* common/ca/shared/front_ends.h. */
	"CREATE TABLE front_end ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" place TEXT," /* host and layout where it is served now */
	" heartbeat_at INTEGER NOT NULL DEFAULT 0,"
	" added_at INTEGER NOT NULL,"
	" joined_at INTEGER,"
	" removed_at INTEGER"
	") STRICT;"
	"INSERT INTO front_end (id, name, added_at, joined_at) VALUES (1, 'ca1', 0, 0);"
	/* audit.h: a chain for each front end. */
	"CREATE TABLE audit_chain ("
	" front_end INTEGER PRIMARY KEY,"
	" lines INTEGER NOT NULL DEFAULT 0,"
	" head BLOB NOT NULL DEFAULT"
	" x'0000000000000000000000000000000000000000000000000000000000000000',"
	" trimmed INTEGER NOT NULL DEFAULT 0,"
	" trimmed_head BLOB NOT NULL DEFAULT"
	" x'0000000000000000000000000000000000000000000000000000000000000000',"
	" exported INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"INSERT INTO audit_chain (front_end, lines, head, trimmed, trimmed_head, exported)"
	" SELECT 1, audit_count, audit_head, audit_trimmed, audit_trimmed_head, audit_exported"
	" FROM state;"
	"ALTER TABLE state DROP COLUMN audit_count;"
	"ALTER TABLE state DROP COLUMN audit_head;"
	"ALTER TABLE state DROP COLUMN audit_trimmed;"
	"ALTER TABLE state DROP COLUMN audit_trimmed_head;"
	"ALTER TABLE state DROP COLUMN audit_exported;"
	"ALTER TABLE state ADD COLUMN checked_heads BLOB NOT NULL"
	" DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';"
	"CREATE TABLE audit_line ("
	" front_end INTEGER NOT NULL DEFAULT 1,"
	" sequence INTEGER NOT NULL,"
	" line TEXT NOT NULL,"
	" PRIMARY KEY (front_end, sequence)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO audit_line (sequence, line) SELECT sequence, line FROM audit;"
	"DROP TABLE audit;"
	"ALTER TABLE audit_line RENAME TO audit;"
	/* common/ca/shared/lease.h. */
	"CREATE TABLE lease ("
	" name TEXT PRIMARY KEY,"
	" holder INTEGER NOT NULL," /* the front end's number */
	" token INTEGER NOT NULL,"
	" ends_at INTEGER NOT NULL"
	") STRICT;"
	/* common/ca/revocation/recorded_crl.h; NULL: the layout has it. */
	"ALTER TABLE issuer ADD COLUMN crl_der BLOB;"
	/* common/ca/shared/store_key.h; NULL: the record is not shared. */
	"ALTER TABLE state ADD COLUMN store_kid TEXT;"
	/* common/ca/shared/client_key_copies.h */
	"ALTER TABLE state ADD COLUMN key_revision INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE shared_key ("
	" client TEXT PRIMARY KEY,"
	" kid TEXT NOT NULL,"
	" sealed BLOB NOT NULL,"
	" old BLOB"
	") STRICT;",

	/* line_id in audit.h; 1099511627776 is SEQUENCE_MAX + 1. */
	"CREATE TABLE audit_line ("
	" id INTEGER PRIMARY KEY,"
	" line TEXT NOT NULL"
	") STRICT;"
	"INSERT INTO audit_line (id, line) SELECT (front_end - 1) * 1099511627776 + sequence, line"
	" FROM audit ORDER BY front_end, sequence;"
	"DROP TABLE audit;"
	"ALTER TABLE audit_line RENAME TO audit;"
	/* ca/acme/challenges.h */
	"CREATE TABLE acme_challenge ("
	" id BLOB PRIMARY KEY CHECK (length(id) = 32),"
	" state INTEGER NOT NULL,"
	" changed_at INTEGER NOT NULL,"
	" expires_at INTEGER NOT NULL,"
	" problem_type TEXT NOT NULL DEFAULT '',"
	" problem TEXT NOT NULL DEFAULT ''"
	") STRICT;"
	"CREATE INDEX acme_challenge_expires ON acme_challenge (expires_at);"
	/* ca/acme/orders.h: the identifier of a certificate (RFC 9773). */
	"ALTER TABLE acme_order ADD COLUMN replaces TEXT;"
	"CREATE INDEX acme_order_replaces ON acme_order (replaces) WHERE replaces IS NOT NULL;"
	/* common/ca/shared/issuer_copies.h */
	"CREATE TABLE issuer_key ("
	" issuer INTEGER PRIMARY KEY,"
	" sealed BLOB NOT NULL"
	") STRICT;"
	/* common/ca/shared/front_end_key.h */
	"CREATE TABLE store_key ("
	" front_end INTEGER NOT NULL,"
	" old_kid TEXT NOT NULL,"
	" sealed BLOB NOT NULL,"
	" PRIMARY KEY (front_end, old_kid)"
	") STRICT, WITHOUT ROWID;"
	"ALTER TABLE front_end ADD COLUMN public_key BLOB;"
	"ALTER TABLE front_end ADD COLUMN version TEXT;",
};

enum { SCHEMA_VERSION = COUNT_OF(versions) };

static int set_number(struct database *database, const char *pragma, int number,
		      struct fault *fault)
{
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "PRAGMA %s = %d", pragma, number);
	return run_sql(database, sql, fault);
}

static int add_versions(struct database *database, int64_t from, struct fault *fault)
{
	for (int64_t i = from; i < SCHEMA_VERSION; i++)
		if (run_sql(database, versions[i], fault) < 0)
			return -1;
	return set_number(database, "user_version", SCHEMA_VERSION, fault);
}

static int build(struct database *database, struct fault *fault)
{
	if (set_number(database, "application_id", APPLICATION_ID, fault) < 0)
		return -1;
	return add_versions(database, 0, fault);
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

int check_schema(struct database *database, bool *ret_old, struct fault *fault)
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
	if (version < 1 || version > SCHEMA_VERSION)
		return set_fault(fault, FAULT_FAILED,
				 "%s: expected a record of version %d, found version %" PRId64
				 ": use the certpool that made it, or a newer one",
				 path, SCHEMA_VERSION, version);
	*ret_old = version < SCHEMA_VERSION;
	return 0;
}

int check_tables(struct database *database, struct fault *fault)
{
	return run_sql(
		database,
		"SELECT 1 FROM certificate, spent_key, revoked_serial, client, client_key,"
		" audit, audit_chain, front_end, issuer, state, acme_account,"
		" acme_order, acme_challenge, lease, shared_key, issuer_key, store_key LIMIT 0",
		fault);
}

int upgrade_schema(struct database *database, struct fault *fault)
{
	int64_t version;

	if (query_integer(database, "PRAGMA user_version", &version, fault) < 0)
		return -1;
	return add_versions(database, version, fault);
}
