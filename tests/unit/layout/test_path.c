#include "common/layout/path.h"

#include "common/base/bytes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(path, splits_off_the_directory)
{
	static const struct {
		const char *path;
		const char *directory;
	} rows[] = {
		{"m.yaml", "."},  {"./m.yaml", "."},       {"a/m.yaml", "a"},
		{"/m.yaml", "/"}, {"/a/b/m.yaml", "/a/b"}, {"../m.yaml", ".."},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_string) char *directory = NULL;

		cr_assert_eq(split_directory(rows[i].path, &directory, NULL), 0);
		cr_expect_str_eq(directory, rows[i].directory);
	}
}

Test(path, joins_relative_paths_only)
{
	static const struct {
		const char *directory;
		const char *path;
		const char *joined;
	} rows[] = {
		{".", "ca", "ca"},   {"a/b", "ca", "a/b/ca"}, {"/", "ca", "/ca"},
		{"a", "/ca", "/ca"}, {".", "/ca", "/ca"},     {"a", "../ca", "a/../ca"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_string) char *joined = NULL;

		cr_assert_eq(join_path(rows[i].directory, rows[i].path, &joined, NULL), 0);
		cr_expect_str_eq(joined, rows[i].joined);
	}
}

Test(path, has_one_spelling_for_a_place)
{
	static const struct {
		const char *path;
		const char *normal;
	} rows[] = {
		{"/a/b", "/a/b"},       {"//a///b/", "/a/b"},
		{"/a/./b/.", "/a/b"},   {"/a/x/../b", "/a/b"},
		{"/../../a/b", "/a/b"}, {"/a/...", "/a/..."},
		{"/a/..b", "/a/..b"},   {"/", ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_string) char *normal = NULL;

		cr_assert_eq(normalize_path(rows[i].path, &normal, NULL), 0);
		cr_expect_str_eq(normal, rows[i].normal);
	}
}

Test(path, takes_relative_paths_from_the_current_directory)
{
	CLEANUP(free_string) char *normal = NULL;

	cr_assert_eq(chdir("/usr"), 0);
	(void)unsetenv("PWD");
	cr_assert_eq(normalize_path("lib/../bin", &normal, NULL), 0);
	cr_expect_str_eq(normal, "/usr/bin");
}
