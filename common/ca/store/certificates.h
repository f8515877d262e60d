#ifndef CERTPOOL_CA_STORE_CERTIFICATES_H
#define CERTPOOL_CA_STORE_CERTIFICATES_H

#include "common/base/name.h"
#include "common/ca/store/store.h"
#include "common/crypto/digest.h"
#include "common/x509/certificate.h"

/* The certificates in the CA's record. */
struct issued_certificate {
	uint8_t serial[SERIAL_MAX];
	unsigned int issuer;            /* its number (issuers.h) */
	uint8_t key_sha256[SHA256_LEN]; /* of the SubjectPublicKeyInfo */
	char client[NAME_SIZE];
	char member[NAME_SIZE];
	char *subject; /* RFC 4514 */
	int64_t issued_at_s;
	int64_t not_before_s;
	int64_t not_after_s;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* when revoked: CRLReason, RFC 5280 section 5.3.1 */
	bool revoked;
	struct buffer der;
};

void clear_issued_certificate(struct issued_certificate *certificate);

/* Fills the record of a certificate that is not revoked. Errors: FAULT_REFUSED for a serial that is
   not of SERIAL_MAX octets. Owns: clear_issued_certificate. */
int describe_certificate(const struct certificate *certificate, unsigned int issuer,
			 const char *client, const char *member, int64_t issued_at_s,
			 struct issued_certificate *ret_record, struct fault *fault) MUST_CHECK;

/* *ret_found false and *ret_certificate empty when the record has none. */
int find_by_key(struct store *store, const uint8_t key_sha256[static SHA256_LEN],
		struct issued_certificate *ret_certificate, bool *ret_found,
		struct fault *fault) MUST_CHECK;
int find_by_serial(struct store *store, const uint8_t serial[static SERIAL_MAX],
		   struct issued_certificate *ret_certificate, bool *ret_found,
		   struct fault *fault) MUST_CHECK;

/* Which of the keys have a certificate, in one question. Shape: ret_found has room for count. */
int find_recorded_keys(struct store *store, const uint8_t (*keys)[SHA256_LEN], size_t count,
		       bool *ret_found, struct fault *fault) MUST_CHECK;

/* The status of one certificate, and of the record at the same moment. */
struct certificate_status {
	int64_t revision; /* grows with each transaction that revokes or prunes: an answer from an
			     older one is stale */
	bool found;       /* also when only its revocation is (unrecorded.h) */
	bool revoked;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* when revoked: CRLReason */
};

/* Of the issuer's certificate of that serial; ANY_ISSUER: of whichever has it. The CA's serials
   have SERIAL_MAX octets: a serial of any other length is not found. */
int read_certificate_status(struct store *store, unsigned int issuer, struct bytes serial,
			    struct certificate_status *ret_status, struct fault *fault) MUST_CHECK;

/*
 * The same for certificates of one client, at one moment and without the revision. A serial of
 * another client's certificate is not found. Shape: ret_statuses has room for count.
 */
int read_own_statuses(struct store *store, const char *client, const uint8_t (*serials)[SERIAL_MAX],
		      size_t count, struct certificate_status *ret_statuses,
		      struct fault *fault) MUST_CHECK;

/* The outcome for one certificate of insert_certificates. */
enum insert_result {
	INSERTED,
	KEY_EXISTS, /* the public key is recorded already, for this client or another */
	KEY_SPENT,  /* the public key was recorded, and its certificate has been pruned since */
	OVER_QUOTA,
	CLIENT_BARRED, /* the client was disabled or revoked */
};

struct event;
struct transaction;

/* Writes what has to become durable together with a certificate that is being recorded. */
typedef int beside_function(void *context, struct transaction *transaction,
			    const struct issued_certificate *record, struct fault *fault);

struct insertion {
	const struct issued_certificate *records; /* all of one client */
	size_t count;
	size_t quota;  /* how many certificates the client may have that are neither expired nor
			  revoked */
	int64_t now_s; /* for that */
	beside_function *beside; /* called for each that is recorded; NULL: none */
	void *beside_context;
	int64_t shuffle_ms; /* 0: the records stay in their order, and at once */
};

/* So many callers are enough to shuffle; one of them waits no longer for others. */
enum { SHUFFLED_CALLERS = 16 };

/*
 * Records new certificates of one client in one transaction, with its event and what `beside`
 * writes, durable on return. Callers that wait for each other share a transaction, whichever their
 * clients are; a refusal of `beside` is that caller's alone, which runs twice then.
 * With shuffle_ms a caller waits so long for others, and the records of all of them are recorded in
 * one order that is drawn, each with an event of its own; those of a lone caller too.
 * In order: a certificate whose public key is recorded already changes nothing; one that would
 * exceed the client's quota is not recorded; none is recorded for a client that is barred at that
 * moment. On failure nothing is recorded, and ret_results is meaningless.
 * Shape: ret_results has room for count.
 */
int insert_certificates(struct store *store, const struct insertion *insertion,
			enum insert_result *ret_results, struct fault *fault) MUST_CHECK;

enum certificate_state {
	STATE_ANY,
	STATE_LIVE, /* neither expired nor revoked: valid now or later */
	STATE_VALID,
	STATE_NOT_YET, /* its time begins later, and it is not revoked */
	STATE_EXPIRED, /* whether revoked or not */
	STATE_REVOKED, /* whether expired or not */
};

/* "revoked", even if it has expired since; else "expired", "not-yet-valid" or "valid". */
const char *name_certificate_state(const struct issued_certificate *certificate, int64_t now_s);

/* Conditions, which must all hold. Zero-initialised, every certificate meets them. */
struct certificate_query {
	const char *client;
	const char *member;
	const char *subject; /* a pattern (subject_pattern.h) for the RFC 4514 text */
	enum certificate_state state;
	int64_t now_s;            /* for the state */
	int64_t issued_before_s;  /* 0: not given */
	int64_t expires_before_s; /* 0: not given */
};

/*
 * Called for one certificate, which is borrowed. `position` grows in the order of issue. A result
 * other than 0 ends the listing: 1 as a success, -1 as a failure.
 */
typedef int certificate_function(void *context, const struct issued_certificate *certificate,
				 int64_t position, struct fault *fault);

struct listing {
	struct certificate_query query;
	int64_t after;    /* a position, to continue after it; 0: from the first certificate */
	size_t limit;     /* 0: none */
	bool without_der; /* der stays empty: faster */
};

/*
 * Lists certificates in the order of issue, as of one moment. ret_more, which may be NULL, says
 * whether there are more than the limit. A client, a member or an expiry is looked up in an index;
 * a subject or a time of issue alone takes a look at every certificate.
 */
int list_certificates(struct store *store, const struct listing *listing,
		      certificate_function *function, void *context, bool *ret_more,
		      struct fault *fault) MUST_CHECK;

int count_certificates(struct store *store, const struct certificate_query *query,
		       size_t *ret_count, struct fault *fault) MUST_CHECK;

/* Figures for `status`. A certificate that is revoked and expired counts as revoked. */
struct store_summary {
	size_t certificates;
	size_t valid; /* now or later, as they count for the quota */
	size_t expired;
	size_t revoked;
	int64_t first_expiry_s; /* of the clients' valid ones; 0 when there is none */
};

int summarize_store(struct store *store, int64_t now_s, struct store_summary *ret_summary,
		    struct fault *fault) MUST_CHECK;

#endif
