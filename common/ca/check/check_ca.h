#ifndef CERTPOOL_CA_CHECK_CHECK_CA_H
#define CERTPOOL_CA_CHECK_CHECK_CA_H

#include "common/ca/store/store.h"
#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"

/*
 * Checks all that a CA has, and reports what is wrong: its record (every page, and every
 * certificate with its signature), its audit log, its CRL, the permissions of its files, its root
 * and its key. Nothing is changed. The CA may serve meanwhile.
 */
struct finding {
	bool warning;       /* all is well now, and will not stay so: it does not count */
	const char *where;  /* a file, or a part of the record */
	const char *text;   /* what was expected and what was found */
	const char *advice; /* what to do; NULL: the warning says it itself */
};

/* Called for each finding and warning, in no particular order. -1 ends the check. */
typedef int finding_function(void *context, const struct finding *finding, struct fault *fault);

/* Called now and then with how many of the certificates were checked. */
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
	size_t unrecorded; /* certificates that were signed, have not ended, and are not in the
			      record: after a crash or a refusal, nobody was given them */
	bool key_unseen;   /* not checked: it is under a passphrase that was not given */
};

/* -1 only when the check itself is impossible: damage is a finding. */
int check_ca(const struct check_options *options, struct check_summary *ret_summary,
	     struct fault *fault) MUST_CHECK;

#endif
