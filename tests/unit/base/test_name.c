#include "common/base/cleanup.h"
#include "common/base/name.h"

#include <criterion/criterion.h>
#include <string.h>

/* catalogue 32 */
Test(name, refuses_whatever_could_be_something_else)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		"../../x",
		"/etc/x",
		"a/b",
		"a\\b",
		"-",
		"-a",
		"--help",
		"a b",
		" a",
		"a ",
		"a\n",
		"a\tb",
		"a.b",
		"a:b",
		"a;b",
		"a'b",
		"a\"b",
		"a%00b",
		"a*",
		"~",
		"$HOME",
		"a@b",
		"c\xc3\xa9",
		"\xd1\x81lient1",
		"client\xef\xbc\x91",
		"a\xe2\x80\x8b",
		"\x7f",
		"a2345678901234567890123456789012345678901234567890123456789012345",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		cr_expect(!valid_name(bad[i]), "accepted %s", bad[i]);
}

/* catalogue 32 */
Test(name, refuses_300_characters)
{
	char name[301];

	memset(name, 'a', 300);
	name[300] = '\0';
	cr_expect(!valid_name(name));
	name[64] = '\0';
	cr_expect(valid_name(name));
}

Test(name, is_letters_digits_low_line_and_hyphen)
{
	static const char *const good[] = {
		"a",
		"Z",
		"0",
		"_",
		"a-",
		"client1",
		"CON",
		"key-7_x",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
	};

	for (size_t i = 0; i < COUNT_OF(good); i++)
		cr_expect(valid_name(good[i]), "refused %s", good[i]);
	cr_expect(valid_name(CA_NAME));
}

static const char *find_meant(const char *word, const char *const *names, size_t count)
{
	struct nearest_name search = {.word = word};

	for (size_t i = 0; i < count; i++)
		compare_name(&search, names[i]);
	return search.nearest != NULL ? search.nearest : "";
}

Test(name, is_found_for_a_word_with_slips_of_the_fingers)
{
	static const char *const names[] = {"enroll", "renew",   "revoke",  "receive",
					    "list",   "client1", "client2", "passphrase-file"};
	static const struct {
		const char *word;
		const char *meant;
	} rows[] = {
		{"enrol", "enroll"},
		{"enrolll", "enroll"},
		{"enorll", "enroll"},
		{"clinet1", "client1"},
		{"clent2", "client2"},
		{"passphrasefile", "passphrase-file"},
		{"recieve", "receive"},
		{"pass", "passphrase-file"},
		{"client3", ""},
		{"client12", ""},
		{"", ""},
		{"l", ""},
		{"ls", ""},
		{"frobnicate", ""},
		{"xyz", ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_str_eq(find_meant(rows[i].word, names, COUNT_OF(names)), rows[i].meant,
				 "%s", rows[i].word);
}

Test(name, of_any_length_is_compared)
{
	char word[300];
	const char *names[] = {word, "short"};

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	cr_expect_str_eq(find_meant(word, names, COUNT_OF(names)), "");
	word[64] = '\0';
	cr_expect_str_eq(find_meant(word, names, COUNT_OF(names)), word);
}
