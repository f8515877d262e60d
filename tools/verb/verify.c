/*
 * verify: checks one certificate against a root, and if asked with the CA, an OCSP responder or a
 * CRL. A certificate whose revocation status cannot be learned is never called valid.
 */
#include "common/base/clock.h"
#include "common/pool/members/trust.h"
#include "common/pool/revocation/ask_ocsp.h"
#include "common/pool/revocation/ask_status.h"
#include "common/pool/revocation/consult_path.h"
#include "common/x509/chain.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

struct verify_settings {
	const char *trusted;
	const char *intermediates;
	struct instant at;
	bool online;
	struct endpoint ca;
	const char *ocsp;
	struct text_list crl;
	const char *usage;
};

static const struct option verify_options[] = {
	{"trusted", 0, false, "FILE", take_text, offsetof(struct verify_settings, trusted),
	 "the root to trust, instead of the client's pinned one", NULL},
	{"intermediates", 0, false, "FILE", take_text,
	 offsetof(struct verify_settings, intermediates),
	 "more intermediates than the client's cert/ca.crt, PEM, one after the other, in any order",
	 NULL},
	{"at", 0, false, "TIME", take_instant, offsetof(struct verify_settings, at),
	 "verify as of this time: RFC 3339, or seconds since 1970 (now)", NULL},
	{"online", 0, false, NULL, take_switch, offsetof(struct verify_settings, online),
	 "also ask the CA", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct verify_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{"ocsp", 0, false, "URL", take_text, offsetof(struct verify_settings, ocsp),
	 "also ask the OCSP responder at this URL", NULL},
	{"crl", 0, false, "FILE", take_texts, offsetof(struct verify_settings, crl),
	 "also look every certificate below the root up in the CRLs from this file or http URL; "
	 "repeatable",
	 NULL},
	{"usage", 0, false, "USAGE", take_text, offsetof(struct verify_settings, usage),
	 "also whether the certificate is for this: sign, client, server or email", NULL},
	{0},
};

/* A certificate and everything that was learned about it. */
struct certificate_check {
	const char *path;
	struct certificate *certificate; /* NULL: the file has none, and the verdict says why */
	struct intermediates chain;
	struct path certification_path; /* while the verdict is valid */
	struct verdict verdict;
	bool asked; /* the CA */
	struct status_answer answer;
	bool asked_ocsp;
	struct ocsp_finding ocsp;
	bool asked_crl;
	struct crl_finding crl;
};

static void clear_certificate_check(struct certificate_check *check)
{
	clear_intermediates(&check->chain);
	free_certificate(&check->certificate);
}

/*
 * A file that holds no certificate is an invalid certificate, whether it is the one to verify or
 * the root: *ret_certificate is untouched then. An unreadable file is a fault.
 */
static int read_judged_certificate(const char *path, const char *role,
				   struct certificate **ret_certificate, struct verdict *verdict,
				   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct fault problem = {0};

	if (read_input(path, CERTIFICATE_PEM_MAX, &content, fault) < 0)
		return -1;
	if (parse_any_certificate(bytes_of_buffer(&content), ret_certificate, &problem) == 0)
		return 0;
	if (pass_failure(&problem, fault) < 0)
		return prefix_fault(fault, "%s", path);
	reject_because(verdict, "%s%s", role, problem.text);
	return 0;
}

/* The intermediates of --intermediates, then the client's own, which it stored when it enrolled. */
static int collect_chain(const struct command *command, const struct verify_settings *given,
			 const struct layout *layout, struct intermediates *chain,
			 struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates own = {0};
	struct fault left_out = {0};

	if (given->intermediates != NULL &&
	    read_chain(given->intermediates, chain, &left_out, fault) < 0)
		return -1;
	if (left_out.class != FAULT_NONE)
		print_note(command, "%s: left out: %s", given->intermediates, left_out.text);
	if (layout == NULL)
		return 0;
	if (read_intermediates(layout, &own, fault) < 0)
		return -1;
	if (chain->count + own.count > INTERMEDIATES_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %zu certificates, beside those of the "
				 "client's cert/ca.crt, found %zu",
				 given->intermediates, INTERMEDIATES_MAX - own.count, chain->count);
	return merge_intermediates(chain, &own, INTERMEDIATES_MAX, fault);
}

/* *ret_usage 0: every usage will do. */
static int read_usage(const struct verify_settings *given, unsigned int *ret_usage,
		      struct fault *fault)
{
	enum usage usage;

	*ret_usage = 0;
	if (given->usage == NULL)
		return 0;
	if (parse_usage(given->usage, &usage, fault) < 0)
		return prefix_fault(fault, "--usage");
	if ((usage & PLAIN_USAGES) == 0)
		return set_fault(fault, FAULT_USAGE,
				 "--usage: expected sign, client, server or email, found %s",
				 given->usage);
	*ret_usage = usage;
	return 0;
}

static int verify_with_roots(const struct verify_settings *given, const struct roots *roots,
			     struct certificate_check *check, struct fault *fault)
{
	int64_t at_s = given->at.given ? given->at.time_s : read_clock();
	struct trust trust = trust_in_roots(roots, &check->chain);

	if (read_usage(given, &trust.usage, fault) < 0 ||
	    read_judged_certificate(check->path, "", &check->certificate, &check->verdict, fault) <
		    0)
		return -1;
	if (roots->root == NULL || check->certificate == NULL)
		return 0;
	return verify_chain(&trust, check->certificate, at_s, &check->certification_path,
			    &check->verdict, fault);
}

/* The CA's answer can only make a verdict worse. */
static void apply_answer(struct certificate_check *check)
{
	const struct status_answer *answer = &check->answer;
	char revoked_at[TIME_TEXT_SIZE];

	check->asked = true;
	if (answer->status == STATUS_GOOD)
		return;
	format_time(answer->revoked_at_s, revoked_at);
	if (answer->status == STATUS_REVOKED)
		reject_because(&check->verdict, "the CA says: revoked at %s (%s)", revoked_at,
			       answer->reason);
	reject_because(&check->verdict, "the CA says: %s%s", format_status(answer->status),
		       answer->status == STATUS_UNKNOWN ? ": it never issued this certificate"
							: "");
}

/* A CA that cannot be reached does not matter for a certificate that is invalid already. */
static int ask_ca(const struct verify_settings *given, const struct node *node,
		  struct certificate_check *check, struct fault *fault)
{
	CLEANUP(free_status_client) struct status_client *client = NULL;
	struct endpoint ca = choose_endpoint(&given->ca, &node->manifest->ca.endpoint);
	struct fault failure = {0};

	if (check->certificate == NULL)
		return 0;
	if (new_status_client(node->layout, node->client->name, &ca, STATUS_PATIENT, &client,
			      fault) < 0)
		return -1;
	if (ask_status(client, certificate_der(check->certificate), read_clock(), &check->answer,
		       &failure) == 0)
		apply_answer(check);
	else if (!check->verdict.invalid)
		return pass_fault(&failure, fault);
	return 0;
}

static void apply_ocsp(struct certificate_check *check)
{
	const struct ocsp_finding *ocsp = &check->ocsp;
	char revoked_at[TIME_TEXT_SIZE];

	check->asked_ocsp = true;
	format_time(ocsp->revoked_at_s, revoked_at);
	switch (ocsp->status) {
	case OCSP_GOOD:
		return;
	case OCSP_REVOKED:
		reject_because(&check->verdict, "the OCSP responder says: revoked at %s (%s)",
			       revoked_at, format_crl_reason(ocsp->reason));
		return;
	case OCSP_UNKNOWN:
		reject_because(&check->verdict,
			       "the OCSP responder says: unknown: it does not know this "
			       "certificate");
		return;
	}
}

/* Only for an otherwise valid certificate: the issuer of an invalid one may be unknown. */
static int ask_ocsp_responder(const struct verify_settings *given, const char *roots,
			      struct certificate_check *check, struct fault *fault)
{
	const struct ocsp_location responder = {given->ocsp, roots};

	if (check->verdict.invalid)
		return 0;
	if (ask_ocsp(&responder, check->certification_path.steps[1], check->certificate,
		     read_clock(), &check->ocsp, fault) < 0)
		return -1;
	apply_ocsp(check);
	return 0;
}

/* The source is opened even for an invalid certificate, to report a wrong option. */
static int look_up_in_crl(const struct verify_settings *given, const char *roots,
			  struct certificate_check *check, struct fault *fault)
{
	CLEANUP(free_crl_source) struct crl_source *source = NULL;
	int64_t at_s = given->at.given ? given->at.time_s : read_clock();

	if (new_crl_source(given->crl.items, given->crl.count, roots, &source, fault) < 0)
		return -1;
	if (check->verdict.invalid)
		return 0;
	consult_path(source, &check->certification_path, at_s, &check->crl);
	check->asked_crl = true;
	if (check->crl.status == CRL_REVOKED)
		reject_revoked(&check->crl, &check->verdict);
	return 0;
}

/* The CRL could not be used: neither good nor revoked. */
static bool is_status_unknown(const struct certificate_check *check)
{
	return check->asked_crl && check->crl.status == CRL_UNKNOWN && !check->verdict.invalid;
}

static const char *name_verdict(const struct certificate_check *check)
{
	if (is_status_unknown(check))
		return "unknown";
	return check->verdict.invalid ? "invalid" : "valid";
}

static void add_revocation(struct json_line *line, const struct crl_finding *crl)
{
	add_json_text(line, "revocation", format_crl_status(crl->status));
	if (crl->status == CRL_REVOKED) {
		add_json_time(line, "revoked_at", crl->revoked_at_s);
		add_json_text(line, "revocation_reason", format_crl_reason(crl->reason));
	}
	if (crl->step > 0)
		add_json_text(line, "revocation_subject", certificate_subject(crl->certificate));
	if (crl->number[0] == '\0')
		return;
	add_json_text(line, "crl_number", crl->number);
	add_json_time(line, "crl_this_update", crl->this_update_s);
	add_json_time(line, "crl_next_update", crl->next_update_s);
}

static int print_check_json(const struct certificate_check *check, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char serial[SERIAL_TEXT_SIZE];

	add_json_text(&line, "certificate", check->path);
	add_json_text(&line, "verdict", name_verdict(check));
	if (check->verdict.invalid)
		add_json_text(&line, "reason", check->verdict.reason);
	else if (is_status_unknown(check))
		add_json_text(&line, "reason", check->crl.problem.text);
	if (check->certificate != NULL) {
		format_serial(certificate_serial(check->certificate), serial);
		add_json_text(&line, "subject", certificate_subject(check->certificate));
		add_json_text(&line, "serial", serial);
		add_json_time(&line, "not_after", certificate_not_after(check->certificate));
	}
	if (check->asked)
		add_json_text(&line, "status", format_status(check->answer.status));
	if (check->asked_ocsp)
		add_json_text(&line, "ocsp", format_ocsp_status(check->ocsp.status));
	if (check->asked_crl)
		add_revocation(&line, &check->crl);
	return print_json(&line, fault);
}

/* The verdict becomes the exit status by the fault's class; only "valid" is success. */
static int print_check(const struct command *command, const struct certificate_check *check,
		       struct fault *fault)
{
	char not_after[TIME_TEXT_SIZE];

	if (command->json && print_check_json(check, fault) < 0)
		return -1;
	if (check->verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "%s: %s", check->path,
				 check->verdict.reason);
	if (is_status_unknown(check))
		return set_fault(fault, check->crl.problem.class, "%s: %s", check->path,
				 check->crl.problem.text);
	if (command->json)
		return 0;
	format_time(certificate_not_after(check->certificate), not_after);
	print_line("%s: %s: %s, valid until %s", check->path,
		   check->asked || check->asked_ocsp || check->asked_crl ? "good" : "valid",
		   certificate_subject(check->certificate), not_after);
	return 0;
}

static int check_settings(const struct command *command, const struct verify_settings *given,
			  struct fault *fault)
{
	size_t expected = given->trusted != NULL ? 1 : 2;

	if (command->operand_count != expected)
		return set_fault(
			fault, FAULT_USAGE,
			"expected CLIENT CERT, or --trusted FILE CERT, found %zu arguments%s",
			command->operand_count, given->trusted != NULL ? " and --trusted" : "");
	if (given->trusted != NULL && given->online)
		return set_fault(fault, FAULT_USAGE,
				 "--online: expected a CLIENT that shares a key with the CA, "
				 "found --trusted");
	return 0;
}

/* The roots for https servers: what the client has pinned, or else the root that was given. */
struct https_roots {
	int descriptor;
	char memory[ROOT_PATH_SIZE];
	const char *path;
};

static void clear_https_roots(struct https_roots *https)
{
	close_descriptor(&https->descriptor);
}

static int find_https_roots(const struct node *node, const struct roots *roots,
			    struct https_roots *ret_https, struct fault *fault)
{
	if (node->layout != NULL) {
		ret_https->path = node->layout->root_path;
		return 0;
	}
	if (roots->root == NULL)
		return 0;
	ret_https->path = ret_https->memory;
	return open_root_file(certificate_der(roots->root), &ret_https->descriptor,
			      ret_https->memory, fault);
}

static int run_verify(const struct command *command, const void *settings, struct fault *fault)
{
	const struct verify_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_certificate_check) struct certificate_check check = {0};
	CLEANUP(clear_https_roots) struct https_roots https = {.descriptor = -1};

	if (check_settings(command, given, fault) < 0)
		return -1;
	check.path = command->operands[command->operand_count - 1];
	if (given->trusted != NULL) {
		if (read_judged_certificate(given->trusted, "root: ", &roots.root, &check.verdict,
					    fault) < 0)
			return -1;
	} else if (open_node(command, command->operands[0], &node, fault) < 0 ||
		   read_roots(node.layout, &roots, fault) < 0) {
		return -1;
	}
	if (collect_chain(command, given, node.layout, &check.chain, fault) < 0 ||
	    verify_with_roots(given, &roots, &check, fault) < 0 ||
	    find_https_roots(&node, &roots, &https, fault) < 0)
		return -1;
	if (given->online && ask_ca(given, &node, &check, fault) < 0)
		return -1;
	if (given->ocsp != NULL && ask_ocsp_responder(given, https.path, &check, fault) < 0)
		return -1;
	if (given->crl.count > 0 && look_up_in_crl(given, https.path, &check, fault) < 0)
		return -1;
	return print_check(command, &check, fault);
}

const struct verb verify_verb = {
	.name = "verify",
	.group = VERB_MESSAGES,
	.operands = "[CLIENT] CERT",
	.summary = "check a certificate",
	.details = "Verifies the chain, profile and validity of a certificate (PEM or DER; - is\n"
		   "standard input) with the root that CLIENT has pinned or, without CLIENT,\n"
		   "with --trusted FILE. --online also asks the CA for the status, --ocsp an OCSP\n"
		   "responder; --crl looks the certificate, and every other one of its path\n"
		   "below the root, up in its issuer's CRL. When the\n"
		   "status cannot be learned, the certificate is not called valid: exit status\n"
		   "7.\n",
	.example = "certpool verify client2 client1/cert/cert_key1.crt --online\n"
		   "certpool verify --trusted client1/cert/root.crt client1/cert/cert_key1.crt\n",
	.options = verify_options,
	.settings_size = sizeof(struct verify_settings),
	.fewest = 1,
	.most = 2,
	.expected = "a certificate's file, and a client's name before it unless there is --trusted",
	.run = run_verify,
};
