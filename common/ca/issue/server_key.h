#ifndef CERTPOOL_CA_ISSUE_SERVER_KEY_H
#define CERTPOOL_CA_ISSUE_SERVER_KEY_H

#include "common/ca/revocation/own_key.h"
#include "common/layout/ca_node.h"
#include "common/layout/layout.h"
#include "common/x509/issuer_set.h"

/*
 * The key of the CA's own TLS server, and its certificate by one of the CA's issuers, with the
 * names of list_server_names, which is in the store (client "ca", member "server") before its first
 * use. They are in Private/server/server.key and cert/server.crt, with the chain below the root,
 * for the next start; files that do not fit together count as none. For one thread at a time.
 */
#define SERVER_MEMBER "server"
#define SERVER_CERTIFICATE_FILE "server.crt"

/* Reads the certificate of the file. NULL: there is no file, as the CA has never served https. */
int read_server_certificate(const struct layout *layout, struct certificate **ret_certificate,
			    struct fault *fault) MUST_CHECK;

struct server_key {
	const struct layout *layout; /* with its server directory open */
	struct store *store;
	const struct ca_node *ca;
	const struct issuer_set *issuers;
	struct own_key own;
	const struct issuer *issuer; /* of its certificate */
	bool unsaved;                /* they are not in the files */
};

/* What the key needs is borrowed: it outlives the key. Nothing is read or made yet. */
void init_server_key(struct server_key *server, const struct layout *layout, struct store *store,
		     const struct ca_node *ca, const struct issuer_set *issuers);
void clear_server_key(struct server_key *server);

/*
 * Sees to it that there is a valid key: takes that of the files at first; makes another one when a
 * third of its validity is left, unless the newest issuer ends with it, when it was revoked or
 * removed, or does not have the manifest's names.
 * Errors: there may be a key all the same, which is valid if is_own_key_valid says so: the old one,
 * or a new one that cannot be written to the files. The next call tries again.
 */
int refresh_server_key(struct server_key *server, int64_t now_s, struct fault *fault) MUST_CHECK;

/* The chain as a client needs it: the certificate, its issuer's unless that is the root, and while
   the root is replaced the cross certificates. */
int format_server_chain(const struct server_key *server, struct buffer *ret_pem,
			struct fault *fault) MUST_CHECK;

#endif
