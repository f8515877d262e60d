/*
 * complete: what may come next on a command line. The scripts of the shells give the words and show
 * what is printed; the verbs, their options and their operands are those of the tables.
 */
#include "tools/help/operands.h"
#include "tools/options.h"
#include "tools/output.h"

#include "common/layout/manifest.h"

#include <stdio.h>
#include <string.h>

enum { OPERANDS_MAX = 64, TOKEN_SIZE = 64 };

/* A command line up to the word that is completed, the last one. */
struct line {
	const struct verb *verb;
	const char *manifest;
	const char *operands[OPERANDS_MAX];
	size_t operand_count;
	const struct option *awaited; /* the option whose value the last word is; NULL: none */
	bool operands_alone;          /* after "--" */
	const char *last;
	bool json;
};

/* What a word in capitals stands for. */
enum kind { CLIENTS = 1, THE_CA = 2, MEMBERS = 4, FILES = 8, DIRECTORIES = 16, VERBS = 32 };

static const struct {
	const char *word;
	unsigned int kinds;
} kinds[] = {
	{"CLIENT", CLIENTS},
	{"FROM", CLIENTS},
	{"TO", CLIENTS},
	{"NODE", CLIENTS | THE_CA},
	{"FILE", FILES},
	{"FILE|FOLDER", FILES},
	{"CERT", FILES},
	{"DIR", DIRECTORIES},
	{"WHAT", CLIENTS | MEMBERS | FILES},
	{"CLIENT/MEMBER", MEMBERS},
	{"DIRECTORY", DIRECTORIES},
	{"VERB", VERBS},
};

static unsigned int kinds_of(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return kinds[i].kinds;
	return 0;
}

/* "word<TAB>about", or a line for the shell, which knows the files: ":file", ":directory". */
static int offer(const struct line *line, const char *word, const char *about, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line object = {0};

	if (word[0] != ':' && strncmp(word, line->last, strlen(line->last)) != 0)
		return 0;
	if (!line->json) {
		printf("%s%s%s\n", word, *about != '\0' ? "\t" : "", about);
		return 0;
	}
	add_json_text(&object, "word", word);
	add_json_text(&object, "about", about);
	return print_json(&object, fault);
}

static int offer_verbs(const struct line *line, struct fault *fault)
{
	for (const struct verb *const *verb = verbs; *verb != NULL; verb++)
		if (offer(line, (*verb)->name, (*verb)->summary, fault) < 0)
			return -1;
	return 0;
}

/* Without a manifest that can be read there are no clients to offer, and nothing to say. */
static int offer_clients(const struct line *line, unsigned int wanted, struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	struct fault unread = {0};

	if (load_manifest(line->manifest, &manifest, &unread) < 0)
		return 0;
	for (size_t i = 0; i < manifest->client_count; i++) {
		const char *name = manifest->clients[i].name;
		char member[TOKEN_SIZE + 1];

		(void)snprintf(member, sizeof(member), "%.*s/", TOKEN_SIZE - 1, name);
		if (((wanted & CLIENTS) != 0 && offer(line, name, "", fault) < 0) ||
		    ((wanted & MEMBERS) != 0 && offer(line, member, "", fault) < 0))
			return -1;
	}
	return 0;
}

static int offer_kinds(const struct line *line, unsigned int wanted, struct fault *fault)
{
	if (((wanted & THE_CA) != 0 && offer(line, "ca", "the CA", fault) < 0) ||
	    ((wanted & VERBS) != 0 && offer_verbs(line, fault) < 0) ||
	    ((wanted & (CLIENTS | MEMBERS)) != 0 && offer_clients(line, wanted, fault) < 0) ||
	    ((wanted & FILES) != 0 && offer(line, ":file", "", fault) < 0) ||
	    ((wanted & DIRECTORIES) != 0 && offer(line, ":directory", "", fault) < 0))
		return -1;
	return 0;
}

static int offer_options(const struct line *line, const struct option *options, struct fault *fault)
{
	for (; options != NULL && options->name != NULL; options++) {
		char name[TOKEN_SIZE];

		(void)snprintf(name, sizeof(name), "--%s", options->name);
		if (offer(line, name, options->doc, fault) < 0)
			return -1;
	}
	return 0;
}

static bool takes_word(const char *operand, const char *word)
{
	size_t len = strlen(word);

	if (!is_literal(operand))
		return true;
	for (const char *at = operand;; at++) {
		size_t next = strcspn(at, "|");

		if (next == len && strncmp(at, word, len) == 0)
			return true;
		at += next;
		if (*at == '\0')
			return false;
	}
}

static int offer_operand(const struct line *line, const char *operand, struct fault *fault)
{
	char words[2 * TOKEN_SIZE];
	char *rest = NULL;

	if (!is_literal(operand))
		return offer_kinds(line, kinds_of(operand), fault);
	(void)snprintf(words, sizeof(words), "%s", operand);
	for (char *word = strtok_r(words, "|", &rest); word != NULL;
	     word = strtok_r(NULL, "|", &rest))
		if (offer(line, word, "", fault) < 0)
			return -1;
	return 0;
}

/*
 * Operands in one way, such as "key CLIENT", "[CLIENT] CERT" or "FILE...": the words given are
 * matched one by one, and offered is the first word that is still to come, with those that may
 * stand in place of an optional one. An option is not offered.
 */
static int offer_way(const struct line *line, char *way, struct fault *fault)
{
	size_t given = 0;
	struct operand operand;

	while (next_operand(&way, &operand) && operand.word[0] != '-') {
		if (given < line->operand_count) {
			if (!takes_word(operand.word, line->operands[given++]))
				return 0;
			if (!operand.repeats)
				continue;
			given = line->operand_count;
		}
		if (offer_operand(line, operand.word, fault) < 0)
			return -1;
		if (!operand.optional || operand.repeats)
			return 0;
	}
	return 0;
}

static int offer_operands(const struct line *line, struct fault *fault)
{
	static const char separator[] = " | ";
	char ways[4 * TOKEN_SIZE];
	char *way = ways;

	(void)snprintf(ways, sizeof(ways), "%s", line->verb->operands);
	while (way != NULL) {
		char *next = strstr(way, separator);

		if (next != NULL) {
			*next = '\0';
			next += strlen(separator);
		}
		if (offer_way(line, way, fault) < 0)
			return -1;
		way = next;
	}
	return 0;
}

static const struct option *find_in(const struct option *options, const char *name, char letter)
{
	for (; options != NULL && options->name != NULL; options++)
		if (letter != '\0' ? options->letter == letter : strcmp(options->name, name) == 0)
			return options;
	return NULL;
}

static const struct option *find_option(const struct verb *verb, const char *name, char letter)
{
	const struct option *own = find_in(verb->options, name, letter);

	return own != NULL ? own : find_in(common_options, name, letter);
}

static void take_option_value(struct line *line, const struct option *option, const char *value)
{
	if (find_in(common_options, "manifest", '\0') == option)
		line->manifest = value;
}

/* An option that lacks its value is awaited. What the verb would refuse is passed over. */
static void read_option(struct line *line, const char *word)
{
	const struct option *option;

	if (word[1] == '-') {
		option = find_option(line->verb, word + 2, '\0');
		if (option != NULL && option->argument != NULL)
			line->awaited = option;
		else if (strncmp(word, "--manifest=", strlen("--manifest=")) == 0)
			line->manifest = word + strlen("--manifest=");
		return;
	}
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		option = find_option(line->verb, "", *letter);
		if (option == NULL || option->argument == NULL)
			continue;
		if (letter[1] == '\0')
			line->awaited = option;
		else
			take_option_value(line, option, letter + 1);
		return;
	}
}

static void read_word(struct line *line, const char *word)
{
	if (line->awaited != NULL) {
		take_option_value(line, line->awaited, word);
		line->awaited = NULL;
	} else if (!line->operands_alone && strcmp(word, "--") == 0)
		line->operands_alone = true;
	else if (!line->operands_alone && word[0] == '-' && word[1] != '\0')
		read_option(line, word);
	else if (line->operand_count < OPERANDS_MAX)
		line->operands[line->operand_count++] = word;
}

static int complete_line(const struct line *line, struct fault *fault)
{
	if (line->awaited != NULL)
		return offer_kinds(line, kinds_of(line->awaited->argument), fault);
	if (line->last[0] == '-' && !line->operands_alone)
		return offer_options(line, line->verb->options, fault) < 0
			       ? -1
			       : offer_options(line, common_options, fault);
	return offer_operands(line, fault);
}

static int run_complete(const struct command *command, const void *settings, struct fault *fault)
{
	struct line line = {.manifest = command->manifest, .last = "", .json = command->json};
	struct fault unknown = {0};

	(void)settings;
	if (command->operand_count > 0)
		line.last = command->operands[command->operand_count - 1];
	if (command->operand_count <= 1)
		return offer_verbs(&line, fault);
	line.verb = find_verb(command->operands[0], &unknown);
	if (line.verb == NULL)
		return 0;
	for (size_t i = 1; i + 1 < command->operand_count; i++)
		read_word(&line, command->operands[i]);
	return complete_line(&line, fault);
}

const struct verb complete_verb = {
	.name = "complete",
	.group = VERB_LOOKING,
	.operands = "[WORD...]",
	.summary = "print what may come next on a command line, for shells",
	.details =
		"The words of a command line follow --, without certpool; the last one, which may\n"
		"be empty, is the one to complete. Prints what it may become, one a line, with a\n"
		"tabulator and a few words about it; the line :file, or :directory, stands for\n"
		"names of files. make install installs the scripts that bash, zsh and fish need.\n",
	.example = "certpool complete -- enroll --im\n",
	.most = COUNT_MAX,
	.expected = "words after --",
	.run = run_complete,
};
