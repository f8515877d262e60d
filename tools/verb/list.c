/*
 * list: prints rows of the CA's record that match the options, in the order of issue. On a terminal
 * a long result is cut, and a note says how to go on; elsewhere it is whole. The record is read by
 * pages, so that a slow reader of the output holds no transaction.
 */
#include "common/base/clock.h"
#include "common/ca/store/certificates.h"
#include "common/x509/serial.h"
#include "tools/certificate_output.h"
#include "tools/operator.h"
#include "tools/options.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_SIZE = 1000 };

struct list_settings {
	const char *client;
	const char *serial;
	const char *subject;
	const char *status;
	bool revoked;
	int64_t expiring_s;
	size_t limit;
	int64_t after;
};

static int take_position(void *field, const char *text, struct fault *fault)
{
	size_t digits = strspn(text, "0123456789");
	long long position = digits > 0 && digits <= 18 ? strtoll(text, NULL, 10) : 0;

	if (text[digits] != '\0' || position < 1)
		return set_fault(fault, FAULT_USAGE, "expected a position, found \"%s\"", text);
	*(int64_t *)field = position;
	return 0;
}

static const struct option list_options[] = {
	{"client", 0, false, "CLIENT", take_text, offsetof(struct list_settings, client),
	 "certificates of this client", NULL},
	{"serial", 0, false, "SERIAL", take_text, offsetof(struct list_settings, serial),
	 "the certificate of this serial: 40 hexadecimal digits, with or without colons", NULL},
	{"subject", 0, false, "PATTERN", take_text, offsetof(struct list_settings, subject),
	 "certificates whose subject matches: *, ? and []", NULL},
	{"status", 0, false, "STATUS", take_text, offsetof(struct list_settings, status),
	 "valid, not-yet-valid, expired or revoked", NULL},
	{"revoked", 0, false, NULL, take_switch, offsetof(struct list_settings, revoked),
	 "the same as --status revoked", NULL},
	{"expiring", 0, false, "DURATION", take_duration,
	 offsetof(struct list_settings, expiring_s),
	 "certificates that end within this time, and are not revoked: 7d", NULL},
	{"limit", 0, false, "N", take_count, offsetof(struct list_settings, limit),
	 "print at most N certificates; default 1000 on a terminal, else all", NULL},
	{"after", 0, false, "POSITION", take_position, offsetof(struct list_settings, after),
	 "continue after this position, which the note at the end of a list gives", NULL},
	{0},
};

/* The state of a list that is being printed. */
struct list_printer {
	const struct command *command;
	int64_t now_s;
	int64_t last;
	size_t count;
};

static int print_json_certificate(const struct list_printer *printer,
				  const struct issued_certificate *certificate, int64_t position,
				  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	add_json_certificate(&line, certificate, printer->now_s);
	if (position > 0)
		add_json_number(&line, "position", position);
	return print_json(&line, fault);
}

/* A certificate_function. The first row prints the heading, so that an empty list has none. */
static int print_certificate(void *context, const struct issued_certificate *certificate,
			     int64_t position, struct fault *fault)
{
	struct list_printer *printer = context;
	char serial[SERIAL_TEXT_SIZE];
	char not_after[TIME_TEXT_SIZE];
	char member[2 * NAME_SIZE];

	printer->last = position;
	printer->count++;
	if (printer->command->json)
		return print_json_certificate(printer, certificate, position, fault);
	if (printer->count == 1)
		print_line("%-40s  %-20s  %-13s  %-20s  %s", "SERIAL", "NOT AFTER", "STATUS",
			   "MEMBER", "SUBJECT");
	format_serial((struct bytes){certificate->serial, SERIAL_MAX}, serial);
	format_time(certificate->not_after_s, not_after);
	(void)snprintf(member, sizeof(member), "%s/%s", certificate->client, certificate->member);
	print_line("%s  %s  %-13s  %-20s  %s", serial, not_after,
		   name_certificate_state(certificate, printer->now_s), member,
		   certificate->subject);
	return 0;
}

/* --revoked and --expiring are short forms, so at most one of the three is given. */
static int choose_state(const struct list_settings *given, enum certificate_state *ret_state,
			struct fault *fault)
{
	static const struct {
		const char *name;
		enum certificate_state state;
	} states[] = {
		{"valid", STATE_VALID},
		{"not-yet-valid", STATE_NOT_YET},
		{"expired", STATE_EXPIRED},
		{"revoked", STATE_REVOKED},
	};
	const char *name = given->status;
	struct nearest_name search = {0};
	char meant[MEANT_SIZE];

	if ((name != NULL) + given->revoked + (given->expiring_s > 0) > 1)
		return set_fault(fault, FAULT_USAGE,
				 "expected one of --status, --revoked and --expiring, found more");
	if (given->revoked)
		name = "revoked";
	*ret_state = given->expiring_s > 0 ? STATE_LIVE : STATE_ANY;
	if (name == NULL)
		return 0;
	search.word = name;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		if (strcmp(name, states[i].name) == 0) {
			*ret_state = states[i].state;
			return 0;
		}
		compare_name(&search, states[i].name);
	}
	format_meant(&search, meant);
	return set_fault(
		fault, FAULT_USAGE,
		"--status: expected valid, not-yet-valid, expired or revoked, found \"%s\"%s", name,
		meant);
}

static int list_one(const struct ca_operator *ca, const char *text, struct list_printer *printer,
		    struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate certificate = {0};
	uint8_t serial[SERIAL_MAX];
	struct fault problem = {0};
	bool found;

	if (parse_serial(text, serial, &problem) < 0)
		return set_fault(fault, FAULT_USAGE, "--serial: %s", problem.text);
	if (find_by_serial(ca->store, serial, &certificate, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "serial %s: no certificate of this CA has it", text);
	return print_certificate(printer, &certificate, 0, fault);
}

static size_t choose_limit(const struct list_settings *given)
{
	if (given->limit > 0)
		return given->limit;
	return isatty(STDOUT_FILENO) == 1 ? PAGE_SIZE : SIZE_MAX;
}

static int list_many(const struct ca_operator *ca, const struct list_settings *given,
		     struct list_printer *printer, struct fault *fault)
{
	struct listing listing = {
		.query = {.client = given->client,
			  .subject = given->subject,
			  .now_s = ca->now_s,
			  .expires_before_s =
				  given->expiring_s > 0 ? ca->now_s + given->expiring_s : 0},
		.without_der = true,
	};
	size_t most = choose_limit(given);
	bool more = true;

	if (choose_state(given, &listing.query.state, fault) < 0)
		return -1;
	printer->last = given->after;
	while (more && printer->count < most) {
		listing.after = printer->last;
		listing.limit =
			most - printer->count < PAGE_SIZE ? most - printer->count : PAGE_SIZE;
		if (list_certificates(ca->store, &listing, print_certificate, printer, &more,
				      fault) < 0 ||
		    flush_output(fault) < 0)
			return -1;
	}
	if (more)
		print_note(printer->command, "there are more: --after %lld shows the next",
			   (long long)printer->last);
	else if (printer->count == 0)
		print_note(printer->command, "no certificate matches");
	return 0;
}

static int check_settings(const struct list_settings *given, struct fault *fault)
{
	if (given->serial == NULL)
		return 0;
	if (given->client == NULL && given->subject == NULL && given->status == NULL &&
	    !given->revoked && given->expiring_s == 0 && given->after == 0)
		return 0;
	return set_fault(fault, FAULT_USAGE,
			 "--serial: names one certificate, and takes no other choice beside it");
}

static int run_list(const struct command *command, const void *settings, struct fault *fault)
{
	const struct list_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct list_printer printer = {.command = command};

	if (check_settings(given, fault) < 0 || open_operator(command, &ca, fault) < 0)
		return -1;
	printer.now_s = ca.now_s;
	if (given->serial != NULL)
		return list_one(&ca, given->serial, &printer, fault);
	return list_many(&ca, given, &printer, fault);
}

const struct verb list_verb = {
	.name = "list",
	.group = VERB_LOOKING,
	.operands = "",
	.summary = "list the certificates that the CA issued",
	.details =
		"On the CA: prints the recorded certificates that match all options, in the order\n"
		"of issue: all of them, or 1000 on a terminal. When more than --limit match,\n"
		"standard error says how to continue.\n",
	.example = "certpool list --client client1 --expiring 30d\n",
	.options = list_options,
	.settings_size = sizeof(struct list_settings),
	.run = run_list,
};
