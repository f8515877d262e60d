#include "common/ca/store/sqlite/database.h"
#include "common/ca/store/subject_pattern.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

/* SQLite's answer. */
static bool matches_glob(sqlite3_stmt *statement, const char *pattern, const char *text)
{
	bool matches;

	cr_assert_eq(sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC), SQLITE_OK);
	cr_assert_eq(sqlite3_bind_text(statement, 2, pattern, -1, SQLITE_STATIC), SQLITE_OK);
	cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
	matches = sqlite3_column_int(statement, 0) != 0;
	reset_statement(statement);
	return matches;
}

/* Writes the number in the base of `count` pieces, each digit as its piece. */
static void compose(uint32_t number, const char *const *pieces, uint32_t count,
		    char ret_text[static 64])
{
	size_t len = 0;

	for (; number > 0; number /= count)
		for (const char *c = pieces[number % count]; *c != '\0'; c++)
			ret_text[len++] = *c;
	ret_text[len] = '\0';
}

/* All short patterns of these pieces against all short texts. */
Test(glob, matches_whatever_the_pattern_of_a_subject_matches)
{
	static const char *const pattern_pieces[] = {"",  "a", "c", "-", "[",
						     "]", "^", "*", "?", "\xc3\xa9"};
	static const char *const text_pieces[] = {"", "a", "b", "-", "]", "[", "\xc3\xa9"};
	static const char sql[] = "SELECT ?1 GLOB ?2";
	CLEANUP(close_database) struct database database = {0};
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	size_t matches = 0;

	OK(open_database(":memory:", &database, &fault));
	OK(prepare_statement(&database, sql, &statement, &fault));
	for (uint32_t i = 0; i < 100000; i += 7) {
		char pattern[64];

		compose(i, pattern_pieces, COUNT_OF(pattern_pieces), pattern);
		for (uint32_t j = 0; j < 7 * 7 * 7; j++) {
			char text[64];
			bool expected;

			compose(j, text_pieces, COUNT_OF(text_pieces), text);
			expected = matches_glob(statement, pattern, text);
			matches += expected;
			cr_assert_eq(matches_pattern(pattern, text), expected,
				     "\"%s\" and \"%s\": SQLite says %d", pattern, text, expected);
		}
	}
	cr_expect_gt(matches, 10000);
}
