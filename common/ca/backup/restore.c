#include "common/ca/backup/restore.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/backup/adopt_record.h"
#include "common/ca/backup/archive.h"
#include "common/ca/backup/key_files.h"
#include "common/ca/backup/restoration.h"
#include "common/ca/backup/restore_target.h"
#include "common/ca/backup/take_revocations.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/revocation/root_crl.h"
#include "common/ca/shared/front_end_file.h"
#include "common/ca/signer/signed_log.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/store.h"
#include "common/crypto/key_file.h"
#include "common/crypto/passphrase_seal.h"
#include "common/x509/issuer_set.h"
#include "common/x509/revocation/crl.h"

#include <stdio.h>
#include <string.h>

enum { NOTE_MAX = 65536, MANIFEST_MAX = 1024 * 1024 };

static const char store_file[] = STORE_FILE;

void clear_restore_summary(struct restore_summary *summary)
{
	for (size_t i = 0; i < summary->crl_count; i++)
		clear_absorbed_crl(&summary->crls[i]);
	clear_crl_names(&summary->left_out);
	clear_buffer(&summary->barred);
	clear_buffer(&summary->lost);
}

static void clear_restoration(struct restoration *restoration)
{
	clear_restore_summary(&restoration->summary);
	clear_archive_reader(&restoration->reader);
	for (size_t i = 0; i < CA_CERTIFICATES_MAX; i++)
		clear_buffer(&restoration->pems[i]);
	for (size_t i = 0; i < ISSUERS_MAX; i++)
		clear_buffer(&restoration->crls[i]);
	for (size_t i = 0; i < ROOT_FILES; i++)
		clear_buffer(&restoration->root_files[i]);
	clear_buffer(&restoration->front_end_text);
	clear_buffer(&restoration->sealed);
	clear_buffer(&restoration->mac);
	clear_secret(&restoration->keys);
	free_staging(&restoration->files);
	free_staging(&restoration->store);
	free_staging(&restoration->unused);
}

static int read_note(struct restoration *restoration, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer note = {0};
	CLEANUP(clear_buffer) struct buffer manifest = {0};

	if (read_member(&restoration->reader, MEMBER_NOTE, NOTE_MAX, &note, fault) < 0)
		return -1;
	if (parse_backup_note(bytes_of_buffer(&note), &restoration->summary.made_s, fault) < 0)
		return prefix_fault(fault, "%s", restoration->name);
	return read_member(&restoration->reader, MEMBER_MANIFEST, MANIFEST_MAX, &manifest, fault);
}

static int read_optional_member(struct restoration *restoration, const char *member, size_t max,
				struct buffer *ret_content, struct fault *fault)
{
	bool present;

	if (at_member(&restoration->reader, member, &present, fault) < 0)
		return -1;
	return present ? read_member(&restoration->reader, member, max, ret_content, fault) : 0;
}

/* One after the other, until there is no other. */
static int read_later_issuers(struct restoration *restoration, struct fault *fault)
{
	for (unsigned int number = FIRST_ISSUER + 1; number <= ISSUERS_MAX; number++) {
		struct buffer *pem = &restoration->pems[number];
		char member[FILE_NAME_SIZE];

		name_issuer_file(MEMBER_ISSUER, number, member);
		if (read_optional_member(restoration, member, CERTIFICATE_PEM_MAX, pem, fault) < 0)
			return -1;
		if (pem->len == 0)
			return 0;
		name_issuer_file(MEMBER_CRL, number, member);
		if (read_optional_member(restoration, member, CRL_DER_MAX,
					 &restoration->crls[number - 1], fault) < 0)
			return -1;
	}
	return 0;
}

static int read_files(struct restoration *restoration, struct fault *fault)
{
	if (read_member(&restoration->reader, MEMBER_ROOT, CERTIFICATE_PEM_MAX,
			&restoration->pems[ROOT], fault) < 0 ||
	    read_optional_member(restoration, MEMBER_ISSUER, CERTIFICATE_PEM_MAX,
				 &restoration->pems[FIRST_ISSUER], fault) < 0 ||
	    read_optional_member(restoration, MEMBER_CRL, CRL_DER_MAX, &restoration->crls[0],
				 fault) < 0)
		return -1;
	for (size_t i = 0; i < ROOT_FILES; i++)
		if (read_optional_member(restoration, root_files[i].member, root_files[i].max,
					 &restoration->root_files[i], fault) < 0)
			return -1;
	if (read_later_issuers(restoration, fault) < 0)
		return -1;
	return read_optional_member(restoration, MEMBER_KEYS, KEY_ARCHIVE_MAX + TAR_BLOCK_LEN,
				    &restoration->sealed, fault);
}

/* Comes before the store, which may take long to read. */
static int check_passphrase(const struct restoration *restoration, struct fault *fault)
{
	bool given = restoration->options->passphrase.len > 0;
	bool sealed = restoration->sealed.len > 0;

	if (sealed && !given)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: its keys are under a passphrase: say where that is, with "
				 "--passphrase-file",
				 restoration->name);
	if (!sealed && given)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: was made without keys, so that no passphrase can prove who "
				 "made it: leave --passphrase-file out",
				 restoration->name);
	return 0;
}

static int stage_store(struct restoration *restoration, struct fault *fault)
{
	const struct layout *layout = restoration->options->layout;
	CLEANUP(close_descriptor) int descriptor = -1;

	if (stage_stream(restoration->store, layout->state, store_file, STAGE_NEW, 0600,
			 &descriptor, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return copy_member(&restoration->reader, MEMBER_RECORD, descriptor, fault);
}

static int read_front_end(struct restoration *restoration, struct fault *fault)
{
	struct buffer *text = &restoration->front_end_text;

	if (read_optional_member(restoration, MEMBER_FRONT_END, FRONT_END_TEXT_MAX, text, fault) <
	    0)
		return -1;
	if (text->len > 0 &&
	    parse_front_end_number(bytes_of_buffer(text), &restoration->front_end, fault) < 0)
		return prefix_fault(fault, "%s: " MEMBER_FRONT_END, restoration->name);
	return 0;
}

/* The record of the backup, or what it has of one in a database. */
static int stage_record(struct restoration *restoration, struct fault *fault)
{
	bool database = restoration->options->manifest->ca.store != NULL;
	bool present;

	if (at_member(&restoration->reader, MEMBER_RECORD, &present, fault) < 0)
		return -1;
	if (present && database)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: its record is a file: leave ca.store out of the manifest, "
				 "restore, and move the record with certpool store copy",
				 restoration->name);
	if (!present && !database)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected its record, " MEMBER_RECORD ", found none: a record "
				 "in a database is not in a backup: put that back, and say in the "
				 "manifest where it is (ca.store; the backup's manifest.yaml has "
				 "where it was)",
				 restoration->name);
	return present ? stage_store(restoration, fault) : read_front_end(restoration, fault);
}

/* A log that survived the record names all that the backup's does, and more. */
static int stage_signed_log(struct restoration *restoration, struct fault *fault)
{
	const struct layout *layout = restoration->options->layout;
	CLEANUP(close_descriptor) int descriptor = -1;
	bool survived;
	bool present;

	if (find_file(layout->state, SIGNED_LOG_FILE, &survived, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (at_member(&restoration->reader, MEMBER_SIGNED, &present, fault) < 0)
		return -1;
	if (!present)
		return 0;
	if (stage_stream(survived ? restoration->unused : restoration->files, layout->state,
			 SIGNED_LOG_FILE, survived ? STAGE_REPLACE : STAGE_NEW, 0600, &descriptor,
			 fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return copy_member(&restoration->reader, MEMBER_SIGNED, descriptor, fault);
}

static int open_keys(struct restoration *restoration, struct fault *fault)
{
	struct bytes sealed = bytes_of_buffer(&restoration->sealed);

	if (sealed.len == 0)
		return 0;
	return open_sealed_member(&restoration->reader, sealed, bytes_of_buffer(&restoration->mac),
				  restoration->options->passphrase, &restoration->keys, fault);
}

/* The certificates under which the CA signs its CRLs: those below the root, or else the root. */
static int parse_issuers(const struct restoration *restoration, struct adopted_issuers *issuers,
			 struct fault *fault)
{
	size_t i = restoration->pems[FIRST_ISSUER].len > 0 ? FIRST_ISSUER : ROOT;

	for (; i < CA_CERTIFICATES_MAX && restoration->pems[i].len > 0; i++)
		if (add_adopted_issuer(issuers, bytes_of_buffer(&restoration->pems[i]), fault) < 0)
			return -1;
	if (add_adopted_roots(issuers, bytes_of_buffer(&restoration->pems[ROOT]), fault) < 0 ||
	    add_adopted_roots(issuers, bytes_of_buffer(&restoration->root_files[NEXT_ROOT]),
			      fault) < 0 ||
	    add_adopted_roots(issuers, bytes_of_buffer(&restoration->root_files[CROSS]), fault) < 0)
		return prefix_fault(fault, "%s", restoration->name);
	return 0;
}

/* Has the record go on as that of the restored CA, and tells what became of it. */
static int adopt_store(struct restoration *restoration, const struct adoption *adoption,
		       struct fault *fault)
{
	struct adopted_record adopted;

	if (adopt_record(adoption, fault) < 0)
		return prefix_fault(fault, "%s", restoration->name);
	if (take_revocations(adoption, restoration->options, &restoration->summary, fault) < 0 ||
	    describe_record(adoption, &adopted, fault) < 0)
		return -1;
	restoration->summary.certificates = adopted.certificates;
	restoration->summary.revoked = adopted.revoked;
	restoration->summary.crl_number = adopted.crl_number;
	return 0;
}

static int check_closed(const struct layout *layout, const char *path, struct fault *fault)
{
	bool has_wal;

	if (find_file(layout->state, STAGED_WAL_FILE, &has_wal, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (!has_wal)
		return 0;
	return set_fault(
		fault, FAULT_FAILED,
		"%s: is still open: expected it to be one file, found its log %s beside it", path,
		STAGED_WAL_FILE);
}

/* The record in the backup, as a file that gets its name last. */
static int complete_with_file(struct restoration *restoration, struct adoption *adoption,
			      struct fault *fault)
{
	const struct layout *layout = restoration->options->layout;
	CLEANUP(free_string) char *path = NULL;

	if (asprintf(&path, "%s/state/.%s.new", layout->path, store_file) < 0) {
		path = NULL;
		return set_memory_fault(fault);
	}
	adoption->location = path;
	if (adopt_store(restoration, adoption, fault) < 0 ||
	    check_closed(layout, path, fault) < 0 || commit_staging(restoration->files, fault) < 0)
		return -1;
	return commit_staging(restoration->store, fault);
}

/* The record in the database, which may be older than the backup: the CRLs and the log of
   signatures that have come into the layout tell what it lacks. */
static int complete_with_database(struct restoration *restoration, struct adoption *adoption,
				  struct fault *fault)
{
	adoption->location = restoration->options->manifest->ca.store;
	adoption->front_end = restoration->front_end;
	if (check_adopted_issuers(adoption, fault) < 0 ||
	    commit_staging(restoration->files, fault) < 0 || check_adopted_key(adoption, fault) < 0)
		return -1;
	return adopt_store(restoration, adoption, fault);
}

static int complete(struct restoration *restoration, struct fault *fault)
{
	CLEANUP(clear_adopted_issuers) struct adopted_issuers issuers = {0};
	struct adoption adoption = {.name = restoration->name,
				    .layout = restoration->options->layout,
				    .issuers = &issuers,
				    .manifest = restoration->options->manifest,
				    .now_s = restoration->options->now_s};

	if (parse_issuers(restoration, &issuers, fault) < 0)
		return -1;
	return restoration->options->manifest->ca.store == NULL
		       ? complete_with_file(restoration, &adoption, fault)
		       : complete_with_database(restoration, &adoption, fault);
}

static int read_backup(struct restoration *restoration, struct fault *fault)
{
	if (open_archive(&restoration->reader, fault) < 0 || read_note(restoration, fault) < 0 ||
	    read_files(restoration, fault) < 0 || check_passphrase(restoration, fault) < 0 ||
	    stage_record(restoration, fault) < 0 || stage_signed_log(restoration, fault) < 0)
		return -1;
	return finish_reading(&restoration->reader, &restoration->mac, fault);
}

/* certpool writes keys and HMAC, or neither. */
static int check_authenticated(const struct restoration *restoration, struct fault *fault)
{
	if ((restoration->sealed.len > 0) == (restoration->mac.len > 0))
		return 0;
	return set_fault(fault, FAULT_MALFORMED,
			 "%s: expected both " MEMBER_KEYS " and " MEMBER_MAC ", or neither",
			 restoration->name);
}

int restore_backup(const struct restore_options *options, int descriptor, const char *name,
		   struct restore_summary *ret_summary, struct fault *fault)
{
	CLEANUP(clear_restoration)
	struct restoration restoration = {
		.options = options,
		.name = name,
		.reader = {.descriptor = descriptor, .name = name},
	};

	if ((options->manifest->ca.store == NULL && check_no_ca(options->layout, fault) < 0) ||
	    sweep_target(options->layout, fault) < 0 ||
	    new_staging(&restoration.files, fault) < 0 ||
	    new_staging(&restoration.store, fault) < 0 ||
	    new_staging(&restoration.unused, fault) < 0 || read_backup(&restoration, fault) < 0 ||
	    check_authenticated(&restoration, fault) < 0 || open_keys(&restoration, fault) < 0 ||
	    stage_files(&restoration, fault) < 0 || complete(&restoration, fault) < 0)
		return -1;
	MOVE(ret_summary, restoration.summary);
	return 0;
}
