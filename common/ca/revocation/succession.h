#ifndef CERTPOOL_CA_REVOCATION_SUCCESSION_H
#define CERTPOOL_CA_REVOCATION_SUCCESSION_H

#include "common/ca/store/crl_state.h"
#include "common/x509/revocation/crl.h"

/*
 * Whether a new CRL may take the place of the one that stands, whatever became of the record since:
 * it drops no entry of a certificate that has not ended by the clock, its number is higher, and its
 * thisUpdate is not earlier, unless that of the one that stands is in the future.
 *
 * begin_succession; then note_listed for each serial that the new one lists, in ascending order;
 * then check_succession before it is signed.
 */
struct succession {
	const struct certificate *issuer;
	struct crl *standing;  /* NULL: there is none, or none that can be read */
	size_t next;           /* entry of it that was not yet compared */
	struct buffer dropped; /* serials of entries that the new one lacks */
};

/* Takes ownership of the content of the CRL that stands, which may be empty or no CRL. issuer must
   outlive it. Owns: clear_succession. */
int begin_succession(const struct certificate *issuer, struct buffer *standing,
		     struct succession *succession, struct fault *fault) MUST_CHECK;
void clear_succession(struct succession *succession);

void note_listed(struct succession *succession, const uint8_t serial[static SERIAL_MAX]);

/*
 * state: the new CRL's number and thisUpdate. A standing CRL that the issuer did not sign does not
 * count. Errors: FAULT_UNVERIFIED for a CRL that must not be published.
 */
int check_succession(struct succession *succession, struct store *store,
		     const struct crl_state *state, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
