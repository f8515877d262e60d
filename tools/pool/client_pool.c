/* Makes, enrolls and renews a client's pool under its layout's lock, and prints refusals. */
#include "tools/pool/client_pool.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/layout/known_endpoint.h"
#include "common/pool/members/pool_numbers.h"
#include "common/pool/members/take_key.h"
#include "tools/bar.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_SIZE = 96 };

static struct learning make_learning(const struct node *node, const struct endpoint *ca)
{
	return (struct learning){.layout = node->layout,
				 .client = node->client,
				 .ca = *ca,
				 .crl_url = node->manifest->ca.crl_url};
}

/* Where the CA says it is, it must be before that is kept, and know the client's key. */
static int follow_ca(const struct node *node, const struct endpoint *ca, struct fault *fault)
{
	const struct learning learning = make_learning(node, ca);
	CLEANUP(clear_learned) struct learned there = {0};

	if (learn_revocations(&learning, read_clock(), &there, fault) < 0)
		return -1;
	if (!equal_endpoints(&there.ca, ca))
		return set_fault(fault, FAULT_UNVERIFIED, "it says something else there");
	return keep_endpoint(node->layout, CA_NAME, ca, &node->written, fault);
}

static void note_where(const struct command *command, const struct node *node,
		       const struct learned *learned)
{
	struct fault fault = {0};
	char text[ENDPOINT_TEXT_SIZE];

	if (learned->ca.host[0] == '\0' ||
	    equal_endpoints(&learned->ca, &node->manifest->ca.endpoint))
		return;
	format_endpoint(&learned->ca, text);
	if (follow_ca(node, &learned->ca, &fault) == 0)
		print_note(command, "the CA is reached at %s from now on, until %s says otherwise",
			   text, node->manifest->path);
	else
		print_note(command,
			   "the CA says that it is reached at %s, and that is not kept: %s", text,
			   fault.text);
}

void learn_client(const struct command *command, const struct node *node, const struct endpoint *ca,
		  struct learned *ret_learned, struct fault *ret_failure)
{
	const struct learning learning = make_learning(node, ca);

	*ret_learned = (struct learned){0};
	*ret_failure = (struct fault){0};
	if (learn_revocations(&learning, read_clock(), ret_learned, ret_failure) == 0)
		*ret_failure = (struct fault){0};
	note_where(command, node, ret_learned);
}

int take_ca_key(const struct node *node, const struct endpoint *ca, struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = *ca,
						      .roots = node->layout->root_path};
	CLEANUP(clear_idle_clients) struct idle_clients clients;
	const struct key_question question = {.layout = node->layout,
					      .self = node->client->name,
					      .peer = CA_NAME,
					      .clients = &clients};
	CLEANUP(close_descriptor) int lock = -1;
	struct fault busy = {0};

	init_idle_clients(&clients, &settings);
	if (lock_layout(node->layout, LOCK_REFUSE, &lock, &busy) < 0)
		return busy.class == FAULT_BUSY ? 0 : pass_fault(&busy, fault);
	return take_new_key(&question, read_clock(), fault);
}

void print_learned(const struct command *command, const char *client, const struct learned *learned,
		   const struct fault *failure)
{
	const size_t unknown = learned->unknown.len / SERIAL_MAX;
	char serial[SERIAL_TEXT_SIZE];

	if (learned->too_old)
		print_note(
			command,
			"%s: it is not known which certificates are revoked: the CA is too old to "
			"be asked, and no CRL says it: give the manifest its ca.crl.url",
			client);
	else if (failure->class != FAULT_NONE)
		print_note(command, "%s: it is not known which certificates are revoked: %s",
			   client, failure->text);
	if (learned->revoked > 0)
		print_note(command, "%s: %s not used any more: certpool keep %s replaces %s",
			   client,
			   counted(learned->revoked, "certificate is revoked, and is",
				   "certificates are revoked, and are")
				   .text,
			   client, by_count(learned->revoked, "it", "them"));
	if (unknown > 0) {
		format_serial((struct bytes){learned->unknown.data, SERIAL_MAX}, serial);
		print_note(
			command,
			"%s: %s not in the CA's record, as %s, and its answers call %s unknown: "
			"certpool keep %s replaces %s",
			client,
			counted(unknown, "of the certificates is", "of the certificates are").text,
			serial, by_count(unknown, "it", "them"), client,
			by_count(unknown, "it", "them"));
	}
}

int lock_client(const struct command *command, const struct layout *layout,
		struct client_node *client, int *ret_lock, struct fault *fault)
{
	if (lock_or_wait(command, layout, ret_lock, fault) < 0)
		return -1;
	return prepare_numbers(layout, client, read_clock(), fault);
}

int make_client_pool(const struct command *command, const struct layout *layout,
		     struct client_node *client, struct make_summary *ret_made, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(end_bar) struct bar bar = {0};
	struct progress progress;
	char label[LABEL_SIZE];

	(void)snprintf(label, sizeof(label), "%s: requests", client->name);
	progress = start_bar(&bar, command, label, "made: run it again to go on");
	if (lock_client(command, layout, client, &lock, fault) < 0)
		return -1;
	return make_pool(layout, client, &progress, ret_made, fault);
}

void print_root_change(const struct command *command, const char *client,
		       const struct root_change *change)
{
	if (change->pinned[0] != '\0')
		print_note(command, "%s: pinned the CA's new root %s", client, change->pinned);
	if (change->dropped[0] != '\0')
		print_note(command, "%s: dropped the CA's old root %s", client, change->dropped);
}

void print_cut_short(const struct command *command, const char *client,
		     const struct cut_short *cut_short)
{
	char end[TIME_TEXT_SIZE];

	format_time(cut_short->end_s, end);
	if (cut_short->count > 0)
		print_note(command,
			   "%s: %s at %s together with the certificate of "
			   "the CA, which cuts %s short: its operator sees to that with certpool "
			   "status",
			   client,
			   counted(cut_short->count, "of the certificates ends",
				   "of the certificates end")
				   .text,
			   end, by_count(cut_short->count, "it", "them"));
}

int check_enrolled(const char *client, const struct enroll_summary *enrolled, struct fault *fault)
{
	size_t certified = enrolled->present + enrolled->saved;

	if (enrolled->refused == 0)
		return 0;
	return set_fault(fault, certified > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: refused %zu of %s, for the reasons above; %s", client,
			 enrolled->refused,
			 counted(certified + enrolled->refused, "request", "requests").text,
			 counted(certified, "other member has its certificate",
				 "other members have their certificates")
				 .text);
}

int enroll_client(const struct command *command, const struct layout *layout,
		  struct client_node *client, const struct endpoint *ca,
		  struct enroll_summary *ret_enrolled, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(end_refusals)
	struct refusal_printer printer = {.command = command, .client = client->name};
	struct enrollment enrollment = {
		.layout = layout,
		.client = client,
		.ca = *ca,
		.refused = print_refusal,
		.refused_context = &printer,
	};
	CLEANUP(end_bar) struct bar bar = {0};
	char label[LABEL_SIZE];

	(void)snprintf(label, sizeof(label), "%s: certificates", client->name);
	enrollment.progress = start_bar(&bar, command, label, "saved: run it again to go on");
	if (lock_client(command, layout, client, &lock, fault) < 0 ||
	    enroll_pool(&enrollment, ret_enrolled, fault) < 0)
		return -1;
	print_root_change(command, client->name, &ret_enrolled->root_change);
	print_cut_short(command, client->name, &ret_enrolled->cut_short);
	return check_enrolled(client->name, ret_enrolled, fault);
}

/* Prints the refusals of a renewal, and advice after them if the client's quota was the reason. */
struct renewal_refusals {
	struct refusal_printer printer;
	bool over_quota;
};

/* The refusal_function of a renewal. */
static void note_renewal_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct renewal_refusals *refusals = context;

	print_refusal(&refusals->printer, member, refusal);
	refusals->over_quota |= strcmp(refusal->type, "quota") == 0;
}

static void end_renewal_refusals(struct renewal_refusals *refusals)
{
	end_refusals(&refusals->printer);
	if (refusals->over_quota)
		print_note(refusals->printer.command,
			   "%s: a renewal needs room in the client's policy: the certificate that "
			   "it replaces counts until it ends; raise the policy's number of "
			   "certificates at the CA",
			   refusals->printer.client);
}

int check_renewed(const char *client, const struct renewal_summary *renewed, struct fault *fault)
{
	if (renewed->refused == 0)
		return 0;
	return set_fault(fault, renewed->renewed > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: refused %zu of %s, for the reasons above; what is refused keeps the "
			 "certificate that it has",
			 client, renewed->refused,
			 counted(renewed->renewed + renewed->refused, "renewal", "renewals").text);
}

/* Shows both phases on the bar, and notes the refusals for its end. */
static void report_renewal(const struct command *command, struct bar *bar,
			   struct renewal_refusals *refusals, struct enrollment *enrollment,
			   struct progress *making)
{
	const char *name = enrollment->client->name;
	char label[LABEL_SIZE];

	enrollment->refused = note_renewal_refusal;
	enrollment->refused_context = refusals;
	(void)snprintf(label, sizeof(label), "%s: new requests", name);
	*making = start_bar(bar, command, label, "made: run it again to go on");
	(void)snprintf(label, sizeof(label), "%s: new certificates", name);
	enrollment->progress = start_bar(bar, command, label, "saved: run it again to go on");
}

int renew_client(const struct command *command, const struct renewal *renewal,
		 struct client_node *client, struct renewal_summary *ret_renewed,
		 struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	const char *name = renewal->enrollment.client->name;
	CLEANUP(end_renewal_refusals)
	struct renewal_refusals refusals = {.printer = {.command = command, .client = name}};
	struct renewal visible = *renewal;
	CLEANUP(end_bar) struct bar bar = {0};

	report_renewal(command, &bar, &refusals, &visible.enrollment, &visible.making);
	if (lock_client(command, visible.enrollment.layout, client, &lock, fault) < 0)
		return -1;
	if (renew_pool(&visible, read_clock(), ret_renewed, fault) < 0)
		return -1;
	print_root_change(command, name, &ret_renewed->root_change);
	print_cut_short(command, name, &ret_renewed->cut_short);
	return 0;
}

/* "client1/7" and "client1/key7": the client's name, and the member; 0: it is not one. */
static size_t parse_operand(const char *operand, char ret_client[static NAME_SIZE])
{
	const char *member = strchr(operand, '/');
	size_t len = member != NULL ? (size_t)(member - operand) : strlen(operand);
	char name[FILE_NAME_SIZE];

	(void)snprintf(ret_client, NAME_SIZE, "%.*s", len < NAME_SIZE ? (int)len : 0, operand);
	if (member == NULL)
		return 0;
	(void)snprintf(name, sizeof(name), "%s%s", member[1] == 'k' ? "" : "key", member + 1);
	return parse_member(name);
}

static int add_operand(const char *operand, const struct client_node *client,
		       struct member_set *members, struct fault *fault)
{
	char name[NAME_SIZE];
	size_t member = parse_operand(operand, name);

	if (strcmp(name, client->name) != 0 || strchr(operand, '/') == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "%.80s: expected a client, or members of one client (%s/MEMBER)",
				 operand, client->name);
	if (member == 0 || member > last_member(&client->pool))
		return set_fault(fault, FAULT_USAGE,
				 "%.80s: expected a member from %s/1 to %s/%zu, the pool's size in "
				 "the manifest",
				 operand, client->name, client->name, last_member(&client->pool));
	if (is_set_apart(&client->pool, member))
		return set_fault(fault, FAULT_USAGE,
				 "%.80s: expected a member that has not signed yet: this one is "
				 "set aside for good, and certpool keep %s fills the pool up",
				 operand, client->name);
	add_to_member_set(members, member);
	return 0;
}

int open_members(const struct command *command, struct node *ret_node,
		 struct member_set *ret_members, struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_member_set) struct member_set members = {0};
	char client[NAME_SIZE];

	(void)parse_operand(command->operands[0], client);
	if (open_node(command, client, &node, fault) < 0)
		return -1;
	if (command->operand_count > 1 || strchr(command->operands[0], '/') != NULL) {
		if (init_member_set(last_member(&node.client->pool), &members, fault) < 0)
			return -1;
		for (size_t i = 0; i < command->operand_count; i++)
			if (add_operand(command->operands[i], node.client, &members, fault) < 0)
				return -1;
	}
	MOVE(ret_node, node);
	MOVE(ret_members, members);
	return 0;
}

/* Under the layout's lock. */
static int keep_locked(const struct command *command, const struct upkeep *upkeep,
		       struct upkeep_summary *ret_kept, struct fault *fault)
{
	const char *name = upkeep->enrollment.client->name;
	CLEANUP(end_renewal_refusals)
	struct renewal_refusals refusals = {.printer = {.command = command, .client = name}};
	struct upkeep visible = *upkeep;
	CLEANUP(end_bar) struct bar bar = {0};

	report_renewal(command, &bar, &refusals, &visible.enrollment, &visible.making);
	if (keep_pool(&visible, read_clock(), ret_kept, fault) < 0)
		return -1;
	print_root_change(command, name, &ret_kept->root_change);
	print_cut_short(command, name, &ret_kept->cut_short);
	return 0;
}

int keep_client(const struct command *command, const struct upkeep *upkeep,
		struct client_node *client, struct upkeep_summary *ret_kept, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_client(command, upkeep->enrollment.layout, client, &lock, fault) < 0)
		return -1;
	return keep_locked(command, upkeep, ret_kept, fault);
}

int keep_numbered_client(const struct command *command, const struct upkeep *upkeep,
			 struct client_node *client, struct upkeep_summary *ret_kept,
			 size_t *ret_retired, struct fault *fault)
{
	const struct layout *layout = upkeep->enrollment.layout;
	CLEANUP(close_descriptor) int lock = -1;
	struct fault left = {0};

	*ret_retired = 0;
	if (lock_or_wait(command, layout, &lock, fault) < 0 ||
	    fill_numbers_up(layout, client, fault) < 0 ||
	    keep_locked(command, upkeep, ret_kept, fault) < 0)
		return -1;
	if (check_kept(client->name, ret_kept, &left) < 0 || !is_full(&client->pool))
		return 0;
	return retire_used_members(layout, client, ret_retired, fault);
}

static size_t count_refused(const struct upkeep_summary *kept)
{
	size_t refused = 0;

	for (size_t i = 0; i < MEMBER_NEED_COUNT; i++)
		refused += kept->refused[i];
	return refused;
}

static size_t count_done(const struct upkeep_summary *kept, enum member_need need)
{
	return kept->needs[need] - kept->refused[need];
}

void print_kept(const struct command *command, const char *client,
		const struct upkeep_summary *kept, struct json_line *line)
{
	char time[TIME_TEXT_SIZE];
	char due[64] = "no renewal is due later";

	format_time(kept->next_due_s, time);
	if (kept->next_due_s != 0)
		(void)snprintf(due, sizeof(due), "the next renewal is due at %s", time);
	if (kept->chain_fetched)
		print_note(command, "%s: cert/ca.crt was missing or damaged: fetched again",
			   client);
	if (kept->keyless > 0 && kept->needs[NEED_KEY] > 0)
		print_note(command,
			   "%s: %s not in Private/, and %s something, which is done where the key "
			   "is; if that is lost, certpool repair %s --lost-keys makes a new one",
			   client,
			   counted(kept->keyless, "private key is", "private keys are").text,
			   counted(kept->needs[NEED_KEY], "member needs", "members need").text,
			   client);
	else if (kept->keyless > 0)
		print_note(command,
			   "%s: %s not in Private/: if %s lost, certpool repair %s --lost-keys "
			   "makes %s new",
			   client,
			   counted(kept->keyless, "private key is", "private keys are").text,
			   by_count(kept->keyless, "that is", "they are"), client,
			   by_count(kept->keyless, "it", "them"));
	if (!command->json && kept->needs[NEED_NOTHING] == kept->members && !kept->chain_fetched) {
		print_line("%s: nothing is due; %s", client, due);
		return;
	}
	if (!command->json) {
		print_line("%s: enrolled %zu, repaired %zu, replaced %zu, renewed %zu; %zu were in "
			   "order; %zu refused; %s",
			   client, count_done(kept, NEED_CERTIFICATE),
			   count_done(kept, NEED_REPAIR), count_done(kept, NEED_REPLACEMENT),
			   count_done(kept, NEED_RENEWAL), kept->needs[NEED_NOTHING],
			   count_refused(kept), due);
		return;
	}
	add_json_text(line, "client", client);
	add_json_number(line, "enrolled", (long long)count_done(kept, NEED_CERTIFICATE));
	add_json_number(line, "repaired", (long long)count_done(kept, NEED_REPAIR));
	add_json_number(line, "replaced", (long long)count_done(kept, NEED_REPLACEMENT));
	add_json_number(line, "renewed", (long long)count_done(kept, NEED_RENEWAL));
	add_json_number(line, "kept", (long long)kept->needs[NEED_NOTHING]);
	add_json_number(line, "elsewhere", (long long)kept->needs[NEED_KEY]);
	add_json_number(line, "by_hand", (long long)kept->needs[NEED_HAND]);
	add_json_number(line, "refused", (long long)count_refused(kept));
	add_json_number(line, "cut_short", (long long)kept->cut_short.count);
	add_json_time(line, "next_due", kept->next_due_s);
}

int check_kept(const char *client, const struct upkeep_summary *kept, struct fault *fault)
{
	size_t refused = count_refused(kept);
	size_t needy = kept->needs[NEED_CERTIFICATE] + kept->needs[NEED_REPAIR] +
		       kept->needs[NEED_REPLACEMENT] + kept->needs[NEED_RENEWAL];

	if (refused > 0)
		return set_fault(fault, refused < needy ? FAULT_PARTIAL : FAULT_REFUSED,
				 "%s: refused %zu of %s, for the reasons above", client, refused,
				 counted(needy, "member", "members").text);
	if (kept->needs[NEED_HAND] > 0)
		return set_fault(fault, FAULT_PARTIAL, "%s: %s left to you: %s", client,
				 counted(kept->needs[NEED_HAND], "member is", "members are").text,
				 kept->by_hand.text);
	return 0;
}

int revoke_replaced_of(const struct command *command, const struct node *node,
		       const struct endpoint *ca, struct revoked_replaced *ret_revoked,
		       struct fault *fault)
{
	const struct learning learning = make_learning(node, ca);
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_or_wait(command, node->layout, &lock, fault) < 0 ||
	    revoke_replaced(&learning, read_clock(), ret_revoked, fault) < 0)
		return -1;
	if (ret_revoked->left > 0)
		print_note(
			command, "%s: the CA's record lacks %s set aside: %s in cert/",
			node->client->name,
			counted(ret_revoked->left, "certificate that was", "certificates that were")
				.text,
			by_count(ret_revoked->left, "it stays", "they stay"));
	return 0;
}
