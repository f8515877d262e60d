#ifndef CERTPOOL_CA_CHECK_FINDINGS_H
#define CERTPOOL_CA_CHECK_FINDINGS_H

#include "common/ca/check/check_ca.h"
#include "common/x509/issuer_set.h"

/* For the files of this folder: a check in progress, and how it reports what it finds. */
struct check_context {
	const struct check_options *options;
	struct check_summary summary;
	/* The CA's certificates, as far as they can be read: the root, if it lies apart, and the
	   issuers by their numbers. */
	struct certificate *root;
	struct certificate *issuers[ISSUERS_MAX];
	unsigned int issuer_count; /* with those that cannot be read, which are NULL */
};

/* Calls the caller's function for something that is well now and will not stay so. The text has its
   own advice; it is no finding. */
int report_warning(struct check_context *context, const char *where, const char *text,
		   struct fault *fault) MUST_CHECK;

/* NULL: it cannot be read. */
const struct certificate *find_checked_issuer(const struct check_context *context,
					      unsigned int number);

#define ADVICE_RESTORE "restore the record from a backup"

/* Counts a finding and calls the caller's function. The format makes its text. */
int report_finding(struct check_context *context, const char *where, const char *advice,
		   struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 5, 6))) MUST_CHECK;

#endif
