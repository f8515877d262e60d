/* What suites of manifests share: a text as a manifest, and tables of texts that are none. */
#ifndef TESTS_UNIT_LAYOUT_MANIFEST_ROWS_H
#define TESTS_UNIT_LAYOUT_MANIFEST_ROWS_H

#include "common/layout/manifest.h"

/* Rows of the tables are appended to this text, which makes each a whole manifest. */
#define HEAD "version: 1\nca: {endpoint: \"http://127.0.0.1:8440\"}\n"
#define CLIENT(text) HEAD "clients:\n  a: " text "\n"

struct refusal_row {
	const char *text;
	const char *position; /* LINE:COLUMN */
	const char *found;    /* part of the message */
};

/* As the manifest dir/m.yaml. */
int parse(const char *text, struct manifest **ret_manifest, struct fault *fault);

/* Each row is refused with its text, at its position, and gives no manifest. */
void expect_refusals(const struct refusal_row *rows, size_t count);

#endif
