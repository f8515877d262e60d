#include "common/pool/members/known_revocations.h"

#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST "0000000000000000000000000000000000000001"
#define SECOND "0000000000000000000000000000000000000002"

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(known_revocations, .init = set_up, .fini = tear_down);

static void write_text(const char *text)
{
	int file =
		openat(fixture.layouts[0]->state, REVOKED_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
	close(file);
}

static int add(enum known_mode mode, uint8_t last_octet, int64_t end_s, struct fault *fault)
{
	struct known_revocation item = {.end_s = end_s, .revoked_at_s = 50, .reason = 1};
	const struct known_revocations news = {&item, 1};

	item.serial[SERIAL_MAX - 1] = last_octet;
	return add_known_revocations(fixture.layouts[0], "client1", mode, &news, 100, fault);
}

static size_t known(void)
{
	struct known_revocations revocations = {0};
	size_t count;

	OK(read_known_revocations(fixture.layouts[0], "client1", &revocations, &fault));
	count = revocations.count;
	clear_known_revocations(&revocations);
	return count;
}

/* catalogue 76 */
Test(known_revocations, refuses_a_file_of_another_form_and_names_the_verb_that_helps)
{
	static const char *const rows[] = {
		"x",
		"\n",
		FIRST " 200 50 1",
		FIRST " 200 50\n",
		FIRST " 200 50 11\n",
		FIRST " 200 50 1 \n",
		FIRST " 0200 50 1\n",
		FIRST " -1 50 1\n",
		FIRST "  200 50 1\n",
		"0" FIRST " 200 50 1\n",
		SECOND " 200 50 1\n" FIRST " 200 50 1\n",
		FIRST " 200 50 1\n" FIRST " 200 50 1\n",
		FIRST " 200 50 1\n" SECOND " 200",
		FIRST " 9999999999999 50 1\n",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct known_revocations revocations = {0};

		write_text(rows[i]);
		REFUSED(read_known_revocations(fixture.layouts[0], "client1", &revocations, &fault),
			FAULT_MALFORMED, "run certpool keep client1", "row %zu", i);
		REFUSED(add(KNOWN_ADD, 1, 200, &fault), FAULT_MALFORMED, "certpool keep client1");
		cr_expect_null(revocations.items);
	}
	OK(add(KNOWN_LEARN, 1, 200, &fault));
	cr_expect_eq(known(), 1);
}

/* As a CRL may say, whose UTCTime begins in 1950: the file would not be read again. */
Test(known_revocations, keeps_a_revocation_before_1970_as_one_in_1970)
{
	struct known_revocation item = {.end_s = 200, .revoked_at_s = -1, .reason = 1};
	const struct known_revocations news = {&item, 1};
	struct known_revocations revocations = {0};

	OK(add_known_revocations(fixture.layouts[0], "client1", KNOWN_LEARN, &news, 100, &fault));
	OK(read_known_revocations(fixture.layouts[0], "client1", &revocations, &fault));
	cr_assert_eq(revocations.count, 1);
	cr_expect_eq(revocations.items[0].revoked_at_s, 0);
	clear_known_revocations(&revocations);
}

Test(known_revocations, is_empty_without_a_file)
{
	cr_expect_eq(known(), 0);
}

Test(known_revocations, keeps_each_serial_until_its_certificate_ends)
{
	struct known_revocations revocations = {0};
	const uint8_t second[SERIAL_MAX] = {[SERIAL_MAX - 1] = 2};
	struct stat status;

	OK(add(KNOWN_ADD, 2, 200, &fault));
	OK(add(KNOWN_ADD, 1, 300, &fault));
	OK(add(KNOWN_ADD, 2, 200, &fault));
	OK(add(KNOWN_LEARN, 3, 99, &fault));
	cr_assert_eq(fstatat(fixture.layouts[0]->state, REVOKED_FILE, &status, 0), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	OK(read_known_revocations(fixture.layouts[0], "client1", &revocations, &fault));
	cr_assert_eq(revocations.count, 2);
	cr_expect_eq(find_known_revocation(&revocations, (struct bytes){second, SERIAL_MAX}),
		     &revocations.items[1]);
	cr_expect_null(find_known_revocation(&revocations, (struct bytes){second, 1}));
	clear_known_revocations(&revocations);
}
