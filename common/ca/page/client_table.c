#include "common/ca/page/client_table.h"

#include "common/ca/html/chart.h"

static void append_quota(struct html *html, const struct fleet_row *row)
{
	html_number(html, (int64_t)row->holding.valid);
	MARKUP(html, " <span class=\"soft\">of ");
	html_number(html, (int64_t)row->client.policy.certificates);
	MARKUP(html, "</span>");
	html_meter(html, row->holding.valid, row->client.policy.certificates);
}

static void append_seen(struct html *html, int64_t seen_s, int64_t now_s)
{
	char span[SPAN_SIZE];

	if (seen_s == 0) {
		MARKUP(html, "\xe2\x80\x93");
		return;
	}
	format_span(now_s > seen_s ? now_s - seen_s : 0, span);
	append_format(&html->text, "%s ago", span);
}

static void append_client_row(struct html *html, const struct page_place *place,
			      const struct fleet_row *row, const struct buffer *reasons)
{
	const struct client *client = &row->client;

	MARKUP(html, "<tr role=\"row\" id=\"client-");
	html_url_part(html, client->name);
	MARKUP(html, "\"><th role=\"rowheader\" scope=\"row\">");
	if (place->kind == PAGE_LIVE)
		html_known_client_link(html, place, client->name);
	else
		html_text(html, client->name);
	MARKUP(html, "</th>");
	CELL(html, "State");
	html_state(html, format_client_state(client));
	END_CELL(html);
	CELL(html, "Valid of quota");
	MARKUP(html, "<div>");
	append_quota(html, row);
	MARKUP(html, "</div>");
	END_CELL(html);
	NUMBER_CELL(html, "Revoked");
	html_number(html, (int64_t)row->holding.revoked);
	END_CELL(html);
	CELL(html, "First end");
	html_day(html, row->holding.first_end_s);
	END_CELL(html);
	CELL(html, "Joined");
	html_day(html, client->joined_at_s);
	END_CELL(html);
	CELL(html, "Seen");
	append_seen(html, client->seen_at_s, place->now_s);
	END_CELL(html);
	CELL(html, "Look at");
	if (reasons->len > 0) {
		MARKUP(html, "<span class=\"mark\">");
		html_text(html, (const char *)reasons->data);
		MARKUP(html, "</span>");
	}
	END_CELL(html);
	MARKUP(html, "</tr>");
}

enum rows { ROWS_ALL, ROWS_MARKED, ROWS_UNMARKED };

/* Returns how many rows there is still room for. */
static size_t append_client_rows(struct html *html, const struct page_place *place, enum rows which,
				 size_t room)
{
	for (size_t i = 0; i < place->fleet->count && room > 0; i++) {
		CLEANUP(clear_buffer) struct buffer reasons = {0};
		const struct fleet_row *row = &place->fleet->rows[i];

		append_reasons(place->fleet, row, &reasons);
		html->text.failed |= reasons.failed;
		if (which != ROWS_ALL && (reasons.len > 0) != (which == ROWS_MARKED))
			continue;
		append_client_row(html, place, row, &reasons);
		room--;
	}
	return room;
}

static void append_caption(struct html *html, size_t count, bool whole)
{
	MARKUP(html, "<caption>Each with the valid certificates that it has, of those that it may "
		     "have");
	if (!whole) {
		MARKUP(html, "; ");
		html_number(html, LIVE_CLIENTS);
		MARKUP(html, " of ");
		html_number(html, (int64_t)count);
		MARKUP(html, ", those that need a look first: the search finds the others, and the "
			     "file of <code>certpool status --html</code> has them all");
	}
	MARKUP(html, "</caption>");
}

void html_clients(struct html *html, const struct page_place *place)
{
	const size_t count = place->fleet->count;
	const bool whole = place->kind == PAGE_FILE || count <= LIVE_CLIENTS;

	MARKUP(html, "<section aria-labelledby=\"clients\"><h2 id=\"clients\">Clients</h2>");
	if (count == 0) {
		MARKUP(html, "<p class=\"soft\">There is none yet: <code>certpool invite CLIENT"
			     "</code> adds one.</p></section>");
		return;
	}
	MARKUP(html, "<table role=\"table\" class=\"stack\">");
	append_caption(html, count, whole);
	MARKUP(html, "<thead role=\"rowgroup\"><tr role=\"row\">"
		     "<th role=\"columnheader\" scope=\"col\">Client</th>"
		     "<th role=\"columnheader\" scope=\"col\">State</th>"
		     "<th role=\"columnheader\" scope=\"col\">Valid of quota</th>"
		     "<th role=\"columnheader\" scope=\"col\" class=\"n\">Revoked</th>"
		     "<th role=\"columnheader\" scope=\"col\">First end</th>"
		     "<th role=\"columnheader\" scope=\"col\">Joined</th>"
		     "<th role=\"columnheader\" scope=\"col\">Seen</th>"
		     "<th role=\"columnheader\" scope=\"col\">Look at</th>"
		     "</tr></thead><tbody role=\"rowgroup\">");
	if (whole)
		(void)append_client_rows(html, place, ROWS_ALL, count);
	else
		(void)append_client_rows(
			html, place, ROWS_UNMARKED,
			append_client_rows(html, place, ROWS_MARKED, LIVE_CLIENTS));
	end_table(html);
	MARKUP(html, "</section>");
}
