#ifndef CERTPOOL_CA_CHECK_CHECK_CA_H
#define CERTPOOL_CA_CHECK_CHECK_CA_H

#include "common/ca/store/store.h"
#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"

/*
 * Looks at all that a CA has, and tells what is not as it must be: its record (every page, every
 * certificate, its signature among it), its audit log, its CRL, its files' permissions, root and
 * key. Nothing is changed. The CA may serve meanwhile.
 */
struct finding {
	const char *where;  /* a file, or the record and what of it */
	const char *text;   /* what was expected, what was found */
	const char *advice; /* what to do */
};

/* Told of each, in no order that means anything. */
typedef int finding_function(void *context, const struct finding *finding, struct fault *fault);

/* Told how many of the certificates were looked at. */
typedef void check_progress(void *context, size_t done, size_t total);

struct check_options {
	const struct layout *layout;
	struct store *store;
	const struct ca_node *ca;
	const struct key_access *access;
	int64_t now_s;
	unsigned int workers;
	finding_function *function;
	void *context;
	check_progress *progress; /* may be NULL */
	void *progress_context;
};

struct check_summary {
	size_t findings;
	size_t certificates;
	size_t audit_lines;
	size_t crl_entries;
	bool key_unseen; /* it is under a passphrase that was not given */
};

/* -1 only when it could not be looked at: what is damaged is a finding. */
int check_ca(const struct check_options *terms, struct check_summary *ret_summary,
	     struct fault *fault) MUST_CHECK;

#endif
