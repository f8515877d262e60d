#include "common/ca/backup/key_files.h"
#include "common/ca/backup/restoration.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/revocation/root_crl.h"
#include "common/ca/shared/front_end_file.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/statement.h"
#include "common/crypto/key_file.h"
#include "common/x509/intermediates.h"
#include "common/x509/revocation/crl.h"

#include <stdio.h>
#include <string.h>

void name_certificate_member(size_t i, char ret_member[static FILE_NAME_SIZE])
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

const struct root_file root_files[ROOT_FILES] = {
	[ROOT_CRL] = {MEMBER_ROOT_CRL, CRL_DER_MAX},
	[NEXT_ROOT] = {MEMBER_NEXT_ROOT, CERTIFICATE_PEM_MAX},
	[CROSS] = {MEMBER_CROSS, INTERMEDIATES_PEM_MAX},
	[NEXT_ROOT_CRL] = {MEMBER_NEXT_ROOT_CRL, CRL_DER_MAX},
	[OLD_ROOT] = {MEMBER_OLD_ROOT, CERTIFICATE_PEM_MAX},
	[OLD_ROOT_CRL] = {MEMBER_OLD_ROOT_CRL, CRL_DER_MAX},
};

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

/* The key of the store changes with each front end that is removed: the record tells whether that
   of the layout, which may be younger than the backup's, is the present one. */
static int check_store_key(const struct restoration *restoration, struct bytes existing,
			   struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	if (parse_shared_key(existing, &key, fault) < 0 ||
	    open_store(restoration->options->manifest->ca.store, &store, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, "SELECT store_kid FROM state", NO_VALUES, &rows, NULL, fault) <
		    0)
		return -1;
	if (!row_is_null(&rows, 0) && strcmp(row_text(&rows, 0), key.kid) == 0)
		return check_row(&rows, fault);
	return set_fault(fault, FAULT_REFUSED,
			 STORE_KEY_FILE ": there is another key than in the backup, and it is not "
					"the record's either: move it away");
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
	if (strcmp(archived->name, STORE_KEY_FILE) == 0 &&
	    restoration->options->manifest->ca.store != NULL)
		return check_store_key(restoration, bytes_of_secret(&existing), fault);
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

/* A layout is of one front end, for good. */
static int stage_front_end(struct restoration *restoration, struct fault *fault)
{
	const struct layout *layout = restoration->options->layout;
	struct bytes text = bytes_of_buffer(&restoration->front_end_text);
	CLEANUP(clear_buffer) struct buffer existing = {0};
	bool found;

	if (text.len == 0)
		return 0;
	if (find_file(layout->state, FRONT_END_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (!found)
		return stage_file(restoration->files, layout->state, FRONT_END_FILE, STAGE_NEW,
				  0600, text, fault);
	if (read_file(layout->state, FRONT_END_FILE, FRONT_END_TEXT_MAX, &existing, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (equal_bytes(text, bytes_of_buffer(&existing)))
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s/state/" FRONT_END_FILE ": there is another front end than in the "
			 "backup: it is not overwritten",
			 layout->path);
}

int stage_files(struct restoration *restoration, struct fault *fault)
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
	if (stage_front_end(restoration, fault) < 0)
		return -1;
	return stage_keys(restoration, fault);
}
