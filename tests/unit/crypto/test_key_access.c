#include "common/crypto/key_access.h"

#include "common/crypto/key_file.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct scratch scratch;
static struct layout *layout;

static void set_up(void)
{
	char path[300];

	make_scratch(&scratch);
	cr_assert_eq(chdir(scratch.path), 0);
	(void)snprintf(path, sizeof(path), "%s/ca", scratch.path);
	OK(make_layout(path, &layout, &fault));
}

static void tear_down(void)
{
	free_layout(&layout);
	remove_scratch(&scratch);
}

static struct key_access make_access(const char *passphrase)
{
	struct key_access access = {.passphrase_source = strdup("ca.passphrase")};

	cr_assert_eq(allocate_secret(strlen(passphrase), &access.passphrase, NULL), 0);
	if (passphrase[0] != '\0')
		memcpy(access.passphrase.data, passphrase, strlen(passphrase));
	return access;
}

TestSuite(key_access, .init = set_up, .fini = tear_down);

Test(key_access, refuses_secrets_that_are_not_one_line)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{"", 0},     {"\n", 1},    {"ab\n\n", 4}, {"ab\r\n", 4},
		{"a\nb", 3}, {"ab\0c", 4}, {"a\x7f", 2},
	};
	char large[1030];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes content = {(const uint8_t *)rows[i].text, rows[i].len};
		struct secret line = {0};

		put_bytes(scratch.dirfd, "pin", content, 0600);
		REFUSED_AS(read_secret_line("pin", &line, &fault), FAULT_MALFORMED,
			   "pin: expected one line of 1 to 1024 octets without "
			   "control characters, found something else",
			   "row %zu", i);
		cr_expect_eq(unlink("pin"), 0);
	}
	memset(large, 'x', sizeof(large));
	for (size_t len = 1025; len < sizeof(large); len += 3) {
		struct secret line = {0};

		put_bytes(scratch.dirfd, "pin", (struct bytes){(const uint8_t *)large, len}, 0600);
		REFUSED(read_secret_line("pin", &line, &fault), ANY_CLASS, NULL, "%zu octets", len);
		cr_expect_eq(unlink("pin"), 0);
	}
}

/* catalogue 38 */
Test(key_access, refuses_secrets_that_others_can_read)
{
	struct secret line = {0};

	put_file(scratch.dirfd, "pin", "4711\n", 0640);
	REFUSED(read_secret_line("pin", &line, &fault), FAULT_REFUSED, "chmod");
	NOT_SAID("4711");
}

Test(key_access, reads_a_secret_with_or_without_a_line_end)
{
	static const char *const rows[] = {"4711", "4711\n"};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_secret) struct secret line = {0};
		CLEANUP(clear_secret) struct secret piped = {0};
		int ends[2];

		put_file(scratch.dirfd, "pin", rows[i], 0600);
		OK(read_secret_line("pin", &line, &fault));
		cr_expect_str_eq((char *)line.data, "4711");
		cr_assert_eq(unlink("pin"), 0);
		cr_assert_eq(pipe(ends), 0);
		cr_assert_eq(write(ends[1], rows[i], strlen(rows[i])), (ssize_t)strlen(rows[i]));
		cr_assert_eq(close(ends[1]), 0);
		OK(read_secret_line_from(ends[0], "descriptor", &piped, &fault));
		cr_expect_eq(piped.len, 4);
		cr_assert_eq(close(ends[0]), 0);
	}
}

Test(key_access, makes_an_encrypted_key_that_opens_with_its_passphrase_alone)
{
	CLEANUP(clear_key_access) struct key_access none = {0};
	CLEANUP(clear_key_access) struct key_access right = make_access("s3cret \xc3\xa9");
	CLEANUP(clear_key_access) struct key_access wrong = make_access("s3cret e");
	const struct {
		const struct key_access *access;
		const char *found;
	} rows[] = {
		{&none, "ca/Private/root.key: the private key is encrypted, and there is no"},
		{&wrong, "with ca.passphrase: the passphrase does not open the private key"},
	};
	CLEANUP(free_private_key) struct private_key *key = NULL;

	OK(make_key_file(layout, "root.key", KEY_ECDSA_P256, &right, &fault));
	cr_expect_eq(mode_of(layout->private, "root.key"), 0600);
	REFUSED(make_key_file(layout, "root.key", KEY_ECDSA_P256, &right, &fault), FAULT_REFUSED,
		NULL);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		REFUSED(open_private_key(layout, "root.key", rows[i].access, &key, &fault),
			FAULT_REFUSED, rows[i].found);
		NOT_SAID("s3cret");
	}
	OK(open_private_key(layout, "root.key", &right, &key, &fault));
}

Test(key_access, refuses_a_passphrase_for_a_plain_key)
{
	CLEANUP(clear_key_access) struct key_access none = {0};
	CLEANUP(clear_key_access) struct key_access given = make_access("s3cret");
	CLEANUP(free_private_key) struct private_key *key = NULL;

	OK(make_key_file(layout, "root.key", KEY_ED25519, &none, &fault));
	REFUSED(open_private_key(layout, "root.key", &given, &key, &fault), FAULT_REFUSED,
		"there is a passphrase (ca.passphrase), and the "
		"private key is not encrypted");
	OK(open_private_key(layout, "root.key", &none, &key, &fault));
}
