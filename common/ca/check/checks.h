#ifndef CERTPOOL_CA_CHECK_CHECKS_H
#define CERTPOOL_CA_CHECK_CHECKS_H

#include "common/ca/check/findings.h"

/* The checks that check_ca consists of. Damage is a finding; they fail only when the check itself
   is impossible. */

/* Root, issuing certificate and key. Fills the context's issuers for the other checks. */
int check_ca_identity(struct check_context *context, struct fault *fault) MUST_CHECK;

/* Owner and permissions of the layout's directories and files. */
int check_files(struct check_context *context, struct fault *fault) MUST_CHECK;

struct transaction;

/* Every certificate of the record. */
int check_certificates(struct transaction *transaction, struct check_context *context,
		       struct fault *fault) MUST_CHECK;

/* The certificates that the audit log names, against the record. */
int check_log(struct transaction *transaction, struct check_context *context,
	      struct fault *fault) MUST_CHECK;

/* The log of signatures (state/signed.log), against the record. */
int check_signed_log(struct transaction *transaction, struct check_context *context,
		     struct fault *fault) MUST_CHECK;

/* The CRLs in the layout, against the record. */
int check_current_crls(struct check_context *context, struct fault *fault) MUST_CHECK;

#endif
