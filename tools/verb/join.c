#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/pool/members/trust.h"
#include "common/wire/invitation.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct join_settings {
	struct endpoint ca;
};

static const struct option join_options[] = {
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct join_settings, ca),
	 "where the CA serves, when not as in the manifest", NULL},
	{0},
};

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

/* The least manifest with which the invited client can do its part. */
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
	append_string(&text, "\n");
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = take_buffer(&text);
	return 0;
}

/* What there is to join with, and whether its manifest has yet to be written. */
struct joining {
	struct invitation invitation;
	struct manifest *manifest;
	struct buffer new_manifest; /* its text; empty when there is one already */
	const struct client_node *client;
	struct buffer root; /* DER */
	struct intermediates chain;
};

static void clear_joining(struct joining *joining)
{
	clear_invitation(&joining->invitation);
	free_manifest(&joining->manifest);
	clear_buffer(&joining->new_manifest);
	clear_buffer(&joining->root);
	clear_intermediates(&joining->chain);
}

static int find_manifest(const struct command *command, struct joining *joining,
			 struct fault *fault)
{
	const struct invitation *invitation = &joining->invitation;
	struct fault absent = {0};

	if (load_manifest(command->manifest, &joining->manifest, &absent) == 0)
		return 0;
	if (absent.class != FAULT_NOT_FOUND || !invitation->from_ca)
		return pass_fault(&absent, fault);
	if (format_manifest(invitation, &joining->new_manifest, fault) < 0)
		return -1;
	return parse_manifest(bytes_of_buffer(&joining->new_manifest), command->manifest,
			      &joining->manifest, fault);
}

static int find_ourselves(struct joining *joining, struct fault *fault)
{
	const struct invitation *invitation = &joining->invitation;

	joining->client = find_client(joining->manifest, invitation->to, fault);
	if (joining->client != NULL)
		return 0;
	return prefix_fault(fault, "the invitation is for %s, which has to be in the manifest",
			    invitation->to);
}

static void tell_of_peer(const struct command *command, const struct joining *joining)
{
	const struct invitation *invitation = &joining->invitation;
	char endpoint[ENDPOINT_TEXT_SIZE] = "";
	struct fault absent = {0};

	if (!invitation->has_endpoint || invitation->from_ca ||
	    find_client(joining->manifest, invitation->from, &absent) != NULL)
		return;
	format_endpoint(&invitation->endpoint, endpoint);
	print_note(command, "to send to %s, add to the clients of %s: \"%s\": {endpoint: \"%s\"}",
		   invitation->from, joining->manifest->path, invitation->from, endpoint);
}

static int print_joined(const struct command *command, const struct joining *joining,
			struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	const struct invitation *invitation = &joining->invitation;

	if (joining->new_manifest.len > 0)
		print_note(command, "wrote the manifest %s", command->manifest);
	tell_of_peer(command, joining);
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

static int fetch_certificates(struct joining *joining, const struct endpoint *ca,
			      struct fault *fault)
{
	if (fetch_root(ca, joining->invitation.root_sha256, &joining->root, fault) < 0)
		return -1;
	return fetch_intermediates(ca, bytes_of_buffer(&joining->root), &joining->chain, fault);
}

/* Writes what was fetched and checked: nothing of this happens unless all of that was right. */
static int save_joining(const struct command *command, const struct joining *joining,
			struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(close_descriptor) int lock = -1;
	const struct invitation *invitation = &joining->invitation;
	bool written;

	if (joining->new_manifest.len > 0 &&
	    write_output(command->manifest, 0644, bytes_of_buffer(&joining->new_manifest), fault) <
		    0)
		return -1;
	if (make_layout(joining->client->layout, &layout, fault) < 0 ||
	    lock_or_wait(command, layout, &lock, fault) < 0 ||
	    sweep_staging(layout->private, fault) < 0)
		return -1;
	if (invitation->from_ca &&
	    (pin_root(layout, bytes_of_buffer(&joining->root), &written, fault) < 0 ||
	     keep_intermediates(layout, &joining->chain, &written, fault) < 0))
		return -1;
	return write_shared_key(layout, invitation->from, &invitation->key, fault);
}

static int run_join(const struct command *command, const void *settings, struct fault *fault)
{
	const struct join_settings *given = settings;
	CLEANUP(clear_joining) struct joining joining = {0};
	struct endpoint ca;

	if (read_invitation(command->operands[0], &joining.invitation, fault) < 0 ||
	    find_manifest(command, &joining, fault) < 0 || find_ourselves(&joining, fault) < 0)
		return -1;
	ca = choose_endpoint(&given->ca, &joining.manifest->ca.endpoint);
	if (joining.invitation.from_ca && fetch_certificates(&joining, &ca, fault) < 0)
		return -1;
	if (save_joining(command, &joining, fault) < 0)
		return -1;
	return print_joined(command, &joining, fault);
}

const struct verb join_verb = {
	.name = "join",
	.operands = "FILE",
	.summary = "take an invitation, pin the root",
	.details =
		"Takes the file that certpool invite made (- is standard input). When it is the\n"
		"CA's, the CA must be serving: its root is fetched, compared with the\n"
		"invitation, and pinned. Without a manifest, one for this client is written.\n",
	.options = join_options,
	.settings_size = sizeof(struct join_settings),
	.fewest = 1,
	.most = 1,
	.expected = "the file of an invitation",
	.run = run_join,
};
