#ifndef CERTPOOL_X509_DER_H
#define CERTPOOL_X509_DER_H

#include "common/base/bytes.h"

/*
 * DER (X.690), read strictly and without copying, and written. GnuTLS accepts BER in places and
 * hides the octets that it skipped: objects that have one correct form are read here first.
 *
 * Not done: tag numbers above 30 and the classes application and private, which the objects that
 * are read here do not use.
 */

/* The last second that a GeneralizedTime can express: 9999-12-31T23:59:59Z. */
#define DER_TIME_MAX_S INT64_C(253402300799)

/* From this second on, times are GeneralizedTime, before it UTCTime (RFC 5280 section 4.1.2.5):
   2050-01-01T00:00:00Z. */
#define DER_GENERALIZED_TIME_FROM_S INT64_C(2524608000)

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_NUMERIC_STRING = 0x12,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,             /* [n] IMPLICIT, primitive: DER_CONTEXT + n */
	DER_CONTEXT_CONSTRUCTED = 0xa0, /* [n] constructed */
};

/* The initialiser of a struct bytes with the octets of a string literal. */
#define DER_LITERAL(text)                                                                          \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

/* One tag, length and value. */
struct der_item {
	uint8_t tag;
	struct bytes content;
	struct bytes whole; /* with tag and length */
};

/*
 * Takes the next item off *rest, and borrows from it. Returns false and leaves *rest unchanged at
 * the end, for a length that is indefinite, longer than needed or beyond the end, and for a tag
 * number above 30.
 */
bool read_der(struct bytes *rest, struct der_item *ret_item);

/* The same for an item of the given tag; false for any other tag. */
bool read_der_tagged(struct bytes *rest, uint8_t tag, struct der_item *ret_item);

/*
 * Checks that the octets are exactly one item in strict DER, nested at most 16 deep: lengths; the
 * form of booleans, integers, bit strings, object identifiers, times and character strings; the
 * order of sets. The contents of OCTET STRING, BIT STRING and primitive context tags are not
 * parsed. `what` names the object in the fault.
 * Errors: FAULT_MALFORMED with the position of the octet.
 */
int check_der(struct bytes der, const char *what, struct fault *fault) MUST_CHECK;

/* Whether the items are in the order of a SET OF (X.690 section 11.6). */
bool ordered_set(struct bytes content);

/* Seconds since 1970 from a UTCTime or GeneralizedTime in the form of RFC 5280 section 4.1.2.5. */
bool read_der_time(const struct der_item *item, int64_t *ret_time_s);

/* Appends the tag and length of an item whose content_len octets of content the caller appends
   next: for content that is too large to be copied from buffer to buffer. */
void append_der_header(struct buffer *buffer, uint8_t tag, size_t content_len);

/* Appends an item. */
void append_der(struct buffer *buffer, uint8_t tag, struct bytes content);

/* Makes the octets of the buffer from `begin` to its end the content of an item. */
void enclose_der(struct buffer *buffer, size_t begin, uint8_t tag);

/* Appends a time in the form of RFC 5280 section 4.1.2.5: UTCTime up to 2049, then
   GeneralizedTime. */
void append_der_time(struct buffer *buffer, int64_t time_s);

/* Appends a time as GeneralizedTime, whatever the year (RFC 6960 section 4.2.2.1, RFC 5280
   section 5.3.2). */
void append_der_generalized_time(struct buffer *buffer, int64_t time_s);

/* Appends an INTEGER, in as few octets as possible. */
void append_der_number(struct buffer *buffer, uint64_t number);

#endif
