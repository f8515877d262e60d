/*
 * run: makes the nodes that the manifest's batch names, starts the servers that it needs as child
 * processes, does the steps in order and prints a report. A failed step does not keep the next from
 * being done; servers that ran before are used and left running.
 */
#include "common/base/clock.h"
#include "common/pool/members/pool.h"
#include "common/pool/members/pool_numbers.h"
#include "common/pool/members/trust.h"
#include "common/pool/revocation/ask_status.h"
#include "common/x509/chain.h"
#include "tools/node.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"
#include "tools/pool/shipment.h"
#include "tools/report.h"
#include "tools/server_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run of the batch. Steps name clients by their index in the manifest and in `servers`. */
struct run_context {
	const struct command *command;
	struct manifest *manifest;
	struct server ca;
	struct server *servers; /* of clients that receive */
	struct report report;
};

static void clear_run_context(struct run_context *run)
{
	for (size_t i = 0; run->servers != NULL && i < run->manifest->client_count; i++)
		drop_server(&run->servers[i]);
	drop_server(&run->ca);
	free(run->servers);
	clear_report(&run->report);
	free_manifest(&run->manifest);
}

static struct client_node *client_at(const struct run_context *run, size_t index)
{
	return &run->manifest->clients[index];
}

/* Whether a step lists clients, each of which is a part with a row of its own in the report. */
static bool has_clients(const struct run_step *step)
{
	return step->kind == STEP_ENROLL || step->kind == STEP_RENEW;
}

/* Enumerates the clients that a step works with; false after the last. */
static bool next_client(const struct run_step *step, size_t position, size_t *ret_client)
{
	size_t others[] = {step->kind == STEP_VERIFY ? step->by : step->from, step->to};
	size_t count = step->kind == STEP_VERIFY ? 1 : COUNT_OF(others);

	if (has_clients(step))
		count = step->client_count;
	if (position >= count)
		return false;
	*ret_client = has_clients(step) ? step->clients[position] : others[position];
	return true;
}

static void mark_clients(const struct run_context *run, const char **names)
{
	for (size_t i = 0; i < run->manifest->step_count; i++) {
		size_t client;

		for (size_t j = 0; next_client(&run->manifest->steps[i], j, &client); j++)
			names[client] = client_at(run, client)->name;
	}
}

static void free_names(const char ***names)
{
	free(*names);
}

/*
 * Makes the nodes of the batch if the CA is on this host; elsewhere they must have joined before.
 * The CA's key is opened as the manifest says, because `serve`, started later, gets none of our
 * options.
 */
static int make_nodes(const struct run_context *run, struct fault *fault)
{
	const struct ca_key_settings as_in_manifest = {0};
	size_t count = run->manifest->client_count;
	CLEANUP(free_names) const char **names = calloc(count + 1, sizeof(*names));
	size_t name_count = 0;

	if (names == NULL)
		return set_memory_fault(fault);
	if (run->manifest->ca.layout == NULL)
		return 0;
	mark_clients(run, names);
	for (size_t i = 0; i < count; i++)
		if (names[i] != NULL)
			names[name_count++] = names[i];
	names[name_count++] = CA_NAME;
	return init_nodes(run->command, run->manifest, &as_in_manifest, names, name_count, NULL,
			  fault);
}

/* Starts a server on the layout, or finds the endpoint of the one that works on it already. */
static int start_or_find(const struct run_context *run, const struct layout *layout,
			 const char *const *arguments, const struct endpoint *endpoint,
			 struct server *ret_server, struct fault *fault)
{
	char text[ENDPOINT_TEXT_SIZE];
	bool serving;

	if (find_server(layout, &serving, fault) < 0)
		return -1;
	if (!serving)
		return start_server(arguments, ret_server, fault);
	format_endpoint(endpoint, text);
	if (endpoint->port == 0)
		return set_fault(
			fault, FAULT_USAGE,
			"layout %s: a server works on it already, and the manifest's %s does "
			"not say on which port: set the port there, or stop that server",
			layout->path, text);
	print_note(run->command, "layout %s: uses the server at %s", layout->path, text);
	ret_server->endpoint = *endpoint;
	return 0;
}

static bool needs_ca(const struct run_context *run)
{
	for (size_t i = 0; i < run->manifest->step_count; i++) {
		const struct run_step *step = &run->manifest->steps[i];

		if (has_clients(step) || (step->kind == STEP_VERIFY && step->online))
			return true;
	}
	return false;
}

/* A batch without enrolment and online checks needs no CA, and starts none. */
static int start_ca(struct run_context *run, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	const char *const arguments[] = {"serve", "--quiet", "--manifest", run->command->manifest,
					 NULL};

	run->ca.endpoint = run->manifest->ca.endpoint;
	if (run->manifest->ca.layout == NULL || !needs_ca(run))
		return 0;
	if (open_ca_layout(run->manifest, &layout, fault) < 0)
		return -1;
	return start_or_find(run, layout, arguments, &run->manifest->ca.endpoint, &run->ca, fault);
}

/* A client without a layout on this host receives on another host. */
static int start_client(struct run_context *run, size_t index, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	const struct client_node *client = client_at(run, index);
	const char *const arguments[] = {"receive",    client->name,           "--quiet",
					 "--manifest", run->command->manifest, NULL};
	struct server *server = &run->servers[index];
	struct fault absent = {0};

	if (server->endpoint.host[0] != '\0')
		return 0;
	if (open_layout(client->layout, &layout, &absent) == 0)
		return start_or_find(run, layout, arguments, &client->endpoint, server, fault);
	if (absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	server->endpoint = client->endpoint;
	return 0;
}

static int start_servers(struct run_context *run, struct fault *fault)
{
	run->servers = calloc(run->manifest->client_count + 1, sizeof(*run->servers));
	if (run->servers == NULL)
		return set_memory_fault(fault);
	if (start_ca(run, fault) < 0)
		return -1;
	for (size_t i = 0; i < run->manifest->step_count; i++)
		if (run->manifest->steps[i].kind == STEP_SEND &&
		    start_client(run, run->manifest->steps[i].to, fault) < 0)
			return -1;
	return 0;
}

/* All are stopped, even after one failed to end well; the first failure is reported. */
static int stop_servers(struct run_context *run, struct fault *fault)
{
	int result = 0;

	for (size_t i = 0; i < run->manifest->client_count; i++)
		if (stop_server(&run->servers[i], fault) < 0)
			result = -1;
	return stop_server(&run->ca, fault) < 0 ? -1 : result;
}

static int open_client(struct client_node *client, struct layout **ret_layout, struct fault *fault)
{
	if (open_layout(client->layout, ret_layout, fault) < 0)
		return -1;
	return prepare_numbers(*ret_layout, client, read_clock(), fault);
}

static int enroll_one(const struct run_context *run, struct client_node *client,
		      struct report_row *row, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	struct make_summary made = {0};
	struct enroll_summary enrolled = {0};
	int result = -1;

	if (open_client(client, &layout, fault) == 0 &&
	    make_client_pool(run->command, layout, client, &made, fault) == 0)
		result = enroll_client(run->command, layout, client, &run->ca.endpoint, &enrolled,
				       fault);
	row->figures[0] = (struct figure){"keys", made.keys};
	row->figures[1] = (struct figure){"certificates", enrolled.present + enrolled.saved};
	row->figures[2] = (struct figure){"refused", enrolled.refused};
	return result;
}

static int renew_one(const struct run_context *run, struct client_node *client,
		     struct report_row *row, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	struct renewal renewal = {.enrollment = {.client = client, .ca = run->ca.endpoint}};
	struct renewal_summary renewed = {0};
	int result = -1;

	if (open_client(client, &layout, fault) == 0) {
		renewal.enrollment.layout = layout;
		result = renew_client(run->command, &renewal, client, &renewed, fault);
	}
	row->figures[0] = (struct figure){"renewed", renewed.renewed};
	row->figures[1] = (struct figure){"kept", renewed.kept};
	row->figures[2] = (struct figure){"refused", renewed.refused};
	return result < 0 ? -1 : check_renewed(client->name, &renewed, fault);
}

static int send_step(const struct run_context *run, const struct run_step *step,
		     struct report_row *row, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	struct client_node *from = client_at(run, step->from);
	struct client_node to = *client_at(run, step->to);
	struct shipment_result sent = {0};
	int result = -1;

	to.endpoint = run->servers[step->to].endpoint;
	if (open_client(from, &layout, fault) == 0) {
		const struct shipment shipment = {.command = run->command,
						  .layout = layout,
						  .from = from,
						  .to = &to,
						  .payload = bytes_of_string(step->text),
						  .count = step->count};

		result = send_shipment(&shipment, &sent, fault);
	}
	row->figures[0] = (struct figure){"verified", sent.verified};
	row->figures[1] = (struct figure){"refused", sent.refused};
	return result < 0 ? -1 : check_shipment(&sent, fault);
}

/* How many certificates of a received/ are good, and how many are not. */
struct received_counts {
	size_t good;
	size_t bad;
};

/* The check of a client's received/ in a `verify` step. */
struct received_check {
	const struct command *command;
	const struct layout *layout;
	struct roots roots;
	struct intermediates chain;
	struct status_client *ca; /* NULL: the CA is not asked */
	struct received_counts counts;
};

static void clear_received_check(struct received_check *check)
{
	clear_roots(&check->roots);
	clear_intermediates(&check->chain);
	free_status_client(&check->ca);
}

/* A certificate that is invalid already is not asked about. */
static int ask_ca(const struct received_check *check, const struct certificate *certificate,
		  struct verdict *verdict, struct fault *fault)
{
	struct status_answer answer;

	if (check->ca == NULL || verdict->invalid)
		return 0;
	if (ask_status(check->ca, certificate_der(certificate), read_clock(), &answer, fault) < 0)
		return -1;
	if (answer.status != STATUS_GOOD)
		reject_because(verdict, "the CA says: %s", format_status(answer.status));
	return 0;
}

static int check_certificate_file(struct received_check *check, const char *name,
				  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	const struct trust trust = trust_in_roots(&check->roots, &check->chain);
	struct verdict verdict = {0};

	if (read_file(check->layout->received, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0 ||
	    parse_certificate_pem(bytes_of_buffer(&pem), &certificate, fault) < 0 ||
	    verify_chain(&trust, certificate, read_clock(), NULL, &verdict, fault) < 0 ||
	    ask_ca(check, certificate, &verdict, fault) < 0)
		return prefix_fault(fault, "%s/received/%s", check->layout->path, name);
	if (verdict.invalid)
		print_complaint(check->command, "%s/received/%s: %s", check->layout->path, name,
				verdict.reason);
	check->counts.good += verdict.invalid ? 0 : 1;
	check->counts.bad += verdict.invalid ? 1 : 0;
	return 0;
}

static bool is_certificate_name(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".crt") == 0;
}

static int check_every_file(struct received_check *check, struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *name = NULL;

	if (open_listing(check->layout->received, &listing, fault) < 0)
		return prefix_fault(fault, "%s/received", check->layout->path);
	do {
		if (read_listing(listing, &name, fault) < 0)
			return prefix_fault(fault, "%s/received", check->layout->path);
		if (name != NULL && is_certificate_name(name) &&
		    check_certificate_file(check, name, fault) < 0)
			return -1;
	} while (name != NULL);
	if (check->counts.good + check->counts.bad == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/received: expected certificates of messages, found none",
				 check->layout->path);
	return 0;
}

/* Every certificate against the client's pinned root, and at the CA too if the step is online. */
static int check_received(const struct run_context *run, const struct run_step *step,
			  const struct layout *layout, struct received_counts *ret_counts,
			  struct fault *fault)
{
	CLEANUP(clear_received_check)
	struct received_check check = {.command = run->command, .layout = layout};
	int result;

	if (read_roots(layout, &check.roots, fault) < 0 ||
	    read_intermediates(layout, &check.chain, fault) < 0)
		return -1;
	if (step->online &&
	    new_status_client(layout, client_at(run, step->by)->name, &run->ca.endpoint,
			      STATUS_PATIENT, &check.ca, fault) < 0)
		return -1;
	result = check_every_file(&check, fault);
	*ret_counts = check.counts;
	return result;
}

static int verify_step(const struct run_context *run, const struct run_step *step,
		       struct report_row *row, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	struct received_counts counts = {0};
	int result = -1;

	if (open_layout(client_at(run, step->by)->layout, &layout, fault) == 0)
		result = check_received(run, step, layout, &counts, fault);
	row->figures[0] = (struct figure){"good", counts.good};
	row->figures[1] = (struct figure){"bad", counts.bad};
	if (result == 0 && counts.bad > 0)
		return set_fault(
			fault, FAULT_UNVERIFIED, "bad: %zu of %s", counts.bad,
			counted(counts.good + counts.bad, "certificate", "certificates").text);
	return result;
}

/* Does one part of a step: one client of `enroll` or `renew`, or all of another step. */
static int do_part(const struct run_context *run, const struct run_step *step, size_t part,
		   struct report_row *row, struct fault *fault)
{
	struct client_node *client;

	switch (step->kind) {
	case STEP_ENROLL:
		client = client_at(run, step->clients[part]);
		row->verb = "enroll";
		(void)snprintf(row->what, sizeof(row->what), "%s", client->name);
		return enroll_one(run, client, row, fault);
	case STEP_RENEW:
		client = client_at(run, step->clients[part]);
		row->verb = "renew";
		(void)snprintf(row->what, sizeof(row->what), "%s", client->name);
		return renew_one(run, client, row, fault);
	case STEP_SEND:
		row->verb = "send";
		(void)snprintf(row->what, sizeof(row->what), "%s to %s",
			       client_at(run, step->from)->name, client_at(run, step->to)->name);
		return send_step(run, step, row, fault);
	case STEP_VERIFY:
		row->verb = "verify";
		(void)snprintf(row->what, sizeof(row->what), "by %s%s",
			       client_at(run, step->by)->name, step->online ? ", online" : "");
		return verify_step(run, step, row, fault);
	}
	return 0;
}

/* A failed part is reported and counted, and the next part is done. */
static int do_step(struct run_context *run, size_t index, struct fault *fault)
{
	const struct run_step *step = &run->manifest->steps[index];
	size_t parts = has_clients(step) ? step->client_count : 1;

	for (size_t part = 0; part < parts; part++) {
		struct report_row *row = add_row(&run->report, fault);
		int64_t begin_us = read_stopwatch_us();

		if (row == NULL)
			return -1;
		row->step = index + 1;
		row->line = step->line;
		if (do_part(run, step, part, row, &row->fault) < 0) {
			run->report.failed++;
			print_complaint(run->command, "%s:%d: step %zu: %s", run->manifest->path,
					step->line, index + 1, row->fault.text);
		}
		row->duration_ms = (read_stopwatch_us() - begin_us) / 1000;
	}
	return 0;
}

static int run_batch(const struct command *command, const void *settings, struct fault *fault)
{
	CLEANUP(clear_run_context) struct run_context run = {.command = command};

	(void)settings;
	if (load_manifest(command->manifest, &run.manifest, fault) < 0)
		return -1;
	if (run.manifest->step_count == 0)
		return set_fault(fault, FAULT_USAGE, "%s: expected steps in batch, found none",
				 command->manifest);
	if (make_nodes(&run, fault) < 0 || start_servers(&run, fault) < 0)
		return -1;
	for (size_t i = 0; i < run.manifest->step_count; i++)
		if (do_step(&run, i, fault) < 0)
			return -1;
	if (stop_servers(&run, fault) < 0 || print_report(command, &run.report, fault) < 0)
		return -1;
	if (run.report.failed > 0)
		return set_fault(fault, FAULT_PARTIAL, "failed: %zu of %s", run.report.failed,
				 counted(run.report.count, "part", "parts").text);
	return 0;
}

const struct verb run_verb = {
	.name = "run",
	.group = VERB_MESSAGES,
	.operands = "",
	.summary = "do everything that the manifest's batch lists",
	.details =
		"Makes the nodes that the batch names, starts the servers that it needs and that\n"
		"do not run yet, does its steps in order, stops the servers that it started, and\n"
		"prints each step's result and time. Exit status 5 if a part failed.\n",
	.example = "certpool run\n",
	.run = run_batch,
};
