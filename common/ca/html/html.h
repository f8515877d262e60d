#ifndef CERTPOOL_CA_HTML_HTML_H
#define CERTPOOL_CA_HTML_HTML_H

#include "common/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Writes HTML (UTF-8). Markup is a literal of the source code; whatever comes from elsewhere is
 * written as text or as the value of an attribute:
 *
 *	MARKUP(html, "<td>");
 *	html_text(html, client->name);
 *	MARKUP(html, "</td>");
 *
 * In text and values, the characters that mean something to HTML become references, octets that are
 * not UTF-8 become U+FFFD, and characters that are invisible or change how their neighbours are
 * displayed (deceptive_character, and those without a width) are shown by their number, "[U+202E]".
 * A failed allocation is reported once, by check_buffer of `text`.
 */
struct html {
	struct buffer text;
};

void clear_html(struct html *html);

/* Appends a literal of the source. */
#define MARKUP(html, literal) append_bytes(&(html)->text, HTML_LITERAL(literal))
#define HTML_LITERAL(literal)                                                                      \
	((struct bytes){(const uint8_t *)("" literal ""), sizeof(literal) - 1})

/* The most octets of one text or value that are shown; a longer one ends in "… (65536 octets)". */
enum { HTML_TEXT_MAX = 2048 };

/* Text, isolated from the direction of writing around it (<bdi>). NULL is "". */
void html_text(struct html *html, const char *text);

/* The same without <bdi>, where no element may be: in a title. */
void html_plain_text(struct html *html, const char *text);

/* Lines of ASCII, such as PEM, whose line ends are kept. */
void html_lines(struct html *html, struct bytes lines);

/* ` name="value"`, inside a tag; the name is a literal. */
#define ATTRIBUTE(html, name, value) html_attribute((html), HTML_LITERAL(" " name "=\""), (value))
void html_attribute(struct html *html, struct bytes begin, const char *value);
#define NUMBER_ATTRIBUTE(html, name, value)                                                        \
	html_number_attribute((html), HTML_LITERAL(" " name "=\""), (value))
void html_number_attribute(struct html *html, struct bytes begin, int64_t value);

/* A number with its thousands set apart, and for programs without: <data value="1234">1 234</data>.
 */
void html_number(struct html *html, int64_t number);

/* The same without <data>, where no element may be; a narrow space that does not break sets the
   thousands apart. */
void html_plain_number(struct html *html, int64_t number);

/* The same with a name for tests and other programs: <data id="n-NAME" value=…>. */
#define FIGURE(html, name, number) html_figure((html), HTML_LITERAL(" id=\"n-" name "\""), (number))
void html_figure(struct html *html, struct bytes id, int64_t number);

/* <time datetime="2026-11-27T20:15:00Z">2026-11-27 20:15</time>; "–" for 0. */
void html_time(struct html *html, int64_t time_s);

/* The day alone. */
void html_day(struct html *html, int64_t time_s);

/* Anything but a letter, a digit and "-._~" becomes %XX (RFC 3986): a segment of a path, or a value
   in a query, inside an attribute. */
void html_url_part(struct html *html, const char *text);

#endif
