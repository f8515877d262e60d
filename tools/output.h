#ifndef CERTPOOL_TOOLS_OUTPUT_H
#define CERTPOOL_TOOLS_OUTPUT_H

#include "common/base/bytes.h"
#include "tools/command.h"

/*
 * Printing. Data goes to standard output, everything else to standard error, a line at a time.
 * Control characters in lines are masked, so that a name from another party cannot drive the
 * terminal. Colour appears on terminals alone, and never with NO_COLOR.
 */

/* Prints a line of data. flush_output reports a failed write. */
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints octets unchanged, and a line end. On a terminal control characters are masked, except line
 * end and tabulator.
 */
void print_octets(struct bytes octets);

/* The same without the line end, except on a terminal. */
void print_content(struct bytes octets);

/* FAULT_FAILED when earlier output could not be written; without a text when a pipe's reader has
   gone, which is nobody's failure. */
int flush_output(struct fault *fault) MUST_CHECK;

/* Standard error: a note, which --quiet suppresses; a complaint, which it does not. */
void print_note(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void print_complaint(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * One flat JSON object (RFC 8259), for one line of output: every verb's --json is made of these.
 * Zero-initialised is empty. In text, U+FFFD replaces octets that are not UTF-8. A failed
 * allocation is reported by print_json.
 */
struct json_line {
	struct buffer text;
};

void add_json_text(struct json_line *line, const char *name, const char *value);
void add_json_base64(struct json_line *line, const char *name, struct bytes value);
void add_json_number(struct json_line *line, const char *name, long long value);
void add_json_flag(struct json_line *line, const char *name, bool value);

/* RFC 3339; 0 means that there is no such time, and becomes null. */
void add_json_time(struct json_line *line, const char *name, int64_t time_s);

/* A list of texts: begun, any number of items added, ended. */
void begin_json_list(struct json_line *line, const char *name);
void add_json_item(struct json_line *line, const char *value);
void end_json_list(struct json_line *line);

/* A number with three decimals, such as seconds from milliseconds. Shape: not negative. */
void add_json_thousandths(struct json_line *line, const char *name, int64_t thousandths);

/*
 * A line of a server's log in JSON: begin_log_line adds time and level (error, warning, info or
 * debug), and print_log_line prints the object on standard error.
 */
void begin_log_line(struct json_line *line, const char *level);
void print_log_line(struct json_line *line);

/* Prints the object and flushes standard output. */
int print_json(struct json_line *line, struct fault *fault) MUST_CHECK;
void clear_json(struct json_line *line);

/* Whether the descriptor is a terminal on which colour is wanted (TERM, NO_COLOR). */
bool is_colourful(int descriptor);

#endif
