/* What holds for the tables of all verbs, also of those to come. */
#include "tools/options.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
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

/* A variable counts for every verb that has the option. */
static void check_type(const struct verb *verb, const struct option *option)
{
	for (const struct verb *const *other = verbs; *other != verb; other++)
		for (const struct option *same = (*other)->options;
		     same != NULL && same->name != NULL; same++)
			cr_expect(strcmp(same->name, option->name) != 0 ||
					  same->set == option->set || !has_variable(*other, same) ||
					  !has_variable(verb, option),
				  "--%s of certpool %s and of %s share a variable, and differ in "
				  "type: rename one",
				  option->name, (*other)->name, verb->name);
}

Test(verbs, give_options_that_share_a_variable_one_type)
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
