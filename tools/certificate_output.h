#ifndef CERTPOOL_TOOLS_CERTIFICATE_OUTPUT_H
#define CERTPOOL_TOOLS_CERTIFICATE_OUTPUT_H

#include "common/ca/store/absorb_crl.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/store.h"
#include "common/layout/manifest.h"
#include "tools/output.h"

/* Certificates of the CA's record, as list, show and revoke print them. */

/* Adds every field of the row but the certificate itself. */
void add_json_certificate(struct json_line *line, const struct issued_certificate *certificate,
			  int64_t now_s);

/* Prints a certificate that was revoked, or with dry_run would be. */
int print_revoked(const struct command *command, const struct revoked_certificate *revoked,
		  bool dry_run, struct fault *fault) MUST_CHECK;

/* Notes what a CRL, from a file of that name, brought into the record, and what is left to do. */
void print_absorbed_crl(const struct command *command, const char *name,
			const struct absorbed_crl *absorbed);

/* Names the issuers whose CRLs were left out of those in the file of that name, and says what to
   do. */
void print_left_out(const struct command *command, const struct manifest *manifest,
		    const char *name, const struct crl_names *left_out);

/* Notes that the clients of these names, NAME_SIZE octets each, are disabled, and for what reason.
 */
void print_barred(const struct command *command, const struct buffer *names, const char *reason);

/*
 * Prints the last line: the CRL's number, or with --json also the counts. barred_client: the client
 * revoked as a whole, or "". crl_number 0: no CRL was made.
 */
int print_revocation_summary(const struct command *command,
			     const struct revocation_summary *summary, const char *barred_client,
			     uint64_t crl_number, struct fault *fault) MUST_CHECK;

#endif
