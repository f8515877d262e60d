#include "tools/client/fleet_table.h"

#include "common/base/clock.h"
#include "tools/client/client_output.h"

#include <stdio.h>
#include <string.h>

enum {
	SUMMARY_ROWS = 20,
	ISSUERS_SIZE = 48,
};

static void format_day(int64_t time_s, char ret_text[static TIME_TEXT_SIZE])
{
	enum { DAY_LEN = 10 };

	format_time(time_s, ret_text);
	if (time_s == 0)
		(void)snprintf(ret_text, TIME_TEXT_SIZE, "-");
	else
		ret_text[DAY_LEN] = '\0';
}

/* The number of the issuer of its valid certificates; "1-2" while a rotation is under way. */
static void format_issuers(const struct fleet_row *row, char ret_text[static ISSUERS_SIZE])
{
	if (row->holding.newest_issuer == 0)
		(void)snprintf(ret_text, ISSUERS_SIZE, "-");
	else if (row->holding.oldest_issuer == row->holding.newest_issuer)
		(void)snprintf(ret_text, ISSUERS_SIZE, "%lld",
			       (long long)row->holding.newest_issuer);
	else
		(void)snprintf(ret_text, ISSUERS_SIZE, "%lld-%lld",
			       (long long)row->holding.oldest_issuer,
			       (long long)row->holding.newest_issuer);
}

static const char *or_dash(const char *word)
{
	return word[0] != '\0' ? word : "-";
}

static void print_head(const char *indent)
{
	print_line("%s%-20s  %-8s  %13s  %7s  %6s  %-10s  %-10s  %-7s  %-7s  %-7s  %s", indent,
		   "CLIENT", "STATE", "VALID/QUOTA", "REVOKED", "ISSUER", "FIRST END", "JOINED",
		   "ROOTS", "KEY", "SEEN", "LOOK AT");
}

static int print_row(const struct fleet *fleet, const struct fleet_row *row, const char *indent,
		     struct fault *fault)
{
	const struct client *client = &row->client;
	CLEANUP(clear_buffer) struct buffer reasons = {0};
	char quota[48];
	char issuers[ISSUERS_SIZE];
	char end[TIME_TEXT_SIZE];
	char joined[TIME_TEXT_SIZE];
	char seen[SPAN_SIZE] = "-";

	append_reasons(fleet, row, &reasons);
	append_string(&reasons, "");
	if (check_buffer(&reasons, fault) < 0)
		return -1;
	(void)snprintf(quota, sizeof(quota), "%zu/%zu", row->holding.valid,
		       client->policy.certificates);
	format_issuers(row, issuers);
	format_day(row->holding.first_end_s, end);
	format_day(client->joined_at_s, joined);
	if (client->seen_at_s != 0)
		format_span(fleet->now_s - client->seen_at_s, seen);
	print_line("%s%-20s  %-8s  %13s  %7zu  %6s  %-10s  %-10s  %-7s  %-7s  %s%*s%s", indent,
		   client->name, format_client_state(client), quota, row->holding.revoked, issuers,
		   end, joined, or_dash(name_roots(fleet, row)),
		   or_dash(name_key_rotation(fleet, row)), seen,
		   reasons.len > 0 ? 11 - (int)strlen(seen) : 0, reasons.len > 0 ? "! " : "",
		   (const char *)reasons.data);
	return 0;
}

static int print_row_json(const struct fleet *fleet, const struct fleet_row *row,
			  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_buffer) struct buffer reasons = {0};

	append_reasons(fleet, row, &reasons);
	append_string(&reasons, "");
	if (check_buffer(&reasons, fault) < 0 || add_json_client(&line, &row->client, fault) < 0)
		return -1;
	add_json_number(&line, "valid", (long long)row->holding.valid);
	add_json_number(&line, "members", (long long)row->holding.members);
	add_json_number(&line, "revoked_certificates", (long long)row->holding.revoked);
	add_json_number(&line, "oldest_issuer", row->holding.oldest_issuer);
	add_json_number(&line, "newest_issuer", row->holding.newest_issuer);
	add_json_time(&line, "first_end", row->holding.first_end_s);
	add_json_text(&line, "roots", name_roots(fleet, row));
	add_json_text(&line, "key_rotation", name_key_rotation(fleet, row));
	add_json_text(&line, "look_at", (const char *)reasons.data);
	return print_json(&line, fault);
}

int print_fleet(const struct command *command, const struct fleet *fleet, struct fault *fault)
{
	if (!command->json)
		print_head("");
	for (size_t i = 0; i < fleet->count; i++)
		if ((command->json ? print_row_json(fleet, &fleet->rows[i], fault)
				   : print_row(fleet, &fleet->rows[i], "", fault)) < 0)
			return -1;
	return 0;
}

int print_fleet_summary(const struct fleet *fleet, struct fault *fault)
{
	size_t printed = 0;

	print_line("  clients %zu, joined %zu, to look at %zu", fleet->count, fleet->joined,
		   fleet->marked);
	if (fleet->count == 0)
		return 0;
	print_head("    ");
	for (size_t i = 0; i < fleet->count && printed < SUMMARY_ROWS; i++) {
		CLEANUP(clear_buffer) struct buffer reasons = {0};

		append_reasons(fleet, &fleet->rows[i], &reasons);
		if (check_buffer(&reasons, fault) < 0)
			return -1;
		if (fleet->count > SUMMARY_ROWS && reasons.len == 0)
			continue;
		if (print_row(fleet, &fleet->rows[i], "    ", fault) < 0)
			return -1;
		printed++;
	}
	if (printed < fleet->count)
		print_line("    … and %zu more: certpool client list", fleet->count - printed);
	return 0;
}
