#include "common/ca/page/overview_page.h"

#include "common/base/clock.h"
#include "common/ca/html/chart.h"
#include "common/ca/page/client_table.h"
#include "common/ca/page/event_table.h"
#include "common/ca/revocation/root_crl.h"

#include <stdio.h>
#include <string.h>

static const int64_t day_s = 86400;

/* --- health --- */

static void append_note(struct html *html, const char *text)
{
	MARKUP(html, "<li>");
	html_text(html, text);
	MARKUP(html, "</li>");
}

/* What the record itself says needs looking at. */
static void append_findings(struct html *html, const struct overview *overview)
{
	const struct crl_info *crl = &overview->crl;
	const struct crl_info *root_crl = &overview->root_crl;

	for (size_t i = 0; i < overview->warnings.count; i++)
		append_note(html, overview->warnings.texts[i]);
	if (crl->number > 0 && crl->next_update_s <= overview->now_s)
		append_note(html,
			    "The CRL is past its next update: a CA that serves makes the next "
			    "one by itself; certpool crl makes one now");
	if (overview->root_crl_apart &&
	    (root_crl->number == 0 || is_root_crl_due(root_crl, overview->now_s)))
		append_note(html,
			    root_crl->number == 0
				    ? "The root's CRL is missing: run certpool crl --root, with "
				      "the root's layout at hand"
				    : "The root's CRL ends soon: run certpool crl --root, with "
				      "the root's layout at hand");
	if (overview->fleet.marked == 0)
		return;
	MARKUP(html, "<li>");
	html_number(html, (int64_t)overview->fleet.marked);
	if (overview->fleet.marked == 1)
		MARKUP(html, " client needs a look: see <a href=\"#clients\">the clients</a></li>");
	else
		MARKUP(html, " clients need a look: see <a href=\"#clients\">the clients</a></li>");
}

static void append_health(struct html *html, const struct overview *overview,
			  const struct page_problems *problems)
{
	CLEANUP(clear_html) struct html notes = {0};

	for (size_t i = 0; problems != NULL && i < problems->count; i++)
		append_note(&notes, problems->texts[i]);
	append_findings(&notes, overview);
	MARKUP(html, "<section aria-labelledby=\"health\"><h2 class=\"hidden\" id=\"health\">Health"
		     "</h2>");
	if (notes.text.len > 0) {
		MARKUP(html, "<ul class=\"notes alarm\">");
		append_bytes(&html->text, bytes_of_buffer(&notes.text));
		html->text.failed |= notes.text.failed;
	} else {
		MARKUP(html, "<ul class=\"notes calm\"><li>Nothing needs a look.</li>");
	}
	MARKUP(html, "</ul></section>");
}

/* --- figures --- */

#define FIGURE_CARD(html, class, term, id, number)                                                 \
	do {                                                                                       \
		MARKUP(html, "<div" class "><dt>" term "</dt><dd>");                               \
		FIGURE(html, id, (int64_t)(number));                                               \
		END_TERM(html);                                                                    \
	} while (0)

static void append_figures(struct html *html, const struct overview *overview)
{
	const struct store_summary *summary = &overview->tally.summary;

	MARKUP(html, "<section aria-labelledby=\"figures\"><h2 class=\"hidden\" id=\"figures\">"
		     "Figures</h2><dl class=\"figures\">");
	FIGURE_CARD(html, "", "valid certificates", "valid", summary->valid);
	if (overview->ending_soon > 0)
		FIGURE_CARD(html, " class=\"urgent\"", "of these end within 14 days", "ending_soon",
			    overview->ending_soon);
	else
		FIGURE_CARD(html, "", "of these end within 14 days", "ending_soon", 0);
	FIGURE_CARD(html, "", "revoked", "revoked", summary->revoked);
	FIGURE_CARD(html, "", "expired", "expired", summary->expired);
	FIGURE_CARD(html, "", "clients joined", "clients_joined", overview->fleet.joined);
	FIGURE_CARD(html, "", "clients in all", "clients", overview->fleet.count);
	MARKUP(html, "</dl></section>");
}

/* --- charts --- */

static void append_ends(struct html *html, const struct overview *overview)
{
	struct chart_bar bars[TALLY_WEEKS + 1] = {0};
	const struct chart chart = {.title = "Valid certificates by the week in which they end",
				    .column = "Week from",
				    .unit = "Certificates",
				    .bars = bars,
				    .count = COUNT_OF(bars)};
	enum { TICK_EVERY = 6, DAY_LEN = 10, MONTH_PLACE = 5 };

	for (size_t i = 0; i < COUNT_OF(bars); i++) {
		struct chart_bar *bar = &bars[i];
		char time[TIME_TEXT_SIZE];

		format_time(overview->now_s + (int64_t)i * WEEK_S, time);
		bar->count = overview->tally.ends[i];
		bar->urgent = i < ENDING_SOON_WEEKS;
		(void)snprintf(bar->label, sizeof(bar->label), "%.*s%s", DAY_LEN, time,
			       i == TALLY_WEEKS ? " or later" : "");
		if (i % TICK_EVERY == 1)
			(void)snprintf(bar->tick, sizeof(bar->tick), "%.5s", time + MONTH_PLACE);
	}
	(void)snprintf(bars[TALLY_WEEKS].tick, sizeof(bars->tick), "later");
	MARKUP(html, "<section aria-labelledby=\"ends\"><h2 id=\"ends\">When certificates end"
		     "<span class=\"kicker\">by week; the next 14 days stand out</span></h2>");
	html_bar_chart(html, &chart);
	MARKUP(html, "</section>");
}

static void append_issued(struct html *html, const struct overview *overview)
{
	struct chart_bar bars[ACTIVITY_DAYS] = {0};
	const struct chart chart = {.title = "Certificates issued by day, over the last 30 days",
				    .column = "Day",
				    .unit = "Issued",
				    .bars = bars,
				    .count = COUNT_OF(bars)};
	const int64_t today_s = overview->now_s / day_s * day_s;
	enum { TICK_EVERY = 7, DAY_LEN = 10, MONTH_PLACE = 5 };

	for (size_t i = 0; i < COUNT_OF(bars); i++) {
		const int64_t from_s = today_s - (int64_t)(COUNT_OF(bars) - 1 - i) * day_s;
		char time[TIME_TEXT_SIZE];

		format_time(from_s, time);
		bars[i].count =
			sum_activity_between(overview->activity, from_s, from_s + day_s).issued;
		(void)snprintf(bars[i].label, sizeof(bars[i].label), "%.*s", DAY_LEN, time);
		if (i % TICK_EVERY == 2)
			(void)snprintf(bars[i].tick, sizeof(bars[i].tick), "%.5s",
				       time + MONTH_PLACE);
	}
	html_bar_chart(html, &chart);
}

/* The numbers of one span; their names for other programs end in its. */
#define ACTIVITY_ROW(html, term, id, sum)                                                          \
	do {                                                                                       \
		MARKUP(html, "<tr><th scope=\"row\">" term "</th><td class=\"n\">");               \
		FIGURE(html, "issued_" id, (int64_t)(sum)->issued);                                \
		MARKUP(html, "</td><td class=\"n\">");                                             \
		FIGURE(html, "revoked_" id, (int64_t)(sum)->revoked);                              \
		MARKUP(html, "</td><td class=\"n\">");                                             \
		FIGURE(html, "refused_" id, (int64_t)(sum)->refused);                              \
		MARKUP(html, "</td></tr>");                                                        \
	} while (0)

static void append_activity(struct html *html, const struct overview *overview)
{
	MARKUP(html, "<section aria-labelledby=\"activity\"><h2 id=\"activity\">Issued"
		     "<span class=\"kicker\">by day, over the last 30 days</span></h2>");
	append_issued(html, overview);
	MARKUP(html, "</section>");
}

static void append_sums(struct html *html, const struct overview *overview)
{
	MARKUP(html, "<section aria-labelledby=\"lately\"><h2 id=\"lately\">Lately</h2><table>"
		     "<caption>By the audit log, up to the present minute</caption><thead><tr>"
		     "<th scope=\"col\">Over the last</th><th scope=\"col\" class=\"n\">issued</th>"
		     "<th scope=\"col\" class=\"n\">revoked</th>"
		     "<th scope=\"col\" class=\"n\">refused</th></tr></thead><tbody>");
	ACTIVITY_ROW(html, "hour", "hour", &overview->hour);
	ACTIVITY_ROW(html, "day", "day", &overview->day);
	ACTIVITY_ROW(html, "30 days", "month", &overview->month);
	MARKUP(html, "</tbody></table>");
}

static void append_types(struct html *html, const struct overview *overview)
{
	struct activity_type types[ACTIVITY_TYPES];
	size_t count = list_activity_types(overview->activity, types);

	if (count > 0)
		MARKUP(html, "<h2 class=\"later\">Refusals by type</h2><table><caption>Since ");
	if (count > 0) {
		html_day(html, activity_begin(overview->activity));
		MARKUP(html, ", by the audit log</caption><thead><tr><th scope=\"col\">Type</th>"
			     "<th scope=\"col\" class=\"n\">refused</th></tr></thead><tbody>");
		for (size_t i = 0; i < count; i++) {
			MARKUP(html, "<tr><th scope=\"row\">");
			html_text(html, types[i].type);
			MARKUP(html, "</th><td class=\"n\">");
			html_number(html, (int64_t)types[i].count);
			MARKUP(html, "</td></tr>");
		}
		MARKUP(html, "</tbody></table>");
	}
	MARKUP(html, "</section>");
}

/* --- the CA --- */

static void append_crl(struct html *html, const struct crl_info *crl, int64_t now_s)
{
	if (crl->number == 0) {
		MARKUP(html, "none yet");
		return;
	}
	MARKUP(html, "number ");
	html_number(html, (int64_t)crl->number);
	MARKUP(html, ", next update ");
	html_end(html, crl->next_update_s, now_s);
}

static void append_front_ends(struct html *html, const struct overview *overview)
{
	for (size_t i = 0; i < overview->front_end_count; i++) {
		const struct front_end *each = &overview->front_ends[i];

		if (each->removed)
			continue;
		TERM(html, "Front end");
		html_text(html, each->name);
		MARKUP(html, ": ");
		if (!each->joined)
			MARKUP(html, "has not joined");
		else if (each->serves)
			MARKUP(html, "serves");
		else
			MARKUP(html, "stopped");
		if (each->heartbeat_s != 0) {
			MARKUP(html, ", heard of ");
			html_time(html, each->heartbeat_s);
		}
		END_TERM(html);
	}
}

static void append_issuers(struct html *html, const struct overview *overview)
{
	for (size_t i = 0; i < overview->issuer_count; i++) {
		const struct issuer_summary *issuer = &overview->issuers[i];

		TERM(html, "Issuer");
		html_number(html, issuer->number);
		MARKUP(html, ": ");
		html_number(html, (int64_t)issuer->valid);
		MARKUP(html, " valid of ");
		html_number(html, (int64_t)issuer->certificates);
		MARKUP(html, "; serves until ");
		html_day(html, issuer->serves_until_s);
		END_TERM(html);
	}
}

static void append_last_backup(struct html *html, const struct overview *overview)
{
	int64_t time_s = last_backup(overview->activity);

	TERM(html, "Last backup");
	if (time_s != 0)
		html_end(html, time_s, overview->now_s);
	else
		MARKUP(html, "<span class=\"soft\">none in the last 30 days</span>");
	END_TERM(html);
}

static void append_ca(struct html *html, const struct overview *overview)
{
	MARKUP(html, "<section aria-labelledby=\"ca\"><h2 id=\"ca\">The CA</h2>"
		     "<dl class=\"terms\">");
	TERM(html, "Layout");
	html_text(html, overview->layout);
	END_TERM(html);
	if (overview->issuing_expiry_s != 0) {
		TERM(html, "Issuing CA ends");
		html_end(html, overview->issuing_expiry_s, overview->now_s);
		END_TERM(html);
	}
	TERM(html, "Root ends");
	html_end(html, overview->root_expiry_s, overview->now_s);
	END_TERM(html);
	if (overview->next_root[0] != '\0') {
		TERM(html, "Next root");
		html_text(html, overview->next_root);
		MARKUP(html, "; clients without it: ");
		html_number(html, (int64_t)overview->lacking);
		END_TERM(html);
	}
	if (overview->server_expiry_s != 0) {
		TERM(html, "TLS server ends");
		html_end(html, overview->server_expiry_s, overview->now_s);
		END_TERM(html);
	}
	append_issuers(html, overview);
	TERM(html, "CRL");
	append_crl(html, &overview->crl, overview->now_s);
	END_TERM(html);
	if (overview->root_crl_apart) {
		TERM(html, "Root's CRL");
		append_crl(html, &overview->root_crl, overview->now_s);
		END_TERM(html);
	}
	append_last_backup(html, overview);
	TERM(html, "Record");
	html_text(html, overview->store);
	END_TERM(html);
	if (overview->shared)
		append_front_ends(html, overview);
	MARKUP(html, "</dl></section>");
}

/* --- certificates and events --- */

struct certificate_rows {
	struct html *html;
	const struct page_place *place;
};

/* A certificate_function. */
static int append_certificate(void *context, const struct issued_certificate *certificate,
			      int64_t position, struct fault *fault)
{
	const struct certificate_rows *rows = context;

	(void)position;
	html_certificate_row(rows->html, rows->place, certificate);
	return check_buffer(&rows->html->text, fault);
}

static int append_newest(struct html *html, const struct page_place *place, struct store *store,
			 struct fault *fault)
{
	struct certificate_rows rows = {html, place};
	const size_t limit = place->kind == PAGE_FILE ? FILE_CERTIFICATES : LIVE_CERTIFICATES;
	char caption[64];

	(void)snprintf(caption, sizeof(caption), "The newest first, at most %zu", limit);
	MARKUP(html, "<section aria-labelledby=\"certificates\"><h2 id=\"certificates\">"
		     "Certificates</h2>");
	begin_certificate_table(html, caption);
	if (list_newest_certificates(store, NULL, limit, append_certificate, &rows, fault) < 0)
		return -1;
	end_table(html);
	MARKUP(html, "</section>");
	return 0;
}

static void append_events(struct html *html, const struct page_place *place,
			  const struct overview *overview)
{
	MARKUP(html, "<section aria-labelledby=\"events\"><h2 id=\"events\">Events</h2>");
	html_events(html, place, activity_events(overview->activity),
		    "The last 20 of the audit log, the newest first");
	MARKUP(html, "</section>");
}

/* --- the page --- */

int format_overview_page(const struct overview *overview, const struct page_problems *problems,
			 struct store *store, enum page_kind kind, struct buffer *ret_page,
			 struct fault *fault)
{
	CLEANUP(clear_html) struct html html = {0};
	const struct page_place place = {
		.kind = kind, .up = "", .now_s = overview->now_s, .fleet = &overview->fleet};

	begin_page(&html, &place, overview->issuing_subject);
	MARKUP(&html, "<nav aria-label=\"On this page\"><ul>"
		      "<li><a href=\"#ends\">Ends</a></li>"
		      "<li><a href=\"#activity\">Issued</a></li>"
		      "<li><a href=\"#ca\">The CA</a></li>"
		      "<li><a href=\"#clients\">Clients</a></li>"
		      "<li><a href=\"#events\">Events</a></li>"
		      "<li><a href=\"#certificates\">Certificates</a></li></ul></nav>");
	append_health(&html, overview, problems);
	append_figures(&html, overview);
	MARKUP(&html, "<div class=\"pair\">");
	append_ends(&html, overview);
	append_activity(&html, overview);
	append_ca(&html, overview);
	append_sums(&html, overview);
	append_types(&html, overview);
	MARKUP(&html, "</div>");
	html_clients(&html, &place);
	append_events(&html, &place, overview);
	if (append_newest(&html, &place, store, fault) < 0)
		return -1;
	end_page(&html, &place);
	if (check_buffer(&html.text, fault) < 0)
		return -1;
	*ret_page = take_buffer(&html.text);
	return 0;
}
