#include "common/ca/check/findings.h"

#include "common/base/clock.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/x509/revocation/crl.h"
#include "common/x509/revocation/crl_reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TRIES_MAX = 5, PAUSE_US = 200000 };

#define ADVICE_CRL "run certpool crl --renew"

struct crl_check {
	struct checking *checking;
	const char *where;
	struct crl_state state;
	struct crl *crl;
	struct buffer rows; /* of struct revoked_row: what must be on it */
	size_t matched;     /* entries that the record has */
};

/* One that is revoked, by the record. */
struct revoked_row {
	uint8_t serial[SERIAL_MAX];
	int64_t revoked_at_s;
	int reason;
};

static void clear_crl_check(struct crl_check *check)
{
	free_crl(&check->crl);
	clear_buffer(&check->rows);
}

/* Each that is revoked is on it, as it was revoked. */
static int compare_row(const struct crl_check *check, const struct revoked_row *row,
		       struct fault *fault)
{
	struct crl_revocation found = {0};
	char digits[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){row->serial, SERIAL_MAX}, digits);
	if (!find_revoked(check->crl, (struct bytes){row->serial, SERIAL_MAX}, &found))
		return report(check->checking, check->where, ADVICE_CRL, fault,
			      "expected certificate %s on it, which is revoked, found it missing",
			      digits);
	if (found.revoked_at_s == row->revoked_at_s && found.reason == row->reason)
		return 0;
	return report(check->checking, check->where, ADVICE_CRL, fault,
		      "certificate %s: expected time and reason of the record (%s), found others "
		      "(%s)",
		      digits, format_crl_reason(row->reason), format_crl_reason(found.reason));
}

static int collect_row(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		       int reason, struct fault *fault)
{
	struct crl_check *check = context;
	struct revoked_row row = {.revoked_at_s = revoked_at_s, .reason = reason};

	(void)fault;
	memcpy(row.serial, serial, SERIAL_MAX);
	append_bytes(&check->rows, (struct bytes){(const uint8_t *)&row, sizeof(row)});
	return 0;
}

static int count_row(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		     int reason, struct fault *fault)
{
	struct crl_check *check = context;
	struct crl_revocation found;

	(void)revoked_at_s;
	(void)reason;
	(void)fault;
	check->matched += find_revoked(check->crl, (struct bytes){serial, SERIAL_MAX}, &found);
	return 0;
}

/* What ended before the CRL was made may be on it, or not any more. *ret_moved: something else is
   revoked by now than what it was made from. */
static int collect_rows(struct crl_check *check, bool *ret_moved, struct fault *fault)
{
	struct store *store = check->checking->terms->store;
	int64_t first;
	int64_t second;

	if (list_revoked(store, check->state.this_update_s, collect_row, check, &first, fault) <
		    0 ||
	    list_revoked(store, INT64_MIN, count_row, check, &second, fault) < 0 ||
	    check_buffer(&check->rows, fault) < 0)
		return -1;
	*ret_moved = first != check->state.crl_revision || second != check->state.crl_revision;
	return 0;
}

static int compare_entries(const struct crl_check *check, struct fault *fault)
{
	struct revoked_row row;

	for (size_t at = 0; at < check->rows.len; at += sizeof(row)) {
		memcpy(&row, check->rows.data + at, sizeof(row));
		if (compare_row(check, &row, fault) < 0)
			return -1;
	}
	if (crl_count(check->crl) == check->matched)
		return 0;
	return report(check->checking, check->where, ADVICE_CRL, fault,
		      "expected the %zu entries that the record has, found %zu", check->matched,
		      crl_count(check->crl));
}

static int check_issuer(struct crl_check *check, struct fault *fault)
{
	struct checking *checking = check->checking;
	struct verdict verdict = {0};

	if (checking->issuer_count == 0)
		return 0;
	if (verify_crl(check->crl, checking->issuers[0], checking->terms->now_s, &verdict, fault) <
	    0)
		return -1;
	return verdict.invalid
		       ? report(checking, check->where, ADVICE_CRL, fault, "%s", verdict.reason)
		       : 0;
}

static int check_number(struct crl_check *check, struct fault *fault)
{
	char expected[CRL_NUMBER_TEXT_SIZE];
	char found[CRL_NUMBER_TEXT_SIZE];

	(void)snprintf(expected, sizeof(expected), "%" PRIu64, check->state.standing);
	format_crl_number(check->crl, found);
	if (strcmp(expected, found) == 0)
		return 0;
	return report(check->checking, check->where, ADVICE_CRL, fault,
		      "expected number %s, as the record has it, found %s", expected, found);
}

static int read_certificate_status(struct crl_check *check, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (read_crl(check->checking->terms->layout, &der, fault) < 0)
		return -1;
	return parse_crl(&der, &check->crl, fault);
}

static int check_content(struct crl_check *check, bool *ret_moved, struct fault *fault)
{
	struct checking *checking = check->checking;
	struct fault found = {0};

	if (read_certificate_status(check, &found) < 0)
		return report(checking, check->where, ADVICE_CRL, fault,
			      "expected the CA's CRL, found: %s", found.text);
	if (collect_rows(check, ret_moved, fault) < 0)
		return -1;
	if (*ret_moved)
		return 0;
	checking->summary.crl_entries = crl_count(check->crl);
	if (check_issuer(check, fault) < 0 || check_number(check, fault) < 0)
		return -1;
	return compare_entries(check, fault);
}

/* A CA that never revoked anything need not have one yet. */
static bool needs_none(const struct checking *checking, const struct crl_state *state)
{
	return state->crl_revision < 0 && state->revision == 0 &&
	       !file_exists(checking->terms->layout->cert, CRL_FILE);
}

/*
 * With whoever publishes kept out. *ret_flaw: it is not current, or something was revoked just now:
 * a revocation is followed by its CRL a moment later.
 */
static int check_once(struct checking *checking, const char *where, struct fault *ret_flaw,
		      struct fault *fault)
{
	const struct check_options *terms = checking->terms;
	const struct ca_crl_options crl = {.store = terms->store,
					   .layout = terms->layout,
					   .validity_s = terms->ca->crl_validity_s};
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_crl_check) struct crl_check check = {.checking = checking, .where = where};
	bool moved = false;

	if (lock_file(terms->layout->state, "crl", LOCK_WAIT, &lock, fault) < 0 ||
	    read_crl_state(terms->store, &check.state, fault) < 0)
		return -1;
	if (needs_none(checking, &check.state) || check_crl(&crl, terms->now_s, ret_flaw) < 0)
		return 0;
	if (check_content(&check, &moved, fault) < 0)
		return -1;
	if (moved)
		(void)set_fault(ret_flaw, FAULT_BUSY,
				"cannot be looked at: something is revoked all the time");
	return 0;
}

int check_current_crl(struct checking *checking, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	struct fault flaw = {0};

	if (asprintf(&where, "%s/cert/%s", checking->terms->layout->path, CRL_FILE) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		if (tries > 0)
			sleep_us(PAUSE_US);
		flaw = (struct fault){0};
		if (check_once(checking, where, &flaw, fault) < 0)
			return -1;
		if (flaw.class == FAULT_NONE)
			return 0;
	}
	return report(checking, where, ADVICE_CRL, fault, "%s", flaw.text);
}
