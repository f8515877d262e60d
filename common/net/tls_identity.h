#ifndef CERTPOOL_NET_TLS_IDENTITY_H
#define CERTPOOL_NET_TLS_IDENTITY_H

#include "common/base/bytes.h"

#include <gnutls/abstract.h>
#include <pthread.h>

/*
 * What a TLS server shows of itself: a chain of certificates, their private key, and an OCSP
 * response about the first one (stapled: RFC 6066 section 8, RFC 8446 section 4.4.2.1). It never
 * changes; a server takes another one from its slot for the handshakes that begin later. Counted
 * references: a connection holds the one that its handshake began with.
 */
struct tls_identity {
	unsigned int references; /* the slot's lock guards them */
	gnutls_pcert_st *chain;
	unsigned int chain_len;
	gnutls_privkey_t key;
	gnutls_ocsp_data_st staple; /* without octets: none */
	struct buffer ocsp;
};

/* Shape: the chain begins with the server's own certificate, and has no root. */
struct tls_material {
	struct bytes chain_pem;
	struct bytes key_pem; /* PKCS#8, unencrypted */
	struct bytes ocsp;    /* DER; empty: none is stapled */
	int64_t ocsp_until_s; /* from then on it is not stapled any more */
};

/* The identity of a server, from now on. Zero-initialised after init: none, and no handshake
   succeeds. Safe for several threads. */
struct tls_slot {
	pthread_mutex_t lock;
	struct tls_identity *current;
};

void init_tls_slot(struct tls_slot *slot);

/* No connection may hold an identity any more. */
void clear_tls_slot(struct tls_slot *slot);

/* Errors: FAULT_MALFORMED if the key or the chain cannot be read; the old identity stays. */
int set_tls_identity(struct tls_slot *slot, const struct tls_material *material,
		     struct fault *fault) MUST_CHECK;

/* NULL: there is none. Owns: release_tls_identity. */
struct tls_identity *hold_tls_identity(struct tls_slot *slot);
void release_tls_identity(struct tls_slot *slot, struct tls_identity **identity);

/*
 * Why a client should not take the server of its session, whose chain and name GnuTLS has verified:
 * its certificate is not for servers (id-kp-serverAuth, RFC 5280 section 4.2.1.12), as those of
 * pools' members are not, or has the host's name in its subject alone (RFC 9525 section 6.3). NULL:
 * neither. The text is static. `known` has the certificate in which no problem was found for the
 * host before, empty at first: it is not looked at again, as this is asked before each request.
 */
const char *find_server_problem(gnutls_session_t session, const char *host, struct buffer *known);

#endif
