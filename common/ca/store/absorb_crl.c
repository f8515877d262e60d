#include "common/ca/store/absorb_crl.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/statement.h"
#include "common/ca/store/unrecorded.h"
#include "common/x509/distinguished_name.h"

#include <stdio.h>
#include <string.h>

struct absorption {
	const struct crl *crl;
	unsigned int issuer;
	int64_t not_after_s; /* the latest end of a certificate that the record lacks */
	int64_t now_s;
	struct buffer serials; /* revoked by this */
	struct absorbed_crl result;
};

static void clear_absorption(struct absorption *absorption)
{
	clear_buffer(&absorption->serials);
	clear_absorbed_crl(&absorption->result);
}

void clear_absorbed_crl(struct absorbed_crl *absorbed)
{
	clear_buffer(&absorbed->barred);
}

static int check_signature(const struct crl *crl, const struct certificate *issuer,
			   struct fault *fault)
{
	struct verdict verdict = {0};

	if (verify_crl_signature(crl, issuer, &verdict, fault) < 0)
		return -1;
	return verdict.invalid ? set_fault(fault, FAULT_UNVERIFIED, "%s", verdict.reason) : 0;
}

/* Marks the row, or adds a revocation without one. Nothing changes what is revoked already. */
static int absorb_entry(struct transaction *transaction, struct absorption *absorption,
			const struct unrecorded *entry, struct fault *fault)
{
	static const char mark_sql[] = "UPDATE certificate SET revoked_at = ?1, reason = ?2"
				       " WHERE serial = ?3 AND issuer = ?4 AND revoked_at IS NULL";
	static const char find_sql[] = "SELECT COUNT(*) FROM certificate WHERE serial = ?1";
	const struct value serial = octets_value(entry->serial, SERIAL_MAX);
	int64_t marked;
	int64_t rows = 1;
	bool added = false;

	if (run_statement(transaction, mark_sql,
			  VALUES(number_value(entry->revoked_at_s), number_value(entry->reason),
				 serial, number_value(absorption->issuer)),
			  &marked, fault) < 0 ||
	    (marked == 0 &&
	     query_number(transaction, find_sql, VALUES(serial), &rows, fault) < 0) ||
	    (rows == 0 && add_unrecorded(transaction, entry, &added, fault) < 0))
		return -1;
	absorption->result.revoked += marked > 0;
	absorption->result.unrecorded += added;
	if (marked > 0 || added)
		append_bytes(&absorption->serials, (struct bytes){entry->serial, SERIAL_MAX});
	return 0;
}

static int absorb_entries(struct transaction *transaction, struct absorption *absorption,
			  struct fault *fault)
{
	for (size_t i = 0; i < crl_count(absorption->crl); i++) {
		struct unrecorded entry = {.issuer = absorption->issuer,
					   .not_after_s = absorption->not_after_s};
		struct crl_revocation revocation;

		read_crl_entry(absorption->crl, i, entry.serial, &revocation);
		entry.revoked_at_s = revocation.revoked_at_s;
		entry.reason = revocation.reason;
		if (absorb_entry(transaction, absorption, &entry, fault) < 0)
			return -1;
	}
	return check_buffer(&absorption->serials, fault);
}

/* Lists the clients that may enroll and have revoked certificates alone, of those that were valid
   when the CRL was made. Appends names of NAME_SIZE octets. */
static int list_bereft(struct transaction *transaction, const struct absorption *absorption,
		       struct buffer *names, struct fault *fault)
{
	static const char sql[] =
		"SELECT name FROM client WHERE disabled = 0 AND client.revoked_at IS NULL"
		" AND EXISTS (SELECT 1 FROM certificate WHERE client = name"
		" AND certificate.revoked_at IS NOT NULL)"
		" AND NOT EXISTS (SELECT 1 FROM certificate WHERE client = name"
		" AND certificate.revoked_at IS NULL AND not_after >= ?1)";
	int64_t made_s = crl_this_update(absorption->crl);
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (made_s > absorption->now_s)
		made_s = absorption->now_s;
	if (query_rows(transaction, sql, VALUES(number_value(made_s)), &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		char name[NAME_SIZE] = "";

		row_name(&rows, 0, name);
		append_bytes(names, (struct bytes){(const uint8_t *)name, NAME_SIZE});
		if (next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return check_buffer(names, fault);
}

static bool has_name(const struct buffer *names, const char *name)
{
	for (size_t at = 0; at < names->len; at += NAME_SIZE)
		if (strcmp((const char *)names->data + at, name) == 0)
			return true;
	return false;
}

/* Disables the clients that lost their last certificate through the CRL. */
static int bar_clients(struct transaction *transaction, struct absorption *absorption,
		       const struct buffer *before, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer after = {0};
	char why[128];

	(void)snprintf(why, sizeof(why),
		       "CRL number %s revokes all that the record has of it: it may have been "
		       "barred",
		       absorption->result.number);
	if (list_bereft(transaction, absorption, &after, fault) < 0)
		return -1;
	for (size_t at = 0; at < after.len; at += NAME_SIZE) {
		const char *name = (const char *)after.data + at;
		bool changed = false;

		if (has_name(before, name))
			continue;
		if (bar_client(transaction, name, why, absorption->now_s, &changed, fault) < 0)
			return -1;
		if (changed)
			append_bytes(&absorption->result.barred,
				     (struct bytes){after.data + at, NAME_SIZE});
	}
	return check_buffer(&absorption->result.barred, fault);
}

static int record_absorption(struct transaction *transaction, struct absorption *absorption,
			     struct fault *fault)
{
	char detail[96];
	const struct event event = {.kind = EVENT_REVOKED,
				    .time_s = absorption->now_s,
				    .by = CA_NAME,
				    .detail = detail,
				    .serials = (void *)absorption->serials.data,
				    .serial_count = absorption->serials.len / SERIAL_MAX};
	uint64_t number;
	uint64_t ignored;
	struct crl_state before;

	(void)snprintf(detail, sizeof(detail), "taken from CRL number %s",
		       absorption->result.number);
	if (get_crl_number(absorption->crl, &number, fault) < 0 ||
	    query_crl_state(transaction, absorption->issuer, &before, fault) < 0 ||
	    forget_crl(transaction, (int64_t)number, &ignored, fault) < 0)
		return -1;
	absorption->result.newer = number > before.current_number;
	return event.serial_count > 0 ? append_event(transaction, &event, fault) : 0;
}

int absorb_crl(struct store *store, const struct crl *crl, const struct crl_issuer *issuer,
	       int64_t now_s, struct absorbed_crl *ret_absorbed, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_absorption)
	struct absorption absorption = {.crl = crl,
					.issuer = issuer->number,
					.not_after_s = certificate_not_after(issuer->certificate),
					.now_s = now_s,
					.result = {.issuer = issuer->number,
						   .this_update_s = crl_this_update(crl),
						   .entries = crl_count(crl)}};
	CLEANUP(clear_buffer) struct buffer before = {0};

	format_crl_number(crl, absorption.result.number);
	if (check_signature(crl, issuer->certificate, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    list_bereft(&transaction, &absorption, &before, fault) < 0 ||
	    absorb_entries(&transaction, &absorption, fault) < 0 ||
	    bar_clients(&transaction, &absorption, &before, fault) < 0 ||
	    record_absorption(&transaction, &absorption, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	settle_changes(store);
	MOVE(ret_absorbed, absorption.result);
	return 0;
}

/* --- the CRLs of a file --- */

void clear_absorbed_crls(struct absorbed_crls *absorbed)
{
	for (size_t i = 0; i < absorbed->count; i++)
		clear_absorbed_crl(&absorbed->crls[i]);
	absorbed->count = 0;
	clear_crl_names(&absorbed->left_out);
}

void clear_crl_names(struct crl_names *names)
{
	while (names->count > 0)
		free_string(&names->names[--names->count]);
}

static int note_left_out(const struct crl_issuers *issuers, const struct crl *crl,
			 struct crl_names *left_out, struct fault *fault)
{
	for (unsigned int i = 0; i < issuers->root_count; i++)
		if (names_issuer(crl, issuers->roots[i]))
			return 0;
	if (format_name(crl_issuer(crl), &left_out->names[left_out->count], fault) < 0)
		return -1;
	left_out->count++;
	return 0;
}

/* The issuer that the CRL names. Else, for a CRL alone, issuer 1, whose signature it does not have:
   the refusal says so. */
static struct crl_issuer choose_issuer(const struct crl_issuers *issuers, const struct crl *crl,
				       bool alone)
{
	struct crl_issuer issuer = {0};

	if (alone)
		issuer = (struct crl_issuer){FIRST_ISSUER, issuers->certificates[0]};
	for (unsigned int i = 0; i < issuers->count; i++)
		if (names_issuer(crl, issuers->certificates[i]))
			issuer = (struct crl_issuer){i + 1, issuers->certificates[i]};
	return issuer;
}

/* number 0: the CRL is left out. */
static int choose_issuers(const struct crl_bundle *bundle, const struct crl_issuers *issuers,
			  struct crl_issuer chosen[static CRL_BUNDLE_MAX], struct fault *fault)
{
	bool any = false;

	for (size_t i = 0; i < bundle->count; i++) {
		chosen[i] = choose_issuer(issuers, bundle->crls[i], bundle->count == 1);
		if (chosen[i].number == 0)
			continue;
		any = true;
		if (check_signature(bundle->crls[i], chosen[i].certificate, fault) < 0 ||
		    index_crl(bundle->crls[i], fault) < 0)
			return -1;
	}
	return any ? 0
		   : set_fault(fault, FAULT_UNVERIFIED,
			       "expected a CRL by an issuer of this CA, found %zu by others",
			       bundle->count);
}

int absorb_crls(struct store *store, struct buffer *content, const struct crl_issuers *issuers,
		int64_t now_s, struct absorbed_crls *ret_absorbed, struct fault *fault)
{
	CLEANUP(clear_crl_bundle) struct crl_bundle bundle = {0};
	CLEANUP(clear_absorbed_crls) struct absorbed_crls absorbed = {0};
	struct crl_issuer chosen[CRL_BUNDLE_MAX] = {{0}};

	if (parse_crl_bundle(content, &bundle, fault) < 0 ||
	    choose_issuers(&bundle, issuers, chosen, fault) < 0)
		return -1;
	for (size_t i = 0; i < bundle.count; i++) {
		if (chosen[i].number == 0) {
			if (note_left_out(issuers, bundle.crls[i], &absorbed.left_out, fault) < 0)
				return -1;
			continue;
		}
		if (absorb_crl(store, bundle.crls[i], &chosen[i], now_s,
			       &absorbed.crls[absorbed.count], fault) < 0)
			return -1;
		absorbed.count++;
	}
	MOVE(ret_absorbed, absorbed);
	return 0;
}
