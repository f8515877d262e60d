#include "common/base/clock.h"
#include "common/pool/members/trust.h"
#include "common/pool/revocation/ask_ocsp.h"
#include "common/pool/revocation/ask_status.h"
#include "common/pool/revocation/crl_source.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

struct verify_settings {
	const char *root;
	const char *chain;
	struct instant at;
	bool online;
	struct endpoint ca;
	const char *ocsp;
	const char *crl;
};

static const struct option verify_options[] = {
	{"root", 0, false, "FILE", take_text, offsetof(struct verify_settings, root),
	 "the root, in place of a client's pinned one", NULL},
	{"chain", 0, false, "FILE", take_text, offsetof(struct verify_settings, chain),
	 "intermediates besides the client's cert/ca.crt, PEM one after the other", NULL},
	{"at", 0, false, "TIME", take_instant, offsetof(struct verify_settings, at),
	 "judge as of this time: RFC 3339, or seconds since 1970 (now)", NULL},
	{"online", 0, false, NULL, take_switch, offsetof(struct verify_settings, online),
	 "ask the CA as well", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct verify_settings, ca),
	 "where the CA serves, when not as in the manifest", NULL},
	{"ocsp", 0, false, "URL", take_text, offsetof(struct verify_settings, ocsp),
	 "ask the OCSP responder there as well", NULL},
	{"crl", 0, false, "FILE", take_text, offsetof(struct verify_settings, crl),
	 "look it up in the CRL of this file or http URL as well", NULL},
	{0},
};

/* A certificate, and what was found out about it. */
struct finding {
	const char *path;
	struct certificate *certificate; /* NULL: it cannot be read as one */
	struct intermediates chain;
	struct verdict verdict;
	bool asked; /* the CA */
	struct status_answer answer;
	bool asked_ocsp;
	struct ocsp_finding ocsp;
	bool asked_crl;
	struct crl_finding crl;
};

static void clear_finding(struct finding *finding)
{
	clear_intermediates(&finding->chain);
	free_certificate(&finding->certificate);
}

/* What cannot be read as a certificate is an invalid one; what cannot be read at all is a fault. */
static int read_finding(struct finding *finding, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct fault found = {0};

	if (read_input(finding->path, CERTIFICATE_PEM_MAX, &content, fault) < 0)
		return -1;
	if (parse_any_certificate(bytes_of_buffer(&content), &finding->certificate, &found) == 0)
		return 0;
	if (found.class == FAULT_FAILED)
		return set_fault(fault, found.class, "%s: %s", finding->path, found.text);
	reject_because(&finding->verdict, "%s", found.text);
	return 0;
}

/* Those given, then those that the client met when it enrolled. */
static int collect_chain(const struct verify_settings *given, const struct layout *layout,
			 struct intermediates *chain, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates own = {0};

	if (given->chain != NULL && read_chain(given->chain, chain, fault) < 0)
		return -1;
	if (layout == NULL)
		return 0;
	if (read_intermediates(layout, &own, fault) < 0)
		return -1;
	return merge_intermediates(chain, &own, fault);
}

static int judge_finding(const struct verify_settings *given, const struct certificate *root,
			 struct finding *finding, struct fault *fault)
{
	int64_t at_s = given->at.given ? given->at.time_s : read_clock();

	if (read_finding(finding, fault) < 0)
		return -1;
	if (finding->certificate == NULL)
		return 0;
	return verify_chain(root, intermediate_certificates(&finding->chain), finding->chain.count,
			    finding->certificate, at_s, &finding->verdict, fault);
}

static void apply_answer(struct finding *finding)
{
	const struct status_answer *answer = &finding->answer;
	char revoked_at[TIME_TEXT_SIZE];

	finding->asked = true;
	if (answer->status == STATUS_GOOD)
		return;
	format_time(answer->revoked_at_s, revoked_at);
	if (answer->status == STATUS_REVOKED)
		reject_because(&finding->verdict, "the CA says: revoked at %s (%s)", revoked_at,
			       answer->reason);
	reject_because(&finding->verdict, "the CA says: %s%s", format_status(answer->status),
		       answer->status == STATUS_UNKNOWN ? ": it never issued this certificate"
							: "");
}

/* A certificate that is invalid already needs no CA that can be reached. */
static int ask_about(const struct verify_settings *given, const struct node *node,
		     struct finding *finding, struct fault *fault)
{
	CLEANUP(free_status_client) struct status_client *client = NULL;
	struct endpoint ca = choose_endpoint(&given->ca, &node->manifest->ca.endpoint);
	struct fault unanswered = {0};

	if (finding->certificate == NULL)
		return 0;
	if (new_status_client(node->layout, node->client->name, &ca, &client, fault) < 0)
		return -1;
	if (ask_status(client, certificate_der(finding->certificate), read_clock(),
		       &finding->answer, &unanswered) == 0)
		apply_answer(finding);
	else if (!finding->verdict.invalid)
		return pass_fault(&unanswered, fault);
	return 0;
}

static void apply_ocsp(struct finding *finding)
{
	const struct ocsp_finding *ocsp = &finding->ocsp;
	char revoked_at[TIME_TEXT_SIZE];

	finding->asked_ocsp = true;
	format_time(ocsp->revoked_at_s, revoked_at);
	switch (ocsp->status) {
	case OCSP_GOOD:
		return;
	case OCSP_REVOKED:
		reject_because(&finding->verdict, "the OCSP responder says: revoked at %s (%s)",
			       revoked_at, format_crl_reason(ocsp->reason));
		return;
	case OCSP_UNKNOWN:
		reject_because(&finding->verdict,
			       "the OCSP responder says: unknown: it does not know this "
			       "certificate");
		return;
	}
}

/* Only of a certificate that is valid otherwise: an invalid one needs nobody who can be reached,
   and its issuer may not be known. */
static int ask_responder(const struct verify_settings *given, const struct certificate *root,
			 struct finding *finding, struct fault *fault)
{
	const struct certificate *issuer;

	if (finding->verdict.invalid)
		return 0;
	issuer = find_issuer(root, intermediate_certificates(&finding->chain), finding->chain.count,
			     finding->certificate);
	if (ask_ocsp(given->ocsp, issuer, finding->certificate, read_clock(), &finding->ocsp,
		     fault) < 0)
		return -1;
	apply_ocsp(finding);
	return 0;
}

static int consult_source(const struct verify_settings *given, const struct certificate *root,
			  struct finding *finding, struct fault *fault)
{
	CLEANUP(free_crl_source) struct crl_source *source = NULL;
	int64_t at_s = given->at.given ? given->at.time_s : read_clock();
	const struct crl_finding *crl = &finding->crl;
	char revoked_at[TIME_TEXT_SIZE];

	if (new_crl_source(given->crl, &source, fault) < 0)
		return -1;
	if (finding->verdict.invalid)
		return 0;
	consult_crl(source,
		    find_issuer(root, intermediate_certificates(&finding->chain),
				finding->chain.count, finding->certificate),
		    finding->certificate, at_s, &finding->crl);
	finding->asked_crl = true;
	format_time(crl->revoked_at_s, revoked_at);
	if (crl->standing == CRL_REVOKED)
		reject_because(&finding->verdict, "CRL number %s: revoked at %s (%s)", crl->number,
			       revoked_at, format_crl_reason(crl->reason));
	return 0;
}

static bool cannot_tell(const struct finding *finding)
{
	return finding->asked_crl && finding->crl.standing == CRL_UNKNOWN &&
	       !finding->verdict.invalid;
}

static const char *name_verdict(const struct finding *finding)
{
	if (cannot_tell(finding))
		return "unknown";
	return finding->verdict.invalid ? "invalid" : "valid";
}

static void add_revocation(struct json_line *line, const struct crl_finding *crl)
{
	add_json_text(line, "revocation", format_crl_status(crl->standing));
	if (crl->standing == CRL_REVOKED) {
		add_json_time(line, "revoked_at", crl->revoked_at_s);
		add_json_text(line, "revocation_reason", format_crl_reason(crl->reason));
	}
	if (crl->number[0] == '\0')
		return;
	add_json_text(line, "crl_number", crl->number);
	add_json_time(line, "crl_this_update", crl->this_update_s);
	add_json_time(line, "crl_next_update", crl->next_update_s);
}

static int print_finding_json(const struct finding *finding, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char serial[SERIAL_TEXT_SIZE];

	add_json_text(&line, "certificate", finding->path);
	add_json_text(&line, "verdict", name_verdict(finding));
	if (finding->verdict.invalid)
		add_json_text(&line, "reason", finding->verdict.reason);
	else if (cannot_tell(finding))
		add_json_text(&line, "reason", finding->crl.why.text);
	if (finding->certificate != NULL) {
		format_serial(certificate_serial(finding->certificate), serial);
		add_json_text(&line, "subject", certificate_subject(finding->certificate));
		add_json_text(&line, "serial", serial);
		add_json_time(&line, "not_after", certificate_not_after(finding->certificate));
	}
	if (finding->asked)
		add_json_text(&line, "status", format_status(finding->answer.status));
	if (finding->asked_ocsp)
		add_json_text(&line, "ocsp", format_ocsp_status(finding->ocsp.status));
	if (finding->asked_crl)
		add_revocation(&line, &finding->crl);
	return print_json(&line, fault);
}

static int print_finding(const struct command *command, const struct finding *finding,
			 struct fault *fault)
{
	char not_after[TIME_TEXT_SIZE];

	if (command->json && print_finding_json(finding, fault) < 0)
		return -1;
	if (finding->verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "%s: %s", finding->path,
				 finding->verdict.reason);
	if (cannot_tell(finding))
		return set_fault(fault, finding->crl.why.class, "%s: %s", finding->path,
				 finding->crl.why.text);
	if (command->json)
		return 0;
	format_time(certificate_not_after(finding->certificate), not_after);
	print_line("%s: %s: %s, valid until %s", finding->path,
		   finding->asked || finding->asked_ocsp || finding->asked_crl ? "good" : "valid",
		   certificate_subject(finding->certificate), not_after);
	return 0;
}

static int check_settings(const struct command *command, const struct verify_settings *given,
			  struct fault *fault)
{
	size_t expected = given->root != NULL ? 1 : 2;

	if (command->operand_count != expected)
		return set_fault(fault, FAULT_USAGE,
				 "expected CLIENT CERT, or --root FILE CERT, found %zu arguments%s",
				 command->operand_count, given->root != NULL ? " and --root" : "");
	if (given->root != NULL && given->online)
		return set_fault(fault, FAULT_USAGE,
				 "--online: expected a CLIENT that shares a key with the CA, "
				 "found --root");
	return 0;
}

static int run_verify(const struct command *command, const void *settings, struct fault *fault)
{
	const struct verify_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_finding) struct finding finding = {0};

	if (check_settings(command, given, fault) < 0)
		return -1;
	finding.path = command->operands[command->operand_count - 1];
	if (given->root != NULL) {
		if (read_certificate(given->root, &root, fault) < 0)
			return -1;
	} else if (open_node(command, command->operands[0], &node, fault) < 0 ||
		   read_root(node.layout, &root, fault) < 0) {
		return -1;
	}
	if (collect_chain(given, node.layout, &finding.chain, fault) < 0 ||
	    judge_finding(given, root, &finding, fault) < 0)
		return -1;
	if (given->online && ask_about(given, &node, &finding, fault) < 0)
		return -1;
	if (given->ocsp != NULL && ask_responder(given, root, &finding, fault) < 0)
		return -1;
	if (given->crl != NULL && consult_source(given, root, &finding, fault) < 0)
		return -1;
	return print_finding(command, &finding, fault);
}

const struct verb verify_verb = {
	.name = "verify",
	.operands = "[CLIENT] CERT",
	.summary = "parts 2 and 3: check a certificate",
	.details = "Judges a certificate (PEM or DER; - is standard input) by chain, profile and\n"
		   "time: against the root that CLIENT has pinned, or, without CLIENT, against\n"
		   "--root FILE. With --online the CA is asked whether it stands by it, with\n"
		   "--ocsp the OCSP responder at the URL; with --crl it is looked up in its\n"
		   "issuer's CRL. A certificate of which nobody can say how it stands is not\n"
		   "called valid: exit status 7.\n",
	.options = verify_options,
	.settings_size = sizeof(struct verify_settings),
	.fewest = 1,
	.most = 2,
	.expected = "a certificate's file, and a client's name before it unless there is --root",
	.run = run_verify,
};
