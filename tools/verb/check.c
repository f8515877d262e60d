/*
 * check: examines the CA's record, keys and files without changing anything, and prints a line for
 * each finding. Exit status 1 means findings; a failure to open the record counts as one too.
 */
#include "common/ca/check/check_ca.h"

#include "common/base/workers.h"
#include "tools/bar.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/check_client.h"

struct check_settings {
	struct endpoint ca;
	struct ca_key_settings key;
};

static const struct option check_options[] = {
	CA_KEY_OPTIONS(struct check_settings, key),
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct check_settings, ca),
	 "with CLIENT: the CA's endpoint, instead of the manifest's", NULL},
	{0},
};

static int print_finding(void *context, const struct finding *finding, struct fault *fault)
{
	const struct command *command = context;
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		if (finding->warning)
			print_note(command, "%s: warning: %s", finding->where, finding->text);
		else
			print_line("%s: %s: %s", finding->where, finding->text, finding->advice);
		return 0;
	}
	add_json_text(&line, "where", finding->where);
	add_json_text(&line, finding->warning ? "warning" : "finding", finding->text);
	if (!finding->warning)
		add_json_text(&line, "advice", finding->advice);
	return print_json(&line, fault);
}

static int print_summary(const struct command *command, const struct check_summary *summary,
			 struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		if (summary->findings == 0)
			print_line(
				"whole: %s, %s of the audit log, %s of the CRL",
				counted(summary->certificates, "certificate", "certificates").text,
				counted(summary->audit_lines, "line", "lines").text,
				counted(summary->crl_entries, "entry", "entries").text);
		return 0;
	}
	add_json_number(&line, "findings", (long long)summary->findings);
	add_json_number(&line, "certificates", (long long)summary->certificates);
	add_json_number(&line, "audit_lines", (long long)summary->audit_lines);
	add_json_number(&line, "crl_entries", (long long)summary->crl_entries);
	add_json_number(&line, "unrecorded", (long long)summary->unrecorded);
	add_json_flag(&line, "key_checked", !summary->key_unseen);
	return print_json(&line, fault);
}

static int check(const struct command *command, const struct ca_operator *ca,
		 const struct check_settings *given, struct check_summary *ret_summary,
		 struct fault *fault)
{
	CLEANUP(clear_key_access) struct key_access access = {0};
	CLEANUP(end_bar) struct bar bar = {0};
	struct progress progress =
		start_bar(&bar, command, "certificates", "checked: run it again");
	struct command context = *command;
	const struct check_options options = {.layout = ca->layout,
					      .store = ca->store,
					      .ca = &ca->manifest->ca,
					      .access = &access,
					      .now_s = ca->now_s,
					      .workers = count_cores(),
					      .function = print_finding,
					      .context = &context,
					      .progress = progress.function,
					      .progress_context = progress.context};

	if (open_key_access(ca->manifest, &given->key, &access, fault) < 0)
		return -1;
	return check_ca(&options, ret_summary, fault);
}

/* A record that is refused, for its permissions say, is a finding: exit status 1, and not 6. */
static int open_for_check(const struct command *command, struct ca_operator *ret_operator,
			  struct fault *fault)
{
	struct fault failure = {0};

	if (open_operator(command, ret_operator, &failure) == 0)
		return 0;
	if (failure.class == FAULT_REFUSED)
		failure.class = FAULT_FAILED;
	return pass_fault(&failure, fault);
}

static int run_check(const struct command *command, const void *settings, struct fault *fault)
{
	const struct check_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct check_summary summary = {0};

	if (command->operand_count > 0)
		return check_client(command, &given->ca, fault);
	if (open_for_check(command, &ca, fault) < 0 ||
	    check(command, &ca, given, &summary, fault) < 0 ||
	    print_summary(command, &summary, fault) < 0)
		return -1;
	if (summary.key_unseen)
		print_note(command, "the CA's key was not checked: it is encrypted, and no "
				    "passphrase was given");
	if (summary.unrecorded > 0)
		print_note(command,
			   "%s not in the record: nobody was given "
			   "that, unless the record is an old copy; %s/state/signed.log has their "
			   "serial",
			   counted(summary.unrecorded, "certificate was signed and is",
				   "certificates were signed and are")
				   .text,
			   ca.layout->path);
	if (summary.findings == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED, "not whole: findings: %zu", summary.findings);
}

const struct verb check_verb = {
	.name = "check",
	.group = VERB_LOOKING,
	.operands = "[CLIENT]",
	.summary = "check the CA's record, keys and files, or a client's pool",
	.details =
		"On the CA, also while it serves. Checks every page and every certificate of the\n"
		"record, the audit log, the CRL, root and key, and all permissions; changes\n"
		"nothing. Prints a line for each finding: where, what was expected and found,\n"
		"what to do. Exit status 0: no findings; 1: findings. With CLIENT, on the client:\n"
		"every member's key, request and certificate against each other and against the\n"
		"root, and whether the CA says that they are revoked.\n",
	.example = "certpool check\n"
		   "certpool check client1\n",
	.options = check_options,
	.settings_size = sizeof(struct check_settings),
	.most = 1,
	.expected = "at most a client's name",
	.run = run_check,
};
