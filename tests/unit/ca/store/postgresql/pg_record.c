#include "tests/unit/ca/store/postgresql/pg_record.h"

#include <criterion/criterion.h>

void open_pg_record(struct scratch_store *scratch, struct store **ret_store)
{
	if (!tests_postgresql())
		return;
	make_scratch_store(scratch);
	*ret_store = open_scratch_store(scratch);
}

void close_pg_record(struct scratch_store *scratch, struct store **store)
{
	if (!tests_postgresql())
		return;
	free_store(store);
	remove_scratch_store(scratch);
}

void need_postgresql(void)
{
	if (!tests_postgresql())
		cr_skip_test("this runs beside tests/postgresql.sh");
}
