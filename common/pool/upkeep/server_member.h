#ifndef CERTPOOL_POOL_UPKEEP_SERVER_MEMBER_H
#define CERTPOOL_POOL_UPKEEP_SERVER_MEMBER_H

#include "common/layout/client_node.h"
#include "common/layout/layout.h"
#include "common/net/client/client.h"
#include "common/net/tls_identity.h"
#include "common/pool/revocation/ask_status.h"

/*
 * The certificate of a client that receives at an https endpoint: one more member, "server", which
 * the CA certifies for TLS servers and for the endpoint's host. The CA's policy for the client has
 * to allow that usage and that alternative name. Its subject is the pool's template, with the
 * number after the pool's size.
 *
 * The key is in Private/server/server.key, the certificate with all intermediates that the client
 * knows in cert/server.crt; files that do not fit together count as none.
 */
struct server_member {
	const struct layout *layout; /* with its server directory open */
	const struct client_node *client;
	struct tls_slot *slot; /* the receiver's */
	struct http_client *http;
	struct status_client *status;
	struct private_key *key; /* NULL: none yet */
	struct certificate *certificate;
	bool saved;          /* they are in the files */
	int64_t status_at_s; /* when the CA last said that the certificate is good */
	struct buffer shown; /* the chain that the slot has; empty: none yet */
};

/* What the member needs is borrowed: it outlives the member. Shape: zero-initialised before. Owns:
   clear_server_member. */
int init_server_member(struct server_member *server, const struct layout *layout,
		       const struct client_node *client, const struct endpoint *ca,
		       struct tls_slot *slot, struct fault *fault) MUST_CHECK;
void clear_server_member(struct server_member *server);

/* Ends a question to the CA that is in progress, from any thread, and every later one. */
void cancel_server_member(struct server_member *server);

/*
 * Takes the files, if their certificate is valid and has the host's name. *ret_done false: they do
 * not do, or the CA says, within two seconds, that the certificate was revoked or is not in its
 * record: refresh_server_member has to follow. `shown` is empty if there is no certificate to show.
 */
int show_server_member(struct server_member *server, int64_t now_s, bool *ret_done,
		       struct fault *fault) MUST_CHECK;

/*
 * Sees to it that the slot has a valid certificate: asks the CA for another one when a third of its
 * life is left, or when the CA says, asked once an hour, that it was revoked or is not in its
 * record; and takes over what the client learns of new roots and issuers. *ret_renewed: there is
 * another one. One thread at a time.
 * Errors: FAULT_REFUSED when the CA refuses it, with what its policy has to have; those of
 * ask_encrypted. The slot keeps what it has. If the files cannot be written, the slot has the new
 * certificate, and the next call tries to write again.
 */
int refresh_server_member(struct server_member *server, int64_t now_s, bool *ret_renewed,
			  struct fault *fault) MUST_CHECK;

#endif
