/*
 * pool audit: whether certificates of one pool can be told from those of others by anything but
 * their keys; on the CA over the record and the CRLs, on a client over the pools of this host and
 * over what is seen on the wire.
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/certificates.h"
#include "common/pool/members/member.h"
#include "common/x509/audit/pool_audit.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct audit_settings {
	bool ca;
	size_t at_least;
	int64_t window_s;
};

static const struct option pool_options[] = {
	{"ca", 0, true, NULL, take_switch, offsetof(struct audit_settings, ca),
	 "audit the CA's record and CRLs instead of clients of this host", NULL},
	{"at-least", 0, false, "N", take_count, offsetof(struct audit_settings, at_least),
	 "how many pools have to share what certificates of a pool have in common", "2"},
	{"window", 0, false, "DURATION", take_duration, offsetof(struct audit_settings, window_s),
	 "compare certificates whose notBefore is in the same window of this length, from 1970 on; "
	 "without, in the same of the manifest's windows, or else on the same day",
	 NULL},
	{0},
};

/* What is audited, and printed of it. */
struct auditing {
	const struct command *command;
	struct pool_audit *audit;
	int64_t now_s;
	size_t at_least;
	size_t certificates;
	size_t wire_findings; /* beside those of the audit */
};

static int print_finding(void *context, const struct audit_finding *finding, struct fault *fault)
{
	const struct auditing *auditing = context;
	CLEANUP(clear_json) struct json_line line = {0};

	if (!auditing->command->json) {
		print_line("%s%s%s: %s", finding->pool, finding->pool[0] != '\0' ? ": " : "",
			   finding->field, finding->text);
		return flush_output(fault);
	}
	if (finding->pool[0] != '\0')
		add_json_text(&line, "client", finding->pool);
	add_json_text(&line, "field", finding->field);
	add_json_text(&line, "text", finding->text);
	return print_json(&line, fault);
}

/* Members of pools are named key1, key2 and so on in requests; other certificates have other names.
 */
static bool is_of_pool(const struct issued_certificate *certificate)
{
	return strncmp(certificate->member, "key", 3) == 0 &&
	       isdigit((unsigned char)certificate->member[3]) != 0;
}

/* A certificate_function. */
static int take_recorded(void *context, const struct issued_certificate *certificate,
			 int64_t position, struct fault *fault)
{
	struct auditing *auditing = context;

	(void)position;
	if (certificate->not_after_s < auditing->now_s || !is_of_pool(certificate))
		return 0;
	auditing->certificates++;
	return audit_certificate(auditing->audit, certificate->client,
				 bytes_of_buffer(&certificate->der), fault);
}

static int take_crls(const struct ca_operator *ca, struct auditing *auditing, struct fault *fault)
{
	for (unsigned int issuer = 1; issuer <= ISSUERS_MAX; issuer++) {
		CLEANUP(clear_buffer) struct buffer der = {0};
		char name[FILE_NAME_SIZE];
		bool found;

		name_crl(issuer, name);
		if (find_file(ca->layout->cert, name, &found, fault) < 0)
			return prefix_fault(fault, "%s/cert", ca->layout->path);
		if (!found)
			return 0;
		if (read_crl(ca->layout, issuer, &der, fault) < 0 ||
		    audit_crl(auditing->audit, bytes_of_buffer(&der), fault) < 0)
			return -1;
	}
	return 0;
}

static int take_record(const struct command *command, struct auditing *auditing,
		       struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	const struct listing all = {0};

	if (open_operator(command, &ca, fault) < 0 ||
	    list_certificates(ca.store, &all, take_recorded, auditing, NULL, fault) < 0)
		return -1;
	return take_crls(&ca, auditing, fault);
}

static int print_wire_finding(const struct node *node, struct auditing *auditing, const char *field,
			      struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static int print_wire_finding(const struct node *node, struct auditing *auditing, const char *field,
			      struct fault *fault, const char *format, ...)
{
	char text[512];
	const struct audit_finding finding = {
		.pool = node->client->name, .field = field, .text = text};
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	auditing->wire_findings++;
	return print_finding(auditing, &finding, fault);
}

/* A kid is the same in all that is sent under a key, and stands outside the encryption. */
static int check_kid(const struct node *node, struct auditing *auditing, struct fault *fault)
{
	const struct manifest *manifest = node->manifest;
	const char *open = !manifest->ca.endpoint.secure ? CA_NAME : NULL;

	for (size_t i = 0; open == NULL && i < manifest->client_count; i++) {
		const struct client_node *other = &manifest->clients[i];

		if (other->has_endpoint && !other->endpoint.secure &&
		    strcmp(other->name, node->client->name) != 0)
			open = other->name;
	}
	if (open == NULL)
		return 0;
	return print_wire_finding(
		node, auditing, "kid", fault,
		"%s has an http:// endpoint, on the way to which everybody sees "
		"the name of the shared key, the same in every message and request: "
		"expected https://",
		open);
}

/* Who gets the certificate of one member, or its digest, in two messages. */
static int check_repetition(const struct node *node, struct auditing *auditing, struct fault *fault)
{
	const struct pool_reuse *reuse = &node->client->pool.reuse;
	const char *who = NULL;

	switch (reuse->method) {
	case REUSE_RANDOM:
	case REUSE_LIMITED_TIME:
	case REUSE_ROTATING_BATCH:
		who = "a receiver, and another one, that messages are by one member";
		break;
	case REUSE_PER_RELYING_PARTY:
		who = "a receiver, and no other, that messages are by one member";
		break;
	case REUSE_ONCE_ONLY:
		if (reuse->on_empty == EMPTY_REUSE)
			who = "a receiver, and another one, once no member is left (on_empty: "
			      "reuse), that messages are by one member";
		break;
	}
	if (who == NULL)
		return 0;
	return print_wire_finding(node, auditing, "x5c", fault,
				  "with reuse: %s the certificate tells %s: expected once_only%s",
				  format_reuse(reuse->method), who,
				  reuse->method == REUSE_ONCE_ONLY ? ", and on_empty: fail or block"
								   : "");
}

/* Messages by a member have its certificate until the receiver remembers it, and then its digest,
   which is shorter: everybody on the way sees which. With once_only each has it. */
static int check_size_step(const struct node *node, struct auditing *auditing, struct fault *fault)
{
	if (node->client->pool.reuse.method == REUSE_ONCE_ONLY)
		return 0;
	return print_wire_finding(
		node, auditing, "message size", fault,
		"the first messages of a member to a receiver have its certificate, "
		"the later ones its digest, which everybody on the way sees by their "
		"length: expected once_only, or send --signer-id always");
}

/* What messages are longer by than M, and the pool's certificates have not been compared for. */
static int check_message_size(const struct node *node, struct auditing *auditing,
			      struct fault *fault)
{
	const struct manifest *manifest = node->manifest;
	size_t len = strlen(node->client->name);
	size_t alike = 0;

	for (size_t i = 0; i < manifest->client_count; i++)
		alike += strlen(manifest->clients[i].name) == len ? 1 : 0;
	if (alike >= auditing->at_least)
		return 0;
	return print_wire_finding(node, auditing, "message size", fault,
				  "messages have their sender's name in them, here %s, which "
				  "everybody on the way sees by their length, and %s of the "
				  "manifest in all: expected %zu",
				  counted(len, "character", "characters").text,
				  counted(alike, "client", "clients").text, auditing->at_least);
}

static int check_wire(const struct node *node, struct auditing *auditing, struct fault *fault)
{
	if (check_kid(node, auditing, fault) < 0 || check_repetition(node, auditing, fault) < 0 ||
	    check_size_step(node, auditing, fault) < 0)
		return -1;
	return check_message_size(node, auditing, fault);
}

static int take_pool(const struct command *command, const char *client, struct auditing *auditing,
		     struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};

	if (open_node(command, client, &node, fault) < 0)
		return -1;
	for (size_t member = 1; member <= last_member(&node.client->pool); member++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		char name[FILE_NAME_SIZE];
		bool found;

		name_certificate(member, name);
		if (find_file(node.layout->cert, name, &found, fault) < 0)
			return prefix_fault(fault, "%s/cert", node.layout->path);
		if (!found)
			continue;
		if (read_certificate_file(node.layout, name, &certificate, fault) < 0)
			return -1;
		if (certificate_not_after(certificate) < auditing->now_s)
			continue;
		auditing->certificates++;
		if (audit_certificate(auditing->audit, client, certificate_der(certificate),
				      fault) < 0)
			return -1;
	}
	return check_wire(&node, auditing, fault);
}

static int check_operands(const struct command *command, const struct audit_settings *given,
			  struct fault *fault)
{
	if (strcmp(command->operands[0], "audit") != 0)
		return set_fault(fault, FAULT_USAGE, "expected audit, found \"%s\"",
				 command->operands[0]);
	if (given->ca != (command->operand_count == 1))
		return set_fault(fault, FAULT_USAGE,
				 "audit: expected either --ca or names of clients");
	for (size_t i = 1; i < command->operand_count; i++)
		for (size_t j = 1; j < i; j++)
			if (strcmp(command->operands[i], command->operands[j]) == 0)
				return set_fault(
					fault, FAULT_USAGE,
					"audit: expected different clients, found %s twice",
					command->operands[i]);
	return 0;
}

/* Those of the pools, unless one is given, as certificates of different windows differ anyhow. */
static int choose_window(const struct command *command, const struct audit_settings *given,
			 int64_t *ret_window_s, struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	if (load_manifest(command->manifest, &manifest, fault) < 0)
		return -1;
	*ret_window_s =
		manifest->ca.windows.every_s > 0 ? manifest->ca.windows.every_s : AUDIT_WINDOW_S;
	if (given->window_s > 0)
		*ret_window_s = given->window_s;
	return 0;
}

static int run_pool(const struct command *command, const void *settings, struct fault *fault)
{
	const struct audit_settings *given = settings;
	CLEANUP(free_pool_audit) struct pool_audit *audit = NULL;
	struct auditing auditing = {
		.command = command, .now_s = read_clock(), .at_least = given->at_least};
	struct audit_options options = {
		.at_least = given->at_least, .function = print_finding, .context = &auditing};
	size_t findings;

	if (check_operands(command, given, fault) < 0 ||
	    choose_window(command, given, &options.window_s, fault) < 0 ||
	    new_pool_audit(&options, &audit, fault) < 0)
		return -1;
	auditing.audit = audit;
	if (given->ca && take_record(command, &auditing, fault) < 0)
		return -1;
	for (size_t i = 1; i < command->operand_count; i++)
		if (take_pool(command, command->operands[i], &auditing, fault) < 0)
			return -1;
	if (run_pool_audit(audit, &findings, fault) < 0)
		return -1;
	if (auditing.certificates == 0)
		return set_fault(fault, FAULT_NOT_FOUND, "audit: no certificate is valid");
	findings += auditing.wire_findings;
	if (findings == 0) {
		print_note(command, "%s: nothing tells the pools apart",
			   counted(auditing.certificates, "certificate", "certificates").text);
		return 0;
	}
	return set_fault(fault, FAULT_UNVERIFIED, "audit: %s in %s",
			 counted(findings, "finding", "findings").text,
			 counted(auditing.certificates, "certificate", "certificates").text);
}

const struct verb pool_verb = {
	.name = "pool",
	.group = VERB_LOOKING,
	.operands = "audit [CLIENT...]",
	.summary = "look whether pools can be told apart",
	.details =
		"audit: looks for what tells certificates of one pool from those of other pools,\n"
		"and is not their keys: subject and alternative names, times, extensions, issuer,\n"
		"size, serials; with --ca also the entries of the CRLs, on a client also what\n"
		"messages show: kid, x5c, their size. A value counts if certificates of a pool "
		"share it, and fewer\n"
		"than --at-least pools have it. Exit status 3 if there is a finding, of which "
		"each\n"
		"is a line. Give all clients of this host: a pool alone cannot be compared.\n",
	.example = "certpool pool audit client1 client2\n"
		   "certpool pool audit --ca\n",
	.options = pool_options,
	.settings_size = sizeof(struct audit_settings),
	.fewest = 1,
	.most = SIZE_MAX,
	.expected = "audit and names of clients, or audit --ca",
	.run = run_pool,
};
