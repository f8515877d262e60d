#include "common/ca/store/crl_state.h"

#include "common/ca/store/issuers.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>

static int count_entry(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		       int reason, struct fault *fault)
{
	size_t *count = context;

	(void)serial;
	(void)fault;
	cr_expect_eq(revoked_at_s, 1500);
	cr_expect_eq(reason, 1);
	++*count;
	return 0;
}

/* RFC 5280 section 3.3: an entry stays on CRLs until the certificate has expired. Certificates of
   make_record expire after second 2000. */
Test(list_revoked, lists_a_certificate_to_its_last_second)
{
	static const struct {
		int64_t ends_from_s;
		size_t count;
	} rows[] = {{1999, 3}, {2000, 3}, {2001, 0}};
	struct scratch_store scratch;
	struct store *store;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 3);
	run_foreign_sql(scratch.path, "UPDATE certificate SET revoked_at = 1500, reason = 1");
	store = open_scratch_store(&scratch);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t revision;
		size_t count = 0;

		OK(list_revoked(store, FIRST_ISSUER, rows[i].ends_from_s, count_entry, &count,
				&revision, &fault));
		cr_expect_eq(count, rows[i].count, "row %zu", i);
	}
	free_store(&store);
	remove_scratch_store(&scratch);
}
