/*
 * audit list: the log is read by pages, outside of whose transaction lines are printed, so that a
 * slow reader keeps nobody waiting, and members can be looked up in the record.
 */
#include "tools/verb/audit_list.h"

#include "common/base/clock.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/x509/serial.h"
#include "tools/output.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_LINES = 500, FOLLOW_INTERVAL_MS = 500, SECONDS_A_DAY = 86400 };

/* Lines of the log, each followed by a NUL. */
struct page {
	struct buffer lines;
	size_t count;
	int64_t next; /* the number of the line after them */
	bool full;
};

static void clear_page(struct page *page)
{
	clear_buffer(&page->lines);
}

/* What has been printed last. */
struct list_state {
	const struct command *command;
	const struct audit_list_settings *given;
	const struct ca_operator *ca;
	int64_t day; /* since 1970; -1: no line was printed */
};

/* A line_function. A full page ends the listing. */
static int add_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct page *page = context;

	page->full = page->count == PAGE_LINES;
	if (page->full)
		return -1;
	append_bytes(&page->lines, (struct bytes){(const uint8_t *)line, strlen(line) + 1});
	page->count++;
	page->next = sequence + 1;
	return check_buffer(&page->lines, fault);
}

static int read_page(const struct ca_operator *ca, int64_t first, struct page *ret_page,
		     struct fault *fault)
{
	ret_page->next = first;
	if (list_audit(ca->store, first, add_line, ret_page, fault) < 0 && !ret_page->full)
		return -1;
	return 0;
}

/* A line about certificates of several clients names none of them: the record does. */
static int names_client(const struct ca_operator *ca, const char *line, const char *client,
			bool *ret_named, struct fault *fault)
{
	CLEANUP(clear_event_serials) struct event_serials serials = {0};
	struct fault unread = {0};

	*ret_named = false;
	if (parse_event_serials(bytes_of_string(line), &serials, &unread) < 0)
		return unread.class == FAULT_FAILED ? pass_fault(&unread, fault) : 0;
	for (size_t i = 0; i < serials.count && !*ret_named; i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
		bool found;

		if (find_by_serial(ca->store, serials.serials[i], &record, &found, fault) < 0)
			return -1;
		*ret_named = found && strcmp(record.client, client) == 0;
	}
	return 0;
}

static int is_wanted(const struct list_state *state, const char *line,
		     const struct event_text *event, bool *ret_wanted, struct fault *fault)
{
	const struct audit_list_settings *given = state->given;

	*ret_wanted = !given->since.given || event->time_s >= given->since.time_s;
	if (!*ret_wanted || given->client == NULL ||
	    (event->by != NULL && strcmp(event->by, given->client) == 0) ||
	    (event->client != NULL && strcmp(event->client, given->client) == 0))
		return 0;
	*ret_wanted = false;
	return event->client != NULL
		       ? 0
		       : names_client(state->ca, line, given->client, ret_wanted, fault);
}

/* "1", as people count members, for "key1". */
static const char *skip_prefix(const char *member)
{
	static const char prefix[] = "key";

	return strncmp(member, prefix, strlen(prefix)) == 0 ? member + strlen(prefix) : member;
}

/* "1", of a client that the line does not name "client1/1"; the serial, if the record lacks it. */
static int append_certificate(const struct ca_operator *ca, const struct event_text *event,
			      const uint8_t serial[static SERIAL_MAX], struct buffer *text,
			      struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	const char *named = event->client != NULL ? event->client : event->by;
	char digits[SERIAL_TEXT_SIZE];
	bool found;

	if (find_by_serial(ca->store, serial, &record, &found, fault) < 0)
		return -1;
	format_serial((struct bytes){serial, SERIAL_MAX}, digits);
	if (!found)
		append_string(text, digits);
	else if (named == NULL || strcmp(named, record.client) != 0)
		append_format(text, "%s/%s", record.client, skip_prefix(record.member));
	else
		append_string(text, skip_prefix(record.member));
	return 0;
}

/* " member 1", " members 3, 9, 14 … (84)" */
static int append_certificates(const struct ca_operator *ca, const struct event_text *event,
			       struct buffer *text, struct fault *fault)
{
	if (event->serial_count == 0)
		return 0;
	append_string(text, event->serial_count == 1 ? " member " : " members ");
	for (size_t i = 0; i < event->serial_count && i < EVENT_TEXT_SERIALS; i++) {
		append_string(text, i > 0 ? ", " : "");
		if (append_certificate(ca, event, event->serials[i], text, fault) < 0)
			return -1;
	}
	if (event->serial_count > EVENT_TEXT_SERIALS)
		append_format(text, " … (%zu)", event->serial_count);
	return 0;
}

/* What the one who did it did; a kind that is not here says it itself. */
static const char *describe_kind(const char *kind)
{
	static const struct {
		const char *kind;
		const char *words;
	} rows[] = {
		{"started", "started to serve"},
		{"stopped", "stopped serving"},
		{"refused", "was refused"},
		{"policy", "set"},
		{"crl", "made CRL"},
		{"backup", "backed up to"},
		{"restored", "restored from"},
		{"exported", "exported the log to line"},
		{"trimmed", "trimmed the log to line"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].kind, kind) == 0)
			return rows[i].words;
	return kind;
}

static bool is_other(const char *name, const char *than)
{
	return name != NULL && (than == NULL || strcmp(name, than) != 0);
}

/* "client1 revoked member 1 (keyCompromise)" */
static int format_event_for_people(const struct ca_operator *ca, const struct event_text *event,
				   struct buffer *text, struct fault *fault)
{
	append_format(text, "%s %s", event->by != NULL ? event->by : "-",
		      describe_kind(event->kind));
	if (is_other(event->client, event->by))
		append_format(text, " %s", event->client);
	if (append_certificates(ca, event, text, fault) < 0)
		return -1;
	if (event->member != NULL)
		append_format(text, " member %s", skip_prefix(event->member));
	if (event->number != 0)
		append_format(text, " %lld", (long long)event->number);
	if (event->type != NULL)
		append_format(text, " (%s)", event->type);
	if (event->detail != NULL)
		append_format(text, ": %s", event->detail);
	if (event->count > 1)
		append_format(text, ", %lld times", (long long)event->count);
	return check_buffer(text, fault);
}

/* A day has a line of its own, so that the others begin with the time in UTC. */
static int print_event(struct list_state *state, const struct event_text *event,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	char at[TIME_TEXT_SIZE]; /* 2026-11-27T03:42:56Z */
	const char *clock;

	if (format_event_for_people(state->ca, event, &text, fault) < 0)
		return -1;
	format_time(event->time_s, at);
	clock = strchr(at, 'T');
	if (clock == NULL)
		return set_fault(fault, FAULT_MALFORMED, "a line has no time");
	if (state->day != event->time_s / SECONDS_A_DAY)
		print_line("%.*s", (int)(clock - at), at);
	state->day = event->time_s / SECONDS_A_DAY;
	print_line("%.8s %s", clock + 1, (const char *)text.data);
	return 0;
}

/* A line that was tampered with is for audit verify to tell: here it is printed as it is. */
static int print_logged(struct list_state *state, const char *line, struct fault *fault)
{
	CLEANUP(clear_event_text) struct event_text event = {0};
	struct fault problem = {0};
	bool wanted;

	if (parse_event_text(bytes_of_string(line), &event, &problem) < 0) {
		print_line("%s", line);
		return problem.class == FAULT_FAILED ? pass_fault(&problem, fault) : 0;
	}
	if (is_wanted(state, line, &event, &wanted, fault) < 0)
		return -1;
	if (wanted && !state->command->json)
		return print_event(state, &event, fault);
	if (wanted)
		print_line("%s", line);
	return 0;
}

/* Prints the lines that there are, and returns the number of the next one. */
static int print_log(struct list_state *state, int64_t first, int64_t *ret_next,
		     struct fault *fault)
{
	bool more = true;

	while (more) {
		CLEANUP(clear_page) struct page page = {0};

		if (read_page(state->ca, first, &page, fault) < 0)
			return -1;
		for (size_t at = 0; at < page.lines.len;
		     at += strlen((const char *)page.lines.data + at) + 1)
			if (print_logged(state, (const char *)page.lines.data + at, fault) < 0)
				return -1;
		if (flush_output(fault) < 0)
			return -1;
		first = page.next;
		more = page.full;
	}
	*ret_next = first;
	return 0;
}

/* Whether standard output has a reader still; a file always has. */
static bool wait_for_reader(int interval_ms)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	return poll(&output, 1, interval_ms) < 1 || (output.revents & POLLERR) == 0;
}

int list_audit_log(const struct command *command, const struct audit_list_settings *given,
		   const struct ca_operator *ca, struct fault *fault)
{
	struct list_state state = {.command = command, .given = given, .ca = ca, .day = -1};
	int64_t next = given->from > 0 ? given->from : 1;

	do {
		if (print_log(&state, next, &next, fault) < 0)
			return -1;
	} while (given->follow && wait_for_reader(FOLLOW_INTERVAL_MS));
	return 0;
}
