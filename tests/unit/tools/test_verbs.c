/* What holds for the tables of all verbs, also of those to come. */
#include "tools/options.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Calls the function for each option that a verb has for itself. */
typedef void option_check(const struct verb *verb, const struct option *option);

static void check_options(option_check *check)
{
	for (const struct verb *const *verb = verbs; *verb != NULL; verb++)
		for (const struct option *option = (*verb)->options;
		     option != NULL && option->name != NULL; option++)
			check(*verb, option);
}

static bool is_listed(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void check_irrevocable(const struct verb *verb, const struct option *option)
{
	static const char *const acts[] = {"yes",        "force",          "finish", "all",
					   "revoke-old", "clock-is-right", "exec"};
	static const char *const irrevocable[] = {"revoke", "prune",  "client",
						  "rotate", "repair", "restore"};

	if (is_listed(option->name, acts, COUNT_OF(acts)) ||
	    is_listed(verb->name, irrevocable, COUNT_OF(irrevocable)))
		cr_expect_not(has_variable(verb, option),
			      "certpool %s --%s: its verb is not irrevocable, nor its row "
			      "no_environment",
			      verb->name, option->name);
}

Test(verbs, take_nothing_from_the_environment_that_cannot_be_taken_back)
{
	check_options(check_irrevocable);
}

static void check_audit_trim(const struct verb *verb, const struct option *option)
{
	static const char *const names[] = {"before", "unexported"};

	if (strcmp(verb->name, "audit") == 0 && is_listed(option->name, names, COUNT_OF(names)))
		cr_expect_not(has_variable(verb, option), "--%s", option->name);
}

Test(verbs, let_no_variable_trim_the_audit_log)
{
	check_options(check_audit_trim);
}

Test(verbs, take_what_is_harmless_from_the_environment)
{
	static const struct option harmless = {.name = "limit"};
	static const struct option kept = {.name = "limit", .no_environment = true};
	static const struct verb plain = {.name = "plain"};
	static const struct verb irrevocable = {.name = "irrevocable", .irrevocable = true};

	cr_expect(has_variable(&plain, &harmless));
	cr_expect_not(has_variable(&plain, &kept));
	cr_expect_not(has_variable(&irrevocable, &harmless));
	cr_expect(has_variable(&irrevocable, &common_options[0]), "--manifest");
}

/* A variable counts for every verb that has the option, and so does what its reader knows. */
static void check_type(const struct verb *verb, const struct option *option)
{
	for (const struct verb *const *other = verbs; *other != verb; other++)
		for (const struct option *same = (*other)->options;
		     same != NULL && same->name != NULL; same++)
			cr_expect(
				strcmp(same->name, option->name) != 0 || same->set == option->set ||
					!(has_variable(*other, same) && has_variable(verb, option)),
				"--%s of certpool %s and of %s differ in type: rename one",
				option->name, (*other)->name, verb->name);
}

Test(verbs, give_options_of_one_name_one_type)
{
	check_options(check_type);
}

static void check_common(const struct verb *verb, const struct option *option)
{
	for (const struct option *common = common_options; common->name != NULL; common++) {
		cr_expect_str_neq(common->name, option->name, "certpool %s --%s", verb->name,
				  option->name);
		cr_expect(common->letter == 0 || common->letter != option->letter,
			  "certpool %s -%c", verb->name, option->letter);
	}
}

Test(verbs, leave_the_common_options_alone)
{
	check_options(check_common);
}

/* Words of an example, which has no quotes, and ends at the line's end. */
enum { EXAMPLE_SIZE = 256, WORDS_MAX = 16 };

/* One command of an example: certpool, a verb, and what that verb parses. */
static void check_example_command(const struct verb *verb, char *text)
{
	const char *words[WORDS_MAX + 1] = {0};
	size_t count = 0;
	struct command command;
	const struct verb *shown = NULL;
	struct fault unknown = {0};
	void *settings;
	char *rest = NULL;

	for (char *word = strtok_r(text, " ", &rest); word != NULL && count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	if (count > 0 && (strcmp(words[0], "cd") == 0 || strcmp(words[0], "tar") == 0))
		return;
	cr_assert_geq(count, 2, "%s", verb->name);
	cr_expect_str_eq(words[0], "certpool");
	shown = find_verb(words[1], &unknown);
	cr_assert_not_null(shown, "%s: %s", verb->name, unknown.text);
	settings = calloc(1, shown->settings_size + 1);
	cr_assert_not_null(settings);
	OK(parse_command(shown, words + 2, &command, settings, &fault));
	free(settings);
}

static void check_example_line(const struct verb *verb, const char *line, size_t len)
{
	char text[EXAMPLE_SIZE];
	char *at = text;
	char *end;

	cr_assert_lt(len, sizeof(text));
	cr_expect_null(strpbrk(line, "\"'\\"), "%s: an example with quotes", verb->name);
	memcpy(text, line, len);
	text[len] = '\0';
	while ((end = strstr(at, " && ")) != NULL) {
		*end = '\0';
		check_example_command(verb, at);
		at = end + strlen(" && ");
	}
	check_example_command(verb, at);
}

Test(verbs, have_an_example_each_that_parses_and_names_them)
{
	for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
		const char *at = (*verb)->example;

		cr_assert_not_null(at, "%s", (*verb)->name);
		cr_expect_not_null(strstr(at, (*verb)->name), "%s", (*verb)->name);
		for (; *at != '\0'; at += strcspn(at, "\n") + 1) {
			cr_assert_eq(at[strcspn(at, "\n")], '\n', "%s", (*verb)->name);
			check_example_line(*verb, at, strcspn(at, "\n"));
		}
	}
}

Test(verbs, are_in_a_group_with_one_summary_of_one_line)
{
	for (const struct verb *const *verb = verbs; *verb != NULL; verb++) {
		cr_expect_lt((*verb)->group, VERB_GROUP_COUNT, "%s", (*verb)->name);
		cr_expect_null(strchr((*verb)->summary, '\n'), "%s", (*verb)->name);
		cr_expect_null(strstr((*verb)->summary, "part "), "%s", (*verb)->name);
		cr_expect_leq(strlen((*verb)->summary), 60, "%s", (*verb)->name);
	}
}

Test(verbs, are_suggested_for_what_is_none)
{
	static const struct {
		const char *word;
		const char *advice;
	} rows[] = {
		{"enrol", "did you mean enroll?"},
		{"lsit", "did you mean list?"},
		{"stat", "did you mean status?"},
		{"needs_renewal", "did you mean needs-renewal?"},
		{"frobnicate", "run certpool help"},
		{"-m", "options follow the verb"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fault fault = {0};

		cr_expect_null(find_verb(rows[i].word, &fault));
		cr_expect_eq(fault.class, FAULT_USAGE);
		cr_expect_not_null(strstr(fault.text, rows[i].advice), "%s: %s", rows[i].word,
				   fault.text);
	}
}
