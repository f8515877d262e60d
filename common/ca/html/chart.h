#ifndef CERTPOOL_CA_HTML_CHART_H
#define CERTPOOL_CA_HTML_CHART_H

#include "common/ca/html/html.h"

/* Charts as SVG, which the page's style sheet colours: classes "bar", "urgent", "axis". */

enum { CHART_LABEL_SIZE = 64 };

struct chart_bar {
	char label[CHART_LABEL_SIZE]; /* of the bar, for its tooltip and the table */
	char tick[16];                /* below it on the axis; "": none */
	size_t count;
	bool urgent;
};

struct chart {
	const char *title;  /* what a screen reader says of the whole */
	const char *column; /* the head of the labels in the table */
	const char *unit;   /* the head of the counts */
	const struct chart_bar *bars;
	size_t count;
};

/* Writes the bars, and, folded away below them, the same as a table. */
void html_bar_chart(struct html *html, const struct chart *chart);

/* A bar that is filled by part / whole; a part beyond the whole fills it and is "over". */
void html_meter(struct html *html, size_t part, size_t whole);

#endif
