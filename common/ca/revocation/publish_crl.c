#include "common/ca/revocation/publish_crl.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/x509/revocation/crl_builder.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char lock_name[] = "crl";

/* A CRL on its way. */
struct publishing {
	const struct ca_crl_options *terms;
	struct crl_state state; /* of the CRL to be */
	struct crl_builder builder;
	struct buffer der;
	size_t entries;
};

static void clear_publishing(struct publishing *publishing)
{
	clear_crl_builder(&publishing->builder);
	clear_buffer(&publishing->der);
}

/* Why the CRL that stands, if any, is to be made anew; NULL when it is current. */
static const char *find_flaw(const struct ca_crl_options *terms, const struct crl_state *state,
			     int64_t now_s)
{
	int64_t life_s = state->next_update_s - state->this_update_s;

	if (state->crl_revision < 0)
		return "none was made yet";
	if (!file_exists(terms->layout->cert, CRL_FILE))
		return "the file is gone";
	if (state->crl_revision != state->revision)
		return "certificates were revoked since";
	if (now_s >= state->next_update_s - life_s / 3)
		return "its time is over, or soon will be";
	return NULL;
}

static int add_entry(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		     int reason, struct fault *fault)
{
	struct publishing *publishing = context;
	struct crl_entry entry = {.revoked_at_s = revoked_at_s, .reason = reason};

	memcpy(entry.serial, serial, SERIAL_MAX);
	publishing->entries++;
	return add_crl_entry(&publishing->builder, &entry, fault);
}

/*
 * What ended longer ago than a CRL's time need not be on it any more, if the CRL before this one,
 * which had it, was made after its end (RFC 5280 section 3.3).
 */
int64_t choose_crl_cut(const struct crl_state *before, int64_t validity_s, int64_t now_s)
{
	int64_t cut_s = now_s - validity_s;

	return before->this_update_s < cut_s ? before->this_update_s : cut_s;
}

/* A clock that is years ahead must not move thisUpdate there for good. */
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

static int build(struct publishing *publishing, const struct crl_state *before, int64_t now_s,
		 struct fault *fault)
{
	const struct ca_crl_options *terms = publishing->terms;
	struct crl_state *state = &publishing->state;
	struct crl_options crl = {0};

	state->this_update_s = now_s > before->this_update_s ? now_s : before->this_update_s;
	state->next_update_s = state->this_update_s + terms->validity_s;
	if (check_issuer_time(terms->issuer, now_s, fault) < 0 ||
	    reserve_crl_number(terms->store, &state->number, fault) < 0)
		return -1;
	state->standing = state->number;
	crl = (struct crl_options){.number = state->number,
				   .this_update_s = state->this_update_s,
				   .next_update_s = state->next_update_s};
	if (begin_crl(&publishing->builder, terms->issuer, &crl, fault) < 0 ||
	    list_revoked(terms->store, choose_crl_cut(before, terms->validity_s, now_s), add_entry,
			 publishing, &state->crl_revision, fault) < 0)
		return -1;
	return finish_crl(&publishing->builder, &publishing->der, fault);
}

static int make(struct publishing *publishing, const struct crl_state *before, int64_t now_s,
		struct fault *fault)
{
	const struct ca_crl_options *terms = publishing->terms;

	if (build(publishing, before, now_s, fault) < 0)
		return -1;
	/* The lock says that a temporary file there is nobody's any more. */
	if (unlinkat(terms->layout->cert, "." CRL_FILE ".new", 0) < 0 && errno != ENOENT)
		return set_errno_fault(fault, "%s/cert/." CRL_FILE ".new", terms->layout->path);
	if (write_file(terms->layout->cert, CRL_FILE, STAGE_REPLACE, 0644,
		       bytes_of_buffer(&publishing->der), fault) < 0)
		return prefix_fault(fault, "%s/cert", terms->layout->path);
	return record_crl(terms->store, &publishing->state, now_s, fault);
}

static void fill_info(const struct crl_state *state, struct crl_info *ret_info)
{
	*ret_info = (struct crl_info){.number = state->standing,
				      .this_update_s = state->this_update_s,
				      .next_update_s = state->next_update_s};
}

static int publish_locked(const struct ca_crl_options *terms, enum crl_publishing mode,
			  int64_t now_s, struct crl_info *ret_info, struct fault *fault)
{
	CLEANUP(clear_publishing) struct publishing publishing = {.terms = terms};
	struct crl_state before;

	if (read_crl_state(terms->store, &before, fault) < 0)
		return -1;
	if (mode == CRL_WHEN_DUE && find_flaw(terms, &before, now_s) == NULL) {
		fill_info(&before, ret_info);
		return 0;
	}
	if (make(&publishing, &before, now_s, fault) < 0)
		return -1;
	fill_info(&publishing.state, ret_info);
	ret_info->made = true;
	ret_info->entries = publishing.entries;
	return 0;
}

int publish_crl(const struct ca_crl_options *terms, enum crl_publishing mode, int64_t now_s,
		struct crl_info *ret_info, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct crl_state state;

	/* Mostly there is nothing to be done, and no lock needed to see that. */
	if (read_crl_state(terms->store, &state, fault) < 0)
		return -1;
	if (mode == CRL_WHEN_DUE && find_flaw(terms, &state, now_s) == NULL) {
		fill_info(&state, ret_info);
		return 0;
	}
	if (lock_file(terms->layout->state, lock_name, LOCK_WAIT, &lock, fault) < 0)
		return prefix_fault(fault, "%s/state", terms->layout->path);
	return publish_locked(terms, mode, now_s, ret_info, fault);
}

int check_crl(const struct ca_crl_options *terms, int64_t now_s, struct fault *fault)
{
	const char *flaw;
	struct crl_state state;

	if (read_crl_state(terms->store, &state, fault) < 0)
		return -1;
	flaw = find_flaw(terms, &state, now_s);
	if (flaw == NULL)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s/cert/" CRL_FILE ": not current: %s: run certpool crl",
			 terms->layout->path, flaw);
}

int read_crl(const struct layout *layout, struct buffer *ret_der, struct fault *fault)
{
	if (read_file(layout->cert, CRL_FILE, CRL_DER_MAX, ret_der, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}
