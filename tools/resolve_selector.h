#ifndef CERTPOOL_TOOLS_RESOLVE_SELECTOR_H
#define CERTPOOL_TOOLS_RESOLVE_SELECTOR_H

#include "common/ca/store/listing.h"
#include "tools/certificate_selector.h"

/* Targets, in the CA's record. */

/* Rules for the operator. The store must outlive them. */
struct selector_rules operator_rules(struct store *store);

enum selector_choice {
	CHOOSE_ONE,  /* of a member: the live certificate, else the only one */
	CHOOSE_LIVE, /* of a member: the live certificate, else those that are revoked already */
	CHOOSE_ALL,  /* the same, and all the live ones when there are several */
};

/*
 * Appends the serials, each SERIAL_MAX octets, of the certificates that a target of any kind but
 * SELECTOR_CLIENT names. A file must hold exactly a certificate that is recorded: FAULT_NOT_FOUND
 * for one that was never issued, FAULT_REFUSED for another with the serial of one that was. A
 * member with several live certificates is ambiguous: FAULT_USAGE, with the serials.
 */
int resolve_selector(struct store *store, const struct certificate_selector *target,
		     enum selector_choice choice, int64_t now_s, struct buffer *serials,
		     struct fault *fault) MUST_CHECK;

#endif
