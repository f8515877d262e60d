#include "common/ca/schema.h"

#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>

Test(schema, refuses_a_record_of_a_newer_version)
{
	struct store_place place;

	make_store_place(&place);
	run_foreign_sql(place.path, "PRAGMA user_version = 3");
	expect_store_refused(place.path, FAULT_FAILED,
			     "expected a record of version 2, found version 3");
	remove_store_place(&place);
}

Test(schema, refuses_a_record_without_its_tables)
{
	struct store_place place;

	make_store_place(&place);
	run_foreign_sql(place.path, "DROP TABLE certificate");
	expect_store_refused(place.path, FAULT_FAILED, "no such table");
	remove_store_place(&place);
}
