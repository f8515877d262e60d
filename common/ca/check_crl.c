#include "common/ca/check_parts.h"

#include "common/ca/crl_publisher.h"
#include "common/x509/crl.h"
#include "common/x509/crl_reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TRIES_MAX = 3, PAUSE_NS = 300000000 };

#define ADVICE_CRL "run certpool crl --renew"

struct crl_check {
	struct checking *checking;
	const char *where;
	struct crl_state state;
	struct crl *crl;
	size_t matched; /* entries that the record has */
};

static void clear_crl_check(struct crl_check *check)
{
	free_crl(&check->crl);
}

/* Each that is revoked is on it, as it was revoked. */
static int compare_entry(void *context, const uint8_t serial[static SERIAL_MAX],
			 int64_t revoked_at_s, int reason, struct fault *fault)
{
	struct crl_check *check = context;
	struct crl_revocation found = {0};
	char digits[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){serial, SERIAL_MAX}, digits);
	if (!find_revoked(check->crl, (struct bytes){serial, SERIAL_MAX}, &found))
		return report(check->checking, check->where, ADVICE_CRL, fault,
			      "expected certificate %s on it, which is revoked, found it missing",
			      digits);
	check->matched++;
	if (found.revoked_at_s == revoked_at_s && found.reason == reason)
		return 0;
	return report(check->checking, check->where, ADVICE_CRL, fault,
		      "certificate %s: expected time and reason of the record (%s), found others "
		      "(%s)",
		      digits, format_crl_reason(reason), format_crl_reason(found.reason));
}

/* What ended before it was made may be on it, or not any more. */
static int count_entry(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
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

static int compare_entries(struct crl_check *check, struct fault *fault)
{
	struct store *store = check->checking->terms->store;
	int64_t revision;

	if (list_revoked(store, check->state.this_update_s, compare_entry, check, &revision,
			 fault) < 0)
		return -1;
	check->matched = 0;
	if (list_revoked(store, INT64_MIN, count_entry, check, &revision, fault) < 0)
		return -1;
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

static int check_content(struct crl_check *check, struct fault *fault)
{
	struct checking *checking = check->checking;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault found = {0};

	if (read_crl(checking->terms->layout, &der, &found) < 0 ||
	    parse_crl(&der, &check->crl, &found) < 0)
		return report(checking, check->where, ADVICE_CRL, fault,
			      "expected the CA's CRL, found: %s", found.text);
	checking->summary.crl_entries = crl_count(check->crl);
	if (check_issuer(check, fault) < 0 || check_number(check, fault) < 0)
		return -1;
	return compare_entries(check, fault);
}

/*
 * Whether it is current, with whoever publishes kept out. A revocation is followed by its CRL a
 * moment later.
 */
static int wait_for_current(const struct checking *checking, int *ret_lock, struct fault *ret_flaw,
			    struct fault *fault)
{
	const struct check_terms *terms = checking->terms;
	const struct crl_terms_of_ca crl = {.store = terms->store,
					    .layout = terms->layout,
					    .validity_s = terms->ca->crl_validity_s};
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int tries = 0; tries < TRIES_MAX; tries++) {
		close_descriptor(ret_lock);
		if (tries > 0)
			(void)nanosleep(&pause, NULL);
		*ret_flaw = (struct fault){0};
		if (lock_file(terms->layout->state, "crl", LOCK_WAIT, ret_lock, fault) < 0)
			return -1;
		if (check_crl(&crl, terms->now_s, ret_flaw) == 0)
			return 0;
	}
	return 0;
}

/* A CA that never revoked anything need not have one yet. */
static bool needs_none(const struct checking *checking, const struct crl_state *state)
{
	return state->crl_revision < 0 && state->revision == 0 &&
	       !file_exists(checking->terms->layout->cert, CRL_FILE);
}

static int check_locked(struct crl_check *check, const struct fault *flaw, struct fault *fault)
{
	struct checking *checking = check->checking;

	if (read_crl_state(checking->terms->store, &check->state, fault) < 0)
		return -1;
	if (needs_none(checking, &check->state))
		return 0;
	if (flaw->class != FAULT_NONE &&
	    report(checking, check->where, ADVICE_CRL, fault, "%s", flaw->text) < 0)
		return -1;
	return flaw->class == FAULT_NONE ? check_content(check, fault) : 0;
}

int check_standing_crl(struct checking *checking, struct fault *fault)
{
	CLEANUP(free_string) char *where = NULL;
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_crl_check) struct crl_check check = {.checking = checking};
	struct fault flaw = {0};

	if (asprintf(&where, "%s/cert/%s", checking->terms->layout->path, CRL_FILE) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	check.where = where;
	if (wait_for_current(checking, &lock, &flaw, fault) < 0)
		return -1;
	return check_locked(&check, &flaw, fault);
}
