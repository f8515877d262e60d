#ifndef CERTPOOL_WIRE_ACME_REQUEST_H
#define CERTPOOL_WIRE_ACME_REQUEST_H

#include "common/crypto/jose/flattened_jws.h"
#include "common/x509/alt_name.h"
#include "common/x509/csr.h"

/*
 * The payloads of ACME requests (RFC 8555), inside a JWS whose signature has been verified. Members
 * that are not named here are ignored, as section 7.3 has it. All errors are FAULT_MALFORMED,
 * unless the function names another.
 */

/* The labels under which keys are derived (derive_key) from the one that the CA shares with a
   client: of external account bindings (section 7.3.4), and of the tokens in the URLs of orders. */
#define ACME_BINDING_LABEL "certpool ACME external account binding"
#define ACME_ORDER_LABEL "certpool ACME order"

enum {
	ACME_CONTACTS_MAX = 8,
	ACME_CONTACT_MAX = 256,
	ACME_NAMES_MAX = 100, /* identifiers of an order */
	ACME_PROFILE_SIZE = 65,
	ACME_CERTIFICATE_ID_SIZE = 128,
};

/* Of newAccount (section 7.3) and of an account (sections 7.3.2 and 7.3.6). */
struct account_request {
	bool has_contact;
	char *contact; /* URLs, one a line; NULL without has_contact */
	bool only_existing;
	bool deactivate;
	bool bound;
	struct flattened_jws binding; /* externalAccountBinding (section 7.3.4), if bound */
};

/* Errors: FAULT_REFUSED for a contact that is no plain mailto: URL (section 7.3); and those of
   parse_flattened_jws for the binding. */
int parse_account_request(struct bytes payload, struct account_request *ret_request,
			  struct fault *fault) MUST_CHECK;
void clear_account_request(struct account_request *request);

/*
 * Of newOrder (section 7.4; RFC 8738 for addresses). Names are "DNS:…" in lower case and "IP:…",
 * each once, in the order of the request.
 */
struct order_request {
	struct alt_names names;                  /* 1 … ACME_NAMES_MAX */
	char profile[ACME_PROFILE_SIZE];         /* "": none */
	char replaces[ACME_CERTIFICATE_ID_SIZE]; /* RFC 9773 section 5; "": none */
};

/* Errors: FAULT_REFUSED for an identifier of another type. */
int parse_order_request(struct bytes payload, struct order_request *ret_request,
			struct fault *fault) MUST_CHECK;
void clear_order_request(struct order_request *request);

/* Of finalize: the DER of a certificate request, which is not parsed. Owns: clear_buffer. */
int parse_finalize_request(struct bytes payload, struct buffer *ret_der,
			   struct fault *fault) MUST_CHECK;

/* Of revokeCert (section 7.6). */
struct acme_revocation {
	struct buffer der; /* of the certificate, which is not parsed */
	int reason;        /* CRLReason; REASON_UNSPECIFIED when it is not given */
};

/* Errors: FAULT_REFUSED for a reason for which nothing is revoked. Owns: clear_buffer. */
int parse_acme_revocation(struct bytes payload, struct acme_revocation *ret_revocation,
			  struct fault *fault) MUST_CHECK;

/* The inner payload of a keyChange (section 7.3.5). */
struct key_change {
	char *account; /* URL */
	struct public_key *old_key;
};

/* Errors: also those of parse_public_jwk. */
int parse_key_change(struct bytes payload, struct key_change *ret_change,
		     struct fault *fault) MUST_CHECK;
void clear_key_change(struct key_change *change);

/* The key in the payload of a binding (section 7.3.4). Errors: also those of parse_public_jwk. */
int parse_bound_key(struct bytes payload, struct public_key **ret_key,
		    struct fault *fault) MUST_CHECK;

/* Adds "DNS:…" in lower case to the names, unless they have it. Errors: those of add_alt_name. */
int add_acme_name(struct alt_names *names, const char *name, struct fault *fault) MUST_CHECK;

#endif
