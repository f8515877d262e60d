#include "common/ca/backup/backup.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/backup/archive.h"
#include "common/ca/backup/key_files.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/shared/front_end_file.h"
#include "common/ca/signer/signed_log.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/store.h"
#include "common/crypto/passphrase_seal.h"
#include "common/layout/path.h"
#include "common/x509/issuer_set.h"
#include "common/x509/revocation/crl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char lock_name[] = "backup";

/* For an operator who has the file and no certpool. */
static const char note_text[] =
	"\n"
	"certpool restore FILE [--passphrase-file F] restores it. By hand:\n"
	"  tar xf FILE && sha256sum -c SHA256SUMS\n"
	"  openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -md sha256 \\\n"
	"    -in keys.enc -pass file:PASSPHRASE_FILE | tar x\n"
	"then put cert, Private (0700) and state (0700) into the CA's layout, with the\n"
	"manifest beside it as it was. What was revoked since the backup is revoked again\n"
	"by: certpool revoke --crl FILE, the last CRL that anyone has.\n";

static const char database_text[] =
	"\n"
	"The record is not in this file, but in the database of ca.store in the manifest.\n"
	"Put that back first, if it was lost, into an empty database:\n"
	"  pg_restore --exit-on-error --single-transaction --no-owner --dbname=URL DUMP\n"
	"where DUMP was made by pg_dump --format=custom --schema=certpool.\n";

/* The files of cert/ that are copied. */
static const struct {
	const char *member;
	size_t max;
	bool required;
} files[] = {
	{MEMBER_ROOT, CERTIFICATE_PEM_MAX, true},
	{MEMBER_ISSUER, CERTIFICATE_PEM_MAX, false},
	{MEMBER_CRL, CRL_DER_MAX, false},
	{MEMBER_ROOT_CRL, CRL_DER_MAX, false},
	{MEMBER_NEXT_ROOT, CERTIFICATE_PEM_MAX, false},
	{MEMBER_CROSS, INTERMEDIATES_PEM_MAX, false},
	{MEMBER_NEXT_ROOT_CRL, CRL_DER_MAX, false},
	{MEMBER_OLD_ROOT, CERTIFICATE_PEM_MAX, false},
	{MEMBER_OLD_ROOT_CRL, CRL_DER_MAX, false},
};

static int add_note(const struct backup_options *options, struct archive_writer *writer,
		    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer note = {0};
	char made[TIME_TEXT_SIZE];

	format_time(options->now_s, made);
	append_format(&note, NOTE_HEAD NOTE_TIME "%s\n%s%s", made, note_text,
		      is_shared_store(options->store) ? database_text : "");
	if (check_buffer(&note, fault) < 0)
		return -1;
	return add_member_octets(writer, MEMBER_NOTE, 0644, bytes_of_buffer(&note), fault);
}

/* *ret_added false: there is no such file. */
static int add_file(const struct backup_options *options, struct archive_writer *writer,
		    const char *member, size_t max, bool *ret_added, struct fault *fault)
{
	const char *name = member + strlen(MEMBER_FOLDER);
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct fault problem = {0};

	if (read_file(options->layout->cert, name, max, &content, &problem) < 0) {
		*ret_added = false;
		if (problem.class == FAULT_NOT_FOUND)
			return 0;
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/cert", options->layout->path);
	}
	*ret_added = true;
	return add_member_octets(writer, member, 0644, bytes_of_buffer(&content), fault);
}

static int add_later_issuers(const struct backup_options *options, struct archive_writer *writer,
			     struct fault *fault)
{
	bool added = true;
	bool ignored;

	for (unsigned int number = FIRST_ISSUER + 1; added && number <= ISSUERS_MAX; number++) {
		char certificate[FILE_NAME_SIZE];
		char crl[FILE_NAME_SIZE];

		name_issuer_file(MEMBER_ISSUER, number, certificate);
		name_issuer_file(MEMBER_CRL, number, crl);
		if (add_file(options, writer, certificate, CERTIFICATE_PEM_MAX, &added, fault) <
			    0 ||
		    (added && add_file(options, writer, crl, CRL_DER_MAX, &ignored, fault) < 0))
			return -1;
	}
	return 0;
}

static int add_files(const struct backup_options *options, struct archive_writer *writer,
		     struct fault *fault)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		bool added;

		if (add_file(options, writer, files[i].member, files[i].max, &added, fault) < 0)
			return -1;
		if (!added && files[i].required)
			return set_fault(fault, FAULT_NOT_FOUND,
					 "%s/%s: expected the CA's root, found none: restore it "
					 "from a backup",
					 options->layout->path, files[i].member);
	}
	return add_later_issuers(options, writer, fault);
}

static int add_keys(const struct backup_options *options, struct archive_writer *writer,
		    struct seal_keys *ret_keys, size_t *ret_count, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret archive = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};

	if (format_key_archive(options->layout, is_shared_store(options->store), options->now_s,
			       &archive, ret_count, fault) < 0 ||
	    seal_octets(bytes_of_secret(&archive), options->passphrase, &sealed, ret_keys, fault) <
		    0)
		return -1;
	return add_member_octets(writer, MEMBER_KEYS, 0600, bytes_of_buffer(&sealed), fault);
}

/* Makes a file for the copy of the store. */
static int open_scratch(const char *directory, char **ret_path, int *ret_descriptor,
			struct fault *fault)
{
	CLEANUP(free_string) char *path = NULL;
	int descriptor;

	if (asprintf(&path, "%s/.certpool-backup-XXXXXX", directory) < 0) {
		path = NULL;
		return set_memory_fault(fault);
	}
	descriptor = mkostemp(path, O_CLOEXEC);
	if (descriptor < 0)
		return set_errno_fault(fault, "%s: no copy of the record can be made there",
				       directory);
	*ret_path = TAKE(path);
	*ret_descriptor = descriptor;
	return 0;
}

static int add_record(const struct backup_options *options, struct archive_writer *writer,
		      size_t *ret_certificates, struct fault *fault)
{
	CLEANUP(close_descriptor) int copy = -1;
	CLEANUP(free_string) char *path = NULL;

	if (open_scratch(options->scratch, &path, &copy, fault) < 0)
		return -1;
	if (copy_store(options->store, path, ret_certificates, fault) < 0)
		return prefix_fault(fault, "in %s", options->scratch);
	return add_member_file(writer, MEMBER_RECORD, copy, fault);
}

/* A shared record is backed up by its database's own means. */
static int add_front_end_file(const struct backup_options *options, struct archive_writer *writer,
			      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer number = {0};
	struct fault problem = {0};

	if (read_file(options->layout->state, FRONT_END_FILE, FRONT_END_TEXT_MAX, &number,
		      &problem) < 0) {
		if (problem.class == FAULT_NOT_FOUND)
			return 0;
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/state", options->layout->path);
	}
	return add_member_octets(writer, MEMBER_FRONT_END, 0600, bytes_of_buffer(&number), fault);
}

static int add_signed_log(const struct backup_options *options, struct archive_writer *writer,
			  struct fault *fault)
{
	CLEANUP(close_descriptor) int log = -1;
	size_t len;

	if (open_signed_log(options->layout, &log, &len, fault) < 0)
		return -1;
	return log >= 0 ? add_member_part(writer, MEMBER_SIGNED, log, len, fault) : 0;
}

static int write_members(const struct backup_options *options, struct archive_writer *writer,
			 struct backup_summary *summary, struct fault *fault)
{
	CLEANUP(clear_seal_keys) struct seal_keys keys = {0};
	bool with_keys = options->passphrase.len > 0;

	if (add_note(options, writer, fault) < 0 ||
	    add_member_octets(writer, MEMBER_MANIFEST, 0644, options->manifest, fault) < 0 ||
	    add_files(options, writer, fault) < 0)
		return -1;
	if (with_keys && add_keys(options, writer, &keys, &summary->keys, fault) < 0)
		return -1;
	if (is_shared_store(options->store)
		    ? add_front_end_file(options, writer, fault) < 0
		    : add_record(options, writer, &summary->certificates, fault) < 0)
		return -1;
	if (add_signed_log(options, writer, fault) < 0)
		return -1;
	return finish_archive(writer, with_keys ? keys.mac_key : NULL, fault);
}

static int write_archive(const struct backup_options *options, int descriptor, const char *name,
			 struct backup_summary *ret_summary, struct fault *fault)
{
	CLEANUP(clear_archive_writer)
	struct archive_writer writer = {
		.descriptor = descriptor, .name = name, .now_s = options->now_s};
	struct backup_summary summary = {0};

	if (begin_archive(&writer, fault) < 0 ||
	    write_members(options, &writer, &summary, fault) < 0)
		return -1;
	summary.octets = writer.written;
	*ret_summary = summary;
	return 0;
}

static int record_backup(const struct backup_options *options, const char *name,
			 struct fault *fault)
{
	const struct event event = {
		.kind = EVENT_BACKUP, .time_s = options->now_s, .by = CA_NAME, .detail = name};

	if (record_event(options->store, &event, fault) == 0)
		return 0;
	return prefix_fault(fault, "%s: is complete, but cannot be noted in the audit log", name);
}

/* One backup at a time. */
static int lock_backup(const struct backup_options *options, int *ret_lock, struct fault *fault)
{
	if (lock_file(options->layout->state, lock_name, LOCK_REFUSE, ret_lock, fault) < 0)
		return prefix_fault(fault, "%s/state", options->layout->path);
	return 0;
}

int write_backup(const struct backup_options *options, int descriptor, const char *name,
		 struct backup_summary *ret_summary, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct backup_summary summary;

	if (lock_backup(options, &lock, fault) < 0 ||
	    write_archive(options, descriptor, name, &summary, fault) < 0 ||
	    record_backup(options, name, fault) < 0)
		return -1;
	*ret_summary = summary;
	return 0;
}

/* Writes the backup into a file that has no name before the commit. */
static int stage_backup(const struct backup_options *options, struct staging *staging, int dirfd,
			const char *path, struct backup_summary *summary, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	CLEANUP(close_descriptor) int descriptor = -1;

	if (stage_unnamed(staging, dirfd, name, STAGE_NEW, 0600, &descriptor, fault) < 0)
		return -1;
	return write_archive(options, descriptor, path, summary, fault);
}

int write_backup_file(const struct backup_options *options, const char *path,
		      struct backup_summary *ret_summary, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(free_string) char *directory = NULL;
	CLEANUP(close_descriptor) int dirfd = -1;
	CLEANUP(free_staging) struct staging *staging = NULL;
	struct backup_summary summary = {0};

	if (lock_backup(options, &lock, fault) < 0 ||
	    split_directory(path, &directory, fault) < 0 ||
	    open_directory(AT_FDCWD, directory, &dirfd, fault) < 0 ||
	    new_staging(&staging, fault) < 0 ||
	    stage_backup(options, staging, dirfd, path, &summary, fault) < 0 ||
	    commit_staging(staging, fault) < 0 || record_backup(options, path, fault) < 0)
		return -1;
	*ret_summary = summary;
	return 0;
}
