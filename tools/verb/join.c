/*
 * join: takes an invitation on the other host. Everything is fetched and checked before anything is
 * written: the CA's root must have the digest in the invitation.
 */
#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/layout/known_endpoint.h"
#include "common/pool/members/take_key.h"
#include "common/pool/members/trust.h"
#include "common/wire/invitation.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

/* More than the files that joining writes. */
enum { JOINED_OCTETS = 32768 };

struct join_settings {
	struct endpoint ca;
	bool replace;
};

static const struct option join_options[] = {
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct join_settings, ca),
	 "the CA's endpoint, instead of the invitation's", NULL},
	{"replace", 0, true, NULL, take_switch, offsetof(struct join_settings, replace),
	 "take the invitation's key in place of the one here: it was rotated", NULL},
	{0},
};

/* The text holds a shared key, so it is wiped either way. */
static int read_invitation(const char *path, struct invitation *ret_invitation, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	int result;

	if (strcmp(path, "-") != 0) {
		if (read_secret_file(AT_FDCWD, path, INVITATION_MAX, &json, fault) < 0)
			return -1;
		result = parse_invitation(bytes_of_secret(&json), ret_invitation, fault);
	} else {
		if (read_stream(STDIN_FILENO, "standard input", INVITATION_MAX, &text, fault) < 0)
			return -1;
		result = parse_invitation(bytes_of_buffer(&text), ret_invitation, fault);
		wipe(text.data, text.len);
	}
	return result < 0 ? prefix_fault(fault, "%s", path) : 0;
}

/* Text as a double-quoted YAML scalar. */
static void append_quoted(struct buffer *buffer, const char *text)
{
	append_string(buffer, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			append_string(buffer, "\\");
		append_bytes(buffer, (struct bytes){(const uint8_t *)text, 1});
	}
	append_string(buffer, "\"");
}

/* A manifest with just the CA's endpoint and the invited client's pool. */
static int format_manifest(const struct invitation *invitation, struct buffer *ret_text,
			   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	char endpoint[ENDPOINT_TEXT_SIZE];

	format_endpoint(&invitation->endpoint, endpoint);
	append_format(&text, "version: 1\nca:\n  endpoint: \"%s\"\nclients:\n  \"%s\":\n", endpoint,
		      invitation->to);
	append_format(&text, "    pool:\n      size: %zu\n      key: %s\n      subject: ",
		      invitation->pool_size, format_key_type(invitation->pool_key));
	append_quoted(&text, invitation->pool_subject);
	if (invitation->pool_usages != USE_SIGN) {
		append_string(&text, "\n      usages: [");
		append_usage_list(invitation->pool_usages, &text);
		append_string(&text, "]");
	}
	append_string(&text, "\n");
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = take_buffer(&text);
	return 0;
}

/* The invitation, and everything that is written once all of it has been checked. */
struct join_context {
	struct invitation invitation;
	bool replace;                /* a key that is there */
	struct idle_clients clients; /* for the endpoint of who invited */
	struct manifest *manifest;
	struct buffer new_manifest; /* the text of one to be written; empty when there is one */
	const struct client_node *client;
	struct buffer root; /* DER */
	struct intermediates chain;
	int root_file; /* of the root, for https; -1: none */
};

static void clear_join_context(struct join_context *join)
{
	clear_invitation(&join->invitation);
	clear_idle_clients(&join->clients);
	free_manifest(&join->manifest);
	clear_buffer(&join->new_manifest);
	clear_buffer(&join->root);
	clear_intermediates(&join->chain);
	close_descriptor(&join->root_file);
}

/* Only the CA's invitation says enough for a new manifest. */
static int find_manifest(const struct command *command, struct join_context *join,
			 struct fault *fault)
{
	const struct invitation *invitation = &join->invitation;
	struct fault absent = {0};

	if (load_manifest(command->manifest, &join->manifest, &absent) == 0)
		return 0;
	if (absent.class != FAULT_NOT_FOUND || !invitation->from_ca)
		return pass_fault(&absent, fault);
	if (format_manifest(invitation, &join->new_manifest, fault) < 0)
		return -1;
	return parse_manifest(bytes_of_buffer(&join->new_manifest), command->manifest,
			      &join->manifest, fault);
}

/* The CA says so too; this host says it before anything is fetched or written. */
static int check_end(const struct invitation *invitation, struct fault *fault)
{
	char ended[TIME_TEXT_SIZE];

	if (invitation->ends_s == 0 || invitation->ends_s > read_clock())
		return 0;
	format_time(invitation->ends_s, ended);
	return set_fault(fault, FAULT_REFUSED,
			 "the invitation of %s ended at %s: ask the CA for another one (certpool "
			 "invite %s)",
			 invitation->to, ended, invitation->to);
}

static int find_invited_client(struct join_context *join, struct fault *fault)
{
	const struct invitation *invitation = &join->invitation;

	join->client = find_client(join->manifest, invitation->to, fault);
	if (join->client != NULL)
		return 0;
	return prefix_fault(fault, "the invitation is for %s, which must be in the manifest",
			    invitation->to);
}

/* What this host's manifest has; an empty host: nothing. */
static struct endpoint find_in_manifest(const struct join_context *join)
{
	struct fault absent = {0};
	const struct client_node *peer;

	if (join->invitation.from_ca)
		return join->manifest->ca.endpoint;
	peer = find_client(join->manifest, join->invitation.from, &absent);
	return peer != NULL ? peer->endpoint : (struct endpoint){0};
}

static void note_endpoint(const struct command *command, const struct join_context *join)
{
	const struct invitation *invitation = &join->invitation;
	const struct endpoint in_manifest = find_in_manifest(join);
	char endpoint[ENDPOINT_TEXT_SIZE];

	if (!invitation->has_endpoint || equal_endpoints(&invitation->endpoint, &in_manifest))
		return;
	format_endpoint(&invitation->endpoint, endpoint);
	print_note(command, "%s is reached at %s from now on, until %s says otherwise",
		   invitation->from, endpoint, join->manifest->path);
}

static int print_joined(const struct command *command, const struct join_context *join,
			struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	const struct invitation *invitation = &join->invitation;

	if (join->new_manifest.len > 0)
		print_note(command, "wrote the manifest %s", command->manifest);
	note_endpoint(command, join);
	if (!command->json) {
		print_line("%s: shares a key with %s%s", invitation->to, invitation->from,
			   invitation->from_ca ? ", and has pinned its root" : "");
		return 0;
	}
	add_json_text(&line, "client", invitation->to);
	add_json_text(&line, "shares_key_with", invitation->from);
	add_json_flag(&line, "root_pinned", invitation->from_ca);
	return print_json(&line, fault);
}

static int fetch_certificates(struct join_context *join, const struct endpoint *ca,
			      struct fault *fault)
{
	if (fetch_root(ca, join->invitation.root_sha256, &join->root, fault) < 0)
		return -1;
	return fetch_intermediates(ca, bytes_of_buffer(&join->root), &join->chain, fault);
}

/* Whether the key can be saved is asked before it is claimed, which can be done once. */
static int check_no_key(const struct join_context *join, struct fault *fault)
{
	const char *peer = join->invitation.from;
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	struct fault absent = {0};
	bool found = open_layout(join->client->layout, &layout, &absent) == 0 &&
		     read_shared_key(layout, peer, &present, &absent) == 0;

	if (!found && absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	if (found && !join->replace)
		return set_fault(fault, FAULT_REFUSED,
				 "%s/Private: a key is shared with %s already, and is not "
				 "overwritten; the invitation was not used now: certpool join "
				 "--replace takes its key",
				 layout->path, peer);
	return 0;
}

/* Writes as much as joining does, into a file that never has a name. */
static int check_writable(int directory, const char *path, struct fault *fault)
{
	static const uint8_t content[JOINED_OCTETS] = {0};
	CLEANUP(free_staging) struct staging *staging = NULL;
	CLEANUP(close_descriptor) int descriptor = -1;

	if (new_staging(&staging, fault) < 0 ||
	    stage_unnamed(staging, directory, "room", STAGE_NEW, 0600, &descriptor, fault) < 0 ||
	    write_stream(descriptor, "room", (struct bytes){content, sizeof(content)}, fault) < 0)
		return prefix_fault(fault,
				    "%s: nothing can be written here, and the invitation is not "
				    "used yet",
				    path);
	return 0;
}

/* The layout, or the directory in which it will be. */
static int check_place(const struct join_context *join, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(free_string) char *copy = strdup(join->client->layout);
	CLEANUP(close_descriptor) int parent = -1;
	struct fault absent = {0};
	const char *name;

	if (copy == NULL)
		return set_memory_fault(fault);
	if (open_layout(join->client->layout, &layout, &absent) == 0)
		return check_writable(layout->private, layout->path, fault);
	name = dirname(copy);
	/* The layout is made with the directories above it. */
	while ((parent = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT &&
	       strcmp(name, ".") != 0 && strcmp(name, "/") != 0)
		name = dirname(copy);
	if (parent < 0)
		return set_errno_fault(fault, "%s", name);
	return check_writable(parent, name, fault);
}

/* The invitation's key counts for this one question. */
static int claim(struct join_context *join, struct fault *fault)
{
	struct invitation *invitation = &join->invitation;
	const struct key_question question = {
		.self = invitation->to, .peer = invitation->from, .clients = &join->clients};
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	if (claim_key(&question, &invitation->key, read_clock(), &key, fault) < 0)
		return -1;
	invitation->key = key;
	return 0;
}

/* So that the CA knows that the key is here. Enrolling says so too, if this gets lost. */
static int acknowledge(struct join_context *join, const struct layout *layout, struct fault *fault)
{
	const struct key_question question = {.layout = layout,
					      .self = join->invitation.to,
					      .peer = join->invitation.from,
					      .clients = &join->clients};

	return take_new_key(&question, read_clock(), fault);
}

static int save_key(const struct join_context *join, const struct layout *layout,
		    struct fault *fault)
{
	const struct invitation *invitation = &join->invitation;
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	struct fault absent = {0};
	int64_t now_s = read_clock();

	if (!join->replace || read_shared_key(layout, invitation->from, &present, &absent) < 0)
		return write_shared_key(layout, invitation->from, &invitation->key, fault);
	return replace_shared_key(layout, invitation->from, &invitation->key,
				  invitation->old_ends_s, false, now_s, fault);
}

/* Writes the manifest, the layout, the root and the shared key. */
static int save_joined(const struct command *command, struct join_context *join,
		       struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(close_descriptor) int lock = -1;
	const struct invitation *invitation = &join->invitation;
	const struct endpoint in_manifest = find_in_manifest(join);
	bool written;

	if (join->new_manifest.len > 0 &&
	    write_output(command->manifest, 0644, bytes_of_buffer(&join->new_manifest), fault) < 0)
		return -1;
	if (make_layout(join->client->layout, &layout, fault) < 0 ||
	    lock_or_wait(command, layout, &lock, fault) < 0 ||
	    sweep_staging(layout->private, fault) < 0)
		return -1;
	if (invitation->from_ca &&
	    (pin_root(layout, bytes_of_buffer(&join->root), &written, fault) < 0 ||
	     keep_intermediates(layout, &join->chain, &written, fault) < 0))
		return -1;
	if (save_key(join, layout, fault) < 0 ||
	    (invitation->once && acknowledge(join, layout, fault) < 0))
		return -1;
	return invitation->has_endpoint ? keep_endpoint(layout, invitation->from,
							&invitation->endpoint, &in_manifest, fault)
					: 0;
}

static int run_join(const struct command *command, const void *settings, struct fault *fault)
{
	const struct join_settings *given = settings;
	CLEANUP(clear_join_context)
	struct join_context join = {.replace = given->replace, .root_file = -1};
	struct http_client_settings asking = {0};
	char root_path[ROOT_PATH_SIZE];
	struct endpoint ca;

	if (read_invitation(command->operands[0], &join.invitation, fault) < 0 ||
	    check_end(&join.invitation, fault) < 0 || find_manifest(command, &join, fault) < 0 ||
	    find_invited_client(&join, fault) < 0)
		return -1;
	ca = choose_endpoint(&given->ca, &join.invitation.endpoint);
	asking.endpoint = ca;
	if (join.invitation.from_ca &&
	    (fetch_certificates(&join, &ca, fault) < 0 ||
	     open_root_file(bytes_of_buffer(&join.root), &join.root_file, root_path, fault) < 0))
		return -1;
	asking.roots = join.root_file >= 0 ? root_path : NULL;
	init_idle_clients(&join.clients, &asking);
	if (join.invitation.once && (check_no_key(&join, fault) < 0 ||
				     check_place(&join, fault) < 0 || claim(&join, fault) < 0))
		return -1;
	if (save_joined(command, &join, fault) < 0)
		return -1;
	return print_joined(command, &join, fault);
}

const struct verb join_verb = {
	.name = "join",
	.group = VERB_CLIENTS,
	.operands = "FILE",
	.summary = "accept an invitation, pin the root",
	.details = "Reads the file that certpool invite made (- is standard input). For the CA's\n"
		   "invitation, the CA must be serving: its root is fetched, compared with the\n"
		   "invitation, and pinned. Without a manifest, one for this client is written.\n",
	.example = "certpool join client3.invitation.json\n",
	.options = join_options,
	.settings_size = sizeof(struct join_settings),
	.fewest = 1,
	.most = 1,
	.expected = "the file of an invitation",
	.run = run_join,
};
