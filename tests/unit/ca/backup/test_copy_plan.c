#include "common/ca/backup/copy_plan.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <string.h>

static struct scratch_store scratch;
static struct store *store;
static struct copy_plan plan;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	clear_copy_plan(&plan);
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(copy_plan, .init = set_up, .fini = tear_down);

static int read_plan(struct copy_plan *ret_plan, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	return begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0
		       ? -1
		       : read_copy_plan(&transaction, ret_plan, fault);
}

static const struct table_plan *find_table(const char *name)
{
	for (size_t i = 0; i < plan.count; i++)
		if (strcmp(plan.tables[i].name, name) == 0)
			return &plan.tables[i];
	cr_assert_fail("no table %s", name);
	return NULL;
}

/* A column that was added by another program's hand. */
static void add_column_to(const char *sql)
{
	free_store(&store);
	run_foreign_sql(scratch.path, sql);
	store = open_scratch_store(&scratch);
}

Test(copy_plan, has_the_statements_for_each_table)
{
	const struct table_plan *spent;
	const struct table_plan *client;

	OK(read_plan(&plan, &fault));
	spent = find_table("spent_key");
	cr_expect_str_eq((const char *)spent->select.data, "SELECT key_sha256 FROM spent_key");
	cr_expect_str_eq((const char *)spent->empty.data, "DELETE FROM spent_key");
	cr_expect_eq(spent->table.column_count, 1);
	cr_expect_eq(spent->table.columns[0].kind, VALUE_OCTETS);
	cr_expect(!spent->one_row);
	client = find_table("client");
	for (size_t i = 0; i < client->table.column_count; i++) {
		if (strcmp(client->columns[i], "name") == 0)
			cr_expect_eq(client->table.columns[i].kind, VALUE_TEXT);
		if (strcmp(client->columns[i], "validity") == 0)
			cr_expect_eq(client->table.columns[i].kind, VALUE_NUMBER);
	}
}

/* In PostgreSQL its row is every writer's lock, which another process may hold. */
Test(copy_plan, changes_the_row_of_the_state_and_makes_none)
{
	const struct table_plan *state;
	size_t rows = 0;

	OK(read_plan(&plan, &fault));
	state = find_table("state");
	cr_expect(state->one_row);
	cr_expect_eq(strncmp((const char *)state->update.data, "UPDATE state SET ", 17), 0);
	cr_expect_not_null(strstr((const char *)state->update.data, " = ?1, "));
	for (size_t i = 0; i < plan.count; i++)
		rows += plan.tables[i].one_row;
	cr_expect_eq(rows, 1);
}

Test(copy_plan, is_the_same_for_records_with_the_same_columns_alone)
{
	CLEANUP(clear_copy_plan) struct copy_plan second = {0};
	CLEANUP(clear_copy_plan) struct copy_plan wider = {0};
	CLEANUP(clear_copy_plan) struct copy_plan longer = {0};

	OK(read_plan(&plan, &fault));
	OK(read_plan(&second, &fault));
	cr_expect(same_tables(&plan, &second));
	add_column_to("ALTER TABLE spent_key ADD COLUMN later INTEGER");
	OK(read_plan(&wider, &fault));
	cr_expect(!same_tables(&plan, &wider));
	cr_expect(!same_tables(&wider, &plan));
	add_column_to("ALTER TABLE spent_key DROP COLUMN later");
	add_column_to("CREATE TABLE zebra (stripes INTEGER)");
	OK(read_plan(&longer, &fault));
	cr_expect(!same_tables(&plan, &longer), "a table more");
	cr_expect(!same_tables(&longer, &plan), "a table less");
}

Test(copy_plan, refuses_a_column_that_it_cannot_copy)
{
	if (tests_postgresql())
		return;
	add_column_to("CREATE TABLE zebra (weight REAL)");
	REFUSED(read_plan(&plan, &fault), FAULT_FAILED,
		"zebra.weight: a column that this certpool cannot copy");
	cr_expect_eq(plan.count, 0);
}
