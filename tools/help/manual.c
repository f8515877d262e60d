/* Manual pages in mdoc(7): the sections in their order, each from the tables and the prose. */
#include "tools/help/manual.h"

#include "tools/help/help.h"
#include "tools/help/operands.h"
#include "tools/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PART ".\\\" "

enum { TOKEN_SIZE = 64, OPERANDS_SIZE = 256, LINE_WIDTH = 79 };

static size_t line_length(struct bytes text)
{
	const uint8_t *end = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;

	return end != NULL ? (size_t)(end - text.data) + 1 : text.len;
}

static struct bytes after(struct bytes text, size_t len)
{
	return (struct bytes){text.data + len, text.len - len};
}

static bool begins_part(struct bytes text)
{
	return text.len >= strlen(PART) && memcmp(text.data, PART, strlen(PART)) == 0;
}

static bool is_part(struct bytes text, const char *name)
{
	size_t len = strlen(PART) + strlen(name);

	return begins_part(text) && line_length(text) == len + 1 &&
	       memcmp(text.data + strlen(PART), name, strlen(name)) == 0;
}

/* The lines up to the next part. */
static struct bytes lines_of_part(struct bytes text)
{
	size_t len = 0;

	while (len < text.len && !begins_part(after(text, len)))
		len += line_length(after(text, len));
	return (struct bytes){text.data, len};
}

/* Empty when the prose has no such part. */
static struct bytes find_part(struct bytes prose, const char *name)
{
	while (prose.len > 0) {
		bool found = is_part(prose, name);

		prose = after(prose, line_length(prose));
		if (found)
			return lines_of_part(prose);
	}
	return prose;
}

static void print_part(struct bytes part)
{
	(void)fwrite(part.data, 1, part.len, stdout);
}

/* As roff takes it: at the begin of a line no request, and no backslash an escape. */
static void print_character(bool begins_line, int character)
{
	if (begins_line && (character == '.' || character == '\''))
		(void)fputs("\\&", stdout);
	if (character == '\\')
		(void)fputs("\\e", stdout);
	else
		putchar(character);
}

static void print_text(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		print_character(at == text || at[-1] == '\n', *at);
}

/* A word behind this many columns of its line, or on a line of its own. Returns the new column. */
static size_t print_word(size_t column, const char *word, size_t len, bool capital)
{
	if (column > 0 && column + 1 + len < LINE_WIDTH) {
		putchar(' ');
		column++;
	} else if (column > 0) {
		putchar('\n');
		column = 0;
	}
	print_character(column == 0, capital ? toupper((unsigned char)word[0]) : word[0]);
	for (size_t i = 1; i < len; i++)
		print_character(false, word[i]);
	return column + len;
}

/* A table's line, which begins small and ends without a stop, as a sentence in lines of a page. */
static void print_sentence(const char *text)
{
	const char *word = text;
	size_t column = 0;

	while (*word != '\0') {
		size_t len = strcspn(word, " ");

		column = print_word(column, word, len, word == text);
		word += len;
		word += strspn(word, " ");
	}
	puts(".");
}

/* "Ar file": a table has its arguments in capitals. */
static void print_argument(const char *name)
{
	(void)fputs("Ar ", stdout);
	for (; *name != '\0'; name++)
		putchar(tolower((unsigned char)*name));
}

static void print_operand(const struct operand *operand)
{
	(void)fputs(operand->optional ? ".Op " : ".", stdout);
	if (operand->word[0] == '-')
		printf("Fl %s", operand->word + 1);
	else if (is_literal(operand->word))
		printf("Cm %s", operand->word);
	else
		print_argument(operand->word);
	puts(operand->repeats ? " ..." : "");
}

/* "add NAME | list": each way begins with the program's name. */
static void print_operands(const struct verb *verb)
{
	char text[OPERANDS_SIZE];
	char *rest = text;
	struct operand operand;

	(void)snprintf(text, sizeof(text), "%s", verb->operands);
	while (next_operand(&rest, &operand))
		if (strcmp(operand.word, "|") == 0)
			printf(".Nm certpool\n.Cm %s\n", verb->name);
		else
			print_operand(&operand);
}

static void print_flags(const struct option *option)
{
	if (option->letter != '\0')
		printf(" Fl %c ,", option->letter);
	printf(" Fl -%s", option->name);
	if (option->argument != NULL) {
		putchar(' ');
		print_argument(option->argument);
	}
	putchar('\n');
}

static void print_synopsis(const struct verb *verb, struct bytes part)
{
	puts(".Sh SYNOPSIS");
	if (part.len > 0) {
		print_part(part);
		return;
	}
	printf(".Nm certpool\n.Cm %s\n", verb->name);
	print_operands(verb);
	for (const struct option *option = verb->options; option != NULL && option->name != NULL;
	     option++) {
		printf(".Op Fl -%s", option->name);
		if (option->argument != NULL) {
			putchar(' ');
			print_argument(option->argument);
		}
		putchar('\n');
	}
}

static void print_option(const struct option *option, struct bytes part)
{
	(void)fputs(".It", stdout);
	print_flags(option);
	if (part.len > 0)
		print_part(part);
	else
		print_sentence(option->doc);
	if (option->initial != NULL) {
		(void)fputs("The default is\n.Li ", stdout);
		print_text(option->initial);
		puts(" .");
	}
}

/* A list of the options; nothing when there are none. */
static void print_options(const struct option *options, struct bytes prose)
{
	if (options == NULL)
		return;
	puts(".Bl -tag -width Ds");
	for (; options->name != NULL; options++) {
		char name[TOKEN_SIZE];

		(void)snprintf(name, sizeof(name), "--%s", options->name);
		print_option(options, find_part(prose, name));
	}
	puts(".El");
}

static void print_common_names(void)
{
	puts("The options of all verbs are in\n.Xr certpool 1 :");
	for (const struct option *option = common_options; option->name != NULL; option++)
		printf(".Fl -%s %s\n", option->name, option[1].name != NULL ? "," : ".");
}

static void print_variables(const struct verb *verb)
{
	bool any = false;

	for (const struct option *option = verb->options; option != NULL && option->name != NULL;
	     option++) {
		char variable[VARIABLE_SIZE];

		if (!has_variable(verb, option))
			continue;
		if (!any)
			puts(".Sh ENVIRONMENT\nEach of these counts where its option is not "
			     "given:\n.Bl -item -compact");
		any = true;
		name_variable(option, variable);
		printf(".It\n.Ev %s\n", variable);
	}
	if (any)
		puts(".El");
}

static void print_example(const struct verb *verb)
{
	puts(".Sh EXAMPLES\n.Bd -literal -offset indent");
	print_text(verb->example);
	puts(".Ed");
}

/* A part about an option that neither the verb nor the program has is wrong. */
static int check_prose(const struct option *own, struct bytes prose, struct fault *fault)
{
	for (; prose.len > 0; prose = after(prose, line_length(prose))) {
		char name[TOKEN_SIZE];
		bool known = false;

		if (!begins_part(prose) || prose.len < strlen(PART) + 2 ||
		    memcmp(prose.data + strlen(PART), "--", 2) != 0)
			continue;
		for (const struct option *option = own; option != NULL && option->name != NULL;
		     option++) {
			(void)snprintf(name, sizeof(name), "--%s", option->name);
			known = known || is_part(prose, name);
		}
		if (!known)
			return set_fault(fault, FAULT_USAGE,
					 "the prose is about an option that there is not: %.*s",
					 (int)(line_length(prose) - 1 - strlen(PART)),
					 (const char *)prose.data + strlen(PART));
	}
	return 0;
}

static void print_verb_page(const struct verb *verb, struct bytes prose)
{
	struct bytes description = find_part(prose, "description");

	(void)fputs(".Dt CERTPOOL-", stdout);
	for (const char *c = verb->name; *c != '\0'; c++)
		putchar(toupper((unsigned char)*c));
	printf(" 1\n.Os\n.Sh NAME\n.Nm certpool-%s\n.Nd %s\n", verb->name, verb->summary);
	print_synopsis(verb, find_part(prose, "synopsis"));
	puts(".Sh DESCRIPTION");
	if (description.len > 0)
		print_part(description);
	else if (verb->details != NULL)
		print_text(verb->details);
	else
		print_sentence(verb->summary);
	puts(".Sh OPTIONS");
	print_options(verb->options, prose);
	if (verb->options != NULL)
		puts(".Pp");
	print_common_names();
	print_variables(verb);
	puts(".Sh EXIT STATUS\n0 when it is done; the other numbers are in\n.Xr certpool 1 .");
	print_example(verb);
	puts(".Sh SEE ALSO\n.Xr certpool 1 ,\n.Xr certpool-manifest 5");
}

static void print_overview_page(struct bytes prose)
{
	puts(".Dt CERTPOOL 1\n.Os\n.Sh NAME\n.Nm certpool\n.Nd a PKI for pools of certificates\n"
	     ".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar argument ...\n.Op Ar option ...\n"
	     ".Sh DESCRIPTION");
	print_part(find_part(prose, "description"));
	puts(".Sh VERBS\nEach verb has a page of its own.");
	for (enum verb_group group = 0; group < VERB_GROUP_COUNT; group++) {
		printf(".Ss %s\n.Bl -tag -width Ds\n", group_title(group));
		for (const struct verb *const *verb = verbs; *verb != NULL; verb++)
			if ((*verb)->group == group) {
				printf(".It Xr certpool-%s 1\n", (*verb)->name);
				print_sentence((*verb)->summary);
			}
		puts(".El");
	}
	puts(".Sh OPTIONS");
	print_part(find_part(prose, "options"));
	print_options(common_options, prose);
	print_part(find_part(prose, "more"));
}

int print_manual(const struct verb *verb, struct bytes prose, struct fault *fault)
{
	if (check_prose(verb != NULL ? verb->options : common_options, prose, fault) < 0)
		return -1;
	if (prose.len > 0)
		print_part(lines_of_part(prose));
	else
		puts(".Dd");
	if (verb != NULL)
		print_verb_page(verb, prose);
	else
		print_overview_page(prose);
	return 0;
}
