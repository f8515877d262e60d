#include "common/ca/store/barred.h"

#include "common/ca/store/clients.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ca_fixture fixture;
static struct store *store;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	store = authority_store(fixture.authority);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(barred, .init = set_up, .fini = tear_down);

static void bar(const char *name, bool disabled)
{
	bool changed;

	OK(set_client_disabled(store, name, disabled, NOW_S, &changed, &fault));
	OK(write_barred(store, fixture.layout, &fault));
}

/* catalogue 105 */
Test(barred, refuses_lines_that_are_no_names)
{
	static const char *const rows[] = {"client1\n../client2\n", "\nclient1\n", "client 1\n",
					   "client1\r\n"};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer names = {0};

		put_file(fixture.layout->state, BARRED_FILE, rows[i], 0600);
		REFUSED(read_barred(fixture.layout, &names, &fault), FAULT_MALFORMED,
			"ca/state/barred: expected the names of clients", "row %zu", i);
		cr_expect_null(names.data);
		cr_assert_eq(unlinkat(fixture.layout->state, BARRED_FILE, 0), 0);
	}
}

/* catalogue 121: a file that cannot be read is no file without names */
Test(barred, takes_no_error_for_absence)
{
	struct buffer names = {0};

	cr_assert_eq(mkdirat(fixture.layout->state, BARRED_FILE, 0700), 0);
	REFUSED(read_barred(fixture.layout, &names, &fault), FAULT_REFUSED, "ca/state: barred");
	REFUSED(write_barred(store, fixture.layout, &fault), FAULT_REFUSED, "ca/state: barred");
}

Test(barred, names_nobody_where_there_is_no_file)
{
	CLEANUP(clear_buffer) struct buffer names = {0};

	OK(read_barred(fixture.layout, &names, &fault));
	cr_expect_eq(names.len, 0);
}

/* catalogue 105: who is barred, in order, as long as he is */
Test(barred, is_used_like_this)
{
	CLEANUP(clear_buffer) struct buffer names = {0};

	bar("few", true);
	bar("client2", true);
	OK(read_barred(fixture.layout, &names, &fault));
	cr_assert_eq(names.len, 2 * NAME_SIZE);
	cr_expect_str_eq((const char *)names.data, "client2");
	cr_expect_str_eq((const char *)names.data + NAME_SIZE, "few");
	cr_expect_eq(mode_of(fixture.layout->state, BARRED_FILE), 0600);
	clear_buffer(&names);

	bar("few", false);
	OK(read_barred(fixture.layout, &names, &fault));
	cr_expect_eq(names.len, NAME_SIZE);
}

Test(barred, is_not_written_when_it_says_so_already)
{
	struct stat before;
	struct stat after;

	bar("client2", true);
	cr_assert_eq(fstatat(fixture.layout->state, BARRED_FILE, &before, 0), 0);
	OK(write_barred(store, fixture.layout, &fault));
	cr_assert_eq(fstatat(fixture.layout->state, BARRED_FILE, &after, 0), 0);
	cr_expect_eq(before.st_ino, after.st_ino);
}
