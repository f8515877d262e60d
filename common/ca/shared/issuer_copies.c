#include "common/ca/shared/issuer_copies.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/statement.h"
#include "common/crypto/key_file.h"
#include "common/x509/certificate.h"
#include "common/x509/chain.h"

#include <inttypes.h>
#include <stdio.h>

static const char certificate_file[] = "ca.crt"; /* of issuer 1; "ca.N.crt" (name_issuer_file) */
static const char key_file[] = "ca.key";

void name_issuer_key(int64_t number, char ret_context[static ISSUER_KEY_CONTEXT_SIZE])
{
	(void)snprintf(ret_context, ISSUER_KEY_CONTEXT_SIZE, "the key of issuer %" PRId64, number);
}

/* --- into the record --- */

static int insert_key(struct transaction *transaction, const struct layout *layout,
		      unsigned int number, struct bytes pem, struct fault *fault)
{
	static const char sql[] = "INSERT INTO issuer_key (issuer, sealed) VALUES (?1, ?2)";
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	char context[ISSUER_KEY_CONTEXT_SIZE];

	name_issuer_key(number, context);
	if (need_store_key(layout, transaction, &store_key, fault) < 0 ||
	    seal_under_key(&store_key, context, pem, &sealed, fault) < 0)
		return -1;
	return run_statement(transaction, sql,
			     VALUES(number_value(number), octets_value(sealed.data, sealed.len)),
			     NULL, fault);
}

int record_shared_issuer(struct store *store, const struct layout *layout,
			 const struct new_issuer *issuer, struct bytes pem, struct fault *fault)
{
	static const char sql[] = "SELECT COUNT(*) FROM issuer WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t taken;
	bool ignored;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    query_number(&transaction, sql, VALUES(number_value(issuer->number)), &taken, fault) <
		    0)
		return -1;
	if (taken != 0)
		return set_fault(fault, FAULT_BUSY,
				 "%s: another front end has just made issuer %u: nothing has "
				 "changed",
				 store_name(store), issuer->number);
	if (record_issuer_within(&transaction, issuer, &ignored, fault) < 0 ||
	    (pem.len > 0 && insert_key(&transaction, layout, issuer->number, pem, fault) < 0))
		return -1;
	return commit_transaction(&transaction, fault);
}

/* --- out of the record --- */

/* *ret_found false: the record has none. */
static int open_issuer_key(struct transaction *transaction, const struct layout *layout,
			   unsigned int number, struct secret *ret_pem, bool *ret_found,
			   struct fault *fault)
{
	static const char sql[] = "SELECT sealed FROM issuer_key WHERE issuer = ?1";
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	char context[ISSUER_KEY_CONTEXT_SIZE];

	name_issuer_key(number, context);
	if (query_row(transaction, sql, VALUES(number_value(number)), &rows, ret_found, fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	if (need_store_key(layout, transaction, &store_key, fault) < 0)
		return -1;
	if (open_under_key(&store_key, context, row_bytes(&rows, 0), ret_pem, fault) < 0)
		return prefix_fault(fault, "%s", store_name(transaction->store));
	return check_row(&rows, fault);
}

int read_issuer_key(struct store *store, const struct layout *layout, unsigned int number,
		    struct secret *ret_pem, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool found;

	/* Of one moment: the row is under the key that the record has. */
	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    open_issuer_key(&transaction, layout, number, ret_pem, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND, "%s: has no key of issuer %u", store_name(store),
			 number);
}

static int write_key(struct transaction *transaction, const struct layout *layout,
		     unsigned int number, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret pem = {0};
	char name[FILE_NAME_SIZE];
	bool present;
	bool recorded;

	name_issuer_file(key_file, number, name);
	if (find_file(layout->private, name, &present, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (present)
		return 0;
	if (open_issuer_key(transaction, layout, number, &pem, &recorded, fault) < 0)
		return -1;
	/* Another process of this host may write the same at this moment. */
	if (recorded && write_file(layout->private, name, STAGE_REPLACE, 0600,
				   bytes_of_secret(&pem), fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

/* Who can write the record, and has not the root's key, cannot have a certificate put here. */
static int check_by_root(const struct layout *layout, struct bytes der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct verdict verdict = {0};

	if (read_file(layout->cert, "root.crt", CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_certificate_pem(bytes_of_buffer(&pem), &root, fault) < 0 ||
	    parse_certificate_der(der, &certificate, fault) < 0 ||
	    verify_intermediate(root, certificate, &verdict, fault) < 0)
		return -1;
	return verdict.invalid ? set_fault(fault, FAULT_UNVERIFIED, "%s", verdict.reason) : 0;
}

int write_certificate(const struct layout *layout, const char *name, struct bytes der,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (format_certificate_pem(der, &pem, fault) < 0)
		return -1;
	if (write_file(layout->cert, name, STAGE_REPLACE, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

struct taking {
	struct transaction *transaction;
	const struct layout *layout;
	unsigned int newest; /* what came since, the transaction may not see */
	bool with_keys;
};

/* An issuer as the record has it. */
static int take_issuer(void *context, const struct issuer_record *record, struct fault *fault)
{
	const struct taking *taking = context;
	const struct layout *layout = taking->layout;
	char name[FILE_NAME_SIZE];
	bool present;

	if (record->number == FIRST_ISSUER || record->number > taking->newest ||
	    record->der.len == 0)
		return 0;
	if (taking->with_keys && record->serves_until_s > read_clock() &&
	    write_key(taking->transaction, layout, record->number, fault) < 0)
		return -1;
	name_issuer_file(certificate_file, record->number, name);
	if (find_file(layout->cert, name, &present, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (present)
		return 0;
	if (check_by_root(layout, bytes_of_buffer(&record->der), fault) < 0)
		return prefix_fault(fault, "%s: the certificate of issuer %u",
				    store_name(taking->transaction->store), record->number);
	return write_certificate(layout, name, bytes_of_buffer(&record->der), fault);
}

static int take(struct store *store, const struct layout *layout, bool with_keys,
		struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct taking taking = {
		.transaction = &transaction, .layout = layout, .with_keys = with_keys};

	if (!is_shared_store(store))
		return 0;
	if (read_newest_issuer(store, &taking.newest, fault) < 0)
		return -1;
	if (taking.newest == FIRST_ISSUER)
		return 0;
	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0)
		return -1;
	return list_issuers(store, take_issuer, &taking, fault);
}

int take_issuers(struct store *store, const struct layout *layout, struct fault *fault)
{
	return take(store, layout, true, fault);
}

int take_issuer_certificates(struct store *store, const struct layout *layout, struct fault *fault)
{
	return take(store, layout, false, fault);
}
