/*
 * open: verifies a message that seal signed, and prints M. It needs no layout and no key: the root
 * is enough. Before the verdict nothing of M is written.
 */
#include "common/base/clock.h"
#include "common/layout/client_node.h"
#include "common/pool/messages/verify_received.h"
#include "tools/input.h"
#include "tools/options.h"
#include "tools/output.h"

struct open_settings {
	const char *root;
	struct text_list crl;
	int64_t max_age_s;
	struct instant at;
	const char *file;
	const char *output;
};

static const struct option open_options[] = {
	{"root", 0, true, "FILE", take_text, offsetof(struct open_settings, root),
	 "the root to trust, PEM; always needed", NULL},
	{"crl", 0, false, "FILE", take_texts, offsetof(struct open_settings, crl),
	 "look each certificate up in the CRLs from this file or http URL; repeatable", NULL},
	{"max-age", 0, false, "DURATION", take_duration, offsetof(struct open_settings, max_age_s),
	 "refuse a message that was signed longer ago", NULL},
	{"at", 0, false, "TIME", take_instant, offsetof(struct open_settings, at),
	 "verify as of this time: RFC 3339, or seconds since 1970 (now)", NULL},
	{"file", 'f', false, "FILE", take_text, offsetof(struct open_settings, file),
	 "the file with the message; - is standard input", "-"},
	{"output", 'o', false, "FILE", take_text, offsetof(struct open_settings, output),
	 "write M to this file instead of standard output", NULL},
	{0},
};

/* A JWS is longer than its M by base64, and by the header with the certificates. */
enum { JWS_MAX = MESSAGE_SIZE_MAX / 3 * 4 + 65536 };

/* The caches and sources of one verification. */
struct opener {
	struct verifier verifier;
	int root_descriptor; /* for https CRLs */
};

static void clear_opener(struct opener *opener)
{
	free_crl_source(&opener->verifier.crl_source);
	free_chain_cache(&opener->verifier.chain_cache);
	close_descriptor(&opener->root_descriptor);
}

static int prepare_opener(const struct open_settings *given, struct opener *opener,
			  struct fault *fault)
{
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates none = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char path[ROOT_PATH_SIZE];

	opener->verifier.message_limit = MESSAGE_SIZE_MAX;
	if (read_input(given->root, 2 * CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "--root");
	if (parse_roots_pem(bytes_of_buffer(&pem), &roots, fault) < 0)
		return prefix_fault(fault, "%s", given->root);
	if (given->crl.count > 0 && (open_root_file(certificate_der(roots.root),
						    &opener->root_descriptor, path, fault) < 0 ||
				     new_crl_source(given->crl.items, given->crl.count, path,
						    &opener->verifier.crl_source, fault) < 0))
		return -1;
	return new_chain_cache(&roots, &none, 1, &opener->verifier.chain_cache, fault);
}

/* The line end that seal wrote, or that a transport of lines has added. */
static struct bytes strip_line_end(struct bytes text)
{
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.len--;
	return text;
}

static int print_opened(const struct command *command, const struct open_settings *given,
			const struct received_jws *received, struct fault *fault)
{
	const struct certificate *certificate = signer_certificate(received);
	const struct message_claims *claims = &received->message.claims;
	bool verified = !received->verdict.invalid;
	CLEANUP(clear_json) struct json_line line = {0};
	char serial[SERIAL_TEXT_SIZE] = "";
	char time[TIME_TEXT_SIZE];

	if (certificate != NULL)
		format_serial(certificate_serial(certificate), serial);
	format_time(claims->iat_s, time);
	if (!command->json && verified)
		print_note(command, "verified: signed at %s, certificate %s, %s", time, serial,
			   certificate_subject(certificate));
	if (!command->json)
		return 0;
	add_json_text(&line, "verdict", verified ? "verified" : "refused");
	if (!verified)
		add_json_text(&line, "reason", received->verdict.reason);
	add_json_text(&line, "subject",
		      certificate != NULL ? certificate_subject(certificate) : "");
	add_json_text(&line, "serial", serial);
	add_json_time(&line, "time", claims->iat_s);
	add_json_text(&line, "jti", claims->jti);
	if (verified && !names_file(given->output))
		add_json_base64(&line, "message", bytes_of_buffer(&received->message.payload));
	return print_json(&line, fault);
}

static int write_payload(const struct command *command, const struct open_settings *given,
			 struct bytes payload, struct fault *fault)
{
	if (names_file(given->output))
		return write_output(given->output, 0644, payload, fault);
	if (command->json)
		return 0;
	print_content(payload);
	return flush_output(fault);
}

static int run_open(const struct command *command, const void *settings, struct fault *fault)
{
	const struct open_settings *given = settings;
	CLEANUP(clear_opener) struct opener opener = {.root_descriptor = -1};
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_received_jws) struct received_jws received = {0};
	int64_t now_s = given->at.given ? given->at.time_s : read_clock();

	if (given->root == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected --root FILE, the root to trust: a client has it in "
				 "cert/root.crt");
	if ((given->output != NULL && check_output(given->output, fault) < 0) ||
	    prepare_opener(given, &opener, fault) < 0 ||
	    read_input(given->file, JWS_MAX, &text, fault) < 0 ||
	    verify_sealed(&opener.verifier, strip_line_end(bytes_of_buffer(&text)),
			  given->max_age_s, now_s, &received, fault) < 0)
		return -1;
	if (!received.verdict.invalid &&
	    write_payload(command, given, bytes_of_buffer(&received.message.payload), fault) < 0)
		return -1;
	if (print_opened(command, given, &received, fault) < 0)
		return -1;
	if (received.verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "%s", received.verdict.reason);
	return 0;
}

const struct verb open_verb = {
	.name = "open",
	.group = VERB_MESSAGES,
	.operands = "",
	.summary = "verify a sealed message",
	.details =
		"Reads a message that seal signed, verifies its signature and certificates with\n"
		"the root, and prints M, octet for octet. Needs no client, layout or manifest.\n"
		"A message may come again, and late: --max-age bounds how late, and --json has\n"
		"its number (jti). Exit status 3: not verified, and nothing of M is printed.\n",
	.example = "certpool open --root client2/cert/root.crt --file bonjour.jws\n",
	.options = open_options,
	.settings_size = sizeof(struct open_settings),
	.run = run_open,
};
