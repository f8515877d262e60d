#include "common/ca/backup/copy_record.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* A record in a file, which is copied into the file of a layout. */
static struct scratch_store scratch;
static struct store *source;
static struct layout *layout;
static char copied_path[400];

static void set_up(void)
{
	char path[300];

	make_scratch_store(&scratch);
	(void)snprintf(path, sizeof(path), "%s/ca", scratch.folder.path);
	OK(make_layout(path, &layout, &fault));
	(void)snprintf(copied_path, sizeof(copied_path), "%s/state/ca.db", path);
	source = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	free_store(&source);
	free_layout(&layout);
	remove_scratch_store(&scratch);
}

TestSuite(copy_record, .init = set_up, .fini = tear_down);

static int copy(struct copied_record *ret_copied, struct fault *fault)
{
	const struct record_copy options = {.source = source, .layout = layout, .now_s = 2000};

	return copy_record(&options, ret_copied, fault);
}

/* A text of several rows, from a query on a file. */
static void ask(const char *path, const char *sql, char *ret_text, size_t size)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *statement = NULL;

	ret_text[0] = '\0';
	cr_assert_eq(sqlite3_open(path, &handle), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK, "%s: %s",
		     sql, sqlite3_errmsg(handle));
	while (sqlite3_step(statement) == SQLITE_ROW)
		(void)snprintf(ret_text + strlen(ret_text), size - strlen(ret_text), "%s;",
			       (const char *)sqlite3_column_text(statement, 0));
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(handle);
}

/* A row for each table that is empty else: one that is new here needs a row here. */
static const char rows[] =
	"INSERT INTO spent_key VALUES (zeroblob(32));"
	"INSERT INTO revoked_serial (serial, not_after, revoked_at, reason)"
	" VALUES (zeroblob(20), 1, 2, 3);"
	"INSERT INTO client (name, subject, alt_names, keys, validity, certificates,"
	" requests_per_minute, by_hand) VALUES ('client1', 'CN=é', 'a' || char(10) || 'b', '', 1,"
	" 2, 3, 0);"
	"INSERT INTO client_key VALUES ('client1', 'kid', 1, 2, 3);"
	"INSERT INTO lease VALUES ('crl', 1, 2, 3);"
	"INSERT INTO shared_key VALUES ('client1', 'kid', x'00ff', NULL);"
	"INSERT INTO issuer_key VALUES (2, x'00ff');"
	"INSERT INTO store_key VALUES (1, 'kid', x'00ff');"
	"INSERT INTO acme_account VALUES (zeroblob(16), zeroblob(32), x'01', 'client1', '', 1, "
	"NULL);"
	"INSERT INTO acme_order (id, account, serial, finalized_at, body)"
	" VALUES (zeroblob(16), zeroblob(16), zeroblob(20), 1, x'');"
	"INSERT INTO acme_challenge (id, state, changed_at, expires_at)"
	" VALUES (zeroblob(32), 1, 2, 3);"
	"UPDATE state SET revision = 7, crl_number = 9, attested_at = 11;";

Test(copy_record, copies_every_row_of_every_table)
{
	static const char names_sql[] = "SELECT name FROM sqlite_schema WHERE type = 'table'"
					" AND name NOT LIKE 'sqlite%' ORDER BY name";
	struct copied_record copied = {0};
	char names[2048];
	char *rest = names;

	insert_many(source, "client1", 1300);
	run_foreign_sql(scratch.path, rows);
	OK(copy(&copied, &fault));
	cr_expect_eq(copied.audit_logs, 1);
	cr_expect_gt(copied.audit_lines, 0);
	ask(scratch.path, names_sql, names, sizeof(names));
	for (size_t i = 0; *rest != '\0'; i++) {
		const char *name = strsep(&rest, ";");
		char sql[256];
		char before[64];

		cr_assert_lt(i, copied.count, "table %s is not copied", name);
		cr_expect_str_eq(copied.tables[i].name, name);
		(void)snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s", name);
		ask(scratch.path, sql, before, sizeof(before));
		cr_expect_neq(atoll(before), 0, "table %s has no row in this test", name);
		cr_expect_eq(copied.tables[i].rows, atoll(before), "table %s", name);
	}
}

Test(copy_record, leaves_values_as_they_are)
{
	static const char *const queries[] = {
		"SELECT group_concat(id || hex(serial) || hex(der) || subject || "
		"COALESCE(revoked_at, "
		"'-')) FROM (SELECT * FROM certificate ORDER BY id)",
		"SELECT name || subject || alt_names || COALESCE(revoked_at, '-') FROM client",
		"SELECT hex(body) || typeof(body) FROM acme_order",
		"SELECT revision || ' ' || crl_number || ' ' || attested_at FROM state",
		"SELECT hex(key_sha256) FROM spent_key",
	};
	struct copied_record copied;
	static char before[16384];
	static char after[16384];

	insert_many(source, "client1", 5);
	run_foreign_sql(scratch.path, rows);
	OK(copy(&copied, &fault));
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		ask(scratch.path, queries[i], before, sizeof(before));
		ask(copied_path, queries[i], after, sizeof(after));
		cr_expect_str_eq(before, after);
		cr_expect_gt(strlen(before), 1);
	}
	expect_integrity(copied_path);
}

Test(copy_record, notes_the_copy_in_its_log_alone)
{
	struct copied_record copied;
	struct audit_verdict verdict;
	struct store *target = NULL;
	int64_t lines;

	insert_one(source, "client1", 1);
	OK(verify_audit(source, &verdict, &fault));
	lines = verdict.all_lines;
	OK(copy(&copied, &fault));
	cr_expect_eq(copied.audit_lines, lines);
	OK(verify_audit(source, &verdict, &fault));
	cr_expect_eq(verdict.all_lines, lines);
	OK(open_store(copied_path, &target, &fault));
	OK(verify_audit(target, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.all_lines, lines + 1);
	insert_one(target, "client1", 2);
	free_store(&target);
}

Test(copy_record, refuses_a_log_that_is_not_whole_and_leaves_nothing)
{
	struct copied_record copied;

	insert_one(source, "client1", 1);
	run_foreign_sql(scratch.path,
			"UPDATE audit SET line = replace(line, 'client1', 'client2')");
	REFUSED(copy(&copied, &fault), FAULT_REFUSED, "the audit log is not whole: line 1");
	cr_expect_eq(count_entries(layout->state), 0);
}

Test(copy_record, refuses_to_overwrite_a_record)
{
	struct copied_record copied;

	OK(copy(&copied, &fault));
	REFUSED(copy(&copied, &fault), FAULT_REFUSED, "ca.db: there is a CA");
}
