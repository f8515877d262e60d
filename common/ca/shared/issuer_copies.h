#ifndef CERTPOOL_CA_SHARED_ISSUER_COPIES_H
#define CERTPOOL_CA_SHARED_ISSUER_COPIES_H

#include "common/ca/store/issuers.h"
#include "common/crypto/shared_key.h"

/*
 * The later issuers of a CA whose record several front ends share: `rotate ca` at one of them puts
 * the certificate into the record, and the file of its key, as that is, under the key of the store
 * (store_key.h), but for a key in a token. The files cert/ca.N.crt and Private/ca.N.key are copies.
 */
struct transaction;

/* Records the issuer (record_issuer), in one transaction with the content of its key's file; empty:
   the key is in a token. Errors: FAULT_BUSY when another front end was faster. */
int record_shared_issuer(struct store *store, const struct layout *layout,
			 const struct new_issuer *issuer, struct bytes pem,
			 struct fault *fault) MUST_CHECK;

/*
 * Writes the files that the layout lacks, a key before its certificate; not the key of an issuer
 * that has ended. Does nothing for a record that is not shared. take_issuer_certificates: for a
 * process that has no access to Private/.
 */
int take_issuers(struct store *store, const struct layout *layout, struct fault *fault) MUST_CHECK;
int take_issuer_certificates(struct store *store, const struct layout *layout,
			     struct fault *fault) MUST_CHECK;

/* The content of an issuer's key file, out of the record. The process needs read access to Private/
   alone. Errors: FAULT_NOT_FOUND when the record has none. */
int read_issuer_key(struct store *store, const struct layout *layout, unsigned int number,
		    struct secret *ret_pem, struct fault *fault) MUST_CHECK;

/* Writes, or replaces, a file of cert/, in PEM. */
int write_certificate(const struct layout *layout, const char *name, struct bytes der,
		      struct fault *fault) MUST_CHECK;

/* How a key is sealed in the record (seal_under_key). */
enum { ISSUER_KEY_CONTEXT_SIZE = 48 };
void name_issuer_key(int64_t number, char ret_context[static ISSUER_KEY_CONTEXT_SIZE]);

#endif
