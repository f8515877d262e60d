/*
 * audit: prints the CA's audit log, or verifies its chain of digests, also against a copy that was
 * printed earlier. A copy from elsewhere finds a log that was rewritten from its first line.
 */
#include "common/ca/store/audit.h"
#include "common/crypto/digest.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <string.h>

/* The whole copy is read into memory. */
enum { COPY_MAX = 1024 * 1024 * 1024 };

struct audit_settings {
	size_t from;
};

static const struct option audit_options[] = {
	{"from", 0, false, "N", take_count, offsetof(struct audit_settings, from),
	 "list: begin with the line of this number", "1"},
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

static int print_verdict(const struct command *command, const struct audit_verdict *result,
			 struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char head[SHA256_TEXT_SIZE];

	format_sha256(result->head, head);
	if (!command->json) {
		if (!result->verdict.invalid)
			print_line("%lld lines, whole; SHA-256 of the last: %s",
				   (long long)result->lines, head);
		return 0;
	}
	add_json_text(&line, "verdict", result->verdict.invalid ? "invalid" : "valid");
	if (result->verdict.invalid)
		add_json_text(&line, "reason", result->verdict.reason);
	add_json_number(&line, "lines", (long long)result->lines);
	add_json_text(&line, "head", head);
	return print_json(&line, fault);
}

static int verify(const struct command *command, struct ca_operator *ca, const char *path,
		  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	struct audit_verdict result = {0};

	if (path != NULL && read_input(path, COPY_MAX, &copy, fault) < 0)
		return -1;
	if ((path != NULL ? verify_audit_copy(ca->store, bytes_of_buffer(&copy), &result, fault)
			  : verify_audit(ca->store, &result, fault)) < 0 ||
	    print_verdict(command, &result, fault) < 0)
		return -1;
	if (!result.verdict.invalid)
		return 0;
	return set_fault(fault, FAULT_UNVERIFIED, "%s: %s", path != NULL ? path : "the audit log",
			 result.verdict.reason);
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
		return set_fault(
			fault, FAULT_USAGE,
			"verify: takes no --from: each line has the digest of the line before");
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
	.summary = "print or verify the CA's audit log",
	.details =
		"On the CA. list prints the log, a JSON object a line, each with the SHA-256 of\n"
		"the line before. verify finds the first line that was changed, removed or\n"
		"inserted. Given FILE, which list printed earlier, verify checks that the log\n"
		"still begins with those lines: that also finds a log that was replaced.\n",
	.options = audit_options,
	.settings_size = sizeof(struct audit_settings),
	.fewest = 1,
	.most = 2,
	.expected = "list or verify, and at most a file after verify",
	.run = run_audit,
};
