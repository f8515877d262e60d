#ifndef CERTPOOL_CA_STORE_STORE_H
#define CERTPOOL_CA_STORE_STORE_H

#include "common/base/bytes.h"
#include "common/base/name.h"
#include "common/crypto/digest.h"
#include "common/layout/layout.h"
#include "common/x509/certificate.h"

/*
 * The CA's record of what it issued: SQLite, one file, write-ahead log, synchronous=FULL. What
 * holds: a serial is there once; a public key is there once; what a function said it stored is
 * durable. Safe for several threads, and for several processes on one file; reading does not wait
 * for writing. After a failure of the disk, or damage, everything fails until the store is opened
 * again.
 *
 * Not done: a look at every page when it is opened, which would take as long as there are
 * certificates; damage is found where it is met.
 */
struct store;

/* The record's file in a layout's state/, and its path. */
#define STORE_FILE "ca.db"
int locate_store(const struct layout *layout, char **ret_path, struct fault *fault) MUST_CHECK;

/* One certificate as recorded. */
struct issued_certificate {
	uint8_t serial[SERIAL_MAX];
	uint8_t key_sha256[SHA256_LEN]; /* of the SubjectPublicKeyInfo */
	char client[NAME_SIZE];
	char member[NAME_SIZE];
	char *subject; /* RFC 4514 */
	int64_t issued_at_s;
	int64_t not_before_s;
	int64_t not_after_s;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* RFC 5280 section 5.3.1 CRLReason, when revoked */
	bool revoked;
	struct buffer der;
};

void clear_issued_certificate(struct issued_certificate *record);

/* Makes an empty record file. An existing one is left as it is. */
int create_store(const char *path, struct fault *fault) MUST_CHECK;

/* Opens, and upgrades what an older certpool made. FAULT_NOT_FOUND; FAULT_FAILED for what is not
   such a file, of a newer version, corrupt or not writable, with the path and what to do. */
int open_store(const char *path, struct store **ret_store, struct fault *fault) MUST_CHECK;
void free_store(struct store **store);

/* The record's file. */
const char *store_path(const struct store *store);

/* Whether something could be recorded now, as far as can be told without writing. */
int check_store(struct store *store, struct fault *fault) MUST_CHECK;

/* *ret_found false and *ret_record empty when there is none. */
int find_by_key(struct store *store, const uint8_t key_sha256[static SHA256_LEN],
		struct issued_certificate *ret_record, bool *ret_found,
		struct fault *fault) MUST_CHECK;
int find_by_serial(struct store *store, const uint8_t serial[static SERIAL_MAX],
		   struct issued_certificate *ret_record, bool *ret_found,
		   struct fault *fault) MUST_CHECK;

/* What became of one record of insert_certificates. */
enum insert_result {
	INSERTED,
	KEY_EXISTS, /* the public key is recorded already, by whomever */
	KEY_SPENT,  /* it was, and its certificate has been pruned since */
	OVER_QUOTA,
	CLIENT_BARRED, /* the client was disabled or revoked */
};

struct event;

struct insertion {
	const struct issued_certificate *records; /* all of one client */
	size_t count;
	size_t quota;  /* how many live certificates it may have: neither expired nor revoked */
	int64_t now_s; /* for that */
	const struct event *refusals; /* of the same request, for the audit log */
	size_t refusal_count;
};

/*
 * Records several new certificates of one client in one transaction, with their events, durable on
 * return. In order: a record whose public key is there already changes nothing; one that would give
 * the client more live certificates than its quota is not stored; none is of a client that is
 * barred at that moment. On failure nothing is stored, and what is in ret_results says nothing.
 * Shape: ret_results has room for count.
 */
int insert_certificates(struct store *store, const struct insertion *insertion,
			enum insert_result *ret_results, struct fault *fault) MUST_CHECK;

/* Figures for `status`. */
struct store_summary {
	size_t certificates;
	size_t valid;
	size_t expired;
	size_t revoked;
	int64_t first_expiry_s; /* of the clients' valid ones; 0 when there is none */
};

int summarize_store(struct store *store, int64_t now_s, struct store_summary *ret_summary,
		    struct fault *fault) MUST_CHECK;

#endif
