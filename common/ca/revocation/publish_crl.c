#include "common/ca/revocation/publish_crl.h"

#include "common/base/clock.h"
#include "common/ca/revocation/recorded_crl.h"
#include "common/ca/revocation/succession.h"
#include "common/ca/store/issuers.h"
#include "common/x509/revocation/crl_builder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char lock_name[] = "crl";

/* Until the lease of another front end has ended for sure. */
enum { LEASE_PAUSE_US = 100000, LEASE_TRIES = 20 * CRL_LEASE_S };

void name_crl(unsigned int issuer, char ret_name[static FILE_NAME_SIZE])
{
	name_issuer_file(CRL_FILE, issuer, ret_name);
}

struct new_crl {
	const struct ca_crl_options *options;
	struct succession succession;
	struct crl_state state; /* to be recorded with it */
	struct crl_builder builder;
	struct buffer der;
	size_t entries;
	int64_t future_s; /* thisUpdate of the one before, if that is from the future; or 0 */
};

static void clear_new_crl(struct new_crl *crl)
{
	clear_succession(&crl->succession);
	clear_crl_builder(&crl->builder);
	clear_buffer(&crl->der);
}

/* Whether the clock was ahead when the CRL of that thisUpdate was made. */
static bool is_from_future(int64_t this_update_s, int64_t now_s)
{
	return this_update_s > now_s + CRL_SKEW_S;
}

static bool has_ended(const struct crl_state *state, int64_t now_s)
{
	return now_s > state->serves_until_s;
}

/* *ret_reason: why a CRL is due, or NULL while the present one is current. */
static int find_reason(const struct ca_crl_options *options, const struct crl_state *state,
		       enum crl_publishing mode, int64_t now_s, const char **ret_reason,
		       struct fault *fault)
{
	int64_t validity_s = state->next_update_s - state->this_update_s;
	char name[FILE_NAME_SIZE];
	bool found;

	if (take_recorded_crl(options, state, fault) < 0)
		return -1;
	name_crl(options->number, name);
	if (find_file(options->layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", options->layout->path);
	*ret_reason = NULL;
	if (has_ended(state, now_s))
		return 0;
	if (state->crl_revision < 0)
		*ret_reason = "none was made yet";
	else if (!found)
		*ret_reason = "the file is gone";
	else if (state->crl_revision != state->revision && mode != CRL_WHEN_OLD)
		*ret_reason = "certificates were revoked since";
	else if (is_from_future(state->this_update_s, now_s))
		*ret_reason = "it is from the future: the clock was ahead when it was made";
	else if (now_s >= state->next_update_s - validity_s / 3)
		*ret_reason = "it has expired, or soon will";
	return 0;
}

static int add_entry(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		     int reason, struct fault *fault)
{
	struct new_crl *crl = context;
	struct crl_entry entry = {.revoked_at_s = revoked_at_s, .reason = reason};

	memcpy(entry.serial, serial, SERIAL_MAX);
	note_listed(&crl->succession, serial);
	crl->entries++;
	return add_crl_entry(&crl->builder, &entry, fault);
}

/* Nobody could verify a CRL from outside its issuer's time. */
static int check_issuer_time(const struct issuer *issuer, int64_t now_s, struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(issuer);
	char now[TIME_TEXT_SIZE];

	if (now_s >= certificate_not_before(certificate) &&
	    now_s <= certificate_not_after(certificate))
		return 0;
	format_time(now_s, now);
	return set_fault(fault, FAULT_REFUSED,
			 "no CRL is made: %s is not valid at %s: look at this machine's clock",
			 certificate_subject(certificate), now);
}

/* Reads the CRL that stands, which may be later than the record knows. */
static int read_standing(struct new_crl *crl, int64_t *this_update_s, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault problem = {0};

	if (read_crl(crl->options->layout, crl->options->number, &der, &problem) < 0 &&
	    problem.class != FAULT_NOT_FOUND)
		return pass_fault(&problem, fault);
	if (begin_succession(issuer_certificate(crl->options->issuer), &der, &crl->succession,
			     fault) < 0)
		return -1;
	if (crl->succession.standing != NULL &&
	    crl_this_update(crl->succession.standing) > *this_update_s)
		*this_update_s = crl_this_update(crl->succession.standing);
	return 0;
}

/* thisUpdate: now, or that of the CRL before, unless that is from the future. */
static void choose_times(struct new_crl *crl, int64_t before_s, int64_t now_s)
{
	bool future = is_from_future(before_s, now_s);

	crl->future_s = future ? before_s : 0;
	crl->state.this_update_s = before_s > now_s && !future ? before_s : now_s;
	crl->state.next_update_s = crl->state.this_update_s + crl->options->validity_s;
}

/* Signs a CRL of all that is revoked, to replace the one of the state `before`. */
static int build_crl(struct new_crl *crl, const struct crl_state *before, int64_t now_s,
		     struct fault *fault)
{
	const struct ca_crl_options *options = crl->options;
	struct crl_state *state = &crl->state;
	struct crl_options fields = {0};
	int64_t before_s = before->this_update_s;

	if (check_issuer_time(options->issuer, now_s, fault) < 0 ||
	    read_standing(crl, &before_s, fault) < 0 ||
	    reserve_crl_number(options->store, &state->number, fault) < 0)
		return -1;
	choose_times(crl, before_s, now_s);
	state->issuer = options->number;
	state->serves_until_s = before->serves_until_s;
	state->current_number = state->number;
	state->cut_s = choose_crl_cut(before, options->validity_s, now_s);
	fields = (struct crl_options){.number = state->number,
				      .this_update_s = state->this_update_s,
				      .next_update_s = state->next_update_s,
				      .now_s = now_s};
	if (begin_crl(&crl->builder, options->issuer, &fields, fault) < 0 ||
	    list_revoked(options->store, options->number, state->cut_s, add_entry, crl,
			 &state->crl_revision, fault) < 0 ||
	    check_succession(&crl->succession, options->store, state, now_s, fault) < 0)
		return -1;
	return finish_crl(&crl->builder, &crl->der, fault);
}

/* The audit log has what the clock did. */
static int install_new_crl(struct publisher *publisher, const struct new_crl *crl, int64_t now_s,
			   struct fault *fault)
{
	char then[TIME_TEXT_SIZE];
	char detail[128] = "";

	format_time(crl->future_s, then);
	if (crl->future_s != 0)
		(void)snprintf(detail, sizeof(detail),
			       "the one before was from the future: its thisUpdate is %s", then);
	return install_crl(publisher, &crl->state, bytes_of_buffer(&crl->der), detail, now_s,
			   fault);
}

struct crl_info describe_crl(const struct crl_state *state, int64_t now_s)
{
	return (struct crl_info){.number = state->current_number,
				 .this_update_s = state->this_update_s,
				 .next_update_s = state->next_update_s,
				 .ended = has_ended(state, now_s)};
}

static int read_state(const struct ca_crl_options *options, enum crl_publishing mode, int64_t now_s,
		      struct crl_state *ret_state, bool *ret_due, struct fault *fault)
{
	const char *reason;

	if (read_crl_state(options->store, options->number, ret_state, fault) < 0 ||
	    find_reason(options, ret_state, mode, now_s, &reason, fault) < 0)
		return -1;
	*ret_due = reason != NULL || (mode == CRL_ANYWAY && !has_ended(ret_state, now_s));
	return 0;
}

/*
 * Becomes the one that makes the CRL, if there still is one to be made. *ret_due false: another
 * process has made it, or another front end makes it now and nobody may wait.
 */
static int become_publisher(struct publisher *publisher, enum crl_publishing mode, int64_t now_s,
			    struct crl_state *before, bool *ret_due, struct fault *fault)
{
	const struct ca_crl_options *options = publisher->options;
	bool mine = false;

	for (int tries = 0;; tries++) {
		if (begin_publisher(publisher, &mine, fault) < 0 ||
		    read_state(options, mode, now_s, before, ret_due, fault) < 0)
			return -1;
		if (mine || !*ret_due)
			return 0;
		if (options->no_waiting) {
			publisher->elsewhere = true;
			*ret_due = false;
			return 0;
		}
		if (tries == LEASE_TRIES)
			return set_fault(
				fault, FAULT_BUSY,
				"another front end has been making a CRL for %d s: look at "
				"certpool front-end list, and try again",
				2 * CRL_LEASE_S);
		sleep_us(LEASE_PAUSE_US);
	}
}

int publish_crl(const struct ca_crl_options *options, enum crl_publishing mode, int64_t now_s,
		struct crl_info *ret_info, struct fault *fault)
{
	CLEANUP(drop_publisher) struct publisher publisher = {.options = options};
	CLEANUP(clear_new_crl) struct new_crl crl = {.options = options};
	CLEANUP(close_descriptor) int lock = -1;
	struct crl_state before;
	bool due;

	/* Mostly the CRL is current, which can be seen without the lock. */
	if (read_state(options, mode, now_s, &before, &due, fault) < 0)
		return -1;
	if (due && lock_file(options->layout->state, lock_name, LOCK_WAIT, &lock, fault) < 0)
		return prefix_fault(fault, "%s/state", options->layout->path);
	/* Another process may have made it while this one waited. */
	if (due && become_publisher(&publisher, mode, now_s, &before, &due, fault) < 0)
		return -1;
	if (!due) {
		*ret_info = describe_crl(&before, now_s);
		ret_info->elsewhere = publisher.elsewhere;
		return 0;
	}
	if (build_crl(&crl, &before, now_s, fault) < 0 ||
	    install_new_crl(&publisher, &crl, now_s, fault) < 0)
		return -1;
	*ret_info = describe_crl(&crl.state, now_s);
	ret_info->made = true;
	ret_info->entries = crl.entries;
	ret_info->future_s = crl.future_s;
	return 0;
}

int check_crl(const struct ca_crl_options *options, int64_t now_s, struct fault *fault)
{
	struct crl_state state;
	const char *reason;
	char name[FILE_NAME_SIZE];

	if (read_crl_state(options->store, options->number, &state, fault) < 0 ||
	    find_reason(options, &state, CRL_WHEN_DUE, now_s, &reason, fault) < 0)
		return -1;
	if (reason == NULL)
		return 0;
	name_crl(options->number, name);
	return set_fault(fault, FAULT_FAILED, "%s/cert/%s: not current: %s", options->layout->path,
			 name, reason);
}

int read_crl(const struct layout *layout, unsigned int issuer, struct buffer *ret_der,
	     struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_crl(issuer, name);
	if (read_file(layout->cert, name, CRL_DER_MAX, ret_der, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}
