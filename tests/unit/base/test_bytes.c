#include "common/base/bytes.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* catalogue 30: sizes near SIZE_MAX are refused, and do not wrap */
Test(bytes, refuses_sizes_that_no_memory_has)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4 + 1};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct buffer buffer = {0};

		append_string(&buffer, "x");
		cr_expect_null(extend_buffer(&buffer, sizes[i]));
		cr_expect_eq(buffer.len, 1);
		REFUSED_AS(check_buffer(&buffer, &fault), FAULT_FAILED, "out of memory");
		clear_buffer(&buffer);
	}
}

Test(bytes, refuses_a_secret_that_no_memory_has)
{
	struct secret secret = {0};

	REFUSED_AS(allocate_secret(SIZE_MAX, &secret, &fault), FAULT_FAILED, "out of memory");
	cr_expect_null(secret.data);
}

Test(bytes, remembers_a_failure_until_it_is_asked)
{
	struct buffer buffer = {0};

	append_string(&buffer, "before");
	(void)extend_buffer(&buffer, SIZE_MAX);
	append_string(&buffer, "after");
	append_format(&buffer, "%d", 1);
	cr_expect_eq(buffer.len, 6);
	cr_expect_eq(check_buffer(&buffer, NULL), -1);
	clear_buffer(&buffer);
	cr_expect(!buffer.failed);
	append_string(&buffer, "again");
	cr_expect_eq(check_buffer(&buffer, NULL), 0);
	clear_buffer(&buffer);
}

Test(bytes, are_equal_by_length_and_content)
{
	static const struct {
		const char *a;
		const char *b;
		bool equal;
	} rows[] = {
		{"", "", true},     {"a", "a", true},      {"a", "b", false},     {"a", "", false},
		{"a", "ab", false}, {"abc", "abd", false}, {"abc", "bbc", false},
	};
	struct bytes nothing = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes a = bytes_of_string(rows[i].a);
		struct bytes b = bytes_of_string(rows[i].b);

		cr_expect_eq(equal_bytes(a, b), rows[i].equal, "%s %s", rows[i].a, rows[i].b);
		cr_expect_eq(equal_secrets(a, b), rows[i].equal, "%s %s", rows[i].a, rows[i].b);
	}
	cr_expect(equal_bytes(nothing, bytes_of_string("")));
	cr_expect(equal_secrets(nothing, nothing));
}

Test(bytes, grow_and_stay_terminated)
{
	struct buffer buffer = {0};

	append_bytes(&buffer, (struct bytes){0});
	cr_assert_not_null(buffer.data);
	cr_expect_str_eq((const char *)buffer.data, "");
	for (size_t i = 0; i < 10000; i++) {
		append_format(&buffer, "%04zu", i % 10000);
		cr_assert_eq(buffer.data[buffer.len], '\0');
	}
	cr_expect_eq(buffer.len, 40000);
	cr_expect_eq(memcmp(buffer.data + 4 * 4711, "4711", 4), 0);
	clear_buffer(&buffer);
	cr_expect_null(buffer.data);
	cr_expect_eq(buffer.size, 0);
}

Test(bytes, of_a_taken_buffer_belong_to_the_taker)
{
	struct buffer buffer = {0};
	struct buffer taken;

	append_string(&buffer, "content");
	taken = take_buffer(&buffer);
	cr_expect_null(buffer.data);
	cr_expect_eq(buffer.len, 0);
	cr_expect(equal_bytes(bytes_of_buffer(&taken), bytes_of_string("content")));
	clear_buffer(&taken);
}

Test(bytes, of_a_secret_are_zero_and_terminated)
{
	struct secret secret = {0};
	struct secret taken;

	cr_assert_eq(allocate_secret(32, &secret, NULL), 0);
	for (size_t i = 0; i <= 32; i++)
		cr_expect_eq(secret.data[i], 0);
	taken = take_secret(&secret);
	cr_expect_null(secret.data);
	cr_expect_eq(taken.len, 32);
	clear_secret(&taken);
	cr_expect_null(taken.data);
	clear_secret(&taken);
}

Test(bytes, are_wiped)
{
	char text[] = "secret";
	static const char zeros[sizeof(text)] = {0};

	wipe(text, sizeof(text));
	cr_expect_arr_eq(text, zeros, sizeof(text));
	wipe(NULL, 0);
	wipe(NULL, 5);
}

Test(bytes, of_a_string_can_be_freed_twice)
{
	char *text = strdup("x");

	free_string(&text);
	cr_expect_null(text);
	free_string(&text);
	cr_expect_null(text);
}

Test(bytes, are_cut_into_lines)
{
	static const char *const lines[] = {"a", "", "b\rc", "last"};
	struct bytes text = bytes_of_string("a\n\r\nb\rc\r\nlast");

	for (size_t i = 0; i < COUNT_OF(lines); i++)
		cr_expect(equal_bytes(cut_line(&text), bytes_of_string(lines[i])), "%zu", i);
	cr_expect_eq(text.len, 0);
	cr_expect_eq(cut_line(&text).len, 0);
}
