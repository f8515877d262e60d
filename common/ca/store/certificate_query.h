#ifndef CERTPOOL_CA_STORE_CERTIFICATE_QUERY_H
#define CERTPOOL_CA_STORE_CERTIFICATE_QUERY_H

#include "common/ca/store/listing.h"
#include "common/ca/store/session.h"

/* A query for certificates as a statement; for the files of this folder alone. */

struct selection {
	const struct certificate_query *query;
	int64_t after; /* rows with a larger id alone */
};

/*
 * Prepares "SELECT columns FROM certificate WHERE … ORDER BY id" with the selection's values bound:
 * they must stand until the statement is freed.
 */
int prepare_selection(struct session *session, const char *columns,
		      const struct selection *selection, sqlite3_stmt **ret_statement,
		      struct fault *fault) MUST_CHECK;

#endif
