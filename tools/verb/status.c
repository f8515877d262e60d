/*
 * status: prints a summary of each node whose layout is on this host. It only
 * reads, and takes no lock.
 */
#include "common/base/clock.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/overview/overview.h"
#include "common/ca/page/overview_page.h"
#include "common/ca/revocation/root_crl.h"
#include "common/pool/members/pool_numbers.h"
#include "common/pool/members/set_aside.h"
#include "common/pool/members/survey.h"
#include "tools/admin_token.h"
#include "tools/client/fleet_table.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/pool_use.h"

#include <stdio.h>

struct status_settings {
	bool html;
	const char *output;
	bool admin_url;
};

static const struct option status_options[] = {
	{"html", 0, false, NULL, take_switch, offsetof(struct status_settings, html),
	 "write a page about the CA instead, which needs nothing but a browser", NULL},
	{"output", 'o', false, "FILE", take_text, offsetof(struct status_settings, output),
	 "with --html: the page's file, which is replaced; default: standard output", NULL},
	{"admin-url", 0, false, NULL, take_switch, offsetof(struct status_settings, admin_url),
	 "print the URL of the page that certpool serve shows, and nothing else", NULL},
	{0},
};

static void format_expiry(int64_t time_s, char ret_text[static TIME_TEXT_SIZE])
{
	if (time_s == 0)
		(void)snprintf(ret_text, TIME_TEXT_SIZE, "-");
	else
		format_time(time_s, ret_text);
}

/* In words. */
static void print_authority_lines(const struct overview *state)
{
	const struct store_summary *summary = &state->tally.summary;
	const struct crl_info *root_crl = &state->root_crl;
	char first[TIME_TEXT_SIZE];
	char issuing[TIME_TEXT_SIZE];
	char root[TIME_TEXT_SIZE];
	char crl[TIME_TEXT_SIZE];
	char server[TIME_TEXT_SIZE];

	format_expiry(summary->first_expiry_s, first);
	format_expiry(state->issuing_expiry_s, issuing);
	format_expiry(state->root_expiry_s, root);
	format_expiry(state->server_expiry_s, server);
	format_expiry(root_crl->next_update_s, crl);
	print_line("%-16s %s", CA_NAME, state->layout);
	print_line("  certificates %zu, valid %zu, expired %zu, revoked %zu", summary->certificates,
		   summary->valid, summary->expired, summary->revoked);
	if (state->issuing_expiry_s != 0)
		print_line("  first expiry %s, issuing certificate's expiry %s", first, issuing);
	else
		print_line("  first expiry %s, root's expiry %s", first, root);
	if (state->issuing_expiry_s != 0)
		print_line("  root's expiry %s", root);
	if (state->server_expiry_s != 0)
		print_line("  server certificate's expiry %s", server);
	print_line("  root's CRL %llu, next update %s", (unsigned long long)root_crl->number, crl);
	if (state->next_root[0] != '\0')
		print_line("  next root %s, clients without it %zu", state->next_root,
			   state->lacking);
	for (size_t i = 0; i < state->warnings.count; i++)
		print_line("  warning: %s", state->warnings.texts[i]);
}

/* What the log says of the last hour, the last day, and the last 30 days. */
static void add_activity(struct json_line *line, const struct overview *state)
{
	const struct {
		const struct activity_sum *sum;
		const char *issued;
		const char *revoked;
		const char *refused;
	} rows[] = {
		{&state->hour, "issued_hour", "revoked_hour", "refused_hour"},
		{&state->day, "issued_day", "revoked_day", "refused_day"},
		{&state->month, "issued_month", "revoked_month", "refused_month"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		add_json_number(line, rows[i].issued, (long long)rows[i].sum->issued);
		add_json_number(line, rows[i].revoked, (long long)rows[i].sum->revoked);
		add_json_number(line, rows[i].refused, (long long)rows[i].sum->refused);
	}
	add_json_time(line, "last_backup", last_backup(state->activity));
}

static int print_authority(const struct command *command, const struct overview *state,
			   struct fault *fault)
{
	const struct store_summary *summary = &state->tally.summary;
	const struct crl_info *root_crl = &state->root_crl;
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_authority_lines(state);
		return print_fleet_summary(&state->fleet, fault);
	}
	add_json_text(&line, "node", CA_NAME);
	add_json_text(&line, "layout", state->layout);
	add_json_number(&line, "certificates", (long long)summary->certificates);
	add_json_number(&line, "valid", (long long)summary->valid);
	add_json_number(&line, "ending_soon", (long long)state->ending_soon);
	add_json_number(&line, "expired", (long long)summary->expired);
	add_json_number(&line, "revoked", (long long)summary->revoked);
	add_json_time(&line, "first_expiry", summary->first_expiry_s);
	add_json_time(&line, "issuing_expiry",
		      state->issuing_expiry_s != 0 ? state->issuing_expiry_s
						   : state->root_expiry_s);
	add_json_time(&line, "root_expiry", state->root_expiry_s);
	if (state->server_expiry_s != 0)
		add_json_time(&line, "server_expiry", state->server_expiry_s);
	add_json_number(&line, "crl_number", (long long)state->crl.number);
	add_json_time(&line, "crl_next_update", state->crl.next_update_s);
	add_json_number(&line, "root_crl_number", (long long)root_crl->number);
	add_json_time(&line, "root_crl_next_update", root_crl->next_update_s);
	add_activity(&line, state);
	add_json_number(&line, "clients", (long long)state->fleet.count);
	add_json_number(&line, "clients_joined", (long long)state->fleet.joined);
	add_json_number(&line, "clients_to_look_at", (long long)state->fleet.marked);
	if (state->next_root[0] != '\0') {
		add_json_text(&line, "next_root", state->next_root);
		add_json_number(&line, "clients_without_next_root", (long long)state->lacking);
	}
	begin_json_list(&line, "warnings");
	for (size_t i = 0; i < state->warnings.count; i++)
		add_json_item(&line, state->warnings.texts[i]);
	end_json_list(&line);
	return print_json(&line, fault);
}

static int print_issuer(const struct command *command, const struct issuer_summary *issuer,
			const char *subject, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char end[TIME_TEXT_SIZE];
	char service_end[TIME_TEXT_SIZE];

	if (!command->json) {
		format_time(issuer->not_after_s, end);
		format_time(issuer->serves_until_s, service_end);
		print_line(
			"  issuer %u: certificates %zu, valid %zu; CRL and OCSP %s %s; CRL %llu, "
			"ends at %s",
			issuer->number, issuer->certificates, issuer->valid,
			now_s > issuer->serves_until_s ? "ended" : "until", service_end,
			(unsigned long long)issuer->crl_number, end);
		return 0;
	}
	add_json_number(&line, "issuer", issuer->number);
	add_json_text(&line, "subject", subject);
	add_json_number(&line, "certificates", (long long)issuer->certificates);
	add_json_number(&line, "valid", (long long)issuer->valid);
	add_json_number(&line, "crl_number", (long long)issuer->crl_number);
	add_json_time(&line, "not_after", issuer->not_after_s);
	add_json_time(&line, "serves_until", issuer->serves_until_s);
	return print_json(&line, fault);
}

/* Each of them, once there are several. */
static int print_issuers(const struct command *command, const struct layout *layout,
			 const struct manifest *manifest, const struct overview *state,
			 struct fault *fault)
{
	for (size_t i = 0; i < state->issuer_count; i++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;

		if (read_issuing_certificate(layout, &manifest->ca, state->issuers[i].number,
					     &certificate, fault) < 0 ||
		    print_issuer(command, &state->issuers[i], certificate_subject(certificate),
				 state->now_s, fault) < 0)
			return -1;
	}
	return 0;
}

/* Reads the record beside a server. */
static int show_authority(const struct command *command, const struct manifest *manifest,
			  int64_t now_s, struct overview *ret_overview, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(free_store) struct store *store = NULL;
	struct overview *state = ret_overview;

	if (open_ca_layout(manifest, &layout, fault) < 0 ||
	    open_ca_record(layout, &manifest->ca, &store, fault) < 0 ||
	    read_overview(store, layout, manifest, now_s, NULL, state, fault) < 0)
		return -1;
	if (state->root_crl_apart &&
	    (state->root_crl.number == 0 || is_root_crl_due(&state->root_crl, now_s) ||
	     is_other_root_crl_due(layout, now_s)))
		print_note(command,
			   "the root's CRL %s: run certpool crl --root, with the root's layout at "
			   "hand",
			   state->root_crl.number == 0 ? "is missing" : "ends soon");
	if (print_authority(command, state, fault) < 0)
		return -1;
	return print_issuers(command, layout, manifest, state, fault);
}

/* --- the page --- */

static int write_page(const struct command *command, const struct status_settings *given,
		      struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_overview) struct overview overview = {0};
	CLEANUP(clear_buffer) struct buffer page = {0};
	/* It names clients and serials: who else may read it is for its owner to say. */
	const mode_t owner_alone = 0600;

	if (open_operator(command, &ca, fault) < 0 ||
	    read_overview(ca.store, ca.layout, ca.manifest, ca.now_s, NULL, &overview, fault) < 0 ||
	    format_overview_page(&overview, NULL, ca.store, PAGE_FILE, &page, fault) < 0)
		return -1;
	if (given->output != NULL)
		return replace_output(given->output, owner_alone, bytes_of_buffer(&page), fault);
	print_octets(bytes_of_buffer(&page));
	return 0;
}

/* --- clients --- */

static int print_pool(const struct command *command, const struct client_node *client,
		      const struct pool_summary *summary, const struct pool_state *state,
		      size_t surplus, int64_t now_s, struct fault *fault)
{
	size_t certificates = summary->size - summary->states[MEMBER_WITHOUT];
	size_t early = summary->states[MEMBER_EARLY];
	char not_yet[48] = ""; /* nothing is said of none */
	CLEANUP(clear_json) struct json_line line = {0};
	char first[TIME_TEXT_SIZE];
	char last[TIME_TEXT_SIZE];

	if (!command->json) {
		format_expiry(summary->first_expiry_s, first);
		format_expiry(summary->last_expiry_s, last);
		print_line("%-16s %s", client->name, client->layout);
		print_line("  members %zu, keys %zu, requests %zu", summary->size, summary->keys,
			   summary->requests);
		if (early > 0)
			(void)snprintf(not_yet, sizeof(not_yet), " not yet valid %zu,", early);
		print_line("  certificates %zu, valid %zu,%s expired %zu, revoked %zu, damaged %zu",
			   certificates, summary->states[MEMBER_VALID], not_yet,
			   summary->states[MEMBER_EXPIRED], summary->states[MEMBER_REVOKED],
			   summary->states[MEMBER_DAMAGED]);
		print_line("  first expiry %s, last %s", first, last);
		print_pool_use(client, summary, state, now_s, NULL);
		print_windows(client, now_s, NULL);
		return 0;
	}
	add_json_text(&line, "node", client->name);
	add_json_text(&line, "layout", client->layout);
	add_json_number(&line, "size", (long long)summary->size);
	add_json_number(&line, "keys", (long long)summary->keys);
	add_json_number(&line, "requests", (long long)summary->requests);
	add_json_number(&line, "certificates", (long long)certificates);
	add_json_number(&line, "valid", (long long)summary->states[MEMBER_VALID]);
	add_json_number(&line, "not_yet_valid", (long long)early);
	add_json_number(&line, "expired", (long long)summary->states[MEMBER_EXPIRED]);
	add_json_number(&line, "revoked", (long long)summary->states[MEMBER_REVOKED]);
	add_json_number(&line, "damaged", (long long)summary->states[MEMBER_DAMAGED]);
	add_json_number(&line, "beyond_size", (long long)surplus);
	add_json_time(&line, "first_expiry", summary->first_expiry_s);
	add_json_time(&line, "last_expiry", summary->last_expiry_s);
	print_pool_use(client, summary, state, now_s, &line);
	print_windows(client, now_s, &line);
	return print_json(&line, fault);
}

/*
 * Whether a client lives on another host, so that it is in the CA's table and has no pool here: the
 * manifest says so, or an invitation was made for it and what lies here, if anything, has no key of
 * the first member, nor says what became of it.
 */
static int find_elsewhere(const struct client_node *client, const struct fleet *fleet,
			  bool *ret_elsewhere, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	const struct fleet_row *row = find_in_fleet(fleet, client->name);
	char name[FILE_NAME_SIZE];
	struct fault absent = {0};
	bool found = false;

	*ret_elsewhere = client->elsewhere;
	if (row == NULL || row->client.invited_at_s == 0)
		return 0;
	name_private_key(1, name);
	if (open_layout(client->layout, &layout, &absent) < 0) {
		if (absent.class != FAULT_NOT_FOUND)
			return pass_fault(&absent, fault);
	} else if (find_file(layout->private, name, &found, fault) < 0 ||
		   (!found && find_file(layout->state, POOL_STATE_FILE, &found, fault) < 0)) {
		return prefix_fault(fault, "%s", layout->path);
	}
	*ret_elsewhere = client->elsewhere || !found;
	return 0;
}

static int note_elsewhere(const struct command *command, const struct client_node *client,
			  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json)
		return 0;
	add_json_text(&line, "node", client->name);
	add_json_flag(&line, "elsewhere", true);
	return print_json(&line, fault);
}

static int show_client(const struct command *command, struct client_node *client,
		       const struct fleet *fleet, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_known_revocations) struct known_revocations revocations = {0};
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	CLEANUP(clear_buffer) struct buffer surplus = {0};
	struct pool_summary summary;
	struct fault unread = {0};
	struct fault damaged = {0};
	bool elsewhere;
	size_t beyond;

	if (find_elsewhere(client, fleet, &elsewhere, fault) < 0)
		return -1;
	if (elsewhere)
		return note_elsewhere(command, client, fault);

	if (open_layout(client->layout, &layout, fault) < 0 ||
	    (view_numbers(layout, client, now_s, &state, &damaged) < 0 &&
	     pass_failure(&damaged, fault) < 0) ||
	    (read_known_revocations(layout, client->name, &revocations, &unread) < 0 &&
	     pass_failure(&unread, fault) < 0) ||
	    summarize_pool(layout, client, &revocations, now_s, &summary, fault) < 0 ||
	    list_surplus_members(layout, last_member(&client->pool), &surplus, fault) < 0)
		return -1;
	if (unread.class != FAULT_NONE)
		print_note(command, "%s", unread.text);
	if (damaged.class != FAULT_NONE)
		print_note(command, "%s", damaged.text);
	if (summary.states[MEMBER_REVOKED] + summary.states[MEMBER_DAMAGED] > 0)
		print_note(command,
			   "%s: %s revoked and %zu damaged: certpool keep %s makes "
			   "them new, and certpool check %s says what is damaged",
			   client->name,
			   counted(summary.states[MEMBER_REVOKED], "member is", "members are").text,
			   summary.states[MEMBER_DAMAGED], client->name, client->name);
	beyond = surplus.len / sizeof(size_t);
	if (beyond > 0)
		print_note(command,
			   "%s: %s above the pool's size of %zu %s files: certpool repair %s "
			   "--shrink sets %s aside",
			   client->name, counted(beyond, "member", "members").text,
			   client->pool.size, by_count(beyond, "has", "have"), client->name,
			   by_count(beyond, "it", "them"));
	return print_pool(command, client, &summary, &state, beyond, now_s, fault);
}

/* A node without a layout on this host is no failure: it may live on another host. */
static int show_or_note(const struct command *command, int result, const char *node,
			struct fault *failure, struct fault *fault)
{
	if (result == 0)
		return 0;
	if (failure->class != FAULT_NOT_FOUND) {
		(void)prefix_fault(failure, "%s", node);
		return pass_fault(failure, fault);
	}
	print_note(command, "%s: %s", node, failure->text);
	return 0;
}

static int run_status(const struct command *command, const void *settings, struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(clear_overview) struct overview overview = {0};
	const struct status_settings *given = settings;
	int64_t now_s = read_clock();

	if (given->output != NULL && !given->html)
		return set_fault(fault, FAULT_USAGE,
				 "--output: expected --html beside it, found none");
	if (given->admin_url)
		return print_admin_url(command, fault);
	if (given->html)
		return write_page(command, given, fault);
	if (load_manifest(command->manifest, &manifest, fault) < 0)
		return -1;
	if (manifest->ca.layout != NULL) {
		struct fault failure = {0};
		int result = show_authority(command, manifest, now_s, &overview, &failure);

		if (show_or_note(command, result, CA_NAME, &failure, fault) < 0)
			return -1;
	}
	for (size_t i = 0; i < manifest->client_count; i++) {
		struct client_node *client = &manifest->clients[i];
		struct fault failure = {0};
		int result = show_client(command, client, &overview.fleet, now_s, &failure);

		if (show_or_note(command, result, client->name, &failure, fault) < 0)
			return -1;
	}
	return 0;
}

const struct verb status_verb = {
	.name = "status",
	.group = VERB_LOOKING,
	.operands = "",
	.summary = "summarize pools, certificates and expiry",
	.details = "Takes no lock and changes nothing, so that it can be run at any time.\n",
	.example = "certpool status\n"
		   "certpool status --html -o page.html\n",
	.options = status_options,
	.settings_size = sizeof(struct status_settings),
	.run = run_status,
};
