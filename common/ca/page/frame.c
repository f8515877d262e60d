#include "common/ca/page/frame.h"

#include "common/ca/page/style.h"
#include "common/crypto/base64.h"
#include "common/crypto/digest.h"
#include "common/x509/serial.h"

#include <string.h>

int format_page_policy(bool in_page, struct buffer *ret_policy, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer policy = {0};
	CLEANUP(clear_buffer) struct buffer style = {0};
	uint8_t sha256[SHA256_LEN];

	append_page_style(&style);
	if (check_buffer(&style, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&style), sha256);
	append_string(&policy, "default-src 'none'; img-src data:; style-src 'sha256-");
	append_base64(&policy, (struct bytes){sha256, sizeof(sha256)});
	append_string(&policy, "'; base-uri 'none'; form-action 'self'");
	if (!in_page)
		append_string(&policy, "; frame-ancestors 'none'");
	if (check_buffer(&policy, fault) < 0)
		return -1;
	*ret_policy = take_buffer(&policy);
	return 0;
}

static void append_policy(struct html *html)
{
	CLEANUP(clear_buffer) struct buffer policy = {0};
	struct fault ignored = {0};

	if (format_page_policy(true, &policy, &ignored) < 0) {
		html->text.failed = true;
		return;
	}
	MARKUP(html, "<meta http-equiv=\"Content-Security-Policy\"");
	ATTRIBUTE(html, "content", (const char *)policy.data);
	MARKUP(html, ">");
}

static void append_search(struct html *html, const struct page_place *place)
{
	MARKUP(html, "<form role=\"search\" action=\"");
	append_string(&html->text, place->up[0] != '\0' ? place->up : "./");
	MARKUP(html, "\"><label class=\"hidden\" for=\"q\">Client, or the beginning of a serial"
		     "</label><input id=\"q\" name=\"q\" type=\"search\" maxlength=\"128\""
		     " placeholder=\"Client or serial\"");
	ATTRIBUTE(html, "value", place->query);
	MARKUP(html, "><button>Search</button></form>");
}

void begin_page(struct html *html, const struct page_place *place, const char *title)
{
	MARKUP(html, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
	append_policy(html);
	MARKUP(html, "<meta name=\"referrer\" content=\"no-referrer\">"
		     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		     "<link rel=\"icon\" href=\"data:,\"><title>");
	html_plain_text(html, title);
	MARKUP(html, " \xc2\xb7 certpool</title><style>");
	append_page_style(&html->text);
	MARKUP(html, "</style></head><body><header><h1><span class=\"kicker\">");
	if (place->kind == PAGE_LIVE && place->up[0] != '\0') {
		MARKUP(html, "<a href=\"");
		append_string(&html->text, place->up);
		MARKUP(html, "\">certpool</a>");
	} else {
		MARKUP(html, "certpool");
	}
	MARKUP(html, " \xc2\xb7 ");
	html_time(html, place->now_s);
	MARKUP(html, " UTC</span>");
	html_text(html, title);
	MARKUP(html, "</h1>");
	if (place->kind == PAGE_LIVE)
		append_search(html, place);
	MARKUP(html, "</header><main>");
}

void end_page(struct html *html, const struct page_place *place)
{
	MARKUP(html, "</main><p class=\"foot\">");
	if (place->kind == PAGE_FILE)
		MARKUP(html, "Written by <code>certpool status --html</code>. It does not change "
			     "any more.");
	else
		MARKUP(html, "This page only shows. What changes the CA is a command: "
			     "<code>certpool help</code>.");
	MARKUP(html, "</p></body></html>\n");
}

void html_state(struct html *html, const char *state)
{
	bool not_yet = strcmp(state, "not-yet-valid") == 0;

	if (strcmp(state, "valid") == 0 || strcmp(state, "enabled") == 0)
		MARKUP(html, "<span class=\"state\">");
	else if (not_yet || strcmp(state, "expired") == 0)
		MARKUP(html, "<span class=\"state past\">");
	else
		MARKUP(html, "<span class=\"state bad\">");
	html_plain_text(html, not_yet ? "not yet valid" : state);
	MARKUP(html, "</span>");
}

void html_end(struct html *html, int64_t time_s, int64_t now_s)
{
	char span[SPAN_SIZE];

	html_day(html, time_s);
	if (time_s == 0)
		return;
	format_span(time_s > now_s ? time_s - now_s : now_s - time_s, span);
	MARKUP(html, " <span class=\"soft\">\xc2\xb7 ");
	if (time_s > now_s)
		append_format(&html->text, "in\xc2\xa0%s", span);
	else
		append_format(&html->text,
			      "%s\xc2\xa0"
			      "ago",
			      span);
	MARKUP(html, "</span>");
}

void html_client_link(struct html *html, const struct page_place *place, const char *client)
{
	if (place->fleet != NULL ? find_in_fleet(place->fleet, client) == NULL
				 : strcmp(client, CA_NAME) == 0)
		html_text(html, client);
	else
		html_known_client_link(html, place, client);
}

void html_known_client_link(struct html *html, const struct page_place *place, const char *client)
{
	if (place->kind == PAGE_LIVE) {
		MARKUP(html, "<a href=\"");
		append_string(&html->text, place->up);
		MARKUP(html, "client/");
	} else {
		MARKUP(html, "<a href=\"#client-");
	}
	html_url_part(html, client);
	MARKUP(html, "\">");
	html_text(html, client);
	MARKUP(html, "</a>");
}

void begin_certificate_table(struct html *html, const char *caption)
{
	MARKUP(html, "<table role=\"table\" class=\"stack\"><caption>");
	html_plain_text(html, caption);
	MARKUP(html, "</caption><thead role=\"rowgroup\"><tr role=\"row\">"
		     "<th role=\"columnheader\" scope=\"col\">Serial</th>"
		     "<th role=\"columnheader\" scope=\"col\">Client</th>"
		     "<th role=\"columnheader\" scope=\"col\">Member</th>"
		     "<th role=\"columnheader\" scope=\"col\">Status</th>"
		     "<th role=\"columnheader\" scope=\"col\">Issued</th>"
		     "<th role=\"columnheader\" scope=\"col\">Ends</th>"
		     "</tr></thead><tbody role=\"rowgroup\">");
}

void html_certificate_row(struct html *html, const struct page_place *place,
			  const struct issued_certificate *certificate)
{
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){certificate->serial, SERIAL_MAX}, serial);
	MARKUP(html, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><code>");
	if (place->kind == PAGE_LIVE) {
		MARKUP(html, "<a href=\"");
		append_string(&html->text, place->up);
		append_format(&html->text, "certificate/%s\">%s</a>", serial, serial);
	} else {
		append_string(&html->text, serial);
	}
	MARKUP(html, "</code></th>");
	CELL(html, "Client");
	html_client_link(html, place, certificate->client);
	END_CELL(html);
	CELL(html, "Member");
	html_text(html, certificate->member);
	END_CELL(html);
	CELL(html, "Status");
	html_state(html, name_certificate_state(certificate, place->now_s));
	END_CELL(html);
	CELL(html, "Issued");
	html_time(html, certificate->issued_at_s);
	END_CELL(html);
	CELL(html, "Ends");
	html_end(html, certificate->not_after_s, place->now_s);
	END_CELL(html);
	MARKUP(html, "</tr>");
}

void end_table(struct html *html)
{
	MARKUP(html, "</tbody></table>");
}
