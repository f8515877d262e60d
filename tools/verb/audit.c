/*
 * audit: prints the CA's audit log, or verifies its chain of digests, also against a copy that was
 * printed earlier. A copy from elsewhere finds a log that was rewritten from its first line. What
 * was exported to a file can be trimmed from the record, so that the log does not grow for ever.
 */
#include "common/ca/store/audit.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/store/trim_audit.h"
#include "common/crypto/digest.h"
#include "common/layout/path.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/verb/audit_list.h"

#include <fcntl.h>
#include <string.h>

enum {
	COPY_MAX = 1024 * 1024 * 1024, /* copies are read into memory */
	EXPORT_STEP = 256 * 1024,      /* octets that are collected for one write */
	COPIES_MAX = 100,
};

struct audit_settings {
	size_t start;
	const char *front_end;
	const char *client;
	struct instant since;
	bool follow;
	struct instant before;
	bool unexported;
};

/* A time, or how long ago it was. */
static int take_since(void *field, const char *text, struct fault *fault)
{
	struct instant *since = field;
	struct fault ignored = {0};
	int64_t ago_s;

	if (parse_duration(text, &ago_s, &ignored) < 0)
		return take_instant(field, text, fault);
	since->given = true;
	since->time_s = read_clock() - ago_s;
	return 0;
}

static const struct option audit_options[] = {
	{"start", 0, false, "N", take_count, offsetof(struct audit_settings, start),
	 "list, export: begin with the line of this number (list: 1; export: the first that was "
	 "not "
	 "exported)",
	 NULL},
	{"front-end", 0, false, "NAME", take_text, offsetof(struct audit_settings, front_end),
	 "list, export, trim: the log of this front end (list: all; the others: this host's)",
	 NULL},
	{"client", 0, false, "CLIENT", take_text, offsetof(struct audit_settings, client),
	 "list: lines by or about this client", NULL},
	{"since", 0, false, "TIME", take_since, offsetof(struct audit_settings, since),
	 "list: lines since this time, RFC 3339, or for so long: 1h, 7d", NULL},
	{"follow", 'f', false, NULL, take_switch, offsetof(struct audit_settings, follow),
	 "list: go on with the lines to come", NULL},
	{"before", 0, true, "TIME", take_instant, offsetof(struct audit_settings, before),
	 "trim: the lines before the first one that is not older", NULL},
	{"unexported", 0, true, NULL, take_switch, offsetof(struct audit_settings, unexported),
	 "trim: also lines that were not exported: they are lost", NULL},
	{0},
};

static int print_verdict(const struct command *command, const struct audit_verdict *result,
			 struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char head[SHA256_TEXT_SIZE];

	format_sha256(result->head, head);
	if (!command->json) {
		if (!result->verdict.invalid)
			print_line("%s, whole; SHA-256 of the last: %s",
				   counted((unsigned long long)result->lines, "line", "lines").text,
				   head);
		if (!result->verdict.invalid && result->chains > 1)
			print_line("of all %zu front ends: %s, whole, and %s", result->chains,
				   counted((unsigned long long)result->all_lines, "line", "lines")
					   .text,
				   counted((unsigned long long)result->checkpoints, "checkpoint",
					   "checkpoints")
					   .text);
		if (!result->verdict.invalid && result->trimmed > 0)
			print_line("lines 1 to %lld are trimmed: their exports have them",
				   (long long)result->trimmed);
		return 0;
	}
	add_json_text(&line, "verdict", result->verdict.invalid ? "invalid" : "valid");
	if (result->verdict.invalid)
		add_json_text(&line, "reason", result->verdict.reason);
	add_json_number(&line, "lines", (long long)result->lines);
	add_json_number(&line, "trimmed", (long long)result->trimmed);
	add_json_text(&line, "head", head);
	if (result->chains > 0) {
		add_json_number(&line, "front_ends", (long long)result->chains);
		add_json_number(&line, "all_lines", (long long)result->all_lines);
		add_json_number(&line, "checkpoints", (long long)result->checkpoints);
	}
	return print_json(&line, fault);
}

/* Appends the copies to each other: exports follow each other. */
static int read_copies(const struct command *command, struct buffer *ret_copies,
		       struct fault *fault)
{
	for (size_t i = 1; i < command->operand_count; i++) {
		CLEANUP(clear_buffer) struct buffer copy = {0};

		if (read_input(command->operands[i], COPY_MAX, &copy, fault) < 0)
			return -1;
		append_bytes(ret_copies, bytes_of_buffer(&copy));
	}
	return check_buffer(ret_copies, fault);
}

static int verify_log(const struct command *command, const struct audit_settings *given,
		      struct ca_operator *ca, struct fault *fault)
{
	bool copied = command->operand_count > 1;
	CLEANUP(clear_buffer) struct buffer copies = {0};
	struct audit_verdict result = {0};

	(void)given;
	if (copied && read_copies(command, &copies, fault) < 0)
		return -1;
	if ((copied ? verify_audit_copy(ca->store, bytes_of_buffer(&copies), &result, fault)
		    : verify_audit(ca->store, &result, fault)) < 0 ||
	    print_verdict(command, &result, fault) < 0)
		return -1;
	if (!result.verdict.invalid)
		return 0;
	return set_fault(fault, FAULT_UNVERIFIED, "%s: %s",
			 copied ? command->operands[1] : "the audit log", result.verdict.reason);
}

static int list_log(const struct command *command, const struct audit_settings *given,
		    struct ca_operator *ca, struct fault *fault)
{
	const struct audit_list_settings settings = {.start = (int64_t)given->start,
						     .client = given->client,
						     .front_end = given->front_end,
						     .since = given->since,
						     .follow = given->follow};

	return list_audit_log(command, &settings, ca, fault);
}

/* A file of lines that is being written. */
struct export
{
	const char *name;
	int descriptor;
	struct buffer text;
	int64_t last;
};

static void clear_export(struct export *export)
{
	close_descriptor(&export->descriptor);
	clear_buffer(&export->text);
}

static int flush_export(struct export *export, struct fault *fault)
{
	if (check_buffer(&export->text, fault) < 0 ||
	    write_stream(export->descriptor, export->name, bytes_of_buffer(&export->text), fault) <
		    0)
		return -1;
	clear_buffer(&export->text);
	return 0;
}

static int export_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct export *export = context;

	append_string(&export->text, line);
	append_string(&export->text, "\n");
	export->last = sequence;
	return export->text.len < EXPORT_STEP ? 0 : flush_export(export, fault);
}

/* Which line the file begins with: without a gap after the lines of earlier exports. */
static int choose_first(const struct audit_settings *given, const struct audit_extent *extent,
			int64_t *ret_first, struct fault *fault)
{
	int64_t next =
		(extent->exported > extent->trimmed ? extent->exported : extent->trimmed) + 1;

	*ret_first = given->start > 0 ? (int64_t)given->start : next;
	if (*ret_first <= extent->trimmed)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "lines 1 to %lld are trimmed: their exports have them",
				 (long long)extent->trimmed);
	if (*ret_first > next)
		return set_fault(fault, FAULT_USAGE,
				 "--start %lld: the lines from %lld on were not exported yet",
				 (long long)*ret_first, (long long)next);
	return 0;
}

static int print_lines(const struct command *command, const char *what, const char *file,
		       int64_t first, int64_t last, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (command->json) {
		add_json_number(&line, "first", (long long)first);
		add_json_number(&line, "last", (long long)last);
		if (file != NULL)
			add_json_text(&line, "file", file);
		return print_json(&line, fault);
	}
	if (last < first || last == 0)
		print_line("no line %s", what);
	else
		print_line("lines %lld to %lld %s", (long long)first, (long long)last, what);
	return 0;
}

static int choose_front_end(const struct audit_settings *given, struct ca_operator *ca,
			    int64_t *ret_number, struct fault *fault)
{
	struct front_end front_end;

	*ret_number = store_front_end(ca->store);
	if (given->front_end == NULL)
		return 0;
	if (find_front_end(ca->store, given->front_end, &front_end, fault) < 0)
		return -1;
	*ret_number = front_end.number;
	return 0;
}

static int write_export(struct ca_operator *ca, const struct audit_export *exported, int64_t first,
			int64_t *ret_last, struct fault *fault)
{
	const char *path = exported->file;
	const char *slash = strrchr(path, '/');
	CLEANUP(clear_export)
	struct export export = {.name = path, .descriptor = -1};
	CLEANUP(free_string) char *directory = NULL;
	CLEANUP(close_descriptor) int dirfd = -1;
	CLEANUP(free_staging) struct staging *staging = NULL;

	if (split_directory(path, &directory, fault) < 0 ||
	    open_directory(AT_FDCWD, directory, &dirfd, fault) < 0 ||
	    new_staging(&staging, fault) < 0 ||
	    stage_unnamed(staging, dirfd, slash != NULL ? slash + 1 : path, STAGE_NEW, 0600,
			  &export.descriptor, fault) < 0 ||
	    list_audit(ca->store, exported->front_end, first, export_line, &export, fault) < 0 ||
	    flush_export(&export, fault) < 0 || commit_staging(staging, fault) < 0)
		return -1;
	*ret_last = export.last;
	return 0;
}

static int export_log(const struct command *command, const struct audit_settings *given,
		      struct ca_operator *ca, struct fault *fault)
{
	const char *path = command->operands[1];
	struct audit_export exported = {.file = path, .now_s = ca->now_s};
	struct audit_extent extent;
	int64_t first;

	if (choose_front_end(given, ca, &exported.front_end, fault) < 0 ||
	    read_audit_extent(ca->store, exported.front_end, &extent, fault) < 0 ||
	    choose_first(given, &extent, &first, fault) < 0)
		return -1;
	if (first > extent.lines)
		return print_lines(command, "to export", NULL, first, extent.lines, fault);
	if (write_export(ca, &exported, first, &exported.last, fault) < 0)
		return -1;
	if (note_audit_export(ca->store, &exported, fault) < 0)
		return prefix_fault(fault, "%s: is complete, but cannot be noted in the record",
				    path);
	return print_lines(command, "exported", path, first, exported.last, fault);
}

static int trim_log(const struct command *command, const struct audit_settings *given,
		    struct ca_operator *ca, struct fault *fault)
{
	struct trim_options options = {.before_s = given->before.time_s,
				       .unexported = given->unexported,
				       .now_s = ca->now_s};
	int64_t first = 0;
	int64_t last = 0;

	if (!given->before.given)
		return set_fault(fault, FAULT_USAGE,
				 "trim: expected --before TIME: lines that are older go");
	if (choose_front_end(given, ca, &options.front_end, fault) < 0 ||
	    trim_audit(ca->store, &options, &first, &last, fault) < 0)
		return -1;
	return print_lines(command, "trimmed", NULL, first, last, fault);
}

/* What the command line may say after the verb. */
static const struct audit_action {
	const char *name;
	size_t fewest; /* files */
	size_t most;
	bool takes_start;
	bool takes_before;
	int (*run)(const struct command *command, const struct audit_settings *given,
		   struct ca_operator *ca, struct fault *fault);
} actions[] = {
	{"list", 0, 0, true, false, list_log},
	{"verify", 0, COPIES_MAX, false, false, verify_log},
	{"export", 1, 1, true, false, export_log},
	{"trim", 0, 0, false, true, trim_log},
};

static const struct audit_action *find_action(const char *name, struct fault *fault)
{
	struct nearest_name search = {.word = name};
	char meant[MEANT_SIZE];

	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
		compare_name(&search, actions[i].name);
	}
	format_meant(&search, meant);
	(void)set_fault(fault, FAULT_USAGE, "expected list, verify, export or trim, found \"%s\"%s",
			name, meant);
	return NULL;
}

static int run_audit(const struct command *command, const void *settings, struct fault *fault)
{
	const struct audit_settings *given = settings;
	const struct audit_action *action = find_action(command->operands[0], fault);
	size_t files = command->operand_count - 1;
	CLEANUP(clear_operator) struct ca_operator ca = {0};

	if (action == NULL)
		return -1;
	if (files < action->fewest || files > action->most)
		return set_fault(fault, FAULT_USAGE, "%s: %s", action->name,
				 action->most == 0   ? "takes no file"
				 : action->most == 1 ? "expected a file to write"
						     : "too many files");
	if (!action->takes_start && given->start > 0)
		return set_fault(fault, FAULT_USAGE, "%s: takes no --start", action->name);
	if (action->run != list_log &&
	    (given->client != NULL || given->since.given || given->follow))
		return set_fault(fault, FAULT_USAGE,
				 "%s: takes no --client, no --since and no --follow", action->name);
	if (action->run == verify_log && given->front_end != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "verify: takes no --front-end: it looks at the logs of all");
	if (!action->takes_before && (given->before.given || given->unexported))
		return set_fault(fault, FAULT_USAGE, "%s: takes no --before and no --unexported",
				 action->name);
	if (open_operator(command, &ca, fault) < 0)
		return -1;
	return action->run(command, given, &ca, fault);
}

const struct verb audit_verb = {
	.name = "audit",
	.group = VERB_LOOKING,
	.operands = "list | verify [FILE...] | export FILE | trim --before TIME",
	.summary = "print, verify, export or trim the CA's audit log",
	.details =
		"On the CA. list prints the log, with times in UTC; with --json as it is: a JSON\n"
		"object a line, each with the SHA-256 of the line before. verify finds the first\n"
		"line that was changed, removed or inserted. Given FILE, which list --json or\n"
		"export wrote earlier, or the files of\n"
		"several exports in their order, verify holds them against the log: that also\n"
		"finds a log that was replaced. export writes the lines that were not exported\n"
		"yet to a new file; trim removes exported lines that are older than TIME from\n"
		"the record, which keeps the digest that the chain goes on from. Each front end\n"
		"of a record (certpool front-end) has a log of its own: list prints them in the\n"
		"order of time, verify looks at all of them, and FILE is of one.\n",
	.example = "certpool audit list --since 1d --client client1\n"
		   "certpool audit verify\n",
	.options = audit_options,
	.settings_size = sizeof(struct audit_settings),
	.fewest = 1,
	.most = 1 + COPIES_MAX,
	.expected = "list, verify, export or trim, and files after verify and export",
	.run = run_audit,
};
