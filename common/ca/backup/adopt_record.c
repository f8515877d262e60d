#include "common/ca/backup/adopt_record.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/statement.h"

static int check_pages(struct store *store, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0)
		return -1;
	return check_integrity(&transaction, refuse_damage, store, fault);
}

static int record_restoration(struct store *store, const char *name, int64_t now_s,
			      uint64_t *ret_crl_number, struct fault *fault)
{
	struct event event = {
		.kind = EVENT_RESTORED, .time_s = now_s, .by = CA_NAME, .detail = name};
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    forget_crl(&transaction, now_s, ret_crl_number, fault) < 0)
		return -1;
	event.number = (int64_t)*ret_crl_number;
	if (append_event(&transaction, &event, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int adopt_record(const char *path, const char *name, int64_t now_s,
		 struct adopted_record *ret_record, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct store_summary figures;
	uint64_t crl_number;

	if (open_store(path, &store, fault) < 0 || check_pages(store, fault) < 0 ||
	    record_restoration(store, name, now_s, &crl_number, fault) < 0 ||
	    summarize_store(store, now_s, &figures, fault) < 0)
		return -1;
	*ret_record = (struct adopted_record){.certificates = figures.certificates,
					      .revoked = figures.revoked,
					      .crl_number = crl_number};
	return 0;
}
