#include "common/ca/store/audit.h"
#include "common/crypto/running_digest.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <string.h>

/* A copy of the log is read whole. */
enum { COPY_MAX = 1024 * 1024 * 1024 };

struct audit_settings {
	size_t from;
};

static const struct option audit_options[] = {
	{"from", 0, false, "N", take_count, offsetof(struct audit_settings, from),
	 "list: from the line of this number on", "1"},
	{0},
};

static int print_event(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	(void)context;
	(void)sequence;
	(void)fault;
	print_line("%s", line);
	return 0;
}

static int print_verdict(const struct command *command, const struct audit_verdict *found,
			 struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char head[SHA256_TEXT_SIZE];

	format_sha256(found->head, head);
	if (!command->json) {
		if (!found->verdict.invalid)
			print_line("%lld lines, whole; SHA-256 of the last: %s",
				   (long long)found->lines, head);
		return 0;
	}
	add_json_text(&line, "verdict", found->verdict.invalid ? "invalid" : "valid");
	if (found->verdict.invalid)
		add_json_text(&line, "reason", found->verdict.reason);
	add_json_number(&line, "lines", (long long)found->lines);
	add_json_text(&line, "head", head);
	return print_json(&line, fault);
}

static int verify(const struct command *command, struct ca_operator *ca, const char *path,
		  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	struct audit_verdict found = {0};

	if (path != NULL && read_input(path, COPY_MAX, &copy, fault) < 0)
		return -1;
	if ((path != NULL ? verify_audit_copy(ca->store, bytes_of_buffer(&copy), &found, fault)
			  : verify_audit(ca->store, &found, fault)) < 0 ||
	    print_verdict(command, &found, fault) < 0)
		return -1;
	if (!found.verdict.invalid)
		return 0;
	return set_fault(fault, FAULT_UNVERIFIED, "%s: %s", path != NULL ? path : "the audit log",
			 found.verdict.reason);
}

static int run_audit(const struct command *command, const void *settings, struct fault *fault)
{
	const struct audit_settings *given = settings;
	const char *action = command->operands[0];
	bool list = strcmp(action, "list") == 0;
	CLEANUP(clear_operator) struct ca_operator ca = {0};

	if (!list && strcmp(action, "verify") != 0)
		return set_fault(fault, FAULT_USAGE, "expected list or verify, found \"%s\"",
				 action);
	if (list && command->operand_count > 1)
		return set_fault(fault, FAULT_USAGE, "list: takes no file");
	if (!list && given->from > 1)
		return set_fault(fault, FAULT_USAGE,
				 "verify: takes no --from: every line says what the one before is");
	if (open_operator(command, &ca, fault) < 0)
		return -1;
	if (list)
		return list_audit(ca.store, (int64_t)given->from, print_event, NULL, fault);
	return verify(command, &ca, command->operand_count > 1 ? command->operands[1] : NULL,
		      fault);
}

const struct verb audit_verb = {
	.name = "audit",
	.operands = "list|verify [FILE]",
	.summary = "what happened at the CA",
	.details =
		"On the CA. list prints the log, a JSON object a line, each with the SHA-256 of\n"
		"the line before. verify finds a line that was changed, dropped or inserted,\n"
		"and says which; given FILE, what list printed at some time, it says whether\n"
		"the log still begins like that, which also finds a log that was made anew.\n",
	.options = audit_options,
	.settings_size = sizeof(struct audit_settings),
	.fewest = 1,
	.most = 2,
	.expected = "list or verify, and at most a file after verify",
	.run = run_audit,
};
