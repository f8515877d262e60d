#ifndef CERTPOOL_TESTS_UNIT_X509_PROFILE_RULES_H
#define CERTPOOL_TESTS_UNIT_X509_PROFILE_RULES_H

/*
 * The rules of docs/profile.md, whose numbers a test names: so that the document has no rule
 * without a test, and a test none that is not in the document.
 */

/* Begins with the rules under that heading; they join those of earlier calls. */
void begin_rules(const char *heading);

/* Expects a rule of this number, which begins with these words. It is shown now. */
void show_rule(int number, const char *words);

/* Expects that each rule was shown. */
void expect_all_rules_shown(void);

#endif
