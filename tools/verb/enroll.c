/*
 * enroll: sends a pool's requests to the CA and saves the certificates; or, without a network,
 * writes the requests to a file and reads the answer from one. Either way the layout is locked
 * throughout.
 */
#include "common/base/clock.h"
#include "common/pool/enrolment/offline_enroll.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"
#include "tools/pool/pool_use.h"

#include <string.h>

struct enroll_settings {
	struct endpoint ca;
	const char *export_path;
	const char *import_path;
};

static const struct option enroll_options[] = {
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct enroll_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{"export", 0, false, "FILE", take_text, offsetof(struct enroll_settings, export_path),
	 "write the requests to this file instead, for certpool sign", NULL},
	{"import", 0, false, "FILE", take_text, offsetof(struct enroll_settings, import_path),
	 "read the CA's answers from this file, which certpool sign wrote", NULL},
	{0},
};

static int print_enrolled(const struct command *command, const struct client_node *client,
			  const struct enroll_summary *enrolled, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: saved %s; %s there; %zu refused", client->name,
			   counted(enrolled->saved, "certificate", "certificates").text,
			   counted(enrolled->present, "was", "were").text, enrolled->refused);
		print_windows(client, read_clock(), NULL);
		return 0;
	}
	add_json_text(&line, "client", client->name);
	add_json_number(&line, "saved", (long long)enrolled->saved);
	add_json_number(&line, "present", (long long)enrolled->present);
	add_json_number(&line, "refused", (long long)enrolled->refused);
	add_json_number(&line, "cut_short", (long long)enrolled->cut_short.count);
	print_windows(client, read_clock(), &line);
	return print_json(&line, fault);
}

/* Locks the layout and fills in what export and import need; an endpoint is not. */
static int lock_for_offline(const struct command *command, const struct node *node,
			    struct refusal_printer *printer, struct enrollment *ret_enrollment,
			    int *ret_lock, struct fault *fault)
{
	*printer = (struct refusal_printer){.command = command, .client = node->client->name};
	*ret_enrollment = (struct enrollment){.layout = node->layout,
					      .client = node->client,
					      .refused = print_refusal,
					      .refused_context = printer};
	return lock_client(command, node->layout, node->client, ret_lock, fault);
}

static int print_exported(const struct command *command, const char *client, const char *path,
			  const struct export_summary *figures, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	/* Standard output is the file of requests then. */
	if (strcmp(path, "-") == 0) {
		print_note(
			command, "%s: exported %s; %s", client,
			counted(figures->members, "request", "requests").text,
			counted(figures->present, "had its certificate", "had their certificates")
				.text);
		return 0;
	}
	if (!command->json) {
		print_line(
			"%s: exported %s; %s", client,
			counted(figures->members, "request", "requests").text,
			counted(figures->present, "had its certificate", "had their certificates")
				.text);
		return 0;
	}
	add_json_text(&line, "client", client);
	add_json_number(&line, "exported", (long long)figures->members);
	add_json_number(&line, "present", (long long)figures->present);
	add_json_number(&line, "refused", (long long)figures->refused);
	return print_json(&line, fault);
}

/* check_output first: a long export must not fail at its last step. */
static int export_client(const struct command *command, const struct node *node, const char *path,
			 struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(end_refusals) struct refusal_printer printer = {0};
	struct enrollment enrollment;
	struct export_summary figures = {0};
	const char *client = node->client->name;

	if (check_output(path, fault) < 0 ||
	    lock_for_offline(command, node, &printer, &enrollment, &lock, fault) < 0 ||
	    export_requests(&enrollment, read_clock(), &text, &figures, fault) < 0)
		return -1;
	if (figures.requests > 0 && write_output(path, 0644, bytes_of_buffer(&text), fault) < 0)
		return -1;
	if (print_exported(command, client, path, &figures, fault) < 0)
		return -1;
	if (figures.refused == 0)
		return 0;
	return set_fault(
		fault, figures.members > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
		"%s: %s, for the reasons above", client,
		counted(figures.refused, "request cannot be read", "requests cannot be read").text);
}

static int import_client(const struct command *command, const struct node *node, const char *path,
			 struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(end_refusals) struct refusal_printer printer = {0};
	struct enrollment enrollment;
	struct enroll_summary enrolled = {0};

	if (read_input(path, OFFLINE_FILE_MAX, &text, fault) < 0 ||
	    lock_for_offline(command, node, &printer, &enrollment, &lock, fault) < 0)
		return -1;
	if (import_answers(&enrollment, bytes_of_buffer(&text), read_clock(), &enrolled, fault) < 0)
		return prefix_fault(fault, "%s", path);
	print_root_change(command, node->client->name, &enrolled.root_change);
	print_cut_short(command, node->client->name, &enrolled.cut_short);
	if (enrolled.others > 0)
		print_note(command, "%s: passed over: %s, under other keys", path,
			   counted(enrolled.others, "line is for another client",
				   "lines are for other clients")
				   .text);
	if (print_enrolled(command, node->client, &enrolled, fault) < 0)
		return -1;
	return check_enrolled(node->client->name, &enrolled, fault);
}

/* A partial failure still prints the counts. */
static int run_enroll(const struct command *command, const void *settings, struct fault *fault)
{
	const struct enroll_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	struct enroll_summary enrolled = {0};
	CLEANUP(clear_learned) struct learned learned = {0};
	struct fault unlearned;
	struct endpoint ca;
	int result;

	if (given->export_path != NULL && given->import_path != NULL)
		return set_fault(fault, FAULT_USAGE, "expected --export or --import, found both");
	if (open_node(command, command->operands[0], &node, fault) < 0)
		return -1;
	if (given->export_path != NULL)
		return export_client(command, &node, given->export_path, fault);
	if (given->import_path != NULL)
		return import_client(command, &node, given->import_path, fault);
	ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	learn_client(command, &node, &ca, &learned, &unlearned);
	result = enroll_client(command, node.layout, node.client, &ca, &enrolled, fault);
	if (result < 0 && enrolled.refused == 0)
		return -1;
	print_learned(command, node.client->name, &learned, &unlearned);
	return print_enrolled(command, node.client, &enrolled, fault) < 0 ? -1 : result;
}

const struct verb enroll_verb = {
	.name = "enroll",
	.group = VERB_CLIENTS,
	.operands = "CLIENT",
	.summary = "have the pool certified by the CA",
	.details =
		"Sends the requests of the members that have no certificate, checks the answers\n"
		"and saves the certificates. After an interruption, run it again: it asks only\n"
		"for missing certificates. Without a network: --export writes a file for certpool\n"
		"sign, and --import reads its answer.\n",
	.example = "certpool enroll client1\n",
	.options = enroll_options,
	.settings_size = sizeof(struct enroll_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a client's name",
	.run = run_enroll,
};
