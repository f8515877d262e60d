/*
 * send: signs a message with a member of the sender's pool, encrypts it for the receiver and prints
 * the receiver's verdict. --output and --deliver do the two halves separately; --explain shows the
 * parts of the message.
 */
#include "common/pool/messages/send.h"

#include "common/base/clock.h"
#include "common/layout/known_endpoint.h"
#include "common/pool/members/take_key.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/explanation.h"
#include "tools/pool/shipment.h"
#include "tools/verb/messages/payload.h"

#include <string.h>

struct send_settings {
	const char *file;
	bool lines;
	size_t count;
	size_t member;
	const char *peer;
	const char *signer_id;
	struct endpoint endpoint;
	const char *output;
	const char *deliver;
	bool explain;
};

static const struct option send_options[] = {
	{"file", 'f', false, "FILE", take_text, offsetof(struct send_settings, file),
	 "the file whose content is M; - is standard input", NULL},
	{"lines", 0, false, NULL, take_switch, offsetof(struct send_settings, lines),
	 "send each line of the file as a message, in their order, as soon as it is read", NULL},
	{"count", 'c', false, "N", take_count, offsetof(struct send_settings, count),
	 "send N messages, the signer of each chosen as the pool's reuse says", "1"},
	{"member", 0, false, "N", take_count, offsetof(struct send_settings, member),
	 "sign with this member, whatever the pool's reuse says", NULL},
	{"peer", 0, false, "NAME", take_text, offsetof(struct send_settings, peer),
	 "with reuse: per-relying-party, use the member of this receiver, not that of TO", NULL},
	{"signer-id", 0, false, "WHEN", take_text, offsetof(struct send_settings, signer_id),
	 "present the certificate with each message (always), or until TO remembers it (auto)",
	 "auto"},
	{"endpoint", 0, false, "ENDPOINT", take_endpoint, offsetof(struct send_settings, endpoint),
	 "TO's endpoint, instead of the manifest's", NULL},
	{"output", 'o', false, "FILE", take_text, offsetof(struct send_settings, output),
	 "write the encrypted message to this file instead of sending it", NULL},
	{"deliver", 0, false, "FILE", take_text, offsetof(struct send_settings, deliver),
	 "send an encrypted message that --output wrote", NULL},
	{"explain", 0, false, NULL, take_switch, offsetof(struct send_settings, explain),
	 "print the parts of the message: M, the JWS, the JWE", NULL},
	{0},
};

/* A JWE is longer than its M by the certificates, and by base64, twice. */
enum { JWE_MAX = 2 * MESSAGE_SIZE_MAX + 65536 };

static int print_delivery(const struct command *command, const struct delivery *delivery,
			  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		if (delivery->verified && delivery->by.member > 0)
			print_line("verified: signed by member %zu, certificate %s",
				   delivery->by.member, delivery->by.serial);
		else if (delivery->verified)
			print_line("verified");
		return flush_output(fault);
	}
	add_json_text(&line, "verdict", delivery->verified ? "verified" : "refused");
	if (!delivery->verified)
		add_json_text(&line, "reason", delivery->reason);
	if (delivery->by.member > 0) {
		add_json_number(&line, "member", (long long)delivery->by.member);
		add_json_text(&line, "serial", delivery->by.serial);
	}
	return print_json(&line, fault);
}

static int check_signer_id(const struct send_settings *given, struct fault *fault)
{
	if (strcmp(given->signer_id, "always") != 0 && strcmp(given->signer_id, "auto") != 0)
		return set_fault(fault, FAULT_USAGE,
				 "--signer-id: expected always or auto, found \"%s\"",
				 given->signer_id);
	return 0;
}

static int check_settings(const struct command *command, const struct send_settings *given,
			  struct fault *fault)
{
	bool text = command->operand_count > 2;

	if (given->deliver != NULL &&
	    (text || given->file != NULL || given->output != NULL || given->peer != NULL))
		return set_fault(
			fault, FAULT_USAGE,
			"--deliver: expected no TEXT, --file, --output or --peer beside it");
	if (given->lines &&
	    (text || given->count != 1 || given->output != NULL || given->deliver != NULL))
		return set_fault(
			fault, FAULT_USAGE,
			"--lines: expected no TEXT, --count, --output or --deliver beside it");
	if ((given->deliver != NULL || given->output != NULL || given->explain) &&
	    given->count != 1)
		return set_fault(fault, FAULT_USAGE,
				 "--count: expected 1 with --output, --deliver and --explain, "
				 "found %zu",
				 given->count);
	if (given->explain && (given->deliver != NULL || given->lines))
		return set_fault(fault, FAULT_USAGE,
				 "--explain: expected one new message, found %s beside it",
				 given->lines ? "--lines" : "--deliver");
	if (given->explain && given->output != NULL && strcmp(given->output, "-") == 0)
		return set_fault(fault, FAULT_USAGE,
				 "--explain: expected a file in --output, found standard output, "
				 "where the explanation goes");
	return 0;
}

/* Sends a JWE and prints the verdict. made: its signer, or NULL if that is not known. */
static int send_jwe(struct sender *sender, const struct shipment *shipment, struct bytes jwe,
		    const struct delivery *made, struct fault *fault)
{
	struct delivery delivery;

	if (deliver_message(sender, jwe, &delivery, fault) < 0)
		return -1;
	if (made != NULL)
		delivery.by = made->by;
	if (print_delivery(shipment->command, &delivery, fault) < 0)
		return -1;
	if (delivery.verified)
		return 0;
	return set_fault(fault, FAULT_UNVERIFIED, "%s refused the message: %s", shipment->to->name,
			 delivery.reason);
}

static int explain_jwe(const struct shipment *shipment, int64_t now_s, struct bytes jwe,
		       struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	if (read_sending_key(shipment->layout, shipment->to->name, now_s, &key, fault) < 0)
		return -1;
	return explain_message(shipment->command, &key, jwe, fault);
}

/* One message whose JWE is explained, or written, in which case no receiver needs to run. */
static int make_one(const struct send_settings *given, const struct shipment *shipment,
		    struct fault *fault)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	struct delivery made;
	int64_t now_s = read_clock();

	if (new_sender(shipment->layout, shipment->from, shipment->to, &sender, fault) < 0)
		return -1;
	if (given->peer != NULL)
		set_peer(sender, given->peer);
	if (make_message(sender, shipment->payload, given->member, now_s, &jwe, &made, fault) < 0)
		return -1;
	if (given->explain && explain_jwe(shipment, now_s, bytes_of_buffer(&jwe), fault) < 0)
		return -1;
	if (given->output != NULL)
		return write_output(given->output, 0644, bytes_of_buffer(&jwe), fault);
	return send_jwe(sender, shipment, bytes_of_buffer(&jwe), &made, fault);
}

/* --deliver: the message may have been made on another host. */
static int send_prepared(const struct send_settings *given, const struct shipment *shipment,
			 struct fault *fault)
{
	CLEANUP(free_sender) struct sender *sender = NULL;
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	if (read_input(given->deliver, JWE_MAX, &jwe, fault) < 0 ||
	    new_sender(shipment->layout, shipment->from, shipment->to, &sender, fault) < 0)
		return -1;
	return send_jwe(sender, shipment, bytes_of_buffer(&jwe), NULL, fault);
}

static int open_lines(const struct send_settings *given, FILE **ret_lines, struct fault *fault)
{
	bool stream = given->file == NULL || strcmp(given->file, "-") == 0;

	*ret_lines = stream ? stdin : fopen(given->file, "re");
	if (*ret_lines == NULL)
		return set_errno_fault(fault, "%s", given->file);
	return 0;
}

static void close_lines(FILE **lines)
{
	if (*lines != NULL && *lines != stdin)
		(void)fclose(*lines);
}

static int send_each_line(const struct send_settings *given, struct shipment *shipment,
			  struct fault *fault)
{
	CLEANUP(close_lines) FILE *lines = NULL;
	struct shipment_result result;

	if (open_lines(given, &lines, fault) < 0)
		return -1;
	shipment->lines = lines;
	if (send_shipment(shipment, &result, fault) < 0)
		return -1;
	return check_shipment(&result, fault);
}

static int send_new(const struct send_settings *given, struct shipment *shipment,
		    struct fault *fault)
{
	CLEANUP(wipe_buffer) struct buffer payload = {0};
	struct shipment_result result;

	if (read_payload(shipment->command, 2, given->file, shipment->from->message_limit, &payload,
			 fault) < 0)
		return -1;
	shipment->payload = bytes_of_buffer(&payload);
	if (given->output != NULL || given->explain)
		return make_one(given, shipment, fault);
	if (send_shipment(shipment, &result, fault) < 0)
		return -1;
	return check_shipment(&result, fault);
}

/*
 * A client of the manifest, or one that the sender knows by its invitation alone: it has a key that
 * it shares, and an endpoint. --endpoint makes a receiver of a client that has none.
 */
static int find_receiver(const struct node *node, const char *name,
			 const struct send_settings *given, struct client_node *ret_receiver,
			 struct fault *fault)
{
	struct fault absent = {0};
	const struct client_node *found = find_client(node->manifest, name, &absent);
	struct client_node receiver = {0};
	struct endpoint known;

	if (found == NULL && !valid_name(name))
		return pass_fault(&absent, fault);
	if (found != NULL)
		receiver = *found;
	else
		memcpy(receiver.name, name, strlen(name) + 1);
	if (find_endpoint(node->layout, name, &receiver.endpoint, &known, fault) < 0)
		return -1;
	receiver.endpoint = choose_endpoint(&given->endpoint, &known);
	receiver.has_endpoint = receiver.endpoint.host[0] != '\0';
	if (found == NULL && !receiver.has_endpoint)
		return pass_fault(&absent, fault);
	*ret_receiver = receiver;
	return 0;
}

static int run_send(const struct command *command, const void *settings, struct fault *fault)
{
	const struct send_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	struct client_node receiver;
	struct shipment shipment = {.command = command,
				    .member = given->member,
				    .peer = given->peer,
				    .always_certificate = strcmp(given->signer_id, "always") == 0,
				    .count = given->count,
				    .delivered = print_delivery};

	if (check_signer_id(given, fault) < 0 || check_settings(command, given, fault) < 0 ||
	    open_node(command, command->operands[0], &node, fault) < 0 ||
	    check_peer(given->peer, given->member, node.client, fault) < 0 ||
	    find_receiver(&node, command->operands[1], given, &receiver, fault) < 0)
		return -1;
	shipment.layout = node.layout;
	shipment.from = node.client;
	shipment.to = &receiver;
	if (given->lines)
		return send_each_line(given, &shipment, fault);
	return given->deliver != NULL ? send_prepared(given, &shipment, fault)
				      : send_new(given, &shipment, fault);
}

const struct verb send_verb = {
	.name = "send",
	.group = VERB_MESSAGES,
	.operands = "FROM TO [TEXT]",
	.summary = "send messages",
	.details =
		"Signs M with a member of FROM's pool, a random one unless the pool's reuse says\n"
		"otherwise, encrypts it, sends it to TO, and prints the verdict. M is TEXT, a\n"
		"file, or else standard input. Put -- before a TEXT that begins with a dash. Exit\n"
		"status 4: no member can sign; 5: some messages were not sent, or were refused.\n",
	.example = "certpool send client1 client2 bonjour\n",
	.options = send_options,
	.settings_size = sizeof(struct send_settings),
	.fewest = 2,
	.most = 3,
	.expected = "FROM TO [TEXT], the names of two clients and at most a text",
	.run = run_send,
};
