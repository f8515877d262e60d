#ifndef CERTPOOL_CA_PAGE_CLIENT_TABLE_H
#define CERTPOOL_CA_PAGE_CLIENT_TABLE_H

#include "common/ca/page/frame.h"

/* The most that are shown live: a page is made again and again, and kept while it is read. */
enum { LIVE_CLIENTS = 1000 };

/* The section of the overview with a row for each client of place->fleet; live, for as many as are
   shown, beginning with those that need a look. */
void html_clients(struct html *html, const struct page_place *place);

#endif
