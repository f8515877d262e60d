#include "common/ca/backup/restore_target.h"

#include "common/ca/backup/archive.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct scratch scratch;
static struct layout *layout;

static void set_up(void)
{
	char path[300];

	make_scratch(&scratch);
	(void)snprintf(path, sizeof(path), "%s/ca", scratch.path);
	OK(make_layout(path, &layout, &fault));
}

static void tear_down(void)
{
	free_layout(&layout);
	remove_scratch(&scratch);
}

TestSuite(restore_target, .init = set_up, .fini = tear_down);

/* catalogue 40 */
Test(restore_target, is_a_layout_without_a_record)
{
	OK(check_no_ca(layout, &fault));
	put_file(layout->state, "ca.db-wal", "", 0600);
	REFUSED(check_no_ca(layout, &fault), FAULT_REFUSED,
		"/ca/state/ca.db-wal: there is the log of a record");
	put_file(layout->state, "ca.db", "", 0600);
	REFUSED(check_no_ca(layout, &fault), FAULT_REFUSED, "/ca/state/ca.db: there is a CA");
}

/* catalogue 76 */
Test(restore_target, loses_what_a_killed_restore_left_and_nothing_else)
{
	put_file(layout->state, ".ca.db.new", "", 0600);
	put_file(layout->state, ".ca.db.new-wal", "", 0600);
	put_file(layout->state, ".ca.db.new-shm", "", 0600);
	put_file(layout->state, ".ca.db.new-journal", "", 0600);
	put_file(layout->state, "signed.log", "x", 0600);
	put_file(layout->cert, ".root.crt.new", "", 0644);
	put_file(layout->private, ".root.key.new", "", 0600);
	put_file(layout->private, "shared_client1.jwk", "x", 0600);
	OK(sweep_target(layout, &fault));
	cr_expect_eq(count_entries(layout->state), 1);
	cr_expect(file_holds(layout->state, "signed.log", "x"));
	cr_expect_eq(count_entries(layout->cert), 0);
	cr_expect_eq(count_entries(layout->private), 1);
	OK(sweep_target(layout, &fault));
}

static void expect_note_refused(const char *note, const char *part)
{
	int64_t made_s = 7;

	REFUSED(parse_backup_note(bytes_of_string(note), &made_s, &fault), FAULT_MALFORMED, part);
	cr_expect_eq(made_s, 7);
}

Test(restore_target, refuses_a_note_of_something_else)
{
	static const char expected[] =
		"BACKUP: expected \"certpool backup, version 1\" and when it was made";

	expect_note_refused("", expected);
	expect_note_refused(NOTE_HEAD, expected);
	expect_note_refused(NOTE_HEAD NOTE_TIME "2026-09-21", expected);
	expect_note_refused("certpool backup, version 2\n" NOTE_TIME "2026-09-21T13:33:20Z\n",
			    expected);
	expect_note_refused(NOTE_HEAD "time: 2026-09-21T13:33:20Z\n", expected);
	expect_note_refused(NOTE_HEAD NOTE_TIME "2026-09-21T25:33:20Z\n",
			    "BACKUP: \"2026-09-21T25:");
}

Test(restore_target, reads_when_the_backup_was_made)
{
	int64_t made_s = 0;

	OK(parse_backup_note(bytes_of_string(NOTE_HEAD NOTE_TIME "2026-09-21T13:33:20Z\nMore.\n"),
			     &made_s, &fault));
	cr_expect_eq(made_s, INT64_C(1789997600));
}
