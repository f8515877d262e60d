/*
 * show: prints one certificate as the CA recorded it, selected by serial, file or member. It only
 * reads the issued, and needs no key.
 */
#include "common/base/clock.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/purpose.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/certificate_output.h"
#include "tools/certificate_selector.h"
#include "tools/operator.h"
#include "tools/options.h"

#include <unistd.h>

struct show_settings {
	bool pem;
	bool der;
};

static const struct option show_options[] = {
	{"pem", 0, false, NULL, take_switch, offsetof(struct show_settings, pem),
	 "print the certificate alone, PEM", NULL},
	{"der", 0, false, NULL, take_switch, offsetof(struct show_settings, der),
	 "print the certificate alone, DER", NULL},
	{0},
};

static int find_selected(const struct ca_operator *ca, const char *text,
			 struct issued_certificate *ret_issued, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer serials = {0};
	const struct selector_rules rules = operator_rules(ca->store);
	struct certificate_selector selector;
	bool found;

	if (parse_selector(text, &rules, &selector, fault) < 0 ||
	    resolve_selector(ca->store, &selector, CHOOSE_ONE, ca->now_s, &serials, fault) < 0 ||
	    find_by_serial(ca->store, serials.data, ret_issued, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND, "serial %s: no certificate of this CA has it",
			 text);
}

static void print_time(const char *name, int64_t time_s)
{
	char text[TIME_TEXT_SIZE];

	format_time(time_s, text);
	print_line("%-11s %s", name, text);
}

/* A certificate whose alternative names cannot be read has none to print. */
static void print_alt_names(const struct certificate *certificate)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct fault unknown = {0};

	if (get_certificate_alt_names(certificate, &names, &unknown) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		print_line("%-11s %s", i == 0 ? "alt names" : "", names.names[i]);
}

static int print_fields(const struct issued_certificate *issued, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	char serial[SERIAL_TEXT_SIZE];
	char usages[USAGES_TEXT_SIZE];

	if (parse_certificate_der(bytes_of_buffer(&issued->der), &certificate, fault) < 0)
		return prefix_fault(fault, "the CA's record");
	format_serial((struct bytes){issued->serial, SERIAL_MAX}, serial);
	print_line("%-11s %s", "serial", serial);
	print_line("%-11s %s/%s", "member", issued->client, issued->member);
	print_line("%-11s %s", "status", name_certificate_state(issued, now_s));
	if (issued->revoked) {
		print_time("revoked at", issued->revoked_at_s);
		print_line("%-11s %s", "reason", format_crl_reason(issued->reason));
	}
	print_line("%-11s %s", "subject", certificate_subject(certificate));
	print_alt_names(certificate);
	print_line("%-11s %s", "issuer", certificate_issuer(certificate));
	format_usages(find_usages(certificate_fields(certificate)), usages);
	print_line("%-11s %s", "usages", usages);
	print_line("%-11s %s", "key",
		   format_key_type(public_key_type(certificate_public_key(certificate))));
	print_time("issued at", issued->issued_at_s);
	print_time("not before", issued->not_before_s);
	print_time("not after", issued->not_after_s);
	return 0;
}

static int print_pem(const struct issued_certificate *issued, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (format_certificate_pem(bytes_of_buffer(&issued->der), &pem, fault) < 0)
		return -1;
	return write_stream(STDOUT_FILENO, "standard output", bytes_of_buffer(&pem), fault);
}

static int print_with_certificate(const struct issued_certificate *issued, int64_t now_s,
				  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char usages[USAGES_TEXT_SIZE];

	if (parse_certificate_der(bytes_of_buffer(&issued->der), &certificate, fault) < 0)
		return prefix_fault(fault, "the CA's record");
	if (format_certificate_pem(bytes_of_buffer(&issued->der), &pem, fault) < 0)
		return -1;
	format_usages(find_usages(certificate_fields(certificate)), usages);
	add_json_certificate(&line, issued, now_s);
	add_json_text(&line, "usages", usages);
	add_json_text(&line, "certificate", (const char *)pem.data);
	return print_json(&line, fault);
}

static int run_show(const struct command *command, const void *settings, struct fault *fault)
{
	const struct show_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate issued = {0};

	if (given->pem + given->der + command->json > 1)
		return set_fault(fault, FAULT_USAGE,
				 "expected one of --pem, --der and --json, found more");
	if (open_operator(command, &ca, fault) < 0 ||
	    find_selected(&ca, command->operands[0], &issued, fault) < 0)
		return -1;
	if (command->json)
		return print_with_certificate(&issued, ca.now_s, fault);
	if (given->pem)
		return print_pem(&issued, fault);
	if (given->der)
		return write_stream(STDOUT_FILENO, "standard output", bytes_of_buffer(&issued.der),
				    fault);
	return print_fields(&issued, ca.now_s, fault);
}

const struct verb show_verb = {
	.name = "show",
	.group = VERB_LOOKING,
	.operands = "WHAT",
	.summary = "print one certificate as the CA recorded it",
	.details =
		"On the CA. WHAT is a serial (40 hexadecimal digits, with or without colons), a\n"
		"certificate file (./FILE), or a member (client1/7).\n",
	.example = "certpool show client1/7\n",
	.options = show_options,
	.settings_size = sizeof(struct show_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a serial, a certificate's file or a member",
	.run = run_show,
};
