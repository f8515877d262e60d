#include "common/ca/revocation/succession.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <string.h>

#define ADVICE "certpool revoke --crl takes the CRL that stands into the record"

void clear_succession(struct succession *succession)
{
	free_crl(&succession->standing);
	clear_buffer(&succession->dropped);
	*succession = (struct succession){0};
}

int begin_succession(const struct certificate *issuer, struct buffer *standing,
		     struct succession *succession, struct fault *fault)
{
	struct fault problem = {0};

	succession->issuer = issuer;
	/* A file that is no CRL, or is damaged, is replaced. */
	if (standing->len > 0 && parse_crl(standing, &succession->standing, &problem) < 0)
		return pass_failure(&problem, fault);
	return 0;
}

static void drop_next(struct succession *succession)
{
	struct crl_revocation ignored;
	uint8_t serial[SERIAL_MAX];

	read_crl_entry(succession->standing, succession->next++, serial, &ignored);
	append_bytes(&succession->dropped, (struct bytes){serial, SERIAL_MAX});
}

/* Steps over the standing entries up to this serial: those before it are not on the new CRL. */
void note_listed(struct succession *succession, const uint8_t serial[static SERIAL_MAX])
{
	const struct crl *standing = succession->standing;

	while (standing != NULL && succession->next < crl_count(standing)) {
		struct crl_revocation ignored;
		uint8_t next[SERIAL_MAX];
		int order;

		read_crl_entry(standing, succession->next, next, &ignored);
		order = memcmp(next, serial, SERIAL_MAX);
		if (order > 0)
			return;
		if (order == 0) {
			succession->next++;
			return;
		}
		drop_next(succession);
	}
}

/* What is not in the record may not have ended. */
static int check_dropped(const struct succession *succession, struct store *store, int64_t now_s,
			 struct fault *fault)
{
	char number[CRL_NUMBER_TEXT_SIZE];
	char digits[SERIAL_TEXT_SIZE];

	format_crl_number(succession->standing, number);
	for (size_t at = 0; at < succession->dropped.len; at += SERIAL_MAX) {
		const uint8_t *serial = succession->dropped.data + at;
		int64_t end_s = 0;
		bool found;

		if (find_end(store, serial, &found, &end_s, fault) < 0)
			return -1;
		if (found && end_s < now_s)
			continue;
		format_serial((struct bytes){serial, SERIAL_MAX}, digits);
		return set_fault(fault, FAULT_UNVERIFIED,
				 "no CRL is published: it would not list certificate %s, which CRL "
				 "number %s lists and which has not ended: the record %s: " ADVICE,
				 digits, number,
				 found ? "says that it is not revoked" : "does not know it");
	}
	return 0;
}

static int check_number_and_time(const struct succession *succession, const struct crl_state *state,
				 int64_t now_s, struct fault *fault)
{
	int64_t standing_s = crl_this_update(succession->standing);
	char then[TIME_TEXT_SIZE];
	char new[TIME_TEXT_SIZE];
	uint64_t number;

	if (get_crl_number(succession->standing, &number, fault) < 0)
		return -1;
	if (state->number <= number)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "no CRL is published: expected a number above %" PRIu64
				 ", that of the CRL that stands, found %" PRIu64 ": " ADVICE,
				 number, state->number);
	if (state->this_update_s >= standing_s || standing_s > now_s + CRL_SKEW_S)
		return 0;
	format_time(standing_s, then);
	format_time(state->this_update_s, new);
	return set_fault(fault, FAULT_UNVERIFIED,
			 "no CRL is published: expected a thisUpdate of %s or later, that of the "
			 "CRL that stands, found %s: look at this machine's clock",
			 then, new);
}

int check_succession(struct succession *succession, struct store *store,
		     const struct crl_state *state, int64_t now_s, struct fault *fault)
{
	const struct crl *standing = succession->standing;
	struct verdict verdict = {0};
	struct fault violation = {0};

	while (standing != NULL && succession->next < crl_count(standing))
		drop_next(succession);
	if (check_buffer(&succession->dropped, fault) < 0)
		return -1;
	if (standing == NULL || (check_number_and_time(succession, state, now_s, &violation) == 0 &&
				 check_dropped(succession, store, now_s, &violation) == 0))
		return 0;
	/* Not before: it costs as much as signing, and mostly there is no violation. */
	if (violation.class != FAULT_FAILED &&
	    verify_crl_signature(standing, succession->issuer, &verdict, fault) < 0)
		return -1;
	return verdict.invalid ? 0 : pass_fault(&violation, fault);
}
