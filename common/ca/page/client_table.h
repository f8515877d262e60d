#ifndef CERTPOOL_CA_PAGE_CLIENT_TABLE_H
#define CERTPOOL_CA_PAGE_CLIENT_TABLE_H

#include "common/ca/page/frame.h"

/* The section of the overview with a row for each client of place->fleet. */
void html_clients(struct html *html, const struct page_place *place);

#endif
