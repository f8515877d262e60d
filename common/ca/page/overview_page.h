#ifndef CERTPOOL_CA_PAGE_OVERVIEW_PAGE_H
#define CERTPOOL_CA_PAGE_OVERVIEW_PAGE_H

#include "common/ca/overview/overview.h"
#include "common/ca/page/frame.h"

/* How many of the newest certificates are listed: in a file, which has no other page; live. */
enum { FILE_CERTIFICATES = 1000, LIVE_CERTIFICATES = 20, PROBLEMS_MAX = 16 };

/* What a serving CA knows of itself besides: sentences about what keeps it from working. */
struct page_problems {
	const char *texts[PROBLEMS_MAX];
	size_t count;
};

/*
 * Writes the overview: a whole page. ret_page must be empty. The store is asked for the newest
 * certificates. problems may be NULL.
 */
int format_overview_page(const struct overview *overview, const struct page_problems *problems,
			 struct store *store, enum page_kind kind, struct buffer *ret_page,
			 struct fault *fault) MUST_CHECK;

#endif
