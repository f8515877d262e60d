#include "tests/unit/crypto/vectors.h"

#include "common/base/file.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 8 * 1024 * 1024 };

struct buffer load_text(const char *path)
{
	struct buffer text = {0};

	OK(read_file(AT_FDCWD, path, FILE_MAX, &text, &fault));
	return text;
}

json_t *load_vectors(const char *path)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);

	cr_assert_not_null(json, "%s: %s", path, error.text);
	return json;
}

struct buffer decode_hex(const char *text)
{
	struct buffer octets = {0};

	for (size_t i = 0; i + 1 < strlen(text); i += 2) {
		unsigned int octet;

		cr_assert_eq(sscanf(text + i, "%2x", &octet), 1, "%s", text);
		append_bytes(&octets, (struct bytes){(const uint8_t[]){(uint8_t)octet}, 1});
	}
	/* So that empty octets have an address too. */
	append_string(&octets, "");
	cr_assert_not(octets.failed);
	return octets;
}

const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	cr_assert_not_null(text, "%s", name);
	return text;
}

struct buffer hex_member(const json_t *object, const char *name)
{
	return decode_hex(text_member(object, name));
}

void skip(struct tally *tally, const char *reason)
{
	size_t i = 0;

	while (i < COUNT_OF(tally->skipped) - 1 && tally->skipped[i].reason != NULL &&
	       strcmp(tally->skipped[i].reason, reason) != 0)
		i++;
	tally->skipped[i].reason = reason;
	tally->skipped[i].count++;
}

void report_tally(const struct tally *tally, size_t run, size_t total)
{
	size_t skipped = 0;

	fprintf(stderr, "%s: %zu run", tally->suite, tally->run);
	if (tally->acceptable > 0)
		fprintf(stderr, " (%zu of them acceptable)", tally->acceptable);
	for (size_t i = 0; i < COUNT_OF(tally->skipped) && tally->skipped[i].reason != NULL; i++) {
		fprintf(stderr, "; %zu skipped: %s", tally->skipped[i].count,
			tally->skipped[i].reason);
		skipped += tally->skipped[i].count;
	}
	fprintf(stderr, "\n");
	cr_expect_eq(tally->run, run, "%s: %zu run, expected %zu", tally->suite, tally->run, run);
	cr_expect_eq(tally->run + skipped, total, "%s: %zu vectors, expected %zu", tally->suite,
		     tally->run + skipped, total);
}
