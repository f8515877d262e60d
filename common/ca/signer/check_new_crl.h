#ifndef CERTPOOL_CA_SIGNER_CHECK_NEW_CRL_H
#define CERTPOOL_CA_SIGNER_CHECK_NEW_CRL_H

#include "common/ca/signer/check_body.h"
#include "common/ca/store/store.h"

/*
 * Whether the CA may give out a CRL that it has signed, after the CRL in the layout and the last
 * one that this process signed (`last`, empty: none): its number is greater than theirs, and it has
 * their entries, but those of certificates that have ended. Fills kind, number and end of the log's
 * line. -1 only when that cannot be said.
 */
int check_new_crl(const struct body_rules *rules, struct store *store, struct bytes last,
		  struct bytes der, struct signed_line *ret_line, struct verdict *verdict,
		  struct fault *fault) MUST_CHECK;

#endif
