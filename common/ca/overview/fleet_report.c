#include "common/ca/overview/fleet_report.h"

#include "common/ca/revocation/ca_roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One superseded certificate for each member is how a renewal leaves a pool. */
enum { GENERATIONS = 2 };

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

size_t fleet_pool_size(const struct fleet *fleet, const struct fleet_row *row)
{
	struct fault absent = {0};
	const struct client_node *node;

	if (row->client.pool_size != 0)
		return row->client.pool_size;
	node = find_client(fleet->manifest, row->client.name, &absent);
	return node != NULL ? node->pool.size : 0;
}

/* A third of the life is left when a renewal is due, as `renew` sees it. */
static int64_t renewal_lead(const struct fleet *fleet, const struct client *client)
{
	int64_t validity_s = fleet->manifest->ca.certificate_validity_s;

	if (client->policy.validity_s != 0 && client->policy.validity_s < validity_s)
		validity_s = client->policy.validity_s;
	return validity_s / 3;
}

void format_span(int64_t span_s, char ret_text[static SPAN_SIZE])
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i + 1 < COUNT_OF(units) && span_s < units[i].seconds)
		i++;
	(void)snprintf(ret_text, SPAN_SIZE, "%lld%c", (long long)(span_s / units[i].seconds),
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
	char left[SPAN_SIZE];

	if (row->holding.valid == 0)
		append_reason(reasons, "no valid certificate");
	if (row->holding.valid > 0 &&
	    row->holding.first_end_s - fleet->now_s <= renewal_lead(fleet, client)) {
		format_span(row->holding.first_end_s - fleet->now_s, left);
		(void)snprintf(text, sizeof(text), "first end in %s%s", left,
			       client->policy.certificates <
					       row->holding.valid + fleet_pool_size(fleet, row)
				       ? ", no room to renew all"
				       : "");
		append_reason(reasons, text);
	}
	if (row->holding.valid > GENERATIONS * row->holding.members) {
		(void)snprintf(text, sizeof(text), "%zu valid for %zu members: %zu superseded",
			       row->holding.valid, row->holding.members,
			       row->holding.valid - row->holding.members);
		append_reason(reasons, text);
	}
}

void append_reasons(const struct fleet *fleet, const struct fleet_row *row, struct buffer *reasons)
{
	const struct client *client = &row->client;
	char text[64];

	if (client->origin == ORIGIN_REMOVED)
		append_reason(reasons, "not in the manifest any more");
	if ((client->disabled || client->revoked) && row->holding.valid > 0) {
		(void)snprintf(text, sizeof(text), "barred, with %zu valid", row->holding.valid);
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
	       int64_t now_s, struct fleet *ret_fleet, struct record_tally *ret_tally,
	       struct fault *fault)
{
	CLEANUP(clear_fleet) struct fleet fleet = {.manifest = manifest, .now_s = now_s};

	note_roots(layout, &fleet);
	if (list_fleet(store, now_s, append_fleet_row, &fleet, ret_tally, fault) < 0)
		return -1;
	MOVE(ret_fleet, fleet);
	return 0;
}

static int compare_with_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct fleet_row *)row)->client.name);
}

const struct fleet_row *find_in_fleet(const struct fleet *fleet, const char *name)
{
	if (fleet->count == 0)
		return NULL;
	return bsearch(name, fleet->rows, fleet->count, sizeof(*fleet->rows), compare_with_name);
}

/* --- words --- */

static bool has_root(const struct fleet_row *row, const uint8_t sha256[static SHA256_LEN])
{
	for (size_t i = 0; i < row->root_count; i++)
		if (memcmp(row->roots[i], sha256, SHA256_LEN) == 0)
			return true;
	return false;
}

const char *name_roots(const struct fleet *fleet, const struct fleet_row *row)
{
	const bool present = fleet->has_root && has_root(row, fleet->root_sha256);
	const bool next = fleet->has_next && has_root(row, fleet->next_sha256);

	if (row->root_count == 0 || !fleet->has_root)
		return "";
	if (next)
		return present ? "both" : "next";
	return present ? "present" : "former";
}

const char *name_key_rotation(const struct fleet *fleet, const struct fleet_row *row)
{
	if (row->key.kid[0] == '\0' ||
	    (row->key.taken_at_s != 0 && row->key.old_ends_s <= fleet->now_s))
		return "";
	return row->key.taken_at_s != 0 ? "taken" : "offered";
}

const char *format_client_state(const struct client *client)
{
	if (client->revoked)
		return "revoked";
	return client->disabled ? "disabled" : "enabled";
}
