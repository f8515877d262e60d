#ifndef CERTPOOL_CA_PAGE_FRAME_H
#define CERTPOOL_CA_PAGE_FRAME_H

#include "common/ca/html/html.h"
#include "common/ca/overview/fleet_report.h"
#include "common/ca/store/certificates.h"

/*
 * What the pages have in common: their head, style and foot, and their cells. A page that is a file
 * stands alone: its links lead to places in itself. A live one is served below the admin's URL, and
 * its links are relative to that: "" at the overview, "../" one level down.
 */
enum page_kind { PAGE_FILE, PAGE_LIVE };

struct page_place {
	enum page_kind kind;
	const char *up;            /* from this page to the overview: "" or "../"; a literal */
	const char *query;         /* what was searched for; NULL: nothing */
	int64_t now_s;             /* when the figures were read */
	const struct fleet *fleet; /* the clients to which links lead; NULL: any but the CA */
};

/* Both end with the program's own octets alone. */
void begin_page(struct html *html, const struct page_place *place, const char *title);
void end_page(struct html *html, const struct page_place *place);

/*
 * The Content-Security-Policy of every page: nothing is loaded, nothing runs, and the only style is
 * the one in the page, by its SHA-256. `in_page` leaves out what a <meta> may not say.
 * Errors: FAULT_FAILED without memory.
 */
int format_page_policy(bool in_page, struct buffer *ret_policy, struct fault *fault) MUST_CHECK;

/* The state of a certificate or a client, with its mark: not by colour alone. */
void html_state(struct html *html, const char *state);

/* A time, and how far it is: "2026-11-27 20:15 · in 3d". */
void html_end(struct html *html, int64_t time_s, int64_t now_s);

/* A client's name, as a link to its page, or to its row in a file, if there is one. */
void html_client_link(struct html *html, const struct page_place *place, const char *client);

/* The same of a client that is known to be there: a fleet is not searched for it. */
void html_known_client_link(struct html *html, const struct page_place *place, const char *client);

/* The head of a table of certificates, one row, and the end. */
void begin_certificate_table(struct html *html, const char *caption);
void html_certificate_row(struct html *html, const struct page_place *place,
			  const struct issued_certificate *certificate);
void end_table(struct html *html);

/* A row of a list of terms: begun with the term, a literal, and ended after its description. */
#define TERM(html, term) MARKUP(html, "<div><dt>" term "</dt><dd>")
#define END_TERM(html) MARKUP(html, "</dd></div>")

/* A cell of a table, whose label stands before it where the screen is narrow. */
#define CELL(html, label) MARKUP(html, "<td role=\"cell\" data-label=\"" label "\">")
#define NUMBER_CELL(html, label)                                                                   \
	MARKUP(html, "<td role=\"cell\" class=\"n\" data-label=\"" label "\">")
#define END_CELL(html) MARKUP(html, "</td>")

#endif
