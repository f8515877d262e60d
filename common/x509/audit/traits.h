#ifndef CERTPOOL_X509_AUDIT_TRAITS_H
#define CERTPOOL_X509_AUDIT_TRAITS_H

#include "common/base/bytes.h"
#include "common/x509/serial.h"

/*
 * What an outsider sees of certificates: for each certificate its values by field. Texts are kept
 * once each, so that equal ones have equal addresses.
 */
struct trait {
	int64_t window; /* beginning of its window; CRL_WINDOW: of an entry of a CRL */
	const char *field;
	const char *value;
	const char *pool;
	/* Filled by the audit: */
	size_t pools;     /* that have the value */
	size_t common[2]; /* how many characters all texts of the field and window have in common:
			     at the beginning, at the end */
};

#define CRL_WINDOW INT64_MIN

/* One certificate. */
struct specimen {
	int64_t window;
	uint8_t serial[SERIAL_MAX]; /* with leading zeros */
	const char *pool;
};

struct traits {
	int64_t window_s;
	void *texts; /* of tsearch(3) */
	struct trait *all;
	size_t count;
	size_t room;
	struct specimen *specimens;
	size_t specimen_count;
	size_t specimen_room;
};

/* Zero-initialised but for window_s is empty. */
void clear_traits(struct traits *traits);

/* The copy that is kept of the text; NULL without memory. */
const char *keep_text(struct traits *traits, const char *text);

/* Fields of which parts, beginnings and ends are compared as well. */
#define FIELD_SUBJECT "subject"
#define FIELD_ALT_NAME "subjectAltName"
#define PART_OF "part of "
#define FIELD_NOT_BEFORE "notBefore"
#define FIELD_REVOCATION_TIME "revocation time"
#define FIELD_REVOCATION_REASON "revocation reason"

/* Texts are copied, field and pool too. */
int add_trait(struct traits *traits, int64_t window, const char *field, const char *value,
	      const char *pool, struct fault *fault) MUST_CHECK;

/* Errors: FAULT_MALFORMED for what is not a certificate that certpool can read. */
int add_certificate_traits(struct traits *traits, const char *pool, struct bytes der,
			   struct fault *fault) MUST_CHECK;

#endif
