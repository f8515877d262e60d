/* What verbs print: lines, JSON objects, progress bars. */
#include "tools/output.h"

#include "common/base/clock.h"
#include "common/crypto/base64.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The line is made first, so that it can be masked and printed in one write. */
__attribute__((format(printf, 3, 0))) static void
print_masked(FILE *stream, const char *prefix, const char *format, va_list arguments)
{
	CLEANUP(free_string) char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL;
		return;
	}
	mask_control_characters(text);
	(void)fprintf(stream, "%s%s\n", prefix, text);
}

void print_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_masked(stdout, "", format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 2, 0))) static void
print_log_message(const char *level, const char *format, va_list arguments)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(free_string) char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL;
		return;
	}
	begin_log_line(&line, level);
	add_json_text(&line, "message", text);
	print_log_line(&line);
}

__attribute__((format(printf, 3, 0))) static void print_prefixed(const struct command *command,
								 const char *level,
								 const char *format,
								 va_list arguments)
{
	char prefix[64];

	if (command->json_log) {
		print_log_message(level, format, arguments);
		return;
	}
	(void)snprintf(prefix, sizeof(prefix), "certpool %s: ", command->verb->name);
	print_masked(stderr, prefix, format, arguments);
}

void print_note(const struct command *command, const char *format, ...)
{
	va_list arguments;

	if (command->quiet)
		return;
	va_start(arguments, format);
	print_prefixed(command, "info", format, arguments);
	va_end(arguments);
}

void print_complaint(const struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_prefixed(command, "warning", format, arguments);
	va_end(arguments);
}

/* C0 without line end and tabulator, DEL, and C1 as UTF-8 writes it. */
static bool is_control(struct bytes octets, size_t i)
{
	uint8_t c = octets.data[i];

	if (c == 0xc2 && i + 1 < octets.len)
		return octets.data[i + 1] >= 0x80 && octets.data[i + 1] <= 0x9f;
	return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

void print_content(struct bytes octets)
{
	if (isatty(STDOUT_FILENO) == 1)
		print_octets(octets);
	else if (octets.len > 0)
		(void)fwrite(octets.data, 1, octets.len, stdout);
}

void print_octets(struct bytes octets)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;

	if (!terminal && octets.len > 0)
		(void)fwrite(octets.data, 1, octets.len, stdout);
	for (size_t i = 0; terminal && i < octets.len; i++)
		putchar(is_control(octets, i) ? '?' : octets.data[i]);
	putchar('\n');
}

/* A pipe's reader that has gone, as head does, has what it wants. */
static bool has_reader(int descriptor)
{
	struct pollfd output = {.fd = descriptor, .events = POLLOUT};

	return poll(&output, 1, 0) < 1 || (output.revents & POLLERR) == 0;
}

int flush_output(struct fault *fault)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (!has_reader(STDOUT_FILENO))
		return set_fault(fault, FAULT_FAILED, "%s", "");
	return set_errno_fault(fault, "standard output: cannot be written");
}

/*
 * The length of the UTF-8 sequence that begins there, 0 when none does. The table is that of RFC
 * 3629 section 4, which leaves out overlong forms and surrogates.
 */
static size_t measure_character(const unsigned char *text)
{
	static const struct {
		unsigned char first, last; /* of the first octet */
		unsigned char low, high;   /* of the second */
		size_t len;
	} forms[] = {
		{0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		size_t len = 1;

		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].len > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
			return 0;
		for (len = 2; len < forms[i].len; len++)
			if ((text[len] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* DEL is escaped too, for terminals. */
static void append_json_string(struct buffer *buffer, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	append_string(buffer, "\"");
	while (*c != '\0') {
		size_t len = measure_character(c);

		if (*c == '"' || *c == '\\')
			append_format(buffer, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			append_format(buffer, "\\u%04x", *c);
		else if (len == 0)
			append_string(buffer, "\\ufffd");
		else
			append_bytes(buffer, (struct bytes){c, len});
		c += len > 0 ? len : 1;
	}
	append_string(buffer, "\"");
}

static void append_member_name(struct json_line *line, const char *name)
{
	append_string(&line->text, line->text.len == 0 ? "{" : ",");
	append_json_string(&line->text, name);
	append_string(&line->text, ":");
}

void add_json_text(struct json_line *line, const char *name, const char *value)
{
	append_member_name(line, name);
	append_json_string(&line->text, value);
}

void add_json_base64(struct json_line *line, const char *name, struct bytes value)
{
	append_member_name(line, name);
	append_string(&line->text, "\"");
	append_base64(&line->text, value);
	append_string(&line->text, "\"");
}

void add_json_number(struct json_line *line, const char *name, long long value)
{
	append_member_name(line, name);
	append_format(&line->text, "%lld", value);
}

void add_json_flag(struct json_line *line, const char *name, bool value)
{
	append_member_name(line, name);
	append_string(&line->text, value ? "true" : "false");
}

void add_json_time(struct json_line *line, const char *name, int64_t time_s)
{
	char text[TIME_TEXT_SIZE];

	append_member_name(line, name);
	format_time(time_s, text);
	if (time_s == 0)
		append_string(&line->text, "null");
	else
		append_json_string(&line->text, text);
}

void add_json_thousandths(struct json_line *line, const char *name, int64_t thousandths)
{
	append_member_name(line, name);
	append_format(&line->text, "%lld.%03lld", (long long)thousandths / 1000,
		      (long long)thousandths % 1000);
}

void begin_json_list(struct json_line *line, const char *name)
{
	append_member_name(line, name);
	append_string(&line->text, "[");
}

void add_json_item(struct json_line *line, const char *value)
{
	if (line->text.len > 0 && line->text.data[line->text.len - 1] != '[')
		append_string(&line->text, ",");
	append_json_string(&line->text, value);
}

void end_json_list(struct json_line *line)
{
	append_string(&line->text, "]");
}

void begin_log_line(struct json_line *line, const char *level)
{
	add_json_time(line, "time", read_clock());
	add_json_text(line, "level", level);
}

/* In one write, so that lines of several threads and processes do not mix. */
void print_log_line(struct json_line *line)
{
	append_string(&line->text, "}\n");
	if (line->text.data != NULL)
		(void)fwrite(line->text.data, 1, line->text.len, stderr);
}

/* Flushed at once, so that a reader of a pipe gets each object when it is made. */
int print_json(struct json_line *line, struct fault *fault)
{
	append_string(&line->text, line->text.len == 0 ? "{}" : "}");
	if (check_buffer(&line->text, fault) < 0)
		return -1;
	(void)fwrite(line->text.data, 1, line->text.len, stdout);
	putchar('\n');
	return flush_output(fault);
}

void clear_json(struct json_line *line)
{
	wipe_buffer(&line->text);
}

bool is_colourful(int descriptor)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(descriptor) == 1 && (no_colour == NULL || *no_colour == '\0') &&
	       terminal != NULL && strcmp(terminal, "dumb") != 0;
}
