#include "common/ca/backup/key_files.h"

#include "common/base/tar.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char shared_jwk[] = "{\"kty\":\"oct\",\"alg\":\"A256KW\",\"kid\":\"abc\",\"key_ops\":["
				 "\"wrapKey\",\"unwrapKey\"],"
				 "\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}";

/* An archive with one file. */
static struct buffer make_archive(const char *name, const char *content)
{
	struct tar_entry entry = {.mode = 0600, .size = strlen(content)};
	struct buffer archive = {0};
	uint8_t *block = extend_buffer(&archive, TAR_BLOCK_LEN);
	size_t padding = tar_padding(entry.size) + TAR_END_LEN;

	cr_assert_not_null(block);
	(void)snprintf(entry.name, sizeof(entry.name), "%s", name);
	format_tar_header(&entry, block);
	append_string(&archive, content);
	memset(extend_buffer(&archive, padding), 0, padding);
	cr_assert_not(archive.failed);
	return archive;
}

static void expect_refused(struct bytes archive, const char *part)
{
	struct archived_key key = {0};
	bool found = false;

	REFUSED(take_archived_key(&archive, &key, &found, &fault), FAULT_MALFORMED, part);
	cr_expect_null(key.content.data);
}

/* catalogue 32 */
Test(key_files, refuses_files_of_other_names)
{
	static const struct {
		const char *name;
		const char *part;
	} rows[] = {
		{"root.key", "expected a file in Private/"},
		{"../Private/root.key", "expected a file in Private/"},
		{"/Private/root.key", "expected a file in Private/"},
		{"Private/", "a file of another name"},
		{"Private/../../etc/passwd", "a file of another name"},
		{"Private/x/root.key", "a file of another name"},
		{"Private/.root.key.new", "a file of another name"},
		{"Private/root.key.jwk", "a file of another name"},
		{"Private/shared_.jwk", "a file of another name"},
		{"Private/shared_-a.jwk", "a file of another name"},
		{"Private/shared_a/b.jwk", "a file of another name"},
		{"Private/shared_a.jwk.new", "a file of another name"},
		{"Private/private_key1.key", "a file of another name"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer)
		struct buffer archive = make_archive(rows[i].name, shared_jwk);

		expect_refused(bytes_of_buffer(&archive), rows[i].part);
	}
}

Test(key_files, refuses_a_file_that_holds_no_key)
{
	static const char *const names[] = {"Private/root.key", "Private/ca.key",
					    "Private/shared_client1.jwk", "Private/store.jwk",
					    "Private/front_end.key"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		CLEANUP(clear_buffer) struct buffer archive = make_archive(names[i], "{}");

		expect_refused(bytes_of_buffer(&archive), names[i]);
	}
}

Test(key_files, refuses_an_archive_that_is_cut_off)
{
	CLEANUP(clear_buffer)
	struct buffer archive = make_archive("Private/shared_client1.jwk", shared_jwk);

	for (size_t len = 0; len < archive.len - TAR_END_LEN; len += 64)
		expect_refused((struct bytes){archive.data, len}, "");
	expect_refused((struct bytes){archive.data, 0}, "cut off");
}

Test(key_files, refuses_a_size_beyond_the_end)
{
	CLEANUP(clear_buffer)
	struct buffer archive = make_archive("Private/shared_client1.jwk", shared_jwk);
	struct tar_entry entry = {.name = "Private/root.key", .mode = 0600};
	static const uint64_t sizes[] = {8192, 16385, UINT64_C(1) << 40, INT64_MAX};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		entry.size = sizes[i];
		format_tar_header(&entry, archive.data);
		expect_refused(bytes_of_buffer(&archive), "expected at most");
	}
}

enum { KEYS_MOST = 4 };

/* All keys of an archive, in their order. Returns how many there are. */
static size_t take_all(const struct secret *archive, struct archived_key ret_keys[KEYS_MOST])
{
	struct bytes rest = bytes_of_secret(archive);
	size_t count = 0;
	bool found = true;

	while (found) {
		cr_assert_lt(count, KEYS_MOST);
		OK(take_archived_key(&rest, &ret_keys[count], &found, &fault));
		count += found ? 1 : 0;
	}
	return count;
}

Test(key_files, has_the_keys_of_a_layout_as_they_are)
{
	CLEANUP(clear_secret) struct secret archive = {0};
	struct archived_key keys[KEYS_MOST] = {0};
	struct ca_fixture fixture;
	size_t count = 0;

	make_ca(&fixture, NOW_S);
	put_file(fixture.layout->private, "shared_client1.jwk", shared_jwk, 0600);
	put_file(fixture.layout->private, "shared_client2.jwk", shared_jwk, 0600);
	put_file(fixture.layout->private, "something_else", "x", 0600);
	OK(format_key_archive(fixture.layout, false, NOW_S, &archive, &count, &fault));
	cr_expect_eq(count, 3);
	cr_assert_eq(take_all(&archive, keys), 3);
	cr_expect_str_eq(keys[0].name, "root.key");
	for (size_t i = 1; i < 3; i++)
		cr_expect(equal_bytes(keys[i].content, bytes_of_string(shared_jwk)));
	remove_ca(&fixture);
}

Test(key_files, has_the_keys_of_a_front_end_for_a_shared_record)
{
	static const char half[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	CLEANUP(clear_secret) struct secret archive = {0};
	struct archived_key keys[KEYS_MOST] = {0};
	struct ca_fixture fixture;
	size_t count = 0;
	size_t halves = 0;

	make_ca(&fixture, NOW_S);
	put_file(fixture.layout->private, "store.jwk", shared_jwk, 0600);
	put_file(fixture.layout->private, "front_end.key", half, 0600);
	OK(format_key_archive(fixture.layout, false, NOW_S, &archive, &count, &fault));
	cr_expect_eq(count, 1);
	clear_secret(&archive);
	OK(format_key_archive(fixture.layout, true, NOW_S, &archive, &count, &fault));
	cr_expect_eq(count, 3);
	cr_assert_eq(take_all(&archive, keys), 3);
	for (size_t i = 0; i < 3; i++)
		halves += strcmp(keys[i].name, "front_end.key") == 0 &&
					  equal_bytes(keys[i].content, bytes_of_string(half))
				  ? 1
				  : 0;
	cr_expect_eq(halves, 1);
	remove_ca(&fixture);
}

/* catalogue 100 */
Test(key_files, refuses_a_key_that_others_can_read)
{
	CLEANUP(clear_secret) struct secret archive = {0};
	struct ca_fixture fixture;
	size_t count = 0;

	make_ca(&fixture, NOW_S);
	put_file(fixture.layout->private, "shared_client1.jwk", shared_jwk, 0644);
	REFUSED(format_key_archive(fixture.layout, false, NOW_S, &archive, &count, &fault),
		FAULT_REFUSED, "shared_client1.jwk: expected mode 0600, found 0644");
	remove_ca(&fixture);
}
