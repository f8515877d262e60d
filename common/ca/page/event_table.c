#include "common/ca/page/event_table.h"

static void begin_event_table(struct html *html, const char *caption)
{
	MARKUP(html, "<table role=\"table\" class=\"stack\"><caption>");
	html_plain_text(html, caption);
	MARKUP(html, "</caption><thead role=\"rowgroup\"><tr role=\"row\">"
		     "<th role=\"columnheader\" scope=\"col\">Time</th>"
		     "<th role=\"columnheader\" scope=\"col\">Event</th>"
		     "<th role=\"columnheader\" scope=\"col\">Client</th>"
		     "<th role=\"columnheader\" scope=\"col\">What</th>"
		     "</tr></thead><tbody role=\"rowgroup\">");
}

static void append_what(struct html *html, const struct event_text *event)
{
	const char *separator = "";

	if (event->serial_count > 0) {
		html_number(html, (int64_t)event->serial_count);
		append_string(&html->text,
			      event->serial_count == 1 ? " certificate" : " certificates");
		separator = ", ";
	}
	if (event->number > 0) {
		append_string(&html->text, separator);
		MARKUP(html, "number ");
		html_number(html, event->number);
		separator = ", ";
	}
	if (event->count > 1) {
		append_string(&html->text, separator);
		html_number(html, event->count);
		MARKUP(html, " times");
		separator = ", ";
	}
	if (event->type != NULL) {
		append_string(&html->text, separator);
		html_text(html, event->type);
		separator = ": ";
	}
	if (event->detail != NULL) {
		append_string(&html->text, separator);
		html_text(html, event->detail);
	}
}

static void append_event(struct html *html, const struct page_place *place,
			 const struct event_text *event)
{
	const char *client = event->client != NULL ? event->client : event->by;

	MARKUP(html, "<tr role=\"row\">");
	CELL(html, "Time");
	html_time(html, event->time_s);
	END_CELL(html);
	CELL(html, "Event");
	html_text(html, event->kind);
	END_CELL(html);
	CELL(html, "Client");
	if (client != NULL && valid_name(client))
		html_client_link(html, place, client);
	else
		html_text(html, client);
	END_CELL(html);
	CELL(html, "What");
	MARKUP(html, "<div>");
	append_what(html, event);
	MARKUP(html, "</div>");
	END_CELL(html);
	MARKUP(html, "</tr>");
}

void html_events(struct html *html, const struct page_place *place,
		 const struct recent_events *events, const char *caption)
{
	begin_event_table(html, caption);
	for (size_t i = 0; i < events->count; i++)
		append_event(html, place, &events->items[i]);
	end_table(html);
}
