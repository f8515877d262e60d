#include "tests/unit/x509/profile_rules.h"

#include "common/base/file.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 64, DOCUMENT_MAX = 65536 };

/* Of one test's process; the texts stay reachable until it ends. */
static struct buffer documents[4];
static size_t document_count;
static struct rule {
	int number;
	const char *text; /* from the first word of the rule on */
	bool shown;
} rules[RULES_MAX];
static size_t rule_count;

/* A row of a table: "| 7 | keyUsage, critical | …". Other lines have no number. */
static void add_rule(const char *line)
{
	char *end = NULL;
	long number = strncmp(line, "| ", 2) == 0 ? strtol(line + 2, &end, 10) : 0;

	if (number == 0)
		return;
	cr_assert(rule_count < RULES_MAX && strncmp(end, " | ", 3) == 0, "%.80s", line);
	rules[rule_count++] = (struct rule){.number = (int)number, .text = end + 3};
}

void begin_rules(const char *heading)
{
	struct buffer *document;
	const char *line;
	size_t before = rule_count;

	cr_assert(document_count < COUNT_OF(documents));
	document = &documents[document_count++];
	OK(read_file(AT_FDCWD, "docs/profile.md", DOCUMENT_MAX, document, &fault));
	line = strstr((const char *)document->data, heading);
	cr_assert_not_null(line, "docs/profile.md has no heading %s", heading);
	while ((line = strchr(line, '\n')) != NULL && strncmp(line, "\n## ", 4) != 0)
		add_rule(++line);
	cr_assert_gt(rule_count, before, "no rules under %s", heading);
}

void show_rule(int number, const char *words)
{
	for (size_t i = 0; i < rule_count; i++) {
		if (rules[i].number != number)
			continue;
		cr_expect_eq(strncmp(rules[i].text, words, strlen(words)), 0,
			     "rule %d: expected in docs/profile.md: %s, found: %.40s", number,
			     words, rules[i].text);
		rules[i].shown = true;
		return;
	}
	cr_expect_fail("docs/profile.md has no rule %d: %s", number, words);
}

void expect_all_rules_shown(void)
{
	for (size_t i = 0; i < rule_count; i++)
		cr_expect(rules[i].shown, "no test shows rule %d of docs/profile.md: %.60s",
			  rules[i].number, rules[i].text);
}
