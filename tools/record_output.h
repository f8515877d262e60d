#ifndef CERTPOOL_TOOLS_RECORD_OUTPUT_H
#define CERTPOOL_TOOLS_RECORD_OUTPUT_H

#include "common/ca/store/store.h"
#include "tools/output.h"

/* A recorded certificate, as `list` and `show` print it. */

/* "revoked", also when it has expired since; "expired", "valid" */
const char *format_certificate_state(const struct issued_certificate *record, int64_t now_s);

/* Everything of it but the certificate itself. */
void add_json_certificate(struct json_line *line, const struct issued_certificate *record,
			  int64_t now_s);

#endif
