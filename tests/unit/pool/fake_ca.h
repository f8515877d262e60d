#ifndef CERTPOOL_TESTS_UNIT_POOL_FAKE_CA_H
#define CERTPOOL_TESTS_UNIT_POOL_FAKE_CA_H

#include "tests/unit/pool/fixture.h"

#include "common/crypto/shared_key.h"
#include "common/net/server.h"
#include "common/wire/certificates.h"
#include "common/wire/envelope.h"
#include "common/wire/revocation.h"
#include "common/wire/status.h"
#include "common/wire/statuses.h"

#include <pthread.h>
#include <stdatomic.h>

/* A CA on loopback that certifies every request, without a store, and can be made to answer
   wrongly. */
struct fake_ca;

/* Changes a valid answer. */
typedef void spoil_certificates(struct fake_ca *ca, struct certificates_answer *answer);
typedef void spoil_status(struct fake_ca *ca, struct status_answer *answer);
typedef void spoil_revocations(struct fake_ca *ca, struct revocation_answer *answer);
typedef void spoil_statuses(struct fake_ca *ca, struct statuses_answer *answer);

/* Changes the claims of any answer to: another request's jti, another request's digest, from
   client3, to client3. */
typedef void spoil_claims(struct answer_claims *claims);
void change_in_reply_to(struct answer_claims *claims);
void change_digest(struct answer_claims *claims);
void change_iss(struct answer_claims *claims);
void change_aud(struct answer_claims *claims);

/* How the HTTP answer or its encryption is wrong. */
enum envelope_mischief {
	ENVELOPE_HONEST,
	ENVELOPE_OLD,       /* the octets of the first answer */
	ENVELOPE_REFLECTED, /* the question itself */
	ENVELOPE_WRONG_KEY,
	ENVELOPE_WRONG_TYPE,
	ENVELOPE_EMPTY,     /* nothing, as application/jose */
	ENVELOPE_HTML,      /* 200 with another content type */
	ENVELOPE_NOT_FOUND, /* 404 */
};

/* How a fake server encrypts its answers. */
struct fake_envelope {
	enum envelope_mischief mischief;
	struct key_ring ring;
	pthread_mutex_t lock; /* for first_answer */
	struct buffer first_answer;
};

/* An envelope with the shared keys of the layout. */
void open_fake_envelope(struct fake_envelope *envelope, const struct layout *layout);
void clear_fake_envelope(struct fake_envelope *envelope);

/* Encrypts the plaintext as the answer to the question, or does the mischief. */
int wrap_answer(struct fake_envelope *envelope, const struct message_kind *kind,
		const struct question *question, const struct http_request *request,
		struct bytes plaintext, struct http_response *response,
		struct fault *fault) MUST_CHECK;

struct fake_ca {
	const struct fixture *fixture;
	const struct issuer *issuer;            /* the fixture's, or one below it */
	spoil_certificates *spoil_certificates; /* may be NULL */
	spoil_status *spoil_status;             /* may be NULL */
	spoil_revocations *spoil_revocations;   /* may be NULL */
	spoil_statuses *spoil_statuses;         /* may be NULL; the first certificate asked about is
						   revoked before */
	spoil_claims *spoil_claims;             /* may be NULL */
	struct fake_envelope envelope;
	atomic_int busy; /* this many questions are answered 503 first */
	atomic_int questions;
	struct http_server *server;
	struct endpoint endpoint;
};

void start_fake_ca(struct fake_ca *ca, const struct fixture *fixture);
void stop_fake_ca(struct fake_ca *ca);

/* An endpoint on which no server listens. */
struct endpoint dead_endpoint(void);

#endif
