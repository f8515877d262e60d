#ifndef CERTPOOL_TESTS_UNIT_CRYPTO_VECTORS_H
#define CERTPOOL_TESTS_UNIT_CRYPTO_VECTORS_H

#include "common/base/bytes.h"

#include <jansson.h>

/* Reading other people's vectors, under tests/vectors. What cannot be read fails the test. */

/* A JSON file. */
json_t *load_vectors(const char *path);

/* A file's text. */
struct buffer load_text(const char *path);

/* The octets of a hex string (a member of the object). */
struct buffer hex_member(const json_t *object, const char *name);
struct buffer decode_hex(const char *text);
const char *text_member(const json_t *object, const char *name);

/*
 * What became of a suite: every vector is run, or skipped for a reason. report_tally prints a line
 * and fails the test unless exactly `run` were run, so that none goes missing silently.
 */
struct tally {
	const char *suite;
	size_t run;
	size_t acceptable; /* of these: the source leaves open what is to be done with them */
	struct {
		const char *reason;
		size_t count;
	} skipped[8];
};

void skip(struct tally *tally, const char *reason);
void report_tally(const struct tally *tally, size_t run, size_t total);

#endif
