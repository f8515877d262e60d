/* The table of verbs, and the way from a verb's name and arguments to its function. */
#include "tools/command.h"

#include "common/base/bytes.h"
#include "common/base/name.h"
#include "tools/help/help.h"
#include "tools/options.h"
#include "tools/output.h"

#include <stdlib.h>
#include <string.h>

const struct verb *const verbs[] = {
	&new_verb,           &init_verb,    &serve_verb,   &sign_verb,
	&revoke_verb,        &crl_verb,     &invite_verb,  &join_verb,
	&client_verb,        &request_verb, &enroll_verb,  &export_verb,
	&send_verb,          &receive_verb, &seal_verb,    &open_verb,
	&verify_verb,        &run_verb,     &status_verb,  &list_verb,
	&show_verb,          &audit_verb,   &pool_verb,    &check_verb,
	&bench_verb,         &help_verb,    &version_verb, &complete_verb,
	&needs_renewal_verb, &keep_verb,    &repair_verb,  &renew_verb,
	&rotate_verb,        &prune_verb,   &backup_verb,  &restore_verb,
	&front_end_verb,     &store_verb,   NULL,
};

static const struct {
	const char *name;
	const struct verb *verb;
} other_names[] = {{"-h", &help_verb},
		   {"--help", &help_verb},
		   {"-V", &version_verb},
		   {"--version", &version_verb}};

const struct verb *find_verb(const char *name, struct fault *fault)
{
	struct nearest_name meant = {.word = name};

	for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
		if (strcmp((*verb)->name, name) == 0)
			return *verb;
		compare_name(&meant, (*verb)->name);
	}
	for (size_t i = 0; i < COUNT_OF(other_names); i++)
		if (strcmp(other_names[i].name, name) == 0)
			return other_names[i].verb;
	if (name[0] == '-')
		(void)set_fault(fault, FAULT_USAGE,
				"%s: no such verb: options follow the verb: run certpool help",
				name);
	else if (meant.nearest != NULL)
		(void)set_fault(fault, FAULT_USAGE, "%s: no such verb: did you mean %s?", name,
				meant.nearest);
	else
		(void)set_fault(fault, FAULT_USAGE, "%s: no such verb: run certpool help", name);
	return NULL;
}

void append_word(struct buffer *line, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+./:=,@%";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		append_string(line, word);
		return;
	}
	append_string(line, "'");
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			append_string(line, "'\\''");
		else
			append_bytes(line, (struct bytes){(const uint8_t *)word, 1});
	}
	append_string(line, "'");
}

void append_next_command(struct buffer *line, const struct command *command, const char *words)
{
	append_format(line, "certpool %s", words);
	if (strcmp(command->manifest, "manifest.yaml") == 0)
		return;
	append_string(line, " -m ");
	append_word(line, command->manifest);
}

/* The option comes first: after "--" it would be an operand. */
int refuse_without_yes(const struct command *command, const char *what, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer line = {0};

	append_format(&line, "certpool %s --yes", command->verb->name);
	for (size_t i = 0; command->arguments[i] != NULL; i++) {
		append_string(&line, " ");
		append_word(&line, command->arguments[i]);
	}
	if (check_buffer(&line, fault) < 0)
		return -1;
	print_complaint(command, "%s: to do it, run: %s", what, (const char *)line.data);
	return set_fault(fault, FAULT_USAGE, "%s", "");
}

static void free_settings(void **settings)
{
	free(*settings);
}

static void free_arguments(const char ***arguments)
{
	free((void *)*arguments);
}

/* The parser moves operands about; the array of what was given stays as it is. */
static int copy_arguments(const char *const *arguments, const char ***ret_copy, struct fault *fault)
{
	size_t count = 0;
	const char **copy;

	while (arguments[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	if (copy == NULL)
		return set_memory_fault(fault);
	memcpy((void *)copy, (const void *)arguments, count * sizeof(*copy));
	*ret_copy = copy;
	return 0;
}

/* The last line of a log in JSON. Nothing more is printed of the fault. */
static int log_fault(struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (fault->text[0] == '\0')
		return -1;
	begin_log_line(&line, "error");
	add_json_text(&line, "message", fault->text);
	print_log_line(&line);
	fault->text[0] = '\0';
	return -1;
}

int run_command(const struct verb *verb, const char *const *arguments, struct fault *fault)
{
	/* One octet more: calloc(…, 0) may return NULL. */
	CLEANUP(free_settings) void *settings = calloc(1, verb->settings_size + 1);
	CLEANUP(free_arguments) const char **copy = NULL;
	struct command command;

	if (settings == NULL)
		return set_memory_fault(fault);
	if (copy_arguments(arguments, &copy, fault) < 0 ||
	    parse_command(verb, copy, &command, settings, fault) < 0)
		return -1;
	command.arguments = arguments;
	command.json_log = verb->logs && command.json;
	if (command.help)
		print_help(verb);
	else if (command.version)
		return print_version(&command, fault);
	else if (verb->run(&command, settings, fault) < 0)
		return command.json_log ? log_fault(fault) : -1;
	return 0;
}
