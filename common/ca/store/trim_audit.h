#ifndef CERTPOOL_CA_STORE_TRIM_AUDIT_H
#define CERTPOOL_CA_STORE_TRIM_AUDIT_H

#include "common/ca/store/store.h"

/* Takes the first lines of a front end's audit log (audit.h) out of the record, after they were
   exported. */

/* How far the log was exported and trimmed: numbers of lines, 0 for none. */
struct audit_extent {
	int64_t lines; /* all that there ever were */
	int64_t trimmed;
	int64_t exported;
};

int read_audit_extent(struct store *store, int64_t front_end, struct audit_extent *ret_extent,
		      struct fault *fault) MUST_CHECK;

/*
 * Notes, with an event, that the file has the lines up to `last`, durably. The file has all lines
 * after those of earlier exports: a gap is the caller's mistake, and not seen.
 */
struct audit_export {
	int64_t front_end; /* whose log it is */
	int64_t last;
	const char *file;
	int64_t now_s;
};

int note_audit_export(struct store *store, const struct audit_export *exported,
		      struct fault *fault) MUST_CHECK;

struct trim_options {
	int64_t front_end; /* whose log it is */
	int64_t before_s;  /* lines before the first one that is not older than this */
	bool unexported;   /* also lines that were never exported */
	int64_t now_s;
};

/*
 * Verifies the log, and then removes lines in batches, with one event. *ret_first and *ret_last are
 * their numbers, 0 when there is none that old. Errors: FAULT_UNVERIFIED when the log is not whole;
 * FAULT_REFUSED for lines that were not exported.
 */
int trim_audit(struct store *store, const struct trim_options *options, int64_t *ret_first,
	       int64_t *ret_last, struct fault *fault) MUST_CHECK;

#endif
