#ifndef CERTPOOL_CA_SIGNER_CHECK_BODY_H
#define CERTPOOL_CA_SIGNER_CHECK_BODY_H

#include "common/ca/signer/signed_log.h"
#include "common/ca/store/clients.h"
#include "common/x509/signing_order.h"

/* The rules for one order: signer.h says what they are. */
struct body_rules {
	enum signing_kind kind;
	const struct issuer *issuer;
	const struct issuer *newest;
	const struct ca_node *ca;
	const struct layout *layout;
	const struct client *client; /* for SIGN_MEMBERS */
	int64_t now_s;
};

/*
 * Whether the CA may give out an object that it has signed. Fills kind, number and end of the log's
 * line. -1 only when that cannot be said.
 */
int check_body(const struct body_rules *rules, struct bytes der, struct signed_line *ret_line,
	       struct verdict *verdict, struct fault *fault) MUST_CHECK;

#endif
