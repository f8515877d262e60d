#ifndef CERTPOOL_TOOLS_OPERATOR_H
#define CERTPOOL_TOOLS_OPERATOR_H

#include "common/ca/revocation/publish_crl.h"
#include "common/layout/manifest.h"
#include "tools/ca_key.h"
#include "tools/command.h"

/*
 * What the CA's operator works on: the manifest, the CA's layout, its record. A server may work on
 * the same record meanwhile. The CA's key is loaded when something has to be signed, so that a verb
 * that only looks needs none.
 */
struct operator
{
	struct manifest *manifest;
	struct layout *layout;
	struct store *store;
	struct issuer *issuer; /* NULL until it is needed */
	int64_t now_s;         /* when the command began */
};

/* FAULT_USAGE when the CA has no layout here. Owns: clear_operator. */
int open_operator(const struct command *command, struct operator* ret_side,
		  struct fault *fault) MUST_CHECK;
void clear_operator(struct operator* side);

/* The record of a CA's layout. */
int open_ca_record(const struct layout *layout, struct store **ret_store,
		   struct fault *fault) MUST_CHECK;

/* publish_crl, which needs the key only when there is a CRL to be made. */
int publish_ca_crl(struct operator* side, const struct ca_key_settings *key,
		   enum crl_publishing mode, struct crl_info *ret_info,
		   struct fault *fault) MUST_CHECK;

#endif
