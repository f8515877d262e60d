#include "common/ca/backup/adopt_record.h"

#include "common/ca/shared/front_ends.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/statement.h"
#include "common/x509/intermediates.h"

void clear_adopted_issuers(struct adopted_issuers *issuers)
{
	for (unsigned int i = 0; i < issuers->count; i++)
		free_certificate(&issuers->certificates[i]);
	for (unsigned int i = 0; i < issuers->root_count; i++)
		free_certificate(&issuers->roots[i]);
}

int add_adopted_issuer(struct adopted_issuers *issuers, struct bytes pem, struct fault *fault)
{
	if (pem.len == 0)
		return 0;
	if (parse_certificate_pem(pem, &issuers->certificates[issuers->count], fault) < 0)
		return -1;
	issuers->count++;
	return 0;
}

int add_adopted_roots(struct adopted_issuers *issuers, struct bytes pem, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates found = {0};

	if (pem.len > 0 && parse_intermediates(pem, &found, fault) < 0)
		return -1;
	for (size_t i = 0; i < found.count && issuers->root_count < CRL_ROOTS_MAX; i++)
		issuers->roots[issuers->root_count++] = TAKE(found.certificates[i]);
	return 0;
}

int open_adopted(const struct adoption *adoption, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (open_store(adoption->location, &store, fault) < 0 ||
	    (is_shared_store(store) &&
	     work_as_front_end(store, adoption->layout, adoption->front_end, fault) < 0))
		return -1;
	*ret_store = TAKE(store);
	return 0;
}

static int check_issuer(void *context, const struct issuer_record *record, struct fault *fault)
{
	const struct adopted_issuers *issuers = context;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	const struct certificate *ours;

	/* One that the backup has not is younger than that. Below the first there is none. */
	if (record->der.len == 0 || record->number - FIRST_ISSUER >= issuers->count)
		return 0;
	if (parse_certificate_der(bytes_of_buffer(&record->der), &certificate, fault) < 0)
		return -1;
	ours = issuers->certificates[record->number - FIRST_ISSUER];
	if (equal_bytes(public_key_spki(certificate_public_key(certificate)),
			public_key_spki(certificate_public_key(ours))))
		return 0;
	return set_fault(
		fault, FAULT_REFUSED,
		"expected the record of %s, found that of another CA, %s: look at ca.store "
		"in the manifest",
		certificate_subject(ours), certificate_subject(certificate));
}

int check_adopted_issuers(const struct adoption *adoption, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct adopted_issuers issuers = *adoption->issuers;

	if (open_adopted(adoption, &store, fault) < 0)
		return -1;
	if (list_issuers(store, check_issuer, &issuers, fault) < 0)
		return prefix_fault(fault, "%s", store_name(store));
	return 0;
}

int check_adopted_key(const struct adoption *adoption, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	struct fault problem = {0};
	bool found;

	if (open_adopted(adoption, &store, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0)
		return -1;
	if (find_store_key(adoption->layout, &transaction, &key, &found, &problem) == 0 ||
	    problem.class == FAULT_NOT_FOUND)
		return 0;
	return pass_fault(&problem, fault);
}

static int check_pages(struct store *store, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0)
		return -1;
	return check_integrity(&transaction, refuse_damage, store, fault);
}

static int record_restoration(struct store *store, const struct adoption *adoption,
			      struct fault *fault)
{
	struct event event = {.kind = EVENT_RESTORED,
			      .time_s = adoption->now_s,
			      .by = CA_NAME,
			      .detail = adoption->name};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	uint64_t number;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    forget_crl(&transaction, adoption->now_s, &number, fault) < 0)
		return -1;
	event.number = (int64_t)number;
	if (append_event(&transaction, &event, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int adopt_record(const struct adoption *adoption, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (open_adopted(adoption, &store, fault) < 0 || check_pages(store, fault) < 0)
		return -1;
	return record_restoration(store, adoption, fault);
}

static int count_entry(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		       int reason, struct fault *fault)
{
	size_t *count = context;

	(void)serial;
	(void)revoked_at_s;
	(void)reason;
	(void)fault;
	++*count;
	return 0;
}

int describe_record(const struct adoption *adoption, struct adopted_record *ret_record,
		    struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct adopted_record record = {0};
	struct store_summary figures;
	struct crl_state state;
	unsigned int newest;
	int64_t ignored;

	if (open_adopted(adoption, &store, fault) < 0 ||
	    summarize_store(store, adoption->now_s, &figures, fault) < 0 ||
	    read_crl_state(store, FIRST_ISSUER, &state, fault) < 0 ||
	    read_newest_issuer(store, &newest, fault) < 0)
		return -1;
	for (unsigned int number = FIRST_ISSUER; number <= newest; number++)
		if (list_revoked(store, number, INT64_MIN, count_entry, &record.revoked, &ignored,
				 fault) < 0)
			return -1;
	record.certificates = figures.certificates;
	record.crl_number = state.number;
	*ret_record = record;
	return 0;
}
