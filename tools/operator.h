#ifndef CERTPOOL_TOOLS_OPERATOR_H
#define CERTPOOL_TOOLS_OPERATOR_H

#include "common/ca/issue/publish_root_crl.h"
#include "common/layout/manifest.h"
#include "tools/ca_key.h"
#include "tools/command.h"

/*
 * What a verb of the CA's operator works on: the manifest, the CA's layout, its record. A server
 * may work on the same record at the same time. The CA's key is loaded when something has to be
 * signed, so that a verb that only reads needs no passphrase.
 */
struct ca_operator {
	struct manifest *manifest;
	struct layout *layout;
	struct store *store;
	struct issuer *issuer; /* NULL until something is to be signed */
	struct signer *signer; /* likewise: it signs for the issuer */
	int64_t now_s;         /* when the command began */
};

/* Owns: clear_operator. Errors: FAULT_USAGE when the manifest names no layout of the CA. */
int open_operator(const struct command *command, struct ca_operator *ret_operator,
		  struct fault *fault) MUST_CHECK;
void clear_operator(struct ca_operator *ca);

/* Opens the record in a CA's layout. Owns: free_store. */
int open_ca_record(const struct layout *layout, struct store **ret_store,
		   struct fault *fault) MUST_CHECK;

/* publish_crl, but the key is loaded only when a CRL has to be made. */
int publish_ca_crl(struct ca_operator *ca, const struct ca_key_settings *key,
		   enum crl_publishing mode, struct crl_info *ret_info,
		   struct fault *fault) MUST_CHECK;

/*
 * publish_root_crl for a CA whose root lies apart: the root's layout has to be at hand.
 * Errors: FAULT_USAGE for a CA that issues under its root; those of open_root_home.
 */
int publish_ca_root_crl(const struct ca_operator *ca, const struct ca_key_settings *key,
			const struct crl_entry *revoked, enum crl_publishing mode,
			struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

#endif
