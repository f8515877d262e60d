#ifndef CERTPOOL_POOL_MEMBERS_KNOWN_REVOCATIONS_H
#define CERTPOOL_POOL_MEMBERS_KNOWN_REVOCATIONS_H

#include "common/layout/layout.h"
#include "common/x509/serial.h"

/*
 * What a client knows to be revoked of its own certificates: state/revoked, a line for each, by
 * rising serial, of
 *
 *     SERIAL END REVOKED REASON
 *
 * the serial in 40 hexadecimal digits, the certificate's notAfter and the revocation in seconds
 * since 1970, the reason's number (RFC 5280 section 5.3.1). A revocation is for good: a line stays
 * until its certificate has ended. The file is a copy of what the CA knows, and can be learned
 * again; without it nothing is known to be revoked.
 */
struct known_revocation {
	uint8_t serial[SERIAL_MAX];
	int64_t end_s;
	int64_t revoked_at_s;
	int reason;
};

/* Zero-initialised is empty; by rising serial. */
struct known_revocations {
	struct known_revocation *items;
	size_t count;
};

#define REVOKED_FILE "revoked"

/*
 * Reads state/revoked; without that file there are none. client is for the text.
 * Errors: FAULT_MALFORMED for a file that is not of this form, with the verb that makes it anew.
 */
int read_known_revocations(const struct layout *layout, const char *client,
			   struct known_revocations *ret_revocations,
			   struct fault *fault) MUST_CHECK;
void clear_known_revocations(struct known_revocations *revocations);

/* The form of the file. */
int parse_known_revocations(struct bytes text, struct known_revocations *ret_revocations,
			    struct fault *fault) MUST_CHECK;

/* NULL: not known to be revoked. */
const struct known_revocation *find_known_revocation(const struct known_revocations *revocations,
						     struct bytes serial);

/* What becomes of a file that cannot be read. */
enum known_mode {
	KNOWN_ADD,   /* it is a fault: other revocations would be forgotten */
	KNOWN_LEARN, /* it is replaced: all that the pool has was asked about, if the CA can answer
			that; of one that cannot, nothing is known, as without the file */
};

/*
 * Adds to what is known, durably, and leaves out what has ended. Several processes may do so at a
 * time. Writes nothing if nothing changes. A revocation before 1970 counts as one in 1970. news may
 * have any order, and a serial more than once.
 */
int add_known_revocations(const struct layout *layout, const char *client, enum known_mode mode,
			  const struct known_revocations *news, int64_t now_s,
			  struct fault *fault) MUST_CHECK;

#endif
