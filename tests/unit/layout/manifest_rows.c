#include "tests/unit/layout/manifest_rows.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

int parse(const char *text, struct manifest **ret_manifest, struct fault *fault)
{
	return parse_manifest(bytes_of_string(text), "dir/m.yaml", ret_manifest, fault);
}

void expect_refusals(const struct refusal_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct manifest *manifest = NULL;
		char begin[64];

		(void)snprintf(begin, sizeof(begin), "dir/m.yaml:%s: ", rows[i].position);
		REFUSED(parse(rows[i].text, &manifest, &fault), FAULT_USAGE, rows[i].found,
			"accepted: %s", rows[i].text);
		cr_expect_null(manifest);
		cr_expect_eq(strncmp(last_refusal()->text, begin, strlen(begin)), 0,
			     "expected %s, found %s", begin, last_refusal()->text);
		free_manifest(&manifest);
	}
}
