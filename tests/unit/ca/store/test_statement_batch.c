#include "common/ca/store/statement.h"
#include "common/crypto/digest.h"
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

TestSuite(statement_batch, .init = set_up, .fini = tear_down);

static void begin(enum transaction_mode mode, struct transaction *transaction)
{
	OK(begin_transaction(store, mode, transaction, &fault));
}

static const struct table client_table = {
	.name = "client",
	.conflict = "name",
	.column_count = 8,
	.columns = {{"name", VALUE_TEXT},
		    {"subject", VALUE_TEXT},
		    {"alt_names", VALUE_TEXT},
		    {"keys", VALUE_TEXT},
		    {"validity", VALUE_NUMBER},
		    {"certificates", VALUE_NUMBER},
		    {"requests_per_minute", VALUE_NUMBER},
		    {"by_hand", VALUE_NUMBER}},
};

enum { CLIENT_VALUES = 8 };

static void fill_client(struct value *row, const char *name)
{
	row[0] = text_value(name);
	for (size_t i = 1; i < 4; i++)
		row[i] = text_value("");
	for (size_t i = 4; i < CLIENT_VALUES; i++)
		row[i] = number_value(1);
}

Test(statement_batch, inserts_a_batch_without_the_rows_that_are_there)
{
	static const char count_clients[] = "SELECT COUNT(*) FROM client";
	static const char *const names[] = {"b", "a", "b", "c", "a"};
	static const bool expected[] = {true, false, false, true, false};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct value values[COUNT_OF(names) * CLIENT_VALUES];
	bool inserted[COUNT_OF(names)] = {false};
	int64_t count;

	begin(TRANSACTION_WRITE, &transaction);
	fill_client(values, "a");
	OK(insert_rows(&transaction, &client_table, values, 1, inserted, &fault));
	cr_expect(inserted[0]);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		fill_client(values + i * CLIENT_VALUES, names[i]);
	OK(insert_rows(&transaction, &client_table, values, COUNT_OF(names), inserted, &fault));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		cr_expect_eq(inserted[i], expected[i], "row %zu", i);
	OK(insert_rows(&transaction, &client_table, NULL, 0, NULL, &fault));
	OK(query_number(&transaction, count_clients, NO_VALUES, &count, &fault));
	cr_expect_eq(count, 3);
}

Test(statement_batch, refuses_a_batch_with_a_row_that_the_table_refuses)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct value values[2 * CLIENT_VALUES];
	bool inserted[2];

	begin(TRANSACTION_WRITE, &transaction);
	fill_client(values, "a");
	fill_client(values + CLIENT_VALUES, "b");
	values[CLIENT_VALUES + 1] = no_value();
	REFUSED(insert_rows(&transaction, &client_table, values, 2, inserted, &fault), FAULT_FAILED,
		scratch.name);
}

Test(statement_batch, finds_which_keys_are_there)
{
	static const struct table spent_keys = {.name = "spent_key",
						.conflict = "key_sha256",
						.column_count = 1,
						.columns = {{"key_sha256", VALUE_OCTETS}}};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	uint8_t digests[3][SHA256_LEN] = {{1}, {2}, {3}};
	struct value keys[3];
	bool present[3] = {true, false, true};
	const struct lookup lookup = {.sql = "SELECT 1 FROM spent_key WHERE key_sha256 = ?1",
				      .kind = VALUE_OCTETS,
				      .values = {keys, 3},
				      .ret_found = present};
	const struct lookup empty = {.sql = lookup.sql, .kind = VALUE_OCTETS};

	begin(TRANSACTION_WRITE, &transaction);
	for (size_t i = 0; i < 3; i++)
		keys[i] = octets_value(digests[i], SHA256_LEN);
	OK(insert_rows(&transaction, &spent_keys, &keys[1], 1, present, &fault));
	OK(look_up(&transaction, &lookup, 1, &fault));
	cr_expect_not(present[0]);
	cr_expect(present[1]);
	cr_expect_not(present[2]);
	OK(look_up(&transaction, &empty, 1, &fault));
}

Test(statement_batch, looks_up_numbers_of_several_tables_at_once)
{
	static const char *const names[] = {"b", "none", "a"};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct value rows[2 * CLIENT_VALUES];
	struct value keys[3];
	bool inserted[2];
	bool found[3];
	bool any[3];
	int64_t counts[3];
	int64_t numbers[3][2];
	const struct lookup lookups[] = {
		{.sql = "SELECT COUNT(*) FROM client WHERE name = ?1 AND validity < ?2",
		 .kind = VALUE_TEXT,
		 .values = {keys, 3},
		 .more = VALUES(number_value(8)),
		 .column_count = 1,
		 .ret_found = any,
		 .ret_numbers = counts},
		{.sql = "SELECT validity, certificates FROM client WHERE name = ?1",
		 .kind = VALUE_TEXT,
		 .values = {keys, 3},
		 .column_count = 2,
		 .ret_found = found,
		 .ret_numbers = numbers[0]}};

	begin(TRANSACTION_WRITE, &transaction);
	fill_client(rows, "a");
	fill_client(rows + CLIENT_VALUES, "b");
	rows[4] = number_value(7);
	rows[CLIENT_VALUES + 4] = number_value(8);
	OK(insert_rows(&transaction, &client_table, rows, 2, inserted, &fault));
	for (size_t i = 0; i < 3; i++)
		keys[i] = text_value(names[i]);
	OK(look_up(&transaction, lookups, 2, &fault));
	cr_expect(any[0] && any[1] && any[2], "a count is there of nothing, too");
	cr_expect(counts[0] == 0 && counts[1] == 0 && counts[2] == 1);
	cr_expect(found[0] && !found[1] && found[2]);
	cr_expect(numbers[0][0] == 8 && numbers[0][1] == 1 && numbers[2][0] == 7);
}
