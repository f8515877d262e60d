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
	size_t issuer;
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
	{"issuer", 0, false, "N", take_count, offsetof(struct crl_settings, issuer),
	 "the CRL of this issuer, after certpool rotate ca", "1"},
	{"chain", 0, false, NULL, take_switch, offsetof(struct crl_settings, chain),
	 "the root's CRL and those of all issuers of the CA, PEM one after the other", NULL},
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

/* Appends the PEM of a CRL. */
static int append_crl_pem(struct buffer *text, struct bytes der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (format_crl_bundle(&der, 1, &pem, fault) < 0)
		return -1;
	append_bytes(text, bytes_of_buffer(&pem));
	return check_buffer(text, fault);
}

static int append_root_crl(const struct ca_operator *ca, struct buffer *text, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_crl) struct crl *crl = NULL;

	if (read_ca_root(ca->layout, &root, fault) < 0 ||
	    read_root_crl(ca->layout, root, &crl, fault) < 0)
		return -1;
	return crl != NULL ? append_crl_pem(text, crl_der(crl), fault)
			   : set_no_root_crl(ca->layout, fault);
}

/* Of the next root or the old one, if there is one that is current. */
static int append_other_root_crl(const struct ca_operator *ca, const char *name,
				 struct buffer *text, struct fault *fault)
{
	CLEANUP(free_crl) struct crl *crl = NULL;

	if (read_root_crl_file(ca->layout, name, NULL, &crl, fault) < 0)
		return -1;
	return crl != NULL && crl_next_update(crl) >= ca->now_s
		       ? append_crl_pem(text, crl_der(crl), fault)
		       : 0;
}

/* The CRLs of a root that lies apart, and those of the issuers that have not ended. */
static int format_chain(const struct ca_operator *ca, const struct ca_crls *crls,
			struct buffer *ret_pem, struct fault *fault)
{
	if (ca->manifest->ca.root_layout != NULL &&
	    (append_root_crl(ca, ret_pem, fault) < 0 ||
	     append_other_root_crl(ca, NEXT_ROOT_CRL_FILE, ret_pem, fault) < 0 ||
	     append_other_root_crl(ca, OLD_ROOT_CRL_FILE, ret_pem, fault) < 0))
		return -1;
	for (unsigned int i = 0; i < crls->count; i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		if (!crls->infos[i].ended &&
		    (read_crl(ca->layout, i + 1, &der, fault) < 0 ||
		     append_crl_pem(ret_pem, bytes_of_buffer(&der), fault) < 0))
			return -1;
	}
	return 0;
}

static int write_crl(const struct crl_settings *given, const struct ca_operator *ca,
		     const struct ca_crls *crls, const char *path, const struct buffer *der,
		     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (given->der)
		return replace_output(path, 0644, bytes_of_buffer(der), fault);
	if ((given->chain ? format_chain(ca, crls, &pem, fault)
			  : append_crl_pem(&pem, bytes_of_buffer(der), fault)) < 0)
		return -1;
	return replace_output(path, 0644, bytes_of_buffer(&pem), fault);
}

/* With --chain the CRL of --json is the newest issuer's: an older one may have ended. */
static unsigned int choose_issuer(const struct crl_settings *given, const struct ca_crls *crls)
{
	return given->chain ? crls->count : (unsigned int)given->issuer;
}

static int check_chosen(const struct ca_crls *crls, unsigned int issuer, struct fault *fault)
{
	if (issuer == 0 || issuer > crls->count)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "--issuer: expected one of this CA's issuers, 1 to %u, found %u",
				 crls->count, issuer);
	if (!crls->infos[issuer - 1].ended)
		return 0;
	return set_fault(
		fault, FAULT_NOT_FOUND,
		"issuer %u has no CRL any more: nothing that it issued is valid; --issuer %u "
		"is the one that issues now",
		issuer, crls->count);
}

/* The number of the issuer whose CRL is asked for. */
static int find_crl_issuer(const struct crl_settings *given, const struct ca_operator *ca,
			   const struct ca_crls *crls, unsigned int *ret_issuer,
			   struct fault *fault)
{
	CLEANUP(clear_issuer_set) struct issuer_set issuers = {0};

	*ret_issuer = choose_issuer(given, crls);
	if (!given->root)
		return 0;
	if (read_issuers(ca, &issuers, fault) < 0)
		return -1;
	if (newest_root_issuer(&issuers) != NULL)
		*ret_issuer = issuer_number(newest_root_issuer(&issuers));
	return 0;
}

/* Makes the CRLs that are due, and reads one. */
static int make_crl(const struct crl_settings *given, struct ca_operator *ca, struct ca_crls *crls,
		    struct crl_info *ret_info, struct buffer *ret_der, struct fault *fault)
{
	enum crl_publishing mode = given->renew ? CRL_ANYWAY : CRL_WHEN_DUE;
	unsigned int issuer;

	if (!given->root || ca->manifest->ca.root_layout == NULL) {
		if (publish_ca_crls(ca, &given->key, mode, crls, fault) < 0 ||
		    find_crl_issuer(given, ca, crls, &issuer, fault) < 0)
			return -1;
		if (check_chosen(crls, issuer, fault) < 0)
			return -1;
		*ret_info = crls->infos[issuer - 1];
		return read_crl(ca->layout, issuer, ret_der, fault);
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
	const bool to_file = names_file(given->output);
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct ca_crls crls = {0};
	struct crl_info info = {0};

	if (check_settings(given, fault) < 0 || open_operator(command, &ca, fault) < 0 ||
	    make_crl(given, &ca, &crls, &info, &der, fault) < 0)
		return -1;
	note_future_crl(command, &info);
	if ((to_file || !command->json) &&
	    write_crl(given, &ca, &crls, to_file ? given->output : "-", &der, fault) < 0)
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
		"of entries instead. After certpool rotate ca each issuer has a CRL of its own:\n"
		"without --issuer it is the first one's, as at /crl. --chain is what nginx "
		"(ssl_crl), PostgreSQL (ssl_crl_file)\n"
		"and openssl verify -crl_check_all want: the CRLs of all CAs of a path. --root\n"
		"makes the CRL of a root that lies apart, whose layout has to be at hand.\n",
	.example = "certpool crl -o ca.crl\n",
	.options = crl_options,
	.settings_size = sizeof(struct crl_settings),
	.run = run_crl,
};
