#include "common/ca/backup/backup.h"

#include "common/ca/backup/restore.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSPHRASE "correct horse"

/* A CA with one certificate, and a layout that has none, `to`. */
struct places {
	struct ca_fixture from;
	struct layout *to;
	char to_path[300];
	char file[300];
};

static struct places places;

static void set_up(void)
{
	struct certificate *certificate;

	make_ca(&places.from, NOW_S);
	certificate = certify_one(&places.from, NOW_S);
	free_certificate(&certificate);
	(void)snprintf(places.to_path, sizeof(places.to_path), "%s/to", places.from.scratch.path);
	(void)snprintf(places.file, sizeof(places.file), "%s/b.tar", places.from.scratch.path);
	OK(make_layout(places.to_path, &places.to, &fault));
}

static void tear_down(void)
{
	free_layout(&places.to);
	remove_ca(&places.from);
}

TestSuite(backup, .init = set_up, .fini = tear_down);

static int back_up(const char *passphrase, struct backup_summary *ret_summary, struct fault *fault)
{
	const struct backup_options options = {.layout = places.from.layout,
					       .store = authority_store(places.from.authority),
					       .manifest = bytes_of_string("version: 1\n"),
					       .passphrase = bytes_of_string(passphrase),
					       .scratch = places.from.scratch.path,
					       .now_s = NOW_S};

	return write_backup_file(&options, places.file, ret_summary, fault);
}

static void make_backup(const char *passphrase)
{
	struct backup_summary summary = {0};

	OK(back_up(passphrase, &summary, &fault));
	cr_expect_eq(summary.certificates, 1);
	cr_expect_eq(summary.keys, passphrase[0] != '\0');
}

static int bring_back(const char *passphrase, int64_t now_s, struct restore_summary *ret_summary,
		      struct fault *fault)
{
	const struct restore_options options = {.layout = places.to,
						.manifest = places.from.manifest,
						.passphrase = bytes_of_string(passphrase),
						.now_s = now_s};
	CLEANUP(close_descriptor) int descriptor = open(places.file, O_RDONLY);

	cr_assert_geq(descriptor, 0);
	return restore_backup(&options, descriptor, "b.tar", ret_summary, fault);
}

static void expect_nothing(void)
{
	cr_expect_eq(count_entries(places.to->private), 0);
	cr_expect_eq(count_entries(places.to->cert), 0);
	cr_expect_eq(count_entries(places.to->state), 0);
}

static void expect_refused(const char *passphrase, enum fault_class class, const char *part)
{
	struct restore_summary summary = {.certificates = 7};

	REFUSED(bring_back(passphrase, NOW_S, &summary, &fault), class, part);
	cr_expect_eq(summary.certificates, 7);
}

/* A CA is backed up with its keys and restored into an empty layout. */
Test(backup, is_used_like_this)
{
	struct backup_summary backed_up = {0};
	struct restore_summary restored = {0};
	CLEANUP(close_descriptor) int descriptor = -1;

	const struct backup_options from = {.layout = places.from.layout,
					    .store = authority_store(places.from.authority),
					    .manifest = bytes_of_string("version: 1\n"),
					    .passphrase = bytes_of_string(PASSPHRASE),
					    .scratch = places.from.scratch.path,
					    .now_s = NOW_S};

	OK(write_backup_file(&from, places.file, &backed_up, &fault));

	/* Weeks later, on another machine. */
	const struct restore_options into = {.layout = places.to,
					     .manifest = places.from.manifest,
					     .passphrase = bytes_of_string(PASSPHRASE),
					     .now_s = NOW_S + 30 * DAY_S};

	descriptor = open(places.file, O_RDONLY | O_CLOEXEC);
	OK(restore_backup(&into, descriptor, places.file, &restored, &fault));
	cr_expect_eq(restored.made_s, NOW_S);
	cr_expect_eq(restored.certificates, backed_up.certificates);
	cr_expect_eq(restored.keys, backed_up.keys);
	cr_expect(file_exists(places.to->state, "ca.db"));
}

Test(backup, is_not_restored_with_a_wrong_passphrase)
{
	static const struct {
		const char *made_with;
		const char *restored_with;
		const char *part;
	} rows[] = {
		{PASSPHRASE, "", "say where that is, with --passphrase-file"},
		{PASSPHRASE, "correct horsf", "this is not the passphrase"},
		{"", PASSPHRASE, "was made without keys"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		tear_down();
		set_up();
		make_backup(rows[i].made_with);
		expect_refused(rows[i].restored_with, FAULT_REFUSED, rows[i].part);
		expect_nothing();
	}
}

/* catalogue 40 */
Test(backup, overwrites_nothing_when_it_is_restored)
{
	static const struct {
		const char *directory;
		const char *name;
		const char *content;
		const char *part;
	} rows[] = {
		{"state", "ca.db", "", "there is a CA"},
		/* catalogue 79: SQLite would read it into the restored record */
		{"state", "ca.db-wal", "x", "there is the log of a record"},
		{"cert", "root.crt", "x", "another certificate than in the backup"},
		{"Private", "root.key", "x", "another key than in the backup"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int dirfd = -1;

		tear_down();
		set_up();
		make_backup(PASSPHRASE);
		OK(open_directory(places.to->root, rows[i].directory, &dirfd, &fault));
		put_file(dirfd, rows[i].name, rows[i].content, 0600);
		expect_refused(PASSPHRASE, FAULT_REFUSED, rows[i].part);
		cr_expect(file_holds(dirfd, rows[i].name, rows[i].content));
		cr_expect_eq(count_entries(places.to->private) + count_entries(places.to->cert) +
				     count_entries(places.to->state),
			     1);
		close_descriptor(&dirfd);
	}
}

/* A killed restore leaves some files, and temporary ones. catalogue 76 */
Test(backup, is_restored_where_a_restore_was_killed)
{
	struct restore_summary summary = {0};
	CLEANUP(clear_buffer) struct buffer root = {0};

	make_backup(PASSPHRASE);
	OK(read_file(places.from.layout->cert, "root.crt", 10000, &root, &fault));
	put_bytes(places.to->cert, "root.crt", bytes_of_buffer(&root), 0644);
	put_file(places.to->private, ".root.key.new", "half a", 0600);
	put_file(places.to->state, ".ca.db.new", "half a record", 0600);
	put_file(places.to->state, ".ca.db.new-wal", "a log", 0600);
	OK(bring_back(PASSPHRASE, NOW_S, &summary, &fault));
	cr_expect_eq(count_entries(places.to->private), 1);
	cr_expect_eq(count_entries(places.to->cert), 1);
	cr_expect_eq(count_entries(places.to->state), 2, "the record, the log of signatures");
}

Test(backup, restores_the_store_the_keys_and_the_audit_log)
{
	struct restore_summary summary = {0};
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(clear_secret) struct secret before = {0};
	CLEANUP(clear_secret) struct secret after = {0};
	struct audit_verdict verdict = {0};
	char path[320];
	size_t count = 0;

	make_backup(PASSPHRASE);
	OK(bring_back(PASSPHRASE, NOW_S + 60, &summary, &fault));
	cr_expect_eq(summary.made_s, NOW_S);
	cr_expect_eq(summary.certificates, 1);
	cr_expect_eq(summary.keys, 1);
	cr_expect_not(summary.unmatched);
	OK(read_secret_file(places.from.layout->private, "root.key", 10000, &before, &fault));
	OK(read_secret_file(places.to->private, "root.key", 10000, &after, &fault));
	cr_expect(equal_bytes(bytes_of_secret(&before), bytes_of_secret(&after)));
	(void)snprintf(path, sizeof(path), "%s/state/ca.db", places.to_path);
	OK(open_store(path, &store, &fault));
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, 1);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_not(verdict.verdict.invalid, "%s", verdict.verdict.reason);
	expect_integrity(path);
}

/* catalogue 97: also when the backup is older than the last CRL, or the clock stands still */
Test(backup, lets_the_crl_number_never_fall)
{
	static const struct {
		const char *number; /* in the backup */
		int64_t now_s;
		uint64_t expected;
	} rows[] = {
		{"7", NOW_S, NOW_S},
		{"1790000500", NOW_S, 1790000500},
		{"1790000500", NOW_S + 9000, NOW_S + 9000},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct restore_summary summary = {0};
		CLEANUP(free_store) struct store *store = NULL;
		struct crl_state state = {0};
		char sql[100];
		char path[320];

		tear_down();
		set_up();
		(void)snprintf(sql, sizeof(sql), "UPDATE state SET crl_number = %s",
			       rows[i].number);
		run_foreign_sql(places.from.store_path, sql);
		make_backup("");
		OK(bring_back("", rows[i].now_s, &summary, &fault));
		cr_expect_eq(summary.crl_number, rows[i].expected, "row %zu", i);
		(void)snprintf(path, sizeof(path), "%s/state/ca.db", places.to_path);
		OK(open_store(path, &store, &fault));
		OK(read_crl_state(store, FIRST_ISSUER, &state, &fault));
		cr_expect_eq(state.number, rows[i].expected);
		cr_expect_eq(state.crl_revision, -1);
	}
}

/* Revokes all that the CA issued, and gives its CRL. */
static struct buffer revoke_since(void)
{
	const struct certificate_query everything = {0};
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = NOW_S + 1};
	struct ca_crl_options options = authority_crl_options(places.from.authority);
	struct revocation_summary revoked;
	struct crl_info info;
	struct buffer der = {0};

	OK(revoke_certificates(options.store, &revocation, NULL, NULL, &revoked, &fault));
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S + 1, &info, &fault));
	OK(read_crl(places.from.layout, FIRST_ISSUER, &der, &fault));
	return der;
}

/* catalogue 105: what the layout tells about the time since the backup, it takes in. */
Test(backup, keeps_revoked_and_barred_what_was_so_when_the_record_was_lost)
{
	CLEANUP(clear_restore_summary) struct restore_summary summary = {0};
	CLEANUP(clear_buffer) struct buffer crl = {0};
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(clear_client) struct client client = {0};
	size_t revoked;
	bool found;
	char path[320];

	make_backup("");
	crl = revoke_since();
	put_bytes(places.to->cert, "ca.crl", bytes_of_buffer(&crl), 0644);
	put_file(places.to->state, "barred", "client2\nnobody\n", 0600);
	OK(bring_back("", NOW_S + 60, &summary, &fault));
	cr_expect_eq(summary.revoked, 1);
	cr_assert_eq(summary.crl_count, 1);
	cr_expect_eq(summary.crls[0].revoked, 1);
	cr_expect_str_eq((const char *)summary.crls[0].barred.data, "client1");
	cr_expect_str_eq((const char *)summary.barred.data, "client2");
	(void)snprintf(path, sizeof(path), "%s/state/ca.db", places.to_path);
	OK(open_store(path, &store, &fault));
	OK(count_certificates(store, &(struct certificate_query){.state = STATE_REVOKED}, &revoked,
			      &fault));
	cr_expect_eq(revoked, 1);
	OK(read_client(store, "client2", &client, &found, &fault));
	cr_expect(client.disabled);
}

/* It could be the only trace of the last revocations: it is not passed over. */
Test(backup, is_not_restored_beside_traces_that_cannot_be_read)
{
	static const struct {
		const char *directory;
		const char *name;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{"cert", "ca.crl", FAULT_MALFORMED,
		 "cert/ca.crl: cannot be taken in: move it away"},
		{"state", "barred", FAULT_MALFORMED, "expected the names of clients, found"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int dirfd = -1;

		tear_down();
		set_up();
		make_backup("");
		OK(open_directory(places.to->root, rows[i].directory, &dirfd, &fault));
		put_file(dirfd, rows[i].name, "../x", 0600);
		expect_refused("", rows[i].class, rows[i].part);
		cr_expect_not(file_exists(places.to->state, "ca.db"));
		close_descriptor(&dirfd);
	}
}

Test(backup, refuses_keys_that_are_not_the_roots)
{
	CLEANUP(free_private_key) struct private_key *other = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};

	other = make_key(KEY_ECDSA_P256);
	OK(format_private_key(other, &pem, &fault));
	put_bytes(places.from.layout->private, "root.key", bytes_of_secret(&pem), 0600);
	make_backup(PASSPHRASE);
	expect_refused(PASSPHRASE, FAULT_REFUSED,
		       "cert/root.crt and Private/root.key do not belong together");
	expect_nothing();
}

Test(backup, is_refused_when_its_record_is_none)
{
	run_foreign_sql(places.from.store_path, "PRAGMA application_id = 5");
	make_backup("");
	expect_refused("", FAULT_FAILED,
		       "expected the CA's record, found a database of something else");
	expect_nothing();
}

Test(backup, refuses_to_overwrite_and_leaves_nothing)
{
	struct backup_summary summary = {0};

	put_file(places.from.scratch.dirfd, "b.tar", "mine", 0600);
	REFUSED(back_up("", &summary, &fault), FAULT_REFUSED,
		"b.tar: exists already, and is not overwritten");
	cr_expect(file_holds(places.from.scratch.dirfd, "b.tar", "mine"));
	cr_expect_not(file_exists(places.from.scratch.dirfd, ".b.tar.new"));
}

/* The temporary file of an earlier try is removed. */
Test(backup, is_for_its_owner_alone_and_leaves_no_copy)
{
	size_t before;

	before = count_entries(places.from.scratch.dirfd);
	put_file(places.from.scratch.dirfd, ".b.tar.new", "half", 0644);
	make_backup(PASSPHRASE);
	cr_expect_eq(mode_of(places.from.scratch.dirfd, "b.tar"), 0600);
	cr_expect_eq(count_entries(places.from.scratch.dirfd), before + 1);
}
