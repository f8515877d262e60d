#include "tools/client/fleet_table.h"

#include "common/base/clock.h"
#include "common/ca/revocation/ca_roots.h"
#include "tools/client/client_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SUMMARY_ROWS = 20,
	/* One superseded certificate for each member is how a renewal leaves a pool. */
	GENERATIONS = 2,
	AGE_SIZE = 24,
	ISSUERS_SIZE = 48,
};

void clear_fleet(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		clear_client(&fleet->rows[i].client);
	free(fleet->rows);
	*fleet = (struct fleet){0};
}

/* --- what needs looking at --- */

static void append_reason(struct buffer *reasons, const char *text)
{
	append_format(reasons, "%s%s", reasons->len > 0 ? "; " : "", text);
}

static size_t pool_size(const struct fleet *fleet, const struct fleet_row *row)
{
	struct fault absent = {0};
	const struct client_node *node = find_client(fleet->manifest, row->client.name, &absent);

	if (row->client.pool_size != 0 || node == NULL)
		return row->client.pool_size;
	return node->pool.size;
}

/* A third of the life is left when a renewal is due, as `renew` sees it. */
static int64_t renewal_lead(const struct fleet *fleet, const struct client *client)
{
	int64_t validity_s = fleet->manifest->ca.certificate_validity_s;

	if (client->policy.validity_s != 0 && client->policy.validity_s < validity_s)
		validity_s = client->policy.validity_s;
	return validity_s / 3;
}

/* 45s, 12m, 7h, 3d: the largest unit of which there is one. */
static void format_span(int64_t span_s, char ret_text[static AGE_SIZE])
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i + 1 < COUNT_OF(units) && span_s < units[i].seconds)
		i++;
	(void)snprintf(ret_text, AGE_SIZE, "%lld%c", (long long)(span_s / units[i].seconds),
		       units[i].letter);
}

static void mark_absence(const struct fleet *fleet, const struct client *client,
			 struct buffer *reasons)
{
	if (client->invited_at_s == 0)
		append_reason(reasons, "never joined");
	else if (client->invitation_ends_s != 0 && client->invitation_ends_s <= fleet->now_s)
		append_reason(reasons, "its invitation ended before it joined");
	else
		append_reason(reasons, "invited, not joined");
}

static void mark_certificates(const struct fleet *fleet, const struct fleet_row *row,
			      struct buffer *reasons)
{
	const struct client *client = &row->client;
	char text[128];
	char left[AGE_SIZE];

	if (row->valid == 0)
		append_reason(reasons, "no valid certificate");
	if (row->valid > 0 && row->first_end_s - fleet->now_s <= renewal_lead(fleet, client)) {
		format_span(row->first_end_s - fleet->now_s, left);
		(void)snprintf(text, sizeof(text), "first end in %s%s", left,
			       client->policy.certificates < row->valid + pool_size(fleet, row)
				       ? ", no room to renew all"
				       : "");
		append_reason(reasons, text);
	}
	if (row->valid > GENERATIONS * row->members) {
		(void)snprintf(text, sizeof(text), "%zu valid for %zu members: %zu superseded",
			       row->valid, row->members, row->valid - row->members);
		append_reason(reasons, text);
	}
}

/* Why the client needs looking at, in words; nothing when it does not. */
static void append_reasons(const struct fleet *fleet, const struct fleet_row *row,
			   struct buffer *reasons)
{
	const struct client *client = &row->client;
	char text[64];

	if (client->origin == ORIGIN_REMOVED)
		append_reason(reasons, "not in the manifest any more");
	if ((client->disabled || client->revoked) && row->valid > 0) {
		(void)snprintf(text, sizeof(text), "barred, with %zu valid", row->valid);
		append_reason(reasons, text);
	}
	if (client->disabled || client->revoked)
		return;
	if (client->joined_at_s == 0)
		mark_absence(fleet, client, reasons);
	else
		mark_certificates(fleet, row, reasons);
}

/* --- loading --- */

static int append_fleet_row(void *context, struct fleet_row *row, struct fault *fault)
{
	struct fleet *fleet = context;
	CLEANUP(clear_buffer) struct buffer reasons = {0};

	/* The array doubles whenever the count is a power of two. */
	if ((fleet->count & (fleet->count - 1)) == 0) {
		size_t room = fleet->count == 0 ? 1 : 2 * fleet->count;
		struct fleet_row *rows = reallocarray(fleet->rows, room, sizeof(*rows));

		if (rows == NULL)
			return set_memory_fault(fault);
		fleet->rows = rows;
	}
	append_reasons(fleet, row, &reasons);
	fleet->marked += reasons.len > 0;
	fleet->joined += row->client.joined_at_s != 0;
	fleet->rows[fleet->count++] = *row;
	row->client = (struct client){0};
	return check_buffer(&reasons, fault);
}

/* Without a root that can be read nothing is said of it: other verbs do that. */
static void note_roots(const struct layout *layout, struct fleet *fleet)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	struct fault ignored = {0};

	if (read_ca_roots(layout, &roots, &ignored) < 0)
		return;
	fleet->has_root = true;
	fleet->has_next = roots.next != NULL;
	digest_sha256(certificate_der(roots.root), fleet->root_sha256);
	if (fleet->has_next)
		digest_sha256(certificate_der(roots.next), fleet->next_sha256);
}

int load_fleet(struct store *store, const struct layout *layout, const struct manifest *manifest,
	       int64_t now_s, struct fleet *ret_fleet, struct fault *fault)
{
	CLEANUP(clear_fleet) struct fleet fleet = {.manifest = manifest, .now_s = now_s};

	note_roots(layout, &fleet);
	if (list_fleet(store, now_s, append_fleet_row, &fleet, fault) < 0)
		return -1;
	MOVE(ret_fleet, fleet);
	return 0;
}

const struct fleet_row *find_in_fleet(const struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (strcmp(fleet->rows[i].client.name, name) == 0)
			return &fleet->rows[i];
	return NULL;
}

/* --- printing --- */

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
	if (row->newest_issuer == 0)
		(void)snprintf(ret_text, ISSUERS_SIZE, "-");
	else if (row->oldest_issuer == row->newest_issuer)
		(void)snprintf(ret_text, ISSUERS_SIZE, "%lld", (long long)row->newest_issuer);
	else
		(void)snprintf(ret_text, ISSUERS_SIZE, "%lld-%lld", (long long)row->oldest_issuer,
			       (long long)row->newest_issuer);
}

static bool has_root(const struct fleet_row *row, const uint8_t sha256[static SHA256_LEN])
{
	for (size_t i = 0; i < row->root_count; i++)
		if (memcmp(row->roots[i], sha256, SHA256_LEN) == 0)
			return true;
	return false;
}

/* Which of the CA's roots the client has pinned; "": it never said. */
static const char *name_roots(const struct fleet *fleet, const struct fleet_row *row)
{
	const bool present = fleet->has_root && has_root(row, fleet->root_sha256);
	const bool next = fleet->has_next && has_root(row, fleet->next_sha256);

	if (row->root_count == 0 || !fleet->has_root)
		return "";
	if (next)
		return present ? "both" : "next";
	return present ? "present" : "former";
}

/* How far the rotation of the client's key is; "": none is under way. */
static const char *name_key_rotation(const struct fleet *fleet, const struct fleet_row *row)
{
	if (row->key.kid[0] == '\0' ||
	    (row->key.taken_at_s != 0 && row->key.old_ends_s <= fleet->now_s))
		return "";
	return row->key.taken_at_s != 0 ? "taken" : "offered";
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
	char seen[AGE_SIZE] = "-";

	append_reasons(fleet, row, &reasons);
	append_string(&reasons, "");
	if (check_buffer(&reasons, fault) < 0)
		return -1;
	(void)snprintf(quota, sizeof(quota), "%zu/%zu", row->valid, client->policy.certificates);
	format_issuers(row, issuers);
	format_day(row->first_end_s, end);
	format_day(client->joined_at_s, joined);
	if (client->seen_at_s != 0)
		format_span(fleet->now_s - client->seen_at_s, seen);
	print_line("%s%-20s  %-8s  %13s  %7zu  %6s  %-10s  %-10s  %-7s  %-7s  %s%*s%s", indent,
		   client->name, format_client_state(client), quota, row->revoked, issuers, end,
		   joined, or_dash(name_roots(fleet, row)), or_dash(name_key_rotation(fleet, row)),
		   seen, reasons.len > 0 ? 11 - (int)strlen(seen) : 0, reasons.len > 0 ? "! " : "",
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
	add_json_number(&line, "valid", (long long)row->valid);
	add_json_number(&line, "members", (long long)row->members);
	add_json_number(&line, "revoked_certificates", (long long)row->revoked);
	add_json_number(&line, "oldest_issuer", row->oldest_issuer);
	add_json_number(&line, "newest_issuer", row->newest_issuer);
	add_json_time(&line, "first_end", row->first_end_s);
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
