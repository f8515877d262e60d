#ifndef CERTPOOL_TOOLS_OPERATOR_H
#define CERTPOOL_TOOLS_OPERATOR_H

#include "common/ca/issue/publish_root_crl.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/store/absorb_crl.h"
#include "common/layout/manifest.h"
#include "tools/ca_key.h"
#include "tools/command.h"
#include "tools/stop.h"

/*
 * What a verb of the CA's operator works on: the manifest, the CA's layout, its record. A server
 * may work on the same record at the same time. The CA's key is loaded when something has to be
 * signed, so that a verb that only reads needs no passphrase.
 */
struct ca_operator {
	struct manifest *manifest;
	struct layout *layout;
	struct store *store;
	struct issuer_set issuers; /* empty until something is to be signed */
	struct signer *signer;     /* NULL until then: it signs for them */
	int64_t now_s;             /* when the command began */
};

/* Owns: clear_operator. Errors: FAULT_USAGE when the manifest names no layout of the CA. */
int open_operator(const struct command *command, struct ca_operator *ret_operator,
		  struct fault *fault) MUST_CHECK;
void clear_operator(struct ca_operator *ca);

/* Opens the record of a CA's layout, and brings the layout's issuers up to date (take_issuers).
   Owns: free_store. */
int open_ca_record(const struct layout *layout, const struct ca_node *ca, struct store **ret_store,
		   struct fault *fault) MUST_CHECK;

/*
 * Waits until a record in a database can be opened, when that cannot be reached, and says
 * so. Errors: those of open_store but FAULT_UNREACHABLE; FAULT_UNREACHABLE when a signal to stop
 * comes first.
 */
int await_ca_record(const struct command *command, const struct layout *layout,
		    const struct ca_node *ca, const struct stop *stop,
		    struct fault *fault) MUST_CHECK;

/* The CRLs of a CA's issuers, issuer 1's first. */
struct ca_crls {
	struct crl_info infos[ISSUERS_MAX];
	unsigned int count;
};

/* publish_crl for every issuer, but the keys are loaded only when a CRL has to be made. */
int publish_ca_crls(struct ca_operator *ca, const struct ca_key_settings *key,
		    enum crl_publishing mode, struct ca_crls *ret_crls,
		    struct fault *fault) MUST_CHECK;

/*
 * Makes the CRLs that a change which stands made due. A failure is only a complaint, "DONE could
 * not be made: REASON", and the remedy.
 */
void publish_after(const struct command *command, struct ca_operator *ca,
		   const struct ca_key_settings *key, const char *done, const char *remedy);

/* The lowest number of those whose issuer has not ended: every CRL from it on has all that was
   revoked when they were made. 0: there is none. */
uint64_t lowest_crl_number(const struct ca_crls *crls);

/* The issuers of the CA's layout, without their keys. */
int read_issuers(const struct ca_operator *ca, struct issuer_set *ret_issuers,
		 struct fault *fault) MUST_CHECK;

/* The issuers of the CA's CRLs and the roots above them. Borrows from *issuers, as read_issuers
   fills it, and from *ret_roots. Owns: clear_ca_roots. */
int find_crl_issuers(const struct ca_operator *ca, const struct issuer_set *issuers,
		     struct ca_roots *ret_roots, struct crl_issuers *ret_found,
		     struct fault *fault) MUST_CHECK;

/*
 * publish_root_crl for a CA whose root lies apart: the root's layout has to be at hand.
 * Errors: FAULT_USAGE for a CA that issues under its root; those of open_root_home.
 */
int publish_ca_root_crl(const struct ca_operator *ca, const struct ca_key_settings *key,
			const struct crl_entry *revoked, enum crl_publishing mode,
			struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

#endif
