/*
 * seal: signs M with a member of a pool, for everybody who has the root: a file, a broadcast, a
 * topic of MQTT. Nothing is encrypted, and neither the sender nor a receiver is named.
 */
#include "common/base/clock.h"
#include "common/pool/messages/message_signer.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/verb/messages/payload.h"

struct seal_settings {
	const char *file;
	size_t member;
	const char *peer;
	const char *output;
};

static const struct option seal_options[] = {
	{"file", 'f', false, "FILE", take_text, offsetof(struct seal_settings, file),
	 "the file whose content is M; - is standard input", NULL},
	{"member", 0, false, "N", take_count, offsetof(struct seal_settings, member),
	 "sign with this member, whatever the pool's reuse says", NULL},
	{"peer", 0, false, "NAME", take_text, offsetof(struct seal_settings, peer),
	 "with reuse: per-relying-party, use the member of this receiver or topic", NULL},
	{"output", 'o', false, "FILE", take_text, offsetof(struct seal_settings, output),
	 "write the message to this file instead of standard output", NULL},
	{0},
};

static int check_choice(const struct seal_settings *given, const struct client_node *client,
			struct fault *fault)
{
	if (client->pool.reuse.method == REUSE_PER_RELYING_PARTY && given->peer == NULL &&
	    given->member == 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected --peer NAME, for whom a member of %s is chosen by "
				 "reuse: per-relying-party, or --member N",
				 client->name);
	return check_peer(given->peer, given->member, client, fault);
}

static int print_sealed(const struct command *command, const struct seal_settings *given,
			const struct buffer *jws, const struct signed_by *by, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_note(command, "signed by member %zu, certificate %s", by->member, by->serial);
		return 0;
	}
	add_json_number(&line, "member", (long long)by->member);
	add_json_text(&line, "serial", by->serial);
	if (!names_file(given->output))
		add_json_text(&line, "jws", (const char *)jws->data);
	return print_json(&line, fault);
}

static int run_seal(const struct command *command, const void *settings, struct fault *fault)
{
	const struct seal_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(free_message_signer) struct message_signer *signer = NULL;
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_buffer) struct buffer file = {0};
	struct unsigned_message message = {.member = given->member};
	struct message_claims claims = {0};
	struct signed_by by;

	if (open_node(command, command->operands[0], &node, fault) < 0 ||
	    check_choice(given, node.client, fault) < 0 ||
	    (given->output != NULL && check_output(given->output, fault) < 0) ||
	    new_message_signer(node.layout, node.client, &signer, fault) < 0 ||
	    read_payload(command, 1, given->file, node.client->message_limit, &payload, fault) < 0)
		return -1;
	if (given->peer != NULL)
		set_signer_peer(signer, given->peer);
	claims.iat_s = read_clock();
	message.payload = bytes_of_buffer(&payload);
	if (sign_as_member(signer, &message, &claims, &jws, &by, fault) < 0)
		return -1;
	append_bytes(&file, bytes_of_buffer(&jws));
	append_string(&file, "\n");
	if (check_buffer(&file, fault) < 0)
		return -1;
	if ((names_file(given->output) || !command->json) &&
	    write_output(given->output != NULL ? given->output : "-", 0644, bytes_of_buffer(&file),
			 fault) < 0)
		return -1;
	return print_sealed(command, given, &jws, &by, fault);
}

const struct verb seal_verb = {
	.name = "seal",
	.group = VERB_MESSAGES,
	.operands = "CLIENT [TEXT]",
	.summary = "sign a message for everybody",
	.details =
		"Signs M with a member of CLIENT's pool, a random one unless the pool's reuse\n"
		"says otherwise, and prints it with the certificate: one line, a JWS. M can be\n"
		"read by everybody, and verified by whoever has the root (open). Neither CLIENT\n"
		"nor a receiver is named in it. M is TEXT, a file, or else standard input.\n",
	.example = "certpool seal client1 bonjour -o bonjour.jws\n",
	.options = seal_options,
	.settings_size = sizeof(struct seal_settings),
	.fewest = 1,
	.most = 2,
	.expected = "CLIENT [TEXT], a client's name and at most a text",
	.run = run_seal,
};
