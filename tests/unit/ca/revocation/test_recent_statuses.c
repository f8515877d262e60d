#include "common/ca/revocation/recent_statuses.h"

#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>

enum { FOR_AN_HOUR_US = INT32_MAX, OTHER_ISSUER = FIRST_ISSUER + 1 };

static struct scratch_store scratch;
static struct store *store;
static struct recent_statuses *recent;

/* A record with certificates 1 and 2. */
static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_one(store, "a", 1);
	insert_one(store, "a", 2);
	OK(new_recent_statuses(FOR_AN_HOUR_US, &recent, &fault));
}

static void tear_down(void)
{
	free_recent_statuses(&recent);
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(recent_statuses, .init = set_up, .fini = tear_down);

static struct certificate_status status_of(uint32_t number, unsigned int issuer)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct certificate_status status = {0};

	make_record(&record, "a", number);
	OK(read_recent_status(recent, store, issuer, (struct bytes){record.serial, SERIAL_MAX},
			      &status, &fault));
	return status;
}

static bool is_at_hand(uint32_t number, unsigned int issuer, int64_t *ret_revision)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	make_record(&record, "a", number);
	return has_recent_status(recent, issuer, (struct bytes){record.serial, SERIAL_MAX},
				 ret_revision);
}

static bool is_good(uint32_t number)
{
	struct certificate_status status = status_of(number, FIRST_ISSUER);

	return status.found && !status.revoked;
}

static void revoke(uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])record.serial,
		.serial_count = 1,
		.by = "ca",
		.now_s = 1500,
	};
	struct revocation_summary summary;

	make_record(&record, "a", number);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_assert_eq(summary.revoked, 1);
}

/* As no program does it: the revision stays. */
static void revoke_behind_its_back(void)
{
	run_foreign_sql(scratch.path, "UPDATE certificate SET revoked_at = 1500, reason = 1");
}

Test(recent_statuses, gives_what_was_read_as_long_as_the_revision_stands)
{
	cr_assert(is_good(1));
	revoke_behind_its_back();
	cr_assert(is_good(1), "it was not read again");
	cr_assert_not(is_good(2), "it was read the first time");
	cr_assert(is_good(1));
}

Test(recent_statuses, gives_nothing_of_a_revision_before_one_that_was_read)
{
	cr_assert(is_good(1));
	revoke(1);
	cr_assert(is_good(1), "the revision of before was read within the time");
	cr_assert(is_good(2), "which tells of the next one");
	cr_assert_not(is_good(1));
	cr_assert_not(is_good(1));
}

Test(recent_statuses, has_at_hand_what_it_gives_without_a_reading)
{
	int64_t before = -1;
	int64_t after = -1;

	cr_assert_not(is_at_hand(1, FIRST_ISSUER, &before));
	cr_assert(is_good(1));
	cr_assert(is_at_hand(1, FIRST_ISSUER, &before));
	cr_assert_not(is_at_hand(1, OTHER_ISSUER, &after));
	cr_assert_not(is_at_hand(2, FIRST_ISSUER, &after));
	revoke(1);
	cr_assert(is_good(2), "which tells of the next revision");
	cr_assert_not(is_at_hand(1, FIRST_ISSUER, &after));
	cr_assert_not(is_good(1));
	cr_assert(is_at_hand(1, FIRST_ISSUER, &after));
	cr_assert_gt(after, before);
	free_recent_statuses(&recent);
	OK(new_recent_statuses(0, &recent, &fault));
	cr_assert(is_good(2));
	cr_assert_not(is_at_hand(2, FIRST_ISSUER, &after), "without a time nothing is");
}

Test(recent_statuses, gives_nothing_after_its_time)
{
	free_recent_statuses(&recent);
	OK(new_recent_statuses(1, &recent, &fault));
	cr_assert(is_good(1));
	revoke(1);
	cr_assert_not(is_good(1));
}

Test(recent_statuses, reads_each_time_without_a_time)
{
	free_recent_statuses(&recent);
	OK(new_recent_statuses(0, &recent, &fault));
	cr_assert(is_good(1));
	revoke_behind_its_back();
	cr_assert_not(is_good(1));
}

Test(recent_statuses, does_not_keep_that_a_certificate_is_unknown)
{
	cr_assert_not(status_of(7, FIRST_ISSUER).found);
	insert_one(store, "a", 7);
	cr_assert(is_good(7));
}

Test(recent_statuses, tells_issuers_and_lengths_apart)
{
	static const uint8_t longer[SERIAL_MAX + 1] = {1};
	struct certificate_status status = {0};

	cr_assert(is_good(1));
	cr_assert_not(status_of(1, OTHER_ISSUER).found);
	cr_assert(is_good(1));
	OK(read_recent_status(recent, store, FIRST_ISSUER, (struct bytes){longer, sizeof(longer)},
			      &status, &fault));
	cr_assert_not(status.found);
	OK(read_recent_status(recent, store, FIRST_ISSUER, (struct bytes){0}, &status, &fault));
	cr_assert_not(status.found);
}
