#ifndef CERTPOOL_CA_SIGNER_POLICY_H
#define CERTPOOL_CA_SIGNER_POLICY_H

#include "common/ca/store/clients.h"
#include "common/layout/ca_node.h"
#include "common/wire/claims.h"
#include "common/x509/alt_name.h"
#include "common/x509/purpose.h"

/* What a request asks for, or what a certificate has. */
struct named_key {
	enum key_type type;
	const char *subject; /* RFC 4514 */
	const struct alt_names *alt_names;
	const struct asked_usages *usages;
};

/* Whether the client's policy allows a certificate's subject, RFC 4514. */
bool matches_policy_subject(const struct client *client, const char *subject);

/* The usages that a request gets: those that it names, else all of the client's policy; and
   USE_KEY_ENCIPHERMENT only where it asks for it. Where the policy has others beside it, USE_SIGN
   alone is named (USE_NAMED_SIGN): else the certificate would do for what the policy does not have.
 */
unsigned int choose_usages(const struct client *client, unsigned int asked);

/* Refuses, in *refusal, any alternative name that the client's policy does not allow. */
void check_policy_names(const struct client *client, const struct alt_names *names,
			struct refusal *refusal);

/*
 * Refuses, in *refusal, a key type, a subject, any alternative name and any usage that the client's
 * policy does not allow, and USE_KEY_ENCIPHERMENT but for an RSA server. An empty subject beside
 * alternative names says nothing, and is allowed. The number of certificates is checked by
 * insert_certificates.
 */
void check_policy(const struct client *client, const struct named_key *asked,
		  struct refusal *refusal);

/*
 * Refuses, in *refusal, a validity for which a client asks: but for a window of the CA that ends
 * when its clock shows from_s or later, and begins no more windows after the one of to_s than the
 * CA has ahead; and that is no longer than a certificate of the client may be.
 */
void check_asked_window(const struct ca_node *ca, const struct client *client,
			const struct window *asked, int64_t from_s, int64_t to_s,
			struct refusal *refusal);

/* The longest validity of a client's certificates. */
int64_t longest_validity(const struct ca_node *ca, const struct client *client);

/* How far the clocks of who orders and of the signer, or of a client and of the CA, may be apart,
   and how long an order may wait. */
enum { ORDER_SKEW_S = 600 };

/* The alternative names of the CA's own TLS server: the hosts of the manifest's endpoint, unless
   that is a wildcard, and of its names. ret_names must be empty. */
int list_server_names(const struct ca_node *ca, struct alt_names *ret_names,
		      struct fault *fault) MUST_CHECK;

/* The subject of that server's certificate, which has these alternative names: the first of them,
   or else CN=certpool, as common names are short (RFC 5280 appendix A.1). */
enum { SERVER_SUBJECT_SIZE = 72 };
void name_server(const struct alt_names *names, char ret_subject[static SERVER_SUBJECT_SIZE]);

/* The longest validity of that server's certificate. */
enum { SERVER_VALIDITY_S = 90 * 86400 };

#endif
