#include "common/ca/html/html.h"

#include "common/base/clock.h"
#include "common/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void clear_html(struct html *html)
{
	clear_buffer(&html->text);
}

/* Those that take no room, or tag other characters, besides deceptive_character. */
static bool invisible_character(uint32_t character)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = {{0xad, 0xad},      {0x34f, 0x34f},   {0x115f, 0x1160}, {0x17b4, 0x17b5},
		      {0x180b, 0x180f},  {0x200b, 0x200d}, {0x2060, 0x206f}, {0x3164, 0x3164},
		      {0xfe00, 0xfe0f},  {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffc},
		      {0xe0000, 0xe0fff}};

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return (character & 0xfffe) == 0xfffe;
}

static void append_character(struct buffer *text, uint32_t character, struct bytes octets)
{
	switch (character) {
	case '&':
		append_string(text, "&amp;");
		return;
	case '<':
		append_string(text, "&lt;");
		return;
	case '>':
		append_string(text, "&gt;");
		return;
	case '"':
		append_string(text, "&quot;");
		return;
	case '\'':
		append_string(text, "&#39;");
		return;
	default:
		break;
	}
	if (deceptive_character(character) || invisible_character(character))
		append_format(text, "[U+%04" PRIX32 "]", character);
	else
		append_bytes(text, octets);
}

/* How many octets at the beginning, of `most`, mean nothing but themselves. */
static size_t count_plain(struct bytes text, size_t most)
{
	size_t len = 0;

	while (len < text.len && len < most && text.data[len] >= 0x20 && text.data[len] < 0x7f &&
	       strchr("&<>\"'", text.data[len]) == NULL)
		len++;
	return len;
}

static void append_escaped(struct buffer *text, const char *value)
{
	struct bytes rest = bytes_of_string(value != NULL ? value : "");
	const size_t len = rest.len;

	while (rest.len > 0 && len - rest.len < HTML_TEXT_MAX) {
		const size_t plain = count_plain(rest, HTML_TEXT_MAX - (len - rest.len));
		struct bytes before;
		uint32_t character;

		append_bytes(text, (struct bytes){rest.data, plain});
		rest = (struct bytes){rest.data + plain, rest.len - plain};
		before = rest;
		if (plain > 0)
			continue;
		if (read_utf8(&rest, &character)) {
			append_character(text, character,
					 (struct bytes){before.data, before.len - rest.len});
			continue;
		}
		append_string(text, "\xef\xbf\xbd");
		rest = (struct bytes){rest.data + 1, rest.len - 1};
	}
	if (rest.len > 0)
		append_format(text, "\xe2\x80\xa6 (%zu octets)", len);
}

void html_text(struct html *html, const char *text)
{
	MARKUP(html, "<bdi>");
	append_escaped(&html->text, text);
	MARKUP(html, "</bdi>");
}

void html_plain_text(struct html *html, const char *text)
{
	append_escaped(&html->text, text);
}

void html_lines(struct html *html, struct bytes lines)
{
	for (size_t i = 0; i < lines.len; i++) {
		struct bytes octet = {lines.data + i, 1};

		if (*octet.data == '\n' || (*octet.data >= 0x20 && *octet.data < 0x7f))
			*octet.data == '\n' ? append_bytes(&html->text, octet)
					    : append_character(&html->text, *octet.data, octet);
	}
}

void html_attribute(struct html *html, struct bytes begin, const char *value)
{
	append_bytes(&html->text, begin);
	append_escaped(&html->text, value);
	MARKUP(html, "\"");
}

void html_number_attribute(struct html *html, struct bytes begin, int64_t value)
{
	append_bytes(&html->text, begin);
	append_format(&html->text, "%" PRId64 "\"", value);
}

void html_plain_number(struct html *html, int64_t number)
{
	struct buffer *text = &html->text;
	char digits[24];
	size_t len;

	(void)snprintf(digits, sizeof(digits), "%" PRId64, number);
	len = strlen(digits);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
			append_string(text, "&#8239;");
		append_bytes(text, (struct bytes){(const uint8_t *)&digits[i], 1});
	}
}

void html_figure(struct html *html, struct bytes id, int64_t number)
{
	MARKUP(html, "<data");
	append_bytes(&html->text, id);
	NUMBER_ATTRIBUTE(html, "value", number);
	MARKUP(html, ">");
	html_plain_number(html, number);
	MARKUP(html, "</data>");
}

void html_number(struct html *html, int64_t number)
{
	html_figure(html, (struct bytes){0}, number);
}

static void append_time(struct html *html, int64_t time_s, size_t shown)
{
	char text[TIME_TEXT_SIZE];
	const size_t place_of_t = 10;

	if (time_s == 0) {
		MARKUP(html, "\xe2\x80\x93");
		return;
	}
	format_time(time_s, text);
	MARKUP(html, "<time");
	ATTRIBUTE(html, "datetime", text);
	MARKUP(html, ">");
	if (text[place_of_t] == 'T') {
		text[place_of_t] = ' ';
		text[shown] = '\0';
	}
	append_escaped(&html->text, text);
	MARKUP(html, "</time>");
}

void html_time(struct html *html, int64_t time_s)
{
	const size_t to_the_minute = 16;

	append_time(html, time_s, to_the_minute);
}

void html_day(struct html *html, int64_t time_s)
{
	const size_t to_the_day = 10;

	append_time(html, time_s, to_the_day);
}

void html_url_part(struct html *html, const char *text)
{
	for (const unsigned char *octet = (const unsigned char *)text; *octet != '\0'; octet++) {
		bool plain = (*octet >= '0' && *octet <= '9') || (*octet >= 'a' && *octet <= 'z') ||
			     (*octet >= 'A' && *octet <= 'Z') || strchr("-._~", *octet) != NULL;

		append_format(&html->text, plain ? "%c" : "%%%02X", *octet);
	}
}
