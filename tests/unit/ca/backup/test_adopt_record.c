#include "common/ca/backup/adopt_record.h"

#include "common/ca/store/audit.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

static struct scratch_store scratch;
static struct adoption adoption;

static void set_up(void)
{
	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 40);
	adoption =
		(struct adoption){.location = scratch.path, .name = "b.tar", .now_s = 1790000000};
}

static void tear_down(void)
{
	remove_scratch_store(&scratch);
}

TestSuite(adopt_record, .init = set_up, .fini = tear_down);

/* catalogue 60: no page is believed because the others are right */
Test(adopt_record, refuses_a_record_with_a_damaged_page)
{
	int record = open(scratch.path, O_RDWR | O_CLOEXEC);
	const off_t size = lseek(record, 0, SEEK_END);

	cr_assert_eq(pwrite(record, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, size - 4096), 8);
	(void)close(record);
	REFUSED(adopt_record(&adoption, &fault), FAULT_FAILED, "ca.db: the CA's record is damaged");
}

/* catalogue 97: whatever was published since the backup, the next number is higher */
Test(adopt_record, raises_the_number_of_the_crl_to_the_time)
{
	struct adopted_record record = {0};

	OK(adopt_record(&adoption, &fault));
	OK(describe_record(&adoption, &record, &fault));
	cr_expect_geq(record.crl_number, 1790000000);
	cr_expect_eq(record.certificates, 40);
	cr_expect_eq(record.revoked, 0);
}

Test(adopt_record, never_lowers_the_number_of_the_crl)
{
	struct adopted_record record = {0};

	run_foreign_sql(scratch.path, "UPDATE state SET crl_number = 1800000000");
	OK(adopt_record(&adoption, &fault));
	OK(describe_record(&adoption, &record, &fault));
	cr_expect_geq(record.crl_number, 1800000000);
}

/* Whoever may write to the database chooses its numbers. */
Test(adopt_record, looks_at_no_issuer_below_the_first)
{
	const struct adopted_issuers issuers = {0};

	adoption.issuers = &issuers;
	run_foreign_sql(scratch.path, "INSERT INTO issuer (id, key_sha256, not_after, der)"
				      " VALUES (0, zeroblob(32), 1, x'00')");
	OK(check_adopted_issuers(&adoption, &fault));
}

/* The record must be complete in its one file: that alone gets a name. */
Test(adopt_record, leaves_nothing_outside_the_file)
{
	OK(adopt_record(&adoption, &fault));
	cr_expect_eq(access(scratch.log, F_OK), -1);
	expect_integrity(scratch.path);
}
