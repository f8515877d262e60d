/*
 * store: where the CA's record is. copy puts it into another database while nothing works on it;
 * the operator changes the manifest.
 */
#include "common/base/clock.h"
#include "common/ca/backup/copy_record.h"
#include "common/ca/issue/authority.h"
#include "common/layout/path.h"
#include "common/layout/store_url.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

/* The place of a record that is in no database. */
static const char file_place[] = "file";

struct store_settings {
	const char *to;
	bool unverified;
};

static const struct option store_options[] = {
	{"to", 0, true, "URL|file", take_text, offsetof(struct store_settings, to),
	 "the database, as ca.store names it, or \"file\": state/ca.db in the CA's layout", NULL},
	{"unverified", 0, true, NULL, take_switch, offsetof(struct store_settings, unverified),
	 "do not verify the database's certificate (verify: none in the manifest)", NULL},
	{0},
};

/* *ret_url NULL: the file. Files that the URL names are beside the manifest. */
static int complete_place(const struct command *command, const struct store_settings *given,
			  char **ret_url, struct fault *fault)
{
	CLEANUP(free_string) char *folder = NULL;

	if (given->to == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected --to URL, a database of PostgreSQL, or --to file");
	if (strcmp(given->to, file_place) == 0)
		return 0;
	if (!is_store_url(given->to))
		return set_fault(fault, FAULT_USAGE,
				 "--to: expected postgresql://… or file, found \"%s\"", given->to);
	if (split_directory(command->manifest, &folder, fault) < 0)
		return -1;
	if (complete_store_url(given->to, folder, given->unverified, ret_url, fault) < 0)
		return prefix_fault(fault, "--to");
	return 0;
}

/* What ca.store has to be from now on; "" to leave it out. */
static void format_line(const struct store_settings *given, bool to_file, struct buffer *ret_line)
{
	append_string(ret_line, "");
	if (!to_file)
		append_format(ret_line,
			      given->unverified ? "store: {url: \"%s\", verify: none}"
						: "store: \"%s\"",
			      given->to);
}

static int print_copied(const struct command *command, const char *from, const char *to,
			const char *manifest_line, const struct copied_record *copied,
			struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		for (size_t i = 0; i < copied->count; i++)
			print_line("%-16s %lld", copied->tables[i].name,
				   (long long)copied->tables[i].rows);
		print_line("%s: is a copy of %s, with the same rows in %zu tables and %lld lines "
			   "of %zu audit logs, which are whole",
			   to, from, copied->count, (long long)copied->audit_lines,
			   copied->audit_logs);
		if (*manifest_line != '\0')
			print_line("now put into %s, under ca: %s", command->manifest,
				   manifest_line);
		else
			print_line("now take the line store: out of %s", command->manifest);
		return flush_output(fault);
	}
	add_json_text(&line, "from", from);
	add_json_text(&line, "to", to);
	for (size_t i = 0; i < copied->count; i++)
		add_json_number(&line, copied->tables[i].name, (long long)copied->tables[i].rows);
	add_json_number(&line, "audit_lines", (long long)copied->audit_lines);
	add_json_text(&line, "manifest", manifest_line);
	return print_json(&line, fault);
}

static int copy(const struct command *command, const struct store_settings *given,
		struct fault *fault)
{
	CLEANUP(free_string) char *url = NULL;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(close_descriptor) int serving = -1;
	CLEANUP(clear_buffer) struct buffer manifest_line = {0};
	struct record_copy options = {0};
	struct copied_record copied;

	if (complete_place(command, given, &url, fault) < 0 ||
	    open_operator(command, &ca, fault) < 0)
		return -1;
	if (url == NULL && ca.manifest->ca.store == NULL)
		return set_fault(fault, FAULT_USAGE, "--to file: %s is the CA's record already",
				 store_name(ca.store));
	if (lock_layout(ca.layout, LOCK_REFUSE, &lock, fault) < 0 ||
	    lock_serving(ca.layout, &serving, fault) < 0)
		return -1;
	options = (struct record_copy){
		.source = ca.store, .layout = ca.layout, .url = url, .now_s = ca.now_s};
	format_line(given, url == NULL, &manifest_line);
	if (check_buffer(&manifest_line, fault) < 0 || copy_record(&options, &copied, fault) < 0)
		return -1;
	print_note(command,
		   "%s stays as it was: as soon as anything is issued from the copy, nothing may "
		   "work on it any more",
		   store_name(ca.store));
	return print_copied(command, store_name(ca.store), url != NULL ? given->to : "state/ca.db",
			    (const char *)manifest_line.data, &copied, fault);
}

static int run_store(const struct command *command, const void *settings, struct fault *fault)
{
	if (strcmp(command->operands[0], "copy") != 0)
		return set_fault(fault, FAULT_USAGE, "expected copy, found \"%s\"",
				 command->operands[0]);
	return copy(command, settings, fault);
}

const struct verb store_verb = {
	.name = "store",
	.group = VERB_KEEPING,
	.operands = "copy",
	.summary = "move the CA's record to another database",
	.details =
		"On the CA, while nothing serves it. copy puts the record into an empty database\n"
		"of PostgreSQL, or from there into a file again, in one transaction: a copy that\n"
		"was cut short leaves nothing. The rows of all tables are counted, and the audit\n"
		"logs verified; the record where it was stays as it is. The line that it prints\n"
		"goes into the manifest.\n",
	.example = "certpool store copy --to postgresql:///certpool\n",
	.options = store_options,
	.settings_size = sizeof(struct store_settings),
	.fewest = 1,
	.most = 1,
	.expected = "copy",
	.run = run_store,
};
