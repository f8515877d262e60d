#ifndef CERTPOOL_CA_SIGNER_SIGNED_LOG_H
#define CERTPOOL_CA_SIGNER_SIGNED_LOG_H

#include "common/ca/store/store.h"
#include "common/crypto/digest.h"
#include "common/x509/serial.h"

/*
 * The log of signatures, state/signed.log in a CA's layout. Every process that signs with the CA's
 * key (serve, sign, revoke, crl, prune, init) appends a line for each object, which is durable
 * before the signature leaves that process. So the log names every certificate that can exist, also
 * one that the record lacks: after a crash between signature and record, or after a record of
 * yesterday was put back.
 *
 * A line: the time, the kind, the serial (of a CRL its number), the end, the SHA-256, each followed
 * by a space, the last by a line end:
 *
 *   2026-11-27T10:59:22Z certificate 4c…(40 digits) 2027-02-25T10:59:22Z 9f…(64 digits)
 *
 * A line without a line end, at the end of the log, is what a crash left of a line: its signature
 * never left. Readers pass over it, and the next process that signs removes it.
 */
#define SIGNED_LOG_FILE "signed.log"

enum signed_kind {
	SIGNED_CERTIFICATE, /* a member's */
	SIGNED_RESPONDER,   /* the OCSP responder's certificate */
	SIGNED_AUTHORITY,   /* a root, or the certificate of an issuing CA */
	SIGNED_CRL,
	SIGNED_KIND_COUNT,
};

struct signed_line {
	int64_t time_s;
	enum signed_kind kind;
	uint8_t number[SERIAL_MAX]; /* serial, or CRL number, with zeros before it */
	int64_t end_s;              /* notAfter, or nextUpdate */
	uint8_t sha256[SHA256_LEN]; /* of the octets that were signed: the TBSCertificate, the
				       TBSCertList */
};

/*
 * Appends the lines, all of them or none, durable on return. Processes and threads wait for each
 * other (state/signed). Errors: FAULT_FAILED; what was signed must not be given out then.
 */
int append_signed_lines(const struct layout *layout, const struct signed_line *lines, size_t count,
			struct fault *fault) MUST_CHECK;

/* The same for a CA certificate that was just signed: its DER. */
int append_signed_authority(const struct layout *layout, struct bytes der, int64_t now_s,
			    struct fault *fault) MUST_CHECK;

/* Called for a line. A result other than 0 ends the reading: 1 as a success, -1 as a failure. */
typedef int signed_line_function(void *context, const struct signed_line *line,
				 struct fault *fault);

/*
 * Reads the log in its order; the CA may sign meanwhile. *ret_exists, which may be NULL: false when
 * the layout has no log, as that of a CA which has signed nothing since certpool keeps one.
 * Errors: FAULT_MALFORMED with the number of a line that has another form.
 */
int read_signed_log(const struct layout *layout, signed_line_function *function, void *context,
		    bool *ret_exists, struct fault *fault) MUST_CHECK;

/*
 * Calls the function for the certificates of the log (SIGNED_CERTIFICATE, SIGNED_RESPONDER) that
 * the record does not have and that end at `ends_from_s` or later: what was pruned has ended.
 */
int list_unrecorded(const struct layout *layout, struct store *store, int64_t ends_from_s,
		    signed_line_function *function, void *context, struct fault *fault) MUST_CHECK;

/*
 * Removes the lines of certificates and CRLs that ended before that time; the last CRL's line,
 * which has the number, and those of CA certificates stay. The new log replaces the old one durably
 * and at once. A CA may sign meanwhile, and waits.
 */
int trim_signed_log(const struct layout *layout, int64_t ended_before_s, size_t *ret_removed,
		    struct fault *fault) MUST_CHECK;

/*
 * Opens the log for a copy of its first *ret_len octets, which are whole lines and never change.
 * *ret_descriptor is -1 when there is none. Owns: close_descriptor.
 */
int open_signed_log(const struct layout *layout, int *ret_descriptor, size_t *ret_len,
		    struct fault *fault) MUST_CHECK;

#endif
