#include "common/ca/backup/take_revocations.h"

#include "common/ca/revocation/publish_crl.h"
#include "common/ca/signer/signed_log.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/statement.h"

/* Takes in the CRLs of one file, and appends them to the summary's. Empties *content. Fills
 *ret_left_out, which is empty before. */
static int take_crls(const struct adoption *adoption, struct buffer *content,
		     struct restore_summary *summary, struct crl_names *ret_left_out,
		     struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(clear_absorbed_crls) struct absorbed_crls absorbed = {0};
	struct crl_issuers issuers = {.count = adoption->issuers->count,
				      .root_count = adoption->issuers->root_count};

	for (unsigned int i = 0; i < issuers.count; i++)
		issuers.certificates[i] = adoption->issuers->certificates[i];
	for (unsigned int i = 0; i < issuers.root_count; i++)
		issuers.roots[i] = adoption->issuers->roots[i];
	if (open_adopted(adoption, &store, fault) < 0 ||
	    absorb_crls(store, content, &issuers, adoption->now_s, &absorbed, fault) < 0)
		return -1;
	for (size_t i = 0; i < absorbed.count; i++)
		MOVE(&summary->crls[summary->crl_count++], absorbed.crls[i]);
	MOVE(ret_left_out, absorbed.left_out);
	return 0;
}

/* A CRL there that cannot be taken in may be the only one that knows the last revocations. */
static int take_standing_crl(const struct adoption *adoption, const struct layout *layout,
			     unsigned int issuer, struct restore_summary *summary,
			     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	CLEANUP(clear_crl_names) struct crl_names none = {0};
	struct fault problem = {0};
	char name[FILE_NAME_SIZE];

	if (read_crl(layout, issuer, &content, &problem) < 0)
		return problem.class == FAULT_NOT_FOUND ? 0 : pass_fault(&problem, fault);
	name_crl(issuer, name);
	if (take_crls(adoption, &content, summary, &none, fault) < 0)
		return prefix_fault(fault,
				    "%s/cert/%s: cannot be taken in: move it away, and give the "
				    "CA's last CRL with --crl",
				    layout->path, name);
	return 0;
}

static int take_given_crl(const struct adoption *adoption, const struct restore_options *options,
			  struct restore_summary *summary, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	size_t before;

	if (options->crl.len == 0)
		return 0;
	append_bytes(&content, options->crl);
	if (check_buffer(&content, fault) < 0)
		return -1;
	before = summary->crl_count;
	if (take_crls(adoption, &content, summary, &summary->left_out, fault) < 0)
		return prefix_fault(fault, "%s", options->crl_name);
	summary->given_crl_count = summary->crl_count - before;
	return 0;
}

static int bar_all(struct store *store, const struct adoption *adoption, const struct buffer *names,
		   struct buffer *barred, struct fault *fault)
{
	static const char why[] = "it was barred when the record was lost";
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0)
		return -1;
	for (size_t at = 0; at < names->len; at += NAME_SIZE) {
		const char *name = (const char *)names->data + at;
		bool changed;

		if (bar_client(&transaction, name, why, adoption->now_s, &changed, fault) < 0)
			return -1;
		if (changed)
			append_bytes(barred, (struct bytes){names->data + at, NAME_SIZE});
	}
	if (check_buffer(barred, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

/* Disables the clients of state/barred. */
static int take_barred(const struct adoption *adoption, const struct layout *layout,
		       struct buffer *barred, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct clients_synced ignored;

	if (read_barred(layout, &names, fault) < 0)
		return -1;
	if (names.len == 0)
		return 0;
	/* One of them may have come into the manifest after the backup: else it would be let in. */
	if (open_adopted(adoption, &store, fault) < 0 ||
	    sync_clients(store, adoption->manifest, adoption->now_s, &ignored, fault) < 0)
		return -1;
	return bar_all(store, adoption, &names, barred, fault);
}

static int append_lost(void *context, const struct signed_line *line, struct fault *fault)
{
	struct buffer *serials = context;

	append_bytes(serials, (struct bytes){line->number, SERIAL_MAX});
	return check_buffer(serials, fault);
}

/* What the log of signatures names, and the record lacks. */
static int find_lost(const struct adoption *adoption, const struct layout *layout,
		     struct buffer *serials, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (open_adopted(adoption, &store, fault) < 0)
		return -1;
	return list_unrecorded(layout, store, adoption->now_s, append_lost, serials, fault);
}

int take_revocations(const struct adoption *adoption, const struct restore_options *options,
		     struct restore_summary *summary, struct fault *fault)
{
	for (unsigned int i = 0; i < adoption->issuers->count; i++)
		if (take_standing_crl(adoption, options->layout, i + 1, summary, fault) < 0)
			return -1;
	if (take_given_crl(adoption, options, summary, fault) < 0 ||
	    take_barred(adoption, options->layout, &summary->barred, fault) < 0)
		return -1;
	return find_lost(adoption, options->layout, &summary->lost, fault);
}
