#include "common/ca/shared/front_ends.h"

#include "common/base/clock.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/driver.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Two front ends on one record. */
static struct scratch_store scratch;
static struct store *stores[2];

static void set_up(void)
{
	make_scratch_store(&scratch);
	run_foreign_sql(scratch.path,
			"INSERT INTO front_end (id, name, added_at) VALUES (2, 'ca2', 7);"
			"INSERT INTO audit_chain (front_end) VALUES (2)");
	for (int i = 0; i < 2; i++) {
		stores[i] = open_scratch_store(&scratch);
		set_store_front_end(stores[i], i + 1);
	}
}

static void tear_down(void)
{
	free_store(&stores[0]);
	free_store(&stores[1]);
	remove_scratch_store(&scratch);
}

TestSuite(front_ends, .init = set_up, .fini = tear_down);

static int64_t count_checkpoints(void)
{
	struct audit_verdict verdict;

	OK(verify_audit(stores[0], &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	return verdict.checkpoints;
}

Test(front_ends, are_found_by_name)
{
	struct front_end found;

	OK(find_front_end(stores[0], "ca2", &found, &fault));
	cr_expect_eq(found.number, 2);
	cr_expect_eq(found.heartbeat_s, 0);
	REFUSED(find_front_end(stores[0], "ca3", &found, &fault), FAULT_NOT_FOUND,
		"the CA's record has no front end \"ca3\"");
}

Test(front_ends, note_when_they_served_by_the_clock_of_the_database)
{
	struct front_end found;

	OK(note_heartbeat(stores[1], &fault));
	OK(find_front_end(stores[0], "ca2", &found, &fault));
	cr_expect_geq(found.heartbeat_s, read_clock() - 10);
	OK(find_front_end(stores[0], "ca1", &found, &fault));
	cr_expect_eq(found.heartbeat_s, 0);
}

Test(front_ends, write_one_checkpoint_a_minute_whoever_it_is)
{
	const struct event event = {.kind = EVENT_STARTED, .time_s = 1000, .by = "ca"};

	OK(write_checkpoint(stores[0], 1000, &fault));
	OK(record_event(stores[1], &event, &fault));
	OK(write_checkpoint(stores[1], 1000, &fault));
	cr_expect_eq(count_checkpoints(), 1);
	run_foreign_sql(scratch.path, "UPDATE lease SET ends_at = ends_at - 1000");
	OK(write_checkpoint(stores[1], 1000, &fault));
	cr_expect_eq(count_checkpoints(), 2);
}

/* By the first, which has a key of the store. */
static void remove_second(void)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	char path[300];
	size_t left;

	(void)snprintf(path, sizeof(path), "%s/ca", scratch.folder.path);
	OK(make_layout(path, &layout, &fault));
	stores[0]->shared = true;
	OK(take_client_keys(stores[0], layout, &fault));
	OK(remove_front_end(stores[0], layout, "ca2", 1001, &left, &fault));
}

Test(front_ends, change_nothing_any_more_once_they_were_removed)
{
	const struct event event = {.kind = EVENT_STARTED, .time_s = 1000, .by = "ca"};

	OK(record_event(stores[1], &event, &fault));
	remove_second();
	REFUSED(record_event(stores[1], &event, &fault), FAULT_REFUSED,
		"this front end was removed from the record");
	REFUSED(check_store(stores[1], &fault), FAULT_REFUSED, "was removed from the record");
	OK(record_event(stores[0], &event, &fault));
}

Test(front_ends, learn_by_their_heartbeat_that_they_were_removed)
{
	remove_second();
	OK(check_store(stores[1], &fault));
	REFUSED(note_heartbeat(stores[1], &fault), FAULT_REFUSED,
		"the front end ca2 was removed from this record");
	REFUSED(check_store(stores[1], &fault), FAULT_REFUSED, "was removed from the record");
}
