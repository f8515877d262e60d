#include "common/ca/store/crl_state.h"

#include "common/ca/store/issuers.h"

#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>

static struct scratch_store scratch;
static struct store *store;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(crl_state, .init = set_up, .fini = tear_down);

static void record_one(const struct crl_state *state)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(record_crl(&transaction, state, "", 1000, &fault));
	OK(commit_transaction(&transaction, &fault));
}

Test(crl_state, is_used_like_this)
{
	struct crl_state state;
	uint64_t number;

	OK(read_crl_state(store, FIRST_ISSUER, &state, &fault));
	cr_expect_eq(state.crl_revision, -1, "there is no CRL yet");
	OK(reserve_crl_number(store, &number, &fault));
	/* Here the CRL is made from what list_revoked lists, and written. */
	state.current_number = number;
	state.crl_revision = state.revision;
	state.this_update_s = 1000;
	state.next_update_s = 2000;
	record_one(&state);
	OK(read_crl_state(store, FIRST_ISSUER, &state, &fault));
	cr_expect_eq(state.current_number, number);
	cr_expect_eq(state.next_update_s, 2000);
}

Test(crl_state, gives_out_every_number_once)
{
	uint64_t number = 0;

	for (uint64_t expected = 1; expected <= 3; expected++) {
		free_store(&store);
		store = open_scratch_store(&scratch);
		OK(reserve_crl_number(store, &number, &fault));
		cr_expect_eq(number, expected);
	}
}

Test(crl_state, is_damage_when_it_is_not_there)
{
	struct crl_state state;

	run_foreign_sql(scratch.path, "DELETE FROM state");
	REFUSED(read_crl_state(store, FIRST_ISSUER, &state, &fault), FAULT_FAILED,
		"ca.db: the CA's record is damaged: expected a row");
}

Test(crl_state, leaves_out_of_a_crl_what_ended_before_two_of_them)
{
	static const struct {
		int64_t this_update_s;
		int64_t validity_s;
		int64_t now_s;
		int64_t cut_s;
	} rows[] = {
		{0, 100, 1000, 0},      /* no CRL before: nothing is left out */
		{950, 100, 1000, 900},  /* a validity ago */
		{500, 100, 1000, 500},  /* the current CRL is older than that */
		{2000, 100, 1000, 900}, /* the clock was set back */
		{900, 100, 1000, 900},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct crl_state before = {.this_update_s = rows[i].this_update_s};

		cr_expect_eq(choose_crl_cut(&before, rows[i].validity_s, rows[i].now_s),
			     rows[i].cut_s, "row %zu", i);
	}
}
