#ifndef CERTPOOL_CA_PAGE_EVENT_TABLE_H
#define CERTPOOL_CA_PAGE_EVENT_TABLE_H

#include "common/ca/overview/recent_events.h"
#include "common/ca/page/frame.h"

/* A table of events, with a caption. */
void html_events(struct html *html, const struct page_place *place,
		 const struct recent_events *events, const char *caption);

#endif
