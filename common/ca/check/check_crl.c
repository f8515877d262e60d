#include "common/ca/check/checks.h"

#include "common/base/clock.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/issuers.h"
#include "common/x509/revocation/crl.h"
#include "common/x509/revocation/crl_reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TRIES_MAX = 5, PAUSE_US = 200000 };

#define ADVICE_CRL "run certpool crl --renew"
#define ADVICE_ABSORB "run certpool revoke --crl with that file, which takes its entries in"

/* A revoked certificate of the record. */
struct revoked_row {
	uint8_t serial[SERIAL_MAX];
	int64_t revoked_at_s;
	int reason;
};

struct crl_context {
	struct check_context *check;
	unsigned int issuer;
	const char *where;
	struct crl_state state;
	struct crl *crl;
	struct buffer expected; /* of struct revoked_row: what the CRL must have */
	size_t matched;         /* entries of the CRL that the record has */
};

static void clear_crl_context(struct crl_context *context)
{
	free_crl(&context->crl);
	clear_buffer(&context->expected);
}

/* The CRL must have each revoked certificate, with its time and reason. */
static int check_entry(const struct crl_context *context, const struct revoked_row *row,
		       struct fault *fault)
{
	struct crl_revocation entry = {0};
	char digits[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){row->serial, SERIAL_MAX}, digits);
	if (!find_revoked(context->crl, (struct bytes){row->serial, SERIAL_MAX}, &entry))
		return report_finding(
			context->check, context->where, ADVICE_CRL, fault,
			"expected certificate %s on it, which is revoked, found it missing",
			digits);
	if (entry.revoked_at_s == row->revoked_at_s && entry.reason == row->reason)
		return 0;
	return report_finding(
		context->check, context->where, ADVICE_CRL, fault,
		"certificate %s: expected time and reason of the record (%s), found others "
		"(%s)",
		digits, format_crl_reason(row->reason), format_crl_reason(entry.reason));
}

static int collect_row(void *list_context, const uint8_t serial[static SERIAL_MAX],
		       int64_t revoked_at_s, int reason, struct fault *fault)
{
	struct crl_context *context = list_context;
	struct revoked_row row = {.revoked_at_s = revoked_at_s, .reason = reason};

	(void)fault;
	memcpy(row.serial, serial, SERIAL_MAX);
	append_bytes(&context->expected, (struct bytes){(const uint8_t *)&row, sizeof(row)});
	return 0;
}

static int count_row(void *list_context, const uint8_t serial[static SERIAL_MAX],
		     int64_t revoked_at_s, int reason, struct fault *fault)
{
	struct crl_context *context = list_context;
	struct crl_revocation entry;

	(void)revoked_at_s;
	(void)reason;
	(void)fault;
	context->matched += find_revoked(context->crl, (struct bytes){serial, SERIAL_MAX}, &entry);
	return 0;
}

/*
 * Compares the CRL's entries with the record. A certificate that ended before the CRL was made may
 * be on it or not. *ret_moved: the record has moved on since the CRL was made, and nothing was
 * compared.
 */
static int check_entries(struct crl_context *context, bool *ret_moved, struct fault *fault)
{
	struct store *store = context->check->options->store;
	int64_t made_from = context->state.crl_revision;
	struct revoked_row row;
	int64_t first;
	int64_t second;

	if (list_revoked(store, context->issuer, context->state.this_update_s, collect_row, context,
			 &first, fault) < 0 ||
	    list_revoked(store, context->issuer, INT64_MIN, count_row, context, &second, fault) <
		    0 ||
	    check_buffer(&context->expected, fault) < 0)
		return -1;
	*ret_moved = first != made_from || second != made_from;
	if (*ret_moved)
		return 0;
	context->check->summary.crl_entries += crl_count(context->crl);
	for (size_t at = 0; at < context->expected.len; at += sizeof(row)) {
		memcpy(&row, context->expected.data + at, sizeof(row));
		if (check_entry(context, &row, fault) < 0)
			return -1;
	}
	if (crl_count(context->crl) == context->matched)
		return 0;
	return report_finding(context->check, context->where, ADVICE_ABSORB, fault,
			      "expected the %s that the record has, found %zu",
			      counted(context->matched, "entry", "entries").text,
			      crl_count(context->crl));
}

static int check_issuer(const struct crl_context *context, struct fault *fault)
{
	const struct check_context *check = context->check;
	struct verdict verdict = {0};

	const struct certificate *issuer = find_checked_issuer(check, context->issuer);

	if (issuer == NULL)
		return 0;
	if (verify_crl(context->crl, issuer, check->options->now_s, &verdict, fault) < 0)
		return -1;
	return verdict.invalid ? report_finding(context->check, context->where, ADVICE_CRL, fault,
						"%s", verdict.reason)
			       : 0;
}

static int check_number(const struct crl_context *context, struct fault *fault)
{
	char expected[CRL_NUMBER_TEXT_SIZE];
	char found[CRL_NUMBER_TEXT_SIZE];

	(void)snprintf(expected, sizeof(expected), "%" PRIu64, context->state.current_number);
	format_crl_number(context->crl, found);
	if (strcmp(expected, found) == 0)
		return 0;
	return report_finding(context->check, context->where, ADVICE_CRL, fault,
			      "expected number %s, as the record has it, found %s", expected,
			      found);
}

static int load_crl(struct crl_context *context, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (read_crl(context->check->options->layout, context->issuer, &der, fault) < 0)
		return -1;
	return parse_crl(&der, &context->crl, fault);
}

static int check_content(struct crl_context *context, bool *ret_moved, struct fault *fault)
{
	struct fault problem = {0};

	if (load_crl(context, &problem) < 0)
		return report_finding(context->check, context->where, ADVICE_CRL, fault,
				      "expected the CA's CRL, found: %s", problem.text);
	if (check_entries(context, ret_moved, fault) < 0)
		return -1;
	if (*ret_moved)
		return 0;
	if (check_issuer(context, fault) < 0)
		return -1;
	return check_number(context, fault);
}

/* A CA that never revoked anything need not have a CRL yet. */
static int needs_crl(const struct check_context *check, const struct crl_state *state,
		     bool *ret_needed, struct fault *fault)
{
	const struct layout *layout = check->options->layout;
	char name[FILE_NAME_SIZE];
	bool found;

	name_crl(state->issuer, name);
	if (find_file(layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	*ret_needed = check->options->now_s <= state->serves_until_s &&
		      (state->crl_revision >= 0 || state->revision != 0 || found);
	return 0;
}

/*
 * Checks the CRL while no other process publishes one. *ret_problem: the CRL is not current, or a
 * certificate was revoked during the check. A revocation is followed by its CRL a moment later, so
 * that the caller tries again.
 */
static int check_once(struct check_context *check, unsigned int issuer, const char *where,
		      struct fault *ret_problem, struct fault *fault)
{
	const struct check_options *options = check->options;
	const struct ca_crl_options crl = {.store = options->store,
					   .layout = options->layout,
					   .number = issuer,
					   .validity_s = options->ca->crl_validity_s};
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_crl_context)
	struct crl_context context = {.check = check, .issuer = issuer, .where = where};
	bool moved = false;
	bool needed = false;

	if (lock_file(options->layout->state, "crl", LOCK_WAIT, &lock, fault) < 0)
		return -1;
	if (read_crl_state(options->store, issuer, &context.state, ret_problem) < 0)
		return 0;
	if (needs_crl(check, &context.state, &needed, fault) < 0)
		return -1;
	if (!needed || check_crl(&crl, options->now_s, ret_problem) < 0)
		return 0;
	if (check_content(&context, &moved, fault) < 0)
		return -1;
	if (moved)
		(void)set_fault(ret_problem, FAULT_BUSY,
				"cannot be looked at: something is revoked all the time");
	return 0;
}

static int check_crl_of(struct check_context *check, unsigned int issuer, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	struct fault problem = {0};
	char name[FILE_NAME_SIZE];

	name_crl(issuer, name);
	if (asprintf(&where, "%s/cert/%s", check->options->layout->path, name) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		if (tries > 0)
			sleep_us(PAUSE_US);
		problem = (struct fault){0};
		if (check_once(check, issuer, where, &problem, fault) < 0)
			return -1;
		if (problem.class == FAULT_NONE)
			return 0;
	}
	return report_finding(check, where, ADVICE_CRL, fault, "%s", problem.text);
}

int check_current_crls(struct check_context *check, struct fault *fault)
{
	struct fault problem = {0};
	unsigned int newest;

	if (read_newest_issuer(check->options->store, &newest, &problem) < 0)
		return report_finding(check, store_name(check->options->store), ADVICE_RESTORE,
				      fault, "%s", problem.text);
	for (unsigned int issuer = FIRST_ISSUER; issuer <= newest; issuer++)
		if (check_crl_of(check, issuer, fault) < 0)
			return -1;
	return 0;
}
