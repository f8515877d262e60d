#ifndef CERTPOOL_TOOLS_CERTIFICATE_OUTPUT_H
#define CERTPOOL_TOOLS_CERTIFICATE_OUTPUT_H

#include "common/ca/store/revoke.h"
#include "common/ca/store/store.h"
#include "tools/output.h"

/* A recorded certificate, as `list` and `show` print it. */

/* "revoked", also when it has expired since; "expired", "valid" */
const char *format_certificate_state(const struct issued_certificate *record, int64_t now_s);

/* Everything of it but the certificate itself. */
void add_json_certificate(struct json_line *line, const struct issued_certificate *record,
			  int64_t now_s);

int print_revoked(const struct command *command, const struct revoked_certificate *revoked,
		  bool dry_run, struct fault *fault) MUST_CHECK;

/* The last line. crl_number 0: there is none. */
int print_revocation_summary(const struct command *command,
			     const struct revocation_summary *summary, const char *barred_client,
			     uint64_t crl_number, struct fault *fault) MUST_CHECK;

#endif
