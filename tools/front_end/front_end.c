/*
 * front-end: the hosts that serve one record. add makes a packet on one of them, join unpacks it on
 * the next; list shows them, remove bars one.
 */
#include "common/ca/shared/front_ends.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/backup/front_end_packet.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/shared/lease.h"
#include "common/crypto/key_access.h"
#include "common/layout/path.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct front_end_settings {
	const char *output;
	const char *passphrase_file;
};

/* Not from the environment: CERTPOOL_PASSPHRASE_FILE is the passphrase of the CA's key. */
static const struct option front_end_options[] = {
	{"output", 'o', false, "FILE", take_text, offsetof(struct front_end_settings, output),
	 "add: the packet to write (NAME.tar)", NULL},
	{"passphrase-file", 0, true, "FILE", take_text,
	 offsetof(struct front_end_settings, passphrase_file),
	 "add, join: the file with the passphrase of the packet", NULL},
	{0},
};

static int read_passphrase(const struct front_end_settings *given, struct secret *ret_passphrase,
			   struct fault *fault)
{
	if (given->passphrase_file == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected --passphrase-file FILE: the packet has the CA's keys");
	return read_secret_line(given->passphrase_file, ret_passphrase, fault);
}

static int print_done(const struct command *command, const char *name, const char *act,
		      const char *detail, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: %s%s%s", name, act, detail != NULL ? ": " : "",
			   detail != NULL ? detail : "");
		return 0;
	}
	add_json_text(&line, "front_end", name);
	add_json_text(&line, "act", act);
	if (detail != NULL)
		add_json_text(&line, "detail", detail);
	return print_json(&line, fault);
}

static int add(const struct command *command, const struct front_end_settings *given,
	       struct fault *fault)
{
	CLEANUP(clear_secret) struct secret passphrase = {0};
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_buffer) struct buffer manifest = {0};
	struct packet_options options = {.name = command->operands[1]};
	char path[NAME_SIZE + sizeof(".tar")];
	const char *output = given->output != NULL ? given->output : path;

	if (!valid_name(options.name))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\": expected a front end's name: 1 to 64 of A-Z a-z 0-9 _ -",
				 options.name);
	(void)snprintf(path, sizeof(path), "%s.tar", options.name);
	if (read_passphrase(given, &passphrase, fault) < 0 || check_output(output, fault) < 0 ||
	    open_operator(command, &ca, fault) < 0 ||
	    read_file(AT_FDCWD, command->manifest, MANIFEST_SIZE_MAX, &manifest, fault) < 0 ||
	    add_front_end(ca.store, options.name, ca.now_s, &options.number, fault) < 0)
		return -1;
	options.layout = ca.layout;
	options.manifest = bytes_of_buffer(&manifest);
	options.passphrase = bytes_of_secret(&passphrase);
	options.now_s = ca.now_s;
	if (write_front_end_packet(&options, output, fault) < 0)
		return prefix_fault(fault,
				    "the front end %s is added; run this again for its packet",
				    options.name);
	if (ca.manifest->ca.key_url != NULL)
		print_note(command, "the CA's key is in a token, and is not in the packet: the "
				    "other host needs the token, too");
	return print_done(command, options.name, "added", output, fault);
}

/* The manifest of the packet, unless this host has one. */
static int write_manifest(const struct command *command, const struct front_end_packet *packet,
			  struct fault *fault)
{
	const char *slash = strrchr(command->manifest, '/');
	const char *name = slash != NULL ? slash + 1 : command->manifest;
	CLEANUP(free_string) char *folder = NULL;
	CLEANUP(close_descriptor) int dirfd = -1;
	bool found;

	if (split_directory(command->manifest, &folder, fault) < 0 ||
	    open_directory(AT_FDCWD, folder, &dirfd, fault) < 0 ||
	    find_file(dirfd, name, &found, fault) < 0)
		return -1;
	if (!found)
		return write_file(dirfd, name, STAGE_NEW, 0644, packet->manifest, fault);
	print_note(command,
		   "%s is there, and stays as it is: compare it with the other front ends'",
		   command->manifest);
	return 0;
}

static int open_shared_store(const struct manifest *manifest, const struct layout *layout,
			     struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_string) char *location = NULL;

	if (manifest->ca.store == NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected ca.store, the record that front ends share, found "
				 "none: use the manifest of the other front ends",
				 manifest->path);
	if (locate_store(layout, &manifest->ca, &location, fault) < 0)
		return -1;
	return open_store(location, ret_store, fault);
}

/* Nothing is believed before it is complete: the last file is the one that makes it a front end. */
static int join_by(const struct command *command, const struct front_end_packet *packet,
		   struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(close_descriptor) int lock = -1;

	if (write_manifest(command, packet, fault) < 0 ||
	    load_manifest(command->manifest, &manifest, fault) < 0)
		return -1;
	if (manifest->ca.layout == NULL)
		return set_fault(fault, FAULT_USAGE, "%s: expected ca.layout, found none",
				 manifest->path);
	if (make_layout(manifest->ca.layout, &layout, fault) < 0 ||
	    lock_or_wait(command, layout, &lock, fault) < 0 ||
	    open_shared_store(manifest, layout, &store, fault) < 0 ||
	    unpack_front_end(packet, layout, fault) < 0 ||
	    join_front_ends(store, layout, packet->name, packet->number, read_clock(), fault) < 0 ||
	    take_issuers(store, layout, fault) < 0)
		return -1;
	return take_client_keys(store, layout, fault);
}

static int join(const struct command *command, const struct front_end_settings *given,
		struct fault *fault)
{
	const char *path = command->operands[1];
	CLEANUP(close_descriptor) int descriptor = -1;
	CLEANUP(clear_secret) struct secret passphrase = {0};
	CLEANUP(clear_front_end_packet) struct front_end_packet packet = {0};

	if (read_passphrase(given, &passphrase, fault) < 0)
		return -1;
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor < 0)
		return set_errno_fault(fault, "%s", path);
	if (read_front_end_packet(descriptor, path, bytes_of_secret(&passphrase), &packet, fault) <
		    0 ||
	    join_by(command, &packet, fault) < 0)
		return -1;
	return print_done(command, packet.name, "joined", NULL, fault);
}

/* What one front end does at a time. */
static const char *const leases[] = {CRL_LEASE, CHECKPOINT_LEASE};
enum { LEASES_SIZE = 64 };

/* One of the list. */
struct listing_context {
	const struct command *command;
	const struct ca_operator *ca;
	int64_t own;
	int64_t now_s; /* of the database's clock */
	int64_t holders[COUNT_OF(leases)];
};

/* "crl, checkpoint": the leases that the front end has now; "" without one. */
static void name_leases(const struct listing_context *listing, int64_t number,
			char ret_names[static LEASES_SIZE])
{
	ret_names[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(leases); i++) {
		size_t len = strlen(ret_names);

		if (listing->holders[i] == number)
			(void)snprintf(ret_names + len, LEASES_SIZE - len, "%s%s",
				       len > 0 ? ", " : "", leases[i]);
	}
}

static const char *describe_state(const struct front_end *front_end, int64_t now_s)
{
	if (front_end->removed)
		return "removed";
	if (!front_end->joined)
		return "added";
	if (front_end->serves && now_s - front_end->heartbeat_s < HEARTBEAT_LOST_S)
		return "serves";
	return front_end->serves && front_end->heartbeat_s != 0 ? "lost" : "stopped";
}

static int print_front_end(void *context, const struct front_end *front_end, struct fault *fault)
{
	const struct listing_context *listing = context;
	CLEANUP(clear_json) struct json_line line = {0};
	const char *state = describe_state(front_end, listing->now_s);
	bool own = front_end->number == listing->own;
	char at[TIME_TEXT_SIZE] = "-";
	char held[LEASES_SIZE];
	char key[FINGERPRINT_SIZE];

	name_leases(listing, front_end->number, held);
	if (read_fingerprint(listing->ca->store, listing->ca->layout, front_end->number, key,
			     fault) < 0)
		return -1;
	if (front_end->heartbeat_s != 0)
		format_time(front_end->heartbeat_s, at);
	if (!listing->command->json) {
		print_line("%-20s  %-8s  %-8s  %-20s  %11lld  %-16s  %s%s", front_end->name, state,
			   front_end->version[0] != '\0' ? front_end->version : "-", at,
			   (long long)front_end->lines, key[0] != '\0' ? key : "-",
			   held[0] != '\0' ? held : "-", own ? "  (this host)" : "");
		return 0;
	}
	add_json_text(&line, "front_end", front_end->name);
	add_json_number(&line, "number", (long long)front_end->number);
	add_json_text(&line, "state", state);
	if (front_end->version[0] != '\0')
		add_json_text(&line, "version", front_end->version);
	if (front_end->heartbeat_s != 0)
		add_json_time(&line, "heartbeat", front_end->heartbeat_s);
	add_json_number(&line, "audit_lines", (long long)front_end->lines);
	if (key[0] != '\0')
		add_json_text(&line, "key", key);
	if (held[0] != '\0')
		add_json_text(&line, "leases", held);
	add_json_flag(&line, "own", own);
	return print_json(&line, fault);
}

static int list(const struct command *command, const struct front_end_settings *given,
		struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct listing_context context = {.command = command, .ca = &ca};

	(void)given;
	if (open_operator(command, &ca, fault) < 0 ||
	    read_front_end_clock(ca.store, &context.now_s, fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(leases); i++)
		if (read_lease_holder(ca.store, leases[i], &context.holders[i], fault) < 0)
			return -1;
	context.own = store_front_end(ca.store);
	if (!command->json)
		print_line("%-20s  %-8s  %-8s  %-20s  %11s  %-16s  %s", "FRONT END", "STATE",
			   "VERSION", "HEARTBEAT", "AUDIT LINES", "KEY", "LEASES");
	return list_front_ends(ca.store, print_front_end, &context, fault);
}

static int drop(const struct command *command, const struct front_end_settings *given,
		struct fault *fault)
{
	const char *name = command->operands[1];
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	size_t left;

	(void)given;
	/* Then the file of the store's key, which the next verb would bring up to date, too. */
	if (open_operator(command, &ca, fault) < 0 ||
	    remove_front_end(ca.store, ca.layout, name, ca.now_s, &left, fault) < 0 ||
	    take_client_keys(ca.store, ca.layout, fault) < 0)
		return -1;
	if (left > 0)
		print_complaint(
			command,
			"%zu other front ends had no key of their own yet, and cannot read "
			"the new key of the store: remove them, too, and let them join anew",
			left);
	print_note(command,
		   "%s had the CA's issuing key, the clients' keys and access to the database: end "
		   "that access in the database; if that host was lost with its keys, run certpool "
		   "rotate ca, revoke the old issuer, and rotate the clients' keys",
		   name);
	return print_done(command, name, "removed", NULL, fault);
}

static const struct front_end_action {
	const char *name;
	size_t operands;
	const char *expected;
	bool takes_output;
	bool takes_passphrase;
	int (*run)(const struct command *command, const struct front_end_settings *given,
		   struct fault *fault);
} actions[] = {
	{"add", 2, "the name of a front end", true, true, add},
	{"join", 2, "the packet of certpool front-end add", false, true, join},
	{"list", 1, "nothing more", false, false, list},
	{"remove", 2, "the name of a front end", false, false, drop},
};

static int run_front_end(const struct command *command, const void *settings, struct fault *fault)
{
	const struct front_end_settings *given = settings;

	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		const struct front_end_action *action = &actions[i];

		if (strcmp(action->name, command->operands[0]) != 0)
			continue;
		if (command->operand_count != action->operands)
			return set_fault(fault, FAULT_USAGE, "%s: expected %s", action->name,
					 action->expected);
		if ((given->output != NULL && !action->takes_output) ||
		    (given->passphrase_file != NULL && !action->takes_passphrase))
			return set_fault(fault, FAULT_USAGE, "%s: takes no --%s", action->name,
					 given->output != NULL && !action->takes_output
						 ? "output"
						 : "passphrase-file");
		return action->run(command, given, fault);
	}
	return set_fault(fault, FAULT_USAGE, "expected add, join, list or remove, found \"%s\"",
			 command->operands[0]);
}

const struct verb front_end_verb = {
	.name = "front-end",
	.group = VERB_CA,
	.operands = "add NAME | join FILE | list | remove NAME",
	.summary = "several hosts that serve one record",
	.details =
		"Of a CA whose record is in PostgreSQL (ca.store in the manifest). add, on a host\n"
		"that serves it, writes a packet for a further one: the manifest, the CA's keys\n"
		"(but for those in a token) and the key of the store, under a passphrase. join\n"
		"makes the host where it runs that front end, once. list shows all of them, by\n"
		"their heartbeats; remove bars one from the record, and makes a new key of the\n"
		"store, which the others get.\n",
	.example = "certpool front-end add ca2 -o ca2.tar --passphrase-file p\n"
		   "certpool front-end join ca2.tar --passphrase-file p\n",
	.options = front_end_options,
	.settings_size = sizeof(struct front_end_settings),
	.fewest = 1,
	.most = 2,
	.expected = "add NAME, join FILE, list or remove NAME",
	.run = run_front_end,
};
