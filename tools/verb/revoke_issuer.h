#ifndef CERTPOOL_TOOLS_VERB_REVOKE_ISSUER_H
#define CERTPOOL_TOOLS_VERB_REVOKE_ISSUER_H

#include "tools/operator.h"

/*
 * Whether an operand of revoke is the file of a certificate that the CA's root, which lies apart,
 * has issued, or the next root: a CA's certificate. It is not verified yet.
 * Errors: FAULT_USAGE when it is not the only operand.
 */
int find_issuer_operand(const struct command *command, const struct ca_operator *ca,
			struct certificate **ret_certificate, struct fault *fault) MUST_CHECK;

/*
 * Has the root revoke a CA's certificate: puts it on the root's CRL, here and in the root's layout,
 * and notes it in the audit log. For good: without yes it prints what would be revoked, and changes
 * nothing.
 * Errors: FAULT_REFUSED unless the root has signed the certificate; FAULT_USAGE without yes, unless
 * that is a dry run, or the certificate is revoked already.
 */
struct issuer_revocation {
	const struct ca_key_settings *key;
	int reason;
	bool dry_run;
	bool yes;
};

int revoke_issuer(const struct command *command, const struct ca_operator *ca,
		  const struct certificate *certificate, const struct issuer_revocation *how,
		  struct fault *fault) MUST_CHECK;

#endif
