#include "common/ca/check/checks.h"

#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>

Test(check_log, misses_a_certificate_that_the_log_has)
{
	expect_found("DELETE FROM certificate WHERE id = 2",
		     "expected in the record, as the audit log has it, found none");
}

Test(check_log, misses_a_revocation_that_the_log_has)
{
	expect_found("UPDATE certificate SET revoked_at = NULL, reason = NULL",
		     "expected it revoked, as the audit log has it");
}
