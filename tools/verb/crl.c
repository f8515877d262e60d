/*
 * crl: makes a new CRL when one is due, and prints it or writes it to a file, completely or not at
 * all. The CA's key is needed only when a CRL has to be made.
 */
#include "common/x509/revocation/crl.h"
#include "common/base/clock.h"
#include "common/x509/revocation/crl_builder.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

struct crl_settings {
	const char *output;
	bool der;
	bool pem;
	bool renew;
	struct ca_key_settings key;
};

static const struct option crl_options[] = {
	{"output", 'o', false, "FILE", take_text, offsetof(struct crl_settings, output),
	 "the file to write or replace; - is standard output", NULL},
	{"der", 0, false, NULL, take_switch, offsetof(struct crl_settings, der),
	 "print or write DER", NULL},
	{"pem", 0, false, NULL, take_switch, offsetof(struct crl_settings, pem),
	 "print or write PEM, which is the default", NULL},
	{"renew", 0, false, NULL, take_switch, offsetof(struct crl_settings, renew),
	 "make a new CRL even if the last one is current", NULL},
	CA_KEY_OPTIONS(struct crl_settings, key),
	{0},
};

static int print_crl(const struct crl_info *info, struct buffer *der, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;

	if (parse_crl(der, &crl, fault) < 0)
		return -1;
	add_json_number(&line, "number", (long long)info->number);
	add_json_time(&line, "this_update", crl_this_update(crl));
	add_json_time(&line, "next_update", crl_next_update(crl));
	add_json_number(&line, "entries", (long long)crl_count(crl));
	add_json_flag(&line, "made", info->made);
	return print_json(&line, fault);
}

static int write_crl(const struct crl_settings *given, const char *path, const struct buffer *der,
		     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (!given->der && format_crl_pem(bytes_of_buffer(der), &pem, fault) < 0)
		return -1;
	return replace_output(path, 0644, bytes_of_buffer(given->der ? der : &pem), fault);
}

static void note_future_crl(const struct command *command, const struct crl_info *info)
{
	char then[TIME_TEXT_SIZE];

	format_time(info->future_s, then);
	if (info->future_s != 0)
		print_note(command,
			   "the CRL before was from the future: its thisUpdate is %s: look at this "
			   "machine's clock, and at what was done while it was ahead",
			   then);
}

/* --json prints about the CRL instead of the CRL, unless --output names a file for it. */
static int run_crl(const struct command *command, const void *settings, struct fault *fault)
{
	const struct crl_settings *given = settings;
	const char *path = given->output != NULL || command->json ? given->output : "-";
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct crl_info info = {0};

	if (given->der && given->pem)
		return set_fault(fault, FAULT_USAGE, "expected --der or --pem, found both");
	if (open_operator(command, &ca, fault) < 0 ||
	    publish_ca_crl(&ca, &given->key, given->renew ? CRL_ANYWAY : CRL_WHEN_DUE, &info,
			   fault) < 0 ||
	    read_crl(ca.layout, &der, fault) < 0)
		return -1;
	note_future_crl(command, &info);
	if (path != NULL && write_crl(given, path, &der, fault) < 0)
		return -1;
	return command->json ? print_crl(&info, &der, fault) : 0;
}

const struct verb crl_verb = {
	.name = "crl",
	.operands = "",
	.summary = "print the list of revoked certificates",
	.details =
		"On the CA: makes a new CRL when one is due, and prints it or writes it to a\n"
		"file, completely or not at all. With --json, prints its number, times and number\n"
		"of entries instead.\n",
	.options = crl_options,
	.settings_size = sizeof(struct crl_settings),
	.run = run_crl,
};
