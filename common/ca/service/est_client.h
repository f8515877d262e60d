#ifndef CERTPOOL_CA_SERVICE_EST_CLIENT_H
#define CERTPOOL_CA_SERVICE_EST_CLIENT_H

#include "common/ca/issue/authority.h"
#include "common/net/server.h"
#include "common/wire/shared_keys.h"

/*
 * Who asks by EST (RFC 7030 section 3.3): a client by HTTP Basic (RFC 7617), with its name and a
 * password that is derived from the key that it shares with the CA; or a member, by the certificate
 * with which it takes part in the TLS handshake. The octets of a password are as many as those of a
 * key, so that it cannot be guessed.
 */

enum { EST_PASSWORD_SIZE = 44 }; /* 43 characters of base64url, and a NUL */

/* The password that goes with a shared key. */
struct shared_key;
void derive_est_password(const struct shared_key *key, char ret_password[static EST_PASSWORD_SIZE]);

/* Why a client is not believed. */
enum est_denial {
	EST_ADMITTED,
	EST_UNAUTHENTICATED, /* 401: neither password nor certificate, or a wrong one */
	EST_FORBIDDEN,       /* 403: a certificate that is revoked, or another client's */
};

struct est_client {
	char name[NAME_SIZE];
	char kid[KEY_ID_SIZE];           /* of the shared key; "": it came with a certificate */
	struct certificate *certificate; /* of the member; NULL: it came with a password */
	enum est_denial denial;
	struct refusal refusal; /* why it is denied, for the client */
};

void clear_est_client(struct est_client *client);

/*
 * Finds out who asks. With a certificate and a password, both have to be the same client's.
 * Errors: -1 only when the CA itself failed.
 */
int find_est_client(struct authority *authority, struct shared_keys *keys,
		    const struct http_request *request, int64_t now_s,
		    struct est_client *ret_client, struct fault *fault) MUST_CHECK;

/*
 * Refuses a request of a member for its renewal whose subject or alternative names are not those of
 * its certificate (RFC 7030 section 4.2.2), or whose public key is: the CA would answer with the
 * certificate that the member has, which ends no later. A pseudonymous subject is the CA's own.
 */
struct csr;
void check_renewal(const struct certificate *certificate, const struct csr *csr, bool pseudonymous,
		   struct refusal *refusal);

/*
 * Refuses to answer a request with the certificate that its public key has from earlier on, when
 * that has other names than the request, or lacks a usage of the request or of `usages`. Likewise.
 */
void check_granted(const struct certificate *certificate, const struct csr *csr,
		   unsigned int usages, bool pseudonymous, struct refusal *refusal);

#endif
