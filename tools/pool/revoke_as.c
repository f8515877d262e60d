/*
 * The client's side of revoke: finds the serials in the client's own cert/, and asks the CA to
 * revoke them. The CA decides whether they are the client's.
 */
#include "tools/pool/revoke_as.h"

#include "common/base/clock.h"
#include "common/pool/revocation/ask_revocation.h"
#include "common/pool/revocation/learn_revocations.h"
#include "tools/certificate_output.h"
#include "tools/certificate_selector.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/output.h"

#include <stdlib.h>
#include <string.h>

/* A selector_lookup: a client knows its own members alone. */
static int look_up(void *context, const struct certificate_selector *selector, bool *ret_exists,
		   struct fault *fault)
{
	const struct node *node = context;
	char name[FILE_NAME_SIZE];
	size_t index = parse_member(selector->member);

	name_certificate(index, name);
	if (selector->kind == SELECTOR_MEMBER && index > 0 &&
	    strcmp(selector->client, node->client->name) == 0)
		return find_file(node->layout->cert, name, ret_exists, fault);
	*ret_exists = false;
	return 0;
}

/* The CA knows its certificates by serials of SERIAL_MAX octets; another length is another CA's. */
static int add_certificate(const struct certificate *certificate, const char *name,
			   struct buffer *serials, struct fault *fault)
{
	struct bytes serial = certificate_serial(certificate);

	if (serial.len != SERIAL_MAX)
		return set_fault(
			fault, FAULT_NOT_FOUND,
			"%s: expected a certificate of this CA, with a serial of %d octets, "
			"found one with %zu",
			name, SERIAL_MAX, serial.len);
	append_bytes(serials, serial);
	return check_buffer(serials, fault);
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

/* A certificate named twice is asked for once. */
static void remove_duplicates(struct buffer *serials)
{
	size_t unique = SERIAL_MAX;

	if (serials->len == 0)
		return;
	qsort(serials->data, serials->len / SERIAL_MAX, SERIAL_MAX, compare_serials);
	for (size_t at = SERIAL_MAX; at < serials->len; at += SERIAL_MAX) {
		if (memcmp(serials->data + at, serials->data + unique - SERIAL_MAX, SERIAL_MAX) ==
		    0)
			continue;
		memmove(serials->data + unique, serials->data + at, SERIAL_MAX);
		unique += SERIAL_MAX;
	}
	serials->len = unique;
}

static int add_member(const struct node *node, size_t index, struct buffer *serials,
		      struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer content = {0};
	char name[FILE_NAME_SIZE];

	name_certificate(index, name);
	if (read_file(node->layout->cert, name, CERTIFICATE_PEM_MAX, &content, fault) < 0)
		return prefix_fault(fault, "%s/cert", node->layout->path);
	if (parse_certificate_pem(bytes_of_buffer(&content), &certificate, fault) < 0)
		return prefix_fault(fault, "%s/cert/%s", node->layout->path, name);
	return add_certificate(certificate, name, serials, fault);
}

/* The CA would refuse another client's member too; this message comes without asking. */
static int add_named_member(const struct node *node, const struct certificate_selector *selector,
			    struct buffer *serials, struct fault *fault)
{
	size_t index = parse_member(selector->member);

	if (strcmp(selector->client, node->client->name) != 0)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected a member of %s: a client "
				 "revokes its own certificates alone",
				 selector->text, node->client->name);
	if (index == 0)
		return set_fault(fault, FAULT_USAGE, "%s: expected a member's number, 1 or higher",
				 selector->text);
	return add_member(node, index, serials, fault);
}

static int add_file(const char *path, struct buffer *serials, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	if (read_certificate(path, &certificate, fault) < 0)
		return -1;
	return add_certificate(certificate, path, serials, fault);
}

static int add_selected(const struct node *node, const struct certificate_selector *selector,
			struct buffer *serials, struct fault *fault)
{
	switch (selector->kind) {
	case SELECTOR_SERIAL:
		append_bytes(serials, (struct bytes){selector->serial, SERIAL_MAX});
		return check_buffer(serials, fault);
	case SELECTOR_FILE:
		return add_file(selector->text, serials, fault);
	case SELECTOR_MEMBER:
		return add_named_member(node, selector, serials, fault);
	case SELECTOR_CLIENT:
		break;
	}
	return set_fault(fault, FAULT_USAGE,
			 "%s: expected a serial, a file or a member: a whole client is the CA's to "
			 "take away (--all-members revokes all its certificates)",
			 selector->text);
}

static int add_all_members(const struct node *node, struct buffer *serials, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	bool found;

	for (size_t index = 1; index <= last_member(&node->client->pool); index++) {
		name_certificate(index, name);
		if (find_file(node->layout->cert, name, &found, fault) < 0)
			return prefix_fault(fault, "%s/cert", node->layout->path);
		if (found && add_member(node, index, serials, fault) < 0)
			return -1;
	}
	if (serials->len == 0)
		return set_fault(fault, FAULT_NOT_FOUND, "%s/cert: no member has a certificate",
				 node->layout->path);
	return 0;
}

static int collect_serials(const struct command *command, const struct revoke_as_settings *given,
			   struct node *node, struct buffer *serials, struct fault *fault)
{
	const struct selector_rules rules = {given->client, look_up, node};

	for (size_t i = 0; i < command->operand_count; i++) {
		struct certificate_selector selector;

		if (parse_selector(command->operands[i], &rules, &selector, fault) < 0 ||
		    add_selected(node, &selector, serials, fault) < 0)
			return -1;
	}
	if (given->all_members && add_all_members(node, serials, fault) < 0)
		return -1;
	remove_duplicates(serials);
	return 0;
}

static int print_serials_to_revoke(const struct command *command, const struct buffer *serials,
				   struct fault *fault)
{
	for (size_t at = 0; at < serials->len; at += SERIAL_MAX) {
		CLEANUP(clear_json) struct json_line line = {0};
		char text[SERIAL_TEXT_SIZE];

		format_serial((struct bytes){serials->data + at, SERIAL_MAX}, text);
		add_json_text(&line, "serial", text);
		if (!command->json)
			print_line("%s: the CA would be asked to revoke it", text);
		else if (print_json(&line, fault) < 0)
			return -1;
	}
	return 0;
}

/* Prints what the CA did, and counts it for the last line. */
static int print_answer(const struct command *command, const char *client,
			const struct revocation_answer *answer, struct revocation_summary *summary,
			struct fault *fault)
{
	for (size_t i = 0; i < answer->revoked_count; i++) {
		const struct revoked_member *member = &answer->revoked[i];
		struct revoked_certificate revoked = {
			.revoked_at_s = member->revoked_at_s,
			.reason = member->reason,
			.already = member->already,
		};

		memcpy(revoked.serial, member->serial, SERIAL_MAX);
		memcpy(revoked.member, member->member, NAME_SIZE);
		memcpy(revoked.client, client, strlen(client) + 1);
		summary->revoked += !revoked.already;
		summary->already += revoked.already;
		if (print_revoked(command, &revoked, false, fault) < 0)
			return -1;
	}
	return 0;
}

/* Sends as many requests as needed; the CA does each of them completely or not at all. */
static int request_revocations(const struct command *command, const struct node *node,
			       const struct endpoint *ca, const struct buffer *serials, int reason,
			       struct fault *fault)
{
	struct revocation_options request = {
		.layout = node->layout, .client = node->client->name, .ca = *ca, .reason = reason};
	struct revocation_summary summary = {0};
	uint64_t crl_number = 0;

	for (size_t at = 0; at < serials->len; at += request.serial_count * SERIAL_MAX) {
		CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
		size_t left = (serials->len - at) / SERIAL_MAX;

		request.serials = (const uint8_t(*)[SERIAL_MAX])(void *)(serials->data + at);
		request.serial_count = left < REVOCATIONS_MAX ? left : REVOCATIONS_MAX;
		if (ask_revocation(&request, read_clock(), &answer, fault) < 0 ||
		    note_revocations(node->layout, node->client, &answer, read_clock(), fault) <
			    0 ||
		    print_answer(command, node->client->name, &answer, &summary, fault) < 0)
			return -1;
		crl_number = answer.crl_number;
	}
	if (print_revocation_summary(command, &summary, "", crl_number, fault) < 0)
		return -1;
	print_note(command, "OCSP has it at once, the CRL of that number in some seconds");
	return 0;
}

int revoke_as_client(const struct command *command, const struct revoke_as_settings *given,
		     int reason, bool dry_run, struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_buffer) struct buffer serials = {0};
	struct endpoint ca;

	if (open_node(command, given->client, &node, fault) < 0 ||
	    collect_serials(command, given, &node, &serials, fault) < 0)
		return -1;
	if (dry_run)
		return print_serials_to_revoke(command, &serials, fault);
	ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	return request_revocations(command, &node, &ca, &serials, reason, fault);
}
