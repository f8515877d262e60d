#include "common/ca/shared/lease.h"

#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>

/* Two front ends on one record. */
static struct scratch_store scratch;
static struct store *stores[2];

static void set_up(void)
{
	make_scratch_store(&scratch);
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

TestSuite(lease, .init = set_up, .fini = tear_down);

static bool take(int front_end, struct lease *ret_lease)
{
	bool taken = false;

	OK(take_lease(stores[front_end], CRL_LEASE, CRL_LEASE_S, ret_lease, &taken, &fault));
	return taken;
}

/* As a process would that holds the lease, or believes so. */
static int spend(int front_end, const struct lease *lease, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(stores[front_end], TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    spend_lease(&transaction, lease, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

Test(lease, is_of_one_front_end_at_a_time)
{
	struct lease first;
	struct lease second;
	int64_t holder = 7;

	cr_expect(take(0, &first));
	cr_expect_not(take(1, &second), "another has it");
	OK(read_lease_holder(stores[1], CRL_LEASE, &holder, &fault));
	cr_expect_eq(holder, 1);
	OK(spend(0, &first, &fault));
	OK(read_lease_holder(stores[1], CRL_LEASE, &holder, &fault));
	cr_expect_eq(holder, 0);
	cr_expect(take(1, &second), "its work is done");
	cr_expect_gt(second.token, first.token);
}

Test(lease, of_a_process_that_hung_changes_nothing)
{
	struct lease first;
	struct lease second;

	cr_expect(take(0, &first));
	run_foreign_sql(scratch.path, "UPDATE lease SET ends_at = ends_at - 1000");
	REFUSED(spend(0, &first, &fault), FAULT_BUSY, "ended before its work was done");
	cr_expect(take(1, &second));
	REFUSED(spend(0, &first, &fault), FAULT_BUSY, "ended before its work was done");
	OK(spend(1, &second, &fault));
}

Test(lease, of_a_clock_that_went_back_ends)
{
	struct lease first;
	struct lease second;

	cr_expect(take(0, &first));
	run_foreign_sql(scratch.path, "UPDATE lease SET ends_at = ends_at + 1000");
	cr_expect(take(1, &second));
	REFUSED(spend(0, &first, &fault), FAULT_BUSY, "ended before its work was done");
}

Test(lease, that_is_dropped_is_free_at_once)
{
	struct lease lease;

	cr_expect(take(0, &lease));
	drop_lease(stores[0], &lease);
	cr_expect(take(1, &lease));
}
