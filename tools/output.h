#ifndef CERTPOOL_TOOLS_OUTPUT_H
#define CERTPOOL_TOOLS_OUTPUT_H

#include "common/base/bytes.h"
#include "common/pool/members/pool.h"
#include "tools/command.h"

/*
 * What is printed. Data goes to standard output, everything else to standard error, each a line at
 * a time. Control characters in lines are masked, so that no name that somebody else chose can
 * drive a terminal. Colour and progress are for terminals, and never with NO_COLOR.
 */

/* Data. A failed write is found by flush_output. */
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Octets as they are, and a line end; on a terminal their control characters are masked, except
   line end and tabulator. */
void print_octets(struct bytes octets);

/* FAULT_FAILED when something printed could not be written. */
int flush_output(struct fault *fault) MUST_CHECK;

/* Standard error: what is good to know, unless --quiet; and what went wrong. */
void print_note(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void print_complaint(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * One JSON object (RFC 8259), flat, for one line of output. Zero-initialised is empty. Text that is
 * not UTF-8 has U+FFFD in place of what is wrong.
 */
struct json_line {
	struct buffer text;
};

void add_json_text(struct json_line *line, const char *name, const char *value);
void add_json_base64(struct json_line *line, const char *name, struct bytes value);
void add_json_number(struct json_line *line, const char *name, long long value);
void add_json_flag(struct json_line *line, const char *name, bool value);

/* RFC 3339; null when there is no such time (0). */
void add_json_time(struct json_line *line, const char *name, int64_t time_s);

/* Three decimals: seconds, of milliseconds; or a rate. Shape: not negative. */
void add_json_thousandths(struct json_line *line, const char *name, int64_t thousandths);
int print_json(struct json_line *line, struct fault *fault) MUST_CHECK;
void clear_json(struct json_line *line);

/* Whether colour may be used on the stream of this descriptor. */
bool is_colourful(int descriptor);

/* A progress bar on standard error. */
struct bar {
	const struct command *command;
	char label[96];
};

/* Shows no bar where none may be shown. bar must outlive what it is given to. */
struct progress start_bar(struct bar *bar, const struct command *command, const char *label);

#endif
