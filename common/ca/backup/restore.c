#include "common/ca/backup/restore.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/backup/adopt_record.h"
#include "common/ca/backup/archive.h"
#include "common/ca/backup/key_files.h"
#include "common/ca/backup/restore_target.h"
#include "common/ca/backup/take_revocations.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/revocation/root_crl.h"
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

/* The root and the issuers below it, if it lies apart, by their numbers. */
enum { CA_CERTIFICATES_MAX = ISSUERS_MAX + 1, ROOT = 0 };

/* Their files: "cert/root.crt", "cert/ca.crt", "cert/ca.2.crt", and the keys in Private/. */
static void name_certificate_member(size_t i, char ret_member[static FILE_NAME_SIZE])
{
	if (i == ROOT)
		(void)snprintf(ret_member, FILE_NAME_SIZE, MEMBER_ROOT);
	else
		name_issuer_file(MEMBER_ISSUER, (unsigned int)i, ret_member);
}

static void name_key(size_t i, char ret_name[static FILE_NAME_SIZE])
{
	if (i == ROOT)
		(void)snprintf(ret_name, FILE_NAME_SIZE, "root.key");
	else
		name_issuer_file("ca.key", (unsigned int)i, ret_name);
}

/* Of a root that lies apart, and of a rotation of any root, in the order in which a backup has
   them. Each may be absent. */
enum { ROOT_CRL, NEXT_ROOT, CROSS, NEXT_ROOT_CRL, OLD_ROOT, OLD_ROOT_CRL, ROOT_FILES };

static const struct {
	const char *member;
	size_t max;
} root_files[ROOT_FILES] = {
	[ROOT_CRL] = {MEMBER_ROOT_CRL, CRL_DER_MAX},
	[NEXT_ROOT] = {MEMBER_NEXT_ROOT, CERTIFICATE_PEM_MAX},
	[CROSS] = {MEMBER_CROSS, INTERMEDIATES_PEM_MAX},
	[NEXT_ROOT_CRL] = {MEMBER_NEXT_ROOT_CRL, CRL_DER_MAX},
	[OLD_ROOT] = {MEMBER_OLD_ROOT, CERTIFICATE_PEM_MAX},
	[OLD_ROOT_CRL] = {MEMBER_OLD_ROOT_CRL, CRL_DER_MAX},
};

struct restoration {
	const struct restore_options *options;
	const char *name;
	struct archive_reader reader;
	struct buffer pems[CA_CERTIFICATES_MAX]; /* of the certificates; empty: not in the backup */
	struct buffer crls[ISSUERS_MAX];         /* of the issuers, likewise */
	struct buffer root_files[ROOT_FILES];
	struct buffer sealed;  /* the keys, encrypted; empty: not in the backup */
	struct buffer mac;     /* of the sums: hex, line end; empty: the same */
	struct secret keys;    /* an archive of key files (key_files.h) */
	struct staging *files; /* all but the store */
	struct staging *store;
	struct staging *unused; /* what is in the backup, and not wanted */
	struct restore_summary summary;
};

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

/* FAULT_REFUSED unless the key is that of certificate i. */
static int match_key(struct restoration *restoration, const struct archived_key *archived, size_t i,
		     struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	char member[FILE_NAME_SIZE];

	name_certificate_member(i, member);
	if (is_encrypted_private_key(archived->content)) {
		restoration->summary.unmatched = true;
		return 0;
	}
	if (parse_private_key(archived->content, &key, fault) < 0 ||
	    get_public_key(key, &public_key, fault) < 0 ||
	    parse_certificate_pem(bytes_of_buffer(&restoration->pems[i]), &certificate, fault) < 0)
		return prefix_fault(fault, "%s: %s", restoration->name, member);
	if (equal_bytes(public_key_spki(public_key),
			public_key_spki(certificate_public_key(certificate))))
		return 0;
	return set_fault(fault, FAULT_REFUSED, "%s: %s and Private/%s do not belong together",
			 restoration->name, member, archived->name);
}

static int check_certificate_key(struct restoration *restoration,
				 const struct archived_key *archived, struct fault *fault)
{
	for (size_t i = 0; i < CA_CERTIFICATES_MAX; i++) {
		char name[FILE_NAME_SIZE];

		name_key(i, name);
		if (strcmp(archived->name, name) == 0 && restoration->pems[i].len > 0)
			return match_key(restoration, archived, i, fault);
	}
	return 0;
}

/* A key that exists must be the same, and stays. */
static int stage_secret(struct restoration *restoration, const struct archived_key *archived,
			struct fault *fault)
{
	const struct layout *layout = restoration->options->layout;
	CLEANUP(clear_secret) struct secret existing = {0};
	bool found;

	if (find_file(layout->private, archived->name, &found, fault) < 0)
		return -1;
	if (!found)
		return stage_file(restoration->files, layout->private, archived->name, STAGE_NEW,
				  0600, archived->content, fault);
	if (read_secret_file(layout->private, archived->name, PRIVATE_KEY_FILE_MAX, &existing,
			     fault) < 0)
		return -1;
	if (equal_secrets(bytes_of_secret(&existing), archived->content))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s: there is another key than in the backup: keys are never overwritten",
			 archived->name);
}

static int stage_keys(struct restoration *restoration, struct fault *fault)
{
	struct bytes rest = bytes_of_secret(&restoration->keys);
	struct archived_key archived = {0};
	bool found = rest.len > 0;

	while (found) {
		if (take_archived_key(&rest, &archived, &found, fault) < 0)
			return prefix_fault(fault, "%s: " MEMBER_KEYS, restoration->name);
		if (!found)
			return 0;
		if (check_certificate_key(restoration, &archived, fault) < 0)
			return -1;
		if (stage_secret(restoration, &archived, fault) < 0)
			return prefix_fault(fault, "%s/Private",
					    restoration->options->layout->path);
		restoration->summary.keys++;
	}
	return 0;
}

static int stage_certificate(struct restoration *restoration, size_t i, struct fault *fault)
{
	const struct layout *layout = restoration->options->layout;
	struct bytes pem = bytes_of_buffer(&restoration->pems[i]);
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer existing = {0};
	char member[FILE_NAME_SIZE];
	const char *file = member + strlen(MEMBER_FOLDER);
	bool found;

	if (pem.len == 0)
		return 0;
	name_certificate_member(i, member);
	if (parse_certificate_pem(pem, &certificate, fault) < 0)
		return prefix_fault(fault, "%s: %s", restoration->name, member);
	if (find_file(layout->cert, file, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (!found)
		return stage_file(restoration->files, layout->cert, file, STAGE_NEW, 0644, pem,
				  fault);
	if (read_file(layout->cert, file, CERTIFICATE_PEM_MAX, &existing, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (equal_bytes(pem, bytes_of_buffer(&existing)))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s/cert/%s: there is another certificate than in the backup: it is not "
			 "overwritten",
			 layout->path, file);
}

/* An existing CRL stays: the CA's is taken in, and that of the root is hardly older than the
 * backup's. */
static int stage_optional(struct restoration *restoration, const char *file,
			  const struct buffer *content, bool *ret_staged, struct fault *fault)
{
	int cert = restoration->options->layout->cert;
	bool found;

	if (find_file(cert, file, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", restoration->options->layout->path);
	*ret_staged = content->len > 0 && !found;
	if (!*ret_staged)
		return 0;
	return stage_file(restoration->files, cert, file, STAGE_NEW, 0644, bytes_of_buffer(content),
			  fault);
}

static int stage_files(struct restoration *restoration, struct fault *fault)
{
	bool staged;

	for (size_t i = 0; i < CA_CERTIFICATES_MAX; i++)
		if (stage_certificate(restoration, i, fault) < 0)
			return -1;
	for (unsigned int number = FIRST_ISSUER; number <= ISSUERS_MAX; number++) {
		char name[FILE_NAME_SIZE];

		name_crl(number, name);
		if (stage_optional(restoration, name, &restoration->crls[number - 1], &staged,
				   fault) < 0)
			return -1;
	}
	for (size_t i = 0; i < ROOT_FILES; i++) {
		if (stage_optional(restoration, root_files[i].member + strlen(MEMBER_FOLDER),
				   &restoration->root_files[i], &staged, fault) < 0)
			return -1;
		if (i == ROOT_CRL)
			restoration->summary.root_crl = staged;
	}
	return stage_keys(restoration, fault);
}

static void clear_issuers(struct adopted_issuers *issuers)
{
	for (unsigned int i = 0; i < issuers->count; i++)
		free_certificate(&issuers->certificates[i]);
	for (unsigned int i = 0; i < issuers->root_count; i++)
		free_certificate(&issuers->roots[i]);
}

/* Empty: there is none. Whether a root of the backup is good is not looked at here. */
static int add_roots(struct bytes pem, struct adopted_issuers *issuers, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates found = {0};

	if (pem.len > 0 && parse_intermediates(pem, &found, fault) < 0)
		return -1;
	for (size_t i = 0; i < found.count && issuers->root_count < CRL_ROOTS_MAX; i++)
		issuers->roots[issuers->root_count++] = TAKE(found.certificates[i]);
	return 0;
}

/* The certificates under which the CA signs its CRLs: those below the root, or else the root. */
static int parse_issuers(const struct restoration *restoration, struct adopted_issuers *issuers,
			 struct fault *fault)
{
	size_t i = restoration->pems[FIRST_ISSUER].len > 0 ? FIRST_ISSUER : ROOT;

	for (; i < CA_CERTIFICATES_MAX && restoration->pems[i].len > 0; i++) {
		if (parse_certificate_pem(bytes_of_buffer(&restoration->pems[i]),
					  &issuers->certificates[issuers->count], fault) < 0)
			return -1;
		issuers->count++;
	}
	if (add_roots(bytes_of_buffer(&restoration->pems[ROOT]), issuers, fault) < 0 ||
	    add_roots(bytes_of_buffer(&restoration->root_files[NEXT_ROOT]), issuers, fault) < 0 ||
	    add_roots(bytes_of_buffer(&restoration->root_files[CROSS]), issuers, fault) < 0)
		return prefix_fault(fault, "%s", restoration->name);
	return 0;
}

static int adopt_store(struct restoration *restoration, struct fault *fault)
{
	const struct restore_options *options = restoration->options;
	CLEANUP(clear_issuers) struct adopted_issuers issuers = {0};
	CLEANUP(free_string) char *path = NULL;
	struct adoption adoption = {
		.name = restoration->name, .manifest = options->manifest, .now_s = options->now_s};
	struct adopted_record adopted;
	bool has_wal;

	if (parse_issuers(restoration, &issuers, fault) < 0)
		return -1;
	if (asprintf(&path, "%s/state/.%s.new", options->layout->path, store_file) < 0) {
		path = NULL;
		return set_memory_fault(fault);
	}
	adoption.path = path;
	adoption.issuers = &issuers;
	if (adopt_record(&adoption, fault) < 0)
		return prefix_fault(fault, "%s: " MEMBER_RECORD, restoration->name);
	if (take_revocations(&adoption, options, &restoration->summary, fault) < 0 ||
	    describe_record(&adoption, &adopted, fault) < 0)
		return -1;
	restoration->summary.certificates = adopted.certificates;
	restoration->summary.revoked = adopted.revoked;
	restoration->summary.crl_number = adopted.crl_number;
	if (find_file(options->layout->state, STAGED_WAL_FILE, &has_wal, fault) < 0)
		return prefix_fault(fault, "%s/state", options->layout->path);
	if (!has_wal)
		return 0;
	return set_fault(
		fault, FAULT_FAILED,
		"%s: is still open: expected it to be one file, found its log %s beside it", path,
		STAGED_WAL_FILE);
}

static int read_backup(struct restoration *restoration, struct fault *fault)
{
	if (open_archive(&restoration->reader, fault) < 0 || read_note(restoration, fault) < 0 ||
	    read_files(restoration, fault) < 0 || check_passphrase(restoration, fault) < 0 ||
	    stage_store(restoration, fault) < 0 || stage_signed_log(restoration, fault) < 0)
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

	if (check_no_ca(options->layout, fault) < 0 || sweep_target(options->layout, fault) < 0 ||
	    new_staging(&restoration.files, fault) < 0 ||
	    new_staging(&restoration.store, fault) < 0 ||
	    new_staging(&restoration.unused, fault) < 0 || read_backup(&restoration, fault) < 0 ||
	    check_authenticated(&restoration, fault) < 0 || open_keys(&restoration, fault) < 0 ||
	    stage_files(&restoration, fault) < 0 || adopt_store(&restoration, fault) < 0)
		return -1;
	if (commit_staging(restoration.files, fault) < 0 ||
	    commit_staging(restoration.store, fault) < 0)
		return -1;
	MOVE(ret_summary, restoration.summary);
	return 0;
}
