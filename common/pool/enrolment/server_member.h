#ifndef CERTPOOL_POOL_ENROLMENT_SERVER_MEMBER_H
#define CERTPOOL_POOL_ENROLMENT_SERVER_MEMBER_H

#include "common/layout/client_node.h"
#include "common/layout/layout.h"
#include "common/net/tls_identity.h"

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
	struct endpoint ca;
	struct tls_slot *slot; /* the receiver's */
	struct buffer shown;   /* the chain that the slot has; empty: none yet */
};

void clear_server_member(struct server_member *server);

/*
 * Sees to it that the slot has a valid certificate: at first takes the files, asks the CA for
 * another one when a third of its life is left, and takes over what the client learns of new roots
 * and issuers. *ret_renewed: the CA was asked. One thread at a time.
 * Errors: FAULT_REFUSED when the CA refuses it, with what its policy has to have; those of
 * ask_encrypted. The slot keeps what it has.
 */
int refresh_server_member(struct server_member *server, int64_t now_s, bool *ret_renewed,
			  struct fault *fault) MUST_CHECK;

#endif
