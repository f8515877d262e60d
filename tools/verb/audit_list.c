/*
 * audit list: the log is read by pages, outside of whose transaction lines are printed, so that a
 * slow reader keeps nobody waiting, and members can be looked up in the record.
 */
#include "tools/verb/audit_list.h"

#include "common/base/clock.h"
#include "common/ca/shared/front_ends.h"
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

/* The log of one front end, with a page of it: lines, each followed by a NUL. */
struct log {
	struct front_end front_end;
	struct buffer lines;
	size_t at;    /* of the next one in the page */
	size_t count; /* of the page's */
	int64_t next; /* the number of the line after them */
	bool full;
	int64_t time_s; /* of the line at `at`, when there is one */
};

/* What is printed. */
struct list_state {
	const struct command *command;
	const struct audit_list_settings *given;
	const struct ca_operator *ca;
	struct buffer logs; /* each a struct log */
	int64_t day;        /* of the last line, since 1970; -1: no line was printed */
};

static size_t count_logs(const struct list_state *state)
{
	return state->logs.len / sizeof(struct log);
}

static struct log *get_log(const struct list_state *state, size_t index)
{
	return (struct log *)(void *)state->logs.data + index;
}

static void clear_list_state(struct list_state *state)
{
	for (size_t i = 0; i < count_logs(state); i++)
		clear_buffer(&get_log(state, i)->lines);
	clear_buffer(&state->logs);
}

/* A line_function. A full page ends the listing. */
static int add_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct log *log = context;

	log->full = log->count == PAGE_LINES;
	if (log->full)
		return -1;
	append_bytes(&log->lines, (struct bytes){(const uint8_t *)line, strlen(line) + 1});
	log->count++;
	log->next = sequence + 1;
	return check_buffer(&log->lines, fault);
}

static const char *next_line(const struct log *log)
{
	return log->at < log->lines.len ? (const char *)log->lines.data + log->at : NULL;
}

/* To be compared with those of other logs. A line that was tampered with has no time, and comes at
   once. */
static void read_next_time(const struct list_state *state, struct log *log)
{
	struct fault ignored = {0};

	if (count_logs(state) > 1 && next_line(log) != NULL &&
	    parse_event_time(bytes_of_string(next_line(log)), &log->time_s, &ignored) < 0)
		log->time_s = 0;
}

/* Reads the next page where one has been printed. */
static int fill_log(const struct list_state *state, struct log *log, struct fault *fault)
{
	if (next_line(log) != NULL)
		return 0;
	clear_buffer(&log->lines);
	log->at = 0;
	log->count = 0;
	log->full = false;
	if (list_audit(state->ca->store, log->front_end.number, log->next, add_line, log, fault) <
		    0 &&
	    !log->full)
		return -1;
	read_next_time(state, log);
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
		{"copied", "copied the record from"},
		{"exported", "exported the log to line"},
		{"trimmed", "trimmed the log to line"},
		{"checkpoint", "noted the last lines of all front ends"},
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
static int print_event(struct list_state *state, const struct log *log,
		       const struct event_text *event, struct fault *fault)
{
	bool several = count_logs(state) > 1;
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
	print_line("%.8s %s%s%s", clock + 1, several ? log->front_end.name : "",
		   several ? ": " : "", (const char *)text.data);
	return 0;
}

/* A line that was tampered with is for audit verify to tell: here it is printed as it is. */
static int print_logged(struct list_state *state, const struct log *log, const char *line,
			struct fault *fault)
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
		return print_event(state, log, &event, fault);
	if (wanted)
		print_line("%s", line);
	return 0;
}

/* The log whose next line is the oldest; NULL: all are at their end. */
static int choose_log(const struct list_state *state, struct log **ret_log, struct fault *fault)
{
	struct log *oldest = NULL;

	for (size_t i = 0; i < count_logs(state); i++) {
		struct log *log = get_log(state, i);

		if (fill_log(state, log, fault) < 0)
			return -1;
		if (next_line(log) != NULL && (oldest == NULL || log->time_s < oldest->time_s))
			oldest = log;
	}
	*ret_log = oldest;
	return 0;
}

/* Prints the lines that there are. */
static int print_logs(struct list_state *state, struct fault *fault)
{
	struct log *log;

	if (choose_log(state, &log, fault) < 0)
		return -1;
	while (log != NULL) {
		const char *line = next_line(log);

		if (print_logged(state, log, line, fault) < 0)
			return -1;
		log->at += strlen(line) + 1;
		read_next_time(state, log);
		if ((next_line(log) == NULL && flush_output(fault) < 0) ||
		    choose_log(state, &log, fault) < 0)
			return -1;
	}
	return flush_output(fault);
}

/* Whether standard output has a reader still; a file always has. */
static bool wait_for_reader(int interval_ms)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	return poll(&output, 1, interval_ms) < 1 || (output.revents & POLLERR) == 0;
}

/* A front_end_function. */
static int add_log(void *context, const struct front_end *front_end, struct fault *fault)
{
	struct list_state *state = context;
	const struct log log = {.front_end = *front_end,
				.next = state->given->start > 0 ? state->given->start : 1};

	append_bytes(&state->logs, (struct bytes){(const uint8_t *)&log, sizeof(log)});
	return check_buffer(&state->logs, fault);
}

static int open_logs(struct list_state *state, struct fault *fault)
{
	struct store *store = state->ca->store;
	struct front_end front_end;

	if (state->given->front_end == NULL) {
		if (list_front_ends(store, add_log, state, fault) < 0)
			return -1;
	} else if (find_front_end(store, state->given->front_end, &front_end, fault) < 0 ||
		   add_log(state, &front_end, fault) < 0) {
		return -1;
	}
	if (count_logs(state) > 1 && state->given->start > 0)
		return set_fault(fault, FAULT_USAGE,
				 "--start: each front end numbers its own lines: say --front-end "
				 "NAME, too");
	return 0;
}

int list_audit_log(const struct command *command, const struct audit_list_settings *given,
		   const struct ca_operator *ca, struct fault *fault)
{
	CLEANUP(clear_list_state)
	struct list_state state = {.command = command, .given = given, .ca = ca, .day = -1};

	if (open_logs(&state, fault) < 0)
		return -1;
	do {
		if (print_logs(&state, fault) < 0)
			return -1;
	} while (given->follow && wait_for_reader(FOLLOW_INTERVAL_MS));
	return 0;
}
