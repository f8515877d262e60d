#ifndef CERTPOOL_CA_PAGE_DETAIL_PAGES_H
#define CERTPOOL_CA_PAGE_DETAIL_PAGES_H

#include "common/ca/overview/overview.h"
#include "common/ca/page/frame.h"

/*
 * The live pages besides the overview: of one client, of one certificate, and of what a search
 * found. Each looks up what it shows, in an index, and is bounded. ret_page must be empty.
 */
struct page_source {
	struct store *store;
	const struct layout *layout;
	const struct manifest *manifest;
	int64_t now_s;
};

enum { CLIENT_CERTIFICATES = 200, FOUND_MAX = 100 };

/* *ret_found false: the record has neither the client nor a certificate of it; there is no page. */
int format_client_page(const struct page_source *source, const char *client, bool *ret_found,
		       struct buffer *ret_page, struct fault *fault) MUST_CHECK;

/* By its serial. *ret_found false: there is none; there is no page. */
int format_certificate_page(const struct page_source *source,
			    const uint8_t serial[static SERIAL_MAX], bool *ret_found,
			    struct buffer *ret_page, struct fault *fault) MUST_CHECK;

/* Clients whose name has the text in it, and certificates whose serial begins with it, in
   hexadecimal as parse_serial reads it, whole or in part. */
int format_search_page(const struct page_source *source, const char *query, struct buffer *ret_page,
		       struct fault *fault) MUST_CHECK;

#endif
