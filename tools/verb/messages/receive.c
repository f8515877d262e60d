/*
 * receive: takes messages until a signal or --count stops it, and prints them. When a
 * message cannot be printed, its sender gets a failure and the receiver ends.
 */
#include "common/pool/messages/receive.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"
#include "common/net/log_limit.h"
#include "common/pool/upkeep/server_member.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/stop.h"
#include "tools/verb/messages/handler.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBER_DIGITS = 10, EXEC_TIMEOUT_S = 10 };

struct receive_settings {
	struct endpoint_list listen;
	struct endpoint ca;
	bool online;
	struct text_list crl;
	size_t count;
	size_t ready;
	size_t connections;
	bool verbose;
	const char *exec;
	int64_t exec_timeout_s;
};

static const struct option receive_options[] = {
	{"online", 0, false, NULL, take_switch, offsetof(struct receive_settings, online),
	 "ask the CA about each certificate", NULL},
	{"crl", 0, false, "FILE", take_texts, offsetof(struct receive_settings, crl),
	 "look each certificate up in the CRLs from this file or http URL; repeatable", NULL},
	{"count", 'c', false, "N", take_count, offsetof(struct receive_settings, count),
	 "stop after N messages, verified or not", NULL},
	{"listen", 'l', false, "ENDPOINT", take_endpoints,
	 offsetof(struct receive_settings, listen),
	 "an endpoint to receive at, instead of the manifest's; port 0: any; repeatable", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct receive_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{"ready", 0, false, "FD", take_count, offsetof(struct receive_settings, ready),
	 "write the endpoint, the first of several, to this descriptor once ready", NULL},
	{"connections-per-address", 0, false, "N", take_count,
	 offsetof(struct receive_settings, connections),
	 "the most connections from one address, or one /64 of IPv6; default 256", NULL},
	{"exec", 0, true, "CMD", take_text, offsetof(struct receive_settings, exec),
	 "run this program for each message instead of printing it: M is its standard input", NULL},
	{"exec-timeout", 0, false, "DURATION", take_duration,
	 offsetof(struct receive_settings, exec_timeout_s),
	 "kill the program of --exec when it takes longer; default 10s", NULL},
	VERBOSE_OPTION(struct receive_settings, verbose),
	{0},
};

/* The messages so far. The receiver changes it, one message at a time; read after the receiver. */
struct inbox {
	struct command command;
	const struct node *node;
	struct handler handler; /* with a program: --exec */
	struct stop stop;
	size_t most;  /* --count; 0: any number */
	size_t taken; /* verified or refused */
	size_t refused;
	struct fault fault; /* why a message could not be printed */
	atomic_bool ends;   /* with a program: no further one is started */
};

/* The number of the member that signed, "" if the subject does not have it: CN=FROM-N, as pools
   have it by default. */
static const char *find_member(const struct received_message *message)
{
	const char *subject = message->subject;
	size_t len = strlen(message->peer);

	if (strncmp(subject, "CN=", 3) != 0 || strncmp(subject + 3, message->peer, len) != 0 ||
	    subject[3 + len] != '-')
		return "";
	subject += 3 + len + 1;
	len = strlen(subject);
	return len > 0 && len < MEMBER_DIGITS && strspn(subject, "0123456789") == len ? subject
										      : "";
}

/* Where the certificate is; "" for a message that is not verified. Owns: free. */
static char *find_certificate_path(const struct inbox *inbox,
				   const struct received_message *message)
{
	char *path = NULL;

	if (message->file[0] == '\0')
		return strdup("");
	if (asprintf(&path, "%s/received/%s", inbox->node->layout->path, message->file) < 0)
		return NULL;
	return path;
}

/* Refused messages go to standard error, and with --json to standard output as well. */
static int print_received(const struct inbox *inbox, const struct received_message *message,
			  const char *certificate, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!message->verified)
		print_complaint(&inbox->command, "a message from %s: refused: %s", message->peer,
				message->reason);
	if (!inbox->command.json) {
		if (message->verified && inbox->handler.program[0] == '\0')
			print_octets(message->payload);
		return flush_output(fault);
	}
	add_json_text(&line, "verdict", message->verified ? "verified" : "refused");
	add_json_text(&line, "from", message->peer);
	add_json_text(&line, "to", inbox->node->client->name);
	add_json_text(&line, "subject", message->subject);
	add_json_text(&line, "serial", message->serial);
	add_json_text(&line, "signer_id", message->by_digest ? "x5t#S256" : "x5c");
	if (find_member(message)[0] != '\0')
		add_json_number(&line, "member", strtoll(find_member(message), NULL, 10));
	add_json_time(&line, "time", message->iat_s);
	add_json_text(&line, "jti", message->jti);
	if (message->verified)
		add_json_text(&line, "certificate", certificate);
	if (message->verified)
		add_json_base64(&line, "message", message->payload);
	else
		add_json_text(&line, "reason", message->reason);
	return print_json(&line, fault);
}

static int hand_to_program(const struct inbox *inbox, const struct received_message *message,
			   const char *certificate, struct fault *fault)
{
	char time[TIME_TEXT_SIZE];
	const struct handler_variable variables[] = {
		{"VERDICT", message->verified ? "verified" : "refused"},
		{"REASON", message->reason},
		{"FROM", message->peer},
		{"TO", inbox->node->client->name},
		{"SUBJECT", message->subject},
		{"SERIAL", message->serial},
		{"MEMBER", find_member(message)},
		{"TIME", time},
		{"JTI", message->jti},
		{"CERTIFICATE", certificate},
	};

	format_time(message->iat_s, time);
	return run_handler(&inbox->handler, variables, COUNT_OF(variables), message->payload,
			   fault);
}

/*
 * A verified message that the program does not take can come again, and is not counted: its sender
 * is told so. A refused one is over.
 */
static int run_program(const struct inbox *inbox, const struct received_message *message,
		       const char *certificate, struct fault *fault)
{
	struct fault problem = {0};

	if (inbox->handler.program[0] == '\0' ||
	    hand_to_program(inbox, message, certificate, &problem) == 0)
		return 0;
	if (message->verified)
		return pass_fault(&problem, fault);
	print_complaint(&inbox->command, "%s", problem.text);
	return 0;
}

/* After the last counted message, or a failure to print, further messages are refused as busy; with
   a program also after a signal: it could take each of them long. */
static int take_message(void *context, const struct received_message *message, struct fault *fault)
{
	struct inbox *inbox = context;
	CLEANUP(free_string) char *certificate = find_certificate_path(inbox, message);

	if (certificate == NULL)
		return set_memory_fault(fault);
	if (inbox->ends || inbox->fault.class != FAULT_NONE ||
	    (inbox->most > 0 && inbox->taken >= inbox->most))
		return set_fault(fault, FAULT_BUSY, "the receiver is about to stop");
	if (run_program(inbox, message, certificate, fault) < 0)
		return -1;
	if (print_received(inbox, message, certificate, &inbox->fault) < 0) {
		request_stop(&inbox->stop);
		return set_fault(fault, FAULT_FAILED, "%s", inbox->fault.text);
	}
	inbox->taken++;
	inbox->refused += message->verified ? 0 : 1;
	if (inbox->taken == inbox->most)
		request_stop(&inbox->stop);
	return 0;
}

static int choose_listener(const struct receive_settings *given, const struct client_node *client,
			   struct endpoint_list *ret_listen, struct fault *fault)
{
	if (given->listen.count == 0 && !client->has_endpoint)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected an endpoint in the manifest, found none: add one "
				 "there, or give --listen",
				 client->name);
	*ret_listen = choose_listen(&given->listen, &client->listen);
	return 0;
}

static void reload_keys(const struct command *command, struct receiver *receiver)
{
	struct fault fault = {0};

	if (reload_receiver_keys(receiver, &fault) < 0)
		print_complaint(command, "SIGHUP: %s: the keys stay as they were", fault.text);
	else
		print_note(command, "SIGHUP: read the shared keys again");
}

/* Receives until the inbox or a signal stops it; stopping answers every message that was begun. */
static int receive_messages(const struct receiver_settings *settings, struct inbox *inbox,
			    size_t ready, struct fault *fault)
{
	CLEANUP(stop_receiver) struct receiver *receiver = NULL;
	bool hangup = false;

	if (start_receiver(settings, &receiver, fault) < 0 ||
	    announce_server(&inbox->command, receiver_endpoints(receiver), ready, fault) < 0)
		return -1;
	do {
		if (hangup)
			reload_keys(&inbox->command, receiver);
		if (await_stop_or_hangup(&inbox->stop, &hangup, fault) < 0)
			return -1;
	} while (hangup);
	inbox->ends = inbox->handler.program[0] != '\0';
	return 0;
}

static void clear_inbox(struct inbox *inbox)
{
	clear_stop(&inbox->stop);
}

/* The certificate for https endpoints, which a thread renews in time. */
struct tls_server_side {
	struct tls_slot slot;
	struct server_member member;
	struct log_limit *log;
	struct periodic_thread *thread;
};

enum { TLS_ROUND_MS = 60000 };

static void clear_tls(struct tls_server_side *tls)
{
	if (tls->member.layout == NULL)
		return;
	if (tls->thread != NULL)
		cancel_server_member(&tls->member);
	stop_periodic_thread(&tls->thread);
	clear_server_member(&tls->member);
	clear_tls_slot(&tls->slot);
}

static void renew_certificate(void *context)
{
	static const unsigned int failed = 500;
	struct tls_server_side *tls = context;
	struct fault fault = {0};
	bool renewed;

	if (refresh_server_member(&tls->member, read_clock(), &renewed, &fault) < 0)
		limit_log(tls->log, "", "/", failed, fault.text);
}

/* A certificate has to be there before the receiver listens. Whether one that is valid is due for
   renewal can wait: the CA may be away. */
static int provide_certificate(const struct command *command, const struct node *node,
			       struct tls_server_side *tls, struct fault *fault)
{
	struct fault problem = {0};
	bool done;

	if (show_server_member(&tls->member, read_clock(), &done, fault) < 0)
		return -1;
	if (done)
		return 0;
	if (refresh_server_member(&tls->member, read_clock(), &done, &problem) == 0) {
		print_note(command, "%s: has a certificate for its https endpoint",
			   node->client->name);
		return 0;
	}
	(void)prefix_fault(&problem, "%s: no certificate for its https endpoint",
			   node->client->name);
	if (tls->member.shown.len == 0)
		return pass_fault(&problem, fault);
	print_complaint(command, "%s: it goes on with the one that it has", problem.text);
	return 0;
}

static int prepare_tls(const struct command *command, const struct node *node,
		       const struct receiver_settings *receiver, struct tls_server_side *tls,
		       struct fault *fault)
{
	bool secure = false;

	for (size_t i = 0; i < receiver->listen.count; i++)
		secure |= receiver->listen.endpoints[i].secure;
	if (!secure)
		return 0;
	if (is_wildcard(&node->client->endpoint) || !node->client->has_endpoint)
		return set_fault(
			fault, FAULT_USAGE,
			"%s: expected an endpoint in the manifest with the name or address "
			"by which others reach it, which its certificate needs",
			node->client->name);
	if (open_server_directory(node->layout, fault) < 0)
		return -1;
	init_tls_slot(&tls->slot);
	if (init_server_member(&tls->member, node->layout, node->client, &receiver->ca, &tls->slot,
			       fault) < 0 ||
	    provide_certificate(command, node, tls, fault) < 0)
		return -1;
	return start_periodic_thread(TLS_ROUND_MS, renew_certificate, tls, &tls->thread, fault);
}

/* The program of --exec, if there is one. */
static int prepare_handler(const struct command *command, const struct receive_settings *given,
			   struct handler *handler, struct fault *fault)
{
	if (given->exec == NULL && given->exec_timeout_s != 0)
		return set_fault(fault, FAULT_USAGE,
				 "--exec-timeout: expected --exec beside it, found none");
	handler->timeout_s = given->exec_timeout_s != 0 ? given->exec_timeout_s : EXEC_TIMEOUT_S;
	handler->output_aside = command->json;
	return given->exec == NULL ? 0 : find_handler(given->exec, handler, fault);
}

static int run_receive(const struct command *command, const void *settings, struct fault *fault)
{
	const struct receive_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_inbox)
	struct inbox inbox = {.command = *command, .stop = {-1, -1}, .most = given->count};
	struct server_log context = {.command = &inbox.command, .verbose = given->verbose};
	CLEANUP(clear_log_limit) struct log_limit log = {0};
	CLEANUP(clear_tls) struct tls_server_side tls = {.log = &log};
	struct receiver_settings receiver = {.online = given->online,
					     .crls = given->crl.items,
					     .crl_count = given->crl.count,
					     .message = take_message,
					     .message_context = &inbox,
					     .message_waits = given->exec != NULL,
					     .log = limit_log,
					     .log_context = &log,
					     .connections_per_address =
						     (unsigned int)given->connections};

	init_log_limit(&log, log_refusal, &context);
	inbox.node = &node;
	if (prepare_handler(command, given, &inbox.handler, fault) < 0 ||
	    open_node(command, command->operands[0], &node, fault) < 0 ||
	    choose_listener(given, node.client, &receiver.listen, fault) < 0 ||
	    remove_ended_keys(node.layout, fault) < 0 ||
	    prepare_stop_or_hangup(&inbox.stop, fault) < 0)
		return -1;
	receiver.layout = node.layout;
	receiver.client = node.client;
	receiver.ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	receiver.tls = &tls.slot;
	if (prepare_tls(command, &node, &receiver, &tls, fault) < 0 ||
	    receive_messages(&receiver, &inbox, given->ready, fault) < 0)
		return -1;
	if (inbox.fault.class != FAULT_NONE)
		return pass_fault(&inbox.fault, fault);
	if (given->count > 0 && inbox.refused > 0)
		return set_fault(fault, FAULT_UNVERIFIED, "refused %zu of %s", inbox.refused,
				 counted(inbox.taken, "message", "messages").text);
	return 0;
}

const struct verb receive_verb = {
	.name = "receive",
	.group = VERB_MESSAGES,
	.operands = "CLIENT",
	.summary = "receive messages",
	.details =
		"Prints each verified message and a line end; with --json each message with its\n"
		"verdict. Stops at SIGTERM or SIGINT, or after --count messages: then the exit\n"
		"status is 3 if any of them was refused. SIGHUP makes it read the shared keys\n"
		"again. With --exec a program gets each message, without a shell or arguments:\n"
		"M is its standard input, the rest in MESSAGE_VERDICT, MESSAGE_FROM and so on.\n"
		"A verified message that it exits with 0 for is taken; else it can come again.\n",
	.example = "certpool receive client2 --count 1\n",
	.options = receive_options,
	.settings_size = sizeof(struct receive_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a client's name",
	.logs = true,
	.run = run_receive,
};
