#include "common/ca/check/checks.h"

#include "common/crypto/key_file.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* catalogue 35 */
Test(check_files, names_files_that_others_can_use)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *part;
	} rows[] = {
		{"Private/root.key", 0640, "Private/root.key: expected mode 0600, found 0640: run"},
		{"Private", 0711, "Private: expected mode 0700, found 0711: run chmod 700"},
		{"state/ca.db", 0604, "state/ca.db: expected mode 0600, found 0604: run chmod 600"},
		{"cert/root.crt", 0664, "cert/root.crt: expected mode 0644, found 0664: run chmod"},
		{"cert", 0777, "cert: expected mode 0755, found 0777: run chmod 755"},
		{"", 0775, "expected mode 0755, found 0775: run chmod 755"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ca_fixture fixture;
		struct findings findings;
		char path[400];

		make_checked_ca(&fixture);
		(void)snprintf(path, sizeof(path), "%s/%s", fixture.ca_path, rows[i].name);
		cr_assert_eq(chmod(path, rows[i].mode), 0);
		findings = check_at(&fixture, NOW_S);
		cr_expect(has_finding(&findings, rows[i].part), "row %zu: %s", i,
			  findings.lines[0]);
		remove_ca(&fixture);
	}
}

/* Spoils a checked CA, and expects a finding with that part. */
static void expect_file_found(void (*spoil)(const struct ca_fixture *), const char *part)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	spoil(&fixture);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, part), "expected \"%s\" in \"%s\"", part,
		  findings.lines[0]);
	remove_ca(&fixture);
}

static void link_key(const struct ca_fixture *fixture)
{
	cr_assert_eq(
		linkat(fixture->layout->private, "root.key", fixture->layout->private, "copy", 0),
		0);
}

static void add_pipe(const struct ca_fixture *fixture)
{
	cr_assert_eq(mkfifoat(fixture->layout->state, "pipe", 0600), 0);
}

static void damage_key(const struct ca_fixture *fixture)
{
	put_file(fixture->layout->private, "shared_client1.jwk", "{}", 0600);
}

static void copy_key(const struct ca_fixture *fixture)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	OK(read_shared_key(fixture->layout, "client1", &key, &fault));
	OK(write_shared_key(fixture->layout, "stranger", &key, &fault));
}

static void add_stranger(const struct ca_fixture *fixture)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(fixture->layout, "stranger", &key, &fault));
}

static void remove_key(const struct ca_fixture *fixture)
{
	cr_assert_eq(unlinkat(fixture->layout->private, "shared_client1.jwk", 0), 0);
}

Test(check_files, names_what_is_no_plain_file_of_its_own)
{
	expect_file_found(link_key, "root.key: expected one link, found 2: remove the other name");
	expect_file_found(add_pipe, "state/pipe: expected a regular file, found something else");
}

/* catalogue 117 */
Test(check_files, looks_at_every_shared_key)
{
	expect_file_found(damage_key, "Private/shared_client1.jwk: ");
	expect_file_found(copy_key, "the same key is shared with ");
	expect_file_found(add_stranger,
			  "a key shared with stranger, which is no client of this CA");
	expect_file_found(remove_key, "client1: warning: the client has no shared key");
}
