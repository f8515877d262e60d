/*
 * serve: runs the CA's service, in two processes: this one, the front, has no key, and the signer,
 * its child, has them all (tools/ca_signer.h). The main thread waits for signals; the service has
 * its own threads. SIGHUP reads the manifest and the shared keys again without interrupting
 * requests.
 */
#include "common/base/clock.h"
#include "common/ca/issue/authority.h"
#include "common/ca/service/admin_page.h"
#include "common/ca/service/service.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/clients.h"
#include "common/net/log_limit.h"
#include "common/wire/shared_keys.h"
#include "tools/admin_token.h"
#include "tools/ca_signer.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/stop.h"

#include <string.h>

struct serve_settings {
	struct endpoint_list listen;
	size_t ready;
	size_t connections;
	bool verbose;
	struct ca_key_settings key;
};

static const struct option serve_options[] = {
	{"listen", 'l', false, "ENDPOINT", take_endpoints, offsetof(struct serve_settings, listen),
	 "an endpoint to serve at, instead of the manifest's; port 0: any; repeatable", NULL},
	{"ready", 0, false, "FD", take_count, offsetof(struct serve_settings, ready),
	 "write the endpoint, the first of several, to this descriptor once ready", NULL},
	{"connections-per-address", 0, false, "N", take_count,
	 offsetof(struct serve_settings, connections),
	 "the most connections from one address, or one /64 of IPv6; default 256", NULL},
	VERBOSE_OPTION(struct serve_settings, verbose),
	CA_KEY_OPTIONS(struct serve_settings, key),
	{0},
};

/* A line for each endpoint. */
static int print_listening(const struct command *command, const struct endpoint_list *list,
			   struct fault *fault)
{
	for (size_t i = 0; command->json && i < list->count; i++) {
		CLEANUP(clear_json) struct json_line line = {0};
		char text[ENDPOINT_TEXT_SIZE];

		format_endpoint(&list->endpoints[i], text);
		add_json_text(&line, "listening", text);
		if (print_json(&line, fault) < 0)
			return -1;
	}
	return 0;
}

/* A manifest with a mistake in it may have lost clients that should enroll. */
static void complain_about_clients(const struct command *command,
				   const struct clients_synced *synced)
{
	if (synced->disabled > 0)
		print_complaint(command,
				"%s disabled: %s does not have %s any more; to let one enroll, put "
				"it back and run certpool client enable CLIENT",
				counted(synced->disabled, "client is", "clients are").text,
				command->manifest, by_count(synced->disabled, "it", "them"));
	if (synced->returned > 0)
		print_complaint(command,
				"%s in %s again and still disabled: certpool client enable CLIENT "
				"lets one enroll",
				counted(synced->returned, "client is", "clients are").text,
				command->manifest);
}

/* A client whose name was mistyped there is not challenged. */
static int complain_about_challenged(const struct command *command, struct store *store,
				     const struct ca_node *ca, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer unknown = {0};

	if (find_unknown_challenged(store, ca, &unknown, fault) < 0)
		return -1;
	if (unknown.len > 0)
		print_complaint(command, "%s: ca.acme.http_01: %s", command->manifest,
				(const char *)unknown.data);
	return 0;
}

/* What serves. */
struct serving {
	const struct command *command;
	const struct manifest *manifest;
	const struct layout *layout;
	struct signer_link *signer;
	struct authority *authority;
	const char *admin_token; /* "": there is no page for the admin */
};

/*
 * Without ACME in the manifest all stays as it is: it is served until the next start. What fails is
 * printed: the clients have been taken over by then.
 */
static void sync_challenged(const struct serving *serving, struct ca_service *service,
			    const struct ca_node *ca)
{
	const struct command *command = serving->command;
	struct fault fault = {0};

	if (!ca->acme)
		return;
	if (reload_ca_challenged(service, ca->acme_challenged, &fault) < 0)
		print_complaint(command, "SIGHUP: %s: whom ACME challenges has not changed",
				fault.text);
	else if (complain_about_challenged(command, authority_store(serving->authority), ca,
					   &fault) < 0)
		print_complaint(command, "SIGHUP: the names of ca.acme.http_01 are not checked: %s",
				fault.text);
}

/* *ret_left: the changed keys of the CA, which count from the next start. */
static int sync_with_manifest(const struct serving *serving, struct ca_service *service,
			      struct clients_synced *ret_synced, struct buffer *ret_left,
			      struct fault *fault)
{
	const struct manifest *served = serving->manifest;
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	if (reload_from_signer(serving->signer, serving->command, &manifest, fault) < 0)
		return -1;
	if (manifest->ca.layout == NULL || strcmp(manifest->ca.layout, served->ca.layout) != 0)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected the CA that is served, with the layout %s, found "
				 "%s: stop certpool serve and start it again",
				 manifest->path, served->ca.layout,
				 manifest->ca.layout != NULL ? manifest->ca.layout : "none");
	/* By the profile the policies of all clients are others. */
	if (manifest->ca.pseudonymous != served->ca.pseudonymous)
		return set_fault(fault, FAULT_USAGE,
				 "%s: ca.profile: expected the one that is served: stop certpool "
				 "serve and start it again",
				 manifest->path);
	if (list_ca_differences(&served->ca, &manifest->ca, ret_left, fault) < 0 ||
	    sync_clients(authority_store(serving->authority), manifest, read_clock(), ret_synced,
			 fault) < 0)
		return -1;
	sync_challenged(serving, service, &manifest->ca);
	return 0;
}

/*
 * Reads the manifest again and takes over its clients and their policies (sync_clients), and which
 * of them ACME challenges. What else is said of the CA itself counts from the next start. A wrong
 * manifest, or one of another CA, changes nothing and is printed, and the CA goes on.
 */
static void reload_manifest(const struct serving *serving, struct ca_service *service)
{
	const struct command *command = serving->command;
	CLEANUP(clear_buffer) struct buffer left = {0};
	struct clients_synced synced = {0};
	struct fault fault = {0};

	if (sync_with_manifest(serving, service, &synced, &left, &fault) < 0)
		print_complaint(command, "SIGHUP: %s: nothing has changed", fault.text);
	else
		print_note(command,
			   "SIGHUP: %s: clients: %zu added, %zu changed, %zu left as certpool "
			   "client changed them",
			   command->manifest, synced.added, synced.changed, synced.kept);
	if (left.len > 0)
		print_complaint(command,
				"SIGHUP: %s: changed, and not taken over: %s: stop certpool serve "
				"and start it again",
				command->manifest, (const char *)left.data);
	complain_about_clients(command, &synced);
	fault = (struct fault){0};
	if (write_barred(authority_store(serving->authority), serving->layout, &fault) < 0)
		print_complaint(command, "SIGHUP: %s: a restore would not know who is disabled",
				fault.text);
}

static void reload_keys(const struct command *command, struct ca_service *service)
{
	struct fault fault = {0};

	if (reload_ca_keys(service, &fault) < 0)
		print_complaint(command, "SIGHUP: %s: the keys stay as they were", fault.text);
}

static int serve_until_stopped(const struct serving *serving, struct ca_service *service,
			       const struct stop *stop, struct fault *fault)
{
	bool hangup = false;

	do {
		if (hangup) {
			reload_manifest(serving, service);
			reload_keys(serving->command, service);
		}
		if (await_stop_or_hangup(stop, &hangup, fault) < 0)
			return -1;
	} while (hangup);
	return 0;
}

/* For https endpoints: the front, which has the TLS server's key, may use its folder alone. */
static int open_tls_folder(const struct endpoint_list *listen, struct layout *layout,
			   struct fault *fault)
{
	return has_secure_endpoint(listen) ? open_server_directory(layout, fault) : 0;
}

/* Beside the service, whose threads it does not take; after it, whose health it shows. */
static int start_admin(const struct serving *serving, struct ca_service *service,
		       struct log_limit *log, struct admin_page **ret_page, struct fault *fault)
{
	const struct admin_settings settings = {.listen = serving->manifest->ca.admin,
						.token = serving->admin_token,
						.layout = serving->layout,
						.manifest = serving->manifest,
						.store = authority_store(serving->authority),
						.check = check_ca_service,
						.check_context = service,
						.log = limit_log,
						.log_context = log};

	char endpoint[ENDPOINT_TEXT_SIZE];

	if (serving->admin_token[0] == '\0')
		return 0;
	format_endpoint(&settings.listen, endpoint);
	if (start_admin_page(&settings, ret_page, fault) < 0)
		return -1;
	print_note(serving->command, "a page for the operator at %s: certpool status --admin-url",
		   endpoint);
	return 0;
}

/* Has no key but the TLS server's from the first line on: only the signer reads the rest of
   Private/. */
static int serve(const struct serve_settings *given, const struct layout *layout,
		 const struct stop *stop, struct serving *serving, struct fault *fault)
{
	const struct command *command = serving->command;
	const struct key_source keys = {read_keys_from_signer, stamp_keys_at_signer,
					serving->signer,
					serving->manifest->ca.store != NULL ? SETTLING_US : 0};
	struct server_log context = {.command = command, .verbose = given->verbose};
	/* The last to go: everything else logs until its end. */
	CLEANUP(clear_log_limit) struct log_limit log = {0};
	CLEANUP(clear_log_limit) struct log_limit exchanges = {0};
	CLEANUP(free_authority) struct authority *authority = NULL;
	CLEANUP(stop_ca_service) struct ca_service *service = NULL;
	CLEANUP(stop_admin_page) struct admin_page *admin = NULL;
	struct ca_service_settings settings = {
		.layout = layout,
		.keys = &keys,
		.listen = choose_listen(&given->listen, &serving->manifest->ca.listen),
		.log = limit_log,
		.log_context = &log,
		.exchange_log = command->quiet ? NULL : limit_log,
		.exchange_log_context = &exchanges,
		.version = CERTPOOL_VERSION,
		.connections_per_address = (unsigned int)given->connections};

	init_log_limit(&log, log_refusal, &context);
	init_log_limit(&exchanges, log_exchange, &context);
	if (open_front_authority(layout, serving->manifest, serving->signer, read_clock(),
				 &authority, fault) < 0)
		return -1;
	complain_about_clients(command, authority_clients_synced(authority));
	if (complain_about_challenged(command, authority_store(authority), &serving->manifest->ca,
				      fault) < 0)
		return -1;
	serving->authority = authority;
	settings.authority = authority;
	if (start_ca_service(&settings, &service, fault) < 0 ||
	    start_admin(serving, service, &log, &admin, fault) < 0 ||
	    print_listening(command, ca_service_endpoints(service), fault) < 0 ||
	    announce_server(command, ca_service_endpoints(service), given->ready, fault) < 0)
		return -1;
	return serve_until_stopped(serving, service, stop, fault);
}

/* prepare_stop… and the signer come before the service, whose threads must not take the signals,
   and before its sockets. */
static int run_serve(const struct command *command, const void *settings, struct fault *fault)
{
	const struct serve_settings *given = settings;
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_stop) struct stop stop = {-1, -1};
	CLEANUP(end_signer) struct signer_link *signer = NULL;
	struct command logging = *command;
	char token[ADMIN_TOKEN_TEXT_SIZE] = "";
	struct serving serving = {.command = &logging, .admin_token = token};
	struct signer_plan plan = {.command = &logging, .key = &given->key};
	struct endpoint_list listen;

	if (load_manifest(command->manifest, &manifest, fault) < 0 ||
	    open_ca_layout(manifest, &layout, fault) < 0 || remove_ended_keys(layout, fault) < 0 ||
	    prepare_stop_or_hangup(&stop, fault) < 0)
		return -1;
	listen = choose_listen(&given->listen, &manifest->ca.listen);
	if (open_tls_folder(&listen, layout, fault) < 0)
		return -1;
	plan.manifest = manifest;
	plan.layout = layout;
	serving.layout = layout;
	plan.stop = &stop;
	plan.ready = given->ready;
	if (await_ca_record(&logging, layout, &manifest->ca, &stop, fault) < 0 ||
	    start_signer(&plan, &signer, fault) < 0)
		return -1;
	/* The last that this process reads of Private/. */
	if (manifest->ca.admin.host[0] != '\0' && take_admin_token(layout, token, fault) < 0)
		return -1;
	close_descriptor(&layout->private);
	serving.manifest = manifest;
	serving.signer = signer;
	if (enter_front_sandbox(&logging, layout, &manifest->ca, fault) < 0 ||
	    end_with_signer(signer, &logging, fault) < 0)
		return -1;
	return serve(given, layout, &stop, &serving, fault);
}

const struct verb serve_verb = {
	.name = "serve",
	.group = VERB_CA,
	.operands = "",
	.summary = "run the CA",
	.details =
		"Serves until SIGTERM or SIGINT, and then answers the requests that it has begun.\n"
		"Its log on standard error has a line for what each client was given or refused;\n"
		"with --json that is JSON, an object a line.\n"
		"SIGHUP makes it read the shared keys, and the manifest for clients and their\n"
		"policies, and for ca.acme.http_01, again.\n",
	.example = "certpool serve --listen http://127.0.0.1:8440\n",
	.options = serve_options,
	.settings_size = sizeof(struct serve_settings),
	.logs = true,
	.run = run_serve,
};
