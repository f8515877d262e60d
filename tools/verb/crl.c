/*
 * crl: makes a new CRL when one is due, and prints it or writes it to a file, completely or not at
 * all. The CA's key is needed only when a CRL has to be made; the root's, with --root, likewise.
 */
#include "common/base/clock.h"
#include "common/x509/revocation/crl_bundle.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

struct crl_settings {
	const char *output;
	bool der;
	bool pem;
	bool renew;
	bool root;
	bool chain;
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
	{"root", 0, true, NULL, take_switch, offsetof(struct crl_settings, root),
	 "the root's CRL: a root that lies apart has to be at hand", NULL},
	{"chain", 0, false, NULL, take_switch, offsetof(struct crl_settings, chain),
	 "the root's CRL and the CA's, PEM one after the other", NULL},
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

/* The root's CRL and the CA's; the root's alone is both when the root itself issues. */
static int format_chain(const struct ca_operator *ca, struct bytes der, struct buffer *ret_pem,
			struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_crl) struct crl *root_crl = NULL;
	struct bytes ders[2] = {der};

	if (ca->manifest->ca.root_layout == NULL)
		return format_crl_bundle(ders, 1, ret_pem, fault);
	if (read_ca_root(ca->layout, &root, fault) < 0 ||
	    read_root_crl(ca->layout, root, &root_crl, fault) < 0)
		return -1;
	if (root_crl == NULL)
		return set_no_root_crl(ca->layout, fault);
	ders[0] = crl_der(root_crl);
	ders[1] = der;
	return format_crl_bundle(ders, COUNT_OF(ders), ret_pem, fault);
}

static int write_crl(const struct crl_settings *given, const struct ca_operator *ca,
		     const char *path, const struct buffer *der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	const struct bytes one = bytes_of_buffer(der);

	if (given->der)
		return replace_output(path, 0644, one, fault);
	if ((given->chain ? format_chain(ca, one, &pem, fault)
			  : format_crl_bundle(&one, 1, &pem, fault)) < 0)
		return -1;
	return replace_output(path, 0644, bytes_of_buffer(&pem), fault);
}

/* Makes the CRL if it is due, and reads it. */
static int make_crl(const struct crl_settings *given, struct ca_operator *ca,
		    struct crl_info *ret_info, struct buffer *ret_der, struct fault *fault)
{
	enum crl_publishing mode = given->renew ? CRL_ANYWAY : CRL_WHEN_DUE;

	if (!given->root || ca->manifest->ca.root_layout == NULL) {
		if (publish_ca_crl(ca, &given->key, mode, ret_info, fault) < 0)
			return -1;
		return read_crl(ca->layout, ret_der, fault);
	}
	if (publish_ca_root_crl(ca, &given->key, NULL, mode, ret_info, fault) < 0)
		return -1;
	if (read_file(ca->layout->cert, ROOT_CRL_FILE, CRL_DER_MAX, ret_der, fault) < 0)
		return prefix_fault(fault, "%s/cert", ca->layout->path);
	return 0;
}

static int check_settings(const struct crl_settings *given, struct fault *fault)
{
	if (given->der && given->pem)
		return set_fault(fault, FAULT_USAGE, "expected --der or --pem, found both");
	if (given->chain && given->der)
		return set_fault(fault, FAULT_USAGE,
				 "--chain: expected PEM, found --der: DER has one CRL");
	if (given->chain && given->root)
		return set_fault(fault, FAULT_USAGE, "expected --root or --chain, found both");
	return 0;
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

	if (check_settings(given, fault) < 0 || open_operator(command, &ca, fault) < 0 ||
	    make_crl(given, &ca, &info, &der, fault) < 0)
		return -1;
	note_future_crl(command, &info);
	if (path != NULL && write_crl(given, &ca, path, &der, fault) < 0)
		return -1;
	return command->json ? print_crl(&info, &der, fault) : 0;
}

const struct verb crl_verb = {
	.name = "crl",
	.group = VERB_CA,
	.operands = "",
	.summary = "print the list of revoked certificates",
	.details =
		"On the CA: makes a new CRL when one is due, and prints it or writes it to a\n"
		"file, completely or not at all. With --json, prints its number, times and number\n"
		"of entries instead. --chain is what nginx (ssl_crl), PostgreSQL (ssl_crl_file)\n"
		"and openssl verify -crl_check_all want: the CRLs of all CAs of a path. --root\n"
		"makes the CRL of a root that lies apart, whose layout has to be at hand.\n",
	.example = "certpool crl -o ca.crl\n",
	.options = crl_options,
	.settings_size = sizeof(struct crl_settings),
	.run = run_crl,
};
