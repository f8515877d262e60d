#include "common/ca/page/detail_pages.h"

#include "common/base/hex.h"
#include "common/ca/html/chart.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/page/event_table.h"
#include "common/ca/store/clients.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/purpose.h"
#include "common/x509/revocation/crl_reason.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static struct page_place place_below(const struct page_source *source)
{
	return (struct page_place){.kind = PAGE_LIVE, .up = "../", .now_s = source->now_s};
}

static int finish_page(struct html *html, const struct page_place *place, struct buffer *ret_page,
		       struct fault *fault)
{
	end_page(html, place);
	if (check_buffer(&html->text, fault) < 0)
		return -1;
	*ret_page = take_buffer(&html->text);
	return 0;
}

/* --- certificates in a table --- */

struct certificate_rows {
	struct html *html;
	const struct page_place *place;
	size_t count;
};

/* A certificate_function. */
static int append_row(void *context, const struct issued_certificate *certificate, int64_t position,
		      struct fault *fault)
{
	struct certificate_rows *rows = context;

	(void)position;
	if (rows->count++ == 0)
		begin_certificate_table(rows->html, "The newest first, at most 200");
	html_certificate_row(rows->html, rows->place, certificate);
	return check_buffer(&rows->html->text, fault);
}

static void end_rows(const struct certificate_rows *rows)
{
	if (rows->count > 0)
		end_table(rows->html);
	else
		MARKUP(rows->html, "<p class=\"soft\">None.</p>");
}

/* --- a client --- */

#define TEXT_TERM(html, term, buffer)                                                              \
	do {                                                                                       \
		TERM(html, term);                                                                  \
		html_text(html, (const char *)(buffer)->data);                                     \
		END_TERM(html);                                                                    \
		clear_buffer(buffer);                                                              \
	} while (0)

static void append_policy(struct html *html, const struct client_policy *policy)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	TERM(html, "Subject");
	html_text(html, policy->subject);
	END_TERM(html);
	append_alt_name_list(policy, &text);
	TEXT_TERM(html, "Alternative names", &text);
	append_key_list(policy, &text);
	TEXT_TERM(html, "Keys", &text);
	append_usage_list(policy->usages, &text);
	TEXT_TERM(html, "Usages", &text);
	TERM(html, "Requests a minute");
	html_number(html, (int64_t)policy->requests_per_minute);
	END_TERM(html);
}

static int append_client(struct html *html, const struct page_source *source,
			 const struct client *client, struct fault *fault)
{
	const struct certificate_query valid = {
		.client = client->name, .state = STATE_LIVE, .now_s = source->now_s};
	size_t count;

	if (count_certificates(source->store, &valid, &count, fault) < 0)
		return -1;
	MARKUP(html, "<section aria-labelledby=\"client\"><h2 id=\"client\">Client</h2>"
		     "<dl class=\"terms\">");
	TERM(html, "State");
	html_state(html, format_client_state(client));
	if (client->revoked) {
		MARKUP(html, " ");
		html_time(html, client->revoked_at_s);
		MARKUP(html, ", ");
		html_text(html, format_crl_reason(client->reason));
	}
	END_TERM(html);
	TERM(html, "Valid of quota");
	html_number(html, (int64_t)count);
	MARKUP(html, " <span class=\"soft\">of ");
	html_number(html, (int64_t)client->policy.certificates);
	MARKUP(html, "</span>");
	html_meter(html, count, client->policy.certificates);
	END_TERM(html);
	TERM(html, "Invited");
	html_time(html, client->invited_at_s);
	END_TERM(html);
	TERM(html, "Joined");
	html_time(html, client->joined_at_s);
	END_TERM(html);
	TERM(html, "Seen");
	html_time(html, client->seen_at_s);
	END_TERM(html);
	append_policy(html, &client->policy);
	MARKUP(html, "</dl></section>");
	return 0;
}

int format_client_page(const struct page_source *source, const char *name, bool *ret_found,
		       struct buffer *ret_page, struct fault *fault)
{
	CLEANUP(clear_html) struct html html = {0};
	CLEANUP(clear_client) struct client client = {0};
	CLEANUP(clear_recent_events) struct recent_events events = {0};
	const struct page_place place = place_below(source);
	struct certificate_rows rows = {.html = &html, .place = &place};
	bool found;

	if (read_client(source->store, name, &client, &found, fault) < 0 ||
	    find_events_of_client(source->store, name, &events, fault) < 0)
		return -1;
	begin_page(&html, &place, name);
	if (found && append_client(&html, source, &client, fault) < 0)
		return -1;
	MARKUP(&html, "<section aria-labelledby=\"certificates\"><h2 id=\"certificates\">"
		      "Certificates</h2>");
	if (list_newest_certificates(source->store, name, CLIENT_CERTIFICATES, append_row, &rows,
				     fault) < 0)
		return -1;
	end_rows(&rows);
	MARKUP(&html,
	       "</section><section aria-labelledby=\"events\"><h2 id=\"events\">Events</h2>");
	html_events(&html, &place, &events, "Among the last 1,000 lines of the audit log");
	MARKUP(&html, "</section>");
	*ret_found = found || rows.count > 0;
	return *ret_found ? finish_page(&html, &place, ret_page, fault) : 0;
}

/* --- a certificate --- */

static void append_alt_names_of(struct html *html, const struct certificate *certificate)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct fault unknown = {0};

	if (get_certificate_alt_names(certificate, &names, &unknown) < 0 || names.count == 0)
		return;
	TERM(html, "Alternative names");
	for (size_t i = 0; i < names.count; i++) {
		if (i > 0)
			MARKUP(html, "<br>");
		html_text(html, names.names[i]);
	}
	END_TERM(html);
}

static void append_status(struct html *html, const struct page_place *place,
			  const struct issued_certificate *issued)
{
	TERM(html, "Status");
	html_state(html, name_certificate_state(issued, place->now_s));
	if (issued->revoked) {
		MARKUP(html, " ");
		html_time(html, issued->revoked_at_s);
		MARKUP(html, ", ");
		html_text(html, format_crl_reason(issued->reason));
	}
	END_TERM(html);
	TERM(html, "Client, member");
	html_client_link(html, place, issued->client);
	MARKUP(html, ", ");
	html_text(html, issued->member);
	END_TERM(html);
	TERM(html, "Issued");
	html_time(html, issued->issued_at_s);
	END_TERM(html);
	TERM(html, "Valid from");
	html_time(html, issued->not_before_s);
	END_TERM(html);
	TERM(html, "Ends");
	html_time(html, issued->not_after_s);
	END_TERM(html);
}

static void append_fields(struct html *html, const struct issued_certificate *issued,
			  const struct certificate *certificate)
{
	char sha256[2 * SHA256_LEN + 1];
	char usages[USAGES_TEXT_SIZE];

	format_usages(find_usages(certificate_fields(certificate)), usages);
	format_hex((struct bytes){issued->key_sha256, SHA256_LEN}, sha256);
	TERM(html, "Subject");
	html_text(html, certificate_subject(certificate));
	END_TERM(html);
	append_alt_names_of(html, certificate);
	TERM(html, "Issuer");
	html_text(html, certificate_issuer(certificate));
	END_TERM(html);
	TERM(html, "Usages");
	html_text(html, usages);
	END_TERM(html);
	TERM(html, "Key");
	html_text(html, format_key_type(public_key_type(certificate_public_key(certificate))));
	END_TERM(html);
	TERM(html, "SHA-256 of the key");
	MARKUP(html, "<code>");
	html_plain_text(html, sha256);
	MARKUP(html, "</code>");
	END_TERM(html);
}

static void append_link_of_chain(struct html *html, const struct certificate *certificate,
				 int64_t now_s)
{
	char serial[SERIAL_TEXT_SIZE];

	format_serial(certificate_serial(certificate), serial);
	MARKUP(html, "<tr><th scope=\"row\">");
	html_text(html, certificate_subject(certificate));
	MARKUP(html, "</th><td><code>");
	html_plain_text(html, serial);
	MARKUP(html, "</code></td><td>");
	html_end(html, certificate_not_after(certificate), now_s);
	MARKUP(html, "</td></tr>");
}

/* The issuer as the files of the CA have it now, and the root. */
static int append_chain(struct html *html, const struct page_source *source, unsigned int issuer,
			struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *issuing = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;

	if (read_issuing_certificate(source->layout, &source->manifest->ca, issuer, &issuing,
				     fault) < 0 ||
	    read_ca_root(source->layout, &root, fault) < 0)
		return -1;
	MARKUP(html, "<section aria-labelledby=\"chain\"><h2 id=\"chain\">Chain</h2><div "
		     "class=\"scroll\"><table><caption class=\"hidden\">From the issuer to the "
		     "root</caption><thead><tr><th scope=\"col\">Subject</th><th scope=\"col\">"
		     "Serial</th><th scope=\"col\">Ends</th></tr></thead><tbody>");
	append_link_of_chain(html, issuing, source->now_s);
	if (!equal_bytes(certificate_der(issuing), certificate_der(root)))
		append_link_of_chain(html, root, source->now_s);
	MARKUP(html, "</tbody></table></div></section>");
	return 0;
}

static int append_pem(struct html *html, const struct issued_certificate *issued,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (format_certificate_pem(bytes_of_buffer(&issued->der), &pem, fault) < 0)
		return -1;
	MARKUP(html,
	       "<section aria-labelledby=\"pem\"><h2 id=\"pem\">PEM</h2><pre tabindex=\"0\">");
	html_lines(html, bytes_of_buffer(&pem));
	MARKUP(html, "</pre></section>");
	return 0;
}

int format_certificate_page(const struct page_source *source,
			    const uint8_t serial[static SERIAL_MAX], bool *ret_found,
			    struct buffer *ret_page, struct fault *fault)
{
	CLEANUP(clear_html) struct html html = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate issued = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_recent_events) struct recent_events events = {0};
	const struct page_place place = place_below(source);
	char text[SERIAL_TEXT_SIZE];
	struct fault damage = {0};

	format_serial((struct bytes){serial, SERIAL_MAX}, text);
	if (find_by_serial(source->store, serial, &issued, ret_found, fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	if (parse_certificate_der(bytes_of_buffer(&issued.der), &certificate, &damage) < 0)
		return set_fault(fault, FAULT_FAILED, "the CA's record: %s", damage.text);
	if (find_events_of_serial(source->store, text, &events, fault) < 0)
		return -1;
	begin_page(&html, &place, text);
	MARKUP(&html, "<section aria-labelledby=\"fields\"><h2 id=\"fields\">Certificate</h2>"
		      "<dl class=\"terms\">");
	append_status(&html, &place, &issued);
	append_fields(&html, &issued, certificate);
	MARKUP(&html, "</dl></section>");
	if (append_chain(&html, source, issued.issuer, fault) < 0)
		return -1;
	MARKUP(&html, "<section aria-labelledby=\"events\"><h2 id=\"events\">Events</h2>");
	html_events(&html, &place, &events, "Among the last 1,000 lines of the audit log");
	MARKUP(&html, "</section>");
	if (append_pem(&html, &issued, fault) < 0)
		return -1;
	return finish_page(&html, &place, ret_page, fault);
}

/* --- a search --- */

struct client_search {
	struct html *html;
	const struct page_place *place;
	size_t count;
};

/* A client_function. Case does not matter. */
static int match_client(void *context, const struct client *client, struct fault *fault)
{
	struct client_search *search = context;

	if (search->count == FOUND_MAX || strcasestr(client->name, search->place->query) == NULL)
		return 0;
	MARKUP(search->html, "<li>");
	html_client_link(search->html, search->place, client->name);
	MARKUP(search->html, "</li>");
	search->count++;
	return check_buffer(&search->html->text, fault);
}

/* Whole octets of a serial, or of its beginning; an odd digit at the end is left out. */
static size_t read_prefix(const char *text, uint8_t ret_octets[static SERIAL_MAX])
{
	size_t digits = 0;

	if (text[0] == '0' && tolower((unsigned char)text[1]) == 'x')
		text += 2;
	for (; *text != '\0' && digits < 2 * SERIAL_MAX; text++) {
		int value = hex_value(*text);

		if (*text == ':')
			continue;
		if (value < 0)
			return 0;
		if (digits % 2 == 0)
			ret_octets[digits / 2] = (uint8_t)(value << 4);
		else
			ret_octets[digits / 2] |= (uint8_t)value;
		digits++;
	}
	return *text == '\0' ? digits / 2 : 0;
}

int format_search_page(const struct page_source *source, const char *query, struct buffer *ret_page,
		       struct fault *fault)
{
	CLEANUP(clear_html) struct html html = {0};
	/* It is served at the overview's own path. */
	const struct page_place place = {
		.kind = PAGE_LIVE, .up = "", .now_s = source->now_s, .query = query};
	struct client_search clients = {.html = &html, .place = &place};
	struct certificate_rows rows = {.html = &html, .place = &place};
	uint8_t prefix[SERIAL_MAX];
	size_t len = read_prefix(query, prefix);

	begin_page(&html, &place, "Search");
	MARKUP(&html, "<section aria-labelledby=\"clients\"><h2 id=\"clients\">Clients</h2><ul>");
	if (list_clients(source->store, match_client, &clients, fault) < 0)
		return -1;
	MARKUP(&html, "</ul>");
	if (clients.count == 0)
		MARKUP(&html, "<p class=\"soft\">None whose name has this in it.</p>");
	MARKUP(&html, "</section><section aria-labelledby=\"certificates\">"
		      "<h2 id=\"certificates\">Certificates</h2>");
	if (len > 0 && list_by_serial_prefix(source->store, (struct bytes){prefix, len}, FOUND_MAX,
					     append_row, &rows, fault) < 0)
		return -1;
	end_rows(&rows);
	MARKUP(&html, "</section><p><a href=\"./\">The overview</a></p>");
	return finish_page(&html, &place, ret_page, fault);
}
