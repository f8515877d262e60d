#include "common/ca/backup/adopt_record.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/statement.h"

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

	if (open_store(adoption->path, &store, fault) < 0 || check_pages(store, fault) < 0)
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

	if (open_store(adoption->path, &store, fault) < 0 ||
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
